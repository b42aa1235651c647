"""What an import does, a second time: plain loops over plain rows, for small files and small registries."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from tests.reference.file_rows import FileRow, Problem, Tables, row_problems
from tests.reference.plans import Outcome, Plan
from tests.reference.scopes import Inside


def import_rows(
    tables: Tables,
    dataset: str,
    rows: Sequence[FileRow],
    mode: str,
    on_error: str,
    scope: frozenset[str] | None = None,
) -> Outcome:
    """Return what an import of these rows does to a registry, which stays as it is."""
    file = _File(tables, dataset, rows, mode, None if scope is None else Inside(tables, scope))
    problems = row_problems(dataset, rows, mode)
    if problems:
        invalid = frozenset(number for number, _ in problems)
        whole = file.plan((), invalid)
        found = {*whole.own_problems(), *whole.conflicts()}
        if on_error == "reject":
            return Outcome(tables, refused=True, problems=problems | found | file.outside)
        problems |= {(number, rule) for number, rule in found if number in invalid}
    if on_error == "skip":
        return _skipped(file, problems)
    plan = file.plan(())
    problems = {*plan.own_problems(), *plan.conflicts(), *file.outside}
    return Outcome(tables, refused=True, problems=problems) if problems else plan.outcome(problems)


def _skipped(file: "_File", problems: set[Problem]) -> Outcome:
    """Leave out what is wrong by itself, then what is in conflict, and ask again until nothing changes."""
    out = {number for number, _ in problems}
    while True:
        plan = file.plan(out)
        found = set(plan.own_problems()) or set(plan.conflicts())
        problems |= found | file.outside
        if not found:
            return plan.outcome(problems)
        left = {number for number, _ in found} - out - {None}
        if not left:
            return Outcome(file.tables, refused=True, problems=problems)
        out |= left


@dataclass
class _File:
    """A file, and what of it has turned out to lie outside a scope."""

    tables: Tables
    dataset: str
    rows: Sequence[FileRow]
    mode: str
    inside: Inside | None
    outside: set[Problem] = field(default_factory=set)

    def plan(self, without: Collection[int | None], invalid: frozenset[int | None] = frozenset()) -> Plan:
        """Return the plan of the rows that are inside, but some."""
        while True:
            gone = {*without, *(number for number, _ in self.outside)}
            chosen = [row for row in self.rows if row.number not in gone]
            plan = Plan(self.tables, self.dataset, self.rows, chosen, self.mode, invalid, self.inside)
            found = set(plan.belonging_outside()) or set(plan.going_outside())
            if not found:
                return plan
            self.outside |= found
