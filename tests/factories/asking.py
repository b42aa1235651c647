"""Asking the reading half as the HTTP layer does: parameters as text in, the whole answer as JSON out."""

import json
from datetime import date
from pathlib import Path
from typing import Any

from app.catalogue.analyses import Analysis
from app.catalogue.vocabulary import Basis
from app.config import Settings
from app.publication.answers import list_answer, one_answer
from app.publication.bases import bases_answer, bases_question
from app.publication.changes import changes_answer
from app.publication.kept import KeptRows
from app.snapshots.build import build_snapshot
from app.statistics.changes import ChangesQuestion
from app.statistics.question import Listing, Moment, Order, Page, Population, Question, Subject
from app.store.shelf import Shelf

Params = dict[str, str]

POPULATION = ("district", "industry", "industry_group", "enterprise_kind", "ownership", "size_class")
BOOLEANS = ("organised", "eligible", "has_members", "include_empty")
TEXTS = ("parent", "within", "level", "kind", "form")


class Reader:
    """Answers from the snapshots below a root."""

    def __init__(self, root: Path) -> None:
        self.shelf = Shelf(root)
        self.kept = KeptRows(10**7)

    def list(self, subject: str, params: Params, snapshot: str, limit: int = 1000) -> dict[str, Any]:
        """The whole list, page by page."""
        question = Question(Subject(subject), Moment(snapshot=snapshot), population_of(params), listing_of(params))
        whole: dict[str, Any] = {}
        cursor: str | None = None
        while not whole or cursor is not None:
            answer = list_answer(self.shelf, question, page_of(params, limit, cursor), self.kept)
            page = json.loads(answer.body)
            cursor = page["next_cursor"]
            whole = page | {"data": [*whole.get("data", []), *page["data"]]}
        return whole

    def one(self, subject: str, code: str, params: Params, snapshot: str) -> dict[str, Any]:
        """The answer about one subject."""
        moment = Moment(snapshot=snapshot)
        answer = one_answer(self.shelf, Subject(subject), code, moment, population_of(params), self.kept)
        found: dict[str, Any] = json.loads(answer.body)
        return found

    def bases(self, params: Params, snapshot: str) -> dict[str, Any]:
        """One scope in the five bases."""
        found: dict[str, Any] = json.loads(
            bases_answer(self.shelf, bases_question(Moment(snapshot=snapshot), population_of(params)), self.kept).body
        )
        return found

    def changes(self, since: date, as_of: date, params: Params) -> dict[str, Any]:
        """What changed in a population between two dates."""
        question = ChangesQuestion(
            Subject.INDUSTRIES, Moment(as_of), population_of(params), analysis=Analysis.CHANGES, since=Moment(since),
            industry_level=params.get("industry_level", "section"),
        )  # fmt: skip
        found: dict[str, Any] = json.loads(changes_answer(self.shelf, question).body)
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
