"""CSV: UTF-8, comma, CRLF as RFC 4180 says; text that a spreadsheet would take for a formula is neutralised."""

import csv
import io
from collections.abc import Iterator
from typing import Any

from app.publication.table import FlatTable, cell_text, neutral


def write_csv(table: FlatTable, *, bom: bool) -> Iterator[bytes]:
    """Yield the file in pieces; `bom` sets a byte order mark before it, for Excel."""
    yield (b"\xef\xbb\xbf" if bom else b"") + _lines([[column.heading for column in table.columns]])
    for rows in table.chunks():
        yield _lines(rows)


def _lines(rows: list[list[Any]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows([[_cell(value) for value in row] for row in rows])
    return text.getvalue().encode()


def _cell(value: Any) -> str:
    return neutral(value) if isinstance(value, str) else cell_text(value)
