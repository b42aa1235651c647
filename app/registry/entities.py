"""The kinds of entities with codes or refs, the references between them, and what a code may be."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection, Table, select, union_all

from app.catalogue.vocabulary import DistrictLevel, IndustryLevel
from app.database.tables import CODE_LENGTH, METADATA
from app.errors import NEIGHBOURS, ErrorCode, ErrorItem, InvalidRequest, NotFound, closest
from app.messages import say


@dataclass(frozen=True)
class Entity:
    """A kind of entity that others refer to.

    Parameters
    ----------
    name
        Its name in paths and of its dataset.
    noun
        One of them, in a sentence.
    table_name
        Its table.
    Columns searched in addition to the code.
        Columns that a search looks at besides the code.
    levels
        Levels of its tree, from the highest down; empty if it has none.
    key
        Column of its code or ref.
    """

    name: str
    noun: str
    table_name: str
    names: tuple[str, ...] = ()
    levels: tuple[StrEnum, ...] = ()
    key: str = "code"

    @property
    def table(self) -> Table:
        """Its table."""
        return METADATA.tables[self.table_name]


DISTRICTS = Entity("districts", "district", "district", ("name_zh", "name_en"), tuple(DistrictLevel))
INDUSTRIES = Entity("industries", "industry", "industry", ("name_zh", "name_en"), tuple(IndustryLevel))
INDUSTRY_GROUPS = Entity("industry-groups", "industry group", "industry_group", ("name_zh", "name_en"))
ENTERPRISES = Entity("enterprises", "enterprise", "enterprise", ("name",))
BRANCHES = Entity("branches", "branch", "branch", ("name",))
MEMBERS = Entity("members", "member", "member", key="ref")

ENTITIES = {it.name: it for it in (DISTRICTS, INDUSTRIES, INDUSTRY_GROUPS, ENTERPRISES, BRANCHES, MEMBERS)}
"""All kinds of entities by name."""

PLACED = (ENTERPRISES, BRANCHES, MEMBERS)
"""Entities with a location, inside a scope or outside; what belongs to them lies with them."""


@dataclass(frozen=True)
class Reference:
    """A column that holds codes or refs of an entity.

    Parameters
    ----------
    table_name, column
        The table and column.
    to
        The entity whose codes it holds.
    shown
        Column that names such a row in a message; null for rows of members, which are only counted.
    belongs
        Whether its rows belong to what they refer to, and lie at the same place.
    """

    table_name: str
    column: str
    to: Entity
    shown: str | None
    belongs: bool = False

    @property
    def table(self) -> Table:
        """The table that has the column."""
        return METADATA.tables[self.table_name]


REFERENCES: Sequence[Reference] = (
    Reference("district", "parent_code", DISTRICTS, "code"),
    Reference("industry", "parent_code", INDUSTRIES, "code"),
    Reference("industry_group_industry", "industry_code", INDUSTRIES, "group_code"),
    Reference("enterprise", "district_code", DISTRICTS, "code"),
    Reference("enterprise", "industry_code", INDUSTRIES, "code"),
    Reference("enterprise", "supersedes", ENTERPRISES, "code"),
    Reference("enterprise_return", "enterprise_code", ENTERPRISES, "reported_on", belongs=True),
    Reference("enterprise_return", "district_code", DISTRICTS, "enterprise_code"),
    Reference("enterprise_return", "industry_code", INDUSTRIES, "enterprise_code"),
    Reference("branch", "parent_code", BRANCHES, "code"),
    Reference("branch", "district_code", DISTRICTS, "code"),
    Reference("branch", "industry_code", INDUSTRIES, "code"),
    Reference("branch", "industry_group", INDUSTRY_GROUPS, "code"),
    Reference("branch_return", "branch_code", BRANCHES, "period_on", belongs=True),
    Reference("target", "district_code", DISTRICTS, "metric"),
    Reference("target", "industry_code", INDUSTRIES, "metric"),
    Reference("target", "industry_group", INDUSTRY_GROUPS, "metric"),
    Reference("enterprise_coverage", "enterprise_code", ENTERPRISES, "start_on", belongs=True),
    Reference("enterprise_coverage", "branch_code", BRANCHES, "enterprise_code"),
    Reference("employment", "member_ref", MEMBERS, None, belongs=True),
    Reference("employment", "enterprise_code", ENTERPRISES, None, belongs=True),
    Reference("affiliation", "member_ref", MEMBERS, None, belongs=True),
    Reference("affiliation", "branch_code", BRANCHES, None, belongs=True),
)
"""All references in the registry, except those of an industry group's rows to it, which are deleted with it."""


def references_of(table_name: str) -> list[Reference]:
    """Return the columns of a table that contain codes or refs."""
    return [reference for reference in REFERENCES if reference.table_name == table_name]


def references_to(table_name: str) -> list[Reference]:
    """Return the columns that contain codes or refs of a table's rows."""
    return [reference for reference in REFERENCES if reference.to.table_name == table_name]


CODE_RULE = f"1 to {CODE_LENGTH} characters, not `.` or `..`, without `/`, control characters and outer spaces"
"""The rule for codes, in a sentence."""

_WRONG = re.compile(r"[/\x00-\x1f\x7f-\x9f\ud800-\udfff]|^\s|\s$|^\.{1,2}$")


class NotRegistered(NotFound):
    """The registry has nothing of this kind under this code."""

    code = "not-registered"
    title = "Not registered"


class UnknownCode(InvalidRequest):
    """A parameter holds a code that the registry does not have; `suggestions` offers the closest."""

    code = "unknown-code"
    title = "Unknown code"


def is_code(text: str) -> bool:
    """Say whether a text may be a code."""
    return 0 < len(text) <= CODE_LENGTH and _WRONG.search(text) is None


def exists(connection: Connection, entity: Entity, code: str) -> bool:
    """Say whether the registry has a code."""
    return (
        is_code(code) and connection.scalar(select(entity.table.c.code).where(entity.table.c.code == code)) is not None
    )


def unknown_code(connection: Connection, entity: Entity, code: str, place: str) -> ErrorItem:
    """Return the error for a code that is not in the registry, with the closest few that are."""
    return ErrorItem(
        ErrorCode.UNKNOWN_CODE,
        place,
        say("there is no {noun} {code!r}", noun=say(entity.noun), code=code),
        suggestions=closest_codes(connection, entity, code),
    )


def closest_codes(connection: Connection, entity: Entity, code: str) -> tuple[str, ...]:
    """Return the few codes of the registry that are most similar, the closest first."""
    return closest(code, _neighbours(connection, entity, code)) if is_code(code) else ()


def not_registered(entity: Entity, code: str) -> NotRegistered:
    """Return the error for a code in a path that is not found."""
    message = say("There is no {noun} {code!r}.", noun=say(entity.noun), code=code)
    return NotRegistered(message, [ErrorItem(ErrorCode.NOT_FOUND, "path/code", message)])


def _neighbours(connection: Connection, entity: Entity, code: str) -> list[str]:
    column = entity.table.c[entity.key]
    before = select(column).where(column < code).order_by(column.desc()).limit(NEIGHBOURS).subquery()
    after = select(column).where(column > code).order_by(column).limit(NEIGHBOURS).subquery()
    return list(connection.scalars(union_all(select(before), select(after))))
