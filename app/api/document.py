"""The OpenAPI 3.1 document: FastAPI's, with what generated clients need, and an example of each answer."""

import json
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic import BaseModel

from app.api.admission import query_models
from app.api.schemas.problems import Problem

VERSION = "0.1.0"
"""The version of the service; the same as in the project file."""

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
    "description": "An API key. Whether one is needed, and for what, the service decides: without one it answers what "
    "everybody may see. A bad key is refused (401), whatever is asked.",
}
"""How a key is sent."""

_SCHEMAS = "#/components/schemas/{model}"


def document_of(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI document of an application."""
    document = get_openapi(
        title=TITLE,
        version=VERSION,
        openapi_version="3.1.0",
        description=DESCRIPTION,
        routes=app.routes,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        separate_input_output_schemas=False,
    )
    document["security"] = [{}, {"key": []}]
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    document["components"]["securitySchemes"] = {"key": KEY}
    _define(Problem, schemas)["examples"] = [_example("problem")]
    for route, operation in _operations(app, document):
        parameters = operation.setdefault("parameters", [])
        for model in query_models(route.dependant):
            parameters.extend(_parameters_of(model.model, schemas))
        operation["parameters"] = [_without_null(parameter) for parameter in parameters]
        _illustrate(operation)
        operation["summary"] = operation["description"].partition("\n")[0].removesuffix(".")
    document["components"]["schemas"] = dict(sorted(schemas.items()))
    used = {tag for _, operation in _operations(app, document) for tag in operation["tags"]}
    document["tags"] = [{"name": tag, "description": TAGS[tag]} for tag in TAGS if tag in used]
    return document


def _operations(app: FastAPI, document: dict[str, Any]) -> Iterator[tuple[APIRoute, dict[str, Any]]]:
    for route in app.routes:
        if isinstance(route, APIRoute) and route.include_in_schema:
            for method in route.methods or ():
                yield route, document["paths"][route.path_format][method.lower()]


def _illustrate(operation: dict[str, Any]) -> None:
    """Give the good answer of an operation its example, where it is JSON and has one."""
    example = _example(operation["operationId"])
    for status, response in operation["responses"].items():
        if example is not None and status.startswith("2") and "application/json" in response.get("content", {}):
            response["content"]["application/json"]["example"] = example


def _example(name: str) -> Any:
    file = files("app.api").joinpath("examples", f"{name}.json")
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else None


def _define(model: type[BaseModel], schemas: dict[str, Any]) -> dict[str, Any]:
    """Put a model and all it refers to among the document's schemas; return the model's own."""
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
    """Say of an optional parameter that it may be absent, which is all that its null means.

    Null in a query cannot be sent; generators wrap it all the same, and some cannot read it.
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
