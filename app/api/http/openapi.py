"""The OpenAPI 3.1 document: FastAPI's, adapted for generated clients; and `/docs`, with its scripts served locally."""

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from importlib.resources import files
from typing import Annotated, Any, get_args

import msgspec
from fastapi import FastAPI, Path, Request, Response
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic import BaseModel, Field, TypeAdapter
from starlette.responses import RedirectResponse

from app.api.http.authorization import OPEN, authorizations, query_models
from app.api.http.components import put_for_generators, share
from app.api.http.language import PARAMETER, Lang, language_of
from app.api.http.models import Closed
from app.api.http.pages import validated
from app.api.http.problems import TYPE_BASE, Problem
from app.api.http.routing import make_router
from app.api.http.statuses import PROBLEM_RESPONSES, problem_references
from app.config import VERSION
from app.errors import NotFound, ServiceError
from app.messages import say

TITLE = "OrgCoverage"

DESCRIPTION = """Organisational-coverage statistics: how many members work where, what share of the staff they are, and
which enterprises are reached by an organisation.

All statistics are as of a date and come from a snapshot, which never changes. Two kinds of parameter are never mixed
up: whom to count (`basis`, `district`, `industry` …) and which rows to list (`parent`, `within`, `level` …). Zero,
unknown, not applicable and protected are four different states everywhere. Errors are problems (RFC 9457)."""

TAGS = {
    "statistics": "One row per district, industry, industry group, enterprise or branch, and analyses of them.",
    "registry": "What is recorded, as it is now.",
    "imports": "Files in: send, follow, read every problem of every row.",
    "snapshots": "The frozen states that statistics come from.",
    "jobs": "Imports, builds and erasures under way.",
    "access": "Keys, audit and erasure.",
    "catalogue": "What every measure, metric, basis and dimension means.",
    "service": "Health, metrics and kinds of problems.",
}

KEY = {
    "type": "http",
    "scheme": "bearer",
    "description": "An API key. What needs one depends on the service: without a key it answers what everybody may "
    "see. An invalid key is refused (401) on every path.",
}
"""How a key is sent."""

CONTACT = {"name": "OrgCoverage contributors"}

SERVERS = [
    {"url": "/", "description": "The service that this document comes from."},
    {"url": "http://127.0.0.1:8000", "description": "A service on this machine, as `orgcoverage demo` starts it."},
]
"""Where the paths are."""

_SCHEMAS = "#/components/schemas/{model}"

_LANGUAGE_TEXT = "Language of messages; absent: by `Accept-Language`, else English."

LANGUAGE: dict[str, Any] = {
    "name": PARAMETER,
    "in": "query",
    "required": False,
    "description": _LANGUAGE_TEXT,
    "schema": {"$ref": _SCHEMAS.format(model=Lang.__name__), "description": _LANGUAGE_TEXT},
}
"""The parameter of every operation that has no `lang` of its own."""


