"""`statistics`: tables on a terminal, files where it is piped, plain words where it cannot; from here or a server."""

import io
import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest
from rich.cells import cell_len
from starlette.testclient import TestClient

import orgcoverage
from app.cli.commands import main
from app.cli.in_process import ADDRESS, InProcess
from app.cli.statistics import Table
from app.cli.terminal import bar
from app.config import Settings
from app.main import create_app, create_local_app
from orgcoverage.operations import OPERATIONS
from tests.documentation.markdown import ROOT
from tests.live import live


@dataclass(frozen=True)
class Said:
    """What a command wrote, and its exit code."""

    output: bytes
    errors: str
    code: int

    @property
    def text(self) -> str:
        return self.output.decode()


Command = Callable[..., Said]


@pytest.fixture
def run(
    siming: Settings, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> Iterator[Command]:
    """Give the command line, on the demonstration's data folder."""
    monkeypatch.setenv("ORGCOVERAGE_DATA_DIR", str(siming.data_dir))
    umask = os.umask(0o077)

    def said(*arguments: str, **environment: str) -> Said:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(sys, "argv", ["orgcoverage", "statistics", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capsysbinary.readouterr()
        return Said(captured.out, captured.err.decode(), int(ended.value.code or 0))

    yield said
    os.umask(umask)


@pytest.fixture
def run_in_folder(run: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Give the command line, on a data folder that has nothing to ask."""
    monkeypatch.setenv("ORGCOVERAGE_DATA_DIR", str(tmp_path / "elsewhere"))
    return run


def asked(settings: Settings, path: str) -> bytes:
    with TestClient(create_app(settings.model_copy(update={"anonymous": "exact"}))) as client:
        return client.get(f"/v1/statistics/{path}").content


@pytest.mark.parametrize(
    ("arguments", "path"),
    [
        ("districts --parent 350203 --totals", "districts.csv?parent=350203&totals=true"),
        ("industry-groups --district=350203 --fields members", "industry-groups.csv?district=350203&fields=members"),
        ("branches --kind committee --lang zh", "branches.csv?kind=committee&lang=zh"),
        ("breakdown --by sector --by size_class", "breakdown.csv?by=sector&by=size_class"),
        ("low-membership --by industry_group --format records", "low-membership.records?by=industry_group"),
        ("establishment-gaps --strict", "establishment-gaps.csv?strict=true"),
        ("workplaces --branch SM-NET", "branches/SM-NET/workplaces.csv"),
    ],
)
def test_file_is_that_of_the_api_when_piped(run: Command, siming: Settings, arguments: str, path: str) -> None:
    found = run(*arguments.split())
    assert found.code == 0, found.errors
    assert found.output == asked(siming, path)


@pytest.mark.parametrize("ending", ["csv", "json", "parquet", "xlsx", "jsonstat"])
def test_format_is_that_of_the_ending_when_a_file_is_written(run: Command, tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"streets.{ending}"
    found = run("districts", "--level", "street", "--fields", "members", "--output", str(path))
    assert found.code == 0, found.errors
    assert found.output == b""
    content = path.read_bytes()
    if ending == "parquet":
        assert "members" in pd.read_parquet(path).columns
    elif ending in {"json", "jsonstat"}:
        assert isinstance(json.loads(content), list if ending == "json" else dict)
    else:
        assert content.startswith(b"PK" if ending == "xlsx" else b"row,code")


def test_table_has_bars_totals_and_what_it_rests_on_when_shown(run: Command) -> None:
    shown = run("districts", "--parent", "350203", "--format", "table", COLUMNS="110").text.splitlines()
    wucun = next(line for line in shown if line.startswith("350203008"))
    assert "梧村街道" in wucun
    assert "█" in wucun
    assert "%" in wucun
    assert any(line.startswith("total") for line in shown)
    assert any("10 rows, basis operating, members from the register" in line for line in shown)


def test_table_is_chinese_when_the_terminal_is(run: Command) -> None:
    shown = run("districts", "--parent", "350203", "--format", "table", COLUMNS="120", LC_ALL="zh_CN.UTF-8").text
    assert "合计" in shown
    assert "组织覆盖率" in shown
    assert "共10行，口径在营单位，党员数取自" in shown
    sectors = run("breakdown", "--by", "sector", "--format", "table", LC_ALL="zh_CN.UTF-8").text
    assert "非公" in sectors
    assert "total" in run("districts", "--parent", "350203", "--format", "table", "--lang", "en").text


@pytest.mark.parametrize("table", sorted(set(Table) - {Table.WORKPLACES}))
def test_every_table_can_be_shown_when_on_a_terminal(run: Command, table: Table) -> None:
    needed = {"breakdown": "--by=street", "low-membership": "--by=section", "changes": "--since=2017-03-31"}
    found = run(table, "--format", "table", *filter(None, [needed.get(table)]))
    assert found.code == 0, found.errors
    lines = found.text.splitlines()
    assert len(lines) > 3
    assert len(lines[1].split()) > 1


def test_few_rows_are_shown_when_there_are_many(run: Command) -> None:
    shown = run("enterprises", "--limit", "2", "--format", "table").text
    assert "--limit shows more" in shown


@pytest.mark.parametrize("columns", [110, 80, 60, 30])
def test_columns_are_left_out_and_named_when_the_terminal_is_narrow(run: Command, columns: int) -> None:
    shown = run("districts", "--parent", "350203", "--format", "table", COLUMNS=str(columns)).text
    lines = shown.splitlines()
    lacking = [line for line in lines if line.startswith("too narrow for: ")]
    assert all(cell_len(line) <= columns for line in lines)
    assert ("%" in shown, bool(lacking)) == (columns >= 60, columns <= 60)
    assert ("▏" in shown or "█" in shown) == (columns == 110)


@pytest.mark.long
def test_table_is_shown_when_the_output_is_a_terminal(siming: Settings) -> None:
    parent, child = pty.openpty()
    environment = {**os.environ, "ORGCOVERAGE_DATA_DIR": str(siming.data_dir), "NO_COLOR": "1", "TERM": "dumb"}
    words = [sys.executable, "-m", "app.cli", "statistics", "districts", "--parent", "350203"]
    with subprocess.Popen(words, cwd=ROOT, env=environment, stdout=child) as process:
        os.close(child)
        shown = b""
        try:
            while piece := os.read(parent, 65536):
                shown += piece
        except OSError:  # the terminal's other end is closed: all is said
            pass
        os.close(parent)
    assert process.returncode == 0
    assert "10 rows, basis operating" in shown.decode()


@pytest.fixture(scope="module")
def server(siming: Settings) -> Iterator[str]:
    with live(create_app(siming.model_copy(update={"anonymous": "none"}))) as address:
        yield address


def test_server_is_asked_when_it_is_named(run_in_folder: Command, siming: Settings, tmp_path: Path) -> None:
    path = tmp_path / "streets.csv"
    with live(create_app(siming)) as address:
        shown = run_in_folder("districts", "--parent", "350203", "--format", "table", "--server", address)
        run_in_folder("districts", "--parent", "350203", "--server", address, "--output", str(path))
    assert "10 rows" in shown.text
    assert path.read_bytes() == asked(siming, "districts.csv?parent=350203")


def test_key_is_sent_when_the_environment_has_one(run_in_folder: Command, server: str) -> None:
    without = run_in_folder("districts", "--server", server)
    assert without.code == 1
    assert "A key is required" in without.errors
    refused = run_in_folder("districts", "--server", server, ORGCOVERAGE_KEY="oc_wrong")
    assert refused.code == 1
    assert "Key refused" in refused.errors


def test_address_is_named_when_nobody_answers(run_in_folder: Command) -> None:
    found = run_in_folder("districts", "--server", "http://127.0.0.1:1")
    assert found.code == 1
    assert "No answer from http://127.0.0.1:1" in found.errors


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("districts --paren 350203", "--paren: "),
        ("districts --operation bases", "--operation: "),
        ("districts --level street --order up", "--order: "),
        ("districts --parent nowhere", "parent 'nowhere' is not in this snapshot"),
        ("low-membership", "--by"),
        ("districts 350203", "is not a parameter"),
        ("workplaces", "--branch"),
        ("workplaces --branch nobody", "nobody"),
        ("districts --output streets.doc", ".doc is the ending of no format"),
    ],
)
def test_plain_words_and_exit_code_1_when_it_cannot_be_answered(run: Command, arguments: str, said: str) -> None:
    found = run(*arguments.split())
    assert found.code == 1
    assert said in found.errors
    assert found.output == b""


def test_what_is_wrong_is_said_in_chinese_when_the_terminal_is(run: Command) -> None:
    errors = run("districts", "--parent", "nowhere", "--order", "up", LC_ALL="zh_CN.UTF-8").errors
    assert "--order：" in errors
    assert "asc, desc" in errors
    assert not re.search(r"[a-z]{3,} [a-z]{3,}", errors.replace("asc, desc", ""))


def test_nothing_is_left_behind_when_there_is_nothing_to_ask(run_in_folder: Command, tmp_path: Path) -> None:
    found = run_in_folder("districts", "--output", str(tmp_path / "streets.csv"))
    assert found.code == 1
    assert [*tmp_path.iterdir()] == []


def test_what_to_install_is_said_when_the_client_cannot_run(run: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.cli.statistics.find_spec", lambda name: None if name == "pandas" else name)
    found = run("districts")
    assert found.code == 1
    assert "pip install 'orgcoverage[client]'" in found.errors
    assert "需要先安装" in run("districts", LC_ALL="zh_CN.UTF-8").errors


def test_reading_stops_when_nobody_reads_on(siming: Settings) -> None:
    class Full(io.BytesIO):
        def write(self, _content: object) -> int:
            raise BrokenPipeError

    with orgcoverage.connect(ADDRESS, transport=InProcess(create_local_app(siming))) as client:
        with pytest.raises(BrokenPipeError):
            client.export_file("enterprises", Full(), "csv", fields="all")
        assert len(client.districts(parent="350203")) == 10


def test_parameters_are_listed_when_asked_for(run: Command) -> None:
    found = run("districts", "--parameters")
    assert "--parent" in found.text
    assert "--industry-group" in found.text
    assert "--branch" in run("workplaces", "--parameters").text


def test_tables_are_the_operations_of_the_client_when_listed() -> None:
    assert {table.value.replace("-", "_") for table in Table} == set(OPERATIONS)


@pytest.mark.parametrize(
    ("ratio", "drawn"), [(0.0, "     "), (0.025, "▏    "), (0.5, "██▌  "), (1.0, "█████"), (1.7, "█████")]
)
def test_a_bar_is_exact_to_an_eighth_of_a_character(ratio: float, drawn: str) -> None:
    assert bar(ratio) == drawn
