"""Releases and withdrawals killed at every step that changes the disk: one state or the other, never a mixture."""

import os
import shutil
import sys
import warnings
from collections.abc import Callable
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from app.snapshots.folders import clean_up_builds
from app.snapshots.moves import finish_moves
from app.snapshots.pruning import prune_snapshots
from tests.factories.releasing import Desk
from tests.factories.rounded import public_settings
from tests.lengths import some

CHANGING = frozenset({"os.rename", "os.link", "os.mkdir", "os.remove", "os.rmdir", "os.utime"})
"""What the interpreter announces before it changes names or times; writing is announced as opening."""

DECISIONS: dict[str, Callable[[Desk, list[str]], object]] = {
    "release of a draft": lambda desk, ids: desk.release(ids[2], "seen"),
    "release of an older one": lambda desk, ids: desk.release(ids[0], "seen"),
    "withdrawal": lambda desk, ids: desk.withdraw(ids[1], "wrong ledger"),
    "withdrawal of an older one": lambda desk, ids: desk.withdraw(ids[0], "wrong ledger"),
    "release of a withdrawn one": lambda desk, ids: desk.release(ids[3], "right after all"),
    "release of what has the figures of another": lambda desk, ids: desk.release(ids[4], "seen"),
}


@pytest.fixture(scope="module")
def prepared(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Desk, list[str]]:
    """Give two released snapshots of a date, a draft, a withdrawn one, and a draft with the public figures of one."""
    folder = tmp_path_factory.mktemp("prepared")
    registry = folder / "registry.sqlite"
    registry.write_bytes(sqlite_template.read_bytes())
    desk = Desk(public_settings(f"sqlite+aiosqlite:///{registry}", folder / "data", release="manual"))
    gone = desk.released(17)[0].id
    desk.withdraw(gone)
    old, new = (manifest.id for manifest in desk.released(5, 11))
    return desk, [old, new, desk.build(23).id, gone, desk.build(5, "另名").id]


@pytest.mark.parametrize("name", some(DECISIONS))
def test_one_state_or_the_other_is_left_when_a_decision_is_killed(
    name: str, prepared: tuple[Desk, list[str]], tmp_path: Path
) -> None:
    (template, ids), decide = prepared, DECISIONS[name]
    before, after = template.places, None
    seen = set()
    for step in count(1):
        desk = _copied(template, tmp_path / f"{step}")
        ended = _run(partial(decide, desk, ids), step)
        after = after or _undisturbed(template, decide, ids, tmp_path)
        for place, manifest in desk.manifests():  # as readers see it, before anybody finishes what is left
            assert manifest.id in before.get(place, []) + after.get(place, []), (step, place)
        clean_up_builds(desk.settings)
        finish_moves(desk.settings)
        assert desk.places in (before, after), step
        assert not desk.left, step
        seen.add(desk.places == after)
        decide(desk, ids)
        assert desk.places == after, step
        if ended:
            break
    assert seen == {True, False}
    assert step > 10


def _undisturbed(
    template: Desk, decide: Callable[[Desk, list[str]], object], ids: list[str], folder: Path
) -> dict[str, list[str]]:
    desk = _copied(template, folder / "undisturbed")
    decide(desk, ids)
    return desk.places


def test_the_next_call_finishes_what_a_killed_one_left(prepared: tuple[Desk, list[str]], tmp_path: Path) -> None:
    template, ids = prepared
    finished = 0
    for step in range(20, 60, 4):
        desk = _copied(template, tmp_path / f"{step}")
        _run(partial(desk.release, ids[2]), step)
        is_left = (desk.settings.snapshots_dir / ".moving").exists()
        prune_snapshots(desk.settings, 9)
        assert (ids[2] in desk.ids("exact")) == (ids[2] not in desk.ids("exact", "drafts"))
        assert not (desk.settings.snapshots_dir / ".moving").exists()
        finished += is_left and ids[2] == desk.ids("exact")[0]
    assert finished > 0


def _copied(template: Desk, folder: Path) -> Desk:
    settings = template.settings.model_copy(update={"data_dir": folder})
    shutil.copytree(template.settings.snapshots_dir, settings.snapshots_dir)
    return Desk(settings)


def _run(work: Callable[[], Any], step: int) -> bool:
    """Do some work in a process that dies before it changes the disk for the nth time; return whether it lived."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of a fork beside threads, which do not matter here
        child = os.fork()
    if child == 0:
        _die_before(step)
        try:
            work()
        finally:
            os._exit(0 if sys.exc_info()[0] is None else 1)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in (0, 9), status
    return status == 0


def _die_before(step: int) -> None:
    changes = 0

    def hook(event: str, args: tuple[Any, ...]) -> None:
        nonlocal changes
        writes = event == "open" and isinstance(args[2], int) and args[2] & (os.O_WRONLY | os.O_RDWR)
        if event in CHANGING or writes:
            changes += 1
            if changes == step:
                os._exit(9)

    sys.addaudithook(hook)
