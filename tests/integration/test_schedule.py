"""The recipe for scheduled imports and builds: what it does with files, and that schedulers run it."""

import configparser
import os
import re
import shutil
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from python_calamine import CalamineWorkbook

from app.config import Settings
from app.registry.export import EXPORTS
from app.store.shelf import Shelf
from tests.documentation.markdown import ROOT

SCHEDULE = ROOT / "docs" / "schedule"
HEADER = "统一社会信用代码,单位名称,报告日期,职工人数,党员数\n"
SHARED = "/usr/local/share/orgcoverage/take-inbox.sh"


@pytest.fixture
def inbox(tmp_path: Path, migrated_sqlite_url: str) -> Path:
    """Give a folder with two ledgers, one of which counts somebody as twelve, and one that is still being written."""
    folder = tmp_path / "inbox" / "ledger"
    folder.mkdir(parents=True)
    (folder / "1 街道甲.csv").write_text(f"{HEADER}A,甲公司,2026-09-30,10,2\n", encoding="utf-8")
    (folder / "2 街道乙.csv").write_text(f"{HEADER}B,乙公司,2026-09-30,十二,3\n", encoding="utf-8")
    (folder / "3 街道丙.csv.part").write_text(HEADER, encoding="utf-8")
    return folder.parent


def take(inbox: Path, url: str) -> subprocess.CompletedProcess[str]:
    """Run the recipe as its schedulers do, with the command of this environment."""
    program = inbox.parent / "orgcoverage"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m app.cli "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    environment = os.environ | {
        "INBOX": str(inbox), "ORGCOVERAGE": str(program), "ORGCOVERAGE_DATABASE_URL": url,
        "ORGCOVERAGE_DATA_DIR": str(inbox.parent / "data"), "PYTHONPATH": str(ROOT),
    }  # fmt: skip
    return subprocess.run(
        ["sh", SCHEDULE / "take-inbox.sh"], env=environment, cwd=inbox, text=True, capture_output=True, check=False
    )


@pytest.mark.long
def test_what_is_right_is_built_and_what_is_wrong_lies_ready_to_be_sent_back(
    inbox: Path, migrated_sqlite_url: str
) -> None:
    ended = take(inbox, migrated_sqlite_url)
    assert (ended.returncode, ended.stdout.splitlines()[-1]) == (1, "1 taken, 1 refused"), ended
    assert [path.name for path in (inbox / "ledger").iterdir()] == ["3 街道丙.csv.part"]
    taken = sorted(path.name.partition("-")[2] for path in (inbox / "taken").iterdir())
    assert taken == ["ledger-1 街道甲.csv", "ledger-1 街道甲.csv.txt"]
    refused = {path.name.partition("-")[2]: path for path in (inbox / "refused").iterdir()}
    assert sorted(refused) == [f"ledger-2 街道乙.csv{ending}" for ending in ("", ".txt", ".xlsx")]
    assert "十二" in refused["ledger-2 街道乙.csv.txt"].read_text(encoding="utf-8")
    header, row = CalamineWorkbook.from_path(str(refused["ledger-2 街道乙.csv.xlsx"])).get_sheet_by_index(0).to_python()
    assert row[header.index("职工人数")] == "十二"
    assert "须为0至" in str(row[header.index("问题说明")])
    [built] = Shelf(Settings(data_dir=inbox.parent / "data").snapshots_dir / "exact").all()
    assert built.as_of == datetime.now().astimezone().date().replace(day=1) - timedelta(days=1)
    assert built.tables["enterprises"].rows == 1


def test_nothing_is_built_when_nothing_came(inbox: Path, migrated_sqlite_url: str) -> None:
    shutil.rmtree(inbox / "ledger")
    ended = take(inbox, migrated_sqlite_url)
    assert (ended.returncode, ended.stdout) == (0, "0 taken, 0 refused\n"), ended
    assert not (inbox.parent / "data").exists()


def test_the_recipe_takes_every_dataset_without_members() -> None:
    [line] = re.findall(r"^for dataset in (.*); do$", (SCHEDULE / "take-inbox.sh").read_text(encoding="utf-8"), re.M)
    assert set(line.split()) == {*EXPORTS, "ledger"} - {"industries"}


def test_schedulers_run_the_recipe() -> None:
    service = configparser.ConfigParser(strict=True)
    service.optionxform = str  # type: ignore[assignment,method-assign]  # keys of units are case-sensitive
    service.read(SCHEDULE / "orgcoverage-inbox.service")
    assert service["Service"]["ExecStart"] == f"/bin/sh {SHARED}"
    assert service["Service"]["Type"] == "oneshot"
    timer = (SCHEDULE / "orgcoverage-inbox.timer").read_text(encoding="utf-8")
    assert "OnCalendar=*-*-05 02:15:00\nPersistent=true\n" in timer
    [job] = [line for line in (SCHEDULE / "crontab").read_text(encoding="utf-8").splitlines() if line.startswith("15 ")]
    assert job == f"15 2 5 * * /bin/sh {SHARED}"
