"""Whether there are drafts or not: no byte of any answer to anybody who may not see them tells.

Every operation is asked by everybody else under every setting without drafts, and again with drafts of a later date and
of the newest, also by their ids.
"""

import re
import shutil
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import httpx
import pytest

from app.main import create_app
from app.snapshots.build import build_snapshot
from app.store.manifest import Manifest
from tests.access.callers import KEYED, NOBODY, REFUSED, answered
from tests.access.conftest import MODES, Served
from tests.access.operations import ASKED, STATISTICS
from tests.access.places import AS_OF, BEFORE, registry
from tests.access.rules import Ask, Kind
from tests.access.test_matrix import OPERATIONS, expanded
from tests.factories.loading import fill
from tests.lengths import some

pytestmark = pytest.mark.anyio

LATER = date(2017, 9, 30)

GOOD = (NOBODY, *(caller for caller in KEYED if caller.right == "read"))
"""Whoever may not see drafts and is answered; under `exact`, whoever has no key may."""

OTHERS = (*GOOD, *REFUSED)
"""Everybody who may not see drafts."""

ALWAYS = ("list_snapshots", "get_snapshot", "release_snapshot", "withdraw_snapshot", "get_metrics", "get_readiness")
"""Operations that speak of snapshots: asked in the short run too."""

OF_THE_REQUEST = re.compile(rb'"request_id":"[^"]*"')

Answer = tuple[int, Mapping[str, str], bytes]


class Drafts:
    """Drafts of a later date and of the newest, which are put into a data folder and taken away."""

    def __init__(self, source: Path, manifests: list[Manifest]) -> None:
        self.source = source
        self.ids = [name for manifest in manifests for name in (manifest.id, manifest.public_id or "")]

    @contextmanager
    def there(self, served: Served) -> Iterator[None]:
        target = served.settings.snapshots_dir / "drafts"
        shutil.copytree(self.source, target)
        yield
        shutil.rmtree(target)


@pytest.fixture(scope="package")
def drafts(served: Served, tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Drafts:
    """Build the drafts in a folder of their own, by the same rounding key."""
    folder = tmp_path_factory.mktemp("drafts")
    settings = served.settings.model_copy(
        update={
            "data_dir": folder, "release": "manual", "eligible_full_members": 4,
            "database_url": f"sqlite+aiosqlite:///{folder / 'registry.sqlite'}",
        }
    )  # fmt: skip
    settings.__dict__.pop("registry_url", None)
    (folder / "registry.sqlite").write_bytes(sqlite_template.read_bytes())
    shutil.copy(served.settings.rounding_key_path, settings.rounding_key_path)
    fill(settings.registry_url, registry())
    manifests = [build_snapshot(settings, day, lambda *_: None) for day in (AS_OF, LATER)]
    return Drafts(settings.snapshots_dir / "drafts", manifests)


@pytest.fixture(scope="package")
async def asked_of(
    served: Served, services: dict[str, httpx.AsyncClient]
) -> AsyncIterator[dict[str, httpx.AsyncClient]]:
    """Give the services, and one that may only serve protected figures."""
    app = create_app(served.settings.model_copy(update={"public_only": True}))
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service") as client,
    ):
        yield services | {"public only": client}


@pytest.mark.parametrize("name", dict.fromkeys((*some(ALWAYS, 3), *some(OPERATIONS, 40))))
async def test_no_byte_tells_of_drafts(
    name: str, served: Served, asked_of: dict[str, httpx.AsyncClient], ids: dict[str, str], drafts: Drafts
) -> None:
    operation = OPERATIONS[name]
    asks = [ask for ask in expanded(ASKED[name], operation, ids) if ask.method == "GET"]
    if operation.path.startswith("/v1/snapshots/"):
        path = operation.path.replace("{id}", "{}")
        asks = [Ask(Kind.SAME, path.format(draft), method=operation.method, body={}) for draft in drafts.ids]
    elif operation.path.startswith(STATISTICS) and asks and "trends" not in name:
        joined = asks[0].path + ("&" if "?" in asks[0].path else "?")
        asks += [
            Ask(Kind.SAME, f"{joined}snapshot={draft}{tier}") for draft in drafts.ids for tier in ("", "&tier=public")
        ]
        asks.append(Ask(Kind.SAME, f"{joined}as_of={LATER}"))
    without = await answers(asks, served, asked_of)
    with drafts.there(served):
        present = await answers(asks, served, asked_of)
    assert present.keys() == without.keys()
    assert [key for key, answer in present.items() if answer != without[key]] == []


@pytest.mark.long
async def test_revisions_by_drafts_are_not_told(
    served: Served, asked_of: dict[str, httpx.AsyncClient], drafts: Drafts
) -> None:
    asks = [
        Ask(Kind.SAME, f"{STATISTICS}/changes?since={BEFORE}&snapshot={draft}") for draft in drafts.ids
    ] + [
        Ask(Kind.SAME, f"{STATISTICS}/changes?since_snapshot={draft}") for draft in drafts.ids
    ]  # fmt: skip
    without = await answers(asks, served, asked_of)
    with drafts.there(served):
        assert await answers(asks, served, asked_of) == without
    assert {status for status, _, _ in without.values()} == {401, 403, 404}


async def test_drafts_are_there_to_those_who_review(
    served: Served, asked_of: dict[str, httpx.AsyncClient], drafts: Drafts
) -> None:
    with drafts.there(served):
        for who in ("writer", "releaser", "admin"):
            for draft in drafts.ids[::2]:
                answer = await asked_of["public"].get(f"/v1/snapshots/{draft}", headers=served.headers(who))
                assert (answer.status_code, answer.json()["data"]["state"]) == (200, "draft")


async def answers(
    asks: list[Ask], served: Served, services: Mapping[str, httpx.AsyncClient]
) -> dict[tuple[str, str, str], Answer]:
    """What everybody else is answered, by setting, caller and path."""
    asked = {
        (mode, caller.name, ask.path): (caller, ask)
        for place, ask in enumerate(asks)
        for mode in (*MODES, "public only")
        for caller in (OTHERS if place == 0 else GOOD)
        if not (mode == "exact" and caller is NOBODY)
    }
    sent = [
        (caller, told(services[mode], ask, served.headers(caller.name)))
        for (mode, _, _), (caller, ask) in asked.items()
    ]
    return dict(zip(asked, await answered(sent), strict=True))


async def told(client: httpx.AsyncClient, ask: Ask, headers: Mapping[str, str]) -> Answer:
    answer = await client.request(ask.method, ask.path, json=ask.body, headers=headers)
    content = OF_THE_REQUEST.sub(b"", answer.content)
    shown = {name: value for name, value in answer.headers.items() if name not in {"date", "x-request-id"}}
    if ask.path == "/metrics" and answer.status_code == 200:
        lines = [line for line in content.splitlines() if not line.startswith(b"#")]
        names = {line.partition(b" ")[0].partition(b"{")[0] for line in lines}
        steady = [line for line in lines if line.startswith(b"orgcoverage_snapshots")]
        content, shown = b"\n".join(sorted(names) + steady), {}
    if answer.headers["content-type"].endswith("sheet"):
        content = b""  # a workbook has the time of its making in it
    return answer.status_code, shown, content
