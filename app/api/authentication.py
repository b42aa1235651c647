"""Who sends a request: found out in front of everything else, so that nobody learns anything with a bad key."""

from fastapi import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from app.access.keyring import Keyring
from app.access.keys import refused
from app.access.principals import Principal, anonymous
from app.api.problems import problem_response
from app.config import Settings
from app.errors import ServiceError

_HEADER = b"authorization"
_SCHEME = "bearer"


class Authentication:
    """ASGI layer: leaves the principal of a request in `scope["state"]["principal"]`, or refuses the request.

    Without `Authorization` it is whoever sends no key. A key that is malformed, unknown, expired or revoked is refused
    (401) whatever is asked, and never treated as none.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        self._anonymous = anonymous(settings.answered_without_key)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] == "http":
            try:
                principal = known_principal(scope, self._anonymous) or await _asked(scope)
            except ServiceError as error:
                await problem_response(Request(scope), error)(scope, receive, send)
                return
            scope.setdefault("state", {})["principal"] = principal
        await self.app(scope, receive, send)


def known_principal(scope: Scope, unnamed: Principal) -> Principal | None:
    """Return who sends a request, from memory; null where only the database can tell.

    Parameters
    ----------
    unnamed
        Whoever sends no key.

    Raises
    ------
    KeyRefused
        The key is malformed, expired or revoked, or its secret is wrong.
    """
    token = _token(scope)
    return unnamed if token is None else _keyring(scope).known(token)


async def _asked(scope: Scope) -> Principal:
    token = _token(scope)
    assert token is not None  # without one, who asks is known
    return await _keyring(scope).ask(token)


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
