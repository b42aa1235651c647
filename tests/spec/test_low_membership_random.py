"""Low membership of random registries: the service against the reference implementation, both tiers, both engines."""

from collections import Counter
from datetime import date
from pathlib import Path
from random import Random

import pytest
from hypothesis import given

from app.statistics.comparison import CLASSES
from tests.disclosure.publishing import Publisher
from tests.factories.asking import Asker
from tests.factories.crowded_registries import crowded_registry
from tests.factories.loading import fill
from tests.factories.payrolls import AS_OF, ask_low_membership, low_membership_questions, payrolls
from tests.factories.registries import AS_OF as CROWDED_ON
from tests.factories.registries import dated_registries
from tests.lengths import at_length, same_examples
from tests.reference.answers import Reference
from tests.reference.low_membership import low_membership
from tests.reference.public import PublicReference
from tests.reference.registry import Registry
from tests.spec.test_random_registries import same

SEEDS = {"sqlite": range(at_length(16, 3)), "postgres": range(16, at_length(20, 17))}
EXAMPLES = {"sqlite": at_length(15, 2), "postgres": at_length(5, 1)}
QUESTIONS = 25


def engine_of(url: str) -> str:
    return "sqlite" if url.startswith("sqlite") else "postgres"


def test_comparisons_equal_the_reference_when_payrolls_are_random(migrated_url: str, tmp_path: Path) -> None:
    publisher = Publisher(migrated_url, tmp_path / "data")
    exact = Asker(migrated_url, tmp_path / "data", anonymous="public")
    seen = {"exact": Counter[str](), "public": Counter[str]()}
    for seed in SEEDS[engine_of(migrated_url)]:
        registry, random = payrolls(seed), Random(seed)
        fill(migrated_url, registry)
        public_id = publisher.build(AS_OF)
        exact_id = publisher.exact_folder(public_id).name
        answering = (
            ("exact", exact, exact_id, Reference(registry, AS_OF)),
            ("public", publisher.reader, public_id, PublicReference(registry, AS_OF, publisher.key)),
        )
        for tier, reader, snapshot, reference in answering:
            for params in low_membership_questions(random, registry, QUESTIONS, public=tier == "public"):
                expected = low_membership(reference, params)
                found = ask_low_membership(reader, params, snapshot, random.choice((1, 2, 1000)))
                same(found, expected, f"{tier} {seed} {params}")
                seen[tier].update(row["class"] for row in found["data"])
    if engine_of(migrated_url) == "sqlite":
        rare = set[str]() if at_length(1, 0) else {"lower", "inconsistent"}  # in longer runs alone
        assert set(seen["exact"]) >= set(CLASSES) - rare
        assert set(seen["public"]) >= {"not_applicable", "few_expected", "low", "higher", "not_different"} - rare


def test_comparisons_equal_the_reference_when_registries_are_random(migrated_url: str, tmp_path: Path) -> None:
    asker = Asker(migrated_url, tmp_path / "data")

    @same_examples(EXAMPLES[engine_of(migrated_url)])
    @given(dated_registries())
    def compare(drawn: tuple[Registry, date]) -> None:
        registry, as_of = drawn
        fill(migrated_url, registry)
        snapshot, reference = asker.build(as_of), Reference(registry, as_of)
        for params in low_membership_questions(Random(repr(drawn)), registry, QUESTIONS):
            same(ask_low_membership(asker, params, snapshot), low_membership(reference, params), str(params))

    compare()


@pytest.mark.parametrize("source", ["register", "returns"])
def test_public_comparisons_equal_the_reference_when_registries_are_crowded(
    migrated_url: str, tmp_path: Path, source: str
) -> None:
    publisher = Publisher(migrated_url, tmp_path / "data", member_source=source)
    for seed in range(3):
        registry = crowded_registry(seed)
        fill(migrated_url, registry)
        snapshot = publisher.build(CROWDED_ON)
        reference = PublicReference(registry, CROWDED_ON, publisher.key, member_source=source)
        for params in low_membership_questions(Random(seed), registry, QUESTIONS, public=True):
            same(
                ask_low_membership(publisher.reader, params, snapshot), low_membership(reference, params), str(params)
            )  # fmt: skip
