"""What an answer rests on."""

from datetime import date, datetime
from enum import StrEnum

from pydantic import Field

from app.api.schemas.closed import Closed
from app.catalogue.vocabulary import Basis


class MemberSource(StrEnum):
    """Where members are counted from; one source for a whole snapshot."""

    REGISTER = "register"
    RETURNS = "returns"


class DisclosurePolicy(StrEnum):
    """How figures are protected.

    `none`: they are exact; `rounded-enterprises`: each enterprise was rounded once, before any sum. Figures of persons
    are then of the firms shown: small ones are pooled, at their county if need be, or left out where even the pool is
    small.
    """

    NONE = "none"
    ROUNDED_ENTERPRISES = "rounded-enterprises"


class Correlation(Closed):
    """How alike the employees of one enterprise are; widens the intervals of ratios over headcount."""

    value: float = Field(description="Intra-enterprise correlation, 0–1, 4 decimals.")
    strata: int | None = Field(description="Strata (division × county) that it rests on; null: protected.")
    firms: int | None = Field(description="Enterprises in these strata; null: protected.")
    members: int | None = Field(description="Members in these strata; null: protected.")


class Disclosure(Closed):
    """What was done so that no figure gives a person away."""

    policy: DisclosurePolicy = Field(description="What was done.")
    version: int | None = Field(description="Version of the policy; null: figures are exact.")
    b: int | None = Field(description="Width of the rounding, persons; null: figures are exact.")
    hmin: int | None = Field(description="Least headcount shown at one place, employees; null: figures are exact.")


class Meta(Closed):
    """What an answer rests on."""

    snapshot: str = Field(description="Id of the snapshot that answers.", examples=["20170630-5f0c91d2a3b4c5d6"])
    as_of: date = Field(description="The date that the figures are of.")
    requested_as_of: date | None = Field(description="The date that was asked for; null: none.")
    basis: Basis | None = Field(description="Which enterprises rates divide by; null: the answer has no one basis.")
    member_source: MemberSource = Field(description="Where members are counted from.")
    intra_enterprise_correlation: Correlation = Field(description="Used by the intervals of ratios over headcount.")
    disclosure: Disclosure = Field(description="How persons are protected.")
    rows: int = Field(description="Subjects in the whole list, over all pages.")
    updated_at: datetime = Field(description="When the snapshot was built, UTC.")
