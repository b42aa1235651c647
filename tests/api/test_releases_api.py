"""Releases over HTTP: drafts by their ids to those who review them, released and withdrawn to everybody."""

import errno
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from app.access.keys import NewKey, make_key
from app.access.principals import Right
from app.config import Settings
from app.database.engines import make_sync_engine
from app.database.write_lock import write_lock_sync
from app.main import create_app
from app.snapshots.moves import moving
from app.store.manifest import Manifest
from tests.factories.loading import fill
from tests.factories.releasing import Desk, one_firm, public_of
from tests.factories.rounded import public_settings

DISTRICTS = "/v1/statistics/districts/siming?fields=members"
CHANGES = "/v1/statistics/changes"

KEYS = {
    "reader": ({Right.READ}, None),
    "writer": ({Right.WRITE}, None),
    "releaser": ({Right.RELEASE}, None),
    "scoped writer": ({Right.WRITE}, frozenset({"siming"})),
    "scoped releaser": ({Right.RELEASE}, frozenset({"siming"})),
    "admin": ({Right.ADMIN}, None),
}

REVIEWERS = [name for name in KEYS if name != "reader"]


@pytest.fixture
def desk(migrated_sqlite_url: str, tmp_path: Path) -> Desk:
    return Desk(public_settings(migrated_sqlite_url, tmp_path / "data", release="manual"))


class Office:
    """A service, and who asks it."""

    def __init__(self, client: TestClient, settings: Settings) -> None:
        self.client = client
        self.headers: dict[str, dict[str, str]] = {"nobody": {}}
        engine = make_sync_engine(settings.registry_url)
        with write_lock_sync(engine) as connection:
            for name, (rights, districts) in KEYS.items():
                key, token = make_key(connection, NewKey(name, frozenset(rights), districts, 30))
                self.headers[name] = {"Authorization": f"Bearer {token}", "X-Key": key.id}
        engine.dispose()

    def get(self, path: str, who: str = "nobody") -> Any:
        return self.client.get(path, headers=self.headers[who])

    def snapshots(self, who: str = "nobody") -> list[tuple[str, str]]:
        return [(one["state"], one["id"]) for one in self.get("/v1/snapshots", who).json()["data"]]

    def decide(self, what: str, snapshot: str, who: str = "releaser", **body: Any) -> Any:
        return self.client.post(f"/v1/snapshots/{snapshot}/{what}", json=body, headers=self.headers[who])


@pytest.fixture
def served(desk: Desk, sqlite_template: Path, tmp_path: Path) -> Settings:
    """Settings of a service on what the desk builds, with a registry of its own, which builds do not open."""
    registry = tmp_path / "service.sqlite"
    registry.write_bytes(sqlite_template.read_bytes())
    url = f"sqlite+aiosqlite:///{registry}"
    fill(url, one_firm())
    return public_settings(url, desk.settings.data_dir, key=None, release="manual")


@pytest.fixture
def office(served: Settings) -> Iterator[Office]:
    with TestClient(create_app(served)) as client:
        yield Office(client, served)


def members(answer: Any) -> int:
    assert answer.status_code == 200, answer.text
    found: int = answer.json()["data"]["counts"]["members"]
    return found


@pytest.mark.parametrize("who", REVIEWERS)
def test_a_draft_answers_by_its_id_to_those_who_review(desk: Desk, office: Office, who: str) -> None:
    desk.released(5)
    draft = desk.build(11)
    by_id = office.get(f"{DISTRICTS}&snapshot={draft.id}", who)
    assert (by_id.status_code, members(by_id), by_id.json()["meta"]["snapshot"]) == (200, 11, draft.id)
    assert by_id.headers["cache-control"] == "private, no-cache"
    assert members(office.get(DISTRICTS, who)) == 5  # no date picks one
    assert members(office.get(f"{DISTRICTS}&as_of=2017-12-31", who)) == 5
    file = office.get(f"/v1/statistics/districts.csv?within=siming&snapshot={draft.id}", who)
    assert (file.status_code, file.headers["cache-control"]) == (200, "private, no-cache")


@pytest.mark.parametrize("who", ["nobody", "reader"])
def test_a_draft_is_as_good_as_not_there_to_all_others(desk: Desk, office: Office, who: str) -> None:
    desk.released(5)
    draft = desk.build(11)
    for name in (draft.id, public_of(draft)):
        for path in (
            f"{DISTRICTS}&snapshot={name}",
            f"/v1/snapshots/{name}",
            f"{DISTRICTS}&tier=public&snapshot={name}",
        ):
            answer = office.get(path, who)
            assert answer.status_code == 404, path
            assert answer.json()["type"] == "/problems/snapshot-not-found"


