"""The terminal speaks Chinese where its environment says so: help, messages, progress, what is wrong, exit codes."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from rich.cells import cell_len
from typer.main import get_command

import app.cli
from app.cli.commands import cli, main
from app.cli.usage import chinese as chinese_of

CHINESE = re.compile("[\u4e00-\u9fff]")


@pytest.fixture
def chinese(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Give an empty data folder, and a Chinese terminal that is wide."""
    for name, value in {"LC_ALL": "zh_CN.UTF-8", "ORGCOVERAGE_DATA_DIR": str(tmp_path), "COLUMNS": "200"}.items():
        monkeypatch.setenv(name, value)
    return tmp_path


def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    monkeypatch.setattr("sys.argv", ["orgcoverage", *arguments])
    with pytest.raises(SystemExit) as left:
        main()
    out, err = capsys.readouterr()
    return int(left.value.code or 0), out + err


@pytest.mark.parametrize(
    "command", [(), ("import",), ("snapshot",), ("snapshot", "build"), ("extract",), ("key", "create"), ("statistics",)]
)
def test_help_is_chinese(
    chinese: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: tuple[str, ...]
) -> None:
    code, said = run(monkeypatch, capsys, *command, "--help")
    assert code == 0
    assert "用法：" in said
    assert "显示本说明" in said
    assert re.findall(r"Usage|Options|Arguments|Commands|Show|required", said) == []


def commands(command: Any, *names: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    """All commands, each with its name."""
    yield names, command
    for name, subcommand in getattr(command, "commands", {}).items():
        yield from commands(subcommand, *names, name)


COMMANDS = dict(commands(get_command(cli)))


@pytest.mark.parametrize("names", COMMANDS, ids=lambda names: " ".join(names) or "all")
def test_no_help_is_cut_when_a_terminal_has_80_columns(
    chinese: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    names: tuple[str, ...],
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    code, said = run(monkeypatch, capsys, *names, "--help")
    assert code == 0
    assert max(map(cell_len, said.splitlines())) == 80
    command = COMMANDS[names]
    parts = (*command.get_params(typer.Context(command)), *getattr(command, "commands", {}).values())
    firsts = "".join(chinese_of(part.help).partition("\n\n")[0] for part in parts if part.help)
    assert Counter(re.sub(r"\s", "", firsts)) - Counter(said) == Counter()
    assert re.findall("[\u4e00-\u9fff] ?…", said) == []


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("snapshot", "list"), 0, "还没有快照，请运行orgcoverage snapshot build --as-of 日期。"),
        (("import", "ledger", __file__), 1, "没有登记数据库：{folder}/registry.sqlite不存在。"),
        (("import", "club", __file__), 2, "DATASET：没有“club”，可选：districts"),
        (("import", "ledger"), 2, "缺少FILE"),
        (("import", "ledger", __file__, "--mode", "merge"), 2, "--mode须为下列之一：upsert, replace, delete"),
        (("snapshot", "prune", "--keep", "none"), 2, "--keep填写无效"),
        (("serve", "--prot", "80"), 2, "没有--prot这个选项"),
        (("statistics", "districts", "--levle", "street"), 1, "--levle：没有这个参数"),
        (("statistics", "districts", "--level", "town"), 1, "--level：没有这个选项"),
        (("extract",), 2, "缺少--to"),
        (("nothing",), 2, "命令写法不对"),
    ],
)
def test_what_is_wrong_is_said_in_chinese(
    chinese: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    code: int,
    said: str,
) -> None:
    left, text = run(monkeypatch, capsys, *arguments)
    assert said.format(folder=chinese) in text
    assert left == code


def test_an_import_is_told_in_chinese(
    chinese: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = chinese / "ledger.csv"
    file.write_text("单位代码,单位名称,填报日期,职工人数\nA,甲,2026-06-30,十二\n", encoding="utf-8")
    assert run(monkeypatch, capsys, "migrate", "--no-classifications") == (0, "登记数据库已是最新版本。\n")
    code, text = run(monkeypatch, capsys, "import", "ledger", str(file))
    assert code == 1
    assert "上报台账：正在读取" in text
    assert "错误1处：须为0至2000000000的整数" in text
    assert "错误：第2行，职工人数 (headcount) '十二'：须为0至2000000000的整数" in text
    assert "上报被退回：文件有1处错误，整份文件未写入。" in text


def test_commands_say_nothing_in_one_language_alone() -> None:
    for path in Path(app.cli.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") in {"echo", "BadParameter", "print"}:
                raw = [part for part in ast.walk(node) if isinstance(part, ast.Constant) and part not in _said(node)]
                texts = [part.value for part in raw if isinstance(part.value, str)]
                assert [
                    text
                    for text in texts
                    if re.search("[A-Za-z]{3}", text.replace("orgcoverage", "")) and text[0] != "-"
                ] == [], path.name


def _said(call: ast.Call) -> list[ast.AST]:
    """Return what is in calls that put it into the terminal's language, and in formats."""
    inner = [
        part
        for part in ast.walk(call)
        if (isinstance(part, ast.Call) and getattr(part.func, "id", "") in {"told", "say"})
        or isinstance(part, ast.keyword | ast.FormattedValue)
    ]
    return [leaf for part in inner for leaf in ast.walk(part)]
