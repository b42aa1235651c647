"""Builds by a cluster: the same rows, and the same ids, as DuckDB's.

Needs a server of Spark Connect and its client, so that pytest does not find this file by itself: `.ci/run` runs it.
"""

import json
import os
import random
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import fields
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from app.config import Settings
from app.demo.generated import GENERATED_DATE
from app.demo.generated.extracts import write_generated_extract
from app.messages import Language
from app.snapshots.build import build_snapshot
from app.snapshots.engines import Engine, EngineUnavailable, open_engine
from app.snapshots.extract import extract
from app.snapshots.facts import Facts, StoredRows, compute_facts
from app.snapshots.merging import Source
from app.snapshots.shared_extracts import find_extracts, write_extract
from app.snapshots.storage import open_storage
from tests.clusters.server import TOKEN, idle_server, sail, spark_server, with_object_store
from tests.factories.demonstration import Demonstration
from tests.factories.loading import fill
from tests.factories.registries import dated_registries
from tests.factories.several_registries import ZHEJIANG, Registries, quiet
from tests.factories.worked_example import AS_OF, worked_example
from tests.lengths import at_length, same_examples
from tests.reference.registry import Registry
from tests.replicas.seaweed import SeaweedFS
from tests.spec.test_several_registries import split

ON_SPARK = "ORGCOVERAGE_TEST_SPARK_HOME" in os.environ or "ORGCOVERAGE_TEST_SPARK_REMOTE" in os.environ
EXAMPLES = 6
BUILDS = at_length(30, 3) if ON_SPARK else 3
MISSING = (
    ("it cannot read the extracts", "集群读不到数据包")
    if ON_SPARK
    else ("it lacks a table or column", "集群缺少表或列")  # Sail takes it for a folder without files
)


