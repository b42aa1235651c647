"""What all models of answers share."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, create_model


class Closed(BaseModel):
    """A model without room for anything undeclared."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def closed_model(name: str, meaning: str, fields: dict[str, tuple[Any, str]]) -> type[Closed]:
    """Return a closed model whose fields are all there, always.

    Parameters
    ----------
    name
        What clients call it.
    meaning
        Its description.
    fields
        Type and description of each field, in order; a type that takes None is one where null means something.
    """
    declared: dict[str, Any] = {code: (kind, Field(description=text)) for code, (kind, text) in fields.items()}
    return create_model(name, __base__=Closed, __doc__=meaning, __module__=__name__, **declared)
