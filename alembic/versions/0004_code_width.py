"""Codes and refs in half width: `９１Ａ` is stored as `91A`, as imports and parameters read it from now on.

Where two stored codes would meet in one, the migration changes nothing and stops with the list: only whoever keeps them
knows which of the two is right, and a row that was left as it is could no longer be named. With the version before,
delete or rename one of each; then migrate again.
"""

import unicodedata
from collections.abc import Iterator

import sqlalchemy as sa

from alembic import op
from app.errors import Conflict
from app.messages import say

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_LISTED = 20
_KEYS = {
    "district": "code",
    "industry": "code",
    "industry_group": "code",
    "enterprise": "code",
    "branch": "code",
    "member": "ref",
}
_REFERENCES = {
    "district": ("parent_code",),
    "industry": ("parent_code",),
    "industry_group_industry": ("group_code", "industry_code"),
    "enterprise": ("district_code", "industry_code", "supersedes"),
    "enterprise_return": ("enterprise_code", "district_code", "industry_code"),
    "branch": ("parent_code", "district_code", "industry_code", "industry_group"),
    "enterprise_coverage": ("enterprise_code", "branch_code"),
    "employment": ("member_ref", "enterprise_code"),
    "affiliation": ("member_ref", "branch_code"),
}


def upgrade() -> None:
    connection = op.get_bind()
    wide = {table: _wide(connection, table, column) for table, column in _KEYS.items()}
    meeting = [line for table, codes in wide.items() for line in _meeting(connection, table, codes)]
    if meeting:
        listed = "\n".join(meeting[:_LISTED]) + ("\n…" if len(meeting) > _LISTED else "")
        message = "Codes that differ in width alone would meet ({number}); nothing was changed:\n{listed}"
        raise Conflict(say(message, number=len(meeting), listed=listed))
    for table, column in _columns():
        for code in _wide(connection, table, column):
            rows = sa.table(table, sa.column(column))
            connection.execute(sa.update(rows).where(rows.c[column] == code).values({column: _narrow(code)}))


def downgrade() -> None:
    """Change nothing: the codes were equal before, and which were wide is not kept."""


def _columns() -> Iterator[tuple[str, str]]:
    yield from _KEYS.items()
    yield from ((table, column) for table, columns in _REFERENCES.items() for column in columns)


def _narrow(code: str) -> str:
    return unicodedata.normalize("NFKC", code).strip()


def _wide(connection: sa.Connection, table: str, column: str) -> list[str]:
    """Return the codes of a column that are written otherwise in half width."""
    rows = sa.table(table, sa.column(column))
    beyond = rows.c[column].op("~" if connection.dialect.name == "postgresql" else "GLOB")
    pattern = "[^ -~]" if connection.dialect.name == "postgresql" else "*[^ -~]*"
    codes = connection.execute(sa.select(rows.c[column]).where(beyond(pattern)).distinct()).scalars()
    return sorted(code for code in codes if _narrow(code) != code)


def _meeting(connection: sa.Connection, table: str, codes: list[str]) -> Iterator[str]:
    """Yield what would meet another code, or be none; of members, whose refs nobody is to read, only that."""
    rows = sa.table(table, sa.column(_KEYS[table]))
    taken: set[str] = set()
    for code in codes:
        narrow = _narrow(code)
        there = connection.execute(sa.select(rows).where(rows.c[_KEYS[table]] == narrow)).first() is not None
        if there or narrow in taken or not narrow or "/" in narrow or narrow in {".", ".."}:
            yield f"{table}: a ref" if table == "member" else f"{table}: {code} and {narrow}"
        taken.add(narrow)
