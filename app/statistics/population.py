"""Selections: the population of a question, with its codes resolved in a snapshot."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from app.catalogue.dimensions import ATTRIBUTES
from app.catalogue.vocabulary import Basis
from app.errors import ErrorCode, ErrorItem, InvalidRequest, closest
from app.messages import say, together
from app.statistics.question import Population
from app.store.arrays import Int64, disjoint_spans
from app.store.snapshot import Mask, Snapshot, Tree


class Selection(msgspec.Struct, frozen=True, dict=True):
    """Which enterprises to count: a population with its codes resolved to indices.

    Parameters
    ----------
    basis
        Which enterprises form the denominator.
    districts, industries
        Nodes whose subtrees are counted, as given; empty: everything, including what has no node.
    groups
        Codes of groups; empty: every industry.
    attributes
        Column and numbers of the values, for each condition on an attribute.
    figures
        Codes of the measures to count; empty: all.
    """

    basis: Basis
    districts: tuple[int, ...] = ()
    industries: tuple[int, ...] = ()
    groups: tuple[str, ...] = ()
    attributes: tuple[tuple[str, tuple[int, ...]], ...] = ()
    figures: frozenset[str] = frozenset()

    @cached_property
    def conditions(self) -> frozenset[str]:
        """Names of the parts that restrict it, besides the basis."""
        return frozenset(name for name in ("districts", "industries", "groups", "attributes") if getattr(self, name))


def resolve(snapshot: Snapshot, population: Population) -> Selection:
    """Return the selection of a population.

    Raises
    ------
    InvalidRequest
        A code is not in the snapshot; every such code is listed with the closest known codes.
    """
    problems: list[ErrorItem] = []
    districts = _found(snapshot.districts.index, population.district, "district", problems)
    industries = _found(snapshot.industries.index, population.industry, "industry", problems)
    _found(dict.fromkeys(snapshot.groups, 0), population.industry_group, "industry_group", problems)
    refuse(problems)
    attributes = []
    for dimension in ATTRIBUTES:
        values = getattr(population, dimension.code)
        if values:
            choices = [str(choice) for choice in dimension.values or ()]
            attributes.append((dimension.column, tuple(sorted(choices.index(str(value)) for value in values))))
    groups = tuple(sorted(population.industry_group))
    return Selection(population.basis, districts, industries, groups, tuple(attributes))


def node_of(tree: Tree, code: str, parameter: str) -> int:
    """Return the index of a code given in a parameter.

    Raises
    ------
    InvalidRequest
        The code is unknown; the closest known codes are listed.
    """
    problems: list[ErrorItem] = []
    nodes = _found(tree.index, (code,), parameter, problems)
    refuse(problems)
    return nodes[0]


def roots(tree: Tree, nodes: Sequence[int]) -> Int64:
    """Return the nodes that lie below no other of them, ascending."""
    given = np.array(nodes, np.int64)
    return np.array([start for start, _ in disjoint_spans(given, tree.ends[given])], np.int64)


def refuse(problems: list[ErrorItem]) -> None:
    """Raise `InvalidRequest` if there are problems."""
    if problems:
        raise InvalidRequest(together([problem.message for problem in problems]), problems)


def unknown_code(parameter: str, code: str, known: Iterable[str]) -> ErrorItem:
    """Return the error of an unknown code, with the closest known codes."""
    message = say("{parameter} {code!r} is not in this snapshot", parameter=parameter, code=code)
    return ErrorItem(ErrorCode.UNKNOWN_CODE, f"query/{parameter}", message, suggestions=closest(code, known))


def rows_of(snapshot: Snapshot, selection: Selection) -> Iterator[tuple[slice, Mask]]:
    """Yield the slice of rows from a selection's first district to its last, and a mask of the selected ones.

    By part, so that nothing is as long as all rows where there are several.
    """
    for rows, inside in _district_rows(snapshot, selection):
        mask = inside & snapshot.in_basis(selection.basis, rows)
        if selection.industries:
            mask &= in_spans(snapshot.industry_of(rows), spans_of(snapshot.industries, selection.industries))
        if selection.groups:
            nodes = [node for group in selection.groups for node in snapshot.groups[group]]
            mask &= in_spans(snapshot.industry_of(rows), spans_of(snapshot.industries, nodes))
        for column, numbers in selection.attributes:
            mask &= _any_of(snapshot, column, numbers, rows)
        yield rows, mask


def _district_rows(snapshot: Snapshot, selection: Selection) -> Iterator[tuple[slice, Mask]]:
    """Yield the slice of rows from a selection's first district to its last, and a mask of those in one, by part."""
    if not selection.districts:
        for rows in snapshot.rows.runs(slice(0, len(snapshot.rows))):
            yield rows, np.ones(rows.stop - rows.start, bool)
        return
    first, ends = snapshot.first_of_district, snapshot.districts.ends
    bounds = [(int(first[node]), int(first[ends[node]])) for node in roots(snapshot.districts, selection.districts)]
    for rows in snapshot.rows.runs(slice(bounds[0][0], bounds[-1][1])):
        mask = np.zeros(rows.stop - rows.start, bool)
        for start, end in bounds:
            mask[max(start - rows.start, 0) : max(end - rows.start, 0)] = True
        yield rows, mask


def spans_of(tree: Tree, nodes: Sequence[int]) -> list[tuple[int, int]]:
    """Return the subtrees of some nodes as disjoint spans of the tree's pre-order."""
    given = np.array(nodes, np.int64)
    return disjoint_spans(given, tree.ends[given])


def in_spans(nodes: npt.NDArray[Any], spans: list[tuple[int, int]]) -> Mask:
    """Return which nodes lie in one of some spans."""
    inside = np.zeros(len(nodes), bool)
    for start, end in spans:
        inside |= (nodes >= start) & (nodes < end)
    return inside


def _found(
    index: Mapping[str, int], codes: Sequence[str], parameter: str, problems: list[ErrorItem]
) -> tuple[int, ...]:
    """Return the numbers of known codes, ascending; unknown ones are added to the problems."""
    problems.extend(unknown_code(parameter, code, index) for code in codes if code not in index)
    return tuple(sorted(index[code] for code in codes if code in index))


def _any_of(snapshot: Snapshot, column: str, numbers: tuple[int, ...], rows: slice) -> Mask:
    equal = np.isin(snapshot.rows.values(column, rows), numbers)
    valid = snapshot.rows.valid(column, rows)
    return np.asarray(equal if valid is None else equal & valid)
