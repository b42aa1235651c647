"""The tables that the SQL texts read besides those of the registry, made in a database itself."""

import pyarrow as pa
from sqlalchemy import Connection, text

from app.snapshots.facts import STEPS, Parameters, step_statement
from app.snapshots.lineage import LINEAGE, branch_lineage


def lend_lineage(connection: Connection) -> None:
    """Make the lineage of branches a table of this connection alone."""
    rows = connection.exec_driver_sql("SELECT code, parent_code FROM branch").all()
    columns = {"code": [row[0] for row in rows], "parent_code": [row[1] for row in rows]}
    branches = pa.table(columns, pa.schema([("code", pa.string()), ("parent_code", pa.string())]))
    connection.exec_driver_sql(f"CREATE TEMPORARY TABLE {LINEAGE} (ancestor text, code text, distance integer)")
    if lineage := branch_lineage(branches).to_pylist():
        connection.execute(text(f"INSERT INTO {LINEAGE} VALUES (:ancestor, :code, :distance)"), lineage)


def take_steps(connection: Connection, parameters: Parameters) -> None:
    """Make what the texts read tables of this connection alone, anew for other parameters."""
    for step in STEPS:
        connection.exec_driver_sql(f"DROP TABLE IF EXISTS {step.table}")
        connection.exec_driver_sql(f"CREATE TEMPORARY TABLE {step.table} AS {step_statement(step, parameters)}")
