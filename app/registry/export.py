"""Export of the registry as CSV files that can be imported: importing such a file unchanged changes nothing.

UTF-8 without a byte order mark, comma, CRLF (RFC 4180), a header of the datasets' English column names, rows by key
(codes as UTF-8 bytes). Dates are ISO 8601, booleans `true` and `false`, unknown is an empty cell. Members, employments
and affiliations are not exported; a ledger is exported as `enterprises` and `returns`.

Text is exported exactly as recorded, even if it starts with `=`, `+`, `-` or `@`: an added apostrophe would be
imported as part of the name or code. A spreadsheet may read such a cell as a formula: import the file as text there.
"""

import csv
import io
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import date
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncResult

from app.database.outages import reading
from app.database.tables import METADATA
from app.errors import ErrorCode, ErrorItem, NotFound
from app.messages import say
from app.registry.entities import BRANCHES, DISTRICTS, ENTERPRISES, Entity
from app.registry.territory import EVERYTHING, Visibility, seen, seen_with_owners

_ROWS_AT_ONCE = 500
"""Rows fetched and encoded together; this number occupies the event loop for about a millisecond."""


class NotExported(NotFound):
    """There is no export of that name."""

    code = "not-exported"
    title = "Not exported"


def export_statement(dataset: str, visibility: Visibility) -> Select[Any]:
    """Return the statement of a dataset's visible rows, its columns in order, sorted by key.

    Raises
    ------
    NotExported
        If the export is not found; all names are listed.
    """
    if dataset in _STATEMENTS:
        return _seen(dataset, _STATEMENTS[dataset](), visibility)
    message = say("There is no export of {dataset!r}.", dataset=dataset)
    raise NotExported(message, [ErrorItem(ErrorCode.INVALID_CHOICE, "path/dataset", message, EXPORTS)])


async def export_rows(engine: AsyncEngine, dataset: str, visibility: Visibility = EVERYTHING) -> AsyncGenerator[bytes]:
    """Yield the visible rows of a dataset as a CSV file, in pieces, from one consistent read.

    The first piece is yielded once the database answers.

    Raises
    ------
    NotExported
        If the export is not found.
    DatabaseUnavailable
        If the database is unavailable, also during the export.
    """
    statement = export_statement(dataset, visibility)
    async with reading(engine) as connection, _streamed(connection, statement) as result:
        yield _lines([list(result.keys())])
        async for rows in result.partitions(_ROWS_AT_ONCE):
            yield _lines([_cell(value) for value in row] for row in rows)


@asynccontextmanager
async def _streamed(connection: AsyncConnection, statement: Select[Any]) -> AsyncIterator[AsyncResult[Any]]:
    # SQLAlchemy's own context leaves the cursor open if the reader stops in the middle.
    result = await connection.stream(statement)
    try:
        yield result
    finally:
        await result.close()


def _seen(dataset: str, statement: Select[Any], visibility: Visibility) -> Select[Any]:
    if dataset in _OWNED:
        return seen_with_owners(statement, METADATA.tables[_OWNED[dataset]], visibility)
    return seen(statement, _PLACED[dataset], visibility) if dataset in _PLACED else statement


def _lines(rows: Iterable[Sequence[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat() if isinstance(value, date) else str(value)


def _whole(table_name: str, *key: str) -> Callable[[], Select[Any]]:
    def statement() -> Select[Any]:
        table = METADATA.tables[table_name]
        return select(table).order_by(*(table.c[name] for name in key))

    return statement


def _industry_groups() -> Select[Any]:
    group, member = METADATA.tables["industry_group"], METADATA.tables["industry_group_industry"]
    columns = (group.c.code.label("group_code"), group.c.name_zh, group.c.name_en, member.c.industry_code)
    rows = select(*columns).join_from(group, member, group.c.code == member.c.group_code)
    return rows.order_by(group.c.code, member.c.industry_code)


def _coverage() -> Select[Any]:
    table = METADATA.tables["enterprise_coverage"]
    key = (table.c.enterprise_code, func.coalesce(table.c.branch_code, ""), table.c.means, table.c.start_on)
    return select(*(column for column in table.c if column.name != "id")).order_by(*key)


def _targets() -> Select[Any]:
    table = METADATA.tables["target"]
    scope = (
        func.coalesce(table.c[name], "") for name in ("district_code", "industry_code", "industry_group", "sector")
    )
    columns = (column for column in table.c if column.name != "id")
    return select(*columns).order_by(table.c.due_on, table.c.metric, table.c.basis, *scope)


_STATEMENTS: Mapping[str, Callable[[], Select[Any]]] = {
    "districts": _whole("district", "code"),
    "industries": _whole("industry", "code"),
    "industry-groups": _industry_groups,
    "enterprises": _whole("enterprise", "code"),
    "returns": _whole("enterprise_return", "enterprise_code", "reported_on"),
    "branches": _whole("branch", "code"),
    "coverage": _coverage,
    "branch-returns": _whole("branch_return", "branch_code", "period_on"),
    "targets": _targets,
}

_PLACED: Mapping[str, Entity] = {"districts": DISTRICTS, "enterprises": ENTERPRISES, "branches": BRANCHES}
"""Datasets whose rows have a location themselves."""

_OWNED: Mapping[str, str] = {
    "returns": "enterprise_return",
    "coverage": "enterprise_coverage",
    "branch-returns": "branch_return",
    "targets": "target",
}
"""Datasets whose rows are visible with their enterprise, branch or district, and their tables."""

EXPORTS = tuple(_STATEMENTS)
"""Names of the exported datasets, in the order in which an empty registry can import them."""
