"""Problems of an import: their rules, and the list kept in an import's record."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice

import msgspec

from app.messages import Message, say

LISTED_ISSUES = 10_000
"""Problems that are listed; the others are only counted."""

SHOWN_VALUE = 100
"""Longest part of a cell shown in a problem, characters."""


class Severity(StrEnum):
    """Whether a problem keeps its row out (`error`) or is only told (`warning`)."""

    ERROR = "error"
    WARNING = "warning"


class Rule(StrEnum):
    """Every rule that a row of a file can break; its severity goes by the rule alone."""

    # one cell
    REQUIRED = "required"
    INVALID_CODE = "invalid_code"
    INVALID_TEXT = "invalid_text"
    INVALID_DATE = "invalid_date"
    INVALID_MONTH = "invalid_month"
    INVALID_COUNT = "invalid_count"
    INVALID_YEAR = "invalid_year"
    INVALID_BOOLEAN = "invalid_boolean"
    INVALID_CHOICE = "invalid_choice"
    INVALID_FRACTION = "invalid_fraction"
    INEXACT_NUMBER = "inexact_number"
    SPREADSHEET_ERROR = "spreadsheet_error"
    FORMULA_WITHOUT_VALUE = "formula_without_value"
    IDENTITY_NUMBER = "identity_number"
    # one row
    RAGGED_ROW = "ragged_row"
    TOTALS_ROW = "totals_row"
    REPEATED_HEADER = "repeated_header"
    ROW_BELOW_NOTES = "row_below_notes"
    EMPTY_INTERVAL = "empty_interval"
    CLOSED_BEFORE_REGISTERED = "closed_before_registered"
    FULL_BEFORE_JOINED = "full_before_joined"
    LEFT_BEFORE_JOINED = "left_before_joined"
    PART_ABOVE_MEMBERS = "part_above_members"
    PART_WITHOUT_MEMBERS = "part_without_members"
    PART_ABOVE_HEADCOUNT = "part_above_headcount"
    PART_WITHOUT_HEADCOUNT = "part_without_headcount"
    MEANS_WITHOUT_BRANCH = "means_without_branch"
    TWO_INDUSTRIES = "two_industries"
    SEVERAL_SCOPES = "several_scopes"
    FUTURE_RETURN = "future_return"
    FUTURE_MONTH = "future_month"
    # rows of the file and of the registry together
    DUPLICATE_KEY = "duplicate_key"
    CONFLICTING_NAMES = "conflicting_names"
    UNKNOWN_CODE = "unknown_code"
    ERASED_REF = "erased_ref"
    OUTSIDE_SCOPE = "outside_scope"
    STILL_REFERRED_TO = "still_referred_to"
    CYCLE = "cycle"
    LEVEL_ORDER = "level_order"
    SITE_PLACE = "site_place"
    SUPERSEDES_CYCLE = "supersedes_cycle"
    SECOND_EMPLOYER = "second_employer"
    SECOND_PRIMARY = "second_primary"
    OVERLAPPING_ROWS = "overlapping_rows"
    SECONDARY_WITHOUT_DUAL = "secondary_without_dual"
    SECONDARY_TO_PRIMARY = "secondary_to_primary"
    # the file as a whole
    UNREADABLE_FILE = "unreadable_file"
    # warnings
    CHECK_DIGIT = "check_digit"
    CASE_VARIANT = "case_variant"
    MEMBERS_ABOVE_HEADCOUNT = "members_above_headcount"
    RETURN_OUTSIDE_REGISTRATION = "return_outside_registration"
    BRANCH_RETURN_OUTSIDE_LIFE = "branch_return_outside_life"
    EMPLOYMENT_OUTSIDE_REGISTRATION = "employment_outside_registration"
    HEADCOUNT_JUMP = "headcount_jump"
    MEMBER_SOURCE_CHANGE = "member_source_change"

    @property
    def severity(self) -> Severity:
        """Whether a row that breaks the rule is refused."""
        return Severity.WARNING if self in _WARNINGS else Severity.ERROR


_WARNINGS = frozenset(
    {
        Rule.CHECK_DIGIT,
        Rule.CASE_VARIANT,
        Rule.MEMBERS_ABOVE_HEADCOUNT,
        Rule.RETURN_OUTSIDE_REGISTRATION,
        Rule.BRANCH_RETURN_OUTSIDE_LIFE,
        Rule.EMPLOYMENT_OUTSIDE_REGISTRATION,
        Rule.HEADCOUNT_JUMP,
        Rule.MEMBER_SOURCE_CHANGE,
    }
)


class RowIssue(msgspec.Struct, frozen=True):
    """One problem of one row.

    Parameters
    ----------
    row
        As the spreadsheet numbers it, from 1; null if the row is in the registry, not in the file.
    column
        The column's name; null if the problem concerns the whole row.
    value
        Content of the cell, cut to 100 characters; null if blank, and for refs and refused columns.
    severity, rule
        `error` or `warning`, and which rule.
    told
        What is wrong, in a sentence without the value.
    header
        The column as the file names it; null if it is not in the file.
    suggestions
        The closest few codes, if the value is an unknown code; else empty.
    """

    row: int | None
    column: str | None
    value: str | None
    severity: Severity
    rule: Rule
    told: Message
    header: str | None = None
    suggestions: tuple[str, ...] = ()

    @property
    def message(self) -> str:
        """What is wrong, in English."""
        return str(self.told)


def row_issue(
    row: int | None,
    column: str | None,
    value: str | None,
    rule: Rule,
    message: str | Message,
    suggestions: tuple[str, ...] = (),
) -> RowIssue:
    """Return the problem with its rule's severity; its value is cut to `SHOWN_VALUE` characters."""
    if value is not None and len(value) > SHOWN_VALUE:
        value = f"{value[:SHOWN_VALUE]}…"
    return RowIssue(row, column, value, rule.severity, rule, say(message), suggestions=suggestions)


