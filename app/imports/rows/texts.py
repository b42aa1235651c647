"""Columns of text as Arrow arrays: trimming, and access to their bytes, faster than to characters."""

from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Values: TypeAlias = pa.Array
"""Typed cells of one column."""

Texts: TypeAlias = pa.Array
"""Cells of one column as written in the file: type string, null if blank."""

Mask: TypeAlias = NDArray[np.bool_]
"""One flag per row."""

SPACE, DELETE = 0x20, 0x7F
"""The bytes between which ASCII text is plain: no control character, space or part of a longer character."""


def trimmed(texts: Texts) -> Texts:
    """Return the texts without white space of any kind around them; null if nothing is left."""
    data = text_bytes(texts)
    if data.size and (data.min() <= SPACE or data.max() >= DELETE):
        texts = pc.utf8_trim_whitespace(texts)
    return without(texts, text_lengths(texts) == 0)


def folded(texts: Texts) -> Texts:
    """Return trimmed texts in half width (Unicode NFKC), still trimmed."""
    data = text_bytes(texts)
    if not data.size or data.max() < DELETE:
        return texts
    return trimmed(pc.call_function("utf8_normalize", [texts], pc.Utf8NormalizeOptions("NFKC")))


def without(values: Values, unwanted: Mask) -> Values:
    """Return the cells with null where `unwanted`."""
    if np.count_nonzero(unwanted & ~null_mask(values)) == 0:
        return values
    flags = pa.array(unwanted)
    if pa.types.is_string(values.type):
        # A null made of a text would keep its bytes and length.
        values = pc.if_else(flags, pa.scalar(""), values)
    kept: Values = pc.if_else(flags, pa.scalar(None, values.type), values)
    return kept


def null_mask(values: Values) -> Mask:
    """Return where an array is null."""
    if not values.null_count:
        return np.zeros(len(values), np.bool_)
    mask: Mask = values.is_null().to_numpy(zero_copy_only=False)
    return mask


def true_mask(flags: Values) -> Mask:
    """Return where an array of booleans is true; null counts as false."""
    filled: Any = pc.fill_null(flags, pa.scalar(value=False)) if flags.null_count else flags
    mask: Mask = filled.to_numpy(zero_copy_only=False)
    return mask


def by_distinct(texts: Texts) -> tuple[Texts, Values]:
    """Return the distinct texts (without null) and the index of each row's text; null if the row is null."""
    encoded = texts.dictionary_encode()
    return encoded.dictionary, encoded.indices


def text_lengths(texts: Texts) -> NDArray[np.int32]:
    """Return the length of each text in bytes, 0 where null."""
    return np.diff(_offsets(texts))


def text_bytes(texts: Texts) -> NDArray[np.uint8]:
    """Return the bytes of all texts, concatenated, without copying."""
    data, offsets = texts.buffers()[2], _offsets(texts)
    if data is None:
        return np.empty(0, np.uint8)
    return np.frombuffer(data, np.uint8)[offsets[0] : offsets[-1]]


def characters(texts: Texts, length: int) -> NDArray[np.uint8]:
    """Return the bytes of texts that are all `length` bytes long and not null, one row per text."""
    return text_bytes(texts).reshape(len(texts), length)


def _offsets(texts: Texts) -> NDArray[np.int32]:
    buffer = texts.buffers()[1]
    if buffer is None or not len(texts):
        return np.zeros(1, np.int32)
    return np.frombuffer(buffer, np.int32)[texts.offset : texts.offset + len(texts) + 1]
