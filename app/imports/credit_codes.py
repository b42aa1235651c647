"""The check characters of whole columns of credit codes; `registry.credit_code` says what they are."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from app.imports.texts import Mask, Texts, characters, text_lengths, true_mask
from app.registry.credit_code import (
    ALPHABET,
    ORGANISATION_ALPHABET,
    ORGANISATION_CHECKS,
    ORGANISATION_WEIGHTS,
    WEIGHTS,
)

LENGTH = 18
"""Characters of a credit code."""

_LOOKS_LIKE_ONE = r"^[0-9A-Za-z]{2}[0-9]{6}[0-9A-Za-z]{10}$"
_OUTSIDE = 255


def fails_check(codes: Texts) -> Mask:
    """Return where a code looks like a credit code and is none: a letter that is not used, or a wrong check character.

    Eighteen letters and digits, the third to the eighth of them digits, look like one; all other codes are the
    operator's own and pass.
    """
    failing: Mask = text_lengths(codes) == LENGTH
    if not failing.any():
        return failing
    failing &= true_mask(pc.match_substring_regex(codes, _LOOKS_LIKE_ONE))
    signs = characters(codes.filter(pa.array(failing)), LENGTH)
    failing[failing] = ~(_has_right_check(signs) & _has_right_organisation_check(signs[:, 8:17]))
    return failing


def _has_right_check(signs: NDArray[np.uint8]) -> Mask:
    worth = _worth(ALPHABET)[signs]
    sums = worth[:, :-1] @ np.array(WEIGHTS) + worth[:, -1]
    right: Mask = (sums % len(ALPHABET) == 0) & (worth != _OUTSIDE).all(axis=1)
    return right


def _has_right_organisation_check(signs: NDArray[np.uint8]) -> Mask:
    worth, check = _worth(ORGANISATION_ALPHABET)[signs[:, :-1]], _worth(ORGANISATION_CHECKS)[signs[:, -1]]
    sums = worth @ np.array(ORGANISATION_WEIGHTS) + check
    known = (worth != _OUTSIDE).all(axis=1) & (check != _OUTSIDE)
    right: Mask = (sums % len(ORGANISATION_CHECKS) == 0) & known
    return right


def _worth(alphabet: str) -> NDArray[np.int64]:
    """Return the index of each byte in the alphabet, `_OUTSIDE` where it is not in it."""
    worth = np.full(256, _OUTSIDE, np.int64)
    worth[np.frombuffer(alphabet.encode(), np.uint8)] = np.arange(len(alphabet))
    return worth
