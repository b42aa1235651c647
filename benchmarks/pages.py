"""Pages of 40 counties from the real application, compared with prepared bytes and a cell table through an ORM."""

import json
import tempfile
from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from urllib.parse import urlencode

import numpy as np
import typer

from app.catalogue.vocabulary import Basis
from app.config import Settings
from app.database.engines import make_sync_engine
from app.store.shelf import Shelf
from app.store.snapshot import Snapshot
from benchmarks.measuring import show, show_load
from benchmarks.registries import built, demo, environment, postgres
from benchmarks.rivals import PATH, write_cells
from benchmarks.serving import Load, Server, served

ROWS = 40
FIGURES = ("enterprises", "organisation_coverage", "member_ratio")
FILES = ("csv", "records")
_SET_BY_SERVERS = frozenset({"date", "content-length"})
"""Headers that a rival has of its own."""

UNCACHED = {"ORGCOVERAGE_ROW_CACHE_BYTES": "0", "ORGCOVERAGE_ANSWER_CACHE_BYTES": "0"}
ROWS_CACHED = {"ORGCOVERAGE_ANSWER_CACHE_BYTES": "0"}

REACH = {"uncached": (0.15, 3, 6), "rows cached": (0.25, 4, 15)}
"""Speed of a page to reach, over prepared bytes, and cells with the same encoder and as usually written."""


@dataclass(frozen=True)
class Variant:
    """A server, the paths requested from it, and the tag of what is known already."""

    server: Server
    paths: Sequence[str]
    known: str | None = None


def main(members: int = 200_000, small: int = 20_000, rounds: int = 3, seconds: int = 2) -> None:
    """Measure pages that are not cached and that are, alternating with their rivals."""
    show_load()
    with tempfile.TemporaryDirectory(prefix="benchmark-pages-") as name, ExitStack() as stack:
        folder = Path(name)
        variants = _variants(stack, folder, members, small)
        size = next(len(variant.server.get(variant.paths[0])) for variant in variants.values())
        for path in variants["rows cached"].paths:
            variants["rows cached"].server.get(path)
        loads: dict[str, list[Load]] = {what: [] for what in variants}
        for _ in range(rounds):
            for what, variant in variants.items():
                loads[what].append(variant.server.load(variant.paths, seconds, folder, variant.known))
        show("pages: members", members, "members")
        show("pages: size of the first", size, "bytes")
        _show_run(loads)


def _variants(stack: ExitStack, folder: Path, members: int, small: int) -> dict[str, Variant]:
    settings, few = (built(folder / str(count), demo(count).registry_url) for count in (members, small))
    snapshot = Shelf(settings.snapshots_dir / "exact").newest()
    provinces = _provinces(snapshot)
    paths = _paths(PATH, provinces, level="county")
    ours = stack.enter_context(_ours(settings, UNCACHED))
    three = _paths(PATH, provinces, level="county", fields=FIGURES)
    prepared, little = (_prepared(folder / name, ours, one[0]) for name, one in (("page", paths), ("three", three)))
    cached = stack.enter_context(_ours(settings, {}))
    variants = {
        "uncached": Variant(ours, paths),
        "fastapi": Variant(stack.enter_context(served("benchmarks.rivals:fastapi_bytes", prepared)), paths),
        "three figures": Variant(ours, three),
        "fastapi three": Variant(stack.enter_context(served("benchmarks.rivals:fastapi_bytes", little)), three),
        "rows cached": Variant(stack.enter_context(_ours(settings, ROWS_CACHED)), paths),
        "small": Variant(stack.enter_context(_ours(few, UNCACHED)), paths),
        "cached": Variant(cached, paths[:1]),
        "starlette": Variant(stack.enter_context(served("benchmarks.rivals:starlette_bytes", prepared)), paths[:1]),
    }
    for kind in FILES:
        file = [f"{PATH}.{kind}?{urlencode({'within': provinces[-1], 'level': 'county', 'include_empty': 'true'})}"]
        sent = _prepared(folder / kind, cached, file[0])
        rival = stack.enter_context(served("benchmarks.rivals:starlette_bytes", sent))
        variants |= {
            kind: Variant(cached, file),
            f"{kind} known": Variant(cached, file, cached.headers(file[0])["etag"]),
            f"starlette {kind}": Variant(rival, file),
        }
    address = stack.enter_context(postgres()).url.render_as_string(hide_password=False)
    for engine, url in {"PostgreSQL": address, "SQLite": f"sqlite+aiosqlite:///{folder / 'cells.sqlite'}"}.items():
        write_cells(make_sync_engine(url), snapshot, provinces)
        cells = stack.enter_context(served("benchmarks.rivals:cell_table", {"BENCHMARK_CELLS": url}))
        for route in ("structs", "plain"):
            variants[f"{engine} {route}"] = Variant(cells, _paths(f"/{route}", provinces))
    return variants


