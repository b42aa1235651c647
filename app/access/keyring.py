"""The keys that a worker knows, so that a request is admitted from memory.

All keys are read anew every other second, so that a revoked one is refused within five. While the database is away,
what was read last stays good for five minutes.
"""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from app.access.keys import Key, list_keys, refused, split_token
from app.access.principals import Principal, Tier
from app.database.outages import DatabaseUnavailable, reading

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
