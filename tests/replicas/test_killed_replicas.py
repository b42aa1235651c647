"""Writers and replicas killed after every request to the store: nothing is half there, and the next run ends right."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from app.config import Settings
from app.snapshots.replication.objects import Objects
from app.snapshots.replication.pull import replicate
from app.snapshots.replication.push import push
from tests.factories.releasing import Desk
from tests.lengths import at_length
from tests.replicas.seaweed import Store

PROCESSES = get_context("forkserver")
"""Makes processes of one that has never opened a store, whose threads would not outlive a fork."""


def work(what: str, settings: Settings, dies_after: int) -> None:
    """Push or pull, and die after so many requests."""
    requests = count(1)
    reached = Objects._reached

    @contextmanager
    def counted(self: Objects) -> Iterator[None]:
        with reached(self):
            yield
        if next(requests) == dies_after:
            os._exit(9)

    Objects._reached = counted  # type: ignore[method-assign]  # in a process of its own
    run(what, settings)


def run(what: str, settings: Settings) -> None:
    if what == "push":
        push(settings)
    else:
        replicate(settings, public_only=settings.public_only, once=True)


def survives(what: str, settings: Settings, dies_after: int) -> bool:
    process = PROCESSES.Process(target=work, args=(what, settings, dies_after))
    process.start()
    process.join()
    assert process.exitcode in (0, 9)
    return process.exitcode == 0


def steps() -> Iterator[int]:
    return count(1, at_length(1, 11))


@pytest.fixture
def states(writer: Desk) -> tuple[Desk, Desk]:
    """Give the same folder twice, before and after releases, a withdrawal and a draft that are not pushed."""
    PROCESSES.set_forkserver_preload(["tests.replicas.test_killed_replicas"])
    away: dict[str, Any] = {"store_url": "", "public_store_url": ""}
    unconnected = Desk(writer.settings.model_copy(update=away))
    first, _ = unconnected.released(5, 11)
    before = writer.settings.data_dir.with_name("before")
    shutil.copytree(writer.settings.data_dir, before)
    unconnected.withdraw(first.id, "wrong ledger")
    unconnected.release(unconnected.build(23).id)
    unconnected.build(35)
    return Desk(writer.settings.model_copy(update={"data_dir": before})), writer


@pytest.mark.long
def test_replicas_see_old_or_new_when_a_push_is_killed(store: Store, states: tuple[Desk, Desk], tmp_path: Path) -> None:
    old, new = states
    for step in steps():
        place = Store(store.server)
        folder = tmp_path / f"{step}"
        shutil.copytree(old.settings.snapshots_dir, folder / "writer" / "snapshots")
        settings = old.settings.model_copy(update={"data_dir": folder / "writer", **place.settings("writer")})
        push(settings)
        shutil.rmtree(settings.snapshots_dir)
        shutil.copytree(new.settings.snapshots_dir, settings.snapshots_dir)
        ended = survives("push", settings, step)
        full, public = place.replica(folder / "full"), place.replica(folder / "public", "public")
        for replica in (full, public):
            run("pull", replica)
        for tier in ("public", "exact"):
            assert _of(Desk(full), tier) in (_of(old, tier), _of(new, tier)), step
        assert Desk(public).places in (_of(old, "public"), _of(new, "public")), step
        assert not (_of(Desk(full), "exact") == _of(new, "exact") and _of(Desk(full), "public") != _of(new, "public"))
        push(settings)
        run("pull", full)
        assert Desk(full).places == new.places
        if ended:
            break
    assert step > 40


def test_readers_see_old_or_new_when_a_replica_is_killed(
    store: Store, states: tuple[Desk, Desk], tmp_path: Path
) -> None:
    old, new = states
    template = store.replica(tmp_path / "template")
    push(old.settings)
    run("pull", template)
    (new.settings.data_dir / "pushed.json").write_bytes((old.settings.data_dir / "pushed.json").read_bytes())
    push(new.settings)
    for step in steps():
        replica = template.model_copy(update={"data_dir": tmp_path / f"{step}"})
        shutil.copytree(template.data_dir, replica.data_dir)
        ended = survives("pull", replica, step)
        desk = Desk(replica)
        assert desk.places == (new.places if ended else old.places), step
        for _, manifest in desk.manifests():  # each is whole
            assert manifest.id
        run("pull", replica)
        assert desk.places == new.places
        assert desk.left == {".replicate.lock"}
        if ended:
            break
    assert step > 20


def _of(desk: Desk, tier: str) -> dict[str, list[str]]:
    """What a tier shows in all but drafts."""
    return {place: ids for place, ids in desk.places.items() if place.endswith(tier) and "drafts" not in place}


def test_two_writers_at_once_make_one_order_and_lose_nothing(store: Store, writer: Desk, tmp_path: Path) -> None:
    PROCESSES.set_forkserver_preload(["tests.replicas.test_killed_replicas"])
    away: dict[str, Any] = {"store_url": "", "public_store_url": "", "release": "automatic"}
    numbers = range(5, 5 + 6 * at_length(12, 4), 6)
    built = [writer.build(number, f"{number}", **away) for number in numbers]
    folders = []
    for number, manifest in enumerate(built):
        settings = writer.settings.model_copy(update={"data_dir": tmp_path / f"writer{number}"})
        for tier, snapshot in (("exact", manifest.id), ("public", manifest.public_id)):
            source = writer.settings.snapshots_dir / tier / str(snapshot)
            shutil.copytree(source, settings.snapshots_dir / tier / source.name)
        folders.append(settings)
    processes = [PROCESSES.Process(target=push, args=(settings,)) for settings in folders]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0
    replica = store.replica(tmp_path / "replica")
    different = len({manifest.public_id for manifest in built})  # some have the same public figures
    assert replicate(replica, public_only=False, once=True) == {"public": different, "exact": len(built)}
    assert Desk(replica).places == writer.places
