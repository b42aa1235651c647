"""Query parameters of statistics, composed of shared parts; choices come from the catalogue."""

from enum import StrEnum
from functools import cache
from typing import ClassVar, TypeVar, cast

from pydantic import BaseModel, ConfigDict, Field

from app.api.http.language import Lang
from app.api.http.models import members
from app.api.http.parameters import IsoDate
from app.catalogue.measures import BRANCH_MEASURES, ENTERPRISE_MEASURES, MEASURES
from app.catalogue.metrics import BRANCH_METRICS, ENTERPRISE_METRICS, METRICS
from app.catalogue.vocabulary import (
    Basis,
    BranchForm,
    BranchKind,
    DistrictLevel,
    EnterpriseKind,
    IndustryLevel,
    Ownership,
    SizeClass,
)
from app.publication.files import FileFormat, FileOptions
from app.publication.table import Language, TableOptions
from app.statistics.question import AsOf, Listing, Order, Page, Population, Question, Subject

_AGGREGATE = [measure.code for measure in MEASURES] + [metric.code for metric in METRICS]
_ENTERPRISE = [measure.code for measure in ENTERPRISE_MEASURES] + [metric.code for metric in ENTERPRISE_METRICS]
_BRANCH = [measure.code for measure in BRANCH_MEASURES] + [metric.code for metric in BRANCH_METRICS]


class StatisticsField(StrEnum):
    """A measure or metric of districts, industries and industry groups."""

    vars().update(members(_AGGREGATE))


class EnterpriseField(StrEnum):
    """A measure or metric of single enterprises."""

    vars().update(members(_ENTERPRISE))


class BranchField(StrEnum):
    """A measure or metric of branches."""

    vars().update(members(_BRANCH))


class TrendMetric(StrEnum):
    """A metric of a population, an enterprise or a branch."""

    vars().update(members(dict.fromkeys(metric.code for metric in (*METRICS, *BRANCH_METRICS))))


class StatisticsSort(StrEnum):
    """What lists of districts, industries and industry groups can be sorted by."""

    vars().update(members(["code", *_AGGREGATE]))


class EnterpriseSort(StrEnum):
    """What lists of enterprises can be sorted by."""

    vars().update(members(["code", *_ENTERPRISE]))


class BranchSort(StrEnum):
    """What lists of branches can be sorted by; figures are those of the subtree."""

    vars().update(members(["code", *_BRANCH]))


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
    def listing(self) -> Listing:
        """Which rows to list."""
        return _part(self, Listing)

    @property
    def page(self) -> Page:
        """The page of the list, and its order."""
        return _part(self, Page)


class AsOfParameters(QuestionParameters):
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

    district: str | None = Field(
        default=None, description="Count in this district and all below it (code).", examples=["350203"]
    )


class IndustryParameter(BaseModel):
    """In which industry to count."""

    industry: str | None = Field(
        default=None, description="Count in this industry and all below it (code).", examples=["64"]
    )


class IndustryGroupParameter(BaseModel):
    """In which industry group to count."""

    industry_group: str | None = Field(
        default=None, description="Count in the industries of this group (code).", examples=["internet"]
    )


class EnterpriseParameters(BaseModel):
    """Which enterprises to count, by their attributes."""

    enterprise_kind: EnterpriseKind | None = Field(default=None, description="Count enterprises of this kind.")
    ownership: Ownership | None = Field(default=None, description="Count enterprises of this ownership.")
    size_class: SizeClass | None = Field(default=None, description="Count enterprises of this size.")


class DistrictPopulation(EnterpriseParameters, IndustryGroupParameter, IndustryParameter, BasisParameter):
    """Whom to count in a district."""


class IndustryPopulation(EnterpriseParameters, IndustryGroupParameter, DistrictParameter, BasisParameter):
    """Whom to count in an industry."""


class IndustryGroupPopulation(EnterpriseParameters, IndustryParameter, DistrictParameter, BasisParameter):
    """Whom to count in an industry group."""


class ScopePopulation(
    EnterpriseParameters, IndustryGroupParameter, IndustryParameter, DistrictParameter, AsOfParameters
):
    """Whom to count, in every basis."""


