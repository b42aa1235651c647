"""Laws of the reference that hold in every registry, and what the drawn registries are made of."""

from collections.abc import Callable
from copy import deepcopy
from datetime import date, timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.factories.questions import basis_questions, question_lists, single_questions
from tests.factories.registries import SHAPES_SIZE, date_of, dated_registries, registry_of_shape
from tests.reference import Reference, Registry, Row
from tests.reference.facts import BASES
from tests.reference.measures import MEASURES, PERSON_MEASURES
from tests.reference.registry import is_open
from tests.reference.rules import violations

TODAY = date(2018, 1, 1)


def disjoint_lists(reference: Reference) -> list[Any]:
    """Lists by level and by parent of both trees, for every basis."""
    trees = {"districts": reference.when.districts, "industries": reference.when.industries}
    return [
        reference.list_statistics(subject, {"basis": basis} | choice)
        for basis in BASES
        for subject, tree in trees.items()
        for choice in (
            *({"level": level} for level in {node["level"] for node in tree.values()}),
            *({"parent": code} for code in list(tree)[:4]),
        )
    ]


@settings(max_examples=40, deadline=None)
@given(dated_registries())
def test_rows_and_unallocated_add_up_when_rows_are_disjoint(drawn: tuple[Registry, date]) -> None:
    for answer in disjoint_lists(Reference(*drawn)):
        for measure in MEASURES:
            parts = [one["counts"][measure] for one in answer["data"]]
            total, left = answer["total"]["counts"][measure], answer["unallocated"]["counts"][measure]
            if total is None or None in parts:
                assert left is None
                assert measure in ("members_withheld", "members_joined", "members_left")
            else:
                assert left >= 0
                assert sum(parts) + left == total


@settings(max_examples=60, deadline=None)
@given(dated_registries(), st.sampled_from(["auto", "register", "returns"]))
def test_ways_to_be_reached_are_disjoint_when_added(drawn: tuple[Registry, date], source: str) -> None:
    reference = Reference(*drawn, member_source=source)
    for firm in reference.firms.values():
        counts = firm.counts
        ways = ("enterprises_organised", "enterprises_reached_by_dual", "enterprises_work_only")
        assert sum(counts[way] or 0 for way in ways) <= 1
        assert (counts["enterprises_standalone"] or 0) <= (counts["enterprises_organised"] or 0)
        assert (counts["members_matched"] or 0) <= max(counts["members_max"] or 0, counts["members"] or 0)
        assert set(counts) == set(MEASURES)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_every_question_is_answered_when_it_is_valid(data: st.DataObject) -> None:
    registry, as_of = data.draw(dated_registries())
    reference = Reference(registry, as_of)
    assert violations(registry, TODAY) == []
    for subject, params in data.draw(question_lists(registry, as_of)):
        answer = reference.list_statistics(subject, params)
        assert len(answer["data"]) == answer["meta"]["rows"]
    subject, code, params = data.draw(single_questions(registry, as_of))
    assert reference.get_statistics(subject, code, params)["data"]
    assert [one["basis"] for one in reference.bases(data.draw(basis_questions(registry, as_of)))["data"]] == list(BASES)


@settings(max_examples=40, deadline=None)
@given(dated_registries())
def test_enterprises_add_up_to_their_population_when_listed(drawn: tuple[Registry, date]) -> None:
    reference = Reference(*drawn)
    for block in reference.bases({})["data"]:
        listed = reference.list_statistics("enterprises", {"basis": block["basis"]})
        assert len(listed["data"]) == block["counts"]["enterprises"]
        for measure in PERSON_MEASURES:
            assert listed["total"]["counts"][measure] == block["counts"][measure]
        assert listed["total"]["rates"]["member_ratio"] == block["rates"]["member_ratio"]


@settings(max_examples=40, deadline=None)
@given(dated_registries())
def test_withheld_cells_add_up_to_the_total_when_summed(drawn: tuple[Registry, date]) -> None:
    reference = Reference(*drawn, member_source="register")
    for basis, block in zip(("registered", "operating"), reference.bases({})["data"][:2], strict=True):
        cells = [one["members_withheld"] for one in reference.withheld() if one["basis"] == basis]
        assert sum(cells) == block["counts"]["members_withheld"]


# --- what is drawn -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sample() -> list[tuple[Registry, date]]:
    """Three hundred registries with their dates, the same in every run."""
    shapes = [Random(number).randbytes(SHAPES_SIZE) for number in range(300)]
    return [(registry_of_shape(shape, date_of(shape)), date_of(shape)) for shape in shapes]


def reference_of(registry: Registry, as_of: date) -> Reference:
    return Reference(registry, as_of)


def firms_of(registry: Registry, as_of: date) -> list[Row]:
    return Reference(registry, as_of).enterprise_rows()


