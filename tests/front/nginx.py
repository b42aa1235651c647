"""The shared cache of compose/nginx.conf in front of the service: what it keeps, and for whom.

Needs nginx, so that pytest does not find this file by itself: `.ci/run` runs it.
"""

import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from random import Random

import httpx2 as httpx
import pytest

from app.access.keys import NewKey, make_key
from app.access.principals import Right
from app.config import Settings
from app.database.engines import make_sync_engine
from app.database.write_lock import write_lock_sync
from app.main import create_app
from tests.api.conftest import DATES
from tests.documentation.markdown import ROOT
from tests.factories.demonstration import Demonstration
from tests.live import answers, live

HOME, ELSEWHERE = "350203", "350205"
PATH = f"/v1/statistics/districts?parent={HOME}"
SCOPES = {"all": None, "home": frozenset({HOME}), "elsewhere": frozenset({ELSEWHERE})}

_STALE = 6.5
"""Seconds after which a kept answer is past its time: `s-maxage`, and nginx counts whole seconds."""


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory, demonstration: Demonstration) -> Settings:
    """Give the settings of a service on the demonstration with both tiers."""
    return demonstration.copy(tmp_path_factory.mktemp("front"), DATES, anonymous="public")


@pytest.fixture(scope="module")
def callers(settings: Settings) -> dict[str, dict[str, str]]:
    """Give the headers that say who asks."""
    engine = make_sync_engine(settings.registry_url)
    found: dict[str, dict[str, str]] = {"nobody": {}}
    for name, districts in SCOPES.items():
        with write_lock_sync(engine) as connection:
            _, token = make_key(connection, NewKey(name, frozenset({Right.READ}), districts, 30))
        found[name] = {"Authorization": f"Bearer {token}"}
    engine.dispose()
    return found


@contextmanager
def nginx(folder: Path, service: str, port: int, readers: Sequence[str] = ()) -> Iterator[str]:
    """Run nginx by the committed configuration, in a folder, in front of a service, and of other readers, if any."""
    text = (ROOT / "compose" / "nginx.conf").read_text(encoding="utf-8")
    others = "".join(f"server {reader.removeprefix('http://')};" for reader in readers or [service])
    for old, new in {
        "orgcoverage:8000": service.removeprefix("http://"), "server readers:8000 resolve;": others,
        "resolver 127.0.0.11 valid=5s;": "", "listen 8080": f"listen 127.0.0.1:{port}", "/tmp/": f"{folder}/",
        "/var/cache/nginx": f"{folder}/cache", "worker_processes auto": "worker_processes 2",
    }.items():  # fmt: skip
        assert old in text
        text = text.replace(old, new)
    (folder / "nginx.conf").write_text(
        f"daemon off;\n{'user root;' if os.geteuid() == 0 else ''}\n{text}", encoding="utf-8"
    )
    program = subprocess.Popen(["nginx", "-e", folder / "log", "-c", folder / "nginx.conf"])
    try:
        until = time.monotonic() + 10
        while not answers(f"http://127.0.0.1:{port}/healthz"):
            assert time.monotonic() < until
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        program.terminate()
        program.wait(10)


@pytest.fixture
def front(settings: Settings, tmp_path: Path) -> Iterator[tuple[httpx.Client, ExitStack]]:
    """Give a client of the cache, and what stops the service behind it when it is closed."""
    tmp_path.chmod(0o755)
    with ExitStack() as behind:
        service = behind.enter_context(live(create_app(settings)))
        port = 20_000 + Random().randrange(20_000)
        with nginx(tmp_path, service, port) as address, httpx.Client(base_url=address) as client:
            yield client, behind


