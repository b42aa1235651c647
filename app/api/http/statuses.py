"""Which problems an operation may answer, derived from what it declares: right, method, parameters and body."""

from collections.abc import Iterator
from typing import Any

from app.access.principals import Right
from app.api.http.language import PARAMETER
from app.api.http.problems import PROBLEM_RESPONSE

PROBLEMS: dict[int, tuple[str, str]] = {
    400: ("Unreadable", "The body is not JSON."),
    401: ("Unauthorized", "A key is needed, or the key that was sent is not valid."),
    403: ("Forbidden", "The caller may not do this, not here, or not with these parameters."),
    404: ("NotFound", "What the path or the question names does not exist for the caller."),
    408: ("TooSlow", "The body did not arrive in time."),
    409: ("Conflict", "Something is in the way; `detail` and `errors` say what. Nothing was changed."),
    410: ("Gone", "The snapshot of this id was withdrawn; `detail` says why."),
    412: ("PreconditionFailed", "It is not as `If-Match` says. Nothing was changed."),
    413: ("TooLarge", "The body is larger than the service accepts."),
    415: ("UnsupportedMediaType", "The body is not sent as JSON."),
    422: ("Invalid", "Parameters or body are not valid; `errors` lists all that is wrong."),
    503: ("Unavailable", "A part of the service is unavailable or busy; `Retry-After` says when to ask again."),
}
"""Name and meaning of each status from 400 on that operations declare."""

IN_FRONT = frozenset({405, 421, 500, 501})
"""Problems of the service, not of an operation: any path may answer them, and `default` stands for them."""


PROBLEM_RESPONSES: dict[str, Any] = {
    name: PROBLEM_RESPONSE | {"description": meaning} for name, meaning in PROBLEMS.values()
}
"""The components that operations refer to."""


def problem_references(right: Right, method: str, operation: dict[str, Any]) -> dict[str, Any]:
    """Return the responses from 400 on of an operation, for the document; parameters as of `problem_statuses`."""
    statuses = sorted(set(problem_statuses(right, method, operation)))
    return {str(status): {"$ref": f"#/components/responses/{PROBLEMS[status][0]}"} for status in statuses}


def problem_statuses(right: Right, method: str, operation: dict[str, Any]) -> Iterator[int]:
    """Yield the statuses from 400 on that an operation may answer, in no order.

    Parameters
    ----------
    right
        The one that it requires.
    method
        In capitals.
    operation
        As the document describes it, with its parameters and body.
    """
    yield from (401, 422, 503)  # a bad key, an unknown parameter, or no answer in time: anywhere
    places = {parameter["in"] for parameter in operation["parameters"] if parameter["name"] != PARAMETER}
    if right is not Right.OPEN or method != "GET":
        yield 403
    if "path" in places or (right is Right.READ and "query" in places):
        yield 404  # a code, or a snapshot
    if "snapshots" in operation.get("tags", ()) and "path" in places:
        yield 410 if method == "GET" else 409
    elif any(parameter["name"] == "snapshot" for parameter in operation["parameters"]):
        yield 410
    yield from _of_body(operation)
    if any(parameter["name"] == "If-Match" for parameter in operation["parameters"]):
        yield 412
        if method == "DELETE":
            yield 409


def _of_body(operation: dict[str, Any]) -> Iterator[int]:
    content = operation.get("requestBody", {}).get("content", {})
    if content:
        yield from (408, 413)
    if "application/json" in content:
        yield from (400, 415)
