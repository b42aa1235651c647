"""Query parameters of statistics, composed of shared parts; choices come from the catalogue."""

from enum import StrEnum
from functools import cache
from typing import Annotated, Any, ClassVar, TypeVar, cast

from pydantic import BaseModel, ConfigDict, Field

from app.api.http.language import Lang
from app.api.http.parameters import IsoDate
from app.api.statistics.figures import BranchFields, Distinct, EnterpriseFields, StatisticsFields
from app.catalogue.vocabulary import (
    Basis,
    BranchForm,
    BranchKind,
    DistrictLevel,
    EnterpriseKind,
    IndustryLevel,
    Ownership,
    Sector,
    SizeClass,
)
from app.errors import conflicting
from app.messages import say
from app.publication.files import FileOptions
from app.publication.table import Language, TableOptions
from app.statistics.question import ALL_FIGURES, AsOf, Listing, Page, Population, Question, Relation, Subject

Part = TypeVar("Part", AsOf, Population, Listing, Page)


class QuestionParameters(BaseModel):
    """Parameters, from which the parts of a question are read."""

    model_config = ConfigDict(frozen=True)

    @property
    def question(self) -> Question:
        """The question; defined by classes with all of its parameters."""
        raise NotImplementedError

    @property
    def when(self) -> AsOf:
        """Which snapshot answers."""
        return _part(self, AsOf)

    @property
    def population(self) -> Population:
        """Whom to count."""
        return _part(self, Population)

    @property
    def figures(self) -> tuple[str, ...]:
        """Codes of the figures to give; empty: the headline figures.

        Raises
        ------
        InvalidRequest
            `all` stands beside others.
        """
        chosen: tuple[StrEnum, ...] = getattr(self, "fields", ())
        codes = tuple(sorted(map(str, chosen)))
        if ALL_FIGURES[0] in codes and codes != ALL_FIGURES:
            raise conflicting(say("fields=all stands alone"), "fields")
        return codes

    @property
    def as_public(self) -> bool:
        """Whether protected figures are asked for, whoever asks."""
        return getattr(self, "tier", None) is not None

    @property
    def listing(self) -> Listing:
        """Which rows to list."""
        return _part(self, Listing)

    @property
    def page(self) -> Page:
        """The page of the list, and its order."""
        return _part(self, Page)


class AskedTier(StrEnum):
    """Which tier of figures can be asked for."""

    PUBLIC = "public"


class TierParameter(QuestionParameters):
    """Whose figures."""

    tier: AskedTier | None = Field(
        default=None,
        description="`public`: protected figures, as everybody gets them; `snapshot` may then be the id of an exact "
        "one, also a draft. Absent: what the caller may see.",
    )


class AsOfParameters(TierParameter):
    """As of when."""

    as_of: IsoDate | None = Field(
        default=None,
        description="The newest snapshot at or before this date answers (`YYYY-MM-DD`); absent: the newest of all.",
        examples=["2017-06-30"],
    )
    snapshot: str | None = Field(
        default=None,
        description="Id of the snapshot that answers; with `as_of` only if the date picks one of the same date.",
    )


class BasisChoice(BaseModel):
    """Which enterprises rates divide by."""

    basis: Basis = Field(default=Basis.OPERATING, description="Which enterprises form the denominator.")


class BasisParameter(BasisChoice, AsOfParameters):
    """Which enterprises rates divide by, and as of when."""


class DistrictParameter(BaseModel):
    """Where to count."""

    district: Annotated[tuple[str, ...], Distinct] = Field(
        default=(),
        description="Count in this district and all below it (code); repeatable: in any of them.",
        examples=[["350203"]],
    )


class IndustryParameter(BaseModel):
    """In which industry to count."""

    industry: Annotated[tuple[str, ...], Distinct] = Field(
        default=(),
        description="Count in this industry and all below it (code); repeatable: in any of them.",
        examples=[["64"]],
    )


class IndustryGroupParameter(BaseModel):
    """In which industry group to count."""

    industry_group: Annotated[tuple[str, ...], Distinct] = Field(
        default=(),
        description="Count in the industries of this group (code); repeatable: in any of them, each enterprise once.",
        examples=[["internet"]],
    )


class SectorParameter(BaseModel):
    """In which sector to count."""

    sector: Annotated[tuple[Sector, ...], Distinct] = Field(
        default=(),
        description="Count enterprises of this sector; repeatable. The official organisation coverage (两新组织) is "
        "that of `non_public` and `social`.",
    )


class EnterpriseParameters(SectorParameter):
    """Which enterprises to count, by their attributes."""

    enterprise_kind: Annotated[tuple[EnterpriseKind, ...], Distinct] = Field(
        default=(), description="Count enterprises of this kind; repeatable."
    )
    ownership: Annotated[tuple[Ownership, ...], Distinct] = Field(
        default=(), description="Count enterprises of this ownership; repeatable."
    )
    size_class: Annotated[tuple[SizeClass, ...], Distinct] = Field(
        default=(), description="Count enterprises of this size; repeatable."
    )


class DistrictPopulation(EnterpriseParameters, IndustryGroupParameter, IndustryParameter, BasisParameter):
    """Whom to count in a district."""


class IndustryPopulation(EnterpriseParameters, IndustryGroupParameter, DistrictParameter, BasisParameter):
    """Whom to count in an industry."""


