"""What lies inside a key's scope of district subtrees in the current registry, and which rows a caller may see.

Builds statements; nothing is executed here.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeAlias

from sqlalchemy import (
    CTE,
    ColumnElement,
    Date,
    FromClause,
    ScalarSelect,
    Select,
    Table,
    and_,
    exists,
    false,
    func,
    literal,
    or_,
    select,
)

from app.catalogue.vocabulary import AffiliationRole
from app.database.tables import METADATA
from app.errors import ServiceError
from app.messages import Message, say
from app.registry.entities import BRANCHES, DISTRICTS, ENTERPRISES, PLACED, REFERENCES, Entity, references_of

OUTSIDE = say("lies outside the districts of the key")
"""Message for something outside."""


def not_inside(rows: str) -> Message:
    """Return the message for a code not found inside a scope, whether or not it exists outside."""
    return say("is not in {dataset} inside the districts of the key", dataset=say(rows))


class ScopeTooNarrow(ServiceError):
    """The key covers some districts only, and this concerns all of them."""

    code = "scope-too-narrow"
    status = 403
    title = "Scope too narrow"


def require_everything(scope: Collection[str] | None) -> None:
    """Refuse callers with a limited scope.

    Raises
    ------
    ScopeTooNarrow
        The scope is limited.
    """
    if scope is not None:
        message = say("Districts, industries, industry groups and snapshots need a key that covers everything.")
        raise ScopeTooNarrow(message)


def subtree_codes(scope: Collection[str]) -> CTE:
    """Return the codes of all districts in the subtrees of a scope, as a table with the one column `code`.

    Parameters
    ----------
    Codes of the topmost districts; an unknown one has no subtree, and an empty scope no districts.
        Codes of the districts on top; one that is not there has no subtree, and none has nothing.
    """
    district = METADATA.tables["district"]
    tops = select(district.c.code).where(district.c.code.in_(sorted(scope)))
    inside = tops.cte("inside", recursive=True)
    # UNION removes duplicates: subtrees of a scope may overlap.
    return inside.union(select(district.c.code).join_from(inside, district, district.c.parent_code == inside.c.code))


def present_district(enterprises: FromClause, today: date) -> ColumnElement[str | None]:
    """Return the current district of each enterprise: of its latest return or, if that is blank, of its registration.

    Parameters
    ----------
    enterprises
        The table of enterprises or an alias of it, in the statement that contains the expression.
    today
        Later returns do not count.
    """
    returns = METADATA.tables["enterprise_return"].alias("latest_return")
    latest = (
        select(returns.c.district_code)
        .where(returns.c.enterprise_code == enterprises.c.code, returns.c.reported_on <= literal(today, Date))
        .order_by(returns.c.reported_on.desc())
        .limit(1)
        .correlate(enterprises)
    )
    return func.coalesce(latest.scalar_subquery(), enterprises.c.district_code)


Code: TypeAlias = ColumnElement[Any]
"""An expression for codes or refs, or null."""

BELONGS_TO: Mapping[str, Mapping[str, str]] = {
    **{entity.table_name: {entity.key: entity.table_name} for entity in PLACED},
    **{
        owned.table_name: {each.column: each.to.table_name for each in references_of(owned.table_name) if each.belongs}
        for owned in REFERENCES
        if owned.belongs
    },
    "target": {},
}
"""For each table whose rows have a location, the columns that refer to what a row belongs to, and its table.

