"""Files for imports, and what reading them gives."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa

from app.imports.datasets import find_dataset
from app.imports.issues import IssueLog, RowIssue
from app.imports.readers.file import inspect, read_chunks

TODAY = date(2026, 11, 24)

Told = tuple[int | None, str | None, str, str | None]
"""Row, column, rule and value of a problem."""


@dataclass(frozen=True)
class Read:
    """All chunks of a file, one after the other."""

    rows: list[int]
    table: pa.Table
    bad: list[bool]
    present: frozenset[str]
    log: IssueLog

    @property
    def records(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.table.to_pylist()
        return rows

    @property
    def issues(self) -> list[Told]:
        return [(issue.row, issue.column, str(issue.rule), issue.value) for issue in self.log.listed]

    def issue(self) -> RowIssue:
        (only,) = self.log.listed
        return only


def read_file(path: Path, dataset: str, **options: Any) -> Read:
    declared = find_dataset(dataset)
    header = inspect(path, declared, **options)
    log = IssueLog(declared.hidden, header.titles, header.notes)
    chunks = list(read_chunks(path, declared, header, log, today=TODAY))
    return Read(
        rows=[int(row) for chunk in chunks for row in chunk.rows],
        table=pa.concat_tables(chunk.table for chunk in chunks) if chunks else pa.table({}),
        bad=[bool(flag) for chunk in chunks for flag in chunk.bad],
        present=header.present,
        log=log,
    )


def read_bytes(content: bytes, dataset: str, folder: Path, **options: Any) -> Read:
    path = folder / "file"
    path.write_bytes(content)
    return read_file(path, dataset, **options)


def csv_bytes(*rows: Sequence[object], delimiter: str = ",", encoding: str = "utf-8") -> bytes:
    lines = (delimiter.join("" if cell is None else str(cell) for cell in row) for row in rows)
    return "".join(f"{line}\n" for line in lines).encode(encoding)
