"""Records: a JSON array of flat rows under the CSV's column names, as dashboards and Power Query want it."""

from collections.abc import Iterator

import msgspec

from app.publication.table import FlatTable


def write_records(table: FlatTable) -> Iterator[bytes]:
    """Yield the file in pieces."""
    headings = [column.heading for column in table.columns]
    separator = b"["
    for rows in table.chunks():
        records = [msgspec.json.encode(dict(zip(headings, row, strict=True))) for row in rows]
        yield separator + b",\n".join(records)
        separator = b",\n"
    yield b"[]\n" if separator == b"[" else b"]\n"
