"""No token, no member's ref, no text that was searched for and no count stands in what the service logs or audits."""

import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import httpx
import pytest

from app.config import Settings
from app.snapshots.build import build_snapshot
from tests.access.callers import make_keys
from tests.access.places import AS_OF, MEMBER, registry
from tests.factories.bodies import ENTERPRISE
from tests.factories.loading import fill
from tests.reliability.service import PATIENCE, served, until

pytestmark = pytest.mark.long

HEADCOUNT = 7_340_921
"""Of one enterprise: whatever holds these digits tells it."""

SEARCHED = "needle-4711"

SENT = "ref-9c1d77"
"""Begins the refs that files and erasures send."""


@pytest.fixture
def settings(tmp_path: Path, sqlite_template: Path) -> Settings:
    """Give settings of a service on a registry with a count that is like no other, and a snapshot."""
    settings = Settings(_env_file=None, data_dir=tmp_path / "data", anonymous="public")
    settings.data_dir.mkdir()
    (settings.data_dir / "registry.sqlite").write_bytes(sqlite_template.read_bytes())
    rows = registry()
    rows["returns"] = [{**row, "headcount": HEADCOUNT} for row in rows["returns"]]
    fill(settings.registry_url, rows)
    build_snapshot(settings, AS_OF, lambda *_: None)
    return settings


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


@pytest.fixture
def client(settings: Settings, log: Path) -> Iterator[httpx.Client]:
    """Give a client of the service in a process of its own, whose output goes to a file."""
    with served(settings, log=log) as service, httpx.Client(base_url=service.address, timeout=PATIENCE) as made:
        yield made


def test_logs_hold_nothing_that_they_may_not_when_everything_is_asked(
    client: httpx.Client, settings: Settings, log: Path
) -> None:
    tokens = make_keys(settings.registry_url)
    ask_everything(client, tokens)
    written = log.read_bytes()
    audited = b"".join(path.read_bytes() for path in settings.audit_dir.iterdir())
    assert written.count(b'"event":"request"') > 100
    assert audited.count(b"\n") > 50
    made = client.post("/v1/keys", json=new_key(), headers=bearing(tokens["admin"])).json()["data"]["token"]
    assert client.get("/v1/districts", headers=bearing(made)).status_code == 200
    forbidden = {
        **{f"token of {name}": token for name, token in tokens.items() if token.startswith("oc_")},
        **{f"secret of {name}": token[-64:] for name, token in tokens.items() if token.startswith("oc_")},
        "token made over HTTP": made,
        "any token": "oc_",
        "scheme": "Bearer",
        "ref of a member": MEMBER,
        "ref that was sent": SENT,
        "search": SEARCHED,
        "count": str(HEADCOUNT),
        "count in parts": f"{HEADCOUNT:,}",
    }
    for content in (log.read_bytes(), b"".join(path.read_bytes() for path in settings.audit_dir.iterdir())):
        assert {what for what, text in forbidden.items() if text.encode() in content} == set()


def new_key() -> dict[str, object]:
    return {"name": "new", "rights": ["read"], "districts": None}


def bearing(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def ask_everything(client: httpx.Client, tokens: dict[str, str]) -> None:
    """Ask for what holds refs, counts and tokens, rightly and wrongly, as everybody."""
    for token in (*tokens.values(), "", f"{SENT} {MEMBER}"):
        headers = bearing(token) if token else {}
        for path in (
            "/v1/enterprises/E-siming/returns",
            "/v1/statistics/enterprises?district=350203&sort=headcount",
            "/v1/statistics/districts?parent=350203",
            f"/v1/statistics/districts?parent={SEARCHED}",
            "/v1/exports/returns.csv",
            f"/v1/enterprises?q={SEARCHED}",
            f"/v1/enterprises/{MEMBER}-E-siming-1",
            f"/v1/branches?{SENT}={HEADCOUNT}",
            f"/v1/districts?token={tokens['admin']}",
            f"/{SENT}/{HEADCOUNT}",
            "/v1/keys",
        ):
            client.get(path, headers=headers)
    admin = bearing(tokens["admin"])
    files = {
        "members&dry_run=true": f"ref,joined_on\n{SENT}-1,2010-01-01\n{SENT}-1,2010-01-01\n{SENT}-2,never\n",
        "members": f"ref,joined_on,{SENT}\n",
        "members&on_error=skip": f"ref,joined_on\n{SENT}-3,2010-01-01\n",
        "returns": f"enterprise_code,reported_on,headcount,members\nE-huli,2017-06-01,{HEADCOUNT},x{HEADCOUNT}\n",
        "employments": f"member_ref,enterprise_code,start_on\n{SENT}-9,E-huli,2017-01-01\n",
    }
    sent = [client.post(f"/v1/imports?dataset={query}", content=text, headers=admin) for query, text in files.items()]
    sent.append(client.post("/v1/erasures", json={"ref": f"{MEMBER}-E-huli-1"}, headers=admin))
    sent.append(client.post("/v1/erasures", json={"ref": f"{SENT}/1"}, headers=admin))
    client.post("/v1/erasures", content=f'{{"ref": "{SENT}"', headers=admin)
    client.put("/v1/enterprises/new", json=ENTERPRISE | {"name": SEARCHED, "supersedes": SENT}, headers=admin)
    client.post("/v1/keys", json={**new_key(), "rights": [SEARCHED], "days": HEADCOUNT}, headers=admin)
    for job in [answer.json()["data"]["job_id"] for answer in sent if answer.status_code == 202]:
        until(partial(is_finished, client, job, admin), f"job {job} did not end")


def is_finished(client: httpx.Client, job: str, headers: dict[str, str]) -> bool:
    time.sleep(0.1)
    state = client.get(f"/v1/jobs/{job}", headers=headers).json()["data"]["state"]
    return state not in {"queued", "running"}
