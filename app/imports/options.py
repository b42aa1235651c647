"""Options and results of an import."""

from dataclasses import dataclass
from enum import StrEnum

from app.imports.issues import IssueCount
from app.messages import Message


class ImportMode(StrEnum):
    """What a file means for the rows that the registry has already."""

    UPSERT = "upsert"
    REPLACE = "replace"
    DELETE = "delete"


class OnError(StrEnum):
    """Whether a problem of one row keeps out the whole file or that row."""

    REJECT = "reject"
    SKIP = "skip"


@dataclass(frozen=True)
class ImportOptions:
    """How a file is imported.

    Parameters
    ----------
    mode
        `upsert`: an absent column keeps the registry's values, an empty cell sets unknown. `replace`: the file is the
        whole dataset (returns and ledger: for the dates of report that it contains). `delete`: the file contains keys.
    on_error
        `reject`: any error refuses the file. `skip`: only rows with errors are left out.
    dry_run
        Do everything except writing.
    ignore_unknown
        Leave out columns that the dataset does not know, instead of refusing the file.
    scope
        Codes of the districts in whose subtrees rows may be written; null: everywhere.
    sheet
        Name of the worksheet to import; null: the one with a known header.
    """

    mode: ImportMode = ImportMode.UPSERT
    on_error: OnError = OnError.REJECT
    dry_run: bool = False
    ignore_unknown: bool = False
    scope: frozenset[str] | None = None
    sheet: str | None = None


@dataclass(frozen=True)
class ImportResult:
    """What an import did (or, as a dry run, would do), in rows.

    Parameters
    ----------
    inserted, changed, unchanged
        Rows of the file whose key is new, that differ from the registry, or that are the same in it. In mode `delete`
        `unchanged` are keys that are not in the registry.
    deleted
        Rows deleted from the registry.
    errors, warnings
        All problems of rows, listed or not.
    stale_snapshots
        Ids of the newest snapshots of their dates that are now older than the registry, by date.
    member_source
        The source that `auto` now chooses for today, if the import changed it; else null.
    counts
        All problems by rule and column.
    notes
        Which row and sheet are the header, and what was left out of the file.
    """

    inserted: int = 0
    changed: int = 0
    unchanged: int = 0
    deleted: int = 0
    errors: int = 0
    warnings: int = 0
    stale_snapshots: tuple[str, ...] = ()
    member_source: str | None = None
    counts: tuple[IssueCount, ...] = ()
    notes: tuple[Message, ...] = ()
