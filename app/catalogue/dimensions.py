"""Dimensions: what rows are about, and by what they are chosen."""

from dataclasses import dataclass
from enum import StrEnum

from app.catalogue.labels import Label
from app.catalogue.vocabulary import (
    BranchForm,
    BranchKind,
    DistrictLevel,
    EnterpriseKind,
    IndustryLevel,
    Ownership,
    SizeClass,
)


@dataclass(frozen=True)
class Dimension:
    """One dimension.

    Parameters
    ----------
    code
        The parameter that chooses by it.
    label
        Its name for people.
    definition
        What it says of whom.
    values
        Its values where it is an enumeration, the levels where it is a tree; null where the operator records them.
    public
        Whether the public tier can be asked by it.
    """

    code: str
    label: Label
    definition: str
    values: type[StrEnum] | None = None
    public: bool = False


DIMENSIONS: tuple[Dimension, ...] = (
    Dimension(
        "district",
        Label("行政区划", "District"),
        "Where an enterprise is by its latest return, else by its registration; a district means all below it too.",
        DistrictLevel,
        public=True,
    ),
    Dimension(
        "industry",
        Label("行业", "Industry"),
        "What an enterprise does by its latest return, else by its registration; an industry means all below it too.",
        IndustryLevel,
        public=True,
    ),
    Dimension(
        "industry_group",
        Label("行业组", "Industry group"),
        "A named set of industries of any level; groups overlap, in each an enterprise counts once.",
        public=True,
    ),
    Dimension("enterprise_kind", Label("单位类别", "Kind of enterprise"), "What an enterprise is.", EnterpriseKind),
    Dimension("ownership", Label("所有制", "Ownership"), "Who controls an enterprise by its latest return.", Ownership),
    Dimension("size_class", Label("规模", "Size class"), "Its statistical size by its latest return.", SizeClass),
    Dimension("kind", Label("党组织类别", "Kind of branch"), "The rank of a branch.", BranchKind),
    Dimension("form", Label("组建形式", "Form of branch"), "How a branch was set up; enters no figure.", BranchForm),
)
"""All dimensions of the statistics."""
