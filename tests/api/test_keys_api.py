"""API keys over HTTP: made, shown once, listed, revoked, expiring; and what a database that is away does to them."""

import hashlib
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from app.access import keys
from app.access.keys import Keyring, NewKey, make_key
from app.access.principals import Right
from app.api.http.problems import Problem
from app.api.keys import ApiKeyList, NewApiKeyAnswer
from app.config import Settings
from app.database.engines import is_sqlite, make_sync_engine, sqlite_path
from app.database.tables import METADATA
from app.database.write_lock import write_lock_sync
from app.main import create_app
from tests.engines.server import PostgresServer
from tests.factories.problems import place_of
from tests.factories.small_registry import fill

WISH = {"name": "Siming dashboard", "rights": ["read"], "districts": ["350203"], "days": 30}


@pytest.fixture
def settings(migrated_url: str, tmp_path: Path) -> Settings:
    fill(migrated_url)
    return Settings(_env_file=None, database_url=migrated_url, data_dir=tmp_path / "data", anonymous="none")


@pytest.fixture
def admin(settings: Settings) -> dict[str, str]:
    """Give the headers of an administrator."""
    engine = make_sync_engine(settings.registry_url)
    with write_lock_sync(engine) as connection:
        _, token = make_key(connection, NewKey("operator", frozenset({Right.ADMIN}), None, 365))
    engine.dispose()
    return bearing(token)


@pytest.fixture
def client(settings: Settings, admin: dict[str, str]) -> Iterator[TestClient]:
    """Give a client that sends an administrator's key, unless a request sends another."""
    with TestClient(create_app(settings), headers=admin) as made:
        yield made


