"""Detecting citizen identity numbers (GB 11643-1999), so that they are never imported.

Eighteen characters: six digits of a division, the date of birth, three digits of sequence, and a check character.
Older ones of fifteen digits have no check character and cannot be told from other numbers.
"""

from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from app.imports.rows.texts import DELETE, Mask, Texts, characters, text_bytes, text_lengths, true_mask

LENGTH = 18
"""Characters of an identity number."""

WEIGHTS = np.array([7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2])
"""Weights of the first 17 digits: powers of 2 modulo 11 (GB 11643)."""

CHECKS = np.frombuffer(b"10X98765432", np.uint8)
"""Check character by the weighted sum modulo 11 (GB 11643)."""

_NUMBER = r"(?:^|[^0-9])(?P<number>[0-9]{17}[0-9Xx])(?:$|[^0-9])"
_MONTHS = 12
_EARLIEST_BIRTH = np.datetime64("1800-01-01")


def holds_identity_number(texts: Texts, today: date) -> Mask:
    """Return where a text contains an identity number: a date of birth up to `today` and a correct check character.

    Full-width digits count too. Null and shorter texts contain none.
    """
    found = text_lengths(texts) >= LENGTH
    if not found.any():
        return found
    long = texts.filter(pa.array(found))
    if text_bytes(long).max() >= DELETE:
        long = pc.call_function("utf8_normalize", [long], pc.Utf8NormalizeOptions("NFKC"))
    found[found] = _is_valid(long, today)
    return found


def _is_valid(texts: Texts, today: date) -> Mask:
    numbers: Texts = pc.struct_field(pc.extract_regex(texts, _NUMBER), [0])
    valid = true_mask(numbers.is_valid())
    signs = characters(numbers.drop_null(), LENGTH)
    digits = (signs[:, :-1] - ord("0")).astype(np.int64)
    checked = CHECKS[digits @ WEIGHTS % len(CHECKS)] == np.where(signs[:, -1] == ord("x"), ord("X"), signs[:, -1])
    valid[valid] = checked & _is_birth_date(digits[:, 6:14], today)
    return valid


def _is_birth_date(digits: NDArray[np.int64], today: date) -> Mask:
    year, month, day = digits[:, :4] @ [1000, 100, 10, 1], digits[:, 4:6] @ [10, 1], digits[:, 6:] @ [10, 1]
    first = ((year - 1970) * _MONTHS + month - 1).astype("datetime64[M]")
    born = first.astype("datetime64[D]") + (day - 1).astype("timedelta64[D]")
    after = (first + np.timedelta64(1, "M")).astype("datetime64[D]")
    in_month = (born < after) & (day >= 1) & (month >= 1) & (month <= _MONTHS)
    real: Mask = in_month & (born >= _EARLIEST_BIRTH) & (born <= np.datetime64(today))
    return real
