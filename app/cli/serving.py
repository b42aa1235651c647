"""`serve`: the HTTP service."""

import errno
import os
import socket
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from ipaddress import ip_address
from typing import Annotated, Any

import typer

from app.cli.registry import RegistryMissing, require
from app.config import Settings


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on.")] = 8000,
    workers: Annotated[int, typer.Option(min=1, help="Processes that answer.")] = 1,
    *,
    public_only: Annotated[
        bool,
        typer.Option("--public-only", help="Serve protected figures alone, from `snapshots/public`."),
    ] = False,
    i_know: Annotated[
        bool, typer.Option("--i-know", help="Serve exact figures to everybody on an address that is not loopback.")
    ] = False,
) -> None:
    """Serve the API: protected figures to everybody unless ORGCOVERAGE_ANONYMOUS says otherwise, exact ones to keys."""
    if public_only:
        os.environ["ORGCOVERAGE_PUBLIC_ONLY"] = "true"
    if Settings().answered_without_key == "exact" and not i_know and not is_loopback(host):
        message = f"{host} is not a loopback address, and exact figures need no key here; say --i-know if that is meant"
        raise typer.BadParameter(message, param_hint="--host")
    _tell_missing_registry(Settings())
    run(host, port, workers)


def _tell_missing_registry(settings: Settings) -> None:
    """Warn where there is no registry: statistics do without, and so it is no reason to stop."""
    if not settings.public_only:
        try:
            require(settings)
        except RegistryMissing as missing:
            typer.echo(f"{missing.title}: {missing.detail}", err=True)


def is_loopback(host: str) -> bool:
    """Whether an address reaches this machine alone."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def run(host: str, port: int, workers: int) -> None:
    """Run the server until it is told to stop."""
    refuse_taken(host, port)
    import uvicorn  # noqa: PLC0415 - loaded when it runs

    uvicorn.run(workers=workers, **_options(host, port))


def refuse_taken(host: str, port: int) -> None:
    """Refuse a port where nothing can listen, before anything is begun.

    Raises
    ------
    BadParameter
        Another process listens there, or the address is not this machine's.
    """
    try:
        with socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET):
            pass
    except OSError as error:
        in_use = error.errno == errno.EADDRINUSE
        why = "is in use: another service still running there?" if in_use else f"cannot be had: {error.strerror}."
        message = f"{host}:{port} {why} --port names another."
        raise typer.BadParameter(message, param_hint="--port") from error


def run_while(work: Callable[[], None], host: str, port: int) -> None:
    """Run the server, one worker, while some work is done beside it; go on after it, or stop where it fails.

    Raises
    ------
    Exception
        Whatever the work raised.
    """
    import uvicorn  # noqa: PLC0415 - loaded when it runs

    server = uvicorn.Server(uvicorn.Config(**_options(host, port)))

    def stop_if_failed(done: Future[None]) -> None:
        server.should_exit = server.should_exit or done.exception() is not None

    with ThreadPoolExecutor(1) as pool:
        working = pool.submit(work)
        working.add_done_callback(stop_if_failed)
        with suppress(KeyboardInterrupt):  # comes when all answers under way are finished
            server.run()
    working.result()


def _options(host: str, port: int) -> dict[str, Any]:
    Settings()  # wrong settings are told here, and not once by each worker
    return {
        "app": "app.asgi:app",
        "host": host,
        "port": port,
        "loop": "uvloop",
        "http": "app.api.http.protocol:ProblemProtocol",
        "access_log": False,
        "log_config": None,
        "timeout_graceful_shutdown": 20,
        "server_header": False,
    }
