"""The sum law of breakdowns: on the demonstration, by everything and by every pair, and panels against single dates."""

from collections.abc import Iterator, Sequence
from itertools import combinations, product
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from app.catalogue.analyses import Analysis
from app.catalogue.dimensions import DIMENSION, By
from app.catalogue.vocabulary import Basis
from app.demo.siming import SIMING_DATES
from app.statistics.breakdown import Cells, list_breakdown
from app.statistics.question import AsOf, Page, Population, Question, Subject
from app.statistics.row_list import RowList
from app.store.snapshot import Snapshot
from tests.factories.asking import Reader
from tests.factories.demonstration import Demonstration
from tests.spec.test_sum_law import path_up

OVERLAPPING = {By.INDUSTRY_GROUP, By.BASIS}
PUBLIC = (By.PROVINCE, By.CITY, By.COUNTY, By.STREET, By.SECTION, By.DIVISION, By.INDUSTRY_GROUP)
CHOSEN = {"exact": tuple(By), "public": PUBLIC}

Key = tuple[str, ...]
Sums = dict[Key, npt.NDArray[np.int64]]


@pytest.fixture(scope="module")
def readers(demonstration: Demonstration) -> dict[str, Reader]:
    """Give readers of the demonstration, exact and public, whose snapshots are the same bytes on both engines."""
    return {root: Reader(demonstration.folder / "snapshots" / root) for root in CHOSEN}


class Firms:
    """The rows of a snapshot with what each is by every dimension, told by walking up the trees."""

    def __init__(self, snapshot: Snapshot, chosen: Sequence[By]) -> None:
        table = snapshot.rows
        self.snapshot = snapshot
        self.columns = {name: table.arrow(name).to_pylist() for name in table.names}
        self.bases = self.columns.get("bases", [1 << list(Basis).index(Basis.OPERATING)] * len(table))
        measures = [[value or 0 for value in self.columns[measure]] for measure in snapshot.row_measures]
        self.sums = np.array(measures, np.int64).reshape(len(measures), -1).T
        self.values = {by: [self.values_of(by, row) for row in range(len(table))] for by in chosen}

    def values_of(self, by: By, row: int) -> list[str]:
        """What a row counts in: at most one value but for groups and bases."""
        snapshot = self.snapshot
        if by is By.BASIS:
            return [str(basis) for number, basis in enumerate(Basis) if self.bases[row] >> number & 1]
        if by is By.INDUSTRY_GROUP:
            above = path_up(snapshot.industries, self.columns["industry"][row])
            return [code for code, nodes in snapshot.groups.items() if {*nodes} & {*above}]
        if by.dimension not in ("district", "industry"):
            value = self.columns[DIMENSION[by].column][row]
            return [] if value is None else [value]
        tree = snapshot.districts if by.dimension == "district" else snapshot.industries
        above = path_up(tree, self.columns[by.dimension][row])
        return [tree.codes[node] for node in above if tree.levels[node] == by.value]

    def added_up(self, by: Sequence[By], basis: Basis) -> Sums:
        """The sums of each cell, row after row; under the empty key the whole."""
        bit = 1 << list(Basis).index(basis)
        found: Sums = {(): np.zeros(self.sums.shape[1], np.int64)}
        for row in range(len(self.sums)):
            if not (self.bases[row] & bit or By.BASIS in by):
                continue
            for key in [*product(*(self.values[one][row] for one in by)), ()]:
                found[key] = found.get(key, 0) + self.sums[row]
        return found


def keys_of(cells: Cells, numbers: npt.NDArray[np.int64]) -> list[Key]:
    """What each cell is."""
    return [
        tuple(
            str(axis.choices[int(cells.values(np.array([number]), place)[0])]) for place, axis in enumerate(cells.axes)
        )
        for number in numbers.tolist()
    ]


