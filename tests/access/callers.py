"""Everybody who may ask: without a key, with one of each kind, and with what is no good key."""

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from sqlalchemy import update

from app.access.keys import NewKey, make_key, revoke_key
from app.access.principals import Right
from app.database.engines import make_sync_engine
from app.database.tables import METADATA
from app.database.write_lock import write_lock_sync
from tests.access.places import HULI, SIMING


@dataclass(frozen=True)
class Caller:
    """Somebody who asks.

    Parameters
    ----------
    name
        What failures call them, and their key.
    right
        The highest right of their key; null: none, since they send none.
    scope
        Codes of the districts whose subtrees the key covers; null: everything.
    good
        Whether what they send is a key that is good now.
    """

    name: str
    right: str | None = None
    scope: frozenset[str] | None = None
    good: bool = True


NOBODY = Caller("no key")

KEYED = (
    Caller("reader", "read"),
    Caller("reader of Siming", "read", frozenset({SIMING})),
    Caller("reader of a street of Siming", "read", frozenset({"350203008"})),
    Caller("reader of Huli", "read", frozenset({HULI})),
    Caller("reader of the city", "read", frozenset({"3502"})),
    Caller("reader of the shorter code", "read", frozenset({"35020"})),
    Caller("reader of the longer code", "read", frozenset({"3502030"})),
    Caller("reader of two", "read", frozenset({"350203008", HULI})),
    Caller("writer", "write"),
    Caller("writer of Siming", "write", frozenset({SIMING})),
    Caller("writer of Huli", "write", frozenset({HULI})),
    Caller("releaser", "release"),
    Caller("releaser of Siming", "release", frozenset({SIMING})),
    Caller("admin", "admin"),
)

REFUSED = (
    Caller("expired", "admin", good=False),
    Caller("revoked", "admin", good=False),
    Caller("unknown", good=False),
    Caller("wrong secret", good=False),
    Caller("malformed", good=False),
)

CALLERS = (NOBODY, *KEYED, *REFUSED)

T = TypeVar("T")


async def answered(asked: Sequence[tuple[Caller, Coroutine[None, None, T]]]) -> list[T]:
    """Ask for everybody in turn; a refusal takes half a second, and all refusals take it together."""
    refused = asyncio.gather(*(one for caller, one in asked if not caller.good))
    answers = iter([await one for caller, one in asked if caller.good])
    refusals = iter(await refused)
    return [next(answers if caller.good else refusals) for caller, _ in asked]


SENDER = "writer of Siming"
"""Whose import is there to be asked for."""


def make_keys(url: str) -> dict[str, str]:
    """Make the keys of all who have one; return the tokens by caller, other things that are sent included."""
    engine = make_sync_engine(url)
    table = METADATA.tables["api_key"]
    tokens = {}
    with write_lock_sync(engine) as connection:
        for caller in CALLERS:
            if caller.right is not None:
                new_key = NewKey(caller.name, frozenset({Right(caller.right)}), caller.scope, 365)
                key, tokens[caller.name] = make_key(connection, new_key)
                if caller.name == "revoked":
                    revoke_key(connection, key.id)
                if caller.name == "expired":
                    past = datetime.now(UTC) - timedelta(days=2)
                    at = {"created_at": past - timedelta(days=365), "expires_at": past}
                    connection.execute(update(table).where(table.c.id == key.id).values(at))
    engine.dispose()
    unknown = f"oc_{'0' * 16}_{'0' * 64}"
    return tokens | {"unknown": unknown, "wrong secret": tokens["admin"][:-64] + "0" * 64, "malformed": "nonsense"}
