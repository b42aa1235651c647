"""Erasing members: their rows, what deleted rows leave behind, and the way back in."""

from collections.abc import Callable, Sequence

from sqlalchemy import Connection, bindparam, delete

from app.config import Settings
from app.database.engines import make_sync_engine
from app.database.revision import bump
from app.database.scrubbing import scrub
from app.database.tables import METADATA
from app.database.turns import write_turn_sync
from app.errors import ErrorItem, InvalidRequest
from app.registry.codes import CODE_RULE, is_code
from app.registry.tombstones import add_tombstones

Report = Callable[[str, int, int | None], None]
"""Called with a phase, the steps done, and the steps in all."""

REF_COLUMNS = {"affiliation": "member_ref", "employment": "member_ref", "member": "ref"}
"""The tables that name members, and the column of each that does."""


def refuse_unusable(ref: str, pointer: str = "body/ref") -> None:
    """Refuse a text that is no ref; it is not repeated.

    Raises
    ------
    InvalidRequest
        It cannot be one.
    """
    if not is_code(ref):
        message = f"ref must be {CODE_RULE}"
        raise InvalidRequest(f"{pointer}: {message}.", [ErrorItem(pointer, message)])


def erase_members(settings: Settings, refs: Sequence[str], report: Report) -> None:
    """Erase members, and keep later imports from bringing them back.

    A ref that the registry does not have gets a tombstone all the same, so that nobody learns whether it was there.
    The same again does no harm, and goes on where an earlier attempt was cut short.

    Raises
    ------
    TombstoneKeyMissing
        Earlier tombstones were made by another key than the one in the data folder; nothing is erased.
    StillBeingRead
        The members are gone, their bytes not yet: something still reads an older state.
    DatabaseUnavailable
        The database is away, full or not set up.
    """
    engine = make_sync_engine(settings.registry_url)
    try:
        report("erasing", 0, 2)
        with write_turn_sync(engine) as connection:
            _erase(connection, settings, refs)
        report("rewriting", 1, 2)
        scrub(engine, tuple(REF_COLUMNS))
        report("rewriting", 2, 2)
    finally:
        engine.dispose()


def _erase(connection: Connection, settings: Settings, refs: Sequence[str]) -> None:
    for name, column in REF_COLUMNS.items():
        table = METADATA.tables[name]
        connection.execute(
            delete(table).where(table.c[column] == bindparam("erased")), [{"erased": ref} for ref in refs]
        )
    add_tombstones(connection, settings, refs)
    bump(connection)  # imports that are being checked ask again, and meet the tombstone
