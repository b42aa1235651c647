"""Rule on trees: no node is above itself, no enterprise continues itself."""

from collections.abc import Iterator, Mapping

from sqlalchemy import Connection, Select, Table, exists, select, text

from app.imports.findings import Outcome
from app.imports.issues import Rule
from app.imports.prospect import Prospect, materialised
from app.registry.trees import find_cycles

_LINKS: Mapping[str, tuple[str, Outcome]] = {
    **{
        table: ("parent_code", Outcome(Rule.CYCLE, "parent_code", "is below itself, in a cycle of {other}"))
        for table in ("district", "industry", "branch")
    },
    "enterprise": (
        "supersedes",
        Outcome(Rule.SUPERSEDES_CYCLE, "supersedes", "continues itself, in a cycle of {other}"),
    ),
}


_NAME = "links"


def rows_on_cycles(connection: Connection, prospect: Prospect) -> Iterator[tuple[Outcome, int, str, int]]:
    """Yield the rows of the file that are on a cycle: what is wrong, number, code above, length of the cycle."""
    name = prospect.own.target.table.name
    if name not in _LINKS:
        return
    column, outcome = _LINKS[name]
    if column not in prospect.stage.present:
        return
    links = _links(connection, prospect, column)
    endless = {row.code: row for row in connection.execute(_without_a_root(links))}
    for cycle in find_cycles({code: row.above for code, row in endless.items()}):
        for row in (endless[code] for code in cycle):
            if row.row_number is not None:
                yield outcome, row.row_number, row.above, len(cycle)


def _links(connection: Connection, prospect: Prospect, column: str) -> Table:
    """Return all nodes that name one above them, as they would be: `row_number`, `code`, `above`."""
    connection.execute(text(f"DROP TABLE IF EXISTS {_NAME}"))
    after = prospect.after(prospect.own.target.table)
    nodes = select(after.c.row_number, after.c.code, after.c[column].label("above")).where(after.c[column].is_not(None))
    links = materialised(connection, nodes, _NAME, "above")
    connection.execute(text(f"CREATE INDEX {_NAME}_code ON {_NAME} (code)"))
    return links


def _without_a_root(links: Table) -> Select[tuple[int | None, str, str]]:
    """Return the nodes from which no root is reached: those on a cycle, and those below one."""
    upper, lower, rest = links.alias("upper"), links.alias("lower"), links.alias("rest")
    top = select(links.c.code).where(~exists().where(upper.c.code == links.c.above))
    reached = top.cte("reached", recursive=True)
    reached = reached.union_all(select(lower.c.code).join_from(reached, lower, lower.c.above == reached.c.code))
    return select(rest.c.row_number, rest.c.code, rest.c.above).where(rest.c.code.not_in(select(reached.c.code)))
