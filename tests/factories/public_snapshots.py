"""Protected snapshots of places given as a table to be read: the files a build would write, without enterprises."""

import csv
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from app.catalogue.measures import SHOWN
from app.catalogue.vocabulary import DistrictLevel, IndustryLevel
from app.config import Thresholds
from app.store.format import FORMAT_VERSION, checksum, choice_array, integer_array, write_table
from app.store.manifest import (
    UNDISCLOSED,
    BuildSettings,
    Capabilities,
    Disclosure,
    Manifest,
    TableInfo,
    snapshot_id,
    write_manifest,
)
from tests.factories.asking import Reader
from tests.factories.tiny import Figures, table
from tests.reference.registry import Row

AS_OF = date(2017, 6, 30)

DISTRICTS = """
    code,     parent_code, level,    name_zh
    fujian,   ,            province, 福建省
    xiamen,   fujian,      city,     厦门市
    siming,   xiamen,      county,   思明区
    wucun,    siming,      street,   梧村街道
    jialian,  siming,      street,   嘉莲街道
    huli,     xiamen,      county,   湖里区
    jiangtou, huli,        street,   江头街道
"""
INDUSTRIES = """
    code, parent_code, level,    name_zh
    I,    ,            section,  信息
    64,   I,           division, 互联网
    65,   I,           division, 软件
    R,    ,            section,  文化
    86,   R,           division, 出版
"""
GROUPS = {"internet": ("64", "86"), "information": ("I", "65")}

FACTS = ("enterprises", "enterprises_organised", "enterprises_standalone")
PERSONS = ("headcount", "members", "members_matched", "headcount_matched", "headcount_matched_squared", SHOWN)
GIVEN = (*FACTS, "headcount", "members", "members_matched", "headcount_matched")
RATES = ("member_ratio", "organisation_coverage", "standalone_rate")
"""What a protected snapshot counts, what it gives of it, and the ratios of that."""

DISCLOSURE = Disclosure("rounded-enterprises", 1, 5, 30)

Columns = dict[str, pa.Array]
Holds = Callable[["Place"], bool]


def text_array(values: Sequence[str | None]) -> pa.Array:
    """A column of texts."""
    return pa.array(values, pa.string())


