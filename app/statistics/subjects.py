"""Statistics of single enterprises, and of branches: distinct persons, `own` and `subtree`."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import NoReturn

import numpy as np
from msgspec.structs import replace

from app.catalogue.measures import BRANCH_MEASURES, ENTERPRISE_MEASURES, ROW_MEASURES
from app.catalogue.metrics import BRANCH_METRICS, ENTERPRISE_METRICS
from app.catalogue.vocabulary import ORGANISATION_MEANS, Basis, BranchForm, BranchKind, CoverageMeans
from app.errors import NEIGHBOURS, ErrorCode, ErrorItem, InvalidRequest, conflicting
from app.messages import say
from app.statistics import sums
from app.statistics.aggregates import SubjectNotFound
from app.statistics.inference import precision_of
from app.statistics.population import in_spans, resolve, spans_of, unknown_code
from app.statistics.question import Listing, Page, Population, Question, Relation, Subject
from app.statistics.rates import Counts
from app.statistics.row_list import Margins, RowList, Side, first_of, ordered
from app.store.arrays import Indices, Int64
from app.store.snapshot import Mask, Snapshot

_ROWS = tuple(measure.code for measure in ROW_MEASURES)
_REGISTER_ONLY = np.array([measure.register_only for measure in ROW_MEASURES])
_PROTECTED = np.zeros(len(_ROWS), bool)
_FIRST = 1 << 15
"""So many first rows of a table of several files are found without an order of all."""

_FLAGS = {
    "organised": "organised",
    "standalone": "standalone",
    "eligible": "eligible",
    "has_members": "enterprises_with_members",
    "reached_by_dual": "reached_by_dual",
}


def list_enterprises(snapshot: Snapshot, question: Question, page: Page) -> RowList:
    """Return the enterprises that a question lists; `total` is the sum of all of them."""
    table, selection = snapshot.enterprises, resolve(snapshot, question.population)
    related = _related_to(snapshot, question.listing, question.population.district)

    def listed() -> Iterator[Int64]:
        for part in sums.listed_parts(snapshot, selection):
            yield related(flagged(snapshot, part, question.listing))

    side = _side(snapshot, question.fields)
    sorting = replace(side, count=partial(_count, snapshot, codes=(page.sort,))) if page.sort in _ROWS else side
    precision, margins = precision_of(snapshot.manifest), partial(_margins, snapshot, listed)
    if table.is_divided and page.until is not None and page.until <= _FIRST:
        first, length = first_of(listed(), partial(table.ranks, "code"), sorting, page, precision, page.until)
        return RowList(snapshot, Subject.ENTERPRISES, first, (side,), margins, length)
    rows = np.concatenate([part.astype(np.int32) for part in listed()])
    ranked = ordered(rows, table.ranks("code", rows), sorting, page, precision)
    return RowList(snapshot, Subject.ENTERPRISES, ranked, (side,), margins)


def enterprises_of(
    snapshot: Snapshot, codes: Iterable[str], fields: tuple[str, ...] = ()
) -> tuple[RowList, dict[str, int]]:
    """Return those of some enterprises that are registered, with some figures, and the row of each."""
    rows = {code: row for code in codes if (row := snapshot.enterprises.row_of("code", code)) is not None}
    numbers = np.array(list(rows.values()), np.int64)
    return RowList(snapshot, Subject.ENTERPRISES, numbers, (_side(snapshot, fields),)), rows


def one_enterprise(snapshot: Snapshot, code: str, fields: tuple[str, ...] = ()) -> RowList:
    """Return one registered enterprise, with some figures.

    Raises
    ------
    SubjectNotFound
        No enterprise of this code was in the register on the date.
    """
    row_list, rows = enterprises_of(snapshot, (code,), fields)
    if not rows:
        raise absent_enterprise(snapshot, code)
    return row_list


def absent_enterprise(snapshot: Snapshot, code: str) -> SubjectNotFound:
    """Return the error of an enterprise that is not in the snapshot."""
    detail = say("No enterprise {code!r} in snapshot {snapshot}.", code=code, snapshot=snapshot.manifest.id)
    return SubjectNotFound(detail, [ErrorItem(ErrorCode.NOT_FOUND, "path/code", detail)])


def _side(snapshot: Snapshot, fields: tuple[str, ...]) -> Side:
    return Side("", ENTERPRISE_MEASURES, ENTERPRISE_METRICS, partial(_count, snapshot), fields)


def flagged(snapshot: Snapshot, rows: Int64, listing: Listing) -> Int64:
    """Return the rows whose flags match the listing; unknown matches neither true nor false."""
    for name, column in _FLAGS.items():
        wanted = getattr(listing, name)
        if wanted is not None:
            valid = snapshot.enterprises.valid(column, rows)
            matches = snapshot.enterprises.values(column, rows) == int(wanted)
            rows = rows[matches if valid is None else matches & valid]
    return rows


def _related_to(snapshot: Snapshot, listing: Listing, district: tuple[str, ...]) -> Callable[[Int64], Int64]:
    """Return what takes the rows in a relation to a branch and all below it, by employments and living coverage.

    Raises
    ------
    InvalidRequest
        The branch does not live.
    """
    if listing.relation is None:
        return lambda rows: rows
    if listing.relation is Relation.UNREACHED:
        return partial(_unreached, snapshot, _near(snapshot, listing.branch, district))
    assert listing.branch is not None
    branches = subtree_of(snapshot, listing.branch, district)
    tied = _participating if listing.relation is Relation.PARTICIPATING else _covered
    return partial(np.intersect1d, tied(snapshot, listing.branch, branches), assume_unique=True)


def _unreached(snapshot: Snapshot, near: Int64 | None, rows: Int64) -> Int64:
    """Return the rows, of those near if given, that employ somebody whom neither organisation nor branch reaches."""
    values = snapshot.enterprises.values
    rows = rows[(values("organised", rows) == 0) & (values("members_without_dual", rows) > 0)]
    return rows if near is None else np.intersect1d(rows, near, assume_unique=True)


def _participating(snapshot: Snapshot, branch: str, _below: Int64) -> Int64:
    """Return the enterprises that employ an open member with a living secondary affiliation at or below a branch."""
    table = snapshot.table("workplaces")
    rows = table.span_of("branch_code", branch)
    valid, tied = table.valid("enterprise", rows), table.values("members_secondary", rows) > 0
    return np.unique(table.values("enterprise", rows)[tied if valid is None else tied & valid]).astype(np.int64)


def _covered(snapshot: Snapshot, _branch: str, branches: Int64) -> Int64:
    """Return the enterprises that a living organisation means ties to one of some living branches."""
    table = snapshot.table("coverage")
    means = [str(choice) for choice in CoverageMeans]
    organising = np.isin(table.values("means"), [means.index(choice) for choice in ORGANISATION_MEANS])
    named = table.among("branch_code", snapshot.branches.taken("code", branches))
    return np.unique(table.values("enterprise")[organising & named]).astype(np.int64)


def _near(snapshot: Snapshot, branch: str | None, district: tuple[str, ...]) -> Int64 | None:
    """Return the rows in the district of a branch and, where it is for some, in its industries; null: all."""
    if branch is None:
        return None
    subtree_of(snapshot, branch, district)  # which refuses one that does not live
    own = np.array([snapshot.branch_row(branch)], np.int64)
    industry, group = (snapshot.branches.texts_of(name, own) for name in ("industry_code", "industry_group"))
    population = Population(
        Basis.REGISTERED,
        district=(snapshot.districts.codes[int(snapshot.branch_districts[own[0]])],),
        industry=tuple(code for code in industry if code is not None),
        industry_group=tuple(code for code in group if code is not None),
    )
    return sums.listed_rows(snapshot, resolve(snapshot, population))


def subtree_of(snapshot: Snapshot, branch: str, district: tuple[str, ...]) -> Int64:
    """Return the living branches at and below one, by nearest living ancestors.

    Raises
    ------
    InvalidRequest
        It does not live.
    """
    row = snapshot.branch_row(branch)
    if row is None:
        refuse_branch(snapshot, "branch", branch, district)
    return np.flatnonzero(_descends(snapshot.branch_parents, row))


def _count(snapshot: Snapshot, rows: Int64, codes: tuple[str, ...] = _ROWS) -> Counts:
    """Return measures of single enterprises; null: unknown, or not defined for the member source."""
    values = np.stack([snapshot.enterprises.values(code, rows) for code in codes]).astype(np.int64)
    null = np.zeros(values.shape, bool)
    for line, code in enumerate(codes):
        valid = snapshot.enterprises.valid(code, rows)
        if valid is not None:
            null[line] = ~valid
    lines = np.array([*map(_ROWS.index, codes)], np.intp)
    return Counts(codes, values, null, _undefined(snapshot).take(lines), _PROTECTED.take(lines))


def _margins(snapshot: Snapshot, parts: Callable[[], Iterator[Int64]]) -> Margins:
    summed: Int64 = np.sum([sums.add_rows(snapshot, rows, _ROWS) for rows in parts()], axis=0, dtype=np.int64)
    undefined = _undefined(snapshot)
    return Margins(Counts(_ROWS, summed, np.repeat(undefined[:, None], 1, axis=1), undefined, _PROTECTED))


def _undefined(snapshot: Snapshot) -> Mask:
    return _REGISTER_ONLY & (snapshot.manifest.member_source == "returns")


_MEASURES = tuple(measure.code for measure in BRANCH_MEASURES)
_COMPANION = "enterprises_members_unknown"
"""A companion of shares that is always 0 for a branch, whose members are always known."""

_CHOICES = {"kind": list(map(str, BranchKind)), "form": list(map(str, BranchForm))}
_CODES = (*_MEASURES, "members", _COMPANION)
_PARTICIPATING = _MEASURES.index("members_participating")
_NONE = np.zeros(len(_CODES), bool)
_OF_SUBTREE = np.array([measure.of_subtree for measure in BRANCH_MEASURES] + [False, False])


def list_branches(snapshot: Snapshot, question: Question, page: Page) -> RowList:
    """Return the living branches that a question lists, sorted by the figures of their subtrees."""
    own, subtree = _sides(snapshot, question.fields)
    listed, precision = _listed_branches(snapshot, question), precision_of(snapshot.manifest)
    if page.until is not None and page.until <= _FIRST:  # branches are sorted by code: their rows rank them
        first, length = first_of(listed, lambda rows: rows, subtree, page, precision, page.until)
        return RowList(snapshot, Subject.BRANCHES, first, (own, subtree), length=length)
    rows = np.concatenate([part.astype(np.int32) for part in listed])
    return RowList(snapshot, Subject.BRANCHES, ordered(rows, rows, subtree, page, precision), (own, subtree))


def _listed_branches(snapshot: Snapshot, question: Question) -> Iterator[Int64]:
    """Yield the branches that a question lists, some after the others."""
    district = question.population.district
    related = _related(snapshot, question.listing, district)
    for run in snapshot.branches.runs(slice(0, len(snapshot.branches))):
        rows = _located(snapshot, run.start + np.flatnonzero(related[run]), district)
        for name in ("kind", "form"):
            wanted = getattr(question.listing, name)
            if wanted is not None:
                valid, place = snapshot.branches.valid(name, rows), _CHOICES[name].index(wanted)
                matches = snapshot.branches.values(name, rows) == place
                rows = rows[matches if valid is None else matches & valid]
        yield rows


def branches_of(
    snapshot: Snapshot, codes: Iterable[str], fields: tuple[str, ...] = ()
) -> tuple[RowList, dict[str, int]]:
    """Return those of some branches that live, with some figures, and the row of each."""
    rows = {code: row for code in codes if (row := snapshot.branch_row(code)) is not None}
    numbers = np.array(list(rows.values()), np.int64)
    return RowList(snapshot, Subject.BRANCHES, numbers, _sides(snapshot, fields)), rows


def one_branch(snapshot: Snapshot, code: str, fields: tuple[str, ...] = ()) -> RowList:
    """Return one living branch, with some figures.

    Raises
    ------
    SubjectNotFound
        No branch of this code lived on the date.
    """
    row_list, rows = branches_of(snapshot, (code,), fields)
    if not rows:
        raise absent_branch(snapshot, code)
    return row_list


def absent_branch(snapshot: Snapshot, code: str) -> SubjectNotFound:
    """Return the error of a branch that is not living in the snapshot."""
    detail = say("No living branch {code!r} in snapshot {snapshot}.", code=code, snapshot=snapshot.manifest.id)
    return SubjectNotFound(detail, [ErrorItem(ErrorCode.NOT_FOUND, "path/code", detail)])


def _sides(snapshot: Snapshot, fields: tuple[str, ...]) -> tuple[Side, Side]:
    own, subtree = (
        Side(name, BRANCH_MEASURES, BRANCH_METRICS, partial(_count_branches, snapshot, name), fields)
        for name in ("own", "subtree")
    )
    return own, subtree


def _count_branches(snapshot: Snapshot, side: str, rows: Int64) -> Counts:
    values = np.zeros((len(_CODES), len(rows)), np.int64)
    null = np.zeros(values.shape, bool)
    for line, code in enumerate(_MEASURES):
        values[line] = snapshot.branches.values(f"{side}_{code}", rows)
        valid = snapshot.branches.valid(f"{side}_{code}", rows)
        if valid is not None:
            null[line] = ~valid
    values[_CODES.index("members")] = values[_PARTICIPATING]
    return Counts(_CODES, values, null, undefined=_OF_SUBTREE & (side == "own"), protected=_NONE)


def refuse_branch(snapshot: Snapshot, name: str, code: str, district: tuple[str, ...]) -> NoReturn:
    """Refuse a branch in a parameter that is not living, or not visible to the caller.

    Only codes of the same district are suggested: the caller may not see others.
    """
    located = _located(snapshot, np.arange(len(snapshot.branches)), district)
    problem = unknown_code(name, code, snapshot.branches.around("code", code, located, NEIGHBOURS))
    raise InvalidRequest(problem.message, [problem])


def _related(snapshot: Snapshot, listing: Listing, district: tuple[str, ...]) -> Mask:
    """Return which are children of a parent or in the subtree of a branch, by nearest living ancestors."""
    if listing.parent is not None and listing.within is not None:
        raise conflicting(say("parent and within cannot be used together"), "parent", "within")
    for name in ("parent", "within"):
        code = getattr(listing, name)
        if code is None:
            continue
        row = snapshot.branch_row(code)
        if row is None:
            refuse_branch(snapshot, name, code, district)
        parents = snapshot.branch_parents
        return np.asarray(parents == row) if name == "parent" else _descends(parents, row)
    return np.ones(len(snapshot.branches), bool)


def _descends(parents: Indices, root: int) -> Mask:
    """Return which nodes lie in the subtree of a root, including itself."""
    inside = np.zeros(len(parents) + 1, bool)
    inside[root] = True
    while True:
        grown = inside[:-1] | inside[parents]
        if (grown == inside[:-1]).all():
            return grown
        inside[:-1] = grown


def _located(snapshot: Snapshot, rows: Int64, district: tuple[str, ...]) -> Int64:
    """Return the branches that are in one of some districts; of none: all."""
    nodes = resolve(snapshot, Population(district=district)).districts
    if not nodes:
        return rows
    located: Int64 = rows[in_spans(snapshot.branch_districts[rows], spans_of(snapshot.districts, nodes))]
    return located


def own_district(snapshot: Snapshot, subject: Subject, code: str) -> str | None:
    """Return the code of the district of an enterprise or a branch; null if it has none.

    Raises
    ------
    SubjectNotFound
        There is no such enterprise or branch.
    """
    if subject is Subject.BRANCHES:
        row = int(one_branch(snapshot, code).rows[0])
        return snapshot.districts.codes[int(snapshot.branch_districts[row])]
    node = int(snapshot.district_of(one_enterprise(snapshot, code).some(0, 1))[0])
    return snapshot.districts.codes[node] if node < len(snapshot.districts.codes) else None


def absent(snapshot: Snapshot, subject: Subject, code: str) -> SubjectNotFound:
    """Return the error of an enterprise or a branch that is not in the snapshot."""
    return (absent_branch if subject is Subject.BRANCHES else absent_enterprise)(snapshot, code)


def codes_near(snapshot: Snapshot, subject: Subject, code: str) -> Iterable[str]:
    """Return the codes to search for the closest to an unknown one: all branches, or nearby enterprises."""
    if subject is Subject.BRANCHES:
        branches = snapshot.branches
        return branches.around("code", code, np.arange(len(branches)), NEIGHBOURS)
    return snapshot.enterprises.near("code", code, NEIGHBOURS)
