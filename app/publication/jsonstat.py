"""JSON-stat 2.0: a table as a cube whose dimensions are its keys and its figures.

The categories of a key are its codes, in the order of the rows; the other fields of a subject are in the dimension's
`extension`, by column and category. The dimension `metric` has all figures. Margins are categories too (`/total`,
`/unallocated`), and so is a missing key (`/none`): no code of a subject has a slash. For each cell that is not `ok`,
`status` gives the reason, by position in the cube: the status of the metric, or the meaning of a null count.
"""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from app.catalogue.definitions import TABLE_LABELS, measure_of
from app.catalogue.measures import MEASURE
from app.catalogue.metrics import METRIC, Status
from app.catalogue.vocabulary import Label
from app.publication.descriptions import describe
from app.publication.rows import Meta, encode
from app.publication.table import CHANGE, Column, FlatTable, Kind, in_language
from app.statistics.question import Subject

MEDIA_TYPE = "application/json"

METRIC_DIMENSION = "metric"
"""Name of the dimension of the figures, the innermost."""

_FIGURES = Label("指标", "Figure")
"""Label of that dimension."""

TOTAL, UNALLOCATED, NONE = "/total", "/unallocated", "/none"
"""Categories of the margins, and of rows that lack a key."""

_WITHOUT_CODE = {
    TOTAL: Label("合计", "Total"),
    UNALLOCATED: Label("未分配", "Unallocated"),
    NONE: Label("无", "None"),
}

RATIO_DECIMALS = 4
"""Decimals that a client should show of a ratio; the values have all of theirs."""

_DECIMALS = {Kind.COUNT: 0, Kind.RATIO: RATIO_DECIMALS, Kind.NUMBER: 1}
"""Decimals that a client should show, by kind of number."""

_MARGINS = {"total": TOTAL, "unallocated": UNALLOCATED}
"""Category of each row that is not a subject."""

_IN_MEMORY = 2**20
"""Bytes of a spool in memory; beyond, it becomes an unnamed file on disk."""

_PIECE = 2**18
"""Bytes sent at once."""


@dataclass(frozen=True)
class _Figure:
    """A category of the metric dimension.

    Parameters
    ----------
    column
        Its column of the table.
    place
        Index of its cell in a row.
    status_place
        Index of the cell with its status; null if there is none.
    absent, absent_own
        Meaning of a null cell: in general, and in the row of an enterprise; null: none.
    """

    column: Column
    place: int
    status_place: int | None
    absent: Status | None
    absent_own: Status | None


class _Spool:
    """Members of a JSON object or array, stored until they can be sent."""

    def __init__(self, files: ExitStack) -> None:
        self._file = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115  # closed with all others
        files.callback(self._file.close)
        self._empty = True

    def add(self, member: bytes) -> None:
        self._file.write(member if self._empty else b"," + member)
        self._empty = False

    def pieces(self) -> Iterator[bytes]:
        self._file.seek(0)
        while piece := self._file.read(_PIECE):
            yield piece


