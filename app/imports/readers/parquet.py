"""Parquet files of any size, read batch by batch, every type turned to text."""

from collections.abc import Iterator
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
from app.imports.readers.layout import FileFormat, Header, Layout, UnreadableFile
from app.imports.rows.raw import RawBatch
from app.imports.rows.texts import Mask, Texts, Values, true_mask, without
from app.messages import say

if TYPE_CHECKING:
    from pyarrow.parquet import ParquetFile


_ROWS_AT_A_TIME = 1 << 16
_BUFFER_BYTES = 1 << 20
_EXACT_INTEGERS = 2.0**53


def parquet_layout(path: Path, dataset: Dataset, _sheet: str | None = None) -> Layout:
    """Return the names of the columns.

    Raises
    ------
    UnreadableFile
        The file is damaged, or columns of the dataset are of a type that has no text, as lists; all are named.
    """
    with _opened(path) as file:
        schema = file.schema_arrow
        names = tuple(schema.names)
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
    """Yield the rows, 65,536 at a time; the first is row 2, as if the names stood in row 1.

    Whole numbers come without a point, dates as ISO, NaN as blank; whole floating-point numbers too large to be exact
    are blank and stand in the issues.

    Raises
    ------
    UnreadableFile
        The file is damaged.
    """
    with _opened(path) as file:
        first, rows = 2, max(1, file.metadata.num_rows)
        for batch in file.iter_batches(batch_size=_ROWS_AT_A_TIME):
            after = first + batch.num_rows
            issues = tuple(_inexact(batch, first, header))
            texts = tuple(_texts(column) for column in batch.columns)
            yield RawBatch(np.arange(first, after, dtype=np.int64), texts, issues, min(1.0, (after - 2) / rows))
            first = after


@contextmanager
def _opened(path: Path) -> "Iterator[ParquetFile]":
    from pyarrow import parquet  # noqa: PLC0415  # starting stays quick

    try:
        with parquet.ParquetFile(path, buffer_size=_BUFFER_BYTES, pre_buffer=False) as file:
            yield file
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise UnreadableFile(say("The file begins as Parquet but is damaged.")) from error


def _has_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        return _has_text(kind.value_type)
    return not pa.types.is_nested(kind) and not pa.types.is_duration(kind) and not pa.types.is_interval(kind)


def _texts(values: Values) -> Texts:
    kind: Any = values.type
    if not _has_text(kind):
        return pa.nulls(len(values), pa.string())
    if pa.types.is_dictionary(kind):
        return _texts(values.cast(kind.value_type))
    if pa.types.is_floating(kind):
        return _number_texts(values.cast(pa.float64()))
    if pa.types.is_timestamp(kind):
        return _time_texts(values)
    texts: Texts = (values.cast(pa.date32()) if pa.types.is_date(kind) else values).cast(pa.string())
    texts.validate(full=True)  # no reader has looked whether its bytes are UTF-8
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
    """Return the days of timestamps at midnight, where they were taken; other times in full, which is no date."""
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
