"""The unified social credit code (GB 32100-2015) and the organisation code inside it (GB 11714-1997).

Structure, 18 characters: registering authority, kind of body, six digits of the division where it was registered,
nine characters of organisation code (eight and a check character), check character. The division is that of the
registering authority at that time: it does not reliably show where the enterprise is now.
"""

import re
from collections.abc import Sequence
from string import ascii_letters, digits

from app.errors import InvalidRequest
from app.messages import say

ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
"""The 31 characters of a credit code, each worth its index; I, O, S, V and Z are not used (GB 32100-2015)."""

WEIGHTS = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)
"""Weights of the first 17 characters: powers of 3 modulo 31 (GB 32100-2015)."""

ORGANISATION_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
"""The 36 characters of an organisation code, each worth its index (GB 11714-1997)."""

ORGANISATION_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)
"""Weights of the eight characters of an organisation code (GB 11714-1997)."""

ORGANISATION_CHECKS = "0123456789X"
"""Check characters of an organisation code, by value (GB 11714-1997)."""

_SHAPE = re.compile(rf"[{ALPHABET}]{{2}}[0-9]{{6}}[{ALPHABET}]{{10}}")


def _terms(first: int, alphabet: str, weights: Sequence[int]) -> str:
    """Return the weighted sum of characters of `code` from a position on, as SQL of all engines with `instr`."""
    return " + ".join(
        f"(instr('{alphabet}', substr(code, {at}, 1)) - 1) * {weight}" for at, weight in enumerate(weights, start=first)
    )


LOOKS_LIKE_CREDIT_CODE = (
    f"length(code) = 18 AND translate(code, '{digits + ascii_letters}', '') = '' "
    f"AND translate(substr(code, 3, 6), '{digits}', '') = ''"
)
"""SQL condition: `code` has the shape of a credit code, in any case and with letters that are not used."""

IS_CREDIT_CODE = (
    f"translate(code, '{ALPHABET}', '') = '' AND instr('{ORGANISATION_CHECKS}', substr(code, 17, 1)) > 0 "
    f"AND ({_terms(1, ALPHABET, (*WEIGHTS, 1))}) % {len(ALPHABET)} = 0 "
    f"AND ({_terms(9, ORGANISATION_ALPHABET, ORGANISATION_WEIGHTS)} + {_terms(17, ORGANISATION_CHECKS, (1,))}) "
    f"% {len(ORGANISATION_CHECKS)} = 0"
)
"""SQL condition: a `code` of that shape is valid, as `is_valid` has it."""


class MalformedCode(InvalidRequest):
    """A text that has no check character, by its length or its characters."""

    code = "malformed-code"
    title = "Malformed code"


def is_valid(code: str) -> bool:
    """Whether a code has the structure of a credit code and both its check characters are correct.

    Lower case is not accepted. True means well formed, not issued to a body; some codes on real licences are reported
    to fail, so for imports a failed check is a warning, not an error.
    """
    return (
        _SHAPE.fullmatch(code) is not None
        and code[17] == check_character(code[:17])
        and code[16] == organisation_check_character(code[8:16])
    )


def check_character(code17: str) -> str:
    """Check character of the first 17 characters of a credit code.

    Raises
    ------
    MalformedCode
        The text is not 17 characters of `ALPHABET`.
    """
    return ALPHABET[-_weighted_sum(code17, ALPHABET, WEIGHTS) % len(ALPHABET)]


def organisation_check_character(code8: str) -> str:
    """Check character of the first eight characters of an organisation code (positions 9 to 16 of a credit code).

    Raises
    ------
    MalformedCode
        The text is not eight characters of `ORGANISATION_ALPHABET`.
    """
    weighted = _weighted_sum(code8, ORGANISATION_ALPHABET, ORGANISATION_WEIGHTS)
    return ORGANISATION_CHECKS[-weighted % len(ORGANISATION_CHECKS)]


def _weighted_sum(text: str, alphabet: str, weights: Sequence[int]) -> int:
    if len(text) != len(weights) or not set(text) <= set(alphabet):
        raise MalformedCode(say("expected {number} characters of {alphabet}", number=len(weights), alphabet=alphabet))
    return sum(alphabet.index(character) * weight for character, weight in zip(text, weights, strict=True))
