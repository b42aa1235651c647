"""What the validator of parameters and bodies says, in our own sentences: by the type of its error, never in its words.

It tells in words of its library, in English, and some of them are of no use to who asked.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from app.errors import ErrorCode, ErrorItem, closest
from app.messages import Message, NotValid, say

_OF_TYPE: Mapping[str, tuple[ErrorCode, Message]] = {
    "missing": (ErrorCode.MISSING, say("Required, and missing")),
    "unknown_parameter": (ErrorCode.UNKNOWN_PARAMETER, say("Unknown parameter")),
    "repeated_parameter": (ErrorCode.REPEATED_PARAMETER, say("May be given once")),
    "extra_forbidden": (ErrorCode.UNKNOWN_FIELD, say("Unknown field")),
    "json_invalid": (ErrorCode.INVALID_JSON, say("Not JSON at character {place}")),
    "enum": (ErrorCode.INVALID_CHOICE, say("Unknown value")),
    "literal_error": (ErrorCode.INVALID_CHOICE, say("Unknown value")),
    "bool_parsing": (ErrorCode.INVALID_BOOLEAN, say("Must be true or false")),
    "bool_type": (ErrorCode.INVALID_BOOLEAN, say("Must be true or false")),
    "int_parsing": (ErrorCode.INVALID_NUMBER, say("Must be a whole number")),
    "int_parsing_size": (ErrorCode.INVALID_NUMBER, say("Must be a whole number")),
    "int_from_float": (ErrorCode.INVALID_NUMBER, say("Must be a whole number")),
    "int_type": (ErrorCode.INVALID_NUMBER, say("Must be a whole number")),
    "float_parsing": (ErrorCode.INVALID_NUMBER, say("Must be a number")),
    "float_type": (ErrorCode.INVALID_NUMBER, say("Must be a number")),
    "finite_number": (ErrorCode.INVALID_NUMBER, say("Must be a number")),
    "string_type": (ErrorCode.INVALID_TYPE, say("Must be a text")),
    "string_unicode": (ErrorCode.INVALID_TEXT, say("Has characters that are not taken")),
    "string_pattern_mismatch": (ErrorCode.INVALID_TEXT, say("Has characters that are not taken")),
    "string_too_short": (ErrorCode.TOO_SHORT, say("Must have at least {min_length} characters")),
    "string_too_long": (ErrorCode.TOO_LONG, say("Must have at most {max_length} characters")),
    "too_short": (ErrorCode.TOO_FEW, say("Must have at least {min_length} values")),
    "too_long": (ErrorCode.TOO_MANY, say("Must have at most {max_length} values")),
    "greater_than_equal": (ErrorCode.OUT_OF_RANGE, say("Must be at least {ge}")),
    "less_than_equal": (ErrorCode.OUT_OF_RANGE, say("Must be at most {le}")),
    "greater_than": (ErrorCode.OUT_OF_RANGE, say("Must be more than {gt}")),
    "less_than": (ErrorCode.OUT_OF_RANGE, say("Must be less than {lt}")),
    "date_type": (ErrorCode.INVALID_DATE, say("must be a date, YYYY-MM-DD")),
    "date_parsing": (ErrorCode.INVALID_DATE, say("must be a date, YYYY-MM-DD")),
    "date_from_datetime_parsing": (ErrorCode.INVALID_DATE, say("must be a date, YYYY-MM-DD")),
    "date_from_datetime_inexact": (ErrorCode.INVALID_DATE, say("must be a date, YYYY-MM-DD")),
    "list_type": (ErrorCode.INVALID_TYPE, say("Must be a list")),
    "tuple_type": (ErrorCode.INVALID_TYPE, say("Must be a list")),
    "set_type": (ErrorCode.INVALID_TYPE, say("Must be a list")),
    "frozen_set_type": (ErrorCode.INVALID_TYPE, say("Must be a list")),
    "dict_type": (ErrorCode.INVALID_TYPE, say("Must be a JSON object")),
    "model_type": (ErrorCode.INVALID_TYPE, say("Must be a JSON object")),
    "model_attributes_type": (ErrorCode.INVALID_TYPE, say("Must be a JSON object")),
}
"""Code and sentence by the type of an error; values in braces are of its context."""

_ANY_OTHER = (ErrorCode.INVALID_VALUE, say("Is not a valid value"))

_BOOLEANS = ("true", "false")
_CHOICE = re.compile(r"'([^']*)'")


def error_item(entry: Mapping[str, Any], place: str | None = None) -> ErrorItem:
    """Return an error of the validator as an item.

    Parameters
    ----------
    entry
        One of its `errors()`, or of our own types `unknown_parameter` (`ctx.allowed`: those there are) and
        `repeated_parameter`.
    place
        Where it is; null: as its `loc` says.
    """
    code, message = _told(entry)
    if place is None:
        place = "body" if entry["type"] == "json_invalid" else "/".join(map(pointer_part, entry["loc"]))
    allowed = tuple(_allowed(entry))
    given = str(entry["loc"][-1]) if code is ErrorCode.UNKNOWN_PARAMETER else entry.get("input")
    suggestions = closest(given[:100], allowed) if isinstance(given, str) else ()
    return ErrorItem(code, place, message, allowed, suggestions)


def pointer_part(name: str | int) -> str:
    """Return the name of a field, or the place in a list, as it stands in a JSON pointer."""
    return str(name).replace("~", "~0").replace("/", "~1")


def _told(entry: Mapping[str, Any]) -> tuple[str, Message]:
    context = entry.get("ctx", {})
    own = context.get("error")
    if isinstance(own, NotValid):
        return own.code, own.told
    code, message = _OF_TYPE.get(entry["type"], _ANY_OTHER)
    if entry["type"] == "json_invalid":
        return code, say(message, place=entry["loc"][-1])
    values = {name: value if isinstance(value, int) else str(value) for name, value in context.items()}
    return code, say(message, **{name: value for name, value in values.items() if f"{{{name}}}" in message.template})


def _allowed(entry: Mapping[str, Any]) -> Iterable[str]:
    context = entry.get("ctx", {})
    if entry["type"] in {"enum", "literal_error"}:
        return _CHOICE.findall(context["expected"])
    if entry["type"] in {"bool_parsing", "bool_type"}:
        return _BOOLEANS
    allowed: Iterable[str] = context.get("allowed", ())
    return allowed
