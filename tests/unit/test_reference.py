"""The reference reading of the rules against the worked example and figures known from elsewhere."""

from datetime import date
from fractions import Fraction

import pytest

from tests.reference import QuestionError, Reference, Registry, Row, registry_of, row
from tests.reference.facts import Counts
from tests.reference.measures import MEASURES, PERSON_MEASURES
from tests.reference.rates import METRICS, rate, raw_correlation, wilson
from tests.reference.registry import months_before

DAY = date(2017, 6, 30)
LONG_AGO = date(2010, 1, 1)


def district(code: str, level: str, parent: str | None = None) -> Row:
    return row("districts", code=code, level=level, parent_code=parent, name_zh=code)


def industry(code: str, level: str, parent: str | None = None) -> Row:
    return row("industries", code=code, level=level, parent_code=parent, name_zh=code)


def member(ref: str, **cells: object) -> Row:
    return row("members", **{"ref": ref, "joined_on": LONG_AGO, "full_since": LONG_AGO, "identity": "open"} | cells)


def works(ref: str, enterprise: str, start: date = LONG_AGO, end: date | None = None) -> Row:
    return row("employments", member_ref=ref, enterprise_code=enterprise, start_on=start, end_on=end)


def takes_part(ref: str, branch: str, role: str) -> Row:
    return row("affiliations", member_ref=ref, branch_code=branch, role=role, start_on=LONG_AGO)


def branch(code: str, parent: str | None = None, **cells: object) -> Row:
    given_cells = {"code": code, "name": code, "kind": "branch", "parent_code": parent, "district_code": "S"}
    return row("branches", **given_cells | {"dual_affiliation": False} | cells)


def filed(enterprise: str, **cells: object) -> Row:
    return row("returns", enterprise_code=enterprise, **{"reported_on": date(2017, 3, 31)} | cells)


def worked_example(a4: str = "open") -> Registry:
    """Street S: A with a1 to a4 and an instructor, B with b1, C without a return; committee J with F1 and F2."""
    here = {"district_code": "S", "kind": "enterprise"}
    return registry_of(
        districts=[district("K", "county"), district("S", "street", "K")],
        industries=[industry("I", "section")],
        enterprises=[row("enterprises", code=code, name=code, **here) for code in "ABC"],
        returns=[filed("A", headcount=10), filed("B", headcount=5)],
        branches=[
            branch("J", kind="committee", dual_affiliation=True),
            branch("F1", "J", dual_affiliation=True),
            branch("F2", "J", dual_affiliation=True),
            branch("R"),
        ],
        coverage=[row("coverage", enterprise_code="A", means="instructor", start_on=LONG_AGO)],
        members=[
            *(member(ref) for ref in ("a1", "a2", "a3", "b1")),
            member("a4", full_since=None, identity=a4),
        ],
        employments=[*(works(ref, "A") for ref in ("a1", "a2", "a3", "a4")), works("b1", "B")],
        affiliations=[
            takes_part("b1", "R", "primary"),
            takes_part("b1", "F2", "secondary"),
            takes_part("a1", "F1", "secondary"),
            takes_part("a1", "F2", "secondary"),
        ],
    )


def street(registry: Registry, **params: str) -> Row:
    answer: Row = Reference(registry, DAY).get_statistics("districts", "S", params)["data"]
    return answer


def ratio(block: Row, metric: str) -> tuple[int | None, int | None]:
    return block["rates"][metric]["numerator"], block["rates"][metric]["denominator"]


def test_every_figure_stands_when_asked_for_the_worked_example() -> None:
    registered, operating = street(worked_example(), basis="registered"), street(worked_example())
    assert registered["counts"]["enterprises"] == 3
    assert operating["counts"]["enterprises"] == 2
    assert ratio(operating, "organisation_coverage") == (0, 2)
    assert ratio(operating, "organisation_coverage_with_dual") == (2, 2)
    assert ratio(operating, "work_coverage") == (2, 2)
    assert operating["counts"]["enterprises_reached_by_dual"] == 2
    assert operating["counts"]["enterprises_work_only"] == 0
    assert ratio(operating, "establishment_rate") == (0, 1)
    assert ratio(operating, "member_ratio") == (5, 15)
    assert ratio(registered, "reporting_rate") == (2, 3)
    assert operating["counts"]["members_unorganised"] == 5
    assert ratio(operating, "dual_reach") == (2, 5)


