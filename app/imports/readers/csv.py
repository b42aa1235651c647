"""CSV files of any size: comma, semicolon or tab, UTF-8 or GB18030, read a block at a time."""

import codecs
import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Literal

import numpy as np
import pyarrow as pa
from pyarrow import csv as arrow_csv

from app.imports.columns import Dataset
from app.imports.headers import HEADER_WITHIN, header_place, recognised
from app.imports.issues import RowIssue, Rule, row_issue
from app.imports.readers.layout import MOST_COLUMNS, FileFormat, Header, Layout, UnreadableFile
from app.imports.rows.extra_rows import is_note
from app.imports.rows.raw import RawBatch, RowNumbers
from app.imports.rows.texts import Texts
from app.messages import say

FIRST_BYTES = 1 << 20
"""Bytes examined before a file is accepted."""

Encoding = Literal["utf-8", "gb18030"]

_BLOCK = 1 << 20
_CHINESE = re.compile(r"[\u4e00-\u9fff]")
_PROOF_OF_UTF8 = 4
"""Different Chinese characters that prove a text to be UTF-8: bytes of GB18030 read as UTF-8 give almost none."""


def detect_encoding(path: Path, limit: int | None = None) -> Encoding:
    """Return the encoding of a text file: UTF-8 if every byte fits, else GB18030.

    Parameters
    ----------
    path
        The file.
    limit
        Bytes to examine, null: all; a character cut by the limit is no error.

    Raises
    ------
    UnreadableFile
        A byte is NUL, or fits neither encoding; the message names its offset, from 0. A file that is certainly UTF-8 so
        far is not tried as GB18030, which would give other characters than were written.
    """
    with path.open("rb") as file:
        offset, is_utf8 = _first_misfit(file, "utf-8", limit)
        if offset is None:
            return "utf-8"
        if is_utf8:
            message = "The byte at offset {offset} is not UTF-8, as the bytes before it are."
            raise UnreadableFile(say(message, offset=offset))
        file.seek(0)
        offset, _ = _first_misfit(file, "gb18030", limit)
    if offset is None:
        return "gb18030"
    message = "The byte at offset {offset} is neither UTF-8 nor GB18030; save the file as CSV UTF-8."
    raise UnreadableFile(say(message, offset=offset))


def _first_misfit(file: BinaryIO, encoding: Encoding, limit: int | None) -> tuple[int | None, bool]:
    """Return the offset of the first byte that does not fit (null: none); whether the text before it proves UTF-8."""
    decoder = codecs.getincrementaldecoder(encoding)()
    chinese: set[str] = set()
    offset, position = None, 0
    for block, is_last in _blocks(file, limit):
        _refuse_nul(block, position)
        pending = len(decoder.getstate()[0])
        if block.isascii() and not pending:
            position += len(block)
            continue
        try:
            text = decoder.decode(block, final=is_last)
        except UnicodeDecodeError as error:
            offset = position - pending + error.start
            text = error.object[: error.start].decode(encoding)
        if len(chinese) < _PROOF_OF_UTF8:
            chinese.update(_CHINESE.findall(text))
        if offset is not None:
            break
        position += len(block)
    return offset, encoding == "utf-8" and len(chinese) >= _PROOF_OF_UTF8


def _blocks(file: BinaryIO, limit: int | None) -> Iterator[tuple[bytes, bool]]:
    """Yield blocks of a file up to a limit, with whether it is the last one."""
    left = limit
    block = file.read(_BLOCK)
    while block and (left is None or left > 0):
        following = file.read(_BLOCK)
        yield block[:left], not following and (left is None or len(block) <= left)
        left = None if left is None else left - len(block)
        block = following


def _refuse_nul(block: bytes, position: int) -> None:
    place = block.find(0)
    if place >= 0:
        message = (
            "The byte at offset {offset} is NUL, which no CSV file has. Of what a spreadsheet saves, CSV in UTF-8 or "
            "GB18030 and .xlsx are read; “Unicode text” (UTF-16) is not."
        )
        raise UnreadableFile(say(message, offset=position + place))


