"""Rivals of our pages, as separate applications: prepared bytes, and a cell table through an ORM.

Environment: `BENCHMARK_BODY`, the file with the prepared page; `BENCHMARK_HEADERS`, its headers as JSON, which
Starlette sends too; `BENCHMARK_CELLS`, the database's URL.
"""

import gc
import json
import os
from collections.abc import Sequence
from math import sqrt
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from fastapi import FastAPI
from pydantic import create_model
from sqlalchemy import Engine
from sqlalchemy.ext.asyncio import create_async_engine
from sqlmodel import Field, Session, SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from app import USUAL_COLLECTIONS
from app.api.statistics.models import DistrictStatistics
from app.catalogue.measures import MEASURES
from app.catalogue.metrics import METRICS, Interval, Metric
from app.catalogue.vocabulary import Basis
from app.publication.rows import figures
from app.publication.subjects import TreeNode
from app.statistics.aggregates import CODES, list_tree
from app.statistics.inference import Precision, Z
from app.statistics.question import Listing, Page, Population, Question, Subject
from app.statistics.rates import LOW_BASE, Counts
from app.statistics.row_list import Side
from app.store.manifest import UNDISCLOSED
from app.store.snapshot import Snapshot

gc.set_threshold(*USUAL_COLLECTIONS)  # which loading ours has changed

PATH = "/v1/statistics/districts"
HEADLINES = tuple(measure.code for measure in MEASURES if measure.headline)
"""What rows show where no `fields` are asked for, besides all ratios."""

PRECISION = Precision(UNDISCLOSED.value, None, UNDISCLOSED.shares)


def _cell_model() -> Any:
    """Return a table with one row per basis and county of a province, and a column per count."""
    texts: dict[str, Any] = dict.fromkeys(("code", "name_zh", "level"), (str, ...))
    perhaps: dict[str, Any] = dict.fromkeys(("name_en", "parent_code"), (str | None, ...))
    looked_up: dict[str, Any] = dict.fromkeys(("basis", "province"), (str, Field(index=True)))
    counts: dict[str, Any] = dict.fromkeys(CODES, (int | None, ...))
    key = (int | None, Field(default=None, primary_key=True))
    fields = {"id": key, **looked_up, **texts, **perhaps, **counts}
    return create_model("Cell", __base__=SQLModel, __cls_kwargs__={"table": True}, **fields)


Cell = _cell_model()


def starlette_bytes() -> Starlette:
    """Return the least server: it sends the prepared bytes and headers, whatever page or file is asked for."""
    body, headers = _body(), json.loads(os.environ["BENCHMARK_HEADERS"])

    async def answer(_request: Request) -> Response:
        return Response(body, headers=headers)

    return Starlette(routes=[Route(PATH, answer), Route(f"{PATH}.{{format}}", answer)])


def empty_page() -> Starlette:
    """Return a server of an empty page."""

    async def answer(_request: Request) -> Response:
        return HTMLResponse("<!doctype html><html lang=en><title>Empty</title><link rel=icon href=data:,></html>")

    return Starlette(routes=[Route("/", answer)])


def fastapi_bytes() -> FastAPI:
    """Return an ordinary FastAPI application whose route takes the parameters and sends the prepared bytes."""
    body, app = _body(), FastAPI()

    @app.get(PATH)
    async def answer(within: str, level: str, basis: str, order: str = "asc", limit: int = 100) -> Response:  # noqa: ARG001 - taken, as a route would
        return Response(body, media_type="application/json")

    return app


def cell_table() -> FastAPI:
    """Return an application that reads cells through SQLModel: `/structs` with our encoder, `/plain` as usual."""
    app, engine = FastAPI(), create_async_engine(os.environ["BENCHMARK_CELLS"])

    async def cells(within: str, basis: str, limit: int) -> Sequence[Any]:
        wanted = select(Cell).where(col(Cell.basis) == basis, col(Cell.province) == within, col(Cell.level) == "county")
        async with AsyncSession(engine) as session:
            return (await session.exec(wanted.order_by(Cell.code).limit(limit))).all()

    @app.get("/structs")
    async def structs(within: str, basis: str, limit: int = 100) -> Response:
        rows = await cells(within, basis, limit)
        return Response(_encoded(rows), media_type="application/json")

    rows: Any = create_model("Rows", data=(list[DistrictStatistics], ...))  # type: ignore[valid-type] # made from the catalogue

    @app.get("/plain", response_model=rows)
    async def plain(within: str, basis: str, limit: int = 100) -> dict[str, Any]:
        return {"data": [_row(cell) for cell in await cells(within, basis, limit)]}

    return app


