"""What an operator is told: metrics of jobs, snapshots, database and returns, alerts on them, and a line per job."""

import re
import signal
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient
from structlog.testing import capture_logs

from app.access.keys import NewKey, make_key
from app.access.principals import Right
from app.config import Settings
from app.database.engines import make_sync_engine
from app.database.write_lock import write_lock_sync
from app.jobs.records import BuildRequest, new_record, write_record
from app.main import create_app
from tests.api.dashboards import COMPOSE
from tests.api.test_imports_api import ENTERPRISES, send
from tests.factories.importing import Registry, day
from tests.factories.two_counties import TWO_COUNTIES

RETURNS = "/v1/imports?dataset=ledger&on_error=skip"
LEDGER = "code,name,reported_on,headcount\nA,甲,{day},5\nB,乙,{day},x\n"

Sample = tuple[str, frozenset[tuple[str, str]]]


@pytest.fixture
def settings(migrated_sqlite_url: str, tmp_path: Path) -> Settings:
    return Settings(
        _env_file=None,
        data_dir=tmp_path / "data",
        database_url=migrated_sqlite_url,
        anonymous="exact",
        hosts=("testserver",),
    )


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient]:
    with TestClient(create_app(settings)) as made:
        yield made


def samples(client: TestClient, **headers: str) -> dict[Sample, float]:
    families = text_string_to_metric_families(client.get("/metrics", headers=headers).text)
    return {
        (sample.name.removeprefix("orgcoverage_"), frozenset(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
    }


def labelled(name: str, **labels: str) -> Sample:
    return name, frozenset(labels.items())


def test_jobs_rows_and_returns_are_counted_and_a_job_has_two_lines(client: TestClient, settings: Settings) -> None:
    waiting = new_record(BuildRequest(day("2017-06-30")))
    with capture_logs() as lines:
        made = send(client, RETURNS, LEDGER.format(day=settings.today() - timedelta(days=9)))
    started, ended = (line for line in lines if line["event"] in {"job started", "job ended"})
    assert {"job": made["job_id"], "kind": "import", "dataset": "ledger"}.items() <= started.items() & ended.items()
    assert {"result": "succeeded", "rows": 1, "errors": 1, "exit": 0}.items() <= ended.items()
    assert (0 < ended["seconds"] < 60, started["waited_seconds"] >= 0) == (True, True)
    write_record(settings.jobs_dir, waiting)
    told = samples(client)
    assert told[labelled("jobs", kind="import", state="succeeded")] == 1
    assert told[labelled("jobs", kind="build", state="queued")] == 1
    assert 0 < told[labelled("job_age_seconds", kind="build", state="queued")] < 60
    assert told[labelled("job_age_seconds", kind="import", state="running")] == 0
    assert told[labelled("jobs_ended_total", kind="import", result="succeeded")] == 1
    assert told[labelled("job_seconds_count", kind="import")] == 1
    assert told[labelled("import_rows_total", dataset="ledger", outcome="inserted")] == 1
    assert told[labelled("import_rows_total", dataset="ledger", outcome="refused")] == 1
    assert told[labelled("newest_return_age_days")] == 9
    assert told[labelled("database_up")] == 1
    assert told[labelled("data_free_bytes")] > 0


def test_the_log_says_which_signal_killed_a_job(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    dies = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    monkeypatch.setattr("app.jobs.supervision.command", lambda *_: (sys.executable, "-S", "-c", dies))
    with capture_logs() as lines:
        made = send(client, ENTERPRISES, "code,name\nA,甲\n")
    assert made["problem"]["type"] == "/problems/internal"
    [ended] = [line for line in lines if line["event"] == "job ended"]
    assert (ended["log_level"], ended["result"], ended["problem"], ended["exit"], ended["signal"]) == (
        "error", "failed", "internal", -9, signal.SIGKILL,
    )  # fmt: skip
    assert ended["reason"] == "killed by signal 9 (SIGKILL), out of memory?"
    assert samples(client)[labelled("jobs_ended_total", kind="import", result="failed")] == 1


def made_keys(url: str, *scopes: frozenset[str] | None) -> list[str]:
    """Make keys that may read these scopes; return their tokens."""
    engine = make_sync_engine(url)
    with write_lock_sync(engine) as connection:
        made = [make_key(connection, NewKey("reader", frozenset({Right.READ}), scope, 1)) for scope in scopes]
    engine.dispose()
    return [token for _, token in made]


def test_how_much_came_in_is_told_to_who_sees_everything_alone(settings: Settings, tmp_path: Path) -> None:
    ledger = LEDGER.format(day="2017-06-30").replace("x", "3")
    Registry(settings.registry_url, tmp_path).load({"districts": TWO_COUNTIES["districts"], "ledger": ledger})
    reader, of_huli = made_keys(settings.registry_url, None, frozenset({"350206"}))
    of_figures = {"newest_return_age_days", "import_rows_total"}
    app = create_app(settings.model_copy(update={"anonymous": "public"}))
    app.state.metrics.count_rows("ledger", {"inserted": 2})
    with TestClient(app) as client:
        for token, told in ((reader, of_figures), (of_huli, set()), ("", set())):
            seen = samples(client, **({"Authorization": f"Bearer {token}"} if token else {}))
            assert {name for name, _ in seen} & of_figures == told
            assert labelled("database_up") in seen


def test_snapshots_are_told_by_tier(service: TestClient) -> None:
    service.get("/v1/statistics/breakdown?by=basis")
    before = samples(service)
    service.get("/v1/statistics/breakdown?by=basis")
    told = samples(service)
    assert told[labelled("snapshots", tier="exact")] == 2
    assert told[labelled("snapshots_damaged", tier="exact")] == 0
    assert 0 < told[labelled("snapshot_age_seconds", tier="exact")] < 86400
    as_of = (datetime.now(UTC).date() - day("2017-06-30")).days
    assert told[labelled("snapshot_as_of_age_days", tier="exact")] == as_of
    hit = labelled("answer_cache_total", result="hit")
    assert told[hit] == before[hit] + 1


def test_alerts_ask_for_metrics_that_there_are(client: TestClient, settings: Settings) -> None:
    send(client, RETURNS, LEDGER.format(day=settings.today()))
    there = {f"orgcoverage_{name}" for name, _ in samples(client)} | {"up"}
    rules = yaml.safe_load((COMPOSE / "alerts.yml").read_text())["groups"][0]["rules"]
    assert len({rule["alert"] for rule in rules}) == len(rules)
    elsewhere = {"orgcoverage_snapshot_age_seconds", "orgcoverage_snapshots_damaged"}
    elsewhere |= {"orgcoverage_store_unpushed_seconds", "orgcoverage_replica_behind_seconds"}  # in tests/replicas
    for rule in rules:
        asked = set(re.findall(r"\b(?:orgcoverage_\w+|up)\b", rule["expr"]))
        assert asked <= there | elsewhere, rule["alert"]
        assert asked
    assert yaml.safe_load((COMPOSE / "prometheus.yml").read_text())["rule_files"] == ["alerts.yml"]
