"""Services for a browser: the demonstration with all its snapshots, open to everybody, or protecting figures."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from app.access.keys import NewKey, make_key
from app.access.principals import Right
from app.config import Settings
from app.database.engines import make_sync_engine
from app.database.write_lock import write_lock_sync
from app.main import create_app
from app.store.boundaries import write_boundaries
from tests.api.conftest import quarters
from tests.browser.pages import DESK, STREETS, Open
from tests.factories.boundaries import collection, feature
from tests.live import live

__all__ = ["quarters"]


@pytest.fixture(scope="package")
def public_settings(quarters: Settings, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Give the settings of a service on a copy of the demonstration: uploads and keys change it."""
    copy = tmp_path_factory.mktemp("browser") / "data"
    shutil.copytree(quarters.data_dir, copy)
    settings = Settings(_env_file=None, data_dir=copy, anonymous="public")
    squares = [feature(code, _square(place)) for place, code in enumerate(STREETS)]
    write_boundaries(settings.boundaries_path, json.dumps(collection(*squares)).encode())
    return settings


def _square(place: int) -> dict[str, Any]:
    left, low = 118.0 + place % 4 / 10, 24.4 + place // 4 / 10
    ring = [[left, low], [left + 0.1, low], [left + 0.1, low + 0.1], [left, low + 0.1], [left, low]]
    return {"type": "Polygon", "coordinates": [ring]}


@pytest.fixture(scope="package")
def public_address(public_settings: Settings) -> Iterator[str]:
    """Give the address of a service that shows protected figures to whom has no key."""
    with live(create_app(public_settings)) as served:
        yield served


@pytest.fixture(scope="package")
def address(public_settings: Settings) -> Iterator[str]:
    """Give the address of a service on the same data that shows everything to everybody, as the demonstration does."""
    with live(create_app(public_settings.model_copy(update={"anonymous": "exact"}))) as served:
        yield served


@pytest.fixture
def reviewed_settings(quarters: Settings, tmp_path: Path) -> Settings:
    """Give the settings of a service of its own on the demonstration, where what is built has to be released."""
    shutil.copytree(quarters.data_dir, tmp_path / "data")
    return Settings(_env_file=None, data_dir=tmp_path / "data", anonymous="public", release="manual")


@pytest.fixture
def reviewed_address(reviewed_settings: Settings) -> Iterator[str]:
    """Give the address of that service."""
    with live(create_app(reviewed_settings)) as served:
        yield served


@pytest.fixture
def office_key(reviewed_settings: Settings) -> str:
    """Give a key of an office that reads, writes and releases."""
    return _made(reviewed_settings, Right.READ, Right.WRITE, Right.RELEASE)


@pytest.fixture(scope="package")
def key(public_settings: Settings) -> str:
    """Give a key that may read exact figures and send files."""
    return _made(public_settings, Right.READ, Right.WRITE)


def _made(settings: Settings, *rights: Right) -> str:
    engine = make_sync_engine(settings.registry_url)
    with write_lock_sync(engine) as connection:
        _, token = make_key(connection, NewKey("browser", frozenset(rights), None, 1))
    engine.dispose()
    return token


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Give Debian's Chromium; its own sandbox needs rights that root in a container lacks."""
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Open]:
    """Give a function that opens an address in a fresh profile; at the end no page has reported an error.

    That the service refuses what takes a key (401, 403) is no error of the page, although browsers report it as one.
    """
    errors: list[str] = []
    expected: list[str] = []
    contexts = []

    def open_it(url: str, *, refusals: str = "40[13]", **options: Any) -> Page:
        expected.append(f"status of {refusals}")
        context = browser.new_context(**({"viewport": DESK, "locale": "en-GB"} | options))
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda told: errors.append(told.text) if told.type in ("error", "warning") else None)
        page.goto(url)
        page.wait_for_selector("body[data-ready]")
        return page

    yield open_it
    for context in contexts:
        context.close()
    assert [error for error in errors if not re.search("|".join(expected), error)] == []
