"""The base of all models of answers, and models and enumerations made from lists of codes."""

from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, create_model
from pydantic_core import MISSING


class Closed(BaseModel):
    """A model that allows no undeclared fields."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def closed_model(name: str, meaning: str, fields: dict[str, tuple[Any, str]]) -> type[Closed]:
    """Return a closed model whose fields are all required.

    Parameters
    ----------
    name
        Its name in the OpenAPI document.
        Its description.
    fields
        Type and description of each field, in order; where null is possible, its meaning is in the description.
    """
    declared: dict[str, Any] = {code: (kind, Field(description=text)) for code, (kind, text) in fields.items()}
    return create_model(name, __base__=Closed, __doc__=meaning, __module__=__name__, **declared)


def optional_model(name: str, meaning: str, fields: dict[str, tuple[Any, str]]) -> type[Closed]:
    """Return a closed model each of whose fields may be absent; parameters as for `closed_model`."""
    declared: dict[str, Any] = {
        code: (kind | MISSING, Field(default=MISSING, description=text)) for code, (kind, text) in fields.items()
    }
    return create_model(name, __base__=Closed, __doc__=meaning, __module__=__name__, **declared)


def members(codes: Iterable[str]) -> dict[str, str]:
    """Return codes by the names of their members, for an enumeration: `vars().update(members(codes))` in its body."""
    return {code.upper().replace("-", "_"): str(code) for code in codes}
