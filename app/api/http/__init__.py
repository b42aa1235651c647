"""The HTTP machinery that has nothing to do with statistics: middleware, authorization, limits, problems.

FastAPI has the routes, the document and the validation of bodies. Six bypasses around it make an answer cheap: a page
is ready in about 200 µs, a cached one in about 10 µs, so what a framework spends on each request decides how many are
answered. All six leave the OpenAPI document as it is, and the tests hold every answer against the models in it.
Figures are processor time of one request in process; those with a star were measured on a busy machine, where all is
about twice as slow.

- *Direct calls* (`routing.direct_handler`): FastAPI finds the arguments of a handler anew for each request, and opens
  two exit stacks around it. A handler that takes the request, texts of the path and one parameter model is called
  directly. Saves about 110 µs.
- *One model per query* (`parameters.QueryOf`): FastAPI validates parameters one by one, pydantic a model in one step.
  Saves about 150 µs of a request with 17 parameters.
- *Plain routes* (`routing.mount`): the application has the routes themselves. `include_router` asks twice per request
  whether a router matches. Saves up to 75 µs at the end of 60 routes.
- *Ready bytes*: handlers return a `Response`, and `response_model` only documents. `app.publication` encodes columns
  with msgspec. Saves the validating and encoding by the model, 900 µs* for a page of ten rows (44 KB).
- *Answers from memory* (`AnswerCache` in `app.api.statistics`): an answer that was given before is sent again, in
  front of all other middleware, the handler and the encoding. Who asks, the tier and the newest snapshot are decided
  anew each time. Costs 20 µs*; behind all middleware, beside the handler, it would cost 90 µs*.
- *Middleware outside FastAPI's own* (`middleware.Service.outermost`): the accounting of requests and the answers from
  memory stand outside FastAPI's outermost layers. Saves 2 µs*, a tenth of a cached answer.

No other part of the service goes around FastAPI.
"""
