"""Tiny registries as tables to be read, in a database that a module's tests share, and the figures they give."""

import csv
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

from app.imports.datasets import DATASETS
from tests.factories.asking import Asker, Reader
from tests.factories.demo_files import typed
from tests.factories.loading import fill
from tests.reference.registry import Registry, Row, registry_of, row

AS_OF = "2017-06-30"

DISTRICTS = """
    code,     parent_code, level,    name_zh
    fujian,   ,            province, 福建省
    xiamen,   fujian,      city,     厦门市
    siming,   xiamen,      county,   思明区
    wucun,    siming,      street,   梧村街道
    yunding,  wucun,       site,     云顶创谷
    jialian,  siming,      street,   嘉莲街道
    huli,     xiamen,      county,   湖里区
    jiangtou, huli,        street,   江头街道
"""
INDUSTRIES = """
    code, parent_code, level,    name_zh
    I,    ,            section,  信息
    64,   I,           division, 互联网
    641,  64,          group,    接入
    65,   I,           division, 软件
    R,    ,            section,  文化
    86,   R,           division, 出版
"""


def table(dataset: str, text: str) -> list[Row]:
    """Rows of a dataset from CSV text whose cells may be padded; columns and last cells not given are blank."""
    kinds = {column.name: column.kind for column in DATASETS[dataset].columns}
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    records = csv.DictReader(lines, restval="", skipinitialspace=True)
    cells = [{name: value.strip() for name, value in record.items()} for record in records]
    filled = [{name: typed(value, kinds[name]) for name, value in record.items() if value} for record in cells]
    return [row(dataset, **record) for record in filled]


def tiny_registry(**tables: str) -> Registry:
    """A registry of the given tables on the trees of this module; `industry_groups` stands for `industry-groups`.

    Enterprises need no name, branches neither name nor district (then Siming), members no date of joining (then 2001).
    """
    texts = {"districts": DISTRICTS, "industries": INDUSTRIES} | tables
    rows = {name: table(name.replace("_", "-"), text) for name, text in texts.items()}
    for dataset, defaults in _DEFAULTS.items():
        rows[dataset] = [_completed(one, defaults) for one in rows.get(dataset, [])]
    return registry_of(**rows)


_DEFAULTS: dict[str, Row] = {
    "enterprises": {"name": "示例", "kind": "enterprise"},
    "branches": {"name": "示例", "kind": "branch", "district_code": "siming", "dual_affiliation": False},
    "members": {"joined_on": date(2001, 7, 1), "identity": "open"},
    "employments": {"start_on": date(2001, 7, 1)},
    "affiliations": {"start_on": date(2001, 7, 1)},
    "coverage": {"start_on": date(2001, 7, 1)},
}


def _completed(one: Row, defaults: Row) -> Row:
    return {column: defaults.get(column) if value is None else value for column, value in one.items()}


class Figures:
    """What one snapshot answers, as the HTTP API would."""

    def __init__(self, asker: Reader, snapshot: str) -> None:
        self.asker = asker
        self.snapshot = snapshot

    def one(self, subject: str, code: str, **params: str) -> dict[str, Any]:
        """The row of one subject."""
        row_of: dict[str, Any] = self.asker.one(subject, code, params, self.snapshot)["data"]
        return row_of

    def page(self, subject: str, **params: str) -> dict[str, Any]:
        """The whole list of a subject."""
        return self.asker.list(subject, params, self.snapshot)

    def counts(self, subject: str, code: str, measures: str, **params: str) -> tuple[int | None, ...]:
        """Measures of one subject, in the order in which they are named."""
        return picked(self.one(subject, code, **params)["counts"], measures)

    def rates(self, subject: str, code: str, **params: str) -> dict[str, Any]:
        """All metrics of one subject."""
        rates: dict[str, Any] = self.one(subject, code, **params)["rates"]
        return rates

    def column(self, subject: str, measure: str, **params: str) -> dict[str, int | None]:
        """One measure of every listed subject, by code."""
        rows = self.page(subject, **params)["data"]
        return {next(iter(one.values()))["code"]: one["counts"][measure] for one in rows}


class Tiny:
    """A database that holds one tiny registry after the other."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self.folder = folder
        self._built: dict[tuple[str, str], Figures] = {}

    def hold(self, **tables: str) -> "Tiny":
        """Make the database hold these tables and nothing else."""
        fill(self.url, tiny_registry(**tables))
        return self.changed()

    def changed(self) -> "Tiny":
        """Build anew what is asked from now on: the registry has changed."""
        self._built = {}
        return self

    def at(self, as_of: str = AS_OF, **settings: Any) -> Figures:
        """The figures as of a date; built once while the registry stays."""
        key = (as_of, repr(settings))
        if key not in self._built:
            asker = Asker(self.url, self.folder, **settings)
            self._built[key] = Figures(asker, asker.build(date.fromisoformat(as_of)))
        return self._built[key]


def picked(counts: dict[str, Any], measures: str) -> tuple[Any, ...]:
    """Measures in the order in which they are named."""
    return tuple(counts[measure] for measure in measures.split())


def parts(rate: dict[str, Any]) -> tuple[Any, Any]:
    """Numerator and denominator of a rate."""
    return rate["numerator"], rate["denominator"]


def codes(page: dict[str, Any]) -> Sequence[str]:
    """The codes of the subjects of a page, in its order."""
    return [next(iter(one.values()))["code"] for one in page["data"]]
