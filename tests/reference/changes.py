"""Accounts of what changed between two dates, by the plain reading of the rules; ratios as fractions."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol

from tests.reference.answers import Reference
from tests.reference.facts import Firm
from tests.reference.measures import Population, holds
from tests.reference.questions import Params, population
from tests.reference.registry import Row, at_or_below, pre_order

Sides = tuple[Fraction, Fraction]


def changes(before: Reference, after: Reference, params: Params) -> Row:
    """The accounts of a population between two dates."""
    asked = population(params)
    return {
        "ratio": ratio_account(before, after, asked, params.get("industry_level", "section")),
        "enterprises": account(before, after, asked, lambda _firm: 1),
        "organised": organised_account(before, after, asked),
        "members": account(before, after, asked, lambda firm: firm.counts["members"] or 0),
    }


def counted(reference: Reference, asked: Population) -> dict[str, Firm]:
    """Whoever is in basis and scope at a date."""
    return {code: firm for code, firm in reference.firms.items() if holds(reference.when, asked, firm)}


def account(before: Reference, after: Reference, asked: Population, value: Callable[[Firm], int]) -> dict[str, int]:
    """Enterprise by enterprise: where it was, where it is, and what it brings or takes."""
    old, new = counted(before, asked), counted(after, asked)
    found = dict.fromkeys(("before", "after", "within", "entered", "left", "moved_in", "moved_out"), 0)
    for firm in old.values():
        found["before"] += value(firm)
    for firm in new.values():
        found["after"] += value(firm)
    for code in old.keys() | new.keys():
        if code in old and code in new:
            found["within"] += value(new[code]) - value(old[code])
        elif code in new:
            was_there = code in before.firms and asked.basis in before.firms[code].bases
            found["moved_in" if was_there else "entered"] += value(new[code])
        else:
            is_there = code in after.firms and asked.basis in after.firms[code].bases
            found["moved_out" if is_there else "left"] += value(old[code])
    return found


def organised_account(before: Reference, after: Reference, asked: Population) -> dict[str, int]:
    """The account of organised enterprises, with the two parts of `within`."""
    found = account(before, after, asked, lambda firm: int(firm.organised))
    old, new = counted(before, asked), counted(after, asked)
    both = [(old[code].organised, new[code].organised) for code in old.keys() & new.keys()]
    gained, lost = both.count((False, True)), both.count((True, False))
    return {**found, "newly_organised": gained, "no_longer_organised": lost}


class Ratio(Protocol):
    """Members and headcount, of which a ratio is made."""

    @property
    def members(self) -> int: ...
    @property
    def headcount(self) -> int: ...


Strata = Mapping[str | None, Ratio]
"""By the code of an industry; under None whoever is in none of them."""


@dataclass
class Sums:
    """Matched members and headcount."""

    members: int = 0
    headcount: int = 0

    def add(self, firm: Firm) -> None:
        """Add an enterprise, if its headcount and members are known."""
        self.members += firm.counts["members_matched"] or 0
        self.headcount += firm.counts["headcount_matched"] or 0


def ratio_account(before: Reference, after: Reference, asked: Population, level: str) -> Row | None:
    """The account over the industries of a level and what none of them holds (under None)."""
    codes = pre_order(after.when.industries)
    return kitagawa(strata(before, asked, level), strata(after, asked, level), codes)


def kitagawa(old: Strata, new: Strata, order: Sequence[str]) -> Row | None:
    """Kitagawa's account over the same strata at two dates, in an order, whoever is in none last (under None)."""
    heads = [sum(one.headcount for one in sums.values()) for sums in (old, new)]
    if 0 in heads:
        return None
    ratios = [
        Fraction(sum(one.members for one in sums.values()), head) for sums, head in zip((old, new), heads, strict=True)
    ]
    mean = (ratios[0] + ratios[1]) / 2
    rows: list[Row] = []
    for code in [*(code for code in order if code in old), None]:
        a, b = old[code], new[code]
        if a.headcount == b.headcount == 0:
            continue
        weights = Fraction(a.headcount, heads[0]), Fraction(b.headcount, heads[1])
        was, now = own_ratios(a, b)
        rate = (weights[0] + weights[1]) / 2 * (now - was)
        mix = (weights[1] - weights[0]) * ((was + now) / 2 - mean)
        rows.append({"industry": code, "rate": rate, "mix": mix})
    return {
        "difference": ratios[1] - ratios[0],
        "rate": sum((one["rate"] for one in rows), Fraction(0)),
        "mix": sum((one["mix"] for one in rows), Fraction(0)),
        "strata": rows,
    }


def own_ratios(a: Ratio, b: Ratio) -> Sides:
    """The ratios of a stratum at the two dates; absent at one, it has the other's."""
    was = Fraction(a.members, a.headcount) if a.headcount else None
    now = Fraction(b.members, b.headcount) if b.headcount else None
    if was is None:
        assert now is not None
        return now, now
    return was, was if now is None else now


def strata(reference: Reference, asked: Population, level: str) -> dict[str | None, Sums]:
    """Sums per industry of a level, and under None of whoever is in none of them."""
    tree = reference.when.industries
    nodes = [code for code, node in tree.items() if node["level"] == level]
    below = {inner: code for code in nodes for inner in at_or_below(tree, code)}
    found: dict[str | None, Sums] = {code: Sums() for code in nodes} | {None: Sums()}
    for firm in counted(reference, asked).values():
        found[below.get(firm.place("industry_code") or "")].add(firm)
    return found
