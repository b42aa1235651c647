"""The examples of the document: what the service answers about the worked example.

`python -m tests.api.examples` writes them, and the document with them; tests compare both with what is served.
"""

import json
import re
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from app.api.http.openapi import encoded_document
from app.config import Settings
from app.database.migrations import upgrade
from app.main import create_app
from app.snapshots.build import build_snapshot
from tests.document import DOCUMENT
from tests.factories.loading import fill
from tests.factories.worked_example import AS_OF, STREET, A, J, worked_example

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "app" / "api" / "examples"

HEADLINES = "fields=enterprises&fields=members&fields=headcount&fields=organisation_coverage&fields=member_ratio"
"""Figures of a cell."""

PERSONS = "fields=headcount&fields=members&fields=member_ratio"
"""Figures of an enterprise."""

PARTICIPANTS = "fields=members_participating&fields=affiliations&fields=affiliation_inflation"
"""Figures of a branch."""

ASKED: dict[str, tuple[str, str]] = {
    "list_district_statistics": ("GET", f"/v1/statistics/districts?parent=350203&limit=2&{HEADLINES}"),
    "get_district_statistics": ("GET", f"/v1/statistics/districts/{STREET}?{HEADLINES}"),
    "list_industry_statistics": ("GET", f"/v1/statistics/industries?level=division&limit=1&{HEADLINES}"),
    "get_industry_statistics": ("GET", f"/v1/statistics/industries/64?{HEADLINES}"),
    "list_industry_group_statistics": ("GET", f"/v1/statistics/industry-groups?limit=1&{HEADLINES}"),
    "get_industry_group_statistics": ("GET", f"/v1/statistics/industry-groups/internet?{HEADLINES}"),
    "list_enterprise_statistics": ("GET", f"/v1/statistics/enterprises?limit=1&{PERSONS}"),
    "get_enterprise_statistics": ("GET", f"/v1/statistics/enterprises/{A}?{PERSONS}"),
    "list_branch_statistics": ("GET", f"/v1/statistics/branches?kind=committee&{PARTICIPANTS}"),
    "get_branch_statistics": ("GET", f"/v1/statistics/branches/{J}?{PARTICIPANTS}"),
    "list_branch_workplaces": ("GET", f"/v1/statistics/branches/{J}/workplaces"),
    "list_breakdown_statistics": (
        "GET",
        f"/v1/statistics/breakdown?by=street&by=division&limit=1&{HEADLINES}",
    ),
    "list_trend_statistics": (
        "GET",
        f"/v1/statistics/trends?district={STREET}&compare_to=previous&fields=enterprises&fields=dual_reach",
    ),
    "list_low_membership": ("GET", f"/v1/statistics/low-membership?by=division&target=0.08&limit=1&{HEADLINES}"),
    "get_changes": ("GET", f"/v1/statistics/changes?since=2017-06-30&by=division&district={STREET}"),
    "list_establishment_gaps": ("GET", f"/v1/statistics/establishment-gaps?district={STREET}&limit=1&{PERSONS}"),
    "list_establishment_proposals": ("GET", f"/v1/statistics/establishment-proposals?district={STREET}&limit=1"),
    "list_data_quality": ("GET", "/v1/statistics/data-quality"),
    "get_dual_affiliation": ("GET", f"/v1/statistics/dual-affiliation?district={STREET}"),
    "list_targets": ("GET", "/v1/statistics/targets"),
    "list_districts": ("GET", "/v1/districts?parent=350203"),
    "get_district": ("GET", f"/v1/districts/{STREET}"),
    "list_industries": ("GET", "/v1/industries?q=6"),
    "get_industry": ("GET", "/v1/industries/64"),
    "list_industry_groups": ("GET", "/v1/industry-groups"),
    "get_industry_group": ("GET", "/v1/industry-groups/internet"),
    "list_enterprises": ("GET", "/v1/enterprises?limit=1"),
    "get_enterprise": ("GET", f"/v1/enterprises/{A}"),
    "list_enterprise_returns": ("GET", f"/v1/enterprises/{A}/returns"),
    "list_enterprise_coverage": ("GET", f"/v1/enterprises/{A}/coverage"),
    "list_branches": ("GET", f"/v1/branches?parent={J}"),
    "get_branch": ("GET", f"/v1/branches/{J}"),
    "list_snapshots": ("GET", "/v1/snapshots"),
    "get_snapshot": ("GET", "/v1/snapshots/{snapshot}"),
    "get_catalogue": ("GET", "/v1/catalogue"),
    "list_imports": ("GET", "/v1/imports?limit=1"),
    "get_import": ("GET", "/v1/imports/{import}"),
    "list_import_issues": ("GET", "/v1/imports/{import}/issues"),
    "list_jobs": ("GET", "/v1/jobs?kind=import&limit=1"),
    "get_job": ("GET", "/v1/jobs/{import}"),
    "list_audit_records": ("GET", "/v1/audit?operation=create_import&limit=2"),
    "get_health": ("GET", "/healthz"),
    "get_readiness": ("GET", "/readyz"),
    "get_problem_type": ("GET", "/problems/snapshot-not-found"),
    "create_import": ("POST", "/v1/imports?dataset=members&dry_run=true"),
    "create_api_key": ("POST", "/v1/keys"),
    "list_api_keys": ("GET", "/v1/keys"),
    "problem": ("GET", "/v1/statistics/districts?level=section&size=5"),
}
"""Method and address of each example, by an operation that answers so; `problem` is what every one may answer.

One for each kind of answer; imports are told of one that was refused.
"""

