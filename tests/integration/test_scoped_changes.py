"""Single changes by a key that covers one county: inside as by everybody, outside as if nothing were there."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from app.config import Settings
from app.database.engines import make_engine
from app.errors import ServiceError
from app.imports.changes import ChangeRefused, Outcome, StillReferredTo, delete_entity, replace_entity
from app.registry.entities import BRANCHES, DISTRICTS, ENTERPRISES, INDUSTRIES, INDUSTRY_GROUPS, Entity, NotRegistered
from app.registry.reads import Row, find_entity
from app.registry.territory import OUTSIDE, ScopeTooNarrow, not_inside
from tests.factories.importing import Registry
from tests.factories.two_counties import SCOPE

pytestmark = pytest.mark.anyio

FIRM: Row = {"name": "某", "kind": "enterprise", "registered_on": None, "closed_on": None, "industry_code": None} | {
    "district_code": "350203008", "supersedes": None
}  # fmt: skip
BRANCH: Row = {"name": "某", "kind": "branch", "parent_code": None, "district_code": "350203", "form": None} | {
    "dual_affiliation": True, "industry_code": None, "industry_group": None, "established_on": None,
    "dissolved_on": None,
}  # fmt: skip


@pytest.fixture
async def engine(counties: Registry) -> AsyncIterator[AsyncEngine]:
    made = make_engine(counties.settings.registry_url)
    yield made
    await made.dispose()


async def put(engine: AsyncEngine, entity: Entity, code: str, **changed: Any) -> Outcome:
    values = (FIRM if entity is ENTERPRISES else BRANCH) | changed
    return (await replace_entity(engine, Settings(), entity, code, values, SCOPE)).outcome


async def refusal(engine: AsyncEngine, entity: Entity, code: str, **changed: Any) -> list[tuple[str, str, Any]]:
    with pytest.raises(ChangeRefused) as refused:
        await put(engine, entity, code, **changed)
    return [(item.place, str(item.message), item.suggestions) for item in refused.value.errors]


@pytest.mark.parametrize(
    ("entity", "code", "changed", "outcome"),
    [
        (ENTERPRISES, "new", {"district_code": "S1"}, Outcome.CREATED),
        (ENTERPRISES, "in", {}, Outcome.CHANGED),
        (ENTERPRISES, "came", {"district_code": "350206001"}, Outcome.CHANGED),
        (ENTERPRISES, "came", {"district_code": "350203"}, Outcome.CHANGED),
        (ENTERPRISES, "came", {"district_code": None}, Outcome.CHANGED),
        (ENTERPRISES, "heir", {"supersedes": "out"}, Outcome.CHANGED),
        (ENTERPRISES, "in", {"supersedes": "came"}, Outcome.CHANGED),
        (BRANCHES, "new", {"parent_code": "bin"}, Outcome.CREATED),
        (BRANCHES, "bin", {"parent_code": "city", "district_code": "350203008"}, Outcome.CHANGED),
        (BRANCHES, "below", {"parent_code": "bout", "dual_affiliation": False}, Outcome.CHANGED),
    ],
)
async def test_change_is_made_when_it_is_inside(
    engine: AsyncEngine, entity: Entity, code: str, changed: dict[str, Any], outcome: Outcome
) -> None:
    assert await put(engine, entity, code, **changed) == outcome
    assert await put(engine, entity, code, **changed) == Outcome.UNCHANGED
    assert (await find_entity(engine, entity, code))["name"] == "某"


@pytest.mark.parametrize(
    ("entity", "code", "changed", "column"),
    [
        (ENTERPRISES, "new", {"district_code": "350206"}, "district_code"),
        (ENTERPRISES, "new", {"district_code": "3502"}, "district_code"),
        (ENTERPRISES, "new", {"district_code": None}, "district_code"),
        (ENTERPRISES, "in", {"district_code": "350206001"}, "district_code"),
        (ENTERPRISES, "in", {"district_code": None}, "district_code"),
        (ENTERPRISES, "came", {"district_code": "350206"}, "district_code"),
        (BRANCHES, "new", {"district_code": "350206"}, "district_code"),
        (BRANCHES, "bin", {"district_code": "3502"}, "district_code"),
    ],
)
async def test_change_is_refused_when_it_would_lie_outside(
    engine: AsyncEngine, entity: Entity, code: str, changed: dict[str, Any], column: str
) -> None:
    assert await refusal(engine, entity, code, **changed) == [(f"body/{column}", str(OUTSIDE), ())]


@pytest.mark.parametrize(
    ("entity", "code"),
    [*((ENTERPRISES, code) for code in ("out", "went", "nowhere")), *((BRANCHES, code) for code in ("bout", "city"))],
)
async def test_thing_is_not_found_when_it_is_outside(engine: AsyncEngine, entity: Entity, code: str) -> None:
    absent = await _error(delete_entity(engine, Settings(), entity, "never", SCOPE))
    assert isinstance(absent, NotRegistered)
    for change in (put(engine, entity, code), delete_entity(engine, Settings(), entity, code, SCOPE)):
        told = await _error(change)
        assert type(told) is NotRegistered
        assert (str(told).replace(code, "never"), len(told.errors)) == (str(absent), len(absent.errors))
    assert (await find_entity(engine, entity, code))["name"] != "某"


async def _error(change: Any) -> ServiceError:
    with pytest.raises(ServiceError) as raised:
        await change
    return raised.value


@pytest.mark.parametrize(
    ("entity", "code", "column", "outside"),
    [
        (ENTERPRISES, "in", "supersedes", "out"),
        (BRANCHES, "new", "parent_code", "bout"),
        (BRANCHES, "bin", "parent_code", "bout"),
    ],
)
async def test_code_is_refused_alike_when_it_is_outside_and_when_it_is_not_there(
    engine: AsyncEngine, entity: Entity, code: str, column: str, outside: str
) -> None:
    expected = [(f"body/{column}", str(not_inside(entity.name)), ())]
    for name in (outside, "never", "bou"):
        assert await refusal(engine, entity, code, **{column: name}) == expected


async def test_all_is_told_when_place_and_parent_are_outside(engine: AsyncEngine) -> None:
    problems = await refusal(engine, BRANCHES, "bin", district_code="350206", parent_code="bout")
    assert [pointer for pointer, _, _ in problems] == ["body/district_code", "body/parent_code"]
    unknown = await refusal(engine, BRANCHES, "bin", parent_code="city", district_code="35020")
    assert [(pointer, bool(allowed)) for pointer, _, allowed in unknown] == [("body/district_code", True)]


async def test_cycle_is_told_alike_when_it_leads_outside_and_when_it_does_not(
    engine: AsyncEngine, counties: Registry
) -> None:
    counties.load({"branches": "code,name,kind,parent_code,district_code\nbout,外,branch,bin,350206"})
    assert await refusal(engine, BRANCHES, "bin", parent_code="below") == [("body/parent_code", "is below itself", ())]
    counties.load({"branches": "code,name,kind,parent_code,district_code\nbelow,下,branch,bin,350203"})
    assert await refusal(engine, BRANCHES, "bin", parent_code="below") == [("body/parent_code", "is below itself", ())]


async def test_deletion_tells_only_of_what_is_inside_when_refused(engine: AsyncEngine) -> None:
    with pytest.raises(StillReferredTo) as refused:
        await delete_entity(engine, Settings(), BRANCHES, "bin", SCOPE)
    assert [str(item.message) for item in refused.value.errors] == [
        "coverage refer to it: 2 rows (in)",
        "affiliations refer to it: 3 rows",
    ]
    await put(engine, ENTERPRISES, "new")
    await replace_entity(
        engine, Settings(), ENTERPRISES, "out", FIRM | {"district_code": "350206", "supersedes": "new"}
    )
    with pytest.raises(StillReferredTo) as refused:
        await delete_entity(engine, Settings(), ENTERPRISES, "new", SCOPE)
    assert [str(item.message) for item in refused.value.errors] == ["enterprises refer to it: 1 rows"]


async def test_thing_is_deleted_when_inside(engine: AsyncEngine) -> None:
    for entity, code in ((ENTERPRISES, "heir"), (BRANCHES, "below")):
        await delete_entity(engine, Settings(), entity, code, SCOPE)
        with pytest.raises(NotRegistered):
            await find_entity(engine, entity, code)


@pytest.mark.parametrize("entity", [DISTRICTS, INDUSTRIES, INDUSTRY_GROUPS], ids=lambda entity: entity.name)
async def test_trees_and_groups_are_refused_when_the_key_covers_some_districts(
    engine: AsyncEngine, entity: Entity
) -> None:
    with pytest.raises(ScopeTooNarrow):
        await replace_entity(engine, Settings(), entity, "350203", {"name_zh": "某"}, SCOPE)
    with pytest.raises(ScopeTooNarrow):
        await delete_entity(engine, Settings(), entity, "350203", SCOPE)
