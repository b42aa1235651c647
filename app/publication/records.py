"""Records: a JSON array of flat rows under the CSV's column names, as dashboards and Power Query want it."""

from collections.abc import Iterator

import msgspec

from app.publication.table import TableOptions, chunks, columns_of, header
from app.statistics.listed import Listed


def write_records(listed: Listed, options: TableOptions) -> Iterator[bytes]:
    """Return the file in pieces; problems with the options are raised at once."""
    names = header(listed, options)
    return _pieces(listed, options, names)


def _pieces(listed: Listed, options: TableOptions, names: list[str]) -> Iterator[bytes]:
    separator = b"["
    for rows in chunks(listed, options):
        encoded = [msgspec.json.encode(record) for record in columns_of(rows, names)]
        yield separator + b",\n".join(encoded)
        separator = b",\n"
    yield b"[]\n" if separator == b"[" else b"]\n"