@pytest.mark.parametrize("who", ["writer", "releaser", "admin"])
def test_whoever_sees_everything_sees_the_draft_as_everybody_will(desk: Desk, office: Office, who: str) -> None:
    draft = desk.build(11)
    seen = office.get(f"{DISTRICTS}&snapshot={draft.id}&tier=public", who)
    assert seen.json()["meta"]["snapshot"] == draft.public_id
    assert seen.json()["meta"]["disclosure"]["policy"] == "rounded-enterprises"
    assert seen.headers["cache-control"] == "private, no-cache"
    assert office.get(f"{DISTRICTS}&snapshot={draft.public_id}&tier=public", who).content == seen.content
    refused = office.get(f"/v1/statistics/branches?snapshot={draft.id}&tier=public", who)
    assert (refused.status_code, refused.json()["type"]) == (403, "/problems/exact-only")
    office.decide("release", draft.id)
    assert office.get(DISTRICTS).content == seen.content


def test_protected_figures_are_given_to_whoever_asks_for_them(desk: Desk, office: Office) -> None:
    [released] = desk.released(11)
    everybody = office.get(DISTRICTS)
    assert everybody.json()["meta"]["snapshot"] == released.public_id
    for who in ("nobody", *KEYS):
        assert office.get(f"{DISTRICTS}&tier=public", who).content == everybody.content, who
    named = f"{DISTRICTS}&tier=public&snapshot={released.id}"
    assert office.get(named, "reader").content == everybody.content
    assert office.get(named).status_code == 404  # exact ids are not those of the public, whoever asked before
    assert (
        office.get("/v1/statistics/trends?tier=public&fields=members", "reader").json()["meta"]["disclosure"]["b"] == 5
    )


def test_protected_figures_are_not_given_beyond_a_scope_when_nothing_is_answered_without_a_key(
    desk: Desk, served: Settings
) -> None:
    desk.released(5)
    with TestClient(create_app(served.model_copy(update={"anonymous": "none"}))) as client:
        office = Office(client, served)
        answer = office.get(f"{DISTRICTS}&tier=public", "scoped writer")
        assert (answer.status_code, answer.json()["type"]) == (403, "/problems/outside-scope")
        assert office.get(f"{DISTRICTS}&tier=public", "reader").status_code == 200


def test_the_list_has_states_and_drafts_for_those_who_review(desk: Desk, office: Office) -> None:
    five, eleven, gone = desk.released(5, 11, 17)
    office.decide("withdraw", gone.id, note="wrong ledger")
    draft = desk.build(23)
    others = [("released", eleven.id), ("released", five.id), ("withdrawn", gone.id)]
    assert office.snapshots("reader") == others
    for who in ("writer", "releaser", "admin"):
        assert office.snapshots(who) == [*others[:2], ("draft", draft.id), others[2]]
    public = [("released", eleven.public_id), ("released", five.public_id), ("withdrawn", gone.public_id)]
    assert office.snapshots() == public
    for who in ("scoped writer", "scoped releaser"):
        assert office.snapshots(who) == [*public[:2], ("draft", draft.public_id), public[2]]
        listed = office.get("/v1/snapshots", who)
        assert listed.headers["cache-control"] == "private, no-cache"
    renamed = desk.build(5, "另名")  # its public figures are those of what is released
    assert renamed.public_id == five.public_id
    assert office.snapshots("writer")[2:4] == [("draft", renamed.id), ("draft", draft.id)]
    assert office.snapshots("scoped writer") == [*public[:2], ("draft", draft.public_id), public[2]]


