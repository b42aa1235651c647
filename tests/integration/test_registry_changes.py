"""Single changes and deletions: what they do, and every rule that refuses them, on both engines."""

import asyncio
from collections.abc import AsyncIterator
from datetime import date
from typing import Any

import pytest
from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncEngine

from app.config import Settings
from app.database.engines import make_engine
from app.database.outages import reading
from app.database.tables import METADATA
from app.database.write_lock import current_revision
from app.imports.changes import Change, ChangeRefused, Outcome, StillReferredTo, delete_entity, replace_entity
from app.registry.entities import (
    BRANCHES,
    DISTRICTS,
    ENTERPRISES,
    INDUSTRIES,
    INDUSTRY_GROUPS,
    REFERENCES,
    Entity,
    NotRegistered,
)
from app.registry.reads import Row, find_entity
from tests.factories.small_registry import SMALL_REGISTRY, fill

pytestmark = pytest.mark.anyio

ENTITIES = [DISTRICTS, INDUSTRIES, INDUSTRY_GROUPS, ENTERPRISES, BRANCHES]


@pytest.fixture
async def engine(migrated_url: str) -> AsyncIterator[AsyncEngine]:
    fill(migrated_url)
    made = make_engine(migrated_url)
    yield made
    await made.dispose()


def row_of(entity: Entity, code: str, **changed: Any) -> Row:
    """Return a thing of the small registry, with some values changed."""
    [row] = [dict(row) for row in SMALL_REGISTRY[entity.table_name] if row["code"] == code]
    if entity is INDUSTRY_GROUPS:
        row["industries"] = ["64", "65"]
    return row | changed


async def put(engine: AsyncEngine, entity: Entity, row: Row) -> Change:
    values = {name: value for name, value in row.items() if name != "code"}
    return await replace_entity(engine, Settings(write_wait_seconds=20), entity, row["code"], values)


async def refusal(engine: AsyncEngine, entity: Entity, row: Row) -> list[tuple[str, str]]:
    """Return the problems of a change, after seeing that it changed nothing."""
    before = await counted(engine)
    with pytest.raises(ChangeRefused) as caught:
        await put(engine, entity, row)
    assert await counted(engine) == before
    return [(item.place, str(item.message)) for item in caught.value.errors]


async def counted(engine: AsyncEngine) -> int:
    async with reading(engine) as connection:
        return await connection.run_sync(current_revision)


NEW: dict[str, Row] = {
    DISTRICTS.name: {"code": "350299", "parent_code": "3502", "level": "county", "name_zh": "新区", "name_en": None},
    INDUSTRIES.name: {"code": "642", "parent_code": "64", "level": "group", "name_zh": "信息", "name_en": None},
    INDUSTRY_GROUPS.name: {"code": "media", "name_zh": "新媒体", "name_en": None, "industries": ["I", "64"]},
    ENTERPRISES.name: {"code": "D", "name": "丁", "kind": "enterprise", "registered_on": None}
    | {"closed_on": date(2020, 1, 1), "district_code": "云顶", "industry_code": "641", "supersedes": "C"},
    BRANCHES.name: {"code": "F2", "name": "支部", "kind": "branch", "parent_code": "J", "district_code": "云顶"}
    | {"form": "functional", "dual_affiliation": True, "industry_code": None, "industry_group": "internet"}
    | {"established_on": date(2017, 6, 2), "dissolved_on": date(2017, 6, 3)},
}


@pytest.mark.parametrize("entity", ENTITIES, ids=lambda entity: entity.name)
async def test_new_thing_is_created_kept_changed_and_deleted_when_asked(engine: AsyncEngine, entity: Entity) -> None:
    row: Row = dict(NEW[entity.name])
    name = entity.names[0]
    first = await put(engine, entity, row)
    again = await put(engine, entity, row)
    other = await put(engine, entity, row | {name: "别名"})
    assert [first.outcome, again.outcome, other.outcome] == [Outcome.CREATED, Outcome.UNCHANGED, Outcome.CHANGED]
    assert other.row == await find_entity(engine, entity, row["code"])
    assert other.row[name] == "别名"
    assert await counted(engine) == 2
    await delete_entity(engine, Settings(), entity, row["code"])
    assert await counted(engine) == 3
    with pytest.raises(NotRegistered):
        await delete_entity(engine, Settings(), entity, row["code"])
    assert await counted(engine) == 3


