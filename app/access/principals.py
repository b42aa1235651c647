"""Principals: who the caller is, its rights and scope, and which tier of figures it gets."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Literal

from app.errors import ServiceError
from app.messages import say


class Right(StrEnum):
    """What a route needs and a principal has; each route declares exactly one.

    `open`: every caller (health, documentation); `read`: statistics and registry; `write`: imports, single changes and
    builds; `release`: releases and withdrawals of snapshots; `admin`: keys, audit and erasure.
    """

    OPEN = "open"
    READ = "read"
    WRITE = "write"
    RELEASE = "release"
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
"""Returns a district's own code and those of all districts above it; nothing for an unknown code."""


@dataclass(frozen=True)
class Principal:
    """The caller.

    Parameters
    ----------
    name
        Its name in logs; never a secret.
    rights
        What it may do.
    scope
        Codes of the districts whose subtrees it may see in full; null: everything.
    elsewhere
        Tier of statistics that reach beyond the scope, the same as without a key; null: refused.
    key_id
        Id of the key sent; null: no key.
    """

    name: str
    rights: frozenset[Right] = field(default_factory=frozenset)
    scope: frozenset[str] | None = None
    elsewhere: Tier | None = None
    key_id: str | None = None

    @property
    def inside(self) -> Tier:
        """Tier of statistics inside the scope."""
        return Tier.EXACT if self.scope is None else Tier.SCOPED

    @cached_property
    def reviews(self) -> bool:
        """Whether it may see the drafts of snapshots."""
        return not self.rights.isdisjoint({Right.WRITE, Right.RELEASE})

    def covers(self, district: str | None, lineage: Lineage) -> bool:
        """Say whether a district is inside the scope; null (no district) is outside every limited scope."""
        if self.scope is None:
            return True
        return bool(self.scope) and district is not None and not self.scope.isdisjoint(lineage(district))


EVERYBODY = Principal("everybody", frozenset(Right))
"""A caller without a key, where everything is answered without one."""

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
"""Tier of a question beyond the key's scope, by what is answered without a key; null: refused."""


def anonymous(answered: Literal["none", "public", "exact"]) -> Principal:
    """Return the principal of a caller without a key, by what is answered without one."""
    return _ANONYMOUS[answered]


class OutsideScope(ServiceError):
    """The question reaches beyond the key's districts, and nothing is answered without a key."""

    code = "outside-scope"
    status = 403
    title = "Outside the key's scope"


def tier_of(
    principal: Principal, districts: Sequence[str | None], lineage: Lineage, *, as_public: bool = False
) -> Tier:
    """Decide the tier of a request.

    Exact where every district of the question is inside the principal's scope (scoped where that is limited), else the
    tier that is answered without a key; a question without a district is about everything.

    Parameters
    ----------
    principal
        The caller.
    districts
        Codes of the districts of the question; empty: all of them. Null (no district) is outside every limited scope.
    lineage
        Ancestors of a district in the tree of the snapshot that answers; called only where the scope is limited.
    as_public
        Whether protected figures are asked for, which whoever sees everything, or gets figures beyond the scope, may.

    Raises
    ------
    OutsideScope
        Some of it is outside, and nothing is answered without a key.
    """
    if as_public and (principal.scope is None or principal.elsewhere is not None):
        return Tier.PUBLIC
    if not as_public and (
        principal.scope is None or (districts and all(principal.covers(code, lineage) for code in districts))
    ):
        return principal.inside
    if principal.elsewhere is None:
        message = say("This question reaches beyond the districts of this key; ask about districts in its scope.")
        raise OutsideScope(message)
    return principal.elsewhere
