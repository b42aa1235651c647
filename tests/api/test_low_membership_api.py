"""Low membership over HTTP: the demonstration's story, shapes, paging, files, tiers, and what is refused."""

import csv
import io
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from app.access.keys import NewKey, make_key
from app.access.principals import Right
from app.api.statistics.low_membership import LowMembershipSort, LowMembershipStatistics, LowMembershipStatisticsPage
from app.catalogue.definitions import COLUMN_LABELS
from app.catalogue.measures import MEASURES
from app.catalogue.metrics import METRICS
from app.config import Settings
from app.database.engines import make_sync_engine
from app.database.write_lock import write_lock_sync
from app.demo.siming import SIMING_DATES
from app.main import create_app
from app.publication.low_membership import ComparisonFields
from app.statistics.low_membership import COLUMNS
from tests.factories.problems import place_of

LOW = "/v1/statistics/low-membership"
SIMING, XIAMEN, FUJIAN = "350203", "350200", "350000"


@pytest.fixture(scope="module")
def both(quarters: Settings) -> Settings:
    """Give the settings of a service on the demonstration with both tiers, at all its dates."""
    return quarters


@pytest.fixture(scope="module")
def exact(both: Settings) -> Iterator[TestClient]:
    with TestClient(create_app(both.model_copy(update={"anonymous": "exact"}))) as client:
        yield client


@pytest.fixture(scope="module")
def public(both: Settings) -> Iterator[TestClient]:
    with TestClient(create_app(both)) as client:
        yield client


def ask(service: TestClient, query: str) -> dict[str, Any]:
    answer = service.get(f"{LOW}?{query}")
    assert answer.status_code == 200, answer.text
    LowMembershipStatisticsPage.model_validate_json(answer.content, strict=True)
    found: dict[str, Any] = answer.json()
    return found


def codes(found: dict[str, Any]) -> list[str]:
    return [(row["industry"] or row["industry_group"])["code"] for row in found["data"]]


# --- the story --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("as_of", [as_of.isoformat() for as_of in SIMING_DATES])
@pytest.mark.parametrize("tier", ["exact", "public"])
def test_the_internet_group_of_siming_is_low_before_and_after_the_joint_committee(
    tier: str, as_of: str, request: pytest.FixtureRequest
) -> None:
    service: TestClient = request.getfixturevalue(tier)
    found = ask(service, f"by=industry_group&district={SIMING}&as_of={as_of}")
    classes = {row["industry_group"]["code"]: row["class"] for row in found["data"]}
    assert classes.pop("internet") == "low"
    assert set(classes.values()) <= {"not_different", "low_base"}
    assert codes(found)[0] == "internet"  # the least q


def test_what_explains_a_low_ratio_stands_in_its_row(exact: TestClient) -> None:
    internet = ask(exact, f"by=industry_group&district={SIMING}")["data"][0]
    rest = ask(exact, f"by=industry_group&district={SIMING}")["total"]
    for metric in ("organisation_coverage", "member_presence", "young_member_share", "dual_reach", "turnover"):
        assert internet["rates"][metric]["value"] is not None
    assert internet["rates"]["young_member_share"]["value"] > rest["rates"]["young_member_share"]["value"]
    assert internet["rates"]["organisation_coverage"]["value"] < rest["rates"]["organisation_coverage"]["value"]
    assert internet["counts"]["enterprises_headcount_unknown"] == 0  # it is not for want of headcounts
    ratio = internet["rates"]["member_ratio"]
    assert internet["ratio"] == ratio["value"]
    assert ratio["high"] < internet["reference_ratio"]


# --- shapes -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tier", ["exact", "public"])
@pytest.mark.parametrize(
    "query",
    [
        "industry_level=section",
        f"industry_level=division&district={SIMING}&sort=headcount&order=desc",
        f"by=industry_group&district={SIMING}&reference=rest",
        f"industry_level=division&district={SIMING}&reference=parent&sort=code",
        "industry_level=division&target=0.08&alpha=0.2&margin=0.5&sort=class",
        "industry_level=section&industry_group=internet&industry=I",
        f"industry_level=section&district={FUJIAN}&sort=work_coverage",
    ],
)
def test_every_answer_has_its_documented_shape(tier: str, query: str, request: pytest.FixtureRequest) -> None:
    found = ask(request.getfixturevalue(tier), query)
    assert found["data"]
    assert found["meta"]["basis"] == "operating"
    assert found["meta"]["rows"] == len(found["data"])
    assert (found["unallocated"] is None) == query.startswith("by=")
    for row in found["data"]:
        assert (row["industry"] is None) != (row["industry_group"] is None)
        assert (row["p"] is None) == (row["class"] in {"not_applicable", "inconsistent", "low_base"})


