"""Lists, single things and exports of the registry, on both engines."""

import csv
import io
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from app.config import Settings
from app.database.engines import make_engine
from app.database.outages import reading
from app.database.tables import METADATA
from app.database.write_lock import current_revision, write_lock
from app.imports.datasets import DATASETS
from app.registry.classifications import LoadedClassifications, load_classifications
from app.registry.entities import (
    BRANCHES,
    DISTRICTS,
    ENTERPRISES,
    INDUSTRIES,
    INDUSTRY_GROUPS,
    Entity,
    NotRegistered,
    UnknownCode,
)
from app.registry.export import EXPORTS, NotExported, export_rows
from app.registry.reads import CoverageKey, Listing, find_entity, list_coverage, list_entities, list_returns
from app.registry.trees import find_cycles
from tests.factories.small_registry import SMALL_REGISTRY, fill

pytestmark = pytest.mark.anyio


@pytest.fixture
async def engine(migrated_url: str) -> AsyncIterator[AsyncEngine]:
    fill(migrated_url)
    made = make_engine(migrated_url)
    yield made
    await made.dispose()


async def codes(engine: AsyncEngine, entity: Entity, **listing: Any) -> list[str]:
    page = await list_entities(engine, entity, Listing(**listing))
    return [row["code"] for row in page.rows]


def sorted_rows(table: str, key: str = "code") -> list[dict[str, Any]]:
    return sorted(SMALL_REGISTRY[table], key=lambda row: str(row[key]).encode())


@pytest.mark.parametrize("entity", [DISTRICTS, INDUSTRIES, ENTERPRISES, BRANCHES])
async def test_everything_is_listed_by_code_when_nothing_is_asked(engine: AsyncEngine, entity: Entity) -> None:
    page = await list_entities(engine, entity, Listing())
    assert list(page.rows) == sorted_rows(entity.table_name)
    assert not page.more


async def test_groups_come_with_their_sets_when_listed(engine: AsyncEngine) -> None:
    page = await list_entities(engine, INDUSTRY_GROUPS, Listing())
    assert list(page.rows) == [{**SMALL_REGISTRY["industry_group"][0], "industries": ["64", "65"]}]
    assert await find_entity(engine, INDUSTRY_GROUPS, "internet") == page.rows[0]


@pytest.mark.parametrize(
    ("entity", "listing", "expected"),
    [
        (DISTRICTS, {"q": "街道"}, ["350203008", "350203009"]),
        (DISTRICTS, {"q": "sIMing"}, ["350203"]),
        (DISTRICTS, {"q": "0203"}, ["350203", "350203008", "350203009"]),
        (DISTRICTS, {"parent": "350203009"}, ["云顶"]),
        (DISTRICTS, {"level": "street"}, ["350203008", "350203009"]),
        (DISTRICTS, {"parent": "350203", "level": "street", "q": "梧"}, ["350203008"]),
        (DISTRICTS, {"parent": "云顶"}, []),
        (INDUSTRIES, {"parent": "I"}, ["64", "65"]),
        (INDUSTRY_GROUPS, {"q": "100%"}, ["internet"]),
        (INDUSTRY_GROUPS, {"q": "1%"}, []),
        (INDUSTRY_GROUPS, {"q": "t_1"}, ["internet"]),
        (INDUSTRY_GROUPS, {"q": "_"}, ["internet"]),
        (ENTERPRISES, {"q": "乙"}, ["B"]),
        (ENTERPRISES, {"q": "/"}, []),
        (BRANCHES, {"parent": "J"}, ["F1"]),
    ],
)
async def test_rows_are_chosen_when_conditions_are_given(
    engine: AsyncEngine, entity: Entity, listing: dict[str, Any], expected: list[str]
) -> None:
    assert await codes(engine, entity, **listing) == expected


async def test_parent_is_refused_with_the_closest_codes_when_unknown(engine: AsyncEngine) -> None:
    with pytest.raises(UnknownCode) as caught:
        await codes(engine, DISTRICTS, parent="350204")
    [item] = caught.value.errors
    assert item.place == "query/parent"
    assert "350203" in item.suggestions
    with pytest.raises(UnknownCode):
        await codes(engine, DISTRICTS, parent="\0")


async def test_pages_hold_every_row_once_when_walked_through(engine: AsyncEngine) -> None:
    wide = ["a", "b", "_", "é", "10", "9", "𠮷", "～"]
    async with write_lock(engine, Settings()) as connection:
        rows = [{"code": code, "name": code, "kind": "enterprise"} for code in wide]
        await connection.execute(insert(METADATA.tables["enterprise"]), rows)
    walked: list[str] = []
    more = True
    while more:
        page = await list_entities(engine, ENTERPRISES, Listing(after=walked[-1] if walked else None, limit=3))
        walked += [row["code"] for row in page.rows]
        more = page.more
    assert walked == sorted(["A", "B", "C", *wide], key=str.encode)


async def test_one_is_found_or_said_to_be_missing_when_asked_by_code(engine: AsyncEngine) -> None:
    assert await find_entity(engine, ENTERPRISES, "A") == SMALL_REGISTRY["enterprise"][0]
    for code in ("a", "", "\0", "x" * 65, "..", "\udcff"):
        with pytest.raises(NotRegistered):
            await find_entity(engine, ENTERPRISES, code)


