"""Pages of the registry's lists, with a link to the next."""

from collections.abc import Sequence
from urllib.parse import urlencode

import msgspec
from fastapi import Request, Response

from app.api.caching import validated
from app.api.registry.asked import PageAsked
from app.api.registry.cursors import encode_cursor


def page_response(request: Request, asked: PageAsked, rows: Sequence[object], end: object, *, public: bool) -> Response:
    """Return a page.

    Parameters
    ----------
    rows
        What it holds.
    end
        The key at which it ended; null: nothing follows.
    public
        Whether everybody gets the same.
    """
    cursor = None if end is None else encode_cursor(request, asked, end)
    response = validated(msgspec.json.encode({"data": rows, "next_cursor": cursor}), public=public)
    if cursor is not None:
        others = [(name, value) for name, value in request.query_params.multi_items() if name != "cursor"]
        link = f"{request.scope['path']}?{urlencode([*others, ('cursor', cursor)])}"
        response.headers["Link"] = f'<{link}>; rel="next"'
    return response
