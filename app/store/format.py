"""How snapshot tables are written: Arrow IPC files, one record batch each, byte-identical for equal content.

Integers take the narrowest type that holds the column; nulls are zero under their bitmap; a column without nulls has
no bitmap; the file records nothing about its writer.
"""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

FORMAT_VERSION = 2
"""Increased when files of the version before can no longer be read."""

Integers = npt.NDArray[np.integer[Any]]
Mask = npt.NDArray[np.bool_]

_WIDTHS = (np.dtype(np.int8), np.dtype(np.int16), np.dtype(np.int32), np.dtype(np.int64))


def bitmap(valid: Mask) -> pa.Buffer | None:
    """Return the Arrow validity bitmap of a mask; null if everything is valid."""
    return None if bool(valid.all()) else pa.py_buffer(np.packbits(valid, bitorder="little").tobytes())


def narrowest(values: Integers) -> np.dtype[Any]:
    """Return the narrowest signed integer type that holds all values."""
    low, high = (int(values.min()), int(values.max())) if len(values) else (0, 0)
    return next(width for width in _WIDTHS if np.iinfo(width).min <= low and high <= np.iinfo(width).max)


def integer_array(values: Integers, valid: Mask | None = None) -> pa.Array:
    """Return an integer column of the narrowest type; null where `valid` is false."""
    mask = np.ones(len(values), bool) if valid is None else valid
    filled = np.where(mask, values, 0)
    compact = filled.astype(narrowest(filled))
    return pa.Array.from_buffers(
        pa.from_numpy_dtype(compact.dtype), len(compact), [bitmap(mask), pa.py_buffer(compact.tobytes())]
    )


def date_array(days: Integers, valid: Mask) -> pa.Array:
    """Return a date column from days since 1970-01-01; null where `valid` is false."""
    filled = np.where(valid, days, 0).astype(np.int32)
    return pa.Array.from_buffers(pa.date32(), len(filled), [bitmap(valid), pa.py_buffer(filled.tobytes())])


def text_array(values: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Return a text column; null stays null, and has no letters."""
    if len(values) == 0:
        return pa.array([], pa.string())
    filled = values.cast(pa.string()).fill_null("")
    whole = filled.combine_chunks() if isinstance(filled, pa.ChunkedArray) else filled
    _, places, letters = whole.buffers()
    edges = np.frombuffer(places, np.int32)[whole.offset : whole.offset + len(whole) + 1]
    used = letters.slice(edges[0], edges[-1] - edges[0]) if letters else pa.py_buffer(b"")
    offsets = pa.py_buffer((edges - edges[0]).tobytes())
    return pa.Array.from_buffers(pa.string(), len(whole), [bitmap(np.asarray(values.is_valid())), offsets, used])


def choice_array(values: pa.Array | pa.ChunkedArray, choices: Sequence[str]) -> pa.Array:
    """Return a dictionary column over a fixed list of choices; null stays null."""
    index = pc.index_in(values.cast(pa.string()), value_set=pa.array(choices, pa.string()))
    valid = np.asarray(index.is_valid())
    numbers = np.where(valid, np.asarray(index.fill_null(0)), 0).astype(np.int8)
    indices = pa.Array.from_buffers(pa.int8(), len(numbers), [bitmap(valid), pa.py_buffer(numbers.tobytes())])
    return pa.DictionaryArray.from_arrays(indices, pa.array(choices, pa.string()))


def joined(arrays: Sequence[pa.Array]) -> pa.Array:
    """Return columns one after the other, integers of the widest type among them."""
    widest = arrays[0].type
    if pa.types.is_integer(widest):
        widest = max((array.type for array in arrays), key=lambda kind: kind.bit_width)
    return pa.concat_arrays([array.cast(widest) for array in arrays])


def write_table(path: Path, columns: Mapping[str, pa.Array]) -> int:
    """Write one table; return its number of rows."""
    batch = pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, batch.schema) as writer:
        writer.write_batch(batch)
    return int(batch.num_rows)


def read_table(path: Path) -> pa.RecordBatch:
    """Return a table, memory-mapped."""
    return pa.ipc.open_file(pa.memory_map(str(path))).get_batch(0)


def join_tables(path: Path, pieces: Sequence[Path]) -> int:
    """Write one table of several, one after the other, whose files are used up; return its number of rows.

    It is the same, byte by byte, as if all rows had been written at once.
    """
    if len(pieces) == 1:
        pieces[0].rename(path)
        return int(read_table(path).num_rows)
    batches = [read_table(piece) for piece in pieces]
    rows = write_table(path, {name: joined([one.column(name) for one in batches]) for name in batches[0].schema.names})
    for piece in pieces:
        piece.unlink()
    return rows


def checksum(path: Path) -> str:
    """Return the SHA-256 of a file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
