"""Trends: a point per date, what breaks them, who has no point, what is refused; figures worked by hand."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from app.errors import InvalidRequest, ServiceError
from app.statistics.as_of import ExactOnly
from app.store import shelf
from app.store.shelf import SnapshotNotFound
from tests.factories.asking import Asker, Reader
from tests.factories.loading import fill
from tests.factories.tiny import parts, tiny_registry
from tests.reference.questions import DIMENSIONS_OF

MARCH, JUNE, SEPTEMBER = date(2017, 3, 31), date(2017, 6, 30), date(2017, 9, 30)
M, J, S = "2017-03-31", "2017-06-30", "2017-09-30"

TABLES = {
    "enterprises": """
        code, district_code, industry_code, registered_on, closed_on
        A,    wucun,         64,            2010-01-01,
        B,    wucun,         64,            2010-01-01,    2017-08-01
        C,    jialian,       65,            2017-05-01,
    """,
    "returns": """
        enterprise_code, reported_on, headcount
        A,               2017-01-31,  10
        A,               2017-06-30,  20
        B,               2017-01-31,  30
        C,               2017-06-30,  40
    """,
    "branches": """
        code, kind,      parent_code, dual_affiliation, established_on, dissolved_on
        J,    committee, ,            false,              2017-06-25,
        F,    branch,    J,           true,              2017-06-25,
        P,    branch,    ,            false,              2010-01-01,     2017-06-01
    """,
    "coverage": """
        enterprise_code, branch_code, means,      start_on,   end_on
        A,               P,           standalone, 2010-01-01, 2017-09-01
        B,               ,            instructor, 2017-06-01,
    """,
    "members": """
        ref, joined_on,  full_since
        a1,  2010-07-01, 2011-07-01
        a2,  2017-06-01,
        b1,  2010-07-01, 2011-07-01
    """,
    "employments": """
        member_ref, enterprise_code, start_on
        a1,         A,               2015-01-01
        a2,         A,               2015-01-01
        b1,         B,               2015-01-01
    """,
    "affiliations": """
        member_ref, branch_code, role,      start_on
        b1,         P,           primary,   2010-07-01
        b1,         F,           secondary, 2017-06-25
        a1,         F,           secondary, 2017-07-15
    """,
    "industry_groups": """
        group_code, name_zh, industry_code
        net,        网络,    64
    """,
}


@pytest.fixture(scope="module")
def asker(shared_url: str, tmp_path_factory: pytest.TempPathFactory) -> Asker:
    """Three dates of one registry, which nothing changes."""
    return with_dates(shared_url, tmp_path_factory.mktemp("trends"))


@pytest.fixture
def own(migrated_sqlite_url: str, tmp_path: Path) -> Asker:
    """The same, for a test that changes it."""
    return with_dates(migrated_sqlite_url, tmp_path)


def with_dates(url: str, folder: Path) -> Asker:
    fill(url, tiny_registry(**TABLES))
    asker = Asker(url, folder)
    for as_of in (JUNE, MARCH, SEPTEMBER):  # whatever the order of the builds
        asker.build(as_of)
    return asker


def over_time(trend: dict[str, Any], metric: str) -> dict[str, Any]:
    """Numerator and denominator of one metric by date, of a trend of one subject; of branches in the subtree."""
    return {row["as_of"]: parts(row.get("subtree", row)["rates"][metric]) for row in trend["data"]}


def panel(trend: dict[str, Any], dimension: str, measure: str = "enterprises") -> dict[str, dict[str, Any]]:
    """One measure by what the rows are of, then by date, in the order of the answer."""
    found: dict[str, dict[str, Any]] = {}
    for row in trend["data"]:
        named = row[dimension]["code"] if isinstance(row[dimension], dict) else row[dimension]
        found.setdefault(named, {})[row["as_of"]] = row["counts"][measure]
    return found


def changes(trend: dict[str, Any], measure: str, metric: str) -> list[Any]:
    """The change of a count and of a ratio in each row; null where there is none."""
    found = [row["change"] for row in trend["data"]]
    return [one and (one["counts"][measure], one["rates"][metric]) for one in found]


def refusal(asker: Reader, params: dict[str, Any]) -> ServiceError:
    with pytest.raises(ServiceError) as refused:
        asker.trend(params)
    return refused.value


def test_figures_of_a_population_follow_the_dates_when_no_question_names_them(asker: Asker) -> None:
    trend = asker.trend({})
    # A; B until 1 August; C since May. P, the branch of A, is dissolved in June.
    assert over_time(trend, "organisation_coverage") == {
        M: (1, 2),
        J: (0, 3),
        S: (0, 2),
    }
    # June: b1 takes part in F, and B has an instructor besides; September: B is closed, a1 takes part in F
    assert over_time(trend, "work_coverage") == {M: (1, 2), J: (1, 3), S: (1, 2)}
    assert over_time(trend, "member_ratio") == {M: (2, 40), J: (3, 90), S: (2, 60)}
    assert over_time(trend, "dual_reach") == {M: (0, 1), J: (1, 3), S: (1, 2)}
    assert [row["breaks"] for row in trend["data"]] == [[], [], []]
    assert (trend["meta"]["as_of"], trend["meta"]["rows"], trend["meta"]["basis"]) == ("2017-09-30", 1, "operating")
    for row in trend["data"]:
        one = asker.one("districts", "fujian", {}, row["snapshot"])
        assert (row["counts"], row["rates"]) == (one["data"]["counts"], one["data"]["rates"])
        assert set(row) == {"as_of", "snapshot", "breaks", "counts", "rates"}
    narrower = asker.trend({"industry_group": "net", "basis": "registered"})
    assert over_time(narrower, "member_ratio") == {M: (2, 40), J: (3, 50), S: (2, 20)}
    assert narrower["meta"]["basis"] == "registered"
    several = asker.trend({"district": ["jialian", "wucun"], "industry": ["64", "65"]})
    assert over_time(several, "member_ratio") == over_time(trend, "member_ratio")


def test_each_subject_has_all_its_dates_when_broken_down(asker: Asker) -> None:
    streets = asker.trend({"by": "street"})
    # C is of June: jialian has zeros before; the streets without an enterprise at any date are not listed
    assert panel(streets, "district") == {"jialian": {M: 0, J: 1, S: 1}, "wucun": {M: 2, J: 2, S: 1}}
    assert list(panel(streets, "district")) == ["jialian", "wucun"]
    assert (streets["meta"]["rows"], streets["meta"]["as_of"]) == (2, S)
    assert panel(asker.trend({"by": "industry_group"}), "industry_group") == {"net": {M: 2, J: 2, S: 1}}
    assert panel(asker.trend({"by": "division", "basis": "registered"}), "industry", "members") == {
        "64": {M: 2, J: 3, S: 2}, "65": {M: 0, J: 0, S: 0},
    }  # fmt: skip
    kinds = asker.trend({"by": "enterprise_kind"})
    assert panel(kinds, "enterprise_kind") == {"enterprise": {M: 2, J: 3, S: 2}}
    assert asker.trend({"by": "sector"})["data"] == []  # no ownership is known
    bases = asker.trend({"by": "basis", "district": "wucun"})
    assert panel(bases, "basis") == {"registered": {M: 2, J: 2, S: 1}, "operating": {M: 2, J: 2, S: 1}}
    assert bases["meta"]["basis"] is None
    assert all(row["enterprise_kind"] for row in kinds["data"])


@pytest.mark.parametrize("by", ["street", "division", "industry_group", "enterprise_kind", "basis"])
def test_a_panel_is_its_single_breakdowns_and_trends_when_they_are_asked_one_by_one(asker: Asker, by: str) -> None:
    panels = asker.trend({"by": by})
    dimension = DIMENSIONS_OF[by]
    for row in panels["data"]:
        at_date = asker.breakdown({"by": by}, row["snapshot"])
        same = [one for one in at_date["data"] if one[dimension] == row[dimension]]
        assert [figures_of(one) for one in same] == ([figures_of(row)] if row["counts"]["enterprises"] else [])
    subjects = {str(row[dimension]): row[dimension] for row in panels["data"]}
    for subject in subjects.values():
        named = subject["code"] if isinstance(subject, dict) else subject
        alone = asker.trend({dimension: named})
        together = [row for row in panels["data"] if row[dimension] == subject]
        if dimension == "industry_group" or by in ("enterprise_kind", "basis"):  # no withheld members in those rows
            assert [row["counts"]["members"] for row in alone["data"]] == [row["counts"]["members"] for row in together]
        else:
            assert [{**row, dimension: subject} for row in alone["data"]] == together
    assert asker.trend({"by": by}, 1) == panels  # page by page, a subject each


def figures_of(row: dict[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in ("counts", "rates")}


def test_changes_are_differences_to_the_date_before_or_the_first_when_compared(asker: Asker) -> None:
    previous = asker.trend({"compare_to": "previous"})
    assert changes(previous, "members", "member_ratio") == [
        None, (1, 3 / 90 - 2 / 40), (-1, 2 / 60 - 3 / 90),
    ]  # fmt: skip
    first = asker.trend({"compare_to": "first"})
    assert changes(first, "members", "member_ratio") == [None, (1, 3 / 90 - 2 / 40), (0, 2 / 60 - 2 / 40)]
    assert [{**row, "change": None} for row in previous["data"]] == [{**row, "change": None} for row in first["data"]]
    streets = asker.trend({"by": "street", "compare_to": "previous"})
    # jialian has no headcount in March, so no ratio there, and no change of it in June
    assert changes(streets, "enterprises", "member_ratio") == [
        None, (1, None), (0, 0), None, (0, 3 / 50 - 2 / 40), (-1, 2 / 20 - 3 / 50),
    ]  # fmt: skip
    later = asker.trend({"compare_to": "first", "from": J})
    assert changes(later, "members", "member_ratio") == [None, (-1, 2 / 60 - 3 / 90)]
    branch = asker.trend({"branch": "J", "compare_to": "previous"})
    assert [row["change"] and row["change"]["subtree"]["counts"]["affiliations"] for row in branch["data"]] == [None, 1]
    assert [row["change"] and row["change"]["own"]["counts"]["affiliations"] for row in branch["data"]] == [None, 0]
    firms = asker.trend({"enterprise": ["C", "A"], "compare_to": "first"})
    assert changes(firms, "members", "member_ratio") == [
        None, (1, 2 / 20 - 1 / 10), (1, 2 / 20 - 1 / 10), (None, None), (None, None),  # C is not there in March
    ]  # fmt: skip


def test_changes_are_null_when_a_break_or_a_missing_row_lies_between(own: Asker) -> None:
    url, folder = own.settings.registry_url, own.settings.data_dir
    Asker(url, folder, eligible_full_members=2).build(JUNE)
    for compared in ("previous", "first"):
        found = own.trend({"by": "street", "compare_to": compared})["data"]
        assert [row["breaks"] for row in found] == [[], ["settings"], ["settings"]] * 2
        for row in found:
            change = row["change"]
            assert (change is None) == (row["as_of"] == M)
            assert change is None or {*change["counts"].values(), *change["rates"].values()} == {None}
    renamed = tiny_registry(**TABLES | {"industry_groups": TABLES["industry_groups"].replace("64", "I")})
    fill(url, renamed)
    own.build(SEPTEMBER)
    own.build(JUNE)
    first = own.trend({"compare_to": "first"})  # between March and June alone
    assert [row["breaks"] for row in first["data"]] == [[], ["trees"], []]
    assert changes(first, "members", "member_ratio") == [None, (None, None), (None, None)]
    previous = own.trend({"compare_to": "previous"})
    assert changes(previous, "members", "member_ratio") == [None, (None, None), (-1, 2 / 60 - 3 / 90)]
    gone = own.trend({"branch": "P", "compare_to": "first"})
    assert [row["change"] for row in gone["data"]] == [None]


def test_dates_are_those_of_the_range_when_it_has_ends(asker: Asker) -> None:
    def dates(**limits: str) -> list[str]:
        return [row["as_of"] for row in asker.trend({name.strip("_"): day for name, day in limits.items()})["data"]]

    assert dates(from_="2017-06-30") == ["2017-06-30", "2017-09-30"]
    assert dates(to="2017-06-30") == ["2017-03-31", "2017-06-30"]
    assert dates(from_="2017-04-01", to="2017-09-29") == ["2017-06-30"]
    asked = asker.trend({"to": "2017-07-15"})["meta"]
    assert (asked["as_of"], asked["requested_as_of"]) == ("2017-06-30", "2017-07-15")


def test_the_dates_there_are_are_told_when_the_range_holds_none(asker: Asker) -> None:
    there = ("2017-09-30", "2017-06-30", "2017-03-31")
    for limits, pointers in (
        ({"from": "2018-01-01"}, ["query/from"]),
        ({"from": "2017-04-01", "to": "2017-04-30"}, ["query/from", "query/to"]),
    ):
        error = refusal(asker, limits)
        assert isinstance(error, SnapshotNotFound)
        assert [(item.place, item.suggestions) for item in error.errors] == [(pointer, there) for pointer in pointers]
    wrong = refusal(asker, {"from": "2017-09-30", "to": "2017-03-31"})
    assert isinstance(wrong, InvalidRequest)
    assert [item.place for item in wrong.errors] == ["query/from", "query/to"]


def test_an_enterprise_has_no_point_when_it_is_not_registered(asker: Asker) -> None:
    a = asker.trend({"enterprise": "A"})
    assert over_time(a, "member_ratio") == {M: (1, 10), J: (2, 20), S: (2, 20)}
    assert over_time(a, "full_member_share") == {M: (1, 1), J: (1, 2), S: (1, 2)}
    assert [(row["enterprise"]["code"], row["enterprise"]["organised"]) for row in a["data"]] == [
        ("A", True), ("A", False), ("A", False),
    ]  # fmt: skip
    assert "organisation_coverage" not in a["data"][0]["rates"]
    assert a["meta"]["basis"] is None
    assert list(over_time(asker.trend({"enterprise": "B"}), "member_ratio")) == ["2017-03-31", "2017-06-30"]
    assert asker.trend({"enterprise": "B"})["meta"]["as_of"] == "2017-06-30"
    assert list(over_time(asker.trend({"enterprise": "C"}), "member_ratio")) == ["2017-06-30", "2017-09-30"]
    together = asker.trend({"enterprise": ["C", "A", "B"]})
    assert [(row["enterprise"]["code"], row["as_of"]) for row in together["data"]] == [
        ("A", M), ("A", J), ("A", S), ("B", M), ("B", J), ("C", J), ("C", S),
    ]  # fmt: skip
    assert together["meta"]["rows"] == 3
    assert asker.trend({"enterprise": ["C", "A", "B"]}, 1) == together
    unknown: list[dict[str, Any]] = [
        {"enterprise": "X"}, {"enterprise": "B", "from": "2017-09-01"}, {"enterprise": ["A", "X"]},
    ]  # fmt: skip
    for question in unknown:
        error = refusal(asker, question)
        assert isinstance(error, InvalidRequest)
        assert [item.place for item in error.errors] == ["query/enterprise"]


def test_a_branch_is_followed_with_all_below_it_while_it_lives(asker: Asker) -> None:
    j = asker.trend({"branch": "J"})
    assert over_time(j, "affiliation_inflation") == {
        J: (1, 1),
        S: (2, 2),
    }  # b1, then a1 too, in F
    assert over_time(j, "dual_affiliation_share") == {J: (1, 1), S: (2, 2)}
    assert {"counts", "rates"}.isdisjoint(j["data"][0])
    assert [row["own"]["counts"]["affiliations"] for row in j["data"]] == [0, 0]
    assert "member_ratio" not in j["data"][0]["subtree"]["rates"]
    both = asker.trend({"branch": ["P", "F"]})
    assert [(row["branch"]["code"], row["as_of"]) for row in both["data"]] == [("F", J), ("F", S), ("P", M)]
    assert list(over_time(asker.trend({"branch": "P"}), "women_share")) == ["2017-03-31"]
    error = refusal(asker, {"branch": "P", "from": "2017-06-30"})
    assert isinstance(error, InvalidRequest)
    assert [item.place for item in error.errors] == ["query/branch"]


@pytest.mark.long
def test_breaks_tell_what_changed_when_something_did(own: Asker) -> None:
    url, folder = own.settings.registry_url, own.settings.data_dir
    renamed = tiny_registry(**TABLES | {"industry_groups": TABLES["industry_groups"].replace("64", "I")})
    fill(url, renamed)
    Asker(url, folder).build(SEPTEMBER)
    assert breaks(own) == [[], [], ["trees"]]
    Asker(url, folder, eligible_full_members=2, member_source="returns").build(JUNE)
    assert breaks(own) == [
        [],
        ["settings", "trees", "member_source"],
        ["settings", "member_source"],
    ]
    Asker(url, folder, member_source="register").build(JUNE)  # what `auto` comes to as well
    assert breaks(own) == [[], ["settings", "trees"], ["settings"]]
    own.build(JUNE)
    assert breaks(own) == [[], ["trees"], []]


def breaks(asker: Asker) -> list[list[str]]:
    return [row["breaks"] for row in asker.trend({})["data"]]


def test_a_date_has_no_point_when_its_tree_lacks_the_code(own: Asker) -> None:
    merged = tiny_registry(**TABLES)
    merged["districts"] = [row for row in merged["districts"] if row["code"] != "jialian"]
    merged["enterprises"] = [
        {**row, "district_code": "wucun" if row["district_code"] == "jialian" else row["district_code"]}
        for row in merged["enterprises"]
    ]
    fill(own.settings.registry_url, merged)
    own.build(JUNE)
    jialian = own.trend({"district": "jialian"})
    assert over_time(jialian, "organisation_coverage") == {M: (0, 0), S: (0, 1)}  # C
    assert [row["breaks"] for row in jialian["data"]] == [[], []]
    wucun = own.trend({"district": "wucun"})
    assert over_time(wucun, "organisation_coverage") == {
        M: (1, 2),
        J: (0, 3),
        S: (0, 1),
    }
    assert [row["breaks"] for row in wucun["data"]] == [[], ["trees"], ["trees"]]
    for params in ({"district": "nowhere"}, {"district": "jialian", "from": "2017-06-30", "to": "2017-06-30"}):
        error = refusal(own, params)
        assert isinstance(error, InvalidRequest)
        assert [item.place for item in error.errors] == ["query/district"]


def test_the_newest_whole_snapshot_of_a_date_answers_when_there_are_several(own: Asker) -> None:
    old = own.shelf.newest().manifest.id
    apart = {name: text for name, text in TABLES.items() if name != "affiliations"}
    fill(own.settings.registry_url, tiny_registry(**apart))
    new = own.build(SEPTEMBER)
    reader = Reader(own.settings.snapshots_dir / "exact")
    assert reader.trend({})["data"][-1]["snapshot"] == new
    with (own.settings.snapshots_dir / "exact" / new / "totals.arrow").open("r+b") as file:
        file.truncate(100)
    reader = Reader(own.settings.snapshots_dir / "exact")
    assert [row["snapshot"] for row in reader.trend({})["data"]][-1] == old
    assert list(reader.shelf.damaged) == [new]


@pytest.mark.long
def test_others_stay_mapped_when_a_trend_looks_at_many_snapshots(own: Asker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shelf, "_MAPPED_AT_ONCE", 3)
    for months in range(6):
        own.build(date(2016, 1, 1) + timedelta(30 * months))
    reader = Reader(own.settings.snapshots_dir / "exact")
    newest = reader.shelf.newest()
    assert len(reader.trend({})["data"]) == 9
    assert reader.shelf.newest() is newest
    mapped = [manifest.as_of for manifest in reader.shelf.all() if reader.shelf.is_mapped(manifest)]
    assert len(mapped) == 3
    assert SEPTEMBER in mapped
    assert reader.trend({}) == Reader(own.settings.snapshots_dir / "exact").trend({})  # kept, and counted anew


def test_one_enterprise_or_branch_is_exact_only_when_figures_are_protected(
    migrated_sqlite_url: str, tmp_path: Path
) -> None:
    fill(migrated_sqlite_url, tiny_registry(**TABLES))
    own = Asker(migrated_sqlite_url, tmp_path, anonymous="public")
    for as_of in (MARCH, JUNE):
        own.build(as_of)
    reader = Reader(own.settings.snapshots_dir / "public")
    trend = reader.trend({"industry": "64"})
    assert over_time(trend, "organisation_coverage") == {M: (1, 2), J: (0, 2)}
    assert {row["rates"]["work_coverage"]["status"] for row in trend["data"]} == {"protected"}
    streets = reader.trend({"by": "street", "compare_to": "first"})
    assert panel(streets, "district") == {"jialian": {M: 0, J: 1}, "wucun": {M: 2, J: 2}}
    assert changes(streets, "enterprises", "standalone_rate") == [None, (1, None), None, (0, 0 - 1 / 2)]
    for params, pointer in (
        ({"enterprise": "A"}, "query/enterprise"),
        ({"by": "site"}, "query/by"),
        ({"by": "sector"}, "query/by"),
        ({"by": "basis"}, "query/by"),
        ({"sector": "public"}, "query/sector"),
        ({"branch": "none"}, "query/branch"),
        ({"basis": "registered"}, "query/basis"),
        ({"ownership": "state"}, "query/ownership"),
    ):
        error = refusal(reader, params)
        assert isinstance(error, ExactOnly)
        assert [item.place for item in error.errors] == [pointer]
