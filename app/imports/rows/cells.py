"""From the texts of one column to typed cells, as arrays: null where a cell is blank or cannot be read.

Each reader tries the usual spelling on the whole column first, and goes by distinct values only where that fails.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from app.database.tables import CODE_LENGTH
from app.imports.columns import Column, Kind
from app.imports.issues import Rule
from app.imports.rows.texts import (
    DELETE,
    SPACE,
    Mask,
    Texts,
    Values,
    by_distinct,
    null_mask,
    text_bytes,
    text_lengths,
    true_mask,
    without,
)
from app.imports.spellings import choices_under, normal, yes_and_no
from app.registry.entities import CODE_RULE

COUNT_LIMIT = 10_000_000
"""Largest count: above any employer on earth, and low enough that sums of squares over a registry fit 64 bits."""

TEXT_LENGTH = 1000
"""Longest name, characters."""

FIRST_BIRTH_YEAR = 1900
"""Earliest year of birth of a member."""

_WRONG_CODE = r"^\.{1,2}$|[/\x00-\x1f\x7f]|[\x{80}-\x{9f}]"
_DATE_FORM = r"^(?:\d{4}-\d{2}-\d{2}|\d{4}/\d{1,2}/\d{1,2}|\d{4}年\d{1,2}月\d{1,2}日)$"
_DATE_PARTS = r"^(?P<year>\d{4})[^\d]+(?P<month>\d{1,2})[^\d]+(?P<day>\d{1,2})日?$"
_WHOLE_NUMBER = r"^0*(?P<digits>\d{1,9})(?:\.0+)?$"
_LONGEST_INT32 = 9
_MONTHS = 12
_FIRST_DAY = date.min.toordinal() - date(1970, 1, 1).toordinal()


@dataclass(frozen=True)
class Cells:
    """The cells of one column.

    Parameters
    ----------
    values
        string, date32, int32 or bool, by the column's kind; null where blank or wrong.
    wrong
        Where a text stands that cannot be read.
    rule, complaint
        Which rule such a text breaks, and how it is told.
    """

    values: Values
    wrong: Mask
    rule: Rule
    complaint: str


@dataclass(frozen=True)
class Under:
    """Where cells stand: their column, the title above them, and today's date."""

    column: Column
    title: str
    today: date


@dataclass(frozen=True)
class Reading:
    """How cells of a kind are read, and how it is told that one cannot be."""

    rule: Rule
    read: Callable[[Texts, Under], Values]
    complaint: Callable[[Under], str]


def read_cells(texts: Texts, under: Under) -> Cells:
    """Read trimmed texts."""
    reading = _READINGS[under.column.kind]
    values = reading.read(texts, under)
    return Cells(values, null_mask(values) & ~null_mask(texts), reading.rule, reading.complaint(under))


def _codes(texts: Texts, _under: Under) -> Texts:
    data, lengths = text_bytes(texts), text_lengths(texts)
    plain = not data.size or (data.min() > SPACE and data.max() < DELETE and not (data == ord("/")).any())
    dots = pc.any(pc.is_in(texts, pa.array([".", ".."]))).as_py()
    if plain and not dots and lengths.max(initial=0) <= CODE_LENGTH:
        return texts
    return without(texts, true_mask(pc.match_substring_regex(texts, _WRONG_CODE)) | _longer(texts, CODE_LENGTH))


def _names(texts: Texts, _under: Under) -> Texts:
    data, lengths = text_bytes(texts), text_lengths(texts)
    if data.all() and lengths.max(initial=0) <= TEXT_LENGTH:
        return texts
    return without(texts, true_mask(pc.match_substring(texts, "\0")) | _longer(texts, TEXT_LENGTH))


def _longer(texts: Texts, length: int) -> Mask:
    characters: Values = pc.call_function("utf8_length", [texts])
    return true_mask(pc.greater(characters, pa.scalar(length)))


def _dates(texts: Texts, _under: Under) -> Values:
    try:
        dates = pc.cast(texts, pa.date32())
    except pa.ArrowInvalid:
        return _take(texts, _distinct_dates)
    known = dates.null_count < len(dates)
    has_year_zero = known and pc.min(dates.cast(pa.int32())).as_py() < _FIRST_DAY
    return _take(texts, _distinct_dates) if has_year_zero else dates


