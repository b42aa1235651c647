"""Changes between two dates: effects of rate and mix that add up, and counts that close enterprise by enterprise."""

import tempfile
from collections.abc import Iterator
from datetime import date, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import InvalidRequest
from app.store.shelf import SnapshotNotFound
from tests.factories.asking import Asker
from tests.factories.loading import fill
from tests.factories.questions import SEEDS, draw_conditions
from tests.factories.registries import CellWriter, dated_registries
from tests.factories.tiny import Tiny
from tests.lengths import at_length, same_examples
from tests.reference.answers import Reference
from tests.reference.changes import changes
from tests.reference.questions import CONDITIONS
from tests.reference.registry import DISTRICT_LEVELS, INDUSTRY_LEVELS, Registry

SINCE, AS_OF = date(2017, 3, 31), date(2017, 6, 30)
EXAMPLES = {"sqlite": at_length(16, 3), "postgres": at_length(5, 2)}

FIRMS = {
    "enterprises": """
        code,  registered_on, closed_on,  industry_code
        soft,  ,              ,           65
        press, ,              ,           86
        mover, ,              ,           65
        new,   2017-05-01,    ,           641
        shut,  ,              2017-06-01, 86
        idle,  ,              ,           65
        none,  ,              ,
        """,
    "returns": """
        enterprise_code, reported_on, district_code, industry_code, operating, headcount, members
        soft,            2017-03-31,  wucun,         65,            true,      40,        4
        soft,            2017-06-30,  wucun,         65,            true,      60,        9
        press,           2017-03-31,  jialian,       86,            true,      60,        12
        press,           2017-06-30,  jialian,       86,            true,      40,        8
        mover,           2017-03-31,  huli,          65,            true,      20,        1
        mover,           2017-06-30,  wucun,         65,            true,      20,        3
        new,             2017-06-30,  wucun,         641,           true,      10,
        shut,            2017-03-31,  wucun,         86,            true,      20,        2
        idle,            2017-03-31,  wucun,         65,            true,      30,        3
        idle,            2017-06-30,  wucun,         65,            false,     30,        3
        none,            2017-06-30,  jialian,       ,              true,      10,        2
        """,
    "branches": """
        code, established_on
        J,    2017-05-01
        S,
        """,
    "coverage": """
        enterprise_code, branch_code, means,      start_on,   end_on
        soft,            J,           joint,      2017-05-01,
        press,           S,           standalone, 2001-07-01, 2017-04-01
        mover,           S,           joint,      2001-07-01,
        shut,            S,           joint,      2001-07-01,
        """,
}
"""Two dates of a few firms: one begins, one closes, one stops operating, one moves into Siming, one has no industry."""


@pytest.fixture(scope="module")
def firms(tiny: Tiny) -> Asker:
    tiny.hold(**FIRMS)
    asker = Asker(tiny.url, tiny.folder / "changes", member_source="returns")
    for day in (SINCE, AS_OF):
        asker.build(day)
    return asker


def net(account: dict[str, Any]) -> tuple[int, ...]:
    """Before, after, within, entered, left, moved in, moved out."""
    return tuple(account[name] for name in ("before", "after", "within", "entered", "left", "moved_in", "moved_out"))


def test_enterprises_close_when_they_begin_end_stop_and_move(firms: Asker) -> None:
    data = firms.changes(SINCE, AS_OF, {"district": "siming"})["data"]
    # Before: soft, press, shut, idle. After: soft, press, mover, new, none. `new` enters, and so does `none`, which was
    # registered all the time, yet without a return in no basis but that; `shut` and `idle` leave; `mover` moves in.
    assert net(data["enterprises"]) == (4, 5, 0, 2, 2, 1, 0)
    assert 5 - 4 == 0 + 2 - 2 + 1 - 0


