"""What changed between two dates, and how much of it is rate and how much is mix."""

from typing import Annotated

from fastapi import Depends, Request, Response
from pydantic import Field

from app.api.admission import READ
from app.api.parameters import IsoDate, QueryOf
from app.api.routes import FILE_RESPONSE, make_router
from app.api.schemas.changes import ChangesAnswer
from app.api.statistics.answering import answered, filed
from app.api.statistics.files import Format
from app.api.statistics.parameters import BasisParameter, FileOutput, ScopePopulation
from app.catalogue.analyses import Analysis
from app.catalogue.vocabulary import IndustryLevel
from app.publication.changes import changes_answer, changes_file
from app.statistics.changes import ChangesQuestion
from app.statistics.question import Moment, Subject

router = make_router("/v1/statistics", "statistics", READ)


class ChangesParameters(ScopePopulation, BasisParameter):
    """Of whom, and between which dates."""

    since: IsoDate = Field(
        description="The newest snapshot at or before this date is the earlier one (`YYYY-MM-DD`).",
        examples=["2017-03-31"],
    )
    industry_level: IndustryLevel = Field(
        default=IndustryLevel.SECTION, description="Level of the industries among which the ratio's change is shared."
    )

    @property
    def question(self) -> ChangesQuestion:
        """What is asked."""
        return ChangesQuestion(
            Subject.INDUSTRIES,
            self.moment,
            self.population,
            analysis=Analysis.CHANGES,
            since=Moment(self.since),
            industry_level=self.industry_level.value,
        )


class ChangesFile(FileOutput, ChangesParameters):
    """A file of changes."""


@router.get("/changes", response_model=ChangesAnswer)
async def get_changes(
    request: Request, asked: Annotated[ChangesParameters, Depends(QueryOf(ChangesParameters))]
) -> Response:
    """Get exact accounts of what changed between two dates.

    The member ratio: effects of rates and of mix that add up to the difference (Kitagawa 1955). Enterprises, organised
    enterprises and members: enterprise by enterprise, integers that close. Both snapshots must have the same settings,
    member source and industry tree.
    """
    question = asked.question
    return await answered(request, question, lambda desk: changes_answer(desk.shelf, question))


@router.get("/changes.{format}", response_class=Response, responses=FILE_RESPONSE)
async def export_changes(
    request: Request, file_format: Format, asked: Annotated[ChangesFile, Depends(QueryOf(ChangesFile))]
) -> Response:
    """Export the accounts of what changed as one flat table, a row per figure."""
    question, options = asked.question, asked.options(file_format)
    return await filed(request, question, lambda desk: changes_file(desk.shelf, question, options))