def test_a_snapshot_says_when_and_why_it_was_released_and_what_it_revises(desk: Desk, office: Office) -> None:
    [first] = desk.released(5)
    second = desk.build(11)
    draft = office.get(f"/v1/snapshots/{second.id}", "writer").json()["data"]
    told = ("state", "released_at", "withdrawn_at", "revises", "note")
    assert [draft[name] for name in told] == ["draft", None, None, first.id, None]
    released = office.decide("release", second.id, note="  Lujiang corrected ")
    assert released.status_code == 200
    data = released.json()["data"]
    assert [data[name] for name in told] == ["released", data["released_at"], None, first.id, "Lujiang corrected"]
    assert data["released_at"] > data["built_at"]
    assert office.get(f"/v1/snapshots/{second.id}", "reader").json()["data"] == data
    public = office.get(f"/v1/snapshots/{second.public_id}").json()["data"]
    assert (public["revises"], public["note"]) == (first.public_id, "Lujiang corrected")
    assert office.headers["releaser"]["X-Key"] not in office.get("/v1/snapshots").text
    withdrawn = office.decide("withdraw", second.id, note="no").json()["data"]
    assert [withdrawn[name] for name in told[:1] + told[3:]] == ["withdrawn", first.id, "no"]


def test_what_is_withdrawn_is_gone_by_its_id_and_by_its_date(desk: Desk, office: Office) -> None:
    five, eleven = desk.released(5, 11)
    kept = office.get(f"{DISTRICTS}&snapshot={eleven.public_id}")
    assert (kept.status_code, members(office.get(DISTRICTS, "reader"))) == (200, 11)
    assert office.decide("withdraw", eleven.id, note="wrong ledger").status_code == 200
    assert members(office.get(DISTRICTS, "reader")) == 5
    for who, name in (("nobody", eleven.public_id), ("reader", eleven.id), ("releaser", eleven.id)):
        paths = [f"{DISTRICTS}&snapshot={name}", f"/v1/snapshots/{name}", f"{CHANGES}?since_snapshot={name}"]
        for answer in (office.get(path, who) for path in paths):
            assert (answer.status_code, answer.json()["type"]) == (410, "/problems/snapshot-withdrawn")
            assert "wrong ledger" in answer.json()["detail"]
    assert office.get(f"{DISTRICTS}&snapshot={eleven.id}").status_code == 404
    assert (
        office.get(f"{DISTRICTS}&snapshot={eleven.id}&lang=zh", "reader")
        .json()["detail"]
        .endswith("撤回：wrong ledger")
    )
    assert office.decide("release", eleven.id).status_code == 200
    assert members(office.get(DISTRICTS, "reader")) == 11
    assert five.id in [name for _, name in office.snapshots("reader")]


@pytest.mark.parametrize("who", ["nobody", "reader", "writer", "scoped writer", "scoped releaser"])
def test_only_a_key_with_the_right_everywhere_decides(desk: Desk, office: Office, who: str) -> None:
    [released] = desk.released(5)
    draft = desk.build(11)
    before = desk.places
    for what, snapshot in (("release", draft.id), ("withdraw", released.id), ("release", "nothing")):
        assert office.decide(what, snapshot, who).status_code == 403
    assert desk.places == before


def test_decisions_are_idempotent_and_say_what_is_wrong(desk: Desk, office: Office) -> None:
    draft = desk.build()
    assert (refused := office.decide("withdraw", draft.id)).status_code == 409
    assert refused.json()["type"] == "/problems/not-released"
    assert office.decide("release", "20170630-0000000000000000").status_code == 404
    assert office.decide("release", public_of(draft)).status_code == 404
    assert office.decide("release", draft.id, note="x" * 501).status_code == 422
    assert office.decide("release", draft.id, why="x").status_code == 422
    first, second = (office.decide("release", draft.id, note=note) for note in ("one", "two"))
    assert (first.status_code, second.content) == (200, first.content)
    first, second = (office.decide("withdraw", draft.id, note=note) for note in ("one", "two"))
    assert (first.status_code, second.content) == (200, first.content)


def test_a_decision_is_audited_without_its_note(desk: Desk, office: Office) -> None:
    draft = desk.build()
    office.decide("release", draft.id, note="Lujiang corrected")
    office.decide("withdraw", draft.id, note="wrong ledger")
    office.decide("withdraw", draft.id, "writer")
    records = office.get("/v1/audit", "admin").json()["data"]
    told = [(one["operation"], one["principal"], one["status"], one["parameters"]) for one in records]
    parameters = [{"name": "id", "value": draft.id}, {"name": "as_of", "value": "2017-06-30"}]
    assert told == [
        ("withdraw_snapshot", "writer", 403, []),
        ("withdraw_snapshot", "releaser", 200, parameters),
        ("release_snapshot", "releaser", 200, parameters),
    ]
    log = "".join(path.read_text() for path in desk.settings.audit_dir.iterdir())
    assert "Lujiang" not in log
    written = json.loads((desk.root("exact", "withdrawn") / draft.id / "release.json").read_bytes())
    assert written["released_by"] == written["withdrawn_by"] == office.headers["releaser"]["X-Key"]