A target has a district of its own; one without lies nowhere.
"""


@dataclass(frozen=True)
class Territory:
    """What lies inside a scope on a day.

    An enterprise lies where it is now, a branch in its district. A member lies at the present employer (or the last one
    if there is none now) and at the branch of the primary affiliation: inside, if one of these does. Conditions take
    codes, and are false for null and for unknown codes.

    Parameters
    ----------
    districts
        The codes of all districts inside, as `code`.
    today
        The day for the location of enterprises.
    """

    districts: FromClause
    today: date

    def holds(self, district: Code) -> ColumnElement[bool]:
        """Say whether a district lies inside."""
        # As a subquery, PostgreSQL hashes the codes; null lies nowhere.
        return func.coalesce(district.in_(select(self.districts.c.code)), false())

    def is_elsewhere(self, district: Code) -> ColumnElement[bool]:
        """Say whether a district is null, or known and outside."""
        known = METADATA.tables["district"].alias()
        return or_(district.is_(None), and_(exists().where(known.c.code == district), ~self.holds(district)))

    def enterprise(self, code: Code) -> ColumnElement[bool]:
        """Say whether an enterprise lies inside."""
        firm = METADATA.tables["enterprise"].alias()
        return exists().where(firm.c.code == code, self.holds(present_district(firm, self.today)))

    def branch(self, code: Code) -> ColumnElement[bool]:
        """Say whether a branch lies inside."""
        branch = METADATA.tables["branch"].alias()
        return exists().where(branch.c.code == code, self.holds(branch.c.district_code))

    def member(self, ref: Code) -> ColumnElement[bool]:
        """Say whether a member lies inside."""
        return or_(self.enterprise(_employer(ref, self.today)), self.branch(_formal_place(ref, self.today)))

    def code(self, of: str, code: Code) -> ColumnElement[bool]:
        """Say whether an enterprise, branch or member lies inside, by its table's name."""
        return {"enterprise": self.enterprise, "branch": self.branch, "member": self.member}[of](code)

    def row(self, table: str, rows: FromClause) -> ColumnElement[bool]:
        """Say whether rows of a table lie inside: all they belong to does and, for some, their own district."""
        belonging = [self.code(of, rows.c[column]) for column, of in BELONGS_TO[table].items()]
        own = _OWN_PLACE.get(table)
        return and_(*belonging, *([] if own is None else [self.holds(own(rows))]))


def place_of_return(rows: FromClause) -> Code:
    """Return the district of returns: their own or, if that is blank, that of the registration."""
    firm = METADATA.tables["enterprise"].alias()
    registered = select(firm.c.district_code).where(firm.c.code == rows.c.enterprise_code).correlate(rows)
    return func.coalesce(rows.c.district_code, registered.scalar_subquery())


_OWN_PLACE: Mapping[str, Callable[[FromClause], Code]] = {
    "enterprise_return": place_of_return,
    "target": lambda rows: rows.c.district_code,
}
"""For each table whose rows have a district of their own, that district."""


def is_attached(ref: Code) -> ColumnElement[bool]:
    """Say whether a member has any employment or affiliation; one without belongs to nobody yet."""
    tables = (METADATA.tables[name].alias() for name in ("employment", "affiliation"))
    return or_(*(exists().where(table.c.member_ref == ref) for table in tables))


def _employer(ref: Code, today: date) -> ScalarSelect[Any]:
    job = METADATA.tables["employment"].alias()
    return _latest(job, job.c.enterprise_code, today, job.c.member_ref == ref)


def _formal_place(ref: Code, today: date) -> ScalarSelect[Any]:
    place = METADATA.tables["affiliation"].alias()
    primary = place.c.role == AffiliationRole.PRIMARY
    return _latest(place, place.c.branch_code, today, place.c.member_ref == ref, primary)


def _latest(rows: FromClause, value: Code, today: date, *conditions: ColumnElement[bool]) -> ScalarSelect[Any]:
    """Return the value of the row that began last, if possible of those that have begun."""
    start = rows.c.start_on
    latest = select(value).where(*conditions).order_by(start > literal(today, Date), start.desc()).limit(1)
    return latest.correlate_except(rows).scalar_subquery()


@dataclass(frozen=True)
class Visibility:
    """The rows that a caller may see.

    Parameters
    ----------
    scope
        Codes of the districts whose subtrees are visible; null: everything.
    today
        The day for the location of enterprises.
    """

    scope: frozenset[str] | None
    today: date


EVERYTHING = Visibility(None, date.max)
"""For callers without a limited scope."""


def seen(statement: Select[Any], entity: Entity, visibility: Visibility) -> Select[Any]:
    """Return a statement of an entity's rows without those outside the scope.

    Districts, enterprises and branches have a location; industries and groups have none, and are visible to all.
    """
    if visibility.scope is None or entity not in (DISTRICTS, ENTERPRISES, BRANCHES):
        return statement
    return statement.where(_place(entity, visibility.today).in_(select(subtree_codes(visibility.scope).c.code)))


def seen_with_owners(statement: Select[Any], rows: Table, visibility: Visibility) -> Select[Any]:
    """Return a statement of rows that belong to something without those outside the scope, as for writing."""
    if visibility.scope is None:
        return statement
    return statement.where(Territory(subtree_codes(visibility.scope), visibility.today).row(rows.name, rows))


def _place(entity: Entity, today: date) -> ColumnElement[Any]:
    if entity is ENTERPRISES:
        return present_district(entity.table, today)
    return entity.table.c["code" if entity is DISTRICTS else "district_code"]
