"""Random sequences of imports do to the registry what a plain reading of the rules says, on both engines."""

import csv
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, select

from app.database.engines import make_sync_engine
from app.database.tables import METADATA
from app.imports.columns import Column, Kind
from app.imports.datasets import DATASETS
from app.imports.issues import Severity
from app.imports.load import ImportRejected, import_file
from app.imports.options import ImportMode, ImportOptions, OnError
from tests.conftest import ENGINES
from tests.factories.importing import Registry
from tests.lengths import at_length
from tests.reference.file_rows import COLUMNS, FileRow, Tables, empty, key_of
from tests.reference.importing import import_rows
from tests.reference.scopes import BELONGS, Inside

EXAMPLES = int(os.environ.get("ORGCOVERAGE_TEST_IMPORT_EXAMPLES", at_length(40, 8)))
"""Sequences of imports on each engine."""

TABLES = {
    "districts": "district",
    "industries": "industry",
    "groups": "industry_group",
    "industry-groups": "industry_group_industry",
    "enterprises": "enterprise",
    "returns": "enterprise_return",
    "branches": "branch",
    "coverage": "enterprise_coverage",
    "branch-returns": "branch_return",
    "targets": "target",
    "members": "member",
    "employments": "employment",
    "affiliations": "affiliation",
}
CODES = {
    "districts": ("35", "3502", "350203", "S", "T", "x"),
    "industries": ("I", "64", "641", "J", "x"),
    "industry-groups": ("g", "h"),
    "enterprises": ("A", "B", "C", "x"),
    "branches": ("J", "K", "L", "M", "x"),
    "members": ("m1", "m2", "m3", "x"),
}
UNREADABLE = "/" * 1001
"""No code, no date, no number, and too long for a name."""

RARELY = st.sampled_from([True, False, False])
DATES = tuple(date(2010 + year, 6, 30) for year in range(5))


def cell(dataset: str, column: Column) -> st.SearchStrategy[Any]:
    """Draw a cell: codes from a few, of which one is often nowhere, dates from five years."""
    blank = [] if column.required else [None, None]
    match column.kind:
        case Kind.CODE | Kind.REF:
            choices = CODES[column.refers_to or ("industry-groups" if column.name == "group_code" else OWNERS[dataset])]
            return st.sampled_from([*choices[:-1] * 3, choices[-1], *blank])
        case Kind.DATE | Kind.MONTH:
            days = [day.replace(day=1) for day in DATES] if column.kind is Kind.MONTH else DATES
            return st.sampled_from([*days, *blank])
        case Kind.COUNT | Kind.YEAR:
            return st.sampled_from([0, 1, 2, 3, *blank[:1]] if column.kind is Kind.COUNT else [1980, 1990, None])
        case Kind.BOOLEAN:
            return st.sampled_from([True, False, *blank])
        case Kind.ENUMERATION:
            few = column.choices[:2] if dataset == "targets" else column.choices
            return st.sampled_from([*few, *blank])
        case Kind.TEXT | Kind.FRACTION:
            return st.sampled_from(["甲", "乙", *blank] if column.kind is Kind.TEXT else ["0", "0.4", "1"])


def often(column: Column) -> st.SearchStrategy[bool]:
    """Draw whether a file has an optional column; parts of counts, which are easily wrong, more rarely."""
    return st.sampled_from([True, False, False, False] if column.part_of else [True, True, True, False])


OWNERS = {"ledger": "enterprises", **{name: name for name in CODES}}


TREES = ("districts", "industries", "industry-groups")

Scope = frozenset[str] | None
File = tuple[str, list[str], list[FileRow], str, str]


@st.composite
def files(draw: st.DrawFn, without: tuple[str, ...] = ()) -> File:
    """Draw a dataset, a header, rows, a mode, and what to do about errors."""
    names = [name for name in DATASETS if name not in without]
    dataset = DATASETS[draw(st.sampled_from([*names, *["employments", "affiliations"] * 3]))]
    mode = draw(st.sampled_from(["upsert", "upsert", "upsert", "replace", "delete"]))
    wanted = [
        column
        for column in dataset.columns
        if column.name in dataset.key or (mode != "delete" and (column.required or draw(often(column))))
    ]
    drawn = st.tuples(*(cell(dataset.name, column) for column in wanted))
    places = [place for place, column in enumerate(wanted) if column.name in dataset.key]
    key = draw(st.sampled_from([None, lambda row: tuple(row[place] for place in places)]))
    rows = draw(st.lists(drawn, min_size=0, max_size=5, unique_by=key))
    header = [column.name for column in wanted]
    spoiled = draw(st.lists(st.tuples(st.integers(2, 7), st.sampled_from(header)), max_size=3)) if draw(RARELY) else []
    numbered = [
        _file_row(
            dataset.name, number, dict(zip(header, row, strict=True)), {name for at, name in spoiled if at == number}
        )
        for number, row in enumerate(rows, 2)
    ]
    return dataset.name, header, numbered, mode, draw(st.sampled_from(["skip", "skip", "reject"]))


