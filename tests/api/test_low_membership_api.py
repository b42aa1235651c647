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
from app.catalogue.dimensions import By
from app.catalogue.measures import MEASURES
from app.catalogue.metrics import METRICS
from app.config import Settings
from app.database.engines import make_sync_engine
from app.database.write_lock import write_lock_sync
from app.demo.siming import SIMING_DATES
from app.main import create_app
from app.statistics.comparison import COLUMNS
from app.statistics.standardisation import ADJUSTMENT
from tests.factories.problems import place_of

LOW = "/v1/statistics/low-membership"
FIELDS = ("district", "industry", "industry_group", "enterprise_kind", "sector", "ownership", "size_class", "basis")
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
    return [(row["industry"] or row["industry_group"] or row["district"])["code"] for row in found["data"]]


# --- the story --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("as_of", [as_of.isoformat() for as_of in SIMING_DATES])
@pytest.mark.parametrize("tier", ["exact", "public"])
def test_the_internet_group_of_siming_is_low_before_and_after_the_joint_committee(
    tier: str, as_of: str, request: pytest.FixtureRequest
) -> None:
    service: TestClient = request.getfixturevalue(tier)
    found = ask(service, f"by=industry_group&district={SIMING}&as_of={as_of}")
    classes = {row["industry_group"]["code"]: row["class"] for row in found["data"]}
    found_low = {"low"} if tier == "exact" else {"low", "lower"}  # where rounding blurs, below the rest in any case
    assert classes.pop("internet") in found_low
    assert set(classes.values()) <= {"not_different", "few_expected"}
    assert codes(found)[0] == "internet"  # the least q


def test_what_explains_a_low_ratio_stands_in_its_row(exact: TestClient) -> None:
    found = ask(exact, f"by=industry_group&district={SIMING}&fields=all")
    internet, rest = found["data"][0], found["total"]
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
        "by=section",
        f"by=division&district={SIMING}&sort=headcount&order=desc",
        f"by=industry_group&district={SIMING}&reference=rest",
        f"by=division&district={SIMING}&reference=parent&sort=code",
        "by=division&target=0.08&alpha=0.2&margin=0.5&sort=class",
        "by=section&industry_group=internet&industry=I",
        f"by=section&district={FUJIAN}&sort=work_coverage",
        f"by=section&district={SIMING}&district=350206&industry=I&industry=C&industry=F",
        "by=street&target=0.08",
        "by=county&target=0.08&sort=member_ratio&status=ok&status=low_base",
    ],
)
def test_every_answer_has_its_documented_shape(tier: str, query: str, request: pytest.FixtureRequest) -> None:
    found = ask(request.getfixturevalue(tier), query)
    assert found["data"]
    assert found["meta"]["basis"] == "operating"
    assert found["meta"]["rows"] == len(found["data"])
    assert (found["unallocated"] is None) == ("by=industry_group" in query or "status" in query)
    for row in found["data"]:
        assert sum(row[name] is not None for name in FIELDS) == 1
        assert "members_expected" not in row
        assert (row["p"] is None) == (row["class"] in {"not_applicable", "inconsistent", "few_expected"})


@pytest.mark.parametrize("level", ["group", "class"])
@pytest.mark.parametrize("basis", ["registered", "surveyed", "eligible", "above_size"])
def test_every_level_and_basis_can_be_compared_exactly(exact: TestClient, level: str, basis: str) -> None:
    query = f"by={level}&basis={basis}&ownership=private&ownership=state&enterprise_kind=enterprise&sector=non_public"
    assert ask(exact, query)["meta"]["basis"] == basis


def test_columns_are_the_same_everywhere() -> None:
    fields = tuple(LowMembershipStatistics.model_fields)
    further = ("members_expected", "headcount_uncompared", "standardised_ratio", "precision")
    assert sorted(fields) == sorted((*FIELDS, *COLUMNS, *further, "counts", "rates"))
    assert set(further) <= set(ADJUSTMENT)
    figures = [*(measure.code for measure in MEASURES), *(metric.code for metric in METRICS)]
    assert [sort.value for sort in LowMembershipSort] == [*COLUMNS, *further, "code", *figures]
    assert {*COLUMNS, *ADJUSTMENT} <= set(COLUMN_LABELS)