class SubjectListing(QuestionParameters):
    """Which subjects to list."""

    subject: ClassVar[Subject]

    @property
    def question(self) -> Question:
        """The question."""
        return Question(self.subject, self.when, self.population, self.listing)


class TreeListing(BaseModel):
    """Which nodes of a tree to list."""

    parent: str | None = Field(default=None, description="List the children of this node (code); not with `within`.")
    within: str | None = Field(
        default=None, description="List this node and all below it (code), or those of a `level`; not with `parent`."
    )


class EmptyParameter(BaseModel):
    """Whether to list empty subjects."""

    include_empty: bool = Field(default=False, description="List subjects without an enterprise of the basis too.")


class DistrictListing(SubjectListing, EmptyParameter, TreeListing, DistrictPopulation):
    """Which districts to list."""

    subject: ClassVar[Subject] = Subject.DISTRICTS

    level: DistrictLevel | None = Field(default=None, description="List the districts of this level.")


class IndustryListing(SubjectListing, EmptyParameter, TreeListing, IndustryPopulation):
    """Which industries to list."""

    subject: ClassVar[Subject] = Subject.INDUSTRIES

    level: IndustryLevel | None = Field(default=None, description="List the industries of this level.")


class IndustryGroupListing(SubjectListing, EmptyParameter, IndustryGroupPopulation):
    """Which industry groups to list: all."""

    subject: ClassVar[Subject] = Subject.INDUSTRY_GROUPS


class EnterpriseListing(SubjectListing, DistrictParameter, DistrictPopulation):
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


class BranchListing(SubjectListing, TreeListing, DistrictParameter, AsOfParameters):
    """Which branches to list."""

    subject: ClassVar[Subject] = Subject.BRANCHES

    kind: BranchKind | None = Field(default=None, description="List the branches of this kind.")
    form: BranchForm | None = Field(default=None, description="List the branches of this form.")


class OrderParameter(BaseModel):
    """In which direction to sort."""

    order: Order = Field(
        default=Order.ASCENDING, description="Direction of the sort; ties by code ascending, nulls last, in both."
    )


class StatisticsOrder(OrderParameter):
    """In which order to list districts, industries and groups."""

    sort: StatisticsSort = Field(default=StatisticsSort("code"), description="Sort by code, a measure or a metric.")


class EnterpriseOrder(OrderParameter):
    """In which order to list enterprises."""

    sort: EnterpriseSort = Field(default=EnterpriseSort("code"), description="Sort by code, a measure or a metric.")


class BranchOrder(OrderParameter):
    """In which order to list branches."""

    sort: BranchSort = Field(
        default=BranchSort("code"), description="Sort by code, or by a measure or metric of the subtree."
    )


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

    def options(self, file_format: FileFormat) -> FileOptions:
        """Return how to write a file of a format."""
        chosen: tuple[str, ...] = getattr(self, "fields", ())
        totals: bool = getattr(self, "totals", False)
        language = cast(Language | None, self.lang)
        return FileOptions(file_format, TableOptions(chosen, totals, language), bom=self.bom)


class FileParameters(FileOutput):
    """How a file with margins is written."""

    totals: bool = Field(default=False, description="Add the rows `total` and `unallocated`.")


_FIELDS_TEXT = "Measures and metrics that the file shows; repeatable; absent: all."


class StatisticsFile(FileParameters):
    """What a file of districts, industries or groups shows."""

    fields: tuple[StatisticsField, ...] = Field(default=(), description=_FIELDS_TEXT)


class EnterpriseFile(FileParameters):
    """What a file of enterprises shows."""

    fields: tuple[EnterpriseField, ...] = Field(default=(), description=_FIELDS_TEXT)


class BranchFile(FileParameters):
    """What a file of branches shows."""

    fields: tuple[BranchField, ...] = Field(default=(), description=_FIELDS_TEXT)


@cache
def _shared(parameters: type[BaseModel], names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in names if name in parameters.model_fields)


def _part(parameters: BaseModel, part: type[Part]) -> Part:
    """Return a part of a question; fields that are not parameters keep their defaults."""
    values = parameters.__dict__
    return part(**{name: values[name] for name in _shared(type(parameters), part.__match_args__)})
