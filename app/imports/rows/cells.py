"""Converting the texts of one column to typed cells, as arrays: null if a cell is blank or invalid.

Each reader first tries the usual spelling on the whole column, and goes through distinct values only if that fails.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
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
    folded,
    null_mask,
    text_bytes,
    text_lengths,
    true_mask,
    without,
)
from app.imports.spellings import choices_under, normal, yes_and_no
from app.messages import Message, say
from app.registry.entities import CODE_RULE

COUNT_LIMIT = 2_000_000_000
"""Largest count: above the population of any country, and the largest round number of 32 bits."""

TEXT_LENGTH = 1000
"""Longest name, characters."""

FIRST_BIRTH_YEAR = 1900
"""Earliest year of birth of a member."""

_WRONG_CODE = r"^\.{1,2}$|[/\x00-\x1f\x7f]|[\x{80}-\x{9f}]"
_MIDNIGHT = r"[ T]0?0:00(?::00(?:\.0+)?)?$"
_COMPACT_DATE = r"^(\d{4})(\d{2})(\d{2})$"
_DATE_FORM = r"^(?:\d{4}-\d{1,2}-\d{1,2}|\d{4}/\d{1,2}/\d{1,2}|\d{4}\.\d{1,2}\.\d{1,2}|\d{4}年\d{1,2}月\d{1,2}[日号])$"
_DATE_PARTS = r"^(?P<year>\d{4})[^\d]+(?P<month>\d{1,2})[^\d]+(?P<day>\d{1,2})[日号]?$"
_MONTH_ALONE = r"^(\d{4})(?:[-/年](\d{1,2})月?|\.(0[1-9]|1[0-2]|[2-9])|(0[1-9]|1[0-2]))$"
"""2026.1 is excluded: spreadsheets write 2026.10 (October) like that."""

_GROUPED = r"^([1-9]\d{0,2}(?:,\d{3})+)((?:\.0+)?) ?[人名家]?$"
_COUNTED = r"^(\d+(?:\.0+)?) ?[人名家]$"
_WHOLE_NUMBER = r"^0*(?P<digits>\d{1,10})(?:\.0+)?$"
_FRACTION = re.compile(r"(\d{1,9}(?:\.\d{0,17})?|\.\d{1,17})(e-\d{1,2})? ?(%?)", re.IGNORECASE | re.ASCII)
FRACTION_DECIMALS = 15
"""Most decimals of a fraction: as many as a double keeps."""

_LONGEST_INT32 = 9
_MONTHS = 12
_FIRST_DAY = date.min.toordinal() - date(1970, 1, 1).toordinal()


@dataclass(frozen=True)
class Cells:
    """The cells of one column.

    Parameters
    ----------
    values
        string, date32, int32 or bool, by the column's kind; null if blank or invalid.
    wrong
        Where a text is invalid.
    rule, complaint
        The rule that such a text breaks, and its message.
    """

    values: Values
    wrong: Mask
    rule: Rule
    complaint: Message


@dataclass(frozen=True)
class Under:
    """The context of cells: their column, its title, and today's date."""

    column: Column
    title: str
    today: date


@dataclass(frozen=True)
class Reading:
    """How cells of a kind are read, and the message for invalid ones."""

    rule: Rule
    read: Callable[[Texts, Under], Values]
    complaint: Callable[[Under], Message]


def read_cells(texts: Texts, under: Under) -> Cells:
    """Read trimmed texts; all but names are converted to half width."""
    reading = _READINGS[under.column.kind]
    values = reading.read(texts if under.column.kind is Kind.TEXT else folded(texts), under)
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
    days = pc.replace_substring_regex(texts, _MIDNIGHT, "")
    return _written_dates(pc.replace_substring_regex(days, _COMPACT_DATE, r"\1-\2-\3"))


def _written_dates(texts: Texts) -> Values:
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


def _months(texts: Texts, _under: Under) -> Values:
    return _take(texts, _distinct_months)


def _distinct_months(texts: Texts) -> Values:
    """Return the first day of each month; another day of the month is invalid."""
    dates = _distinct_dates(pc.replace_substring_regex(texts, _MONTH_ALONE, r"\1-\2\3\4-1"))
    return without(dates, ~true_mask(pc.equal(pc.call_function("day", [dates]), pa.scalar(1))))


def _counts(texts: Texts, _under: Under) -> Values:
    return _whole_numbers(texts, 0, COUNT_LIMIT, _plain_count)


def _plain_count(texts: Texts) -> Texts:
    """Return counts without unit and thousands separators."""
    grouped = pc.match_substring_regex(texts, _GROUPED)
    plain = pc.replace_substring(pc.replace_substring_regex(texts, _GROUPED, r"\1\2"), ",", "")
    counted: Texts = pc.replace_substring_regex(pc.if_else(grouped, plain, texts), _COUNTED, r"\1")
    return counted


