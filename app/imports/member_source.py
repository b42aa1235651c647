"""Which source of members `auto` chooses for today, and whether an import changes that."""

from datetime import date

from sqlalchemy import Connection, Date, FromClause, exists, literal, or_, select

from app.config import Settings
from app.database.tables import METADATA
from app.imports.prospect import Prospect, kept


def changed_source(connection: Connection, prospect: Prospect, settings: Settings) -> str | None:
    """Return what `auto` will choose for today, `register` or `returns`, where the import changes it; else null."""
    members, employments = METADATA.tables["member"], METADATA.tables["employment"]
    concerned = prospect.own.target.table in (members, employments)
    if settings.member_source != "auto" or not concerned:
        return None
    today, own = settings.today(), prospect.own
    if not own.is_first:
        untouched = {own.target.table: kept(own).subquery()}
        # Mostly this settles it: whoever works before and is not touched works after, and is soon found.
        if _anybody_works(connection, untouched.get(members, members), untouched.get(employments, employments), today):
            return None
    before = _anybody_works(connection, members, employments, today)
    after = _anybody_works(connection, prospect.after(members), prospect.after(employments), today)
    if before == after:
        return None
    return "register" if after else "returns"


def _anybody_works(connection: Connection, members: FromClause, employments: FromClause, today: date) -> bool:
    day = literal(today, Date)
    employed = (employments.c.start_on <= day, or_(employments.c.end_on.is_(None), employments.c.end_on > day))
    belonging = (members.c.joined_on <= day, or_(members.c.left_on.is_(None), members.c.left_on > day))
    joined = employments.join(members, members.c.ref == employments.c.member_ref)
    if not connection.execute(select(exists().select_from(employments).where(*employed))).scalar_one():
        return False
    works = exists().select_from(joined).where(*employed, *belonging)
    return bool(connection.execute(select(works)).scalar_one())
