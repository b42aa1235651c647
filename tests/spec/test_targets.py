"""Targets: which are listed, and how far each is reached, in integers."""

import tempfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from app.catalogue.metrics import METRICS, Interval, TargetMetric
from tests.disclosure.publishing import Publisher, files_of
from tests.factories.asking import Asker
from tests.factories.crowded_registries import crowded_registry
from tests.factories.loading import fill
from tests.factories.questions import SEEDS
from tests.factories.registries import AS_OF, CellWriter, dated_registries, draw_targets
from tests.factories.targets import draw_question
from tests.factories.tiny import Tiny, tiny_registry
from tests.lengths import at_length, same_examples
from tests.reference.answers import Reference
from tests.reference.public import PublicReference
from tests.reference.registry import Registry
from tests.reference.targets import targets
from tests.spec.test_random_registries import same

EXAMPLES = {"sqlite": at_length(20, 5), "postgres": at_length(5, 3)}
CROWDS = {"sqlite": range(at_length(6, 2)), "postgres": range(6, 7)}

FIRMS = {
    "enterprises": """
        code,  district_code, industry_code
        one,   wucun,         64
        two,   yunding,       641
        three, jialian,       65
        four,  jialian,       86
        five,  jiangtou,      64
        """,
    "returns": """
        enterprise_code, reported_on, ownership, headcount, members, full_members
        one,             2017-06-30,  private,   100,       7,       7
        two,             2017-06-30,  private,   50,        3,       3
        three,           2017-06-30,  state,     50,        0,       0
        four,            2017-06-30,  private
        five,            2017-06-30,  foreign,   40,        1,       1
        """,
    "branches": """
        code
        B
        """,
    "coverage": """
        enterprise_code, branch_code, means
        one,             B,           joint
        three,           B,           joint
        """,
    "industry_groups": """
        group_code, name_zh, industry_code
        net,        网络,    64
        """,
}
"""Siming: one and three of four are organised. Non-public are one, two, four and, in Huli, five."""

HEAD = "metric, basis, due_on, value, district_code, industry_code, industry_group, sector, source"
YEAR_END = "organisation_coverage, operating, 2017-12-31"


def of(tiny: Tiny, *lines: str, **params: Any) -> list[dict[str, Any]]:
    """The targets that are listed, of those given as lines."""
    figures = tiny.hold(**FIRMS, targets="\n".join([HEAD, *lines])).at()
    rows: list[dict[str, Any]] = figures.asker.targets(params, figures.snapshot)["data"]
    return rows


def told(row: dict[str, Any]) -> tuple[Any, ...]:
    """Numerator, denominator, state, what is missing."""
    return row["current"]["numerator"], row["current"]["denominator"], row["state"], row["missing"]


def place(row: dict[str, Any]) -> tuple[Any, ...]:
    """What a target is for."""
    named = (row[name] and row[name]["code"] for name in ("district", "industry", "industry_group"))
    return (*named, row["sector"])


def test_a_target_is_met_when_the_figure_itself_reaches_it(tiny: Tiny) -> None:
    rows = of(
        tiny, f"{YEAR_END}, 0.4", f"{YEAR_END}, 0.75, siming", f"{YEAR_END}, 0.500001, wucun", f"{YEAR_END}, 1, huli"
    )
    assert [(place(row)[0], *told(row)) for row in rows] == [
        (None, 2, 5, "met", 0),  # 0.4 · 5 is 2, exactly, though 0.4 is no binary fraction
        ("huli", 0, 1, "short", 1),
        ("siming", 2, 4, "short", 1),  # 0.75 · 4 = 3, and there are 2
        ("wucun", 1, 2, "short", 1),  # 0.500001 · 2 = 1.000002: two are needed
    ]
    assert rows[0]["current"]["low"] < 0.4 < rows[0]["current"]["high"]  # the interval is shown beside
    assert rows[0]["current"]["status"] == "low_base"


@pytest.mark.parametrize(
    ("value", "missing"),
    [("0", 0), ("0.28", 0), ("0.28000001", 1), ("0.333333", 3), ("0.34", 3), ("0.36", 4), ("0.999999", 36), ("1", 36)],
)
def test_missing_is_the_least_number_that_would_meet_the_target(tiny: Tiny, value: str, missing: int) -> None:
    """14 of 50 are members: 0.28. 0.333333 · 50 = 16.66665: 17, 3 more; 0.36 · 50 = 18: 4 more."""
    firms = {
        "enterprises": "code, district_code\nfirm, wucun",
        "returns": "enterprise_code, reported_on, headcount, members, full_members\nfirm, 2017-06-30, 50, 14, 14",
    }
    figures = tiny.hold(**firms, targets=f"{HEAD}\nmember_ratio, operating, 2017-06-30, {value}").at()
    [row] = figures.asker.targets({}, figures.snapshot)["data"]
    assert told(row) == (14, 50, "short" if missing else "met", missing)
    assert row["value"] == float(value)


