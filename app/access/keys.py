"""API keys: creating, listing and revoking them, and the principal of a key that a request sends.

A key reads `oc_<id>_<secret>`; the secret is 256 random bits, of which only the SHA-256 is stored. Each worker caches
all keys and reads them again every two seconds, so that a revoked one is refused within five seconds. While the
database is unavailable, cached keys stay valid for five minutes.
"""

import asyncio
import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
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
from app.errors import ErrorCode, ErrorItem, InvalidRequest, NotFound, ServiceError
from app.messages import say, together

LONGEST_DAYS = 365
"""A key expires after at most this many days."""

MOST_DISTRICTS = 1000
"""Districts that one key may name; more are a district above them."""

NAME_LENGTH = 100
"""Longest name of a key, characters."""

REFRESH_SECONDS = 2.0
"""The cached keys are read again this often, seconds."""

VALID_SECONDS = 300.0
"""Cached keys are valid for this long after they were read, seconds; it bridges an outage of the database."""

_LOOK_UP_SECONDS = 0.5
"""An unknown key makes the keys be read again, at most this often, seconds."""

_TOKEN = re.compile(r"oc_([0-9a-f]{16})_([0-9a-f]{64})", re.ASCII)

_INCLUDED: Mapping[Right, tuple[Right, ...]] = {
    Right.WRITE: (Right.READ,),
    Right.RELEASE: (Right.READ,),
    Right.ADMIN: (Right.READ, Right.WRITE, Right.RELEASE),
}
"""Rights that a right includes."""


class KeyRefused(ServiceError):
    """The key sent is malformed, unknown, expired or revoked, or a key is needed and none was sent."""

    code = "key-refused"
    status = 401
    title = "Key refused"


class KeyNotFound(NotFound):
    """No key has this id."""

    code = "key-not-found"
    title = "Key not found"


@dataclass(frozen=True)
class Key:
    """A stored key, without its secret.

    Parameters
    ----------
    id, name
        The id is part of the token; the name is for people and logs.
    rights
        What it may do, in order.
    districts
        Codes of the districts whose subtrees it covers, sorted; null: everything.
    created_at, expires_at, revoked_at
        Instants, UTC; `revoked_at` is null unless it is revoked.
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

    def is_of(self, secret: str) -> bool:
        """Say whether a secret is this key's; takes the same time for any secret."""
        return hmac.compare_digest(_digest(secret), self.digest)

    def is_valid(self, now: datetime) -> bool:
        """Say whether the key is neither revoked nor expired."""
        return self.revoked_at is None and now < self.expires_at

    def principal(self, elsewhere: Tier | None) -> Principal:
        """Return its principal; `elsewhere` is the tier that is answered without a key, null: none."""
        scope = None if self.districts is None else frozenset(self.districts)
        return Principal(self.name, frozenset({Right.OPEN, *self.rights}), scope, elsewhere, self.id)


@dataclass(frozen=True)
class NewKey:
    """A key to create.

    Parameters
    ----------
    name
        Name for people and logs, 1 to 100 characters.
    rights
        At least one of read, write, release, admin.
    districts
        Codes of the districts whose subtrees it covers; null: everything.
    days
        Until it expires, 1 to 365.
    """

    name: str
    rights: frozenset[Right]
    districts: frozenset[str] | None
    days: int


def split_token(token: str) -> tuple[str, str]:
    """Return the id and the secret in a token.

    Raises
    ------
    KeyRefused
        It is malformed.
    """
    found = _TOKEN.fullmatch(token)
    if found is None:
        raise refused()
    return found[1], found[2]


def refused() -> KeyRefused:
    """Return the error for a key that is not valid, the same whatever the reason."""
    return KeyRefused(say("This key is malformed, unknown, expired or revoked."))


def make_key(connection: Connection, new_key: NewKey) -> tuple[Key, str]:
    """Store a new key; return it and its token, which is not stored.

    Raises
    ------
    InvalidRequest
        Some of it is not valid; all problems are listed.
    """
    problems = [*_problems(new_key), *_unknown_districts(connection, new_key.districts or frozenset())]
    if problems:
        raise InvalidRequest(together([problem.message for problem in problems]), problems)
    key_id, secret = secrets.token_hex(8), secrets.token_hex(32)
    now = datetime.now(UTC).replace(microsecond=0)
    key = Key(
        key_id, new_key.name.strip(), _with_included(new_key.rights),
        None if new_key.districts is None else tuple(sorted(new_key.districts, key=str.encode)),
        now, now + timedelta(days=new_key.days), None, _digest(secret),
    )  # fmt: skip
    connection.execute(insert(METADATA.tables["api_key"]).values(_values(key)))
    return key, f"oc_{key_id}_{secret}"


def list_keys(connection: Connection) -> list[Key]:
    """Return all stored keys, the newest first."""
    return [_key(row) for row in connection.execute(keys_statement()).mappings()]


def revoke_key(connection: Connection, key_id: str) -> None:
    """Revoke a key; one that is already revoked stays as it is.

    Raises
    ------
    KeyNotFound
        No key has this id.
    """
    table = METADATA.tables["api_key"]
    stored = select(table.c.id).where(table.c.id == key_id)
    if "\x00" in key_id or connection.execute(stored).one_or_none() is None:
        message = say("There is no key {key_id!r}.", key_id=key_id)
        raise KeyNotFound(message, [ErrorItem(ErrorCode.NOT_FOUND, "path/id", message)])
    at = datetime.now(UTC).replace(microsecond=0)
    statement = update(table).where(table.c.id == key_id, table.c.revoked_at.is_(None))
    connection.execute(statement.values(revoked_at=at))


