"""From a parsed question to a response: decide the tier, compute the answer with its reader, send the bytes."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from fastapi import Request, Response
from msgspec.structs import replace
from starlette.responses import StreamingResponse

from app.access.principals import Principal, Tier
from app.api.http.auditing import audit_details
from app.api.http.pages import JSON, draft_headers, next_link, statistics_headers
from app.api.statistics.answer_cache import CacheableQuestion, builds_of, cache_answer
from app.api.statistics.parameters import FileOutput, QuestionParameters
from app.api.statistics.reader import reader_of
from app.api.statistics.tiers import districts_of, tier_of_question
from app.catalogue.dimensions import ATTRIBUTES, By
from app.publication.lists import Answer, FileAnswer, file_answer, one_answer
from app.publication.row_cache import Source
from app.publication.table import FlatTable, TableOptions
from app.statistics.changes import ChangesQuestion
from app.statistics.question import AsOf, Page, Question, Subject
from app.statistics.workplaces import WorkplacesQuestion
from app.store.manifest import Manifest

_LIGHT_LIMIT = 200
"""Most rows of a page that are encoded on the event loop."""

AnswerOf = Callable[[Source, Any, Page], Answer]
"""Returns a page of rows for a question."""

TableOf = Callable[[Source, Any, Page, TableOptions], FlatTable]
"""Returns all rows for a question as a table."""

_FIRST_PAGE = Page()

_LONG_LISTS = frozenset({Subject.ENTERPRISES, Subject.BRANCHES})
"""Subjects with possibly more than a million rows."""


async def json_response(
    request: Request, parameters: QuestionParameters, answer: AnswerOf, branch: str | None = None
) -> Response:
    """Return the JSON answer to a question, about a branch in the path if there is one, with a link to the next."""
    question, page = _question(parameters, branch), parameters.page

    def work(source: Source, question: Question) -> Answer:
        return answer(source, question, page)

    light = _is_light(question, page)
    return await _json_response(request, question, work, code=branch, light=light, as_public=parameters.as_public)


def _question(parameters: QuestionParameters, branch: str | None) -> Question:
    question = parameters.question
    return replace(question, branch=branch) if isinstance(question, WorkplacesQuestion) else question


async def one_response(request: Request, subject: Subject, code: str, parameters: QuestionParameters) -> Response:
    """Return the JSON answer about one subject."""
    question = Question(subject, parameters.when, parameters.population, fields=parameters.figures)
    work, light = partial(one_answer, code=code), _is_light(question)
    return await _json_response(request, question, work, code=code, light=light, as_public=parameters.as_public)


async def file_response(
    request: Request, parameters: FileOutput, file_format: str, table: TableOf, branch: str | None = None
) -> Response:
    """Return a whole table, of a branch in the path if there is one, as a file that is written while it is sent."""
    question, options = _question(parameters, branch), parameters.options(file_format)

    tier = await tier_of_question(request, question, branch, as_public=parameters.as_public)
    question = _of_tier(request, question, tier)

    def work(source: Source) -> FileAnswer:
        return file_answer(table(source, question, parameters.page, options.table), options, source.boundaries)

    listed = reader_of(request, tier).shelf.all()
    file = await reader_of(request, tier).run(work, question.when, light=False)
    headers = _headers(request, file, tier, question)
    headers["Content-Disposition"] = f'attachment; filename="{file.filename}"'
    if isinstance(file.body, bytes) and not parameters.as_public:
        _cache(request, file, tier, question, branch, listed)
    return _sent(file.body, headers, file.media_type)


def _sent(body: bytes | Iterator[bytes], headers: dict[str, str], media_type: str) -> Response:
    if isinstance(body, bytes):
        return Response(body, headers=headers, media_type=media_type)
    return StreamingResponse(body, headers=headers, media_type=media_type)


async def _json_response(
    request: Request,
    question: Question,
    work: Callable[..., Answer],
    *,
    code: str | None = None,
    light: bool,
    as_public: bool,
) -> Response:
    tier = await tier_of_question(request, question, code, as_public=as_public)
    question = _of_tier(request, question, tier)
    listed = reader_of(request, tier).shelf.all()
    answer = await reader_of(request, tier).run(partial(work, question=question), question.when, light=light)
    audit_details(request, answer.rows)
    if isinstance(answer.body, bytes) and not as_public:
        _cache(request, answer, tier, question, code, listed)
    headers = _headers(request, answer, tier, question)
    if answer.next_cursor is not None:
        headers["Link"] = next_link(request, answer.next_cursor)
    return _sent(answer.body, headers, JSON)


def _is_precomputed(question: Question) -> bool:
    """Whether precomputed sums answer a question."""
    population = question.population
    return (
        not any(getattr(population, dimension.code) for dimension in ATTRIBUTES)
        and not population.industry_group
        and len(population.district) <= 1
        and len(population.industry) <= 1
        and question.subject not in _LONG_LISTS
        and (question.analysis is None or question.by == (By.BASIS,))
    )


def _is_fixed(question: Question, snapshot: str) -> bool:
    """Whether an answer never changes: its one snapshot was asked for by id. Audited reads are asked for each time."""
    return question.when.snapshot == snapshot and question.subject not in _LONG_LISTS


def _of_tier(request: Request, question: Question, tier: Tier) -> Question:
    """Return a question of protected figures with their ids in place of exact ones, for whoever sees everything."""
    principal: Principal = request.state.principal
    if tier is not Tier.PUBLIC or principal.scope is not None:
        return question
    exact = reader_of(request, Tier.EXACT).shelf
    listed = (*exact.all(), *(exact.drafts.all() if principal.reviews else ()))
    ids = {manifest.id: manifest.public_id or manifest.id for manifest in listed}
    if isinstance(question, ChangesQuestion):
        question = replace(question, since=_renamed(question.since, ids))
    return replace(question, when=_renamed(question.when, ids))


def _renamed(when: AsOf, ids: Mapping[str, str]) -> AsOf:
    return when if when.snapshot is None else replace(when, snapshot=ids.get(when.snapshot, when.snapshot))


def _is_light(question: Question, page: Page = _FIRST_PAGE) -> bool:
    """Whether precomputed sums answer a question, without sorting, and with few rows to encode."""
    in_order = page.sort == "code" and page.limit <= _LIGHT_LIMIT and page.cursor is None
    return in_order and _is_precomputed(question)


def _headers(request: Request, answer: Answer | FileAnswer, tier: Tier, question: Question) -> dict[str, str]:
    if _shows_draft(request, question, tier):
        return draft_headers(request, answer.snapshot, answer.built_at, tier)
    is_fixed = _is_fixed(question, answer.snapshot)
    return statistics_headers(request, answer.snapshot, answer.built_at, tier, is_fixed=is_fixed)


def _shows_draft(request: Request, question: Question, tier: Tier) -> bool:
    principal: Principal = request.state.principal
    dates = (question.since, question.when) if isinstance(question, ChangesQuestion) else (question.when,)
    named = {when.snapshot for when in dates} - {None}
    if not named or not principal.reviews:
        return False
    shelf = reader_of(request, tier).shelf
    released = {manifest.id for manifest in shelf.all()}
    return any(manifest.id in named - released for manifest in shelf.drafts.all())


def _cache(
    request: Request, answer: Answer | FileAnswer, tier: Tier, question: Question, code: str | None,
    listed: Sequence[Manifest],
) -> None:  # fmt: skip
    """Let an answer be cached; one from several snapshots as long as these are `listed`."""
    if question.subject in _LONG_LISTS or _shows_draft(request, question, tier):
        return  # each read of enterprises and branches is audited, and a draft is shown to few
    if answer.single:
        districts = districts_of(question, code, lambda: reader_of(request, tier).shelf.get(answer.snapshot).districts)
        builds = ((answer.snapshot, answer.built_at),)
        cache_answer(request, CacheableQuestion(districts, question.when, tier, builds))
    else:
        districts = districts_of(question, code, lambda: None)
        cache_answer(request, CacheableQuestion(districts, None, tier, builds_of(listed)))
