"""Shared by the writers of files: the meaning of columns, and a buffer that a library writes to while it is sent."""

import io
from dataclasses import dataclass, replace
from typing import Any

from app.catalogue.definitions import (
    INTERVAL_LABELS,
    PART_DEFINITIONS,
    RANGE_LABELS,
    RATIO_LABEL,
    UNIT_LABELS,
    definition_of,
    measure_of,
)
from app.catalogue.metrics import METRIC, Metric, RatioRange
from app.catalogue.vocabulary import Label
from app.publication.table import Column, Kind, Language, in_language, label_of


@dataclass(frozen=True)
class Description:
    """What a column means; empty where there is nothing to say."""

    label: str
    unit: str = ""
    formula: str = ""
    definition: str = ""


def describe(column: Column, language: Language) -> Description:
    """Return what a column means; formulas name figures by their codes."""
    label = label_of(column, language)
    if not column.figure:
        return Description(label)
    meaning = PART_DEFINITIONS.get(column.part) or definition_of(column.figure, of_branch=_is_of_branch(column))
    unit, formula, definition = _unit(column), "", in_language(meaning, language)
    if column.figure in METRIC and not column.part:
        metric = _as_divided(column)
        formula = metric.formula
        notes = [RANGE_LABELS[metric.range]] if metric.range is not RatioRange.PART else []
        notes.append(INTERVAL_LABELS[metric.interval])
        definition = f"{definition} [{'; '.join(in_language(note, language) for note in notes)}]"
    return Description(label, "" if unit is None else in_language(unit, language), formula, definition)


def _is_of_branch(column: Column) -> bool:
    return column.side.startswith(("own", "subtree"))


def _unit(column: Column) -> Label | None:
    """Return the unit of a figure; null for a status."""
    if column.kind not in {Kind.COUNT, Kind.NUMBER}:
        return RATIO_LABEL if column.kind is Kind.RATIO else None
    code = column.figure
    if code in METRIC:
        metric = _as_divided(column)
        code = (metric.numerator if column.part == "numerator" else metric.denominator)[0]
    return UNIT_LABELS[measure_of(code, of_branch=_is_of_branch(column)).unit]


def _as_divided(column: Column) -> Metric:
    """Return a metric; for branches, participating members take the place of members."""
    metric = METRIC[column.figure]
    if not _is_of_branch(column):
        return metric
    denominator = tuple("members_participating" if code == "members" else code for code in metric.denominator)
    return replace(metric, denominator=denominator)


class Sink(io.RawIOBase):
    """A write buffer, emptied by `taken` whenever its content is sent; not seekable."""

    def __init__(self) -> None:
        super().__init__()
        self._content = bytearray()

    def writable(self) -> bool:
        """Return true."""
        return True

    def write(self, content: Any) -> int:
        """Append some bytes."""
        self._content += content
        return len(content)

    def taken(self) -> bytes:
        """Return what was written since the last call."""
        content, self._content = bytes(self._content), bytearray()
        return content
