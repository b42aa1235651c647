"""Everything that the public tier gives to whoever asks, over HTTP, as statements about cells."""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from math import ceil
from typing import TypeVar

import httpx2
import msgspec
from starlette.testclient import TestClient

from tests.disclosure.answers import (
    DIMENSIONS,
    Change,
    Changes,
    CodePage,
    Compared,
    ComparedPage,
    Figures,
    Meta,
    One,
    OneCode,
    Page,
    Point,
    TargetProgress,
    TargetsPage,
    Trend,
)
from tests.disclosure.document import Asking, Operation, Params, Unknown, operations
from tests.disclosure.files import FORMATS, numbers
from tests.reference.public import INDUSTRY_LEVELS

Asked = frozenset[tuple[str, str]]
"""Conditions that all hold: a dimension (`district`, `industry`, `industry_group`) and a code of it."""

WITHOUT_FIGURES = frozenset(
    {
        "get_catalogue", "get_health", "get_metrics", "get_problem_type", "get_readiness", "get_snapshot",
        "get_template", "list_snapshots",
    }
)  # fmt: skip
"""Operations that say nothing about enterprises: `test_non_interference` compares what they give."""

PUBLIC_METRICS = ("member_ratio", "organisation_coverage", "standalone_rate")
"""Metrics whose targets the public tier lists, of the basis `operating`."""

OF_FILES = ("format", "bom", "lang", "totals")
"""Parameters that files alone take."""

ANSWERED, REFUSED, NOTHING_SAID = {200}, {401, 403}, {404, 422}

AnyPage = TypeVar("AnyPage", bound=Page)


@dataclass(frozen=True)
class Said:
    """A statement: the figures of a cell, less those of some disjoint cells in it.

    Parameters
    ----------
    as_of
        The date that it is about.
    asked, without
        The cell, and those that are taken from it.
    figures
        As they were said; not all measures and ratios need be there.
    """

    as_of: date
    asked: Asked
    without: tuple[Asked, ...]
    figures: Figures


@dataclass(frozen=True)
class Comparison:
    """A statement: how all industries or groups of a cell compare, as asked for by some parameters."""

    as_of: date
    asked: Asked
    params: Params
    rows: tuple[Compared, ...]


@dataclass(frozen=True)
class Account:
    """A statement: what changed in a cell since a date, by industries of a level."""

    since: date
    as_of: date
    asked: Asked
    level: str
    change: Change


Statement = Said | Comparison | Account


