"""Tables of statistics on a terminal: few columns, bars for ratios, marks for what is not simply so."""

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from app.catalogue.metrics import Status
from app.publication.table import Column, FlatTable, Kind

_SUBJECT = ("code", "name", "basis")
_SUBJECTS = ("district_code", "district_name", "industry_code", "industry_name", "industry_group_code",
             "industry_group_name")  # fmt: skip
_SAID = ("class", "q", "shortfall", "gap_since", "means")
"""Columns shown that are no figures: of tables with one subject, with two, and of analyses."""

_TEXT = 24
"""Width of a text, at most; what is longer is cut."""

_SHORT_TEXT = 14
"""The same on a narrow terminal."""

_FIRST_TO_GO = ("q", "enterprises")
"""Columns that a terminal too narrow for all lacks first; then the last ones."""

_SMALLEST = 0.0001
"""Smaller numbers are said to be smaller."""

_BETWEEN = 2
"""Spaces between two columns."""

_BAR = 5
_EIGHTHS = " ▏▎▍▌▋▊▉█"

_MARKS = {
    Status.LOW_BASE.value: "*",
    Status.UNRELIABLE.value: "~",
    Status.INCONSISTENT.value: "!",
    Status.UNKNOWN.value: "?",
    Status.NOT_APPLICABLE.value: "–",
    Status.PROTECTED.value: "#",
}
_LEGEND = {
    "*": "low base",
    "~": "unreliable: rounding",
    "!": "inconsistent: more than all",
    "?": "unknown",
    "–": "not applicable",
    "#": "protected",
}


def print_table(table: FlatTable, console: Console, limit: int) -> None:
    """Print at most so many rows of a table, its margins below, what marks mean, and which snapshot it is of.

    Where the terminal is too narrow, bars go first, then names are cut, then columns go; it says which.
    """
    shown = list(_shown(table.columns))
    rows = [row for piece in table.chunks() for row in piece]
    rows = [*rows[: min(limit, table.length)], *rows[table.length :]]
    printed, marks, left_out = _fitting(table.columns, shown, rows, console.width)
    console.print(printed)
    if left_out:
        console.print(f"too narrow for: {', '.join(left_out)}", style="dim")
    if table.length > limit:
        console.print(f"… and {table.length - limit:,} more; --limit shows more, --format csv all", style="dim")
    if marks:
        console.print("  ".join(f"{mark} {meaning}" for mark, meaning in _LEGEND.items() if mark in marks), style="dim")
    meta = table.meta
    basis = "" if meta.basis is None else f", basis {meta.basis}"
    console.print(f"{table.length:,} rows{basis}, members from the {meta.member_source}, {meta.snapshot}", style="dim")


def _fitting(
    columns: Sequence[Column], shown: Sequence[tuple[int, Column]], rows: Sequence[Sequence[Any]], width: int
) -> tuple[Table, set[str], list[str]]:
    """Return the widest table that fits, the marks in it, and the headings of the columns that it lacks."""
    going = [place for place in range(len(shown)) if shown[place][1].name in _FIRST_TO_GO]
    going += [place for place in range(len(shown) - 1, 0, -1) if place not in going]
    steps = [(0, True), *((number, False) for number in range(len(going) + 1))]
    for (left_out, with_bars), (text, broken) in product(steps, ((_TEXT, False), (_TEXT, True), (_SHORT_TEXT, True))):
        marks, gone = set[str](), {*going[:left_out]}
        kept = [column for place, column in enumerate(shown) if place not in gone]
        lines = [list(_cells(columns, kept, row, marks, with_bars=with_bars)) for row in rows]
        headings = [column for _, column in kept]
        widths = [*_widths(headings, lines, text, broken=broken)]
        if sum(widths) + _BETWEEN * (len(kept) - 1) <= width:
            break  # else the last is left: one column, however narrow the terminal is
    styles = [None if row[0] == "subject" else "dim" for row in rows]
    return _table(headings, widths, lines, styles), marks, [shown[place][1].heading for place in sorted(gone)]


def _widths(
    columns: Sequence[Column], lines: Sequence[Sequence[Text | str]], text: int, *, broken: bool
) -> Iterator[int]:
    """Yield how wide each column is, texts up to a width, headings of figures broken into their words or not."""
    for place, column in enumerate(columns):
        parts = column.heading.split() if broken and column.kind is not Kind.TEXT else [column.heading]
        widest = max(map(cell_len, [*parts, *(str(cells[place]) for cells in lines)]))
        yield min(widest, text) if column.kind is Kind.TEXT else widest


def _table(
    columns: Sequence[Column],
    widths: Sequence[int],
    lines: Sequence[Sequence[Text | str]],
    styles: Sequence[str | None],
) -> Table:
    made = Table(box=None, pad_edge=False, header_style="bold")
    for column, width in zip(columns, widths, strict=True):
        # The cells of rates are of one width, marks included.
        left = column.kind is Kind.TEXT or _is_rate(column)
        made.add_column(
            column.heading, justify="left" if left else "right", no_wrap=column.kind is Kind.TEXT, width=width
        )
    for style, cells in zip(styles, lines, strict=True):
        made.add_row(*cells, style=style)
    return made


def bar(ratio: float) -> str:
    """Return a ratio as a bar, exact to an eighth of a character; beyond 1 it is full."""
    eighths = round(min(max(ratio, 0.0), 1.0) * _BAR * 8)
    full, rest = divmod(eighths, 8)
    return (_EIGHTHS[8] * full + (_EIGHTHS[rest] if rest else "")).ljust(_BAR)


def _shown(columns: Sequence[Column]) -> Iterator[tuple[int, Column]]:
    """Yield the columns that are shown, with their places: of branches the figures of the subtree."""
    names = {column.name for column in columns}
    beside = {*_SAID, *(_SUBJECT if names & set(_SUBJECT) else _SUBJECTS)}
    for place, column in enumerate(columns):
        if column.name in beside or (column.figure and not column.part and column.side != "own"):
            yield place, column


def _cells(
    columns: Sequence[Column],
    shown: Sequence[tuple[int, Column]],
    row: Sequence[Any],
    seen: set[str],
    *,
    with_bars: bool,
) -> Iterator[Text | str]:
    statuses = {column.figure: row[place] for place, column in enumerate(columns) if column.part == "status"}
    first = True
    for place, column in shown:
        cell = row[place]
        if first and cell is None and row[0] != "subject":
            cell = row[0]
        first = False
        if _is_rate(column):
            yield _rate(cell, _MARKS.get(statuses.get(column.figure) or "", ""), seen, with_bar=with_bars)
        else:
            yield _plain(cell)


def _is_rate(column: Column) -> bool:
    return column.kind is Kind.RATIO and bool(column.figure)


def _rate(value: float | None, mark: str, seen: set[str], *, with_bar: bool) -> Text:
    if mark:
        seen.add(mark)
    if value is None:
        return Text(mark)
    number = f" {value:6.1%}{mark or ' '}"
    return Text.assemble((bar(value), "cyan"), number) if with_bar else Text(number)


def _plain(cell: Any) -> str:
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, int):
        return f"{cell:,}"
    if isinstance(cell, float):
        return "<0.0001" if 0 < cell < _SMALLEST else f"{cell:.3g}"
    return str(cell)
