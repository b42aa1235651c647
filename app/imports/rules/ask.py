"""Checking the rules between rows, and leaving out rows that break them if errors are skipped.

Rows with errors of their own are checked once, with all others, as far as their usable cells allow; they are never
written.

Under `skip`, rows that are wrong by themselves are left out first: also those with unknown codes, or codes that they
may not refer to. Then come conflicts, in which several rows of the file are equally wrong; all of them are left out.
Then everything is checked again, until nothing changes.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
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
    union_all,
)
from sqlalchemy.schema import CreateTable

from app.imports.difference import Difference, work_out
from app.imports.issues import LISTED_ISSUES, IssueLog, RowIssue, Rule, Severity, row_issue
from app.imports.options import ImportOptions, OnError
from app.imports.rules.finding import Finding, Outcome
from app.imports.rules.letter_case import case_variants
from app.imports.rules.members import secondaries_without_dual, simultaneous_affiliations, simultaneous_employments
from app.imports.rules.merged_rows import merged_problems
from app.imports.rules.references import conflicting_names, erased_rows, repeated_keys, still_referred_to, unknown_codes
from app.imports.rules.scopes import belonging_outside, going_outside, pushed_out, territory
from app.imports.rules.trees import misplaced_sites, rows_on_cycles, wrong_levels
from app.imports.rules.warnings import outlying_rows, outside_life
from app.imports.staging import Stage, leave_out, mark_repeated
from app.messages import say
from app.registry.entities import closest_codes
from app.registry.erasure import Tombstones
from app.registry.territory import Territory

_PROBLEMS = Table(
    "problems",
    MetaData(),
    Column("outcome", Integer, nullable=False),
    Column("row_number", BigInteger),
    Column("value", Text),
    Column("other", BigInteger),
    prefixes=["TEMPORARY"],
)
"""Problems found by one step, before they are logged and rows are left out."""

Problem: TypeAlias = tuple[Outcome, int, str | None, int | None]
"""The problem, its row and value, and the number for the message."""

_PROBLEMS_AT_ONCE = 10_000

_EXPLAINED = 100
"""Problems of a step for which suggestions are looked up, 1 ms each; beyond, the cause is probably the same."""

_NAMED = 10
"""Most referring rows named in a message."""

_NO_NAMES: Mapping[str, str] = {"names": "", "names_zh": ""}

_Rule: TypeAlias = Callable[[Difference], Iterator[Finding]]
_Rules: TypeAlias = Sequence[_Rule]

_SCOPE: _Rules = (belonging_outside, going_outside)
_OWN: _Rules = (
    unknown_codes,
    still_referred_to,
    wrong_levels,
    misplaced_sites,
    secondaries_without_dual,
    pushed_out,
)
_CONFLICTS: _Rules = (conflicting_names, simultaneous_employments, simultaneous_affiliations)
_WARNINGS: _Rules = (outside_life, case_variants)
_ERASED = Outcome(Rule.ERASED_REF, "ref", "was erased and may not come back")
_JUMPING = Outcome(Rule.HEADCOUNT_JUMP, "headcount", "jumps against the other returns of this enterprise")


class NothingLeftOut(Exception):
    """A problem concerns no row of the file, so that leaving out rows does not solve it."""


def make_room_for_problems(connection: Connection) -> None:
    """Create the temporary table for the problems of one step."""
    connection.execute(CreateTable(_PROBLEMS))


def refuse_repeated_keys(connection: Connection, stage: Stage, log: IssueLog) -> None:
    """Report repeated keys of the file; all their rows are invalid."""
    step = _Step(connection, log)
    step.ask([repeated_keys(stage)])
    if step.errors:
        mark_repeated(connection, stage, step.rows())


def ask_rules(
    connection: Connection,
    stage: Stage,
    options: ImportOptions,
    log: IssueLog,
    today: date,
    tombstones: Tombstones,
) -> Difference:
    """Check all rules on all rows, and return what the import would do with the remaining ones.

    Under `reject` every rule is checked once; the caller decides from the log, which already contains the problems of
    single rows, whether to import.

    Raises
    ------
    NothingLeftOut
        Under `skip`, a problem concerns no row of the file.
    """
    asking = _Asking(connection, log, today, tombstones)
    inside = territory(connection, options.scope, today)
    if log.errors:
        difference = asking.within_scope(replace(stage, holds_invalid=True), options, inside)
        asking.all(difference, stage.invalid_rows() if options.on_error is OnError.SKIP else None)
        if options.on_error is OnError.REJECT:
            return difference
    while True:
        difference = asking.within_scope(stage, options, inside)
        if not asking.leaves_out(difference):
            break
    asking.warnings(_Step(connection, log), difference)
    return difference


def ask_rules_of_change(
    connection: Connection, stage: Stage, options: ImportOptions, log: IssueLog, inside: Territory | None, today: date
) -> Difference:
    """Check all rules that refuse rows on the few rows of a single change, and return what it would do.

    As for a file, rows outside the scope are not checked further; warnings, which nobody would see, are not checked.

    Parameters
    ----------
    inside
        What lies inside the scope of the options; null: everything.
    """
    asking = _Asking(connection, log, today, Tombstones(None, frozenset()))
    step = _ChangeStep(connection, log)
    if len(stage.dataset.key) > 1:
        step.ask([repeated_keys(stage)])
    wrong_by_themselves = log.errors
    difference = work_out(connection, replace(stage, holds_invalid=bool(wrong_by_themselves)), options, inside)
    step.ask(_findings(_SCOPE, difference))
    if log.errors == wrong_by_themselves:
        asking.own(step, difference)
        asking.conflicts(step, difference)
    return difference


@dataclass(frozen=True)
class _Asking:
    """The rules between rows, checked on what the registry would be after an import."""

    connection: Connection
    log: IssueLog
    today: date
    tombstones: Tombstones

    def within_scope(self, stage: Stage, options: ImportOptions, inside: Territory | None) -> Difference:
        """Return what the import would do with the rows inside the scope; those outside are reported and left out."""
        while True:
            difference = work_out(self.connection, stage, options, inside)
            if not any(self._keeps_out(rule, difference) for rule in _SCOPE):
                return difference

    def _keeps_out(self, rule: _Rule, difference: Difference) -> bool:
        step = _Step(self.connection, self.log)
        step.ask(rule(difference))
        if step.errors:
            step.leave_out(difference.stage)
        return bool(step.errors)

    def all(self, difference: Difference, of: Select[Any] | None) -> None:
        """Check all rules once; report problems of all rows, or only of the rows with these numbers."""
        step = _Step(self.connection, self.log, of)
        for ask in (self.own, self.conflicts, self.warnings):
            ask(step, difference)

    def leaves_out(self, difference: Difference) -> bool:
        """Check the rules that keep rows out; return whether rows were left out, so that all must be checked again."""
        for ask in (self.own, self.conflicts):
            step = _Step(self.connection, self.log)
            ask(step, difference)
            if step.errors and difference.options.on_error is OnError.SKIP:
                step.leave_out(difference.stage)
                return True
        return False

    def own(self, step: "_Step | _ChangeStep", difference: Difference) -> None:
        """Check the rules that one row can break."""
        step.ask(_findings(_OWN, difference))
        merged = merged_problems(self.connection, difference, self.today)
        step.tell((Outcome(it.rule, it.column, it.message), it.row_number, it.value, None) for it in merged)
        step.tell((_ERASED, row, None, None) for row in erased_rows(self.connection, difference, self.tombstones))

    def conflicts(self, step: "_Step | _ChangeStep", difference: Difference) -> None:
        """Check the rules that only several rows together can break."""
        step.ask(_findings(_CONFLICTS, difference))
        step.tell(rows_on_cycles(self.connection, difference))

    def warnings(self, step: "_Step", difference: Difference) -> None:
        """Check the rules that keep no row out."""
        step.ask(_findings(_WARNINGS, difference))
        jumping = outlying_rows(self.connection, difference)
        step.tell((_JUMPING, row, value, None) for row, value in jumping)


def _findings(rules: _Rules, difference: Difference) -> Iterator[Finding]:
    for rule in rules:
        yield from rule(difference)


class _Telling:
    """Makes messages of problems; the first ones have suggestions."""

    def __init__(self, connection: Connection, log: IssueLog) -> None:
        self._connection = connection
        self._log = log
        self._explained = 0

    def _issue(self, outcome: Outcome, row: int | None, value: str | None, other: int | None) -> RowIssue:
        names = _NO_NAMES
        suggestions: tuple[str, ...] = ()
        if value is not None and (outcome.codes_of or outcome.referring is not None) and self._explained < _EXPLAINED:
            self._explained += 1
            if outcome.codes_of is not None:
                suggestions = closest_codes(self._connection, outcome.codes_of, value)
            if outcome.referring is not None:
                names = self._names(outcome.referring, value)
        message = say(outcome.message) if other is None else say(outcome.message, other=other)
        if outcome.referring is not None:
            message = say(message, **names)
        return row_issue(row, outcome.column, value, outcome.rule, message, suggestions)

    def _names(self, referring: Select[Any], code: str) -> Mapping[str, str]:
        names = list(map(str, self._connection.scalars(referring.limit(_NAMED + 1), {"code": code})))
        shown = [*names[:_NAMED], *(["…"] if len(names) > _NAMED else [])]
        return {"names": f" ({', '.join(shown)})", "names_zh": f"（{'、'.join(shown)}）"} if shown else _NO_NAMES


class _ChangeStep(_Telling):
    """Rules checked on the few rows of a single change; their problems are logged at once."""

    def ask(self, findings: Iterable[Finding]) -> None:
        """Execute the statements of findings as one and log what they find."""
        outcomes: list[Outcome] = []
        parts = []
        for finding in findings:
            rows = finding.rows.subquery()
            place = rows.c.outcome + literal(len(outcomes), Integer)
            parts.append(select(place.label("place"), rows.c.row_number, rows.c.value, rows.c.other))
            outcomes.extend(finding.outcomes)
        if parts:
            found = self._connection.execute(union_all(*parts)).all()
            self.tell((outcomes[place], row, value, other) for place, row, value, other in found)

    def tell(self, problems: Iterable[tuple[Outcome, int | None, str | None, int | None]]) -> None:
        """Log problems."""
        for outcome, row, value, other in problems:
            self._log.add(self._issue(outcome, row, value, other))


class _Step(_Telling):
    """Rules checked on one state of the rows; their problems are kept in a table until the next step.

    Problems of all rows are reported, or only (`of`) of the rows with these numbers.
    """

    def __init__(self, connection: Connection, log: IssueLog, of: Select[Any] | None = None) -> None:
        super().__init__(connection, log)
        self._of = of
        self.errors = 0
        self._outcomes: list[Outcome] = []
        connection.execute(delete(_PROBLEMS))

    def ask(self, findings: Iterable[Finding]) -> None:
        """Execute the statements of findings and log what they find."""
        for finding in findings:
            first = len(self._outcomes)
            self._outcomes.extend(finding.outcomes)
            rows = finding.rows.subquery("found")
            numbered = select(rows.c.outcome + literal(first, Integer), rows.c.row_number, rows.c.value, rows.c.other)
            if self._of is not None:
                numbered = numbered.where(rows.c.row_number.in_(self._of))
            into = insert(_PROBLEMS).from_select(["outcome", "row_number", "value", "other"], numbered)
            if self._connection.execute(into).rowcount:
                self._log_from(first)

    def tell(self, problems: Iterable[Problem]) -> None:
        """Log problems that were not found by a statement."""
        for block in map(self._concerned, _blocks(problems)):
            places = {outcome: len(self._outcomes) + place for place, outcome in enumerate({it[0] for it in block})}
            self._outcomes.extend(places)
            rows = [{"outcome": places[outcome], "row_number": row} for outcome, row, _, _ in block]
            if rows:
                self._connection.execute(insert(_PROBLEMS), rows)
            for outcome, row, value, other in block:
                self._count(outcome, 1, iter([self._issue(outcome, row, value, other)]))

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
            None of the errors concerns a row of the file.
        """
        if not leave_out(self._connection, stage, self.rows()):
            raise NothingLeftOut

    def _concerned(self, problems: list[Problem]) -> list[Problem]:
        if self._of is None:
            return problems
        [number] = self._of.selected_columns
        told = set(self._connection.scalars(self._of.where(number.in_([row for _, row, _, _ in problems]))))
        return [problem for problem in problems if problem[1] in told]

    def _log_from(self, first: int) -> None:
        numbers = select(_PROBLEMS.c.outcome, func.count()).where(_PROBLEMS.c.outcome >= first)
        for place, number in self._connection.execute(numbers.group_by(_PROBLEMS.c.outcome)).all():
            self._count(self._outcomes[place], number, self._issues(place))

    def _issues(self, place: int) -> Iterator[RowIssue]:
        """Yield the problems of one outcome by row, at most as many as are listed; reads only when needed."""
        columns = _PROBLEMS.c.row_number, _PROBLEMS.c.value, _PROBLEMS.c.other
        rows = select(*columns).where(_PROBLEMS.c.outcome == place).order_by(*columns).limit(LISTED_ISSUES)
        for row, value, other in self._connection.execute(rows):
            yield self._issue(self._outcomes[place], row, value, other)

    def _count(self, outcome: Outcome, number: int, issues: Iterator[RowIssue]) -> None:
        self._log.add_many(outcome.rule, outcome.column, number, issues)
        self.errors += number if outcome.rule.severity is Severity.ERROR else 0


def _blocks(problems: Iterable[Problem]) -> Iterator[list[Problem]]:
    rest = iter(problems)
    while block := list(islice(rest, _PROBLEMS_AT_ONCE)):
        yield block
