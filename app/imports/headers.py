"""Matching the titles of a file to the columns of its dataset, with all errors."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from app.errors import ErrorCode, ErrorItem, closest
from app.imports.columns import Column, Dataset
from app.imports.refusals import FileRefused
from app.imports.spellings import chinese_titles, column_named, columns_by_title, is_ignored, normal
from app.imports.tables import table
from app.messages import say

LONGEST_TITLE = 100
"""Longest part of a title shown in an error, characters."""


SUGGESTED_TITLES = 50
"""Titles for which the closest columns are suggested; a file with more wrong titles is another table."""

_LONG_NUMBER = re.compile(r"\d{6}")


class HeaderRefused(FileRefused):
    """The header row does not fit the dataset; `errors` lists every title that is wrong or missing."""

    code = "header-refused"
    title = "Unusable header"


@dataclass(frozen=True)
class Field:
    """One column of a file.

    Parameters
    ----------
    title
        Its header as written; empty if it has none.
    column
        The column of the dataset; null: not imported (unknown, without a title, or not part of the key).

    must_be_blank
        Whether a cell below it is an error: it has no title, and unknown columns are not ignored.
    """

    title: str
    column: Column | None
    must_be_blank: bool = False


def match_titles(
    titles: Sequence[str], dataset: Dataset, *, ignore_unknown: bool = False, keys_only: bool = False
) -> tuple[Field, ...]:
    """Return a field for each title, by position.

    Parameters
    ----------
    titles
        The header row as written in the file.
    ignore_unknown
        Whether unknown titles are ignored; those of personal data are always refused.
    keys_only
        Whether only the columns of the key are imported (a file of mode `delete`); the others are ignored.

    Raises
    ------
    HeaderRefused
        Unknown, refused, repeated or missing titles, all of them.
    """
    columns = [column_named(title, dataset) for title in titles]
    errors = [
        *_unknown(titles, dataset, ignore_unknown=ignore_unknown),
        *_repeated(titles, columns),
        *_missing(columns, dataset, keys_only=keys_only),
    ]
    if errors:
        message = say("The header of the file does not fit dataset {dataset}.", dataset=say(dataset.name))
        raise HeaderRefused(message, errors)
    return tuple(
        Field(
            title,
            column if not keys_only or (column and column.name in dataset.key) else None,
            must_be_blank=not normal(title) and not ignore_unknown,
        )
        for title, column in zip(titles, columns, strict=True)
    )


def recognised(titles: Sequence[str], dataset: Dataset) -> int:
    """Return how many titles name a column of the dataset."""
    return sum(column_named(title, dataset) is not None for title in titles)


HEADER_WITHIN = 20
"""Rows at the top of a file among which its header is searched; above it are titles, dates and units."""

_TWO = 2


def is_header(cells: Sequence[str], dataset: Dataset, least: int = _TWO) -> bool:
    """Say whether most cells of a row are known headers, and at least `least` are columns of the dataset."""
    written = [cell for cell in cells if normal(cell)]
    own = [column_named(cell, dataset) for cell in written]
    named = {column.name for column in own if column is not None}
    known = len(written) - own.count(None)
    others = sum(is_ignored(cell, dataset) or refused_subject(cell, dataset) is not None for cell in written)
    return len(named) >= least and 2 * (known + others) > len(written)


def header_place(rows: Sequence[Sequence[str]], dataset: Dataset) -> int:
    """Return the index of the header among the first rows of a file.

    The first row with mostly known headers, two of them the dataset's own; else the first with one (a file of keys);
    else the one with the most known headers, so that its errors can be shown; else the first row.
    """
    for least in (_TWO, 1):
        found = next((place for place, cells in enumerate(rows) if is_header(cells, dataset, least)), None)
        if found is not None:
            return found
    written = [place for place, cells in enumerate(rows) if any(normal(cell) for cell in cells)]
    return max(written, key=lambda place: (recognised(rows[place], dataset), -place), default=0)


def refused_subject(title: str, dataset: Dataset) -> str | None:
    """Return the personal data that a title names (a name, a number, a telephone); null: none.

    A title of the dataset's own columns is never refused.
    """
    row = _refusing(title, dataset)
    return None if row is None else row["subject"]


def _refusing(title: str, dataset: Dataset) -> Mapping[str, str] | None:
    if column_named(title, dataset) is not None:
        return None
    return next(
        (
            row
            for row in table("refused_headers.csv")
            if dataset.name in (row["applies_to"] or dataset.name).split(";")
            and any(_speaks_of(title, row["match"], pattern) for pattern in row["pattern"].split(";"))
        ),
        None,
    )


def shown_title(title: str, position: int) -> str:
    """Return how errors show a title: shortened; by its position if it is empty or contains a long number.

    A file without a header row has personal data in place of the titles.
    """
    text = " ".join(title.split())
    place = f"no. {position + 1}"
    return place if not text or _LONG_NUMBER.search(text) else text[:LONGEST_TITLE]


def _speaks_of(title: str, match: str, pattern: str) -> bool:
    if match == "exact":
        return normal(title) == normal(pattern)
    if match == "contains":
        return normal(pattern) in normal(title)
    return f" {pattern} " in f" {_words(title)} "


def _words(title: str) -> str:
    """Return the Latin words of a title, in lower case, separated by single spaces: `phoneNumber` is two."""
    half_width = unicodedata.normalize("NFKC", title)
    return " ".join(re.findall(r"[A-Z]*[a-z]+|[A-Z]+|\d+", half_width)).casefold()


def _unknown(titles: Sequence[str], dataset: Dataset, *, ignore_unknown: bool) -> Iterator[ErrorItem]:
    for position, title in enumerate(titles):
        shown = shown_title(title, position)
        if refusing := _refusing(title, dataset):
            subject = {"subject": refusing["subject"], "subject_zh": refusing["subject_zh"]}
            message = say("column {column} is refused: it looks like {subject}", column=shown, **subject)
            yield ErrorItem(ErrorCode.REFUSED_COLUMN, _place(shown), message)
        elif is_unknown(title, dataset) and not ignore_unknown:
            offered = _closest(title, dataset) if position < SUGGESTED_TITLES else ()
            message = say("unknown column {column}", column=shown)
            yield ErrorItem(ErrorCode.UNKNOWN_COLUMN, _place(shown), message, suggestions=offered)


def is_unknown(title: str, dataset: Dataset) -> bool:
    """Say whether a title is unknown: neither a column of the dataset nor one that every file may have."""
    return bool(normal(title)) and column_named(title, dataset) is None and not is_ignored(title, dataset)


def _closest(title: str, dataset: Dataset) -> tuple[str, ...]:
    """Return the titles closest to an unknown one, or all names if none is close."""
    known = columns_by_title(dataset)
    near = closest(normal(title)[:LONGEST_TITLE], known, most=3, alike=0.6)
    names = dict.fromkeys(known[title].name for title in near)
    return tuple(names) or tuple(column.name for column in dataset.columns)


def _repeated(titles: Sequence[str], columns: Sequence[Column | None]) -> Iterator[ErrorItem]:
    counts = Counter(column.name for column in columns if column)
    for name, count in counts.items():
        if count > 1:
            named = [
                title.strip() for title, column in zip(titles, columns, strict=True) if column and column.name == name
            ]
            message = say(
                "column {column} stands {count} times: {titles}", column=name, count=count, titles=", ".join(named)
            )
            yield ErrorItem(ErrorCode.REPEATED_COLUMN, _place(name), message)


def _missing(columns: Sequence[Column | None], dataset: Dataset, *, keys_only: bool) -> Iterator[ErrorItem]:
    present = {column.name for column in columns if column}
    chinese = chinese_titles(dataset)
    for column in dataset.columns:
        needed = column.required and (column.name in dataset.key or not keys_only)
        if needed and column.name not in present:
            accepted = (column.name, *chinese.get(column.name, ()))
            message = say("required column {column} is missing", column=column.name, column_zh=accepted[:2][-1])
            yield ErrorItem(ErrorCode.MISSING_COLUMN, _place(column.name), message, suggestions=accepted)


def _place(title: str) -> str:
    return f"column/{title}"
