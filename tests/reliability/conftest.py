"""Fixtures of the programs that kill, starve and damage."""

from datetime import date
from pathlib import Path

import pytest

from app.config import Settings
from tests.factories.demonstration import Demonstration

DATES = (date(2017, 3, 31), date(2017, 6, 30))
"""Dates of the demonstration's snapshots here."""


@pytest.fixture
def siming(demonstration: Demonstration, tmp_path: Path) -> Settings:
    """Give the settings of a service on a copy of the demonstration, on SQLite, that answers everything."""
    return demonstration.copy(tmp_path / "siming", DATES, anonymous="exact")