class _Dimension:
    """A key of the table: its categories, in the order in which rows have them.

    Parameters
    ----------
    table
        The table to write.
    key
        Name of the column.
    files
        Closes the spools.
    """

    def __init__(self, table: FlatTable, key: str, files: ExitStack) -> None:
        names = [column.name for column in table.columns]
        self.column = table.columns[names.index(key)]
        self.size = 0
        self._language = table.language
        self._place = names.index(key)
        described = {column.name: names.index(column.name) for column in _described_by(table, key)}
        prefix = _prefix(key)
        self._label_place = described.pop(f"{prefix}name", described.pop(f"{prefix}name_zh", self._place))
        self._positions: dict[str, int] | None = {} if len(table.keys) > 1 else None
        self._codes, self._labels = _Spool(files), _Spool(files)
        self._attributes = [(name, place, _Spool(files)) for name, place in described.items()]

    def position(self, row: Sequence[Any]) -> int:
        """Return the position of a row's category in the dimension, after adding it if it is new.

        With one key each row is a new category, so the positions are not stored.
        """
        cell = row[self._place]
        code = _MARGINS.get(row[0], NONE) if cell is None else str(cell)
        if self._positions is not None:
            known = self._positions.setdefault(code, self.size)
            if known < self.size:
                return known
        self._describe(code, self._label(code, row), row)
        self.size += 1
        return self.size - 1

    def _label(self, code: str, row: Sequence[Any]) -> str:
        if code in _WITHOUT_CODE:
            return code if self._language is None else in_language(_WITHOUT_CODE[code], self._language)
        label = row[self._label_place]
        return code if label is None else str(label)

    def _describe(self, code: str, label: str, row: Sequence[Any]) -> None:
        quoted = encode(code)
        self._codes.add(quoted)
        self._labels.add(b"%b:%b" % (quoted, encode(label)))
        for _, place, spool in self._attributes:
            if row[place] is not None:
                spool.add(b"%b:%b" % (quoted, encode(row[place])))

    def pieces(self) -> Iterator[bytes]:
        """Yield the dimension as JSON."""
        yield b'{"label":%b,"category":{"index":[' % encode(self.column.heading)
        yield from self._codes.pieces()
        yield b'],"label":{'
        yield from self._labels.pieces()
        yield b'}},"extension":{'
        for number, (name, _, spool) in enumerate(self._attributes):
            yield b"%b%b:{" % (b"," if number else b"", encode(name))
            yield from spool.pieces()
            yield b"}"
        yield b"}}"


class _Cube:
    """A table while it is written as a cube."""

    def __init__(self, table: FlatTable, files: ExitStack) -> None:
        self._table = table
        self._dimensions = [_Dimension(table, key, files) for key in table.keys]
        self._figures = _figures(table)
        self._statuses = _Spool(files)
        self._dense = len(table.keys) == 1 and table.length + table.margins > 0

    def pieces(self) -> Iterator[bytes]:
        """Yield the cube as JSON; pieces may be empty, so that writing stops soon after the reader does."""
        if len(self._dimensions) > 1:
            yield from self._place_all()
        yield self._head()
        yield from self._values()
        yield b'%b,"status":{' % (b"]" if self._dense else b"}")
        yield from self._statuses.pieces()
        sizes = [*(dimension.size for dimension in self._dimensions), len(self._figures)]
        yield b'},"size":%b,"dimension":{' % encode(sizes)
        for dimension in self._dimensions:
            yield b"%b:" % encode(dimension.column.name)
            yield from dimension.pieces()
            yield b","
        yield b"%b:%b}}\n" % (encode(METRIC_DIMENSION), encode(_metric_dimension(self._table, self._figures)))

    def _place_all(self) -> Iterator[bytes]:
        """Find all categories first: with several keys, the position of a cell depends on their number."""
        for rows in self._table.chunks():
            for row in rows:
                self._position(row)
            yield b""

    def _head(self) -> bytes:
        table = self._table
        head = {
            "version": "2.0",
            "class": "dataset",
            "label": f"{in_language(TABLE_LABELS[table.name], table.language or 'en')}, {table.meta.as_of}",
            "source": f"OrgCoverage, {table.meta.snapshot}",
            "updated": table.meta.updated_at,
            "id": [*table.keys, METRIC_DIMENSION],
            "role": _roles(table),
            "extension": {"meta": table.meta},
        }
        return b'%b,"value":%b' % (encode(head)[:-1], b"[" if self._dense else b"{")

    def _values(self) -> Iterator[bytes]:
        """Yield the cells row by row, with their positions unless every cell exists; store the statuses."""
        separator = b""
        for rows in self._table.chunks():
            cells = b",".join(filter(None, map(self._row, rows)))
            yield separator + cells if cells else b""
            separator = b"," if cells else separator

    def _row(self, row: Sequence[Any]) -> bytes:
        start = self._position(row) * len(self._figures)
        own = self._table.subject is Subject.ENTERPRISES and row[0] == "subject"
        for number, figure in enumerate(self._figures, start):
            status = _status(figure, row, own=own)
            if status is not None:
                self._statuses.add(b'"%d":%b' % (number, encode(status)))
        cells = [row[figure.place] for figure in self._figures]
        if self._dense:
            return encode(cells)[1:-1]
        return encode({str(start + number): cell for number, cell in enumerate(cells) if cell is not None})[1:-1]

    def _position(self, row: Sequence[Any]) -> int:
        """Return the position of a row among all combinations of categories."""
        place = 0
        for dimension in self._dimensions:
            size = dimension.size
            place = place * size + dimension.position(row)
        return place


