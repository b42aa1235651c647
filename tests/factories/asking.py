"""Asking the reading half as the HTTP layer does: parameters as text in, the whole answer as JSON out."""

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

from app.catalogue.analyses import Analysis
from app.catalogue.data_quality import QualityRule
from app.catalogue.vocabulary import Basis
from app.config import Settings
from app.publication.changes import changes_answer
from app.publication.data_quality import data_quality_answer
from app.publication.establishment_gaps import gaps_answer
from app.publication.lists import (
    Answer,
    bases_answer,
    bases_question,
    cross_table_answer,
    cross_table_question,
    list_answer,
    one_answer,
)
from app.publication.row_cache import RowCache, Source
from app.publication.trends import trend_answer
from app.snapshots.build import build_snapshot
from app.statistics.changes import ChangesQuestion
from app.statistics.data_quality import DataQualityQuestion
from app.statistics.establishment_gaps import gap_listing
from app.statistics.question import AsOf, Listing, Order, Page, Population, Question, Subject
from app.statistics.trends import TrendQuestion
from app.store.shelf import Shelf

Params = dict[str, str]

POPULATION = ("district", "industry", "industry_group", "enterprise_kind", "ownership", "size_class")
BOOLEANS = ("organised", "eligible", "has_members", "include_empty")
TEXTS = ("parent", "within", "level", "kind", "form")


class Reader:
    """Answers from the snapshots below a root."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.source = Source(Shelf(root), RowCache(10**7))
        self.shelf = self.source.shelf

    def list(self, subject: str, params: Params, snapshot: str, limit: int = 1000) -> dict[str, Any]:
        """The whole list, page by page."""
        question = Question(Subject(subject), AsOf(snapshot=snapshot), population_of(params), listing_of(params))
        return whole(lambda cursor: list_answer(self.source, question, page_of(params, limit, cursor)))

    def cross_table(self, params: Params, snapshot: str, limit: int = 1000) -> dict[str, Any]:
        """The whole table of districts by industries, page by page."""
        question = cross_table_question(
            AsOf(snapshot=snapshot), population_of(params), params.get("within"), params["district_level"],
            params.get("industry_level"),
        )  # fmt: skip
        return whole(lambda cursor: cross_table_answer(self.source, question, page_of(params, limit, cursor)))

    def trend(self, params: Params, *metrics: str) -> dict[str, Any]:
        """A population, an enterprise or a branch over time."""
        named = {"enterprise": Subject.ENTERPRISES, "branch": Subject.BRANCHES}
        subject, code = next(((named[name], params[name]) for name in named if name in params), (None, None))
        since, until = (date.fromisoformat(params[name]) if name in params else None for name in ("from", "to"))
        question = TrendQuestion(
            subject or Subject.INDUSTRIES, population=population_of(params), analysis=Analysis.TRENDS, code=code,
            metrics=metrics, since=since, until=until,
        )  # fmt: skip
        found: dict[str, Any] = json.loads(trend_answer(self.source, question, Page()).body)
        return found

    def one(self, subject: str, code: str, params: Params, snapshot: str) -> dict[str, Any]:
        """The answer about one subject."""
        question = Question(Subject(subject), AsOf(snapshot=snapshot), population_of(params))
        answer = one_answer(self.source, question, code)
        found: dict[str, Any] = json.loads(answer.body)
        return found

    def bases(self, params: Params, snapshot: str) -> dict[str, Any]:
        """One scope in the five bases."""
        found: dict[str, Any] = json.loads(
            bases_answer(self.source, bases_question(AsOf(snapshot=snapshot), population_of(params)), Page()).body
        )
        return found

    def gaps(self, params: Params, snapshot: str, limit: int = 1000) -> dict[str, Any]:
        """All enterprises in the establishment gap, page by page."""
        question = Question(
            Subject.ENTERPRISES, AsOf(snapshot=snapshot), population_of(params),
            gap_listing(strict=params.get("strict") == "true"), Analysis.ESTABLISHMENT_GAPS,
        )  # fmt: skip
        return whole(lambda cursor: gaps_answer(self.source, question, page_of(params, limit, cursor)))

    def data_quality(self, params: Params, snapshot: str, limit: int = 1000) -> dict[str, Any]:
        """How much each rule finds or, with `rule`, all that it finds, page by page."""
        rule = QualityRule(params["rule"]) if "rule" in params else None
        question = DataQualityQuestion(
            Subject.ENTERPRISES, AsOf(snapshot=snapshot), population_of(params | {"basis": "registered"}),
            analysis=Analysis.DATA_QUALITY, rule=rule,
        )  # fmt: skip
        return whole(lambda cursor: data_quality_answer(self.source, question, page_of(params, limit, cursor)))

    def changes(self, since: date, as_of: date, params: Params) -> dict[str, Any]:
        """What changed in a population between two dates."""
        question = ChangesQuestion(
            Subject.INDUSTRIES, AsOf(as_of), population_of(params), analysis=Analysis.CHANGES, since=AsOf(since),
            industry_level=params.get("industry_level", "section"),
        )  # fmt: skip
        found: dict[str, Any] = json.loads(changes_answer(self.source, question, Page()).body)
        return found


def whole(ask: Callable[[str | None], Answer]) -> dict[str, Any]:
    """All pages of a list as one; `ask` gives the page after a cursor."""
    found: dict[str, Any] = {}
    cursor: str | None = None
    while not found or cursor is not None:
        page = json.loads(ask(cursor).body)
        cursor = page["next_cursor"]
        found = page | {"data": [*found.get("data", []), *page["data"]]}
    return found


class Asker(Reader):
    """Builds snapshots of one registry and answers from them."""

    def __init__(self, url: str, folder: Path, **settings: Any) -> None:
        self.settings = Settings(_env_file=None, database_url=url, data_dir=folder, **settings)
        super().__init__(self.settings.snapshots_dir / "exact")

    def build(self, as_of: date) -> str:
        """Build the snapshot of a date; return its id."""
        return build_snapshot(self.settings, as_of, lambda _phase, _done, _total: None).id


def population_of(params: Params) -> Population:
    return Population(Basis(params.get("basis", "operating")), **{name: params.get(name) for name in POPULATION})


def listing_of(params: Params) -> Listing:
    texts: dict[str, Any] = {name: params.get(name) for name in TEXTS}
    flags: dict[str, Any] = {name: params[name] == "true" for name in BOOLEANS if name in params}
    return Listing(**texts, **flags)


def page_of(params: Params, limit: int, cursor: str | None) -> Page:
    return Page(params.get("sort", "code"), Order(params.get("order", "asc")), limit, cursor)
