"""Questions that only exact figures answer, asked of protected ones; and roots that share caches without mixing."""

from collections.abc import Callable
from functools import partial
from itertools import permutations
from typing import Any

import pytest

from app.catalogue.analyses import Analysis
from app.catalogue.dimensions import By
from app.catalogue.vocabulary import Basis
from app.errors import InvalidRequest, ServiceError
from app.publication.files import FileFormat, FileOptions
from app.publication.lists import list_answer, list_table, one_answer
from app.publication.row_cache import RowCache, Source
from app.statistics.as_of import ExactOnly, refuse_exact_only
from app.statistics.question import AsOf, Listing, Page, Population, Question, Subject
from app.store.shelf import Shelf, SnapshotNotFound
from tests.factories.asking import Asker, told
from tests.factories.public_snapshots import PublicSnapshot
from tests.factories.tiny import Figures, Tiny

PLACES = """
    district, industry, enterprises, members, headcount
    wucun,    64,       6,           13,      115
    jialian,  65,       6,           13,      115
"""
DISTRICT_LEVELS = ("province", "city", "county", "street")
INDUSTRY_LEVELS = ("section", "division")
ANALYSES = ("breakdown", "low-membership", "trends", "changes")
SUBJECTS = ("districts", "industries", "industry-groups")
BY = (*DISTRICT_LEVELS, *INDUSTRY_LEVELS, "industry_group")


@pytest.fixture(scope="module")
def figures(tmp_path_factory: pytest.TempPathFactory) -> Figures:
    return PublicSnapshot(PLACES).write(tmp_path_factory.mktemp("public"))


def refusal(ask: Callable[[], object]) -> ExactOnly:
    with pytest.raises(ExactOnly) as refused:
        ask()
    return refused.value


def items(error: ServiceError) -> dict[str, tuple[str, ...]]:
    return {item.place: item.allowed for item in error.errors}


@pytest.mark.parametrize(
    ("subject", "params", "pointer", "allowed"),
    [
        ("districts", {"basis": "registered"}, "query/basis", ("operating",)),
        ("industries", {"basis": "eligible"}, "query/basis", ("operating",)),
        ("industry-groups", {"basis": "above_size"}, "query/basis", ("operating",)),
        ("districts", {"enterprise_kind": "enterprise"}, "query/enterprise_kind", ()),
        ("industries", {"ownership": "private"}, "query/ownership", ()),
        ("districts", {"sector": ["non_public", "social"]}, "query/sector", ()),
        ("industry-groups", {"size_class": "small"}, "query/size_class", ()),
        ("districts", {"level": "site"}, "query/level", DISTRICT_LEVELS),
        ("industries", {"level": "group"}, "query/level", INDUSTRY_LEVELS),
        ("industries", {"level": "class"}, "query/level", INDUSTRY_LEVELS),
        ("enterprises", {}, "path", SUBJECTS),
        ("branches", {}, "path", SUBJECTS),
    ],
)
def test_a_question_is_exact_only_when_protected_figures_lack_it(
    figures: Figures, subject: str, params: dict[str, Any], pointer: str, allowed: tuple[str, ...]
) -> None:
    error = refusal(lambda: figures.page(subject, **params))
    assert (error.status, error.code, error.title) == (403, "exact-only", "Exact figures only")
    assert items(error) == {pointer: allowed}


def test_everything_that_is_lacking_is_named_when_a_question_is_exact_only(figures: Figures) -> None:
    asked = {"basis": "surveyed", "ownership": "state", "size_class": "micro", "level": "site"}
    error = refusal(lambda: figures.page("districts", **asked))
    assert list(items(error)) == ["query/basis", "query/ownership", "query/size_class", "query/level"]


def test_single_subjects_and_files_are_exact_only_when_their_lists_are(figures: Figures) -> None:
    for subject in ("enterprises", "branches"):
        assert items(refusal(partial(figures.one, subject, "A"))) == {"path": SUBJECTS}
    error = refusal(lambda: figures.one("districts", "siming", basis="registered"))
    assert items(error) == {"query/basis": ("operating",)}
    question = Question(Subject.DISTRICTS, population=Population(ownership=("state",)))
    options = FileOptions(FileFormat.CSV)
    error = refusal(lambda: list_table(figures.asker.source, question, Page(), options.table))
    assert items(error) == {"query/ownership": ()}


def test_bases_side_by_side_are_exact_only_when_there_is_one_basis(figures: Figures) -> None:
    def by_basis(**params: str) -> ExactOnly:
        return refusal(lambda: figures.asker.breakdown({"by": "basis", **params}, figures.snapshot))

    assert items(by_basis()) == {"query/by": BY}
    assert items(by_basis(ownership="state")) == {"query/ownership": (), "query/by": BY}