CONTENTS: dict[str, Callable[[Registry, date], bool]] = {
    "closed on the date": lambda r, d: any(one["closed_on"] == d for one in r["enterprises"]),
    "closed the day after": lambda r, d: any(one["closed_on"] == d + timedelta(days=1) for one in firms_of(r, d)),
    "a firm on an inner district": lambda r, d: any(
        firm["district_code"] in {node["parent_code"] for node in r["districts"]} - {None} for firm in firms_of(r, d)
    ),
    "a firm at a site": lambda r, d: any(
        node["level"] == "site" and node["code"] in {firm["district_code"] for firm in firms_of(r, d)}
        for node in r["districts"]
    ),
    "an unlocated firm": lambda r, d: any(firm["district_code"] is None for firm in firms_of(r, d)),
    "an unclassified firm": lambda r, d: any(firm["industry_code"] is None for firm in firms_of(r, d)),
    "a firm without a return": lambda r, d: any(firm["reported_on"] is None for firm in firms_of(r, d)),
    "a return on the date": lambda r, d: any(firm["reported_on"] == d for firm in firms_of(r, d)),
    "a return after the date": lambda r, d: any(one["reported_on"] > d for one in r["returns"]),
    "a firm that moved": lambda r, d: any(
        len({one["district_code"] for one in r["returns"] if one["enterprise_code"] == firm["code"]} - {None}) > 1
        for firm in firms_of(r, d)
    ),
    "withheld members at work": lambda r, d: bool(reference_of(r, d).withheld()),
    "employments that adjoin": lambda r, d: any(
        one["end_on"] == other["start_on"] and one["enterprise_code"] == other["enterprise_code"]
        for one in r["employments"]
        for other in r["employments"]
        if one["member_ref"] == other["member_ref"]
    ),
    "joined and left": lambda r, d: any(
        (firm["counts"]["members_joined"] or 0) > 0 and (firm["counts"]["members_left"] or 0) > 0
        for firm in firms_of(r, d)
    ),
    "a dissolved parent": lambda r, d: any(
        not is_open(one["established_on"], one["dissolved_on"], d)
        and one["code"] in {below["parent_code"] for below in r["branches"]}
        for one in r["branches"]
    ),
    "a correlation above the floor": lambda r, d: reference_of(r, d).correlation["value"] > 0.1,
    "a correlation below the floor": lambda r, d: reference_of(r, d).correlation["value"] < 0.1,
    "eligible undecided": lambda r, d: any(firm["eligible"] is None for firm in firms_of(r, d)),
    "every basis": lambda r, d: {basis for firm in firms_of(r, d) for basis in firm["bases"]} == set(BASES),
    "returns only": lambda r, d: bool(r["returns"]) and not r["members"],
    "a register only": lambda r, d: bool(r["employments"]) and not r["returns"],
    "no enterprise": lambda r, d: not r["enterprises"],
    "a dual member of a committee": lambda r, d: any(one["home"] for one in reference_of(r, d).dual_affiliation()),
    "work cover by a dissolved branch": lambda r, d: any(
        one["branch"] is not None and one["branch"] not in reference_of(r, d).when.branches
        for one in reference_of(r, d).coverage()
    ),
}


@pytest.mark.parametrize("content", CONTENTS)
def test_registries_hold_every_case_when_many_are_drawn(content: str, sample: list[tuple[Registry, date]]) -> None:
    assert sum(CONTENTS[content](registry, as_of) for registry, as_of in sample) >= 3


def spoiled(registry: Registry, dataset: str, **cells: object) -> Registry:
    """A copy whose first row of a dataset holds other cells."""
    copy = deepcopy(registry)
    copy[dataset][0].update(cells)
    return copy


@pytest.mark.parametrize(
    ("dataset", "cells"),
    [
        ("districts", {"parent_code": "3502"}),
        ("districts", {"level": "site"}),
        ("industries", {"parent_code": "nowhere"}),
        ("enterprises", {"code": "a/b"}),
        ("enterprises", {"registered_on": TODAY, "closed_on": TODAY}),
        ("returns", {"reported_on": date(2018, 1, 2)}),
        ("returns", {"members": 1, "members_women": 2}),
        ("returns", {"members": None, "members_women": 0}),
        ("returns", {"headcount": -1}),
        ("branches", {"district_code": None}),
        ("coverage", {"means": "joint", "branch_code": None}),
        ("members", {"full_since": date(1999, 1, 1)}),
        ("members", {"left_on": date(1999, 1, 1)}),
    ],
)
def test_a_broken_rule_is_named_when_a_cell_is_spoiled(
    dataset: str, cells: dict[str, object], sample: list[tuple[Registry, date]]
) -> None:
    full = next(registry for registry, _ in sample if all(registry.values()))
    assert violations(full, TODAY) == []
    assert violations(spoiled(full, dataset, **cells), TODAY) != []


@pytest.mark.parametrize("dataset", ["employments", "affiliations", "returns", "members"])
def test_a_broken_rule_is_named_when_a_row_stands_twice(dataset: str, sample: list[tuple[Registry, date]]) -> None:
    full = next(registry for registry, _ in sample if all(registry.values()))
    twice: Any = {**full, dataset: [*full[dataset], full[dataset][0]]}
    assert violations(twice, TODAY) != []
