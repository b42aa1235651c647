"""Random registries and questions: the service against the reference implementation, on both engines."""

import tempfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.factories.asking import Asker
from tests.factories.loading import fill
from tests.factories.questions import question_lists, single_questions
from tests.factories.registries import dated_registries
from tests.lengths import at_length, same_examples
from tests.reference.answers import Reference
from tests.reference.registry import Registry

EXAMPLES = {"sqlite": at_length(40, 3), "postgres": at_length(15, 2)}
FIGURE = 1e-12


@pytest.fixture
def asker(migrated_url: str, tmp_path: Path) -> Iterator[Asker]:
    with tempfile.TemporaryDirectory(dir=tmp_path) as folder:
        yield Asker(migrated_url, Path(folder))


@pytest.mark.parametrize("source", ["auto", "register", "returns"])
def test_answers_equal_the_reference_when_registries_are_random(asker: Asker, source: str) -> None:
    engine = "sqlite" if asker.settings.registry_url.startswith("sqlite") else "postgres"
    asking = Asker(asker.settings.registry_url, asker.settings.data_dir, member_source=source)

    @same_examples(EXAMPLES[engine])
    @given(dated_registries(), st.data())
    def compare(drawn: tuple[Registry, date], data: st.DataObject) -> None:
        registry, as_of = drawn
        fill(asking.settings.registry_url, registry)
        snapshot = asking.build(as_of)
        reference = Reference(registry, as_of, member_source=source)
        for subject, params in data.draw(question_lists(registry, as_of)):
            page = int(params.pop("limit", "1000"))
            expected = reference.list_statistics(subject, params)
            if subject == "branches":
                assert expected.pop("total") is None  # pages of branches have neither
                assert expected.pop("unallocated") is None
            same(asking.list(subject, params, snapshot, page), expected, f"{subject} {params}")
        if registry["districts"] or registry["industries"]:
            subject, code, params = data.draw(single_questions(registry, as_of))
            same(
                asking.one(subject, code, params, snapshot),
                reference.get_statistics(subject, code, params),
                f"{subject} {code} {params}",
            )

    compare()


def same(found: Any, expected: Any, where: str) -> None:
    """All that the reference says must be there and equal; ratios to 1e-12."""
    if isinstance(expected, dict):
        assert isinstance(found, dict), where
        missing = set(expected) - set(found)
        assert not missing, f"{where}: {missing}"
        for key, value in expected.items():
            same(found[key], value, f"{where}.{key}")
    elif isinstance(expected, list | tuple):
        assert len(found) == len(expected), f"{where}: {found} is not {expected}"
        for number, value in enumerate(expected):
            same(found[number], value, f"{where}[{number}]")
    elif isinstance(expected, float) and found is not None:
        assert abs(found - expected) <= FIGURE, f"{where}: {found} is not {expected}"
    else:
        assert found == expected, f"{where}: {found!r} is not {expected!r}"
