"""A server of Spark Connect for tests: Sail, in a process of its own, or Apache Spark where its folder is named.

`ORGCOVERAGE_TEST_SPARK_HOME` names a folder of Apache Spark 4 (that of the package `pyspark` will do; Java 17 besides):
then a master and two workers run on loopback. `ORGCOVERAGE_TEST_SPARK_JARS` are its jars of S3A besides, one after the
other as in a class path: `hadoop-aws` and the SDK of its version. `ORGCOVERAGE_TEST_SPARK_REMOTE` names a server that
runs already.
"""

import os
import socket
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

HOME = os.environ.get("ORGCOVERAGE_TEST_SPARK_HOME")
JARS = os.environ.get("ORGCOVERAGE_TEST_SPARK_JARS")
TOKEN = "right-token"

_SAIL = """
import sys
from pysail.spark import SparkConnectServer

server = SparkConnectServer("127.0.0.1", 0)
server.start(background=True)
print(server.listening_address[1], flush=True)
sys.stdin.read()
server.stop()
"""

_SPARK_SECONDS = 120
_QUICK = "-XX:TieredStopAtLevel=1"
"""Compiles quickly rather than well: tests are over before the other pays."""


@contextmanager
def spark_server() -> Iterator[str]:
    """Give the address of a server."""
    if remote := os.environ.get("ORGCOVERAGE_TEST_SPARK_REMOTE"):
        yield remote
    elif HOME is not None:
        with _apache_spark(Path(HOME)) as port:
            yield f"sc://127.0.0.1:{port}"
    else:
        with sail() as address:
            yield address


@contextmanager
def with_object_store(keys: Mapping[str, str]) -> Iterator[str]:
    """Give the address of a server that opens an object store: of Sail, or of Apache Spark if its jars are named."""
    if HOME is not None and JARS is not None:
        with _apache_spark(Path(HOME), *_s3a(keys)) as port:
            yield f"sc://127.0.0.1:{port}"
    else:
        opened = {
            "AWS_ACCESS_KEY_ID": keys["access_key_id"], "AWS_SECRET_ACCESS_KEY": keys["secret_access_key"],
            "AWS_ENDPOINT": keys["endpoint"], "AWS_REGION": keys.get("region", "any"), "AWS_ALLOW_HTTP": "true",
        }  # fmt: skip
        with sail(**opened) as address:
            yield address


def _s3a(keys: Mapping[str, str]) -> list[str]:
    """Options of Apache Spark for an object store; times without units, which older versions of S3A do not know."""
    s3a = {
        "access.key": keys["access_key_id"], "secret.key": keys["secret_access_key"], "endpoint": keys["endpoint"],
        "endpoint.region": "any", "path.style.access": "true", "connection.ssl.enabled": "false",
        "aws.credentials.provider": "org.apache.hadoop.fs.s3a.SimpleAWSCredentialsProvider",
        "threads.keepalivetime": "60", "connection.establish.timeout": "30000", "connection.timeout": "200000",
        "connection.request.timeout": "0", "connection.ttl": "300000", "multipart.purge.age": "86400",
    }  # fmt: skip
    options = [f"spark.hadoop.fs.s3a.{name}={value}" for name, value in s3a.items()]
    options += ["spark.hadoop.fs.s3.impl=org.apache.hadoop.fs.s3a.S3AFileSystem"]
    options += [f"spark.{where}.extraClassPath={JARS}" for where in ("driver", "executor")]
    return options


@contextmanager
def idle_server() -> Iterator[str]:
    """Give the address of a server that asks for a token and has no workers: Apache Spark, or what behaves so."""
    if HOME is not None:
        with _apache_spark(Path(HOME), f"spark.connect.authenticate.token={TOKEN}", workers=0) as port:
            yield f"sc://localhost:{port}"
    else:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the client, as the service does
            from tests.clusters.idle import idle  # noqa: PLC0415 - loads the client
        with idle(TOKEN) as port:
            yield f"sc://localhost:{port}"


@contextmanager
def sail(**environment: str) -> Iterator[str]:
    """Give the address of a server of Sail, in a process of its own with these variables besides."""
    command = [sys.executable, "-W", "ignore", "-c", _SAIL]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True, env={**os.environ, **environment}
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield f"sc://127.0.0.1:{int(process.stdout.readline())}"
        process.stdin.close()


@contextmanager
def _apache_spark(home: Path, *options: str, workers: int = 2) -> Iterator[int]:
    """Run a master, workers and the server of Spark Connect over loopback."""
    master, port = _free_port(), _free_port()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:

        def run(*arguments: str) -> None:
            process = stack.enter_context(_java(home, Path(folder), arguments))
            stack.callback(process.terminate)

        run("org.apache.spark.deploy.master.Master", "--host", "127.0.0.1", "--port", str(master), "--webui-port", "0")
        _wait(master)
        for _ in range(workers):
            address = f"spark://127.0.0.1:{master}"
            run("org.apache.spark.deploy.worker.Worker", "--cores", "1", "--memory", "1g", "--webui-port", "0", address)
        run(
            "org.apache.spark.deploy.SparkSubmit",
            "--master", f"spark://127.0.0.1:{master}",
            "--conf", f"spark.connect.grpc.binding.port={port}",
            "--conf", "spark.ui.enabled=false",
            "--conf", "spark.sql.shuffle.partitions=2",
            "--conf", "spark.locality.wait=0",
            "--conf", f"spark.driver.extraJavaOptions={_QUICK}",
            "--conf", f"spark.executor.extraJavaOptions={_QUICK}",
            *(word for option in options for word in ("--conf", option)),
            "--class", "org.apache.spark.sql.connect.service.SparkConnectServer",
            "spark-internal",
        )  # fmt: skip
        _wait(port)
        yield port


def _java(home: Path, folder: Path, arguments: Sequence[str]) -> "subprocess.Popen[bytes]":
    named = {"SPARK_HOME": str(home), "SPARK_LOCAL_IP": "127.0.0.1", "SPARK_LOCAL_DIRS": str(folder)}
    command = [str(home / "bin" / "spark-class"), *arguments]
    quiet = subprocess.DEVNULL
    return subprocess.Popen(command, cwd=folder, env={**os.environ, **named}, stdout=quiet, stderr=quiet)


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _wait(port: int) -> None:
    until = time.monotonic() + _SPARK_SECONDS
    while time.monotonic() < until:
        with socket.socket() as asked:
            if asked.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.2)
    raise TimeoutError(f"nothing listens on port {port}")
