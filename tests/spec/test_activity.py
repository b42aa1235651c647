"""Which branches are active, and which enterprises are effectively organised: cases to be counted by hand."""

import pytest

from tests.factories.tiny import Figures, Tiny, parts

TABLES = {
    "branches": """
        code,    kind,           parent_code, established_on, dissolved_on
        meets,   branch,         ,            ,
        rests,   branch,         ,            ,
        early,   branch,         ,            ,
        silent,  branch,         ,            ,
        party,   committee,      ,            ,
        cell,    branch,         gone,        ,
        gone,    general_branch, party,       ,               2017-01-01
        idle,    branch,         party,       ,
        quiet,   committee,      ,            ,
        quiet-1, branch,         quiet,       ,
        mute,    committee,      ,            ,
        mute-1,  branch,         mute,        ,
        mute-2,  branch,         mute,        ,
        bare,    general_branch, ,            ,
        busy,    general_branch, ,            ,
        busy-1,  branch,         busy,        ,
        weak,    general_branch, ,            ,
        """,
    "branch_returns": """
        branch_code, period_on,  meetings, attendances
        meets,       2016-07-01, 1,        12
        meets,       2017-06-01, 3,
        rests,       2016-07-01, 1,
        rests,       2017-06-01, 2,
        early,       2016-06-01, 9,        40
        early,       2017-07-01, 9,        40
        cell,        2017-01-01, 4,        20
        idle,        2017-01-01, 0,        0
        quiet-1,     2017-01-01, 3,        9
        mute-1,      2017-01-01, 3,        9
        busy,        2017-01-01, 5,        50
        busy-1,      2017-01-01, 0,        0
        weak,        2017-01-01, 3,        30
        """,
}
"""Each branch on top is a case; `cell` is below `party` through a general branch that does not live."""

ACTIVE = {
    "meets": True,  # 1 + 3 in the twelve months from July 2016 to June 2017
    "rests": False,  # 1 + 2
    "early": None,  # June 2016 and July 2017 are out of the window: no return in it
    "silent": None,
    "party": True,  # cell is active
    "quiet": False,  # its one branch is not
    "mute": None,  # one is not, of the other nobody knows
    "bare": None,  # no branch below, and no returns
    "busy": True,  # by its own returns, though its branch is not
    "weak": None,  # its own returns make it active only, and there is no branch below
}

FIRMS = {
    **{f"by-{branch}": (branch,) for branch in ACTIVE},
    "one-of-two": ("rests", "meets"),
    "perhaps": ("rests", "silent"),
    "none": (),
}


@pytest.fixture(scope="module")
def figures(tiny: Tiny) -> Figures:
    coverage = [f"{firm}, {branch}, joint" for firm, branches in FIRMS.items() for branch in branches]
    districts = {"by-silent": "jialian", "by-bare": "jialian", "by-rests": "jiangtou"}
    return tiny.hold(
        **TABLES,
        enterprises="\n".join(["code, district_code", *(f"{one}, {districts.get(one, 'wucun')}" for one in FIRMS)]),
        returns="\n".join(["enterprise_code, reported_on", *(f"{firm}, 2017-06-30" for firm in FIRMS)]),
        coverage="\n".join(["enterprise_code, branch_code, means", *coverage]),
    ).at()


@pytest.mark.parametrize("branch", ACTIVE)
def test_an_enterprise_is_effectively_organised_when_its_branch_is_active(figures: Figures, branch: str) -> None:
    assert figures.one("enterprises", f"by-{branch}")["enterprise"]["effectively_organised"] is ACTIVE[branch]


def test_one_active_branch_is_enough_and_an_unknown_one_leaves_it_open_when_none_is(figures: Figures) -> None:
    told = {
        firm: figures.one("enterprises", firm)["enterprise"]["effectively_organised"]
        for firm in ("one-of-two", "perhaps", "none")
    }
    assert told == {"one-of-two": True, "perhaps": None, "none": False}


