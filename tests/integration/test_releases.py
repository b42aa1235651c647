"""Drafts, releases and withdrawals as files: what stands where, in both tiers, and what is the newest of its date."""

import errno
import json
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from app.snapshots import moves
from app.snapshots.moves import StillMoving, moving
from app.snapshots.pruning import prune_snapshots
from app.snapshots.releases import ContentWithdrawn, Decision, FilesDamaged, NotReleased, release_snapshot
from app.snapshots.rounding import RoundingKeyRefused
from app.store.shelf import Shelf, SnapshotNotFound, SnapshotWithdrawn
from tests.factories.releasing import Desk, public_of
from tests.factories.rounded import public_settings, write_key
from tests.factories.snapshot_files import EARLIER, tables_of


@pytest.fixture
def desk(migrated_sqlite_url: str, tmp_path: Path) -> Desk:
    return Desk(public_settings(migrated_sqlite_url, tmp_path / "data", release="manual"))


def release_of(folder: Path) -> dict[str, Any]:
    written: dict[str, Any] = json.loads((folder / "release.json").read_bytes())
    return written


def test_a_build_makes_drafts_in_both_tiers_when_releases_are_manual(migrated_url: str, tmp_path: Path) -> None:
    desk = Desk(public_settings(migrated_url, tmp_path / "data", release="manual"))
    draft = desk.build()
    assert desk.places == {"drafts/exact": [draft.id], "drafts/public": [draft.public_id]}
    assert desk.build() == draft  # the same registry changes nothing
    assert not list((desk.settings.snapshots_dir / "drafts").rglob("release.json"))
    desk.release(draft.id)
    assert desk.places == {"exact": [draft.id], "public": [draft.public_id]}
    assert not desk.left


def test_nothing_is_written_of_a_release_when_it_is_automatic(desk: Desk) -> None:
    built = desk.build(release="automatic")
    assert desk.places == {"exact": [built.id], "public": [built.public_id]}
    assert not list(desk.settings.snapshots_dir.rglob("release.json"))
    assert not desk.left


def test_files_stay_as_they_are_when_they_are_released(desk: Desk) -> None:
    draft = desk.build()
    before = {tier: tables_of(desk.root(tier, "drafts") / name) for tier, name in both(draft)}
    manifests = {tier: (desk.root(tier, "drafts") / name / "manifest.json").read_bytes() for tier, name in both(draft)}
    desk.release(draft.id)
    for tier, name in both(draft):
        assert tables_of(desk.root(tier) / name) == before[tier]
        assert (desk.root(tier) / name / "manifest.json").read_bytes() == manifests[tier]


def both(manifest: Any) -> tuple[tuple[str, str], tuple[str, str]]:
    return ("exact", manifest.id), ("public", public_of(manifest))


def test_a_release_says_who_why_and_what_it_follows_and_not_who_to_the_public(desk: Desk) -> None:
    [first] = desk.released(5)
    second = desk.build(11)
    released = desk.release(second.id, "Lujiang corrected", "9f86d081884c7d65")
    exact = release_of(desk.root("exact") / second.id)
    assert exact == {
        "note": "Lujiang corrected",
        "released_at": exact["released_at"],
        "released_by": "9f86d081884c7d65",
        "revises": first.id,
    }
    assert released.release is not None
    assert released.release.revises == first.id
    public = release_of(desk.root("public") / public_of(second))
    assert public == {"note": "Lujiang corrected", "released_at": public["released_at"], "revises": first.public_id}


def test_of_one_date_the_one_released_last_is_the_newest(desk: Desk) -> None:
    five, eleven = desk.build(5), desk.build(11)
    assert five.built_at < eleven.built_at
    desk.release(eleven.id)
    desk.release(five.id)
    assert desk.places == {"exact": [five.id, eleven.id], "public": [five.public_id, eleven.public_id]}
    again = desk.release(eleven.id)  # released, and not the newest
    assert desk.places == {"exact": [eleven.id, five.id], "public": [eleven.public_id, five.public_id]}
    assert (again.built_at, again.release and again.release.revises) == (eleven.built_at, five.id)


def test_nothing_changes_when_the_newest_is_released_again(desk: Desk) -> None:
    [released] = desk.released(5)
    files = {path: path.stat().st_mtime_ns for path in desk.settings.snapshots_dir.rglob("*.json")}
    assert desk.release(released.id, "another note") == released
    assert {path: path.stat().st_mtime_ns for path in desk.settings.snapshots_dir.rglob("*.json")} == files


def test_what_is_released_is_left_as_it_is_when_it_is_built_again(desk: Desk) -> None:
    five, eleven = desk.released(5, 11)
    assert desk.build(5) == five  # a mistake came in and was undone: releasing it again makes it the newest
    assert desk.places == {"exact": [eleven.id, five.id], "public": [eleven.public_id, five.public_id]}