def test_analyses_are_exact_only_when_they_name_firms(figures: Figures) -> None:
    for ask in (figures.asker.gaps, figures.asker.data_quality):
        assert items(refusal(partial(ask, {}, figures.snapshot)))["path"] == ANALYSES


@pytest.mark.parametrize("params", [{"parent": "nowhere"}, {"within": "yunding"}, {"industry": "641"}])
def test_exact_only_comes_before_unknown_codes_when_both(figures: Figures, params: dict[str, str]) -> None:
    with pytest.raises(InvalidRequest):
        figures.page("districts", **params)
    assert items(refusal(lambda: figures.page("districts", basis="registered", **params)))
    assert items(refusal(lambda: figures.one("districts", "nowhere", basis="registered")))


def test_public_questions_are_answered_when_they_name_what_there_is(figures: Figures) -> None:
    manifest = figures.asker.shelf.get(figures.snapshot).manifest
    population = Population(Basis.OPERATING, ("siming", "jialian"), ("I", "65"), ("internet",))
    for subject, levels in ((Subject.DISTRICTS, DISTRICT_LEVELS), (Subject.INDUSTRIES, INDUSTRY_LEVELS)):
        for level in levels:
            refuse_exact_only(manifest, Question(subject, AsOf(), population, Listing(level=level)))
    refuse_exact_only(manifest, Question(Subject.INDUSTRY_GROUPS, AsOf(), population))
    for name in ("districts", "industries", "industry-groups"):
        assert figures.page(name)["data"]
    for by in BY:
        refuse_exact_only(manifest, Question(Subject.INDUSTRIES, AsOf(), population, by=(By(by),)))
        assert figures.asker.breakdown({"by": by}, figures.snapshot)["data"]


FIRMS = {
    "enterprises": """
        code, district_code, industry_code
        A,    wucun,         64
        B,    wucun,         65
        C,    jialian,       64
        D,    jialian,       86
        """,
    "returns": """
        enterprise_code, reported_on, headcount, members
        A,               2017-06-30,  42,        7
        B,               2017-06-30,  58,        3
        C,               2017-06-30,  63,        9
        D,               2017-06-30,  77,        1
        """,
}


@pytest.fixture(scope="module")
def roots(tiny: Tiny) -> dict[str, Shelf]:
    """The two roots of one build."""
    asker = tiny.hold(**FIRMS).at(anonymous="public").asker
    assert isinstance(asker, Asker)
    return {root: Shelf(asker.settings.snapshots_dir / root) for root in ("exact", "public")}


QUESTION = Question(Subject.DISTRICTS, listing=Listing(level="street"))


def asked(shelf: Shelf, kept: RowCache, page: Page = Page()) -> dict[str, object]:  # noqa: B008 - frozen
    return told(list_answer(Source(shelf, kept), QUESTION, page))


def one_asked(shelf: Shelf, kept: RowCache) -> dict[str, object]:
    return told(one_answer(Source(shelf, kept), Question(Subject.DISTRICTS), "wucun"))


@pytest.mark.parametrize("order", [("exact", "public"), ("public", "exact")])
def test_roots_do_not_mix_when_they_share_the_rows_that_are_kept(
    roots: dict[str, Shelf], order: tuple[str, str]
) -> None:
    fresh = {root: asked(roots[root], RowCache(0)) for root in roots}
    alone = {root: one_asked(roots[root], RowCache(0)) for root in roots}
    assert fresh["exact"] != fresh["public"]
    shared = RowCache(10**7)
    for root in (*order, *order):  # each is asked with the other's rows kept, and again with its own
        assert asked(roots[root], shared) == fresh[root]
        assert one_asked(roots[root], shared) == alone[root]


def test_a_cursor_does_not_go_on_when_it_is_of_the_other_root(roots: dict[str, Shelf]) -> None:
    for own, other in permutations(roots.values()):
        cursor = asked(own, RowCache(0), Page(limit=1))["next_cursor"]
        assert isinstance(cursor, str)
        assert asked(own, RowCache(0), Page(limit=1, cursor=cursor))["next_cursor"] is None
        with pytest.raises(SnapshotNotFound):
            asked(other, RowCache(0), Page(limit=1, cursor=cursor))


def test_exact_figures_answer_every_question_when_their_root_is_asked(roots: dict[str, Shelf]) -> None:
    exact = roots["exact"].newest().manifest
    for basis in Basis:
        population = Population(
            basis, enterprise_kind=("enterprise",), sector=("public",), ownership=("state",), size_class=("small",)
        )
        for subject in Subject:
            refuse_exact_only(exact, Question(subject, AsOf(), population))
    refuse_exact_only(exact, Question(Subject.DISTRICTS, listing=Listing(level="site")))
    refuse_exact_only(exact, Question(Subject.INDUSTRIES, listing=Listing(level="class")))
    for by in By:
        refuse_exact_only(exact, Question(Subject.INDUSTRIES, analysis=Analysis.BREAKDOWN, by=(by,)))
