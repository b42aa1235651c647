"""Who must establish an organisation and has not, since when and who could help, by the plain reading of the rules."""

from collections.abc import Sequence
from typing import Any

from tests.reference.answers import Reference
from tests.reference.as_of import AsOf
from tests.reference.facts import Firm
from tests.reference.measures import holds
from tests.reference.questions import Params, population
from tests.reference.registry import Row, at_or_below, byte_order, path_up


def in_gap(firm: Firm, *, strict: bool) -> bool:
    """Eligible and not organised; strictly: not standalone."""
    return bool(firm.eligible) and not (firm.standalone if strict else firm.organised)


def establishment_gaps(dates: Sequence[Reference], params: Params) -> list[Row]:
    """The rows of the last of some dates, by code; all dates have a snapshot."""
    now, strict = dates[-1], params.get("strict") == "true"
    asked = population(params)
    found = [firm for firm in now.firms.values() if holds(now.when, asked, firm) and in_gap(firm, strict=strict)]
    return [
        {
            "code": firm.code,
            "gap_since": since(dates, firm.code, strict=strict).isoformat(),
            "means": means(firm),
            "candidates": candidates(now.when, firm.place("district_code")),
        }
        for firm in found
    ]


def since(dates: Sequence[Reference], code: str, *, strict: bool) -> Any:
    """The first date of the unbroken run up to the last."""
    first = dates[-1].when.as_of
    for reference in reversed(dates):
        if code not in reference.firms or not in_gap(reference.firms[code], strict=strict):
            break
        first = reference.when.as_of
    return first


def means(firm: Firm) -> set[str]:
    """The living means."""
    return {one["means"] for one in firm.coverage}


def candidates(when: AsOf, place: str | None) -> list[tuple[str, str]]:
    """At most five living branches and why: site before street, the forms made for it before others, then code."""
    tree = when.districts
    street = next((code for code in path_up(tree, place) if tree[code]["level"] == "street"), None)
    if street is None:
        return []
    at_site = place is not None and tree[place]["level"] == "site"
    ranked = []
    for code in byte_order(when.branches):
        branch = when.branches[code]
        if branch["district_code"] in at_or_below(tree, street):
            same_site = at_site and branch["district_code"] == place
            other = branch["form"] not in ("joint", "area", "industry")
            ranked.append((not same_site, other, code.encode(), code, "same_site" if same_site else "same_street"))
    return [(code, why) for _, _, _, code, why in sorted(ranked)[:5]]
