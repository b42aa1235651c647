"""Labels in the two languages of the service."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Label:
    """A name for people, Chinese and English."""

    zh: str
    en: str
