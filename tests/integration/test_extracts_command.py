"""Extracts from the command line: written, built from, removed or kept, and named by an erasure; in Chinese."""

import shutil
from pathlib import Path

import pytest

from app.cli.commands import main
from tests.factories.loading import fill
from tests.factories.several_registries import ZHEJIANG

Run = pytest.CaptureFixture[str]


@pytest.fixture
def extract(migrated_sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give where an extract is to be written, a registry in the environment, and a Chinese terminal."""
    fill(migrated_sqlite_url, ZHEJIANG)
    named = {"LC_ALL": "zh_CN.UTF-8", "ORGCOVERAGE_DATABASE_URL": migrated_sqlite_url, "COLUMNS": "200"}
    for name, value in (named | {"ORGCOVERAGE_DATA_DIR": str(tmp_path / "data")}).items():
        monkeypatch.setenv(name, value)
    return tmp_path / "extracts" / "zhejiang"


def run(monkeypatch: pytest.MonkeyPatch, capsys: Run, *arguments: str) -> tuple[int, str]:
    monkeypatch.setattr("sys.argv", ["orgcoverage", *arguments])
    with pytest.raises(SystemExit) as left:
        main()
    out, err = capsys.readouterr()
    return int(left.value.code or 0), out + err


def test_an_extract_goes_when_it_is_built_from_unless_it_is_kept(
    extract: Path, monkeypatch: pytest.MonkeyPatch, capsys: Run
) -> None:
    build = ("snapshot", "build", "--as-of", "2017-06-30", "--from", str(extract))
    code, said = run(monkeypatch, capsys, *build)
    assert (code, said) == (1, f"找不到数据包：{extract}没有数据包。\n")
    code, said = run(monkeypatch, capsys, "extract", "--to", str(extract))
    assert code == 0
    assert "党员3名" in said
    again = f"{extract.parent}/./zhejiang/"
    code, said = run(monkeypatch, capsys, *build, "--from", again, "--keep")
    assert (code, said) == (1, f"请求无效：{again}写了两次，是否漏写了别的数据包？\n")
    copy = shutil.copytree(extract, extract.with_name("copy"))
    code, said = run(monkeypatch, capsys, *build, "--from", str(copy), "--keep")
    assert code == 0
    assert "各数据包均未注明党员编号的生成办法" in said
    assert (extract / "manifest.json").exists()
    with monkeypatch.context() as replaced:
        replaced.setattr("app.snapshots.shared_extracts.remove_extract", lambda _: False)
        code, said = run(monkeypatch, capsys, *build)
    assert code == 0
    assert f"{extract}已换成新的数据包，予以保留。" in said
    code, said = run(monkeypatch, capsys, *build)
    assert code == 0
    assert f"已移除{extract}" in said
    assert list(extract.parent.iterdir()) == [copy]
    code, said = run(monkeypatch, capsys, *build[:-2], "--keep")
    assert code == 2
    assert "--keep：须与--from同用\n" in said


def test_an_erasure_names_the_extracts_that_are_left(
    extract: Path, monkeypatch: pytest.MonkeyPatch, capsys: Run
) -> None:
    assert run(monkeypatch, capsys, "extract", "--to", str(extract))[0] == 0
    code, said = run(monkeypatch, capsys, "erase", "m1")
    assert code == 0
    assert f"提取到{extract}的数据包可能仍含有他们的记录，请删除。" in said
    code, said = run(monkeypatch, capsys, "extract", "--to", str(extract))
    assert "党员2名" in said
    for file in extract.iterdir():
        file.unlink()
    code, said = run(monkeypatch, capsys, "erase", "m2")
    assert code == 0
    assert "数据包" not in said
