"""Who asks, and what they may do."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal


class Right(StrEnum):
    """What a route needs and a principal has; each route declares exactly one.

    `open`: whoever reaches the service (health, documentation); `read`: statistics and registry; `write`: imports,
    single changes and builds; `admin`: keys, audit and erasure.
    """

    OPEN = "open"
    READ = "read"
    WRITE = "write"
    ADMIN = "admin"


class Tier(StrEnum):
    """Which of the two roots of snapshots answers; no answer mixes them."""

    EXACT = "exact"
    PUBLIC = "public"


Lineage = Callable[[str], Iterable[str]]
"""Gives a district's own code and those of all districts above it; nothing for a code that is not there."""


@dataclass(frozen=True)
class Principal:
    """Who sends a request.

    Parameters
    ----------
    name
        What logs call it; never a secret.
    rights
        What it may do.
    scope
        Codes of the districts whose subtrees it may see in full; null: everything.
    elsewhere
        Tier of statistics that reach beyond the scope, which is that of whoever has no key; null: refused.
    key_id
        Of the key that was sent; null without one.
    """

    name: str
    rights: frozenset[Right] = field(default_factory=frozenset)
    scope: frozenset[str] | None = None
    elsewhere: Tier | None = None
    key_id: str | None = None

    def covers(self, district: str | None, lineage: Lineage) -> bool:
        """Say whether a district lies inside the scope; no district lies outside every scope that is limited."""
        if self.scope is None:
            return True
        return bool(self.scope) and district is not None and not self.scope.isdisjoint(lineage(district))


EVERYBODY = Principal("everybody", frozenset(Right))
"""Whoever asks without a key where all is shown."""

_PUBLIC = Principal("public", frozenset({Right.OPEN, Right.READ}), frozenset(), Tier.PUBLIC)
_NOBODY = Principal("nobody", frozenset({Right.OPEN}), frozenset())

_ANONYMOUS: dict[Literal["none", "public", "exact"], Principal] = {
    "none": _NOBODY,
    "public": _PUBLIC,
    "exact": EVERYBODY,
}

ELSEWHERE: dict[Literal["none", "public", "exact"], Tier | None] = {
    "none": None,
    "public": Tier.PUBLIC,
    "exact": Tier.EXACT,
}
"""Tier of a keyed question beyond the key's scope, by what is answered without a key."""


def anonymous(answered: Literal["none", "public", "exact"]) -> Principal:
    """Return whoever sends no key, where this much is answered without one."""
    return _ANONYMOUS[answered]