DELIMITERS = (",", ";", "\t")

BLOCK_BYTES = 2 << 20
"""Bytes parsed at a time, and so the longest row, quoted line breaks included."""

MOST_RAGGED = 200_000
"""Most rows with a wrong number of cells before one has the right number; beyond, the header is of another table."""

_TAIL_BYTES = 64


def csv_layout(path: Path, dataset: Dataset, _sheet: str | None = None) -> Layout:
    """Return the layout of a CSV file from its first bytes: the delimiter is the one that gives most known titles.

    The titles are those of the header, which may be any of the first rows.

    Raises
    ------
    UnreadableFile
        The first bytes are in no supported encoding, or contain no header row.
    """
    encoding = detect_encoding(path, FIRST_BYTES)
    start = _start(path, encoding)
    rows = {delimiter: _first_rows(start, delimiter) for delimiter in DELIMITERS}
    places = {delimiter: header_place(rows[delimiter], dataset) for delimiter in DELIMITERS}
    titles = {delimiter: tuple(rows[delimiter][places[delimiter]]) for delimiter in DELIMITERS}
    best = max(DELIMITERS, key=lambda delimiter: (recognised(titles[delimiter], dataset), len(titles[delimiter])))
    return Layout(FileFormat.CSV, titles[best], encoding=encoding, delimiter=best, header_row=places[best] + 1)


def csv_batches(path: Path, header: Header) -> Iterator[RawBatch]:
    """Yield the rows of a CSV file, about `BLOCK_BYTES` at a time.

    Rows with more or fewer cells than titles are not in the batches but in their issues.

    Raises
    ------
    UnreadableFile
        A row is longer than `BLOCK_BYTES`, as after a quote that is never closed.
    """
    if _has_rows(path, header.layout):
        with pa.OSFile(str(path), "rb") as file:
            yield from _Numbered(header.layout).batches(file)


def _start(path: Path, encoding: str) -> str:
    with path.open("rb") as file:
        return file.read(FIRST_BYTES).decode(encoding, errors="ignore").removeprefix("\ufeff")


def _first_rows(start: str, delimiter: str) -> list[list[str]]:
    """Return the first rows of a text, as far as they can be parsed; at least one."""
    reader = csv.reader(io.StringIO(start, newline=""), delimiter=delimiter)
    rows: list[list[str]] = []
    try:
        rows.extend(row[: MOST_COLUMNS + 1] for row in islice(reader, HEADER_WITHIN))
    except csv.Error as error:
        if not rows:
            raise UnreadableFile(say("The header row cannot be read: {error}.", error=str(error)), row=1) from error
    return rows or [[]]


def _has_rows(path: Path, layout: Layout) -> bool:
    if path.stat().st_size > FIRST_BYTES:
        return True
    rows = csv.reader(io.StringIO(_start(path, layout.encoding), newline=""), delimiter=layout.delimiter)
    return next(islice(rows, layout.header_row, None), None) is not None


@dataclass(frozen=True)
class _Ragged:
    """A row with more or fewer cells than titles."""

    row: int
    cells: int
    is_blank: bool
    is_note: bool