def test_a_member_in_two_branches_counts_once_when_a_committee_is_asked_for() -> None:
    answer = Reference(worked_example(), DAY).get_statistics("branches", "J", {})["data"]
    assert answer["own"]["counts"]["members_participating"] == 0
    assert answer["subtree"]["counts"]["members_participating"] == 2
    assert answer["subtree"]["counts"]["affiliations"] == 3
    assert answer["subtree"]["rates"]["affiliation_inflation"]["value"] == 1.5
    assert answer["subtree"]["counts"]["enterprises_participating"] == 2


def test_a_withheld_member_shows_only_at_county_and_above_when_there_is_one() -> None:
    reference = Reference(worked_example("withheld"), DAY)
    at_street = reference.get_statistics("districts", "S", {})["data"]
    at_county = reference.get_statistics("districts", "K", {})["data"]
    assert at_street["counts"]["members"] == at_county["counts"]["members"] == 4
    assert at_street["counts"]["members_withheld"] is None
    assert at_county["counts"]["members_withheld"] == 1
    assert ratio(at_street, "member_ratio") == (4, 15)
    assert at_street["rates"]["member_ratio_upper"]["status"] == "not_applicable"
    assert ratio(at_street, "member_ratio_upper") == (None, 15)
    assert ratio(at_county, "member_ratio_upper") == (5, 15)
    listed = reference.list_statistics("districts", {"parent": "K"})
    assert listed["total"]["counts"]["members_withheld"] == 1
    assert listed["unallocated"]["counts"]["members_withheld"] is None
    empty = reference.list_statistics("districts", {"level": "city"})
    assert empty["unallocated"]["counts"] == empty["total"]["counts"]


@pytest.mark.parametrize(
    ("params", "reaches"),
    [
        ({}, True),
        ({"basis": "registered"}, True),
        ({"basis": "eligible"}, False),
        ({"industry": "I"}, True),
        ({"industry": "64"}, False),
        ({"industry_group": "g"}, False),
        ({"ownership": "private"}, False),
        ({"enterprise_kind": "enterprise"}, False),
        ({"size_class": "micro"}, False),
    ],
)
def test_withheld_members_are_null_when_the_grain_does_not_reach(params: dict[str, str], reaches: bool) -> None:
    registry = worked_example("withheld")
    registry["industries"].append(industry("64", "division", "I"))
    registry["industry-groups"].append(row("industry-groups", group_code="g", name_zh="g", industry_code="I"))
    answer = Reference(registry, DAY).get_statistics("districts", "K", params)["data"]
    assert (answer["counts"]["members_withheld"] is not None) is reaches


def test_home_is_the_nearest_committee_when_a_member_takes_part_elsewhere() -> None:
    assert Reference(worked_example(), DAY).dual_affiliation() == [
        {"home": "R", "joint_branch": "F2", "members": 1},
        {"home": None, "joint_branch": "F1", "members": 1},
        {"home": None, "joint_branch": "F2", "members": 1},
    ]


@pytest.mark.parametrize(
    ("kinds", "dissolved", "expected"),
    [
        (("committee", "committee", "branch"), None, "mid"),
        (("committee", "committee", "branch"), "mid", "top"),
        (("general_branch", "branch", "branch"), None, "top"),
        (("general_branch", "branch", "branch"), "top", "mid"),
        (("general_branch", "branch", "branch"), "low", None),
    ],
)
def test_home_lives_at_or_above_the_primary_branch_when_there_is_a_tree(
    kinds: tuple[str, str, str], dissolved: str | None, expected: str | None
) -> None:
    registry = worked_example()
    above = {"top": None, "mid": "top", "low": "mid"}
    registry["branches"] += [
        branch(code, above[code], kind=kind, dissolved_on=DAY if code == dissolved else None)
        for code, kind in zip(above, kinds, strict=True)
    ]
    registry["affiliations"] = [takes_part("a1", "low", "primary"), takes_part("a1", "F1", "secondary")]
    found = Reference(registry, DAY).dual_affiliation()
    assert found == [{"home": expected, "joint_branch": "F1", "members": 1}]


def test_affiliations_end_when_membership_does() -> None:
    registry = worked_example()
    registry["members"][0]["left_on"] = DAY
    reference = Reference(registry, DAY)
    committee = reference.get_statistics("branches", "J", {})["data"]
    assert committee["subtree"]["counts"]["affiliations"] == 1
    assert reference.dual_affiliation() == [{"home": "R", "joint_branch": "F2", "members": 1}]