def test_everybody_gets_their_own_figures_whoever_asked_before(
    front: tuple[httpx.Client, ExitStack], callers: dict[str, dict[str, str]]
) -> None:
    client, _ = front
    policies = {"nobody": "rounded-enterprises", "elsewhere": "rounded-enterprises"}
    order = [*callers] * 20
    Random(1).shuffle(order)
    kept: dict[str, set[str]] = {name: set() for name in callers}
    bodies: dict[str, set[bytes]] = {name: set() for name in callers}
    for name in order:
        answer = client.get(PATH, headers=callers[name])
        policy = answer.json()["meta"]["disclosure"]["policy"]
        assert (answer.status_code, policy) == (200, policies.get(name, "none")), name
        assert {"Authorization", "Accept-Encoding"} <= {one.strip() for one in answer.headers["vary"].split(",")}
        kept[name].add(answer.headers["x-cache"])
        bodies[name].add(answer.content)
    assert {name: len(found) for name, found in bodies.items()} == dict.fromkeys(callers, 1)
    assert bodies["nobody"] == bodies["elsewhere"] != bodies["all"]
    assert "HIT" in kept["nobody"]
    assert kept["all"] == kept["home"] == {"MISS"}  # private, and so never kept


def test_a_known_answer_is_304_and_one_question_reaches_the_service(front: tuple[httpx.Client, ExitStack]) -> None:
    client, _ = front
    found = [client.get(PATH) for _ in range(50)]
    told = [answer.headers["x-cache"] for answer in found]
    assert (told[0], told[1], "MISS" in told[2:]) == ("MISS", "HIT", False)
    known = client.get(PATH, headers={"If-None-Match": found[0].headers["etag"]})
    assert (known.status_code, known.content) == (304, b"")
    time.sleep(_STALE)
    later = [client.get(PATH) for _ in range(2)]
    assert "MISS" not in {answer.headers["x-cache"] for answer in later}  # stale at once, and asked for with its tag
    assert {answer.content for answer in later} == {found[0].content}


def test_the_public_is_served_while_the_service_is_down_and_nobody_else(
    front: tuple[httpx.Client, ExitStack], callers: dict[str, dict[str, str]]
) -> None:
    client, behind = front
    before = client.get(PATH)
    assert client.get(PATH, headers=callers["all"]).status_code == 200
    behind.close()
    time.sleep(_STALE)
    after = client.get(PATH)
    assert (after.status_code, after.content, after.headers["x-cache"]) == (200, before.content, "STALE")
    assert client.get(PATH, headers=callers["all"]).status_code == 502
    assert client.get(f"{PATH}&limit=3").status_code == 502  # never asked before


def test_problems_and_writes_are_never_kept(
    front: tuple[httpx.Client, ExitStack], callers: dict[str, dict[str, str]]
) -> None:
    client, _ = front
    for _ in range(2):
        refused = client.get("/v1/statistics/enterprises")
        assert (refused.status_code, refused.headers["x-cache"]) == (403, "MISS")
        bad = client.get(PATH, headers={"Authorization": "Bearer oc_nonsense"})
        assert (bad.status_code, bad.headers["x-cache"]) == (401, "MISS")
        put = client.put("/v1/districts/350203", json={}, headers=callers["all"])
        assert put.status_code == 403


def test_readers_answer_whoever_has_no_key_when_there_are_some(
    settings: Settings, callers: dict[str, dict[str, str]], tmp_path: Path
) -> None:
    tmp_path.chmod(0o755)
    public = settings.model_copy(update={"public_only": True})
    empty = public.model_copy(update={"data_dir": tmp_path / "empty"})
    port = 20_000 + Random().randrange(20_000)
    with live(create_app(public)) as full, live(create_app(empty)) as late, ExitStack() as behind:
        service = behind.enter_context(live(create_app(settings)))
        with nginx(tmp_path, service, port, [late, full]) as address, httpx.Client(base_url=address) as client:
            exact = client.get(PATH, headers=callers["all"]).json()["meta"]["disclosure"]["policy"]
            behind.close()
            found = [client.get(f"{PATH}&limit={number}") for number in range(1, 9)]  # as many to each reader
            assert [one.json()["meta"]["disclosure"]["policy"] for one in found] == ["rounded-enterprises"] * 8
            assert exact == "none"
            assert client.get(PATH, headers=callers["all"]).status_code == 502
            assert client.get("/v1/districts/nowhere").status_code == 404
