"""Parquet: typed columns under the codes of the CSV, row group after row group; what they mean stands beside them."""

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
"""Key of the file's metadata: what the figures rest on, as the JSON's `meta`."""

ROW_GROUP = 20_000
"""Least rows of a group, but of the last: some 25 MB in memory with all figures."""

_EPOCH = date(1970, 1, 1)


def write_parquet(table: FlatTable) -> Iterator[bytes]:
    """Yield the file in pieces; one may be empty, so that whoever reads no more can stop the writing."""
    import pyarrow.parquet as pq  # noqa: PLC0415  # starting stays quick

    schema, sink = _schema(table), Sink()
    with pq.ParquetWriter(sink, schema) as writer:
        for group in _groups(table, schema):
            if group:
                writer.write_table(pa.Table.from_batches(group))
            yield sink.taken()
    yield sink.taken()


def _groups(table: FlatTable, schema: pa.Schema) -> Iterator[list[pa.RecordBatch]]:
    """Yield the batches of each row group; an empty list for each piece of the table that goes into a later one."""
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
    """Return what a column means, in both languages."""
    zh, en = describe(column, "zh"), describe(column, "en")
    said = {
        "label_zh": zh.label,
        "label_en": en.label,
        "unit": en.unit,
        "formula": en.formula,
        "definition_zh": zh.definition,
        "definition_en": en.definition,
    }
    return {name: text for name, text in said.items() if text}


def _array(kind: Kind, cells: Sequence[Any]) -> pa.Array:
    """Return cells as an Arrow array, made of buffers: Arrow's own conversion of lists would load pandas."""
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
    Kind.FLAG: pa.bool_(),
    Kind.DATE: pa.date32(),
}
_BUFFERS: dict[Kind, Callable[[Sequence[Any]], list[pa.Buffer]]] = {
    Kind.TEXT: _texts,
    Kind.COUNT: _counts,
    Kind.RATIO: _ratios,
    Kind.FLAG: _flags,
    Kind.DATE: _dates,
}
