"""Statistics over HTTP, on the demonstration: shapes, sum law, paging, files, and what is refused."""

import csv
import io
from collections.abc import Sequence
from typing import Any

import pytest
from pydantic import BaseModel
from starlette.testclient import TestClient

from app.api.snapshots import SnapshotAnswer, SnapshotList
from app.api.statistics.models import (
    BranchStatisticsAnswer,
    BranchStatisticsPage,
    BreakdownStatisticsPage,
    DistrictStatisticsAnswer,
    DistrictStatisticsPage,
    EnterpriseStatisticsAnswer,
    EnterpriseStatisticsPage,
    IndustryGroupStatisticsAnswer,
    IndustryGroupStatisticsPage,
    IndustryStatisticsAnswer,
    IndustryStatisticsPage,
)
from app.catalogue.measures import BRANCH_MEASURES, ENTERPRISE_MEASURES, MEASURES, Measure
from app.catalogue.metrics import BRANCH_METRICS, ENTERPRISE_METRICS, METRICS, Metric
from tests.factories.problems import place_of

STATISTICS = "/v1/statistics"


def ask(service: TestClient, path: str, model: type[BaseModel]) -> dict[str, Any]:
    answer = service.get(path)
    assert answer.status_code == 200, answer.text
    model.model_validate_json(answer.content, strict=True)
    parsed: dict[str, Any] = answer.json()
    return parsed


@pytest.mark.parametrize(
    ("path", "model"),
    [
        ("/districts", DistrictStatisticsPage),
        ("/districts?parent=350203&basis=registered", DistrictStatisticsPage),
        ("/districts?level=county&ownership=private&sort=member_ratio&order=desc", DistrictStatisticsPage),
        ("/districts?within=350203&industry=I&include_empty=true", DistrictStatisticsPage),
        ("/districts/350203", DistrictStatisticsAnswer),
        ("/districts/110000?industry_group=internet", DistrictStatisticsAnswer),
        ("/industries?level=section", IndustryStatisticsPage),
        ("/industries?parent=I&district=350203&size_class=small", IndustryStatisticsPage),
        ("/industries/64?basis=eligible", IndustryStatisticsAnswer),
        ("/industry-groups", IndustryGroupStatisticsPage),
        ("/industry-groups/internet?district=350203", IndustryGroupStatisticsAnswer),
        ("/enterprises?organised=false&has_members=true&sort=members&order=desc", EnterpriseStatisticsPage),
        ("/enterprises?basis=registered&eligible=true", EnterpriseStatisticsPage),
        ("/branches", BranchStatisticsPage),
        ("/branches?kind=branch&district=350203&sort=affiliations", BranchStatisticsPage),
        (
            "/districts?level=street&sector=social&sector=non_public&ownership=private&fields=all",
            DistrictStatisticsPage,
        ),
        ("/districts?sort=member_ratio&status=ok&status=low_base&fields=members", DistrictStatisticsPage),
        ("/enterprises?district=350203&district=350200&industry=I&sort=young_member_share", EnterpriseStatisticsPage),
        ("/branches?fields=affiliations&fields=active_branch_share", BranchStatisticsPage),
        ("/breakdown?by=basis&district=350203&industry_group=internet", BreakdownStatisticsPage),
    ],
)
@pytest.mark.parametrize("as_of", ["2017-03-31", "2017-06-30"])
def test_every_answer_has_its_documented_shape(
    service: TestClient, path: str, model: type[BaseModel], as_of: str
) -> None:
    joint = "&" if "?" in path else "?"
    found = ask(service, f"{STATISTICS}{path}{joint}as_of={as_of}", model)
    assert found["data"]
    assert found["meta"]["as_of"] == as_of
    assert found["meta"]["requested_as_of"] == as_of


def test_single_subjects_equal_their_rows(service: TestClient) -> None:
    for subject, model in (("enterprises", EnterpriseStatisticsAnswer), ("branches", BranchStatisticsAnswer)):
        rows = service.get(f"{STATISTICS}/{subject}?limit=5").json()["data"]
        for row in rows:
            code = next(iter(row.values()))["code"]
            found = ask(service, f"{STATISTICS}/{subject}/{code}", model)
            assert found["data"] == row
            assert found["meta"]["basis"] is None


