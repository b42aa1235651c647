"""The HTTP API: operations, each with its models beside it, on the machinery in `http`.

To add operations, write a module here (or in `statistics`, `registry`, `jobs`) with a router of `routing.make_router`,
and list it in `app.main.ROUTERS`, the busiest first:

- `router = make_router("/v1/things", "things", READ)`: the full path, one tag (described in `openapi.TAGS`), and the
  right that all operations need (`OPEN`, `READ`, `WRITE`, `WRITE_EVERYWHERE`, `ADMIN` of `authorization`). Where they
  differ, leave it out and give each operation `dependencies=[WRITE]`. The application does not start with a route that
  declares no right.
- The function's name is the operationId: `list_…`, `get_…`, `export_…`, `create_…`, `replace_…`, `delete_…`, unique.
  Its docstring is the description. It is async, parses, calls and returns in under ten lines.
- Query parameters are a frozen pydantic model, every field described: `Annotated[Model, Depends(QueryOf(Model))]`. The
  answer 422 lists all parameters that are unknown, wrong or repeated.
- Answers: `response_model=` documents (a `Closed` model beside the operation, no defaults, every null explained); the
  handler returns a ready `Response`. Which problems it may answer is derived (`http.statuses`). Files:
  `response_class=Response, responses=FILE_RESPONSE`; raw bodies: `openapi_extra=RAW_BODY`.
- Errors are `ServiceError`s, raised where they are found. `request.app.state` has `settings`, `engine`, `keyring`,
  `supervisor`, `readers` (a `SnapshotReader` per tier) and `metrics`; `request.state` has `principal` and
  `request_id`.
- HEAD, 304, compression, CORS and security headers are middleware in front of all routes (`http.middleware`).
- An operation that changes something, or shows single enterprises or branches, is named in `http.auditing`.
- Each model of an answer in JSON has one example: add a request to `ASKED` in `tests/api/examples.py`, write examples
  and document with `python -m tests.api.examples`, and read the difference.
"""