def test_what_a_revision_changes_is_told_before_and_after_its_release(desk: Desk, office: Office) -> None:
    [first] = desk.released(5)
    second = desk.build(11)
    revised = f"{CHANGES}?since_snapshot={first.id}&snapshot={second.id}"
    before = office.get(revised, "writer")
    assert before.json()["data"]["members"] | {} == before.json()["data"]["members"]
    assert [before.json()["data"]["members"][name] for name in ("before", "after", "within")] == [5, 11, 6]
    assert before.headers["cache-control"] == "private, no-cache"
    assert office.get(revised, "reader").status_code == 404
    public = office.get(f"{revised}&tier=public", "writer")
    office.decide("release", second.id)
    assert office.get(revised, "reader").content == before.content
    named = f"{CHANGES}?since_snapshot={first.public_id}&snapshot={second.public_id}"
    assert office.get(named).content == public.content
    backwards = f"{CHANGES}?since_snapshot={second.id}&snapshot={first.id}"
    assert office.get(backwards, "reader").json()["data"]["members"]["within"] == -6


def test_a_full_disk_is_told_and_changes_nothing(desk: Desk, office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    draft = desk.build()
    before = desk.places

    def full(*_args: Any, **_kwargs: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr("app.store.manifest.Path.write_bytes", full)
        answer = office.decide("release", draft.id)
    assert (answer.status_code, answer.json()["type"]) == (503, "/problems/disk-full")
    assert answer.headers["retry-after"] == "60"
    assert (desk.places, desk.left) == (before, set())
    assert office.decide("release", draft.id).status_code == 200


def test_a_decision_is_put_off_when_others_are_at_the_folders(
    desk: Desk, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft = desk.build()
    monkeypatch.setattr("app.api.snapshots._WAIT_SECONDS", 0.05)
    with moving(desk.settings):
        answer = office.decide("release", draft.id)
    assert (answer.status_code, answer.json()["type"]) == (503, "/problems/snapshots-busy")
    assert "retry-after" in answer.headers


def test_waiting_drafts_are_counted_for_those_who_review(desk: Desk, office: Office) -> None:
    draft = desk.build(5)
    desk.build(11)
    for who in ("writer", "releaser", "admin"):
        assert "orgcoverage_drafts 1.0" in office.get("/metrics", who).text
    for who in ("nobody", "reader"):
        assert "draft" not in office.get("/metrics", who).text
    desk.release(desk.build(17).id)
    assert draft.id in desk.ids("exact", "drafts")  # older than what is released: nobody waits for it
    told = office.get("/metrics", "releaser").text
    assert "orgcoverage_drafts 0.0" in told
    assert "orgcoverage_draft_age_seconds 0.0" in told


def test_protected_figures_alone_know_releases_and_withdrawals(desk: Desk, served: Settings) -> None:
    five, eleven = desk.released(5, 11)
    with TestClient(create_app(served.model_copy(update={"public_only": True}))) as client:
        assert client.get(DISTRICTS).json()["meta"]["snapshot"] == eleven.public_id
        draft = desk.build(17)
        assert client.get(f"{DISTRICTS}&snapshot={draft.public_id}").status_code == 404
        desk.withdraw(eleven.id, "wrong ledger")
        assert client.get(DISTRICTS).json()["meta"]["snapshot"] == five.public_id
        assert client.get(f"{DISTRICTS}&snapshot={eleven.public_id}").status_code == 410
        assert client.post(f"/v1/snapshots/{draft.id}/release", json={}).status_code == 403
        desk.release(draft.id)
        assert client.get(DISTRICTS).json()["meta"]["snapshot"] == draft.public_id


def test_drafts_are_seen_without_a_key_when_everything_is_answered_without_one(desk: Desk, served: Settings) -> None:
    settings = served.model_copy(update={"anonymous": "exact", "hosts": ("testserver",)})
    draft: Manifest = desk.build(11)
    with TestClient(create_app(settings)) as client:
        assert client.get(f"{DISTRICTS}&snapshot={draft.id}").json()["data"]["counts"]["members"] == 11
        assert client.get(DISTRICTS).status_code == 404
        assert client.post(f"/v1/snapshots/{draft.id}/release", json={}).status_code == 200
        assert client.get(DISTRICTS).status_code == 200