@pytest.mark.parametrize("basis", ["registered", "operating", "surveyed", "eligible", "above_size"])
@pytest.mark.parametrize("listing", ["districts?parent=350203", "districts?level=county", "industries?level=division"])
def test_rows_and_unallocated_add_up_to_the_total(service: TestClient, listing: str, basis: str) -> None:
    found = service.get(f"{STATISTICS}/{listing}&basis={basis}&limit=1000").json()
    assert found["meta"]["rows"] == len(found["data"])
    for measure, total in found["total"]["counts"].items():
        rows = [row["counts"][measure] for row in found["data"]]
        rest = found["unallocated"]["counts"][measure]
        if None in rows:
            assert rest is None
        else:
            assert sum(rows) + rest == total
            assert rest >= 0


def test_pages_give_the_whole_list_once(service: TestClient) -> None:
    whole = service.get(f"{STATISTICS}/enterprises?sort=headcount&order=desc&limit=1000").json()
    pages: list[Any] = []
    url: str | None = f"{STATISTICS}/enterprises?sort=headcount&order=desc&limit=70"
    while url is not None:
        answer = service.get(url)
        pages += answer.json()["data"]
        link = answer.headers.get("link")
        assert (link is None) == (answer.json()["next_cursor"] is None)
        url = None if link is None else link.removeprefix("<").removesuffix('>; rel="next"')
    assert pages == whole["data"]
    assert len(pages) == whole["meta"]["rows"]


def test_a_cursor_of_another_question_is_refused(service: TestClient) -> None:
    cursor = service.get(f"{STATISTICS}/enterprises?limit=5").json()["next_cursor"]
    answer = service.get(f"{STATISTICS}/enterprises?limit=5&organised=true&cursor={cursor}")
    assert answer.status_code == 422
    assert place_of(answer.json()["errors"][0]) == "cursor"


@pytest.mark.parametrize(
    ("path", "status", "pointer"),
    [
        ("/districts?district=350203", 422, "district"),
        ("/industries?industry=I", 422, "industry"),
        ("/industry-groups?industry_group=internet", 422, "industry_group"),
        ("/branches?basis=operating", 422, "basis"),
        ("/enterprises/x?district=350203", 422, "district"),
        ("/districts?parent=350203&within=350203", 422, "parent"),
        ("/districts?parent=999999", 422, "parent"),
        ("/districts?level=section", 422, "level"),
        ("/districts?basis=all", 422, "basis"),
        ("/districts?as_of=20170630", 422, "as_of"),
        ("/districts?limit=1000000000", 422, "limit"),
        ("/districts?sort=size", 422, "sort"),
        ("/enterprises?sort=enterprises", 422, "sort"),
        ("/districts?cursor=abc", 422, "cursor"),
        ("/districts?as_of=1999-01-01", 404, "as_of"),
        ("/districts?snapshot=20170630-0000000000000000", 404, "snapshot"),
        ("/districts/999999", 404, "code"),
        ("/enterprises/none", 404, "code"),
        ("/branches?parent=none", 422, "parent"),
        ("/districts.pdf", 404, "format"),
        ("/districts.csv?limit=5", 422, "limit"),
        ("/districts.csv?fields=size", 422, "fields"),
        ("/districts?fields=size", 422, "fields"),
        ("/districts?fields=all&fields=members", 422, "fields"),
        ("/districts?fields=members&fields=members", 422, "fields"),
        ("/enterprises?fields=enterprises", 422, "fields"),
        ("/branches?fields=members", 422, "fields"),
        ("/districts/350203?fields=affiliations", 422, "fields"),
        ("/districts?industry=I&industry=I", 422, "industry"),
        ("/industries?district=350203&district=350203", 422, "district"),
        ("/enterprises?sector=private", 422, "sector"),
        ("/districts?basis=operating&basis=registered", 422, "basis"),
        ("/districts?status=ok", 422, "status"),
        ("/enterprises?status=ok&sort=members", 422, "status"),
        ("/branches?status=ok", 422, "status"),
        ("/districts?status=fine&sort=member_ratio", 422, "status"),
        ("/branches?sector=public", 422, "sector"),
    ],
)
def test_what_cannot_be_asked_is_refused(service: TestClient, path: str, status: int, pointer: str) -> None:
    answer = service.get(STATISTICS + path)
    assert answer.status_code == status, answer.text
    assert pointer in [place_of(error) for error in answer.json()["errors"]]