def test_a_number_of_persons_is_missing_when_the_metric_counts_persons(tiny: Tiny) -> None:
    rows = of(tiny, "member_ratio, operating, 2017-06-30, 0.05, siming")
    assert [told(row) for row in rows] == [(10, 200, "met", 0)]  # four has neither: it leaves both sides
    rows = of(tiny, "member_ratio, operating, 2017-06-30, 0.051, siming")
    assert [told(row) for row in rows] == [(10, 200, "short", 1)]  # 0.051 · 200 = 10.2


def test_nothing_can_be_told_when_there_is_no_figure(tiny: Tiny) -> None:
    rows = of(
        tiny,
        "effective_coverage, operating, 2017-12-31, 0",
        "establishment_rate, operating, 2017-12-31, 0, huli",
        "member_ratio, operating, 2017-12-31, 0, , 86",
        "admission_rate, operating, 2017-12-31, 0.1",
    )
    assert [(row["metric"], row["current"]["status"], *told(row)) for row in rows] == [
        ("member_ratio", "unknown", 0, 0, "cannot_tell", None),  # four states neither staff nor members
        ("effective_coverage", "unknown", 0, 5, "cannot_tell", None),  # no branch returned what it does
        ("establishment_rate", "not_applicable", 0, 0, "cannot_tell", None),  # nobody in Huli must
        ("admission_rate", "not_applicable", None, 11, "cannot_tell", None),  # returns do not say who is new
    ]
    assert {row["current"]["value"] for row in rows} == {None}


def test_each_target_has_its_own_basis_and_scope(tiny: Tiny) -> None:
    rows = of(
        tiny,
        f"{YEAR_END}, 0.5, , 64",
        f"{YEAR_END}, 0.5, siming, 64",
        f"{YEAR_END}, 0.5, , , net",
        f"{YEAR_END}, 0.5, , , , non_public",
        f"{YEAR_END}, 0.5, siming, , , non_public",
        "organisation_coverage, eligible, 2017-12-31, 0.5",
        "organisation_coverage, registered, 2017-12-31, 0.4",
    )
    assert [(row["basis"], *place(row), *told(row)) for row in rows] == [
        ("registered", None, None, None, None, 2, 5, "met", 0),
        ("operating", None, None, None, "non_public", 1, 4, "short", 1),
        ("operating", None, None, "net", None, 1, 3, "short", 1),
        ("operating", None, "64", None, None, 1, 3, "short", 1),
        ("operating", "siming", None, None, "non_public", 1, 3, "short", 1),
        ("operating", "siming", "64", None, None, 1, 2, "met", 0),
        ("eligible", None, None, None, None, 1, 2, "met", 0),  # one and two have three full members
    ]


def test_targets_are_in_order_of_date_metric_basis_and_codes(tiny: Tiny) -> None:
    lines = [
        f"{YEAR_END}, 0.1, wucun",
        f"{YEAR_END}, 0.2, siming, R",
        f"{YEAR_END}, 0.3, siming, 64",
        f"{YEAR_END}, 0.4, siming",
        f"{YEAR_END}, 0.5",
        "organisation_coverage, registered, 2017-12-31, 0.6",
        "member_ratio, operating, 2017-12-31, 0.7, wucun",
        "work_coverage, operating, 2017-09-30, 0.8",
    ]
    assert [row["value"] for row in of(tiny, *lines)] == [0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1]


def test_a_target_is_listed_when_it_is_at_or_below_what_is_asked_for(tiny: Tiny) -> None:
    lines = [
        f"{YEAR_END}, 0.1",
        f"{YEAR_END}, 0.2, siming",
        f"{YEAR_END}, 0.3, wucun, 641",
        f"{YEAR_END}, 0.4, huli, , net",
        f"{YEAR_END}, 0.5, wucun, , , social",
    ]

    def asked(**params: Any) -> set[float]:
        return {row["value"] for row in of(tiny, *lines, **params)}

    assert asked() == {0.1, 0.2, 0.3, 0.4, 0.5}
    assert asked(district="siming") == {0.2, 0.3, 0.5}  # not that of all, nor that of Huli
    assert asked(district=["huli", "wucun"]) == {0.3, 0.4, 0.5}
    assert asked(district="xiamen") == {0.2, 0.3, 0.4, 0.5}
    assert asked(industry="I") == asked(industry="64") == {0.3}
    assert asked(industry_group="net") == {0.4}
    assert asked(sector=["social", "public"]) == {0.5}
    assert asked(district="siming", sector="social") == {0.5}
    assert asked(district="huli", industry="64") == set()