class _Numbered:
    """Numbers the rows of one file: those that were parsed, and between them those that could not be."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._ragged: list[_Ragged] = []
        self._next_row = layout.header_row + 1
        self._last_ragged = ""
        self._last_cell = ""

    def batches(self, file: pa.NativeFile) -> Iterator[RawBatch]:
        """Yield what pyarrow parses, and at the end an empty batch with the issues of the last ragged rows."""
        size = file.size()
        try:
            for parsed in self._parsed(file):
                yield self._batch(parsed.columns, file.tell() / size)
        except pa.ArrowInvalid as error:
            raise self._unreadable() from error
        self._refuse_open_quote(file)
        nothing = pa.array([], pa.string())
        left = tuple(self._issues(self._ragged)), 1.0, _first_note(self._ragged)
        yield RawBatch(np.empty(0, np.int64), (nothing,) * len(self._layout.titles), *left)

    def _parsed(self, file: pa.NativeFile) -> arrow_csv.CSVStreamingReader:
        layout, names = self._layout, [f"c{place}" for place in range(len(self._layout.titles))]
        return arrow_csv.open_csv(
            file,
            # pyarrow numbers rows only if one thread parses them.
            arrow_csv.ReadOptions(
                use_threads=False,
                block_size=BLOCK_BYTES,
                column_names=names,
                skip_rows_after_names=layout.header_row,
                encoding=layout.encoding,
            ),
            arrow_csv.ParseOptions(
                delimiter=layout.delimiter,
                newlines_in_values=True,
                ignore_empty_lines=False,
                invalid_row_handler=self._note_ragged,
            ),
            arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()),
                strings_can_be_null=True,
                null_values=[""],
                check_utf8=False,
            ),
        )

    def _note_ragged(self, row: arrow_csv.InvalidRow) -> Literal["skip", "error"]:
        text = row.text.strip(f'{self._layout.delimiter}" \t\r\n')
        self._ragged.append(_Ragged(int(row.number or 0), row.actual_columns, not text, is_note(text)))
        self._last_ragged = row.text
        return "skip" if len(self._ragged) < MOST_RAGGED else "error"

    def _unreadable(self) -> UnreadableFile:
        if len(self._ragged) >= MOST_RAGGED:
            row, titles = self._ragged[-1].row, len(self._layout.titles)
            message = "{rows} rows up to row {row} have more or fewer cells than the header, which has {titles}."
            return UnreadableFile(say(message, rows=MOST_RAGGED, row=row, titles=titles), row=row)
        message = "Row {row} or one soon after it is longer than {most} bytes: is a quotation mark never closed?"
        return UnreadableFile(say(message, row=self._next_row, most=BLOCK_BYTES), row=self._next_row)

    def _batch(self, texts: Sequence[Texts], progress: float) -> RawBatch:
        rows = self._numbers(len(texts[0]))
        if len(rows):
            self._last_cell = texts[-1][-1].as_py() or ""
        passed = [ragged for ragged in self._ragged if ragged.row < self._next_row]
        issues = tuple(self._issues(passed))
        self._ragged = self._ragged[len(passed) :]
        return RawBatch(rows, tuple(texts), issues, progress, _first_note(passed))

    def _numbers(self, count: int) -> RowNumbers:
        """Return the numbers of the next `count` parsed rows: consecutive, without the ragged ones."""
        ragged = np.array([ragged.row for ragged in self._ragged], np.int64)
        candidates = np.arange(self._next_row, self._next_row + count + len(ragged), dtype=np.int64)
        rows = candidates[~np.isin(candidates, ragged)][:count]
        self._next_row = int(rows[-1]) + 1 if count else self._next_row
        return rows

    def _issues(self, found: Sequence[_Ragged]) -> Iterator[RowIssue]:
        titles = len(self._layout.titles)
        for ragged in found:
            if not ragged.is_blank:
                message = say("has {cells} cells where the header has {titles}", cells=ragged.cells, titles=titles)
                yield row_issue(ragged.row, None, None, Rule.RAGGED_ROW, message)

    def _refuse_open_quote(self, file: pa.NativeFile) -> None:
        """Refuse a file with a quote that is never closed, so that its last row contains all rows after the quote."""
        if self._ragged:
            is_open = "\n" in self._last_ragged and self._last_ragged.count('"') % 2 == 1
        else:
            is_open = "\n" in self._last_cell and not _tail(file).endswith(b'"')
        if is_open:
            row = self._ragged[-1].row if self._ragged else self._next_row - 1
            message = say('A quotation mark (") in row {row} is never closed: take it out, or write it twice.', row=row)
            raise UnreadableFile(message, row=row)


def _first_note(found: Sequence[_Ragged]) -> int | None:
    return next((ragged.row for ragged in found if ragged.is_note), None)


def _tail(file: pa.NativeFile) -> bytes:
    file.seek(max(0, file.size() - _TAIL_BYTES))
    tail: bytes = file.read().rstrip()
    return tail
