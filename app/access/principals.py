"""Who asks, and what they may do."""

from dataclasses import dataclass, field
from enum import StrEnum


class Right(StrEnum):
    """What a route needs and a principal has; each route declares exactly one.

    `open`: whoever reaches the service (health, documentation); `read`: statistics and registry; `write`: imports,
    single changes and builds; `admin`: keys, audit and erasure.
    """

    OPEN = "open"
    READ = "read"
    WRITE = "write"
    ADMIN = "admin"


@dataclass(frozen=True)
class Principal:
    """Who sends a request.

    Parameters
    ----------
    name
        What logs call it; never a secret.
    rights
        What it may do.
    scope
        Codes of the districts whose subtrees it may see in full; null: everything.
    """

    name: str
    rights: frozenset[Right] = field(default_factory=frozenset)
    scope: frozenset[str] | None = None


EVERYBODY = Principal("everybody", frozenset(Right))
"""Whoever asks while no keys exist: the service then listens on loopback only and shows all it has."""
