"""The audit log as files: whole lines whoever writes, read backwards, gone when their time is over."""

import multiprocessing
import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from app.access import audit
from app.access.audit import AuditLog, AuditParameter, AuditQuestion, AuditRecord, Place
from app.config import Settings

NOON = datetime(2017, 6, 30, 12, tzinfo=UTC)
ALL = AuditQuestion()
WRITERS = 4
EACH = 200


LONG = 1200


def made(folder: Path, months: int = 24) -> Settings:
    return Settings(_env_file=None, data_dir=folder, audit_retention_months=months)


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AuditLog:
    monkeypatch.setattr(audit, "datetime", _July)
    return AuditLog(made(tmp_path))


class _July(datetime):
    """A clock that stands in July 2017."""

    @classmethod
    def now(cls, tz: Any = None) -> "_July":
        return cls(2017, 7, 15, tzinfo=tz)


def record(at: datetime = NOON, number: int = 0, **fields: Any) -> AuditRecord:
    parameters = (AuditParameter("code", f"甲{number}"),)
    return AuditRecord(at=at, operation="get_enterprise", parameters=parameters, status=200, rows=number, **fields)


def rows(page: audit.AuditPage) -> list[int | None]:
    return [it.rows for it in page.records]


def _append_many(folder: Path, writer: int) -> None:
    log = AuditLog(made(folder, LONG))
    for number in range(EACH):
        log.append(record(number=writer * EACH + number, request_id="x" * (number % 50)))


def test_every_line_is_whole_when_several_processes_write(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_append_many, args=(tmp_path, writer)) for writer in range(WRITERS)]
    for process in writers:
        process.start()
    for process in writers:
        process.join()
    found = AuditLog(made(tmp_path, LONG)).read(ALL, WRITERS * EACH)
    assert sorted(rows(found)) == list(range(WRITERS * EACH))  # type: ignore[type-var]  # all are numbers


def test_records_read_as_written_when_they_have_everything(log: AuditLog) -> None:
    full = record(request_id="r", principal="p", key_id="k")
    bare = AuditRecord(at=NOON)
    log.append(full)
    log.append(bare)
    assert log.read(ALL, 10).records == (bare, full)


@pytest.mark.parametrize("block", [1, 7, 100, 1 << 16])
def test_pages_join_without_gaps_when_files_are_read_in_blocks(
    log: AuditLog, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr(audit, "_BLOCK_BYTES", block)
    for number in range(10):
        log.append(record(NOON + timedelta(days=number // 5), number))  # 30 June and 1 July: two files
    seen: list[int | None] = []
    end: Place | None = None
    for _ in range(4):
        page = log.read(ALL, 3, end)
        seen += rows(page)
        end = page.end
    assert seen == [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]
    assert end is None
    assert rows(log.read(ALL, 10)) == seen
    assert log.read(ALL, 10).end is None


def test_records_are_chosen_when_asked_by_day_operation_and_key(log: AuditLog) -> None:
    for number in range(4):
        log.append(record(NOON + timedelta(days=number), number, key_id=f"k{number % 2}"))
    log.append(AuditRecord(at=NOON, operation="create_import", rows=9))
    assert rows(log.read(AuditQuestion(first=date(2017, 7, 2)), 10)) == [3, 2]
    assert rows(log.read(AuditQuestion(last=date(2017, 6, 30)), 10)) == [9, 0]
    assert rows(log.read(AuditQuestion(date(2017, 7, 1), date(2017, 7, 1)), 10)) == [1]
    assert rows(log.read(AuditQuestion(operation="create_import"), 10)) == [9]
    assert rows(log.read(AuditQuestion(key_id="k1"), 10)) == [3, 1]


def line(written: AuditRecord) -> bytes:
    return msgspec.json.encode(written) + b"\n"


def test_next_record_is_whole_when_a_killed_process_left_half_aline(log: AuditLog, tmp_path: Path) -> None:
    log.append(record(number=1))
    path = tmp_path / "audit" / "2017-06.jsonl"
    with path.open("ab") as file:
        file.write(line(record(number=2))[:-20])
    log.append(record(number=3))
    assert rows(log.read(ALL, 10)) == [3, 1]


def test_nothing_is_left_of_a_record_when_the_disk_is_full(
    log: AuditLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log.append(record(number=1))
    path = tmp_path / "audit" / "2017-06.jsonl"
    before = path.read_bytes()
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, line: write(descriptor, line[:10]))
    with pytest.raises(OSError, match="No space left"):
        log.append(record(number=2))
    monkeypatch.undo()
    assert path.read_bytes() == before


@pytest.mark.parametrize(("months", "kept"), [(1, ["2017-06", "2017-07"]), (7, ["2016-12", "2017-06", "2017-07"])])
def test_files_go_when_their_time_is_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, months: int, kept: list[str]
) -> None:
    monkeypatch.setattr(audit, "datetime", _July)
    log = AuditLog(made(tmp_path, months))
    folder = tmp_path / "audit"
    folder.mkdir()
    for name in ("2016-11.jsonl", "2016-12.jsonl", "2017-06.jsonl", "notes.txt", "2016-12.jsonl.gz"):
        (folder / name).write_bytes(line(record()))
    log.append(record(datetime(2017, 7, 1, tzinfo=UTC)))  # the first of its month
    assert sorted(path.stem for path in folder.glob("*.jsonl")) == kept
    assert (folder / "notes.txt").exists()
    assert (folder / "2016-12.jsonl.gz").exists()


def test_log_is_empty_when_nothing_was_written(log: AuditLog, tmp_path: Path) -> None:
    log.remove_expired()
    assert log.read(ALL, 10) == audit.AuditPage((), None)
    assert list(tmp_path.iterdir()) == []
