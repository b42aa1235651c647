"""Every measure and every metric: what counts, on tables small enough to count by hand."""

from typing import Any

import pytest

from app.catalogue.measures import BRANCH_MEASURES, MEASURES
from app.catalogue.metrics import BRANCH_METRICS, METRICS
from tests.factories.tiny import Figures, Tiny, parts

TABLES = {
    "enterprises": """
        code,    kind,                district_code, industry_code
        own,     enterprise,          wucun,         64
        joint,   enterprise,          wucun,         65
        dual,    enterprise,          jialian,       64
        work,    social_organisation, jialian,       86
        alone,   institution,         wucun,         86
        absent,  enterprise,          wucun,         65
        shut,    enterprise,          wucun,         65
        """,
    "returns": """
        enterprise_code, reported_on, headcount_under_36, headcount_women, headcount_college, operating, fixed_premises, above_designated_size, headcount, members
        own,             2017-06-30,  20,                 10,              0,                 ,          true,           true,                  30,        6
        joint,           2017-06-30,  ,                   4,               8,                 true,      true,           false,                 10,        2
        dual,            2017-03-31,  9,                  ,                5,                 true,      ,               true,                  9,         4
        work,            2015-12-30,  0,                  29,              ,                  ,          true,           ,                      29,
        alone,           2017-06-30,  ,                   ,                ,                  true,      false,          true,                  ,          1
        shut,            2017-06-30,  ,                   ,                ,                  false,     true,           true,                  40,        0
        """,  # noqa: E501
    "branch_returns": """
        branch_code, period_on,  meetings, attendances
        below,       2016-06-01, 9,        90
        below,       2016-07-01, 1,
        below,       2017-06-01, 2,        10
        cell,        2017-01-01, 4,        30
        dead,        2017-05-01, 5,        50
        """,
    "branches": """
        code,      kind,      parent_code, dual_affiliation, established_on, dissolved_on
        committee, committee, ,            true,             ,
        cell,      branch,    committee,   true,             ,
        dead,      branch,    committee,   false,            ,               2017-06-30
        below,     branch,    dead,        false,            ,
        coming,    branch,    ,            false,            2017-07-01,
        """,
    "coverage": """
        enterprise_code, branch_code, means,        end_on
        own,             below,       standalone,
        own,             committee,   area,
        joint,           committee,   joint,
        dual,            dead,        joint,
        dual,            ,            liaison,
        work,            dead,        youth_league,
        work,            coming,      attached,
        alone,           ,            trade_union,  2017-06-30
        alone,           committee,   attached,     2017-06-30
        absent,          ,            instructor,
        """,
    "members": """
        ref,  joined_on,  full_since, left_on,    birth_year, sex,    education,        floating_since, floating_until
        o1,   2001-07-01, 2002-07-01, ,           1981,       female, bachelor,         2017-06-30,
        o2,   2001-07-01, 2002-07-01, ,           1982,       male,   junior_college,   2017-01-01,     2017-06-30
        o3,   2001-07-01, 2002-07-01, ,           ,           female, senior_secondary, 2017-07-01,
        o4,   2017-01-01, 2017-06-30, ,           1990,       ,       doctorate,        ,               2018-01-01
        o5,   2017-01-01, 2017-07-01, ,           1990,       male,   ,                 ,
        o6,   2017-01-01, ,           2017-06-30, 1990,       male,   master,           ,
        j1,   2001-07-01, 2002-07-01, ,           1960,       female, senior_secondary, ,
        d1,   2001-07-01, 2002-07-01, ,           1985,       female, bachelor,         2016-01-01,     2018-01-01
        d2,   2001-07-01, 2002-07-01, ,           1985,       male,   bachelor,         ,
        d3,   2001-07-01, 2002-07-01, ,           1985,       male,   bachelor,         ,
        a1,   2001-07-01, ,           ,           ,           ,       ,                 ,
        idle, 2001-07-01, 2002-07-01, ,           1950,       male,   bachelor,         ,
        """,
    "employments": """
        member_ref, enterprise_code, start_on,   end_on
        o1,         own,             2010-01-01,
        o2,         own,             2010-01-01,
        o3,         own,             2010-01-01,
        o4,         own,             2010-01-01,
        o5,         own,             2010-01-01,
        o6,         own,             2010-01-01,
        j1,         joint,           2010-01-01,
        d1,         dual,            2017-04-01,
        d2,         dual,            2010-01-01,
        d3,         dual,            2010-01-01,
        d1,         joint,           2010-01-01, 2017-04-01
        a1,         alone,           2016-06-30,
        """,
    "affiliations": """
        member_ref, branch_code, role,      end_on
        o1,         below,       primary,
        o1,         cell,        secondary,
        o1,         committee,   secondary,
        o2,         below,       primary,
        o6,         below,       primary,
        j1,         committee,   primary,
        d1,         cell,        secondary,
        d2,         dead,        primary,
        d3,         cell,        secondary, 2017-06-30
        idle,       committee,   primary,
        """,
}
"""`own` has a branch of its own, `joint` a shared one, `dual` a dissolved branch and a member elsewhere, `work` a youth
league of a dissolved branch, `alone` means that have ended, `absent` no return, `shut` does not operate."""


