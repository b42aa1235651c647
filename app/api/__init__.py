"""The HTTP API.

To add operations, write a module here (or a package, as `statistics` is) with a router of `routes.make_router` and
list the router in `app.main.ROUTERS`, the busiest first:

- `router = make_router("/v1/things", "things", READ)`: the full path, one tag (described in `document.TAGS`), and the
  right that all operations need; where they differ, leave it out and give each `dependencies=[WRITE]`. An application
  with a route that declares no right does not start.
- The function's name is the operationId: `list_…`, `get_…`, `export_…`, `create_…`, `replace_…`, `delete_…`, unique.
  Its docstring is the description. It is async, parses, calls and returns in under ten lines.
- Query parameters are a frozen pydantic model, every field described: `Annotated[Model, Depends(QueryOf(Model))]`. What
  is unknown, wrong or given twice is answered by 422 with all of it listed.
- Answers: `response_model=` documents (a `Closed` model below `schemas`, no defaults, null described); the handler
  returns a ready `Response`. The default problem response is there already. Files: `response_class=Response,
  responses=FILE_RESPONSE`; raw bodies: `openapi_extra=RAW_BODY`.
- Errors are `ServiceError`s, raised where they are found. `request.app.state` has `settings`, `engine`, `reader` (the
  shelf of snapshots and what is kept of answers) and `metrics`; `request.state` has `principal` and `request_id`.
- HEAD, 304, compression, CORS and security headers are layers in front of all routes (`layers`).
- Each answer in JSON has an example: add its request to `ASKED` in `tests/api/examples.py`, refresh examples and
  committed document with `python -m tests.api.examples`, and read the difference.
"""
