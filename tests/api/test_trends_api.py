"""Trends over HTTP: the demonstration's story, shapes, files, validators, refusals, tiers, and keys with districts."""

import csv
import io
import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from app.access.keys import NewKey, make_key
from app.access.principals import Right
from app.api.http.problems import Problem
from app.api.statistics.trends import TrendStatisticsPage
from app.catalogue.measures import MEASURES
from app.catalogue.metrics import METRICS
from app.config import Settings
from app.database.engines import make_sync_engine
from app.database.write_lock import write_lock_sync
from app.main import create_app
from app.snapshots.build import build_snapshot
from tests.factories.loading import fill
from tests.factories.problems import place_of
from tests.factories.tiny import parts, tiny_registry
from tests.reference.registry import Registry

TRENDS = "/v1/statistics/trends"
DATES = ["2016-09-30", "2016-12-31", "2017-03-31", "2017-06-30", "2017-09-30"]
INTERNET = "industry_group=internet&district=350203"


@pytest.fixture(scope="module", params=["exact", "public"])
def client(request: pytest.FixtureRequest, quarters: Settings) -> Iterator[TestClient]:
    with TestClient(create_app(quarters.model_copy(update={"anonymous": request.param}))) as service:
        yield service


@pytest.fixture(scope="module")
def exact(quarters: Settings) -> Iterator[TestClient]:
    with TestClient(create_app(quarters.model_copy(update={"anonymous": "exact"}))) as service:
        yield service


@pytest.fixture(scope="module")
def public(quarters: Settings) -> Iterator[TestClient]:
    with TestClient(create_app(quarters)) as service:
        yield service


def ask(client: TestClient, query: str, **headers: str) -> dict[str, Any]:
    answer = client.get(f"{TRENDS}?{query}", headers=headers)
    assert answer.status_code == 200, answer.text
    TrendStatisticsPage.model_validate_json(answer.content, strict=True)
    parsed: dict[str, Any] = answer.json()
    return parsed


def series(trend: dict[str, Any], metric: str) -> list[Any]:
    return [row["rates"][metric]["value"] for row in trend["data"]]


def test_the_joint_committee_reaches_whom_no_organisation_did(exact: TestClient) -> None:
    trend = ask(exact, INTERNET)
    assert [row["as_of"] for row in trend["data"]] == DATES
    assert [row["breaks"] for row in trend["data"]] == [[]] * 5
    assert [parts(row["rates"]["organisation_coverage"])[0] for row in trend["data"]] == [9] * 5  # none is founded
    for metric in ("organisation_coverage_with_dual", "work_coverage", "dual_reach"):
        before, after = series(trend, metric)[:3], series(trend, metric)[3:]
        assert max(before) < min(after), metric  # the committee is founded on 2017-06-25
        assert after[0] < after[1], metric
    assert series(trend, "dual_reach")[:3] == [0, 0, 0]
    own, with_dual = (series(trend, f"organisation_coverage{end}") for end in ("", "_with_dual"))
    assert [one == both for one, both in zip(own, with_dual, strict=True)] == [True] * 3 + [False] * 2


def test_every_point_is_the_answer_of_its_date(client: TestClient) -> None:
    trend = ask(client, "district=350203&industry=I")
    assert [row["as_of"] for row in trend["data"]] == DATES
    for row in trend["data"]:
        one = client.get(f"/v1/statistics/districts/350203?industry=I&as_of={row['as_of']}").json()
        assert row["snapshot"] == one["meta"]["snapshot"]
        assert (row["counts"], row["rates"]) == (one["data"]["counts"], one["data"]["rates"])
    assert trend["meta"] == one["meta"] | {"rows": 1, "requested_as_of": None}
    assert trend["next_cursor"] is None


def test_points_of_an_enterprise_and_a_branch_are_theirs(exact: TestClient) -> None:
    code = exact.get("/v1/statistics/enterprises?limit=1").json()["data"][0]["enterprise"]["code"]
    for subject, path in (("enterprise", f"enterprises/{code}"), ("branch", "branches/SM-NET")):
        trend = ask(exact, f"{subject}={path.rpartition('/')[2]}&from=2017-06-30")
        assert len(trend["data"]) == 2
        for row in trend["data"]:
            one = exact.get(f"/v1/statistics/{path}?as_of={row['as_of']}").json()["data"]
            assert {name: row[name] for name in one} == one
            assert set(row) == {"as_of", "snapshot", "breaks", *one}
        assert trend["meta"]["basis"] is None
    several = ask(exact, "branch=SM-NET&branch=SM-NET-1&fields=affiliations&compare_to=first")
    assert [(row["branch"]["code"], row["as_of"]) for row in several["data"]] == [
        (code, day) for code in ("SM-NET", "SM-NET-1") for day in DATES[3:]
    ]
    assert [list(row["subtree"]["counts"]) for row in several["data"]] == [["affiliations"]] * 4
    assert [row["change"] and list(row["change"]["own"]) for row in several["data"]] == [
        None, ["counts", "rates"], None, ["counts", "rates"],
    ]  # fmt: skip


