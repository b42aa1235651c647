"""Parquet: typed columns with the names of the CSV, written by row group; their meaning is in the metadata."""

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from app.publication.descriptions import Sink, describe
from app.publication.table import Cells, Column, FlatTable, Kind
from app.store.format import bitmap

MEDIA_TYPE = "application/vnd.apache.parquet"

META = b"orgcoverage_meta"
"""Key of the file's metadata with the content of the JSON's `meta`."""

ROW_GROUP = 20_000
"""Least rows of a group, except the last: about 25 MB in memory with all figures."""

_EPOCH = date(1970, 1, 1)


def write_parquet(table: FlatTable) -> Iterator[bytes]:
    """Yield the file in pieces; some may be empty, so that writing stops soon after the reader does."""
    import pyarrow.parquet as pq  # noqa: PLC0415  # keeps the start fast

    schema, sink = _schema(table), Sink()
    with pq.ParquetWriter(sink, schema) as writer:
        for group in _groups(table, schema):
            if group:
                writer.write_table(pa.Table.from_batches(group))
            yield sink.taken()
    yield sink.taken()


def _groups(table: FlatTable, schema: pa.Schema) -> Iterator[list[pa.RecordBatch]]:
    """Yield the batches of each row group, and an empty list for each chunk that goes into a later group."""
    batches: list[pa.RecordBatch] = []
    for rows in table.chunks():
        if rows:
            batches.append(_batch(table.columns, rows, schema))
        ready = sum(batch.num_rows for batch in batches) >= ROW_GROUP
        yield batches if ready else []
        batches = [] if ready else batches
    yield batches


def _batch(columns: Sequence[Column], rows: Cells, schema: pa.Schema) -> pa.RecordBatch:
    cells = zip(*rows, strict=True)
    arrays = [_array(column.kind, values) for column, values in zip(columns, cells, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _schema(table: FlatTable) -> pa.Schema:
    fields = [pa.field(column.name, _TYPES[column.kind], metadata=_described(column)) for column in table.columns]
    return pa.schema(fields, metadata={META: msgspec.json.encode(table.meta)})


def _described(column: Column) -> dict[str, str]:
    """Return the meaning of a column, in both languages."""
    zh, en = describe(column, "zh"), describe(column, "en")
    texts = {
        "label_zh": zh.label,
        "label_en": en.label,
        "unit": en.unit,
        "formula": en.formula,
        "definition_zh": zh.definition,
        "definition_en": en.definition,
    }
    return {name: text for name, text in texts.items() if text}


def _array(kind: Kind, cells: Sequence[Any]) -> pa.Array:
    """Return cells as an Arrow array built from buffers: Arrow's own conversion of lists would load pandas."""
    valid = np.array([cell is not None for cell in cells], bool)
    return pa.Array.from_buffers(_TYPES[kind], len(cells), [bitmap(valid), *_BUFFERS[kind](cells)])


def _texts(cells: Sequence[str | None]) -> list[pa.Buffer]:
    encoded = [(cell or "").encode() for cell in cells]
    ends = np.cumsum([0, *map(len, encoded)], dtype=np.int32)
    return [pa.py_buffer(ends), pa.py_buffer(b"".join(encoded))]


def _counts(cells: Sequence[int | None]) -> list[pa.Buffer]:
    return [pa.py_buffer(np.array([cell or 0 for cell in cells], np.int64))]


def _ratios(cells: Sequence[float | None]) -> list[pa.Buffer]:
    return [pa.py_buffer(np.array([cell or 0.0 for cell in cells], np.float64))]


def _flags(cells: Sequence[bool | None]) -> list[pa.Buffer]:
    return [pa.py_buffer(np.packbits(np.array(cells, bool), bitorder="little"))]


def _dates(cells: Sequence[date | None]) -> list[pa.Buffer]:
    days = [0 if cell is None else (cell - _EPOCH).days for cell in cells]
    return [pa.py_buffer(np.array(days, np.int32))]


_TYPES = {
    Kind.TEXT: pa.string(),
    Kind.COUNT: pa.int64(),
    Kind.RATIO: pa.float64(),
    Kind.NUMBER: pa.float64(),
    Kind.FLAG: pa.bool_(),
    Kind.DATE: pa.date32(),
}
_BUFFERS: dict[Kind, Callable[[Sequence[Any]], list[pa.Buffer]]] = {
    Kind.TEXT: _texts,
    Kind.COUNT: _counts,
    Kind.RATIO: _ratios,
    Kind.NUMBER: _ratios,
    Kind.FLAG: _flags,
    Kind.DATE: _dates,
}
