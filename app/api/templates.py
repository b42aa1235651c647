"""Empty sheets to fill in."""

import asyncio
from typing import Annotated

from fastapi import Path, Query, Request, Response

from app.api.admission import READ
from app.api.caching import validated
from app.api.routes import FILE_RESPONSE, make_router
from app.api.schemas.jobs import DatasetName
from app.api.statistics.fields import Lang
from app.imports.datasets import find_dataset
from app.imports.templates import template

router = make_router("/v1/templates", "imports", READ)

_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@router.get("/{dataset}.xlsx", response_class=Response, responses=FILE_RESPONSE)
async def get_template(
    request: Request,  # noqa: ARG001 - every handler takes the request
    dataset: Annotated[DatasetName, Path(description="The dataset.")],
    lang: Annotated[Lang, Query(description="Language of the headers.")] = Lang.ZH,
) -> Response:
    """Get an empty sheet of a dataset: headers, notes, drop-down lists."""
    content = await asyncio.to_thread(template, find_dataset(dataset), lang.value)
    response = validated(content, _XLSX, public=True)
    response.headers["Content-Disposition"] = f'attachment; filename="{dataset}.xlsx"'
    return response