@pytest.mark.parametrize("level", ["group", "class"])
@pytest.mark.parametrize("basis", ["registered", "surveyed", "eligible", "above_size"])
def test_every_level_and_basis_can_be_compared_exactly(exact: TestClient, level: str, basis: str) -> None:
    query = f"industry_level={level}&basis={basis}&ownership=private&enterprise_kind=enterprise"
    assert ask(exact, query)["meta"]["basis"] == basis


def test_columns_are_the_same_everywhere() -> None:
    fields = tuple(LowMembershipStatistics.model_fields)
    assert fields == ("industry", "industry_group", *COLUMNS, "counts", "rates")
    assert ComparisonFields.__struct_fields__ == COLUMNS
    figures = [*(measure.code for measure in MEASURES), *(metric.code for metric in METRICS)]
    assert [sort.value for sort in LowMembershipSort] == [*COLUMNS, "code", *figures]
    assert set(COLUMNS) <= set(COLUMN_LABELS)


def test_pages_give_the_whole_list_once(exact: TestClient) -> None:
    question = f"industry_level=division&district={SIMING}"
    whole, pages = ask(exact, question), []
    url: str | None = f"{LOW}?{question}&limit=5"
    while url is not None:
        answer = exact.get(url)
        pages += answer.json()["data"]
        link = answer.headers.get("link")
        url = None if link is None else link.removeprefix("<").removesuffix('>; rel="next"')
    assert pages == whole["data"]
    assert len(pages) > 5


@pytest.mark.parametrize(
    "other", ["reference=parent", "target=0.08", "alpha=0.01", "margin=0.9", "sort=p", "order=desc", "industry=I"]
)
def test_a_cursor_of_another_question_is_refused(exact: TestClient, other: str) -> None:
    question = f"industry_level=division&district={SIMING}&limit=5"
    cursor = ask(exact, question)["next_cursor"]
    assert exact.get(f"{LOW}?{question}&cursor={cursor}").status_code == 200
    answer = exact.get(f"{LOW}?{question}&cursor={cursor}&{other}")
    assert (answer.status_code, place_of(answer.json()["errors"][0])) == (422, "cursor")


def test_answers_are_not_mixed_up_when_only_the_comparison_differs(exact: TestClient) -> None:
    question = f"industry_level=section&district={SIMING}&sort=code"
    plain, strict = ask(exact, question), ask(exact, f"{question}&alpha=0.00001")
    assert [row["class"] for row in plain["data"]] != [row["class"] for row in strict["data"]]
    assert ask(exact, question) == plain
    assert ask(exact, f"{question}&target=0.08")["data"][0]["reference_ratio"] == 0.08
    assert ask(exact, f"by=industry_group&district={SIMING}")["unallocated"] is None
    assert plain["unallocated"] is not None


# --- files ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tier", ["exact", "public"])
@pytest.mark.parametrize("listed", ["industry_level=division", "by=industry_group"])
def test_a_file_has_the_figures_of_the_page(tier: str, listed: str, request: pytest.FixtureRequest) -> None:
    service: TestClient = request.getfixturevalue(tier)
    question = f"{listed}&district={SIMING}"
    page = ask(service, question)
    answer = service.get(f"{LOW}.csv?{question}&totals=true")
    assert answer.headers["content-disposition"] == 'attachment; filename="low-membership-2017-09-30.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    margins = ["total"] if page["unallocated"] is None else ["total", "unallocated"]
    assert [row["row"] for row in rows] == ["subject"] * len(page["data"]) + margins
    for row, expected in zip(rows, page["data"], strict=False):
        assert row["code"] == (expected["industry"] or expected["industry_group"])["code"]
        for column in COLUMNS:
            assert row[column] == ("" if expected[column] is None else str(expected[column])), column
        assert row["members"] == str(expected["counts"]["members"])
        assert float(row["member_ratio"]) == expected["rates"]["member_ratio"]["value"]
    assert all(rows[-1][column] == "" for column in COLUMNS)
    assert ("industries" in rows[0]) == (listed == "by=industry_group")
    assert ("parent_code" in rows[0]) == (listed != "by=industry_group")


def test_records_are_typed_and_sorted_as_asked(exact: TestClient) -> None:
    records = exact.get(f"{LOW}.records?industry_level=section&sort=shortfall&order=desc&fields=members").json()
    shortfalls = [record["shortfall"] for record in records if record["shortfall"] is not None]
    assert shortfalls == sorted(shortfalls, reverse=True)
    assert list(records[0]) == ["row", "code", "name_zh", "name_en", "level", "parent_code", *COLUMNS, "members"]


@pytest.mark.parametrize("file_format", ["csv", "records", "xlsx", "parquet", "jsonstat"])
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_every_format_can_be_had(public: TestClient, file_format: str, lang: str) -> None:
    answer = public.get(f"{LOW}.{file_format}?by=industry_group&lang={lang}&totals=true")
    assert answer.status_code == 200
    assert answer.content


