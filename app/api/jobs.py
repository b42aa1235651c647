"""Imports, builds and erasures under way."""

from typing import Annotated

from fastapi import Path, Request, Response
from pydantic import Field

from app.api.admission import WRITE
from app.api.auditing import note, origin_of
from app.api.job_answers import accepted, job_answer, own_job
from app.api.routes import make_router
from app.api.schemas.closed import Closed
from app.api.schemas.jobs import AcceptedJobAnswer, JobAnswer
from app.api.schemas.registry import Day
from app.jobs.records import BuildRequest, new_record
from app.snapshots.dates import refuse_future

router = make_router("/v1", "jobs")


class SnapshotBody(Closed):
    """Which snapshot to build."""

    as_of: Day = Field(description="Its date; today in the operator's time zone at the latest.")


@router.get("/jobs/{id}", response_model=JobAnswer, dependencies=[WRITE])
async def get_job(request: Request, job_id: Annotated[str, Path(alias="id", description="Id of the job.")]) -> Response:
    """Get the state of an import, build or erasure; while it runs, `Retry-After` says when to ask again."""
    return job_answer(own_job(request, job_id))


@router.post("/snapshots", status_code=202, response_model=AcceptedJobAnswer, dependencies=[WRITE])
async def create_snapshot(request: Request, body: SnapshotBody) -> Response:
    """Build the snapshot of a date from the registry as it is when the job runs; follow the job.

    The same registry, date and settings give the same snapshot, so asking twice does no harm.
    """
    refuse_future(request.app.state.settings, body.as_of, "body/as_of")
    request.app.state.supervisor.require_room(builds=True)
    record = new_record(BuildRequest(body.as_of), request.state.principal.key_id)
    request.app.state.supervisor.start(record, origin_of(request))
    note(request, as_of=body.as_of.isoformat())
    return accepted(record)
