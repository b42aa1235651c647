"""The language of what a caller reads: `lang` in the query, else `Accept-Language`, else English."""

from collections.abc import Iterator
from enum import StrEnum
from urllib.parse import parse_qsl

from starlette.types import Scope

from app.messages import Language

PARAMETER = "lang"
"""The parameter that every operation takes."""

LANGUAGES: tuple[Language, ...] = ("zh", "en")


class Lang(StrEnum):
    """A language."""

    ZH = "zh"
    EN = "en"


_HEADER = b"accept-language"


def language_of(scope: Scope) -> Language:
    """Return the language in which a request is answered."""
    asked = dict(parse_qsl(scope.get("query_string", b"").decode("latin-1"))).get(PARAMETER)
    return next((language for language in LANGUAGES if language == asked), None) or _accepted(scope)


def _accepted(scope: Scope) -> Language:
    """Return the one that the header prefers; of equals the first in it."""
    header = ",".join(value.decode("latin-1") for name, value in scope["headers"] if name == _HEADER)
    best = max(_ranges(header), key=lambda it: it[1], default=None)
    return best[0] if best is not None and best[1] > 0 else "en"


def _ranges(header: str) -> Iterator[tuple[Language, float]]:
    """Yield the languages of a header that are spoken here, with their weights; what cannot be read is passed over."""
    for part in header.split(","):
        tag, *parameters = (text.strip().lower() for text in part.split(";"))
        weight = next((text.removeprefix("q=") for text in parameters if text.startswith("q=")), "1")
        for language in LANGUAGES:
            if tag.partition("-")[0] == language:
                yield language, _number(weight)


def _number(text: str) -> float:
    try:
        weight = float(text)
    except ValueError:
        return 0.0
    return weight if 0 <= weight <= 1 else 0.0