class Crawler:
    """Asks without a key.

    Parameters
    ----------
    client
        Of a service on the public tier.
    asking
        What is asked of each operation.
    dates
        The dates of snapshots by their ids; each question is about one of them.
    public
        The codes of each list that are public.

    Attributes
    ----------
    statuses
        How often each operation gave which status.
    """

    def __init__(
        self, client: TestClient, asking: Asking, dates: Mapping[str, date], public: Mapping[str, Collection[str]]
    ) -> None:
        self.client = client
        self.asking = asking
        self.dates = dates
        self.public = public
        self.statuses: defaultdict[str, Counter[int]] = defaultdict(Counter)
        self.readers: dict[str, Callable[[Operation, Params, httpx2.Response], Iterator[Statement]]] = {
            **dict.fromkeys((*DIMENSIONS, "breakdown"), self.of_list),
            "low-membership": self.of_comparison,
            "trends": self.of_trend,
            "changes": self.of_changes,
            "targets": self.of_targets,
        }

    def crawl(self) -> Iterator[Statement]:
        """Ask every operation that the service's own document has.

        Raises
        ------
        Unknown
            An operation says what the crawl cannot read, or never answers what it knows to ask.
        """
        self.operations = operations(self.client.get("/openapi.json").json())
        for operation in self.operations:
            for snapshot in self.dates if operation.takes("snapshot") else (None,):
                yield from self.asked(operation, snapshot)
            if not set(self.statuses[operation.name]) & (ANSWERED | REFUSED):
                raise Unknown(f"{operation.name} only gives {dict(self.statuses[operation.name])}")

    def asked(self, operation: Operation, snapshot: str | None) -> Iterator[Statement]:
        """What an operation says, of one snapshot where it takes one; whoever lacks the right asks once."""
        for question in self.asking.questions(operation):
            params = with_defaults(operation, question, snapshot)
            answer = self.send(operation, params)
            if answer.status_code in ANSWERED:
                yield from self.read(operation, params, answer)
            elif answer.json()["type"] == "/problems/right-missing":
                return
            elif operation.method != "get":
                raise Unknown(f"{operation.name} changes something, and needs no right")

    def send(self, operation: Operation, params: Params) -> httpx2.Response:
        """Ask one question."""
        url = operation.url(params)
        answer = self.client.request(operation.method, url, headers={"Accept-Encoding": "identity"})
        assert answer.status_code in ANSWERED | REFUSED | NOTHING_SAID, (url, answer.text)
        self.statuses[operation.name][answer.status_code] += 1
        return answer

    def read(self, operation: Operation, params: Params, answer: httpx2.Response) -> Iterator[Statement]:
        """What an answer says."""
        try:
            if "{format}" in operation.path:
                self.hold_file(operation, params, answer)
            elif operation.path.startswith("/v1/statistics/") and operation.subject in self.readers:
                yield from self.readers[operation.subject](operation, params, answer)
            elif operation.subject in DIMENSIONS:
                self.hold_public(operation, answer)
            elif operation.name not in WITHOUT_FIGURES:
                raise Unknown(f"{operation.name} answers: the crawl does not know what it says")
        except msgspec.ValidationError as error:
            raise Unknown(f"{operation.name} says what the crawl cannot read: {error}") from error

    def of_list(self, operation: Operation, params: Params, answer: httpx2.Response) -> Iterator[Statement]:
        """What the answer about one subject says, or a list."""
        if "{code}" in operation.path:
            one = msgspec.json.decode(answer.content, type=One)
            assert one.data.codes == {DIMENSIONS[operation.subject]: params["code"]}
            asked = conditions(operation, params).union(one.data.codes.items())
            yield Said(self.date_of(params, one.meta), asked, (), one.data)
        else:
            yield from self.of_page(operation, params, self.whole(operation, params, answer, Page))

    def of_page(self, operation: Operation, params: Params, page: Page) -> Iterator[Said]:
        """What a list says: its rows, their total, and what is in none of them."""
        as_of, scope = self.date_of(params, page.meta), conditions(operation, params)
        asked = tuple(scope.union(row.codes.items()) for row in page.data)
        yield from (Said(as_of, one, (), row) for one, row in zip(asked, page.data, strict=True))
        yield Said(as_of, scope, (), page.total)
        if page.unallocated is not None:
            yield Said(as_of, scope, asked, page.unallocated)

    def whole(self, operation: Operation, params: Params, answer: httpx2.Response, type_: type[AnyPage]) -> AnyPage:
        """The whole list that begins with an answer, as one page."""
        page = first = msgspec.json.decode(answer.content, type=type_)
        rows = list(first.data)
        while page.next_cursor is not None:
            following = self.send(operation, params | {"cursor": page.next_cursor})
            page = msgspec.json.decode(following.content, type=type_)
            assert (page.total, page.unallocated) == (first.total, first.unallocated)
            rows += page.data
        assert first.meta.rows == len(rows)
        hold_order(params, rows)
        return msgspec.structs.replace(first, data=rows)

    def of_comparison(self, operation: Operation, params: Params, answer: httpx2.Response) -> Iterator[Statement]:
        """What a list of low membership says: that of any list, and how its rows compare."""
        page = self.whole(operation, params, answer, ComparedPage)
        yield from self.of_page(operation, params, page)
        if "status" not in params:  # else rows that are not shown are in each q
            yield Comparison(self.date_of(params), conditions(operation, params), params, tuple(page.data))

    def of_trend(self, operation: Operation, params: Params, answer: httpx2.Response) -> Iterator[Statement]:
        """What a trend says: the figures of a cell, or of each row, at several dates, and what changed."""
        points: list[Point] = []
        while True:
            page = msgspec.json.decode(answer.content, type=Trend)
            points += page.data
            if page.next_cursor is None:
                break
            answer = self.send(operation, params | {"cursor": page.next_cursor})
        scope = conditions(operation, params)
        hold_changes(points, params.get("compare_to"))
        for point in points:
            assert self.dates[point.snapshot] == point.as_of
            yield Said(point.as_of, scope.union(point.codes.items()), (), point)

    def of_changes(self, operation: Operation, params: Params, answer: httpx2.Response) -> Iterator[Statement]:
        """What changed between two dates."""
        changes = msgspec.json.decode(answer.content, type=Changes)
        as_of, since = self.date_of(params, changes.meta), changes.meta.since.as_of
        by, scope = params.get("by", ()), conditions(operation, params)
        chosen = (by,) if isinstance(by, str) else by
        level = next((one for one in chosen if one in INDUSTRY_LEVELS), "section")
        rows = changes.data if isinstance(changes.data, list) else []
        for row in rows:
            yield Account(since, as_of, scope | {("district", row.district.code)}, level, row)
        total = changes.total if isinstance(changes.data, list) else changes.data
        assert total is not None
        yield Account(since, as_of, scope, level, total)
        assert changes.unallocated is None or changes.unallocated.ratio is None

    def of_targets(self, operation: Operation, params: Params, answer: httpx2.Response) -> Iterator[Said]:
        """What targets say: the figure of each cell; what is missing follows from it."""
        page = msgspec.json.decode(answer.content, type=TargetsPage)
        targets = page.data
        while page.next_cursor is not None:
            page = msgspec.json.decode(
                self.send(operation, params | {"cursor": page.next_cursor}).content, type=TargetsPage
            )
            targets += page.data
        as_of = self.date_of(params, page.meta)
        for one in targets:
            assert (one.metric in PUBLIC_METRICS, one.basis) == (True, "operating")
            assert one.missing == missing(one)
            codes = {name: getattr(one, name) for name in DIMENSIONS.values()}
            asked = frozenset((name, subject.code) for name, subject in codes.items() if subject is not None)
            yield Said(as_of, asked, (), Figures(rates={one.metric: one.current}))

    def hold_file(self, operation: Operation, params: Params, answer: httpx2.Response) -> None:
        """Hold that a file has no number that the JSON of the same question has not."""
        if params["format"] not in FORMATS:
            raise Unknown(f"the crawl does not read {params['format']}")
        listing = next(one for one in self.operations if f"{one.path}.{{format}}" == operation.path)
        plain = with_defaults(listing, {name: value for name, value in params.items() if name not in OF_FILES}, None)
        known = [numbers(FORMATS["records"](page)) for page in self.contents(listing, plain)]
        found = numbers(FORMATS[params["format"]](answer.content)).difference(*known)
        assert not found, (operation.url(params), sorted(found)[:5])

    def contents(self, operation: Operation, params: Params) -> Iterator[bytes]:
        """All pages of an answer."""
        answer = self.send(operation, params)
        assert answer.status_code in ANSWERED, (operation.url(params), answer.text)
        content = answer.content
        yield content
        while cursor := msgspec.json.decode(content).get("next_cursor"):
            content = self.send(operation, params | {"cursor": cursor}).content
            yield content

    def date_of(self, params: Params, meta: Meta | None = None) -> date:
        """The date that was asked for, which the answer must be about."""
        as_of = self.dates[params["snapshot"]] if "snapshot" in params else date.fromisoformat(params["as_of"])
        assert meta is None or (meta.as_of, self.dates[meta.snapshot]) == (as_of, as_of)
        return as_of

    def hold_public(self, operation: Operation, answer: httpx2.Response) -> None:
        """Hold that lists of codes have public codes only, and nothing besides names and places in the tree."""
        if "{code}" in operation.path:
            found = [msgspec.json.decode(answer.content, type=OneCode).data]
        else:
            found = msgspec.json.decode(answer.content, type=CodePage).data
        assert {one.code for one in found} <= set(self.public[operation.subject])


