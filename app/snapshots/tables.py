"""The tables of an exact snapshot, from the facts."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from app.catalogue.data_quality import BETWEEN_EXTRACTS, QualityRule, QualitySubject
from app.catalogue.measures import BRANCH_MEASURES, ROW_MEASURES
from app.catalogue.metrics import TargetMetric
from app.catalogue.vocabulary import (
    Basis,
    BranchForm,
    BranchKind,
    CoverageMeans,
    DistrictLevel,
    EnterpriseKind,
    IndustryLevel,
    Ownership,
    Sector,
    SizeClass,
    Workplace,
)
from app.snapshots.facts import Facts, StoredRows
from app.snapshots.ordering import Indices, OrderedRows, OrderedTree, at, known, numbers, order_rows
from app.snapshots.placement import COUNTY, DIVISION, SECTION
from app.snapshots.sums import Axes, Placed, Sums, large_districts, totals_of
from app.store.format import choice_array, date_array, integer_array, text_array
from app.store.table import Table

Columns = dict[str, pa.Array]


@dataclass(frozen=True)
class Withheld:
    """Members of withheld identity.

    Parameters
    ----------
    pairs
        Counties and sections, -1 for none; shape (2, pairs).
    members
        Of each, in each of `_WITHHELD_BASES`; shape (bases, pairs).
    """

    pairs: Indices
    members: Indices


_BASIS_FLAGS = {
    Basis.OPERATING: "operating",
    Basis.SURVEYED: "is_surveyed",
    Basis.ELIGIBLE: "eligible",
    Basis.ABOVE_SIZE: "is_above_size",
}
_FLAGS = ("operating", "fixed_premises", "above_designated_size", "organised", "standalone", "effectively_organised",
          "reached_by_dual", "work_reached", "eligible")  # fmt: skip
_WITHHELD_BASES = (Basis.REGISTERED, Basis.OPERATING)


def snapshot_tables(
    facts: Facts,
    districts: OrderedTree,
    industries: OrderedTree,
    enterprises: Sequence[Path],
    withheld: Sequence[Withheld],
) -> dict[str, Callable[[], Columns]]:
    """Return every table but those of enterprises and of sums, by name: what makes its columns, in any process.

    Parameters
    ----------
    enterprises
        The files of the table of enterprises.
    withheld
        Of all pieces.
    """
    return {
        "districts": partial(tree_columns, districts, DistrictLevel),
        "industries": partial(tree_columns, industries, IndustryLevel),
        "industry_groups": partial(group_columns, facts.industry_groups),
        "branches": partial(_branches, facts.branches),
        "withheld": partial(_withheld, withheld),
        "dual_affiliation": partial(_dual_affiliation, facts.dual_affiliation),
        "workplaces": partial(_workplaces, facts.workplaces, enterprises),
        "coverage": partial(_coverage, facts.coverage, enterprises),
        "findings": partial(_findings, facts.findings, districts, industries),
        "targets": partial(target_columns, facts.targets, districts, industries),
    }


def nodes_of(groups: pa.Array, industries: OrderedTree) -> list[npt.NDArray[np.int64]]:
    """Return the node of each industry of each group."""
    return [industries.index_of(pa.array(codes, pa.string())) for codes in groups.to_pylist()]


def tree_columns(tree: OrderedTree, levels: type[Any]) -> Columns:
    """Return the table of a tree: a row per node, in pre-order."""
    return {
        **_texts(tree.rows, ("code", "parent_code")),
        "level": choice_array(tree.rows["level"], [str(level) for level in levels]),
        **_texts(tree.rows, ("name_zh", "name_en")),
        "parent": integer_array(tree.parents, tree.parents >= 0),
        "subtree_end": integer_array(tree.ends),
    }


def group_columns(rows: pa.Table) -> Columns:
    """Return the table of industry groups: a row per group; groups and their industries sorted by code.

    Parameters
    ----------
    rows
        A row per industry of each group, as in `Facts`.
    """
    grouped: dict[str, list[dict[str, Any]]] = {}
    for row in rows.sort_by([("code", "ascending"), ("industry_code", "ascending")]).to_pylist():
        grouped.setdefault(row["code"], []).append(row)
    members = [[row["industry_code"] for row in group if row["industry_code"]] for group in grouped.values()]
    return {
        "code": pa.array(list(grouped), pa.string()),
        "name_zh": pa.array([group[0]["name_zh"] for group in grouped.values()], pa.string()),
        "name_en": pa.array([group[0]["name_en"] for group in grouped.values()], pa.string()),
        "industries": pa.array(members, pa.list_(pa.string())),
    }


def target_columns(rows: pa.Table, districts: OrderedTree, industries: OrderedTree) -> Columns:
    """Return the table of targets: by due date, metric and basis as declared, then scope, none first."""
    declared = {"metric": TargetMetric, "basis": Basis}
    places = {name: pc.index_in(rows[name], value_set=pa.array(list(map(str, declared[name])))) for name in declared}
    scope = ("district_code", "industry_code", "industry_group", "sector")
    keys = pa.table({"due_on": rows["due_on"], **places, **{name: rows[name].fill_null("") for name in scope}})
    ordered = rows.take(pc.sort_indices(keys, sort_keys=[(name, "ascending") for name in keys.column_names]))
    district, industry = districts.index_of(ordered["district_code"]), industries.index_of(ordered["industry_code"])
    return {
        **{name: _choices(ordered[name], choices) for name, choices in declared.items()},
        "due_on": _date(ordered["due_on"]),
        **_texts(ordered, ("value",)),
        "district": integer_array(district, district < len(districts.codes)),
        "industry": integer_array(industry, industry < len(industries.codes)),
        **_texts(ordered, ("industry_group",)),
        "sector": _choices(ordered["sector"], Sector),
        **_texts(ordered, ("source",)),
    }


def sum_tables(sums: Sums, axes: Axes) -> Iterator[tuple[str, Columns]]:
    """Yield the tables of the sums of all rows: `totals`, and `cells` of large districts."""
    totals = zip(sums.codes, sums.districts, sums.industries, strict=True)
    columns = {
        code: integer_array(totals_of(of_district, of_industry, axes)) for code, of_district, of_industry in totals
    }
    yield "totals", _total_labels(axes) | columns
    cells = zip(sums.codes, sums.cells, strict=True)
    yield "cells", _cell_labels(axes) | {code: integer_array(values.ravel()) for code, values in cells}


def axes_of(districts: OrderedTree, industries: OrderedTree, groups: pa.Array, enterprises: Indices) -> Axes:
    """Return what the sums of an exact snapshot are of, given the enterprises of each district and of none."""
    return Axes(
        bases=(Basis.REGISTERED, *_BASIS_FLAGS),
        district_ends=districts.ends,
        industry_ends=industries.ends,
        groups=nodes_of(groups, industries),
        divisions=np.flatnonzero(industries.ranks <= DIVISION),
        large=large_districts(enterprises, districts.ends),
    )


def placed_in(enterprises: OrderedRows, districts: Indices, industries: Indices, axes: Axes) -> Placed:
    """Return some enterprises with their places."""
    masks = (numbers(enterprises[flag]) == 1 for flag in _BASIS_FLAGS.values())
    return Placed(axes, districts, industries, [np.ones(len(enterprises), bool), *masks])


def enterprise_columns(table: OrderedRows, placed: Placed) -> Columns:
    """Return the table of some enterprises."""
    bits = np.zeros(len(table), np.int8)
    for bit, mask in enumerate(placed.masks):
        bits |= mask.astype(np.int8) << bit
    axes = placed.axes
    return {
        **_texts(table, ("code", "name")),
        "district": integer_array(placed.districts, placed.districts < len(axes.district_ends)),
        "industry": integer_array(placed.industries, placed.industries < len(axes.industry_ends)),
        "kind": _choices(table["kind"], EnterpriseKind),
        "ownership": _choices(table["ownership"], Ownership),
        "sector": _choices(table["sector"], Sector),
        "size_class": _choices(table["size_class"], SizeClass),
        **{name: _date(table[name]) for name in ("registered_on", "closed_on", "reported_on")},
        "bases": integer_array(bits),
        **{name: _nullable(table[name]) for name in _FLAGS},
        "members_without_dual": _nullable(table["members_without_dual"]),
        **{
            measure.code: integer_array(np.ones(len(table), np.int8))
            if measure.code == "enterprises"
            else _nullable(table[measure.code])
            for measure in ROW_MEASURES
        },
    }


def _branches(rows: StoredRows) -> Columns:
    ordered = order_rows(rows, code=rows["code"])
    counts = [f"{side}_{measure.code}" for side in ("own", "subtree") for measure in BRANCH_MEASURES]
    return {
        **_texts(ordered, ("code", "name")),
        "kind": _choices(ordered["kind"], BranchKind),
        "form": _choices(ordered["form"], BranchForm),
        **_texts(ordered, ("parent_code", "district_code")),
        "dual_affiliation": _nullable(ordered["dual_affiliation"]),
        **_texts(ordered, ("industry_code", "industry_group")),
        "established_on": _date(ordered["established_on"]),
        **{name: _nullable(ordered[name]) for name in counts},
    }


def withheld_in(table: OrderedRows, placed: Placed, districts: OrderedTree, industries: OrderedTree) -> Withheld:
    """Return the withheld members of some enterprises by county and section."""
    withheld = numbers(table["members_withheld"])
    rows = np.flatnonzero(withheld)
    county = at(districts.nearest(COUNTY), placed.districts[rows])
    section = at(industries.nearest(SECTION), placed.industries[rows])
    masks = [placed.masks[placed.axes.bases.index(basis)][rows] for basis in _WITHHELD_BASES]
    return _by_pair(np.stack((county, section)), np.stack([withheld[rows] * mask for mask in masks]))


def _by_pair(pairs: Indices, members: Indices) -> Withheld:
    distinct, place = np.unique(pairs, axis=1, return_inverse=True)
    sums = np.zeros((len(members), distinct.shape[1]), np.int64)
    for line, counts in enumerate(members):
        np.add.at(sums[line], place.ravel(), counts)
    return Withheld(distinct, sums)


def _withheld(pieces: Sequence[Withheld]) -> Columns:
    """Return one row per county and section with withheld members; null where the workplace has none."""
    pairs, members = ([getattr(piece, name) for piece in pieces] for name in ("pairs", "members"))
    found = _by_pair(np.concatenate(pairs, axis=1), np.concatenate(members, axis=1))
    return {
        "county": integer_array(found.pairs[0], found.pairs[0] >= 0),
        "section": integer_array(found.pairs[1], found.pairs[1] >= 0),
        **{basis.value: integer_array(sums) for basis, sums in zip(_WITHHELD_BASES, found.members, strict=True)},
    }


def _coverage(rows: StoredRows, enterprises: Sequence[Path]) -> Columns:
    enterprise = _rows_of(rows["enterprise_code"], enterprises)
    keys = {name: rows[name] for name in ("means", "branch_code", "start_on")}
    ordered = order_rows(rows, enterprise=enterprise, **keys)
    return {
        "enterprise": integer_array(numbers(enterprise.take(ordered.order))),
        **_texts(ordered, ("branch_code",)),
        "means": _choices(ordered["means"], CoverageMeans),
        "since": _date(ordered["start_on"]),
    }


def _dual_affiliation(rows: StoredRows) -> Columns:
    """Return a row for each joint branch of each group: members of one home who have the same joint branches."""
    groups: Counter[tuple[str, tuple[str, ...]]] = Counter()
    several: dict[int, tuple[str, set[str]]] = {}
    names, table = ("member", "home_code", "joint_branch_code", "members"), rows.table()
    for member, home, branch, members in zip(*(table[name].to_pylist() for name in names), strict=True):
        if member is None:
            groups[home or "", (branch,)] += members
        else:
            several.setdefault(member, (home or "", set()))[1].add(branch)
    groups.update((home, tuple(sorted(branches))) for home, branches in several.values())
    ordered = sorted(groups.items())
    listed = [
        (number, home or None, branch, members)
        for number, ((home, branches), members) in enumerate(ordered)
        for branch in branches
    ]
    group, homes, joint_branches, counts = zip(*listed, strict=True) if listed else ((), (), (), ())
    return {
        "group": integer_array(np.array(group, np.int64)),
        "home_code": pa.array(homes, pa.string()),
        "joint_branch_code": pa.array(joint_branches, pa.string()),
        "members": integer_array(np.array(counts, np.int64)),
    }


def _workplaces(rows: StoredRows, enterprises: Sequence[Path]) -> Columns:
    """Return one row per branch and place, those of an enterprise in the order of `enterprises`."""
    enterprise = _rows_of(rows["enterprise_code"], enterprises)
    ordered = order_rows(rows, branch_code=rows["branch_code"], enterprise=enterprise, place=rows["place"])
    return {
        **_texts(ordered, ("branch_code",)),
        "place": _choices(ordered["place"], Workplace),
        "enterprise": _nullable(enterprise.take(ordered.order)),
        "members": _nullable(ordered["members"]),
        "members_secondary": _nullable(ordered["members_secondary"]),
    }


def _findings(rows: StoredRows, districts: OrderedTree, industries: OrderedTree) -> Columns:
    district, industry = districts.index_of(rows["district_code"]), industries.index_of(rows["industry_code"])
    rule, subject = rows["rule"], rows["subject_code"]
    ordered = order_rows(
        rows, rule=rule, district=pa.array(district), industry=pa.array(industry), subject_code=subject
    )
    district, industry = district[np.asarray(ordered.order)], industry[np.asarray(ordered.order)]
    found = set(rule.unique().to_pylist())
    rules = [str(rule) for rule in QualityRule if rule not in BETWEEN_EXTRACTS or BETWEEN_EXTRACTS & found]
    return {
        "rule": choice_array(ordered["rule"], rules),
        "district": integer_array(district, district < len(districts.codes)),
        "industry": integer_array(industry, industry < len(industries.codes)),
        "subject_kind": _choices(ordered["subject_kind"], QualitySubject),
        **_texts(ordered, ("subject_code",)),
        "value": _nullable(ordered["value"]),
    }


def _rows_of(codes: pa.Array, enterprises: Sequence[Path]) -> pa.Array:
    """Return the row of each of some enterprises; null for none, and where there is none."""
    rows = Table(enterprises).rows_of("code", codes)
    return integer_array(rows, rows >= 0)


def _total_labels(axes: Axes) -> Columns:
    sizes = {"all": 1, "district": len(axes.district_ends), "industry": len(axes.industry_ends),
             "industry_group": len(axes.groups)}  # fmt: skip
    block = sum(sizes.values())
    dimension = np.repeat(np.arange(len(sizes)), list(sizes.values()))
    node = np.concatenate([np.arange(size) for size in sizes.values()])
    return {
        "basis": _codes(np.repeat(np.arange(len(axes.bases)), block), [basis.value for basis in axes.bases]),
        "dimension": _codes(np.tile(dimension, len(axes.bases)), list(sizes)),
        "node": integer_array(np.tile(node, len(axes.bases))),
    }


def _cell_labels(axes: Axes) -> Columns:
    large = axes.large
    block = len(large) * len(axes.divisions)
    return {
        "basis": _codes(np.repeat(np.arange(len(axes.bases)), block), [basis.value for basis in axes.bases]),
        "district": integer_array(np.tile(np.repeat(large, len(axes.divisions)), len(axes.bases))),
        "industry": integer_array(np.tile(axes.divisions, len(large) * len(axes.bases))),
    }


def _texts(table: pa.Table | OrderedRows, names: Sequence[str]) -> Columns:
    return {name: text_array(table[name]) for name in names}


def _choices(column: pa.ChunkedArray | pa.Array, choices: type[Any]) -> pa.Array:
    return choice_array(column, [str(choice) for choice in choices])


def _codes(indices: npt.NDArray[np.int64], choices: Sequence[str]) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(indices.astype(np.int8)), pa.array(choices, pa.string()))


def _nullable(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    return integer_array(numbers(column), known(column))


def _date(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    valid = known(column)
    days = np.asarray(column.cast(pa.int32()).fill_null(0))
    return date_array(days, valid)
