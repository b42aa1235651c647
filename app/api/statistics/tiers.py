"""Which tier answers a question of statistics: finds the question's districts, and calls `tier_of`, which decides."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import islice

from fastapi import Request

from app.access.principals import Principal, Tier, tier_of
from app.api.statistics.reader import reader_of
from app.statistics.aggregates import SubjectNotFound
from app.statistics.as_of import snapshot_at
from app.statistics.changes import ChangesQuestion
from app.statistics.low_membership import LowMembershipQuestion, RatioReference
from app.statistics.question import AsOf, Question, Subject
from app.statistics.subjects import absent, own_district, refuse_branch
from app.statistics.trends import TrendQuestion, Visibility, district_trees
from app.store.shelf import Shelf, SnapshotNotFound
from app.store.snapshot import Snapshot, Tree

_SINGLE = frozenset({Subject.ENTERPRISES, Subject.BRANCHES})
"""Subjects whose single answer is about their own district."""


def districts_of(question: Question, code: str | None, tree: Callable[[], Tree | None]) -> tuple[str, ...]:
    """Return the codes of the districts that a question is about; empty: the whole registry.

    Parameters
    ----------
    question
        The question.
    code
        Of the subject in the path; null: none.
    tree
        Returns the district tree of the snapshot that answers; called only if the question includes a parent.
    """
    districts = question.population.district
    codes: tuple[str | None, ...] = districts
    if isinstance(question, LowMembershipQuestion) and question.reference is RatioReference.PARENT:
        codes += tuple(above for district in districts for above in islice(lineage(tree(), district), 1, 2))
    if question.subject is Subject.DISTRICTS:
        codes += (code, question.listing.parent, question.listing.within)
    return tuple(code for code in codes if code is not None)


async def tier_of_question(
    request: Request, question: Question, code: str | None = None, *, as_public: bool = False
) -> Tier:
    """Return the tier that answers a question; `code` is that of a single subject, `as_public` as for `tier_of`.

    Raises
    ------
    OutsideScope
        It is outside the key's scope, and anonymous callers get no figures.
        SubjectNotFound
        It is about an enterprise or a branch that does not exist or is outside the key's scope.
    """
    principal: Principal = request.state.principal
    if as_public or not principal.scope:  # everything, or nothing: no tree is needed
        return tier_of(principal, districts_of(question, code, lambda: None), _no_lineage, as_public=as_public)
    reader = reader_of(request, Tier.EXACT)
    light = not isinstance(question, TrendQuestion)
    return await reader.run(
        lambda source: _decided(source.shelf, principal, question, code), question.when, light=light
    )


def visibility_of(request: Request, question: TrendQuestion) -> Visibility | None:
    """Return whether an enterprise or branch of the question is visible to the caller in a snapshot; null: always.

    On dates when it is outside the key's scope, it is treated as not existing.
    """
    principal: Principal = request.state.principal
    if not question.codes or not principal.scope:
        return None
    return partial(_shows, principal, question.subject)


def _shows(principal: Principal, subject: Subject, snapshot: Snapshot, code: str) -> bool:
    try:
        own = own_district(snapshot, subject, code)
    except SubjectNotFound:
        return False
    return principal.covers(own, partial(lineage, snapshot.districts))


def _decided(shelf: Shelf, principal: Principal, question: Question, code: str | None) -> Tier:
    if code is not None and question.subject in _SINGLE:
        return _of_single(snapshot_at(shelf, question.when), principal, question.subject, code)
    if isinstance(question, TrendQuestion):
        return _of_trend(shelf, principal, question)
    dates = (question.since, question.when) if isinstance(question, ChangesQuestion) else (question.when,)
    trees = [_tree(shelf, when) for when in dates]
    tier = _strictest(_by_tree(tree, principal, districts_of(question, code, lambda: trees[-1])) for tree in trees)
    if tier is not Tier.PUBLIC and question.subject in _SINGLE:
        _refuse_hidden_branches(snapshot_at(shelf, question.when), principal, question)
    return tier


def _refuse_hidden_branches(snapshot: Snapshot, principal: Principal, question: Question) -> None:
    """Refuse a branch outside the key's scope that chooses rows, like one that does not exist.

    Raises
    ------
    InvalidRequest
        It is outside.
    """
    for name in ("parent", "within", "branch"):
        code = getattr(question.listing, name)
        if code is None or snapshot.branch_row(code) is None:
            continue
        own = own_district(snapshot, Subject.BRANCHES, code)
        if not (principal.elsewhere is Tier.EXACT or principal.covers(own, partial(lineage, snapshot.districts))):
            refuse_branch(snapshot, name, code, question.population.district)


def _of_trend(shelf: Shelf, principal: Principal, question: TrendQuestion) -> Tier:
    """Decide by the trees of all dates, since no answer mixes tiers; for single subjects `visibility_of` decides."""
    if question.codes:
        return principal.inside
    districts = districts_of(question, None, lambda: None)
    trees: list[Tree | None] = [*district_trees(shelf, question)]
    return _strictest(_by_tree(tree, principal, districts) for tree in trees or [None])


def _strictest(tiers: Iterable[Tier]) -> Tier:
    """Return the tier of an answer from several snapshots: exact only if it is exact by each of their trees."""
    return max(tiers, key=list(Tier).index)


def _by_tree(tree: Tree | None, principal: Principal, districts: tuple[str, ...]) -> Tier:
    if tree is not None and any(district not in tree.index for district in districts):
        return principal.inside  # which refuses the unknown code, as for everybody
    return tier_of(principal, districts, partial(lineage, tree))


def _of_single(snapshot: Snapshot, principal: Principal, subject: Subject, code: str) -> Tier:
    if not principal.covers(own_district(snapshot, subject, code), partial(lineage, snapshot.districts)):
        raise absent(snapshot, subject, code)
    return principal.inside


def _tree(shelf: Shelf, when: AsOf) -> Tree | None:
    """Return the district tree that decides what is inside a scope; the newest, if no exact snapshot has the date."""
    try:
        return snapshot_at(shelf, when).districts
    except SnapshotNotFound:
        return shelf.newest().districts if shelf.all() else None


def lineage(tree: Tree | None, code: str) -> Iterator[str]:
    """Yield the codes of a district and all above it; nothing if it does not exist."""
    node = -1 if tree is None else tree.index.get(code, -1)
    while tree is not None and node >= 0:
        yield tree.codes[node]
        node = int(tree.parents[node])


def _no_lineage(_code: str) -> Iterator[str]:
    return iter(())
