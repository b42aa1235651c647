"""Which figures a request gets: the one place that decides."""

from collections.abc import Sequence

from app.access.principals import Lineage, Principal, Tier
from app.errors import ServiceError


class OutsideScope(ServiceError):
    """The question reaches beyond the districts that the key covers, and nothing is answered without a key."""

    code = "outside-scope"
    status = 403
    title = "Outside the key's scope"


def tier_of(principal: Principal, districts: Sequence[str | None], lineage: Lineage) -> Tier:
    """Decide the tier of a request.

    Exact where every district of the question lies inside the principal's scope, else what the anonymous get; a
    question without a district is about everything.

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
        return Tier.EXACT
    if principal.elsewhere is None:
        message = "This question reaches beyond the districts that this key covers; ask about these."
        raise OutsideScope(message)
    return principal.elsewhere
