"""Trends: a point per date, what breaks them, who has no point, what is refused; figures worked by hand."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from app.errors import InvalidRequest, ServiceError
from app.statistics.as_of import ExactOnly
from app.store.shelf import SnapshotNotFound
from tests.factories.asking import Asker, Reader
from tests.factories.loading import fill
from tests.factories.tiny import parts, tiny_registry

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


@pytest.fixture
def asker(migrated_url: str, tmp_path: Path) -> Asker:
    """Three dates of one registry."""
    fill(migrated_url, tiny_registry(**TABLES))
    asker = Asker(migrated_url, tmp_path)
    for as_of in (JUNE, MARCH, SEPTEMBER):  # whatever the order of the builds
        asker.build(as_of)
    return asker


def over_time(trend: dict[str, Any], metric: str) -> dict[str, Any]:
    """Numerator and denominator of one metric by date."""
    return {row["as_of"]: parts(row["rates"][metric]) for row in trend["data"]}


def refusal(asker: Reader, params: dict[str, str], *metrics: str) -> ServiceError:
    with pytest.raises(ServiceError) as refused:
        asker.trend(params, *metrics)
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
    assert (trend["meta"]["as_of"], trend["meta"]["rows"], trend["meta"]["basis"]) == ("2017-09-30", 3, "operating")
    for row in trend["data"]:
        one = asker.one("districts", "fujian", {}, row["snapshot"])
        assert row["rates"] == one["data"]["rates"]


def test_only_metrics_asked_for_are_there_when_some_are(asker: Asker) -> None:
    trend = asker.trend(
        {"industry_group": "net", "basis": "registered"}, "work_coverage", "member_ratio", "member_ratio"
    )
    assert [list(row["rates"]) for row in trend["data"]] == [["member_ratio", "work_coverage"]] * 3
    assert over_time(trend, "member_ratio") == {M: (2, 40), J: (3, 50), S: (2, 20)}
    assert trend["meta"]["basis"] == "registered"


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
    assert "organisation_coverage" not in a["data"][0]["rates"]
    assert a["meta"]["basis"] is None
    assert list(over_time(asker.trend({"enterprise": "B"}), "member_ratio")) == ["2017-03-31", "2017-06-30"]
    assert asker.trend({"enterprise": "B"})["meta"]["as_of"] == "2017-06-30"
    assert list(over_time(asker.trend({"enterprise": "C"}), "member_ratio")) == ["2017-06-30", "2017-09-30"]
    for question in ({"enterprise": "X"}, {"enterprise": "B", "from": "2017-09-01"}):
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
    assert "member_ratio" not in j["data"][0]["rates"]
    assert list(over_time(asker.trend({"branch": "P"}), "women_share")) == ["2017-03-31"]
    error = refusal(asker, {"branch": "P", "from": "2017-06-30"})
    assert isinstance(error, InvalidRequest)
    assert [item.place for item in error.errors] == ["query/branch"]


def test_metrics_are_refused_when_the_subject_has_none_such(asker: Asker) -> None:
    for params, metric in (
        ({}, "affiliation_inflation"),
        ({"enterprise": "A"}, "work_coverage"),
        ({"branch": "J"}, "member_ratio"),
    ):
        error = refusal(asker, params, metric, "women_share")
        assert isinstance(error, InvalidRequest)
        assert [item.place for item in error.errors] == ["query/metric"]
        assert "women_share" in error.errors[0].allowed
        assert metric not in error.errors[0].allowed


def test_breaks_tell_what_changed_when_something_did(asker: Asker) -> None:
    url, folder = asker.settings.registry_url, asker.settings.data_dir
    renamed = tiny_registry(**TABLES | {"industry_groups": TABLES["industry_groups"].replace("64", "I")})
    fill(url, renamed)
    Asker(url, folder).build(SEPTEMBER)
    assert breaks(asker) == [[], [], ["industry_groups"]]
    Asker(url, folder, eligible_full_members=2, member_source="returns").build(JUNE)
    assert breaks(asker) == [
        [],
        ["settings", "member_source", "industry_groups"],
        ["settings", "member_source"],
    ]
    Asker(url, folder, member_source="register").build(JUNE)  # what `auto` comes to as well
    assert breaks(asker) == [[], ["settings", "industry_groups"], ["settings"]]
    asker.build(JUNE)
    assert breaks(asker) == [[], ["industry_groups"], []]


def breaks(asker: Asker) -> list[list[str]]:
    return [row["breaks"] for row in asker.trend({})["data"]]


def test_a_date_has_no_point_when_its_tree_lacks_the_code(asker: Asker) -> None:
    merged = tiny_registry(**TABLES)
    merged["districts"] = [row for row in merged["districts"] if row["code"] != "jialian"]
    merged["enterprises"] = [
        {**row, "district_code": "wucun" if row["district_code"] == "jialian" else row["district_code"]}
        for row in merged["enterprises"]
    ]
    fill(asker.settings.registry_url, merged)
    asker.build(JUNE)
    jialian = asker.trend({"district": "jialian"})
    assert over_time(jialian, "organisation_coverage") == {M: (0, 0), S: (0, 1)}  # C
    assert [row["breaks"] for row in jialian["data"]] == [[], []]
    wucun = asker.trend({"district": "wucun"})
    assert over_time(wucun, "organisation_coverage") == {
        M: (1, 2),
        J: (0, 3),
        S: (0, 1),
    }
    assert [row["breaks"] for row in wucun["data"]] == [[], ["districts"], ["districts"]]
    for params in ({"district": "nowhere"}, {"district": "jialian", "from": "2017-06-30", "to": "2017-06-30"}):
        error = refusal(asker, params)
        assert isinstance(error, InvalidRequest)
        assert [item.place for item in error.errors] == ["query/district"]


def test_the_newest_whole_snapshot_of_a_date_answers_when_there_are_several(asker: Asker) -> None:
    old = asker.shelf.newest().manifest.id
    apart = {name: text for name, text in TABLES.items() if name != "affiliations"}
    fill(asker.settings.registry_url, tiny_registry(**apart))
    new = asker.build(SEPTEMBER)
    reader = Reader(asker.settings.snapshots_dir / "exact")
    assert reader.trend({})["data"][-1]["snapshot"] == new
    with (asker.settings.snapshots_dir / "exact" / new / "totals.arrow").open("r+b") as file:
        file.truncate(100)
    reader = Reader(asker.settings.snapshots_dir / "exact")
    assert [row["snapshot"] for row in reader.trend({})["data"]][-1] == old
    assert list(reader.shelf.damaged) == [new]


def test_others_stay_mapped_when_a_trend_looks_at_many_snapshots(asker: Asker) -> None:
    for months in range(9):
        asker.build(date(2016, 1, 1) + timedelta(30 * months))
    reader = Reader(asker.settings.snapshots_dir / "exact")
    newest = reader.shelf.newest()
    assert len(reader.trend({})["data"]) == 12
    assert reader.shelf.newest() is newest
    mapped = [manifest.as_of for manifest in reader.shelf.all() if reader.shelf.is_mapped(manifest)]
    assert mapped == [SEPTEMBER]
    assert reader.trend({}) == Reader(asker.settings.snapshots_dir / "exact").trend({})  # kept, and counted anew


def test_one_enterprise_or_branch_is_exact_only_when_figures_are_protected(migrated_url: str, tmp_path: Path) -> None:
    fill(migrated_url, tiny_registry(**TABLES))
    asker = Asker(migrated_url, tmp_path, anonymous="public")
    for as_of in (MARCH, JUNE):
        asker.build(as_of)
    reader = Reader(asker.settings.snapshots_dir / "public")
    trend = reader.trend({"industry": "64"})
    assert over_time(trend, "organisation_coverage") == {M: (1, 2), J: (0, 2)}
    assert {row["rates"]["work_coverage"]["status"] for row in trend["data"]} == {"protected"}
    for params, pointer in (
        ({"enterprise": "A"}, "query/enterprise"),
        ({"branch": "none"}, "query/branch"),
        ({"basis": "registered"}, "query/basis"),
        ({"ownership": "state"}, "query/ownership"),
    ):
        error = refusal(reader, params)
        assert isinstance(error, ExactOnly)
        assert [item.place for item in error.errors] == [pointer]
