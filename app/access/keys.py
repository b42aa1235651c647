"""API keys: made, shown once, listed, revoked; and what a key that was sent stands for.

A key reads `oc_<id>_<secret>`; the secret is 256 random bits, of which only the SHA-256 is kept.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Connection, RowMapping, Select, insert, select, update

from app.access.principals import Principal, Right, Tier
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
