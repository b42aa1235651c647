"""Rules for members at any time: one employer, one primary branch, secondary ones only at branches that allow them.

Builds statements; nothing is executed here.
"""

from collections.abc import Iterator
from datetime import date
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Date,
    FromClause,
    Select,
    Text,
    and_,
    case,
    cast,
    func,
    literal,
    or_,
    select,
    union_all,
)

from app.catalogue.vocabulary import AffiliationRole
from app.database.tables import METADATA
from app.imports.columns import sound
from app.imports.difference import Difference, kept
from app.imports.issues import Rule
from app.imports.rules.finding import Finding, Outcome, finding, found

_EMPLOYMENTS = (
    Outcome(Rule.OVERLAPPING_ROWS, "start_on", "overlaps another employment of the member at this enterprise"),
    Outcome(Rule.SECOND_EMPLOYER, "enterprise_code", "the member has another employer at this time"),
)
_AFFILIATIONS = (
    Outcome(Rule.OVERLAPPING_ROWS, "start_on", "overlaps another row of the member at this branch"),
    Outcome(Rule.SECONDARY_TO_PRIMARY, "branch_code", "the member is primary and secondary there at one time"),
    Outcome(Rule.SECOND_PRIMARY, "branch_code", "the member has another primary branch at this time"),
)


def simultaneous_employments(difference: Difference) -> Iterator[Finding]:
    """Find employments of one member that overlap; reported for the same enterprise, else for another."""
    if difference.own.target.table.name == "employment" and _may_conflict(difference):
        rows = _simultaneous(_rows_of_crowded_members(difference))
        at_one = _overlaps(rows, "member_ref", "enterprise_code")
        yield Finding(_EMPLOYMENTS, _told(rows, case((at_one, 0), else_=1), rows.c.enterprise_code))


def simultaneous_affiliations(difference: Difference) -> Iterator[Finding]:
    """Find affiliations of one member that overlap at one branch, or are both primary."""
    if difference.own.target.table.name == "affiliation" and _may_conflict(difference):
        rows = _simultaneous(_rows_of_crowded_members(difference))
        in_role = _overlaps(rows, "member_ref", "branch_code", "role")
        at_one = _overlaps(rows, "member_ref", "branch_code")
        primary = and_(rows.c.role == AffiliationRole.PRIMARY, _overlaps(rows, "member_ref", "role"))
        outcome = case((in_role, 0), (at_one, 1), (primary, 2))
        yield Finding(_AFFILIATIONS, _told(rows, outcome, rows.c.branch_code))


def _may_conflict(difference: Difference) -> bool:
    return difference.stage.may_conflict or not difference.own.is_first


def _simultaneous(rows: FromClause) -> FromClause:
    """Return the rows that overlap any other of their member: few, and enough for all further checks."""
    marked = select(rows, _overlaps(rows, "member_ref").label("overlaps")).subquery("marked")
    return select(marked).where(marked.c.overlaps).subquery("simultaneous")


def _rows_of_crowded_members(difference: Difference) -> FromClause:
    """Return the rows of members with more than one row, of those that the import changes."""
    incoming = difference.own
    coming = incoming.coming().where(*sound(incoming.rows))
    if incoming.is_first:
        rows = coming.subquery("rows")
    else:
        touched = select(incoming.rows.c.member_ref)
        staying = kept(incoming).where(incoming.target.table.c.member_ref.in_(touched))
        rows = union_all(staying, coming).subquery("rows")
    crowded = select(rows.c.member_ref).group_by(rows.c.member_ref).having(func.count() > 1)
    several = rows.alias("several")
    return select(several).where(several.c.member_ref.in_(crowded)).subquery("crowd")


def _overlaps(rows: FromClause, *by: str) -> ColumnElement[bool]:
    """Return whether a row overlaps another with the same values in the columns `by`.

    In the order of starts, a row overlaps an earlier one if the latest end so far is after its start, and a later one
    if the next one starts before its end. A null end is no end.
    """
    end = func.coalesce(rows.c.end_on, literal(date.max, Date))
    partition = [rows.c[name] for name in by]
    earlier = func.max(end).over(partition_by=partition, order_by=rows.c.start_on, rows=(None, -1))
    later = func.lead(rows.c.start_on).over(partition_by=partition, order_by=rows.c.start_on)
    return or_(earlier > rows.c.start_on, later < end)


def _told(rows: FromClause, outcome: ColumnElement[int], value: ColumnElement[Any]) -> Select[Any]:
    marked = select(rows.c.row_number, rows.c.start_on, value.label("elsewhere"), outcome.label("outcome"))
    overlapping = marked.subquery("overlapping")
    shown = case((overlapping.c.outcome == 0, cast(overlapping.c.start_on, Text)), else_=overlapping.c.elsewhere)
    return found(overlapping, shown, None, overlapping.c.outcome).where(
        overlapping.c.row_number.is_not(None), overlapping.c.outcome.is_not(None)
    )


def secondaries_without_dual(difference: Difference) -> Iterator[Finding]:
    """Find secondary affiliations to a branch without dual affiliation, and branches with some that lose it."""
    if difference.own.target.table.name == "affiliation":
        yield _to_branches_without(difference)
    elif difference.own.target.table.name == "branch":
        yield _branches_losing_it(difference)


def _to_branches_without(difference: Difference) -> Finding:
    rows, branch = difference.own.rows, METADATA.tables["branch"]
    secondary = found(rows, rows.c.branch_code).join_from(rows, branch, branch.c.code == rows.c.branch_code)
    secondary = secondary.where(rows.c.role == AffiliationRole.SECONDARY, ~branch.c.dual_affiliation)
    message = "the branch does not take dual affiliation"
    return finding(Rule.SECONDARY_WITHOUT_DUAL, "branch_code", message, secondary)


def _branches_losing_it(difference: Difference) -> Finding:
    rows, affiliation = difference.own.rows, METADATA.tables["affiliation"]
    remaining = and_(affiliation.c.branch_code == rows.c.code, affiliation.c.role == AffiliationRole.SECONDARY)
    # A count for each branch, not a join: SQLite would begin with the affiliations, of which there are many.
    number = select(func.count()).select_from(affiliation).where(remaining).correlate(rows).scalar_subquery()
    losing = found(rows, literal("false"), number).where(~rows.c.dual_affiliation, ~rows.c.is_new, number > 0)
    message = "must stay true: {other} secondary affiliations are to it"
    return finding(Rule.SECONDARY_WITHOUT_DUAL, "dual_affiliation", message, losing)
