"""What a reader without the key can prove about the members of an enterprise, from published sums over two dates.

The reader knows the scheme, and of every enterprise where it is, its headcount, its branches, and even whether its
members have changed between the dates. What is not known is a variable: members, offsets, steps on the grid. The
published sums are equations, and the least and largest number of members that fit them all are found exactly, by
mixed-integer programming, one connected part of the equations at a time.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array

from tests.reference.rounding import B

Variable = Hashable
"""`("n", …)` members of an enterprise, `("s", …)` an offset, `("k", …)` steps of one rounded value on its grid."""


@dataclass(frozen=True)
class Draw:
    """Something that was rounded once.

    Parameters
    ----------
    identity
        What its offset hangs on.
    members
        The enterprises whose members were added up before.
    least
        Where its grid starts.
    cap
        The highest value that is published; None = no cap.
    width
        Distance of the values on the grid; 1 = they are exact.
    """

    identity: str
    members: tuple[Variable, ...]
    least: int
    cap: int | None = None
    width: int = B


@dataclass(frozen=True)
class Cell:
    """A published sum of rounded values; `name` tells it from all others, those of the other date too."""

    name: Hashable
    draws: tuple[Draw, ...]
    total: int


@dataclass(frozen=True)
class Found:
    """The least and largest number of members that fit everything published, and those that fitted before."""

    low: int
    high: int
    low_before: int
    high_before: int

    @property
    def left(self) -> int:
        """How many numbers are left."""
        return self.high - self.low + 1

    @property
    def before(self) -> int:
        """How many numbers there were."""
        return self.high_before - self.low_before + 1


class Contradiction(Exception):
    """No numbers fit what was published: the reader is wrong about the scheme or about an enterprise."""


def parts(cells: Iterable[Cell]) -> list[list[Cell]]:
    """Cells that have an enterprise or an offset in common, directly or through others; parts say nothing of others."""
    everything = list(cells)
    using: defaultdict[Variable, list[Cell]] = defaultdict(list)
    for cell in everything:
        for variable in unknowns(cell):
            using[variable].append(cell)
    seen: set[Hashable] = set()
    return [connected(cell, using, seen) for cell in everything if cell.name not in seen]


def unknowns(cell: Cell) -> set[Variable]:
    """The members and offsets that a cell tells about."""
    return {one for draw in cell.draws for one in (*draw.members, *offsets(draw))}


def offsets(draw: Draw) -> tuple[Variable, ...]:
    """The offset of a draw; what is exact has none."""
    return (("s", draw.identity),) if draw.width > 1 else ()


def connected(start: Cell, using: dict[Variable, list[Cell]], seen: set[Hashable]) -> list[Cell]:
    """The part that a cell belongs to; its cells are seen from now on."""
    part, waiting = [], [start]
    seen.add(start.name)
    while waiting:
        cell = waiting.pop()
        part.append(cell)
        near = [one for variable in unknowns(cell) for one in using[variable] if one.name not in seen]
        seen |= {one.name for one in near}
        waiting += {one.name: one for one in near}.values()
    return part


class Equations:
    """One part of what is published, as rows of a matrix over variables that are whole numbers.

    Parameters
    ----------
    part
        Connected cells.
    known
        Least and largest members of each enterprise, from what everybody knows.
    """

    def __init__(self, part: Sequence[Cell], known: dict[Variable, tuple[int, int]]) -> None:
        self.known = known
        self.place: dict[Variable, int] = {}
        self.rows: list[tuple[dict[int, int], int, float]] = []
        for cell in part:
            self.add(cell)
        lower, upper = zip(*(self.limits(variable) for variable in self.place), strict=True)
        self.bounds = Bounds(np.array(lower, float), np.array(upper, float))
        self.constraint = LinearConstraint(
            self.matrix(), np.array([low for _, low, _ in self.rows]), np.array([high for _, _, high in self.rows])
        )

    def column(self, variable: Variable) -> int:
        """The column of a variable, a new one where it has none yet."""
        return self.place.setdefault(variable, len(self.place))

    def limits(self, variable: Variable) -> tuple[float, float]:
        """What a variable may be whatever is published."""
        if variable in self.known:
            return self.known[variable]
        assert isinstance(variable, tuple)
        return (0, B - 1) if variable[0] == "s" else (0, np.inf)

    def add(self, cell: Cell) -> None:
        """A row per rounded value (members and offset lie on one step of its grid), and one for their sum.

        Those who may have fewer members than their grid begins with lie on its first step then.
        """
        steps = [self.column(("k", cell.name, number)) for number, _ in enumerate(cell.draws)]
        for draw, step in zip(cell.draws, steps, strict=True):
            inside = {self.column(variable): 1 for variable in (*draw.members, *offsets(draw))}
            begin = min(draw.least, sum(self.known[variable][0] for variable in draw.members))
            self.rows.append((inside | {step: -draw.width}, begin, draw.least + draw.width - 1))
        total = cell.total - sum(draw.least for draw in cell.draws)
        capped = any(draw.cap is not None and cell.total >= draw.cap for draw in cell.draws)
        widths = {step: draw.width for step, draw in zip(steps, cell.draws, strict=True)}
        self.rows.append((widths, total, np.inf if capped else total))

    def matrix(self) -> csr_array:
        """The coefficients of all rows."""
        entries = [
            (number, column, value) for number, (row, _, _) in enumerate(self.rows) for column, value in row.items()
        ]
        numbers, columns, values = zip(*entries, strict=True)
        return csr_array((values, (numbers, columns)), shape=(len(self.rows), len(self.place)))

    def bound(self, variable: Variable) -> Found:
        """The least and largest value of one variable that fits."""
        low, high = (round(sign * self.least(variable, sign)) for sign in (1, -1))
        return Found(low, high, *self.known[variable])

    def least(self, variable: Variable, sign: int) -> float:
        """The least value of a variable, or of its negative."""
        cost = np.zeros(len(self.place))
        cost[self.place[variable]] = sign
        solved = milp(cost, constraints=self.constraint, bounds=self.bounds, integrality=np.ones(len(cost), np.int64))
        if solved.status != 0:
            raise Contradiction(solved.message)
        return float(solved.fun)
