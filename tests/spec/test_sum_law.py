"""The sum law: listed rows and `unallocated` are `total`, for every measure, basis, level and parent, in both roots."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given

from app.catalogue.measures import ENTERPRISE_MEASURES, MEASURES
from app.catalogue.vocabulary import Basis, DistrictLevel, IndustryLevel
from app.demo.siming import SIMING_DATES
from app.statistics.aggregates import list_tree, tree_of
from app.statistics.question import AsOf, Listing, Page, Population, Question, Subject
from app.statistics.row_list import RowList
from app.store.snapshot import Snapshot, Tree
from tests.factories.asking import Asker, Params, Reader
from tests.factories.demonstration import Demonstration
from tests.factories.loading import fill
from tests.factories.registries import dated_registries
from tests.factories.tiny import Tiny, codes, tiny_registry
from tests.lengths import at_length, same_examples
from tests.reference.registry import Registry

CODES = [measure.code for measure in MEASURES]
LEVELS = {Subject.DISTRICTS: DistrictLevel, Subject.INDUSTRIES: IndustryLevel}
OWN = {Subject.DISTRICTS: "district", Subject.INDUSTRIES: "industry"}
EXAMPLES = {
    engine: int(os.environ.get("ORGCOVERAGE_TEST_SUM_LAW", shorter))
    for engine, shorter in {"sqlite": at_length(6, 3), "postgresql": at_length(3, 2)}.items()
}
"""Random registries of each engine; the full count is 200."""

Sums = npt.NDArray[np.int64]


@pytest.fixture(scope="module")
def roots(demonstration: Demonstration) -> dict[str, list[Snapshot]]:
    """Give all snapshots of the demonstration, exact and public, which are the same bytes on both engines."""
    shelves = {root: Reader(demonstration.folder / "snapshots" / root).shelf for root in ("exact", "public")}
    return {root: [shelf.at(as_of) for as_of in SIMING_DATES] for root, shelf in shelves.items()}


@pytest.fixture(scope="module")
def exact_snapshots(roots: dict[str, list[Snapshot]]) -> list[Snapshot]:
    """Give the exact ones."""
    return roots["exact"]


@dataclass(frozen=True)
class AddedUp:
    """What a node holds when each row is carried up its path, one by one: shape (nodes + 1, row measures).

    The last row is everything, the unplaced included.
    """

    tree: Tree
    sums: Sums

    def at(self, node: int | None) -> Sums:
        """Sums of a node, or of everything."""
        found: Sums = self.sums[-1 if node is None else node]
        return found


def add_up(snapshot: Snapshot, subject: Subject, basis: Basis, district: int = -1) -> AddedUp:
    """Add up everything, or what lies below a district."""
    tree = tree_of(snapshot, subject)
    table, measures, bit = snapshot.rows, snapshot.row_measures, 1 << list(Basis).index(basis)
    columns = [[value or 0 for value in table.arrow(measure).to_pylist()] for measure in measures]
    rows = np.array(columns, np.int64).reshape(len(measures), -1).T
    places, districts = (table.arrow(name).to_pylist() for name in (OWN[subject], "district"))
    bases = table.arrow("bases").to_pylist() if "bases" in table.names else [bit] * len(rows)
    sums = np.zeros((len(tree.codes) + 1, len(measures)), np.int64)
    for row, place, own_district, held in zip(rows, places, districts, bases, strict=True):
        if held & bit and district in (-1, *path_up(snapshot.districts, own_district)):
            sums[[-1, *path_up(tree, place)]] += row
    return AddedUp(tree, sums)


def path_up(tree: Tree, node: int | None) -> list[int]:
    """A node and its ancestors; nothing for no node."""
    path = []
    while node is not None and node >= 0:
        path.append(node)
        node = int(tree.parents[node])
    return path


def listings(snapshot: Snapshot, subject: Subject) -> Iterator[tuple[Listing, int | None]]:
    """Every parent that has children, every level, and the node in which the rows lie."""
    tree, can = tree_of(snapshot, subject), snapshot.manifest.capabilities
    for parent in sorted(set(tree.parents.tolist()) - {-1}):
        yield Listing(parent=tree.codes[parent]), parent
    for level in can.district_levels if subject is Subject.DISTRICTS else can.industry_levels:
        yield Listing(level=level), None


def listed_nodes(tree: Tree, listing: Listing, parent: int | None) -> list[int]:
    """The nodes that a listing names, empty ones too."""
    if parent is not None:
        return [node for node, above in enumerate(tree.parents.tolist()) if above == parent]
    return [node for node, level in enumerate(tree.levels) if level == listing.level]


def holds(listed: RowList, expected: AddedUp, node: int | None, children: list[int]) -> None:
    """Rows, `unallocated` and `total` of a list are what adding up one by one gives, and add up themselves."""
    margins, rows = listed.margins, listed.sides[0].count(listed.some(0, listed.number))
    assert margins is not None
    total, unallocated = margins.total, margins.unallocated
    assert total is not None
    assert unallocated is not None
    lines = [total.codes.index(measure) for measure in listed.snapshot.row_measures]
    assert total.values[lines, 0].tolist() == expected.at(node).tolist()
    assert rows.values[lines].T.tolist() == expected.sums[listed.rows].tolist()
    rest = expected.at(node) - expected.sums[children].sum(axis=0)
    given = ~unallocated.null[lines, 0]
    assert unallocated.values[lines, 0][given].tolist() == rest[given].tolist()
    known = ~(unallocated.null | total.null | rows.null.any(axis=1, keepdims=True))[:, 0]
    assert (rows.values.sum(axis=1) + unallocated.values[:, 0] == total.values[:, 0])[known].all()
    assert (unallocated.values >= 0).all()
    assert unallocated.null[CODES.index("enterprises"), 0] == np.False_


@pytest.mark.parametrize("subject", LEVELS)
@pytest.mark.parametrize("number", range(len(SIMING_DATES)), ids=map(str, SIMING_DATES))
@pytest.mark.parametrize("root", ["exact", "public"])
def test_rows_and_unallocated_are_the_total_when_the_demonstration_is_listed(
    roots: dict[str, list[Snapshot]], root: str, number: int, subject: Subject
) -> None:
    snapshot = roots[root][number]
    added_up = {basis: add_up(snapshot, subject, basis) for basis in snapshot.bases}
    widest = added_up[snapshot.bases[0]]
    looked_at = 0
    for (listing, node), basis in product(listings(snapshot, subject), snapshot.bases):
        is_empty = not widest.at(node)[0]
        if is_empty and basis is not snapshot.bases[0]:
            continue  # nothing registered there: nothing in any basis
        question = Question(subject, AsOf(), Population(basis=basis), listing)
        holds(list_tree(snapshot, question, Page()), added_up[basis], node, listed_nodes(widest.tree, listing, node))
        looked_at += not is_empty
    generations = 3 + len(set(widest.tree.levels))  # parents and levels that hold enterprises, at least
    assert looked_at >= len(snapshot.bases) * generations


@pytest.mark.parametrize("number", range(at_length(len(SIMING_DATES), 1)))
def test_industries_of_every_district_add_up_when_figures_are_public(
    roots: dict[str, list[Snapshot]], number: int
) -> None:
    snapshot, below_the_page = roots["public"][number], 0
    for district, code in enumerate(snapshot.districts.codes):
        expected = add_up(snapshot, Subject.INDUSTRIES, Basis.OPERATING, district)
        if not expected.at(None)[0]:
            continue
        for listing, parent in listings(snapshot, Subject.INDUSTRIES):
            question = Question(Subject.INDUSTRIES, AsOf(), Population(district=(code,)), listing)
            listed = list_tree(snapshot, question, Page())
            holds(listed, expected, parent, listed_nodes(expected.tree, listing, parent))
            assert listed.margins is not None
            assert listed.margins.unallocated is not None
            below_the_page += listed.margins.unallocated.row("members")[0]
    assert below_the_page > 0  # persons of firms that are shown without their division


@pytest.mark.parametrize("number", range(len(SIMING_DATES)), ids=map(str, SIMING_DATES))
def test_public_facts_are_the_exact_ones_when_firms_are_placed(roots: dict[str, list[Snapshot]], number: int) -> None:
    exact, public = roots["exact"][number], roots["public"][number]
    for subject in LEVELS:
        tree = tree_of(public, subject)
        shared = [(node, tree_of(exact, subject).index[code]) for node, code in enumerate(tree.codes)]
        sums = {
            snapshot: add_up(snapshot, subject, Basis.OPERATING).sums[[*(pair[turn] for pair in shared), -1]]
            for turn, snapshot in enumerate((public, exact))
        }
        for measure in ("enterprises", "enterprises_organised", "enterprises_standalone"):
            ours, theirs = (of[:, snapshot.row_measures.index(measure)] for snapshot, of in sums.items())
            assert ours.tolist() == theirs.tolist()
            assert ours.sum() > 0


def test_withheld_members_add_up_when_counties_and_sections_are_listed(exact_snapshots: list[Snapshot]) -> None:
    line = CODES.index("members_withheld")
    found = 0
    for snapshot, basis in product(exact_snapshots, (Basis.REGISTERED, Basis.OPERATING)):
        for subject, level in ((Subject.DISTRICTS, "county"), (Subject.INDUSTRIES, "section")):
            question = Question(subject, AsOf(), Population(basis=basis), Listing(level=level, include_empty=True))
            listed = list_tree(snapshot, question, Page())
            margins, rows = listed.margins, listed.sides[0].count(listed.some(0, listed.number))
            assert margins is not None
            assert margins.total is not None
            assert margins.unallocated is not None
            assert not rows.null[line].any()
            assert not margins.unallocated.null[line]
            everybody = sum(snapshot.withheld.arrow(basis.value).to_pylist())
            assert margins.total.values[line, 0] == everybody
            assert rows.values[line].sum() + margins.unallocated.values[line, 0] == everybody
            found += everybody
    assert found > 0


@pytest.fixture(scope="module")
def crowds(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Snapshot]:
    """Give snapshots, exact and public, whose larger districts are added up beforehand, by industry."""
    folder = tmp_path_factory.mktemp("crowd")
    (folder / "registry.sqlite").write_bytes(sqlite_template.read_bytes())
    places, trades = ("wucun", "siming", "jialian", "yunding", "jiangtou", ""), ("641", "64", "65", "86", "I", "", "R")
    firms = [(f"f{number}", places[number % 6], trades[number % 7]) for number in range(6000)]
    asker = Asker(f"sqlite+aiosqlite:///{folder / 'registry.sqlite'}", folder, anonymous="public")
    registry = tiny_registry(
        enterprises="code, district_code, industry_code\n" + "\n".join(", ".join(firm) for firm in firms),
        returns="enterprise_code, reported_on, headcount, members, members_women\n"
        + "\n".join(f"f{number}, 2017-06-30, {number % 97}, {number % 5}, {number % 5 // 2}" for number in range(6000)),
    )
    fill(asker.settings.registry_url, registry)
    exact = asker.shelf.get(asker.build(date(2017, 6, 30)))
    return {"exact": exact, "public": Reader(asker.settings.snapshots_dir / "public").shelf.newest()}


@pytest.mark.parametrize(("district", "is_large"), [("xiamen", True), ("fujian", True), ("siming", False)])
@pytest.mark.parametrize("root", ["exact", "public"])
def test_industries_of_a_district_add_up_when_it_is_large(
    crowds: dict[str, Snapshot], root: str, district: str, is_large: bool
) -> None:
    crowd = crowds[root]
    node = crowd.districts.index[district]
    assert (node in crowd.cell_axes[0].tolist()) == is_large
    for basis in {Basis.REGISTERED, Basis.OPERATING, Basis.SURVEYED} & set(crowd.bases):
        expected = add_up(crowd, Subject.INDUSTRIES, basis, node)
        for listing, parent in listings(crowd, Subject.INDUSTRIES):
            question = Question(Subject.INDUSTRIES, AsOf(), Population(basis=basis, district=(district,)), listing)
            holds(list_tree(crowd, question, Page()), expected, parent, listed_nodes(expected.tree, listing, parent))


def test_the_sum_law_holds_when_registries_are_random(tiny: Tiny) -> None:
    asker = Asker(tiny.url, tiny.folder)
    examples = EXAMPLES[tiny.url.partition("+")[0]]

    @same_examples(examples)
    @given(dated_registries())
    def hold(drawn: tuple[Registry, date]) -> None:
        registry, as_of = drawn
        fill(tiny.url, registry)
        snapshot = asker.build(as_of)
        for subject in LEVELS:
            for params in random_questions(registry, subject):
                adds_up(asker, snapshot, subject, params)

    hold()


def random_questions(registry: Registry, subject: Subject) -> Iterator[Params]:
    """Every basis and some other populations, with every parent and level."""
    parents = {one["parent_code"] for one in registry[subject.value]} - {None}
    rows = [*({"parent": code} for code in sorted(parents)), *({"level": str(level)} for level in LEVELS[subject])]
    populations: list[Params] = [{"basis": str(basis)} for basis in Basis]
    populations += [
        {"basis": "registered", "size_class": "small"},
        {"enterprise_kind": "enterprise", "ownership": ["state", "private"]},
        {"sector": ["public", "social"]},
    ]
    for row, population in product(rows, populations):
        yield row | population


def adds_up(asker: Asker, snapshot: str, subject: Subject, params: Params) -> None:
    """A page adds up, its total is the row of the parent, and that of the enterprises below it."""
    page = asker.list(subject.value, params, snapshot)
    counts = [one["counts"] for one in page["data"]]
    total, unallocated = page["total"]["counts"], page["unallocated"]["counts"]
    for measure in CODES:
        values = [one[measure] for one in counts]
        if None in values or total[measure] is None:
            assert unallocated[measure] is None, (params, measure)
        else:
            assert sum(values) + unallocated[measure] == total[measure], (params, measure, codes(page))
            assert unallocated[measure] >= 0, (params, measure)
    population = {name: value for name, value in params.items() if name not in ("parent", "level")}
    if "parent" in params:
        assert page["total"] == figures_of(asker.one(subject.value, params["parent"], population, snapshot))
        population[OWN[subject]] = params["parent"]
    elif params["level"] not in ("province", "section"):
        return  # the whole registry again
    enterprises = asker.list("enterprises", population, snapshot)
    assert total["enterprises"] == len(enterprises["data"])
    for measure in (one.code for one in ENTERPRISE_MEASURES):
        assert enterprises["total"]["counts"][measure] == total[measure], (params, measure)


def figures_of(answer: dict[str, Any]) -> dict[str, Any]:
    return {name: answer["data"][name] for name in ("counts", "rates")}