def test_only_figures_asked_for_are_there(client: TestClient) -> None:
    trend = ask(client, "fields=organisation_coverage&fields=members&fields=member_ratio&to=2017-01-01&from=2016-09-30")
    assert [list(row["rates"]) for row in trend["data"]] == [["member_ratio", "organisation_coverage"]] * 2
    assert [list(row["counts"]) for row in trend["data"]] == [["members"]] * 2
    assert (trend["meta"]["as_of"], trend["meta"]["requested_as_of"]) == ("2016-12-31", "2017-01-01")
    headline = [measure.code for measure in MEASURES if measure.headline]
    assert [list(row["counts"]) for row in ask(client, "")["data"]] == [headline] * 5
    everything = ask(client, "fields=all&compare_to=previous")["data"]
    assert {tuple(row["counts"]) for row in everything} == {tuple(measure.code for measure in MEASURES)}
    assert {tuple(row["change"]["counts"]) for row in everything[1:]} == {tuple(measure.code for measure in MEASURES)}


def test_panels_are_read_subject_by_subject(client: TestClient) -> None:
    query = "by=division&district=350203&fields=members&fields=member_ratio&compare_to=previous"
    whole, pages = ask(client, f"{query}&limit=1000"), []
    cursor: str | None = ""
    while cursor is not None:
        page = ask(client, f"{query}&limit=7{cursor}")
        assert len({row["industry"]["code"] for row in page["data"]}) <= 7
        pages += page["data"]
        assert page["meta"] == whole["meta"]
        cursor = page["next_cursor"] and f"&cursor={page['next_cursor']}"
    assert pages == whole["data"]
    subjects = list(dict.fromkeys(row["industry"]["code"] for row in pages))
    assert subjects == sorted(subjects)
    assert whole["meta"]["rows"] == len(subjects) > 7
    assert [row["as_of"] for row in pages] == DATES * len(subjects)
    for row, before in zip(pages[1:], pages, strict=False):
        if row["industry"] == before["industry"]:
            assert row["change"]["counts"]["members"] == row["counts"]["members"] - before["counts"]["members"]
        else:
            assert row["change"] is None


def test_a_cursor_of_a_panel_belongs_to_its_question_and_its_snapshots(client: TestClient) -> None:
    query = "by=division&district=350203&limit=3"
    cursor = ask(client, query)["next_cursor"]
    assert ask(client, f"{query}&cursor={cursor}")["data"]
    for other in ("&from=2017-01-01", "&compare_to=first", "&industry=I", "&fields=members", "&to=2017-06-30"):
        answer = client.get(f"{TRENDS}?{query}&cursor={cursor}{other}")
        assert (answer.status_code, place_of(answer.json()["errors"][0])) == (422, "cursor"), other
    answer = client.get(f"{TRENDS}?by=section&district=350203&limit=3&cursor={cursor}")
    assert (answer.status_code, place_of(answer.json()["errors"][0])) == (422, "cursor")
    link = client.get(f"{TRENDS}?{query}").headers["link"]
    assert f"cursor={cursor}" in link


def test_changes_are_in_the_file_as_columns_of_their_own(client: TestClient) -> None:
    query = "by=section&fields=members&fields=member_ratio&compare_to=first"
    trend = ask(client, f"{query}&limit=1000")
    rows = list(csv.DictReader(io.StringIO(client.get(f"{TRENDS}.csv?{query}").text)))
    assert [(row["industry_code"], row["as_of"]) for row in rows] == [
        (row["industry"]["code"], row["as_of"]) for row in trend["data"]
    ]
    for row, point in zip(rows, trend["data"], strict=True):
        change = point["change"] or {"counts": {"members": None}, "rates": {"member_ratio": None}}
        expected = (change["counts"]["members"], change["rates"]["member_ratio"])
        found = (row["change_members"], row["change_member_ratio"])
        assert found == tuple("" if value is None else str(value) for value in expected)


def test_protected_rates_are_null_and_say_so(public: TestClient) -> None:
    trend = ask(public, INTERNET)
    assert trend["meta"]["disclosure"]["policy"] == "rounded-enterprises"
    for row in trend["data"]:
        protected = {code for code, rate in row["rates"].items() if rate["status"] == "protected"}
        assert protected == {metric.code for metric in METRICS if not metric.public}


