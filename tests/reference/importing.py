"""What an import does, a second time: plain loops over plain rows, for small files and small registries.

A registry is a mapping of dataset to rows by key; `groups` holds the names of industry groups, apart from the rows of
`industry-groups`. Rows are mappings of column to value, null being None.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from app.imports.datasets import DATASETS, ENTERPRISE_COLUMNS_OF_LEDGER

Key = tuple[Any, ...]
Row = dict[str, Any]
Tables = dict[str, dict[Key, Row]]
Problem = tuple[int | None, str]

EVER = date.max
DISTRICT_LEVELS = ("province", "city", "county", "street", "site")
INDUSTRY_LEVELS = ("section", "division", "group", "class")
ORGANISATION_MEANS = {"standalone", "joint", "area", "industry", "attached"}
ORDERED = {
    "enterprises": (("registered_on", "closed_on", "closed_before_registered"),),
    "branches": (("established_on", "dissolved_on", "empty_interval"),),
    "coverage": (("start_on", "end_on", "empty_interval"),),
    "employments": (("start_on", "end_on", "empty_interval"),),
    "affiliations": (("start_on", "end_on", "empty_interval"),),
    "members": (("joined_on", "left_on", "left_before_joined"), ("floating_since", "floating_until", "empty_interval")),
}
PARTS = ("full_members", "members_dual", "members_under_36", "members_women", "members_college", "members_floating")
REFERENCES = {
    "districts": {"parent_code": "districts"},
    "industries": {"parent_code": "industries"},
    "industry-groups": {"industry_code": "industries"},
    "enterprises": {"district_code": "districts", "industry_code": "industries", "supersedes": "enterprises"},
    "returns": {"enterprise_code": "enterprises", "district_code": "districts", "industry_code": "industries"},
    "branches": {
        "parent_code": "branches",
        "district_code": "districts",
        "industry_code": "industries",
        "industry_group": "groups",
    },
    "coverage": {"enterprise_code": "enterprises", "branch_code": "branches"},
    "employments": {"member_ref": "members", "enterprise_code": "enterprises"},
    "affiliations": {"member_ref": "members", "branch_code": "branches"},
}
KEYS = {name: dataset.key for name, dataset in DATASETS.items()} | {"groups": ("group_code",)}
COLUMNS = {
    **{name: tuple(column.name for column in dataset.columns) for name, dataset in DATASETS.items()},
    "groups": ("group_code", "name_zh", "name_en"),
    "industry-groups": ("group_code", "industry_code"),
}
DEFAULTS = {
    ("enterprises", "kind"): "enterprise",
    ("branches", "dual_affiliation"): False,
    ("members", "identity"): "open",
}


@dataclass
class FileRow:
    """A row of a file: its number, and its cells under the headers that the file has."""

    number: int
    cells: Row


@dataclass
class Outcome:
    """What an import did: the registry afterwards, its counts, and its errors as row and rule."""

    tables: Tables
    inserted: int = 0
    changed: int = 0
    unchanged: int = 0
    deleted: int = 0
    refused: bool = False
    problems: set[Problem] = field(default_factory=set)


def empty() -> Tables:
    """Return a registry without rows."""
    return {name: {} for name in (*DATASETS, "groups") if name != "ledger"}


def import_rows(tables: Tables, dataset: str, rows: Sequence[FileRow], mode: str, on_error: str) -> Outcome:
    """Return what an import of these rows does to a registry, which stays as it is."""
    bad = {row.number: list(own_rules(dataset, row.cells)) for row in rows if mode != "delete"}
    problems = {(number, rule) for number, rules in bad.items() for rule in rules}
    problems |= {(row.number, "duplicate_key") for row in rows if is_repeated(dataset, row, rows)}
    out = {number for number, _ in problems}
    while True:
        plan = Plan(tables, dataset, rows, [row for row in rows if row.number not in out], mode, on_error)
        for rules in (plan.own_problems, plan.conflicts):
            found = set(rules())
            problems |= found
            if found and on_error == "skip":
                break
        left = {number for number, _ in found} - out
        if not found or on_error == "reject":
            break
        if not left - {None}:
            return Outcome(tables, refused=True, problems=problems)
        out |= left
    if problems and on_error == "reject":
        return Outcome(tables, refused=True, problems=problems)
    return plan.outcome(problems)


def own_rules(dataset: str, cells: Row) -> Iterator[str]:
    """Yield the rules that cells break by themselves."""
    for kind in ("enterprises", "returns") if dataset == "ledger" else (dataset,):
        for first, second, rule in ORDERED.get(kind, ()):
            early, late = cells.get(first), cells.get(second)
            if early is not None and late is not None and late <= early:
                yield rule
        if kind == "members" and cells.get("full_since") and cells["full_since"] < cells["joined_on"]:
            yield "full_before_joined"
        if kind == "returns" and "members" in cells:
            yield from (rule for part in PARTS if part in cells for rule in wrong_part(cells[part], cells["members"]))
        if kind == "coverage" and cells["means"] in ORGANISATION_MEANS and cells.get("branch_code") is None:
            yield "means_without_branch"
        if kind == "branches" and cells.get("industry_code") and cells.get("industry_group"):
            yield "two_industries"


def wrong_part(part: int | None, whole: int | None) -> Iterator[str]:
    """Yield what is wrong with a part of a count."""
    if part is not None and whole is None:
        yield "part_without_members"
    elif part is not None and whole is not None and part > whole:
        yield "part_above_members"


def is_repeated(dataset: str, row: FileRow, rows: Sequence[FileRow]) -> bool:
    """Say whether another row has the same key."""
    key = key_of(dataset, row.cells)
    return any(other is not row and key_of(dataset, other.cells) == key for other in rows)


def key_of(name: str, cells: Mapping[str, Any]) -> Key:
    """Return the key of a row."""
    return tuple(cells.get(column) for column in KEYS[name])


def overlap(one: Row, other: Row) -> bool:
    """Say whether two intervals share a day."""
    return bool(one["start_on"] < (other["end_on"] or EVER) and other["start_on"] < (one["end_on"] or EVER))


class Plan:
    """What the good rows of a file would make of a registry, and what is wrong with that."""

    def __init__(
        self,
        tables: Tables,
        dataset: str,
        rows: Sequence[FileRow],
        good: Sequence[FileRow],
        mode: str,
        on_error: str,
    ) -> None:
        self.before, self.dataset, self.rows, self.good, self.mode, self.on_error = (
            tables, dataset, rows, good, mode, on_error,
        )  # fmt: skip
        self.after = deepcopy(tables)
        self.own = "returns" if dataset == "ledger" else dataset
        self.writers: dict[tuple[str, Key], int] = {}
        self.gone: dict[tuple[str, Key], int | None] = {}
        self._remove()
        if mode != "delete":
            self._write()

    def _remove(self) -> None:
        there = self.before[self.own]
        if self.mode == "delete":
            for row in self.good:
                if (key := self._own_key(row)) in there:
                    self._drop(self.own, key, row.number)
            self._drop_emptied_groups()
        if self.mode == "replace" and (self.good or not self.rows):
            named = {self._own_key(row) for row in self.rows}
            dates = {row.cells["reported_on"] for row in self.good} if self.own == "returns" else None
            for key, old in there.items():
                if key not in named and (dates is None or old["reported_on"] in dates):
                    self._drop(self.own, key, None)
            if self.dataset == "industry-groups":
                for key in set(self.before["groups"]) - {(row.cells["group_code"],) for row in self.rows}:
                    self._drop("groups", key, None)

    def _drop_emptied_groups(self) -> None:
        if self.dataset == "industry-groups":
            lost = {key[0] for name, key in self.gone if name == "industry-groups"}
            for code in lost - {key[0] for key in self.after["industry-groups"]}:
                self._drop("groups", (code,), min(row.number for row in self.good if row.cells["group_code"] == code))

    def _drop(self, name: str, key: Key, number: int | None) -> None:
        self.gone[name, key] = number
        del self.after[name][key]

    def _own_key(self, row: FileRow) -> Key:
        return key_of(self.dataset, row.cells)

    def _write(self) -> None:
        if self.dataset == "ledger":
            for row in sorted(self.good, key=lambda row: row.cells["reported_on"]):
                self._put("enterprises", row, {k: v for k, v in row.cells.items() if k in ENTERPRISE_COLUMNS_OF_LEDGER})
        if self.dataset == "industry-groups":
            for row in reversed(self.good):
                self._put("groups", row, {k: v for k, v in row.cells.items() if k in COLUMNS["groups"]})
        for row in self.good:
            cells = dict(row.cells)
            if self.dataset == "ledger":
                cells["enterprise_code"] = cells["code"]
            self._put(self.own, row, {k: v for k, v in cells.items() if k in COLUMNS[self.own]})

    def _put(self, name: str, row: FileRow, cells: Row) -> None:
        key = key_of(name, cells)
        old = self.before[name].get(key)
        replaces = self.mode == "replace" and not (self.dataset == "ledger" and name == "enterprises")
        new: Row = {}
        for column in COLUMNS[name]:
            kept, default = (old or {}).get(column), DEFAULTS.get((name, column))
            if column == "identity":
                new[column] = cells.get(column) or kept or default
            elif column in cells:
                new[column] = default if cells[column] is None else cells[column]
            else:
                new[column] = default if replaces or old is None else kept
        self.after[name][key] = new
        self.writers.pop((name, key), None)
        if new != old:
            self.writers[name, key] = row.number

    def _written(self, name: str) -> Iterator[tuple[int, Row]]:
        for (table, key), number in self.writers.items():
            if table == name:
                yield number, self.after[name][key]

    def own_problems(self) -> Iterator[Problem]:
        """Yield what is wrong with one row, or with what it refers to."""
        yield from self._unknown_codes()
        yield from self._still_referred_to()
        yield from self._wrong_levels("districts", DISTRICT_LEVELS)
        yield from self._wrong_levels("industries", INDUSTRY_LEVELS)
        yield from self._sites()
        yield from self._without_dual()
        for name in ("enterprises", "returns", "branches", "members"):
            for number, row in self._written(name):
                yield from ((number, rule) for rule in own_rules(name, row))

    def _unknown_codes(self) -> Iterator[Problem]:
        present = set(self.rows[0].cells) if self.rows else set()
        bad = {self._own_key(row)[0] for row in self.rows if row not in self.good}
        for name, references in REFERENCES.items():
            for number, row in self._written(name):
                for column, target in references.items():
                    known = {key[0] for key in self.after[target]}
                    if target == name and self.on_error == "reject":
                        known |= bad
                    if column in present and row[column] is not None and row[column] not in known:
                        yield number, "unknown_code"

    def _still_referred_to(self) -> Iterator[Problem]:
        for (name, key), number in self.gone.items():
            for referring, references in REFERENCES.items():
                for column, target in references.items():
                    rows = [row for k, row in self.after[referring].items() if (referring, k) not in self.writers]
                    if target == name and any(row[column] == key[0] for row in rows):
                        if name == "groups" and self.mode == "delete":
                            yield from (
                                (r.number, "still_referred_to") for r in self.good if r.cells["group_code"] == key[0]
                            )
                        else:
                            yield number, "still_referred_to"

    def _wrong_levels(self, name: str, order: Sequence[str]) -> Iterator[Problem]:
        nodes = self.after[name]
        for key, node in nodes.items():
            parent = nodes.get((node["parent_code"],))
            if parent is not None and order.index(node["level"]) <= order.index(parent["level"]):
                writer = self.writers.get((name, key), self.writers.get((name, (node["parent_code"],))))
                yield writer, "level_order"

    def _sites(self) -> Iterator[Problem]:
        nodes = self.after["districts"]
        for key, node in nodes.items():
            parent = nodes.get((node["parent_code"],))
            dangling = node["parent_code"] is not None and parent is None
            if node["level"] == "site" and not dangling and (parent is None or parent["level"] != "street"):
                writer = self.writers.get(("districts", key), self.writers.get(("districts", (node["parent_code"],))))
                yield writer, "site_place"

    def _without_dual(self) -> Iterator[Problem]:
        for key, row in self.after["affiliations"].items():
            branch = self.after["branches"].get((row["branch_code"],))
            if row["role"] == "secondary" and branch is not None and not branch["dual_affiliation"]:
                writer = self.writers.get(("affiliations", key), self.writers.get(("branches", (row["branch_code"],))))
                yield writer, "secondary_without_dual"

    def conflicts(self) -> Iterator[Problem]:
        """Yield what is wrong with several rows together."""
        if self.dataset == "industry-groups" and self.mode != "delete":
            for row in self.good:
                others = [other.cells for other in self.good if other.cells["group_code"] == row.cells["group_code"]]
                if any(other.get(name) != row.cells.get(name) for other in others for name in ("name_zh", "name_en")):
                    yield row.number, "conflicting_names"
        yield from self._overlapping("employments", self._employment_rule)
        yield from self._overlapping("affiliations", self._affiliation_rule)
        for name, column, rule in (
            ("districts", "parent_code", "cycle"),
            ("industries", "parent_code", "cycle"),
            ("branches", "parent_code", "cycle"),
            ("enterprises", "supersedes", "supersedes_cycle"),
        ):
            for (table, key), number in self.writers.items():
                if table == name and self._returns_to_itself(name, key, column):
                    yield number, rule

    def _returns_to_itself(self, name: str, key: Key, column: str) -> bool:
        above = self.after[name][key][column]
        for _ in self.after[name]:
            if above == key[0]:
                return True
            above = self.after[name].get((above,), {}).get(column)
        return False

    def _overlapping(self, name: str, rule: Callable[[Row, Row], str | None]) -> Iterator[Problem]:
        severity = ["overlapping_rows", "secondary_to_primary", "second_employer", "second_primary"]
        for key, row in self.after[name].items():
            number = self.writers.get((name, key))
            others = [other for k, other in self.after[name].items() if k != key]
            broken = [found for other in others if overlap(row, other) and (found := rule(row, other))]
            if broken and number is not None:
                yield number, min(broken, key=severity.index)

    @staticmethod
    def _employment_rule(row: Row, other: Row) -> str | None:
        if row["member_ref"] != other["member_ref"]:
            return None
        return "overlapping_rows" if row["enterprise_code"] == other["enterprise_code"] else "second_employer"

    @staticmethod
    def _affiliation_rule(row: Row, other: Row) -> str | None:
        if row["member_ref"] != other["member_ref"]:
            return None
        if row["branch_code"] == other["branch_code"]:
            return "overlapping_rows" if row["role"] == other["role"] else "secondary_to_primary"
        return "second_primary" if row["role"] == other["role"] == "primary" else None

    def outcome(self, problems: set[Problem]) -> Outcome:
        """Return the registry and the counts."""
        gone = sum(name == self.own for name, _ in self.gone)
        if self.mode == "delete":
            return Outcome(self.after, 0, 0, len(self.good) - gone, gone, problems=problems)
        keys = {("returns" if self.dataset == "ledger" else self.dataset, self._own_key(row)): row for row in self.good}
        new = {row.number for (name, key), row in keys.items() if key not in self.before[name]}
        changed = set(self.writers.values()) - new
        return Outcome(self.after, len(new), len(changed), len(self.good) - len(new | changed), gone, problems=problems)
