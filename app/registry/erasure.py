"""Erasing members: their rows, the bytes of deleted rows, and tombstones that prevent importing them again.

A tombstone is HMAC-SHA256 of the ref under a separate key, a file in the data folder. The digest of the empty text,
which is no ref, is recorded with the first tombstone: it proves that a key made the others.
"""

import hmac
import os
import secrets
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, bindparam, delete, insert, select

from app.config import Settings
from app.database.engines import make_sync_engine
from app.database.tables import METADATA
from app.database.vacuum import scrub
from app.database.write_lock import raise_revision, write_lock_sync
from app.errors import ErrorCode, ErrorItem, InvalidRequest, Report, TemporarilyUnavailable, sentence
from app.messages import say
from app.registry.entities import CODE_RULE, MEMBERS, is_code, references_to

_KEY_BYTES = 32

_PROOF = ""
"""The text whose digest proves the key."""


class TombstoneKeyMissing(TemporarilyUnavailable):
    """The key that knows erased refs again is not there or another one; no members are taken without it."""

    code = "tombstone-key-missing"
    title = "Tombstone key missing"


@dataclass(frozen=True)
class Tombstones:
    """The digests of erased refs; if there are none, the key is null."""

    key: bytes | None
    digests: frozenset[str]

    def hold(self, ref: str) -> bool:
        """Say whether this ref was erased."""
        return self.key is not None and digest(self.key, ref) in self.digests


def digest(key: bytes, ref: str) -> str:
    """Return the recorded digest of an erased ref, hexadecimal."""
    return hmac.digest(key, ref.encode(), "sha256").hex()


def read_tombstones(connection: Connection, settings: Settings) -> Tombstones:
    """Return all tombstones of the registry.

    Raises
    ------
    TombstoneKeyMissing
        There are some, and the key in the data folder did not make them.
    """
    digests = frozenset(connection.scalars(select(METADATA.tables["tombstone"].c.digest)))
    if not digests:
        return Tombstones(None, digests)
    return proved(read_key(settings.tombstone_key_path), digests, str(settings.tombstone_key_path))


def proved(key: bytes | None, digests: frozenset[str], place: str) -> Tombstones:
    """Return tombstones with their key; `place` is where the key should be.

    Raises
    ------
    TombstoneKeyMissing
        There is no key, or it did not make them.
    """
    if key is None or digest(key, _PROOF) not in digests:
        message = (
            say("The key that knows erased members again ({place}) is missing: put it back from a backup.", place=place)
            if key is None
            else say(
                "The key in {place} belongs to another registry: put the right one back from a backup.", place=place
            )
        )
        raise TombstoneKeyMissing(message)
    return Tombstones(key, digests)


def add_tombstones(connection: Connection, settings: Settings, refs: Iterable[str]) -> None:
    """Record that refs were erased, within the transaction of a change; the key is made with the first tombstone.

    Raises
    ------
    TombstoneKeyMissing
        There are tombstones that the key in the data folder did not make.
    """
    known = read_tombstones(connection, settings)
    key = known.key or _made_key(settings.tombstone_key_path)
    wanted = {digest(key, text) for text in (_PROOF, *refs)} - known.digests
    rows = [{"digest": value, "erased_on": settings.today()} for value in sorted(wanted)]
    if rows:
        connection.execute(insert(METADATA.tables["tombstone"]), rows)


def read_key(path: Path) -> bytes | None:
    """Return the key in a file; null if not found."""
    try:
        return bytes.fromhex(path.read_text(encoding="ascii"))
    except (FileNotFoundError, ValueError):
        return None


def _made_key(path: Path) -> bytes:
    """Return the key in a file, creating it if not found; of several processes one creates it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        write_key(temporary, secrets.token_bytes(_KEY_BYTES))
        with suppress(FileExistsError):
            os.link(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    key = read_key(path)
    if key is None:
        raise TombstoneKeyMissing(
            say("{path} is no key: put it back from a backup, or remove it if nobody was ever erased.", path=str(path))
        )
    return key


def write_key(path: Path, key: bytes) -> None:
    """Write a key into a new file, synced to disk, that only its owner may read."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(f"{key.hex()}\n")
        file.flush()
        os.fsync(file.fileno())


REF_COLUMNS = {
    **{reference.table_name: reference.column for reference in references_to(MEMBERS.table_name)},
    MEMBERS.table_name: MEMBERS.key,
}
"""The tables with a member's ref, and its column."""


def refuse_unusable(ref: str, place: str = "body/ref") -> None:
    """Refuse a text that is no ref; the error does not repeat it.

    Raises
    ------
    InvalidRequest
        It is not a valid ref.
    """
    if not is_code(ref):
        item = ErrorItem(ErrorCode.INVALID_TEXT, place, say("must be {rule}", rule=say(CODE_RULE)))
        raise InvalidRequest(sentence(item), [item])


def erase_members(settings: Settings, refs: Sequence[str], report: Report) -> None:
    """Erase members, and prevent importing them again.

    A ref that is not in the registry gets a tombstone too, so that nobody learns whether it was there. Repeating an
    erasure is harmless, and completes one that was interrupted.

    Raises
    ------
    TombstoneKeyMissing
        Earlier tombstones were made with another key than the one in the data folder; nothing is erased.
    StillBeingRead
        The members are deleted, but not yet their bytes: a reader still uses an older state.
    DatabaseUnavailable
        The database is unavailable, full or not migrated.
    """
    engine = make_sync_engine(settings.registry_url)
    try:
        report("erasing", 0, 2)
        with write_lock_sync(engine) as connection:
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
    raise_revision(connection)  # running imports are checked again, and find the tombstone
