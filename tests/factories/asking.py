"""Asking the reading half as the HTTP layer does: parameters as text in, the whole answer as JSON out."""

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

from app.catalogue.analyses import Analysis
from app.catalogue.data_quality import QualityRule
from app.catalogue.dimensions import POPULATION, By
from app.catalogue.vocabulary import Basis
from app.config import Settings
from app.publication.breakdown import breakdown_answer
from app.publication.changes import changes_answer
from app.publication.data_quality import data_quality_answer
from app.publication.establishment_gaps import gaps_answer
from app.publication.establishment_proposals import proposals_answer
from app.publication.lists import Answer, list_answer, one_answer
from app.publication.row_cache import RowCache, Source
from app.publication.targets import targets_answer
from app.publication.trends import trend_answer
from app.publication.workplaces import workplaces_answer
from app.snapshots.build import build_snapshot
from app.snapshots.facts import SIZES, Sizes
from app.statistics.changes import ChangesQuestion
from app.statistics.data_quality import DataQualityQuestion
from app.statistics.establishment_gaps import gap_listing
from app.statistics.question import ALL_FIGURES, AsOf, Listing, Order, Page, Population, Question, Relation, Subject
from app.statistics.targets import TargetsQuestion
from app.statistics.trends import CompareTo, TrendQuestion
from app.statistics.workplaces import WorkplacesQuestion
from app.store.shelf import Shelf

Params = dict[str, Any]

BOOLEANS = ("organised", "eligible", "has_members", "reached_by_dual", "include_empty")
TEXTS = ("parent", "within", "level", "kind", "form", "branch")


