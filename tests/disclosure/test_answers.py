"""The public tier against the reference: crowded registries, every kind of question, both engines."""

from pathlib import Path
from random import Random
from typing import Any

import pytest

from app.snapshots.rounding import draw_shifts
from tests.disclosure.publishing import Publisher
from tests.disclosure.questions import lists, singles
from tests.factories.crowded_registries import crowded_registry
from tests.factories.loading import fill
from tests.factories.registries import AS_OF
from tests.lengths import at_length
from tests.reference.public import PublicReference
from tests.reference.registry import Registry
from tests.reference.rounding import offset
from tests.spec.test_random_registries import same

SEEDS = {"sqlite": range(at_length(10, 2)), "postgres": range(10, at_length(13, 11))}
QUESTIONS = 70
"""Questions of each registry and sort: there are about 2,000."""

SORTS = ("code", "enterprises", "members", "headcount", "member_ratio", "organisation_coverage", "standalone_rate")


@pytest.fixture
def publisher(migrated_url: str, tmp_path: Path) -> Publisher:
    return Publisher(migrated_url, tmp_path / "data")


def seeds_of(publisher: Publisher) -> range:
    return SEEDS["sqlite" if publisher.settings.registry_url.startswith("sqlite") else "postgres"]


def compare(publisher: Publisher, registry: Registry, member_source: str, random: Random) -> None:
    fill(publisher.settings.registry_url, registry)
    snapshot = publisher.build(AS_OF)
    reference = PublicReference(registry, AS_OF, publisher.key, member_source=member_source)
    for subject, params in random.sample(list(lists(reference)), QUESTIONS):
        asked = params | {
            "sort": random.choice(SORTS),
            "order": random.choice(("asc", "desc")),
            "include_empty": random.choice(("true", "false")),
        }
        expected = reference.list_statistics(subject, asked)
        same(publisher.reader.list(subject, asked, snapshot, random.choice((3, 1000))), expected, f"{subject} {asked}")
    for subject, code, params in random.sample(list(singles(reference)), QUESTIONS):
        expected = reference.get_statistics(subject, code, params)
        same(publisher.reader.one(subject, code, params, snapshot), expected, f"{subject} {code} {params}")


@pytest.mark.parametrize(("kept", "member_source"), [("both", "register"), ("both", "returns"), ("returns", "auto")])
def test_answers_equal_the_reference_when_registries_are_crowded(
    publisher: Publisher, kept: str, member_source: str
) -> None:
    asking = Publisher(publisher.settings.registry_url, publisher.settings.data_dir, member_source=member_source)
    for seed in seeds_of(publisher):
        compare(asking, crowded_registry(seed, source=kept), member_source, Random(f"{seed} {kept} {member_source}"))


def test_offsets_equal_those_of_the_reference_when_identities_are_any_text() -> None:
    identities = ["A", "企业-1", "91350200MA2XN1234X", "m|A", "", " ", "𠮷", *(f"e{number}" for number in range(500))]
    for key, prefix in ((b"k" * 32, "m"), (bytes(32), "h")):
        found: list[Any] = draw_shifts(key, prefix, identities).tolist()
        assert found == [offset(key, prefix, one) for one in identities]
