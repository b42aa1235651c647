"""Replicas against a real object store: they hold what was published, in every state, and nothing else."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from pydantic import ValidationError
from starlette.testclient import TestClient

from app.access.principals import Tier
from app.cli.commands import main
from app.config import Settings
from app.main import create_app
from app.messages import verbatim
from app.snapshots.build import build_snapshot
from app.snapshots.facts import Sizes
from app.snapshots.replication import index as lists
from app.snapshots.replication import prune, push
from app.snapshots.replication.index import StoreRefused, read_index, replace_index
from app.snapshots.replication.objects import StoreUnavailable
from app.snapshots.replication.prune import prune_store
from app.snapshots.replication.pull import FolderOfOther, replicate
from app.snapshots.replication.push import push as push_all
from app.snapshots.replication.push import push_changes
from app.snapshots.replication.state import FolderOfReplica, is_unpushed, read_replica, unpushed_seconds
from tests.factories.crowded_registries import crowded_registry
from tests.factories.loading import fill
from tests.factories.registries import AS_OF
from tests.factories.releasing import Desk, public_of
from tests.factories.rounded import public_settings
from tests.reliability.service import until
from tests.replicas.seaweed import Store

PAGE = "/v1/statistics/districts?parent=siming"


def pulled(settings: Settings) -> Desk:
    """Fill a replica's folder once."""
    replicate(settings, public_only=settings.public_only, once=True)
    return Desk(settings)


def published(desk: Desk) -> dict[str, list[str]]:
    """What the public may know of a data folder."""
    return {place: ids for place, ids in desk.places.items() if place in {"public", "withdrawn/public"}}


def contents(desk: Desk) -> dict[str, Any]:
    """Every file of every snapshot, its bytes."""
    root = desk.settings.snapshots_dir
    return {
        str(path.relative_to(root)): path.read_bytes()
        for place, manifest in desk.manifests()
        for path in (root / place / manifest.id).iterdir()
    }


@pytest.fixture(params=["s3", "file"])
def any_store(request: pytest.FixtureRequest, store: Store, tmp_path: Path) -> Store:
    """Give a place in the buckets, and one in a folder."""
    return store if request.param == "s3" else Store(store.server, tmp_path / "a shared folder")


@pytest.fixture
def any_writer(any_store: Store, migrated_sqlite_url: str, tmp_path: Path) -> Desk:
    settings = public_settings(
        migrated_sqlite_url, tmp_path / "writer", release="manual", **any_store.settings("writer")
    )
    return Desk(settings)


def test_replicas_are_what_is_published_in_every_state(any_store: Store, any_writer: Desk, tmp_path: Path) -> None:
    writer = any_writer
    full, public = any_store.replica(tmp_path / "full"), any_store.replica(tmp_path / "public", "public")
    [first, second] = writer.released(5, 11)
    draft = writer.build(23)
    writer.withdraw(second.id, "wrong ledger")
    push_changes(writer.settings)
    assert pulled(full).places == writer.places
    assert contents(Desk(full)) == contents(writer)
    assert pulled(public).places == published(writer) == {
        "public": [public_of(first)], "withdrawn/public": [public_of(second)]
    }  # fmt: skip
    writer.release(draft.id, "seen")
    writer.release(second.id)
    push_changes(writer.settings)
    assert contents(pulled(full)) == contents(writer)
    assert pulled(public).places == published(writer)
    assert not any((tmp_path / "public" / "snapshots" / place).exists() for place in ("exact", "drafts"))
    assert not Desk(full).left - {".replicate.lock"}
    assert not is_unpushed(writer.settings)


