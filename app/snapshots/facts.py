"""Facts: one row per registered enterprise and per living branch, as the SQL texts state the domain's rules."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from app.config import Settings
from app.snapshots.extract import EXTRACTED, view
from app.snapshots.parameters import MemberSource, Parameters, statement

_ANYBODY_WORKS = """
SELECT count(*) > 0
FROM (
    SELECT 1
    FROM employment
    JOIN member ON member.ref = employment.member_ref
    WHERE employment.start_on <= '{as_of}' AND (employment.end_on IS NULL OR employment.end_on > '{as_of}')
      AND member.joined_on <= '{as_of}' AND (member.left_on IS NULL OR member.left_on > '{as_of}')
    LIMIT 1
) AS somebody
"""


@dataclass(frozen=True)
class Facts:
    """The rows of a snapshot before they are put in order.

    Parameters
    ----------
    parameters
        What the rules were asked with, the member source resolved.
    districts, industries
        `code`, `parent_code`, `level`, `name_zh`, `name_en` of each node.
    industry_groups
        `code`, `name_zh`, `name_en`, `industry_code`: a row per industry of each group; null for an empty group.
    enterprises, branches, coverage, dual_affiliation
        What the SQL texts of these names answer.
    findings
        `rule`, `district_code`, `industry_code`, `subject_kind`, `subject_code`, `value`.
    superseded
        `code`, `supersedes` of each enterprise, registered or not, that continues another.
    """

    parameters: Parameters
    districts: pa.Table
    industries: pa.Table
    industry_groups: pa.Table
    enterprises: pa.Table
    branches: pa.Table
    coverage: pa.Table
    dual_affiliation: pa.Table
    findings: pa.Table
    superseded: pa.Table


def state_facts(folder: Path, url: str, settings: Settings, as_of: date) -> Facts:
    """Return the facts as of a date from the extracted files.

    Parameters
    ----------
    folder
        Holds the Parquet files of `extract`, and what DuckDB spills.
    url
        SQLAlchemy URL of the registry they came from, which says how its types were kept.
    settings
        Thresholds, member source and memory limit.
    as_of
        The date.
    """
    with duckdb.connect(config=_limits(folder, settings)) as connection:
        connection.execute("SET enable_progress_bar = false")  # shown where it takes the process for an interactive one
        for table in EXTRACTED:
            connection.execute(view(table, folder / f"{table}.parquet", url))
        parameters = Parameters(as_of, settings.thresholds, _member_source(connection, settings, as_of))
        return _facts(connection, parameters)


def _limits(folder: Path, settings: Settings) -> dict[str, Any]:
    return {
        "memory_limit": settings.build_memory,
        "temp_directory": str(folder / "spill"),
        "preserve_insertion_order": False,
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }


def _member_source(connection: duckdb.DuckDBPyConnection, settings: Settings, as_of: date) -> MemberSource:
    if settings.member_source != "auto":
        return settings.member_source
    answer = connection.execute(_ANYBODY_WORKS.format(as_of=as_of.isoformat())).fetchone()
    return "register" if answer and answer[0] else "returns"


def _facts(connection: duckdb.DuckDBPyConnection, parameters: Parameters) -> Facts:
    def answer(text: str) -> pa.Table:
        return connection.sql(text).to_arrow_table()

    tree = "SELECT code, parent_code, level, name_zh, name_en FROM {table}"
    connection.execute(f"CREATE TEMP TABLE enterprise_fact AS {statement('enterprises', parameters)}")
    connection.execute(f"CREATE TEMP TABLE branch_fact AS {statement('branches', parameters)}")
    return Facts(
        parameters=parameters,
        districts=answer(tree.format(table="district")),
        industries=answer(tree.format(table="industry")),
        industry_groups=answer(
            "SELECT code, name_zh, name_en, industry_code FROM industry_group "
            "LEFT JOIN industry_group_industry ON group_code = code"
        ),
        enterprises=answer("SELECT * FROM enterprise_fact"),
        branches=answer("SELECT * FROM branch_fact"),
        coverage=answer(statement("coverage", parameters)),
        dual_affiliation=answer(statement("dual_affiliation", parameters)),
        findings=answer(statement("findings", parameters)),
        superseded=answer("SELECT code, supersedes FROM enterprise WHERE supersedes IS NOT NULL"),
    )
