"""Rows of lists: what stands in them beside and before their figures, and how they are written as JSON."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np

from app.publication.figures import counts_of, figures, figures_of
from app.publication.kept import KeptRows
from app.publication.meta import Meta
from app.statistics.listed import Listed
from app.store.subtrees import Int64

_ENCODER = msgspec.json.Encoder()


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
    asked = _key(rows, rows.asked)
    keys: list[Hashable] = [(asked, number) for number in numbers.tolist()]
    found = kept.get(keys)
    missing = [place for place, row in enumerate(found) if row is None]
    fresh = _fresh(rows, numbers[np.array(missing, np.int64)]) if missing else []
    kept.keep({keys[place]: row for place, row in zip(missing, fresh, strict=True)})
    for place, row in zip(missing, fresh, strict=True):
        found[place] = row
    return [row for row in found if row is not None]


def _key(rows: Rows, asked: object) -> bytes:
    """Return what something depends on as bytes, since these remember their hash."""
    return encode((rows.listed.snapshot.manifest.id, rows.name, asked))


def _fresh(rows: Rows, numbers: Int64) -> list[bytes]:
    described = [part.describe(numbers) for part in rows.parts]
    sides = [figures_of(side, numbers, rows.listed.precision) for side in rows.listed.sides]
    made = []
    for place in range(len(numbers)):
        row: dict[str, Any] = {}
        for part, fields in zip(rows.parts, described, strict=True):
            row.update({part.key: fields[place]} if part.key else msgspec.structs.asdict(fields[place]))
        for side, counted in zip(rows.listed.sides, sides, strict=True):
            figure = counted[place]
            row.update({side.name: figure} if side.name else {"counts": figure.counts, "rates": figure.rates})
        made.append(encode(row))
    return made


def _margins(rows: Rows, kept: KeptRows) -> bytes:
    """Return the members `total` and `unallocated` of any page of a list, kept or made; nothing for branches."""
    key = _key(rows, rows.margins_asked)
    found = kept.get([key])[0]
    if found is None:
        found = _fresh_margins(rows.listed)
        kept.keep({key: found})
    return found


def _fresh_margins(listed: Listed) -> bytes:
    margins = listed.margins
    if margins is None:
        return b""
    side = listed.sides[0]
    total = figures(margins.total, side.measures, side.metrics, listed.precision)[0]
    rest = None if margins.unallocated is None else {"counts": counts_of(margins.unallocated, side.measures)[0]}
    return b'"total":%b,"unallocated":%b,' % (encode(total), encode(rest))
