"""Models of jobs, imports and erasures."""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated

from fastapi import Path
from pydantic import AfterValidator, Field, StringConstraints

from app.api.http.models import Closed, members
from app.api.http.problems import ProblemItem
from app.catalogue.codes import fold_width
from app.database.tables import CODE_LENGTH
from app.imports.datasets import DATASETS
from app.imports.issues import Rule, Severity
from app.imports.options import ImportMode, OnError


class DatasetName(StrEnum):
    """A dataset that files have rows of."""

    vars().update(members(DATASETS))


class JobState(StrEnum):
    """State of a job; all but the first two are final."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


class JobKind(StrEnum):
    """What a job does."""

    IMPORT = "import"
    BUILD = "build"
    ERASURE = "erasure"


class JobFailure(Closed):
    """Why a job failed or was interrupted."""

    type: str = Field(description="URI reference of the kind of problem; stable, for programs.")
    title: str = Field(description="The kind of problem in a few words.")
    status: int = Field(description="The HTTP status that the same problem has as an answer.")
    detail: str = Field(description="What is wrong this time, in a sentence.")
    errors: list[ProblemItem] = Field(description="All that is wrong, one by one; of rows see the import's issues.")


class Job(Closed):
    """An import, a build or an erasure."""

    id: str = Field(description="Id of the job.")
    kind: JobKind = Field(description="What it does.")
    state: JobState = Field(description="Its state.")
    phase: str | None = Field(description="What it is doing; null before it starts.")
    done: int = Field(description="Units of the phase that are done: rows, tables or steps.")
    total: int | None = Field(description="All units of the phase; null: unknown.")
    created_at: datetime = Field(description="When it was accepted, UTC.")
    started_at: datetime | None = Field(description="When it started, UTC; null: not yet.")
    finished_at: datetime | None = Field(description="When it ended, UTC; null: not yet.")
    snapshot: str | None = Field(description="Id of the snapshot that it built; null: none.")
    extracts: list[str] = Field(description="Addresses of extracts that may still hold whom it erased.")
    problem: JobFailure | None = Field(description="Why it failed or was interrupted; null: it did not.")


class JobAnswer(Closed):
    """One job."""

    data: Job = Field(description="The job.")


class JobPage(Closed):
    """Jobs, the newest first."""

    data: list[Job] = Field(description="The jobs.")
    next_cursor: str | None = Field(description="`cursor` of the next page; null: the last.")


class AcceptedJob(Closed):
    """What was accepted, and the job that does it."""

    id: str = Field(description="Id of the import, build or erasure.")
    job_id: str = Field(description="Id of the job to follow.")


class AcceptedJobAnswer(Closed):
    """Accepted: follow the job."""

    data: AcceptedJob = Field(description="The ids.")


class ImportIssueCount(Closed):
    """How many problems of one rule a column has."""

    rule: Rule = Field(description="The rule.")
    severity: Severity = Field(description="`error` excludes rows, `warning` does not.")
    column: str | None = Field(description="Code of the column; null: rows as a whole.")
    header: str | None = Field(description="The column as the file names it; null: it does not.")
    number: int = Field(description="Problems, listed or not.")


class ImportCounts(Closed):
    """What an import did, in rows."""

    inserted: int = Field(description="Rows of the file whose key was new.")
    changed: int = Field(description="Rows that differed from the registry.")
    unchanged: int = Field(description="Rows that the registry had already (mode `delete`: keys it does not hold).")
    deleted: int = Field(description="Rows deleted from the registry.")
    errors: int = Field(description="Errors of rows, listed or not.")
    warnings: int = Field(description="Warnings of rows, listed or not.")
    stale_snapshots: list[str] = Field(description="Newest snapshots of their dates, now older than the registry.")
    member_source: str | None = Field(description="The source that `auto` now selects for today; null: no change.")
    counts: list[ImportIssueCount] = Field(description="Problems by rule and column: errors first, then the most.")
    notes: list[str] = Field(description="Which row and sheet were taken for the header, and what was left out.")


class ImportRecord(Closed):
    """An uploaded file, and the outcome of its import."""

    id: str = Field(description="Id of the import.")
    job_id: str = Field(description="Id of its job.")
    dataset: DatasetName = Field(description="What its rows are.")
    mode: ImportMode = Field(description="What the file means for existing rows.")
    on_error: OnError = Field(description="Whether an error excludes the file or the row.")
    dry_run: bool = Field(description="Whether nothing was written.")
    ignore_unknown: bool = Field(description="Whether unknown columns were left out.")
    sheet: str | None = Field(
        description="Name of the worksheet that was requested; null: the one with a known header."
    )
    build: date | None = Field(description="Date of the snapshot to build afterwards; null: none.")
    bytes: int = Field(description="Size of the file, bytes.")
    state: JobState = Field(description="Its state.")
    created_at: datetime = Field(description="When it was accepted, UTC.")
    finished_at: datetime | None = Field(description="When it ended, UTC; null: not yet.")
    result: ImportCounts | None = Field(description="What it did, also if it was refused; null: not known (yet).")
    snapshot: str | None = Field(description="Id of the snapshot that was built; null: none.")
    problem: JobFailure | None = Field(description="Why it failed or was interrupted; null: it did not.")


class ImportAnswer(Closed):
    """One import."""

    data: ImportRecord = Field(description="The import.")


class ImportPage(Closed):
    """Imports, the newest first."""

    data: list[ImportRecord] = Field(description="The imports.")
    next_cursor: str | None = Field(description="`cursor` of the next page; null: the last.")


class ImportIssue(Closed):
    """One problem of one row of a file."""

    row: int | None = Field(description="Number as in a spreadsheet, from 1; null: a row of the registry.")
    column: str | None = Field(description="Code of the column; null: the row as a whole.")
    header: str | None = Field(description="The column as the file names it; null: it does not.")
    value: str | None = Field(description="Content of the cell; null: empty, or not repeated here.")
    severity: Severity = Field(description="`error` excludes the row, `warning` does not.")
    rule: Rule = Field(description="The rule.")
    message: str = Field(description="What is wrong, in a sentence.")
    suggestions: list[str] = Field(
        description="The closest few codes, of a code that is nowhere; empty otherwise, and after the first hundred."
    )


class ImportIssuePage(Closed):
    """Problems of the rows of a file, by row; 10,000 are listed, the rest counted."""

    data: list[ImportIssue] = Field(description="The problems.")
    next_cursor: str | None = Field(description="`cursor` of the next page; null: the last.")


_Text = StringConstraints(strip_whitespace=True, min_length=1, max_length=CODE_LENGTH)
_Ref = Annotated[str, _Text, AfterValidator(fold_width)]


class ErasureBody(Closed):
    """Whom to erase."""

    ref: _Ref = Field(description="Pseudonym of the member; not stored anywhere.", examples=["m-0417"])


ImportId = Annotated[str, Path(alias="id", description="Id of the import.")]
