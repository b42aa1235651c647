"""Rows that would bring an erased member back."""

from collections.abc import Iterator

from sqlalchemy import Connection, select

from app.config import Settings
from app.imports.columns import Dataset
from app.imports.prospect import Prospect
from app.registry.tombstones import Tombstones, read_tombstones

_ROWS_AT_ONCE = 20_000

_NONE = Tombstones(None, frozenset())


def tombstones_for(connection: Connection, settings: Settings, dataset: Dataset) -> Tombstones:
    """Return the tombstones that rows of a dataset are to be held against: none where they bring no members.

    Raises
    ------
    TombstoneKeyMissing
        There are some, and not the key that made them.
    """
    return read_tombstones(connection, settings) if "member" in dataset.tables else _NONE


def erased_rows(connection: Connection, prospect: Prospect, tombstones: Tombstones) -> Iterator[int]:
    """Yield the numbers of the rows of a file of members whose ref was erased; it can only be new to the registry.

    Employments and affiliations of such a member refer to nobody, which is told of them anyway.
    """
    if not tombstones.digests:
        return
    rows = prospect.own.rows
    new = (
        select(rows.c.row_number, rows.c.ref)
        .where(rows.c.is_new, rows.c.ref.is_not(None))
        .execution_options(stream_results=True)
    )
    for block in connection.execute(new).partitions(_ROWS_AT_ONCE):
        yield from (number for number, ref in block if tombstones.hold(ref))
