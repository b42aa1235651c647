"""What imports say, in English and Chinese: a template and the values in it, translated by one table.

The English template is its own name: `messages.csv` beside this module gives the Chinese of each, and of the names of
datasets in them. A value `x_zh` stands in the place of `x` in Chinese texts.
"""

from functools import cache
from typing import Literal

import msgspec

from app.imports.tables import table

Language = Literal["en", "zh"]

Value = str | int

_CHINESE = "_zh"


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
    values: tuple[tuple[str, Value], ...] = ()

    def __str__(self) -> str:
        """Return the sentence in English."""
        return self.said("en")

    def said(self, language: Language) -> str:
        """Return the sentence in a language."""
        values = dict(self.values)
        if language == "en":
            return self.template.format_map(values)
        known = translations()
        words = {name: known.get(str(value), value) for name, value in values.items()}
        chinese = {name.removesuffix(_CHINESE): value for name, value in values.items() if name.endswith(_CHINESE)}
        return known.get(self.template, self.template).format_map(words | chinese)


def say(template: "str | Message", /, **values: Value) -> Message:
    """Return a message of a template, or another message with further values."""
    if isinstance(template, Message):
        return Message(template.template, (*template.values, *values.items()))
    return Message(template, tuple(values.items()))


@cache
def translations() -> dict[str, str]:
    """Return the Chinese of every English template."""
    return {row["en"]: row["zh"] for row in table("messages.csv")}