def _file_row(dataset: str, number: int, cells: dict[str, Any], unread: set[str]) -> FileRow:
    return FileRow(number, _filled(dataset, cells) | dict.fromkeys(unread), frozenset(unread))


def _filled(dataset: str, cells: dict[str, Any]) -> dict[str, Any]:
    """Return cells as the file's own columns read them: a blank of some columns has a meaning."""
    defaults = {column.name: column.default_when_blank for column in DATASETS[dataset].columns}
    return {name: defaults[name] if value is None else value for name, value in cells.items()}


def base() -> Tables:
    """Return a small registry in which most codes are known."""
    tables = empty()
    rows: dict[str, list[tuple[Any, ...]]] = {
        "districts": [
            ("35", None, "province"),
            ("3502", "35", "city"),
            ("350203", "3502", "county"),
            ("S", "350203", "street"),
        ],
        "industries": [("I", None, "section"), ("64", "I", "division"), ("641", "64", "group")],
        "groups": [("g", "组", None)],
        "industry-groups": [("g", "64")],
        "enterprises": [("A", "甲", "enterprise", DATES[0]), ("B", "乙", "enterprise", None)],
        "returns": [("A", DATES[1])],
        "branches": [
            ("J", "某", "committee", None, "35", None, True),
            ("K", "某", "branch", "J", "S", None, True),
            ("L", "某", "branch", None, "35", None, False),
        ],
        "branch-returns": [("K", DATES[1].replace(day=1), 2, None)],
        "targets": [
            ("member_ratio", "registered", DATES[0], "0.4", None, None, "g"),
            ("member_ratio", "operating", DATES[1], "0.4", "S", "64"),
        ],
        "members": [("m1", DATES[0]), ("m2", DATES[1])],
        "employments": [("m1", "A", DATES[1], DATES[2])],
        "affiliations": [("m1", "J", "primary", DATES[0], None), ("m2", "K", "secondary", DATES[0], None)],
    }
    return _with_rows(tables, rows)


def two_counties() -> Tables:
    """Return the same registry with a second county, and something in each of them."""
    rows: dict[str, list[tuple[Any, ...]]] = {
        "districts": [("350206", "3502", "county"), ("T", "350206", "street")],
        "enterprises": [
            ("A", "甲", "enterprise", None, None, "S"),
            ("B", "乙", "enterprise", None, None, "T"),
            ("C", "丙", "enterprise", None, None, "S"),
        ],
        "returns": [("A", DATES[1], None), ("C", DATES[0], "T"), ("C", DATES[1], "S")],
        "branches": [
            ("J", "某", "committee", None, "3502", None, True),
            ("K", "某", "branch", "J", "S", None, True),
            ("L", "某", "branch", "J", "T", None, True),
        ],
        "coverage": [("A", "L", "joint", DATES[0]), ("B", "K", "joint", DATES[0]), ("C", None, "liaison", DATES[0])],
        "branch-returns": [(code, DATES[1].replace(day=1), 2, None) for code in ("K", "L")],
        "targets": [("member_ratio", "registered", DATES[0], "0.4", place) for place in (None, "S", "T")],
        "members": [("m1", DATES[0]), ("m2", DATES[1]), ("m3", DATES[1])],
        "employments": [("m1", "A", DATES[1], DATES[2]), ("m2", "B", DATES[1], None), ("m3", "B", DATES[1], DATES[2])],
        "affiliations": [
            ("m1", "L", "primary", DATES[0], None),
            ("m2", "K", "secondary", DATES[0], None),
            ("m3", "K", "primary", DATES[0], None),
        ],
    }
    tables = base()
    for name in rows:
        tables[name] = tables[name] if name == "districts" else {}
    return _with_rows(tables, rows)


def _with_rows(tables: Tables, rows: dict[str, list[tuple[Any, ...]]]) -> Tables:
    for name, values in rows.items():
        for row in values:
            cells = dict.fromkeys(COLUMNS[name]) | dict(zip(COLUMNS[name], row, strict=False))
            cells |= {"name_zh": "某"} if "name_zh" in cells and name != "groups" else {}
            cells |= {"identity": "open"} if name == "members" else {}
            tables[name][key_of(name, cells)] = cells
    return tables


