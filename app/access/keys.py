"""API keys: made, shown once, listed, revoked; and what a key that was sent stands for.

A key reads `oc_<id>_<secret>`; the secret is 256 random bits, of which only the SHA-256 is kept. Each worker keeps all
keys in memory and reads them again every other second, so that a revoked one is refused within five seconds. While the
database is away, the keys last read are valid for five minutes.
"""

import asyncio
import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import structlog
from sqlalchemy import Connection, RowMapping, Select, insert, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from app.access.principals import Principal, Right, Tier
from app.database.outages import DatabaseUnavailable, reading
from app.database.tables import METADATA
from app.errors import ErrorItem, InvalidRequest, NotFound, ServiceError

LONGEST_DAYS = 365
"""A key expires after so many days at the latest."""

NAME_LENGTH = 100
"""Longest name of a key, characters."""

_TOKEN = re.compile(r"oc_([0-9a-f]{16})_([0-9a-f]{64})", re.ASCII)

_ADDED: Mapping[Right, tuple[Right, ...]] = {Right.WRITE: (Right.READ,), Right.ADMIN: (Right.READ, Right.WRITE)}
"""Whoever may write may read, and an administrator may do both."""


class KeyRefused(ServiceError):
    """The key that was sent is malformed, unknown, expired or revoked, or there is none where one is needed."""

    code = "key-refused"
    status = 401
    title = "Key refused"


class KeyNotFound(NotFound):
    """No key of this id is on record."""

    code = "key-not-found"
    title = "Key not found"


@dataclass(frozen=True)
class Key:
    """A key on record, without its secret.

    Parameters
    ----------
    id, name
        How it is called: by its owner's token, and by people.
    rights
        What it may do, in order.
    districts
        Codes of the districts whose subtrees it covers, sorted; null: everything.
    created_at, expires_at, revoked_at
        Instants, UTC; `revoked_at` is null while it is not revoked.
    digest
        SHA-256 of its secret.
    """

    id: str
    name: str
    rights: tuple[Right, ...]
    districts: tuple[str, ...] | None
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None
    digest: bytes

    def admits(self, secret: str, now: datetime) -> bool:
        """Say whether a secret is this key's, and the key good now; takes the same time for any secret."""
        same = hmac.compare_digest(_digest(secret), self.digest)
        return same and self.revoked_at is None and now < self.expires_at

    def principal(self, elsewhere: Tier | None) -> Principal:
        """Return whom it stands for; `elsewhere` is what the anonymous get."""
        scope = None if self.districts is None else frozenset(self.districts)
        return Principal(self.name, frozenset({Right.OPEN, *self.rights}), scope, elsewhere, self.id)


@dataclass(frozen=True)
class KeyWish:
    """A key to be made.

    Parameters
    ----------
    name
        What people and logs call it, 1 to 100 characters.
    rights
        At least one of read, write, admin.
    districts
        Codes of the districts whose subtrees it is to cover; null: everything.
    days
        Until it expires, 1 to 365.
    """

    name: str
    rights: frozenset[Right]
    districts: frozenset[str] | None
    days: int


def split_token(token: str) -> tuple[str, str]:
    """Return id and secret of a key as it is sent.

    Raises
    ------
    KeyRefused
        It does not have the form of a key.
    """
    found = _TOKEN.fullmatch(token)
    if found is None:
        raise refused()
    return found[1], found[2]


def refused() -> KeyRefused:
    """Return the refusal of a key, the same whatever is wrong with it."""
    return KeyRefused("This key is malformed, unknown, expired or revoked.")


def make_key(connection: Connection, wish: KeyWish) -> tuple[Key, str]:
    """Record a new key; return it, and the token that is never shown again.

    Raises
    ------
    InvalidRequest
        The wish cannot be fulfilled; all that is wrong with it is listed.
    """
    problems = [*_problems(wish), *_unknown_districts(connection, wish.districts or ())]
    if problems:
        raise InvalidRequest("; ".join(problem.message for problem in problems), problems)
    key_id, secret = secrets.token_hex(8), secrets.token_hex(32)
    now = datetime.now(UTC).replace(microsecond=0)
    key = Key(
        key_id, wish.name.strip(), _with_added(wish.rights),
        None if wish.districts is None else tuple(sorted(wish.districts, key=str.encode)),
        now, now + timedelta(days=wish.days), None, _digest(secret),
    )  # fmt: skip
    connection.execute(insert(METADATA.tables["api_key"]).values(_values(key)))
    return key, f"oc_{key_id}_{secret}"


def list_keys(connection: Connection) -> list[Key]:
    """Return all keys on record, the newest first."""
    return [_key(row) for row in connection.execute(keys_statement()).mappings()]


def revoke_key(connection: Connection, key_id: str) -> None:
    """Revoke a key; one that is revoked already stays as it is.

    Raises
    ------
    KeyNotFound
        There is no such key.
    """
    table = METADATA.tables["api_key"]
    known = select(table.c.id).where(table.c.id == key_id)
    if "\x00" in key_id or connection.execute(known).one_or_none() is None:
        message = f"There is no key {key_id!r}."
        raise KeyNotFound(message, [ErrorItem("path/id", message)])
    at = datetime.now(UTC).replace(microsecond=0)
    statement = update(table).where(table.c.id == key_id, table.c.revoked_at.is_(None))
    connection.execute(statement.values(revoked_at=at))


def keys_statement() -> Select[Any]:
    """Return the statement of all keys, the newest first."""
    table = METADATA.tables["api_key"]
    return select(table).order_by(table.c.created_at.desc(), table.c.id)


