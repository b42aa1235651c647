"""One snapshot, memory-mapped: its trees, and its columns as arrays that share the pages of the files."""

from collections.abc import MutableMapping
from copy import copy
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from app.catalogue.measures import ROW_MEASURES, SHOWN
from app.catalogue.vocabulary import Basis, DistrictLevel, IndustryLevel
from app.store.arrays import Indices, Int64
from app.store.manifest import Manifest
from app.store.table import Rows, Table, Values

Mask = npt.NDArray[np.bool_]

_COUNTED = (*(measure.code for measure in ROW_MEASURES), SHOWN)


@dataclass(frozen=True)
class Tree:
    """Districts or industries in pre-order: node i's subtree is the nodes from i up to `ends[i]`.

    Parameters
    ----------
    codes, names_zh, names_en
        For each node; an English name may be null.
    levels, ranks
        Level of each node, and its depth in the enumeration (0 the highest).
    parents
        Index of each node's parent; -1 at a root.
    ends
        Index after each subtree.
    """

    codes: tuple[str, ...]
    names_zh: tuple[str, ...]
    names_en: tuple[str | None, ...]
    levels: tuple[str, ...]
    ranks: npt.NDArray[np.int8]
    parents: Int64
    ends: Int64

    @cached_property
    def index(self) -> dict[str, int]:
        """Index of each code."""
        return {code: number for number, code in enumerate(self.codes)}

    @cached_property
    def level_ranks(self) -> dict[str, int]:
        """Rank of each level that a node has."""
        return dict(zip(self.levels, self.ranks.tolist(), strict=True))

    @cached_property
    def code_ranks(self) -> Int64:
        """Rank of each node by code, compared as UTF-8 bytes."""
        return code_ranks(self.codes)

    def of_level(self, level: str, nodes: slice | Int64 = slice(None)) -> Mask:
        """Return which nodes, of all or of some, are of a level."""
        return np.asarray(self.ranks[nodes] == self.level_ranks.get(level, -1))

    @cached_property
    def parent_codes(self) -> tuple[str | None, ...]:
        """Code of each node's parent; null at a root."""
        return tuple(None if parent < 0 else self.codes[parent] for parent in self.parents.tolist())

    def nearest(self, node: int, rank: int) -> int:
        """Return the nearest node of this level or a higher one, at or above a node; -1 if there is none."""
        while node >= 0 and self.ranks[node] > rank:
            node = int(self.parents[node])
        return node


@dataclass(frozen=True)
class Places:
    """Where the rows of a table are.

    Parameters
    ----------
    nodes
        Node of each row; -1 if it has none.
    order
        The rows sorted by node.
    """

    nodes: Int64
    order: Int64

    @cached_property
    def ascending(self) -> Int64:
        """Nodes of the rows, sorted."""
        return self.nodes[self.order]


def code_ranks(codes: tuple[str, ...]) -> Int64:
    """Return the rank of each code, compared as UTF-8 bytes."""
    ranks = np.empty(len(codes), np.int64)
    ranks[sorted(range(len(codes)), key=lambda number: codes[number].encode())] = np.arange(len(codes))
    return ranks


