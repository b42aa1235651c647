"""The fields of each subject beside its figures, from the snapshot alone."""

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Any

import msgspec
import numpy as np

from app.catalogue.vocabulary import ORGANISATION_MEANS, Basis, CoverageMeans
from app.publication.rows import Part, Rows
from app.statistics.question import Page, Question, Subject
from app.statistics.row_list import RowList
from app.store.arrays import Int64
from app.store.snapshot import Snapshot, Tree
from app.store.table import Table

_EPOCH = date(1970, 1, 1)


class TreeNode(msgspec.Struct, gc=False, frozen=True):
    """A district or an industry."""

    code: str
    name_zh: str
    name_en: str | None
    level: str
    parent_code: str | None


class IndustryGroup(msgspec.Struct, gc=False, frozen=True):
    """A set of industries."""

    code: str
    name_zh: str
    name_en: str | None
    industries: tuple[str, ...]


class Enterprise(msgspec.Struct, gc=False, frozen=True):
    """An enterprise as of the date; flags are null if they depend on something unknown."""

    code: str
    name: str
    kind: str
    registered_on: date | None
    closed_on: date | None
    district_code: str | None
    industry_code: str | None
    ownership: str | None
    sector: str | None
    size_class: str | None
    reported_on: date | None
    operating: bool
    fixed_premises: bool | None
    above_designated_size: bool | None
    organised: bool
    standalone: bool
    effectively_organised: bool | None
    reached_by_dual: bool
    work_only: bool
    eligible: bool | None
    has_members: bool | None
    bases: tuple[str, ...]
    branches: tuple[str, ...]


class Branch(msgspec.Struct, gc=False, frozen=True):
    """A living branch; `parent_code` is its nearest living ancestor."""

    code: str
    name: str
    kind: str
    form: str | None
    parent_code: str | None
    district_code: str
    dual_affiliation: bool
    industry_code: str | None
    industry_group: str | None
    established_on: date | None


SubjectFields = TreeNode | IndustryGroup | Enterprise | Branch


def subject_part(snapshot: Snapshot, subject: Subject, prefix: str = "") -> Part:
    """Return the fields of a row's subject; `prefix` distinguishes the columns of two subjects in one row."""
    struct, key, describe = _SUBJECTS[subject]
    return Part(struct, lambda numbers: list(describe(snapshot, numbers)), key, prefix)


def subject_rows(row_list: RowList, question: Question, page: Page) -> Rows:
    """Return the rows of a plain list of subjects."""
    parts, key = (subject_part(row_list.snapshot, row_list.subject),), (question.population, question.fields)
    return Rows(row_list.subject.value, row_list, parts, ("code",), key, (*key, question.listing, page.status))


def _tree_nodes(tree: Tree, rows: Int64) -> Iterator[TreeNode]:
    columns = (tree.codes, tree.names_zh, tree.names_en, tree.levels, tree.parent_codes)
    numbers = rows.tolist()
    return map(TreeNode, *(map(column.__getitem__, numbers) for column in columns))


def _groups(snapshot: Snapshot, rows: Int64) -> Iterator[IndustryGroup]:
    table = snapshot.table("industry_groups")
    columns = [table.texts(name) for name in ("code", "name_zh", "name_en", "industries")]
    for row in rows.tolist():
        code, name_zh, name_en, industries = (column[row] for column in columns)
        yield IndustryGroup(code, name_zh, name_en, tuple(industries))


def _enterprises(snapshot: Snapshot, rows: Int64) -> Iterator[Enterprise]:
    table = snapshot.enterprises
    branches = _covering_branches(snapshot, rows)
    columns = (
        table.texts_of("code", rows),
        table.texts_of("name", rows),
        *(table.texts_of(name, rows) for name in ("kind",)),
        *(_dates(table, name, rows) for name in ("registered_on", "closed_on")),
        _codes(snapshot.districts, snapshot.district_of(rows)),
        _codes(snapshot.industries, snapshot.industry_of(rows)),
        *(table.texts_of(name, rows) for name in ("ownership", "sector", "size_class")),
        _dates(table, "reported_on", rows),
        *(_flags(table, name, rows) for name in ("operating", "fixed_premises", "above_designated_size", "organised",
                                                 "standalone", "effectively_organised", "reached_by_dual",
                                                 "enterprises_work_only", "eligible", "enterprises_with_members")),
        [_bases(bits) for bits in table.values("bases", rows).tolist()],
        [branches.get(row, ()) for row in rows.tolist()],
    )  # fmt: skip
    return (Enterprise(*fields) for fields in zip(*columns, strict=True))


def _covering_branches(snapshot: Snapshot, rows: Int64) -> dict[int, tuple[str, ...]]:
    """Return the living branches that cover each enterprise by an organisation means, sorted by code."""
    table = snapshot.table("coverage")
    means = [str(choice) for choice in CoverageMeans]
    places = table.matching("enterprise", rows)
    organising = [means.index(choice) for choice in ORGANISATION_MEANS]
    places = places[np.isin(table.values("means", places), organising)]
    found: dict[int, set[str]] = {}
    codes = table.texts_of("branch_code", places)
    for row, code in zip(table.values("enterprise")[places].tolist(), codes, strict=True):
        if code is not None and snapshot.branch_row(code) is not None:
            found.setdefault(row, set()).add(code)
    return {row: tuple(sorted(covering, key=str.encode)) for row, covering in found.items()}


def _branches(snapshot: Snapshot, rows: Int64) -> Iterator[Branch]:
    table = snapshot.branches
    columns = (
        *(table.texts_of(name, rows) for name in ("code", "name", "kind", "form", "parent_code", "district_code")),
        _flags(table, "dual_affiliation", rows),
        *(table.texts_of(name, rows) for name in ("industry_code", "industry_group")),
        _dates(table, "established_on", rows),
    )
    return (Branch(*fields) for fields in zip(*columns, strict=True))


def _dates(table: Table, name: str, rows: Int64) -> list[date | None]:
    valid = table.valid(name, rows)
    days = table.values(name, rows).tolist()
    known = [True] * len(days) if valid is None else valid.tolist()
    return [_EPOCH + timedelta(days=day) if is_known else None for day, is_known in zip(days, known, strict=True)]


def _flags(table: Table, name: str, rows: Int64) -> list[bool | None]:
    valid = table.valid(name, rows)
    flags = (table.values(name, rows) == 1).tolist()
    known = [True] * len(flags) if valid is None else valid.tolist()
    return [flag if is_known else None for flag, is_known in zip(flags, known, strict=True)]


def _codes(tree: Tree, nodes: Any) -> list[str | None]:
    return [tree.codes[node] if node < len(tree.codes) else None for node in nodes.tolist()]


def _bases(bits: int) -> tuple[str, ...]:
    return tuple(basis.value for number, basis in enumerate(Basis) if bits >> number & 1)


_SUBJECTS: dict[Subject, tuple[type[msgspec.Struct], str, Callable[[Snapshot, Int64], Iterator[SubjectFields]]]] = {
    Subject.DISTRICTS: (TreeNode, "district", lambda snapshot, rows: _tree_nodes(snapshot.districts, rows)),
    Subject.INDUSTRIES: (TreeNode, "industry", lambda snapshot, rows: _tree_nodes(snapshot.industries, rows)),
    Subject.INDUSTRY_GROUPS: (IndustryGroup, "industry_group", _groups),
    Subject.ENTERPRISES: (Enterprise, "enterprise", _enterprises),
    Subject.BRANCHES: (Branch, "branch", _branches),
}
"""For each subject its fields, their key in the JSON, and a function that returns them for rows."""
