"""What the command line says to somebody who has done something wrong."""

import socket
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import pytest
import xlsxwriter

from app.cli.commands import main
from tests.factories.boundaries import collection, feature, write
from tests.factories.loading import fill
from tests.factories.releasing import one_firm


@dataclass(frozen=True)
class Finished:
    """How a command ended and what it said."""

    code: int | str | None
    out: str
    err: str


Run = Callable[..., Finished]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Give a runner of commands on a data folder of its own; keywords are settings without their prefix."""
    monkeypatch.setenv("ORGCOVERAGE_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("COLUMNS", "200")

    def command(*words: str, **settings: str) -> Finished:
        for name, value in settings.items():
            monkeypatch.setenv(f"ORGCOVERAGE_{name}", value)
        monkeypatch.setattr("sys.argv", ["orgcoverage", *words])
        with pytest.raises(SystemExit) as stopped:
            main()
        return Finished(stopped.value.code, *capsys.readouterr())

    return command


def test_boundaries_are_kept_or_all_that_is_wrong_is_told(run: Run, tmp_path: Path) -> None:
    file = write(tmp_path / "streets.geojson", collection(feature("350203"), feature("350203999")))
    assert run("boundaries", str(file)).code == 1
    assert run("migrate").code == 0
    refused = run("boundaries", str(file))
    assert refused.code == 1
    assert "Boundaries refused: Nothing was changed. Problems: 1" in refused.err
    assert "  feature 2: its code is that of no district (350203" in refused.err
    assert not (tmp_path / "data" / "boundaries.geojson").exists()
    taken = run("boundaries", str(file), "--ignore-unknown")
    assert (taken.code, taken.out) == (0, "Boundaries of 1 districts, 1 features left out.\n")
    assert (tmp_path / "data" / "boundaries.geojson").exists()
    [line] = [line for path in (tmp_path / "data" / "audit").iterdir() for line in path.read_text().splitlines()]
    assert '"operation":"replace_boundaries"' in line


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"TIME_ZONE": "Mars"}, "ORGCOVERAGE_TIME_ZONE: must be an IANA time zone"),
        (
            {"DATABASE_URL": "postgres://me:secret@there/x"},
            "ORGCOVERAGE_DATABASE_URL: must start with sqlite+aiosqlite",
        ),
        ({"CORS_ORIGINS": "https://dash.example"}, '"cors_origins"'),
        ({"BUILD_ENGINE": "sprak"}, "ORGCOVERAGE_BUILD_ENGINE: Unknown value (duckdb, spark)\n"),
        ({"ANONYMOUS": "everything"}, "ORGCOVERAGE_ANONYMOUS: Unknown value (none, public, exact)\n"),
        ({"RELEASE": "secret"}, "ORGCOVERAGE_RELEASE: Unknown value (automatic, manual)\n"),
        ({"MEMBER_SOURCE": "both"}, "ORGCOVERAGE_MEMBER_SOURCE: Unknown value (auto, register, returns)\n"),
        ({"PUBLIC_ONLY": "maybe"}, "ORGCOVERAGE_PUBLIC_ONLY: Must be true or false (true, false)\n"),
        ({"BUILD_MEMORY": "4 gigabytes"}, "ORGCOVERAGE_BUILD_MEMORY: must be a number with MB or GB, as 4GB\n"),
        ({"SPARK_REMOTE": "spark:15002"}, "ORGCOVERAGE_SPARK_REMOTE: must be the cluster's address, as sc://"),
        ({"SPARK_REMOTE": "sc://there:port;token=secret"}, "ORGCOVERAGE_SPARK_REMOTE: must be the cluster's address"),
        ({"STORE_URL": "ftp://there"}, "ORGCOVERAGE_STORE_URL: must start with s3://, gs://, az:// or file:///"),
        ({"SHARD_FOLDER": "ftp://there"}, "ORGCOVERAGE_SHARD_FOLDER: must start with s3://, gs://, az:// or file:///"),
    ],
)
def test_setting_is_named_when_wrong(run: Run, settings: dict[str, str], told: str) -> None:
    finished = run("serve", **settings)
    assert finished.code == 2
    assert told in finished.err
    assert "Traceback" not in finished.err
    assert "secret" not in finished.err


@pytest.mark.parametrize(
    ("settings", "extra"),
    [
        ({"BUILD_ENGINE": "spark", "SPARK_REMOTE": "sc://there:15002"}, "spark"),
        ({"STORE_URL": "s3://there/secret"}, "store"),
        ({"PUBLIC_STORE_URL": "file:///there/secret"}, "store"),
        ({"SPARK_FOLDER": "s3://there/secret"}, "store"),
        ({"SHARD_FOLDER": "s3://there/secret"}, "store"),
    ],
)
def test_what_to_install_is_told_at_the_start_when_an_extra_is_missing(
    run: Run, monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], extra: str
) -> None:
    monkeypatch.setattr("app.config.find_spec", lambda _: None)
    for command in (("serve",), ("snapshot", "build", "--as-of", "2017-06-30"), ("migrate",)):
        finished = run(*command, **settings)
        assert finished.code == 2
        told = f"ORGCOVERAGE_{next(iter(settings))}: needs the extra `{extra}`: pip install 'orgcoverage[{extra}]'\n"
        assert finished.err == told


@pytest.mark.parametrize(("language", "told"), [("C.UTF-8", "Interrupted.\n"), ("zh_CN.UTF-8", "已中断。\n")])
def test_a_line_is_told_when_a_command_is_interrupted(
    run: Run, monkeypatch: pytest.MonkeyPatch, language: str, told: str
) -> None:
    def interrupt(_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setenv("LC_ALL", language)
    monkeypatch.setattr("app.cli.snapshots.require_registry", interrupt)
    assert run("snapshot", "build", "--as-of", "2017-06-30") == Finished(130, "", told)


def test_all_datasets_are_named_when_one_is_unknown(run: Run) -> None:
    finished = run("template", "ledgers", "ledgers.xlsx")
    assert finished.code == 2
    assert "'ledgers' is not one of districts, industries, industry-groups" in finished.err


def test_snapshots_are_released_and_withdrawn_by_command(run: Run, tmp_path: Path, sqlite_template: Path) -> None:
    (tmp_path / "data").mkdir()
    registry = tmp_path / "data" / "registry.sqlite"
    registry.write_bytes(sqlite_template.read_bytes())
    fill(f"sqlite+aiosqlite:///{registry}", one_firm())
    built = run("snapshot", "build", "--as-of", "2017-06-30", RELEASE="manual")
    snapshot = built.out.split()[0]
    assert f"It is a draft: `orgcoverage snapshot release {snapshot}`" in built.out
    assert run("snapshot", "list").out.split()[-1] == "draft"
    assert run("snapshot", "release", "20170630-0000000000000000").code == 1
    assert run("snapshot", "release", snapshot, "--note", "seen").out == f"{snapshot} is released.\n"
    assert run("snapshot", "list").out.split()[-1] == "enterprises"
    assert "It was released before" in run("snapshot", "build", "--as-of", "2017-06-30").out
    assert run("snapshot", "withdraw", snapshot, "--note", "wrong ledger").out == f"{snapshot} is withdrawn.\n"
    assert run("snapshot", "list").out.split()[-1] == "withdrawn"
    again = run("snapshot", "build", "--as-of", "2017-06-30")
    assert (again.code, "wrong ledger" in again.err, "Nothing is built" in again.err) == (1, True, True)
    audited = "".join(path.read_text() for path in (tmp_path / "data" / "audit").iterdir())
    assert audited.count('"release_snapshot"') == audited.count('"withdraw_snapshot"') == 1


@pytest.mark.parametrize("what", ["release", "withdraw"])
def test_nothing_is_made_when_no_snapshot_can_be_decided_on(run: Run, tmp_path: Path, what: str) -> None:
    assert run("snapshot", what, "20170630-0000000000000000").code == 1
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("words", [("snapshot", "build", "--as-of", "2017-06-30"), ("export", "districts", "all.csv")])
def test_nothing_is_made_when_there_is_no_registry(run: Run, tmp_path: Path, words: tuple[str, ...]) -> None:
    finished = run(*words)
    assert finished.code == 1
    assert "registry.sqlite does not exist: run `orgcoverage migrate`" in finished.err
    assert list(tmp_path.iterdir()) == []


def test_next_step_is_named_when_there_are_no_snapshots(run: Run) -> None:
    finished = run("snapshot", "list")
    assert finished.code == 0
    assert "orgcoverage snapshot build" in finished.out


def test_problem_names_row_column_and_value_when_a_file_is_refused(run: Run, tmp_path: Path) -> None:
    run("migrate", "--no-classifications")
    file = tmp_path / "ledger.csv"
    file.write_text("code,name,reported_on,headcount\nXM-0001,云顶路一号（示例）,2017-06-30,十二\n", encoding="utf-8")
    finished = run("import", "ledger", str(file))
    assert finished.code == 1
    assert "error: row 2: headcount '十二': must be a whole number" in finished.err
    assert "Import rejected: The file has one error; nothing of it was taken." in finished.err


def test_accepted_headers_are_named_when_a_column_is_missing(run: Run, tmp_path: Path) -> None:
    run("migrate", "--no-classifications")
    file = tmp_path / "members.csv"
    file.write_text("joined_on\n2016-07-01\n", encoding="utf-8")
    finished = run("import", "members", str(file))
    assert finished.code == 1
    assert "required column ref is missing (ref, 编号, 党员编号, 党员编码)" in finished.err


def test_nothing_is_taken_when_a_date_to_build_is_in_the_future(run: Run, tmp_path: Path) -> None:
    run("migrate", "--no-classifications")
    file = tmp_path / "enterprises.csv"
    file.write_text("code,name\nA,a\n", encoding="utf-8")
    for words in (
        ("import", "enterprises", str(file), "--build", "2999-01-01"),
        ("snapshot", "build", "--as-of", "2017-06-30", "--as-of", "2999-01-01"),
    ):
        finished = run(*words)
        assert finished.code == 1
        assert "2999-01-01 is after today" in finished.err
    assert "There are no snapshots yet" in run("snapshot", "list").out
    assert "1 inserted" in run("import", "enterprises", str(file)).out


def test_datasets_with_an_export_are_named_when_one_has_none(run: Run) -> None:
    finished = run("export", "members", "members.csv")
    assert finished.code == 2
    assert "'members' is not one of districts, industries, industry-groups" in finished.err


@pytest.mark.parametrize("words", [("serve",), ("demo",)])
def test_port_is_named_when_another_process_has_it(run: Run, tmp_path: Path, words: tuple[str, ...]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        finished = run(*words, "--port", str(port))
    assert (finished.code, f"127.0.0.1:{port} is in use" in finished.err) == (2, True)
    assert words == ("serve",) or not (tmp_path / "data").exists()


def test_next_step_is_named_when_serving_without_a_registry(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.cli.serving.run", lambda *_: None)
    assert "orgcoverage migrate" in run("serve").err


def test_demo_touches_no_registry_of_other_data(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "ledger.csv"
    file.write_text("code,name,reported_on\nXM-1,One,2017-06-30\n", encoding="utf-8")
    run("migrate")
    assert run("import", "ledger", str(file)).code == 0
    before = (tmp_path / "data" / "registry.sqlite").read_bytes()
    finished = run("demo", "--no-serve")
    assert (finished.code, "contains other data" in finished.err) == (2, True)
    assert (tmp_path / "data" / "registry.sqlite").read_bytes() == before


def test_check_says_that_nothing_was_written(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "ledger.csv"
    file.write_text("code,name,reported_on\nXM-1,One,2017-06-30\n", encoding="utf-8")
    run("migrate")
    assert "nothing was written" in run("import", "ledger", str(file), "--dry-run").out
    assert "0 unchanged" in run("import", "ledger", str(file)).out


def test_empty_snapshot_is_doubted(run: Run) -> None:
    run("migrate", "--no-classifications")
    finished = run("snapshot", "build", "--as-of", "2017-06-30")
    assert (finished.code, "import enterprises first" in finished.err) == (0, True)


def test_parameter_is_named_as_it_is_written(run: Run) -> None:
    assert "--by: " in run("statistics", "low-membership").err


def test_version_is_told(run: Run) -> None:
    assert run("--version").out == f"orgcoverage {metadata.version('orgcoverage')}\n"


def test_an_import_says_what_it_left_out_and_counts_problems_before_it_lists_them(run: Run, tmp_path: Path) -> None:
    run("migrate", "--no-classifications")
    file = tmp_path / "ledger.csv"
    rows = "\n".join(f"E{row},某,2017-06-30,十二" for row in range(60))
    file.write_text(f"台账\n企业代码,企业名称,填报日期,职工人数\n{rows}\n合计,,,720\n填表人：张三\n", encoding="utf-8")
    lines = run("import", "ledger", str(file)).err.splitlines()
    said = [line for line in lines if not line.startswith("Import of")]
    assert said[:4] == [
        "Row 2 was taken for the header; what stands above it is left out.",
        "The table ends above row 64: the notes from there on are left out.",
        "60 × invalid_count (error) in column 职工人数 (headcount)",
        "1 × totals_row (error) in column 企业代码 (code)",
    ]
    assert said[4].startswith("error: row 3: 职工人数 (headcount) '十二': must be a whole number")


def test_a_sheet_is_named_when_several_have_a_known_header(run: Run, tmp_path: Path) -> None:
    run("migrate", "--no-classifications")
    file = tmp_path / "ledger.xlsx"
    with xlsxwriter.Workbook(str(file)) as book:
        for name in ("一月", "二月"):
            sheet = book.add_worksheet(name)
            sheet.write_row(0, 0, ("code", "name"))
            sheet.write_row(1, 0, (name, "甲"))
    finished = run("import", "enterprises", str(file))
    assert finished.code == 1
    assert "Several sheets have a known header" in finished.err
    assert "一月, 二月" in finished.err
    assert "1 inserted" in run("import", "enterprises", str(file), "--sheet", "二月").out