def test_nobody_lacks_a_workplace_organisation_when_the_enterprise_is_organised() -> None:
    registry = worked_example()
    registry["coverage"].append(row("coverage", enterprise_code="A", branch_code="R", means="joint", start_on=LONG_AGO))
    figures = street(registry)
    assert ratio(figures, "dual_reach") == (1, 1)
    assert ratio(figures, "dual_affiliation_share") == (2, 5)
    assert figures["counts"]["enterprises_reached_by_dual"] == 1
    attributes = Reference(registry, DAY).get_statistics("enterprises", "A", {})["data"]["enterprise"]
    assert (attributes["organised"], attributes["reached_by_dual"], attributes["work_only"]) == (True, True, False)
    assert (attributes["standalone"], attributes["branches"]) == (False, ["R"])


def test_a_subtree_reaches_through_a_parent_when_it_is_dissolved() -> None:
    registry = worked_example()
    registry["branches"][1:1] = [branch("M", "J", dissolved_on=DAY)]
    registry["branches"][2]["parent_code"] = "M"
    rows = {one["code"]: one for one in Reference(registry, DAY).branch_rows()}
    assert "M" not in rows
    assert rows["F1"]["parent_code"] == "J"
    assert rows["J"]["subtree"]["affiliations"] == 3


def test_correlation_is_the_stated_fraction_when_strata_are_those_of_the_check() -> None:
    strata = [[(0, 2), (3, 4), (1, 6)], [(0, 1), (4, 5), (1, 10), (2, 4)]]
    assert raw_correlation(strata) == Fraction(268950, 718273)
    assert raw_correlation([[(0, 2), (0, 4)]]) is None
    assert raw_correlation([]) is None