def test_tables_that_did_not_change_are_neither_sent_nor_fetched(store: Store, writer: Desk, tmp_path: Path) -> None:
    replica = store.replica(tmp_path / "replica")
    [first] = writer.released(5)
    push_changes(writer.settings)
    pulled(replica)
    second = writer.build(11, release="automatic", store_url="", public_store_url="")  # other members, the same trees
    sent = push_all(writer.settings)
    there = sum(path.stat().st_size for path in (replica.snapshots_dir / "exact").rglob("*.arrow"))
    pulled(replica)
    trees = [replica.snapshots_dir / "exact" / one.id / "districts.arrow" for one in (first, second)]
    assert trees[0].stat().st_ino == trees[1].stat().st_ino
    changed = [name for name in first.tables if first.tables[name] != second.tables[name]]
    assert 0 < len(changed) < len(first.tables)
    folder = writer.settings.snapshots_dir / "exact" / second.id
    assert sent[Tier.EXACT].size == sum((folder / f"{name}.arrow").stat().st_size for name in changed) < there
    before = store.names("exact")
    writer.release(first.id, "the same again")  # released anew, so that it is the newest
    assert {tier: one.size for tier, one in push_all(writer.settings).items()} == {Tier.PUBLIC: 0, Tier.EXACT: 0}
    assert store.names("exact") == before
    assert pulled(replica).places == writer.places
    assert Desk(replica).ids("exact") == [first.id, second.id]


def test_only_parts_that_changed_are_sent_and_fetched(any_store: Store, any_writer: Desk, tmp_path: Path) -> None:
    writer, replica, registry = any_writer, any_store.replica(tmp_path / "replica"), crowded_registry(0)

    def built() -> dict[str, str]:
        fill(writer.settings.registry_url, registry)
        manifest = build_snapshot(writer.settings, AS_OF, lambda *_: None, sizes=Sizes(1, 1))
        return manifest.tables["enterprises"].files("enterprises")

    first = built()
    pulled(replica)
    registry["enterprises"][0]["name"] = "另一个"
    second = built()
    changed = [name for name in first if first[name] != second[name]]
    assert len(first) > 2
    assert len(changed) == 1
    assert contents(pulled(replica)) == contents(writer)
    for name in first:
        files = [path.stat().st_ino for path in replica.snapshots_dir.rglob(name)]
        assert len(set(files)) == (2 if name in changed else 1), name


def test_a_push_changes_nothing_when_nothing_is_new(store: Store, writer: Desk) -> None:
    writer.released(5)
    sequences = [{tier: one.sequence for tier, one in push_all(writer.settings).items()} for _ in range(2)]
    assert sequences[0] == sequences[1]


def test_every_replica_answers_with_the_same_bytes_and_tags(store: Store, writer: Desk, tmp_path: Path) -> None:
    [first, second] = writer.released(5, 11)
    writer.withdraw(first.id, "wrong ledger")
    draft = writer.build(23)
    push_changes(writer.settings)
    replicas = [store.replica(tmp_path / name, "public") for name in ("one", "two")]
    answers = []
    for settings in (writer.settings.model_copy(update={"public_only": True}), *map(_pulled_settings, replicas)):
        with TestClient(create_app(settings)) as client:
            pages = [client.get(path) for path in (PAGE, f"{PAGE}&snapshot={public_of(second)}", "/v1/snapshots")]
            answers.append([(page.status_code, page.headers.get("etag"), page.content) for page in pages])
            gone = client.get(f"{PAGE}&snapshot={public_of(first)}")
            assert (gone.status_code, "wrong ledger" in gone.text) == (410, True)
            assert client.get(f"{PAGE}&snapshot={public_of(draft)}").status_code == 404
    assert [status for status, *_ in answers[0]] == [200, 200, 200]
    assert answers[1] == answers[2] == answers[0]


def _pulled_settings(settings: Settings) -> Settings:
    return pulled(settings).settings


