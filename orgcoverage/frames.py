"""Frames: flat rows of the service as a data frame whose columns have one type each, told by their names."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

STATUSES = ("protected", "not_applicable", "unknown", "inconsistent", "unreliable", "low_base", "ok")
"""Statuses of a rate, from no figure at all to a sound one: `frame["…_status"] >= "low_base"` has a value."""

TARGET_STATES = ("cannot_tell", "short", "met")
"""Whether a target is met."""

PROPOSALS = ("standalone", "joint", "attach", "instructor")
"""What is proposed for enterprises without an organisation."""

CLASSES = ("not_applicable", "inconsistent", "few_expected", "low", "lower", "higher", "not_different")
"""What a comparison of members with a reference says."""

_ENUMERATIONS: Mapping[str, tuple[str, ...]] = {
    "level": ("district", "industry"),
    "kind": ("enterprise_kind", "kind", "proposal_kind"),
    "enterprise_kind": ("enterprise_kind",),
    "sector": ("sector",),
    "ownership": ("ownership",),
    "size_class": ("size_class",),
    "form": ("form",),
    "basis": ("basis",),
}
"""Columns of enumerations, also behind a prefix, and the dimensions of the catalogue that they may be of."""

_FIXED = {"row": ("subject", "total", "unallocated", "elsewhere", "no_employer"), "status": STATUSES, "class": CLASSES,
          "current_status": STATUSES, "state": TARGET_STATES,
          "severity": ("warning", "error")}  # fmt: skip
"""Columns of other enumerations, with their values in order."""

_DATES = re.compile(r"(.*_)?(as_of|gap_since|\w+_on)")

_FLAGS = frozenset({
    "above_designated_size", "dual_affiliation", "effectively_organised", "eligible", "fixed_premises", "has_members",
    "operating", "organised", "reached_by_dual", "standalone", "work_only",
})  # fmt: skip

_COUNTS = frozenset({
    "current_denominator", "current_numerator", "days_left", "headcount_uncompared", "members", "members_without_dual",
    "missing", "number", "shortfall", "subject_value",
})  # fmt: skip

_NUMBERS = frozenset({
    "current", "current_high", "current_low", "current_n_eff", "expected", "limit_95_high", "limit_95_low",
    "limit_998_high", "limit_998_low", "members_expected", "n_eff", "p", "p_margin", "precision", "q", "q_margin",
    "ratio", "reference_ratio", "standardised_ratio", "standardised_ratio_high", "standardised_ratio_low", "value",
})  # fmt: skip

_PREFIX = re.compile(r"(home|joint_branch|branch|stratum|district|industry)_")

_PARTS = {"numerator": "Int64", "denominator": "Int64", "n_eff": "float64", "low": "float64", "high": "float64",
          "status": "status"}  # fmt: skip
"""Types of the columns of a rate besides its value."""

_PART = re.compile(rf"(.+)_({'|'.join(_PARTS)})")
_SIDE = re.compile(r"((?:own_|subtree_)?(?:change_)?)(.*)")


@dataclass(frozen=True)
class Figure:
    """What a column of figures holds.

    Parameters
    ----------
    code
        The measure or metric.
    side
        Of branches `own` or `subtree`; with `change` where it is a change; `after` what is proposed; else empty.
    part
        Of a metric: which part; empty: its value, or a count.
    """

    code: str
    side: str
    part: str


@dataclass(frozen=True)
class Catalogue:
    """What the service's catalogue says that frames need.

    Parameters
    ----------
    content
        `data` of `/v1/catalogue`.
    """

    content: Mapping[str, Any]

    @cached_property
    def measures(self) -> frozenset[str]:
        """Codes of the counts over enterprises."""
        return frozenset(one["code"] for one in self.content["measures"])

    @cached_property
    def branch_measures(self) -> frozenset[str]:
        """Codes of the counts of branches."""
        return frozenset(one["code"] for one in self.content["branch_measures"])

    @cached_property
    def metrics(self) -> frozenset[str]:
        """Codes of all rates."""
        return frozenset(one["code"] for one in self.content["metrics"])

    @cached_property
    def enumerations(self) -> Mapping[str, tuple[str, ...]]:
        """The values of each enumeration, and the levels of each tree, in order."""
        values = {one["code"]: tuple(value["code"] for value in one["values"]) for one in self.content["dimensions"]}
        values["proposal_kind"] = PROPOSALS
        return values | {"basis": tuple(one["code"] for one in self.content["bases"])}

    def figure(self, column: str) -> Figure | None:
        """Return what a column of figures holds; null: it holds no figure."""
        if column.startswith("coverage_after"):
            found = self.figure(column.replace("coverage_after", "organisation_coverage"))
            return found and replace(found, side="after")
        side, name = _sides(column)
        measures = self.branch_measures if side.startswith(("own", "subtree")) else self.measures
        if name in measures or name in self.metrics:
            return Figure(name, side, "")
        match = _PART.fullmatch(name)
        return Figure(match[1], side, match[2]) if match and match[1] in self.metrics else None


def frame_of(
    rows: Sequence[Mapping[str, Any]],
    columns: Iterable[str],
    catalogue: Catalogue,
    kinds: Mapping[str, str] = MappingProxyType({}),
) -> "pd.DataFrame":
    """Return rows as a frame: the columns named, each of one type, whatever it holds.

    Counts are `Int64`, ratios and other numbers `float64`, flags `boolean`, dates `datetime64`, statuses and values of
    enumerations ordered categories, all else text (`str`); null is `NA`, `NaN` or `NaT`.

    Parameters
    ----------
    kinds
        Types of the columns whose names mean something else here.
    """
    import pandas as pd  # noqa: PLC0415 - files and imports are quicker without it

    return pd.DataFrame(
        {name: _series([row[name] for row in rows], kinds.get(name) or _kind(name, catalogue)) for name in columns}
    )


def _series(values: list[Any], kind: str | list[tuple[str, ...]]) -> "pd.Series[Any]":
    import pandas as pd  # noqa: PLC0415 - as above

    if kind == "date":
        return pd.to_datetime(pd.Series(values, dtype="str"), format="%Y-%m-%d")
    if isinstance(kind, str):
        return pd.Series(values, dtype=kind)
    present = [value for value in dict.fromkeys(values) if value is not None]
    declared = _declared(kind, present)
    unknown = [value for value in present if value not in declared]  # a later service's: not to be lost
    return pd.Series(pd.Categorical(values, [*declared, *unknown], ordered=True))


def _kind(name: str, catalogue: Catalogue) -> str | list[tuple[str, ...]]:
    """Return the type of a column, `date`, or for an enumeration the lists of values it may have."""
    figure = catalogue.figure(name)
    if figure is not None:
        kind = _PARTS[figure.part] if figure.part else "float64" if figure.code in catalogue.metrics else "Int64"
        return [STATUSES] if kind == "status" else kind
    if _DATES.fullmatch(name):
        return "date"
    for plain in (name, _PREFIX.sub("", name, count=1)):
        if plain in _FIXED:
            return [_FIXED[plain]]
        if plain in _ENUMERATIONS:
            return [catalogue.enumerations[dimension] for dimension in _ENUMERATIONS[plain]]
        for kind, names in (("boolean", _FLAGS), ("Int64", _COUNTS), ("float64", _NUMBERS)):
            if plain in names:
                return kind
    return "str"


def _declared(choices: Sequence[tuple[str, ...]], present: Collection[str]) -> tuple[str, ...]:
    """Return the first list of values that has all that are present."""
    return next((values for values in choices if set(present) <= set(values)), choices[0])


def _sides(column: str) -> tuple[str, str]:
    match = _SIDE.fullmatch(column)
    assert match is not None  # all of it may be empty
    return match[1].rstrip("_"), match[2]