def _problems(wish: KeyWish) -> Iterable[ErrorItem]:
    if not 1 <= len(wish.name.strip()) <= NAME_LENGTH or not wish.name.isprintable():
        yield ErrorItem("body/name", f"name must be 1 to {NAME_LENGTH} printable characters")
    if not wish.rights or Right.OPEN in wish.rights:
        choices = tuple(right.value for right in Right if right is not Right.OPEN)
        yield ErrorItem("body/rights", "rights must be one or more of these", choices)
    if wish.districts is not None and not wish.districts:
        yield ErrorItem("body/districts", "districts must name at least one; null covers everything")
    if Right.ADMIN in wish.rights and wish.districts is not None:
        yield ErrorItem("body/districts", "a key with the right admin covers everything: districts must be null")
    if not 1 <= wish.days <= LONGEST_DAYS:
        yield ErrorItem("body/days", f"days must be 1 to {LONGEST_DAYS}")


def _unknown_districts(connection: Connection, codes: Iterable[str]) -> Iterable[ErrorItem]:
    table = METADATA.tables["district"]
    for code in sorted(codes):
        if "\x00" in code or not connection.execute(select(table.c.code).where(table.c.code == code)).first():
            yield ErrorItem("body/districts", f"{code!r} is not a district of the registry")


def _with_added(rights: frozenset[Right]) -> tuple[Right, ...]:
    added = {lesser for right in rights for lesser in _ADDED.get(right, ())}
    return tuple(right for right in Right if right in rights | added)


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def _values(key: Key) -> dict[str, Any]:
    return {
        "id": key.id,
        "secret_sha256": key.digest.hex(),
        "name": key.name,
        "rights": " ".join(key.rights),
        "districts": None if key.districts is None else msgspec.json.encode(key.districts).decode(),
        "created_at": key.created_at,
        "expires_at": key.expires_at,
    }


def _key(row: RowMapping) -> Key:
    return Key(
        row["id"], row["name"], tuple(Right(word) for word in row["rights"].split()), _districts(row["districts"]),
        row["created_at"], row["expires_at"], row["revoked_at"], bytes.fromhex(row["secret_sha256"]),
    )  # fmt: skip


def _districts(text: str | None) -> tuple[str, ...] | None:
    if text is None:
        return None
    codes: Sequence[str] = msgspec.json.decode(text, type=list[str])
    return tuple(codes)


READ_SECONDS = 2.0
"""Keys are read anew so often, seconds."""

GOOD_SECONDS = 300.0
"""While the database is away, keys stay good for so long after they were last read, seconds."""

_ASKED_SECONDS = 0.5
"""A key that is not known yet makes the keys be read, so long after they were last read at the earliest, seconds."""


class Keyring:
    """The keys as they were last read.

    Parameters
    ----------
    engine
        Of the registry; null: this process has no keys, and refuses any that is sent.
    elsewhere
        What the anonymous get, and so keys beyond their scope.
    clock
        Monotonic seconds.
    """

    def __init__(
        self, engine: AsyncEngine | None, elsewhere: Tier | None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._engine = engine
        self._elsewhere = elsewhere
        self._clock = clock
        self._keys: dict[str, tuple[Key, Principal]] = {}
        self._read_at: float | None = None
        self._reading = asyncio.Lock()

    def known(self, token: str) -> Principal | None:
        """Return whom a key stands for, from memory; null where only the database can tell.

        Raises
        ------
        KeyRefused
            The key is malformed, expired or revoked, or its secret is wrong.
        """
        key_id, secret = split_token(token)
        if self._engine is None:
            raise refused()
        found = self._keys.get(key_id)
        if found is None or self._age() > GOOD_SECONDS:
            return None
        key, principal = found
        if not key.admits(secret, datetime.now(UTC)):
            raise refused()
        return principal

    async def ask(self, token: str) -> Principal:
        """Return whom a key stands for that is not known from memory, by keys that are read after it was sent.

        Whoever asks meanwhile is answered by the same reading.

        Raises
        ------
        KeyRefused
            There is no such key, or it is not good.
        DatabaseUnavailable
            The database cannot tell now.
        """
        asked_at = self._clock()
        async with self._reading:
            if self.known(token) is None and (self._read_at is None or self._read_at <= asked_at):
                await asyncio.sleep(_ASKED_SECONDS - self._age())
                await self._read()
        principal = self.known(token)
        if principal is None:
            raise refused()
        return principal

    async def keep_read(self, stopped: asyncio.Event) -> None:
        """Read the keys anew until it is told to stop; never in the middle of a reading, which would be left open."""
        while not stopped.is_set():
            async with self._reading:
                try:
                    await self._read()
                except DatabaseUnavailable:
                    pass  # `readyz` tells, and what was read last stays good for a while
                except Exception:  # noqa: BLE001 - whatever it is, the keys must go on being read
                    structlog.get_logger().exception("keys not read")
            with suppress(TimeoutError):
                await asyncio.wait_for(stopped.wait(), READ_SECONDS)

    def _age(self) -> float:
        return float("inf") if self._read_at is None else self._clock() - self._read_at

    async def _read(self) -> None:
        if self._engine is None:
            return
        began_at = self._clock()
        async with reading(self._engine) as connection:
            keys = await connection.run_sync(list_keys)
        self._keys = {key.id: (key, key.principal(self._elsewhere)) for key in keys}
        self._read_at = began_at
