"""The document: what generated clients need holds, and what is committed is what is served."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from pydantic import TypeAdapter
from starlette.testclient import TestClient

from app.api.http.openapi import TAGS, encoded_document
from app.config import VERSION, Settings
from app.main import create_app
from tests.api.examples import ASKED, DOCUMENT, committed, example_service, served

REFRESH = "refresh with `python -m tests.api.examples` and read the difference"

JSON = "application/json"


@pytest.fixture(scope="module")
def app() -> FastAPI:
    return create_app(Settings(_env_file=None))


@pytest.fixture(scope="module")
def document(app: FastAPI) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(encoded_document(app))
    return parsed


@pytest.fixture(scope="module")
def worked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    with example_service() as client:
        yield client


def operations(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for path in document["paths"].values():
        yield from path.values()


def documented_routes(app: FastAPI) -> list[APIRoute]:
    return [route for route in app.routes if isinstance(route, APIRoute) and route.include_in_schema]


def schemas(node: Any) -> Iterator[dict[str, Any]]:
    """All objects of the document that say a type."""
    if isinstance(node, dict):
        if "type" in node or "prefixItems" in node:
            yield node
        for key, child in node.items():
            if key not in ("example", "examples"):
                yield from schemas(child)
    elif isinstance(node, list):
        for child in node:
            yield from schemas(child)


def test_the_committed_document_is_the_served_one(app: FastAPI, empty_service: TestClient) -> None:
    assert DOCUMENT.read_bytes() == encoded_document(app), REFRESH
    assert empty_service.get("/openapi.json").content == DOCUMENT.read_bytes()


def test_the_version_is_that_of_the_project(document: dict[str, Any]) -> None:
    assert document["info"]["version"] == VERSION
    assert document["openapi"].startswith("3.1")


def test_operation_ids_are_the_unique_names_of_functions(app: FastAPI, document: dict[str, Any]) -> None:
    ids = [operation["operationId"] for operation in operations(document)]
    assert sorted(ids) == sorted(route.endpoint.__name__ for route in documented_routes(app))
    assert len(set(ids)) == len(ids)
    verbs = ("list_", "get_", "export_", "create_", "replace_", "delete_")
    assert [name for name in ids if not name.startswith(verbs)] == []


def test_every_operation_has_one_described_tag(document: dict[str, Any]) -> None:
    described = {tag["name"]: tag["description"] for tag in document["tags"]}
    for operation in operations(document):
        assert len(operation["tags"]) == 1, operation["operationId"]
        assert operation["tags"][0] in described
    assert described.items() <= TAGS.items()


def test_every_operation_may_answer_a_problem(document: dict[str, Any]) -> None:
    for operation in operations(document):
        content = operation["responses"]["default"]["content"]
        assert content == {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
        assert "422" not in operation["responses"]


def test_head_is_not_in_the_document(document: dict[str, Any]) -> None:
    assert all("head" not in path for path in document["paths"].values())


def test_optional_parameters_are_absent_and_never_null(document: dict[str, Any]) -> None:
    for operation in operations(document):
        for parameter in operation.get("parameters", []):
            place = (operation["operationId"], parameter["name"])
            assert {"type": "null"} not in list(schemas(parameter["schema"])), place
            assert parameter["schema"].get("default", "absent") is not None, place
            assert parameter["description"], place
            assert parameter["schema"]["description"] == parameter["description"], place


def test_a_key_can_be_sent_with_every_request_and_need_not(document: dict[str, Any]) -> None:
    [(name, scheme)] = document["components"]["securitySchemes"].items()
    assert (scheme["type"], scheme["scheme"]) == ("http", "bearer")
    assert document["security"] == [{}, {name: []}]
    assert all("security" not in operation for operation in operations(document))


def test_every_field_is_described(document: dict[str, Any]) -> None:
    missing = [
        (name, field)
        for name, schema in document["components"]["schemas"].items()
        for field, declared in schema.get("properties", {}).items()
        if not declared.get("description")
    ]
    assert missing == []


def test_objects_are_closed_and_there_are_no_tuples(document: dict[str, Any]) -> None:
    for schema in schemas(document["paths"] | document["components"]):
        assert "prefixItems" not in schema
        if schema.get("type") == "object":
            assert "properties" in schema, schema
            assert schema.get("additionalProperties") is False, schema


def test_schemas_have_plain_names_and_no_twins(document: dict[str, Any]) -> None:
    names = list(document["components"]["schemas"])
    assert [name for name in names if not name.isalnum()] == []
    shapes = [
        json.dumps({**schema, "title": ""}, sort_keys=True) for schema in document["components"]["schemas"].values()
    ]
    assert len(set(shapes)) == len(shapes)
    assert [name for name in names if name.endswith(("Input", "Output"))] == []


def test_all_fields_of_answers_are_always_there(app: FastAPI, document: dict[str, Any]) -> None:
    for route in documented_routes(app):
        if route.response_model is not None:
            schema = document["components"]["schemas"][route.response_model.__name__]
            assert sorted(schema.get("required", [])) == sorted(schema["properties"]), route.name


def test_files_are_binary(document: dict[str, Any]) -> None:
    exports = [operation for operation in operations(document) if operation["operationId"].startswith("export_")]
    assert exports
    for operation in exports:
        assert operation["responses"]["200"]["content"] == {
            "application/octet-stream": {"schema": {"type": "string", "format": "binary"}}
        }


def test_enumerations_are_named(document: dict[str, Any]) -> None:
    for operation in operations(document):
        for parameter in operation.get("parameters", []):
            assert "enum" not in parameter["schema"], (operation["operationId"], parameter["name"])


@pytest.mark.parametrize("name", ASKED)
def test_an_example_is_what_the_service_answers(worked: TestClient, app: FastAPI, name: str) -> None:
    assert committed(name) == served(worked, name), REFRESH
    models = {route.name: route.response_model for route in documented_routes(app)}
    if name in models:
        TypeAdapter(models[name]).validate_json(json.dumps(committed(name)), strict=True)


def test_every_json_answer_has_an_example(document: dict[str, Any]) -> None:
    without = [
        operation["operationId"]
        for operation in operations(document)
        for status, response in operation["responses"].items()
        if status != "default" and "example" not in response.get("content", {}).get(JSON, {"example": None})
    ]
    assert without == []
