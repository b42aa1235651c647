"""What lies inside a scope of district subtrees, by the registry as it is now. Builders; nothing is executed here."""

from collections.abc import Collection
from datetime import date

from sqlalchemy import CTE, ColumnElement, Date, FromClause, func, literal, select

from app.database.tables import METADATA


def subtree_codes(scope: Collection[str]) -> CTE:
    """Return the codes of all districts in the subtrees of a scope, as a table with the one column `code`.

    Parameters
    ----------
    scope
        Codes of the districts on top; one that is not there has no subtree, and none has nothing.
    """
    district = METADATA.tables["district"]
    tops = select(district.c.code).where(district.c.code.in_(sorted(scope)))
    inside = tops.cte("inside", recursive=True)
    # UNION tells each code once: subtrees of a scope may lie in each other.
    return inside.union(select(district.c.code).join_from(inside, district, district.c.parent_code == inside.c.code))


def present_district(enterprises: FromClause, today: date) -> ColumnElement[str | None]:
    """Return where each enterprise is now: as its latest return says; where that is blank, as it was registered.

    Parameters
    ----------
    enterprises
        The table of enterprises or an alias of it, in the statement that the expression becomes part of.
    today
        Returns of later days do not count.
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