def write_jsonstat(table: FlatTable) -> Iterator[bytes]:
    """Yield the file in pieces, of which some may be empty."""
    with ExitStack() as files:
        yield from _Cube(table, files).pieces()


def _figures(table: FlatTable) -> list[_Figure]:
    """Return the categories of the metric dimension: columns that are no key, no status and no field of a key."""
    names = [column.name for column in table.columns]
    other = {"row", *table.keys, *(column.name for key in table.keys for column in _described_by(table, key))}
    return [
        _Figure(
            column,
            place,
            names.index(_status_name(column)) if _status_name(column) in names and not _is_change(column) else None,
            _absent(column, table.meta),
            _absent(column, table.meta, own=True),
        )
        for place, column in enumerate(table.columns)
        if column.name not in other and column.part != "status"
    ]


def _status_name(column: Column) -> str:
    return f"{column.name.removesuffix(f'_{column.part}') if column.part else column.name}_status"


def _is_change(column: Column) -> bool:
    return column.side.endswith(CHANGE)


def _absent(column: Column, meta: Meta, *, own: bool = False) -> Status | None:
    """Return the meaning of a null count, in an enterprise's row (`own`) or another; null for other columns."""
    if not column.figure or column.figure in METRIC or _is_change(column):
        return None
    measure = MEASURE.get(column.figure)
    if meta.disclosure.policy != "none" and not (measure and measure.public):
        return Status.PROTECTED
    if column.side:  # a branch tells its meetings, or nobody knows; what is of the subtree only is not its own
        return Status.NOT_APPLICABLE if measure_of(column.figure, of_branch=True).of_subtree else Status.UNKNOWN
    defined = not (measure and measure.register_only and meta.member_source == "returns")
    return Status.UNKNOWN if own and defined else Status.NOT_APPLICABLE


def _status(figure: _Figure, row: Sequence[Any], *, own: bool) -> str | None:
    """Return the status of a cell; null if it is `ok` or has none."""
    cell = row[figure.place]
    if figure.status_place is None:
        return (figure.absent_own if own else figure.absent) if cell is None else None
    status: str | None = row[figure.status_place]
    relevant = status != Status.OK and (cell is None or not figure.column.part)
    return status if relevant else None


def _described_by(table: FlatTable, key: str) -> Iterator[Column]:
    """Yield the columns that describe a key: all but numbers if it is the only key, else those with its prefix."""
    prefixes = sorted(map(_prefix, table.keys), key=len, reverse=True)
    for column in table.columns:
        if column.name in {"row", *table.keys} or column.figure or column.kind in _DECIMALS:
            continue
        closest = next((prefix for prefix in prefixes if column.name.startswith(prefix)), None)
        if len(prefixes) == 1 or closest == _prefix(key):
            yield column


def _prefix(key: str) -> str:
    return key.removesuffix("code") if key.endswith("code") else f"{key}_"


def _roles(table: FlatTable) -> dict[str, list[str]]:
    geo = {"district_code", "code"} if table.subject is Subject.DISTRICTS else {"district_code"}
    roles = {
        "geo": [key for key in table.keys if key in geo],
        "time": [key for key in table.keys if key == "as_of"],
        "metric": [METRIC_DIMENSION],
    }
    return {role: names for role, names in roles.items() if names}


def _metric_dimension(table: FlatTable, figures: Sequence[_Figure]) -> dict[str, Any]:
    columns = [figure.column for figure in figures]
    described = {column.name: describe(column, table.language or "en") for column in columns}
    notes = {name: [text for text in (one.definition, one.formula) if text] for name, one in described.items()}
    return {
        "label": METRIC_DIMENSION if table.language is None else in_language(_FIGURES, table.language),
        "category": {
            "index": [column.name for column in columns],
            "label": {column.name: column.heading for column in columns},
            "unit": {
                column.name: {"label": described[column.name].unit, "decimals": _DECIMALS[column.kind]}
                for column in columns
                if column.kind in _DECIMALS
            },
            "note": {name: note for name, note in notes.items() if note},
        },
    }
