"""Tables of statistics on a terminal: few columns, bars for ratios, marks for statuses."""

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from app.catalogue.metrics import Status
from app.cli.words import told
from app.messages import say
from app.publication.table import Column, FlatTable, Kind

_SUBJECT = ("code", "name", "basis")
_SUBJECTS = ("district_code", "district_name", "industry_code", "industry_name", "industry_group_code",
             "industry_group_name")  # fmt: skip
_ANALYSIS = ("class", "q", "shortfall", "gap_since", "means")
"""Columns shown besides figures: of tables with one subject, with two, and of analyses."""

_TEXT_WIDTH = 24
"""Longest text, characters; longer ones are cut."""

_NARROW_TEXT_WIDTH = 14
"""The same on a narrow terminal."""

_FIRST_LEFT_OUT = ("q", "enterprises")
"""Columns left out first where the terminal is too narrow; then the last ones."""

_SMALLEST = 0.0001
"""Smaller numbers are printed as less than this."""

_GAP = 2
"""Spaces between two columns."""

_BAR_WIDTH = 5
"""Width of a bar, characters."""

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
    "*": say("low base"),
    "~": say("unreliable: rounding"),
    "!": say("inconsistent: more than all"),
    "?": say("unknown"),
    "–": say("not applicable"),
    "#": say("protected"),
}


def print_table(table: FlatTable, console: Console, limit: int) -> None:
    """Print at most `limit` rows of a table, its totals below, a legend of marks, and its snapshot.

    Where the terminal is too narrow, bars are left out first, then texts are cut, then columns left out and listed.
    """
    shown = list(_shown(table.columns))
    rows = [row for piece in table.chunks() for row in piece]
    rows = [*rows[: min(limit, table.length)], *rows[table.length :]]
    printed, marks, left_out = _fit(table.columns, shown, rows, console.width)
    console.print(printed)
    if left_out:
        console.print(told("too narrow for: {columns}", columns=", ".join(left_out)), style="dim")
    if table.length > limit:
        more = told("… and {number:,} more; --limit shows more, --format csv all", number=table.length - limit)
        console.print(more, style="dim")
    if marks:
        legend = (f"{mark} {told(meaning)}" for mark, meaning in _LEGEND.items() if mark in marks)
        console.print("  ".join(legend), style="dim")
    meta = table.meta
    basis = "" if meta.basis is None else told(", basis {basis}", basis=meta.basis)
    rests = told(
        "{rows:,} rows{basis}, members from the {source}, {snapshot}",
        rows=table.length,
        basis=basis,
        source=say(meta.member_source),
        snapshot=meta.snapshot,
    )
    console.print(rests, style="dim")


def bar(ratio: float) -> str:
    """Return a ratio as a bar, to an eighth of a character; above 1 it is full."""
    eighths = round(min(max(ratio, 0.0), 1.0) * _BAR_WIDTH * 8)
    full, rest = divmod(eighths, 8)
    return (_EIGHTHS[8] * full + (_EIGHTHS[rest] if rest else "")).ljust(_BAR_WIDTH)


def _shown(columns: Sequence[Column]) -> Iterator[tuple[int, Column]]:
    """Yield the columns that are shown, with their positions; of branches only the figures of the subtree."""
    names = {column.name for column in columns}
    named = {*_ANALYSIS, *(_SUBJECT if names & set(_SUBJECT) else _SUBJECTS)}
    for place, column in enumerate(columns):
        if column.name in named or (column.figure and not column.part and column.side != "own"):
            yield place, column


def _fit(
    columns: Sequence[Column], shown: Sequence[tuple[int, Column]], rows: Sequence[Sequence[Any]], width: int
) -> tuple[Table, set[str], list[str]]:
    """Return the widest table that fits, the marks in it, and the headings of the columns left out."""
    removable = [place for place in range(len(shown)) if shown[place][1].name in _FIRST_LEFT_OUT]
    removable += [place for place in range(len(shown) - 1, 0, -1) if place not in removable]
    steps = [(0, True), *((number, False) for number in range(len(removable) + 1))]
    texts = ((_TEXT_WIDTH, False), (_TEXT_WIDTH, True), (_NARROW_TEXT_WIDTH, True))
    for (removed, with_bars), (text, broken) in product(steps, texts):
        marks, left_out = set[str](), {*removable[:removed]}
        visible = [column for place, column in enumerate(shown) if place not in left_out]
        lines = [list(_cells(columns, visible, row, marks, with_bars=with_bars)) for row in rows]
        headings = [column for _, column in visible]
        widths = [*_widths(headings, lines, text, broken=broken)]
        if sum(widths) + _GAP * (len(visible) - 1) <= width:
            break  # else the last one is used: one column, however narrow the terminal
    styles = [None if row[0] == "subject" else "dim" for row in rows]
    return _table(headings, widths, lines, styles), marks, [shown[place][1].heading for place in sorted(left_out)]


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


def _widths(
    columns: Sequence[Column], lines: Sequence[Sequence[Text | str]], text: int, *, broken: bool
) -> Iterator[int]:
    """Yield the width of each column: texts at most `text`, headings of figures wrapped at spaces if `broken`."""
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
    printed = Table(box=None, pad_edge=False, header_style="bold")
    for column, width in zip(columns, widths, strict=True):
        # All cells of rates have the same width, marks included.
        left = column.kind is Kind.TEXT or _is_rate(column)
        printed.add_column(
            column.heading, justify="left" if left else "right", no_wrap=column.kind is Kind.TEXT, width=width
        )
    for style, cells in zip(styles, lines, strict=True):
        printed.add_row(*cells, style=style)
    return printed


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
        return told("yes") if cell else told("no")
    if isinstance(cell, int):
        return f"{cell:,}"
    if isinstance(cell, float):
        return "<0.0001" if 0 < cell < _SMALLEST else f"{cell:.3g}"
    return str(cell)
