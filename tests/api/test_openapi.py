"""The document: what generated clients need holds, and what is committed is what is served."""

import json
from collections.abc import Iterator
from typing import Any, get_args

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from pydantic import TypeAdapter
from starlette.testclient import TestClient

from app.api.http.middleware import Service
from app.api.http.openapi import TAGS, encoded_document
from app.config import VERSION, Settings
from app.main import create_app
from tests.api.examples import ASKED, committed, example_service, served
from tests.document import DOCUMENT, is_declared, resolved

REFRESH = "refresh with `python -m tests.api.examples` and read the difference"

JSON = "application/json"


@pytest.fixture(scope="module")
def app() -> Service:
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
    """All operations, with their parameters and responses in place of references."""
    for path in document["paths"].values():
        for operation in path.values():
            parameters = [resolved(document, parameter) for parameter in operation["parameters"]]
            responses = {status: resolved(document, response) for status, response in operation["responses"].items()}
            yield operation | {"parameters": parameters, "responses": responses}


def statuses(document: dict[str, Any], name: str) -> str:
    [operation] = [operation for operation in operations(document) if operation["operationId"] == name]
    return " ".join(operation["responses"])


def documented_routes(app: FastAPI) -> list[APIRoute]:
    return [route for route in app.routes if isinstance(route, APIRoute) and route.include_in_schema]


def objects(node: Any) -> Iterator[dict[str, Any]]:
    """All objects of the document, but for examples."""
    if isinstance(node, dict):
        yield node
        for key, child in node.items():
            if key not in ("example", "examples"):
                yield from objects(child)
    elif isinstance(node, list):
        for child in node:
            yield from objects(child)


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
    verbs = ("list_", "get_", "export_", "create_", "replace_", "delete_", "release_", "withdraw_")
    assert [name for name in ids if not name.startswith(verbs)] == []


def test_every_operation_has_one_described_tag(document: dict[str, Any]) -> None:
    described = {tag["name"]: tag["description"] for tag in document["tags"]}
    for operation in operations(document):
        assert len(operation["tags"]) == 1, operation["operationId"]
        assert operation["tags"][0] in described
    assert described.items() <= TAGS.items()


PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}


def test_every_operation_may_answer_a_problem(document: dict[str, Any]) -> None:
    for operation in operations(document):
        for status, response in operation["responses"].items():
            assert (response.get("content") == PROBLEM) == (status >= "4"), (operation["operationId"], status)


@pytest.mark.parametrize(
    ("name", "declared"),
    [
        ("get_health", "200 401 422 503 default"),
        ("get_problem_type", "200 401 404 422 503 default"),
        ("get_catalogue", "200 401 403 422 503 default"),
        ("list_district_statistics", "200 401 403 404 410 422 503 default"),
        ("export_enterprise_statistics", "200 401 403 404 410 422 503 default"),
        ("get_enterprise", "200 401 403 404 422 503 default"),
        ("list_imports", "200 401 403 422 503 default"),
        ("create_import", "202 401 403 408 413 422 503 default"),
        ("create_api_key", "201 400 401 403 408 413 415 422 503 default"),
        ("replace_branch", "200 201 400 401 403 404 408 412 413 415 422 503 default"),
        ("delete_branch", "204 401 403 404 409 412 422 503 default"),
        ("delete_api_key", "204 401 403 404 422 503 default"),
    ],
)
def test_statuses_are_those_that_an_operation_can_answer(document: dict[str, Any], name: str, declared: str) -> None:
    assert statuses(document, name) == declared


@pytest.mark.parametrize(
    ("method", "path", "status", "declared"),
    [
        ("GET", "/v1/districts/350203", 404, True),
        ("GET", "/v1/districts/350203", 409, False),
        ("HEAD", "/v1/districts/350203", 409, False),
        ("DELETE", "/v1/districts/350203", 409, True),
        ("GET", "/v1/districts/350203", 413, True),
        ("PATCH", "/v1/districts/350203", 405, True),
        ("GET", "/nowhere", 404, True),
    ],
)
def test_an_answer_that_is_not_declared_is_found(
    app: Service, method: str, path: str, status: int, *, declared: bool
) -> None:
    """The watch over all tests finds one, whichever asks."""
    scope = {"type": "http", "method": method, "path": path, "headers": []}
    assert is_declared(app, scope, status) is declared