@pytest.fixture(scope="module")
def figures(tiny: Tiny) -> Figures:
    return tiny.hold(**TABLES).at()


MEASURED = {
    "enterprises": 5,  # own, joint, dual, work, alone: those that operate
    "enterprises_organised": 1 + 1,  # own, joint; the branches of dual and work do not live
    "enterprises_standalone": 1,
    "enterprises_reached_by_dual": 1,  # dual; o1 of own is organised already
    "enterprises_work_only": 1,  # work; dual is reached by its member
    "enterprises_organised_active": 2,  # own and joint by the committee, since cell below it held 4 meetings
    "enterprises_activity_unknown": 0,
    "enterprises_with_members": 4,  # all but work
    "enterprises_eligible": 2,  # own: o1, o2, o3, o4; dual: d1, d2, d3
    "enterprises_eligible_organised": 1,
    "enterprises_eligible_standalone": 1,
    "enterprises_eligible_unknown": 0,
    "enterprises_reporting": 4,  # work reported on 30 December 2015, more than 18 months ago
    "enterprises_headcount_unknown": 1,  # alone
    "enterprises_members_unknown": 0,
    "headcount": 30 + 10 + 9 + 29,
    "headcount_organised": 30 + 10,
    "headcount_under_36": 20 + 9 + 0,  # own, dual, work; joint does not state them
    "headcount_women": 10 + 4 + 29,
    "headcount_college": 0 + 8 + 5,
    "headcount_under_36_known": 30 + 9 + 29,  # the staff of own, dual, work
    "headcount_women_known": 30 + 10 + 29,
    "headcount_college_known": 30 + 10 + 9,
    "headcount_squared": 30**2 + 10**2 + 9**2 + 29**2,
    "members": 5 + 1 + 3 + 0 + 1,  # o6 has left
    "full_members": 4 + 1 + 3,  # o4 today, o5 tomorrow, a1 not
    "probationary_members": 1 + 1,
    "members_admitted": 2,  # o4, o5; o6, who joined with them, has left
    "members_matched": 5 + 1 + 3 + 0,  # the headcount of alone is unknown
    "headcount_matched": 30 + 10 + 9 + 29,
    "headcount_matched_squared": 30**2 + 10**2 + 9**2 + 29**2,
    "members_under_36_matched": 3,  # of dual; of own the age of o3 is unknown
    "headcount_under_36_matched": 9,  # of dual; work has no young staff
    "members_women_matched": 1 + 0,  # of joint and work; of own the sex of o4 is unknown
    "headcount_women_matched": 4 + 29,
    "members_college_matched": 0 + 3,  # of joint and dual; of own the education of o5 is unknown
    "headcount_college_matched": 8 + 5,
    "members_squared": 5**2 + 1**2 + 3**2 + 0**2 + 1**2,
    "members_dual": 1 + 1,  # o1, d1; d3 until today
    "members_unorganised": 3 + 1,  # dual, alone
    "members_reached_by_dual": 1,  # d1
    "members_unreached": 4 - 1,
    "members_unorganised_squared": 3**2 + 0**2 + 1**2,  # dual, work, alone
    "members_floating": 1 + 1,  # o1, d1; o2 until today, o3 from tomorrow, o4 never began
    "members_under_36": 3 + 3,  # o2, o4, o5; d1, d2, d3; o1 turns 36
    "members_women": 2 + 1 + 1,  # o1, o3; j1; d1
    "members_college": 3 + 3,  # o1, o2, o4; d1, d2, d3
    "full_members_unknown": 0,
    "members_dual_unknown": 0,
    "members_reached_by_dual_unknown": 0,
    "members_floating_unknown": 0,
    "members_under_36_unknown": 1 + 1,  # o3, a1
    "members_women_unknown": 1 + 1,  # o4, a1
    "members_college_unknown": 1 + 1,  # o5, a1
    "members_withheld": 0,
    "members_reported": 6 + 2 + 4 + 1,
    "members_max": 6 + 2 + 4 + 0,  # of register and return; alone is not matched
    "members_joined": 3 + 1,  # o4, o5, o6 became members; d1 came to dual; a1 came a day before the window
    "members_left": 1 + 1,  # o6; d1 from joint
}