def _ours(settings: Settings, caches: dict[str, str]) -> AbstractContextManager[Server]:
    return served("app.asgi:app", environment(settings) | caches, factory=False)


def _prepared(file: Path, server: Server, path: str) -> dict[str, str]:
    """Write what a rival sends, the body and the headers of an answer; return the environment that tells it."""
    file.write_bytes(server.get(path))
    headers = {name: value for name, value in server.headers(path).items() if name not in _SET_BY_SERVERS}
    return {"BENCHMARK_BODY": str(file), "BENCHMARK_HEADERS": json.dumps(headers)}


def _provinces(snapshot: Snapshot) -> list[str]:
    """Return the provinces with at least as many counties as a page has rows; the one with most is the last."""
    tree = snapshot.districts
    counties = np.cumsum(np.r_[0, tree.of_level("county")])
    below = counties[tree.ends] - counties[:-1]
    tops = np.flatnonzero((tree.parents < 0) & (below >= ROWS))
    return [tree.codes[node] for node in tops[np.argsort(below[tops], kind="stable")].tolist()]


def _paths(path: str, provinces: Sequence[str], **more: str | Sequence[str]) -> list[str]:
    """Return the address of a page of each province in each basis."""
    queries = [{"within": province, "basis": basis.value, "limit": ROWS} for basis in Basis for province in provinces]
    return [f"{path}?{urlencode({**query, **more, 'include_empty': 'true'}, doseq=True)}" for query in queries]


def _show_run(loads: dict[str, list[Load]]) -> None:
    for own, (prepared, structs, plain) in REACH.items():
        what = f"a page, {own}"
        _compare(loads, what, own, "fastapi", "FastAPI bytes", f"reach {prepared}")
        for engine in ("PostgreSQL", "SQLite"):
            _compare(loads, what, own, f"{engine} structs", f"cells on {engine}, same encoder", f"reach {structs}")
            _compare(loads, what, own, f"{engine} plain", f"cells on {engine}, as usually written", f"reach {plain}")
    target = "reach 0.5, aim 0.8"
    _compare(loads, "a page of three figures, uncached", "three figures", "fastapi three", "FastAPI bytes", target)
    _compare(loads, "a page, uncached, large registry", "uncached", "small", "the small one", "reach 0.85 to 1.15")
    _compare(loads, "a page, cached", "cached", "starlette", "Starlette bytes", "reach 1.0, aim 1.3")
    for kind in FILES:
        target = "reach 0.9"
        _compare(loads, f"a table as .{kind}, asked before", kind, f"starlette {kind}", "Starlette bytes", target)
        _compare(loads, f"its 304 as .{kind}", f"{kind} known", f"starlette {kind}", "Starlette bytes", target)
    for what in ("uncached", "rows cached", "cached", "fastapi"):
        spread = median(load.slowest / load.median for load in loads[what])
        show(f"{what}: p99 over p50 at 32 connections", spread, "x", "reach 3, aim 2")
    for what, runs in loads.items():
        show(f"{what}: answers", median(run.rate for run in runs), "1/s")
        show(f"{what}: CPU time of an answer", median(run.cpu for run in runs), "µs")


def _compare(loads: dict[str, list[Load]], what: str, own: str, other: str, rival: str, target: str) -> None:
    rounds = list(zip(loads[own], loads[other], strict=True))
    show(f"{what}: speed over {rival}", median(one.rate / two.rate for one, two in rounds), "x", target)
    show(f"{what}: CPU time of {rival} over ours", median(two.cpu / one.cpu for one, two in rounds), "x")


if __name__ == "__main__":
    typer.run(main)
