"""Rows of lists: what stands in them beside and before their figures, and how they are written as JSON."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np

from app.publication.figures import Figures, counts_of, figures, struct_of
from app.publication.kept import KeptRows
from app.publication.meta import Meta
from app.statistics.listed import Listed
from app.store.subtrees import Int64

_ENCODER = msgspec.json.Encoder()

_MARGINS = -1
"""Stands for the number of a row where margins are kept among the rows of a question."""


@dataclass(frozen=True)
class Part:
    """Some fields of each row: what it is about, or what an analysis says of it.

    Parameters
    ----------
    struct
        The fields, in order.
    describe
        Returns the struct of each of some rows, given by number; with a key, null where there is nothing to say.
    key
        Under which the row of the JSON has them; empty: they stand in the row itself.
    prefix
        Of their columns in files.
    """

    struct: type[msgspec.Struct]
    describe: Callable[[Int64], Sequence[Any]]
    key: str = ""
    prefix: str = ""


@dataclass(frozen=True)
class Rows:
    """A list that can be published.

    Parameters
    ----------
    name
        Of its file: what is listed.
    listed
        Which rows, in order, and how to count them.
    parts
        What stands before the figures.
    keys
        Columns that tell the rows apart, outermost first.
    asked
        What a row depends on besides its number and the snapshot.
    margins_asked
        What the margins depend on besides the snapshot.
    beside
        What a page says besides its rows, by key.
    """

    name: str
    listed: Listed
    parts: tuple[Part, ...]
    keys: tuple[str, ...]
    asked: object
    margins_asked: object
    beside: Mapping[str, object] = field(default_factory=dict)


def encode(value: object) -> bytes:
    """Return a value as JSON."""
    return _ENCODER.encode(value)


def page_body(rows: Rows, start: int, end: int, meta: Meta, cursor: str | None, kept: KeptRows) -> bytes:
    """Return a page as JSON: the rows from `start` to `end`, the margins, what they rest on, where the next starts."""
    data = b",".join(encoded_rows(rows, rows.listed.rows[start:end], kept))
    beside = b"".join(b"%b:%b," % (encode(key), encode(value)) for key, value in rows.beside.items())
    foot = b'%b%b"meta":%b,"next_cursor":%b' % (_margins(rows, kept), beside, encode(meta), encode(cursor))
    return b'{"data":[%b],%b}' % (data, foot)


def encoded_rows(rows: Rows, numbers: Int64, kept: KeptRows) -> list[bytes]:
    """Return some rows encoded, taking those that are kept and keeping the others."""
    question, wanted = _key(rows, rows.asked), numbers.tolist()
    found = kept.get(question, wanted)
    missing = [number for number, row in zip(wanted, found, strict=True) if row is None]
    fresh = dict(zip(missing, _fresh(rows, np.array(missing, np.int64)), strict=True)) if missing else {}
    if missing:
        kept.keep(question, fresh)
    return [fresh[number] if row is None else row for number, row in zip(wanted, found, strict=True)]


def _key(rows: Rows, asked: object) -> bytes:
    """Return what something depends on as bytes, since these remember their hash."""
    return encode((rows.listed.snapshot.manifest.id, rows.name, asked))


def _fresh(rows: Rows, numbers: Int64) -> list[bytes]:
    columns = dict(_columns(rows, numbers))
    row_type = struct_of("Row", tuple(columns))
    return [encode(row_type(*values)) for values in zip(*columns.values(), strict=True)]


def _columns(rows: Rows, numbers: Int64) -> Iterator[tuple[str, Sequence[Any]]]:
    """Yield what stands in some rows, one key of all of them after the other."""
    for part in rows.parts:
        described = part.describe(numbers)
        if part.key:
            yield part.key, described
        else:
            yield from ((name, [getattr(one, name) for one in described]) for name in part.struct.__struct_fields__)
    for side in rows.listed.sides:
        counts, rates = figures(side.count(numbers), side.measures, side.metrics, rows.listed.precision)
        if side.name:
            yield side.name, [*map(Figures, counts, rates)]
        else:
            yield from (("counts", counts), ("rates", rates))


def _margins(rows: Rows, kept: KeptRows) -> bytes:
    """Return the members `total` and `unallocated` of any page of a list, kept or made; nothing for branches."""
    key = _key(rows, rows.margins_asked)
    found = kept.get(key, (_MARGINS,))[0]
    if found is None:
        found = _fresh_margins(rows.listed)
        kept.keep(key, {_MARGINS: found})
    return found


def _fresh_margins(listed: Listed) -> bytes:
    margins = listed.margins
    if margins is None:
        return b""
    side = listed.sides[0]
    [counts], [rates] = figures(margins.total, side.measures, side.metrics, listed.precision)
    rest = None if margins.unallocated is None else {"counts": counts_of(margins.unallocated, side.measures)[0]}
    return b'"total":%b,"unallocated":%b,' % (encode(Figures(counts, rates)), encode(rest))