def test_a_date_without_a_snapshot_is_told_with_the_dates_there_are(service: TestClient) -> None:
    errors = service.get(f"{STATISTICS}/districts?as_of=1999-01-01").json()["errors"]
    assert errors[0]["suggestions"] == ["2017-06-30", "2017-03-31"]


def test_an_unknown_level_is_told_with_all_levels(service: TestClient) -> None:
    errors = service.get(f"{STATISTICS}/districts?level=section").json()["errors"]
    assert errors[0]["allowed"] == ["province", "city", "county", "street", "site"]


@pytest.mark.parametrize(
    ("subject", "measures", "metrics", "sides"),
    [
        ("districts", MEASURES, METRICS, ("",)),
        ("industries", MEASURES, METRICS, ("",)),
        ("industry-groups", MEASURES, METRICS, ("",)),
        ("enterprises", ENTERPRISE_MEASURES, ENTERPRISE_METRICS, ("",)),
        ("branches", BRANCH_MEASURES, BRANCH_METRICS, ("own", "subtree")),
    ],
)
def test_figures_are_those_asked_for_and_the_headline_ones_when_none_is(
    service: TestClient, subject: str, measures: Sequence[Measure], metrics: Sequence[Metric], sides: Sequence[str]
) -> None:
    rates, everything = [metric.code for metric in metrics], [measure.code for measure in measures]
    headline = [measure.code for measure in measures if measure.headline]
    assert len(headline) < len(everything)
    last, metric = everything[-1], rates[0]
    listed = service.get(f"{STATISTICS}/{subject}?limit=1").json()["data"]
    code = next(iter(listed[0].values()))["code"]
    for query, counts_shown, rates_shown in (
        ("", headline, rates),
        ("fields=all", everything, rates),
        (f"fields={metric}&fields={last}", [last], [metric]),
        (f"fields={metric}", [], [metric]),
    ):
        page = service.get(f"{STATISTICS}/{subject}?limit=2&{query}").json()
        single = service.get(f"{STATISTICS}/{subject}/{code}?{query}").json()["data"]
        assert single == page["data"][0]
        blocks = [row[side] if side else row for row in page["data"] for side in sides]
        blocks += [page["total"]] if page.get("total") else []
        for block in blocks:
            assert list(block["counts"]) == counts_shown
            assert [rate for rate in rates if rate in block["rates"]] == rates_shown
        header = service.get(f"{STATISTICS}/{subject}.csv?{query}").text.splitlines()[0].split(",")
        for side in sides:
            prefix = f"{side}_" if side else ""
            assert [name for name in everything if f"{prefix}{name}" in header] == counts_shown
            assert [name for name in rates if f"{prefix}{name}" in header] == rates_shown


def test_several_values_are_any_of_them_in_any_order(service: TestClient) -> None:
    first = service.get(f"{STATISTICS}/districts?level=street&industry=I&industry=C&sector=public&sector=non_public")
    other = service.get(f"{STATISTICS}/districts?level=street&sector=non_public&industry=C&sector=public&industry=I")
    assert first.json() == other.json()
    cursor = service.get(f"{STATISTICS}/industries?district=350203&district=350206&limit=2").json()["next_cursor"]
    turned = service.get(f"{STATISTICS}/industries?district=350206&district=350203&limit=2&cursor={cursor}")
    assert turned.status_code == 200
    whole = service.get(f"{STATISTICS}/industries?level=section&sector=public").json()["total"]["counts"]
    more = service.get(f"{STATISTICS}/industries?level=section&sector=public&sector=social").json()["total"]["counts"]
    social = service.get(f"{STATISTICS}/industries?level=section&sector=social").json()["total"]["counts"]
    assert more["members"] == whole["members"] + social["members"]
    nested = service.get(f"{STATISTICS}/enterprises?district=350203&district=350200&limit=1").json()["meta"]["rows"]
    assert nested == service.get(f"{STATISTICS}/enterprises?district=350200&limit=1").json()["meta"]["rows"]


