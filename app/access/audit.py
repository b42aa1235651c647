"""The audit log: writes, builds, key changes, erasures, reads of enterprises and branches, and refused requests.

JSON lines in the data folder, one file per month (UTC). A record is appended with one write under the file's lock, so
that workers and commands share the file and no line is ever partial. Records are never changed; a file is removed as a
whole after the retention time. No record holds a token, a member's ref, a request body or a search text.
"""

import errno
import fcntl
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import msgspec

from app.config import Settings

_BLOCK_BYTES = 1 << 16
"""Files are read backwards in blocks of 64 KiB."""

_MONTH = re.compile(r"\d{4}-\d{2}", re.ASCII)

_MONTHS = 12


class AuditParameter(msgspec.Struct, frozen=True):
    """A parameter of an operation, or the id of what it changed."""

    name: str
    value: str


class AuditRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the log.

    Parameters
    ----------
    at
        When, UTC.
    request_id
        Id of the request; null on the command line.
    principal, key_id
        Name of the principal, and id of the key sent; null where the key is unknown or there is none.
    operation
        The operationId; null where a request was refused before it reached one.
    parameters
        Codes, ids, dates and choices; empty where the request was refused, since they were not validated.
    status
        HTTP status of the answer, or of the outcome of a job; null on the command line.
    rows
        Number of rows shown or changed; null: not counted.
    """

    at: datetime
    request_id: str | None = None
    principal: str | None = None
    key_id: str | None = None
    operation: str | None = None
    parameters: tuple[AuditParameter, ...] = ()
    status: int | None = None
    rows: int | None = None


@dataclass(frozen=True)
class Origin:
    """Principal, key and request that a job comes from; all null on the command line."""

    principal: str | None = None
    key_id: str | None = None
    request_id: str | None = None


@dataclass(frozen=True)
class AuditQuestion:
    """Which records to read; null: all. Days are UTC, both included."""

    first: date | None = None
    last: date | None = None
    operation: str | None = None
    key_id: str | None = None

    def matches(self, record: AuditRecord) -> bool:
        """Say whether a record is wanted."""
        day = record.at.date()
        return (
            (self.first is None or day >= self.first)
            and (self.last is None or day <= self.last)
            and self.operation in {None, record.operation}
            and self.key_id in {None, record.key_id}
        )


class Place(NamedTuple):
    """Position of a record: the month of its file, and the byte at which it starts."""

    month: str
    start: int


@dataclass(frozen=True)
class AuditPage:
    """Some records, the newest first, and the position of the last one; null: no more follow."""

    records: tuple[AuditRecord, ...]
    end: Place | None


class AuditLog:
    """The log of a data folder."""

    def __init__(self, settings: Settings) -> None:
        self._folder = settings.audit_dir
        self._retention_months = settings.audit_retention_months

    def append(self, record: AuditRecord) -> None:
        """Append a record; the first one of a month also removes expired files.

        It is written but not synced: a killed process loses no record, a power cut may.

        Raises
        ------
        OSError
            The record cannot be written whole; nothing of it is left.
        """
        line = msgspec.json.encode(record) + b"\n"
        descriptor = self._open(f"{record.at:%Y-%m}.jsonl")
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            size = os.fstat(descriptor).st_size
            _write(descriptor, size, line)
        finally:
            os.close(descriptor)
        if size == 0:
            self.remove_expired()

    def read(self, wanted: AuditQuestion, limit: int, before: Place | None = None) -> AuditPage:
        """Return at most `limit` records, the last written first.

        Parameters
        ----------
        before
            The `end` of the previous page; null: the first page.
        """
        found = list(islice(self._backwards(wanted, before), limit + 1))
        records = tuple(record for _, record in found[:limit])
        return AuditPage(records, found[limit - 1][0] if len(found) > limit else None)

    def remove_expired(self) -> None:
        """Remove the files that are older than the retention time."""
        oldest = _months_ago(datetime.now(UTC).date(), self._retention_months)
        for month in self._months():
            if month < oldest:
                (self._folder / f"{month}.jsonl").unlink(missing_ok=True)

    def _open(self, name: str) -> int:
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        try:
            return os.open(self._folder / name, flags, 0o600)
        except FileNotFoundError:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            return os.open(self._folder / name, flags, 0o600)

    def _months(self) -> list[str]:
        return sorted((path.stem for path in self._folder.glob("*.jsonl") if _MONTH.fullmatch(path.stem)), reverse=True)

    def _backwards(self, wanted: AuditQuestion, before: Place | None) -> Iterator[tuple[Place, AuditRecord]]:
        for month in self._months():
            if not _may_hold(wanted, month) or (before is not None and month > before.month):
                continue
            path = self._folder / f"{month}.jsonl"
            end = before.start if before is not None and month == before.month else None
            for start, line in _lines_backwards(path, end):
                record = _decoded(line)
                if record is not None and wanted.matches(record):
                    yield Place(month, start), record


def _write(descriptor: int, size: int, line: bytes) -> None:
    """Append a line to a file of this size, all of it or nothing; an unfinished line of a killed process is ended."""
    if size and os.pread(descriptor, 1, size - 1) != b"\n":
        line = b"\n" + line
    try:
        if os.write(descriptor, line) < len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    except OSError:
        os.ftruncate(descriptor, size)
        raise


def _lines_backwards(path: Path, end: int | None) -> Iterator[tuple[int, bytes]]:
    """Yield the lines of a file, the last one first, with the byte at which each starts; only those before `end`."""
    try:
        file = path.open("rb")
    except FileNotFoundError:  # it has expired meanwhile
        return
    with file:
        start = file.seek(0, os.SEEK_END) if end is None else end
        rest = b""
        while start > 0:
            size = min(start, _BLOCK_BYTES)
            start -= size
            file.seek(start)
            block = file.read(size) + rest
            stop = start + len(block)
            rest, *lines = block.split(b"\n")
            for line in reversed(lines):
                stop -= len(line)
                if line:
                    yield stop, line
                stop -= 1
        if rest:
            yield 0, rest


def _decoded(line: bytes) -> AuditRecord | None:
    """Return the record of a line; null for an unfinished line."""
    try:
        return msgspec.json.decode(line, type=AuditRecord)
    except msgspec.DecodeError:
        return None


def _may_hold(wanted: AuditQuestion, month: str) -> bool:
    is_early = wanted.first is not None and month < f"{wanted.first:%Y-%m}"
    is_late = wanted.last is not None and month > f"{wanted.last:%Y-%m}"
    return not is_early and not is_late


def _months_ago(day: date, months: int) -> str:
    year, month = divmod(day.year * _MONTHS + day.month - 1 - months, _MONTHS)
    return f"{max(year, 0):04}-{month + 1:02}"
