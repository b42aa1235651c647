"""What all models of answers share."""

from pydantic import BaseModel, ConfigDict


class Closed(BaseModel):
    """A model without room for anything undeclared."""

    model_config = ConfigDict(extra="forbid", frozen=True)