async def test_set_of_a_group_is_replaced_when_given_in_another_order(engine: AsyncEngine) -> None:
    assert (
        await put(engine, INDUSTRY_GROUPS, row_of(INDUSTRY_GROUPS, "internet", industries=["65", "64"]))
    ).outcome == (Outcome.UNCHANGED)
    changed = await put(engine, INDUSTRY_GROUPS, row_of(INDUSTRY_GROUPS, "internet", industries=["I", "64", "641"]))
    assert changed.row["industries"] == ["64", "641", "I"]
    assert await find_entity(engine, INDUSTRY_GROUPS, "internet") == changed.row


async def test_set_of_a_group_goes_when_the_group_is_deleted(engine: AsyncEngine) -> None:
    await put(engine, INDUSTRY_GROUPS, dict(NEW[INDUSTRY_GROUPS.name]))
    await delete_entity(engine, Settings(), INDUSTRY_GROUPS, "media")
    table = METADATA.tables["industry_group_industry"]
    async with reading(engine) as connection:
        assert set(await connection.scalars(select(table.c.group_code))) == {"internet"}


@pytest.mark.parametrize("code", ["", ".", "..", "a/b", "a\nb", "x" * 65, " a", "a ", "\x85", "　a"])
async def test_code_is_refused_when_it_cannot_stand_in_a_path(engine: AsyncEngine, code: str) -> None:
    [(pointer, _)] = await refusal(engine, ENTERPRISES, row_of(ENTERPRISES, "A") | {"code": code})
    assert pointer == "path/code"


@pytest.mark.parametrize(
    ("entity", "row", "pointers"),
    [
        (DISTRICTS, row_of(DISTRICTS, "350203", parent_code="nowhere"), ["parent_code"]),
        (DISTRICTS, row_of(DISTRICTS, "35", parent_code="35"), ["level", "parent_code"]),
        (DISTRICTS, row_of(DISTRICTS, "3502", parent_code="350203", level="county"), ["parent_code", "level", "level"]),
        (DISTRICTS, row_of(DISTRICTS, "350203", level="site"), ["level", "parent_code"]),
        (INDUSTRIES, row_of(INDUSTRIES, "I", parent_code="641"), ["parent_code", "level"]),
        (
            INDUSTRY_GROUPS,
            row_of(INDUSTRY_GROUPS, "internet", industries=["64", "0", "64"]),
            ["industries/0", "industries/1", "industries/2"],
        ),
        (ENTERPRISES, row_of(ENTERPRISES, "A", supersedes="A"), ["supersedes"]),
        (
            ENTERPRISES,
            row_of(ENTERPRISES, "A", district_code="1", industry_code="2", supersedes="3", closed_on=date(1999, 1, 1)),
            ["district_code", "industry_code", "supersedes", "closed_on"],
        ),
        (BRANCHES, row_of(BRANCHES, "J", parent_code="F1"), ["parent_code"]),
        (BRANCHES, row_of(BRANCHES, "J", parent_code="X", district_code="X"), ["district_code", "parent_code"]),
        (BRANCHES, row_of(BRANCHES, "J", industry_code="64"), ["industry_group"]),
        (
            BRANCHES,
            row_of(BRANCHES, "J", industry_code="X", industry_group="Y"),
            ["industry_code", "industry_group", "industry_group"],
        ),
    ],
)  # fmt: skip
async def test_change_is_refused_with_all_its_problems_when_rules_are_broken(
    engine: AsyncEngine, entity: Entity, row: Row, pointers: list[str]
) -> None:
    problems = await refusal(engine, entity, row)
    assert sorted(pointer for pointer, _ in problems) == sorted(f"body/{pointer}" for pointer in pointers)


@pytest.mark.parametrize(
    ("entity", "row"),
    [
        (DISTRICTS, row_of(DISTRICTS, "350203", parent_code="35")),
        (DISTRICTS, row_of(DISTRICTS, "云顶", parent_code="350203008")),
        (DISTRICTS, row_of(DISTRICTS, "350203008", level="county", parent_code="3502")),
        (INDUSTRIES, row_of(INDUSTRIES, "641", parent_code="I")),
        (INDUSTRIES, row_of(INDUSTRIES, "641", parent_code=None, level="class")),
        (ENTERPRISES, row_of(ENTERPRISES, "C", supersedes="A")),
        (ENTERPRISES, row_of(ENTERPRISES, "A", closed_on=date(2010, 1, 2))),
        (BRANCHES, row_of(BRANCHES, "J", dual_affiliation=False)),
        (BRANCHES, row_of(BRANCHES, "F1", parent_code=None, industry_code=None, industry_group="internet")),
    ],
)
async def test_change_is_taken_when_it_stays_within_the_rules(engine: AsyncEngine, entity: Entity, row: Row) -> None:
    assert (await put(engine, entity, row)).outcome == Outcome.CHANGED
    assert await find_entity(engine, entity, row["code"]) == row


