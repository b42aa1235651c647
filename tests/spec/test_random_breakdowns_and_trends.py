"""Random registries: breakdowns and trends against the reference, on both engines and in both tiers."""

import random
import tempfile
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.disclosure.publishing import Publisher
from tests.factories.asking import Asker
from tests.factories.crowded_registries import crowded_registry
from tests.factories.loading import fill
from tests.factories.questions import breakdown_questions, draw_breakdown, trend_questions
from tests.factories.registries import AS_OF, CellWriter, dated_registries
from tests.lengths import at_length, same_examples
from tests.reference.answers import Reference
from tests.reference.as_of import Thresholds
from tests.reference.breakdown import breakdown
from tests.reference.measures import MEASURES
from tests.reference.public import PublicReference
from tests.reference.questions import Params, QuestionError
from tests.reference.rates import METRICS
from tests.reference.registry import Registry
from tests.reference.trends import Dated, trend
from tests.spec.test_random_registries import same

EXAMPLES = {"sqlite": at_length(6, 2), "postgres": at_length(2, 1)}
SEEDS = {"sqlite": range(at_length(2, 1)), "postgres": range(2, 3)}
FIGURES = [*MEASURES, *METRICS]
EARLIER = (timedelta(400), timedelta(90))
"""Further dates of a trend, before the last."""

NAMED = ("district", "industry", "industry_group")
"""What a public population can be asked by."""


@pytest.fixture
def asker(migrated_url: str, tmp_path: Path) -> Iterator[Asker]:
    with tempfile.TemporaryDirectory(dir=tmp_path) as folder:
        yield Asker(migrated_url, Path(folder))


def engine_of(url: str) -> str:
    return "sqlite" if url.startswith("sqlite") else "postgres"


@pytest.mark.parametrize("source", ["auto", "register", "returns"])
def test_breakdowns_and_trends_equal_the_reference_when_registries_are_random(asker: Asker, source: str) -> None:
    url = asker.settings.registry_url

    @same_examples(EXAMPLES[engine_of(url)])
    @given(dated_registries(), st.data())
    def compare(drawn: tuple[Registry, date], data: st.DataObject) -> None:
        registry, as_of = drawn
        with tempfile.TemporaryDirectory(dir=asker.settings.data_dir) as folder:
            asking = Asker(url, Path(folder), member_source=source)
            dates = built(asking, registry, as_of, data.draw(st.randoms(use_true_random=False)))
            [snapshot] = [one.id for one in asking.shelf.all() if one.as_of == as_of]
            for params in data.draw(breakdown_questions(registry, as_of)):
                page = data.draw(st.sampled_from((2, 1000)))
                found = asking.breakdown(params, snapshot, page)
                same(found, breakdown(dates[-1].reference, params), f"{params}")
                fields = data.draw(st.lists(st.sampled_from(FIGURES), min_size=1, max_size=3, unique=True))
                assert asking.breakdown(params | {"fields": fields}, snapshot) == only(found, fields)
            for params in data.draw(trend_questions(registry, as_of, [as_of - gap for gap in EARLIER])):
                page = data.draw(st.sampled_from((2, 1000)))
                same(asking.trend(params, page), trend(dates, params), f"{params}")

    compare()


def only(answer: Any, fields: list[str]) -> Any:
    """An answer with some of its figures alone."""
    if isinstance(answer, list):
        return [only(one, fields) for one in answer]
    if not isinstance(answer, dict):
        return answer
    return {
        name: {code: figure for code, figure in value.items() if code in fields}
        if name in ("counts", "rates")
        else only(value, fields)
        for name, value in answer.items()
    }


def built(asking: Asker, registry: Registry, as_of: date, draws: random.Random) -> list[Dated]:
    """Build the dates of a trend; at times something else changes between them."""
    found = []
    for day in (*(as_of - gap for gap in EARLIER), as_of):
        full_members = draws.choice((2, 3, 3))
        held = renamed(registry, draws) if day != as_of else registry
        fill(asking.settings.registry_url, held)
        chosen = draws.choice((asking.settings.member_source, "auto"))
        Asker(
            asking.settings.registry_url, asking.settings.data_dir, member_source=chosen,
            eligible_full_members=full_members,
        ).build(day)  # fmt: skip
        thresholds = Thresholds(eligible_full_members=full_members)
        reference = Reference(held, day, member_source=chosen, thresholds=thresholds)
        found.append(Dated(reference, held, chosen))
    return found


def renamed(registry: Registry, draws: random.Random) -> Registry:
    """The registry, with another name in one of its trees or sets now and then."""
    dataset = draws.choice(("districts", "industries", "industry-groups", "members"))
    rows = registry[dataset]
    if dataset == "members" or not rows:
        return registry
    column = "group_code" if dataset == "industry-groups" else "code"
    other = [{**row, "name_zh": "旧名"} if row[column] == rows[0][column] else row for row in rows]
    return {**registry, dataset: other}


@pytest.mark.parametrize("member_source", ["register", "returns"])
def test_public_breakdowns_and_trends_equal_the_reference_when_registries_are_crowded(
    migrated_url: str, tmp_path: Path, member_source: str
) -> None:
    for seed in SEEDS[engine_of(migrated_url)]:
        publisher = Publisher(migrated_url, tmp_path / f"{seed}", member_source=member_source)
        registry = crowded_registry(seed)
        fill(migrated_url, registry)
        dates = []
        for day in (AS_OF - timedelta(90), AS_OF):
            snapshot = publisher.build(day)
            reference = PublicReference(registry, day, publisher.key, member_source=member_source)
            dates.append(Dated(reference, registry, member_source))
        for turn in range(40):
            params = public_breakdown(CellWriter(f"{seed} {turn}", AS_OF), dates[-1].reference, registry)
            expected = breakdown(dates[-1].reference, params)
            same(publisher.reader.breakdown(params, snapshot, 5 if turn % 2 else 1000), expected, f"{params}")
            conditions = {name: code for name, code in params.items() if name in NAMED}
            same(publisher.reader.trend(conditions), trend(dates, conditions), f"{conditions}")


def public_breakdown(writer: CellWriter, reference: Reference, registry: Registry) -> Params:
    """A breakdown that can be had, of what is public."""
    while True:
        params = draw_breakdown(writer, registry)
        try:
            breakdown(reference, params)
        except QuestionError:
            continue
        return params
