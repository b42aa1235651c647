"""File formats: one place to add one."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from app.publication import jsonstat, parquet, xlsx
from app.publication.csv import write_csv
from app.publication.records import write_records
from app.publication.table import FlatTable, TableOptions


class FileFormat(StrEnum):
    """The formats a table can be had in."""

    CSV = "csv"
    RECORDS = "records"
    XLSX = "xlsx"
    PARQUET = "parquet"
    JSONSTAT = "jsonstat"


@dataclass(frozen=True)
class FileOptions:
    """How a file is written; `bom` sets a byte order mark before CSV, for Excel."""

    format: FileFormat
    table: TableOptions = field(default_factory=TableOptions)
    bom: bool = False


@dataclass(frozen=True)
class FileKind:
    """One format: its media type, the suffix of its files, and what writes it."""

    media_type: str
    suffix: str
    write: Callable[[FlatTable, FileOptions], Iterator[bytes]]


FORMATS: dict[FileFormat, FileKind] = {
    FileFormat.CSV: FileKind(
        "text/csv; charset=utf-8", "csv", lambda table, options: write_csv(table, bom=options.bom)
    ),
    FileFormat.RECORDS: FileKind("application/json", "json", lambda table, _options: write_records(table)),
    FileFormat.XLSX: FileKind(xlsx.MEDIA_TYPE, "xlsx", lambda table, _options: xlsx.write_xlsx(table)),
    FileFormat.PARQUET: FileKind(parquet.MEDIA_TYPE, "parquet", lambda table, _options: parquet.write_parquet(table)),
    FileFormat.JSONSTAT: FileKind(jsonstat.MEDIA_TYPE, "json", lambda table, _options: jsonstat.write_jsonstat(table)),
}
