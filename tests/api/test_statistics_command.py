"""`statistics`: tables on a terminal, files where it is piped, and plain words where it cannot."""

import csv
import io
import os
import pty
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from rich.cells import cell_len
from starlette.testclient import TestClient

from app.cli.terminal import bar
from app.config import Settings
from app.main import create_app
from tests.documentation.markdown import ROOT


def run(settings: Settings, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "app.cli", "statistics", *arguments], cwd=ROOT, env=_environment(settings),
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def on_terminal(settings: Settings, *arguments: str, columns: int = 110) -> str:
    """What a terminal of so many columns shows, without its colours."""
    parent, child = pty.openpty()
    environment = _environment(settings) | {"COLUMNS": str(columns), "NO_COLOR": "1", "TERM": "dumb"}
    with subprocess.Popen(
        [sys.executable, "-m", "app.cli", "statistics", *arguments], cwd=ROOT, env=environment, stdout=child
    ) as process:
        os.close(child)
        shown = b""
        try:
            while piece := os.read(parent, 65536):
                shown += piece
        except OSError:  # the terminal's other end is closed: all is said
            pass
        os.close(parent)
    assert process.returncode == 0
    return shown.decode().replace("\r", "")


def _environment(settings: Settings) -> dict[str, str]:
    return {**os.environ, "ORGCOVERAGE_DATA_DIR": str(settings.data_dir)}


@pytest.mark.parametrize(
    ("table", "arguments", "query"),
    [
        ("districts", ["--parent", "350203", "--totals"], "parent=350203&totals=true"),
        ("industry-groups", ["--district=350203", "--fields", "members"], "district=350203&fields=members"),
        ("branches", ["--kind", "committee", "--lang", "zh"], "kind=committee&lang=zh"),
        ("bases", ["--industry-group", "internet"], "industry_group=internet"),
        ("low-membership", ["--by", "industry_group", "--district", "350203"], "by=industry_group&district=350203"),
        ("establishment-gaps", ["--strict"], "strict=true"),
    ],
)
def test_a_pipe_gets_the_csv_of_the_api(siming: Settings, table: str, arguments: list[str], query: str) -> None:
    found = run(siming, table, *arguments)
    assert found.returncode == 0, found.stderr
    with TestClient(create_app(siming.model_copy(update={"anonymous": "exact"}))) as client:
        served = client.get(f"/v1/statistics/{table}.csv?{query}").text
    assert list(csv.reader(io.StringIO(found.stdout))) == list(csv.reader(io.StringIO(served)))


def test_a_terminal_gets_a_table_with_bars_and_totals(siming: Settings) -> None:
    shown = on_terminal(siming, "districts", "--parent", "350203", "--lang", "zh").splitlines()
    wucun = next(line for line in shown if line.startswith("350203008"))
    assert "梧村街道" in wucun
    assert "█" in wucun
    assert "%" in wucun
    assert any(line.startswith("total") for line in shown)
    assert any("10 rows, basis operating" in line for line in shown)


def test_a_terminal_gets_few_rows_when_there_are_many(siming: Settings) -> None:
    shown = on_terminal(siming, "enterprises", "--limit", "2")
    assert "--limit shows more" in shown


@pytest.mark.parametrize("columns", [110, 80, 60, 30])
def test_a_narrow_terminal_lacks_columns_and_says_which(siming: Settings, columns: int) -> None:
    shown = on_terminal(siming, "districts", "--parent", "350203", columns=columns)
    lines = shown.splitlines()
    lacking = [line for line in lines if line.startswith("too narrow for: ")]
    assert all(cell_len(line) <= columns for line in lines)
    assert ("%" in shown, bool(lacking)) == (columns >= 60, columns <= 60)
    assert ("▏" in shown or "█" in shown) == (columns == 110)


def test_a_file_is_written_in_its_format(siming: Settings, tmp_path: Path) -> None:
    path = tmp_path / "streets.parquet"
    found = run(siming, "districts", "--level", "street", "--format", "parquet", "--output", str(path))
    assert found.returncode == 0, found.stderr
    assert "members" in pd.read_parquet(path).columns


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["districts", "--paren", "350203"], "there is no --paren"),
        (["districts", "--level", "street", "--order", "up"], "--order"),
        (["districts", "--parent", "nowhere"], "parent 'nowhere' is not in this snapshot"),
        (["low-membership"], "industry_level"),
        (["districts", "350203"], "is not a parameter"),
    ],
)
def test_plain_words_and_exit_code_1_when_it_cannot_be_answered(
    siming: Settings, arguments: list[str], said: str
) -> None:
    found = run(siming, *arguments)
    assert found.returncode == 1
    assert said in found.stderr
    assert "Traceback" not in found.stderr


def test_parameters_are_listed_when_asked_for(siming: Settings) -> None:
    found = run(siming, "districts", "--parameters")
    assert "--parent" in found.stdout
    assert "--industry-group" in found.stdout


@pytest.mark.parametrize(
    ("ratio", "drawn"), [(0.0, "     "), (0.025, "▏    "), (0.5, "██▌  "), (1.0, "█████"), (1.7, "█████")]
)
def test_a_bar_is_exact_to_an_eighth_of_a_character(ratio: float, drawn: str) -> None:
    assert bar(ratio) == drawn
