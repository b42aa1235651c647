"""Parquet files of any size, read in batches; every type is converted to text."""

import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from app.errors import ErrorCode, ErrorItem
from app.imports.columns import Dataset
from app.imports.headers import recognised
from app.imports.issues import RowIssue, Rule, row_issue
from app.imports.readers.layout import MOST_COLUMNS, FileFormat, Header, Layout, UnreadableFile
from app.imports.refusals import FileTooDemanding
from app.imports.rows.raw import RawBatch
from app.imports.rows.texts import Mask, Texts, Values, true_mask, without
from app.messages import say

if TYPE_CHECKING:
    from pyarrow.parquet import ParquetFile


MOST_FOOTER_BYTES = 1 << 20
"""Most bytes of a footer, which is parsed before a file is accepted and needs up to 240 times as much memory.

A footer of 12 columns and 800 row groups, a hundred million rows, has 1 MiB.
"""

MOST_ROWS_A_BYTE = 100
"""Most rows of a file per byte of it, once they are more than `FREE_OF_RATIO`: keys differ."""

FREE_OF_RATIO = 1_000_000

LONGEST_CELL = 1 << 16
"""Most bytes of a cell in a column of fixed width, which are allocated even if it is null."""

_MOST_PARTS = 10_000
"""Most row groups, and columns of each, in a footer."""

_BATCH_BYTES = 32 << 20
"""Most bytes of a batch of rows, by the sizes in the footer."""

_ROWS_AT_A_TIME = 1 << 16
_BUFFER_BYTES = 1 << 20
_EXACT_INTEGERS = 2.0**53
_FOOTER_END, _MAGIC = struct.Struct("<I4s"), b"PAR1"


def parquet_layout(path: Path, dataset: Dataset, _sheet: str | None = None) -> Layout:
    """Return the names of the columns from the footer.

    Raises
    ------
    UnreadableFile
        The file is damaged, or columns of the dataset have types without text, such as lists; all are named.
    FileTooDemanding
        The footer is large, or states more rows than a file of this size can contain.
    """
    with _opened(path) as file:
        schema = file.schema_arrow
        names = tuple(schema.names)
        _refuse_demanding(file, path.stat().st_size)
    errors = [
        ErrorItem(
            ErrorCode.UNREADABLE_COLUMN,
            f"column/{field.name}",
            say("column {column} is of type {type}, which is not read", column=field.name, type=str(field.type)),
        )
        for field in schema
        if not _has_text(field.type) and recognised([field.name], dataset)
    ]
    if errors:
        raise UnreadableFile(say("Columns are of types that are not read."), errors)
    return Layout(FileFormat.PARQUET, names)


def parquet_batches(path: Path, header: Header) -> Iterator[RawBatch]:
    """Yield the rows, up to 65,536 at a time; the first is row 2, as if the names were row 1.

    Whole numbers have no decimal point, dates are ISO, NaN is blank; whole floating-point numbers too large to be exact
    are blank and listed in the issues.

    Raises
    ------
    UnreadableFile
        The file is damaged.
    """
    with _opened(path) as file:
        first, rows = 2, max(1, file.metadata.num_rows)
        wanted = _read_columns(file.schema_arrow)
        for read in file.iter_batches(batch_size=_rows_at_a_time(file), columns=list(wanted)):
            batch = _with_all_columns(read, [place for places in wanted.values() for place in places], header)
            after = first + batch.num_rows
            issues = tuple(_inexact(batch, first, header))
            texts = tuple(_texts(column) for column in batch.columns)
            yield RawBatch(np.arange(first, after, dtype=np.int64), texts, issues, min(1.0, (after - 2) / rows))
            first = after


@contextmanager
def _opened(path: Path) -> "Iterator[ParquetFile]":
    from pyarrow import parquet  # noqa: PLC0415  # loaded only when needed

    _refuse_large_footer(path)
    options = {"thrift_string_size_limit": MOST_FOOTER_BYTES, "thrift_container_size_limit": _MOST_PARTS}
    try:
        with parquet.ParquetFile(path, buffer_size=_BUFFER_BYTES, pre_buffer=False, **options) as file:
            yield file
    except MemoryError:  # also raised by Arrow
        raise
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise UnreadableFile(say("The file begins as Parquet but is damaged.")) from error


def _refuse_large_footer(path: Path) -> None:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _FOOTER_END.size))
        end = file.read()
    length, magic = _FOOTER_END.unpack(end) if len(end) == _FOOTER_END.size else (0, b"")
    if magic == _MAGIC and length > MOST_FOOTER_BYTES:
        message = (
            "The footer of the Parquet file has more than {most} bytes: write fewer and larger row groups, or CSV."
        )
        raise FileTooDemanding(say(message, most=MOST_FOOTER_BYTES))


