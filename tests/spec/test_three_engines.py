"""One reading of the rules on three engines: the SQL texts as they are, on the registry itself and on its extract."""

import tempfile
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from app.config import Settings, Thresholds
from app.database.engines import make_sync_engine
from app.snapshots.engines import open_engine
from app.snapshots.extract import extract
from app.snapshots.facts import SIZES, STEPS, Parameters, statement, step_statement
from app.snapshots.lineage import LINEAGE, read_lineage
from app.snapshots.merging import Source, read_sources
from tests.factories.lineage import lend_lineage, take_steps
from tests.factories.loading import fill
from tests.factories.registries import dated_registries
from tests.lengths import at_length, same_examples
from tests.reference.registry import Registry

EXAMPLES = at_length(8, 4)
TEXTS = ("enterprises", "branches", "coverage", "dual_affiliation", "workplaces")

# Every figure of a branch as one plain count(DISTINCT) over everybody below it: slow, and beyond doubt.
PLAIN_BRANCHES = """
WITH RECURSIVE
closure (ancestor, code) AS (
    SELECT code, code FROM branch
    UNION ALL
    SELECT closure.ancestor, branch.code FROM closure JOIN branch ON branch.parent_code = closure.code
),
living AS (
    SELECT code FROM branch
    WHERE coalesce(established_on, '0001-01-01') <= {as_of} AND coalesce(dissolved_on, '9999-12-31') > {as_of}
),
person AS (
    SELECT
        affiliation.branch_code, affiliation.role, member.*,
        max(CASE WHEN affiliation.role = 'secondary' THEN 1 ELSE 0 END) OVER (PARTITION BY member.ref) AS is_dual
    FROM affiliation
    JOIN living ON living.code = affiliation.branch_code
    JOIN member ON member.ref = affiliation.member_ref
    WHERE affiliation.start_on <= {as_of} AND coalesce(affiliation.end_on, '9999-12-31') > {as_of}
      AND member.joined_on <= {as_of} AND coalesce(member.left_on, '9999-12-31') > {as_of}
)
SELECT
    living.code,
    count(DISTINCT CASE WHEN role = 'primary' THEN ref END) AS members_primary,
    count(DISTINCT ref) AS members_participating,
    count(ref) AS affiliations,
    count(DISTINCT CASE WHEN full_since IS NULL OR full_since > {as_of} THEN ref END) AS probationary_members,
    count(DISTINCT CASE WHEN full_since <= {as_of} THEN ref END) AS full_members,
    count(DISTINCT CASE WHEN is_dual = 1 THEN ref END) AS members_dual,
    count(DISTINCT CASE WHEN floating_since <= {as_of} AND NOT coalesce(floating_until <= {as_of}, false) THEN ref END)
        AS members_floating,
    count(DISTINCT CASE WHEN {year} - birth_year <= 35 THEN ref END) AS members_under_36,
    count(DISTINCT CASE WHEN sex = 'female' THEN ref END) AS members_women,
    count(DISTINCT CASE WHEN education IN ('doctorate', 'master', 'bachelor', 'junior_college') THEN ref END)
        AS members_college,
    count(DISTINCT CASE WHEN birth_year IS NULL THEN ref END) AS members_under_36_unknown,
    count(DISTINCT CASE WHEN sex IS NULL THEN ref END) AS members_women_unknown,
    count(DISTINCT CASE WHEN education IS NULL THEN ref END) AS members_college_unknown
FROM living
LEFT JOIN closure ON closure.ancestor = living.code {which}
LEFT JOIN person ON person.branch_code = closure.code
GROUP BY living.code
"""
PLAIN_LINEAGE = """
WITH RECURSIVE closure (ancestor, code, distance) AS (
    SELECT code, code, 0 FROM branch
    UNION ALL
    SELECT closure.ancestor, branch.code, closure.distance + 1
    FROM closure
    JOIN branch ON branch.parent_code = closure.code
)
SELECT * FROM closure
"""
SIDES = {"own": "AND closure.code = living.code", "subtree": ""}

Rows = list[dict[str, Any]]


class Engines:
    """The registry on SQLite and PostgreSQL, and the extract of each read by DuckDB."""

    def __init__(self, urls: dict[str, str], folder: Path) -> None:
        self.urls = urls
        self.folder = folder
        self.extracts: dict[str, Source] = {}

    def hold(self, registry: Registry) -> None:
        """Make both databases hold a registry, and extract it from each."""
        for name, url in self.urls.items():
            fill(url, registry)
            (self.folder / name).mkdir(exist_ok=True)
            self.extracts[name] = Source(extract(url, self.folder / name, lambda _done: None))

    def answers(self, names: Sequence[str], parameters: Parameters) -> dict[str, list[Rows]]:
        """Of each engine the rows that it answers each text with."""
        texts = [statement(name, parameters) for name in names]
        asked = {name: on_registry(url, texts, parameters) for name, url in self.urls.items()}
        return asked | {f"duckdb over {name}": self._on_extract(name, texts, parameters) for name in self.urls}

    def _on_extract(self, name: str, texts: Sequence[str], parameters: Parameters) -> list[Rows]:
        with open_engine(Settings(), self.folder) as engine:
            read_sources(engine, [self.extracts[name]], SIZES.whole)
            read_lineage(engine)
            for step in STEPS:
                engine.keep(step.table, step_statement(step, parameters))
            return [_normal(engine.answer(text).to_pylist()) for text in texts]