@pytest.fixture(scope="module")
def remote(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the address of a server of Spark Connect; its client is loaded, which raises Python's limit of recursion."""
    with spark_server() as address:
        settings = Settings(build_engine="spark", spark_remote=address)
        with open_engine(settings, tmp_path_factory.mktemp("loaded")) as engine:
            assert engine.answer("SELECT 1 AS one").to_pylist() == [{"one": 1}]
        yield address


@pytest.fixture(scope="module")
def idle() -> Iterator[str]:
    """Give the address of a server that asks for a token and has no workers."""
    with idle_server() as address:
        yield address


def failure(
    remote: str, folder: Path, ask: Callable[[Any], object], language: Language = "en", token: str | None = None
) -> str:
    """What is said of a cluster where something is asked of it that cannot be answered."""
    settings = Settings(build_engine="spark", spark_remote=remote)
    if token is not None:
        (folder / "token").write_text(f"{token}\n")
        settings = settings.model_copy(update={"spark_token_file": folder / "token"})
    with pytest.raises(EngineUnavailable) as raised, open_engine(settings, folder) as engine:
        ask(engine)
    return raised.value.detail.said(language)


def test_what_listens_but_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("app.snapshots.engines._ANSWER_SECONDS", 1)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        address = f"127.0.0.1:{mute.getsockname()[1]}"
        said = failure(f"sc://{address}/;user_id=secret", tmp_path, lambda _: None)
    assert said == f"The cluster at {address} (ORGCOVERAGE_SPARK_REMOTE) cannot be used: no answer within 1 s."


@pytest.mark.parametrize(
    ("text", "english", "chinese"),
    [
        ("SELECT ref FROM nowhere", "it lacks a table or column", "集群缺少表或列"),
        ("SELECT code FROM missing", *MISSING),
        ("SELECT * FROM damaged", "it cannot read the extracts", "集群读不到数据包"),
        ("SELECT CAST('m1' AS INT) AS ref", "it failed (NumberFormatException", "集群出错"),
        ("SELECT CAST(ref AS INT) AS ref FROM member", "it failed (", "集群出错"),
    ],
)
def test_the_cause_is_told_without_data_when_a_cluster_fails(
    remote: str, tmp_path: Path, capfd: pytest.CaptureFixture[str], text: str, english: str, chinese: str
) -> None:
    (tmp_path / "damaged.parquet").write_bytes(b"m1")
    pq.write_table(pa.table({"ref": ["m1"]}), tmp_path / "member.parquet")

    def ask(engine: Engine) -> None:
        for name in ("missing", "damaged", "member"):
            if name in text:
                engine.read(name, [(tmp_path / f"{name}.parquet").as_uri()])
        engine.answer(text)

    said = failure(remote, tmp_path, ask)
    assert english in said
    assert "m1" not in said
    assert chinese in failure(remote, tmp_path, ask, "zh")
    assert "m1" not in "".join(capfd.readouterr())


@pytest.mark.parametrize(
    ("token", "english", "chinese"),
    [
        (None, "it asks for a token (ORGCOVERAGE_SPARK_TOKEN_FILE)", "集群要求出示令牌"),
        ("wrong-token", "it refuses the token", "集群不认令牌"),
        ("wrong\ntoken", "it refuses the token", "集群不认令牌"),
    ],
)
def test_a_token_is_named_but_never_shown_when_it_is_refused(
    idle: str, tmp_path: Path, capfd: pytest.CaptureFixture[str], token: str | None, english: str, chinese: str
) -> None:
    told = failure(idle, tmp_path, lambda _: None, token=token), failure(idle, tmp_path, lambda _: None, "zh", token)
    assert english in told[0]
    assert chinese in told[1]
    for text in (*told, *capfd.readouterr()):
        assert "wrong" not in text


def test_a_token_is_sent_by_tls_alone_when_the_cluster_is_elsewhere(idle: str, tmp_path: Path) -> None:
    said = failure(idle.replace("localhost", "127.0.0.1"), tmp_path, lambda _: None, token=TOKEN)
    assert "TLS with it fails, which a token needs (" in said


def test_a_cluster_is_told_of_and_given_up_when_no_executor_works(
    idle: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("app.snapshots.engines._IDLE_SECONDS", 1)
    monkeypatch.setattr("app.snapshots.engines._GIVEN_UP_SECONDS", 5)
    with capture_logs() as logs:
        said = failure(idle, tmp_path, lambda engine: engine.keep("one", "SELECT id FROM range(9)"), token=TOKEN)
    assert "no executor was at work on a query" in said
    assert [(line["event"], line["log_level"]) for line in logs] == [("cluster idle", "warning")]


def test_an_expired_session_is_told(remote: str, tmp_path: Path) -> None:
    def ask(engine: Any) -> None:
        engine._session.client.release_session()  # as a server does after an hour
        engine.answer("SELECT 1 AS one")

    assert "its session has expired, or it began anew (" in failure(remote, tmp_path, ask)


def test_a_cluster_that_is_killed_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("app.snapshots.engines._RETRIES", 1)
    with ExitStack() as running:
        remote = running.enter_context(sail())

        def ask(engine: Engine) -> None:
            running.close()
            engine.answer("SELECT 1 AS one")

        assert "the connection broke off (" in failure(remote, tmp_path, ask)


def rows_of(facts: Facts) -> dict[str, list[str]]:
    """The rows of each table of facts, in one order, numbers of whatever width alike."""
    tables = {field.name: getattr(facts, field.name) for field in fields(facts) if field.name != "parameters"}
    return {name: sorted(map(repr, _table(rows).to_pylist())) for name, rows in tables.items()}


def _table(rows: Any) -> pa.Table:
    return pq.read_table(rows.path) if isinstance(rows, StoredRows) else rows


def facts_of(url: str, as_of: date, settings: Settings) -> dict[str, list[str]]:
    with tempfile.TemporaryDirectory() as name:
        inputs, computed = Path(name, "inputs"), Path(name, "computed")
        inputs.mkdir()
        computed.mkdir()
        return rows_of(compute_facts(computed, [Source(extract(url, inputs, lambda _done: None))], settings, as_of))


def same_on_both(url: str, as_of: date, remote: str) -> dict[str, list[str]]:
    here = facts_of(url, as_of, Settings())
    there = facts_of(url, as_of, Settings(build_engine="spark", spark_remote=remote))
    for name, rows in here.items():
        assert there[name] == rows, name
    return here


def test_rows_are_the_same_when_the_registry_is_the_worked_example(remote: str, migrated_sqlite_url: str) -> None:
    fill(migrated_sqlite_url, worked_example())
    assert len(same_on_both(migrated_sqlite_url, AS_OF, remote)["enterprises"]) == 3


def test_rows_are_the_same_when_registries_are_random(remote: str, migrated_sqlite_url: str) -> None:
    seen = dict[str, int]()

    @same_examples(EXAMPLES)
    @given(dated_registries())
    def compare(drawn: tuple[Registry, date]) -> None:
        fill(migrated_sqlite_url, drawn[0])
        for name, rows in same_on_both(migrated_sqlite_url, drawn[1], remote).items():
            seen[name] = seen.get(name, 0) + len(rows)

    compare()
    assert all(seen.values()), seen


def test_ids_are_the_same_when_random_registries_are_dealt_out(remote: str, migrated_sqlite_url: str) -> None:
    named = {"build_engine": "spark", "spark_remote": remote}
    ids = set[str]()

    @same_examples(BUILDS)
    @given(dated_registries(), st.integers(1, 3), st.integers(0, 2**32))
    def compare(drawn: tuple[Registry, date], parts: int, seed: int) -> None:
        registry, as_of = drawn
        with tempfile.TemporaryDirectory() as folder:
            registries = Registries(migrated_sqlite_url, Path(folder))
            whole = registries.build_whole(registry, as_of)
            dealt = split(registry, parts, random.Random(seed))
            urls = [registries.extract(f"{number}", part) for number, part in enumerate(dealt)]
            (registries.settings.data_dir / "nation").mkdir()
            shutil.copy(registries.settings.rounding_key_path, registries.settings.data_dir / "nation")
            registries.settings = registries.settings.model_copy(update=named)
            built = registries.build(urls, as_of)
            assert (built.id, built.public_id) == (whole.id, whole.public_id)
            ids.add(built.id)

    compare()
    assert len(ids) > 1


def test_ids_are_the_same_when_the_demonstration_is_built_again(
    remote: str, demonstration: Demonstration, tmp_path: Path
) -> None:
    settings = demonstration.copy(
        tmp_path / "data", dates=(), anonymous="public", build_engine="spark", spark_remote=remote,
        spark_folder=str(tmp_path / "shared"),
    )  # fmt: skip
    (tmp_path / "shared").mkdir()
    built = build_snapshot(settings, AS_OF, lambda *_: None)
    for tier, snapshot in (("exact", built.id), ("public", built.public_id)):
        assert snapshot in {path.name for path in (demonstration.folder / "snapshots" / tier).iterdir()}
    assert list((tmp_path / "shared").iterdir()) == []


def test_what_a_killed_build_left_goes_with_the_next_one(remote: str, migrated_sqlite_url: str, tmp_path: Path) -> None:
    registries = Registries(migrated_sqlite_url, tmp_path)
    shared = tmp_path / "shared"
    (shared / "build-of-others").mkdir(parents=True)
    named = {"build_engine": "spark", "spark_remote": remote, "spark_folder": str(shared)}
    urls = [registries.extract(name, ZHEJIANG) for name in ("one", "two")]
    whole = registries.build(urls)
    registries.settings = registries.settings.model_copy(update=named)
    snapshots = tmp_path / "nation" / "snapshots"
    (snapshots / ".place").write_text("nation")
    (shared / "build-nation" / "killed" / "every_member").mkdir(parents=True)
    (shared / "build-nation" / "killed" / "every_member" / "part.parquet").write_bytes(b"refs")
    assert registries.build(urls).id == whole.id
    assert [path.name for path in shared.iterdir()] == ["build-of-others"]


def test_ids_are_the_same_when_a_generated_registry_is_read_from_its_extract(remote: str, tmp_path: Path) -> None:
    write_generated_extract(tmp_path / "extract", at_length(20_000, 500))
    here = Settings(data_dir=tmp_path / "here", anonymous="public")
    there = here.model_copy(update={"build_engine": "spark", "spark_remote": remote})
    shutil.copytree(tmp_path / "extract", tmp_path / "copy")
    extracts = find_extracts(here, [str(tmp_path / "extract"), (tmp_path / "copy").as_uri()])
    built = [
        build_snapshot(settings, GENERATED_DATE, lambda *_: None, named)
        for settings in (here, there)
        for named in (extracts[:1], extracts)
    ]
    assert len({one.id for one in built}) == 1
    assert len({one.public_id for one in built} - {None}) == 1


def test_a_cluster_reads_extracts_and_writes_facts_when_both_lie_in_an_object_store(
    migrated_sqlite_url: str, seaweed: SeaweedFS, tmp_path: Path
) -> None:
    with with_object_store(json.loads(seaweed.credentials("writer").read_bytes())) as remote:
        named = {"build_engine": "spark", "spark_remote": remote, "spark_folder": "s3://exact/builds"}
        registries = Registries(migrated_sqlite_url, tmp_path)
        whole = registries.build_whole(ZHEJIANG, AS_OF)
        opened = named | {"extract_credentials_file": seaweed.credentials("writer")}
        registries.settings = registries.settings.model_copy(update=opened)
        urls = ["s3://exact/extracts/a", "s3://exact/extracts/b"]
        for url in urls:
            write_extract(registries.settings, url, quiet)
        assert registries.build(urls).id == whole.id
        assert not open_storage("s3://exact", seaweed.credentials("writer")).holds("builds")