def test_members_close_when_some_are_unknown(firms: Asker) -> None:
    data = firms.changes(SINCE, AS_OF, {"district": "siming"})["data"]
    # Before 4 + 12 + 2 + 3 = 21; after 9 + 8 + 3 + 0 (unknown) + 2 = 22. Within: soft +5, press −4.
    assert net(data["members"]) == (21, 22, 5 - 4, 0 + 2, 2 + 3, 3, 0)
    assert 22 - 21 == 1 + 2 - 5 + 3 - 0


def test_organised_tells_both_sides_when_one_is_won_and_one_lost(firms: Asker) -> None:
    data = firms.changes(SINCE, AS_OF, {"district": "siming"})["data"]
    # Before: press, shut. After: soft, mover. Within: soft is newly organised, press no longer.
    assert net(data["organised"]) == (2, 2, 0, 0, 1, 1, 0)
    assert (data["organised"]["newly_organised"], data["organised"]["no_longer_organised"]) == (1, 1)


def test_moves_cancel_when_both_places_lie_within_the_scope(firms: Asker) -> None:
    data = firms.changes(SINCE, AS_OF, {"district": "xiamen"})["data"]
    assert net(data["enterprises"]) == (5, 5, 0, 2, 2, 0, 0)
    huli = firms.changes(SINCE, AS_OF, {"district": "huli"})["data"]
    assert net(huli["enterprises"]) == (1, 0, 0, 0, 0, 0, 1)


def test_ratio_splits_into_rate_and_mix_when_industries_differ(firms: Asker) -> None:
    found = firms.changes(SINCE, AS_OF, {"district": "siming", "by": "division"})["data"]["ratio"]
    # Matched persons/heads before: 65: 7/70 (soft 4/40, idle 3/30); 86: 14/80 (press 12/60, shut 2/20): 21/150.
    # After: 65: 12/80 (soft 9/60, mover 3/20); 86: 8/40; unallocated: 2/10; `new` has no known members: 22/130.
    before, after = Fraction(21, 150), Fraction(22, 130)
    mean = (before + after) / 2
    rate = {
        "65": (Fraction(70, 150) + Fraction(80, 130)) / 2 * (Fraction(12, 80) - Fraction(7, 70)),
        "86": (Fraction(80, 150) + Fraction(40, 130)) / 2 * (Fraction(8, 40) - Fraction(14, 80)),
        None: Fraction(0),
    }
    mix = {
        "65": (Fraction(80, 130) - Fraction(70, 150)) * ((Fraction(12, 80) + Fraction(7, 70)) / 2 - mean),
        "86": (Fraction(40, 130) - Fraction(80, 150)) * ((Fraction(8, 40) + Fraction(14, 80)) / 2 - mean),
        None: Fraction(10, 130) * (Fraction(2, 10) - mean),  # absent before: its own ratio stands for both dates
    }
    strata = {one["industry"] and one["industry"]["code"]: one for one in found["strata"]}
    assert list(strata) == ["65", "86", None]
    for code, one in strata.items():
        assert one["rate"] == pytest.approx(float(rate[code]), abs=1e-15)
        assert one["mix"] == pytest.approx(float(mix[code]), abs=1e-15)
    assert sum(rate.values()) + sum(mix.values()) == after - before
    assert abs(found["rate"] + found["mix"] - found["difference"]) <= 1e-12
    assert found["difference"] == pytest.approx(float(after - before), abs=1e-15)


def test_ratio_is_null_when_nobody_is_matched_at_a_date(firms: Asker) -> None:
    data = firms.changes(SINCE, AS_OF, {"industry": "641"})["data"]
    assert data["ratio"] is None
    assert net(data["enterprises"]) == (0, 1, 0, 1, 0, 0, 0)


def test_nothing_changes_when_both_dates_pick_one_snapshot(firms: Asker) -> None:
    answer = firms.changes(AS_OF, AS_OF + timedelta(days=1), {})
    assert answer["meta"]["snapshot"] == answer["meta"]["since"]["snapshot"]
    assert answer["data"]["ratio"]["difference"] == 0
    assert net(answer["data"]["members"])[2:] == (0, 0, 0, 0, 0)