class Reader:
    """Answers from the snapshots below a root."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.source = Source(Shelf(root), RowCache(10**7))
        self.shelf = self.source.shelf

    def list(self, subject: str, params: Params, snapshot: str, limit: int = 1000) -> dict[str, Any]:
        """The whole list, page by page."""
        question = Question(
            Subject(subject),
            AsOf(snapshot=snapshot),
            population_of(params),
            listing_of(params),
            fields=fields_of(params),
        )
        return whole(lambda cursor: list_answer(self.source, question, page_of(params, limit, cursor)))

    def breakdown(self, params: Params, snapshot: str, limit: int = 1000) -> dict[str, Any]:
        """The whole breakdown, page by page."""
        question = Question(
            Subject.INDUSTRIES, AsOf(snapshot=snapshot), population_of(params), analysis=Analysis.BREAKDOWN,
            by=by_of(params), fields=fields_of(params),
        )  # fmt: skip
        return whole(lambda cursor: breakdown_answer(self.source, question, page_of(params, limit, cursor)))

    def trend(self, params: Params, limit: int = 1000) -> dict[str, Any]:
        """A population, what it is broken down by, enterprises or branches over time, page by page."""
        named = {"enterprise": Subject.ENTERPRISES, "branch": Subject.BRANCHES}
        name = next((name for name in named if name in params), None)
        since, until = (date.fromisoformat(params[name]) if name in params else None for name in ("from", "to"))
        question = TrendQuestion(
            Subject.INDUSTRIES if name is None else named[name], population=population_of(params),
            analysis=Analysis.TRENDS, by=by_of(params), fields=fields_of(params),
            codes=() if name is None else texts(params, name), since=since, until=until,
            compare_to=CompareTo(params["compare_to"]) if "compare_to" in params else None,
        )  # fmt: skip
        return whole(lambda cursor: trend_answer(self.source, question, page_of(params, limit, cursor)))

    def one(self, subject: str, code: str, params: Params, snapshot: str) -> dict[str, Any]:
        """The answer about one subject."""
        question = Question(Subject(subject), AsOf(snapshot=snapshot), population_of(params), fields=fields_of(params))
        answer = one_answer(self.source, question, code)
        return told(answer)

    def workplaces(self, branch: str, params: Params, snapshot: str, limit: int = 1000) -> dict[str, Any]:
        """All places where the members of a branch work, page by page."""
        by = params.get("by", "enterprise")
        question = WorkplacesQuestion(
            Subject.BRANCHES, AsOf(snapshot=snapshot), branch=branch, level=None if by == "enterprise" else By(by)
        )
        return whole(lambda cursor: workplaces_answer(self.source, question, page_of(params, limit, cursor)))

    def gaps(self, params: Params, snapshot: str, limit: int = 1000) -> dict[str, Any]:
        """All enterprises in the establishment gap, page by page."""
        question = Question(
            Subject.ENTERPRISES, AsOf(snapshot=snapshot), population_of(params),
            gap_listing(strict=params.get("strict") == "true"), Analysis.ESTABLISHMENT_GAPS, fields=fields_of(params),
        )  # fmt: skip
        return whole(lambda cursor: gaps_answer(self.source, question, page_of(params, limit, cursor)))

    def proposals(self, params: Params, snapshot: str, limit: int = 1000) -> dict[str, Any]:
        """All establishment proposals, page by page."""
        question = Question(
            Subject.ENTERPRISES, AsOf(snapshot=snapshot), population_of(params),
            analysis=Analysis.ESTABLISHMENT_PROPOSALS,
        )  # fmt: skip
        return whole(lambda cursor: proposals_answer(self.source, question, page_of(params, limit, cursor)))

    def data_quality(self, params: Params, snapshot: str, limit: int = 1000) -> dict[str, Any]:
        """How much each rule finds or, with `rule`, all that it finds, page by page."""
        rule = QualityRule(params["rule"]) if "rule" in params else None
        question = DataQualityQuestion(
            Subject.ENTERPRISES, AsOf(snapshot=snapshot), population_of(params | {"basis": "registered"}),
            analysis=Analysis.DATA_QUALITY, rule=rule,
        )  # fmt: skip
        return whole(lambda cursor: data_quality_answer(self.source, question, page_of(params, limit, cursor)))

    def targets(self, params: Params, snapshot: str, limit: int = 1000) -> dict[str, Any]:
        """All targets that are listed, page by page."""
        due = {name: date.fromisoformat(params[name]) for name in params if name.startswith("due_")}
        question = TargetsQuestion(
            Subject.DISTRICTS, AsOf(snapshot=snapshot), population_of(params), analysis=Analysis.TARGETS,
            state=texts(params, "state"), due_from=due.get("due_from"), due_to=due.get("due_to"),
        )  # fmt: skip
        return whole(lambda cursor: targets_answer(self.source, question, page_of(params, limit, cursor)))

    def changes(self, since: date, as_of: date, params: Params) -> dict[str, Any]:
        """What changed in a population between two dates."""
        by = by_of(params)
        question = ChangesQuestion(
            Subject.INDUSTRIES, AsOf(as_of), population_of(params), analysis=Analysis.CHANGES, since=AsOf(since),
            by=tuple(one for one in by if one.dimension != "industry"),
            strata=next((one for one in by if one.dimension == "industry"), By.SECTION),
        )  # fmt: skip
        return told(changes_answer(self.source, question, Page()))


def told(answer: Answer) -> dict[str, Any]:
    """What an answer says, whole or in pieces."""
    found: dict[str, Any] = json.loads(answer.body if isinstance(answer.body, bytes) else b"".join(answer.body))
    return found


def whole(ask: Callable[[str | None], Answer]) -> dict[str, Any]:
    """All pages of a list as one; `ask` gives the page after a cursor."""
    found: dict[str, Any] = {}
    cursor: str | None = None
    while not found or cursor is not None:
        page = told(ask(cursor))
        cursor = page["next_cursor"]
        found = page | {"data": [*found.get("data", []), *page["data"]]}
    return found


class Asker(Reader):
    """Builds snapshots of one registry and answers from them."""

    def __init__(self, url: str, folder: Path, **settings: Any) -> None:
        self.settings = Settings(_env_file=None, database_url=url, data_dir=folder, **settings)
        super().__init__(self.settings.snapshots_dir / "exact")

    def build(self, as_of: date, sizes: Sizes = SIZES) -> str:
        """Build the snapshot of a date; return its id."""
        return build_snapshot(self.settings, as_of, lambda _phase, _done, _total: None, sizes=sizes).id


def population_of(params: Params) -> Population:
    return Population(Basis(params.get("basis", "operating")), **{name: texts(params, name) for name in POPULATION})


def fields_of(params: Params) -> tuple[str, ...]:
    """The figures asked for; all where none are."""
    return texts(params, "fields") or ALL_FIGURES


def by_of(params: Params) -> tuple[By, ...]:
    given = params.get("by", ())
    return tuple(map(By, (given,) if isinstance(given, str) else given))


def texts(params: Params, name: str) -> tuple[str, ...]:
    """The values of a parameter that may be given several times, in order."""
    given = params.get(name, ())
    return tuple(sorted((given,) if isinstance(given, str) else given))


def listing_of(params: Params) -> Listing:
    named: dict[str, Any] = {name: params.get(name) for name in TEXTS}
    flags: dict[str, Any] = {name: params[name] == "true" for name in BOOLEANS if name in params}
    relation = Relation(params["relation"]) if "relation" in params else None
    return Listing(**named, **flags, relation=relation)


def page_of(params: Params, limit: int, cursor: str | None) -> Page:
    return Page(params.get("sort", "code"), Order(params.get("order", "asc")), texts(params, "status"), limit, cursor)