def test_a_target_is_listed_when_it_is_due_on_the_date_or_later(tiny: Tiny) -> None:
    lines = [
        f"work_coverage, operating, {day}, 0.5" for day in ("2017-06-29", "2017-06-30", "2017-07-01", "2018-06-30")
    ]

    def asked(**params: str) -> list[tuple[str, int]]:
        return [(row["due_on"], row["days_left"]) for row in of(tiny, *lines, **params)]

    assert asked() == [("2017-06-30", 0), ("2017-07-01", 1), ("2018-06-30", 365)]
    assert asked(due_from="2017-06-29", due_to="2017-06-30") == [("2017-06-29", -1), ("2017-06-30", 0)]
    assert asked(due_from="2017-07-01") == [("2017-07-01", 1), ("2018-06-30", 365)]
    assert asked(due_to="2017-06-29") == []
    assert asked(due_from="2018-07-01") == []


def test_states_are_listed_alone_when_they_are_asked_for(tiny: Tiny) -> None:
    lines = [f"{YEAR_END}, 0.5, siming", f"{YEAR_END}, 0.5, huli", "effective_coverage, operating, 2017-12-31, 0.1"]
    for states, found in ((["met"], ["met"]), (["short", "cannot_tell"], ["short", "cannot_tell"])):
        assert [row["state"] for row in of(tiny, *lines, state=states)] == found


def test_metrics_with_an_interval_and_the_admission_rate_may_have_targets() -> None:
    with_interval = {metric.code for metric in METRICS if metric.interval is not Interval.NONE}
    assert set(TargetMetric) == with_interval | {"admission_rate"}


@pytest.fixture
def asker(migrated_url: str, tmp_path: Path) -> Iterator[Asker]:
    with tempfile.TemporaryDirectory(dir=tmp_path) as folder:
        yield Asker(migrated_url, Path(folder))


def engine_of(url: str) -> str:
    return "sqlite" if url.startswith("sqlite") else "postgres"


def test_answers_equal_the_reference_when_registries_are_random(asker: Asker) -> None:
    url = asker.settings.registry_url

    @same_examples(EXAMPLES[engine_of(url)])
    @given(dated_registries(), SEEDS)
    def compare(drawn: tuple[Registry, date], seed: int) -> None:
        registry, as_of = drawn
        fill(url, registry)
        snapshot = asker.build(as_of)
        reference = Reference(registry, as_of)
        writer = CellWriter(f"{seed}", as_of)
        for params in ({"due_from": "2001-01-01"}, *(draw_question(writer, registry) for _ in range(4))):
            same(asker.targets(params, snapshot, limit=3)["data"], targets(reference, params), f"{params}")

    compare()


def test_public_answers_equal_the_reference_when_registries_are_crowded(migrated_url: str, tmp_path: Path) -> None:
    for seed in CROWDS[engine_of(migrated_url)]:
        publisher = Publisher(migrated_url, tmp_path / f"{seed}")
        crowded = crowded_registry(seed)
        registry = {**crowded, "targets": draw_targets(CellWriter(f"targets {seed}", AS_OF), 80, crowded)}
        fill(migrated_url, registry)
        snapshot = publisher.build(AS_OF)
        found = publisher.reader.targets({"due_from": "2001-01-01"}, snapshot)
        expected = targets(PublicReference(registry, AS_OF, publisher.key), {"due_from": "2001-01-01"})
        same(found["data"], expected, f"{seed}")
        assert 0 < len(expected) < len(registry["targets"])
        assert found["meta"]["basis"] is None


def test_a_public_snapshot_is_the_same_when_a_target_is_not_public(migrated_url: str, tmp_path: Path) -> None:
    publisher = Publisher(migrated_url, tmp_path)
    public = "organisation_coverage, operating, 2017-12-31, 0.4, siming"

    def built(*lines: str) -> dict[str, bytes]:
        fill(migrated_url, tiny_registry(**FIRMS, targets="\n".join([HEAD, *lines])))
        return files_of(publisher.folder(publisher.build(AS_OF)))

    hidden = [
        "work_coverage, operating, 2017-12-31, 0.4, siming",
        "organisation_coverage, registered, 2017-12-31, 0.4, siming",
        "organisation_coverage, operating, 2017-12-31, 0.4, yunding",
        "organisation_coverage, operating, 2017-12-31, 0.4, , 641",
        "organisation_coverage, operating, 2017-12-31, 0.4, , , , non_public",
    ]
    before = built(public)
    assert built(public, *hidden) == before
    assert (
        built("organisation_coverage, operating, 2017-12-31, 0.41, siming")["targets.arrow"] != before["targets.arrow"]
    )
