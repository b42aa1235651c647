"""The shape of errors (RFC 9457)."""

from pydantic import Field

from app.api.schemas.closed import Closed


class ProblemItem(Closed):
    """One thing that is wrong."""

    pointer: str = Field(description="Where: `query/basis`, `path/code`, `body/level`, `header/Authorization`.")
    message: str = Field(description="What, in a sentence.")
    allowed: list[str] = Field(
        description="The choices there are: all of an enumeration, of codes the closest few; empty where there is no "
        "list."
    )


class Problem(Closed):
    """An error: what is wrong and how to mend it."""

    type: str = Field(description="URI reference of the kind of problem; stable, made for programs.")
    title: str = Field(description="The kind of problem in a few words; the same for every problem of a type.")
    status: int = Field(description="The HTTP status.", ge=400, le=599)
    detail: str = Field(description="What is wrong this time, in a sentence.")
    instance: str = Field(description="The path that was asked for.")
    request_id: str = Field(description="Id of the request, as in the log and in the header `X-Request-ID`.")
    errors: list[ProblemItem] = Field(description="All that is wrong, one by one; empty where `detail` says it all.")
