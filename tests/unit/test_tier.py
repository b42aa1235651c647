from collections.abc import Iterator

import pytest

from app.access.principals import EVERYBODY, Principal
from app.access.tier import Tier, tier_of

PARENTS = {"street": "county", "county": "city", "other": "city", "city": None}


def lineage(code: str) -> Iterator[str]:
    above: str | None = code
    while above is not None:
        yield above
        above = PARENTS[above]


@pytest.mark.parametrize(
    ("districts", "tier"),
    [
        (["county"], Tier.EXACT),
        (["street", "county"], Tier.EXACT),
        (["street", "other"], Tier.PUBLIC),
        (["city"], Tier.PUBLIC),
        ([], Tier.PUBLIC),
    ],
)
def test_exact_when_every_district_lies_inside_the_scope(districts: list[str], tier: Tier) -> None:
    assert tier_of(Principal("county key", scope=frozenset({"county"})), districts, lineage) is tier


def test_always_exact_when_the_scope_is_everything() -> None:
    assert tier_of(EVERYBODY, [], lineage) is Tier.EXACT
