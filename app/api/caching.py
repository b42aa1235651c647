"""Validators and cache headers of answers."""

import hashlib
from functools import cache

from fastapi import Request, Response

from app.access.principals import Tier
from app.api.document import VERSION
from app.catalogue.measures import BRANCH_MEASURES, MEASURES
from app.catalogue.metrics import BRANCH_METRICS, METRICS

JSON = "application/json"


def digest(*parts: str | bytes) -> str:
    """Return a short digest of some parts, fit for an entity tag."""
    encoded = [part.encode() if isinstance(part, str) else part for part in parts]
    lengths = b",".join(b"%d" % len(part) for part in encoded)
    return hashlib.blake2b(b"".join((lengths, *encoded)), digest_size=12).hexdigest()


@cache
def catalogue_version() -> str:
    """Return a digest of all that shapes a figure besides the data: the catalogue, and the service's version."""
    return digest(repr((VERSION, MEASURES, METRICS, BRANCH_MEASURES, BRANCH_METRICS)))


def statistics_headers(request: Request, snapshot: str, built_at: str, tier: Tier) -> dict[str, str]:
    """Return validator and cache headers of an answer that comes from a snapshot.

    The tag is of snapshot and build, question, tier and catalogue; the layer that knows the encoding adds it. An
    answer may be kept, but is asked for again each time: a newer snapshot of the same date changes it.
    """
    figures = f"{snapshot} {built_at} {tier} {catalogue_version()}"
    tag = digest(figures, request.scope["path"], request.scope["query_string"])
    return {"ETag": f'"{tag}"', **_scope(public=tier is Tier.PUBLIC)}


def validated(content: bytes, media_type: str = JSON, *, public: bool) -> Response:
    """Return an answer whose validator is a digest of its content.

    Parameters
    ----------
    content, media_type
        The answer.
    public
        Whether everybody gets the same.
    """
    headers = {"ETag": f'"{digest(content)}"', **_scope(public=public)}
    return Response(content, headers=headers, media_type=media_type)


def _scope(*, public: bool) -> dict[str, str]:
    if public:
        return {"Cache-Control": "public, no-cache"}
    return {"Cache-Control": "private, no-cache", "Vary": "Authorization"}
