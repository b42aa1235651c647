"""What chosen rows of a file would make of a registry, and which rules between rows that breaks: plain loops."""

from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import date

from app.imports.datasets import ENTERPRISE_COLUMNS_OF_LEDGER
from tests.reference.file_rows import (
    COLUMNS,
    KEYS,
    FileRow,
    Key,
    Problem,
    Row,
    Tables,
    is_repeated,
    key_of,
    own_rules,
)
from tests.reference.registry import DISTRICT_LEVELS, INDUSTRY_LEVELS, REFERENCES
from tests.reference.scopes import BELONGS, NAMES, Inside

EVER = date.max
DEFAULTS = {
    ("enterprises", "kind"): "enterprise",
    ("branches", "dual_affiliation"): False,
    ("members", "identity"): "open",
}


@dataclass
class Written:
    """A row that an import brings: where, from which row of the file, as it would be, and whether that is new."""

    name: str
    key: Key
    row: FileRow
    cells: Row
    is_new: bool


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


def overlap(one: Row, other: Row) -> bool:
    """Say whether two intervals share a day."""
    return bool(one["start_on"] < (other["end_on"] or EVER) and other["start_on"] < (one["end_on"] or EVER))


class Plan:
    """What chosen rows of a file would make of a registry, and what is wrong with that.

    `invalid` are the numbers of those that are wrong by themselves; such a plan is only asked, never carried out.
    """

    def __init__(
        self,
        tables: Tables,
        dataset: str,
        rows: Sequence[FileRow],
        chosen: Sequence[FileRow],
        mode: str,
        invalid: frozenset[int | None] = frozenset(),
        inside: Inside | None = None,
    ) -> None:
        self.inside = inside
        self.before, self.dataset, self.rows, self.chosen, self.mode, self.invalid = (
            tables, dataset, rows, chosen, mode, invalid,
        )  # fmt: skip
        self.after = deepcopy(tables)
        self.own = "returns" if dataset == "ledger" else dataset
        self.written: list[Written] = []
        self.gone: list[tuple[str, Key, int | None]] = []
        self._remove()
        if mode != "delete":
            self._write()

    def _remove(self) -> None:
        there = self.before[self.own]
        if self.mode == "delete":
            for row in self.chosen:
                if (key := self._own_key(row)) in there:
                    self._drop(self.own, key, row.number)
            self._drop_emptied_groups()
        if self.mode == "replace" and (self.chosen or not self.rows) and all(map(self._names_something, self.chosen)):
            named = {self._own_key(row) for row in self.rows}
            dated = {"returns": "reported_on", "branch-returns": "period_on"}.get(self.own, "")
            dates = {row.cells[dated] for row in self.chosen} if dated else None
            for key, old in there.items():
                reach = self.inside is None or self.inside.row(self.own, old)
                if reach and key not in named and (dates is None or old[dated] in dates):
                    self._drop(self.own, key, None)
            if self.dataset == "industry-groups":
                for key in set(self.before["groups"]) - {(row.cells["group_code"],) for row in self.rows}:
                    self._drop("groups", key, None)

    def _names_something(self, row: FileRow) -> bool:
        return not row.unread & set(KEYS[self.dataset])

    def _drop_emptied_groups(self) -> None:
        if self.dataset == "industry-groups":
            lost = {key[0] for name, key, _ in self.gone if name == "industry-groups"}
            for code in lost - {key[0] for key in self.after["industry-groups"]}:
                rows = [row for row in self.chosen if self._own_key(row) in self.before["industry-groups"]]
                self._drop("groups", (code,), min(row.number for row in rows if row.cells["group_code"] == code))

    def _drop(self, name: str, key: Key, number: int | None) -> None:
        self.gone.append((name, key, number))
        self.after[name].pop(key, None)

    def _own_key(self, row: FileRow) -> Key:
        return key_of(self.dataset, row.cells)

    def _write(self) -> None:
        if self.dataset == "ledger":
            for row in sorted(self.chosen, key=lambda row: (row.cells["reported_on"] or date.min, -row.number)):
                self._put("enterprises", row, {k: v for k, v in row.cells.items() if k in ENTERPRISE_COLUMNS_OF_LEDGER})
        if self.dataset == "industry-groups":
            for row in reversed(self.chosen):
                self._put("groups", row, {k: v for k, v in row.cells.items() if k in COLUMNS["groups"]})
        for row in self.chosen:
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
                new[column] = None if column in row.unread else default if cells[column] is None else cells[column]
            else:
                new[column] = default if replaces or old is None else kept
        if name != self.own:  # of several rows of a ledger for one enterprise the last to come speaks
            self.written = [one for one in self.written if (one.name, one.key) != (name, key)]
        if new != old or row.number in self.invalid:
            self.written.append(Written(name, key, row, new, old is None))
        self.after[name].pop(key, None)
        if self._is_certain(row, name):
            self.after[name][key] = new

    def _is_certain(self, row: FileRow, name: str) -> bool:
        key = {"groups": {"group_code"}, "enterprises": {"code"}}.get(name, set(KEYS[self.dataset]))
        return not row.unread & key and not is_repeated(self.dataset, row, self.rows)

    def _written(self, name: str) -> Iterator[tuple[int, Row]]:
        yield from ((one.row.number, one.cells) for one in self.written if one.name == name)

    def _kept(self, name: str) -> dict[Key, Row]:
        touched = {one.key for one in self.written if one.name == name}
        touched |= {key for table, key, _ in self.gone if table == name}
        return {key: row for key, row in self.before[name].items() if key not in touched}

    def own_problems(self) -> Iterator[Problem]:
        """Yield what is wrong with one row, or with what it refers to."""
        yield from self._unknown_codes()
        yield from self._pushed_out()
        yield from self._still_referred_to()
        yield from self._wrong_levels("districts", DISTRICT_LEVELS)
        yield from self._wrong_levels("industries", INDUSTRY_LEVELS)
        yield from self._sites()
        yield from self._without_dual()
        for one in self.written:
            if one.name in {"enterprises", "returns", "branches", "members"}:
                yield from ((one.row.number, rule) for rule in own_rules(one.name, one.cells, one.row.unread))

    def belonging_outside(self) -> Iterator[Problem]:
        """Yield the rows that are of something outside the scope."""
        inside = self.inside
        if inside is None:
            return
        for row in self.chosen:
            cells = row.cells | ({"enterprise_code": row.cells["code"]} if self.dataset == "ledger" else {})
            for column, of in BELONGS[self.own].items():
                brings = of == ("enterprises" if self.dataset == "ledger" else self.dataset)
                there = (cells[column],) in self.before[of]
                closed = cells[column] is not None and not inside.is_open_to(of, cells[column])
                if closed and (there or not brings):
                    yield row.number, "outside_scope"
            is_read = self.own == "targets" and "district_code" not in row.unread
            if is_read and inside.is_elsewhere(cells.get("district_code")):
                yield row.number, "outside_scope"
            old = self.before["returns"].get(key_of("returns", cells)) if self.own == "returns" else None
            if old is not None and not inside.holds(inside.place_of_return(old)):
                yield row.number, "outside_scope"

    def going_outside(self) -> Iterator[Problem]:
        """Yield the rows that would put something outside the scope, or newly name something there."""
        for one in self.written if self.inside is not None else ():
            if one.name == self.own and (self._is_put_outside(one) or self._names_something_outside(one)):
                yield one.row.number, "outside_scope"

    def _is_put_outside(self, one: Written) -> bool:
        inside, cells, district = self.inside, one.cells, one.cells.get("district_code")
        if inside is None or one.row.unread & {"district_code", "code", "enterprise_code"}:
            return False
        if self.own == "enterprises":
            anew = district is not None and district != inside.registered(cells["code"])
            place = inside.present_place(cells["code"], district, self.before["returns"])
            return (anew and inside.is_elsewhere(district)) or inside.is_elsewhere(place)
        if self.own == "returns":
            return inside.is_elsewhere(inside.place_of_return(cells))
        return self.own == "branches" and inside.is_elsewhere(district)

    def _names_something_outside(self, one: Written) -> bool:
        column, of = NAMES.get(self.own, ("", ""))
        code = one.cells.get(column)
        if self.inside is None or code is None:
            return False
        old = self.before[self.own].get(one.key, {})
        stays = (code,) in self.before[of] and (of, (code,)) not in {(name, key) for name, key, _ in self.gone}
        comes = any(other.name == of and other.key == (code,) for other in self.written)
        return not comes and not (stays and (old.get(column) == code or self.inside.has(of, code)))

    def _pushed_out(self) -> Iterator[Problem]:
        for name, key, number in self.gone if self.inside is not None and self.own == "returns" else ():
            assert self.inside is not None
            place = self.inside.present_place(key[0], self.inside.registered(key[0]), self.after[name])
            if (key[0],) in self.before["enterprises"] and self.inside.is_elsewhere(place):
                yield number, "outside_scope"

    def _unknown_codes(self) -> Iterator[Problem]:
        present = set(self.rows[0].cells) if self.rows else set()
        for name, references in REFERENCES.items():
            for number, row in self._written(name):
                for column, target in references.items():
                    if self.inside is not None and target in BELONGS:
                        continue
                    known = {key[0] for key in self.after[target]}
                    known |= {one.key[0] for one in self.written if one.name == target}
                    if column in present and row[column] is not None and row[column] not in known:
                        yield number, "unknown_code"

    def _still_referred_to(self) -> Iterator[Problem]:
        for name, key, number in self.gone:
            for referring, references in REFERENCES.items():
                for column, target in references.items():
                    rows = self._kept(referring).values()
                    if target == name and any(row[column] == key[0] for row in rows):
                        if name == "groups" and self.mode == "delete":
                            yield from (
                                (r.number, "still_referred_to") for r in self.chosen if r.cells["group_code"] == key[0]
                            )
                        else:
                            yield number, "still_referred_to"

    def _wrong_levels(self, name: str, order: Sequence[str]) -> Iterator[Problem]:
        def is_wrong(child: Row, parent: Row) -> bool:
            known = None not in {child["level"], parent["level"]}
            return known and order.index(child["level"]) <= order.index(parent["level"])

        for number, node, parent, children in self._families(name):
            if (parent and is_wrong(node, parent)) or any(is_wrong(child, node) for child in children):
                yield number, "level_order"

    def _families(self, name: str) -> Iterator[tuple[int, Row, Row | None, list[Row]]]:
        """Yield each written node with its parent as it would be, and those children that stay as they are."""
        kept = self._kept(name).values()
        for number, node in self._written(name):
            children = [child for child in kept if child["parent_code"] == node["code"] is not None]
            yield number, node, self.after[name].get((node["parent_code"],)), children

    def _sites(self) -> Iterator[Problem]:
        unread = {one.row.number for one in self.written if "parent_code" in one.row.unread}
        for number, node, parent, children in self._families("districts"):
            rootless = node["parent_code"] is None and number not in unread
            elsewhere = parent is not None and parent["level"] not in {None, "street"}
            if node["level"] == "site" and (rootless or elsewhere):
                yield number, "site_place"
            if node["level"] not in {None, "street"} and any(child["level"] == "site" for child in children):
                yield number, "site_place"

    def _without_dual(self) -> Iterator[Problem]:
        for number, row in self._written("affiliations"):
            branch = self.after["branches"].get((row["branch_code"],))
            if row["role"] == "secondary" and branch is not None and not branch["dual_affiliation"]:
                yield number, "secondary_without_dual"
        secondaries = {row["branch_code"] for row in self.before["affiliations"].values() if row["role"] == "secondary"}
        for one in self.written:
            loses = one.name == "branches" and not one.is_new and one.cells["dual_affiliation"] is False
            if loses and one.key[0] in secondaries:
                yield one.row.number, "secondary_without_dual"

    def conflicts(self) -> Iterator[Problem]:
        """Yield what is wrong with several rows together."""
        if self.dataset == "industry-groups" and self.mode != "delete":
            yield from self._conflicting_names()
        yield from self._overlapping("employments", self._employment_rule)
        yield from self._overlapping("affiliations", self._affiliation_rule)
        for name, column, rule in (
            ("districts", "parent_code", "cycle"),
            ("industries", "parent_code", "cycle"),
            ("branches", "parent_code", "cycle"),
            ("enterprises", "supersedes", "supersedes_cycle"),
        ):
            for one in self.written:
                certain = self.after[name].get(one.key) is one.cells
                if one.name == name and certain and self._returns_to_itself(name, one.key, column):
                    yield one.row.number, rule

    def _conflicting_names(self) -> Iterator[Problem]:
        for name in ("name_zh", "name_en"):
            rows = [row for row in self.chosen if name not in row.unread and row.cells["group_code"] is not None]
            for row in rows:
                others = [other.cells for other in rows if other.cells["group_code"] == row.cells["group_code"]]
                if any(other.get(name) != row.cells.get(name) for other in others):
                    yield row.number, "conflicting_names"

    def _returns_to_itself(self, name: str, key: Key, column: str) -> bool:
        above = self.after[name][key][column]
        for _ in self.after[name]:
            if above == key[0]:
                return True
            above = self.after[name].get((above,), {}).get(column)
        return False

    def _overlapping(self, name: str, rule: Callable[[Row, Row], str | None]) -> Iterator[Problem]:
        severity = ["overlapping_rows", "secondary_to_primary", "second_employer", "second_primary"]
        sound = [one for one in self.written if one.name == name and one.row.number not in self.invalid]
        rows = [*self._kept(name).values(), *(one.cells for one in sound)]
        for one in sound:
            others = [other for other in rows if other is not one.cells]
            broken = [found for other in others if overlap(one.cells, other) and (found := rule(one.cells, other))]
            if broken:
                yield one.row.number, min(broken, key=severity.index)

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
        gone = sum(name == self.own for name, _, _ in self.gone)
        if self.mode == "delete":
            return Outcome(self.after, 0, 0, len(self.chosen) - gone, gone, problems=problems)
        new = {row.number for row in self.chosen if self._own_key(row) not in self.before[self.own]}
        changed = {one.row.number for one in self.written} - new
        return Outcome(
            self.after, len(new), len(changed), len(self.chosen) - len(new | changed), gone, problems=problems
        )
