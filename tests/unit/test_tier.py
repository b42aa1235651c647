from collections.abc import Iterator

import pytest

from app.access.principals import EVERYBODY, OutsideScope, Principal, Tier, anonymous, tier_of

PARENTS = {"street": "county", "county": "city", "other": "city", "city": None}


def lineage(code: str) -> Iterator[str]:
    above: str | None = code
    while above is not None:
        yield above
        above = PARENTS[above]


@pytest.mark.parametrize(
    ("districts", "inside"),
    [
        (["county"], True),
        (["street", "county"], True),
        (["street", "other"], False),
        (["city"], False),
        ([None], False),
        ([], False),
    ],
)
def test_exact_when_every_district_lies_inside_the_scope(districts: list[str | None], *, inside: bool) -> None:
    key = Principal("county key", scope=frozenset({"county"}), elsewhere=Tier.PUBLIC)
    assert tier_of(key, districts, lineage) is (Tier.SCOPED if inside else Tier.PUBLIC)


def test_refused_when_it_reaches_beyond_and_the_anonymous_get_nothing() -> None:
    key = Principal("county key", scope=frozenset({"county"}))
    assert tier_of(key, ["street"], lineage) is Tier.SCOPED
    with pytest.raises(OutsideScope):
        tier_of(key, ["other"], lineage)


def test_no_tree_is_asked_when_nobody_in_particular_asks() -> None:
    def none_there(_code: str) -> Iterator[str]:
        raise AssertionError

    assert tier_of(anonymous("public"), ["street"], none_there) is Tier.PUBLIC


def test_always_exact_when_the_scope_is_everything() -> None:
    assert tier_of(EVERYBODY, [], lineage) is Tier.EXACT