class Database:
    """The registry of one engine, set to plain rows and read back as such."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self._engine = make_sync_engine(registry.settings.registry_url)

    def restore(self, tables: Tables) -> None:
        with self._engine.begin() as connection:
            for name, title in TABLES.items():
                connection.execute(delete(METADATA.tables[title]))
                if tables[name]:
                    rows = [
                        {_stored(name, column): cells[column] for column in COLUMNS[name]}
                        for cells in tables[name].values()
                    ]
                    connection.execute(insert(METADATA.tables[title]), rows)

    def read(self) -> Tables:
        found = empty()
        with self._engine.connect() as connection:
            for name, title in TABLES.items():
                table = METADATA.tables[title]
                for row in connection.execute(select(*(table.c[_stored(name, column)] for column in COLUMNS[name]))):
                    cells = dict(zip(COLUMNS[name], row, strict=True))
                    found[name][key_of(name, cells)] = cells
        return found

    def close(self) -> None:
        self._engine.dispose()


def _stored(name: str, column: str) -> str:
    return "code" if (name, column) == ("groups", "group_code") else column


def write_file(path: Path, header: list[str], rows: list[FileRow]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(
            [UNREADABLE if name in row.unread else _text(row.cells[name]) for name in header] for row in rows
        )


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)


@contextmanager
def opened(registry: Registry) -> Iterator[Database]:
    database = Database(registry)
    try:
        yield database
    finally:
        database.close()


def compare(database: Database, folder: Path, start: Tables, sequence: Sequence[File], scope: Scope = None) -> None:
    """Take files one after the other, and compare each time what that does with what it should."""
    tables = start
    database.restore(tables)
    for dataset, header, rows, mode, on_error in sequence:
        path = folder / "file.csv"
        write_file(path, header, rows)
        expected = import_rows(tables, dataset, rows, mode, on_error, scope)
        try:
            options = ImportOptions(ImportMode(mode), OnError(on_error), scope=scope)
            imported = import_file(database.registry.settings, dataset, path, options, lambda *_: None)
        except ImportRejected as rejected:
            assert expected.refused
            imported = rejected.imported
        else:
            assert not expected.refused
            result = imported.result
            counts = (expected.inserted, expected.changed, expected.unchanged, expected.deleted)
            assert (result.inserted, result.changed, result.unchanged, result.deleted) == counts
        errors = {(issue.row, str(issue.rule)) for issue in imported.issues if issue.severity is Severity.ERROR}
        assert errors == expected.problems
        if scope is not None:
            assert untouched(tables, expected.tables, scope)
        tables = expected.tables
        assert database.read() == tables


def untouched(before: Tables, after: Tables, scope: frozenset[str]) -> bool:
    """Say whether all rows outside a scope stay as they are, and all enterprises and branches where they are."""
    was, now = Inside(before, scope), Inside(after, scope)
    free = {
        name: {key for key in before[name] if name == "members" and was.is_open_to(name, key[0])} for name in before
    }
    rows_stay = all(
        after[name].get(key) == row
        for name in BELONGS
        for key, row in before[name].items()
        if key not in free[name] and not was.row(name, row)
    )
    places_stay = all(
        was.has(name, key[0]) == now.has(name, key[0])
        for name in ("enterprises", "branches")
        for key in before[name].keys() & after[name].keys()
    )
    new_inside = all(
        now.has(name, key[0])
        for name in ("enterprises", "branches")
        for key in after[name].keys() - before[name].keys()
    )
    return rows_stay and places_stay and new_inside


RANDOM = settings(
    max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None
)


@pytest.mark.parametrize("engine", ENGINES)
def test_imports_equal_the_reference_when_files_are_random(
    engine: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    registry = Registry(request.getfixturevalue(f"migrated_{engine}_url"), tmp_path)
    with opened(registry) as database:

        @RANDOM
        @given(st.lists(files(), min_size=1, max_size=5))
        def check(sequence: list[File]) -> None:
            compare(database, tmp_path, base(), sequence)

        check()


@pytest.mark.parametrize("engine", ENGINES)
def test_imports_of_a_scope_equal_the_reference_and_leave_the_rest_alone_when_files_are_random(
    engine: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    registry = Registry(request.getfixturevalue(f"migrated_{engine}_url"), tmp_path)
    scopes = st.sampled_from([frozenset({"350203"}), frozenset({"350203"}), frozenset({"T"}), frozenset({"3502"})])
    with opened(registry) as database:

        @RANDOM
        @given(st.lists(files(TREES), min_size=1, max_size=5), scopes)
        def check(sequence: list[File], scope: frozenset[str]) -> None:
            compare(database, tmp_path, two_counties(), sequence, scope)

        check()