def test_question_is_refused_when_the_snapshots_cannot_be_compared(firms: Asker, tiny: Tiny) -> None:
    with pytest.raises(InvalidRequest, match="is after"):
        firms.changes(AS_OF, SINCE, {})
    with pytest.raises(SnapshotNotFound):
        firms.changes(SINCE - timedelta(days=1), AS_OF, {})
    Asker(tiny.url, firms.settings.data_dir, member_source="register").build(AS_OF + timedelta(days=10))
    with pytest.raises(InvalidRequest, match="these differ: settings; member source"):
        firms.changes(AS_OF, AS_OF + timedelta(days=10), {})


@pytest.fixture
def asker(migrated_url: str, tmp_path: Path) -> Iterator[Asker]:
    with tempfile.TemporaryDirectory(dir=tmp_path) as folder:
        yield Asker(migrated_url, Path(folder))


@pytest.mark.parametrize("source", ["register", "returns"])
def test_accounts_equal_the_reference_and_close_when_registries_are_random(asker: Asker, source: str) -> None:
    engine = "sqlite" if asker.settings.registry_url.startswith("sqlite") else "postgres"
    asking = Asker(asker.settings.registry_url, asker.settings.data_dir, member_source=source)

    @same_examples(EXAMPLES[engine])
    @given(dated_registries(), st.integers(1, 900), SEEDS)
    def compare(drawn: tuple[Registry, date], days: int, seed: int) -> None:
        registry, as_of = drawn
        since = as_of - timedelta(days=days)
        fill(asking.settings.registry_url, registry)
        for day in (since, as_of):
            asking.build(day)
        writer = CellWriter(f"{seed}", as_of)
        before, after = (Reference(registry, day, member_source=source) for day in (since, as_of))
        conditions = draw_conditions(writer, registry, set(CONDITIONS))
        for rows in ((), (writer.pick((*DISTRICT_LEVELS, "sector", "ownership")),)):
            params = conditions | {"by": [*rows, writer.pick(INDUSTRY_LEVELS)]}
            whole(asking.changes(since, as_of, params), changes(before, after, params))

    compare()


def whole(found: dict[str, Any], expected: dict[str, Any]) -> None:
    """One object, or rows whose firms add up with those of no row to the total."""
    if isinstance(expected["data"], dict):
        equal(found["data"], expected["data"])
        return
    assert len(found["data"]) == len(expected["data"])
    for one, other in zip(found["data"], expected["data"], strict=True):
        for name in ("district", "sector", "ownership"):
            assert one[name] == other[name]
        equal(one, other)
    equal(found["total"], expected["total"])
    equal(found["unallocated"], expected["unallocated"])
    for name in ("enterprises", "organised", "members"):
        for part in ("before", "after", "entered", "left"):
            rows = sum(one[name][part] for one in found["data"])
            assert rows + found["unallocated"][name][part] == found["total"][name][part]


def equal(found: dict[str, Any], expected: dict[str, Any]) -> None:
    """Counts are equal and close; parts of the ratio are within 1e-12 of the fractions, and add up."""
    for name in ("enterprises", "organised", "members"):
        assert found[name] == expected[name]
        before, after, within, entered, left, moved_in, moved_out = net(found[name])
        assert after - before == within + entered - left + moved_in - moved_out
    if expected["ratio"] is None:
        assert found["ratio"] is None
        return
    strata, wanted = found["ratio"]["strata"], expected["ratio"]["strata"]
    assert [one["industry"] and one["industry"]["code"] for one in strata] == [one["industry"] for one in wanted]
    for one, other in [*zip(strata, wanted, strict=True), (found["ratio"], expected["ratio"])]:
        for part in ("rate", "mix"):
            assert abs(one[part] - float(other[part])) <= 1e-12
    assert abs(found["ratio"]["rate"] + found["ratio"]["mix"] - found["ratio"]["difference"]) <= 1e-12
