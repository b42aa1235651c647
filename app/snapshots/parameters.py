"""What the rules are asked with: the date, the windows, the thresholds, as checked literals of the SQL texts."""

import calendar
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from importlib.resources import files
from typing import Literal

from app.catalogue.vocabulary import ORGANISATION_MEANS, WORK_MEANS, Education
from app.config import Thresholds
from app.registry.credit_code import (
    ALPHABET,
    ORGANISATION_ALPHABET,
    ORGANISATION_CHECKS,
    ORGANISATION_WEIGHTS,
    WEIGHTS,
)

MemberSource = Literal["register", "returns"]

_COLLEGE = (Education.DOCTORATE, Education.MASTER, Education.BACHELOR, Education.JUNIOR_COLLEGE)


@dataclass(frozen=True)
class Parameters:
    """The date, the thresholds, and where members are counted from."""

    as_of: date
    thresholds: Thresholds
    member_source: MemberSource


def months_before(day: date, months: int) -> date:
    """Return the same day of the month so many months earlier, or that month's last day where it does not exist.

    Clipped to the first day that a `date` can hold.
    """
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    if year < date.min.year:
        return date.min
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def literals(parameters: Parameters) -> dict[str, str]:
    """Return the literals that the SQL texts take, by name."""
    day, thresholds = parameters.as_of, parameters.thresholds
    return {
        "as_of": _quoted(day),
        "return_since": _quoted(months_before(day, thresholds.return_window_months)),
        "turnover_since": _quoted(months_before(day, thresholds.turnover_window_months)),
        "year": str(day.year),
        "register": "1 = 1" if parameters.member_source == "register" else "1 = 0",
        "surveyed_headcount": str(int(thresholds.surveyed_headcount)),
        "surveyed_headcount_social": str(int(thresholds.surveyed_headcount_social)),
        "eligible_full_members": str(int(thresholds.eligible_full_members)),
        "branch_least_full_members": str(int(thresholds.branch_least_full_members)),
        "general_branch_above": str(int(thresholds.general_branch_above)),
        "committee_above": str(int(thresholds.committee_above)),
        "organisation_means": _listed(ORGANISATION_MEANS),
        "work_means": _listed(WORK_MEANS),
        "college": _listed(_COLLEGE),
        "credit_alphabet": ALPHABET,
        "credit_weights": ", ".join(map(str, WEIGHTS)),
        "organisation_alphabet": ORGANISATION_ALPHABET,
        "organisation_checks": ORGANISATION_CHECKS,
        "organisation_weights": ", ".join(map(str, ORGANISATION_WEIGHTS)),
    }


def statement(name: str, parameters: Parameters) -> str:
    """Return one of the SQL texts of this package, its literals filled in."""
    text = files("app.snapshots").joinpath(f"{name}.sql").read_text(encoding="utf-8")
    return text.format_map(literals(parameters))


def _quoted(day: date) -> str:
    return f"'{day.isoformat()}'"


def _listed(values: Iterable[str]) -> str:
    return ", ".join(f"'{value}'" for value in sorted(values))