def test_there_is_a_server(document: dict[str, Any]) -> None:
    assert [server["url"] for server in document["servers"]] == ["/", "http://127.0.0.1:8000"]
    assert all(server["description"] for server in document["servers"])


def test_the_document_is_small(app: FastAPI) -> None:
    assert len(encoded_document(app)) <= 350_000


def test_parameters_and_responses_stand_once(document: dict[str, Any]) -> None:
    used = {
        part["$ref"]
        for path in document["paths"].values()
        for operation in path.values()
        for part in (*operation["parameters"], *operation["responses"].values())
    }
    for kind in ("parameters", "responses"):
        components = document["components"][kind]
        assert {f"#/components/{kind}/{name}" for name in components} == {ref for ref in used if f"/{kind}/" in ref}
        contents = [json.dumps(component, sort_keys=True) for component in components.values()]
        assert len(set(contents)) == len(contents)


def test_null_is_never_a_schema_but_beside_a_reference(document: dict[str, Any]) -> None:
    """A value or null has two types: generators fail on null alone, and know the choice of a reference or null."""
    null = {"type": "null"}
    choices = [node["anyOf"] for node in objects(document) if null in node.get("anyOf", ())]
    assert choices
    assert [choice for choice in choices if [[*each] for each in choice] != [["$ref"], ["type"]]] == []
    assert len([node for node in objects(document) if node.get("type") == "null"]) == len(choices)
    several = [node["type"] for node in objects(document) if isinstance(node.get("type"), list)]
    assert several
    assert [kinds for kinds in several if kinds[1:] != ["null"]] == []


def test_head_is_not_in_the_document(document: dict[str, Any]) -> None:
    assert all("head" not in path for path in document["paths"].values())


def test_optional_parameters_are_absent_and_never_null(document: dict[str, Any]) -> None:
    for operation in operations(document):
        for parameter in operation.get("parameters", []):
            place = (operation["operationId"], parameter["name"])
            assert [node for node in objects(parameter["schema"]) if "null" in node.get("type", ())] == [], place
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
    for schema in objects(document):
        assert "prefixItems" not in schema
        if schema.get("type") == "object":
            assert "properties" in schema, schema
            assert schema.get("additionalProperties") is False, schema


def test_schemas_have_plain_names_and_no_twins(document: dict[str, Any]) -> None:
    names = list(document["components"]["schemas"])
    assert [name for name in names if not name.isalnum()] == []
    shapes = [json.dumps(schema, sort_keys=True) for schema in document["components"]["schemas"].values()]
    assert len(set(shapes)) == len(shapes)
    assert [name for name in names if name.endswith(("Input", "Output"))] == []


def test_all_fields_of_answers_are_always_there(app: FastAPI, document: dict[str, Any]) -> None:
    for route in documented_routes(app):
        models = [] if route.response_model is None else get_args(route.response_model) or [route.response_model]
        for model in models:
            schema = document["components"]["schemas"][model.__name__]
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


def test_every_answer_has_one_example(document: dict[str, Any]) -> None:
    answers = {
        schema["$ref"].rpartition("/")[2]
        for operation in operations(document)
        for response in operation["responses"].values()
        for content in response.get("content", {}).values()
        for schema in content["schema"].get("anyOf", [content["schema"]])[:1]
        if "$ref" in schema
    }
    shown = {name for name, schema in document["components"]["schemas"].items() if "properties" in schema}
    examples = {name: document["components"]["schemas"][name].get("examples", []) for name in shown}
    assert {name for name, shown in examples.items() if shown} == answers
    assert {len(examples[name]) for name in answers} == {1}
    assert [node for node in objects(document["paths"]) if "example" in node] == []
