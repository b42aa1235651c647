"""The two steps of reading a file: what its first bytes show, and then its rows."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from app.errors import ErrorItem, InvalidRequest
from app.imports.columns import Dataset
from app.imports.headers import match_titles
from app.imports.issues import IssueLog
from app.imports.readers.csv import csv_batches, csv_layout, detect_encoding
from app.imports.readers.layout import MOST_COLUMNS, FileFormat, Header, Layout, UnreadableFile
from app.imports.readers.parquet import parquet_batches, parquet_layout
from app.imports.readers.xlsx import xlsx_batches, xlsx_layout
from app.imports.rows.checks import Chunk, RawBatch, check_batch, refuse_identity_numbers


class ColumnRefused(InvalidRequest):
    """A column holds identity numbers: nothing of the file is taken in, whatever the treatment of errors."""

    code = "column-refused"
    title = "Refused column"


@dataclass(frozen=True)
class Reader:
    """How files of a format are read: their layout from the first bytes, then their rows."""

    layout: Callable[[Path, Dataset], Layout]
    batches: Callable[[Path, Header], Iterator[RawBatch]]


READERS: Mapping[FileFormat, Reader] = {
    FileFormat.CSV: Reader(csv_layout, csv_batches),
    FileFormat.XLSX: Reader(xlsx_layout, xlsx_batches),
    FileFormat.PARQUET: Reader(parquet_layout, parquet_batches),
}
"""All formats; a further one is a member of `FileFormat`, its first bytes, and a line here."""

_FIRST_BYTES = {FileFormat.XLSX: b"PK\x03\x04", FileFormat.PARQUET: b"PAR1"}
_OLD_WORKBOOK = b"\xd0\xcf\x11\xe0"


def detect_format(path: Path) -> FileFormat:
    """Return the format that a file begins as; what is neither XLSX nor Parquet is CSV.

    Raises
    ------
    UnreadableFile
        The file is empty, or begins as an old (.xls) or encrypted workbook.
    """
    with path.open("rb") as file:
        start = file.read(4)
    if not start:
        raise UnreadableFile("The file is empty.")
    if start == _OLD_WORKBOOK:
        raise UnreadableFile("The byte at offset 0 begins an old (.xls) or encrypted workbook; save it as .xlsx.")
    return next((name for name, first in _FIRST_BYTES.items() if start == first), FileFormat.CSV)


def inspect(path: Path, dataset: Dataset, *, ignore_unknown: bool = False, keys_only: bool = False) -> Header:
    """Return what the first bytes of a file show, in bounded time and memory, without reading its rows.

    Parameters
    ----------
    path
        The file; its name means nothing.
    dataset
        What the rows are.
    ignore_unknown
        Whether unknown columns are passed over instead of refused.
    keys_only
        Whether only the columns of the key are wanted, as for mode `delete`.

    Raises
    ------
    UnreadableFile
        The first bytes cannot be read as what they begin as; the message names the byte where it is one.
    HeaderRefused
        The titles do not fit the dataset; the errors list all that is wrong.
    """
    layout = READERS[detect_format(path)].layout(path, dataset)
    if not any(title.strip() for title in layout.titles):
        raise UnreadableFile("The first row holds no header.")
    if len(layout.titles) > MOST_COLUMNS:
        raise UnreadableFile(f"The file has more than {MOST_COLUMNS} columns.")
    fields = match_titles(layout.titles, dataset, ignore_unknown=ignore_unknown, keys_only=keys_only)
    return Header(layout, fields, ignore_unknown=ignore_unknown, keys_only=keys_only)


def read_chunks(path: Path, dataset: Dataset, header: Header, issues: IssueLog, *, today: date) -> Iterator[Chunk]:
    """Yield the rows of a file, typed and checked one by one, in bounded memory.

    Parameters
    ----------
    path, dataset, header
        The file, what its rows are, and what `inspect` returned.
    issues
        Where every problem of every row goes, while the chunks are made.
    today
        The date in the operator's time zone: the last day of a return.

    Raises
    ------
    UnreadableFile, HeaderRefused
        As `inspect`, where later bytes show it.
    ColumnRefused
        Once all rows are read: a column holds identity numbers. From their first sight no chunk is yielded any more, so
        that none is ever handed on.
    """
    header = _with_whole_encoding(path, dataset, header)
    refused: Counter[str] = Counter()
    for raw in READERS[header.layout.format].batches(path, header):
        batch = raw.tidied()
        refused.update(refuse_identity_numbers(batch, header.fields, issues, today))
        chunk = check_batch(batch, dataset, header.fields, issues, today, keys_only=header.keys_only)
        if not refused and len(chunk.rows):
            yield chunk
    if refused:
        errors = [
            ErrorItem(f"body/columns/{name}", f"column {name} is refused: {count} cells hold an identity number")
            for name, count in refused.items()
        ]
        raise ColumnRefused("A file may not bring identity numbers of persons.", errors)


def _with_whole_encoding(path: Path, dataset: Dataset, header: Header) -> Header:
    """Return the header as the encoding of the whole file gives it; the first bytes may be plain in both encodings."""
    if header.layout.format is not FileFormat.CSV:
        return header
    encoding = detect_encoding(path)
    if encoding == header.layout.encoding:
        return header
    titles = [title.encode(header.layout.encoding).decode(encoding) for title in header.layout.titles]
    fields = match_titles(titles, dataset, ignore_unknown=header.ignore_unknown, keys_only=header.keys_only)
    return replace(header, layout=replace(header.layout, encoding=encoding, titles=tuple(titles)), fields=fields)
