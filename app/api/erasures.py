"""Erasing members."""

from fastapi import Request, Response

from app.api.admission import ADMIN
from app.api.auditing import origin_of
from app.api.job_answers import accepted
from app.api.routes import make_router
from app.api.schemas.erasures import ErasureBody
from app.api.schemas.jobs import AcceptedJobAnswer
from app.jobs.records import ErasureRequest, new_record
from app.registry.erasure import refuse_unusable

router = make_router("/v1/erasures", "access", ADMIN)


@router.post("", status_code=202, response_model=AcceptedJobAnswer)
async def create_erasure(request: Request, body: ErasureBody) -> Response:
    """Erase a member for good: rows, bytes in the database's files, and the way back by an import; follow the job.

    The job succeeds whether or not the registry knew the ref, and says nothing about it. Published snapshots keep
    their figures. The same again does no harm.
    """
    refuse_unusable(body.ref)
    request.app.state.supervisor.require_room()
    record = new_record(ErasureRequest(), request.state.principal.key_id)
    request.app.state.supervisor.start(record, origin_of(request), body.ref)
    return accepted(record)
