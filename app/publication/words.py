"""A table in words: in Chinese files every value of an enumeration and every truth is a word, not a code."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from app.catalogue.values import chinese_of, yes_or_no
from app.publication.table import Cells, Column, FlatTable, Kind


def in_words(table: FlatTable) -> FlatTable:
    """Return a table with its values in words, if its language is Chinese; else as it is."""
    if table.language != "zh":
        return table
    words = [(place, word) for place, column in enumerate(table.columns) if (word := _word(column)) is not None]

    def chunks() -> Iterator[Cells]:
        for rows in table.chunks():
            yield [_said(row, words) for row in rows]

    columns = (replace(column, kind=Kind.TEXT) if column.kind is Kind.FLAG else column for column in table.columns)
    return replace(table, columns=tuple(columns), chunks=chunks)


def _word(column: Column) -> Callable[[Any], str] | None:
    if column.kind is Kind.FLAG:
        return yes_or_no
    if column.kind is not Kind.TEXT:
        return None
    return chinese_of(column.part or column.name)


def _said(row: Sequence[Any], words: Sequence[tuple[int, Callable[[Any], str]]]) -> list[Any]:
    cells = list(row)
    for place, word in words:
        if cells[place] is not None:
            cells[place] = word(cells[place])
    return cells
