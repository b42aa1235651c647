"""The crawl says what it does not know: an operation, a parameter, a field, a format that came later."""

from datetime import date
from random import Random
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from tests.disclosure.answers import Figures
from tests.disclosure.crawl import Crawler, Said, Statement
from tests.disclosure.document import Asking, Unknown, operations

SNAPSHOT, AS_OF = "20170630-0123456789abcdef", date(2017, 6, 30)
META = {
    "snapshot": SNAPSHOT, "as_of": AS_OF.isoformat(), "requested_as_of": None, "basis": "operating",
    "member_source": "returns", "intra_enterprise_correlation": {"value": 0.1}, "disclosure": {"b": 5}, "rows": 0,
    "updated_at": "2017-07-01T00:00:00Z",
}  # fmt: skip
PAGE: dict[str, Any] = {
    "data": [],
    "total": {"counts": {"members": 5}},
    "unallocated": None,
    "meta": META,
    "next_cursor": None,
}
DISTRICTS = "/v1/statistics/districts"


def parameter(name: str, schema: dict[str, Any], *, required: bool = False) -> dict[str, Any]:
    return {"name": name, "required": required, "schema": schema}


def crawled(
    path: str, answer: Any, *parameters: dict[str, Any], method: str = "get", status: int = 200
) -> list[Statement]:
    """What a crawl gets of a service with one operation."""
    described = {"operationId": "the_operation", "parameters": [parameter("snapshot", {"type": "string"}), *parameters]}
    document = {"paths": {path: {method: described}}, "components": {"schemas": {"Size": {"enum": ["s", "m"]}}}}

    def answered(_request: Request) -> JSONResponse:
        return JSONResponse(answer, status)

    app = Starlette(
        routes=[
            Route("/openapi.json", lambda _request: JSONResponse(document)),
            Route(path, answered, methods=[method.upper()]),
        ]
    )
    asking = Asking({"districts": ["350203"]}, {"snapshot": [SNAPSHOT]}, Random(0), 9, 9)
    return list(Crawler(TestClient(app), asking, {SNAPSHOT: AS_OF}, asking.codes).crawl())


def test_a_page_is_a_statement_when_all_of_it_is_known() -> None:
    statements = crawled(DISTRICTS, PAGE, parameter("within", {"type": "string"}))
    whole = Said(AS_OF, frozenset(), (), Figures(counts={"members": 5}))
    assert whole in statements
    assert Said(AS_OF, frozenset({("district", "350203")}), (), whole.figures) in statements


@pytest.mark.parametrize(
    "answer",
    [
        PAGE | {"best": 7},
        PAGE | {"total": {"counts": {}, "largest": 7}},
        PAGE | {"meta": META | {"exact": 7}},
        {"data": {"members": 7}},
    ],
)
def test_a_field_is_refused_when_it_is_new(answer: Any) -> None:
    with pytest.raises(Unknown, match="the_operation says what the crawl cannot read"):
        crawled(DISTRICTS, answer)


@pytest.mark.parametrize("path", ["/v1/statistics/secrets", "/v1/secrets", "/v1/statistics/secrets/{code}"])
def test_an_operation_is_refused_when_it_is_new(path: str) -> None:
    with pytest.raises(Unknown, match="the_operation answers: the crawl does not know what it says"):
        crawled(path.replace("{code}", "a"), PAGE)


def test_a_parameter_is_refused_when_nothing_says_what_it_may_be() -> None:
    with pytest.raises(Unknown, match="the_operation takes colour"):
        crawled(DISTRICTS, PAGE, parameter("colour", {"type": "string"}))


def test_every_choice_is_asked_for_when_a_parameter_is_new_and_has_some() -> None:
    [operation] = operations(
        {
            "paths": {
                DISTRICTS: {
                    "get": {
                        "operationId": "o",
                        "parameters": [parameter("size", {"$ref": "#/components/schemas/Size"})],
                    }
                }
            },
            "components": {"schemas": {"Size": {"enum": ["s", "m"]}}},
        }
    )
    questions = list(Asking({}, {}, Random(0), 9, 9).questions(operation))
    assert questions == [{}, {"size": "s"}, {"size": "m"}]


def test_a_change_is_refused_when_it_needs_no_right() -> None:
    with pytest.raises(Unknown, match="the_operation"):
        crawled(DISTRICTS, {"type": "/problems/subject-not-found"}, method="post", status=404)


def test_a_format_is_refused_when_it_is_new() -> None:
    with pytest.raises(Unknown, match="the crawl does not read vellum"):
        crawled(f"{DISTRICTS}.{{format}}", PAGE, parameter("format", {"enum": ["vellum"]}, required=True))


def test_an_operation_is_refused_when_it_never_answers() -> None:
    with pytest.raises(Unknown, match="the_operation only gives"):
        crawled(DISTRICTS, {"type": "/problems/invalid-request"}, status=422)