@pytest.mark.parametrize(
    ("listed", "sort"),
    [("enterprises", "member_ratio"), ("branches", "young_member_share"), ("districts", "dual_reach")],
)
def test_states_narrow_a_list_and_leave_its_total(service: TestClient, listed: str, sort: str) -> None:
    query = f"{STATISTICS}/{listed}?sort={sort}&limit=1000"
    whole = service.get(query).json()
    found = 0
    states = {_rate(row, sort)["status"] for row in whole["data"]}
    assert len(states) > 1
    for status in states:
        page = service.get(f"{query}&status={status}").json()
        assert page["data"] == [row for row in whole["data"] if _rate(row, sort)["status"] == status]
        assert page["meta"]["rows"] == len(page["data"]) > 0
        assert page.get("total") == whole.get("total")
        assert page.get("unallocated") is None
        found += len(page["data"])
    assert found == len(whole["data"])


def _rate(row: dict[str, Any], metric: str) -> dict[str, Any]:
    rate: dict[str, Any] = row.get("subtree", row)["rates"][metric]
    return rate


def test_a_file_has_the_figures_of_the_json(service: TestClient) -> None:
    page = service.get(f"{STATISTICS}/districts?parent=350203").json()
    answer = service.get(f"{STATISTICS}/districts.csv?parent=350203&totals=true")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="districts-2017-06-30.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["row"] for row in rows] == ["subject"] * len(page["data"]) + ["total", "unallocated"]
    for row, expected in zip(rows, page["data"], strict=False):
        assert row["code"] == expected["district"]["code"]
        assert float(row["member_ratio"]) == expected["rates"]["member_ratio"]["value"]
        assert int(row["members"]) == expected["counts"]["members"]
    assert int(rows[-2]["members"]) == page["total"]["counts"]["members"]


def test_records_are_the_rows_of_the_csv(service: TestClient) -> None:
    chosen = "within=350203&fields=members&fields=member_ratio"
    records = service.get(f"{STATISTICS}/districts.records?{chosen}").json()
    rows = list(csv.DictReader(io.StringIO(service.get(f"{STATISTICS}/districts.csv?{chosen}").text)))
    assert [list(record) for record in records] == [list(row) for row in rows]
    assert [record["members"] for record in records] == [int(row["members"]) for row in rows]


def test_a_file_holds_ratios_alone_when_no_measure_is_chosen(service: TestClient) -> None:
    chosen = "parent=350203&totals=true&fields=member_ratio"
    page = service.get(f"{STATISTICS}/districts?parent=350203").json()
    rows = list(csv.DictReader(io.StringIO(service.get(f"{STATISTICS}/districts.csv?{chosen}").text)))
    shown = [row["rates"]["member_ratio"] for row in [*page["data"], page["total"]]]
    assert [row["member_ratio_numerator"] for row in rows] == [*(str(rate["numerator"]) for rate in shown), ""]
    assert "members" not in rows[0]


@pytest.mark.parametrize("subject", ["districts", "industries", "industry-groups", "enterprises", "branches"])
@pytest.mark.parametrize("file_format", ["csv", "records"])
def test_every_subject_has_its_files(service: TestClient, subject: str, file_format: str) -> None:
    answer = service.get(f"{STATISTICS}/{subject}.{file_format}?lang=zh")
    assert answer.status_code == 200
    assert answer.content


def test_a_csv_for_excel_begins_with_a_byte_order_mark(service: TestClient) -> None:
    assert service.get(f"{STATISTICS}/districts.csv?bom=true&level=city").content.startswith(b"\xef\xbb\xbf")


