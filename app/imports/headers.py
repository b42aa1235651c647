"""From the titles of a file to the columns of its dataset, and all that is wrong with them."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from app.errors import ErrorItem, InvalidRequest, closest
from app.imports.columns import Column, Dataset
from app.imports.spellings import chinese_titles, columns_by_title, normal, table

LONGEST_TITLE = 100
"""Characters of a title that an error repeats."""


SUGGESTED_TITLES = 50
"""Titles for which the closest columns are looked up; more are another table than was meant."""

_LONG_NUMBER = re.compile(r"\d{6}")


class HeaderRefused(InvalidRequest):
    """The header row does not fit the dataset; `errors` lists every title that is wrong or missing."""

    code = "header-refused"
    title = "Unusable header"


@dataclass(frozen=True)
class Field:
    """One column of a file.

    Parameters
    ----------
    title
        Its header as written; empty where it has none.
    column
        The column of the dataset that it holds; null: it is not taken in (unknown, without a title, not of the key).

    must_be_blank
        Whether a cell below it is a mistake: it has no title, and unknown columns are not passed over.
    """

    title: str
    column: Column | None
    must_be_blank: bool = False


def match_titles(
    titles: Sequence[str], dataset: Dataset, *, ignore_unknown: bool = False, keys_only: bool = False
) -> tuple[Field, ...]:
    """Return a field per title, by position.

    Parameters
    ----------
    titles
        The header row as it stands in the file.
    ignore_unknown
        Whether unknown titles are passed over; those that speak of a person are refused all the same.
    keys_only
        Whether only the columns of the key are wanted (a file of mode `delete`); the others are passed over.

    Raises
    ------
    HeaderRefused
        Unknown, refused, repeated or missing titles, all of them.
    """
    known = columns_by_title(dataset)
    columns = [known.get(normal(title)) for title in titles]
    errors = [
        *_unknown(titles, dataset, ignore_unknown=ignore_unknown),
        *_repeated(titles, columns),
        *_missing(columns, dataset, keys_only=keys_only),
    ]
    if errors:
        raise HeaderRefused(f"The header of the file does not fit dataset {dataset.name}.", errors)
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
    known = columns_by_title(dataset)
    return sum(normal(title) in known for title in titles)


def refused_subject(title: str, dataset: Dataset) -> str | None:
    """Return what a title speaks of that no file may bring (a name, a number, a telephone); null: nothing.

    A title of the dataset's own columns is never refused.
    """
    if normal(title) in columns_by_title(dataset):
        return None
    return next(
        (
            row["subject"]
            for row in table("refused_headers.csv")
            if dataset.name in (row["applies_to"] or dataset.name).split(";")
            and any(_speaks_of(title, row["match"], pattern) for pattern in row["pattern"].split(";"))
        ),
        None,
    )


def shown_title(title: str, position: int) -> str:
    """Return how a title may be repeated: shortened; by its place alone where it is empty or has a long number.

    A file without a header row has persons' data where the titles should be.
    """
    text = " ".join(title.split())
    place = f"no. {position + 1}"
    return place if not text or _LONG_NUMBER.search(text) else text[:LONGEST_TITLE]


def _speaks_of(title: str, match: str, pattern: str) -> bool:
    if match == "exact":
        return normal(title) == normal(pattern)
    if match == "contains":
        return pattern in normal(title)
    return f" {pattern} " in f" {_words(title)} "


def _words(title: str) -> str:
    """Return the Latin words of a title, in lower case, single spaces between: `phoneNumber` is two."""
    half_width = unicodedata.normalize("NFKC", title)
    return " ".join(re.findall(r"[A-Z]*[a-z]+|[A-Z]+|\d+", half_width)).casefold()


def _unknown(titles: Sequence[str], dataset: Dataset, *, ignore_unknown: bool) -> Iterator[ErrorItem]:
    known = columns_by_title(dataset)
    for position, title in enumerate(titles):
        shown = shown_title(title, position)
        if subject := refused_subject(title, dataset):
            yield ErrorItem(_pointer(shown), f"column {shown} is refused: it looks like {subject}")
        elif normal(title) and normal(title) not in known and not ignore_unknown:
            offered = _closest(title, dataset) if position < SUGGESTED_TITLES else ()
            yield ErrorItem(_pointer(shown), f"unknown column {shown}", offered)


def _closest(title: str, dataset: Dataset) -> tuple[str, ...]:
    """Return the titles nearest to an unknown one, or all names where none is near."""
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
            yield ErrorItem(_pointer(name), f"column {name} stands {count} times: {', '.join(named)}")


def _missing(columns: Sequence[Column | None], dataset: Dataset, *, keys_only: bool) -> Iterator[ErrorItem]:
    present = {column.name for column in columns if column}
    chinese = chinese_titles(dataset)
    for column in dataset.columns:
        needed = column.required and (column.name in dataset.key or not keys_only)
        if needed and column.name not in present:
            accepted = (column.name, *chinese.get(column.name, ()))
            yield ErrorItem(_pointer(column.name), f"required column {column.name} is missing", accepted)


def _pointer(title: str) -> str:
    return f"body/columns/{title}"
