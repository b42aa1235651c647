"""Fixtures of the API's tests: the service on an empty data folder, and its shell around operations of a test's own."""

from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest
from fastapi import APIRouter
from starlette.testclient import TestClient

from app.api.http.authorization import refuse_undeclared
from app.api.http.middleware import Service
from app.api.http.problems import add_problem_handlers
from app.api.http.routing import mount
from app.config import Settings
from app.main import add_middleware, create_app
from app.observability import Metrics
from tests.factories.demonstration import Demonstration

DATES = (date(2017, 3, 31), date(2017, 6, 30))
"""Dates of the demonstration's snapshots here."""


@pytest.fixture
def empty_service(tmp_path: Path) -> Iterator[TestClient]:
    """Give a client of a service without registry and snapshots."""
    with TestClient(create_app(Settings(data_dir=tmp_path))) as client:
        yield client


@pytest.fixture
def shell(tmp_path: Path) -> Callable[[APIRouter], TestClient]:
    """Give a maker of clients: the conventions of the API around one router."""

    def around(router: APIRouter) -> TestClient:
        app = Service(openapi_url=None, redirect_slashes=False)
        mount(app, [router])
        refuse_undeclared(app)
        add_problem_handlers(app)
        add_middleware(app, Settings(data_dir=tmp_path, cors_origins=("https://dash.example",)), Metrics())
        return TestClient(app)

    return around


@pytest.fixture(scope="session")
def siming(tmp_path_factory: pytest.TempPathFactory, demonstration: Demonstration) -> Settings:
    """Give the settings of a service on the demonstration's registry, with snapshots of `DATES`; only to be read."""
    folder = tmp_path_factory.mktemp("siming")
    return demonstration.copy(folder, DATES, anonymous="exact", cors_origins=("https://dash.example",))


@pytest.fixture(scope="session")
def service(siming: Settings) -> Iterator[TestClient]:
    """Give a client of the service on the demonstration."""
    with TestClient(create_app(siming)) as client:
        yield client


@pytest.fixture(scope="session")
def quarters(demonstration: Demonstration, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Give the settings of a service on the demonstration with all its snapshots, of both kinds; only to be read."""
    return demonstration.copy(tmp_path_factory.mktemp("quarters"), anonymous="public")