def test_effective_coverage_lies_between_what_is_known_and_what_may_be(figures: Figures) -> None:
    counts = "enterprises enterprises_organised enterprises_organised_active enterprises_activity_unknown"
    active, unknown = 4, 6  # meets, party, busy, one-of-two; early, silent, mute, bare, weak, perhaps
    assert figures.counts("districts", "xiamen", counts) == (13, 12, active, unknown)
    rates = figures.rates("districts", "xiamen")
    assert parts(rates["effective_coverage"]) == (active, 13)
    assert parts(rates["effective_coverage_upper"]) == (active + unknown, 13)
    assert parts(rates["active_organised_share"]) == (active, 12 - unknown)
    assert rates["effective_coverage_upper"]["low"] is None
    assert rates["effective_coverage"]["low"] is not None


def test_effective_coverage_is_unknown_when_of_no_organised_enterprise_it_is_known(figures: Figures) -> None:
    rate = figures.rates("districts", "jialian")["effective_coverage"]
    assert (rate["status"], rate["value"], rate["low"], rate["high"]) == ("unknown", None, None, None)
    assert parts(rate) == (0, 2)
    rates = figures.rates("districts", "jialian")
    assert (rates["active_organised_share"]["status"], rates["active_organised_share"]["value"]) == ("unknown", None)
    assert rates["effective_coverage_upper"]["value"] == 2 / 2
    known = figures.rates("districts", "jiangtou")["effective_coverage"]
    assert (known["value"], known["status"]) == (0.0, "low_base")


def test_meetings_and_attendances_are_added_up_where_returns_state_them(figures: Figures) -> None:
    def told(code: str, side: str) -> tuple[int | None, ...]:
        counts = figures.one("branches", code)[side]["counts"]
        return counts["meetings"], counts["attendances"]

    assert told("meets", "own") == (1 + 3, 12)
    assert told("rests", "own") == (1 + 2, None)  # nobody counted who came
    assert told("early", "own") == (None, None)
    assert told("party", "own") == (None, None)
    assert told("party", "subtree") == (4 + 0, 20 + 0)
    assert told("busy", "subtree") == (5 + 0, 50 + 0)


@pytest.mark.parametrize(
    ("branch", "branches", "active", "unknown", "share"),
    [
        ("meets", 1, 1, 0, 1.0),
        ("silent", 1, 0, 1, None),
        ("party", 2, 1, 0, 1 / 2),  # cell, through what does not live, and idle
        ("mute", 2, 0, 1, 0 / 1),
        ("bare", 0, 0, 0, None),
    ],
)
def test_active_branches_are_a_share_of_those_known_when_a_subtree_is_asked(
    figures: Figures, branch: str, branches: int, active: int, unknown: int, share: float | None
) -> None:
    subtree = figures.one("branches", branch)["subtree"]
    names = ("branches", "branches_active", "branches_activity_unknown")
    assert tuple(subtree["counts"][name] for name in names) == (branches, active, unknown)
    rate = subtree["rates"]["active_branch_share"]
    assert parts(rate) == (active, branches - unknown)
    status = "low_base" if share is not None else "unknown" if unknown else "not_applicable"
    assert (rate["value"], rate["status"]) == (share, status)


def test_a_share_of_branches_is_not_applicable_of_the_branch_itself(figures: Figures) -> None:
    own = figures.one("branches", "party")["own"]
    assert [own["counts"][name] for name in ("branches", "branches_active", "branches_activity_unknown")] == [None] * 3
    assert own["rates"]["active_branch_share"]["status"] == "not_applicable"


def test_fewer_meetings_are_enough_when_the_setting_says_so(tiny: Tiny, figures: Figures) -> None:
    assert figures.one("enterprises", "by-rests")["enterprise"]["effectively_organised"] is False
    again = tiny.at(active_branch_meetings=3)
    assert again.one("enterprises", "by-rests")["enterprise"]["effectively_organised"] is True