async def test_returns_come_in_the_order_of_their_dates_when_paged(engine: AsyncEngine) -> None:
    first = await list_returns(engine, "A", None, 2)
    assert [row["reported_on"].isoformat() for row in first.rows] == ["2016-12-31", "2017-05-31"]
    assert first.more
    last = await list_returns(engine, "A", first.rows[-1]["reported_on"], 2)
    assert list(last.rows) == [SMALL_REGISTRY["enterprise_return"][2]]
    assert not last.more
    with pytest.raises(NotRegistered):
        await list_returns(engine, "nobody", None, 2)


async def test_coverage_holds_every_row_once_when_paged(engine: AsyncEngine) -> None:
    whole = (await list_coverage(engine, "A", None, 100)).rows
    assert [(row["means"], row["branch_code"]) for row in whole] == [
        ("instructor", None),
        ("liaison", None),
        ("liaison", "F1"),
        ("joint", "J"),
    ]
    walked: list[dict[str, Any]] = []
    after = None
    for _ in whole:
        page = await list_coverage(engine, "A", after, 1)
        walked += page.rows
        after = CoverageKey(page.rows[-1]["start_on"], page.rows[-1]["means"], page.rows[-1]["branch_code"] or "")
    assert walked == whole
    assert "id" not in whole[0]
    assert not (await list_coverage(engine, "A", after, 1)).rows


async def exported(engine: AsyncEngine, dataset: str) -> list[dict[str, str]]:
    content = b"".join([piece async for piece in export_rows(engine, dataset)])
    return list(csv.DictReader(io.StringIO(content.decode(), newline="")))


@pytest.mark.parametrize("dataset", EXPORTS)
async def test_export_has_the_columns_that_an_import_takes(engine: AsyncEngine, dataset: str) -> None:
    pieces = export_rows(engine, dataset)
    header = (await anext(pieces)).decode()
    await pieces.aclose()
    assert header == ",".join(column.name for column in DATASETS[dataset].columns) + "\r\n"


async def test_export_has_every_cell_as_recorded_when_read_back(engine: AsyncEngine) -> None:
    assert [row["name"] for row in await exported(engine, "enterprises")] == ["甲", "=乙", '丙, "C"\n=1+1']
    first = (await exported(engine, "returns"))[0]
    assert first["reported_on"] == "2016-12-31"
    assert [first[name] for name in ("operating", "fixed_premises", "above_designated_size")] == ["true", "false", ""]
    assert [first[name] for name in ("headcount", "members_under_36", "members_women")] == ["10", "0", ""]
    assert [row["industry_code"] for row in await exported(engine, "industry-groups")] == ["64", "65"]
    assert [row["branch_code"] for row in await exported(engine, "coverage")] == ["", "", "F1", "J"]


async def test_export_is_whole_when_it_takes_many_pieces(engine: AsyncEngine) -> None:
    codes = [f"X{number:05}" for number in range(1201)]
    async with write_lock(engine, Settings()) as connection:
        rows = [{"code": code, "name": code, "kind": "enterprise"} for code in codes]
        await connection.execute(insert(METADATA.tables["enterprise"]), rows)
    assert [row["code"] for row in await exported(engine, "enterprises")] == ["A", "B", "C", *codes]


async def test_export_is_refused_when_it_would_show_persons(engine: AsyncEngine) -> None:
    for dataset in ("members", "employments", "affiliations", "ledger", "nothing"):
        with pytest.raises(NotExported) as caught:
            await exported(engine, dataset)
        assert caught.value.errors[0].allowed == EXPORTS


async def test_classifications_are_loaded_once_when_the_registry_is_empty(migrated_url: str) -> None:
    assert load_classifications(migrated_url) == LoadedClassifications(districts=4322, industries=1970)
    assert load_classifications(migrated_url) == LoadedClassifications(districts=0, industries=0)
    engine = make_engine(migrated_url)
    siming = await find_entity(engine, DISTRICTS, "350203")
    assert siming == {
        "code": "350203",
        "parent_code": "350200",
        "level": "county",
        "name_zh": "思明区",
        "name_en": None,
    }
    for entity, loaded in ((DISTRICTS, 4322), (INDUSTRIES, 1970)):
        async with reading(engine) as connection:
            rows = (await connection.execute(entity.table.select())).mappings().all()
        parents = {row["code"]: row["parent_code"] for row in rows}
        assert len(parents) == loaded
        assert {parent for parent in parents.values() if parent} <= parents.keys()
        assert find_cycles(parents) == []
        ranks = {row["code"]: entity.levels.index(row["level"]) for row in rows}
        assert all(ranks[code] > ranks[parent] for code, parent in parents.items() if parent)
    async with reading(engine) as connection:
        assert await connection.run_sync(current_revision) == 1
    await engine.dispose()


async def test_classifications_leave_alone_what_is_there_when_only_one_is_missing(migrated_url: str) -> None:
    engine = make_engine(migrated_url)
    async with write_lock(engine, Settings()) as connection:
        await connection.execute(insert(DISTRICTS.table), SMALL_REGISTRY["district"][:1])
    assert load_classifications(migrated_url) == LoadedClassifications(districts=0, industries=1970)
    assert await codes(engine, DISTRICTS) == ["35"]
    await engine.dispose()
