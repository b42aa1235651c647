"""Importing a file: reading, staging, checking by every rule, and writing in one transaction."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from sqlalchemy import Connection, FromClause, exists, select, text

from app.config import Settings
from app.database.engines import make_sync_engine
from app.database.outages import outages_named
from app.database.tables import METADATA
from app.database.write_lock import current_revision, raise_revision, write_lock_sync
from app.errors import InvalidRequest, Report
from app.imports.columns import Dataset
from app.imports.datasets import find_dataset, refuse_narrow
from app.imports.difference import Difference, kept
from app.imports.digests import KeyDigests
from app.imports.issues import IssueLog, RowIssue, Rule, row_issue
from app.imports.options import ImportMode, ImportOptions, ImportResult, OnError
from app.imports.readers.file import inspect, read_chunks
from app.imports.readers.layout import Header
from app.imports.rows.checks import Chunk
from app.imports.rules.ask import NothingLeftOut, ask_rules, make_room_for_problems, refuse_repeated_keys
from app.imports.rules.inside import show_inside_alone
from app.imports.rules.references import tombstones_for
from app.imports.staging import Stage, create_stage, fill, index_keys, prepare, take_back
from app.imports.writing import Tally, tally, write
from app.messages import say
from app.read_ahead import read_ahead
from app.registry.working import IS_EMPLOYED, IS_MEMBER
from app.store.shelf import Shelf


def changed_source(connection: Connection, difference: Difference, settings: Settings) -> str | None:
    """Return what `auto` will choose for today, `register` or `returns`, if the import changes it; else null."""
    members, employments = METADATA.tables["member"], METADATA.tables["employment"]
    concerned = difference.own.target.table in (members, employments)
    if settings.member_source != "auto" or not concerned:
        return None
    today, own = settings.today(), difference.own
    if not own.is_first:
        untouched = {own.target.table: kept(own).subquery()}
        # Usually decides it: an unchanged member who works before the import works after it, and is found quickly.
        if _anybody_works(connection, untouched.get(members, members), untouched.get(employments, employments), today):
            return None
    before = _anybody_works(connection, members, employments, today)
    after = _anybody_works(connection, difference.after(members), difference.after(employments), today)
    if before == after:
        return None
    return "register" if after else "returns"


def _anybody_works(connection: Connection, members: FromClause, employments: FromClause, today: date) -> bool:
    member, employment = members.alias("member"), employments.alias("employment")
    employed, belonging = (text(rule.format(as_of=f"'{today}'")) for rule in (IS_EMPLOYED, IS_MEMBER))
    if not connection.execute(select(exists().select_from(employment).where(employed))).scalar_one():
        return False
    joined = employment.join(member, member.c.ref == employment.c.member_ref)
    works = exists().select_from(joined).where(employed, belonging)
    return bool(connection.execute(select(works)).scalar_one())


@dataclass(frozen=True)
class Imported:
    """The result of an import, and its listed problems, by row."""

    result: ImportResult
    issues: tuple[RowIssue, ...]

    @classmethod
    def of(cls, log: IssueLog) -> "Imported":
        """Return the result of an import that wrote nothing because of these problems."""
        result = ImportResult(errors=log.errors, warnings=log.warnings, counts=log.counts, notes=log.notes)
        return cls(result, log.listed)


class ImportRejected(InvalidRequest):
    """Rows of the file have errors, and nothing of it was taken; `imported` has them all."""

    code = "import-rejected"
    title = "Import rejected"

    def __init__(self, imported: Imported) -> None:
        errors = imported.result.errors
        super().__init__(
            say("The file has one error; nothing of it was taken.")
            if errors == 1
            else say("The file has {errors} errors; nothing of it was taken.", errors=errors)
        )
        self.imported = imported


def import_file(settings: Settings, dataset: str, path: Path, options: ImportOptions, report: Report) -> Imported:
    """Import the rows of a file, all of them in one transaction, or none.

    Parameters
    ----------
    settings
        Where the registry is, and the date of today.
    dataset
        Name of the file's dataset.
    path
        The file: CSV, XLSX or Parquet.
    report
        Called with the progress.

    Raises
    ------
    ScopeTooNarrow
        The rows are districts, industries or industry groups, and the scope of the options is limited.
    UnknownDataset, HeaderRefused, UnreadableFile, ColumnRefused
        The file as a whole is refused.
    ImportRejected
        Rows have errors that are not to be skipped, or an error concerns no row of the file.
    TombstoneKeyMissing
        Members were erased, and the key of their tombstones is not in the data folder.
    DatabaseUnavailable
        The database is unavailable, full or not migrated.
    """
    declared = find_dataset(dataset)
    refuse_narrow(declared, options.scope)
    keys_only = options.mode is ImportMode.DELETE
    header = inspect(path, declared, ignore_unknown=options.ignore_unknown, keys_only=keys_only, sheet=options.sheet)
    engine = make_sync_engine(settings.registry_url)
    try:
        with outages_named(), engine.connect() as connection:
            return _Import(settings, connection, options, report).run(path, header, declared)
    finally:
        engine.dispose()


@dataclass(frozen=True)
class _Settled:
    """The result of an import for one state of the registry, with all its problems."""

    difference: Difference
    tally: Tally
    log: IssueLog
    member_source: str | None


class _Import:
    """One import, on one connection, whose temporary tables contain its rows."""

    def __init__(self, settings: Settings, connection: Connection, options: ImportOptions, report: Report) -> None:
        self._settings = settings
        self._connection = connection
        self._options = options
        self._report = report

    def run(self, path: Path, header: Header, dataset: Dataset) -> Imported:
        log = IssueLog(dataset.hidden, header.titles, header.notes)
        with self._connection.begin():
            stage = self._staged(path, header, dataset, log)
        with _one_state(self._connection):
            revision = current_revision(self._connection)
            if self._options.dry_run and self._options.scope is not None:
                show_inside_alone(self._connection, self._options.scope, self._settings.today())
            settled = self._settled(stage, log)
        if settled.tally.touches and not self._options.dry_run:
            settled = self._written(stage, log, settled, revision)
        return Imported(self._result(settled), settled.log.listed)

    def _staged(self, path: Path, header: Header, dataset: Dataset, log: IssueLog) -> Stage:
        prepare(self._connection)
        stage = create_stage(self._connection, dataset, header.present)
        with KeyDigests(dataset, self._settings.data_dir) as digests:
            chunks = digests.watched(read_chunks(path, dataset, header, log, today=self._settings.today()))
            with closing(read_ahead(chunks)) as coming:
                rows = fill(self._connection, stage, coming, self._read)
            may_repeat, may_conflict = digests.may_repeat, digests.may_conflict
        refers_to_itself = any(column.refers_to == dataset.name for column in dataset.columns)
        if refers_to_itself or self._options.mode is ImportMode.REPLACE:
            index_keys(self._connection, stage)
        make_room_for_problems(self._connection)
        if may_repeat:
            refuse_repeated_keys(self._connection, stage, log)
        return replace(stage, rows=rows, may_conflict=may_conflict)

    def _read(self, chunk: Chunk, rows: int) -> None:
        self._report("reading", rows, round(rows / chunk.progress) if chunk.progress else None)

    def _settled(self, stage: Stage, log: IssueLog) -> _Settled:
        """Check all rules against the current registry.

        Raises
        ------
        ImportRejected
            There are errors that are not to be skipped, or cannot be.
        """
        self._report("checking", 0, None)
        log = deepcopy(log)
        try:
            tombstones = tombstones_for(self._connection, self._settings, stage.dataset)
            difference = ask_rules(self._connection, stage, self._options, log, self._settings.today(), tombstones)
        except NothingLeftOut as error:
            raise _rejected(log) from error
        if log.errors and self._options.on_error is OnError.REJECT:
            raise _rejected(log)
        source = changed_source(self._connection, difference, self._settings)
        if source is not None:
            message = say("members are now counted from {source}, since MEMBER_SOURCE is auto", source=source)
            log.add(row_issue(None, None, None, Rule.MEMBER_SOURCE_CHANGE, message))
        return _Settled(difference, tally(self._connection, difference), log, source)

    def _written(self, stage: Stage, log: IssueLog, settled: _Settled, revision: int) -> _Settled:
        with write_lock_sync(self._connection):
            if current_revision(self._connection) != revision:
                take_back(self._connection, stage)
                settled = self._settled(stage, log)
            rows = settled.tally.inserted + settled.tally.changed
            self._report("writing", 0, rows)
            if settled.tally.touches:
                write(self._connection, settled.difference, settled.tally)
                raise_revision(self._connection)
            self._report("writing", rows, rows)
        return settled

    def _result(self, settled: _Settled) -> ImportResult:
        done = settled.tally
        is_written = done.touches and not self._options.dry_run
        return ImportResult(
            inserted=done.inserted,
            changed=done.changed,
            unchanged=done.unchanged,
            deleted=done.deleted,
            errors=settled.log.errors,
            warnings=settled.log.warnings,
            stale_snapshots=_newest_snapshots(self._settings) if is_written else (),
            member_source=settled.member_source,
            counts=settled.log.counts,
            notes=settled.log.notes,
        )


def _rejected(log: IssueLog) -> ImportRejected:
    return ImportRejected(Imported.of(log))


def _newest_snapshots(settings: Settings) -> tuple[str, ...]:
    """Return the newest snapshot of each date, by date: all are older than the registry just changed."""
    try:
        newest_first = Shelf(settings.snapshots_dir / "exact").all()
    except OSError:  # the import succeeded even if that folder cannot be read
        return ()
    return tuple({manifest.as_of: manifest.id for manifest in reversed(newest_first)}.values())


@contextmanager
def _one_state(connection: Connection) -> Iterator[None]:
    """Let all statements of the block see one state of the registry (a SQLite transaction always does)."""
    is_postgres = connection.dialect.name == "postgresql"
    if is_postgres:
        connection.execution_options(isolation_level="REPEATABLE READ")
    try:
        with connection.begin():
            yield
    finally:
        if is_postgres:
            connection.execution_options(isolation_level="READ COMMITTED")
