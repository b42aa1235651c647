"""`/docs` with its scripts served locally, `/openapi.json`, and what the kinds of problems mean."""

import base64
import hashlib
import re
from collections.abc import Iterator
from importlib.resources import files
from typing import Annotated

import msgspec
from fastapi import FastAPI, Path, Request, Response
from fastapi.openapi.docs import get_swagger_ui_html
from pydantic import Field
from starlette.responses import RedirectResponse

from app.api.admission import OPEN
from app.api.caching import validated
from app.api.document import TITLE, document_of
from app.api.problems import TYPE_BASE
from app.api.routes import make_router
from app.api.schemas.closed import Closed
from app.errors import NotFound, ServiceError

router = make_router("", "service", OPEN)

_FILES = {"swagger-ui-bundle.js": "text/javascript", "swagger-ui.css": "text/css", "favicon.png": "image/png"}
"""Files of the documentation page, which another package brings, and their media types."""

_INLINE_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)


class ProblemType(Closed):
    """A kind of problem."""

    type: str = Field(description="As it stands in the `type` of such a problem.")
    title: str = Field(description="The kind of problem in a few words.")
    status: int = Field(description="Its HTTP status.")
    meaning: str = Field(description="What it says, in a sentence.")


@router.get("/", include_in_schema=False)
async def show_start(request: Request) -> Response:
    """Lead to the dashboard."""
    return RedirectResponse(f"{request.scope.get('root_path', '')}/dashboard")


@router.get("/docs", include_in_schema=False)
async def show_documentation(request: Request) -> Response:
    """Show the interactive documentation."""
    root = request.scope.get("root_path", "")
    page = get_swagger_ui_html(
        openapi_url=f"{root}/openapi.json",
        title=TITLE,
        swagger_js_url=f"{root}/docs/swagger-ui-bundle.js",
        swagger_css_url=f"{root}/docs/swagger-ui.css",
        swagger_favicon_url=f"{root}/docs/favicon.png",
    )
    page.headers["Content-Security-Policy"] = _policy(bytes(page.body))
    return page


@router.get("/docs/{file}", include_in_schema=False)
async def get_documentation_file(file: str) -> Response:
    """Return a script, style or picture of the documentation page."""
    if file not in _FILES:
        raise NotFound("There is nothing at this path.")
    return validated(files("fastapi_offline").joinpath("static", file).read_bytes(), _FILES[file], public=True)


@router.get("/openapi.json", include_in_schema=False)
async def get_document(request: Request) -> Response:
    """Return the OpenAPI document."""
    return validated(encoded_document(request.app), public=True)


@router.get("/problems/{code}", response_model=ProblemType)
async def get_problem_type(code: Annotated[str, Path(description="Last part of the type.")]) -> Response:
    """Say what a kind of problem means: where the `type` of a problem leads."""
    kind = next((kind for kind in _kinds(ServiceError) if kind.code == code), None)
    if kind is None:
        raise NotFound("There is no problem of this kind.")
    meaning = (kind.__doc__ or kind.title).partition("\n")[0]
    described = {"type": TYPE_BASE + code, "title": kind.title, "status": kind.status, "meaning": meaning}
    return validated(msgspec.json.encode(described), public=True)


def encoded_document(app: FastAPI) -> bytes:
    """Return the document of an application as it is committed and served; made when first asked for."""
    if not hasattr(app.state, "document"):
        app.state.document = msgspec.json.format(msgspec.json.encode(document_of(app)), indent=1) + b"\n"
    document: bytes = app.state.document
    return document


def _kinds(kind: type[ServiceError]) -> Iterator[type[ServiceError]]:
    yield kind
    for special in kind.__subclasses__():
        yield from _kinds(special)


def _policy(page: bytes) -> str:
    """Return the policy that lets this page run its own scripts, and no other."""
    inline = _INLINE_SCRIPT.findall(page.decode())
    hashes = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in inline]
    allowed = " ".join(f"'sha256-{value}'" for value in hashes)
    return (
        f"default-src 'self'; script-src 'self' {allowed}; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
        "frame-ancestors 'none'"
    )
