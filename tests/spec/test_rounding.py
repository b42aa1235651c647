"""Rounding: one value per enterprise and figure, on its grid, without bias, by its identity and the key alone."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from app.snapshots.rounding import cap_members, draw_shifts, first_codes, round_headcount, round_members
from tests.factories.rounded import KEY, Protected, code, protect, public_settings, shift
from tests.factories.tiny import Tiny

SHIFTS = np.arange(5)


def f(members: int, shifts: int, *, standalone: bool = False) -> int:
    return int(round_members(np.array([members]), np.array([standalone]), np.array([shifts]))[0])


def capped(value: int, headcount: int, *, standalone: bool = False, alone: bool = True) -> int:
    given = np.array([value]), np.array([headcount]), np.array([standalone]), np.array([alone])
    return int(cap_members(*given)[0])


def test_members_are_on_multiples_of_five_when_rounded() -> None:
    assert [f(7, s) for s in range(5)] == [5, 5, 5, 10, 10]  # 7 + 3 = 10
    assert [f(0, s) for s in range(5)] == [0] * 5
    assert [f(1, s) for s in range(5)] == [0, 0, 0, 0, 5]
    assert [f(5, s) for s in range(5)] == [5] * 5


def test_members_count_up_from_three_when_the_enterprise_has_a_branch_of_its_own() -> None:
    assert [f(7, s, standalone=True) for s in range(5)] == [3, 8, 8, 8, 8]  # 7 − 3 + 1 = 5
    assert [f(3, s, standalone=True) for s in range(5)] == [3] * 5
    assert [f(8, s, standalone=True) for s in range(5)] == [8] * 5


def test_three_members_are_shown_when_a_branch_of_its_own_has_fewer() -> None:
    assert {f(n, s, standalone=True) for n in range(3) for s in range(5)} == {3}


@pytest.mark.parametrize(("standalone", "least"), [(False, 0), (True, 3)])
def test_five_counts_or_more_fit_when_only_the_rounded_value_is_known(standalone: bool, least: int) -> None:
    fitting: dict[int, set[int]] = {}
    for n in range(least, 60):
        for s in range(5):
            fitting.setdefault(f(n, s, standalone=standalone), set()).add(n)
    assert fitting[least] == set(range(least, least + 5))
    for value in range(least + 5, 50, 5):
        assert fitting[value] == set(range(value - 4, value + 5))


def test_four_counts_fit_when_one_member_is_known_of_from_a_joint_branch() -> None:
    assert {n for n in range(1, 60) for s in range(5) if f(n, s) == 0} == {1, 2, 3, 4}


@pytest.mark.parametrize(("standalone", "least"), [(False, 0), (True, 3)])
def test_rounding_is_unbiased_when_all_shifts_are_as_likely(standalone: bool, least: int) -> None:
    for n in range(least, 60):
        assert sum(f(n, s, standalone=standalone) for s in range(5)) == 5 * n


def test_headcount_is_rounded_like_members_when_there_is_no_branch() -> None:
    for headcount in range(60):
        rounded = round_headcount(np.full(5, headcount), SHIFTS)
        assert rounded.tolist() == [5 * ((headcount + s) // 5) for s in range(5)]
        assert rounded.sum() == 5 * headcount


def test_shifts_are_those_of_the_key_when_drawn() -> None:
    codes = [f"91350203M{number:09d}" for number in range(5000)] + ["示例公司"]
    for figure in ("m", "h"):
        drawn = draw_shifts(KEY, figure, codes).tolist()
        assert drawn == [shift(figure, one) for one in codes]
        expected, tolerance = len(codes) / 5, 4 * (len(codes) * 0.2 * 0.8) ** 0.5
        assert all(abs(number - expected) < tolerance for number in Counter(drawn).values())
        assert set(drawn) == {0, 1, 2, 3, 4}
    pairs = Counter(zip(draw_shifts(KEY, "m", codes).tolist(), draw_shifts(KEY, "h", codes).tolist(), strict=True))
    assert len(pairs) == 5 * 5  # the two figures are drawn apart
    assert draw_shifts(bytes(32), "m", codes).tolist() != draw_shifts(KEY, "m", codes).tolist()
    assert draw_shifts(KEY, "m", []).tolist() == []


def test_a_full_enterprise_is_not_proved_full_when_it_is_capped() -> None:
    assert capped(30, 30) == 25  # ⌊(30 − 0 − 4) / 5⌋ = 5
    assert capped(35, 31) == 25  # ⌊27 / 5⌋ = 5
    assert capped(35, 34) == 30  # ⌊30 / 5⌋ = 6
    assert capped(33, 30, standalone=True) == 3 + 20  # ⌊(30 − 3 − 4) / 5⌋ = 4
    assert capped(33, 32, standalone=True) == 3 + 25  # ⌊25 / 5⌋ = 5
    assert capped(20, 30) == 20
    assert capped(30, 30, alone=False) == 30


@pytest.mark.parametrize("standalone", [False, True])
def test_five_counts_or_more_fit_when_the_cap_bites(standalone: bool) -> None:
    least = 3 if standalone else 0
    for headcount in range(30, 60):
        fitting: dict[int, set[int]] = {}
        for n in range(least, headcount + 1):
            for s in range(5):
                value = capped(f(n, s, standalone=standalone), headcount, standalone=standalone)
                fitting.setdefault(value, set()).add(n)
        assert min(map(len, fitting.values())) >= 5


def test_the_first_of_the_chain_is_kept_when_enterprises_continue_others() -> None:
    assert first_codes({"C": "B", "B": "A"}) == {"C": "A", "B": "A"}
    assert first_codes({"A": "B", "B": "C"}) == {"A": "C", "B": "C"}
    assert first_codes({"B": "A", "C": "A"}) == {"B": "A", "C": "A"}  # one was split into two
    assert first_codes({"B": "not there any more"}) == {"B": "not there any more"}
    assert first_codes({}) == {}


def test_a_chain_ends_where_it_closes_when_it_is_a_cycle() -> None:
    expected = {"A": "A", "B": "A", "C": "A", "D": "A"}
    assert first_codes({"A": "B", "B": "C", "C": "A", "D": "B"}) == expected
    assert first_codes({"D": "B", "C": "A", "B": "C", "A": "B"}) == expected  # in whatever order they come
    assert first_codes({"A": "A"}) == {"A": "A"}


def test_a_chain_of_any_length_is_followed_when_its_codes_are_out_of_order() -> None:
    links = {f"{number % 7}-{number}": f"{(number + 1) % 7}-{number + 1}" for number in range(100_000)}
    assert set(first_codes(links).values()) == {"5-100000"}


FIRM = code("firm", m=1, h=3)
STANDALONE = code("standalone", m=1, h=3)
JOINT = code("joint", m=4, h=0)


def firms(tiny: Tiny, members: int, headcount: int) -> Tiny:
    """Hold three firms, each alone in its division, with as many members and employees as reported."""
    return tiny.hold(
        enterprises=f"""
            code,         district_code, industry_code
            {FIRM},       wucun,         64
            {STANDALONE}, wucun,         65
            {JOINT},      wucun,         86
        """,
        returns="enterprise_code, reported_on, headcount, members"
        + "".join(f"\n{one}, 2017-03-31, {headcount}, {members}" for one in (FIRM, STANDALONE, JOINT)),
        branches="code\nbranch",
        coverage=f"""
            enterprise_code, branch_code, means
            {STANDALONE},    branch,      standalone
            {JOINT},         branch,      joint
        """,
    )


def protected(tiny: Tiny, folder: Path, key: bytes = KEY) -> Protected:
    return protect(public_settings(tiny.url, folder, key))


def test_each_enterprise_is_rounded_by_its_own_shifts_when_a_snapshot_is_built(tiny: Tiny, tmp_path: Path) -> None:
    snapshot = protected(firms(tiny, members=9, headcount=42), tmp_path)
    assert snapshot.persons() == {
        ("wucun", "64"): (1, 5 * ((9 + 1) // 5), 5 * ((42 + 3) // 5)),
        ("wucun", "65"): (1, 3 + 5 * ((9 - 3 + 1) // 5), 5 * ((42 + 3) // 5)),
        ("wucun", "86"): (1, 5 * ((9 + 4) // 5), 5 * ((42 + 0) // 5)),
    }
    assert snapshot.facts() == {
        ("wucun", "64"): (1, 0, 0),
        ("wucun", "65"): (1, 1, 1),
        ("wucun", "86"): (1, 1, 0),
    }
    assert [row["headcount_matched_squared"] for row in snapshot.places.values()] == [45**2, 45**2, 40**2]


def test_nothing_public_changes_when_members_change_and_no_rounded_value_does(tiny: Tiny, tmp_path: Path) -> None:
    first = protected(firms(tiny, members=9, headcount=42), tmp_path)
    # for 9 and 10: ⌊(n + 1) / 5⌋ = 2, ⌊(n − 3 + 1) / 5⌋ = 1, ⌊(n + 4) / 5⌋ = 2
    second = protected(firms(tiny, members=10, headcount=42), tmp_path)
    assert (second.folder, second.manifest) == (first.folder, first.manifest)
    third = protected(firms(tiny, members=11, headcount=42), tmp_path)
    assert third.folder != first.folder  # ⌊(11 + 4) / 5⌋ = 3


def test_values_stay_when_built_anew_and_differ_when_the_key_does(tiny: Tiny, tmp_path: Path) -> None:
    firms(tiny, members=9, headcount=42)
    first = protected(tiny, tmp_path / "first")
    assert protected(tiny, tmp_path / "second").tables == first.tables
    other = protected(tiny, tmp_path / "third", bytes(32))
    assert other.tables["places"] != first.tables["places"]
    assert other.facts() == first.facts()


def test_the_rounded_value_stays_when_an_enterprise_continues_another(tiny: Tiny, tmp_path: Path) -> None:
    first = code("first", m=3, h=3)
    last, stranger = code("last", m=0, h=0), code("stranger", m=0, h=0)
    tiny.hold(
        enterprises=f"""
            code,       district_code, industry_code, closed_on,  supersedes
            {first},    wucun,         64,            2015-01-01,
            middle,     wucun,         64,            2017-06-30, {first}
            {last},     wucun,         64,            ,           middle
            {stranger}, wucun,         65,            ,
        """,
        returns=f"""
            enterprise_code, reported_on, headcount, members
            {last},          2017-03-31,  42,        7
            {stranger},      2017-03-31,  42,        7
        """,
    )
    assert protected(tiny, tmp_path).persons() == {
        ("wucun", "64"): (1, 5 * ((7 + 3) // 5), 5 * ((42 + 3) // 5)),
        ("wucun", "65"): (1, 5 * ((7 + 0) // 5), 5 * ((42 + 0) // 5)),
    }


UNKNOWN = {
    "enterprises": "code, district_code, industry_code"
    + "".join(f"\n{code(name)}, wucun, 64" for name in ("both", "no-headcount", "no-members", "no-return", "closed")),
    "returns": f"""
        enterprise_code,         reported_on, operating, headcount, members
        {code("both")},          2017-03-31,  ,          40,        10
        {code("no-headcount")},  2017-03-31,  ,          ,          10
        {code("no-members")},    2017-03-31,  ,          40,
        {code("closed")},        2017-03-31,  false,     40,        10
    """,
}


def test_an_enterprise_enters_no_figure_of_persons_when_headcount_or_members_are_unknown(
    tiny: Tiny, tmp_path: Path
) -> None:
    snapshot = protected(tiny.hold(**UNKNOWN), tmp_path)
    assert snapshot.persons() == {("wucun", "64"): (1, 10, 40)}
    assert snapshot.facts() == {("wucun", "64"): (3, 0, 0)}  # operating: neither without a return nor closed
    assert snapshot.manifest["member_source"] == "returns"


def test_members_are_those_of_the_register_when_it_is_their_source(tiny: Tiny, tmp_path: Path) -> None:
    tiny.hold(
        **UNKNOWN,
        members="ref, identity\n" + "\n".join(f"m{number}, open" for number in range(6)) + "\nsecret, withheld",
        employments="member_ref, enterprise_code\n"
        + "\n".join(f"m{number}, {code('no-members')}" for number in range(6))
        + f"\nsecret, {code('no-members')}",
    )
    snapshot = protected(tiny, tmp_path)
    assert snapshot.persons() == {("wucun", "64"): (2, 0 + 5 * (6 // 5), 40 + 40)}  # nobody in `both`: 0 members
    assert snapshot.manifest["member_source"] == "register"
