"""Pre-order, cycles and levels of trees against plain walks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.registry.trees import CycleInTree, describe_cycle, find_cycles, preorder

CODES = st.text(alphabet="aB0é梧\U0002bb5e", min_size=1, max_size=4)


@st.composite
def forests(draw: st.DrawFn) -> dict[str, str | None]:
    """Draw a parents map without cycles, in any order of rows."""
    codes = draw(st.lists(CODES, unique=True, max_size=30))
    parents: dict[str, str | None] = {}
    for code in codes:
        parents[code] = draw(st.one_of(st.none(), st.sampled_from(sorted(parents)))) if parents else None
    return dict(draw(st.permutations(list(parents.items()))))


maps = st.lists(CODES, unique=True, max_size=12).flatmap(
    lambda codes: st.fixed_dictionaries({code: st.sampled_from([None, "outside", *codes]) for code in codes})
)


def walk(parents: dict[str, str | None], above: str | None = None) -> list[str]:
    children = sorted((code for code, parent in parents.items() if parent == above), key=str.encode)
    return [code for child in children for code in (child, *walk(parents, child))]


def subtree(parents: dict[str, str | None], code: str) -> set[str]:
    return {code, *walk(parents, code)}


def ancestors(parents: dict[str, str | None], code: str) -> list[str]:
    """Return the way up; it ends before the first node met twice."""
    way: list[str] = []
    above = parents.get(code)
    while above in parents and above not in way:
        way.append(above)
        above = parents[above]
    return way


@given(forests())
def test_preorder_is_that_of_a_walk_when_there_is_no_cycle(parents: dict[str, str | None]) -> None:
    codes = list(parents)
    order = preorder(codes, list(parents.values()))
    assert [codes[position] for position in order.positions] == walk(parents)


@given(forests())
def test_subtrees_are_ranges_when_in_preorder(parents: dict[str, str | None]) -> None:
    codes = list(parents)
    order = preorder(codes, list(parents.values()))
    ordered = [codes[position] for position in order.positions]
    for index, code in enumerate(ordered):
        assert set(ordered[index : order.ends[index]]) == subtree(parents, code)
        above = order.parents[index]
        assert (ordered[above] if above >= 0 else None) == parents[code]
        assert order.depths[index] == len(ancestors(parents, code))


@given(maps)
def test_cycles_are_all_found_when_walking_up_comes_back(parents: dict[str, str | None]) -> None:
    cycles = find_cycles(parents)
    on_cycles = {code for code in parents if code in ancestors(parents, code)}
    assert sorted(code for cycle in cycles for code in cycle) == sorted(on_cycles)
    for cycle in cycles:
        assert cycle[0] == min(cycle, key=str.encode)
        assert [parents[code] for code in cycle] == [*cycle[1:], cycle[0]]


@given(maps)
def test_preorder_refuses_and_names_the_cycles_when_there_are_some(parents: dict[str, str | None]) -> None:
    cycles = find_cycles(parents)
    if not cycles:
        assert len(preorder(list(parents), list(parents.values())).positions) == len(parents)
        return
    with pytest.raises(CycleInTree) as caught:
        preorder(list(parents), list(parents.values()))
    assert caught.value.cycles == tuple(cycles)
    assert [item.message for item in caught.value.errors] == [describe_cycle(cycle) for cycle in cycles]


def test_preorder_is_empty_when_there_is_no_node() -> None:
    order = preorder([], [])
    assert [len(values) for values in (order.positions, order.parents, order.ends, order.depths)] == [0, 0, 0, 0]


def test_node_is_a_root_when_its_parent_is_not_there() -> None:
    order = preorder(["b", "a"], ["gone", "b"])
    assert (order.positions.tolist(), order.parents.tolist()) == ([0, 1], [-1, 0])


def test_order_is_found_when_the_tree_is_one_long_chain() -> None:
    length = 20_000
    codes = [f"{number:05}" for number in range(length)]
    order = preorder(codes, [None, *codes[:-1]])
    assert order.positions.tolist() == list(range(length))
    assert set(order.ends.tolist()) == {length}


def test_cycle_is_told_short_when_it_is_long() -> None:
    assert str(describe_cycle(["a", "b"])) == "a below b below a: a cycle of 2"
    long = str(describe_cycle([str(number) for number in range(1000)]))
    assert long.endswith("9 below … below 0: a cycle of 1000")
