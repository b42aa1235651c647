"""Snapshots damaged anywhere: no worker serves them, log and `/readyz` name them, the newest whole one answers."""

import os
import random
import shutil
import time
from http import HTTPStatus
from pathlib import Path

import pytest

from app.config import Settings
from tests.factories.demonstration import Demonstration
from tests.lengths import at_length
from tests.reliability.service import Service, served

pytestmark = pytest.mark.long

DAMAGES = int(os.environ.get("ORGCOVERAGE_TEST_DAMAGES", at_length(2, 1)))
"""How often a file is damaged, before the start and while the service runs; the full count is 100."""

LOOKED_AT = 1.5
"""Seconds after which every worker has looked at the files again."""


def flip(path: Path, draws: random.Random) -> None:
    """Turn one bit around."""
    with path.open("r+b") as file:
        file.seek(draws.randrange(path.stat().st_size))
        byte = file.read(1)[0]
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte ^ 1 << draws.randrange(8)]))


def cut(path: Path, draws: random.Random) -> None:
    """Cut a file off."""
    os.truncate(path, draws.randrange(path.stat().st_size))


@pytest.mark.parametrize("when", ["before the start", "while it is served"])
def test_the_newest_whole_snapshot_answers_when_a_file_is_damaged(
    siming: Settings, demonstration: Demonstration, tmp_path: Path, when: str
) -> None:
    draws, log = random.Random(20170625), tmp_path / "log"
    older, newer = sorted(path.name for path in (siming.snapshots_dir / "exact").iterdir())
    files = sorted((siming.snapshots_dir / "exact" / newer).glob("*.arrow"))
    for turn in range(DAMAGES):
        damaged, damage = draws.choice(files), [flip, cut][turn % 2]
        if when == "before the start":
            damage(damaged, draws)
        with served(siming, 2, log=log) as service:
            if when == "while it is served":
                assert {_shown(service) for _ in range(20)} == {newer}
                damage(damaged, draws)
                time.sleep(LOOKED_AT)
            for _ in range(20):
                ready = service.ask("GET", "/readyz").json()
                assert (ready["snapshot"], [each["snapshot"] for each in ready["damaged"]]) == (older, [newer])
                assert damaged.name in ready["damaged"][0]["reason"]
                assert _shown(service) == older
        assert f"{damaged.name} does not match its checksum" in log.read_text()
        shutil.copy(demonstration.folder / damaged.relative_to(siming.data_dir), damaged)
        log.unlink()


def _shown(service: Service) -> str:
    """Return the snapshot that answers, on a connection to any of the workers."""
    answer = service.ask("GET", "/v1/statistics/districts?limit=100")
    assert answer.status == HTTPStatus.OK
    return str(answer.json()["meta"]["snapshot"])