class IndustryGroupPopulation(EnterpriseParameters, IndustryParameter, DistrictParameter, BasisParameter):
    """Whom to count in an industry group."""


class PopulationParameters(
    EnterpriseParameters, IndustryGroupParameter, IndustryParameter, DistrictParameter, BasisParameter
):
    """Whom to count, and as of when."""


class SubjectListing(QuestionParameters):
    """Which subjects to list."""

    subject: ClassVar[Subject]

    @property
    def question(self) -> Question:
        """The question."""
        return Question(self.subject, self.when, self.population, self.listing, fields=self.figures)


class TreeListing(BaseModel):
    """Which nodes of a tree to list."""

    parent: str | None = Field(default=None, description="List the children of this node (code); not with `within`.")
    within: str | None = Field(
        default=None, description="List this node and all below it (code), or those of a `level`; not with `parent`."
    )


class EmptyParameter(BaseModel):
    """Whether to list empty subjects."""

    include_empty: bool = Field(default=False, description="List subjects without an enterprise of the basis too.")


class DistrictListing(SubjectListing, StatisticsFields, EmptyParameter, TreeListing, DistrictPopulation):
    """Which districts to list."""

    subject: ClassVar[Subject] = Subject.DISTRICTS

    level: DistrictLevel | None = Field(default=None, description="List the districts of this level.")


class IndustryListing(SubjectListing, StatisticsFields, EmptyParameter, TreeListing, IndustryPopulation):
    """Which industries to list."""

    subject: ClassVar[Subject] = Subject.INDUSTRIES

    level: IndustryLevel | None = Field(default=None, description="List the industries of this level.")


class IndustryGroupListing(SubjectListing, StatisticsFields, EmptyParameter, IndustryGroupPopulation):
    """Which industry groups to list: all."""

    subject: ClassVar[Subject] = Subject.INDUSTRY_GROUPS


class EnterpriseListing(SubjectListing, EnterpriseFields, DistrictParameter, DistrictPopulation):
    """Which enterprises to list: those of the population, by their flags."""

    subject: ClassVar[Subject] = Subject.ENTERPRISES

    organised: bool | None = Field(default=None, description="List the organised, or those that are not.")
    eligible: bool | None = Field(
        default=None,
        description="List those that must establish an organisation, or need not; unknown matches neither.",
    )
    has_members: bool | None = Field(
        default=None, description="List those with a member, or without; unknown matches neither."
    )
    reached_by_dual: bool | None = Field(
        default=None, description="List those with a member in dual affiliation, or without; unknown matches neither."
    )
    branch: str | None = Field(
        default=None, description="With `relation`: the branch (code), all below it included.", examples=["ib-j"]
    )
    relation: Relation | None = Field(
        default=None,
        description="List those that employ a member who takes part in `branch` by a secondary affiliation "
        "(`participating`), or that a living organisation means ties to it (`covered`); or those without an "
        "organisation that employ a member whom no secondary affiliation reaches (`unreached`), of the industries and "
        "the district of `branch` if it is given. By employments, wherever members are counted from.",
    )

    @property
    def question(self) -> Question:
        """The question.

        Raises
        ------
        InvalidRequest
            Only one of `branch` and `relation` is given, but for `unreached`.
        """
        alone = self.relation is Relation.UNREACHED and self.branch is None
        if (self.branch is None) != (self.relation is None) and not alone:
            raise conflicting(say("branch and relation can only be used together"), "branch", "relation")
        return super().question


class BranchListing(SubjectListing, BranchFields, TreeListing, DistrictParameter, AsOfParameters):
    """Which branches to list."""

    subject: ClassVar[Subject] = Subject.BRANCHES

    kind: BranchKind | None = Field(default=None, description="List the branches of this kind.")
    form: BranchForm | None = Field(default=None, description="List the branches of this form.")


class PageParameters(BaseModel):
    """Which page."""

    limit: int = Field(default=100, ge=1, le=1000, description="Rows of a page.")
    cursor: str | None = Field(
        default=None, description="The `next_cursor` of the previous page; all other parameters must be the same."
    )


class FileOutput(QuestionParameters):
    """How a file is written."""

    bom: bool = Field(default=False, description="Begin a CSV with a byte order mark, which Excel needs.")
    lang: Lang | None = Field(
        default=None, description="Labels of this language in headers and names; absent: codes, and both names."
    )

    def options(self, file_format: str) -> FileOptions:
        """Return how to write a file of a format."""
        totals: bool = getattr(self, "totals", False)
        return FileOptions(file_format, TableOptions(totals, cast(Language | None, self.lang)), bom=self.bom)


class FileParameters(FileOutput):
    """How a file with margins is written."""

    totals: bool = Field(default=False, description="Add the rows `total` and `unallocated`.")


@cache
def _shared(parameters: type[BaseModel], names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in names if name in parameters.model_fields)


def _part(parameters: BaseModel, part: type[Part]) -> Part:
    """Return a part of a question; fields that are not parameters keep their defaults."""
    values = parameters.__dict__
    return part(**{name: _sorted(values[name]) for name in _shared(type(parameters), part.__match_args__)})


def _sorted(value: Any) -> Any:
    """Return several values in one order, so that the order in which they were given does not matter."""
    return tuple(sorted(map(str, value))) if value and isinstance(value, tuple) else value
