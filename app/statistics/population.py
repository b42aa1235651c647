"""Selections: the population of a question, with its codes resolved in a snapshot."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from app.catalogue.vocabulary import Basis, EnterpriseKind, Ownership, SizeClass
from app.errors import ErrorCode, ErrorItem, InvalidRequest, closest
from app.messages import say, together
from app.statistics.question import Population
from app.store.arrays import disjoint_spans
from app.store.snapshot import Mask, Snapshot, Tree

_CHOICES = {"enterprise_kind": EnterpriseKind, "ownership": Ownership, "size_class": SizeClass}
_COLUMNS = {"enterprise_kind": "kind", "ownership": "ownership", "size_class": "size_class"}


@dataclass(frozen=True)
class Selection:
    """Which enterprises to count: a population with its codes resolved to indices.

    Parameters
    ----------
    basis
        Which enterprises form the denominator.
    district, industry
        Index of the node whose subtree is counted; null: everything, including what has no node.
    industry_group
        Code of a group; null: every industry.
    attributes
        Column and number of the value, for each filter on an attribute.
    """

    basis: Basis
    district: int | None = None
    industry: int | None = None
    industry_group: str | None = None
    attributes: tuple[tuple[str, int], ...] = ()

    @property
    def filtered(self) -> bool:
        """Whether it filters by an attribute of the enterprises."""
        return bool(self.attributes)

    def narrowed(self, *, district: int | None = None, industry: int | None = None) -> "Selection":
        """Return the selection restricted to a node too, in a tree that it does not restrict yet."""
        return replace(
            self,
            district=self.district if district is None else district,
            industry=self.industry if industry is None else industry,
        )


def resolve(snapshot: Snapshot, population: Population) -> Selection:
    """Return the selection of a population.

    Raises
    ------
    InvalidRequest
        A code is not in the snapshot; every such code is listed with the closest known codes.
    """
    problems: list[ErrorItem] = []
    district = _find(snapshot.districts.index, population.district, "district", problems)
    industry = _find(snapshot.industries.index, population.industry, "industry", problems)
    _find(dict.fromkeys(snapshot.groups, 0), population.industry_group, "industry_group", problems)
    refuse(problems)
    filters = {name: getattr(population, name) for name in _CHOICES if getattr(population, name) is not None}
    attributes = tuple(
        (_COLUMNS[name], [str(choice) for choice in _CHOICES[name]].index(str(value)))
        for name, value in filters.items()
    )
    return Selection(population.basis, district, industry, population.industry_group, attributes)


def node_of(tree: Tree, code: str, parameter: str) -> int:
    """Return the index of a code given in a parameter.

    Raises
    ------
    InvalidRequest
        The code is unknown; the closest known codes are listed.
    """
    problems: list[ErrorItem] = []
    node = _find(tree.index, code, parameter, problems)
    refuse(problems)
    return -1 if node is None else node


def refuse(problems: list[ErrorItem]) -> None:
    """Raise `InvalidRequest` if there are problems."""
    if problems:
        raise InvalidRequest(together([problem.message for problem in problems]), problems)


def unknown_code(parameter: str, code: str, known: Iterable[str]) -> ErrorItem:
    """Return the error of an unknown code, with the closest known codes."""
    message = say("{parameter} {code!r} is not in this snapshot", parameter=parameter, code=code)
    return ErrorItem(ErrorCode.UNKNOWN_CODE, f"query/{parameter}", message, suggestions=closest(code, known))


def rows_of(snapshot: Snapshot, selection: Selection) -> tuple[slice, Mask]:
    """Return the slice of rows in a selection's district, and a mask of the selected ones."""
    rows = district_rows(snapshot, selection.district)
    mask = snapshot.in_basis(selection.basis, rows)
    if selection.industry is not None:
        mask &= _in_spans(
            snapshot.industry_of[rows], [(selection.industry, int(snapshot.industries.ends[selection.industry]))]
        )
    if selection.industry_group is not None:
        mask &= _in_spans(snapshot.industry_of[rows], group_spans(snapshot, selection.industry_group))
    for column, number in selection.attributes:
        mask &= _equal(snapshot, column, number, rows)
    return rows, mask


def district_rows(snapshot: Snapshot, district: int | None) -> slice:
    """Return the slice of rows in a district's subtree; null: all rows."""
    if district is None:
        return slice(0, len(snapshot.rows))
    first = snapshot.first_of_district
    return slice(int(first[district]), int(first[snapshot.districts.ends[district]]))


def group_spans(snapshot: Snapshot, group: str) -> list[tuple[int, int]]:
    """Return the industries of a group as disjoint spans of the tree's pre-order."""
    nodes = np.array(snapshot.groups[group], np.int64)
    return disjoint_spans(nodes, snapshot.industries.ends[nodes])


def _find(index: dict[str, int], code: str | None, parameter: str, problems: list[ErrorItem]) -> int | None:
    if code is None:
        return None
    if code not in index:
        problems.append(unknown_code(parameter, code, index))
        return None
    return index[code]


def _in_spans(industries: npt.NDArray[Any], spans: list[tuple[int, int]]) -> Mask:
    inside = np.zeros(len(industries), bool)
    for start, end in spans:
        inside |= (industries >= start) & (industries < end)
    return inside


def _equal(snapshot: Snapshot, column: str, number: int, rows: slice) -> Mask:
    equal = snapshot.rows.values(column)[rows] == number
    valid = snapshot.rows.valid(column)
    return np.asarray(equal if valid is None else equal & valid[rows])
