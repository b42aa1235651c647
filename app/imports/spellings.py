"""The Chinese and English words that files use for columns and values, read from the tables beside this module."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Mapping
from enum import StrEnum
from functools import cache

from app.imports.columns import Column, Dataset, Kind
from app.imports.tables import table

_YES_NO = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
"""English words for booleans; the Chinese ones are in `values_zh.csv`."""

_OPENNESS_TITLE = "身份公开"
"""The header under which yes means an open identity; others may mean the opposite (是否保密)."""


def normal(text: str) -> str:
    """Return the form in which headers and choices are compared: without spaces, half-width, in lower case."""
    return "".join(unicodedata.normalize("NFKC", text).replace("\ufeff", "").split()).casefold()


@cache
def chinese_titles(dataset: Dataset) -> Mapping[str, tuple[str, ...]]:
    """Return the Chinese headers of each column of a dataset, the usual one first."""
    titles: dict[str, list[str]] = defaultdict(list)
    for row in table("headers_zh.csv"):
        if dataset.name in row["applies_to"].split(";"):
            titles[row["column"]].extend(row["accepted_zh"].split(";"))
    return {column: tuple(words) for column, words in titles.items()}


@cache
def columns_by_title(dataset: Dataset) -> Mapping[str, Column]:
    """Return the columns of a dataset by every header that names them, in `normal` form."""
    chinese = chinese_titles(dataset)
    return {
        normal(title): column for column in dataset.columns for title in (column.name, *chinese.get(column.name, ()))
    }


_DECORATIONS = re.compile(r"^[*※★]+|^其中:?|[*:]+$|\((?:单位:)?(?:人|名|个|家|户|必填|必填项|选填|非必填|可不填)\)$")
"""What ledgers add to a header, in `normal` form: marks of required columns, units, 其中."""


def column_named(title: str, dataset: Dataset) -> Column | None:
    """Return the column of a dataset that a header names; null: none."""
    known, form = columns_by_title(dataset), normal(title)
    while form not in known and (plain := _DECORATIONS.sub("", form)) != form:
        form = plain
    return known.get(form)


@cache
def ignored_titles() -> frozenset[str]:
    """Return the headers of columns that are left out of all files, in `normal` form."""
    return frozenset(normal(title) for row in table("ignored_headers.csv") for title in row["titles"].split(";"))


def is_ignored(title: str, dataset: Dataset) -> bool:
    """Say whether a header is of a column that is left out, such as 序号."""
    return normal(title) in ignored_titles() and column_named(title, dataset) is None


@cache
def chinese_values(enumeration: type[StrEnum] | None) -> Mapping[str, tuple[str, ...]]:
    """Return the Chinese words of each value, the usual one first; null: those of `true` and `false`."""
    wanted = "boolean" if enumeration is None else enumeration.__name__
    return {
        row["value"]: tuple(row["accepted_zh"].split(";"))
        for row in table("values_zh.csv")
        if row["enumeration"] == wanted
    }


@cache
def choices(enumeration: type[StrEnum]) -> Mapping[str, str]:
    """Return the values of an enumeration by every word for them, in `normal` form."""
    chinese = chinese_values(enumeration)
    return {normal(word): str(value) for value in enumeration for word in (value, *chinese.get(str(value), ()))}


@cache
def yes_and_no() -> Mapping[str, bool]:
    """Return true and false by every word for them, in `normal` form."""
    chinese = {normal(word): value == "true" for value, words in chinese_values(None).items() for word in words}
    return _YES_NO | chinese


def choices_under(column: Column, title: str) -> Mapping[str, str]:
    """Return the words of an enumeration under one header: 身份公开 is a question, with the answers 是 and 否 too.

    Empty for a column that is no enumeration.
    """
    if column.kind is not Kind.ENUMERATION or column.enumeration is None:
        return {}
    words = choices(column.enumeration)
    if column.name == "identity" and normal(title) == _OPENNESS_TITLE:
        return {**words, "是": "open", "否": "withheld"}
    return words