def test_a_file_has_the_figures_of_the_answer(client: TestClient) -> None:
    trend = ask(client, "fields=member_ratio&district=350203")
    answer = client.get(f"{TRENDS}.csv?fields=member_ratio&district=350203")
    assert answer.headers["content-disposition"] == 'attachment; filename="trends-2017-09-30.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert list(rows[0]) == [
        *("row", "as_of", "snapshot", "breaks", "member_ratio", "member_ratio_numerator", "member_ratio_denominator"),
        *("member_ratio_n_eff", "member_ratio_low", "member_ratio_high", "member_ratio_status"),
    ]
    for row, point in zip(rows, trend["data"], strict=True):
        assert (row["row"], row["as_of"], row["snapshot"], row["breaks"]) == (
            "subject",
            point["as_of"],
            point["snapshot"],
            "",
        )
        rate = point["rates"]["member_ratio"]
        assert [float(row[f"member_ratio{part}"]) for part in ("", "_n_eff", "_low", "_high")] == [
            rate[part] for part in ("value", "n_eff", "low", "high")
        ]
        assert (int(row["member_ratio_numerator"]), int(row["member_ratio_denominator"])) == parts(rate)


@pytest.mark.parametrize(
    ("query", "status", "pointers"),
    [
        ("branch=SM-NET&enterprise=x", 422, ["enterprise"]),
        ("branch=SM-NET&basis=operating&district=350203", 422, ["basis", "district"]),
        ("enterprise=x&size_class=small", 422, ["size_class"]),
        ("enterprise=x&by=section", 422, ["by"]),
        ("branch=x&branch=x", 422, ["branch"]),
        ("fields=affiliation_inflation&fields=member_ratio", 422, ["fields"]),
        ("branch=SM-NET&fields=member_ratio&fields=turnover&fields=women_share", 422, ["fields", "fields"]),
        ("enterprise=x&fields=enterprises", 422, ["fields"]),
        ("fields=size", 422, ["fields"]),
        ("fields=all&fields=members", 422, ["fields"]),
        ("metric=member_ratio", 422, ["metric"]),
        ("by=street&by=section", 422, ["by"]),
        ("by=branch", 422, ["by"]),
        ("by=basis&basis=operating", 422, ["by", "basis"]),
        ("compare_to=last", 422, ["compare_to"]),
        ("sort=members", 422, ["sort"]),
        ("status=ok", 422, ["status"]),
        ("as_of=2017-06-30", 422, ["as_of"]),
        ("snapshot=x", 422, ["snapshot"]),
        ("from=2017", 422, ["from"]),
        ("from=2017-06-30&to=2017-03-31", 422, ["from", "to"]),
        ("district=nowhere&industry=nowhere", 422, ["district", "industry"]),
        ("to=2016-09-29", 404, ["to"]),
    ],
)
def test_what_cannot_be_asked_is_refused(client: TestClient, query: str, status: int, pointers: list[str]) -> None:
    for path in (TRENDS, f"{TRENDS}.csv"):
        answer = client.get(f"{path}?{query}")
        assert answer.status_code == status, answer.text
        assert [place_of(error) for error in answer.json()["errors"]] == pointers
    if status == 404:
        assert answer.json()["errors"][0]["suggestions"] == DATES[::-1]


@pytest.mark.parametrize(
    ("query", "pointer", "closest"),
    [("branch=SM-NETT", "branch", "SM-NET"), ("enterprise=91350203DEM00028X", "enterprise", "91350203DEM")],
)
def test_the_closest_are_offered_when_a_code_is_unknown(
    exact: TestClient, query: str, pointer: str, closest: str
) -> None:
    problem = Problem.model_validate_json(exact.get(f"{TRENDS}?{query}").content)
    (item,) = problem.errors
    assert (problem.status, place_of(item)) == (422, pointer)
    assert 1 <= len(item.suggestions) <= 5
    assert item.suggestions[0].startswith(closest)


def test_one_enterprise_or_branch_is_exact_only_when_figures_are_protected(
    exact: TestClient, public: TestClient
) -> None:
    for query, pointer in (("enterprise=none", "enterprise"), ("branch=SM-NET", "branch")):
        problem = Problem.model_validate_json(public.get(f"{TRENDS}?{query}").content)
        assert (problem.status, problem.type) == (403, "/problems/exact-only")
        assert [(place_of(item), list(item.allowed)) for item in problem.errors] == [
            (pointer, ["districts", "industries", "industry-groups"])
        ]
    assert exact.get(f"{TRENDS}?enterprise=none").status_code == 422
    for query in ("basis=registered", "ownership=state"):
        assert public.get(f"{TRENDS}?{query}").status_code == 403


# --- what changes between two questions ---------------------------------------------------------------

MOVED = {
    "enterprises": """
        code, district_code
        A,    wucun
        B,    jiangtou
    """,
    "returns": """
        enterprise_code, reported_on, district_code, headcount
        A,               2017-01-31,  jiangtou,      10
        A,               2017-05-31,  wucun,         20
        B,               2017-01-31,  ,              30
    """,
}
"""A moves from Huli into Siming in May."""


