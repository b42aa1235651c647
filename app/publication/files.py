"""File formats, each with its writer; CSV and JSON records are written here."""

import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import msgspec

from app.publication import geojson, jsonstat, parquet, xlsx
from app.publication.table import FlatTable, TableOptions, cell_text, neutral
from app.publication.words import in_words
from app.store.boundaries import Boundaries


def write_csv(table: FlatTable, *, bom: bool) -> Iterator[bytes]:
    """Yield the file in pieces; `bom` adds a byte order mark, for Excel."""
    yield (b"\xef\xbb\xbf" if bom else b"") + _lines([[column.heading for column in table.columns]])
    for rows in table.chunks():
        yield _lines(rows)


def _lines(rows: list[list[Any]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows([[_cell(value) for value in row] for row in rows])
    return text.getvalue().encode()


def _cell(value: Any) -> str:
    return neutral(value) if isinstance(value, str) else cell_text(value)


def write_records(table: FlatTable) -> Iterator[bytes]:
    """Yield the file in pieces."""
    headings = [column.heading for column in table.columns]
    separator = b"["
    for rows in table.chunks():
        records = [msgspec.json.encode(dict(zip(headings, row, strict=True))) for row in rows]
        yield separator + b",\n".join(records)
        separator = b",\n"
    yield b"[]\n" if separator == b"[" else b"]\n"


GEOJSON = "geojson"
"""Format of maps: of tables whose rows are districts."""


class FileFormat(StrEnum):
    """Formats of files of every table."""

    CSV = "csv"
    RECORDS = "records"
    XLSX = "xlsx"
    PARQUET = "parquet"
    JSONSTAT = "jsonstat"


@dataclass(frozen=True)
class FileOptions:
    """How a file is written.

    Parameters
    ----------
    format
        A `FileFormat`, or `GEOJSON` where rows are districts.
    table
        How the table is shown.
    bom
        Add a byte order mark to CSV, for Excel.
    boundaries
        Of the districts, for GeoJSON.
    """

    format: str
    table: TableOptions = field(default_factory=TableOptions)
    bom: bool = False
    boundaries: Boundaries = field(default_factory=Boundaries)


@dataclass(frozen=True)
class FileKind:
    """One format: its media type, the suffix of its files, and its writer."""

    media_type: str
    suffix: str
    write: Callable[[FlatTable, FileOptions], Iterator[bytes]]


FORMATS: dict[str, FileKind] = {
    FileFormat.CSV: FileKind(
        "text/csv; charset=utf-8", "csv", lambda table, options: write_csv(in_words(table), bom=options.bom)
    ),
    FileFormat.RECORDS: FileKind("application/json", "json", lambda table, _options: write_records(table)),
    FileFormat.XLSX: FileKind(xlsx.MEDIA_TYPE, "xlsx", lambda table, _options: xlsx.write_xlsx(in_words(table))),
    FileFormat.PARQUET: FileKind(parquet.MEDIA_TYPE, "parquet", lambda table, _options: parquet.write_parquet(table)),
    FileFormat.JSONSTAT: FileKind(jsonstat.MEDIA_TYPE, "json", lambda table, _options: jsonstat.write_jsonstat(table)),
    GEOJSON: FileKind(
        geojson.MEDIA_TYPE, "geojson", lambda table, options: geojson.write_geojson(table, options.boundaries)
    ),
}