def holds(listed: RowList, cells: Cells, expected: Sums, by: Sequence[By]) -> None:
    """Cells are what adding up one by one gives, and with `unallocated` they are the total."""
    rows, margins = listed.sides[0].count(listed.some(0, listed.number)), listed.margins
    assert margins is not None
    lines = [rows.codes.index(measure) for measure in listed.snapshot.row_measures]
    found = dict(zip(keys_of(cells, listed.some(0, listed.number)), rows.values[lines].T.tolist(), strict=True))
    place = listed.snapshot.row_measures.index("enterprises")
    assert found == {key: sums.tolist() for key, sums in expected.items() if key and sums[place]}
    if By.BASIS in by:
        assert (margins.total, margins.unallocated) == (None, None)
        return
    assert margins.total is not None
    assert margins.total.values[lines, 0].tolist() == expected[()].tolist()
    if OVERLAPPING & {*by}:
        assert margins.unallocated is None
        return
    unallocated = margins.unallocated
    assert unallocated is not None
    known = ~(unallocated.null | margins.total.null | rows.null.any(axis=1, keepdims=True))[:, 0]
    assert (rows.values.sum(axis=1) + unallocated.values[:, 0] == margins.total.values[:, 0])[known].all()
    assert (unallocated.values >= 0).all()
    assert known[[rows.codes.index(measure) for measure in ("enterprises", "members", "headcount")]].all()


def questions(root: str, bases: Sequence[Basis]) -> Iterator[tuple[tuple[By, ...], Basis]]:
    """By each dimension in every basis; by each pair of different kinds in one basis after the other."""
    chosen = CHOSEN[root]
    yield from (((by,), basis) for by in chosen for basis in (bases if by is not By.BASIS else bases[:1]))
    pairs = [pair for pair in combinations(chosen, 2) if pair[0].dimension != pair[1].dimension]
    for number, pair in enumerate(pairs):
        yield pair[:: 1 if number % 3 else -1], bases[0 if By.BASIS in pair else number % len(bases)]


@pytest.mark.parametrize("number", range(len(SIMING_DATES)), ids=map(str, SIMING_DATES))
@pytest.mark.parametrize("root", CHOSEN)
def test_cells_and_unallocated_are_the_total_when_the_demonstration_is_broken_down(
    readers: dict[str, Reader], root: str, number: int
) -> None:
    snapshot = readers[root].shelf.at(SIMING_DATES[number])
    firms, filled = Firms(snapshot, CHOSEN[root]), 0
    for by, basis in questions(root, snapshot.bases):
        population = Population() if By.BASIS in by else Population(basis)
        question = Question(Subject.INDUSTRIES, AsOf(), population, analysis=Analysis.BREAKDOWN, by=by)
        listed, cells = list_breakdown(snapshot, question, Page())
        holds(listed, cells, firms.added_up(by, basis), by)
        filled += len(listed.rows) > 0
    assert filled > len(CHOSEN[root])


@pytest.mark.parametrize(("root", "by"), [(root, by) for root, chosen in CHOSEN.items() for by in chosen])
def test_a_panel_is_its_single_dates_when_the_demonstration_is_followed(
    readers: dict[str, Reader], root: str, by: By
) -> None:
    reader = readers[root]
    together = reader.trend({"by": by.value})
    by_date: dict[str, list[dict[str, Any]]] = {}
    for row in together["data"]:
        by_date.setdefault(row["snapshot"], []).append(row)
    for snapshot, rows in by_date.items():
        alone = reader.breakdown({"by": by.value}, snapshot)["data"]
        shown = [figures(row, by) for row in rows if row["counts"]["enterprises"]]
        assert shown == [figures(row, by) for row in alone]
        for row in rows:
            assert row["counts"]["enterprises"] or {*row["counts"].values()} <= {0, None}
    assert reader.trend({"by": by.value}, 3) == together  # page by page


def figures(row: dict[str, Any], by: By) -> dict[str, Any]:
    return {name: row[name] for name in (by.dimension, "counts", "rates")}