RATES = {
    "member_ratio": (5 + 1 + 3 + 0, 30 + 10 + 9 + 29),
    "member_ratio_upper": ((6 + 2 + 4 + 0) + 0, 30 + 10 + 9 + 29),
    "organisation_coverage": (2, 5),
    "organisation_coverage_with_dual": (2 + 1, 5),
    "work_coverage": (2 + 1 + 1, 5),
    "standalone_rate": (1, 5),
    "effective_coverage": (2, 5),
    "effective_coverage_upper": (2 + 0, 5),
    "active_organised_share": (2, 2 - 0),
    "employee_coverage": (30 + 10, 30 + 10 + 9 + 29),
    "establishment_rate": (1, 2),
    "establishment_rate_strict": (1, 2),
    "member_presence": (4, 5),
    "young_staff_share": (29, 68),
    "women_staff_share": (43, 69),
    "college_staff_share": (13, 49),
    "member_ratio_young": (3, 9),
    "member_ratio_women": (1, 33),
    "member_ratio_college": (3, 13),
    "full_member_share": (8, 10 - 0),
    "young_member_share": (6, 10 - 2),
    "women_share": (4, 10 - 2),
    "college_share": (6, 10 - 2),
    "floating_share": (2, 10 - 0),
    "dual_affiliation_share": (2, 10 - 0),
    "dual_reach": (1, 4 - 0),
    "admission_rate": (2, 10),
    "reporting_rate": (4, 5),
    "turnover": (4 + 2, 2 * 10 - 4 + 2),  # 8 a year ago, 10 now
}


def test_every_measure_is_here_when_the_catalogue_has_it() -> None:
    assert list(MEASURED) == [measure.code for measure in MEASURES]
    assert list(RATES) == [metric.code for metric in METRICS]
    assert list(OF_COMMITTEE) == [measure.code for measure in BRANCH_MEASURES]
    assert set(RATES_OF_COMMITTEE) == {metric.code for metric in BRANCH_METRICS}


@pytest.mark.parametrize("measure", MEASURED)
def test_a_measure_counts_what_its_definition_says_when_firms_operate(figures: Figures, measure: str) -> None:
    assert figures.one("districts", "siming")["counts"][measure] == MEASURED[measure]


@pytest.mark.parametrize("metric", RATES)
def test_a_ratio_is_divided_once_when_its_parts_are_summed(figures: Figures, metric: str) -> None:
    rate = figures.rates("districts", "siming")[metric]
    assert (*parts(rate), rate["value"]) == (*RATES[metric], RATES[metric][0] / RATES[metric][1])


@pytest.mark.parametrize(
    ("basis", "firms"),
    [
        ("registered", {"own", "joint", "dual", "work", "alone", "absent", "shut"}),
        ("operating", {"own", "joint", "dual", "work", "alone"}),
        ("surveyed", {"own", "joint"}),  # of work 29 are too few for a social organisation, of dual premises unknown
        ("eligible", {"own", "dual"}),
        ("above_size", {"own", "dual", "alone"}),  # shut does not operate, of work nobody knows
    ],
)
def test_a_basis_holds_the_firms_of_its_definition_when_asked(figures: Figures, basis: str, firms: set[str]) -> None:
    assert set(figures.column("enterprises", "members", basis=basis)) == firms
    assert figures.counts("districts", "siming", "enterprises", basis=basis) == (len(firms),)
    assert [code for code in firms if basis not in figures.one("enterprises", code)["enterprise"]["bases"]] == []


