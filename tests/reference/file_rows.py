"""Rows of files and of registries, plainly, and what a row of a file shows by itself.

A registry is a mapping of dataset to rows by key; `groups` holds the names of industry groups, apart from the rows of
`industry-groups`. Rows are mappings of column to value, null being None.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.imports.columns import Kind
from app.imports.datasets import DATASETS

Key = tuple[Any, ...]
Row = dict[str, Any]
Tables = dict[str, dict[Key, Row]]
Problem = tuple[int | None, str]

ORGANISATION_MEANS = {"standalone", "joint", "area", "industry", "attached"}
ORDERED = {
    "enterprises": (("registered_on", "closed_on", "closed_before_registered"),),
    "branches": (("established_on", "dissolved_on", "empty_interval"),),
    "coverage": (("start_on", "end_on", "empty_interval"),),
    "employments": (("start_on", "end_on", "empty_interval"),),
    "affiliations": (("start_on", "end_on", "empty_interval"),),
    "members": (("joined_on", "left_on", "left_before_joined"), ("floating_since", "floating_until", "empty_interval")),
}
PARTS = {
    "members": ("full_members", "members_dual", "members_under_36", "members_women", "members_college",
                "members_floating"),
    "headcount": ("headcount_under_36", "headcount_women", "headcount_college"),
}  # fmt: skip
KEYS = {name: dataset.key for name, dataset in DATASETS.items()} | {"groups": ("group_code",)}
COLUMNS = {
    **{name: tuple(column.name for column in dataset.columns) for name, dataset in DATASETS.items()},
    "groups": ("group_code", "name_zh", "name_en"),
    "industry-groups": ("group_code", "industry_code"),
}
UNREAD = {
    Kind.CODE: "invalid_code",
    Kind.REF: "invalid_code",
    Kind.TEXT: "invalid_text",
    Kind.DATE: "invalid_date",
    Kind.MONTH: "invalid_month",
    Kind.COUNT: "invalid_count",
    Kind.YEAR: "invalid_year",
    Kind.BOOLEAN: "invalid_boolean",
    Kind.ENUMERATION: "invalid_choice",
    Kind.FRACTION: "invalid_fraction",
}


@dataclass
class FileRow:
    """A row of a file: its number, its cells under the headers that the file has, and which cannot be read (None)."""

    number: int
    cells: Row
    unread: frozenset[str] = frozenset()


def empty() -> Tables:
    """Return a registry without rows."""
    return {name: {} for name in (*DATASETS, "groups") if name != "ledger"}


def row_problems(dataset: str, rows: Sequence[FileRow], mode: str) -> set[Problem]:
    """Return what is wrong with rows by themselves, or because their key stands twice."""
    problems: set[Problem] = {
        (row.number, UNREAD[DATASETS[dataset].column(name).kind]) for row in rows for name in row.unread
    }
    if mode != "delete":
        problems |= {(row.number, rule) for row in rows for rule in own_rules(dataset, row.cells, row.unread)}
    return problems | {(row.number, "duplicate_key") for row in rows if is_repeated(dataset, row, rows)}


def own_rules(dataset: str, cells: Row, unread: frozenset[str]) -> Iterator[str]:
    """Yield the rules that cells break by themselves; a cell that cannot be read breaks none."""
    for kind in ("enterprises", "returns") if dataset == "ledger" else (dataset,):
        for first, second, rule in ORDERED.get(kind, ()):
            early, late = cells.get(first), cells.get(second)
            if early is not None and late is not None and late <= early:
                yield rule
        joined, full = cells.get("joined_on"), cells.get("full_since")
        if kind == "members" and joined is not None and full is not None and full < joined:
            yield "full_before_joined"
        for whole, parts in PARTS.items() if kind == "returns" else ():
            if whole in cells and whole not in unread:
                yield from (
                    f"{rule}_{whole}"
                    for part in parts
                    if part in cells
                    for rule in wrong_part(cells[part], cells[whole])
                )
        blank = "branch_code" not in unread and cells.get("branch_code") is None
        if kind == "coverage" and cells["means"] in ORGANISATION_MEANS and blank:
            yield "means_without_branch"
        if kind == "branches" and cells.get("industry_code") and cells.get("industry_group"):
            yield "two_industries"
        if kind == "targets" and sum(map(bool, map(cells.get, ("industry_code", "industry_group", "sector")))) > 1:
            yield "several_scopes"


def wrong_part(part: int | None, whole: int | None) -> Iterator[str]:
    """Yield what is wrong with a part of a count."""
    if part is not None and whole is None:
        yield "part_without"
    elif part is not None and whole is not None and part > whole:
        yield "part_above"


def is_repeated(dataset: str, row: FileRow, rows: Sequence[FileRow]) -> bool:
    """Say whether another row has the same key, both of them readable."""
    key, names = key_of(dataset, row.cells), set(KEYS[dataset])
    others = [other for other in rows if other is not row and not other.unread & names]
    return not row.unread & names and any(key_of(dataset, other.cells) == key for other in others)


def key_of(name: str, cells: Mapping[str, Any]) -> Key:
    """Return the key of a row."""
    return tuple(cells.get(column) for column in KEYS[name])