@pytest.mark.parametrize(
    ("part", "whole", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_agrees_with_newcombe_1998_when_counts_are_his(part: int, whole: int, low: float, high: float) -> None:
    assert wilson(part / whole, whole) == pytest.approx((low, high), abs=5e-5)


def test_wilson_is_exact_at_the_ends_when_nobody_or_everybody() -> None:
    square = 1.959963984540054**2
    (low, some), (most, high) = wilson(0.0, 7.5), wilson(1.0, 7.5)
    assert (low, high) == (0.0, 1.0)
    assert some == pytest.approx(square / (7.5 + square), rel=1e-14)
    assert most == pytest.approx(7.5 / (7.5 + square), rel=1e-14)


@pytest.mark.parametrize(
    ("matched", "staff", "unknown", "status"),
    [
        (0, 0, 0, "not_applicable"),
        (0, 0, 1, "unknown"),
        (40, 30, 1, "inconsistent"),
        (2, 3, 0, "low_base"),
        (5, 100, 1, "ok"),
    ],
)
def test_status_is_the_first_that_holds_when_several_do(matched: int, staff: int, unknown: int, status: str) -> None:
    squared = staff * max(1, staff // 50)
    known = {"members_matched": matched, "headcount_matched": staff, "headcount_matched_squared": squared}
    counts: Counts = {measure: known.get(measure, 0) for measure in MEASURES}
    counts["enterprises_headcount_unknown"] = unknown
    answer = rate(METRICS["member_ratio"], counts, frozenset(), 0.1)
    assert answer["status"] == status
    assert (answer["value"] is None) is (staff == 0)
    assert (answer["low"] is None) is (status in ("not_applicable", "unknown", "inconsistent"))


def test_windows_end_at_a_last_day_of_a_month_when_it_has_no_such_day() -> None:
    assert months_before(date(2017, 8, 31), 18) == date(2016, 2, 29)
    assert months_before(date(2017, 2, 28), 12) == date(2016, 2, 28)
    assert months_before(date(2016, 2, 29), 12) == date(2015, 2, 28)


def one_firm(**cells: object) -> Registry:
    """One firm whose return holds these cells, without any member in the register."""
    return registry_of(
        enterprises=[row("enterprises", code="A", name="A", kind="enterprise")], returns=[filed("A", **cells)]
    )


def only_row(registry: Registry) -> Row:
    answer: Row = Reference(registry, DAY).get_statistics("enterprises", "A", {})["data"]
    return answer


def test_a_blank_part_is_unknown_when_members_come_from_returns() -> None:
    answer = only_row(one_firm(headcount=40, members=35, members_dual=0))
    counts, rates = answer["counts"], answer["rates"]
    assert (counts["full_members"], counts["full_members_unknown"], counts["probationary_members"]) == (None, 35, None)
    assert (counts["members_dual"], counts["members_dual_unknown"]) == (0, 0)
    assert counts["members_joined"] is None
    assert answer["enterprise"]["eligible"] is None
    assert rates["full_member_share"] == {
        "value": None,
        "numerator": None,
        "denominator": 0,
        "low": None,
        "high": None,
        "status": "unknown",
    }
    assert (rates["dual_affiliation_share"]["value"], rates["dual_affiliation_share"]["status"]) == (0.0, "ok")
    assert (rates["turnover"]["numerator"], rates["turnover"]["denominator"]) == (None, 70)
    assert rates["turnover"]["status"] == "not_applicable"


def test_everything_of_persons_is_null_when_a_return_states_no_members() -> None:
    answer = only_row(one_firm(headcount=40))
    missing = {measure for measure in PERSON_MEASURES if answer["counts"][measure] is None}
    assert missing == set(PERSON_MEASURES) - {"headcount"}
    assert answer["enterprise"]["has_members"] is None
    assert {one["status"] for one in answer["rates"].values()} == {"unknown", "not_applicable"}
    listed = Reference(one_firm(headcount=40), DAY).list_statistics("enterprises", {})
    assert (listed["total"]["counts"]["members"], listed["total"]["counts"]["headcount"]) == (0, 40)
    assert Reference(one_firm(headcount=40), DAY).bases({})["data"][1]["counts"]["enterprises_members_unknown"] == 1


@pytest.mark.parametrize(("reported_on", "reporting"), [(date(2015, 12, 30), 0), (date(2015, 12, 31), 1), (DAY, 1)])
def test_a_return_counts_as_reporting_when_inside_the_window(reported_on: date, reporting: int) -> None:
    block = Reference(one_firm(reported_on=reported_on), DAY).bases({})["data"][0]
    assert block["counts"]["enterprises_reporting"] == reporting


@pytest.mark.parametrize(
    ("registered_on", "closed_on", "listed"),
    [(DAY, None, 1), (date(2017, 7, 1), None, 0), (None, DAY, 0), (None, date(2017, 7, 1), 1)],
)
def test_an_enterprise_is_there_when_the_date_is_inside_its_registration(
    registered_on: date | None, closed_on: date | None, listed: int
) -> None:
    registry = one_firm()
    registry["enterprises"][0].update(registered_on=registered_on, closed_on=closed_on)
    assert len(Reference(registry, DAY).enterprise_rows()) == listed


def flows(*employments: Row, **cells: object) -> dict[str, tuple[int, int]]:
    """Members joined and left per enterprise, of one member with these employments."""
    registry = registry_of(
        enterprises=[row("enterprises", code=code, name=code, kind="enterprise") for code in "AB"],
        members=[member("m", **cells)],
        employments=list(employments),
    )
    rows = Reference(registry, DAY, member_source="register").enterprise_rows()
    return {one["code"]: (one["counts"]["members_joined"], one["counts"]["members_left"]) for one in rows}


def test_a_spell_is_counted_once_when_employments_adjoin() -> None:
    change = date(2017, 1, 1)
    assert flows(works("m", "A", end=change), works("m", "A", change)) == {"A": (0, 0), "B": (0, 0)}
    assert flows(works("m", "A", end=change), works("m", "B", change)) == {"A": (0, 1), "B": (1, 0)}
    assert flows(works("m", "A"), joined_on=change, full_since=None, left_on=DAY) == {"A": (1, 1), "B": (0, 0)}
    assert flows(works("m", "A", end=change), identity="withheld") == {"A": (0, 0), "B": (0, 0)}
    assert flows(works("m", "A", date(2016, 6, 30), DAY)) == {"A": (0, 1), "B": (0, 0)}
    assert flows(works("m", "A", end=LONG_AGO), works("m", "B", change), joined_on=change) == {"A": (0, 0), "B": (1, 0)}


def test_floating_needs_a_beginning_when_only_its_end_is_given() -> None:
    registry = worked_example()
    registry["members"][0]["floating_until"] = date(2018, 1, 1)
    registry["members"][1]["floating_since"] = DAY
    assert street(registry)["counts"]["members_floating"] == 1


def test_rows_without_a_value_come_last_when_sorted_either_way() -> None:
    registry = worked_example()
    registry["returns"].append(filed("C"))
    reference = Reference(registry, DAY)
    for order, codes in (("asc", ["B", "A", "C"]), ("desc", ["A", "B", "C"])):
        listed = reference.list_statistics("enterprises", {"sort": "headcount", "order": order})
        assert [one["enterprise"]["code"] for one in listed["data"]] == codes


def test_a_question_is_refused_when_it_cannot_be_asked() -> None:
    reference = Reference(worked_example(), DAY)
    for subject, params in (
        ("districts", {"parent": "K", "within": "K"}),
        ("districts", {"district": "K"}),
        ("districts", {"parent": "nowhere"}),
        ("enterprises", {"sort": "enterprises"}),
        ("branches", {"basis": "registered"}),
        ("industry-groups", {"level": "section"}),
    ):
        with pytest.raises(QuestionError):
            reference.list_statistics(subject, params)
