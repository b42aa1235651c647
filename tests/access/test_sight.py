"""What of the registry and of single firms a key sees, on both engines; what it does not see is as if absent."""

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy import update
from starlette.testclient import TestClient

from app.config import Settings
from app.database.engines import make_sync_engine
from app.database.tables import METADATA
from app.main import create_app
from app.snapshots.build import build_snapshot
from app.statistics.question import Relation
from tests.access.callers import KEYED, Caller, make_keys
from tests.access.conftest import Served
from tests.access.operations import BRANCH, ENTERPRISE
from tests.access.places import ABOVE, AS_OF, BEFORE, BRANCHES, ENTERPRISES, HULI, SIMING, is_within, registry
from tests.factories.bodies import Body
from tests.factories.loading import fill

SCOPED = [caller for caller in KEYED if caller.scope is not None and caller.right == "read"]

COVERED = {"E-siming", "E-huli", "E-moved"}
"""Enterprises that are reached by an organisation."""


@pytest.fixture
def tokens(migrated_url: str) -> dict[str, str]:
    fill(migrated_url, registry())
    return make_keys(migrated_url)


@pytest.fixture
def client(migrated_url: str, tokens: dict[str, str], tmp_path: Path) -> Iterator[TestClient]:
    settings = Settings(_env_file=None, database_url=migrated_url, data_dir=tmp_path / "data", anonymous="public")
    with TestClient(create_app(settings)) as made:
        yield made


def inside(caller: Caller, places: dict[str, str | None]) -> set[str]:
    """Codes of what lies inside the scope of a caller."""
    assert caller.scope is not None
    return {code for code, place in places.items() if is_within(place, caller.scope)}


def test_lists_hold_what_lies_inside_and_nothing_else(client: TestClient, tokens: dict[str, str]) -> None:
    for caller in SCOPED:
        headers = {"Authorization": f"Bearer {tokens[caller.name]}"}
        districts = inside(caller, {code: code for code in ABOVE})
        firms, branches = inside(caller, ENTERPRISES), inside(caller, dict(BRANCHES))
        expected = {
            "/v1/districts": districts,
            "/v1/enterprises": firms,
            "/v1/branches": branches,
            "/v1/exports/districts.csv": districts,
            "/v1/exports/enterprises.csv": firms,
            "/v1/exports/branches.csv": branches,
            "/v1/exports/returns.csv": firms,
            "/v1/exports/coverage.csv": firms & COVERED,
            "/v1/industries": {"I", "64", "641", "65", "R", "86"},
            "/v1/industry-groups": {"internet", "spare"},
        }
        for path, codes in expected.items():
            assert listed(client, path, headers) == codes, (caller.name, path)


def test_pages_walk_through_what_lies_inside(client: TestClient, tokens: dict[str, str]) -> None:
    headers = {"Authorization": f"Bearer {tokens['reader of two']}"}
    address, walked = "/v1/enterprises?limit=1", []
    while address:
        answer = client.get(address, headers=headers)
        walked += [row["code"] for row in answer.json()["data"]]
        address = answer.links["next"]["url"] if "next" in answer.links else ""
    assert walked == ["E-huli", "E-left", "E-lookalike", "E-moved", "E-siming"]


def test_search_and_parent_find_nothing_outside(client: TestClient, tokens: dict[str, str]) -> None:
    headers = {"Authorization": f"Bearer {tokens['reader of Siming']}"}
    assert listed(client, "/v1/enterprises?q=huli", headers) == set()
    assert listed(client, "/v1/districts?q=350206", headers) == set()
    assert listed(client, f"/v1/districts?parent={HULI}", headers) == set()
    assert listed(client, "/v1/branches?q=huli", headers) == set()
    for parent in ("B-huli", "B-hulo"):
        answer = client.get(f"/v1/branches?parent={parent}", headers=headers)
        assert (answer.status_code, answer.json()["errors"][0]["allowed"]) == (422, [])


