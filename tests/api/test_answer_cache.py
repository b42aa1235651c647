"""Answers sent again from memory: whoever asks, and however, gets what would be computed for them."""

import random
import shutil
import time
from collections.abc import Callable, Iterator
from itertools import count, product
from pathlib import Path

import msgspec
import pytest
from fastapi import Request, Response
from httpx2 import Headers
from httpx2 import Response as Answer
from starlette.testclient import TestClient

from app.access import keys
from app.access.keys import NewKey, make_key, revoke_key
from app.access.principals import Right, Tier
from app.api.http.authorization import READ
from app.api.http.pages import statistics_headers
from app.api.http.routing import make_router, mount
from app.api.statistics.answer_cache import CacheableQuestion, builds_of, cache_answer
from app.api.statistics.tiers import tier_of_question
from app.config import Settings
from app.database.engines import make_sync_engine
from app.database.write_lock import write_lock_sync
from app.main import create_app
from app.statistics.question import AsOf, Question, Subject
from app.store.manifest import read_manifest, write_manifest
from tests.api.conftest import DATES
from tests.factories.demonstration import Demonstration

HOME, ELSEWHERE = "350203", "350205"
"""A county that the scoped key covers, and one that it does not."""

DISTRICTS = "/v1/statistics/districts"
ORIGINS = ("https://dash.example", "https://board.example")
REQUEST = {"X-Request-ID": "the-same-0001"}
"""So that problems, which name the request, can be compared."""

HITS = 'orgcoverage_answer_cache_total{result="hit"}'

WITHIN_SECONDS = 5.0
"""A revoked key is refused within this time."""


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory, demonstration: Demonstration) -> Settings:
    """Give the settings of a service on the demonstration with both tiers."""
    return demonstration.copy(tmp_path_factory.mktemp("kept"), DATES, anonymous="public", cors_origins=ORIGINS)


@pytest.fixture(scope="module")
def callers(settings: Settings) -> dict[str, dict[str, str]]:
    """Give the headers that say who asks."""
    return {
        "nobody": {},
        "all": bearer(key_of(settings, None)),
        "scoped": bearer(key_of(settings, frozenset({HOME}))),
        "unknown": bearer(f"oc_{'0' * 16}_{'0' * 64}"),
        "malformed": bearer("nonsense"),
    }


@pytest.fixture
def service(settings: Settings) -> Iterator[TestClient]:
    with TestClient(create_app(settings)) as client:
        yield client


@pytest.fixture
def forgetful(settings: Settings) -> Iterator[TestClient]:
    """Give a client of the same service, which keeps no answers."""
    with TestClient(create_app(settings.model_copy(update={"answer_cache_bytes": 0}))) as client:
        yield client


@pytest.fixture
def numbered(settings: Settings) -> Iterator[TestClient]:
    """Give a client of the service with an operation whose answer is another each time it is made."""
    with serving_numbers(settings) as client:
        yield client


def alone(_tier: Tier, code: str) -> tuple[str, ...]:
    return (code,)


def serving_numbers(settings: Settings, districts: Callable[[Tier, str], tuple[str, ...]] = alone) -> TestClient:
    app, router, numbers = create_app(settings), make_router("/v1/numbered", "numbered", READ), count()

    @router.get("/{code}")
    async def get_numbered(request: Request, code: str) -> Response:
        tier = await tier_of_question(request, Question(Subject.DISTRICTS), code)
        manifest = request.app.state.readers[tier].shelf.newest().manifest
        cache_answer(request, CacheableQuestion(districts(tier, code), AsOf(), tier, builds_of([manifest])))
        headers = statistics_headers(request, manifest.id, manifest.built_at, tier)
        body = f"{tier} {next(numbers)}".ljust(3000)  # long enough to be compressed
        return Response(body, headers=headers, media_type="application/json")

    mount(app, [router])
    return TestClient(app)


def key_of(settings: Settings, districts: frozenset[str] | None) -> str:
    engine = make_sync_engine(settings.registry_url)
    with write_lock_sync(engine) as connection:
        _, token = make_key(connection, NewKey("a key", frozenset({Right.READ}), districts, 30))
    engine.dispose()
    return token


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def whole(answer: Answer) -> tuple[int, dict[str, str], bytes]:
    return answer.status_code, dict(answer.headers), answer.content