def on_registry(url: str, texts: Sequence[str], parameters: Parameters) -> list[Rows]:
    """Rows of the registry itself; no connection stays open, since the extract's own SQLite would not see its locks."""
    engine = make_sync_engine(url)
    try:
        with engine.connect() as connection:
            lend_lineage(connection)
            take_steps(connection, parameters)
            answers = [connection.exec_driver_sql(text).mappings() for text in texts]
            return [_normal([dict(one) for one in answer]) for answer in answers]
    finally:
        engine.dispose()


def _normal(rows: Rows) -> Rows:
    """Rows in one order, with what engines write differently written alike: dates, booleans and decimals."""
    return sorted(({name: _alike(value) for name, value in one.items()} for one in rows), key=repr)


def _alike(value: Any) -> Any:
    if value is None or isinstance(value, str):
        return value
    return value.isoformat() if isinstance(value, date) else int(value)


@pytest.fixture
def engines(migrated_sqlite_url: str, migrated_postgres_url: str) -> Iterator[Engines]:
    with tempfile.TemporaryDirectory() as folder:
        yield Engines({"sqlite": migrated_sqlite_url, "postgres": migrated_postgres_url}, Path(folder))


@pytest.mark.postgres
def test_all_engines_answer_the_same_rows_when_registries_are_random(engines: Engines) -> None:
    seen = dict.fromkeys(TEXTS, 0)

    @same_examples(EXAMPLES)
    @given(dated_registries())
    def compare(drawn: tuple[Registry, date]) -> None:
        registry, as_of = drawn
        engines.hold(registry)
        for parameters in (Parameters(as_of, Thresholds(), "register"), Parameters(as_of, Thresholds(), "returns")):
            source = parameters.member_source
            names = TEXTS if source == "register" else ("enterprises",)
            answers = engines.answers(names, parameters)
            for name, *found in zip(names, *answers.values(), strict=True):
                for engine, rows in zip(answers, found, strict=True):
                    assert rows == found[0], f"{name} on {engine}, members from the {source}"
                seen[name] += len(found[0])

    compare()
    assert all(seen.values()), seen


def test_branches_equal_plain_distinct_counts_when_registries_are_random(migrated_sqlite_url: str) -> None:
    several = 0

    @same_examples(5 * EXAMPLES)
    @given(dated_registries())
    def compare(drawn: tuple[Registry, date]) -> None:
        nonlocal several
        registry, as_of = drawn
        fill(migrated_sqlite_url, registry)
        parameters = Parameters(as_of, Thresholds(), "register")
        plain = [PLAIN_BRANCHES.format(as_of=f"'{as_of}'", year=as_of.year, which=which) for which in SIDES.values()]
        texts = [statement("branches", parameters), *plain]
        found, *counted = on_registry(migrated_sqlite_url, texts, parameters)
        for side, expected in zip(SIDES, counted, strict=True):
            names = [name for name in expected[0] if name != "code"] if expected else []
            told = {one["code"]: [one[f"{side}_{name}"] for name in names] for one in found}
            assert told == {one["code"]: [one[name] for name in names] for one in expected}, side
            several += sum(one["affiliations"] > one["members_participating"] for one in expected)

    compare()
    assert several > 0  # somebody is tied to two branches below one


def test_the_lineage_equals_the_recursion_when_registries_are_random(migrated_sqlite_url: str) -> None:
    @same_examples(5 * EXAMPLES)
    @given(dated_registries())
    def compare(drawn: tuple[Registry, date]) -> None:
        fill(migrated_sqlite_url, drawn[0])
        texts = [f"SELECT * FROM {LINEAGE}", PLAIN_LINEAGE]
        found, expected = on_registry(migrated_sqlite_url, texts, Parameters(drawn[1], Thresholds(), "register"))
        assert found == expected

    compare()


def test_the_texts_keep_to_what_every_engine_understands_when_read() -> None:
    for name in {*TEXTS, *(step.text for step in STEPS)}:
        text = statement(name, Parameters(date(2017, 6, 30), Thresholds(), "register")).lower()
        for word in ("filter (", "greatest(", "least(", "::", "ilike", "qualify", "recursive"):
            assert word not in text, f"{name}: {word}"