async def test_cycle_is_measured_when_refused(engine: AsyncEngine) -> None:
    [(_, message)] = await refusal(engine, ENTERPRISES, row_of(ENTERPRISES, "A", supersedes="C"))
    assert message == "continues itself, in a cycle of 3"
    [(_, message)] = await refusal(engine, BRANCHES, row_of(BRANCHES, "J", parent_code="J"))
    assert message == "is below itself, in a cycle of 1"


async def test_closest_codes_are_offered_when_a_reference_is_unknown(engine: AsyncEngine) -> None:
    with pytest.raises(ChangeRefused) as caught:
        await put(engine, ENTERPRISES, row_of(ENTERPRISES, "A", district_code="35020300"))
    assert set(caught.value.errors[0].suggestions) >= {"350203", "350203008"}


async def test_members_are_only_counted_when_secondaries_remain(engine: AsyncEngine) -> None:
    [(_, message)] = await refusal(engine, BRANCHES, row_of(BRANCHES, "F1", dual_affiliation=False))
    assert message == "must stay true: 2 secondary affiliations are to it"


@pytest.mark.parametrize(
    ("entity", "code", "messages"),
    [
        (DISTRICTS, "35", [
            "districts refer to it: 1 rows (3502)",
            "branches refer to it: 1 rows (Z)",
        ]),
        (DISTRICTS, "云顶", ["returns refer to it: 3 rows (A)"]),
        (INDUSTRIES, "65", [
            "industry-groups refer to it: 1 rows (internet)",
            "branches refer to it: 1 rows (F1)",
        ]),
        (INDUSTRIES, "641", ["enterprises refer to it: 1 rows (A)"]),
        (INDUSTRY_GROUPS, "internet", [
            "branches refer to it: 1 rows (J)",
            "targets refer to it: 1 rows (work_coverage)",
        ]),
        (ENTERPRISES, "A", [
            "enterprises refer to it: 1 rows (B)",
            "returns refer to it: 3 rows (2016-12-31, 2017-05-31, 2017-06-30)",
            "coverage refer to it: 4 rows (2016-01-01, 2017-06-01)",
            "employments refer to it: 3 rows",
        ]),
        (BRANCHES, "J", [
            "branches refer to it: 1 rows (F1)",
            "coverage refer to it: 1 rows (A)",
        ]),
        (BRANCHES, "F1", [
            "branch-returns refer to it: 2 rows (2017-05-01, 2017-06-01)",
            "coverage refer to it: 1 rows (A)",
            "affiliations refer to it: 2 rows",
        ]),
    ],
)  # fmt: skip
async def test_deletion_is_refused_with_what_refers_to_it_when_something_does(
    engine: AsyncEngine, entity: Entity, code: str, messages: list[str]
) -> None:
    with pytest.raises(StillReferredTo) as caught:
        await delete_entity(engine, Settings(), entity, code)
    assert [str(item.message) for item in caught.value.errors] == messages
    assert await counted(engine) == 0
    assert (await find_entity(engine, entity, code))["code"] == code


def test_every_column_that_holds_codes_is_known_to_refer_to_something() -> None:
    """A reference that were forgotten here would let its target be deleted."""
    holding = {
        (table.name, column.name)
        for table in METADATA.tables.values()
        for column in table.c
        if column.name.endswith("_code") or column.name in ("supersedes", "industry_group")
    }
    known = {(reference.table_name, reference.column) for reference in REFERENCES}
    assert holding - known == {("industry_group_industry", "group_code")}


async def test_group_without_industries_goes_when_it_is_deleted(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await connection.execute(insert(METADATA.tables["industry_group"]).values(code="empty", name_zh="空"))
    await delete_entity(engine, Settings(), INDUSTRY_GROUPS, "empty")
    with pytest.raises(NotRegistered):
        await find_entity(engine, INDUSTRY_GROUPS, "empty")


async def test_every_change_is_kept_when_many_come_at_once(engine: AsyncEngine) -> None:
    rows = [row_of(ENTERPRISES, "C", supersedes=None) | {"code": f"N{number}"} for number in range(20)]
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(put(engine, ENTERPRISES, row)) for row in rows * 2]
    outcomes = [task.result().outcome for task in tasks]
    assert outcomes == [Outcome.CREATED] * 20 + [Outcome.UNCHANGED] * 20
    assert await counted(engine) == 20