BAD_FILE = b"ref,joined_on,birth_year\nm-0417,2017-13-01,1990\n"
"""A file with one problem."""

_SHORTENED = 2
"""Entries of each list of the catalogue, and of what a snapshot can answer, that examples show."""

_CHANGING = (
    (re.compile(r'"\d{8}-[0-9a-f]{16}"'), '"20170630-5f0c91d2a3b4c5d6"'),
    (re.compile(r'"\d{14}-[0-9a-f]{16}"'), '"20170701000000-4f1d2c3b4a596877"'),
    (
        re.compile(r'"(updated_at|built_at|released_at|created_at|started_at|finished_at|expires_at|at)":"[^"]*"'),
        r'"\1":"2017-07-01T00:00:00Z"',
    ),
    (re.compile(r'"oc_[0-9a-f]{16}_[0-9a-f]{64}"'), f'"oc_9f86d081884c7d65_{"0" * 64}"'),
    (re.compile(r'"id":"[0-9a-f]{16}"'), '"id":"9f86d081884c7d65"'),
    (re.compile(r'"request_id":"[^"]*"'), '"request_id":"4f1d2c3b4a596877"'),
    (re.compile(r'"next_cursor":"[^"]*"'), '"next_cursor":"WyIyMDE3MDYzMC01ZjBjIiwiMSJd"'),
)
"""What differs from build to build and request to request, and what stands for it."""


@contextmanager
def example_service() -> Iterator[TestClient]:
    """Give a client of a service on the worked example."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(_env_file=None, data_dir=Path(folder), anonymous="exact", hosts=("testserver",))
        upgrade(settings.registry_url)
        fill(settings.registry_url, worked_example())
        build_snapshot(settings, AS_OF, lambda _phase, _done, _total: None)
        with TestClient(create_app(settings)) as client:
            client.headers["X-Refused-Import"] = _refused_import(client)
            yield client


def _refused_import(client: TestClient) -> str:
    """Send a file with a problem; return the id of its import when that is done."""
    job: str = client.post("/v1/imports?dataset=members", content=BAD_FILE).json()["data"]["id"]
    while client.get(f"/v1/jobs/{job}").json()["data"]["state"] in {"queued", "running"}:
        time.sleep(0.1)
    return job


def served(client: TestClient, name: str) -> Any:
    """What the service answers where an example stands, without what differs each time."""
    method, path = ASKED[name]
    snapshot = client.get("/v1/snapshots").json()["data"][0]["id"]
    path = path.replace("{snapshot}", snapshot).replace("{import}", client.headers["X-Refused-Import"])
    text = client.request(method, path, **_sent(name)).text
    for changing, constant in _CHANGING:
        text = changing.sub(constant, text)
    answer = json.loads(text)
    if name == "list_basis_statistics":
        answer["data"] = answer["data"][:1]
    if name == "get_catalogue":
        answer["data"] = _shortened(answer["data"])
    if name in {"list_snapshots", "get_snapshot"}:
        for snapshot in [answer["data"]] if name == "get_snapshot" else answer["data"]:
            snapshot["capabilities"] = _shortened(snapshot["capabilities"])
    return answer


def _shortened(lists: dict[str, list[Any]]) -> dict[str, list[Any]]:
    return {name: entries[:_SHORTENED] for name, entries in lists.items()}


def _sent(name: str) -> dict[str, Any]:
    if name == "create_import":
        return {"content": BAD_FILE}
    if name == "create_api_key":
        return {"json": {"name": "Street S dashboard", "rights": ["read"], "districts": [STREET], "days": 90}}
    return {}


def committed(name: str) -> Any:
    """The example as it is committed."""
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def main() -> None:
    """Write all examples, and the document that holds them."""
    FOLDER.mkdir(exist_ok=True)
    with example_service() as client:
        for name in ASKED:
            text = json.dumps(served(client, name), ensure_ascii=False, indent=1)
            (FOLDER / f"{name}.json").write_text(text + "\n", encoding="utf-8")
    DOCUMENT.parent.mkdir(exist_ok=True)
    DOCUMENT.write_bytes(encoded_document(create_app(Settings(_env_file=None))))


if __name__ == "__main__":
    main()