def _refuse_demanding(file: "ParquetFile", size: int) -> None:
    metadata, schema = file.metadata, file.schema
    if metadata.num_columns > MOST_COLUMNS:
        raise UnreadableFile(say("The file has more than {most} columns.", most=MOST_COLUMNS))
    if metadata.num_rows > max(FREE_OF_RATIO, MOST_ROWS_A_BYTE * size):
        message = "The file states {rows} rows in {size} bytes, which is more than rows that differ can take."
        raise FileTooDemanding(say(message, rows=metadata.num_rows, size=size))
    for column in (schema.column(place) for place in range(metadata.num_columns)):
        if column.length > LONGEST_CELL:
            message = "Every cell of column {column} has {bytes} bytes; at most {most} are read."
            raise FileTooDemanding(say(message, column=column.name[:100], bytes=column.length, most=LONGEST_CELL))


def _rows_at_a_time(file: "ParquetFile") -> int:
    """Return the number of rows of a batch: fewer if the footer states that they are long."""
    groups = map(file.metadata.row_group, range(file.metadata.num_row_groups))
    longest = max((group.total_byte_size // max(1, group.num_rows) for group in groups), default=0)
    return max(1, min(_ROWS_AT_A_TIME, _BATCH_BYTES // max(1, longest)))


def _read_columns(schema: pa.Schema) -> dict[str, list[int]]:
    """Return the positions of the columns that are read, by name: without those whose types have no text."""
    places: dict[str, list[int]] = {name: [] for name in schema.names}
    for place, name in enumerate(schema.names):
        places[name].append(place)
    return {name: of for name, of in places.items() if all(_has_text(schema.field(place).type) for place in of)}


def _with_all_columns(read: pa.RecordBatch, places: Sequence[int], header: Header) -> pa.RecordBatch:
    """Return a batch in the order of the file, with nulls for columns that were not read."""
    if read.num_columns != len(places):
        raise UnreadableFile(say("The file begins as Parquet but is damaged."))
    nothing = pa.nulls(read.num_rows, pa.string())
    columns = dict(zip(places, read.columns, strict=True))
    titles = header.layout.titles
    return pa.RecordBatch.from_arrays([columns.get(place, nothing) for place in range(len(titles))], list(titles))


def _has_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        return _has_text(kind.value_type)
    return not pa.types.is_nested(kind) and not pa.types.is_duration(kind) and not pa.types.is_interval(kind)


def _texts(values: Values) -> Texts:
    kind: Any = values.type
    if pa.types.is_dictionary(kind):
        return _texts(values.cast(kind.value_type))
    if pa.types.is_floating(kind):
        return _number_texts(values.cast(pa.float64()))
    if pa.types.is_timestamp(kind):
        return _time_texts(values)
    texts: Texts = (values.cast(pa.date32()) if pa.types.is_date(kind) else values).cast(pa.string())
    texts.validate(full=True)  # no reader has checked that its bytes are UTF-8
    return texts


def _number_texts(numbers: Values) -> Texts:
    known = without(numbers, true_mask(pc.is_nan(numbers)) | _is_inexact(numbers))
    fractional = true_mask(pc.not_equal(known, pc.floor(known)))
    whole = without(known, fractional).cast(pa.int64()).cast(pa.string())
    texts: Texts = pc.coalesce(whole, known.cast(pa.string()))
    return texts


def _is_inexact(numbers: Values) -> Mask:
    size: Values = pc.abs(numbers)
    return true_mask(pc.greater_equal(size, pa.scalar(_EXACT_INTEGERS)))


def _time_texts(times: Values) -> Texts:
    """Return the days of timestamps at midnight; other timestamps in full, which are no valid dates."""
    local: Values = pc.local_timestamp(times) if times.type.tz else times
    days = local.cast(pa.date32(), safe=False)
    at_midnight = true_mask(pc.equal(days.cast(local.type), local))
    texts: Texts = pc.coalesce(without(days.cast(pa.string()), ~at_midnight), local.cast(pa.string()))
    return texts


def _inexact(batch: pa.RecordBatch, first: int, header: Header) -> Iterator[RowIssue]:
    for field, values in zip(header.fields, batch.columns, strict=True):
        if field.column is not None and pa.types.is_floating(values.type):
            for place in np.flatnonzero(_is_inexact(values.cast(pa.float64()))):
                message = "is a number too large to be exact; write the column as text"
                yield row_issue(first + int(place), field.column.name, None, Rule.INEXACT_NUMBER, message)
