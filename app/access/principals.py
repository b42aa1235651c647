"""Who asks, what they may do, and which figures they get."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from app.errors import ServiceError


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
    """Which figures answer; no answer mixes them.

    `exact` and `public` are the two roots of snapshots. `scoped` is what a key with a scope gets of the exact ones:
    without the correlations, which are figures of everything.
    """

    EXACT = "exact"
    SCOPED = "scoped"
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

    @property
    def inside(self) -> Tier:
        """Tier of statistics that lie inside the scope."""
        return Tier.EXACT if self.scope is None else Tier.SCOPED

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


class OutsideScope(ServiceError):
    """The question reaches beyond the districts that the key covers, and nothing is answered without a key."""

    code = "outside-scope"
    status = 403
    title = "Outside the key's scope"


def tier_of(principal: Principal, districts: Sequence[str | None], lineage: Lineage) -> Tier:
    """Decide the tier of a request.

    Exact where every district of the question lies inside the principal's scope (scoped, where that is limited), else
    what the anonymous get; a question without a district is about everything.

    Parameters
    ----------
    principal
        Who asks.
    districts
        Codes of the districts that the question is about; empty: all of them. A null one is no district, which is
        outside every scope.
    lineage
        A district's own code and those of all districts above it, in the tree of the snapshot that answers; asked only
        of a principal whose scope is limited.

    Raises
    ------
    OutsideScope
        Some of it lies outside, and the anonymous get nothing.
    """
    if principal.scope is None or (districts and all(principal.covers(code, lineage) for code in districts)):
        return principal.inside
    if principal.elsewhere is None:
        message = "This question reaches beyond the districts that this key covers; ask about these."
        raise OutsideScope(message)
    return principal.elsewhere