class Snapshot:
    """All data as of one date; immutable. All tables are mapped on opening, so it may be pruned while in use.

    Exact and protected snapshots are read the same way: `rows`, `row_measures` and `bases` define what is summed.

    Parameters
    ----------
    folder, manifest
        Where it is, and what it says of itself.
    trees
        The trees of other snapshots that are in use, by the checksum of their files: equal ones are read once.
    """

    def __init__(self, folder: Path, manifest: Manifest, trees: MutableMapping[str, Tree]) -> None:
        self.manifest = manifest
        self._trees = trees
        files = {name: info.files(name) for name, info in manifest.tables.items()}
        self._tables = {name: Table([folder / file for file in found]) for name, found in files.items()}

    @cached_property
    def scoped(self) -> "Snapshot":
        """The same tables without the correlations, as keys with a scope get them."""
        scoped = copy(self)
        scoped.manifest = self.manifest.scoped
        return scoped

    @cached_property
    def bases(self) -> tuple[Basis, ...]:
        """The bases that it has figures for, in the order of their blocks in `totals` and `cells`."""
        return tuple(map(Basis, self.manifest.capabilities.bases))

    @cached_property
    def rows(self) -> Table:
        """The rows that are summed, sorted by district and industry: enterprises or, if protected, places."""
        return self.table("enterprises" if "enterprises" in self._tables else "places")

    @cached_property
    def row_measures(self) -> tuple[str, ...]:
        """Codes of the measures in `rows`, in the order of the catalogue; `SHOWN` last, if there is such a column."""
        return tuple(code for code in _COUNTED if code in self.rows.names)

    @cached_property
    def districts(self) -> Tree:
        """The district tree it was built with."""
        return self._tree("districts", [str(level) for level in DistrictLevel])

    @cached_property
    def industries(self) -> Tree:
        """The industry tree it was built with."""
        return self._tree("industries", [str(level) for level in IndustryLevel])

    @cached_property
    def groups(self) -> dict[str, tuple[int, ...]]:
        """Nodes of the industries of each industry group, by code, in code order."""
        table = self.table("industry_groups")
        members = zip(table.texts("code"), table.texts("industries"), strict=True)
        return {code: tuple(self.industries.index[industry] for industry in group) for code, group in members}

    @cached_property
    def enterprises(self) -> Table:
        """The registered enterprises, sorted by district and industry."""
        return self.table("enterprises")

    @cached_property
    def branches(self) -> Table:
        """The living branches, sorted by code."""
        return self.table("branches")

    def branch_row(self, code: str) -> int | None:
        """Row of a living branch; null if there is none of this code."""
        rows = self.branches.span_of("code", code)
        return rows.start if rows.start < rows.stop else None

    def branches_of(self, table: Table, name: str) -> npt.NDArray[np.int32]:
        """Return the row of the living branch that each row of a table names in a column; -1 if it names none."""
        return self.branches.rows_of_few("code", table.arrow(name)).astype(np.int32)

    @cached_property
    def branch_parents(self) -> npt.NDArray[np.int32]:
        """Row of each branch's nearest living ancestor; -1 if there is none."""
        return self.branches_of(self.branches, "parent_code")

    @cached_property
    def branch_districts(self) -> Indices:
        """District node of each branch."""
        return self.branches.numbered("district_code", self.table("districts").arrow("code"))

    @cached_property
    def totals(self) -> Table:
        """Sums per basis: of everything, and of each district, industry and group."""
        return self.table("totals")

    @cached_property
    def cells(self) -> Table:
        """Sums per basis, large district and industry down to the division."""
        return self.table("cells")

    @cached_property
    def cell_axes(self) -> tuple[Int64, Int64]:
        """The large districts and the industries of `cells`, ascending."""
        districts, industries = self.cells.values("district"), self.cells.values("industry")
        return np.unique(districts).astype(np.int64), np.unique(industries).astype(np.int64)

    @cached_property
    def withheld(self) -> Table:
        """Members of withheld identity per county and section."""
        return self.table("withheld")

    @cached_property
    def withheld_counties(self) -> Places:
        """County of each row of `withheld`."""
        return _places(self.withheld, "county")

    @cached_property
    def withheld_sections(self) -> Places:
        """Section of each row of `withheld`."""
        return _places(self.withheld, "section")

    @cached_property
    def first_of_district(self) -> Int64:
        """First row of each district, and the end of the last."""
        return self.rows.edges("district", len(self.districts.codes))

    def district_of(self, rows: Rows) -> Values:
        """Return the district of each of some rows; the number of districts if it has none."""
        return _placed(self.rows, "district", len(self.districts.codes), rows)

    def industry_of(self, rows: Rows) -> Values:
        """Return the industry of each of some rows; the number of industries if it has none."""
        return _placed(self.rows, "industry", len(self.industries.codes), rows)

    def in_basis(self, basis: Basis, rows: slice | Int64) -> Mask:
        """Return which of some rows belong to a basis: all, if the rows have no column of bases."""
        if "bases" not in self.rows.names:
            return np.ones(rows.stop - rows.start if isinstance(rows, slice) else len(rows), bool)
        bit = np.int8(1 << list(Basis).index(basis))
        return np.asarray((self.rows.values("bases", rows) & bit) != 0)

    def table(self, name: str) -> Table:
        """Return one of its tables."""
        return self._tables[name]

    def _tree(self, name: str, levels: list[str]) -> Tree:
        key = self.manifest.tables[name].sha256
        tree = self._trees.get(key)
        if tree is None:
            tree = self._trees[key] = _tree(self.table(name), levels)
        return tree


def _tree(table: Table, levels: list[str]) -> Tree:
    parents = np.where(_all_valid(table, "parent"), table.values("parent"), -1).astype(np.int64)
    names = table.texts("level")
    return Tree(
        codes=table.texts("code"),
        names_zh=table.texts("name_zh"),
        names_en=table.texts("name_en"),
        levels=names,
        ranks=np.array([levels.index(name) for name in names], np.int8),
        parents=parents,
        ends=table.values("subtree_end").astype(np.int64),
    )


def _places(table: Table, name: str) -> Places:
    nodes = np.where(_all_valid(table, name), table.values(name), -1).astype(np.int64)
    return Places(nodes, np.argsort(nodes, kind="stable"))


def _placed(table: Table, name: str, missing: int, rows: Rows) -> Values:
    nodes, valid = table.values(name, rows), table.valid(name, rows)
    if valid is None:
        return nodes
    placed = nodes.astype(np.int32)
    np.copyto(placed, np.int32(missing), where=~valid)  # a third of the time of np.where
    return placed


def _all_valid(table: Table, name: str) -> Mask:
    valid = table.valid(name)
    return np.ones(len(table), bool) if valid is None else valid
