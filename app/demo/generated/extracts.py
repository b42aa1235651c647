"""A generated registry written as an extract, without a database: for builds of any size."""

from collections.abc import Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

import pyarrow as pa

from app.demo.generated import RowProgress, generate
from app.demo.generated.files import Writer
from app.imports.datasets import find_dataset
from app.snapshots.extract import EXTRACTED, TableWriter, schema_of
from app.snapshots.folders import build_folder
from app.snapshots.shared_extracts import ExtractManifest, publish_extract
from app.snapshots.storage import open_storage

_GROUPS = "industry_group"


def write_generated_extract(
    folder: Path, members: int, *, seed: int = 0, report: RowProgress | None = None
) -> ExtractManifest:
    """Write an extract of the registry that `write_generated` has for the same size and seed; return its manifest."""
    folder.mkdir(parents=True, exist_ok=True)
    with build_folder(folder) as private, ExitStack() as stack:
        tables = {table: TableWriter(private, table) for table in EXTRACTED}
        for writer in tables.values():
            stack.enter_context(writer)
        generate(lambda dataset: _Tables(tables, dataset), members, seed=seed, report=report)
        stack.close()
        files = {table: writer.files for table, writer in tables.items()}
        return publish_extract(
            open_storage(str(folder), None), files, registry="", revision=1, at=datetime.now(UTC), refs=""
        )


class _Tables(Writer):
    """Writer of a dataset into the tables that it fills."""

    def __init__(self, tables: Mapping[str, TableWriter], dataset: str) -> None:
        self._tables, self._names = tables, find_dataset(dataset).tables

    def __enter__(self) -> Self:
        """Return the writer."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the files open: they are closed together."""

    def write(self, columns: Mapping[str, pa.Array]) -> None:
        """Append rows to each table; the members of a group are of one row of its own table."""
        rows = pa.table(dict(columns))
        for name in self._names:
            if name == _GROUPS:
                groups = rows.rename_columns({"group_code": "code"}).select(schema_of(name).names)
                self._append(name, groups.group_by(groups.column_names).aggregate([]))
            else:
                self._append(name, rows)

    def _append(self, table: str, rows: pa.Table) -> None:
        columns = [
            rows[field.name].combine_chunks() if field.name in rows.column_names else pa.nulls(len(rows), field.type)
            for field in schema_of(table)
        ]
        if len(rows):
            self._tables[table].write(pa.record_batch(columns, schema=schema_of(table)))
