"""The five kinds of entities that can be changed one by one, their codes, and who refers to whom."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum

from sqlalchemy import Connection, Table, select, union_all

from app.catalogue.vocabulary import DistrictLevel, IndustryLevel
from app.database.tables import CODE_LENGTH, METADATA
from app.errors import ErrorItem, InvalidRequest, NotFound


@dataclass(frozen=True)
class Entity:
    """A kind of thing that has a code.

    Parameters
    ----------
    name
        As it stands in paths.
    noun
        One of them, in a sentence.
    table_name
        Its table; the key is `code`.
    names
        Columns that a search looks at besides the code.
    levels
        Levels of its tree, from the highest down; empty where it has none.
    chain
        Column that names another thing of this kind, above or before this one; null where there is none.
    """

    name: str
    noun: str
    table_name: str
    names: tuple[str, ...]
    levels: tuple[StrEnum, ...] = ()
    chain: str | None = None

    @property
    def table(self) -> Table:
        """Its table."""
        return METADATA.tables[self.table_name]


DISTRICTS = Entity("districts", "district", "district", ("name_zh", "name_en"), tuple(DistrictLevel), "parent_code")
INDUSTRIES = Entity("industries", "industry", "industry", ("name_zh", "name_en"), tuple(IndustryLevel), "parent_code")
INDUSTRY_GROUPS = Entity("industry-groups", "industry group", "industry_group", ("name_zh", "name_en"))
ENTERPRISES = Entity("enterprises", "enterprise", "enterprise", ("name",), chain="supersedes")
BRANCHES = Entity("branches", "branch", "branch", ("name",), chain="parent_code")


@dataclass(frozen=True)
class Reference:
    """A column that holds codes of an entity.

    Parameters
    ----------
    table_name, column
        Where it is.
    to
        Whose codes it holds.
    rows
        What its rows are, in a sentence.
    shown
        Column that names such a row; null where rows are of members, who are only counted.
    """

    table_name: str
    column: str
    to: Entity
    rows: str
    shown: str | None

    @property
    def table(self) -> Table:
        """The table that has the column."""
        return METADATA.tables[self.table_name]


REFERENCES: Sequence[Reference] = (
    Reference("district", "parent_code", DISTRICTS, "districts", "code"),
    Reference("enterprise", "district_code", DISTRICTS, "enterprises", "code"),
    Reference("enterprise_return", "district_code", DISTRICTS, "returns of enterprises", "enterprise_code"),
    Reference("branch", "district_code", DISTRICTS, "branches", "code"),
    Reference("industry", "parent_code", INDUSTRIES, "industries", "code"),
    Reference("industry_group_industry", "industry_code", INDUSTRIES, "industry groups", "group_code"),
    Reference("enterprise", "industry_code", INDUSTRIES, "enterprises", "code"),
    Reference("enterprise_return", "industry_code", INDUSTRIES, "returns of enterprises", "enterprise_code"),
    Reference("branch", "industry_code", INDUSTRIES, "branches", "code"),
    Reference("branch", "industry_group", INDUSTRY_GROUPS, "branches", "code"),
    Reference("enterprise", "supersedes", ENTERPRISES, "enterprises", "code"),
    Reference("enterprise_return", "enterprise_code", ENTERPRISES, "returns", "reported_on"),
    Reference("enterprise_coverage", "enterprise_code", ENTERPRISES, "coverage rows", "start_on"),
    Reference("employment", "enterprise_code", ENTERPRISES, "employed members", None),
    Reference("branch", "parent_code", BRANCHES, "branches", "code"),
    Reference("enterprise_coverage", "branch_code", BRANCHES, "coverage rows of enterprises", "enterprise_code"),
    Reference("affiliation", "branch_code", BRANCHES, "affiliated members", None),
)
"""Every reference in the registry, but for the rows of an industry group, which go with it."""


def references_of(entity: Entity) -> dict[str, Entity]:
    """Return the columns of an entity that hold codes, and whose."""
    return {reference.column: reference.to for reference in REFERENCES if reference.table_name == entity.table_name}


def references_to(entity: Entity) -> list[Reference]:
    """Return the columns that hold codes of an entity."""
    return [reference for reference in REFERENCES if reference.to is entity]


CODE_RULE = f"1 to {CODE_LENGTH} characters, not `.` or `..`, without `/`, control characters and outer spaces"
"""What a code may be, in a sentence."""

_WRONG = re.compile(r"[/\x00-\x1f\x7f-\x9f\ud800-\udfff]|^\s|\s$|^\.{1,2}$")

_NEIGHBOURS = 50
"""Codes before and after an unknown one, in their order, among which the closest are looked for."""

_CLOSEST = 5
"""Codes that a problem offers."""


class NotRegistered(NotFound):
    """The registry has nothing of this kind under this code."""

    code = "not-registered"
    title = "Not registered"


class UnknownCode(InvalidRequest):
    """A parameter holds a code that the registry does not have; `allowed` offers the closest."""

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


def unknown_code(connection: Connection, entity: Entity, code: str, pointer: str) -> ErrorItem:
    """Return the problem that a code is not in the registry, with the closest few that are."""
    closest = get_close_matches(code, _neighbours(connection, entity, code), _CLOSEST, 0.5) if is_code(code) else []
    return ErrorItem(pointer, f"there is no {entity.noun} {code!r}", tuple(closest))


def not_registered(entity: Entity, code: str) -> NotRegistered:
    """Return the error that a path names a code that is not there."""
    message = f"There is no {entity.noun} {code!r}."
    return NotRegistered(message, [ErrorItem("path/code", message)])


def _neighbours(connection: Connection, entity: Entity, code: str) -> list[str]:
    column = entity.table.c.code
    before = select(column).where(column < code).order_by(column.desc()).limit(_NEIGHBOURS).subquery()
    after = select(column).where(column > code).order_by(column).limit(_NEIGHBOURS).subquery()
    return list(connection.scalars(union_all(select(before.c.code), select(after.c.code))))
