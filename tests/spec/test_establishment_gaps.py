"""Establishment gaps: who is in them, since when, how they are reached, and which branches could take them."""

import tempfile
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from tests.factories.asking import Asker
from tests.factories.loading import fill
from tests.factories.questions import SEEDS, draw_conditions
from tests.factories.registries import CellWriter, dated_registries
from tests.factories.tiny import Tiny
from tests.lengths import at_length, same_examples
from tests.reference.answers import Reference
from tests.reference.establishment_gaps import establishment_gaps
from tests.reference.questions import CONDITIONS
from tests.reference.registry import Registry

EXAMPLES = {"sqlite": at_length(10, 2), "postgres": at_length(4, 1)}
DAYS = (date(2016, 12, 31), date(2017, 3, 31), date(2017, 6, 30))

FIRMS = {
    "enterprises": """
        code,   district_code
        always, yunding
        again,  wucun
        joint,  jialian
        few,    wucun
        county, siming
        """,
    "returns": """
        enterprise_code, reported_on, headcount, members, full_members
        always,          2016-12-31,  10,        3,       3
        again,           2016-12-31,  10,        4,       3
        again,           2017-03-31,  10,        4,       2
        again,           2017-06-30,  10,        4,       3
        joint,           2016-12-31,  20,        5,       5
        few,             2016-12-31,  20,        2,       2
        county,          2017-06-30,  20,        3,       3
        """,
    "branches": """
        code,      form,       district_code, dissolved_on
        area,      area,       wucun,
        function,  functional, yunding,
        industry,  industry,   yunding,
        joint,     joint,      wucun,
        plain,     ,           wucun,
        temporary, temporary,  wucun,
        gone,      joint,      yunding,       2017-06-30
        far,       joint,      jialian,
        """,
    "coverage": """
        enterprise_code, branch_code, means
        always,          ,            liaison
        always,          ,            instructor
        joint,           far,         joint
        """,
}
"""`again` fell below three full members in March; `joint` is organised, but not by a branch of its own."""


@pytest.fixture(scope="module")
def gaps(tiny: Tiny) -> tuple[Asker, str]:
    tiny.hold(**FIRMS)
    asker = Asker(tiny.url, tiny.folder / "gaps", member_source="returns")
    return asker, [asker.build(day) for day in DAYS][-1]


def told(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "code": row["enterprise"]["code"],
        "gap_since": row["gap_since"],
        "means": set(row["means"]),
        "candidates": [(one["branch"]["code"], one["why"]) for one in row["candidates"]],
    }


def test_gap_lists_whoever_is_eligible_and_not_organised(gaps: tuple[Asker, str]) -> None:
    asker, snapshot = gaps
    page = asker.gaps({}, snapshot)
    assert [row["enterprise"]["code"] for row in page["data"]] == ["again", "always", "county"]
    assert page["total"]["counts"]["full_members"] == 3 + 3 + 3
    assert page["unallocated"] is None
    strict = asker.gaps({"strict": "true"}, snapshot)
    assert [row["enterprise"]["code"] for row in strict["data"]] == ["again", "always", "county", "joint"]
    ordered = asker.gaps({"strict": "true", "sort": "full_members", "order": "desc"}, snapshot, limit=1)
    assert [row["enterprise"]["code"] for row in ordered["data"]] == ["joint", "again", "always", "county"]


def test_gap_begins_with_the_unbroken_run_when_there_are_several_snapshots(gaps: tuple[Asker, str]) -> None:
    asker, snapshot = gaps
    since = {row["enterprise"]["code"]: row["gap_since"] for row in asker.gaps({}, snapshot)["data"]}
    # `again` was in the gap in December and not in March; `county` had no return before June.
    assert since == {"always": "2016-12-31", "again": "2017-06-30", "county": "2017-06-30"}


def test_candidates_are_near_and_made_for_it_first(gaps: tuple[Asker, str]) -> None:
    asker, snapshot = gaps
    rows = {row["enterprise"]["code"]: told(row) for row in asker.gaps({}, snapshot)["data"]}
    site, street = "same_site", "same_street"
    assert rows["always"]["candidates"] == [
        ("industry", site), ("function", site), ("area", street), ("joint", street), ("plain", street)
    ]  # fmt: skip
    assert rows["again"]["candidates"] == [
        ("area", street), ("industry", street), ("joint", street), ("function", street), ("plain", street)
    ]  # fmt: skip
    assert rows["county"]["candidates"] == []
    assert rows["always"]["means"] == {"instructor", "liaison"}


def test_since_is_told_anew_when_an_earlier_snapshot_is_built_later(tiny: Tiny) -> None:
    tiny.hold(**FIRMS)
    asker = Asker(tiny.url, tiny.folder / "later", member_source="returns")
    snapshot = asker.build(DAYS[-1])
    assert {row["gap_since"] for row in asker.gaps({}, snapshot)["data"]} == {"2017-06-30"}
    asker.build(DAYS[0])
    found = {row["enterprise"]["code"]: row["gap_since"] for row in asker.gaps({}, snapshot)["data"]}
    assert found == {"always": "2016-12-31", "again": "2016-12-31", "county": "2017-06-30"}


@pytest.fixture
def asker(migrated_url: str, tmp_path: Path) -> Iterator[Asker]:
    with tempfile.TemporaryDirectory(dir=tmp_path) as folder:
        yield Asker(migrated_url, Path(folder))


@pytest.mark.parametrize("source", ["register", "returns"])
def test_rows_equal_the_reference_when_registries_are_random(asker: Asker, source: str) -> None:
    engine = "sqlite" if asker.settings.registry_url.startswith("sqlite") else "postgres"

    @same_examples(EXAMPLES[engine])
    @given(dated_registries(), SEEDS)
    def compare(drawn: tuple[Registry, date], seed: int) -> None:
        registry, as_of = drawn
        writer = CellWriter(f"{seed}", as_of)
        fill(asker.settings.registry_url, registry)
        days = [as_of - timedelta(days=400), as_of - timedelta(days=90), as_of]
        with tempfile.TemporaryDirectory(dir=asker.settings.data_dir) as folder:
            asking = Asker(asker.settings.registry_url, Path(folder), member_source=source)
            snapshot = [asking.build(day) for day in days][-1]
            dates = [Reference(registry, day, member_source=source) for day in days]
            for strict in ("true", "false"):
                params = draw_conditions(writer, registry, set(CONDITIONS) - {"basis"}) | {"strict": strict}
                found = [told(row) for row in asking.gaps(params, snapshot)["data"]]
                assert found == establishment_gaps(dates, params)

    compare()