def test_organised_dual_work_only_and_the_rest_are_disjoint_when_all_are_registered(figures: Figures) -> None:
    reached = figures.one("districts", "siming", basis="registered")["counts"]
    assert reached["enterprises"] == 7
    assert reached["enterprises_organised"] == 2
    assert reached["enterprises_reached_by_dual"] == 1
    assert reached["enterprises_work_only"] == 1 + 1  # work, absent
    flags = ("organised", "reached_by_dual", "work_only")
    told = {
        code: [flag for flag in flags if _enterprise(figures, code)[flag]] for code in ("own", "dual", "work", "shut")
    }
    assert told == {
        "own": ["organised", "reached_by_dual"], "dual": ["reached_by_dual"], "work": ["work_only"], "shut": [],
    }  # fmt: skip


def _enterprise(figures: Figures, code: str) -> dict[str, Any]:
    enterprise: dict[str, Any] = figures.one("enterprises", code)["enterprise"]
    return enterprise


def test_covering_branches_are_the_living_ones_when_an_enterprise_is_shown(figures: Figures) -> None:
    assert _enterprise(figures, "own")["branches"] == ["below", "committee"]
    assert _enterprise(figures, "dual")["branches"] == []


OF_COMMITTEE = {
    "members_primary": 2 + 2,  # o1, o2 below a branch that does not live; j1, idle
    "members_participating": 5,  # o1 once, o2, j1, d1, idle; o6 has left, d2's branch does not live, d3 until today
    "affiliations": 3 + 1 + 1 + 1 + 1,  # o1 thrice
    "full_members": 5,
    "probationary_members": 0,
    "members_dual": 2,  # o1, d1
    "members_floating": 2,  # o1, d1
    "members_under_36": 1 + 1,  # o2, d1
    "members_women": 1 + 1 + 1,  # o1, j1, d1
    "members_college": 2 + 1 + 1,  # o1, o2; d1; idle
    "full_members_unknown": 0,
    "members_dual_unknown": 0,
    "members_floating_unknown": 0,
    "members_under_36_unknown": 0,
    "members_women_unknown": 0,
    "members_college_unknown": 0,
    "enterprises_covered": 2,  # own by both its branches, joint
    "enterprises_participating": 2,  # own by o1, organised or not; dual by d1
    "meetings": (1 + 2) + 4,  # below and cell; June 2016 is out of the window, dead does not live
    "attendances": 10 + 30,  # those of July 2016 are unknown
    "branches": 2,  # cell, below
    "branches_active": 1,  # cell
    "branches_activity_unknown": 0,
}

RATES_OF_COMMITTEE = {
    "full_member_share": (5, 5),
    "young_member_share": (2, 5),
    "women_share": (3, 5),
    "college_share": (4, 5),
    "floating_share": (2, 5),
    "dual_affiliation_share": (2, 5),
    "affiliation_inflation": (7, 5),
    "active_branch_share": (1, 2 - 0),
}

OWN_OF_COMMITTEE = {
    "members_primary": 2,
    "members_participating": 3,  # o1, j1, idle
    "affiliations": 3,
    "members_dual": 1,
    "enterprises_covered": 2,  # own by area, joint
    "enterprises_participating": 1,
    "meetings": None,  # its own: it sent no returns
    "branches": None,  # not defined of the branch itself
}


@pytest.mark.parametrize("measure", OF_COMMITTEE)
def test_a_measure_of_a_branch_counts_persons_of_its_subtree_once_when_they_are_in_several(
    figures: Figures, measure: str
) -> None:
    assert figures.one("branches", "committee")["subtree"]["counts"][measure] == OF_COMMITTEE[measure]


@pytest.mark.parametrize("metric", RATES_OF_COMMITTEE)
def test_a_ratio_of_a_branch_is_of_its_participating_members_when_asked(figures: Figures, metric: str) -> None:
    rate = figures.one("branches", "committee")["subtree"]["rates"][metric]
    numerator, denominator = RATES_OF_COMMITTEE[metric]
    assert (*parts(rate), rate["value"]) == (numerator, denominator, numerator / denominator)


def test_own_figures_are_of_the_branch_alone_when_it_has_others_below(figures: Figures) -> None:
    own = figures.one("branches", "committee")["own"]["counts"]
    assert {measure: own[measure] for measure in OWN_OF_COMMITTEE} == OWN_OF_COMMITTEE


def test_a_branch_that_does_not_live_has_no_row_and_its_children_the_nearest_living_parent(figures: Figures) -> None:
    rows = {one["branch"]["code"]: one["branch"]["parent_code"] for one in figures.page("branches")["data"]}
    assert rows == {"committee": None, "cell": "committee", "below": "committee"}
    below = figures.page("branches", parent="committee")["data"]
    assert [one["branch"]["code"] for one in below] == ["below", "cell"]