def listed(client: TestClient, path: str, headers: dict[str, str]) -> set[str]:
    """The codes of a list or a file; of enterprises where its rows belong to these."""
    answer = client.get(path, headers=headers)
    assert answer.status_code == 200, answer.text
    if ".csv" not in path:
        return {row["code"] for row in answer.json()["data"]}
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    return {row["enterprise_code"] if "enterprise_code" in row else row["code"] for row in rows}


@pytest.mark.anyio
@pytest.mark.parametrize("mode", ["none", "public", "exact"])
@pytest.mark.parametrize(
    ("path", "there", "absent"),
    [
        ("/v1/enterprises/{}", "E-huli", "E-hulo"),
        ("/v1/enterprises/{}/returns", "E-huli", "E-hulo"),
        ("/v1/enterprises/{}/coverage", "E-huli", "E-hulo"),
        ("/v1/enterprises/{}", "E-nowhere", "E-nowhera"),
        ("/v1/branches/{}", "B-huli", "B-hulo"),
        ("/v1/districts/{}", HULI, "350299"),
        ("/v1/statistics/enterprises/{}", "E-huli", "E-hulo"),
        ("/v1/statistics/enterprises/{}", "E-nowhere", "E-nowhera"),
        ("/v1/statistics/branches/{}", "B-huli", "B-hulo"),
        ("/v1/statistics/branches/{}", "B-city", "B-cito"),
    ],
)
async def test_what_lies_outside_is_as_if_absent(
    served: Served, services: dict[str, httpx.AsyncClient], mode: str, path: str, there: str, absent: str
) -> None:
    headers = served.headers("reader of Siming")
    answers = [await services[mode].get(path.format(code), headers=headers) for code in (there, absent)]
    told = [nameless(answer, code) for answer, code in zip(answers, (there, absent), strict=True)]
    assert answers[0].status_code == 404
    assert told[0] == told[1]


@pytest.mark.anyio
@pytest.mark.parametrize("mode", ["none", "public"])
@pytest.mark.parametrize(
    "rows",
    ["branches?parent=", "branches?within=", *(f"enterprises?relation={one}&branch=" for one in Relation)],
)
async def test_branch_outside_is_as_if_absent_when_it_chooses_rows(
    served: Served, services: dict[str, httpx.AsyncClient], mode: str, rows: str
) -> None:
    subject, _, name = rows.partition("?")
    headers, address = served.headers("reader of Siming"), f"/v1/statistics/{subject}?district={SIMING}&{name}"
    answers = [await services[mode].get(f"{address}{code}", headers=headers) for code in ("B-huli", "B-hulo")]
    told = [nameless(answer, code) for answer, code in zip(answers, ("B-huli", "B-hulo"), strict=True)]
    assert answers[0].status_code == 422
    assert told[0] == told[1]
    assert (await services[mode].get(f"{address}B-siming", headers=headers)).status_code == 200


def nameless(answer: httpx.Response, code: str) -> tuple[int, str, list[tuple[str, str]]]:
    """An answer without what names its request."""
    own = {"x-request-id", "content-length"}
    text = re.sub(r'"request_id":"[^"]*"', "", answer.text.replace(code, "…"))
    return answer.status_code, text, [item for item in answer.headers.items() if item[0] not in own]


@pytest.mark.anyio
async def test_tag_of_an_exact_answer_is_of_no_use_to_whoever_gets_a_protected_one(
    served: Served, services: dict[str, httpx.AsyncClient]
) -> None:
    address = f"/v1/statistics/districts/{HULI}"
    exact = await services["public"].get(address, headers=served.headers("reader of Huli"))
    for caller in ("no key", "reader of Siming"):
        headers = {**served.headers(caller), "If-None-Match": exact.headers["etag"]}
        answer = await services["public"].get(address, headers=headers)
        assert answer.status_code == 200
        assert answer.headers["etag"] != exact.headers["etag"]
        assert answer.json()["data"]["counts"] != exact.json()["data"]["counts"]
    headers = {**served.headers("reader of Huli"), "If-None-Match": exact.headers["etag"]}
    assert (await services["public"].get(address, headers=headers)).status_code == 304