def test_a_public_replica_can_neither_open_nor_keep_what_is_exact(store: Store, writer: Desk, tmp_path: Path) -> None:
    writer.released(5)
    push_changes(writer.settings)
    reader = store.replica(tmp_path / "replica", "public")
    tempted = reader.model_copy(
        update={"store_url": store.url("exact"), "store_credentials_file": store.server.credentials("public")}
    )
    with pytest.raises(StoreUnavailable, match="PermissionDenied"):
        replicate(tempted, public_only=False, once=True)
    assert "exact" not in pulled(reader).places
    assert not set(store.names("public", "blobs")) & (set(store.names("exact", "blobs")) - _shared(writer))
    full = store.replica(tmp_path / "other")
    assert "exact" in pulled(full).places
    replicate(full, public_only=True, once=True)  # from now on
    assert Desk(full).places == published(writer)


def _shared(writer: Desk) -> set[str]:
    """The blobs of what is public."""
    return {
        f"blobs/{table.sha256}"
        for place, manifest in writer.manifests()
        if place.endswith("public")
        for table in manifest.tables.values()
    }


def test_an_exact_snapshot_among_public_ones_is_refused(store: Store, writer: Desk, tmp_path: Path) -> None:
    [manifest] = writer.released(5)
    push_changes(writer.settings)
    exact, _ = read_index(store.objects("exact"), Tier.EXACT, None)
    public, found = read_index(store.objects("public"), Tier.PUBLIC, None)
    assert exact is not None
    assert public is not None
    entry = exact.places["exact"][manifest.id]
    described = store.objects("exact").get(f"exact/manifests/{entry.manifest}.json").content
    store.objects("public").create(f"public/manifests/{entry.manifest}.json", described or b"")
    places = {"public": public.places["public"] | {manifest.id: entry}}
    wrong = msgspec.structs.replace(public, sequence=public.sequence + 1, places=places)
    assert lists.replace_index(store.objects("public"), wrong, None, found.tag)
    replica = store.replica(tmp_path / "replica", "public")
    with pytest.raises(StoreRefused, match="is not what its place says"):
        pulled(replica)
    assert Desk(replica).places == published(writer)


def test_a_damaged_blob_is_refused_until_it_is_whole(store: Store, writer: Desk, tmp_path: Path) -> None:
    replica = store.replica(tmp_path / "replica", "public")
    [first] = writer.released(5)
    push_changes(writer.settings)
    pulled(replica)
    [second] = writer.released(11)
    push_changes(writer.settings)
    objects, places = store.objects("public"), _table(writer, public_of(second), "places")
    content = objects.get(places).content or b""
    objects.remove(places)
    objects.create(places, content[:-9] + bytes([content[-9] ^ 1]) + content[-8:])
    with pytest.raises(StoreRefused, match=r"places of .* is damaged or missing"):
        pulled(replica)
    assert Desk(replica).places == {"public": [public_of(first)]}
    state = read_replica(replica)
    assert state is not None
    assert (state.store, state.sequences) == ("refused", {Tier.PUBLIC: 2})
    objects.remove(places)
    push_all(writer.settings, everything=True)
    assert pulled(replica).places == published(writer)


def _table(writer: Desk, snapshot: str, name: str) -> str:
    [manifest] = [one for place, one in writer.manifests() if one.id == snapshot]
    return f"blobs/{manifest.tables[name].sha256}"


def test_a_damaged_replica_heals_when_it_starts(store: Store, writer: Desk, tmp_path: Path) -> None:
    replica = store.replica(tmp_path / "replica")
    [manifest] = writer.released(5)
    push_changes(writer.settings)
    pulled(replica)
    whole = contents(Desk(replica))
    table = replica.snapshots_dir / "exact" / manifest.id / "enterprises.arrow"
    table.write_bytes(bytes(9) + table.read_bytes()[9:])
    assert contents(pulled(replica)) == whole


def test_a_damaged_snapshot_is_not_pushed_and_holds_nothing_up(store: Store, writer: Desk, tmp_path: Path) -> None:
    [first, second] = (
        writer.build(number, release="automatic", store_url="", public_store_url="") for number in (5, 11)
    )
    table = writer.settings.snapshots_dir / "exact" / first.id / "enterprises.arrow"
    table.write_bytes(bytes(9) + table.read_bytes()[9:])
    push_all(writer.settings)
    assert pulled(store.replica(tmp_path / "replica")).ids("exact") == [second.id]