@pytest.mark.long
def test_every_answer_is_the_one_computed_anew_when_others_asked_before(
    service: TestClient, forgetful: TestClient, callers: dict[str, dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys, "_LOOK_UP_SECONDS", 0.0)  # an unknown key waits so long, here 135 times
    paths = (
        DISTRICTS,
        f"{DISTRICTS}?parent={HOME}",
        f"{DISTRICTS}?parent={ELSEWHERE}",
        f"{DISTRICTS}/{HOME}",
        f"{DISTRICTS}/{HOME}?basis=registered",  # which the public tier refuses
        f"{DISTRICTS}/{HOME}?as_of={DATES[0]}",
        "/v1/statistics/industries?level=division&limit=5",
        f"{DISTRICTS}/nowhere",
        f"{DISTRICTS}?size=5",
        f"{DISTRICTS}.csv?parent={HOME}",
        f"/v1/statistics/trends?district={HOME}&by=street",
        f"/v1/statistics/trends.records?district={HOME}",
        f"/v1/statistics/changes.csv?since={DATES[0]}&district={HOME}",
    )
    ways: tuple[dict[str, str], ...] = (
        {},
        {"Accept-Encoding": "gzip"},
        {"Accept-Encoding": "zstd", "Origin": ORIGINS[0]},
        {"Accept-Encoding": "zstd", "Origin": ORIGINS[1]},
        {"Accept-Encoding": "gzip", "Origin": "https://foreign.example"},
    )
    asked = [(path, {"Accept-Encoding": "identity", **way, **who, **REQUEST})
             for path, way, who in product(paths, ways, callers.values())]  # fmt: skip
    anew = {number: whole(forgetful.get(path, headers=headers)) for number, (path, headers) in enumerate(asked)}
    assert {status for status, _, _ in anew.values()} == {200, 401, 403, 404, 422}
    order = [*anew, *anew]
    random.Random(1).shuffle(order)
    for number in order:
        path, headers = asked[number]
        assert whole(service.get(path, headers=headers)) == anew[number], (path, headers)


def test_an_answer_is_kept_for_whoever_gets_the_same(numbered: TestClient, callers: dict[str, dict[str, str]]) -> None:
    def ask(code: str, who: str) -> str:
        return numbered.get(f"/v1/numbered/{code}", headers=callers[who]).text.strip()

    assert [ask(HOME, who) for who in ("all", "scoped", "nobody", "all", "scoped", "nobody")] == [
        "exact 0", "scoped 1", "public 2", "exact 0", "scoped 1", "public 2",
    ]  # fmt: skip
    assert [ask(ELSEWHERE, who) for who in ("nobody", "scoped", "all", "scoped", "nobody", "all")] == [
        "public 3", "public 3", "exact 4", "public 3", "public 3", "exact 4",
    ]  # fmt: skip


def test_an_answer_is_made_anew_when_other_districts_decided_its_tier(
    settings: Settings, callers: dict[str, dict[str, str]]
) -> None:
    def with_parent(tier: Tier, code: str) -> tuple[str, ...]:
        return (code,) if tier is Tier.PUBLIC else (code, HOME)  # as snapshots with different trees would name them

    with serving_numbers(settings, with_parent) as client:
        path = f"/v1/numbered/{HOME}"
        told = [client.get(path, headers=callers[who]).text.strip() for who in ("scoped", "nobody", "scoped")]
    assert told == ["scoped 0", "public 1", "scoped 2"]


@pytest.mark.parametrize(
    "other",
    [
        {"Accept-Encoding": "gzip"},
        {"Accept-Encoding": "gzip, deflate"},
        {"Origin": ORIGINS[0]},
        {"Origin": ORIGINS[1]},
        {"Origin": "https://foreign.example"},
        {"Cookie": "a=b"},
    ],
)
def test_an_answer_is_made_anew_when_it_is_asked_in_another_way(numbered: TestClient, other: dict[str, str]) -> None:
    usual = {"Accept-Encoding": "identity"}
    told = [numbered.get(f"/v1/numbered/{HOME}", headers=usual | way).text.strip() for way in ({}, other, {}, other)]
    assert told == ["public 0", "public 1", "public 0", "public 1"]


def test_an_answer_is_made_anew_when_the_query_is_another(numbered: TestClient) -> None:
    path = f"/v1/numbered/{HOME}"
    assert [numbered.get(path + query).text.strip() for query in ("", "?", "?&", "?&", "")] == [
        "public 0", "public 0", "public 1", "public 1", "public 0",
    ]  # fmt: skip


def test_a_kept_answer_is_refused_when_the_key_is_bad(numbered: TestClient, callers: dict[str, dict[str, str]]) -> None:
    path = f"/v1/numbered/{HOME}"
    for who in ("nobody", "all"):
        assert numbered.get(path, headers=callers[who]).status_code == 200
    good = callers["all"]["Authorization"]
    for given in (*(callers[who]["Authorization"] for who in ("unknown", "malformed")), f"{good[:-1]}g", "Basic a"):
        for _ in range(2):
            answer = numbered.get(path, headers={"Authorization": given})
            assert (answer.status_code, answer.json()["type"]) == (401, "/problems/key-refused")
            assert (answer.headers["cache-control"], answer.headers["www-authenticate"]) == ("no-store", "Bearer")
    twice = Headers([("Authorization", good), ("Authorization", good)])
    assert numbered.get(path, headers=twice).status_code == 401


def test_a_kept_answer_is_refused_when_the_key_was_revoked(settings: Settings) -> None:
    token = key_of(settings, None)
    path, headers = f"/v1/numbered/{HOME}", bearer(token)
    with serving_numbers(settings) as client:
        assert [client.get(path, headers=headers).text.strip() for _ in range(2)] == ["exact 0", "exact 0"]
        engine = make_sync_engine(settings.registry_url)
        with write_lock_sync(engine) as connection:
            revoke_key(connection, token.split("_")[1])
        engine.dispose()
        until = time.monotonic() + WITHIN_SECONDS
        while client.get(path, headers=headers).status_code != 401:
            assert time.monotonic() < until
            time.sleep(0.1)
        assert client.get(path).text.strip() == "public 1"


def test_a_kept_answer_needs_a_key_when_nothing_is_answered_without_one(
    settings: Settings, callers: dict[str, dict[str, str]]
) -> None:
    with serving_numbers(settings.model_copy(update={"anonymous": "none"})) as client:
        asked = [
            (HOME, "scoped", 200), (HOME, "nobody", 401), (HOME, "scoped", 200),
            (ELSEWHERE, "all", 200), (ELSEWHERE, "scoped", 403), (ELSEWHERE, "nobody", 401),
        ]  # fmt: skip
        for code, who, status in asked:
            assert client.get(f"/v1/numbered/{code}", headers=callers[who]).status_code == status, (code, who)


def test_a_known_tag_gets_the_same_headers_when_the_answer_is_kept(service: TestClient, forgetful: TestClient) -> None:
    usual = {"Accept-Encoding": "gzip", "Origin": ORIGINS[0], **REQUEST}
    tag = service.get(DISTRICTS, headers=usual).headers["etag"]
    for given in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        told = whole(service.get(DISTRICTS, headers={**usual, "If-None-Match": given}))
        assert told == whole(forgetful.get(DISTRICTS, headers={**usual, "If-None-Match": given}))
        assert (told[0], told[2]) == (304, b"")
        assert told[1]["access-control-allow-origin"] == ORIGINS[0]
        assert told[1]["x-content-type-options"] == "nosniff"
    assert service.get(DISTRICTS, headers={**usual, "If-None-Match": '"other"'}).status_code == 200


def test_each_request_has_its_own_id_when_the_answer_is_kept(service: TestClient) -> None:
    ids = [service.get(DISTRICTS).headers.get_list("x-request-id") for _ in range(3)]
    assert [len(found) for found in ids] == [1, 1, 1]
    assert len({found[0] for found in ids}) == 3
    assert service.get(DISTRICTS, headers=REQUEST).headers["x-request-id"] == REQUEST["X-Request-ID"]


def test_requests_are_counted_by_template_when_the_answer_is_kept(numbered: TestClient) -> None:
    for _ in range(3):
        numbered.get(f"/v1/numbered/{HOME}")
    counted = 'orgcoverage_http_requests_total{method="GET",route="/v1/numbered/{code}",status="200"} 3.0'
    assert counted in numbered.get("/metrics").text


def test_head_has_the_headers_of_the_kept_answer(service: TestClient) -> None:
    kept = [service.get(DISTRICTS, headers=REQUEST) for _ in range(2)][1]
    assert whole(service.head(DISTRICTS, headers=REQUEST)) == (200, dict(kept.headers), b"")


def test_a_newer_snapshot_answers_when_it_is_there(settings: Settings, tmp_path: Path) -> None:
    snapshots = settings.snapshots_dir
    mine = settings.model_copy(update={"data_dir": tmp_path})
    for tier in (Tier.EXACT, Tier.PUBLIC):
        older = next(folder for folder in (snapshots / tier).iterdir() if folder.name.startswith(f"{DATES[0]:%Y%m%d}"))
        shutil.copytree(older, mine.snapshots_dir / tier / older.name)
    with TestClient(create_app(mine.model_copy(update={"public_only": True}))) as client:
        first = [client.get(DISTRICTS) for _ in range(2)]
        assert {answer.json()["meta"]["as_of"] for answer in first} == {DATES[0].isoformat()}
        for newer in (snapshots / Tier.PUBLIC).iterdir():
            if not (mine.snapshots_dir / Tier.PUBLIC / newer.name).exists():
                shutil.copytree(newer, tmp_path / newer.name)
                (tmp_path / newer.name).rename(mine.snapshots_dir / Tier.PUBLIC / newer.name)
        for known in (first[0].headers["etag"], "none"):
            answer = client.get(DISTRICTS, headers={"If-None-Match": known})
            assert answer.json()["meta"]["as_of"] == DATES[1].isoformat()
        older_asked = client.get(f"{DISTRICTS}?as_of={DATES[0]}")
        assert older_asked.json()["data"] == first[0].json()["data"]


SEVERAL = ("/v1/statistics/trends", "/v1/statistics/trends.csv", f"/v1/statistics/changes.csv?since={DATES[0]}")
"""Answers from several snapshots, the newest of which does not tell whether they are still valid."""


@pytest.mark.parametrize("path", [f"{DISTRICTS}.csv", f"{DISTRICTS}.xlsx", f"{DISTRICTS}.parquet", *SEVERAL])
def test_small_files_and_answers_from_several_snapshots_are_kept(service: TestClient, path: str) -> None:
    def hits() -> float:
        [line] = [line for line in service.get("/metrics").text.splitlines() if line.startswith(HITS)]
        return float(line.split()[-1])

    first, before = service.get(path, headers=REQUEST), hits()
    assert whole(service.get(path, headers=REQUEST)) == whole(first)
    known = service.get(path, headers={"If-None-Match": first.headers["etag"]})
    assert (known.status_code, known.content, hits() - before) == (304, b"", 2)


def test_an_answer_is_kept_when_its_tag_is_all_that_is_asked_about(
    settings: Settings, callers: dict[str, dict[str, str]]
) -> None:
    with serving_numbers(settings) as client:
        tag = client.get("/v1/numbered/350203", headers=callers["all"]).headers["etag"]
    with serving_numbers(settings) as client:
        known = client.get("/v1/numbered/350203", headers=callers["all"] | {"If-None-Match": tag})
        assert (known.status_code, known.content) == (304, b"")
        assert client.get("/v1/numbered/350203", headers=callers["all"]).text.split() == ["exact", "0"]
        head = client.head("/v1/numbered/350203", headers=callers["all"] | {"If-None-Match": tag})
        assert head.status_code == 304


@pytest.mark.parametrize("path", SEVERAL)
def test_an_answer_from_several_snapshots_is_made_anew_when_an_earlier_one_is_there(
    settings: Settings, tmp_path: Path, path: str
) -> None:
    mine = settings.model_copy(update={"data_dir": tmp_path, "public_only": True})
    snapshots = sorted((settings.snapshots_dir / Tier.PUBLIC).iterdir())
    root = mine.snapshots_dir / Tier.PUBLIC
    shutil.copytree(settings.snapshots_dir / Tier.PUBLIC, root)
    again_built = msgspec.structs.replace(read_manifest(snapshots[0]), built_at="2030-01-01T00:00:00Z")
    with TestClient(create_app(mine)) as client:
        first = [client.get(path) for _ in range(2)][1]
        shutil.rmtree(root / snapshots[0].name)
        shutil.copytree(snapshots[0], tmp_path / "again")
        write_manifest(tmp_path / "again", again_built)
        (tmp_path / "again").rename(root / snapshots[0].name)
        again = client.get(path, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.headers["etag"] == first.headers["etag"]) == (200, False)


def test_a_problem_is_told_when_the_snapshots_of_a_kept_answer_cannot_be_listed(
    settings: Settings, tmp_path: Path
) -> None:
    mine = settings.model_copy(update={"data_dir": tmp_path, "public_only": True})
    root = mine.snapshots_dir / Tier.PUBLIC
    shutil.copytree(settings.snapshots_dir / Tier.PUBLIC, root)
    with TestClient(create_app(mine), raise_server_exceptions=False) as client:
        assert [client.get(DISTRICTS).status_code for _ in range(2)] == [200, 200]
        root.rename(tmp_path / "away")
        root.touch()
        answer = client.get(DISTRICTS)
    assert (answer.status_code, answer.json()["type"]) == (500, "/problems/internal")


def test_the_least_recently_asked_goes_when_there_is_no_room(settings: Settings) -> None:
    with serving_numbers(settings.model_copy(update={"answer_cache_bytes": 15_000})) as client:  # two of 7,000
        asked = ["350203", "350205", "350203", "350206", "350203", "350205"]
        told = [
            client.get(f"/v1/numbered/{code}", headers={"Accept-Encoding": "identity"}).text.strip() for code in asked
        ]
    assert told == ["public 0", "public 1", "public 0", "public 2", "public 0", "public 3"]


def test_nothing_is_kept_when_the_request_is_long(numbered: TestClient) -> None:
    path = f"/v1/numbered/{HOME}"
    assert [numbered.get(f"{path}?{'&' * 2001}").text.strip() for _ in range(2)] == ["public 0", "public 1"]
    long = {"Accept-Encoding": "identity", "Cookie": "c" * 2001}
    assert [numbered.get(path, headers=long).text.strip() for _ in range(2)] == ["public 2", "public 3"]