@pytest.mark.parametrize(
    "path", ["/districts?parent=350203", "/districts/350203", "/districts.csv", "/breakdown?by=basis"]
)
def test_answers_are_not_sent_again_when_they_are_known(service: TestClient, path: str) -> None:
    first = service.get(STATISTICS + path)
    assert first.headers["cache-control"] == "private, no-cache"
    assert {"Accept-Encoding", "Authorization"} <= set(first.headers["vary"].split(", "))
    again = service.get(STATISTICS + path, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    other = service.get(f"{STATISTICS}/industries", headers={"If-None-Match": first.headers["etag"]})
    assert other.status_code == 200


@pytest.mark.parametrize(
    "path", ["/districts?parent=350203", "/districts/350203?basis=operating", "/districts.csv?lang=zh"]
)
def test_answers_are_kept_for_ever_when_their_snapshot_is_named(service: TestClient, path: str) -> None:
    newest = service.get(f"{STATISTICS}/districts").json()["meta"]["snapshot"]
    fixed = f"{STATISTICS}{path}&snapshot={newest}"
    for _ in range(2):  # the second from the cache
        answer = service.get(fixed)
        assert answer.headers["cache-control"] == "private, max-age=31536000, immutable"
        assert {"Accept-Encoding", "Authorization"} <= set(answer.headers["vary"].split(", "))
    dated = service.get(f"{STATISTICS}{path}&as_of=2017-06-30")
    assert dated.headers["cache-control"] == "private, no-cache"
    refused = service.get(f"{fixed}&limit=x")
    assert (refused.status_code, refused.headers["cache-control"]) == (422, "no-store")


@pytest.mark.parametrize("path", ["/districts", "/districts.csv"])
def test_each_parameter_that_there_is_is_named_once_when_one_is_unknown(service: TestClient, path: str) -> None:
    [error] = service.get(f"{STATISTICS}{path}?figures=members").json()["errors"]
    assert sorted(error["allowed"]) == sorted({*error["allowed"], "lang"})


def test_answers_are_asked_for_again_when_they_are_audited_or_of_two_snapshots(service: TestClient) -> None:
    newest = service.get(f"{STATISTICS}/districts").json()["meta"]["snapshot"]
    for path in (
        f"/enterprises?limit=1&snapshot={newest}",
        f"/enterprises.csv?snapshot={newest}",
        f"/changes?since=2017-03-31&snapshot={newest}",
    ):
        answer = service.get(f"{STATISTICS}{path}")
        assert (answer.status_code, answer.headers["cache-control"]) == (200, "private, no-cache"), path


def test_head_of_a_file_has_its_headers(service: TestClient) -> None:
    answer = service.head(f"{STATISTICS}/enterprises.csv")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["etag"] == service.get(f"{STATISTICS}/enterprises.csv").headers["etag"]


def test_snapshots_are_listed_newest_first(service: TestClient) -> None:
    found = ask(service, "/v1/snapshots", SnapshotList)
    assert [snapshot["as_of"] for snapshot in found["data"]] == ["2017-06-30", "2017-03-31"]
    for snapshot in found["data"]:
        assert ask(service, f"/v1/snapshots/{snapshot['id']}", SnapshotAnswer)["data"] == snapshot
        pinned = service.get(f"{STATISTICS}/districts/350203?snapshot={snapshot['id']}").json()
        assert pinned["meta"]["snapshot"] == snapshot["id"]
    assert found["data"][0]["rows"]["places"] is None


def test_an_unknown_snapshot_is_told_with_the_closest(service: TestClient) -> None:
    answer = service.get("/v1/snapshots/20170630-0000000000000000")
    assert answer.status_code == 404
    assert place_of(answer.json()["errors"][0]) == "id"
    assert answer.json()["errors"][0]["suggestions"]


def test_ready_when_there_is_a_snapshot(service: TestClient) -> None:
    answer = service.get("/readyz")
    assert answer.status_code == 200
    assert answer.json()["database"] == "available"
