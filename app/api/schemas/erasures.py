"""The shape of an erasure, as it is asked for."""

from typing import Annotated

from pydantic import Field, StringConstraints

from app.api.schemas.closed import Closed
from app.database.tables.metadata import CODE_LENGTH

_Ref = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=CODE_LENGTH)]


class ErasureBody(Closed):
    """Whom to erase."""

    ref: _Ref = Field(description="Pseudonym of the member; kept nowhere.", examples=["m-0417"])
