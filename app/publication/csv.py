"""CSV: UTF-8, comma, CRLF as RFC 4180 says; text that a spreadsheet would take for a formula is neutralised."""

import csv
import io
from collections.abc import Iterator
from typing import Any

from app.publication.table import TableOptions, cell_text, chunks, header, neutral
from app.statistics.listed import Listed


def write_csv(listed: Listed, options: TableOptions, *, bom: bool) -> Iterator[bytes]:
    """Return the file in pieces; problems with the options are raised at once."""
    names = header(listed, options)
    return _pieces(listed, options, names, bom=bom)


def _pieces(listed: Listed, options: TableOptions, names: list[str], *, bom: bool) -> Iterator[bytes]:
    yield (b"\xef\xbb\xbf" if bom else b"") + _lines([names])
    for rows in chunks(listed, options):
        yield _lines(rows)


def _lines(rows: list[list[Any]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows([[_cell(value) for value in row] for row in rows])
    return text.getvalue().encode()


def _cell(value: Any) -> str:
    return neutral(value) if isinstance(value, str) else cell_text(value)
