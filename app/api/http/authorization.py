"""Authentication and authorization: the caller, the right that a route requires, and the check for unknown parameters.

Every route declares its right by depending on exactly one of `OPEN`, `READ`, `WRITE`, `WRITE_EVERYWHERE`,
`RELEASE_EVERYWHERE`, `ADMIN`; an application with a route that does not is not created.
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
from starlette.types import ASGIApp, Receive, Scope, Send

from app.access.keys import KeyRefused, Keyring, refused
from app.access.principals import Principal, Right, anonymous
from app.api.http.language import LANGUAGES
from app.api.http.language import PARAMETER as LANGUAGE
from app.api.http.parameters import QueryOf
from app.api.http.problems import problem_response
from app.config import Settings
from app.errors import ServiceError
from app.messages import say
from app.registry.territory import require_everything

_HEADER = b"authorization"
_SCHEME = "bearer"


class Authentication:
    """Middleware: sets `scope["state"]["principal"]` to the caller, or refuses the request.

    Without `Authorization` the caller is anonymous. A key that is malformed, unknown, expired or revoked is refused
    (401) on every path, and never treated as no key.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        self._anonymous = anonymous(settings.answered_without_key)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] == "http":
            try:
                principal = known_principal(scope, self._anonymous) or await _look_up_principal(scope)
            except ServiceError as error:
                await problem_response(Request(scope), error)(scope, receive, send)
                return
            scope.setdefault("state", {})["principal"] = principal
        await self.app(scope, receive, send)


def known_principal(scope: Scope, without_key: Principal) -> Principal | None:
    """Return the caller, from memory; null if the database must be asked.

    Parameters
    ----------
    without_key
        The caller of a request without a key.

    Raises
    ------
    KeyRefused
        The key is malformed, expired or revoked, or its secret is wrong.
    """
    token = _token(scope)
    return without_key if token is None else _keyring(scope).cached(token)


async def _look_up_principal(scope: Scope) -> Principal:
    token = _token(scope)
    assert token is not None  # without one, the caller is known
    return await _keyring(scope).look_up(token)


def _token(scope: Scope) -> str | None:
    given: list[bytes] = [value for name, value in scope["headers"] if name == _HEADER]
    if not given:
        return None
    scheme, _, token = given[0].decode("latin-1").strip().partition(" ")
    if len(given) > 1 or scheme.lower() != _SCHEME:
        raise refused()
    return token.strip()


def _keyring(scope: Scope) -> Keyring:
    keyring: Keyring = scope["app"].state.keyring
    return keyring


class RightMissing(ServiceError):
    """The principal may not do this."""

    code = "right-missing"
    status = 403
    title = "Right missing"


class RightNotDeclared(Exception):
    """A route declares no right, or several, or is not an API route: the application must not start."""


class Authorization:
    """Dependency of every route: authorizes the request, then refuses parameters that the route does not know.

    In this order, so that an unauthorized caller learns nothing about the parameters. The caller is in
    `request.state.principal`.
    """

    def __init__(self, right: Right, *, everywhere: bool = False) -> None:
        self.right = right
        self.everywhere = everywhere

    async def __call__(self, request: Request) -> Principal:
        """Authorize one request.

        Raises
        ------
        KeyRefused
            There is no key, and one is required.
        RightMissing
            The principal does not have the route's right.
        ScopeTooNarrow
            It has the right in some districts only, and the route requires it everywhere.
        RequestValidationError
            A parameter is unknown; all other invalid ones are listed too.
        """
        principal: Principal = request.state.principal
        if self.right not in principal.rights:
            raise _lacking(principal, self.right)
        if self.everywhere:
            require_everything(principal.scope)
        if request.scope["query_string"]:
            _refuse_unknown_parameters(request)
        return principal


OPEN = Depends(Authorization(Right.OPEN))
READ = Depends(Authorization(Right.READ))
WRITE = Depends(Authorization(Right.WRITE))
WRITE_EVERYWHERE = Depends(Authorization(Right.WRITE, everywhere=True))
RELEASE_EVERYWHERE = Depends(Authorization(Right.RELEASE, everywhere=True))
ADMIN = Depends(Authorization(Right.ADMIN))


def _lacking(principal: Principal, right: Right) -> ServiceError:
    if principal.key_id is None and Right.READ not in principal.rights:
        return KeyRefused(say("A key is required: send one as `Authorization: Bearer`."))
    return RightMissing(say("This requires the right `{right}`.", right=right))


def refuse_undeclared(app: FastAPI) -> None:
    """Check that every route of an application declares exactly one right.

    Raises
    ------
    RightNotDeclared
        Some do not; all are named.
    """
    wrong = [_name_of(route) for route in app.routes if len(list(authorizations(route))) != 1]
    if wrong:
        raise RightNotDeclared(f"routes that do not declare exactly one right: {', '.join(wrong)}")


def _name_of(route: BaseRoute) -> str:
    return f"{getattr(route, 'path', route)} ({getattr(route, 'name', '')})"


def authorizations(route: BaseRoute) -> Iterator[Authorization]:
    """Yield the authorizations that a route declares: exactly one, or `refuse_undeclared` fails."""
    if isinstance(route, APIRoute) and hasattr(route, "query_names"):  # a route of `make_router`
        for dependency in route.dependencies:
            if isinstance(dependency.dependency, Authorization):
                yield dependency.dependency


def _refuse_unknown_parameters(request: Request) -> None:
    route = request.scope["route"]
    dependant: Dependant = route.dependant
    known: tuple[str, ...] = route.query_names
    if request.query_params.keys() <= route.known_names:
        return
    allowed = tuple(dict.fromkeys((*known, LANGUAGE)))  # a parameter of files, and of all others besides
    unknown = [name for name in request.query_params if name not in allowed]
    wrong = [*_unknown(unknown, allowed), *(() if LANGUAGE in known else _wrong_language(request))]
    if wrong:
        raise RequestValidationError([*wrong, *_invalid(dependant, request)])


def _wrong_language(request: Request) -> Iterator[dict[str, Any]]:
    """Yield what is wrong with the language of messages; of files, `lang` is a parameter of their own."""
    given = request.query_params.getlist(LANGUAGE)
    if len(given) > 1:
        yield {"type": "repeated_parameter", "loc": ("query", LANGUAGE)}
    elif given and given[0] not in LANGUAGES:
        expected = " or ".join(f"'{language}'" for language in LANGUAGES)
        yield {"type": "enum", "loc": ("query", LANGUAGE), "ctx": {"expected": expected}, "input": given[0]}


def query_names(dependant: Dependant) -> tuple[str, ...]:
    """Return the names of all query parameters of a route, in the order of the document."""
    names = [field.alias for part in _parts(dependant) for field in part.query_params]
    return (*(name for model in query_models(dependant) for name in model.names), *names)


def query_models(dependant: Dependant) -> list[QueryOf[Any]]:
    """Return the parameter models of a route."""
    return [part.call for part in _parts(dependant) if isinstance(part.call, QueryOf)]


def _parts(dependant: Dependant) -> Iterator[Dependant]:
    yield dependant
    for dependency in dependant.dependencies:
        yield from _parts(dependency)


def _unknown(names: Sequence[str], allowed: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    for name in names:
        yield {
            "type": "unknown_parameter",
            "loc": ("query", name),
            "ctx": {"allowed": allowed},
        }


def _invalid(dependant: Dependant, request: Request) -> Iterator[dict[str, Any]]:
    for model in query_models(dependant):
        yield from model.errors(request)
    for part in _parts(dependant):
        yield from request_params_to_args(part.query_params, request.query_params)[1]
