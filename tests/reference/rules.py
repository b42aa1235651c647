"""The rules that a registry has to obey, as sentences about those that it breaks."""

import unicodedata
from collections.abc import Iterable, Iterator
from datetime import date
from decimal import Decimal
from itertools import combinations
from typing import Any

from tests.reference.as_of import ORGANISATION_MEANS
from tests.reference.people import PARTS
from tests.reference.registry import DISTRICT_LEVELS, INDUSTRY_LEVELS, REFERENCES, Registry, Row, by_code

KEYS: dict[str, tuple[str, ...]] = {
    "districts": ("code",),
    "industries": ("code",),
    "industry-groups": ("group_code", "industry_code"),
    "enterprises": ("code",),
    "returns": ("enterprise_code", "reported_on"),
    "branches": ("code",),
    "coverage": ("enterprise_code", "branch_code", "means", "start_on"),
    "branch-returns": ("branch_code", "period_on"),
    "targets": ("metric", "basis", "due_on", "district_code", "industry_code", "industry_group", "sector"),
    "members": ("ref",),
    "employments": ("member_ref", "enterprise_code", "start_on"),
    "affiliations": ("member_ref", "branch_code", "role", "start_on"),
}

REQUIRED: dict[str, tuple[str, ...]] = {
    "districts": ("code", "level", "name_zh"),
    "industries": ("code", "level", "name_zh"),
    "industry-groups": ("group_code", "name_zh", "industry_code"),
    "enterprises": ("code", "name"),
    "returns": ("enterprise_code", "reported_on"),
    "branches": ("code", "name", "kind", "district_code"),
    "coverage": ("enterprise_code", "means", "start_on"),
    "branch-returns": ("branch_code", "period_on", "meetings"),
    "targets": ("metric", "basis", "due_on", "value"),
    "members": ("ref", "joined_on"),
    "employments": ("member_ref", "enterprise_code", "start_on"),
    "affiliations": ("member_ref", "branch_code", "role", "start_on"),
}

INTERVALS: dict[str, tuple[tuple[str, str], ...]] = {
    "enterprises": (("registered_on", "closed_on"),),
    "branches": (("established_on", "dissolved_on"),),
    "coverage": (("start_on", "end_on"),),
    "members": (("joined_on", "left_on"), ("floating_since", "floating_until")),
    "employments": (("start_on", "end_on"),),
    "affiliations": (("start_on", "end_on"),),
}

STAFF_PARTS = ("headcount_under_36", "headcount_women", "headcount_college")
WHOLES = {"members": PARTS, "headcount": STAFF_PARTS}
COUNTS = ("headcount", "members", *PARTS, *STAFF_PARTS)


def violations(registry: Registry, today: date) -> list[str]:
    """Every rejection rule that the registry breaks; an empty list for a valid one."""
    return [
        *broken_keys(registry),
        *broken_references(registry),
        *broken_intervals(registry),
        *broken_trees(registry),
        *broken_returns(registry, today),
        *broken_branches(registry),
        *broken_people(registry),
        *broken_targets(registry),
    ]


def known_codes(registry: Registry, dataset: str) -> set[str]:
    """What a reference to a dataset may name."""
    if dataset == "groups":
        return {one["group_code"] for one in registry["industry-groups"]}
    return {one["ref" if dataset == "members" else "code"] for one in registry[dataset]}


def broken_keys(registry: Registry) -> Iterator[str]:
    """The same key twice; a code that is empty, too long, a dot path, or has a slash or a control character."""
    for dataset, columns in KEYS.items():
        keys = [tuple(one[column] for column in columns) for one in registry[dataset]]
        if len(set(keys)) < len(keys):
            yield f"{dataset}: the same key twice"
        for code in (one[columns[0]] for one in registry[dataset]):
            if not is_good_code(code):
                yield f"{dataset}: bad code {code!r}"


def is_good_code(code: str) -> bool:
    """One to 64 characters, no dot path, no slash, no control character, no outer space."""
    control = any(unicodedata.category(character) == "Cc" for character in code)
    return 1 <= len(code) <= 64 and code not in (".", "..") and "/" not in code and not control and code == code.strip()


def broken_references(registry: Registry) -> Iterator[str]:
    """An unknown code; a required cell left blank."""
    for dataset, references in REFERENCES.items():
        for column, target in references.items():
            known = known_codes(registry, target)
            for code in (one[column] for one in registry[dataset]):
                if code is not None and code not in known:
                    yield f"{dataset}.{column}: unknown {code!r}"
        for column in REQUIRED[dataset]:
            if any(one[column] is None for one in registry[dataset]):
                yield f"{dataset}.{column}: blank"