def test_the_public_sees_nothing_new_when_its_figures_are_the_same(desk: Desk) -> None:
    [first] = desk.released(5)
    before = release_of(desk.root("public") / public_of(first))
    second = desk.build(5, "另名")
    assert (second.id != first.id, second.public_id) == (True, first.public_id)
    assert desk.ids("public", "drafts") == [first.public_id]
    desk.release(second.id, "renamed")
    assert desk.places == {"exact": [second.id, first.id], "public": [first.public_id]}
    assert release_of(desk.root("public") / public_of(first)) == before


def test_drafts_share_a_protected_one_until_the_last_is_released(desk: Desk) -> None:
    first, second = desk.build(5, "甲"), desk.build(5, "乙")
    desk.release(first.id)
    assert desk.places == {
        "exact": [first.id],
        "public": [first.public_id],
        "drafts/exact": [second.id],
        "drafts/public": [first.public_id],
    }
    desk.withdraw(first.id)
    assert desk.ids("public") == []
    desk.release(second.id)
    assert desk.places == {
        "exact": [second.id],
        "public": [first.public_id],
        "withdrawn/exact": [first.id],
    }


def test_the_next_newest_answers_when_one_is_withdrawn(desk: Desk) -> None:
    earlier = desk.release(desk.build(5, as_of=EARLIER).id)
    five, eleven = desk.released(5, 11)
    withdrawn = desk.withdraw(eleven.id, "wrong ledger", "9f86d081884c7d65")
    assert desk.places == {
        "exact": [five.id, earlier.id],
        "public": [five.public_id, earlier.public_id],
        "withdrawn/exact": [eleven.id],
        "withdrawn/public": [eleven.public_id],
    }
    assert withdrawn.release is not None
    assert (withdrawn.release.withdrawal_note, withdrawn.release.withdrawn_by) == ("wrong ledger", "9f86d081884c7d65")
    public = release_of(desk.root("public", "withdrawn") / public_of(eleven))
    assert (public["withdrawal_note"], "withdrawn_by" in public) == ("wrong ledger", False)
    for tier, name in both(eleven):
        with pytest.raises(SnapshotWithdrawn, match="wrong ledger"):
            Shelf(desk.root(tier)).get(name)
    assert desk.withdraw(eleven.id, "again") == withdrawn
    desk.withdraw(five.id)
    assert Shelf(desk.root("exact")).newest().manifest.id == earlier.id


def test_a_protected_one_stays_when_another_released_one_has_it_too(desk: Desk) -> None:
    first = desk.release(desk.build(5, "甲").id)
    between = desk.release(desk.build(11, "乙").id)
    last = desk.release(desk.build(5, "丙").id)
    assert (first.public_id, desk.ids("public")) == (last.public_id, [last.public_id, between.public_id])
    desk.withdraw(last.id)
    assert desk.ids("exact") == [between.id, first.id]
    assert desk.ids("public") == [between.public_id, first.public_id]  # the newest of both tiers belong together


def test_a_build_makes_nothing_when_it_ends_in_what_was_withdrawn(desk: Desk) -> None:
    [released] = desk.released(5)
    desk.withdraw(released.id, "wrong ledger")
    for release in ("manual", "automatic"):
        with pytest.raises(ContentWithdrawn, match="wrong ledger"):
            desk.build(5, release=release)
    withdrawn = {"withdrawn/exact": [released.id], "withdrawn/public": [released.public_id]}
    assert (desk.places, desk.left) == (withdrawn, set())
    desk.release(released.id, "it was right")
    assert desk.places == {"exact": [released.id], "public": [released.public_id]}
    assert "withdrawn_at" not in release_of(desk.root("exact") / released.id)


def test_a_withdrawn_protected_one_comes_back_when_another_build_has_it(desk: Desk) -> None:
    first = desk.release(desk.build(5, "甲").id)
    desk.withdraw(first.id)
    second = desk.build(5, "乙", release="automatic")
    assert desk.ids("public") == [second.public_id] == [first.public_id]
    assert Shelf(desk.root("public")).get(public_of(first)).manifest.id == first.public_id


def test_ids_that_are_not_those_of_exact_snapshots_are_not_found(desk: Desk) -> None:
    draft = desk.build()
    for name in (public_of(draft), "20170630-0000000000000000", "../exact", ""):
        with pytest.raises(SnapshotNotFound):
            desk.release(name)
        with pytest.raises(SnapshotNotFound):
            desk.withdraw(name)
    with pytest.raises(NotReleased):
        desk.withdraw(draft.id)


def test_another_protected_snapshot_is_a_draft_when_the_exact_one_is_released(desk: Desk) -> None:
    alone = desk.build(anonymous="none")
    desk.release(alone.id)
    assert desk.places == {"exact": [alone.id]}
    both_tiers = desk.build()
    assert both_tiers.id == alone.id
    assert desk.places == {
        "exact": [alone.id],
        "drafts/exact": [alone.id],
        "drafts/public": [both_tiers.public_id],
    }
    released = desk.release(alone.id)
    assert desk.places == {"exact": [alone.id], "public": [both_tiers.public_id]}
    assert (released.built_at, released.public_id) == (alone.built_at, both_tiers.public_id)
    assert not desk.left


