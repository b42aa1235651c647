"""The Chinese and English words that files use for columns and values, read from the tables beside this module."""

import csv
import unicodedata
from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from importlib.resources import files

from app.imports.columns import Column, Dataset, Kind

_YES_NO = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
"""English words for booleans; the Chinese ones are in `values_zh.csv`."""

_OPENNESS_TITLE = "身份公开"
"""The header under which yes means an open identity; others may ask the contrary (是否保密)."""


def normal(text: str) -> str:
    """Return the text as headers and choices are compared: without spaces, half-width, in lower case."""
    return "".join(unicodedata.normalize("NFKC", text).replace("\ufeff", "").split()).casefold()


@cache
def table(name: str) -> tuple[Mapping[str, str], ...]:
    """Return the rows of one of the tables beside this module."""
    with files("app.imports").joinpath(name).open(encoding="utf-8") as lines:
        return tuple(csv.DictReader(lines))


@cache
def chinese_titles(dataset: Dataset) -> Mapping[str, tuple[str, ...]]:
    """Return the Chinese headers of each column of a dataset, the usual one first."""
    return {
        row["column"]: tuple(row["accepted_zh"].split(";"))
        for row in table("headers_zh.csv")
        if dataset.name in row["applies_to"].split(";")
    }


@cache
def columns_by_title(dataset: Dataset) -> Mapping[str, Column]:
    """Return the columns of a dataset by every header that names them, in `normal` form."""
    chinese = chinese_titles(dataset)
    return {
        normal(title): column for column in dataset.columns for title in (column.name, *chinese.get(column.name, ()))
    }


@cache
def chinese_values(enumeration: type[StrEnum] | None) -> Mapping[str, tuple[str, ...]]:
    """Return the Chinese words of each value, the usual one first; of `true` and `false` where null is given."""
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
    """Return the words of an enumeration under one header: 身份公开 asks a question, and takes 是 and 否 too.

    Empty for a column that is no enumeration.
    """
    if column.kind is not Kind.ENUMERATION or column.enumeration is None:
        return {}
    words = choices(column.enumeration)
    if column.name == "identity" and normal(title) == _OPENNESS_TITLE:
        return {**words, "是": "open", "否": "withheld"}
    return words
