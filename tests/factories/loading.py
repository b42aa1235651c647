"""Putting a registry given as rows of datasets straight into the database, past the imports."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import delete, insert

from app.database.engines import make_sync_engine
from app.database.tables import METADATA
from tests.reference.registry import Registry, Row

TABLES = {
    "districts": "district",
    "industries": "industry",
    "enterprises": "enterprise",
    "returns": "enterprise_return",
    "branches": "branch",
    "coverage": "enterprise_coverage",
    "branch-returns": "branch_return",
    "targets": "target",
    "members": "member",
    "employments": "employment",
    "affiliations": "affiliation",
}
DEFAULTS: dict[str, Row] = {
    "enterprise": {"kind": "enterprise"},
    "branch": {"dual_affiliation": False},
    "member": {"identity": "open"},
}


def fill(url: str, registry: Registry) -> None:
    """Make the database hold this registry and nothing else."""
    engine = make_sync_engine(url)
    try:
        with engine.begin() as connection:
            for table in METADATA.sorted_tables:
                if table.name != "registry_revision":
                    connection.execute(delete(table))
            for name, rows in tables_of(registry):
                if rows:
                    connection.execute(insert(METADATA.tables[name]), rows)
    finally:
        engine.dispose()


def tables_of(registry: Registry) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """The rows of each table, blanks at their defaults."""
    for dataset, name in TABLES.items():
        yield name, [with_defaults(name, row) for row in registry[dataset]]
    groups = {row["group_code"]: row for row in registry["industry-groups"]}
    yield (
        "industry_group",
        [{"code": code, "name_zh": row["name_zh"], "name_en": row["name_en"]} for code, row in groups.items()],
    )
    members = [row for row in registry["industry-groups"] if row["industry_code"] is not None]
    yield (
        "industry_group_industry",
        [{"group_code": row["group_code"], "industry_code": row["industry_code"]} for row in members],
    )


def with_defaults(table: str, row: Row) -> dict[str, Any]:
    """A row whose blank cells stand at what the import would set."""
    defaults = DEFAULTS.get(table, {})
    return {column: defaults.get(column) if value is None else value for column, value in row.items()}
