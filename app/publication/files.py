"""File formats: one place to add one."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from app.publication.csv import write_csv
from app.publication.records import write_records
from app.publication.table import TableOptions
from app.statistics.listed import Listed


class FileFormat(StrEnum):
    """The formats a table can be had in."""

    CSV = "csv"
    RECORDS = "records"


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
    write: Callable[[Listed, FileOptions], Iterator[bytes]]


FORMATS: dict[FileFormat, FileKind] = {
    FileFormat.CSV: FileKind(
        "text/csv; charset=utf-8", "csv", lambda listed, options: write_csv(listed, options.table, bom=options.bom)
    ),
    FileFormat.RECORDS: FileKind(
        "application/json", "json", lambda listed, options: write_records(listed, options.table)
    ),
}