def test_scope_is_by_the_tree_of_the_snapshot_that_answers(tmp_path: Path, sqlite_template: Path) -> None:
    settings = Settings(_env_file=None, data_dir=tmp_path, anonymous="none")
    (tmp_path / "registry.sqlite").write_bytes(sqlite_template.read_bytes())
    fill(settings.registry_url, registry())
    headers = {"Authorization": f"Bearer {make_keys(settings.registry_url)['reader of Siming']}"}
    build_snapshot(settings, AS_OF.replace(month=5), lambda *_: None)
    move(settings.registry_url, "350206001", SIMING)
    build_snapshot(settings, AS_OF, lambda *_: None)
    address = "/v1/statistics/districts/350206001"
    with TestClient(create_app(settings)) as client:

        def statuses() -> list[int]:
            asked = (f"{address}?as_of=2017-05-30", address, "/v1/enterprises/E-huli", "/v1/districts/350206001")
            return [client.get(one, headers=headers).status_code for one in asked]

        assert statuses() == statuses() == [403, 200, 200, 200]
        move(settings.registry_url, "350206001", HULI)
        assert statuses() == [403, 200, 404, 404]


def move(url: str, district: str, parent: str) -> None:
    """Put a district under another."""
    table = METADATA.tables["district"]
    engine = make_sync_engine(url)
    with engine.begin() as connection:
        connection.execute(update(table).where(table.c.code == district).values(parent_code=parent))
    engine.dispose()


@pytest.mark.parametrize(
    ("path", "body", "there", "absent"),
    [
        ("/v1/enterprises/new", ENTERPRISE | {"district_code": SIMING, "supersedes": "{}"}, "E-huli", "E-hulo"),
        ("/v1/branches/new", BRANCH | {"district_code": SIMING, "parent_code": "{}"}, "B-huli", "B-hulo"),
    ],
)
def test_change_that_names_something_outside_is_refused_as_if_that_were_absent(
    client: TestClient, tokens: dict[str, str], path: str, body: Body, there: str, absent: str
) -> None:
    headers = {"Authorization": f"Bearer {tokens['writer of Siming']}"}
    told = []
    for code in (there, absent):
        sent = {name: code if value == "{}" else value for name, value in body.items()}
        answer = client.put(path, json=sent, headers=headers)
        told.append((answer.status_code, re.sub(r'"request_id":"[^"]*"', "", answer.text.replace(code, "…"))))
    assert told[0] == told[1]
    assert told[0][0] == 422
    assert there not in told[1][1]


def test_changes_are_exact_only_where_the_district_lies_inside_at_both_dates(
    tmp_path: Path, sqlite_template: Path
) -> None:
    settings = Settings(_env_file=None, data_dir=tmp_path, anonymous="public")
    (tmp_path / "registry.sqlite").write_bytes(sqlite_template.read_bytes())
    fill(settings.registry_url, registry())
    tokens = make_keys(settings.registry_url)
    build_snapshot(settings, BEFORE, lambda *_: None)
    move(settings.registry_url, "350206001", SIMING)
    build_snapshot(settings, AS_OF, lambda *_: None)
    with TestClient(create_app(settings)) as client:

        def tier(caller: str, district: str) -> str:
            headers = {"Authorization": f"Bearer {tokens[caller]}"}
            answer = client.get(f"/v1/statistics/changes?since={BEFORE}&district={district}", headers=headers)
            assert answer.status_code == 200, answer.text
            policy: str = answer.json()["meta"]["disclosure"]["policy"]
            return policy

        for _ in range(2):
            assert tier("reader of the city", "350206001") == "none"
            assert tier("reader of Siming", "350203008") == "none"
            assert tier("reader of Siming", "350206001") == "rounded-enterprises"
            assert tier("reader of Huli", "350206001") == "rounded-enterprises"
