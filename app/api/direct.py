"""Calling a handler directly where there is nothing to solve.

FastAPI finds the arguments of a handler anew for each request, which takes about 100 µs; a handler of ours mostly takes
the request, texts of the path and one parameter model, and returns a ready response.
"""

from collections.abc import Callable, Coroutine
from typing import Any, get_type_hints

from fastapi import Request, Response
from fastapi.dependencies.models import Dependant

from app.api.admission import Admission
from app.api.parameters import QueryOf

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


def direct_handler(dependant: Dependant) -> Handler | None:
    """Return what calls a handler without FastAPI's help; null where it is needed."""
    if not _is_plain(dependant):
        return None
    endpoint: Any = dependant.call
    request_name = dependant.request_param_name
    paths = [(field.name, field.alias) for field in dependant.path_params]
    parts: list[tuple[str | None, Any]] = [(part.name, part.call) for part in dependant.dependencies]

    async def handle(request: Request) -> Response:
        arguments: dict[str, Any] = {name: request.path_params[alias] for name, alias in paths}
        if request_name is not None:
            arguments[request_name] = request
        for name, part in parts:
            value = await part(request)
            if name is not None:
                arguments[name] = value
        response: Response = await endpoint(**arguments)
        return response

    return handle


def _is_plain(dependant: Dependant) -> bool:
    return (
        get_type_hints(dependant.call).get("return") is Response
        and all(isinstance(part.call, Admission | QueryOf) for part in dependant.dependencies)
        and all(field.field_info.annotation is str and not field.field_info.metadata for field in dependant.path_params)
        and not (dependant.query_params or dependant.header_params or dependant.cookie_params or dependant.body_params)
        and dependant.response_param_name is None
        and dependant.background_tasks_param_name is None
        and dependant.http_connection_param_name is None
    )
