"""Dimensions: the subjects and filters of rows; bases: the populations of enterprises that rates divide by."""

from dataclasses import dataclass
from enum import StrEnum

from app.catalogue.vocabulary import (
    Basis,
    BranchForm,
    BranchKind,
    DistrictLevel,
    EnterpriseKind,
    IndustryLevel,
    Label,
    Ownership,
    Sector,
    SizeClass,
)


@dataclass(frozen=True)
class BasisMeaning:
    """The declaration of a basis.

    Parameters
    ----------
    code
        Name in every format.
    label
        Name for people.
    definition
        Which enterprises belong to it; an enterprise whose data needed for it are unknown does not.
    public
        Whether the public tier has it.
    """

    code: Basis
    label: Label
    definition: str
    public: bool = False


BASES: tuple[BasisMeaning, ...] = (
    BasisMeaning(Basis.REGISTERED, Label("登记单位", "Registered"), "In the register on the date."),
    BasisMeaning(
        Basis.OPERATING,
        Label("在营单位", "Operating"),
        "Registered, and the latest return says that it operates (blank: yes; no return: no). The default.",
        public=True,
    ),
    BasisMeaning(
        Basis.SURVEYED,
        Label("摸排单位", "Surveyed"),
        "Operating, with fixed premises and a headcount of at least 10 (social organisations: 30), or as the "
        "snapshot's thresholds say: the three haves.",
    ),
    BasisMeaning(
        Basis.ELIGIBLE,
        Label("应建单位", "Eligible"),
        "Operating, with at least 3 full members, or as the snapshot's threshold says: must establish an organisation.",
    ),
    BasisMeaning(
        Basis.ABOVE_SIZE,
        Label("规模以上单位", "Above designated size"),
        "Operating, and above designated size by its latest return.",
    ),
)
"""All bases, in the order of answers."""


@dataclass(frozen=True)
class Dimension:
    """The declaration of a dimension.

    Parameters
    ----------
    code
        Name of the parameter that filters by it.
    label
        Name for people.
    definition
        Its meaning, in one sentence.
    values
        Its values if it is an enumeration, its levels if it is a tree; null: defined by the operator's data.
    column
        The column of a snapshot's enterprises that holds it, if it is an attribute of them.
    of_branches
        Whether it is of branches, and no population of enterprises is asked for or broken down by it.
    public
        Whether the public tier has it.
    """

    code: str
    label: Label
    definition: str
    values: type[StrEnum] | None = None
    column: str = ""
    of_branches: bool = False
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
    Dimension(
        "enterprise_kind", Label("单位类别", "Kind of enterprise"), "What an enterprise is.", EnterpriseKind,
        column="kind",
    ),
    Dimension(
        "sector", Label("单位性质", "Sector"),
        "What an enterprise is, by its kind and the ownership of its latest return: non-public (private, foreign, of "
        "Hong Kong, Macao and Taiwan), social (organisations), public (institutions, state, collective); else none. "
        "The official organisation coverage is that of the first two.",
        Sector, column="sector",
    ),
    Dimension(
        "ownership", Label("所有制", "Ownership"), "Who controls an enterprise by its latest return.", Ownership,
        column="ownership",
    ),
    Dimension(
        "size_class", Label("规模", "Size class"), "Its statistical size by its latest return.", SizeClass,
        column="size_class",
    ),
    Dimension(
        "kind", Label("党组织类别", "Kind of branch"), "The rank of a branch.", BranchKind, of_branches=True,
    ),
    Dimension(
        "form", Label("组建形式", "Form of branch"), "How a branch was set up; enters no figure.", BranchForm,
        of_branches=True,
    ),
)  # fmt: skip
"""All dimensions of the statistics."""

DIMENSION: dict[str, Dimension] = {dimension.code: dimension for dimension in DIMENSIONS}

ATTRIBUTES: tuple[Dimension, ...] = tuple(dimension for dimension in DIMENSIONS if dimension.column)
"""The dimensions that are attributes of an enterprise."""

POPULATION: tuple[str, ...] = tuple(dimension.code for dimension in DIMENSIONS if not dimension.of_branches)
"""The parameters that narrow the population of enterprises."""


class By(StrEnum):
    """What the rows of an analysis can be: a level of districts or of industries, a group, an attribute, a basis."""

    PROVINCE = "province"
    CITY = "city"
    COUNTY = "county"
    STREET = "street"
    SITE = "site"
    SECTION = "section"
    DIVISION = "division"
    GROUP = "group"
    CLASS = "class"
    INDUSTRY_GROUP = "industry_group"
    ENTERPRISE_KIND = "enterprise_kind"
    SECTOR = "sector"
    OWNERSHIP = "ownership"
    SIZE_CLASS = "size_class"
    BASIS = "basis"

    @property
    def dimension(self) -> str:
        """Code of its dimension: that of the tree for a level, else its own."""
        if self.value in tuple(DistrictLevel):
            return "district"
        return "industry" if self.value in tuple(IndustryLevel) else self.value
