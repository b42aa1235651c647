"""Changes between two dates: effects of rates and of mix, and exact accounts of counts."""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated

from fastapi import Depends, Request, Response
from pydantic import Field

from app.api.http.authorization import READ
from app.api.http.models import Closed, members
from app.api.http.parameters import IsoDate, QueryOf
from app.api.http.routing import FILE_RESPONSE, make_router
from app.api.statistics.answering import file_response, json_response
from app.api.statistics.figures import Distinct
from app.api.statistics.models import District, Industry, Meta
from app.api.statistics.parameters import FileOutput, PopulationParameters
from app.api.statistics.subjects import Format
from app.catalogue.analyses import Analysis
from app.catalogue.dimensions import By
from app.catalogue.vocabulary import DistrictLevel, IndustryLevel, Ownership, Sector
from app.errors import conflicting
from app.messages import say
from app.publication.changes import changes_answer, changes_table
from app.statistics.changes import ChangesQuestion
from app.statistics.question import AsOf, Subject


class StratumChange(Closed):
    """One industry's part in the change of the member ratio."""

    industry: Industry | None = Field(description="The industry; null: all that is in no industry of the level.")
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
    """Exact accounts of what changed in a population."""

    ratio: RatioChange | None = Field(
        description="Of the member ratio; null where it is not applicable at a date (no matched headcount), and of "
        "what is unallocated."
    )
    enterprises: CountChange | None = Field(description="Of enterprises; null: protected.")
    organised: OrganisedChange | None = Field(description="Of organised enterprises; null: protected.")
    members: CountChange | None = Field(description="Of members, unknown ones counted as 0; null: protected.")


class EarlierSnapshot(Closed):
    """The earlier of two snapshots."""

    snapshot: str = Field(description="Its id.")
    as_of: date = Field(description="The date that its figures are of.")
    requested_as_of: date | None = Field(description="The requested date.")
    updated_at: datetime = Field(description="When it was built, UTC.")


class ChangesMeta(Meta):
    """The two snapshots of an account of changes; the later one is named as everywhere."""

    since: EarlierSnapshot = Field(description="The earlier snapshot.")


class ChangesRow(Changes):
    """What changed in one district, sector or ownership; the two others are null."""

    district: District | None = Field(description="The district; null where rows are not by it.")
    sector: Sector | None = Field(description="The sector; null where rows are not by it.")
    ownership: Ownership | None = Field(description="The ownership; null where rows are not by it.")


class ChangesAnswer(Closed):
    """What changed between two dates, as a whole."""

    data: Changes = Field(description="The accounts.")
    meta: ChangesMeta = Field(description="The snapshots.")


class ChangesRowsAnswer(Closed):
    """What changed between two dates, in each row of a level of districts, `sector` or `ownership`."""

    data: list[ChangesRow] = Field(
        description="A row for each with an enterprise at either date, in the order of breakdowns."
    )
    total: Changes = Field(
        description="The accounts of the whole: `before`, `after`, `entered` and `left` of rows and `unallocated` add "
        "up to it; `within` and moves do not, since who goes from one row to another stays within the whole."
    )
    unallocated: Changes = Field(description="The accounts of the enterprises that are in no row.")
    meta: ChangesMeta = Field(description="The snapshots; `rows` are the rows.")


router = make_router("/v1/statistics", "statistics", READ)


class ChangesBy(StrEnum):
    """What changes can be told by: a level of districts, sector or ownership; and a level of industries."""

    vars().update(members([*DistrictLevel, "sector", "ownership", *IndustryLevel]))


class ChangesParameters(PopulationParameters):
    """Of whom, and between which dates."""

    since: IsoDate | None = Field(
        default=None,
        description="The newest snapshot at or before this date is the earlier one (`YYYY-MM-DD`); either this or "
        "`since_snapshot` must be given.",
        examples=["2017-03-31"],
    )
    since_snapshot: str | None = Field(
        default=None, description="Id of the earlier snapshot, which may be of the same date: what a revision changed."
    )
    by: Annotated[tuple[ChangesBy, ...], Distinct] = Field(
        default=(),
        max_length=2,
        description="A level of industries among which the ratio's change is shared (absent: `section`); and, or, a "
        "level of districts, `sector` or `ownership`: a row for each.",
    )

    @property
    def question(self) -> ChangesQuestion:
        """The question.

        Raises
        ------
        InvalidRequest
            The earlier snapshot is not named, or the dimensions cannot stand together.
        """
        if self.since is None and self.since_snapshot is None:
            raise conflicting(say("either since or since_snapshot must be given"), "since", "since_snapshot")
        by = [By(one.value) for one in self.by]
        strata = [one for one in by if one.dimension == "industry"]
        rows = [one for one in by if one.dimension != "industry"]
        if len(strata) > 1 or len(rows) > 1:
            message = say("{by} cannot stand together: of two, one is a level of industries", by=", ".join(by))
            raise conflicting(message, "by")
        return ChangesQuestion(
            Subject.INDUSTRIES,
            self.when,
            self.population,
            analysis=Analysis.CHANGES,
            by=tuple(rows),
            since=AsOf(self.since, self.since_snapshot),
            strata=strata[0] if strata else By.SECTION,
        )


class ChangesFile(FileOutput, ChangesParameters):
    """A file of changes."""


@router.get("/changes", response_model=ChangesAnswer | ChangesRowsAnswer)
async def get_changes(
    request: Request, query: Annotated[ChangesParameters, Depends(QueryOf(ChangesParameters))]
) -> Response:
    """Get exact accounts of what changed between two dates.

    The member ratio: effects of rates and of mix that add up to the difference (Kitagawa 1955). Enterprises, organised
    enterprises and members: enterprise by enterprise, integers that close. Both snapshots must have the same settings,
    member source and industry tree. With a level of districts, `sector` or `ownership` in `by`, a row for each.
    """
    return await json_response(request, query, changes_answer)


@router.get("/changes.{format}", response_class=Response, responses=FILE_RESPONSE)
async def export_changes(
    request: Request, file_format: Format, query: Annotated[ChangesFile, Depends(QueryOf(ChangesFile))]
) -> Response:
    """Export the accounts of what changed as one flat table, a row per figure."""
    return await file_response(request, query, file_format, changes_table)