def _distinct_dates(texts: Texts) -> Values:
    well_formed = true_mask(pc.match_substring_regex(texts, _DATE_FORM))
    parts = pc.extract_regex(without(texts, ~well_formed), _DATE_PARTS)
    year, month, day = (
        pc.fill_null(pc.struct_field(parts, [place]).cast(pa.int64()), pa.scalar(0)).to_numpy() for place in range(3)
    )
    first = ((year - 1970) * _MONTHS + month - 1).astype("datetime64[M]")
    days = first.astype("datetime64[D]").astype(np.int64) + day - 1
    after = (first + np.timedelta64(1, "M")).astype("datetime64[D]").astype(np.int64)
    real = (year >= 1) & (month >= 1) & (month <= _MONTHS) & (day >= 1) & (days < after)
    return pa.array(np.where(real, days, 0).astype(np.int32), mask=~real).cast(pa.date32())


def _counts(texts: Texts, _under: Under) -> Values:
    return _whole_numbers(texts, 0, COUNT_LIMIT)


def _years(texts: Texts, under: Under) -> Values:
    return _whole_numbers(texts, FIRST_BIRTH_YEAR, under.today.year)


def _whole_numbers(texts: Texts, least: int, most: int) -> Values:
    data, lengths = text_bytes(texts), text_lengths(texts)
    digits = not data.size or (data.min() >= ord("0") and data.max() <= ord("9"))
    if digits and lengths.max(initial=0) <= _LONGEST_INT32:
        return _bounded(texts.cast(pa.int32()), least, most)
    return _take(texts, lambda distinct: _bounded(_distinct_numbers(distinct), least, most))


def _distinct_numbers(texts: Texts) -> Values:
    digits: Texts = pc.struct_field(pc.extract_regex(texts, _WHOLE_NUMBER), [0])
    return digits.cast(pa.int32())


def _bounded(numbers: Values, least: int, most: int) -> Values:
    inside = pc.and_(
        pc.greater_equal(numbers, pa.scalar(least, pa.int32())), pc.less_equal(numbers, pa.scalar(most, pa.int32()))
    )
    if pc.all(inside).as_py() is not False:
        return numbers
    kept: Values = pc.if_else(inside, numbers, pa.scalar(None, pa.int32()))
    return kept


def _choices(texts: Texts, under: Under) -> Texts:
    values = pa.array(under.column.choices, pa.string())
    if pc.index_in(texts, values).null_count == texts.null_count:
        return texts
    return _words(texts, choices_under(under.column, under.title), pa.string())


def _yes_and_no(texts: Texts, _under: Under) -> Values:
    return _words(texts, yes_and_no(), pa.bool_())


def _words(texts: Texts, accepted: Mapping[str, Any], kind: pa.DataType) -> Values:
    return _take(
        texts, lambda distinct: pa.array([accepted.get(normal(str(word))) for word in distinct.to_pylist()], kind)
    )


def _take(texts: Texts, read: Callable[[Texts], Values]) -> Values:
    distinct, indices = by_distinct(texts)
    return read(distinct).take(indices)


def _say(complaint: str) -> Callable[[Under], str]:
    return lambda _under: complaint


def _say_words(words: Callable[[Under], Mapping[str, Any]]) -> Callable[[Under], str]:
    return lambda under: f"must be one of {', '.join(words(under))}"


_CODES = Reading(
    Rule.INVALID_CODE,
    _codes,
    _say(f"must be {CODE_RULE}"),
)

_READINGS: Mapping[Kind, Reading] = {
    Kind.CODE: _CODES,
    Kind.REF: _CODES,
    Kind.TEXT: Reading(
        Rule.INVALID_TEXT, _names, _say(f"must have at most {TEXT_LENGTH} characters, none of them NUL")
    ),
    Kind.DATE: Reading(
        Rule.INVALID_DATE, _dates, _say("must be a date, written 2017-06-30, 2017/6/30 or 2017年6月30日")
    ),
    Kind.COUNT: Reading(
        Rule.INVALID_COUNT,
        _counts,
        _say(f"must be a whole number from 0 to {COUNT_LIMIT}, without separators: 12 or 12.0"),
    ),
    Kind.YEAR: Reading(
        Rule.INVALID_YEAR, _years, lambda under: f"must be a year from {FIRST_BIRTH_YEAR} to {under.today.year}"
    ),
    Kind.BOOLEAN: Reading(Rule.INVALID_BOOLEAN, _yes_and_no, _say_words(lambda _under: yes_and_no())),
    Kind.ENUMERATION: Reading(
        Rule.INVALID_CHOICE, _choices, _say_words(lambda under: choices_under(under.column, under.title))
    ),
}