def test_pages_give_the_whole_list_once(exact: TestClient) -> None:
    question = f"by=division&district={SIMING}"
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
    question = f"by=division&district={SIMING}&limit=5"
    cursor = ask(exact, question)["next_cursor"]
    assert exact.get(f"{LOW}?{question}&cursor={cursor}").status_code == 200
    answer = exact.get(f"{LOW}?{question}&cursor={cursor}&{other}")
    assert (answer.status_code, place_of(answer.json()["errors"][0])) == (422, "cursor")


def test_answers_are_not_mixed_up_when_only_the_comparison_differs(exact: TestClient) -> None:
    question = f"by=section&district={SIMING}&sort=code"
    plain, strict = ask(exact, question), ask(exact, f"{question}&alpha=0.00001")
    assert [row["class"] for row in plain["data"]] != [row["class"] for row in strict["data"]]
    assert ask(exact, question) == plain
    assert ask(exact, f"{question}&target=0.08")["data"][0]["reference_ratio"] == 0.08
    assert ask(exact, f"by=industry_group&district={SIMING}")["unallocated"] is None
    assert plain["unallocated"] is not None


def test_districts_are_compared_with_their_own_mix_of_industries(exact: TestClient) -> None:
    found = ask(exact, f"by=street&district={SIMING}&sort=code&fields=members_matched&fields=headcount_matched")
    assert codes(found) == sorted(codes(found))
    assert ask(exact, f"by=street&district={SIMING}&adjust=division&sort=code")["data"] != found["data"]  # headline
    compared = [row for row in found["data"] if row["class"] != "not_applicable"]
    assert compared
    for row in compared:
        ratio = row["standardised_ratio"]
        assert ratio["low"] <= ratio["value"] <= ratio["high"]
        assert row["ratio"] == pytest.approx(ratio["value"] * row["reference_ratio"])
        members = ratio["value"] * row["members_expected"]
        assert members <= row["counts"]["members_matched"] + 1e-9
        assert row["headcount_uncompared"] <= row["counts"]["headcount_matched"]
    coarse = ask(exact, f"by=street&district={SIMING}&adjust=section&sort=code")
    shared = zip(coarse["data"], found["data"], strict=True)
    assert sum(one["headcount_uncompared"] - other["headcount_uncompared"] for one, other in shared) <= 0
    question = f"by=street&district={SIMING}"
    rows = list(csv.DictReader(io.StringIO(exact.get(f"{LOW}.csv?{question}").text)))
    page = ask(exact, question)
    for row, expected in zip(rows, page["data"], strict=True):
        ratio = expected["standardised_ratio"] or dict.fromkeys(("value", "low", "high"))
        for column, value in (("", ratio["value"]), ("_low", ratio["low"]), ("_high", ratio["high"])):
            assert row[f"standardised_ratio{column}"] == ("" if value is None else str(value))
        assert row["headcount_uncompared"] == str(expected["headcount_uncompared"])
    by_precision = ask(exact, f"{question}&sort=precision&order=desc")
    known = [row["precision"] for row in by_precision["data"] if row["precision"] is not None]
    assert known == sorted(known, reverse=True)


# --- files ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tier", ["exact", "public"])
@pytest.mark.parametrize("listed", ["by=division", "by=industry_group", "by=street&target=0.1"])
def test_a_file_has_the_figures_of_the_page(tier: str, listed: str, request: pytest.FixtureRequest) -> None:
    service: TestClient = request.getfixturevalue(tier)
    question = f"{listed}&district={SIMING}"
    page = ask(service, question)
    dimension = next(name for name in FIELDS if page["data"][0][name] is not None)
    answer = service.get(f"{LOW}.csv?{question}&totals=true")
    assert answer.headers["content-disposition"] == 'attachment; filename="low-membership-2017-09-30.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    margins = ["total"] if page["unallocated"] is None else ["total", "unallocated"]
    assert [row["row"] for row in rows] == ["subject"] * len(page["data"]) + margins
    for row, expected in zip(rows, page["data"], strict=False):
        assert row[f"{dimension}_code"] == expected[dimension]["code"]
        for column in COLUMNS:
            assert row[column] == ("" if expected[column] is None else str(expected[column])), column
        assert row["members"] == str(expected["counts"]["members"])
        assert float(row["member_ratio"]) == expected["rates"]["member_ratio"]["value"]
    assert all(rows[-1][column] == "" for column in COLUMNS)
    assert ("industry_group_industries" in rows[0]) == (listed == "by=industry_group")
    assert (f"{dimension}_parent_code" in rows[0]) == (listed != "by=industry_group")