class Tree:
    """Nodes in pre-order, children by code."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self.rows = list(self._below(rows, None))
        self.codes = [one["code"] for one in self.rows]

    def _below(self, rows: Sequence[Row], parent: str | None) -> Iterator[Row]:
        for one in sorted(rows, key=lambda one: one["code"].encode()):
            if one["parent_code"] == parent:
                yield one
                yield from self._below(rows, one["code"])

    def path(self, code: str | None) -> list[str]:
        """A code and those above it."""
        parents = {one["code"]: one["parent_code"] for one in self.rows}
        path: list[str] = []
        while code is not None:
            path.append(code)
            code = parents[code]
        return path

    def columns(self, levels: type[Any]) -> Columns:
        """The table of the tree."""
        parents = [self.codes.index(one["parent_code"]) if one["parent_code"] else -1 for one in self.rows]
        ends = [1 + max(n for n, one in enumerate(self.codes) if code in self.path(one)) for code in self.codes]
        texts = {name: text_array([one[name] for one in self.rows]) for name in ("name_zh", "name_en")}
        return {
            "code": text_array(self.codes),
            "parent_code": text_array([one["parent_code"] for one in self.rows]),
            "level": choice_array(text_array([one["level"] for one in self.rows]), [str(level) for level in levels]),
            **texts,
            "parent": integer_array(np.array(parents), np.array(parents) >= 0),
            "subtree_end": integer_array(np.array(ends)),
        }


class Place:
    """One line of the places: where it is, and what it holds."""

    def __init__(self, record: dict[str, str], districts: Tree, industries: Tree) -> None:
        self.district, self.industry = record["district"] or None, record["industry"] or None
        self.districts, self.industries = districts.path(self.district), industries.path(self.industry)
        numbers = {name: int(value or 0) for name, value in record.items() if name not in ("district", "industry")}
        self.counts = dict.fromkeys((*FACTS, *PERSONS), 0) | numbers
        for side in ("members", "headcount"):
            self.counts[f"{side}_matched"] = self.counts[side]


class PublicSnapshot:
    """A protected snapshot in the making.

    Parameters
    ----------
    places
        CSV text whose cells may be padded: district, industry, and any of `FACTS` and `PERSONS`; blanks are 0.
    large
        Codes of the districts that have cells.
    """

    def __init__(self, places: str, *, large: Sequence[str] = ()) -> None:
        self.districts, self.industries = Tree(table("districts", DISTRICTS)), Tree(table("industries", INDUSTRIES))
        lines = [line.strip() for line in places.splitlines() if line.strip()]
        records = csv.DictReader(lines, restval="", skipinitialspace=True)
        cells = [{name: value.strip() for name, value in record.items()} for record in records]
        self.places = sorted((Place(one, self.districts, self.industries) for one in cells), key=self._order)
        self.large = sorted(large, key=self.districts.codes.index)

    def _order(self, place: Place) -> tuple[int, int]:
        return self._node(self.districts, place.district), self._node(self.industries, place.industry)

    def _node(self, tree: Tree, code: str | None) -> int:
        return len(tree.codes) if code is None else tree.codes.index(code)

    def total(self, holds: Holds) -> dict[str, int]:
        """The sums over the places that hold, one by one."""
        here = [place.counts for place in self.places if holds(place)]
        return {name: sum(counts[name] for counts in here) for name in (*FACTS, *PERSONS)}

    def tables(self) -> dict[str, Columns]:
        """The tables by name."""
        return {
            "districts": self.districts.columns(DistrictLevel),
            "industries": self.industries.columns(IndustryLevel),
            "industry_groups": {
                "code": text_array(sorted(GROUPS)),
                "name_zh": text_array(sorted(GROUPS)),
                "name_en": text_array([None] * len(GROUPS)),
                "industries": pa.array([GROUPS[code] for code in sorted(GROUPS)], pa.list_(pa.string())),
            },
            "places": self._placed() | _summed([place.counts for place in self.places]),
            "totals": self._totals(),
            "cells": self._cells(),
        }

    def _placed(self) -> Columns:
        nodes = {"district": self.districts.codes, "industry": self.industries.codes}
        pairs = [self._order(place) for place in self.places]
        columns = zip(*pairs, strict=True) if pairs else ((), ())
        return {
            name: integer_array(np.array(column, np.int64), np.array(column, np.int64) < len(codes))
            for (name, codes), column in zip(nodes.items(), columns, strict=True)
        }

    def _totals(self) -> Columns:
        blocks: list[tuple[str, list[Holds]]] = [
            ("all", [lambda _place: True]),
            ("district", [_in("districts", {code}) for code in self.districts.codes]),
            ("industry", [_in("industries", {code}) for code in self.industries.codes]),
            ("industry_group", [_in("industries", set(GROUPS[code])) for code in sorted(GROUPS)]),
        ]
        names = [name for name, holds in blocks for _ in holds]
        return {
            "basis": choice_array(text_array(["operating"] * len(names)), ["operating"]),
            "dimension": choice_array(text_array(names), [name for name, _ in blocks]),
            "node": integer_array(np.concatenate([np.arange(len(holds)) for _, holds in blocks])),
        } | _summed([self.total(holds) for _, block in blocks for holds in block])

    def _cells(self) -> Columns:
        pairs = list(product(self.large, self.industries.codes))
        return {
            "basis": choice_array(text_array(["operating"] * len(pairs)), ["operating"]),
            "district": integer_array(np.array([self.districts.codes.index(one) for one, _ in pairs], np.int64)),
            "industry": integer_array(np.array([self.industries.codes.index(two) for _, two in pairs], np.int64)),
        } | _summed([self.total(_both(_in("districts", {a}), _in("industries", {b}))) for a, b in pairs])

    def write(self, root: Path) -> Figures:
        """Write the snapshot below a root; return what it answers."""
        folder = root / "aside"
        folder.mkdir(parents=True)
        infos: dict[str, TableInfo] = {}
        for name, columns in self.tables().items():
            path = folder / f"{name}.arrow"
            infos[name] = TableInfo(write_table(path, columns), checksum(path))
        manifest = _manifest(infos)
        write_manifest(folder, manifest)
        folder.rename(root / manifest.id)
        return Figures(Reader(root), manifest.id)


def _in(axis: str, codes: set[str]) -> Holds:
    return lambda place: not codes.isdisjoint(getattr(place, axis))


def _both(one: Holds, other: Holds) -> Holds:
    return lambda place: one(place) and other(place)


def _summed(rows: Sequence[dict[str, int]]) -> Columns:
    return {name: integer_array(np.array([one[name] for one in rows], np.int64)) for name in (*FACTS, *PERSONS)}


def _manifest(tables: dict[str, TableInfo]) -> Manifest:
    settings = BuildSettings(member_source="auto", **vars(Thresholds()))
    return Manifest(
        id=snapshot_id(AS_OF, settings, tables, DISCLOSURE),
        format_version=FORMAT_VERSION,
        as_of=AS_OF,
        built_at="2017-07-01T00:00:00.000000Z",
        settings=settings,
        member_source="register",
        intra_enterprise_correlation=UNDISCLOSED,
        correlation_source="fixed",
        tables=tables,
        capabilities=Capabilities(
            measures=GIVEN,
            metrics=RATES,
            bases=("operating",),
            district_levels=("province", "city", "county", "street"),
            industry_levels=("section", "division"),
            filters=(),
            subjects=("districts", "industries", "industry-groups"),
            analyses=("breakdown", "low-membership", "trends", "changes"),
        ),
        disclosure=DISCLOSURE,
    )
