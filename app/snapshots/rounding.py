"""One rounded value per enterprise and figure: all that the public ever learns of its persons.

The value hangs on the enterprise's identity and the rounding key alone, so that no later release, filter or
difference is a second draw.
"""

import hmac
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

WIDTH = 5
"""Persons between two rounded values: so many counts fit each of them."""

STANDALONE_MEMBERS = 3
"""Members that a branch of the enterprise's own implies; counting up from there keeps `WIDTH` counts possible."""

Int64 = npt.NDArray[np.int64]
Ints = npt.NDArray[np.integer[Any]]
Mask = npt.NDArray[np.bool_]


def draw_shifts(key: bytes, prefix: str, identities: Sequence[str]) -> Int64:
    """Return the secret shift of each enterprise, 0 … 4.

    HMAC-SHA256 of `prefix|identity` in UTF-8; all of its 32 bytes as one integer, the first the highest, modulo 5.

    Parameters
    ----------
    key
        The rounding key.
    prefix
        What is rounded: `m` members, `h` headcount.
    identities
        Of each enterprise, as `identities_of` gives them.
    """
    begun = hmac.new(key, f"{prefix}|".encode(), "sha256")  # copied for each, it is quicker than begun anew
    return np.fromiter((_shift(begun.copy(), identity) for identity in identities), np.int64, len(identities))


def _shift(code: hmac.HMAC, identity: str) -> int:
    code.update(identity.encode())
    return int.from_bytes(code.digest(), "big") % WIDTH


def round_members(members: Ints, standalone: Mask, shifts: Ints) -> Int64:
    """Return f of each enterprise: its members on the grid z, z + 5, …, where z is 3 for the standalone and else 0."""
    least = least_members(standalone)
    return np.maximum(least, _on_grid(members, least, shifts))


def round_headcount(headcount: Ints, shifts: Ints) -> Int64:
    """Return H′ of each enterprise: its headcount on the grid 0, 5, 10, … of persons."""
    return _on_grid(headcount, np.zeros(len(headcount), np.int64), shifts)


def cap_members(rounded: Ints, headcount: Ints, standalone: Mask, alone: Mask) -> Int64:
    """Return f, of those alone at their place at most z + 5·⌊(H − z − 4)/5⌋.

    Else the largest values of f would prove that all employees are members.
    """
    cap = _on_grid(headcount, least_members(standalone), np.int64(1 - WIDTH))
    return np.where(alone, np.minimum(rounded, cap), rounded)


def least_members(standalone: Mask) -> Int64:
    """Return z, the foot of each enterprise's grid."""
    return np.where(standalone, STANDALONE_MEMBERS, 0).astype(np.int64)


def _on_grid(counts: Ints, foot: Int64, shifts: Ints | np.int64) -> Int64:
    return foot + WIDTH * ((counts.astype(np.int64) - foot + shifts) // WIDTH)


def identities_of(codes: Iterable[str], superseded: Mapping[str, str]) -> list[str]:
    """Return what each enterprise is rounded by: the first code of the chain of those that it continues, or its own."""
    first = first_codes(superseded)
    return [first.get(code, code) for code in codes]


def first_codes(superseded: Mapping[str, str]) -> dict[str, str]:
    """Return the first code of the chain of each enterprise that continues another.

    Parameters
    ----------
    superseded
        Code of the enterprise that each of them continues; that one need not be there any more. A cycle, which no
        import lets in, has no first: it ends where it closes, going up from the codes in their order.
    """
    first: dict[str, str] = {}
    for code in sorted(superseded):
        path: dict[str, None] = {}
        at = code
        while at in superseded and at not in first and at not in path:
            path[at] = None
            at = superseded[at]
        first.update(dict.fromkeys(path, first.get(at, at)))
    return first
