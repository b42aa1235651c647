"""A single change does, refuses and says what an import of the same rows does, over random registries and changes."""

import asyncio
from collections.abc import Awaitable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncEngine

from app.database.engines import make_engine
from app.errors import ErrorItem
from app.imports.changes import ChangeRefused, Outcome, StillReferredTo, delete_entity, replace_entity
from app.imports.datasets import DATASETS
from app.imports.issues import RowIssue, Severity
from app.imports.load import Imported, ImportRejected, import_file
from app.imports.options import ImportMode, ImportOptions
from app.registry.entities import BRANCHES, DISTRICTS, ENTERPRISES, ENTITIES, INDUSTRIES, INDUSTRY_GROUPS, NotRegistered
from tests.conftest import ENGINES
from tests.factories.importing import Registry
from tests.integration.test_import_model import (
    CODES,
    EXAMPLES,
    RANDOM,
    Database,
    Scope,
    base,
    cell,
    opened,
    two_counties,
    write_file,
)
from tests.reference.file_rows import FileRow

Rows = list[dict[str, Any]]
Draw = tuple[str, Rows, bool]
"""Name of the entity, its rows, and whether it is deleted."""

FEWER = settings(RANDOM, max_examples=max(EXAMPLES // 4, 1))
"""Each change is compared with two imports."""

EVERYWHERE = (DISTRICTS, INDUSTRIES, INDUSTRY_GROUPS, ENTERPRISES, BRANCHES)
FIRST_ROW = 2


@st.composite
def changes(draw: st.DrawFn, names: Sequence[str]) -> Draw:
    """Draw a change: whole rows of one thing, of codes that are mostly known, at times of one that cannot be."""
    dataset = DATASETS[draw(st.sampled_from(names))]
    row = {column.name: draw(cell(dataset.name, column)) for column in dataset.columns}
    referring = [column.name for column in dataset.columns if column.refers_to]
    if referring and draw(st.integers(0, 9)) == 0:
        row[draw(st.sampled_from(referring))] = "a/b"
    if dataset.name != INDUSTRY_GROUPS.name:
        return dataset.name, [row], draw(st.integers(0, 3)) == 0
    industries = draw(st.lists(st.sampled_from([*CODES["industries"], "a/b"]), min_size=1, max_size=4))
    return dataset.name, [row | {"industry_code": code} for code in industries], draw(st.booleans())


class Comparison:
    """One registry, changed singly and asked each time what an import would have done."""

    def __init__(self, database: Database, folder: Path, engine: AsyncEngine, scope: Scope) -> None:
        self._database, self._folder, self._engine, self._scope = database, folder, engine, scope
        self._settings = database.registry.settings

    async def check(self, drawn: Draw) -> None:
        """Make a change and compare it with the import of its rows, before and after."""
        name, rows, is_deletion = drawn
        await (self._check_deletion(name, rows) if is_deletion else self._check_replacement(name, rows))

    async def _check_replacement(self, name: str, rows: Rows) -> None:
        expected = self._import(name, rows, ImportMode.UPSERT, dry_run=True)
        values = {column: value for column, value in rows[0].items() if column not in DATASETS[name].key}
        if name == INDUSTRY_GROUPS.name:
            values["industries"] = [row["industry_code"] for row in rows]
        code, before = rows[0][DATASETS[name].key[0]], self._database.read()
        change, refused = await outcome(
            replace_entity(self._engine, self._settings, ENTITIES[name], code, values, self._scope)
        )
        if change is None:
            assert told(refused) == problems(name, code, expected.issues)
            assert self._database.read() == before
            return
        assert expected.result.errors == 0
        done, after = expected.result, self._database.read()
        if name != INDUSTRY_GROUPS.name:
            counts = {Outcome.CREATED: (1, 0), Outcome.CHANGED: (0, 1), Outcome.UNCHANGED: (0, 0)}
            assert (done.inserted, done.changed) == counts[change.outcome]
        else:
            listed = {key[1] for key in after[name] if key[0] == code}
            assert listed == set(values["industries"]) == set(change.row["industries"])
            assert (after == before) == (change.outcome is Outcome.UNCHANGED)
        again = self._import(name, rows, ImportMode.UPSERT).result
        assert (again.inserted, again.changed, again.errors) == (0, 0, 0)
        assert self._database.read() == after

    async def _check_deletion(self, name: str, rows: Rows) -> None:
        key, before = DATASETS[name].key, self._database.read()
        code = rows[0][key[0]]
        if name == INDUSTRY_GROUPS.name:
            rows = [dict(zip(key, there, strict=True)) for there in before[name] if there[0] == code] or rows[:1]
        keys = [{column: row[column] for column in key} for row in rows]
        expected = self._import(name, keys, ImportMode.DELETE, dry_run=True)
        _, refused = await outcome(delete_entity(self._engine, self._settings, ENTITIES[name], code, self._scope))
        if not refused:
            assert expected.result.deleted == len(keys)
            assert self._import(name, keys, ImportMode.DELETE).result.deleted == 0
            return
        assert expected.result.deleted == 0
        assert self._database.read() == before
        expected_words = problems(name, code, expected.issues) or {not_there(name, code)}
        assert told(refused) == expected_words

    def _import(self, name: str, rows: Rows, mode: ImportMode, *, dry_run: bool = False) -> Imported:
        path = self._folder / "file.csv"
        write_file(path, list(rows[0]), [FileRow(number, row) for number, row in enumerate(rows, FIRST_ROW)])
        options = ImportOptions(mode, dry_run=dry_run, scope=self._scope)
        try:
            return import_file(self._settings, name, path, options, lambda *_: None)
        except ImportRejected as rejected:
            return rejected.imported


async def outcome(change: Awaitable[Any]) -> tuple[Any, Sequence[ErrorItem]]:
    """Return what a change did, and the problems for which it was refused."""
    try:
        return await change, ()
    except (ChangeRefused, NotRegistered, StillReferredTo) as refused:
        return None, refused.errors


def not_there(name: str, code: str) -> tuple[str, str, tuple[str, ...]]:
    return "path/code", f"There is no {ENTITIES[name].noun} {code!r}.", ()


def told(errors: Sequence[ErrorItem]) -> set[tuple[str, str, tuple[str, ...]]]:
    return {(item.place, str(item.message), item.suggestions) for item in errors}


def problems(name: str, code: str, issues: Sequence[RowIssue]) -> set[tuple[str, str, tuple[str, ...]]]:
    """Return the errors of an import as a request is told them."""
    errors = [issue for issue in issues if issue.severity is Severity.ERROR]
    key = DATASETS[name].key[0]
    if any(issue.rule == "outside_scope" and issue.column == key for issue in errors):
        return {not_there(name, code)}
    return {
        (
            pointer(name, key, issue),
            "is listed more than once" if issue.rule == "duplicate_key" else issue.message,
            issue.suggestions,
        )
        for issue in errors
    }


def pointer(name: str, key: str, issue: RowIssue) -> str:
    of_set = name == INDUSTRY_GROUPS.name and (issue.column == "industry_code" or issue.rule == "duplicate_key")
    if of_set and issue.row is not None:
        return f"body/industries/{issue.row - FIRST_ROW}"
    return "path/code" if issue.column == key else f"body/{issue.column}"


def compare_all(database: Database, folder: Path, drawn: Sequence[Draw], scope: Scope) -> None:
    async def check() -> None:
        engine = make_engine(database.registry.settings.registry_url)
        comparison = Comparison(database, folder, engine, scope)
        for change in drawn:
            await comparison.check(change)
        await engine.dispose()

    asyncio.run(check())


@pytest.mark.parametrize("engine", ENGINES)
def test_change_is_an_import_when_registry_and_change_are_random(
    engine: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    registry = Registry(request.getfixturevalue(f"migrated_{engine}_url"), tmp_path)
    with opened(registry) as database:

        @FEWER
        @given(st.lists(changes([entity.name for entity in EVERYWHERE]), min_size=1, max_size=8))
        def check(drawn: list[Draw]) -> None:
            database.restore(base())
            compare_all(database, tmp_path, drawn, None)

        check()


@pytest.mark.parametrize("engine", ENGINES)
def test_change_is_an_import_of_a_scope_when_registry_and_change_are_random(
    engine: str, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What an import would do, also to what lies outside, which a dry run of such a key does not say.
    monkeypatch.setattr("app.imports.load.show_inside_alone", lambda *_: None)
    registry = Registry(request.getfixturevalue(f"migrated_{engine}_url"), tmp_path)
    scopes = st.sampled_from([frozenset({"350203"}), frozenset({"T"}), frozenset({"3502"})])
    with opened(registry) as database:

        @FEWER
        @given(st.lists(changes([ENTERPRISES.name, BRANCHES.name]), min_size=1, max_size=8), scopes)
        def check(drawn: list[Draw], scope: frozenset[str]) -> None:
            database.restore(two_counties())
            compare_all(database, tmp_path, drawn, scope)

        check()