def document_of(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI document of an application."""
    document = get_openapi(
        title=TITLE,
        version=VERSION,
        openapi_version="3.1.0",
        description=DESCRIPTION,
        routes=app.routes,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        contact=CONTACT,
        servers=SERVERS,
        separate_input_output_schemas=False,
    )
    document["security"] = [{}, {"key": []}]
    components = document["components"] = {
        "schemas": document.get("components", {}).get("schemas", {}),
        "responses": PROBLEM_RESPONSES,
        "securitySchemes": {"key": KEY},
    }
    schemas = components["schemas"]
    schemas[Lang.__name__] = TypeAdapter(Lang).json_schema()
    _define(Problem, schemas)["examples"] = [_example("problem")]
    operations = list(_operations(app, document))
    for route, method, operation in operations:
        _complete(route, method, operation, schemas)
    components["schemas"] = dict(sorted(schemas.items()))
    share([operation for _, _, operation in operations], components)
    put_for_generators([components, document["paths"]])
    used = {tag for _, _, operation in operations for tag in operation["tags"]}
    document["tags"] = [{"name": tag, "description": TAGS[tag]} for tag in TAGS if tag in used]
    return document


def _operations(app: FastAPI, document: dict[str, Any]) -> Iterator[tuple[APIRoute, str, dict[str, Any]]]:
    for route in app.routes:
        if isinstance(route, APIRoute) and route.include_in_schema:
            for method in route.methods or ():
                yield route, method, document["paths"][route.path_format][method.lower()]


def _complete(route: APIRoute, method: str, operation: dict[str, Any], schemas: dict[str, Any]) -> None:
    """Add to an operation what the framework does not know: parameters of models, problems, example, summary."""
    parameters = operation.get("parameters", [])
    for model in query_models(route.dependant):
        parameters.extend(_parameters_of(model.model, schemas))
    if all(parameter["name"] != PARAMETER for parameter in parameters):
        parameters.append(LANGUAGE)
    operation["parameters"] = [_without_null(parameter) for parameter in parameters]
    [authorization] = authorizations(route)
    operation["responses"] |= problem_references(authorization.right, method, operation)
    operation["summary"] = operation["description"].partition("\n")[0].removesuffix(".")
    example = _example(operation["operationId"])
    if example is not None and route.response_model is not None:
        [model, *_] = get_args(route.response_model) or [route.response_model]
        schemas[model.__name__]["examples"] = [example]


def _example(name: str) -> Any:
    file = files("app.api").joinpath("examples", f"{name}.json")
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else None


def _define(model: type[BaseModel], schemas: dict[str, Any]) -> dict[str, Any]:
    """Add a model and its definitions to the document's schemas; return the model's own."""
    schema = model.model_json_schema(ref_template=_SCHEMAS)
    schemas.update(schema.pop("$defs", {}))
    schemas[model.__name__] = schema
    return schema


def _parameters_of(model: type[BaseModel], schemas: dict[str, Any]) -> Iterator[dict[str, Any]]:
    schema = model.model_json_schema(ref_template=_SCHEMAS)
    schemas.update(schema.pop("$defs", {}))
    for name, field in schema["properties"].items():
        yield {
            "name": name,
            "in": "query",
            "required": name in schema.get("required", ()),
            "description": field["description"],
            "schema": field,
        }


def _without_null(parameter: dict[str, Any]) -> dict[str, Any]:
    """Return an optional parameter without the choice of null, which only means that it may be absent.

    Null cannot be sent in a query; client generators wrap it nevertheless, and some fail on it.
    """
    schema = {key: value for key, value in parameter["schema"].items() if key != "title"}
    choices = [choice for choice in schema.pop("anyOf", ()) if choice != {"type": "null"}]
    if len(choices) > 1:
        schema["anyOf"] = choices
    elif choices:
        schema = {**choices[0], **schema}
    if schema.get("default", ...) in (None, []):
        del schema["default"]
    return {**parameter, "schema": schema}


router = make_router("", "service", OPEN)

_FILES = {"swagger-ui-bundle.js": "text/javascript", "swagger-ui.css": "text/css", "favicon.png": "image/png"}
"""Files of the documentation page, from another package, and their media types."""

_INLINE_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)


class ProblemType(Closed):
    """A kind of problem."""

    type: str = Field(description="As it stands in the `type` of such a problem.")
    title: str = Field(description="The kind of problem in a few words.")
    status: int = Field(description="Its HTTP status.")
    meaning: str = Field(description="What it means, in a sentence.")


@router.get("/", include_in_schema=False)
async def show_start(request: Request) -> Response:
    """Redirect to the dashboard."""
    return RedirectResponse(f"{request.scope.get('root_path', '')}/dashboard")


@router.get("/docs", include_in_schema=False)
async def show_documentation(request: Request) -> Response:
    """Show the interactive documentation."""
    root = request.scope.get("root_path", "")
    page = get_swagger_ui_html(
        openapi_url=f"{root}/openapi.json",
        title=TITLE,
        swagger_js_url=f"{root}/docs/swagger-ui-bundle.js",
        swagger_css_url=f"{root}/docs/swagger-ui.css",
        swagger_favicon_url=f"{root}/docs/favicon.png",
    )
    page.headers["Content-Security-Policy"] = _policy(bytes(page.body))
    return page


@router.get("/docs/{file}", include_in_schema=False)
async def get_documentation_file(file: str) -> Response:
    """Return a script, style or picture of the documentation page."""
    if file not in _FILES:
        raise NotFound(say("There is nothing at this path."))
    return validated(files("fastapi_offline").joinpath("static", file).read_bytes(), _FILES[file], public=True)


@router.get("/openapi.json", include_in_schema=False)
async def get_document(request: Request) -> Response:
    """Return the OpenAPI document."""
    return validated(encoded_document(request.app), public=True)


@router.get("/problems/{code}", response_model=ProblemType)
async def get_problem_type(
    request: Request, code: Annotated[str, Path(description="Last part of the type.")]
) -> Response:
    """Get the meaning of a kind of problem; the `type` of a problem is the path of this operation."""
    kind = next((kind for kind in kinds(ServiceError) if kind.code == code), None)
    if kind is None:
        raise NotFound(say("There is no problem of this kind."))
    language = language_of(request.scope)
    title, meaning = (say(text).said(language) for text in (kind.title, meaning_of(kind)))
    described = {"type": TYPE_BASE + code, "title": title, "status": kind.status, "meaning": meaning}
    response = validated(msgspec.json.encode(described), public=True)
    response.headers.update({"Content-Language": language, "Vary": "Authorization, Accept-Language"})
    return response


def meaning_of(kind: type[ServiceError]) -> str:
    """Return what a kind of problem means, in an English sentence: the first line of its documentation."""
    return (kind.__doc__ or kind.title).partition("\n")[0]


def encoded_document(app: FastAPI) -> bytes:
    """Return the document of an application as it is committed and served; made on first use."""
    if not hasattr(app.state, "document"):
        app.state.document = _in_lines(document_of(app), _DEPTH) + b"\n"
    document: bytes = app.state.document
    return document


_DEPTH = 3
"""Levels of the document whose entries have a line each: an operation or a component is one line."""


def _in_lines(node: Any, depth: int) -> bytes:
    """Return JSON without spaces, but a line for each entry of the upper levels: small, and fit to be compared."""
    if not (depth and isinstance(node, dict) and node):
        return msgspec.json.encode(node)
    entries = [msgspec.json.encode(key) + b":" + _in_lines(value, depth - 1) for key, value in node.items()]
    return b"{\n" + b",\n".join(entries) + b"\n}"


def kinds(kind: type[ServiceError]) -> Iterator[type[ServiceError]]:
    """Yield a kind of error and all special ones of it."""
    yield kind
    for special in kind.__subclasses__():
        yield from kinds(special)


def _policy(page: bytes) -> str:
    """Return the policy that allows this page its own scripts, and no others."""
    inline = _INLINE_SCRIPT.findall(page.decode())
    hashes = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in inline]
    allowed = " ".join(f"'sha256-{value}'" for value in hashes)
    return (
        f"default-src 'self'; script-src 'self' {allowed}; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
        "frame-ancestors 'none'"
    )
