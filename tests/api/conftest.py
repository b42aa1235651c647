"""Fixtures of the API's tests: the service on an empty data folder, and its shell around operations of a test's own."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi import APIRouter, FastAPI
from starlette.testclient import TestClient

from app.api.admission import refuse_undeclared
from app.api.layers import add_layers
from app.api.problems import add_problem_handlers
from app.api.routes import mount
from app.config import Settings
from app.main import create_app
from app.observability import Metrics


@pytest.fixture
def empty_service(tmp_path: Path) -> Iterator[TestClient]:
    """Give a client of a service without registry and snapshots."""
    with TestClient(create_app(Settings(data_dir=tmp_path))) as client:
        yield client


@pytest.fixture
def shell(tmp_path: Path) -> Callable[[APIRouter], TestClient]:
    """Give a maker of clients: the conventions of the API around one router."""

    def around(router: APIRouter) -> TestClient:
        app = FastAPI(openapi_url=None, redirect_slashes=False)
        mount(app, [router])
        refuse_undeclared(app)
        add_problem_handlers(app)
        add_layers(app, Settings(data_dir=tmp_path, cors_origins=("https://dash.example",)), Metrics())
        return TestClient(app)

    return around
