"""What people are told, in English and Chinese: a template and the values in it, translated by tables.

The English template is its own name: the tables beside this module give the Chinese of each, one table per part of the
service. A value `x_zh` stands in the place of `x` in Chinese texts; a value that is a message is said in the language
of the whole, several are listed.
"""

import csv
import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from functools import cache
from importlib.resources import files
from string import Formatter
from typing import Any, Literal

import msgspec

Language = Literal["en", "zh"]

TABLES = ("imports", "rules", "problems", "statistics", "kinds", "terminal", "usage")
"""The tables of translations."""

_CHINESE = "_zh"
_SEPARATORS: Mapping[Language, str] = {"en": "; ", "zh": "；"}


class Message(msgspec.Struct, frozen=True):
    """A sentence that can be said in both languages; as a text it is English.

    Parameters
    ----------
    template
        The English sentence, values in braces.
    values
        The names of the values and what they are.
    """

    template: str
    values: "tuple[tuple[str, str | int | Message | tuple[Message, ...]], ...]" = ()

    def __str__(self) -> str:
        """Return the sentence in English."""
        return self.said("en")

    @property
    def translated(self) -> str:
        """The template in Chinese, its values not filled in."""
        return translations().get(self.template, self.template)

    def said(self, language: Language) -> str:
        """Return the sentence in a language."""
        values = {name: _said(value, language) for name, value in self.values}
        if language == "en":
            return self.template.format_map(values)
        chinese = {name.removesuffix(_CHINESE): value for name, value in values.items() if name.endswith(_CHINESE)}
        return self.translated.format_map(values | chinese)


Value = str | int | date | Message | Sequence[Message]


class NotValid(ValueError):
    """What one of our own validators refuses; the validator's error has it in its context.

    Parameters
    ----------
    code
        What is wrong, for programs: an `ErrorCode`.
    told
        The message.
    """

    def __init__(self, code: str, told: Message) -> None:
        super().__init__(str(told))
        self.code = code
        self.told = told


def say(template: str | Message, /, **values: Value) -> Message:
    """Return a message of a template, or another message with further values."""
    plain = tuple((name, _plain(value)) for name, value in values.items())
    if isinstance(template, Message):
        return Message(template.template, (*template.values, *plain))
    return Message(template, plain)


def verbatim(text: str) -> Message:
    """Return a text that is the same in both languages: a code, a name, what a library says."""
    return say("{text}", text=text)


def together(messages: Sequence[Message]) -> Message:
    """Return several messages as one, each said once."""
    return say("{all}", all=tuple(dict.fromkeys(messages)))


@cache
def translations() -> dict[str, str]:
    """Return the Chinese of every English template."""
    return {row["en"]: row["zh"] for name in TABLES for row in translation_table(name)}


@cache
def translation_table(name: str) -> tuple[Mapping[str, str], ...]:
    """Return the rows of one table: `en`, `zh`."""
    with files("app.messages").joinpath(f"{name}.csv").open(encoding="utf-8") as lines:
        return tuple(csv.DictReader(lines))


def placeholders(template: str) -> Iterator[str]:
    """Yield the names of the values in a template."""
    for _, name, _, _ in Formatter().parse(template):
        if name is not None:
            yield name


def terminal_language(environment: Mapping[str, str] = os.environ) -> Language:
    """Return the language of a terminal: `LC_ALL` before `LC_MESSAGES` before `LANG`, as everywhere."""
    chosen = next((text for name in ("LC_ALL", "LC_MESSAGES", "LANG") if (text := environment.get(name))), "")
    return "zh" if chosen.lower().startswith("zh") else "en"


def _said(value: Any, language: Language) -> Any:
    if isinstance(value, Message):
        return value.said(language)
    if isinstance(value, tuple):
        return _SEPARATORS[language].join(each.said(language) for each in value)
    return value


def _plain(value: Value) -> str | int | Message | tuple[Message, ...]:
    """Return a value as it can be stored: a date in ISO, a member of an enumeration as its text."""
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, str):
        return str(value)
    return value if isinstance(value, int | Message) else tuple(value)
