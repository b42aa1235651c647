"""Asking the rules between rows, and leaving out what breaks them where a file is taken row by row.

Under `skip`, rows that are wrong by themselves go first: also those whose codes lead nowhere, or to something that does
not take them. Only of what remains are conflicts looked at, in which several rows of the file are equally wrong; all of
them go. Then everything is asked again, until nothing changes.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from itertools import islice
from typing import Any, TypeAlias

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Integer,
    MetaData,
    Select,
    Table,
    Text,
    delete,
    func,
    insert,
    literal,
    select,
)
from sqlalchemy.schema import CreateTable

from app.imports.cycles import rows_on_cycles
from app.imports.dual_affiliation import secondaries_without_dual
from app.imports.erased_refs import erased_rows
from app.imports.findings import Finding, Outcome
from app.imports.issues import LISTED_ISSUES, IssueLog, RowIssue, Rule, Severity, row_issue
from app.imports.jumps import jumping_rows
from app.imports.levels import misplaced_sites, wrong_levels
from app.imports.merged_rows import merged_problems
from app.imports.options import ImportOptions, OnError
from app.imports.overlaps import simultaneous_affiliations, simultaneous_employments
from app.imports.prospect import Prospect, foresee
from app.imports.references import conflicting_names, repeated_keys, still_referred_to, unknown_codes
from app.imports.registrations import outside_registration
from app.imports.staging import Stage, leave_out, mark_bad
from app.registry.tombstones import Tombstones

_PROBLEMS = Table(
    "problems",
    MetaData(),
    Column("outcome", Integer, nullable=False),
    Column("row_number", BigInteger),
    Column("value", Text),
    Column("other", BigInteger),
    prefixes=["TEMPORARY"],
)
"""What one step of asking has found, before it is told and rows are left out."""

Problem: TypeAlias = tuple[Outcome, int, str | None, int | None]
"""What is wrong, in which row, with which value, and the number for the message."""

_PROBLEMS_AT_ONCE = 10_000

_Rules = Sequence[Callable[[Prospect], Iterator[Finding]]]

_OWN: _Rules = (unknown_codes, still_referred_to, wrong_levels, misplaced_sites, secondaries_without_dual)
_CONFLICTS: _Rules = (conflicting_names, simultaneous_employments, simultaneous_affiliations)
_WARNINGS: _Rules = (outside_registration,)
_ERASED = Outcome(Rule.ERASED_REF, "ref", "was erased and may not come back")


class NothingLeftOut(Exception):
    """A problem concerns no row of the file, so that leaving out rows does not mend it."""


def make_room_for_problems(connection: Connection) -> None:
    """Make the temporary table that problems are kept in from one step to the next."""
    connection.execute(CreateTable(_PROBLEMS))


def refuse_repeated_keys(connection: Connection, stage: Stage, log: IssueLog) -> None:
    """Tell the keys that stand twice in the file, and count all of their rows as bad."""
    step = _Step(connection, log)
    step.ask([repeated_keys(stage)])
    if step.errors:
        mark_bad(connection, stage, step.rows())


def settle(
    connection: Connection,
    stage: Stage,
    options: ImportOptions,
    log: IssueLog,
    today: date,
    tombstones: Tombstones,
) -> Prospect:
    """Ask all rules of the rows that are good, and return what the import would do with those that stay.

    Under `reject` every rule is asked once; whether the import may happen is for the caller to tell from the log.

    Raises
    ------
    NothingLeftOut
        Under `skip`, something is wrong that no row of the file is to blame for.
    """
    while True:
        prospect = foresee(connection, stage, options)
        if not _ask_errors(connection, prospect, log, today, tombstones):
            break
    warnings = _Step(connection, log)
    warnings.ask(_findings(_WARNINGS, prospect))
    message = "jumps against the other returns of this enterprise"
    jumping = Outcome(Rule.HEADCOUNT_JUMP, "headcount", message)
    warnings.tell((jumping, row, value, None) for row, value in jumping_rows(connection, prospect))
    return prospect


def _ask_errors(connection: Connection, prospect: Prospect, log: IssueLog, today: date, tombstones: Tombstones) -> bool:
    """Ask the rules that keep rows out; return whether rows were left out, so that all is to be asked again."""
    own = _Step(connection, log)
    own.ask(_findings(_OWN, prospect))
    merged = merged_problems(connection, prospect, today)
    own.tell((Outcome(it.rule, it.column, it.message), it.row_number, it.value, None) for it in merged)
    own.tell((_ERASED, row, None, None) for row in erased_rows(connection, prospect, tombstones))
    if own.errors and prospect.options.on_error is OnError.SKIP:
        own.leave_out(prospect.stage)
        return True
    conflicts = _Step(connection, log)
    conflicts.ask(_findings(_CONFLICTS, prospect))
    conflicts.tell(rows_on_cycles(connection, prospect))
    if conflicts.errors and prospect.options.on_error is OnError.SKIP:
        conflicts.leave_out(prospect.stage)
        return True
    return False


def _findings(rules: _Rules, prospect: Prospect) -> Iterator[Finding]:
    for rule in rules:
        yield from rule(prospect)


class _Step:
    """Rules that are asked of one state of the rows; their problems are kept in a table until the next step."""

    def __init__(self, connection: Connection, log: IssueLog) -> None:
        self._connection = connection
        self._log = log
        self._outcomes: list[Outcome] = []
        self.errors = 0
        connection.execute(delete(_PROBLEMS))

    def ask(self, findings: Iterable[Finding]) -> None:
        """Execute the statements of findings and log what they find."""
        for finding in findings:
            first = len(self._outcomes)
            self._outcomes.extend(finding.outcomes)
            rows = finding.rows.subquery("found")
            numbered = select(rows.c.outcome + literal(first, Integer), rows.c.row_number, rows.c.value, rows.c.other)
            into = insert(_PROBLEMS).from_select(["outcome", "row_number", "value", "other"], numbered)
            if self._connection.execute(into).rowcount:
                self._log_from(first)

    def tell(self, problems: Iterable[Problem]) -> None:
        """Take in problems that were found otherwise."""
        for block in _blocks(problems):
            places = {outcome: len(self._outcomes) + place for place, outcome in enumerate({it[0] for it in block})}
            self._outcomes.extend(places)
            rows = [{"outcome": places[outcome], "row_number": row} for outcome, row, _, _ in block]
            self._connection.execute(insert(_PROBLEMS), rows)
            for outcome, row, value, other in block:
                self._count(outcome, 1, iter([_issue(outcome, row, value, other)]))

    def rows(self) -> Select[Any]:
        """Return the statement of the rows of the file that have errors."""
        errors = [place for place, it in enumerate(self._outcomes) if it.rule.severity is Severity.ERROR]
        wanted = _PROBLEMS.c.outcome.in_(errors), _PROBLEMS.c.row_number.is_not(None)
        return select(_PROBLEMS.c.row_number).where(*wanted)

    def leave_out(self, stage: Stage) -> None:
        """Leave out the rows that have errors.

        Raises
        ------
        NothingLeftOut
            None of the errors is of a row of the file.
        """
        if not leave_out(self._connection, stage, self.rows()):
            raise NothingLeftOut

    def _log_from(self, first: int) -> None:
        numbers = select(_PROBLEMS.c.outcome, func.count()).where(_PROBLEMS.c.outcome >= first)
        for place, number in self._connection.execute(numbers.group_by(_PROBLEMS.c.outcome)).all():
            self._count(self._outcomes[place], number, self._issues(place))

    def _issues(self, place: int) -> Iterator[RowIssue]:
        """Yield the problems of one outcome by row, no more than can be listed; nothing is read before it is wanted."""
        columns = _PROBLEMS.c.row_number, _PROBLEMS.c.value, _PROBLEMS.c.other
        rows = select(*columns).where(_PROBLEMS.c.outcome == place).order_by(*columns).limit(LISTED_ISSUES)
        for row, value, other in self._connection.execute(rows):
            yield _issue(self._outcomes[place], row, value, other)

    def _count(self, outcome: Outcome, number: int, issues: Iterator[RowIssue]) -> None:
        self._log.add_many(outcome.rule, number, issues)
        self.errors += number if outcome.rule.severity is Severity.ERROR else 0


def _issue(outcome: Outcome, row: int | None, value: str | None, other: int | None) -> RowIssue:
    return row_issue(row, outcome.column, value, outcome.rule, outcome.message.format(other=other))


def _blocks(problems: Iterable[Problem]) -> Iterator[list[Problem]]:
    rest = iter(problems)
    while block := list(islice(rest, _PROBLEMS_AT_ONCE)):
        yield block
