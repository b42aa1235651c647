"""Datasets as Parquet files, written chunk by chunk with the columns that imports declare."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import pyarrow as pa
import pyarrow.parquet as pq

from app.demo.files import DatasetFile
from app.imports.columns import Kind
from app.imports.datasets import find_dataset


class DatasetWriter:
    """One dataset's Parquet file while it is written; a context manager.

    Parameters
    ----------
    folder
        An existing folder; the file is `<dataset>.parquet`.
    dataset
        Name of the dataset as imports know it.
    """

    def __init__(self, folder: Path, dataset: str) -> None:
        self.file = DatasetFile(dataset, folder / f"{dataset}.parquet")
        self._schema = schema_of(dataset)
        repeated = [name for name in self._schema.names if _is_repeated(dataset, name)]
        self._writer = pq.ParquetWriter(self.file.path, self._schema, use_dictionary=repeated)

    def __enter__(self) -> Self:
        """Return the writer."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file, whatever happened."""
        self._writer.close()

    def write(self, columns: Mapping[str, pa.Array]) -> None:
        """Append rows, as a row group; columns of the dataset that are not given are null, all are of one length."""
        rows = len(next(iter(columns.values())))
        if rows == 0:
            return
        arrays = [columns.get(field.name, pa.nulls(rows, field.type)) for field in self._schema]
        self._writer.write_batch(pa.record_batch(arrays, schema=self._schema))


def write_whole(folder: Path, dataset: str, rows: Sequence[Mapping[str, str]]) -> DatasetFile:
    """Write a small dataset of texts at once; empty cells are null, other columns than the dataset's left out."""
    with DatasetWriter(folder, dataset) as writer:
        names = schema_of(dataset).names
        writer.write({name: pa.array([row[name] or None for row in rows], pa.string()) for name in names})
    return writer.file


def schema_of(dataset: str) -> pa.Schema:
    """Arrow schema of a dataset: codes, texts and enumerations as string, date32, int32, bool."""
    return pa.schema([(column.name, _type(column.kind)) for column in find_dataset(dataset).columns])


def _type(kind: Kind) -> pa.DataType:
    match kind:
        case Kind.DATE:
            return pa.date32()
        case Kind.COUNT | Kind.YEAR:
            return pa.int32()
        case Kind.BOOLEAN:
            return pa.bool_()
        case _:
            return pa.string()


def _is_repeated(dataset: str, name: str) -> bool:
    """Whether a column repeats few values: only then a dictionary is smaller and quicker."""
    column = find_dataset(dataset).column(name)
    return column.kind is Kind.ENUMERATION or column.refers_to in {"districts", "industries"}
