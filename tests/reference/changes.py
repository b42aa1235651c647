"""Accounts of what changed between two dates, by the plain reading of the rules; ratios as fractions."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol

from tests.reference import breakdown, questions
from tests.reference.answers import Reference
from tests.reference.facts import Firm
from tests.reference.measures import Population, holds
from tests.reference.questions import CHOICES, DIMENSIONS_OF, Params
from tests.reference.registry import INDUSTRY_LEVELS, Row, at_or_below, byte_order, pre_order

Sides = tuple[Fraction, Fraction]


Scope = Callable[[Reference, Firm], bool]
"""Whether a firm is counted at a date."""


def changes(before: Reference, after: Reference, params: Params) -> Row:
    """The accounts between two dates of a population, or of each of its districts, sectors or ownerships."""
    by = questions.values(params, "by")
    level = next((one for one in by if one in INDUSTRY_LEVELS), "section")
    dimension = next((one for one in by if one not in INDUSTRY_LEVELS), None)
    asked = questions.population(params)

    def is_asked(reference: Reference, firm: Firm) -> bool:
        return holds(reference.when, asked, firm)

    total = accounts(before, after, asked.basis, is_asked, level)
    if dimension is None:
        return {"data": total, "total": None, "unallocated": None}
    dates = (before, after)
    cells = {value for one in dates for value in breakdown.choices(one, dimension)}
    filled = {value for value in cells if any(in_row(one, asked, dimension, value) for one in dates)}
    rows = [
        dict.fromkeys(("district", "sector", "ownership"))
        | {DIMENSIONS_OF[dimension]: named(dates, dimension, value)}
        | accounts(before, after, asked.basis, row_scope(asked, dimension, value), level)
        for value in in_order(dimension, filled)
    ]

    def is_left(reference: Reference, firm: Firm) -> bool:
        return is_asked(reference, firm) and not any(
            row_scope(asked, dimension, value)(reference, firm) for value in breakdown.choices(reference, dimension)
        )

    left = accounts(before, after, asked.basis, is_left, level) | {"ratio": None}
    return {"data": rows, "total": total, "unallocated": left}


def in_order(dimension: str, values: set[str]) -> list[str]:
    """Codes by their bytes, choices as declared."""
    return [one for one in CHOICES[dimension] if one in values] if dimension in CHOICES else byte_order(values)


def named(dates: Sequence[Reference], dimension: str, value: str) -> object:
    """What a row stands for: a district as it is at the later date or, where it is gone, at the earlier."""
    before, after = dates
    known = after if value in breakdown.choices(after, dimension) else before
    return breakdown.named(known, dimension, value)


def in_row(reference: Reference, asked: Population, dimension: str, value: str) -> list[Firm]:
    """The firms of a row at a date."""
    if value not in breakdown.choices(reference, dimension):
        return []
    return breakdown.held(reference, asked, {dimension: value})


def row_scope(asked: Population, dimension: str, value: str) -> Scope:
    """Whether a firm is asked for and has a value."""

    def is_in(reference: Reference, firm: Firm) -> bool:
        if value not in breakdown.choices(reference, dimension):
            return False
        return all(holds(reference.when, one, firm) for one in breakdown.populations(asked, {dimension: value}))

    return is_in


def accounts(before: Reference, after: Reference, basis: str, scope: Scope, level: str) -> Row:
    """The accounts of whoever is in a scope."""
    return {
        "ratio": ratio_account(before, after, scope, level),
        "enterprises": account(before, after, basis, scope, lambda _firm: 1),
        "organised": organised_account(before, after, basis, scope),
        "members": account(before, after, basis, scope, lambda firm: firm.counts["members"] or 0),
    }


def counted(reference: Reference, scope: Scope) -> dict[str, Firm]:
    """Whoever is in basis and scope at a date."""
    return {code: firm for code, firm in reference.firms.items() if scope(reference, firm)}


def account(
    before: Reference, after: Reference, basis: str, scope: Scope, value: Callable[[Firm], int]
) -> dict[str, int]:
    """Enterprise by enterprise: where it was, where it is, and what it brings or takes."""
    old, new = counted(before, scope), counted(after, scope)
    found = dict.fromkeys(("before", "after", "within", "entered", "left", "moved_in", "moved_out"), 0)
    for firm in old.values():
        found["before"] += value(firm)
    for firm in new.values():
        found["after"] += value(firm)
    for code in old.keys() | new.keys():
        if code in old and code in new:
            found["within"] += value(new[code]) - value(old[code])
        elif code in new:
            was_there = code in before.firms and basis in before.firms[code].bases
            found["moved_in" if was_there else "entered"] += value(new[code])
        else:
            is_there = code in after.firms and basis in after.firms[code].bases
            found["moved_out" if is_there else "left"] += value(old[code])
    return found


def organised_account(before: Reference, after: Reference, basis: str, scope: Scope) -> dict[str, int]:
    """The account of organised enterprises, with the two parts of `within`."""
    found = account(before, after, basis, scope, lambda firm: int(firm.organised))
    old, new = counted(before, scope), counted(after, scope)
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


def ratio_account(before: Reference, after: Reference, scope: Scope, level: str) -> Row | None:
    """The account over the industries of a level and what none of them holds (under None)."""
    codes = pre_order(after.when.industries)
    return kitagawa(strata(before, scope, level), strata(after, scope, level), codes)


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


def strata(reference: Reference, scope: Scope, level: str) -> dict[str | None, Sums]:
    """Sums per industry of a level, and under None of whoever is in none of them."""
    tree = reference.when.industries
    nodes = [code for code, node in tree.items() if node["level"] == level]
    below = {inner: code for code in nodes for inner in at_or_below(tree, code)}
    found: dict[str | None, Sums] = {code: Sums() for code in nodes} | {None: Sums()}
    for firm in counted(reference, scope).values():
        found[below.get(firm.place("industry_code") or "")].add(firm)
    return found
