"""A PostgreSQL server as tests see it: addresses of databases, made and dropped in milliseconds."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
from psycopg import sql
from sqlalchemy import URL, make_url

from tests.engines.embedded import EmbeddedPostgres

EXTERNAL_SERVER = "ORGCOVERAGE_TEST_DATABASE_URL"


@dataclass(frozen=True)
class PostgresServer:
    """A server on which the tests may create databases.

    Attributes
    ----------
    maintenance
        Address of a database that is there already, with a role that may create others.
    embedded
        The process behind it, to stop and start it; None where the address came from the environment.
    """

    maintenance: URL
    embedded: EmbeddedPostgres | None = None

    def url(self, database: str) -> str:
        """Return the SQLAlchemy address of a database, password included."""
        return self.maintenance.set(database=database).render_as_string(hide_password=False)

    def create(self, *, template: str = "template0") -> str:
        """Make a database, a copy of `template`, and return its name. Nobody may be connected to the template."""
        name = f"orgcoverage_test_{secrets.token_hex(8)}"
        self._run("CREATE DATABASE {} TEMPLATE {}", name, template)
        return name

    def drop(self, database: str) -> None:
        """Remove a database, connections that a failed test left open included."""
        self._run("DROP DATABASE IF EXISTS {} WITH (FORCE)", database)

    @contextmanager
    def database(self, *, template: str = "template0") -> Iterator[str]:
        """Give the SQLAlchemy address of a database that lives as long as the block."""
        name = self.create(template=template)
        try:
            yield self.url(name)
        finally:
            self.drop(name)

    def _run(self, statement: str, *names: str) -> None:
        address = self.maintenance.set(drivername="postgresql").render_as_string(hide_password=False)
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


@contextmanager
def running_server() -> Iterator[PostgresServer]:
    """Give the server named in the environment, else an embedded one that ends with the block."""
    external = os.environ.get(EXTERNAL_SERVER)
    if external:
        yield PostgresServer(make_url(external).set(drivername="postgresql+psycopg"))
        return
    embedded = EmbeddedPostgres.open(in_memory=True)
    try:
        yield PostgresServer(embedded.url, embedded)
    finally:
        embedded.close()
