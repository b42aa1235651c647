"""Imports at one time come to the same as one after the other; nobody hears of a locked database."""

import os
from pathlib import Path

import pytest

from app.database.engines import make_sync_engine
from app.database.write_lock import current_revision
from tests.factories.importing import PEOPLE, TREES, Registry
from tests.lengths import at_length
from tests.reliability.test_killed_imports import run

pytestmark = pytest.mark.long

AT_ONCE = int(os.environ.get("ORGCOVERAGE_TEST_AT_ONCE", at_length(8, 4)))
"""Imports at one time; the full count is 16."""

ROWS = 2000


def test_imports_equal_some_order_when_at_one_time(migrated_url: str, tmp_path: Path) -> None:
    registry = Registry(migrated_url, tmp_path)
    enterprises = "\n".join(f"E{number},某" for number in range(AT_ONCE))
    registry.load(TREES, PEOPLE, {"enterprises": f"code,name\n{enterprises}"})
    before = _revision(migrated_url)
    children = [run(migrated_url, tmp_path, *_files(tmp_path, number)) for number in range(AT_ONCE)]
    told = sorted(child.communicate()[0] for child in children)
    assert all(child.returncode == 0 for child in children)
    # One was first to employ m1, and whoever came later found that at the latest under the lock.
    refused = "start\ntaken\nstart\nrejected second_employer\n"
    assert told == [refused] * (AT_ONCE - 1) + ["start\ntaken\nstart\ntaken\n"]
    # Each wrote all rows anew, so that the last one's year is in all of them, and nobody's own row is lost.
    rows = registry.rows("member", "ref", "birth_year")
    common = {year for ref, year in rows if ref.startswith("r")}
    assert len(common) == 1
    assert {(f"own{number}", 1900 + number) for number in range(AT_ONCE)} <= set(rows)
    assert len(registry.rows("employment", "member_ref")) == 1
    assert _revision(migrated_url) == before + AT_ONCE + 1


def _files(folder: Path, number: int) -> tuple[str, str]:
    members, employments = folder / f"members-{number}.csv", folder / f"employments-{number}.csv"
    rows = [f"r{row},2010-01-01,{1900 + number}" for row in range(ROWS)]
    members.write_text("\n".join(["ref,joined_on,birth_year", f"own{number},2010-01-01,{1900 + number}", *rows]))
    header = "member_ref,enterprise_code,start_on"
    employments.write_text(f"{header}\nm1,E{number},2017-0{number % 9 + 1}-01")
    return f"members={members}", f"employments={employments}"


def _revision(url: str) -> int:
    engine = make_sync_engine(url)
    with engine.connect() as connection:
        revision = current_revision(connection)
    engine.dispose()
    return revision
