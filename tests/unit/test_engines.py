"""What becomes of an engine's own errors: those of a full disk are the system's, those of memory say what to raise."""

import errno
from pathlib import Path

import pytest

from app.config import Settings
from app.snapshots.engines import EngineUnavailable, open_engine
from app.snapshots.pool import BuildOutOfMemory


def test_the_systems_error_is_raised_when_the_disk_is_full(tmp_path: Path) -> None:
    (tmp_path / "one.parquet").symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left") as raised, open_engine(Settings(), tmp_path) as engine:
        engine.store("one", "SELECT 1 AS one")
    assert raised.value.errno == errno.ENOSPC


def test_the_setting_is_named_when_its_memory_does_not_suffice(tmp_path: Path) -> None:
    settings = Settings(build_memory="32MB")
    with pytest.raises(BuildOutOfMemory, match="ORGCOVERAGE_BUILD_MEMORY=32MB"), open_engine(settings, tmp_path) as it:
        it.answer("SELECT list(number) AS numbers FROM range(20000000) AS numbered(number)")


@pytest.mark.parametrize(
    ("address", "reason"), [("127.0.0.1:1", "nothing listens there"), ("no.such.invalid", "the host is not known")]
)
def test_the_address_and_its_setting_are_named_when_no_cluster_is_there(
    tmp_path: Path, address: str, reason: str
) -> None:
    named = {"build_engine": "spark", "spark_remote": f"sc://{address}/;token=secret"}
    settings = Settings().model_copy(update=named)
    with pytest.raises(EngineUnavailable) as raised, open_engine(settings, tmp_path):
        pass
    message = f"The cluster at {address} (ORGCOVERAGE_SPARK_REMOTE) cannot be used: {reason}."
    assert str(raised.value.detail) == message
