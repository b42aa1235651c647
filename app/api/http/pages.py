"""Pages and their caching: entity tags, cache headers, cursors of the registry's lists, next links.

A cursor contains a digest of the query and the key at which the page ended: a key and not a number, so that changes
between two pages neither repeat nor skip unchanged rows.
"""

import hashlib
from collections.abc import Sequence
from functools import cache
from typing import Annotated, TypeVar
from urllib.parse import quote_plus

import msgspec
from fastapi import Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from app.access.principals import Tier
from app.api.http.parameters import QueryOf
from app.catalogue.measures import BRANCH_MEASURES, MEASURES
from app.catalogue.metrics import BRANCH_METRICS, METRICS
from app.config import VERSION
from app.publication import cursors

JSON = "application/json"


def digest(*parts: str | bytes) -> str:
    """Return a short digest of some parts, for entity tags."""
    encoded = [part.encode() if isinstance(part, str) else part for part in parts]
    lengths = b",".join(b"%d" % len(part) for part in encoded)
    return hashlib.blake2b(b"".join((lengths, *encoded)), digest_size=12).hexdigest()


@cache
def catalogue_version() -> str:
    """Return a digest of what affects figures besides the data: the catalogue, and the service's version."""
    return digest(repr((VERSION, MEASURES, METRICS, BRANCH_MEASURES, BRANCH_METRICS)))


FIXED_SECONDS = 365 * 24 * 3600
"""How long an answer that never changes may be kept: a year, the longest that caches heed."""


def statistics_headers(
    request: Request, snapshot: str, built_at: str, tier: Tier, *, is_fixed: bool = False
) -> dict[str, str]:
    """Return `ETag` and cache headers of an answer from a snapshot.

    The tag is a digest of snapshot, build, query, tier and catalogue; `Revalidation` adds the encoding. Clients may
    cache an answer but must revalidate it each time, since a newer snapshot of the same date changes it; unless it `is
    fixed`: the question names its snapshot, which never changes.
    """
    figures = f"{snapshot} {built_at} {tier} {catalogue_version()}"
    tag = digest(figures, request.scope["path"], request.scope["query_string"])
    return {"ETag": f'"{tag}"', **_cache_control(public=tier is Tier.PUBLIC, is_fixed=is_fixed)}


def draft_headers(request: Request, snapshot: str, built_at: str, tier: Tier) -> dict[str, str]:
    """Return `ETag` and cache headers of an answer from a draft, which is the caller's alone and may be gone."""
    return statistics_headers(request, snapshot, built_at, tier) | _cache_control(public=False)


def validated(content: bytes, media_type: str = JSON, *, public: bool) -> Response:
    """Return an answer whose `ETag` is a digest of its content.

    Parameters
    ----------
    content, media_type
        The answer.
    public
        Whether it is the same for everybody.
    """
    headers = {"ETag": content_tag(content), **_cache_control(public=public)}
    return Response(content, headers=headers, media_type=media_type)


def content_tag(content: bytes) -> str:
    """Return the entity tag of an answer, without its encoding."""
    return f'"{digest(content)}"'


_PUBLIC = "public, max-age=0, s-maxage=5, stale-while-revalidate=60, stale-if-error=86400"
"""Clients ask each time, shared caches after 5 s; while the service is down these may answer for a day."""

_PUBLIC_FIXED = f"public, max-age={FIXED_SECONDS}, s-maxage=86400, immutable"
"""Of shared caches within a day what is withdrawn goes."""


def _cache_control(*, public: bool, is_fixed: bool = False) -> dict[str, str]:
    if public:
        control = _PUBLIC_FIXED if is_fixed else _PUBLIC
    else:
        control = f"private, max-age={FIXED_SECONDS}, immutable" if is_fixed else "private, no-cache"
    return {"Cache-Control": control, "Vary": "Authorization"}


Key = TypeVar("Key")


class ListParameters(BaseModel):
    """Which part of a list."""

    model_config = ConfigDict(frozen=True)

    limit: int = Field(default=100, ge=1, le=1000, description="Rows of a page.")
    cursor: str | None = Field(
        default=None, description="The `next_cursor` of the page before, with the same parameters; absent: first page."
    )


ListQuery = Annotated[ListParameters, Depends(QueryOf(ListParameters))]


def _encode_cursor(request: Request, query: ListParameters, key: object) -> str:
    """Return the cursor of a page that ended at a key, as text that is safe in a URL."""
    return cursors.encode((_digest_of(request, query), key))


def decode_cursor(request: Request, query: ListParameters, kind: type[Key]) -> Key | None:
    """Return the key at which the previous page ended; null for the first page.

    Raises
    ------
    InvalidRequest
        It is not a cursor, or belongs to another query.
    """
    if query.cursor is None:
        return None
    query_digest, key = cursors.decode(query.cursor, tuple[str, kind])  # type: ignore[valid-type]  # the caller's type
    if query_digest != _digest_of(request, query):
        raise cursors.other_question()
    return key


def _digest_of(request: Request, query: ListParameters) -> str:
    chosen = query.model_dump_json(exclude={"limit", "cursor"})
    return digest(request.scope["path"].encode(errors="surrogatepass"), chosen.encode())


def page_response(
    request: Request, query: ListParameters, rows: Sequence[object], end: object, *, public: bool
) -> Response:
    """Return a page.

    Parameters
    ----------
    rows
        Its rows.
    end
        The key at which it ended; null: it is the last page.
    public
        Whether it is the same for everybody.
    """
    content, links = page_of(request, query, rows, end)
    response = validated(content, public=public)
    response.headers.update(links)
    return response


def page_of(
    request: Request, query: ListParameters, rows: Sequence[object], end: object
) -> tuple[bytes, dict[str, str]]:
    """Return a page as JSON, and the header that links to the next; parameters as in `page_response`."""
    cursor = None if end is None else _encode_cursor(request, query, end)
    links = {} if cursor is None else {"Link": next_link(request, cursor)}
    return msgspec.json.encode({"data": rows, "next_cursor": cursor}), links


def next_link(request: Request, cursor: str) -> str:
    """Return the header `Link` to the page that begins at a cursor."""
    others = [(name, value) for name, value in request.query_params.multi_items() if name != "cursor"]
    query = "&".join(f"{name}={quote_plus(value)}" for name, value in [*others, ("cursor", cursor)])  # names are known
    return f'<{request.scope["path"]}?{query}>; rel="next"'