def write_cells(engine: Engine, snapshot: Snapshot, provinces: Sequence[str]) -> None:
    """Fill the cell table with the counties of some provinces in every basis."""
    SQLModel.metadata.create_all(engine, [Cell.__table__])
    with Session(engine) as session:
        for basis in Basis:
            for province in provinces:
                session.add_all(_cells(snapshot, basis, province))
        session.commit()


def _cells(snapshot: Snapshot, basis: Basis, province: str) -> list[Any]:
    listing = Listing(within=province, level="county", include_empty=True)
    listed = list_tree(snapshot, Question(Subject.DISTRICTS, population=Population(basis), listing=listing), Page())
    counts, tree = listed.sides[0].count(listed.rows.astype(np.int64)), snapshot.districts
    values = np.where(counts.null, None, counts.values.astype(object))  # type: ignore[call-overload] # None among integers
    return [
        Cell(
            basis=basis.value, province=province, code=tree.codes[node], name_zh=tree.names_zh[node],
            name_en=tree.names_en[node], level=tree.levels[node], parent_code=tree.parent_codes[node],
            **dict(zip(CODES, values[:, row].tolist(), strict=True)),
        )
        for row, node in enumerate(listed.rows.tolist())
    ]  # fmt: skip


def _body() -> bytes:
    return Path(os.environ["BENCHMARK_BODY"]).read_bytes()


def _encoded(cells: Sequence[Any]) -> bytes:
    given = [[getattr(cell, code) for code in CODES] for cell in cells]
    null = np.array([[value is None for value in row] for row in given]).T
    values = np.array([[value or 0 for value in row] for row in given], np.int64).T
    unlike = np.zeros(len(CODES), bool)
    counted = Counts(CODES, values, null, ~unlike, unlike)
    counts, rates = figures(counted, Side("", MEASURES, METRICS, lambda _rows: counted), PRECISION)
    districts = [TreeNode(it.code, it.name_zh, it.name_en, it.level, it.parent_code) for it in cells]
    rows = [
        {"district": district, "counts": shown, "rates": rated}
        for district, shown, rated in zip(districts, counts, rates, strict=True)
    ]
    return msgspec.json.encode({"data": rows})


def _row(cell: Any) -> dict[str, Any]:
    counts = {code: getattr(cell, code) for code in CODES}
    return {
        "district": {name: getattr(cell, name) for name in ("code", "name_zh", "name_en", "level", "parent_code")},
        "counts": {code: counts[code] for code in HEADLINES},
        "rates": {metric.code: _rate(metric, counts) for metric in METRICS},
    }


def _rate(metric: Metric, counts: dict[str, int | None]) -> dict[str, Any]:
    numerator = sum(counts[code] or 0 for code in metric.numerator)
    less = sum(counts[code] or 0 for code in metric.less)
    denominator = sum(counts[code] or 0 for code in metric.denominator) - less
    if denominator <= 0:
        return {"value": None, "numerator": numerator, "denominator": denominator, "n_eff": None,
                "low": None, "high": None, "status": "not_applicable"}  # fmt: skip
    value = numerator / denominator
    low = high = None
    if metric.interval is not Interval.NONE and numerator <= denominator:
        centre, scale = value + Z * Z / (2 * denominator), 1 + Z * Z / denominator
        margin = Z * sqrt(value * (1 - value) / denominator + Z * Z / (4 * denominator**2))
        low, high = (centre - margin) / scale, (centre + margin) / scale
    status = "ok" if denominator >= LOW_BASE else "low_base"
    n_eff = None if low is None else float(denominator)
    return {"value": value, "numerator": numerator, "denominator": denominator, "n_eff": n_eff, "low": low,
            "high": high, "status": status}  # fmt: skip
