"""Rules on the trees of districts and industries: levels fall from parent to child, a site is under a street."""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Select, case, func, or_

from app.catalogue.vocabulary import DistrictLevel, IndustryLevel
from app.imports.findings import Finding, finding, found
from app.imports.issues import Rule
from app.imports.prospect import Incoming, Prospect, kept

_LEVELS: Mapping[str, type[StrEnum]] = {"district": DistrictLevel, "industry": IndustryLevel}


def wrong_levels(prospect: Prospect) -> Iterator[Finding]:
    """Find nodes whose level is not lower than their parent's, or not higher than a child's that is not in the file."""
    order = _LEVELS.get(prospect.own.target.table.name)
    if order is None:
        return
    rows = prospect.own.rows.alias("node")
    parents = prospect.after(prospect.own.target.table).alias("parent")
    wrong = found(rows, rows.c.level).join_from(rows, parents, parents.c.code == rows.c.parent_code)
    wrong = wrong.where(_rank(rows.c.level, order) <= _rank(parents.c.level, order))
    yield finding(Rule.LEVEL_ORDER, "level", "must be lower than the level of the parent", wrong)
    for children in _children(prospect.own):
        above = _above(rows, children, _rank(children.c.level, order) <= _rank(rows.c.level, order))
        yield finding(Rule.LEVEL_ORDER, "level", "must be higher than the levels of its {other} children", above)


def misplaced_sites(prospect: Prospect) -> Iterator[Finding]:
    """Find sites that are not under a street, and nodes that are no street any more but have sites."""
    if prospect.own.target.table.name != "district":
        return
    rows = prospect.own.rows.alias("node")
    parents = prospect.after(prospect.own.target.table).alias("parent")
    sites = found(rows, rows.c.parent_code).select_from(rows.outerjoin(parents, parents.c.code == rows.c.parent_code))
    # A parent that is nowhere is told as an unknown code.
    elsewhere = or_(rows.c.parent_code.is_(None), parents.c.level != DistrictLevel.STREET)
    sites = sites.where(rows.c.level == DistrictLevel.SITE, elsewhere, *prospect.usable(rows, "parent_code"))
    yield finding(Rule.SITE_PLACE, "parent_code", "a site must be under a street", sites)
    for children in _children(prospect.own):
        above = _above(rows, children, children.c.level == DistrictLevel.SITE)
        above = above.where(rows.c.level != DistrictLevel.STREET)
        yield finding(Rule.SITE_PLACE, "level", "must stay a street: {other} sites are under it", above)


def _children(incoming: Incoming) -> Iterator[FromClause]:
    """Yield the nodes that stay as they are, as children; nothing where the registry had none."""
    if not incoming.is_first:
        yield kept(incoming).subquery("staying").alias("child")


def _above(rows: FromClause, children: FromClause, wrong: ColumnElement[bool]) -> Select[Any]:
    number = func.count()
    below = found(rows, rows.c.level, number).join_from(rows, children, children.c.parent_code == rows.c.code)
    return below.where(wrong).group_by(rows.c.row_number, rows.c.level)


def _rank(level: ColumnElement[str], order: type[StrEnum]) -> ColumnElement[int]:
    return case({str(value): rank for rank, value in enumerate(order)}, value=level)
