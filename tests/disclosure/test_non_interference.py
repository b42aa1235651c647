"""What exact figures are behind the rounded ones shows nowhere: in no file, no answer, no header."""

import re
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import quote, urlencode

import msgspec
import pytest
from starlette.testclient import TestClient

from app.main import create_app
from app.store.manifest import read_manifest, write_manifest
from tests.disclosure.answers import DIMENSIONS
from tests.disclosure.disturbance import Disturbed
from tests.disclosure.document import Asking, operations
from tests.disclosure.publishing import Publisher
from tests.disclosure.questions import lists, singles
from tests.factories.crowded_registries import crowded_registry
from tests.factories.loading import fill
from tests.factories.registries import AS_OF
from tests.lengths import at_length
from tests.reference.public import PublicReference
from tests.reference.registry import Registry
from tests.reference.rounding import is_large

pytestmark = pytest.mark.long

SEEDS = {"sqlite": range(at_length(6, 2)), "postgres": range(6, at_length(8, 7))}
QUESTIONS = 40
PER_REQUEST = ("date", "x-request-id")
"""Headers that tell requests apart, whatever is asked."""

OF_THE_PROCESS = ("get_metrics",)
"""Operations that tell of the running process: times, memory, and how often each route gave which status."""


class Pair:
    """Two data folders with one key and the same times, on registries that differ in what is not public."""

    def __init__(self, urls: tuple[str, str], folder: Path, source: str) -> None:
        self.one = Publisher(urls[0], folder / "one", folder / "key", member_source=source)
        self.other = Publisher(urls[1], folder / "other", folder / "key", member_source=source)
        assert self.one.key == self.other.key

    def build(self, registry: Registry, disturbed: Registry) -> tuple[str, str]:
        """Publish each registry in its folder; return the ids of the public snapshots."""
        ids = []
        for publisher, held in ((self.one, registry), (self.other, disturbed)):
            publisher.forget()
            fill(publisher.settings.registry_url, held)
            ids.append(publisher.build(AS_OF))
        self.align(*ids)
        return ids[0], ids[1]

    def align(self, one: str, other: str) -> None:
        """Let the other public snapshot say that it was built when the first was."""
        folder = self.other.folder(other)
        built_at = read_manifest(self.one.folder(one)).built_at
        write_manifest(folder, msgspec.structs.replace(read_manifest(folder), built_at=built_at))


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(params=["register", "returns"])
def pair(migrated_url: str, tmp_path: Path, request: pytest.FixtureRequest) -> Pair:
    return Pair((migrated_url, migrated_url), tmp_path, request.param)


@pytest.fixture(params=["register", "returns"])
def served(sqlite_template: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Pair:
    """Give a pair whose services each have a registry of their own."""
    urls = []
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "registry.sqlite").write_bytes(sqlite_template.read_bytes())
        urls.append(f"sqlite+aiosqlite:///{tmp_path / name / 'registry.sqlite'}")
    return Pair((urls[0], urls[1]), tmp_path, request.param)


def disturbances(pair: Pair) -> Iterator[tuple[int, PublicReference, Disturbed]]:
    """Registries with others behind the same public figures."""
    engine = "sqlite" if pair.one.settings.registry_url.startswith("sqlite") else "postgres"
    source = pair.one.settings.member_source
    for seed in SEEDS[engine]:
        reference = PublicReference(crowded_registry(seed), AS_OF, pair.one.key, member_source=source)
        yield seed, reference, Disturbed(reference, Random(seed))


def test_no_file_tells_of_exact_figures_when_rounded_ones_are_the_same(pair: Pair) -> None:
    changed = 0
    for _, reference, disturbed in disturbances(pair):
        one, other = pair.build(reference.when.registry, disturbed.disturb())
        assert one == other
        assert files(pair.one.folder(one)) == files(pair.other.folder(other))
        assert pair.one.exact_folder(one).name != pair.other.exact_folder(other).name
        changed += disturbed.changed_members + disturbed.changed_headcounts
        assert disturbed.changed_members >= len(reference.units) / 3
    assert changed > 0