def broken_intervals(registry: Registry) -> Iterator[str]:
    """An interval that ends on or before its start; full before joining."""
    for dataset, pairs in INTERVALS.items():
        for start, end in pairs:
            for one in registry[dataset]:
                if one[start] is not None and one[end] is not None and one[end] <= one[start]:
                    yield f"{dataset}: {end} on or before {start}"
    for member in registry["members"]:
        if member["full_since"] is not None and member["full_since"] < member["joined_on"]:
            yield "members: full before joining"


def broken_trees(registry: Registry) -> Iterator[str]:
    """A cycle; a wrong order of levels; a site that is not under a street."""
    for dataset, column in (
        ("districts", "parent_code"),
        ("industries", "parent_code"),
        ("branches", "parent_code"),
        ("enterprises", "supersedes"),
    ):
        above = {one["code"]: one[column] for one in registry[dataset]}
        if any(is_cyclic(above, code) for code in above):
            yield f"{dataset}.{column}: a cycle"
    yield from broken_levels(registry["districts"], DISTRICT_LEVELS)
    yield from broken_levels(registry["industries"], INDUSTRY_LEVELS)


def is_cyclic(above: dict[str, str | None], code: str) -> bool:
    """Whether going up from a code comes back."""
    seen: set[str] = set()
    place: str | None = code
    while place is not None and place not in seen:
        seen.add(place)
        place = above.get(place)
    return place is not None


def broken_levels(nodes: list[Row], levels: tuple[str, ...]) -> Iterator[str]:
    """A child's level is lower than its parent's; a site hangs under a street."""
    tree = by_code(nodes)
    for node in nodes:
        parent = tree.get(node["parent_code"])
        if parent is not None and levels.index(node["level"]) <= levels.index(parent["level"]):
            yield f"{node['code']}: level not below its parent's"
        if node["level"] == "site" and (parent is None or parent["level"] != "street"):
            yield f"{node['code']}: a site that is not under a street"


def broken_returns(registry: Registry, today: date) -> Iterator[str]:
    """A negative count; a part above its whole, or parts without one; a date in the future; a month not yet begun."""
    for one in registry["returns"]:
        if one["reported_on"] > today:
            yield "returns: in the future"
        if any(one[column] is not None and one[column] < 0 for column in COUNTS):
            yield "returns: a negative count"
        for whole, names in WHOLES.items():
            parts = [one[part] for part in names if one[part] is not None]
            if parts and (one[whole] is None or max(parts) > one[whole]):
                yield f"returns: parts without or above {whole}"
    for one in registry["branch-returns"]:
        if one["period_on"].day != 1 or one["period_on"] > today:
            yield "branch-returns: no first day of a month, or one that has not begun"
        if one["meetings"] < 0 or (one["attendances"] or 0) < 0:
            yield "branch-returns: a negative count"


def broken_branches(registry: Registry) -> Iterator[str]:
    """Both industry and group; an organisation means without a branch."""
    if any(one["industry_code"] is not None and one["industry_group"] is not None for one in registry["branches"]):
        yield "branches: both industry and group"
    if any(one["means"] in ORGANISATION_MEANS and one["branch_code"] is None for one in registry["coverage"]):
        yield "coverage: organisation means without a branch"


def broken_people(registry: Registry) -> Iterator[str]:
    """A second employer or primary branch at a time; one branch twice; a secondary where none is taken."""
    takes = {one["code"] for one in registry["branches"] if one["dual_affiliation"]}
    if any(one["role"] == "secondary" and one["branch_code"] not in takes for one in registry["affiliations"]):
        yield "affiliations: a secondary to a branch without dual affiliation"
    primaries = [one for one in registry["affiliations"] if one["role"] == "primary"]
    if has_overlap(registry["employments"], ("member_ref",)):
        yield "employments: a second employer"
    if has_overlap(primaries, ("member_ref",)):
        yield "affiliations: a second primary branch"
    if has_overlap(registry["affiliations"], ("member_ref", "branch_code")):
        yield "affiliations: one member and branch twice"


def broken_targets(registry: Registry) -> Iterator[str]:
    """A value outside 0 to 1; more than one of industry, group and sector."""
    for one in registry["targets"]:
        if not 0 <= Decimal(one["value"]) <= 1:
            yield "targets: a value outside 0 to 1"
        if sum(one[name] is not None for name in ("industry_code", "industry_group", "sector")) > 1:
            yield "targets: more than one of industry, group and sector"


def has_overlap(rows: Iterable[Row], key: tuple[str, ...]) -> bool:
    """Whether two rows of one key share a day."""
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for one in rows:
        groups.setdefault(tuple(one[column] for column in key), []).append(one)
    return any(share_a_day(one, other) for group in groups.values() for one, other in combinations(group, 2))


def share_a_day(one: Row, other: Row) -> bool:
    """Whether two half-open intervals overlap."""
    starts_before_end = other["end_on"] is None or one["start_on"] < other["end_on"]
    ends_after_start = one["end_on"] is None or other["start_on"] < one["end_on"]
    return starts_before_end and ends_after_start