@dataclass(frozen=True)
class IssueCount:
    """Number of problems of one rule in a column; `header` is the column as the file names it."""

    rule: Rule
    severity: Severity
    column: str | None
    header: str | None
    number: int


class IssueLog:
    """All problems of an import: counted, and the first `limit` kept, errors before warnings.

    Parameters
    ----------
    hidden
        Columns whose values are never listed (refs; `hide` adds refused ones).
    titles
        The headers of the file by the names of their columns.
    notes
        What was left out of the file, and which row is its header.
    limit
        Problems kept.
    """

    def __init__(
        self,
        hidden: Iterable[str] = (),
        titles: Mapping[str, str] | None = None,
        notes: Iterable[Message] = (),
        limit: int = LISTED_ISSUES,
    ) -> None:
        self._hidden = set(hidden)
        self._titles = dict(titles or {})
        self._limit = limit
        self._kept: dict[Severity, list[RowIssue]] = {severity: [] for severity in Severity}
        self._counts: Counter[tuple[Rule, str | None]] = Counter()
        self._notes = list(notes)

    @property
    def errors(self) -> int:
        """Number of errors, listed or not."""
        return self._counted(Severity.ERROR)

    @property
    def warnings(self) -> int:
        """Number of warnings, listed or not."""
        return self._counted(Severity.WARNING)

    @property
    def counts(self) -> tuple[IssueCount, ...]:
        """Number of problems, listed or not, by rule and column: errors first, then the most frequent."""
        counts = [
            IssueCount(rule, rule.severity, column, self._title(column), number)
            for (rule, column), number in self._counts.items()
        ]
        return tuple(sorted(counts, key=lambda it: (it.severity, -it.number, it.rule, it.column or "")))

    @property
    def notes(self) -> tuple[Message, ...]:
        """What was left out of the file, and which row is its header."""
        return tuple(self._notes)

    @property
    def listed(self) -> tuple[RowIssue, ...]:
        """At most `limit` problems by row; warnings only if errors leave room."""
        errors = self._kept[Severity.ERROR]
        kept = errors + self._kept[Severity.WARNING][: self._limit - len(errors)]
        return tuple(sorted(kept, key=lambda issue: (issue.row is None, issue.row, issue.column or "")))

    def hide(self, column: str) -> None:
        """Remove the column's values from the list, now and later."""
        self._hidden.add(column)
        self._kept = {severity: [self._shown(issue) for issue in kept] for severity, kept in self._kept.items()}

    def note(self, message: Message) -> None:
        """Note what was left out of the file."""
        self._notes.append(message)

    def add(self, issue: RowIssue) -> None:
        """Add one problem."""
        self.add_many(issue.rule, issue.column, 1, (issue,))

    def add_many(self, rule: Rule, column: str | None, number: int, issues: Iterable[RowIssue]) -> None:
        """Add `number` problems of one rule and column; only as many of `issues` are made as can still be listed."""
        kept = self._kept[rule.severity]
        self._counts[rule, column] += number
        kept.extend(self._shown(issue) for issue in islice(issues, self._limit - len(kept)))

    def _counted(self, severity: Severity) -> int:
        return sum(number for (rule, _), number in self._counts.items() if rule.severity is severity)

    def _title(self, column: str | None) -> str | None:
        return None if column is None else self._titles.get(column)

    def _shown(self, issue: RowIssue) -> RowIssue:
        named = msgspec.structs.replace(issue, header=self._title(issue.column))
        return msgspec.structs.replace(named, value=None, suggestions=()) if issue.column in self._hidden else named
