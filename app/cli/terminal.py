"""Tables of statistics on a terminal: few columns, bars for ratios, marks for statuses."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import product
from typing import TYPE_CHECKING, Any

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from app.catalogue.metrics import Status
from app.catalogue.values import chinese_of, yes_or_no
from app.messages import say
from app.publication.table import Column, Kind, Language, label_of
from orgcoverage.frames import Catalogue

if TYPE_CHECKING:
    import pandas as pd

_SUBJECT = ("code", "name", "basis")
_SUBJECTS = ("kind", "district_code", "district_name", "industry_code", "industry_name", "industry_group_code",
             "industry_group_name", "enterprise_kind", "sector", "ownership", "size_class", "basis")  # fmt: skip
_ANALYSIS = ("as_of", "class", "q_margin", "shortfall", "gap_since", "means", "rule", "number", "account", "component",
             "stratum_code", "value", "home_code", "joint_branch_code", "branch_code",
             "members_without_dual")  # fmt: skip
"""Columns shown besides figures: of tables with one subject, with others, and of analyses."""

_SUBJECT_ROW = "subject"

_KINDS = {"Int64": Kind.COUNT, "float64": Kind.NUMBER, "boolean": Kind.FLAG}
"""What a column is by its type in a frame; dates and texts are told apart."""

_TEXT_WIDTH = 24
"""Longest text, characters; longer ones are cut."""

_NARROW_TEXT_WIDTH = 14
"""The same on a narrow terminal."""

_FIRST_LEFT_OUT = ("q_margin", "enterprises")
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


def print_table(
    frame: "pd.DataFrame", catalogue: Mapping[str, Any], console: Console, limit: int, language: Language
) -> None:
    """Print at most `limit` rows of a table, its totals below, a legend of marks, and its snapshot.

    Where the terminal is too narrow, bars are left out first, then texts are cut, then columns left out and listed.

    Parameters
    ----------
    frame, catalogue
        As the Python client gives them.
    limit
        Most rows of subjects.
    language
        Of headings, names and all else that is said.
    """
    named = _with_one_name(frame, language)
    columns = list(_columns(named, Catalogue(catalogue), language))
    subjects = (named["row"] == _SUBJECT_ROW).to_numpy()
    number = int(subjects.sum())
    rows = [*_rows(named[subjects][:limit], columns, language), *_rows(named[~subjects], columns, language)]
    printed, marks, left_out = _fit(columns, list(_shown(columns)), rows, console.width)
    console.print(printed)
    if left_out:
        lacking = say("too narrow for: {columns}", columns=", ".join(left_out))
        console.print(lacking.said(language), style="dim")
    if number > limit:
        more = say("… and {number:,} more; --limit shows more, --format csv all", number=number - limit)
        console.print(more.said(language), style="dim")
    if marks:
        legend = (f"{mark} {meaning.said(language)}" for mark, meaning in _LEGEND.items() if mark in marks)
        console.print("  ".join(legend), style="dim")
    foot = _foot(frame.attrs["meta"], number, language)
    console.print(foot, style="dim")


def _foot(meta: Mapping[str, Any], rows: int, language: Language) -> str:
    """Return what the figures rest on, as one line."""
    basis, source = (_word(name, meta[name], language) for name in ("basis", "member_source"))
    rests = say(
        "{rows:,} rows{basis}, members from the {source}, {snapshot}",
        rows=rows,
        basis="" if basis is None else say(", basis {basis}", basis=basis),
        source=source,
        snapshot=meta["snapshot"],
    )
    return rests.said(language)


def _with_one_name(frame: "pd.DataFrame", language: Language) -> "pd.DataFrame":
    """Return a table with one name in place of two: a missing English one is the Chinese."""
    own = frame.copy(deep=False)
    for chinese in [column for column in frame.columns if column.endswith("name_zh")]:
        english = own.pop(f"{chinese.removesuffix('_zh')}_en")
        if language == "en":
            own[chinese] = english.fillna(own[chinese])
    return own.rename(columns=lambda name: name.removesuffix("_zh") if name.endswith("name_zh") else name)


def _columns(frame: "pd.DataFrame", catalogue: Catalogue, language: Language) -> Iterator[Column]:
    for name, dtype in frame.dtypes.items():
        figure = catalogue.figure(str(name))
        kind = _KINDS.get(str(dtype), Kind.DATE if dtype.kind == "M" else Kind.TEXT)
        if figure is None:
            column = Column(str(name), "", kind)
        else:
            kind = Kind.RATIO if kind is Kind.NUMBER and figure.part != "n_eff" else kind
            column = Column(str(name), "", kind, figure.code, figure.part, figure.side)
        yield replace(column, heading=_heading(column, language))


def _heading(column: Column, language: Language) -> str:
    """Return the heading of a column; its code if a later service has sent it."""
    try:
        return label_of(column, language)
    except KeyError:
        return column.name


def _rows(frame: "pd.DataFrame", columns: Sequence[Column], language: Language) -> Iterator[list[Any]]:
    """Yield the cells of each row; null is None, flags are words, and so are values of enumerations in Chinese."""
    for cells in frame.astype(object).where(frame.notna(), None).to_numpy().tolist():
        yield [
            cell if column.figure or cell == _SUBJECT_ROW else _word(column.name, cell, language)
            for column, cell in zip(columns, cells, strict=True)
        ]


def _word(column: str, cell: Any, language: Language) -> Any:
    """Return a cell as people read it."""
    if isinstance(cell, bool):
        return yes_or_no(cell) if language == "zh" else "yes" if cell else "no"
    chinese = chinese_of(column) if language == "zh" and isinstance(cell, str) else None
    return cell if chinese is None else chinese(cell)


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
    styles = [None if row[0] == _SUBJECT_ROW else "dim" for row in rows]
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
        if first and cell is None and row[0] != _SUBJECT_ROW:
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
    if isinstance(cell, datetime):
        return f"{cell:%Y-%m-%d}"
    if isinstance(cell, int):
        return f"{cell:,}"
    if isinstance(cell, float):
        return "<0.0001" if 0 < cell < _SMALLEST else f"{cell:.3g}"
    return str(cell)
