"""What changed between two dates."""

from datetime import date, datetime

from pydantic import Field

from app.api.schemas.closed import Closed
from app.api.schemas.meta import Meta
from app.api.schemas.subjects import Industry


class StratumChange(Closed):
    """One industry's part in the change of the member ratio."""

    industry: Industry | None = Field(description="The industry; null: what no industry of the level holds.")
    rate: float = Field(description="Effect of its own ratio: mean share of the headcount × change of the ratio.")
    mix: float = Field(
        description="Effect of its share of the headcount: change of the share × (its mean ratio − the overall mean)."
    )


class RatioChange(Closed):
    """The change of the member ratio: `rate` + `mix` = `difference`, to 1e-12. Unit: ratio, persons per employee."""

    difference: float = Field(description="Ratio at the later date less that at the earlier.")
    rate: float = Field(description="Sum of the rate effects: industries have other ratios than before.")
    mix: float = Field(description="Sum of the mix effects: industries have other shares of the headcount than before.")
    strata: list[StratumChange] = Field(
        description="Industries of the level with headcount at either date, in the order of the tree; the rest last."
    )


class CountChange(Closed):
    """The change of a count: `after` − `before` = `within` + `entered` − `left` + `moved_in` − `moved_out`, exactly."""

    before: int = Field(description="At the earlier date.")
    after: int = Field(description="At the later date.")
    within: int = Field(description="Net change of enterprises that are in the population at both dates.")
    entered: int = Field(description="In it at the later date alone, and not in the basis before.")
    left: int = Field(description="In it at the earlier date alone, and no longer in the basis.")
    moved_in: int = Field(description="In it at the later date alone, in the basis elsewhere before.")
    moved_out: int = Field(description="In it at the earlier date alone, in the basis elsewhere afterwards.")


class OrganisedChange(CountChange):
    """The change of organised enterprises; `within` = `newly_organised` − `no_longer_organised`."""

    newly_organised: int = Field(description="In the population at both dates, organised at the later alone.")
    no_longer_organised: int = Field(description="In the population at both dates, organised at the earlier alone.")


class Changes(Closed):
    """Exact accounts of what changed."""

    ratio: RatioChange | None = Field(
        description="Of the member ratio; null where it is not applicable at a date: no matched headcount."
    )
    enterprises: CountChange | None = Field(description="Of enterprises; null: protected.")
    organised: OrganisedChange | None = Field(description="Of organised enterprises; null: protected.")
    members: CountChange | None = Field(description="Of members, unknown ones counted as 0; null: protected.")


class EarlierSnapshot(Closed):
    """The earlier of two snapshots."""

    snapshot: str = Field(description="Its id.")
    as_of: date = Field(description="The date that its figures are of.")
    requested_as_of: date | None = Field(description="The date that was asked for.")
    updated_at: datetime = Field(description="When it was built, UTC.")


class ChangesMeta(Meta):
    """What an account of changes rests on: two snapshots, of which the later is named as everywhere."""

    since: EarlierSnapshot = Field(description="The earlier snapshot.")


class ChangesAnswer(Closed):
    """What changed between two dates."""

    data: Changes = Field(description="The accounts.")
    meta: ChangesMeta = Field(description="What they rest on.")
