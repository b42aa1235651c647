"""`/dashboard`: a static page that uses the HTTP API only, with its scripts and styles."""

from functools import cache
from importlib.resources import files

from fastapi import Response

from app.api.http.authorization import OPEN
from app.api.http.pages import validated
from app.api.http.routing import make_router
from app.errors import NotFound
from app.messages import say

router = make_router("", "service", OPEN)

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""The page may load its own files and the API: nothing from other hosts, and no inline scripts or styles."""

_MEDIA_TYPES = {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}


@router.get("/dashboard", include_in_schema=False)
async def show_dashboard() -> Response:
    """Show the dashboard."""
    return _file("index.html")


@router.get("/dashboard/{file}", include_in_schema=False)
async def get_dashboard_file(file: str) -> Response:
    """Return a script or the style of the dashboard."""
    return _file(file)


def _file(name: str) -> Response:
    content = _contents().get(name)
    if content is None:
        raise NotFound(say("There is nothing at this path."))
    kind = _MEDIA_TYPES[name.rpartition(".")[2]]
    answer = validated(content, f"{kind}; charset=utf-8", public=True)
    answer.headers["Content-Security-Policy"] = POLICY
    return answer


@cache
def _contents() -> dict[str, bytes]:
    """Return the page's files by name."""
    page = files("app.api.dashboard").joinpath("page")
    return {file.name: file.read_bytes() for file in page.iterdir() if file.is_file()}