def keys_statement() -> Select[Any]:
    """Return the statement that selects all keys, the newest first."""
    table = METADATA.tables["api_key"]
    return select(table).order_by(table.c.created_at.desc(), table.c.id)


class Keyring:
    """The cache of all keys, one per worker.

    Parameters
    ----------
    engine
        Engine of the registry; null: this process has no keys and refuses every key.
    elsewhere
        Tier that is answered without a key, and to keys beyond their scope; null: none.
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

    def cached(self, token: str) -> Principal | None:
        """Return the principal of a key from the cache; null where the database must be read first.

        A wrong secret is looked up as an unknown key is, so that the time of a refusal does not tell which ids exist.

        Raises
        ------
        KeyRefused
            The key is malformed, expired or revoked.
        """
        key_id, secret = split_token(token)
        if self._engine is None:
            raise refused()
        found = self._keys.get(key_id)
        if found is None or self._age() > VALID_SECONDS:
            return None
        key, principal = found
        if not key.is_of(secret):
            return None
        if not key.is_valid(datetime.now(UTC)):
            raise refused()
        return principal

    async def look_up(self, token: str) -> Principal:
        """Return the principal of a key that is not cached, after reading the keys again.

        Requests that wait at the same time share one reading.

        Raises
        ------
        KeyRefused
            The key is unknown or not valid.
        DatabaseUnavailable
            The keys cannot be read now.
        """
        asked_at = self._clock()
        async with self._reading:
            if self.cached(token) is None and (self._read_at is None or self._read_at <= asked_at):
                await asyncio.sleep(_LOOK_UP_SECONDS - self._age())
                try:
                    await self._read()
                except DatabaseUnavailable:
                    if self._is_known(token):
                        raise refused() from None
                    raise
        principal = self.cached(token)
        if principal is None:
            raise refused()
        return principal

    async def refresh(self, stopped: asyncio.Event) -> None:
        """Read the keys periodically until `stopped` is set; a reading is finished, else its connection stays open."""
        while not stopped.is_set():
            async with self._reading:
                try:
                    await self._read()
                except DatabaseUnavailable:
                    pass  # `readyz` reports it, and the cached keys stay valid for a while
                except Exception:  # noqa: BLE001 - whatever it is, the refreshing must go on
                    structlog.get_logger().exception("keys not read")
            with suppress(TimeoutError):
                await asyncio.wait_for(stopped.wait(), REFRESH_SECONDS)

    def _is_known(self, token: str) -> bool:
        """Say whether the cache holds a valid reading of the key: its secret is wrong then."""
        return split_token(token)[0] in self._keys and self._age() <= VALID_SECONDS

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


def _problems(new_key: NewKey) -> Iterable[ErrorItem]:
    if not 1 <= len(new_key.name.strip()) <= NAME_LENGTH or not new_key.name.isprintable():
        yield ErrorItem(
            ErrorCode.INVALID_TEXT,
            "body/name",
            say("name must be 1 to {most} printable characters", most=NAME_LENGTH),
        )
    if not new_key.rights or Right.OPEN in new_key.rights:
        choices = tuple(right.value for right in Right if right is not Right.OPEN)
        yield ErrorItem(ErrorCode.INVALID_CHOICE, "body/rights", say("rights must be one or more of these"), choices)
    if new_key.districts is not None and len(new_key.districts) > MOST_DISTRICTS:
        yield ErrorItem(
            ErrorCode.TOO_MANY,
            "body/districts",
            say("districts must name at most {most:,}", most=MOST_DISTRICTS),
        )
    if new_key.districts is not None and not new_key.districts:
        yield ErrorItem(
            ErrorCode.TOO_FEW, "body/districts", say("districts must name at least one; null covers everything")
        )
    if Right.ADMIN in new_key.rights and new_key.districts is not None:
        yield ErrorItem(
            ErrorCode.CONFLICTING_PARAMETERS,
            "body/districts",
            say("a key with the right admin covers everything: districts must be null"),
        )
    if not 1 <= new_key.days <= LONGEST_DAYS:
        yield ErrorItem(ErrorCode.OUT_OF_RANGE, "body/days", say("days must be 1 to {most}", most=LONGEST_DAYS))


def _unknown_districts(connection: Connection, codes: Collection[str]) -> Iterable[ErrorItem]:
    table = METADATA.tables["district"]
    possible = [code for code in codes if "\x00" not in code] if len(codes) <= MOST_DISTRICTS else []
    known = {*connection.scalars(select(table.c.code).where(table.c.code.in_(possible)))}
    for code in sorted({*codes} - known)[:MOST_DISTRICTS]:
        yield ErrorItem(
            ErrorCode.UNKNOWN_CODE, "body/districts", say("{code!r} is not a district of the registry", code=code)
        )


def _with_included(rights: frozenset[Right]) -> tuple[Right, ...]:
    added = {lesser for right in rights for lesser in _INCLUDED.get(right, ())}
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
