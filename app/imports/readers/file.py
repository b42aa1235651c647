"""Reading a file in two steps: its first bytes, then its rows."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from app.errors import ErrorCode, ErrorItem
from app.imports.columns import Dataset
from app.imports.headers import HEADER_WITHIN, match_titles
from app.imports.issues import IssueLog
from app.imports.readers.csv import csv_batches, csv_layout, detect_encoding
from app.imports.readers.layout import MOST_COLUMNS, FileFormat, Header, Layout, UnreadableFile
from app.imports.readers.limits import cpu_seconds, limited
from app.imports.readers.parquet import parquet_batches, parquet_layout
from app.imports.readers.xlsx import xlsx_batches, xlsx_layout
from app.imports.refusals import FileRefused, FileTooDemanding
from app.imports.rows.checks import Chunk, check_batch, refuse_identity_numbers
from app.imports.rows.extra_rows import table_rows, without_extra_rows
from app.imports.rows.raw import RawBatch
from app.messages import say


class ColumnRefused(FileRefused):
    """A column holds identity numbers: nothing of the file is taken in, whatever the treatment of errors."""

    code = "column-refused"
    title = "Refused column"

    def _note(self, log: IssueLog) -> None:
        """Add nothing: the cells are listed already."""


@dataclass(frozen=True)
class Reader:
    """How files of a format are read: their layout from the first bytes, then their rows.

    Parameters
    ----------
    memory_bytes
        Memory that the process may use in addition while rows are read and processed.
    """

    layout: Callable[[Path, Dataset, str | None], Layout]
    rows: Callable[[Path, Header], Iterator[RawBatch]]
    memory_bytes: int

    def batches(self, path: Path, header: Header) -> Iterator[RawBatch]:
        """Yield the rows of a file within the limits of memory and time; raises `FileTooDemanding` beyond them."""
        with limited(self.memory_bytes, cpu_seconds(path)):
            yield from self.rows(path, header)


READERS: Mapping[FileFormat, Reader] = {
    FileFormat.CSV: Reader(csv_layout, csv_batches, 512 << 20),
    FileFormat.XLSX: Reader(xlsx_layout, xlsx_batches, 1 << 30),
    FileFormat.PARQUET: Reader(parquet_layout, parquet_batches, 512 << 20),
}
"""All formats; a new one needs a member of `FileFormat`, its first bytes, and a line here."""

_FIRST_BYTES = {FileFormat.XLSX: b"PK\x03\x04", FileFormat.PARQUET: b"PAR1"}
_OLD_WORKBOOK = b"\xd0\xcf\x11\xe0"


def detect_format(path: Path) -> FileFormat:
    """Return the format of a file by its first bytes; neither XLSX nor Parquet is CSV.

    Raises
    ------
    UnreadableFile
        The file is empty, or is an old (.xls) or encrypted workbook.
    """
    with path.open("rb") as file:
        start = file.read(4)
    if not start:
        raise UnreadableFile(say("The file is empty."))
    if start == _OLD_WORKBOOK:
        raise UnreadableFile(say("The byte at offset 0 begins an old (.xls) or encrypted workbook; save it as .xlsx."))
    return next((name for name, first in _FIRST_BYTES.items() if start == first), FileFormat.CSV)


def inspect(
    path: Path, dataset: Dataset, *, ignore_unknown: bool = False, keys_only: bool = False, sheet: str | None = None
) -> Header:
    """Return the header of a file from its first bytes, in bounded time and memory, without reading its rows.

    Parameters
    ----------
    path
        The file; its name is not used.
    dataset
        What the rows are.
    ignore_unknown
        Whether unknown columns are ignored instead of refused.
    keys_only
        Whether only the columns of the key are imported, as for mode `delete`.
    sheet
        For a workbook: the name of the worksheet; null: the one with a known header.

    Raises
    ------
    SheetNeeded
        For a workbook: several worksheets have a known header, or none has the given name.
    UnreadableFile
        The first bytes are not valid in their format; the message names the byte if it is one.
    HeaderRefused
        The titles do not fit the dataset; the errors list all problems.
    """
    layout = READERS[detect_format(path)].layout(path, dataset, sheet)
    if not any(title.strip() for title in layout.titles):
        raise UnreadableFile(say("None of the first {rows} rows holds a header.", rows=HEADER_WITHIN))
    if len(layout.titles) > MOST_COLUMNS:
        raise UnreadableFile(say("The file has more than {most} columns.", most=MOST_COLUMNS))
    fields = match_titles(layout.titles, dataset, ignore_unknown=ignore_unknown, keys_only=keys_only)
    return Header(layout, fields, ignore_unknown=ignore_unknown, keys_only=keys_only)


def read_chunks(path: Path, dataset: Dataset, header: Header, issues: IssueLog, *, today: date) -> Iterator[Chunk]:
    """Yield the rows of a file, typed and checked one by one, in bounded memory.

    Parameters
    ----------
    path, dataset, header
        The file, what its rows are, and what `inspect` returned.
    issues
        Receives every problem of every row while the chunks are made.
    today
        The date in the operator's time zone: the last allowed day of a return.

    Raises
    ------
    UnreadableFile, HeaderRefused
        As for `inspect`, if later bytes show it.
    FileTooDemanding
        Reading needs more memory than allowed.
    ColumnRefused
        After all rows are read: a column contains identity numbers. No chunk is yielded once one is found, so that
        none is passed on.
    """
    try:
        yield from _chunks(path, dataset, header, issues, today)
    except MemoryError as error:  # outside the reader, which reports it itself
        raise FileTooDemanding().noted(issues) from error
    except FileRefused as error:
        raise error.noted(issues) from error.__cause__


def _chunks(path: Path, dataset: Dataset, header: Header, issues: IssueLog, today: date) -> Iterator[Chunk]:
    header = with_whole_encoding(path, dataset, header)
    refused: Counter[str] = Counter()
    batches = (raw.tidied() for raw in READERS[header.layout.format].batches(path, header))
    for batch in table_rows(batches, dataset, header.fields, issues):
        refused.update(refuse_identity_numbers(batch, header.fields, issues, today))
        rows = without_extra_rows(batch, dataset, header.fields, issues)
        chunk = check_batch(rows, dataset, header.fields, issues, today, keys_only=header.keys_only)
        if not refused and len(chunk.rows):
            yield chunk
    if refused:
        items = [
            ErrorItem(
                ErrorCode.IDENTITY_NUMBER,
                f"column/{name}",
                say("column {column} is refused: {count} cells hold an identity number", column=name, count=count),
            )
            for name, count in refused.items()
        ]
        raise ColumnRefused(say("A file may not bring identity numbers of persons."), items)


def with_whole_encoding(path: Path, dataset: Dataset, header: Header) -> Header:
    """Return the header with the encoding of the whole file; the first bytes may be ASCII, valid in both encodings."""
    if header.layout.format is not FileFormat.CSV:
        return header
    encoding = detect_encoding(path)
    if encoding == header.layout.encoding:
        return header
    titles = [title.encode(header.layout.encoding).decode(encoding) for title in header.layout.titles]
    fields = match_titles(titles, dataset, ignore_unknown=header.ignore_unknown, keys_only=header.keys_only)
    return replace(header, layout=replace(header.layout, encoding=encoding, titles=tuple(titles)), fields=fields)