def statistics_urls(reference: PublicReference, snapshot: str, random: Random) -> Iterator[str]:
    """What anybody may try of statistics: answers in every shape, refusals, and what stands beside the figures."""
    for subject, params in random.sample(list(lists(reference)), QUESTIONS):
        sort = random.choice(("code", "members", "member_ratio", "enterprises_eligible", "work_coverage"))
        query = urlencode(params | {"sort": sort, "order": "desc", "limit": random.choice(("2", "1000"))})
        yield f"/v1/statistics/{subject}?{query}"
        suffix = random.choice(("csv", "records"))
        yield f"/v1/statistics/{subject}.{suffix}?{urlencode(params)}&totals=true"
    for subject, code, params in random.sample(list(singles(reference)), QUESTIONS):
        yield f"/v1/statistics/{subject}/{quote(code, safe='')}?{urlencode(params)}"
    for code in [*reference.firms, "nobody"]:
        yield f"/v1/statistics/enterprises/{quote(code, safe='')}"
    yield from (
        "/v1/statistics/breakdown?by=basis",
        "/v1/statistics/breakdown?by=street&by=section&fields=all",
        "/v1/statistics/trends?by=street&compare_to=first",
        "/v1/statistics/low-membership?by=street&target=0.1",
        "/v1/statistics/branches",
        "/v1/statistics/enterprises?has_members=true",
        "/v1/statistics/enterprises.csv",
        "/v1/statistics/districts?basis=eligible",
        "/v1/statistics/districts?ownership=private",
        "/v1/statistics/industries?level=class",
        "/v1/statistics/districts?within=%E4%BA%91%E9%A1%B6",
        "/v1/statistics/districts/nowhere",
        "/v1/snapshots/20170630-0000000000000000",
        "/v1/statistics/districts?as_of=2001-01-01",
        "/openapi.json",
    )


def documented_urls(document: dict[str, Any], reference: PublicReference, snapshot: str) -> Iterator[str]:
    """Some questions to everything that can be read, as the service itself documents it."""
    codes = {subject: reference.codes(subject) for subject in DIMENSIONS}
    codes |= {"enterprises": list(reference.firms), "branches": list(reference.when.branches)}
    day = AS_OF.isoformat()
    others = dict.fromkeys(("as_of", "since", "from", "to", "due_from", "due_to"), (day,)) | {
        "snapshot": (snapshot,), "since_snapshot": (snapshot,), "id": (snapshot,), "limit": ("3",),
        "problems": ("exact-only",),
        "operation": ("build",), "key_id": ("1",),
    }  # fmt: skip
    asking = Asking(codes, others, Random(0), most=1, mixed=2)
    for operation in operations(document):
        if operation.method == "get" and operation.name not in OF_THE_PROCESS:
            yield from map(operation.url, asking.questions(operation))


def answer(client: TestClient, url: str) -> tuple[int, bytes, dict[str, str]]:
    """Status, body and headers, without what tells requests apart."""
    found = client.get(url)
    body = re.sub(rb'"request_id":"[^"]*"', b"", found.content)
    headers = {name: value for name, value in found.headers.items() if name not in PER_REQUEST}
    return found.status_code, body, headers


def test_no_answer_tells_of_exact_figures_when_rounded_ones_are_the_same(served: Pair) -> None:
    for seed, reference, disturbed in disturbances(served):
        if seed % 3:
            continue
        snapshot, _ = served.build(reference.when.registry, disturbed.disturb())
        with (
            TestClient(create_app(served.one.settings)) as one,
            TestClient(create_app(served.other.settings)) as other,
        ):
            statuses = set()
            documented = documented_urls(one.get("/openapi.json").json(), reference, snapshot) if seed == 0 else ()
            for url in (*statistics_urls(reference, snapshot, Random(seed)), *documented):
                expected = answer(one, url)
                assert answer(other, url) == expected, url
                statuses.add(expected[0])
            assert {200, 403, 404} <= statuses


def test_files_tell_when_a_rounded_figure_is_another(pair: Pair) -> None:
    _, reference, other = next(disturbances(pair))
    pooled = next(one.unit for one in reference.shown if one.members < 50 and not is_large(one.unit))
    other.state_members(pooled.code, 60)
    ids = pair.build(reference.when.registry, other.registry)
    assert ids[0] != ids[1]
    assert files(pair.one.folder(ids[0])).keys() == files(pair.other.folder(ids[1])).keys()
    assert files(pair.one.folder(ids[0]))["places.arrow"] != files(pair.other.folder(ids[1]))["places.arrow"]
