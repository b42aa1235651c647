"""Problems: whatever the service refuses or fails to answer, as an exception (RFC 9457)."""

from collections.abc import Mapping
from typing import Any

import httpx


class Problem(Exception):
    """The service refused a request, or could not answer it.

    Parameters
    ----------
    status
        The HTTP status, 400 to 599.
    content
        The body of the answer; one that is no problem document, a proxy's for example, has a title alone.

    Attributes
    ----------
    status
        The HTTP status.
    code
        The kind of problem, for programs: `unknown-code`, `key-refused`, … ; empty where the answer names none.
    title, detail
        The kind of problem in a few words, and what is wrong this time in a sentence, in the language asked for.
    errors
        All that is wrong, one by one: `code` (for programs), where (`parameter`, `pointer` into the body or `column` of
        the file), `message`, `allowed` choices, `suggestions`; empty where `detail` says it all.
    request_id
        Id of the request in the service's log; empty where the answer names none.
    """

    def __init__(self, status: int, content: Mapping[str, Any]) -> None:
        self.status = status
        self.code = str(content.get("type", "")).rpartition("/")[2]
        self.title = str(content.get("title", ""))
        self.detail = str(content.get("detail", ""))
        self.errors: list[dict[str, Any]] = list(content.get("errors", ()))
        self.request_id = str(content.get("request_id", ""))
        super().__init__(self.title, self.detail)

    def __str__(self) -> str:
        """Return title and detail, then all that is wrong, a line each."""
        said = ": ".join(text for text in (f"{self.status} {self.title}".strip(), self.detail) if text)
        return "\n".join([said, *(f"  {_line(error)}" for error in self.errors if error.get("message") != self.detail)])


def problem_in(response: httpx.Response) -> Problem:
    """Return the problem that an answer of 400 or more tells; its body has been read."""
    try:
        content = response.json()
    except ValueError:
        content = None
    return Problem(response.status_code, content if isinstance(content, dict) else {"title": response.reason_phrase})


def _line(error: Mapping[str, Any]) -> str:
    place = next((str(error[key]) for key in ("parameter", "column", "pointer") if error.get(key)), "")
    choices = ", ".join(map(str, error.get("allowed") or error.get("suggestions") or ()))
    return ": ".join(text for text in (place, error.get("message", "")) if text) + (f" ({choices})" if choices else "")
