"""Trends as JSON and as one flat table, a row per date."""

from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import msgspec

from app.publication.lists import Answer
from app.publication.row_cache import Source
from app.publication.rows import Meta, Part, encode, manifest_meta, rate_lists, struct_of
from app.publication.table import (
    RATE_PARTS,
    Cells,
    FlatTable,
    Kind,
    TableOptions,
    metric_columns,
    part_cells,
    part_columns,
    plain_column,
)
from app.statistics.question import AsOf, Page
from app.statistics.trends import Point, TrendQuestion, metrics_of, rates_at, trend
from app.store.manifest import Manifest
from app.store.snapshot import Snapshot

Visibility = Callable[[Snapshot], bool]

_ABSENT = b"null"
"""Cached for a snapshot that does not have the subject."""


class PointFields(msgspec.Struct, frozen=True):
    """The date of a row, and what changed since the previous row."""

    as_of: date
    snapshot: str
    breaks: tuple[str, ...]


class TrendRow(PointFields, frozen=True):
    """One row; its rates are encoded already."""

    rates: msgspec.Raw


_PART = Part(PointFields, lambda _numbers: ())


def trend_answer(source: Source, question: TrendQuestion, _page: Page, visibility: Visibility | None = None) -> Answer:
    """Return a whole trend.

    Parameters
    ----------
    visibility
        Whether the caller may see the subject in a snapshot; dates where not are left out; null: always.

    Raises
    ------
    SubjectNotFound, InvalidRequest, SnapshotNotFound, ExactOnly
        See `trend`.
    """
    points = _points(source, question, visibility)
    rows = [TrendRow(*_fields(point), msgspec.Raw(point.found)) for point in points]
    body = encode({"data": rows, "meta": _meta(points, question)})
    snapshots, builds = _rests_on(points)
    return Answer(body, len(points), snapshots, builds, single=False)


def trend_table(
    source: Source, question: TrendQuestion, _page: Page, options: TableOptions, visibility: Visibility | None = None
) -> FlatTable:
    """Return a trend as a table; parameters and errors as in `trend_answer`."""
    points = _points(source, question, visibility)
    language, metrics = options.language, metrics_of(question)
    columns = (
        plain_column("row", Kind.TEXT, language),
        *part_columns(_PART, language),
        *metric_columns(metrics, language),
    )

    def chunks() -> Iterator[Cells]:
        yield [
            ["subject", *part_cells(_PART, PointFields(*_fields(point)), language), *_cells(point)] for point in points
        ]

    meta, rests_on = _meta(points, question), _rests_on(points)
    return FlatTable("trends", columns, ("as_of",), meta, len(points), chunks, language, rests_on=rests_on)


def _points(source: Source, question: TrendQuestion, visibility: Visibility | None) -> list[Point[bytes]]:
    """Return the points with their rates as JSON, from the row cache where possible."""
    shelf, row_cache = source.shelf, source.row_cache
    subject_key = ("trends", question.subject, question.code, question.population, question.metrics)
    metrics = metrics_of(question)
    rates_type = struct_of("Rates", tuple(metric.code for metric in metrics))

    def look(manifest: Manifest) -> bytes | None:
        if visibility is not None and not visibility(shelf.visit(manifest)):
            return None
        key = encode((manifest.id, manifest.intra_enterprise_correlation.value, subject_key))
        found = row_cache.get(key, (0,))[0]
        if found is None:
            rates = rates_at(shelf.visit(manifest), question)
            found = _ABSENT if rates is None else encode(rates_type(*rate_lists(rates)[0]))
            row_cache.add(key, {0: found})
        return None if found == _ABSENT else found

    return trend(shelf, question, look, limited=visibility is not None)


def _fields(point: Point[bytes]) -> tuple[date, str, tuple[str, ...]]:
    return point.manifest.as_of, point.manifest.id, tuple(changed.value for changed in point.breaks)


def _cells(point: Point[bytes]) -> list[Any]:
    """Return the cells of the rates of a point."""
    rates: dict[str, dict[str, Any]] = msgspec.json.decode(point.found)
    return [rate[part or "value"] for rate in rates.values() for part in RATE_PARTS]


def _meta(points: list[Point[bytes]], question: TrendQuestion) -> Meta:
    """Return the `meta` of the newest point; each row names its own snapshot."""
    basis = None if question.code is not None else question.population.basis.value
    return manifest_meta(points[-1].manifest, AsOf(question.until), basis, len(points))


def _rests_on(points: list[Point[bytes]]) -> tuple[str, str]:
    """Return the ids of all snapshots, and when they were built."""
    manifests = [point.manifest for point in points]
    return " ".join(made.id for made in manifests), " ".join(made.built_at for made in manifests)
