"""The operations of statistics: one table, from which methods, files and the command line derive."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from urllib.parse import quote


@dataclass(frozen=True)
class Operation:
    """One operation of statistics.

    Parameters
    ----------
    path
        Behind `/v1/statistics/`; names in braces are parameters of the path. Its file has the format behind it.
    paged
        Whether its JSON comes in pages.
    beside
        What the JSON says beside the rows of the frame: it becomes `attrs`.
    kinds
        Types of the columns whose names mean something else elsewhere.
    """

    path: str
    paged: bool = True
    beside: tuple[str, ...] = ()
    kinds: Mapping[str, str] = field(default_factory=dict)


OPERATIONS: Mapping[str, Operation] = {
    "districts": Operation("districts"),
    "industries": Operation("industries"),
    "industry_groups": Operation("industry-groups"),
    "enterprises": Operation("enterprises"),
    "branches": Operation("branches"),
    "breakdown": Operation("breakdown"),
    "trends": Operation("trends"),
    "low_membership": Operation("low-membership"),
    "changes": Operation("changes", paged=False),
    "establishment_gaps": Operation("establishment-gaps"),
    "establishment_proposals": Operation(
        "establishment-proposals",
        beside=("before", "after", "undecided"),
        kinds={"enterprises": "str", "eligible": "Int64"},
    ),
    "dual_affiliation": Operation("dual-affiliation", paged=False, beside=("uplift",)),
    "data_quality": Operation("data-quality"),
    "targets": Operation("targets"),
    "workplaces": Operation("branches/{branch}/workplaces"),
}
"""All operations, by the names of their methods."""

Query = tuple[tuple[str, str], ...]
"""Parameters as they are sent; a name stands once for each of its values."""


def address(operation: str, parameters: Mapping[str, Any]) -> tuple[str, Query]:
    """Return the path of an operation and its query; null parameters are left out.

    Raises
    ------
    ValueError
        There is no such operation, or a parameter of its path is missing.
    """
    if operation not in OPERATIONS:
        message = f"there is no {operation!r}: {', '.join(OPERATIONS)}"
        raise ValueError(message)
    path = OPERATIONS[operation].path
    query: list[tuple[str, str]] = []
    for name, value in _values(parameters):
        if f"{{{name}}}" in path:
            path = path.replace(f"{{{name}}}", quote(value, safe=""))
        else:
            query.append((name.rstrip("_"), value))
    if "{" in path:
        message = f"{operation} needs {path.partition('{')[2].partition('}')[0]}"
        raise ValueError(message)
    return f"v1/statistics/{path}", tuple(query)


def _values(parameters: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in parameters.items():
        values = value if isinstance(value, Iterable) and not isinstance(value, str) else [value]
        yield from ((name, text_of(one)) for one in values if one is not None)


def text_of(value: object) -> str:
    """Return a value as the service reads it: `true`, `2017-06-30`."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat()[:10] if isinstance(value, date) else str(value)
