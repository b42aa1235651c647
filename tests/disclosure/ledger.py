"""What each cell of the public tier must say: the reference, added up once for all cells of a whole province."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations, product
from math import isclose
from typing import Any, Self

from tests.disclosure.answers import Rate
from tests.disclosure.crawl import Account, Asked, Comparison, Said
from tests.reference.changes import kitagawa
from tests.reference.facts import Firm
from tests.reference.low_membership import COLUMNS, add_q, compared, less
from tests.reference.public import (
    CORRELATION,
    DISTRICT_LEVELS,
    INDUSTRY_LEVELS,
    PublicReference,
    Sums,
    member_ratio,
)
from tests.reference.rates import METRICS, rate
from tests.reference.registry import Row, path_up, pre_order
from tests.reference.rounding import Shown

FACTS = ("enterprises", "enterprises_organised", "enterprises_standalone")
FACT_RATES = ("organisation_coverage", "standalone_rate")

PROTECTED = Rate(None, None, None, None, None, None, "protected")


@dataclass(frozen=True)
class Tables:
    """The subjects that are public: every district, industry and group by its row of the registry's tables."""

    districts: dict[str, Row]
    industries: dict[str, Row]
    groups: tuple[str, ...]

    @property
    def codes(self) -> dict[str, Collection[str]]:
        """The codes of each, as paths name them."""
        return {"districts": self.districts, "industries": self.industries, "industry-groups": self.groups}


@dataclass
class Cell:
    """Sums of one cell."""

    enterprises: int = 0
    enterprises_organised: int = 0
    enterprises_standalone: int = 0
    shown: int = 0
    members: int = 0
    headcount: int = 0
    squares: int = 0

    def count(self, firm: Firm) -> None:
        """Count the public facts about a firm."""
        self.enterprises += 1
        self.enterprises_organised += firm.organised
        self.enterprises_standalone += firm.standalone

    def show(self, one: Shown) -> None:
        """Add the rounded persons of a firm."""
        self.shown += 1
        self.members += one.members
        self.headcount += one.headcount
        self.squares += one.headcount**2

    def add(self, other: Self) -> None:
        """Add all of another cell."""
        for name, count in vars(other).items():
            setattr(self, name, getattr(self, name) + count)

    @property
    def sums(self) -> Sums:
        """What its ratio rests on."""
        return Sums(self.shown, self.members, self.headcount, self.squares)

    @property
    def counts(self) -> dict[str, int]:
        """All counts that are public, by measure."""
        persons = {"members": self.members, "headcount": self.headcount}
        matched = {f"{name}_matched": count for name, count in persons.items()}
        return {name: getattr(self, name) for name in FACTS} | persons | matched

    @property
    def rates(self) -> dict[str, dict[str, Any]]:
        """All ratios that are public, by metric."""
        counts = self.counts
        of_facts = {name: rate(METRICS[name], dict(counts), frozenset(), CORRELATION) for name in FACT_RATES}
        return of_facts | {"member_ratio": member_ratio(self.sums)}


