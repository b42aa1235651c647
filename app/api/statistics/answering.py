"""From a parsed question to a response: the tier is decided, its desk asked, and the bytes sent as they are."""

from collections.abc import Callable
from urllib.parse import urlencode

from fastapi import Request, Response
from starlette.responses import StreamingResponse

from app.access.principals import Tier
from app.api.http.auditing import audit_details
from app.api.http.pages import JSON, statistics_headers
from app.api.statistics.answer_cache import CacheableQuestion, cache_answer
from app.api.statistics.reader import SnapshotReader
from app.api.statistics.tiers import districts_of, tier_of_question
from app.publication.files import FileOptions
from app.publication.lists import Answer, FileAnswer, file_answer, list_answer, one_answer
from app.statistics.question import AsOf, Page, Population, Question, Subject

_LIGHT_LIMIT = 200
"""Rows of a page that may be encoded on the event loop, at most."""

_FIRST_PAGE = Page()

_LONG_LISTS = frozenset({Subject.ENTERPRISES, Subject.BRANCHES})
"""Subjects of which there may be more than a million."""


async def list_response(request: Request, question: Question, page: Page) -> Response:
    """Return one page of a list, with a link to the next."""
    light = _is_light(question, page)
    return await answered(
        request, question, lambda reader: list_answer(reader.shelf, question, page, reader.row_cache), light=light
    )


async def one_response(request: Request, subject: Subject, code: str, when: AsOf, population: Population) -> Response:
    """Return the answer about one subject."""
    question = Question(subject, when, population)
    return await answered(
        request,
        question,
        lambda reader: one_answer(reader.shelf, subject, code, when, population, reader.row_cache),
        code=code,
        light=_is_light(question),
    )


async def file_response(request: Request, question: Question, page: Page, options: FileOptions) -> Response:
    """Return a whole list as a file, written while it is sent."""
    return await filed(request, question, lambda reader: file_answer(reader.shelf, question, page, options))


async def answered(
    request: Request,
    question: Question,
    work: Callable[[SnapshotReader], Answer],
    *,
    code: str | None = None,
    light: bool = False,
) -> Response:
    """Return what the desk of the question's tier answers.

    Parameters
    ----------
    question
        Decides the tier, and when the answer may be kept.
    work
        Computes the answer.
    code
        Of the subject in the path, where there is one.
    light
        Whether it takes a millisecond at most.
    """
    tier = await tier_of_question(request, question, code)
    reader = _reader(request, tier)
    answer = await reader.ask(lambda: work(reader), question.when, light=light)
    response = _response(request, answer, tier, question, code)
    if answer.next_cursor is not None:
        response.headers["Link"] = f'<{_next_page(request, answer.next_cursor)}>; rel="next"'
    return response


async def filed(
    request: Request, question: Question, work: Callable[[SnapshotReader], FileAnswer], *, code: str | None = None
) -> Response:
    """Return the file that the desk of the question's tier gives, written while it is sent; parameters as above."""
    tier = await tier_of_question(request, question, code)
    reader = _reader(request, tier)
    file = await reader.ask(lambda: work(reader), question.when, light=False)
    headers = statistics_headers(request, file.snapshot, file.built_at, tier)
    headers["Content-Disposition"] = f'attachment; filename="{file.filename}"'
    return StreamingResponse(file.chunks, headers=headers, media_type=file.media_type)


def is_plain(question: Question) -> bool:
    """Whether sums that are ready answer a question."""
    population = question.population
    return (
        population.enterprise_kind is None
        and population.ownership is None
        and population.size_class is None
        and population.industry_group is None
        and question.subject not in _LONG_LISTS
    )


def _reader(request: Request, tier: Tier) -> SnapshotReader:
    reader: SnapshotReader = request.app.state.readers[tier]
    return reader


def _is_light(question: Question, page: Page = _FIRST_PAGE) -> bool:
    """Whether sums that are ready answer a question, in the order in which they stand, with few rows to encode."""
    in_order = page.sort == "code" and page.limit <= _LIGHT_LIMIT and page.cursor is None
    return in_order and is_plain(question)


def _response(request: Request, answer: Answer, tier: Tier, question: Question, code: str | None = None) -> Response:
    audit_details(request, answer.rows)
    if answer.single and question.subject not in _LONG_LISTS:  # each read of enterprises and branches is audited
        districts = districts_of(question, code, lambda: _reader(request, tier).shelf.get(answer.snapshot).districts)
        cache_answer(request, CacheableQuestion(districts, question.when, tier, answer.snapshot, answer.built_at))
    headers = statistics_headers(request, answer.snapshot, answer.built_at, tier)
    return Response(answer.body, headers=headers, media_type=JSON)


def _next_page(request: Request, cursor: str) -> str:
    asked = [(name, value) for name, value in request.query_params.multi_items() if name != "cursor"]
    return f"{request.scope['path']}?{urlencode([*asked, ('cursor', cursor)])}"