def missing(target: TargetProgress) -> int | None:
    """How many more in the numerator would meet a target, of what is said beside it."""
    said = target.current
    if said.numerator is None or said.denominator is None or said.value is None or said.status == "unreliable":
        return None
    return max(0, ceil(Fraction(repr(target.value)) * said.denominator) - said.numerator)


def hold_changes(points: Sequence[Point], compare_to: str | None) -> None:
    """Hold that changes are differences of figures that are there too."""
    earlier: dict[str, list[Point]] = defaultdict(list)
    for point in points:
        known = earlier[str(point.codes)]
        if point.change is not None and known:
            before = known[0] if compare_to == "first" else known[-1]
            for name, change in point.change.counts.items():
                after, other = point.counts[name], before.counts[name]
                assert change is None or (after is not None and other is not None and change == after - other)
            for name, difference in point.change.rates.items():
                now, then = point.rates[name].value, before.rates[name].value
                assert difference is None or (now is not None and then is not None and difference == now - then)
        known.append(point)


def with_defaults(operation: Operation, question: Params, snapshot: str | None) -> Params:
    """A question about a snapshot, if not about another already, and for long pages, if not for short ones."""
    defaults = {"limit": "1000"} if operation.takes("limit") else {}
    if snapshot is not None and "as_of" not in question:
        defaults["snapshot"] = snapshot
    return defaults | question


def conditions(operation: Operation, params: Params) -> Asked:
    """Whom an answer is about: the population that was asked for, at or below the node whose parts are listed."""
    asked = {(name, params[name]) for name in DIMENSIONS.values() if name in params}
    top = params.get("parent", params.get("within"))
    return frozenset(asked if top is None else asked | {(DIMENSIONS.get(operation.subject, "district"), top)})


def hold_order(params: Params, rows: Sequence[Figures]) -> None:
    """Hold that rows are in the order of their codes where they are sorted by what they do not say."""
    sort = params.get("sort", "code")
    said = {row.counts.get(sort, row.rates[sort].value if sort in row.rates else sort) for row in rows}
    codes = [[code.encode() for code in row.codes.values()] for row in rows]
    if said == {None}:
        assert codes == sorted(codes), params
