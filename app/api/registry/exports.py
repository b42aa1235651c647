"""The registry back as the files it came in, and empty sheets to fill in."""

import asyncio
from collections.abc import AsyncGenerator
from enum import StrEnum
from typing import Annotated

from anyio import move_on_after
from fastapi import Path, Query, Request, Response
from starlette.responses import StreamingResponse
from starlette.types import Send

from app.api.http.auditing import audited
from app.api.http.authorization import READ
from app.api.http.language import Lang
from app.api.http.pages import validated
from app.api.http.routing import FILE_RESPONSE, XLSX, make_router
from app.api.jobs.models import DatasetName
from app.api.registry.answering import visibility_of
from app.imports.datasets import find_dataset
from app.registry.export import EXPORTS, export_rows

router = make_router("/v1/exports", "registry", READ)

_CLOSING_SECONDS = 5
"""Giving a connection back may take so long, where its answer is not read to the end."""


class ExportDataset(StrEnum):
    """A dataset that is exported."""

    _ignore_ = ["ExportDataset", "name"]  # noqa: RUF012 - the enumeration takes the annotation for a member
    ExportDataset = vars()
    for name in EXPORTS:
        ExportDataset[name.upper().replace("-", "_")] = name


class RegistryFile(StreamingResponse):
    """A file that is read from the database while it is sent; whoever goes away in the middle frees the connection."""

    def __init__(self, first: bytes, others: AsyncGenerator[bytes], filename: str) -> None:
        headers = {
            "Content-Disposition": f'attachment; filename="{filename}"',
            "Cache-Control": "private, no-store",
            "Vary": "Authorization",
        }
        super().__init__(_rejoined(first, others), headers=headers, media_type="text/csv; charset=utf-8")
        self.others = others

    async def stream_response(self, send: Send) -> None:
        """Send all pieces."""
        try:
            await super().stream_response(send)
        finally:
            # Shielded: the framework cancels the sending of what nobody reads, and would tear the connection.
            with move_on_after(_CLOSING_SECONDS, shield=True):
                await self.others.aclose()


async def _rejoined(first: bytes, others: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    yield first
    async for piece in others:
        yield piece


@router.get("/{dataset}.csv", response_class=Response, responses=FILE_RESPONSE)
@audited()
async def export_dataset(
    request: Request, dataset: Annotated[ExportDataset, Path(description="The dataset.")]
) -> Response:
    """Export a dataset of the registry as a CSV file that an import takes: the same rows again change nothing.

    Text is given as it is recorded, even where a spreadsheet would take it for a formula: open the file there as text.
    Members, employments and affiliations are not exported; a ledger goes as `enterprises` and `returns`.
    """
    pieces = export_rows(request.app.state.engine, dataset, visibility_of(request))
    first = await anext(pieces)  # what is wrong shows now, while it can still be said
    return RegistryFile(first, pieces, f"{dataset}.csv")


templates = make_router("/v1/templates", "imports", READ)


@templates.get("/{dataset}.xlsx", response_class=Response, responses=FILE_RESPONSE)
async def get_template(
    request: Request,  # noqa: ARG001 - every handler takes the request
    dataset: Annotated[DatasetName, Path(description="The dataset.")],
    lang: Annotated[Lang, Query(description="Language of the headers.")] = Lang.ZH,
) -> Response:
    """Get an empty sheet of a dataset: headers, notes, drop-down lists."""
    from app.imports.templates import template  # noqa: PLC0415 - loads the readers of files

    content = await asyncio.to_thread(template, find_dataset(dataset), lang.value)
    response = validated(content, XLSX, public=True)
    response.headers["Content-Disposition"] = f'attachment; filename="{dataset}.xlsx"'
    return response
