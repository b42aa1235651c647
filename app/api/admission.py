"""What a request must pass before its handler runs: its principal has the right, and its parameters are known.

Every route declares its right by depending on exactly one of `OPEN`, `READ`, `WRITE`, `WRITE_EVERYWHERE`, `ADMIN`; an
application with a route that does not is not built.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.dependencies.models import Dependant
from fastapi.dependencies.utils import request_params_to_args
from fastapi.exceptions import RequestValidationError
from fastapi.params import Depends
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute

from app.access.keys import KeyRefused
from app.access.principals import Principal, Right
from app.api.parameters import QueryOf
from app.errors import ServiceError
from app.registry.scope import require_everything


class RightMissing(ServiceError):
    """The principal may not do this."""

    code = "right-missing"
    status = 403
    title = "Right missing"


class RightNotDeclared(Exception):
    """A route declares no right, or several, or is no API route: the application must not start."""


class Admission:
    """Dependency of every route: authorises the request, then refuses parameters that the route does not know.

    In this order, so that whoever may not ask learns nothing about how to. Who asks stands in
    `request.state.principal`.
    """

    def __init__(self, right: Right, *, everywhere: bool = False) -> None:
        self.right = right
        self.everywhere = everywhere

    async def __call__(self, request: Request) -> Principal:
        """Admit one request.

        Raises
        ------
        KeyRefused
            There is no key, and nothing is answered without one.
        RightMissing
            The principal does not have the route's right.
        ScopeTooNarrow
            It has it in some districts only, and the route needs it everywhere.
        RequestValidationError
            A parameter is unknown; all other wrong ones are reported with it.
        """
        principal: Principal = request.state.principal
        if self.right not in principal.rights:
            raise _lacking(principal, self.right)
        if self.everywhere:
            require_everything(principal.scope)
        if request.scope["query_string"]:
            _refuse_unknown_parameters(request)
        return principal


OPEN = Depends(Admission(Right.OPEN))
READ = Depends(Admission(Right.READ))
WRITE = Depends(Admission(Right.WRITE))
WRITE_EVERYWHERE = Depends(Admission(Right.WRITE, everywhere=True))
ADMIN = Depends(Admission(Right.ADMIN))


def _lacking(principal: Principal, right: Right) -> ServiceError:
    if principal.key_id is None and Right.READ not in principal.rights:
        return KeyRefused("Nothing is answered without a key here: send one as `Authorization: Bearer`.")
    return RightMissing(f"This needs the right `{right}`.")


def refuse_undeclared(app: FastAPI) -> None:
    """Check that every route of an application declares exactly one right.

    Raises
    ------
    RightNotDeclared
        Some do not; all are named.
    """
    wrong = [_name_of(route) for route in app.routes if len(list(admissions(route))) != 1]
    if wrong:
        raise RightNotDeclared(f"routes that do not declare exactly one right: {', '.join(wrong)}")


def _name_of(route: BaseRoute) -> str:
    return f"{getattr(route, 'path', route)} ({getattr(route, 'name', '')})"


def admissions(route: BaseRoute) -> Iterator[Admission]:
    """Yield the admissions that a route declares: exactly one in an application that is built."""
    if isinstance(route, APIRoute) and hasattr(route, "query_names"):  # as routers of `make_router` make them
        for dependency in route.dependencies:
            if isinstance(dependency.dependency, Admission):
                yield dependency.dependency


def _refuse_unknown_parameters(request: Request) -> None:
    route = request.scope["route"]
    dependant: Dependant = route.dependant
    known: tuple[str, ...] = route.query_names
    unknown = [name for name in request.query_params if name not in known]
    if unknown:
        raise RequestValidationError([*_unknown(unknown, known), *_invalid(dependant, request)])


def query_names(dependant: Dependant) -> tuple[str, ...]:
    """Return the names of all query parameters that a route takes, in the order of the document."""
    names = [field.alias for part in _parts(dependant) for field in part.query_params]
    return (*(name for model in query_models(dependant) for name in model.names), *names)


def query_models(dependant: Dependant) -> list[QueryOf[Any]]:
    """Return the parameter models of a route."""
    return [part.call for part in _parts(dependant) if isinstance(part.call, QueryOf)]


def _parts(dependant: Dependant) -> Iterator[Dependant]:
    yield dependant
    for dependency in dependant.dependencies:
        yield from _parts(dependency)


def _unknown(names: Sequence[str], known: Sequence[str]) -> Iterator[dict[str, Any]]:
    for name in names:
        yield {
            "type": "unknown_parameter",
            "loc": ("query", name),
            "msg": "Unknown parameter",
            "ctx": {"allowed": tuple(known)},
        }


def _invalid(dependant: Dependant, request: Request) -> Iterator[dict[str, Any]]:
    for model in query_models(dependant):
        yield from model.errors(request)
    for part in _parts(dependant):
        yield from request_params_to_args(part.query_params, request.query_params)[1]
