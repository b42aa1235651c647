"""Objects of a store: made once, changed where nobody else has changed them, the same in every kind of store."""

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.snapshots.replication.objects import Objects, StoreUnavailable
from tests.replicas.google import google_stand_in
from tests.replicas.seaweed import SeaweedFS


@pytest.fixture(params=["s3", "file", "gs"])
def objects(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Objects]:
    """Give an empty place in each kind of store; Azure's has no server that could be installed with the tests."""
    if request.param == "gs":
        with google_stand_in(tmp_path) as opens:
            yield Objects("gs://exact/place", opens)
    elif request.param == "s3":
        seaweed: SeaweedFS = request.getfixturevalue("seaweed")
        yield Objects(f"s3://exact/{secrets.token_hex(6)}", seaweed.credentials("writer"))
    else:
        yield Objects((tmp_path / "store").as_uri())


def test_an_object_is_made_once(objects: Objects) -> None:
    assert objects.create("a/b", "福建省".encode())
    assert not objects.create("a/b", b"other")
    assert objects.get("a/b").content == "福建省".encode()
    assert b"".join(objects.stream("a/b")) == "福建省".encode()
    assert (objects.exists("a/b"), objects.exists("a")) == (True, False)


def test_an_object_is_changed_once_where_two_have_seen_the_same(objects: Objects) -> None:
    assert objects.replace("list", b"1", None)
    assert not objects.replace("list", b"2", None)
    seen = objects.get("list")
    assert objects.get("list", seen.tag).content is None
    assert objects.replace("list", b"3", seen.tag)
    assert not objects.replace("list", b"4", seen.tag)
    assert objects.get("list", seen.tag).content == b"3"


def test_what_is_not_there_is_no_error(objects: Objects) -> None:
    assert objects.create("gone", b"1")
    seen = objects.get("gone")
    objects.remove("gone")
    objects.remove("gone")
    assert (objects.get("gone").content, objects.get("gone").tag) == (None, None)
    assert list(objects.stream("gone")) == []
    assert not objects.replace("gone", b"2", seen.tag)


def test_objects_are_listed_with_their_times_by_the_clock_of_the_store(objects: Objects) -> None:
    for name in ("public/1", "public/2", "exact/1"):
        assert objects.create(name, b"1")
    now = objects.now()
    assert sorted(objects.all("public")) == ["public/1", "public/2"]
    assert all(abs((now - at).total_seconds()) < 60 for at in objects.all("public").values())


def test_a_store_that_is_away_is_told_as_such(tmp_path: Path) -> None:
    with google_stand_in(tmp_path) as opens:
        objects = Objects("gs://exact/place", opens)
    with pytest.raises(StoreUnavailable, match="cannot be used"):
        objects.exists("a")
