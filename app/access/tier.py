"""Which figures a request gets: the one place that decides."""

from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum

from app.access.principals import Principal


class Tier(StrEnum):
    """Which of the two roots of snapshots answers; no answer mixes them."""

    EXACT = "exact"
    PUBLIC = "public"


def tier_of(principal: Principal, districts: Sequence[str], lineage: Callable[[str], Iterable[str]]) -> Tier:
    """Decide the tier of a request.

    Exact where every district of the question lies inside the principal's scope, else public; a question without a
    district is about everything.

    Parameters
    ----------
    principal
        Who asks.
    districts
        Codes of the districts that the question is about; empty: all of them.
    lineage
        A district's own code and those of all districts above it, in the tree of the snapshot that answers; asked only
        of a principal whose scope is limited.
    """
    if principal.scope is None:
        return Tier.EXACT
    inside = bool(districts) and all(not principal.scope.isdisjoint(lineage(code)) for code in districts)
    return Tier.EXACT if inside else Tier.PUBLIC