@pytest.fixture
def settings(tmp_path: Path, sqlite_template: Path) -> Settings:
    made = Settings(_env_file=None, data_dir=tmp_path, anonymous="none")
    shutil.copy(sqlite_template, tmp_path / "registry.sqlite")
    fill(made.registry_url, tiny_registry(**MOVED))
    for day in (date(2017, 3, 31), date(2017, 6, 30)):
        build(made, day)
    return made


def build(settings: Settings, day: date) -> str:
    return build_snapshot(settings, day, lambda _phase, _done, _total: None).id


def bearing(settings: Settings, *districts: str) -> dict[str, str]:
    """The header of a key that reads some districts; everything, where none is named."""
    engine = make_sync_engine(settings.registry_url)
    scope = frozenset(districts) or None
    with write_lock_sync(engine) as connection:
        _, token = make_key(connection, NewKey("reader", frozenset({Right.READ}), scope, 365))
    engine.dispose()
    return {"Authorization": f"Bearer {token}"}


def test_the_tag_changes_whenever_a_snapshot_of_the_range_does(settings: Settings) -> None:
    key = bearing(settings)
    with TestClient(create_app(settings)) as client:

        def tag(query: str) -> str:
            ask(client, query, **key)
            found: str = client.get(f"{TRENDS}?{query}", headers=key).headers["etag"]
            assert client.get(f"{TRENDS}?{query}", headers=key | {"If-None-Match": found}).status_code == 304
            return found

        first, until_march = tag("fields=member_ratio"), tag("to=2017-04-30")
        build(settings, date(2017, 5, 31))  # one more in the midst
        second = tag("fields=member_ratio")
        assert second != first
        assert tag("to=2017-04-30") == until_march
        fill(settings.registry_url, tiny_registry(**MOVED | {"returns": MOVED["returns"].replace("10", "11")}))
        build(settings, date(2017, 3, 31))  # the oldest anew; the newest stays as it is
        assert tag("fields=member_ratio") not in {first, second}
        assert tag("to=2017-04-30") != until_march
        assert series(ask(client, "fields=employee_coverage", **key), "employee_coverage") == [0, 0, 0]
        assert [parts(row["rates"]["employee_coverage"])[1] for row in ask(client, "", **key)["data"]] == [41, 50, 50]


def test_an_enterprise_shows_on_dates_on_which_it_is_in_the_scope_of_a_key(settings: Settings) -> None:
    siming, huli, everything = bearing(settings, "siming"), bearing(settings, "huli"), bearing(settings)
    with TestClient(create_app(settings)) as client:

        def dates(query: str, key: dict[str, str]) -> list[str]:
            return [row["as_of"] for row in ask(client, query, **key)["data"]]

        for _ in range(2):  # counted, and kept
            assert dates("enterprise=A", everything) == ["2017-03-31", "2017-06-30"]
            assert dates("enterprise=A", siming) == ["2017-06-30"]
            assert dates("enterprise=A", huli) == ["2017-03-31"]
            assert dates("enterprise=B", huli) == ["2017-03-31", "2017-06-30"]
        absent = client.get(f"{TRENDS}?enterprise=X", headers=siming)
        for query in ("enterprise=B", "enterprise=A&to=2017-04-30"):
            hidden = client.get(f"{TRENDS}?{query}", headers=siming)
            assert (hidden.status_code, absent.status_code) == (404, 404)
            assert hidden.json()["type"] == absent.json()["type"]


def test_a_district_is_exact_only_while_it_is_in_the_scope_of_a_key_on_all_dates(settings: Settings) -> None:
    siming = bearing(settings, "siming")
    with TestClient(create_app(settings)) as client:
        assert len(ask(client, "district=wucun", **siming)["data"]) == 2
        assert client.get(f"{TRENDS}?district=huli", headers=siming).status_code == 403
        assert client.get(TRENDS, headers=siming).status_code == 403
        assert client.get(TRENDS).status_code == 401
        fill(settings.registry_url, elsewhere(tiny_registry(**MOVED), "wucun", "huli"))
        build(settings, date(2017, 3, 31))
        assert client.get(f"{TRENDS}?district=wucun", headers=siming).status_code == 403
        trend = ask(client, "district=wucun&from=2017-06-01", **siming)
        assert [row["as_of"] for row in trend["data"]] == ["2017-06-30"]


def elsewhere(registry: Registry, code: str, parent: str) -> Registry:
    """The registry, with a district below another."""
    moved = [{**row, "parent_code": parent} if row["code"] == code else row for row in registry["districts"]]
    return {**registry, "districts": moved}
