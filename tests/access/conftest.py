"""One data folder for all tests of access: its registry, both kinds of snapshots, keys, and two finished imports."""

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import anyio
import httpx
import pytest

from app.config import Settings
from app.main import create_app
from app.snapshots.build import build_snapshot
from tests.access.callers import SENDER, make_keys
from tests.access.places import AS_OF, BEFORE, registry
from tests.factories.loading import fill

MODES = ("none", "public", "exact")
"""What may be answered without a key."""

PATIENCE = 60.0


@dataclass(frozen=True)
class Served:
    """What there is to ask for.

    Parameters
    ----------
    settings
        Of the service; `anonymous` differs by mode.
    tokens
        What each caller sends as a key; without an entry nothing is sent.
    snapshots
        Id of the newest snapshot of each tier.
    """

    settings: Settings
    tokens: Mapping[str, str]
    snapshots: Mapping[str, str]

    def headers(self, caller: str) -> dict[str, str]:
        """What a caller sends."""
        token = self.tokens.get(caller)
        return {} if token is None else {"Authorization": f"Bearer {token}"}


@pytest.fixture(scope="package")
def served(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Served:
    folder = tmp_path_factory.mktemp("access")
    settings = Settings(_env_file=None, data_dir=folder, anonymous="public", jobs_at_once=100)
    (folder / "registry.sqlite").write_bytes(sqlite_template.read_bytes())
    fill(settings.registry_url, registry())
    build_snapshot(settings, BEFORE, lambda _phase, _done, _total: None)
    exact = build_snapshot(settings, AS_OF, lambda _phase, _done, _total: None)
    assert exact.public_id is not None
    return Served(settings, make_keys(settings.registry_url), {"exact": exact.id, "public": exact.public_id})


@pytest.fixture(scope="package")
async def services(served: Served) -> AsyncIterator[dict[str, httpx.AsyncClient]]:
    """Give a client of the service under each mode, all on the one data folder."""
    async with AsyncExitStack() as stack:
        clients = {}
        for mode in MODES:
            app = create_app(served.settings.model_copy(update={"anonymous": mode}))
            await stack.enter_async_context(app.router.lifespan_context(app))
            client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service")
            clients[mode] = await stack.enter_async_context(client)
        yield clients


@pytest.fixture(scope="package")
async def ids(served: Served, services: dict[str, httpx.AsyncClient]) -> dict[str, str]:
    """Give what stands for the names in paths: snapshots, imports of `SENDER` and of another, a revoked key."""
    sent = {name: await _import(services["public"], served.headers(name)) for name in (SENDER, "writer")}
    key = served.tokens["revoked"].split("_")[1]
    return {**served.snapshots, "job": sent[SENDER], "other_job": sent["writer"], "key": key}


async def _import(client: httpx.AsyncClient, headers: dict[str, str]) -> str:
    address, content = (
        "/v1/imports?dataset=enterprises&dry_run=true",
        b"code,name,district_code,kind\nX,x,350203,wrong\n",
    )
    answer = await client.post(address, content=content, headers=headers)
    assert answer.status_code == 202, answer.text
    job: str = answer.json()["data"]["id"]
    deadline = time.monotonic() + PATIENCE
    while True:
        told = await client.get(f"/v1/jobs/{job}", headers=headers)
        if told.json()["data"]["state"] not in {"queued", "running"}:
            return job
        assert time.monotonic() < deadline, "the import did not end"
        await anyio.sleep(0.1)
