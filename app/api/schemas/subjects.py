"""What a row is about."""

from datetime import date

from pydantic import Field

from app.api.schemas.closed import Closed
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


class District(Closed):
    """A district."""

    code: str = Field(description="Code (GB/T 2260, or the operator's own).")
    name_zh: str = Field(description="Chinese name.")
    name_en: str | None = Field(description="English name; null where there is none.")
    level: DistrictLevel = Field(description="Level in the tree.")
    parent_code: str | None = Field(description="Code of the district above; null at a root.")


class Industry(Closed):
    """An industry."""

    code: str = Field(description="Code (GB/T 4754-2017, or another classification's).")
    name_zh: str = Field(description="Chinese name.")
    name_en: str | None = Field(description="English name; null where there is none.")
    level: IndustryLevel = Field(description="Level in the tree.")
    parent_code: str | None = Field(description="Code of the industry above; null at a root.")


class IndustryGroup(Closed):
    """A named set of industries; groups may overlap."""

    code: str = Field(description="Code.")
    name_zh: str = Field(description="Chinese name.")
    name_en: str | None = Field(description="English name; null where there is none.")
    industries: list[str] = Field(description="Codes of its industries, of any level.")


class SnapshotEnterprise(Closed):
    """An enterprise as of the date of a snapshot; its state is that of its latest return by then."""

    code: str = Field(description="Unified social credit code, or the operator's own.")
    name: str = Field(description="Name.")
    kind: EnterpriseKind = Field(description="What it is.")
    registered_on: date | None = Field(description="In the register from this date; null: since ever.")
    closed_on: date | None = Field(description="No longer in the register from this date; null: open.")
    district_code: str | None = Field(description="District of its place as of the date; null: unlocated.")
    industry_code: str | None = Field(description="Its industry as of the date; null: unclassified.")
    ownership: Ownership | None = Field(description="Who controls it; null: unknown.")
    size_class: SizeClass | None = Field(description="Statistical size; null: unknown.")
    reported_on: date | None = Field(description="Date of its latest return; null: it never reported.")
    operating: bool = Field(
        description="Whether it operates: it has reported, and its latest return does not say that it does not."
    )
    fixed_premises: bool | None = Field(description="Whether it has fixed premises; null: unknown.")
    above_designated_size: bool | None = Field(description="Whether it is above designated size; null: unknown.")
    organised: bool = Field(description="Whether an organisation means of a living branch covers it.")
    standalone: bool = Field(description="Whether it is organised by a branch of its own.")
    reached_by_dual: bool = Field(
        description="Whether a member of its, organised or not, has a living secondary affiliation; where members are "
        "counted from returns: whether its return says so."
    )
    work_only: bool = Field(description="Neither, but reached by a work means.")
    eligible: bool | None = Field(description="Whether it must establish an organisation; null: cannot be told.")
    has_members: bool | None = Field(description="Whether it has at least one member; null: unknown.")
    bases: list[Basis] = Field(description="The bases that it belongs to.")
    branches: list[str] = Field(description="Codes of the living branches that cover it by an organisation means.")


class SnapshotBranch(Closed):
    """A branch that lives on the date of a snapshot."""

    code: str = Field(description="Code.")
    name: str = Field(description="Name.")
    kind: BranchKind = Field(description="Its rank.")
    form: BranchForm | None = Field(description="How it was set up; null: not recorded. Enters no figure.")
    parent_code: str | None = Field(description="Code of its nearest living ancestor; null: none.")
    district_code: str = Field(description="District where it is.")
    dual_affiliation: bool = Field(description="Whether members of elsewhere may belong to it besides.")
    industry_code: str | None = Field(description="Industry that it is for; null: none.")
    industry_group: str | None = Field(description="Industry group that it is for; null: none.")
    established_on: date | None = Field(description="Date of establishment; null: since ever.")