def test_records_are_typed_and_sorted_as_asked(exact: TestClient) -> None:
    records = exact.get(f"{LOW}.records?by=section&sort=shortfall&order=desc&fields=members").json()
    shortfalls = [record["shortfall"] for record in records if record["shortfall"] is not None]
    assert shortfalls == sorted(shortfalls, reverse=True)
    fields = [f"industry_{name}" for name in ("code", "name_zh", "name_en", "level", "parent_code")]
    assert list(records[0]) == ["row", *fields, *COLUMNS, "members"]


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
        ("", ["by"]),
        ("by=division&by=industry_group", ["by"]),
        ("by=industry", ["by"]),
        ("by=basis", ["by"]),
        ("industry_level=division", ["industry_level", "by"]),
        ("by=street&adjust=none", ["adjust", "target"]),
        ("by=street&adjust=industry", ["adjust"]),
        ("by=division&adjust=section", ["adjust", "by"]),
        ("by=industry_group&target=0.1&adjust=division", ["adjust", "adjust", "by"]),
        ("by=sector&target=0.1&adjust=division", ["adjust"]),
        (f"by=street&reference=parent&district={SIMING}", ["reference", "by"]),
        (f"by=section&reference=parent&district={SIMING}&district=350206", ["reference", "district"]),
        ("by=section&status=ok", ["status", "sort"]),
        ("by=section&sort=precision", ["sort", "adjust"]),
        ("by=section&sector=public&sector=public", ["sector"]),
        ("by=section&fields=all&fields=members", ["fields"]),
        ("by=section&fields=p", ["fields"]),
        ("by=industry_group&reference=all", ["reference"]),
        ("by=industry_group&reference=rest&target=0.1", ["reference", "target"]),
        ("by=industry_group&reference=parent", ["reference", "district"]),
        (f"by=industry_group&reference=parent&district={FUJIAN}", ["reference", "district"]),
        *((f"by=industry_group&target={target}", ["target"]) for target in
          ("0", "1", "-0.1", "1.5", "8%25", "nan", "inf", "", "0,1", "1e-999999999", "0_1")),
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
    assert allowed == {"by": [by.value for by in By if by is not By.BASIS]}
    errors = exact.get(f"{LOW}?by=industry_group&industry_group=internett").json()["errors"]
    assert errors[0]["suggestions"][0] == "internet"


@pytest.mark.parametrize("target", ["0.07", ".07", "7e-2", "0.070", "7E-02", "1e-300", "0.999999999999999999"])
def test_a_target_is_any_decimal_fraction(exact: TestClient, target: str) -> None:
    row = ask(exact, f"by=section&target={target}&sort=code")["data"][0]
    assert row["reference_ratio"] == float(target)


def test_a_target_is_read_when_it_is_typed_in_full_width(exact: TestClient) -> None:
    assert ask(exact, "by=section&target=%EF%BC%90.5&sort=code") == ask(exact, "by=section&target=0.5&sort=code")


def test_a_question_that_needs_exact_figures_is_refused_with_what_can_be_had(public: TestClient) -> None:
    answer = public.get(f"{LOW}?by=class&basis=eligible&ownership=state")
    assert answer.status_code == 403
    assert {place_of(error): error["allowed"] for error in answer.json()["errors"]} == {
        "basis": ["operating"],
        "ownership": [],
        "by": ["section", "division"],
    }
    assert public.get(f"{LOW}?by=class&reference=parent").status_code == 422  # malformed comes first
    for query, places in (("by=sector", ["by"]), ("by=site&target=0.1", ["by"]), ("by=street", ["adjust", "target"])):
        answer = public.get(f"{LOW}?{query}")
        assert answer.status_code == 403, query
        assert [place_of(error) for error in answer.json()["errors"]] == places


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