def test_a_build_is_published_and_sent_later_when_the_store_is_away(
    store: Store, writer: Desk, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "away.json"
    file.write_text(json.dumps({"endpoint": "http://127.0.0.1:1", "access_key_id": "a", "secret_access_key": "b"}))
    away: dict[str, Any] = {"store_credentials_file": file, "public_store_credentials_file": file}
    manifest = writer.build(5, release="automatic", **away)
    assert writer.ids("exact") == [manifest.id]
    assert "push failed" in capsys.readouterr().out
    assert unpushed_seconds(writer.settings) > 0
    with TestClient(create_app(writer.settings)) as client:
        assert "orgcoverage_store_unpushed_seconds 0.0" not in client.get("/metrics").text
    writer.build(11, release="automatic")
    assert unpushed_seconds(writer.settings) == 0
    assert pulled(store.replica(tmp_path / "replica")).places == writer.places
    with TestClient(create_app(writer.settings)) as client:
        assert "orgcoverage_store_unpushed_seconds 0.0" in client.get("/metrics").text


def test_a_replica_stays_as_it_is_when_the_store_is_away_or_empty(store: Store, writer: Desk, tmp_path: Path) -> None:
    replica = store.replica(tmp_path / "replica", "public")
    with pytest.raises(StoreUnavailable, match="Nothing was pushed of the tier public yet"):
        pulled(replica)
    writer.released(5)
    push_changes(writer.settings)
    pulled(replica)
    elsewhere = Store(store.server).replica(tmp_path / "replica", "public")
    with pytest.raises(StoreUnavailable, match="Nothing was pushed"):
        pulled(elsewhere)
    assert Desk(replica).places == published(writer)
    with TestClient(create_app(replica)) as client:
        told = client.get("/readyz").json()["replica"]
        assert (told["sequence"], told["store"], told["behind_seconds"] > 0) == (2, "unavailable", True)
        assert "orgcoverage_replica_behind_seconds" in client.get("/metrics").text
        pulled(replica)
        assert client.get("/readyz").json()["replica"]["store"] == "available"


def test_a_replica_of_an_office_without_public_figures_is_filled(store: Store, writer: Desk, tmp_path: Path) -> None:
    manifest = writer.build(5, release="automatic", anonymous="none")
    assert manifest.public_id is None
    assert pulled(store.replica(tmp_path / "replica")).places == {"exact": [manifest.id]}


def test_readiness_says_nothing_of_replicas_when_there_is_none(writer: Desk) -> None:
    writer.released(5)
    with TestClient(create_app(writer.settings)) as client:
        assert client.get("/readyz").json()["replica"] is None


def test_a_list_counts_for_nothing_when_it_is_not_signed(store: Store, writer: Desk, tmp_path: Path) -> None:
    keys = {name: _keys(tmp_path / name) for name in ("office", "stranger")}
    signing: dict[str, dict[str, Any]] = {
        name: {"store_signing_key_file": private} for name, (private, _) in keys.items()
    }
    replica = store.replica(tmp_path / "replica", "public", store_verify_key_file=keys["office"][1])
    first = writer.build(5, release="automatic")
    with pytest.raises(StoreRefused, match="not signed by the key"):
        pulled(replica)
    office = writer.settings.model_copy(update=signing["office"])
    with pytest.raises(StoreRefused, match="not signed by the key"):
        push_all(office)  # what a stranger may have written is not added to
    push_all(office, everything=True)
    assert pulled(replica).ids("public") == [public_of(first)]
    old = store.objects("public").get("public/index.json")
    second = writer.build(11, release="automatic", **signing["office"])
    assert set(pulled(replica).ids("public")) == {public_of(first), public_of(second)}
    new = store.objects("public").get("public/index.json")
    assert store.objects("public").replace("public/index.json", old.content or b"", new.tag)
    with pytest.raises(StoreRefused, match="older than this replica"):
        pulled(replica)
    push_all(writer.settings.model_copy(update=signing["stranger"]), everything=True)
    with pytest.raises(StoreRefused, match="not signed by the key"):
        pulled(replica)
    assert set(Desk(replica).ids("public")) == {public_of(first), public_of(second)}


def _keys(folder: Path) -> tuple[Path, Path]:
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 - of the extra
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415 - as above

    folder.mkdir()
    key, pem = Ed25519PrivateKey.generate(), serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    public = key.public_key().public_bytes(pem, serialization.PublicFormat.SubjectPublicKeyInfo)
    for path, content in ((folder / "private", private), (folder / "public", public)):
        path.write_bytes(content)
    return folder / "private", folder / "public"


def test_tables_travel_in_parts_when_they_are_large(
    store: Store, writer: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(push, "PART", 1000)
    writer.released(5)
    push_changes(writer.settings)
    objects = store.objects("exact")
    sizes = [len(objects.get(name).content or b"") for name in store.names("exact", "blobs")]
    assert max(sizes) == 1000
    assert contents(pulled(store.replica(tmp_path / "replica"))) == contents(writer)
    monkeypatch.setattr(prune, "_SPARED", -prune._SPARED)
    prune_store(writer.settings)
    assert contents(pulled(store.replica(tmp_path / "other"))) == contents(writer)


def test_pruning_leaves_what_is_named_or_young(
    store: Store, writer: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    [first, second] = writer.released(5, 11)
    push_changes(writer.settings)
    store.objects("exact").create("blobs/left-behind", b"of a killed push")
    writer.withdraw(first.id)
    for place in ("exact", "public"):  # as if an operator removed it
        for folder in (writer.settings.snapshots_dir / "withdrawn" / place).iterdir():
            folder.rename(tmp_path / folder.name)
    push_all(writer.settings)
    assert prune_store(writer.settings) == []
    monkeypatch.setattr(prune, "_SPARED", -prune._SPARED)
    removed = prune_store(writer.settings)
    assert {"blobs/left-behind", f"blobs/{first.tables['enterprises'].sha256}"} <= set(removed)
    assert f"blobs/{second.tables['enterprises'].sha256}" not in removed
    assert prune_store(writer.settings) == []
    assert pulled(store.replica(tmp_path / "replica")).places == writer.places
    store.objects("exact").remove("exact/index.json")
    with pytest.raises(StoreRefused, match="cannot be read"):
        prune_store(writer.settings)


def test_a_folder_is_either_a_writers_or_a_replicas(store: Store, writer: Desk, tmp_path: Path) -> None:
    [manifest] = writer.released(5)
    push_changes(writer.settings)
    with pytest.raises(FolderOfOther, match="that no store gave"):
        replicate(writer.settings, public_only=False, once=True)
    replica = store.replica(tmp_path / "replica", database_url=writer.settings.database_url)
    pulled(replica)
    with pytest.raises(FolderOfReplica):
        Desk(replica).build(11)
    with pytest.raises(FolderOfReplica):
        push_all(replica)
    with pytest.raises(FolderOfReplica):
        Desk(replica).withdraw(manifest.id)
    assert Desk(replica).places == writer.places


def test_two_folders_push_to_one_store_and_nothing_is_lost(store: Store, writer: Desk, tmp_path: Path) -> None:
    [first] = writer.released(5)
    push_changes(writer.settings)
    other = Desk(public_settings(writer.settings.database_url, tmp_path / "other", **store.settings("writer")))
    second = other.build(11)
    writer.withdraw(first.id)
    push_changes(writer.settings)
    replica = pulled(store.replica(tmp_path / "replica"))
    assert replica.places == {
        "exact": [second.id], "public": [public_of(second)],
        "withdrawn/exact": [first.id], "withdrawn/public": [public_of(first)],
    }  # fmt: skip


def test_a_release_over_http_is_pushed_after_its_answer(store: Store, writer: Desk, tmp_path: Path) -> None:
    draft = writer.build(5)
    everything = writer.settings.model_copy(update={"anonymous": "exact"})
    replica = store.replica(tmp_path / "replica", "public")
    with TestClient(create_app(everything)) as client:
        for decision, place in (("release", "public"), ("withdraw", "withdrawn/public")):
            assert client.post(f"/v1/snapshots/{draft.id}/{decision}", json={"note": "seen"}).status_code == 200
            until(lambda: not is_unpushed(writer.settings), "the push has not ended")
            assert pulled(replica).places == {place: [public_of(draft)]}


def test_what_is_withdrawn_is_withdrawn_everywhere_when_the_push_before_got_no_answer(
    store: Store, writer: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    [first] = writer.released(5)
    with monkeypatch.context() as patched:
        patched.setattr(push, "replace_index", lambda *given: replace_index(*given) and unanswered())
        push_changes(writer.settings)
    assert is_unpushed(writer.settings)
    replica = store.replica(tmp_path / "replica")
    assert pulled(replica).ids("public") == [public_of(first)]  # it had arrived all the same
    writer.withdraw(first.id)
    push_changes(writer.settings)
    assert pulled(replica).places == writer.places
    assert pulled(replica).ids("public") == []


def unanswered() -> bool:
    raise StoreUnavailable(verbatim("The answer was lost."))


def test_a_replica_goes_on_when_what_it_noted_is_empty(store: Store, writer: Desk, tmp_path: Path) -> None:
    writer.released(5)
    push_changes(writer.settings)
    replica = store.replica(tmp_path / "replica")
    pulled(replica)
    (replica.data_dir / "replica.json").write_bytes(b"")  # as a power cut may leave it
    assert pulled(replica).places == writer.places


def test_commands_push_fill_and_prune(
    store: Store,
    writer: Desk,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def run(*words: str) -> tuple[object, str]:
        monkeypatch.setattr("sys.argv", ["orgcoverage", *words])
        with pytest.raises(SystemExit) as stopped:
            main()
        return stopped.value.code, "".join(capsys.readouterr())

    draft = writer.build(5, store_url="", public_store_url="")
    monkeypatch.setenv("ORGCOVERAGE_DATA_DIR", str(writer.settings.data_dir))
    code, told = run("store", "push")
    assert (code, "ORGCOVERAGE_STORE_URL: no store is set" in told) == (2, True)
    for name, value in store.settings("writer").items():
        monkeypatch.setenv(f"ORGCOVERAGE_{name.upper()}", str(value))
    code, told = run("store", "push")
    assert (code, "exact: sequence 1, " in told) == (0, True)
    code, told = run("snapshot", "release", draft.id)
    assert (code, "not in the store" in told) == (0, False)
    assert run("store", "prune") == (0, "0 removed.\n")
    monkeypatch.setenv("ORGCOVERAGE_DATA_DIR", str(tmp_path / "replica"))
    code, told = run("replicate", "--public-only", "--once")
    assert (code, "public: sequence 2" in told) == (0, True)
    assert Desk(store.replica(tmp_path / "replica")).places == {"public": [public_of(draft)]}
    monkeypatch.setenv("ORGCOVERAGE_DATA_DIR", str(writer.settings.data_dir))
    monkeypatch.setenv("ORGCOVERAGE_PUBLIC_STORE_CREDENTIALS_FILE", str(tmp_path / "nothing"))
    code, told = run("snapshot", "withdraw", draft.id)
    assert (code, "It is not in the store yet" in told) == (0, True)


def test_settings_name_a_store_that_there_may_be() -> None:
    with pytest.raises(ValidationError, match="must start with s3://"):
        Settings(_env_file=None, store_url="ftp://somewhere")