class Ledger:
    """All cells of a moment.

    Parameters
    ----------
    reference
        The moment.

    Attributes
    ----------
    cells
        By the conditions that a cell is asked for with; only those that hold somebody.
    """

    def __init__(self, reference: PublicReference) -> None:
        self.reference = reference
        when = reference.when
        self.tables = Tables(
            {code: node for code, node in when.districts.items() if node["level"] in DISTRICT_LEVELS},
            {code: node for code, node in when.industries.items() if node["level"] in INDUSTRY_LEVELS},
            tuple(reference.codes("industry-groups")),
        )
        self.groups: defaultdict[str | None, list[str]] = defaultdict(list)
        for group in self.tables.groups:
            for code in when.industries_of_group(group):
                self.groups[code].append(group)
        self.cells: defaultdict[Asked, Cell] = defaultdict(Cell)
        for place, own in self.own_sums().items():
            for asked in self.conditions(*place):
                self.cells[asked].add(own)

    def own_sums(self) -> dict[tuple[str | None, str | None], Cell]:
        """Facts about firms where they are, and rounded persons where they show."""
        own: defaultdict[tuple[str | None, str | None], Cell] = defaultdict(Cell)
        for firm in self.reference.firms.values():
            if firm.operating:
                own[firm.place("district_code"), firm.place("industry_code")].count(firm)
        for one in self.reference.shown:
            own[one.place].show(one)
        return own

    def conditions(self, district: str | None, industry: str | None) -> Iterator[Asked]:
        """At most one district, one industry and two groups at or above a place."""
        when = self.reference.when
        districts = [code for code in path_up(when.districts, district) if code in self.tables.districts]
        industries = [code for code in path_up(when.industries, industry) if code in self.tables.industries]
        nodes = product(at_most(1, "district", districts), at_most(1, "industry", industries))
        for (district_asked, industry_asked), groups in product(
            nodes, at_most(2, "industry_group", self.groups[industry])
        ):
            yield district_asked | industry_asked | groups

    # --- what is said ------------------------------------------------------------------------------------

    def cell(self, asked: Asked) -> Cell:
        """The cell of some conditions; nobody is in one that is not there."""
        return self.cells.get(self.narrowed(asked), NOBODY)

    def narrowed(self, asked: Asked) -> Asked:
        """The narrowest of nodes on one path; conditions that nothing meets stay as they are."""
        found = {pair for pair in asked if pair[0] == "industry_group"}
        for name, tree in (("district", self.tables.districts), ("industry", self.tables.industries)):
            codes = {code for dimension, code in asked if dimension == name}
            deepest = max(codes, key=lambda code: len(path_up(tree, code)), default=None)
            is_path = codes <= set(path_up(tree, deepest))
            found |= {(name, code) for code in codes if not is_path or code == deepest}
        return frozenset(found)

    def explain(self, said: Said) -> None:
        """Hold that a statement says what its cells say, and nothing else: all but public figures is protected."""
        cell = self.cell(said.asked)
        expected = Counter(cell.counts)
        for asked in said.without:
            expected.subtract(self.cell(asked).counts)
        for name, count in said.figures.counts.items():
            assert count == expected.get(name), (said, name)
        rates = cell.rates if said.figures.rates else {}
        for name, found in said.figures.rates.items():
            assert agrees(found, rates[name]) if name in rates else found == PROTECTED, (said, name)

    def explain_comparison(self, said: Comparison) -> None:
        """Hold that comparisons follow from the sums of cells."""
        params, total = said.params, self.cell(said.asked).sums
        expected = [self.compared(said.asked, frozenset(row.codes.items()), params, total) for row in said.rows]
        add_q(expected, float(params.get("alpha", "0.05")))
        for row, one in zip(said.rows, expected, strict=True):
            for column in COLUMNS:
                found = row.class_ if column == "class" else getattr(row, column)
                assert same(found, one[column]), (params, row, column, one[column])

    def compared(self, scope: Asked, row: Asked, params: dict[str, str], total: Sums) -> Row:
        """How one row compares, but for what depends on the others."""
        own, margin = self.cell(scope | row).sums, float(params.get("margin", "0.8"))
        if "target" in params:
            wanted = Fraction(params["target"])
            return {"own": own} | compared(self.reference, own, wanted, None, wanted, margin)
        other = less(total, own)
        if params.get("reference") == "parent":
            above = self.tables.districts[params["district"]]["parent_code"]
            wider = {("district", above), *(pair for pair in scope if pair[0] != "district")}
            other = less(self.cell(frozenset(wider) | row).sums, own)
        centre, ratio = (Fraction(one.members, one.headcount) if one.headcount > 0 else None for one in (total, other))
        return {"own": own} | compared(self.reference, own, ratio, other, centre, margin)

    def strata(self, asked: Asked, level: str) -> dict[str | None, Sums]:
        """Sums of the industries of a level, and under None of whoever is in none of them."""
        codes = [code for code, node in self.tables.industries.items() if node["level"] == level]
        found: dict[str | None, Sums] = {code: self.cell(asked | {("industry", code)}).sums for code in codes}
        rest = self.cell(asked).sums
        for one in found.values():
            rest = less(rest, one)
        return found | {None: rest}


def explain_account(before: Ledger, after: Ledger, said: Account) -> None:
    """Hold that changes follow from the sums of cells at both dates."""
    old, new = before.strata(said.asked, said.level), after.strata(said.asked, said.level)
    expected = kitagawa(old, new, pre_order(after.tables.industries))
    found = said.change.ratio
    if found is None or expected is None:
        assert found is None, said
        assert expected is None, said
        return
    for name in ("difference", "rate", "mix"):
        assert same(getattr(found, name), float(expected[name])), (said, name)
    strata = [(one.industry and one.industry.code, one.rate, one.mix) for one in found.strata]
    for one, row in zip(strata, expected["strata"], strict=True):
        assert one[0] == row["industry"]
        assert same(one[1], float(row["rate"]))
        assert same(one[2], float(row["mix"]))


NOBODY = Cell()


def at_most(number: int, dimension: str, codes: Sequence[str]) -> list[Asked]:
    """Each choice of up to so many codes as conditions."""
    sizes = range(number + 1)
    return [frozenset((dimension, code) for code in some) for size in sizes for some in combinations(codes, size)]


def agrees(found: Rate, expected: dict[str, Any]) -> bool:
    """Whether a published ratio is the expected one: whole numbers and status the same, all else to 1e-12."""
    exact = (found.numerator, found.denominator, found.status)
    if exact != (expected["numerator"], expected["denominator"], expected["status"]):
        return False
    return all(same(getattr(found, name), expected[name]) for name in ("value", "n_eff", "low", "high"))


def same(one: Any, two: Any) -> bool:
    """Whether two values are the same, ratios to nine digits."""
    if isinstance(one, float) and isinstance(two, float):
        return isclose(one, two, rel_tol=1e-9, abs_tol=1e-12)
    return bool(one == two)