# --- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "pointers"),
    [
        ("", ["industry_level", "by"]),
        ("industry_level=division&by=industry_group", ["industry_level", "by"]),
        ("industry_level=street", ["industry_level"]),
        ("by=industry", ["by"]),
        ("by=industry_group&reference=all", ["reference"]),
        ("by=industry_group&reference=rest&target=0.1", ["reference", "target"]),
        ("by=industry_group&reference=parent", ["reference", "district"]),
        (f"by=industry_group&reference=parent&district={FUJIAN}", ["reference", "district"]),
        *((f"by=industry_group&target={target}", ["target"]) for target in
          ("0", "1", "-0.1", "1.5", "8%25", "nan", "inf", "", "0,1", "1e-999999999", "%EF%BC%90.5", "0_1")),
        *((f"by=industry_group&alpha={alpha}", ["alpha"]) for alpha in ("0", "1", "x", "nan")),
        *((f"by=industry_group&margin={margin}", ["margin"]) for margin in ("0", "1.01", "x")),
        ("by=industry_group&sort=size", ["sort"]),
        ("by=industry_group&include_empty=true", ["include_empty"]),
        ("by=industry_group&level=section", ["level"]),
        ("by=industry_group&within=350203", ["within"]),
        ("by=industry_group&basis=all", ["basis"]),
        ("by=industry_group&district=1&industry=2&industry_group=3",
         ["district", "industry", "industry_group"]),
        ("by=industry_group&reference=parent&district=999999", ["district"]),
        ("by=industry_group&limit=0", ["limit"]),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_is_refused(exact: TestClient, query: str, pointers: list[str]) -> None:
    for path in (LOW, f"{LOW}.csv") if "limit" not in query else (LOW,):
        answer = exact.get(f"{path}?{query}")
        assert answer.status_code == 422, answer.text
        assert [place_of(error) for error in answer.json()["errors"]] == pointers


def test_a_missing_choice_is_told_with_all_there_are(exact: TestClient) -> None:
    allowed = {place_of(error): error["allowed"] for error in exact.get(LOW).json()["errors"]}
    assert allowed == {
        "industry_level": ["section", "division", "group", "class"],
        "by": ["industry_group"],
    }
    errors = exact.get(f"{LOW}?by=industry_group&industry_group=internett").json()["errors"]
    assert errors[0]["suggestions"][0] == "internet"


@pytest.mark.parametrize("target", ["0.07", ".07", "7e-2", "0.070", "7E-02", "1e-300", "0.999999999999999999"])
def test_a_target_is_any_decimal_fraction(exact: TestClient, target: str) -> None:
    row = ask(exact, f"industry_level=section&target={target}&sort=code")["data"][0]
    assert row["reference_ratio"] == float(target)


def test_a_question_that_needs_exact_figures_is_refused_with_what_can_be_had(public: TestClient) -> None:
    answer = public.get(f"{LOW}?industry_level=class&basis=eligible&ownership=state")
    assert answer.status_code == 403
    assert {place_of(error): error["allowed"] for error in answer.json()["errors"]} == {
        "basis": ["operating"],
        "ownership": [],
        "industry_level": ["section", "division"],
    }
    assert public.get(f"{LOW}?industry_level=class&reference=parent").status_code == 422  # malformed comes first


# --- tiers ------------------------------------------------------------------------------------------------------------


def test_a_parent_belongs_to_the_question_when_a_key_covers_the_district_alone(both: Settings) -> None:
    engine = make_sync_engine(both.registry_url)
    with write_lock_sync(engine) as connection:
        keys = {
            district: make_key(connection, NewKey("a key", frozenset({Right.READ}), frozenset({district}), 30))[1]
            for district in (SIMING, XIAMEN)
        }
    engine.dispose()
    with TestClient(create_app(both)) as client:
        question = f"{LOW}?by=industry_group&district={SIMING}"
        for _ in range(2):  # asked again, the answer comes from memory
            for district, reference, policy in (
                (SIMING, "rest", "none"),
                (SIMING, "parent", "rounded-enterprises"),
                (XIAMEN, "rest", "none"),
                (XIAMEN, "parent", "none"),
            ):
                headers = {"Authorization": f"Bearer {keys[district]}"}
                answer = client.get(f"{question}&reference={reference}", headers=headers)
                assert answer.json()["meta"]["disclosure"]["policy"] == policy, (district, reference)
        nobody = client.get(f"{question}&reference=parent")
        assert nobody.json()["meta"]["disclosure"]["policy"] == "rounded-enterprises"
    with TestClient(create_app(both.model_copy(update={"anonymous": "none"}))) as client:
        headers = {"Authorization": f"Bearer {keys[SIMING]}"}
        assert client.get(f"{question}&reference=parent", headers=headers).status_code == 403
        assert client.get(f"{question}&reference=rest", headers=headers).status_code == 200
        assert client.get(f"{LOW}?by=industry_group&target=0.1", headers=headers).status_code == 403  # everywhere
