"""The lineage of branches put where a database can read it, as the engines of builds have it."""

import pyarrow as pa
from sqlalchemy import Connection, text

from app.snapshots.lineage import LINEAGE, branch_lineage


def lend_lineage(connection: Connection) -> None:
    """Make a table of this connection alone, which the SQL texts read."""
    rows = connection.exec_driver_sql("SELECT code, parent_code FROM branch").all()
    columns = {"code": [row[0] for row in rows], "parent_code": [row[1] for row in rows]}
    branches = pa.table(columns, pa.schema([("code", pa.string()), ("parent_code", pa.string())]))
    connection.exec_driver_sql(f"CREATE TEMPORARY TABLE {LINEAGE} (ancestor text, code text, distance integer)")
    if lineage := branch_lineage(branches).to_pylist():
        connection.execute(text(f"INSERT INTO {LINEAGE} VALUES (:ancestor, :code, :distance)"), lineage)
