"""The registry as plain rows, and the three things everybody asks of it: dates, trees, and who lives when."""

from calendar import monthrange
from collections.abc import Iterable
from datetime import date
from typing import Any

Row = dict[str, Any]
"""One row of a dataset: column to str, date, int, bool or None."""

Registry = dict[str, list[Row]]
"""Dataset name to its rows."""

COLUMNS: dict[str, tuple[str, ...]] = {
    "districts": ("code", "parent_code", "level", "name_zh", "name_en"),
    "industries": ("code", "parent_code", "level", "name_zh", "name_en"),
    "industry-groups": ("group_code", "name_zh", "name_en", "industry_code"),
    "enterprises": (
        "code",
        "name",
        "kind",
        "registered_on",
        "closed_on",
        "district_code",
        "industry_code",
        "supersedes",
    ),
    "returns": (
        "enterprise_code",
        "reported_on",
        "district_code",
        "industry_code",
        "ownership",
        "size_class",
        "operating",
        "fixed_premises",
        "above_designated_size",
        "headcount",
        "headcount_under_36",
        "headcount_women",
        "headcount_college",
        "members",
        "full_members",
        "members_dual",
        "members_under_36",
        "members_women",
        "members_college",
        "members_floating",
    ),
    "branches": (
        "code",
        "name",
        "kind",
        "parent_code",
        "district_code",
        "form",
        "dual_affiliation",
        "industry_code",
        "industry_group",
        "established_on",
        "dissolved_on",
    ),
    "coverage": ("enterprise_code", "branch_code", "means", "start_on", "end_on"),
    "branch-returns": ("branch_code", "period_on", "meetings", "attendances"),
    "targets": (
        "metric",
        "basis",
        "due_on",
        "value",
        "district_code",
        "industry_code",
        "industry_group",
        "sector",
        "source",
    ),
    "members": (
        "ref",
        "joined_on",
        "full_since",
        "left_on",
        "birth_year",
        "sex",
        "education",
        "identity",
        "floating_since",
        "floating_until",
    ),
    "employments": ("member_ref", "enterprise_code", "start_on", "end_on"),
    "affiliations": ("member_ref", "branch_code", "role", "start_on", "end_on"),
}

REFERENCES: dict[str, dict[str, str]] = {
    "districts": {"parent_code": "districts"},
    "industries": {"parent_code": "industries"},
    "industry-groups": {"industry_code": "industries"},
    "enterprises": {"district_code": "districts", "industry_code": "industries", "supersedes": "enterprises"},
    "returns": {"enterprise_code": "enterprises", "district_code": "districts", "industry_code": "industries"},
    "branches": {
        "parent_code": "branches",
        "district_code": "districts",
        "industry_code": "industries",
        "industry_group": "groups",
    },
    "coverage": {"enterprise_code": "enterprises", "branch_code": "branches"},
    "branch-returns": {"branch_code": "branches"},
    "targets": {"district_code": "districts", "industry_code": "industries", "industry_group": "groups"},
    "members": {},
    "employments": {"member_ref": "members", "enterprise_code": "enterprises"},
    "affiliations": {"member_ref": "members", "branch_code": "branches"},
}
"""What the columns of a dataset name: rows of a dataset, or `groups`, the groups that industry-groups are rows of."""

DISTRICT_LEVELS = ("province", "city", "county", "street", "site")
INDUSTRY_LEVELS = ("section", "division", "group", "class")


def row(dataset: str, **cells: object) -> Row:
    """One row of a dataset with every column; those not given are blank."""
    unknown = set(cells) - set(COLUMNS[dataset])
    if unknown:
        raise KeyError(f"{dataset} has no columns {sorted(unknown)}")
    return {column: cells.get(column) for column in COLUMNS[dataset]}


def registry_of(**datasets: list[Row]) -> Registry:
    """A registry with every dataset; an underscore stands for the hyphen of a name."""
    given = {name.replace("_", "-"): rows for name, rows in datasets.items()}
    return {name: given.get(name, []) for name in COLUMNS}


def is_open(start: date | None, end: date | None, day: date) -> bool:
    """A half-open interval holds its start and not its end; a missing side has no bound."""
    return (start is None or start <= day) and (end is None or day < end)


def months_before(day: date, months: int) -> date:
    """The same day of the month so many months earlier, or that month's last day where it has no such day."""
    ordinal = day.year * 12 + (day.month - 1) - months
    year, month = ordinal // 12, ordinal % 12 + 1
    return date(year, month, min(day.day, monthrange(year, month)[1]))


def in_window(day: date | None, until: date, months: int) -> bool:
    """A window of n months up to a date leaves its lower bound out and takes its upper bound in."""
    return day is not None and months_before(until, months) < day <= until


def by_code(rows: Iterable[Row]) -> dict[str, Row]:
    """Rows under their code."""
    return {one["code"]: one for one in rows}


def byte_order(codes: Iterable[str]) -> list[str]:
    """Codes in the order of their UTF-8 bytes."""
    return sorted(codes, key=lambda code: code.encode())


def path_up(tree: dict[str, Row], code: str | None) -> list[str]:
    """The node itself and its ancestors, nearest first; nothing for no node."""
    path: list[str] = []
    while code is not None:
        path.append(code)
        code = tree[code]["parent_code"]
    return path


def at_or_below(tree: dict[str, Row], top: str) -> set[str]:
    """The subtree of a node, the node itself included."""
    return {code for code in tree if top in path_up(tree, code)}


def children(tree: dict[str, Row], parent: str | None) -> list[str]:
    """The nodes directly below a node (for None: the roots), by code."""
    return byte_order(code for code, node in tree.items() if node["parent_code"] == parent)


def pre_order(tree: dict[str, Row], parent: str | None = None) -> list[str]:
    """Every node before its descendants: roots by code, children by code."""
    return [code for child in children(tree, parent) for code in (child, *pre_order(tree, child))]


def nearest_of_level(tree: dict[str, Row], code: str | None, level: str, levels: tuple[str, ...]) -> str | None:
    """The nearest node of this level or a higher one, at or above a place; None where there is none."""
    high_enough = levels[: levels.index(level) + 1]
    return next((above for above in path_up(tree, code) if tree[above]["level"] in high_enough), None)