@pytest.mark.parametrize("tier", ["exact", "public"])
def test_a_damaged_draft_is_not_released(desk: Desk, tier: str) -> None:
    draft = desk.build()
    folder = desk.root(tier, "drafts") / dict(both(draft))[tier]
    (folder / "totals.arrow").write_bytes(b"")
    with pytest.raises(FilesDamaged):
        desk.release(draft.id)
    assert (desk.ids("exact"), desk.ids("public"), desk.left) == ([], [], set())


def test_a_damaged_released_one_is_replaced_when_its_draft_is_released(desk: Desk) -> None:
    [released] = desk.released(5)
    (desk.root("exact") / released.id / "totals.arrow").write_bytes(b"")
    draft = desk.build(5)
    assert desk.ids("exact", "drafts") == [draft.id] == [released.id]
    desk.release(draft.id)
    assert desk.places == {"exact": [released.id], "public": [released.public_id]}
    assert [place for place, _ in desk.manifests()] == ["exact", "public"]


def test_of_two_that_release_at_once_both_are_done(desk: Desk) -> None:
    drafts = [desk.build(members) for members in (5, 11, 17)]
    threads = [threading.Thread(target=desk.release, args=(draft.id,)) for draft in (*drafts, *drafts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(desk.ids("exact")) == {draft.id for draft in drafts}
    newest = Shelf(desk.root("exact")).all()[0]
    assert desk.ids("public")[0] == newest.public_id
    assert not desk.left


def test_a_release_waits_only_so_long_for_others(desk: Desk) -> None:
    draft = desk.build()
    with moving(desk.settings), pytest.raises(StillMoving):
        release_snapshot(desk.settings, draft.id, Decision(), 0.05)
    assert desk.ids("exact") == []


@pytest.mark.parametrize("call", ["write_bytes", "rename"])
def test_all_stays_as_it_was_when_the_disk_is_full_before_the_decision(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    [first] = desk.released(5)
    draft = desk.build(11)
    before = desk.places

    def full(*_args: Any, **_kwargs: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    for decide, snapshot in ((desk.release, draft.id), (desk.withdraw, first.id)):
        with monkeypatch.context() as patched:
            patched.setattr(Path, call, full)
            with pytest.raises(OSError, match="space"):
                decide(snapshot)
        assert (desk.places, desk.left) == (before, set())


def test_pruning_keeps_states(desk: Desk) -> None:
    five, eleven = desk.released(5, 11)
    desk.withdraw(desk.released(17)[0].id)
    old, new = desk.build(23), desk.build(29)
    assert set(prune_snapshots(desk.settings, 1)) == {five.id, five.public_id, old.id, old.public_id}
    assert {place: len(ids) for place, ids in desk.places.items()} == {
        "exact": 1, "public": 1, "drafts/exact": 1, "drafts/public": 1, "withdrawn/exact": 1, "withdrawn/public": 1,
    }  # fmt: skip
    assert (desk.ids("exact"), desk.ids("exact", "drafts")) == ([eleven.id], [new.id])


def test_the_rounding_key_is_that_of_drafts_and_withdrawn_ones_too(desk: Desk) -> None:
    draft = desk.build()
    write_key(desk.settings.rounding_key_path, bytes(32))
    with pytest.raises(RoundingKeyRefused):
        desk.build(11)
    desk.settings.rounding_key_path.unlink()
    with pytest.raises(RoundingKeyRefused):
        desk.build(11)
    desk.release(draft.id)
    desk.withdraw(draft.id)
    with pytest.raises(RoundingKeyRefused):
        desk.build(11)


def test_a_reader_that_listed_before_sees_what_is_released_and_withdrawn(desk: Desk) -> None:
    five, eleven = desk.released(5, 11)
    shelf = Shelf(desk.root("exact"))
    assert shelf.newest().manifest.id == eleven.id
    desk.release(five.id)  # a file is replaced in its folder
    assert shelf.newest().manifest.id == five.id
    desk.withdraw(five.id)
    assert shelf.newest().manifest.id == eleven.id
    desk.release(five.id)
    assert shelf.newest().manifest.id == five.id


def test_a_new_build_is_the_newest_when_releases_are_automatic_again(desk: Desk) -> None:
    five, eleven = desk.released(5, 11)
    left = desk.build(17)
    assert desk.build(5, release="automatic").id == five.id
    assert (desk.ids("exact"), desk.ids("public")) == ([five.id, eleven.id], [five.public_id, eleven.public_id])
    assert desk.build(17, release="automatic").id == left.id
    assert (desk.ids("exact", "drafts"), desk.ids("public", "drafts")) == ([], [])


def test_moves_that_were_decided_are_made_at_the_next_start(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    draft = desk.build()
    with monkeypatch.context() as patched:
        patched.setattr(moves, "_move", lambda *_args, **_kwargs: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            desk.release(draft.id)
    assert desk.ids("exact") == []
    moves.finish_moves(desk.settings)
    assert desk.places == {"exact": [draft.id], "public": [draft.public_id]}
    assert not desk.left
