"""Everything that the service writes is its user's alone, whatever umask it is started with."""

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from app.config import Settings

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[2]
FIRM = "code,name,district_code\nA,甲,350203\n"


def command(folder: Path, *words: str) -> str:
    environment = {"ORGCOVERAGE_DATA_DIR": str(folder / "data"), "PATH": "", "ORGCOVERAGE_ANONYMOUS": "public"}
    line = ["/bin/sh", "-c", 'umask 000 && exec "$@"', "sh", sys.executable, "-m", "app.cli", *words]
    done = subprocess.run(line, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def modes(folder: Path) -> dict[str, str]:
    """Files and folders that others may read, write or enter, with their modes."""
    return {
        str(path.relative_to(folder)): oct(stat.S_IMODE(path.stat().st_mode))
        for path in (folder, *folder.rglob("*"))
        if stat.S_IMODE(path.stat().st_mode) & 0o077
    }


def test_nobody_else_may_read_what_was_written_when_the_umask_is_open(tmp_path: Path) -> None:
    (tmp_path / "firms.csv").write_text(FIRM, encoding="utf-8")
    command(tmp_path, "migrate")
    command(tmp_path, "import", "enterprises", str(tmp_path / "firms.csv"), "--build", "2017-06-30")
    command(tmp_path, "key", "create", "a key", "--right", "read")
    command(tmp_path, "export", "enterprises", str(tmp_path / "data" / "out.csv"))
    command(tmp_path, "backup", str(tmp_path / "data" / "all.backup"))
    data = Settings(data_dir=tmp_path / "data").data_dir
    assert (data / "snapshots" / "public").is_dir()
    assert modes(data) == {}
    backup = (data / "all.backup").rename(tmp_path / "all.backup")
    data.rename(tmp_path / "before")
    command(tmp_path, "restore", str(backup))
    assert modes(data) == {}