def bearing(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def made(client: TestClient, **new_key: Any) -> dict[str, Any]:
    """Make a key; return it, with its token."""
    answer = client.post("/v1/keys", json={**WISH, **new_key})
    assert answer.status_code == 201, answer.text
    NewApiKeyAnswer.model_validate_json(answer.content, strict=True)
    assert answer.headers["cache-control"] == "no-store"
    key: dict[str, Any] = answer.json()["data"]
    return key


def listed(client: TestClient) -> list[dict[str, Any]]:
    answer = client.get("/v1/keys")
    ApiKeyList.model_validate_json(answer.content, strict=True)
    assert answer.headers["cache-control"] == "no-store"
    keys: list[dict[str, Any]] = answer.json()["data"]
    return keys


def status(client: TestClient, key: dict[str, Any], path: str = "/v1/districts/350203") -> int:
    """Status of an answer to whoever sends a key."""
    return client.get(path, headers=bearing(key["token"])).status_code


def test_key_is_good_at_once_when_made_and_for_what_was_wished_only(client: TestClient) -> None:
    key = made(client)
    assert status(client, key) == 200
    assert status(client, key, "/v1/districts/35") == 404
    assert status(client, key, "/v1/keys") == 403
    assert client.delete("/v1/industries/641", headers=bearing(key["token"])).status_code == 403


@pytest.mark.parametrize(
    ("wished", "held"),
    [
        (["read"], ["read"]),
        (["write"], ["read", "write"]),
        (["write", "read", "write"], ["read", "write"]),
        (["release"], ["read", "release"]),
        (["admin"], ["read", "write", "release", "admin"]),
    ],
)
def test_rights_bring_those_below_them(client: TestClient, wished: list[str], held: list[str]) -> None:
    assert made(client, rights=wished, districts=None)["rights"] == held


def test_token_is_shown_once(client: TestClient) -> None:
    key = made(client, districts=["350203009", "350203", "350203009"])
    token = key.pop("token")
    assert token == f"oc_{key['id']}_{token[-64:]}"
    assert key["districts"] == ["350203", "350203009"]
    assert key in listed(client)
    assert token[-64:] not in client.get("/v1/keys").text
    assert token[-64:] not in client.get("/v1/audit").text


def test_every_key_is_another(client: TestClient) -> None:
    tokens = [made(client)["token"] for _ in range(20)]
    for part in (1, 2):
        assert len({token.split("_")[part] for token in tokens}) == 20


def test_secret_is_nowhere_but_its_digest_is_when_stored(client: TestClient, settings: Settings) -> None:
    key = made(client)
    assert status(client, key) == 200
    secret = key["token"][-64:]
    engine = make_sync_engine(settings.registry_url)
    with engine.connect() as connection:
        rows = [dict(row) for row in connection.execute(select(METADATA.tables["api_key"])).mappings()]
    engine.dispose()
    [row] = [row for row in rows if row["id"] == key["id"]]
    assert row["secret_sha256"] == hashlib.sha256(secret.encode()).hexdigest()
    content = json.dumps(rows, default=str).encode() + stored_bytes(settings)
    assert key["id"].encode() in content
    for form in (secret.encode(), bytes.fromhex(secret), secret.upper().encode()):
        assert form not in content


def stored_bytes(settings: Settings) -> bytes:
    """All bytes of the data folder, and of the database where that is in files of its own."""
    folders = [settings.data_dir]
    if is_sqlite(settings.registry_url):
        folders.append(sqlite_path(settings.registry_url).parent)
    return b"".join(path.read_bytes() for folder in folders for path in folder.rglob("*") if path.is_file())


def test_key_expires_after_the_days_that_were_wished(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    made_keys = {days: made(client, days=days) for days in (1, 365)}
    for days, key in made_keys.items():
        created, expires = (datetime.fromisoformat(key[name]) for name in ("created_at", "expires_at"))
        assert expires - created == timedelta(days=days)
        assert abs(created - datetime.now(UTC)) < timedelta(minutes=1)
        clock = Clock(monkeypatch)
        for when, expected in ((expires - timedelta(seconds=1), 200), (expires, 401)):
            clock.when = when
            assert status(client, key) == expected
        assert client.get("/healthz", headers=bearing(key["token"])).status_code == 401


class Clock:
    """Shows a moment to whoever asks whether a key is still good."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.when = datetime.now(UTC)
        patch.setattr(keys, "datetime", self)

    def now(self, _zone: object) -> datetime:
        return self.when


def test_key_expires_in_ninety_days_when_none_are_wished(client: TestClient) -> None:
    new_key = {name: value for name, value in WISH.items() if name != "days"}
    key = client.post("/v1/keys", json=new_key).json()["data"]
    expires, created = (datetime.fromisoformat(key[name]) for name in ("expires_at", "created_at"))
    assert expires - created == timedelta(days=90)


REFUSED: list[tuple[dict[str, Any], list[str]]] = [
    ({"days": 0}, ["/days"]),
    ({"days": 366}, ["/days"]),
    ({"days": -1}, ["/days"]),
    ({"days": 1.5}, ["/days"]),
    ({"days": "never"}, ["/days"]),
    ({"days": None}, ["/days"]),
    ({"name": ""}, ["/name"]),
    ({"name": " \t"}, ["/name"]),
    ({"name": "x" * 101}, ["/name"]),
    ({"name": "line\nbreak"}, ["/name"]),
    ({"name": "nul\0"}, ["/name"]),
    ({"name": "\u202eright to left"}, ["/name"]),
    ({"name": None}, ["/name"]),
    ({"rights": []}, ["/rights"]),
    ({"rights": "read"}, ["/rights"]),
    ({"rights": ["open"]}, ["/rights/0"]),
    ({"rights": ["read", "all"]}, ["/rights/1"]),
    ({"districts": []}, ["/districts"]),
    ({"districts": "350203"}, ["/districts"]),
    ({"districts": ["350203", "35020"]}, ["/districts"]),
    ({"districts": ["350203\0"]}, ["/districts"]),
    ({"districts": [""]}, ["/districts/0"]),
    ({"districts": ["%"]}, ["/districts"]),
    ({"rights": ["admin"]}, ["/districts"]),
    ({"id": "0123456789abcdef"}, ["/id"]),
    ({"token": "oc_1_2"}, ["/token"]),
    ({"days": 0, "rights": [], "name": ""}, ["/days", "/name", "/rights"]),
    ({"rights": ["admin"], "districts": ["nowhere"]}, ["/districts", "/districts"]),
]
"""Wishes, and what is wrong with them."""


def test_wish_is_refused_with_all_that_is_wrong(client: TestClient) -> None:
    before = listed(client)
    for new_key, pointers in REFUSED:
        answer = client.post("/v1/keys", json={**WISH, **new_key})
        problem = Problem.model_validate_json(answer.content)
        told = sorted(place_of(item) for item in problem.errors)
        assert (new_key, answer.status_code, told) == (new_key, 422, pointers)
    assert listed(client) == before


def test_wish_is_refused_when_it_is_none(client: TestClient) -> None:
    for body in ("", "{", "[]", "null", '"read"', "{}"):
        answer = client.post("/v1/keys", content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code == 422, body
    assert len(listed(client)) == 1


def test_what_is_missing_is_named(client: TestClient) -> None:
    answer = client.post("/v1/keys", json={})
    found = {place_of(item) for item in answer.json()["errors"]}
    assert found == {"/name", "/rights", "/districts"}  # forgotten districts must not mean everything


def test_key_is_refused_when_it_was_revoked(client: TestClient) -> None:
    key, other = made(client), made(client)
    assert status(client, key) == 200
    assert client.delete(f"/v1/keys/{key['id']}").status_code == 204
    assert wait_until(lambda: status(client, key) == 401)
    assert status(client, other) == 200
    [shown] = [one for one in listed(client) if one["id"] == key["id"]]
    assert abs(datetime.fromisoformat(shown["revoked_at"]) - datetime.now(UTC)) < timedelta(minutes=1)
    assert client.delete(f"/v1/keys/{key['id']}").status_code == 204
    assert shown in listed(client)


def wait_until(is_so: Callable[[], bool]) -> bool:
    """Wait at most the five seconds in which every worker must know; say whether it became so."""
    deadline = datetime.now(UTC) + timedelta(seconds=5)
    while datetime.now(UTC) < deadline:
        if is_so():
            return True
    return False


def test_administrator_is_refused_when_their_own_key_was_revoked(client: TestClient) -> None:
    key = made(client, rights=["admin"], districts=None)
    assert client.delete(f"/v1/keys/{key['id']}", headers=bearing(key["token"])).status_code == 204
    assert wait_until(lambda: status(client, key, "/v1/keys") == 401)


def test_no_key_is_revoked_when_there_is_none_of_this_id(client: TestClient) -> None:
    for key_id in ("0123456789abcdef", "0", "%00", "%FF", "oc_0123456789abcdef_0", "*", "%25", "x" * 10_000):
        answer = client.delete(f"/v1/keys/{key_id}")
        assert (answer.status_code, answer.json()["type"]) == (404, "/problems/key-not-found"), key_id
    assert [key["revoked_at"] for key in listed(client)] == [None]


def test_the_comparison_in_constant_time_alone_decides(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    key = made(client)
    wrong = wrong_secret(key)
    assert (status(client, key), status(client, wrong)) == (200, 401)
    for same, expected in ((True, 200), (False, 401)):
        monkeypatch.setattr("app.access.keys.hmac.compare_digest", lambda _one, _other, same=same: same)
        assert (status(client, key), status(client, wrong)) == (expected, expected)


def wrong_secret(key: dict[str, Any]) -> dict[str, Any]:
    """The key with another secret."""
    return {**key, "token": key["token"][:-64] + "0" * 64}


@pytest.fixture
def away(request: pytest.FixtureRequest, settings: Settings, client: TestClient) -> Iterator[Callable[[], None]]:
    """Give what takes the database away from the service, as long as the test lasts."""
    url = settings.registry_url
    if not is_sqlite(url):
        server: PostgresServer = request.getfixturevalue("postgres_server")
        yield lambda: server.drop(url.rpartition("/")[2].partition("?")[0])
        return
    path = sqlite_path(url)

    async def close() -> None:
        await client.app.state.engine.dispose()  # type: ignore[attr-defined]  # of this service

    def move() -> None:
        assert client.portal is not None
        client.portal.call(close)
        for file in path.parent.glob(f"{path.name}*"):
            file.rename(file.with_name(f"gone-{file.name}"))
        path.mkdir()

    yield move
    path.rmdir()


def test_known_keys_stay_good_for_five_minutes_when_the_database_is_away(
    client: TestClient, away: Callable[[], None]
) -> None:
    now = [0.0]
    state = client.app.state  # type: ignore[attr-defined]  # of this service
    known, revoked = made(client), made(client)
    client.delete(f"/v1/keys/{revoked['id']}")
    state.keyring = Keyring(state.engine, None, lambda: now[0])
    address = "/v1/templates/enterprises.xlsx"  # needs the right to read, and no database
    assert status(client, known, address) == 200
    away()
    for now[0] in (1.0, 299.0, 300.0):
        assert status(client, known, address) == 200
        assert status(client, wrong_secret(known), address) == 401
        assert status(client, revoked, address) == 401
        told(client.get(address, headers=bearing(f"oc_{'0' * 16}_{'0' * 64}")))
        assert status(client, {"token": "nonsense"}, address) == 401
    now[0] = 300.1
    for path in (address, "/healthz", "/nowhere"):
        told(client.get(path, headers=bearing(known["token"])))
        assert status(client, {"token": "nonsense"}, path) == 401
    assert client.get("/healthz", headers={"Authorization": ""}).status_code == 401


def told(answer: Any) -> None:
    """Check that an answer says that the database is away, and when to ask again."""
    problem = Problem.model_validate_json(answer.content)
    assert (answer.status_code, problem.type) == (503, "/problems/database-unavailable")
    assert answer.headers["retry-after"] == "5"


def test_keys_are_neither_made_nor_revoked_when_the_database_is_away(
    client: TestClient, away: Callable[[], None]
) -> None:
    assert len(listed(client)) == 1
    away()
    for method, path, body in (("GET", "/v1/keys", None), ("POST", "/v1/keys", WISH), ("DELETE", "/v1/keys/0", None)):
        told(client.request(method, path, json=body))
