"""What each cell of the public tier must say: the reference, added up once for all cells of a whole province."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import isclose
from typing import Any

from tests.disclosure.crawl import GIVEN, RATED, Figures, Key, Rate, Tables
from tests.reference.facts import Firm
from tests.reference.public import CORRELATION, PublicReference, Sums, member_ratio
from tests.reference.rates import METRICS, rate
from tests.reference.registry import path_up


@dataclass
class Cell:
    """Sums of one cell."""

    facts: Counter[str] = field(default_factory=Counter)
    shown: int = 0
    members: int = 0
    headcount: int = 0
    squares: int = 0

    @property
    def sums(self) -> Sums:
        """What its ratio rests on."""
        return Sums(self.shown, self.members, self.headcount, self.squares)


class Ledger:
    """All cells of a moment, by district, industry and group.

    Parameters
    ----------
    reference
        The moment.
    """

    def __init__(self, reference: PublicReference) -> None:
        self.reference = reference
        moment = reference.moment
        self.tables = Tables(
            {code: moment.districts[code] for code in reference.codes("districts")},
            {code: moment.industries[code] for code in reference.codes("industries")},
            tuple(reference.codes("industry-groups")),
        )
        self.groups: defaultdict[str | None, list[str]] = defaultdict(list)
        for group in self.tables.groups:
            for code in moment.industries_of_group(group):
                self.groups[code].append(group)
        self.cells: defaultdict[Key, Cell] = defaultdict(Cell)
        self.places: dict[tuple[str | None, str | None], list[Cell]] = {}
        for firm in reference.firms.values():
            if firm.operating:
                self.count(firm)
        self.show()

    def cells_of(self, district: str | None, industry: str | None) -> list[Cell]:
        """The cells that somebody at a place counts in."""
        place = (district, industry)
        if place not in self.places:
            self.places[place] = [self.cells[key] for key in self.keys(*place)]
        return self.places[place]

    def keys(self, district: str | None, industry: str | None) -> Iterator[Key]:
        """Every public district and all, with every public industry, group and all, at or above a place."""
        moment = self.reference.moment
        districts = [code for code in path_up(moment.districts, district) if code in self.tables.districts]
        industries = [code for code in path_up(moment.industries, industry) if code in self.tables.industries]
        for here in (None, *districts):
            yield from ((here, code, None) for code in (None, *industries))
            yield from ((here, None, group) for group in self.groups[industry])

    def count(self, firm: Firm) -> None:
        """Count the public facts about a firm where it is."""
        for cell in self.cells_of(firm.place("district_code"), firm.place("industry_code")):
            cell.facts["enterprises"] += 1
            cell.facts["enterprises_organised"] += firm.organised
            cell.facts["enterprises_standalone"] += firm.standalone

    def show(self) -> None:
        """Add rounded persons up where they show."""
        for one in self.reference.shown:
            for cell in self.cells_of(*one.place):
                cell.shown += 1
                cell.members += one.members
                cell.headcount += one.headcount
                cell.squares += one.headcount**2

    def explains(self, key: Key, figures: Figures) -> None:
        """Hold that a published row says what its cell says, and nothing else."""
        cell = self.cells[key]
        persons = {"members": cell.members, "members_matched": cell.members}
        persons |= {"headcount": cell.headcount, "headcount_matched": cell.headcount}
        counts = {name: cell.facts[name] for name in GIVEN - set(persons)} | persons
        given = {name: count for name, count in figures.counts.items() if count is not None}
        assert given == counts, key
        rates: dict[str, Any] = {"member_ratio": member_ratio(cell.sums)}
        for name in RATED - {"member_ratio"}:
            rates[name] = rate(METRICS[name], dict(counts), frozenset(), CORRELATION)
        for name, found in figures.rates.items():
            assert found == PROTECTED if name not in RATED else agrees(found, rates[name]), (key, name, found)


PROTECTED = Rate(None, None, None, None, None, "protected")


def agrees(found: Rate, expected: dict[str, Any]) -> bool:
    """Whether a published ratio is the expected one: whole numbers and status the same, all else to 1e-12."""
    exact = (found.numerator, found.denominator, found.status)
    if exact != (expected["numerator"], expected["denominator"], expected["status"]):
        return False
    pairs = [(getattr(found, name), expected[name]) for name in ("value", "low", "high")]
    return all(one == two or (None not in (one, two) and isclose(one, two, abs_tol=1e-12)) for one, two in pairs)