def _plain_year(texts: Texts) -> Texts:
    year: Texts = pc.replace_substring_regex(texts, r"^(\d{4})年$", r"\1")
    return year


def _years(texts: Texts, under: Under) -> Values:
    return _whole_numbers(texts, FIRST_BIRTH_YEAR, under.today.year, _plain_year)


def _whole_numbers(texts: Texts, least: int, most: int, plain: Callable[[Texts], Texts]) -> Values:
    data, lengths = text_bytes(texts), text_lengths(texts)
    digits = not data.size or (data.min() >= ord("0") and data.max() <= ord("9"))
    if digits and lengths.max(initial=0) <= _LONGEST_INT32:
        return _bounded(texts.cast(pa.int32()), least, most)
    return _take(texts, lambda distinct: _bounded(_distinct_numbers(plain(distinct)), least, most))


def _distinct_numbers(texts: Texts) -> Values:
    digits: Texts = pc.struct_field(pc.extract_regex(texts, _WHOLE_NUMBER), [0])
    return digits.cast(pa.int64())


def _bounded(numbers: Values, least: int, most: int) -> Values:
    bounds = pa.scalar(least, numbers.type), pa.scalar(most, numbers.type)
    inside = pc.and_(pc.greater_equal(numbers, bounds[0]), pc.less_equal(numbers, bounds[1]))
    if pc.all(inside).as_py() is False:
        numbers = pc.if_else(inside, numbers, pa.scalar(None, numbers.type))
    kept: Values = numbers.cast(pa.int32())
    return kept


def _fractions(texts: Texts, _under: Under) -> Texts:
    return _take(texts, lambda distinct: pa.array([_fraction(text) for text in distinct.to_pylist()], pa.string()))


def _fraction(text: str) -> str | None:
    """Return a fraction from 0 to 1 as a plain decimal without trailing zeros: 40%, 0.40 and .4 are 0.4."""
    written = _FRACTION.fullmatch(text)
    if written is None:
        return None
    value = Decimal(written[1] + (written[2] or "")).scaleb(-2 if written[3] else 0)
    plain = f"{value.normalize():f}"
    return plain if 0 <= value <= 1 and len(plain.partition(".")[2]) <= FRACTION_DECIMALS else None


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


def _always(message: Message) -> Callable[[Under], Message]:
    return lambda _under: message


def _listing(words: Callable[[Under], Mapping[str, Any]]) -> Callable[[Under], Message]:
    return lambda under: say("must be one of {words}", words=", ".join(words(under)))


_CODES = Reading(
    Rule.INVALID_CODE,
    _codes,
    _always(say("must be {rule}", rule=say(CODE_RULE))),
)

_READINGS: Mapping[Kind, Reading] = {
    Kind.CODE: _CODES,
    Kind.REF: _CODES,
    Kind.TEXT: Reading(
        Rule.INVALID_TEXT,
        _names,
        _always(say("must have at most {most} characters, none of them NUL", most=TEXT_LENGTH)),
    ),
    Kind.DATE: Reading(
        Rule.INVALID_DATE,
        _dates,
        _always(say("must be a date: write 2026-06-30, 2026/6/30, 2026.6.30, 20260630 or 2026年6月30日")),
    ),
    Kind.MONTH: Reading(
        Rule.INVALID_MONTH,
        _months,
        _always(say("must be a month: write 2026-06, 2026年6月 or its first day, 2026-06-01")),
    ),
    Kind.COUNT: Reading(
        Rule.INVALID_COUNT,
        _counts,
        _always(
            say(
                "must be a whole number from 0 to {most}: write 12, 1,234 or 12人; 0 for none, nothing for unknown",
                most=COUNT_LIMIT,
            )
        ),
    ),
    Kind.YEAR: Reading(
        Rule.INVALID_YEAR,
        _years,
        lambda under: say("must be a year from {first} to {last}", first=FIRST_BIRTH_YEAR, last=under.today.year),
    ),
    Kind.FRACTION: Reading(
        Rule.INVALID_FRACTION,
        _fractions,
        _always(
            say(
                "must be a decimal from 0 to 1 with at most {most} decimals, or a percentage: write 0.4 or 40%",
                most=FRACTION_DECIMALS,
            )
        ),
    ),
    Kind.BOOLEAN: Reading(Rule.INVALID_BOOLEAN, _yes_and_no, _listing(lambda _under: yes_and_no())),
    Kind.ENUMERATION: Reading(
        Rule.INVALID_CHOICE, _choices, _listing(lambda under: choices_under(under.column, under.title))
    ),
}
