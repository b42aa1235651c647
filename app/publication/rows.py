"""Rows of lists as JSON: subject, counts and rates as structs derived from the catalogue, and the answer's `meta`."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from functools import lru_cache
from typing import Any, TypeVar

import msgspec
import numpy as np

from app.publication.row_cache import RowCache
from app.statistics.inference import Precision
from app.statistics.question import AsOf
from app.statistics.rates import STATUSES, Counts, Rates, rates_of, stacked
from app.statistics.row_list import Margins, RowList, Side
from app.store.arrays import Int64
from app.store.manifest import Correlation, Disclosure, Manifest
from app.store.snapshot import Mask, Snapshot

Cell = TypeVar("Cell")

_STATUS_NAMES = np.array([status.value for status in STATUSES], object)


class Rate(msgspec.Struct, gc=False):
    """One ratio; NaN is written as null."""

    value: float
    numerator: int | None
    denominator: int | None
    n_eff: float
    low: float
    high: float
    status: str


class Figures(msgspec.Struct, gc=False):
    """Counts and rates of one side of a row."""

    counts: Any
    rates: Any


@lru_cache(maxsize=64)
def struct_of(name: str, fields: tuple[str, ...]) -> type[msgspec.Struct]:
    """Return a struct type with these fields, in order."""
    return msgspec.defstruct(name, fields, gc=False)


def figures(counts: Counts, side: Side, precision: Precision) -> tuple[list[Any], list[Any]]:
    """Return the counts and the rates of rows that a side shows, each as one struct per row."""
    metrics, number = side.metrics_shown, counts.values.shape[1]
    rates_type = struct_of("Rates", tuple(metric.code for metric in metrics))
    if not metrics:
        return counts_of(counts, side.measures_shown), [rates_type()] * number
    one_by_one = _rates(rates_of(counts, metrics, precision))
    return counts_of(counts, side.measures_shown), [*map(rates_type, *[one_by_one] * len(metrics))]


def shown_rates(counts: Counts, side: Side, precision: Precision) -> list[list[Rate]]:
    """Return the rates of each row that a side shows."""
    if not side.metrics_shown:
        return [[] for _ in range(counts.values.shape[1])]
    return rate_lists(rates_of(counts, side.metrics_shown, precision))


def counts_of(counts: Counts, measures: tuple[str, ...]) -> list[Any]:
    """Return the counts of each row as structs; None where null."""
    counts_type = struct_of("Counts", measures)
    if not measures:
        return [counts_type()] * counts.values.shape[1]
    one_by_one = iter(_counts(counts, measures))
    return [*map(counts_type, *[one_by_one] * len(measures))]


def count_lists(counts: Counts, measures: tuple[str, ...]) -> list[list[int | None]]:
    """Return the counts of each row as lists; None where null."""
    if not measures:
        return [[] for _ in range(counts.values.shape[1])]
    return _rows(_counts(counts, measures), len(measures))


def _counts(counts: Counts, measures: tuple[str, ...]) -> list[int | None]:
    """Return the counts row by row, in the order of the measures."""
    lines = _lines(counts.codes, measures)
    return _with_none(counts.values[lines], counts.null[lines])


@lru_cache(maxsize=64)
def _lines(codes: tuple[str, ...], measures: tuple[str, ...]) -> list[int]:
    return [codes.index(code) for code in measures]


def rate_lists(rates: Rates) -> list[list[Rate]]:
    """Return the rates of each row as lists, in the order of the metrics."""
    return _rows(list(_rates(rates)), len(rates.metrics))


def _rates(rates: Rates) -> Iterator[Rate]:
    """Yield the rates row by row, in the order of the metrics."""
    return map(
        Rate,
        rates.value.T.ravel().tolist(),
        _with_none(rates.numerator, rates.numerator_null),
        _with_none(rates.denominator, rates.denominator_null),
        rates.effective.T.ravel().tolist(),
        rates.low.T.ravel().tolist(),
        rates.high.T.ravel().tolist(),
        _STATUS_NAMES[rates.status.T.ravel()].tolist(),
    )


def _with_none(values: Int64, null: Mask) -> list[Any]:
    """Return the values row by row, None where null."""
    flat: list[Any] = values.T.ravel().tolist()
    for place in null.T.ravel().nonzero()[0].tolist():
        flat[place] = None
    return flat


def _rows(flat: list[Cell], width: int) -> list[list[Cell]]:
    return [flat[start : start + width] for start in range(0, len(flat), width)]


class Meta(msgspec.Struct, frozen=True):
    """Snapshot, date, basis and sources of the figures in an answer."""

    snapshot: str
    as_of: date
    requested_as_of: date | None
    basis: str | None
    member_source: str
    intra_enterprise_correlation: Correlation
    disclosure: Disclosure
    rows: int
    updated_at: str


def meta_of(snapshot: Snapshot, when: AsOf, basis: str | None, rows: int) -> Meta:
    """Return the `meta` of an answer from a snapshot; parameters as in `manifest_meta`."""
    return manifest_meta(snapshot.manifest, when, basis, rows)


def manifest_meta(manifest: Manifest, when: AsOf, basis: str | None, rows: int) -> Meta:
    """Return the `meta` of an answer.

    Parameters
    ----------
    manifest, when
        The manifest of the snapshot, and the requested date or id.
    basis
        Which enterprises rates divide by; null if the answer has no single basis.
    rows
        Rows of the whole list, over all pages.
    """
    return Meta(
        manifest.id, manifest.as_of, when.as_of, basis, manifest.member_source, manifest.intra_enterprise_correlation,
        manifest.disclosure, rows, manifest.built_at,
    )  # fmt: skip


_ENCODER = msgspec.json.Encoder()

_MARGINS = -1
"""Number under which the margins are cached among the rows of a question."""


class Part(msgspec.Struct, frozen=True):
    """Some fields of each row: its subject, or results of an analysis.

    Parameters
    ----------
    struct
        The fields, in order.
    describe
        Returns the structs of rows given by number; with a `key`, null where a row has none.
    key
        Key of the struct in the row's JSON; empty: its fields are in the row itself.
    prefix
        Prefix of their columns in files.
    """

    struct: type[msgspec.Struct]
    describe: Callable[[Int64], Sequence[Any]]
    key: str = ""
    prefix: str = ""


class Rows(msgspec.Struct, frozen=True):
    """A list with everything that its JSON and files need.

    Parameters
    ----------
    name
        Of its files: what is listed.
    row_list
        Which rows, in order, and how to count them.
    parts
        Fields before the figures.
    keys
        Columns that identify a row, outermost first.
    row_key
        Cache key: what a row depends on besides its number and the snapshot.
    margins_key
        Cache key: what the margins depend on besides the snapshot.
    extra
        Further values of a page, by key.
    """

    name: str
    row_list: RowList
    parts: tuple[Part, ...]
    keys: tuple[str, ...]
    row_key: object
    margins_key: object
    extra: Mapping[str, object] = msgspec.field(default_factory=dict)


def encode(value: object) -> bytes:
    """Return a value as JSON."""
    return _ENCODER.encode(value)


def page_body(rows: Rows, start: int, end: int, meta: Meta, cursor: str | None, row_cache: RowCache) -> bytes:
    """Return a page as JSON: the rows from `start` to `end`, the margins, `meta`, and the cursor of the next page."""
    row_list, key = rows.row_list, _key(rows, rows.margins_key)
    foot = row_cache.get(key, (_MARGINS,))[0]
    margins = row_list.margins if foot is None else None
    encoded, total = _encoded(rows, row_list.some(start, end), row_cache, None if margins is None else margins.total)
    if foot is None:
        foot = b"" if margins is None else _foot(margins, total, row_list.sides)
        row_cache.add(key, {_MARGINS: foot})
    extra = b"".join(b"%b:%b," % (encode(key), encode(value)) for key, value in rows.extra.items())
    head, rest = b'{"data":[', b'],%b%b"meta":%b,"next_cursor":%b}' % (foot, extra, encode(meta), encode(cursor))
    if not encoded:
        return head + rest
    encoded[0] = head + encoded[0]  # so that the rows are copied once
    encoded[-1] += rest
    return b",".join(encoded)


def encoded_rows(rows: Rows, numbers: Int64, row_cache: RowCache) -> list[bytes]:
    """Return some rows as JSON, from the cache or computed and then cached."""
    return _encoded(rows, numbers, row_cache, None)[0]


def _encoded(rows: Rows, numbers: Int64, row_cache: RowCache, total: Counts | None) -> tuple[list[bytes], bytes]:
    """Return some rows as JSON, and the figures of a total (null: none), computed together."""
    question, wanted = _key(rows, rows.row_key), numbers.tolist()
    found = row_cache.get(question, wanted)
    missing = [number for number, row in zip(wanted, found, strict=True) if row is None]
    if not missing and total is None:
        return [row for row in found if row is not None], b"null"
    made, figured = _fresh(rows, np.array(missing, np.int64), total)
    row_cache.add(question, dict(zip(missing, made, strict=True)))
    fresh = iter(made)
    return [next(fresh) if row is None else row for row in found], figured


def _key(rows: Rows, key: object) -> bytes:
    """Return a key of the cache as bytes, which compute their hash only once."""
    manifest = rows.row_list.snapshot.manifest
    return encode((manifest.id, manifest.intra_enterprise_correlation, rows.name, key))


def _fresh(rows: Rows, numbers: Int64, total: Counts | None) -> tuple[list[bytes], bytes]:
    columns: dict[str, Sequence[Any]] = {}
    for part in rows.parts:
        described = part.describe(numbers)
        if part.key:
            columns[part.key] = described
        else:
            columns |= {name: [getattr(one, name) for one in described] for name in part.struct.__struct_fields__}
    figured = b"null"
    for side in rows.row_list.sides:
        counted = side.count(numbers)
        counts, rates = figures(counted if total is None else stacked((counted, total)), side, rows.row_list.precision)
        if total is not None:
            figured = encode(Figures(counts.pop(), rates.pop()))
        columns |= {side.name: [*map(Figures, counts, rates)]} if side.name else {"counts": counts, "rates": rates}
    row_type = struct_of("Row", tuple(columns))
    return [*map(_ENCODER.encode, map(row_type, *columns.values()))], figured


def _foot(margins: Margins, total: bytes, sides: Sequence[Side]) -> bytes:
    """Return the members `total` and `unallocated` of a page as JSON."""
    rest = margins.unallocated
    left = None if rest is None else {"counts": counts_of(rest, sides[0].measures_shown)[0]}
    return b'"total":%b,"unallocated":%b,' % (total, encode(left))
