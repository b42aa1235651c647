"""The Chinese of the values of enumerations, for files that people read: what they are, not what they are called by."""

import csv
import re
from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files

from app.catalogue.data_quality import QUALITY_RULES
from app.catalogue.dimensions import BASES
from app.catalogue.metrics import METRIC, TargetMetric

_OF_COLUMN: Mapping[str, tuple[str, ...]] = {
    "row": ("Row",),
    "status": ("Status",),
    "level": ("DistrictLevel", "IndustryLevel"),
    "kind": ("EnterpriseKind", "BranchKind", "ProposalKind"),
    "form": ("BranchForm",),
    "means": ("CoverageMeans",),
    "sector": ("Sector",),
    "ownership": ("Ownership",),
    "size_class": ("SizeClass",),
    "basis": ("Basis",),
    "bases": ("Basis",),
    "breaks": ("SeriesBreak",),
    "class": ("ComparisonClass",),
    "candidates": ("Nearness",),
    "rule": ("QualityRule",),
    "about": ("QualitySubject",),
    "subject_kind": ("QualitySubject",),
    "metric": ("TargetMetric",),
    "state": ("TargetState",),
    "account": ("Account",),
    "component": ("Component",),
    "member_source": ("MemberSource",),
    "disclosure": ("Policy",),
}
"""The enumerations of columns; a column that ends with such a name is one of them too."""

_REASON = re.compile(r" \(([a-z_]+)\)")


@cache
def chinese_values(enumeration: str) -> Mapping[str, str]:
    """Return the Chinese of the values of an enumeration."""
    if enumeration == "Basis":
        return {basis.code.value: basis.label.zh for basis in BASES}
    if enumeration == "TargetMetric":
        return {code.value: METRIC[code].label.zh for code in TargetMetric}
    if enumeration == "QualityRule":
        return {rule.rule.value: rule.label.zh for rule in QUALITY_RULES}
    with files("app.catalogue").joinpath("values_zh.csv").open(encoding="utf-8") as lines:
        return {row["value"]: row["zh"] for row in csv.DictReader(lines) if row["enumeration"] == enumeration}


@cache
def chinese_of(column: str) -> Callable[[str], str] | None:
    """Return what puts a cell of a column into Chinese, several values with `;` between too; null: nothing to put."""
    name = next((name for name in (column, *_suffixes(column)) if name in _OF_COLUMN), None)
    if name is None:
        return None
    words: dict[str, str] = {}
    for enumeration in _OF_COLUMN[name]:
        words |= chinese_values(enumeration)
    if name == "candidates":
        return lambda cell: _REASON.sub(lambda found: f"（{words.get(found[1], found[1])}）", cell)
    return lambda cell: "；".join(words.get(value, value) for value in cell.split(";"))


def yes_or_no(flag: bool) -> str:  # noqa: FBT001 - a cell
    """Return a truth in Chinese."""
    return chinese_values("boolean")[str(flag).lower()]


def _suffixes(column: str) -> list[str]:
    parts = column.split("_")
    return ["_".join(parts[place:]) for place in range(1, len(parts))]
