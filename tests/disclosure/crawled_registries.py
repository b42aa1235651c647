"""Registries that are published, and all that a crawler gets of them."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from random import Random

from starlette.testclient import TestClient

from app.main import create_app
from tests.disclosure.crawl import Account, Asked, Comparison, Crawler, Said, Statement
from tests.disclosure.document import Asking
from tests.disclosure.ledger import Ledger, Tables, explain_account
from tests.disclosure.publishing import Publisher
from tests.disclosure.schemes import Release
from tests.factories.loading import fill
from tests.factories.rounded import write_key
from tests.reference.public import PublicReference
from tests.reference.registry import Registry, Row
from tests.reference.rounding import Place

WHOLE = {"list_district_statistics": ("industry", "industry_group")}
"""What gives all cells: the districts of each industry and of each group."""

Cells = dict[Asked, int]
"""Members of each cell, as they were said."""


@dataclass(frozen=True)
class CrawledRegistry:
    """A registry at some dates.

    Parameters
    ----------
    key
        The rounding key, which attackers do not have.
    releases
        What is true of each date.
    tables
        The subjects that are public.
    crawled
        What the public tier gave of each date.
    statuses
        How often each operation gave which status.
    """

    key: bytes
    releases: tuple[Release, ...]
    tables: Tables
    crawled: tuple[Cells, ...]
    statuses: Mapping[str, Counter[int]]

    @property
    def published(self) -> list[dict[Place, int]]:
        """The members that show right at each place, at each date."""
        return [own_sums(cells, self.tables) for cells in self.crawled]


@dataclass(frozen=True)
class Effort:
    """How much is asked.

    Parameters
    ----------
    most
        Values of one parameter.
    mixed
        Questions with several parameters, of each operation and snapshot.
    limits
        Lengths of pages.
    """

    most: int
    mixed: int
    limits: tuple[str, ...]


def publish(
    url: str, folder: Path, key: bytes, registry: Registry, dates: Sequence[date], source: str, effort: Effort
) -> CrawledRegistry:
    """Publish a registry at some dates, and crawl it."""
    fill(url, registry)
    write_key(folder / "key", key)
    publisher = Publisher(url, folder, folder / "key", member_source=source)
    ledgers = {day: Ledger(PublicReference(registry, day, key, member_source=source)) for day in dates}
    ids = {publisher.build(day): day for day in dates}
    first = next(iter(ledgers.values()))
    with TestClient(create_app(publisher.settings)) as client:
        crawler = Crawler(client, asking(first, ids, effort), ids, first.tables.codes)
        crawled = gather(crawler, ledgers)
    releases = tuple(release_of(ledger.reference) for ledger in ledgers.values())
    return CrawledRegistry(key, releases, first.tables, crawled, crawler.statuses)


def asking(ledger: Ledger, ids: Mapping[str, date], effort: Effort) -> Asking:
    """What is asked about a registry: whoever crawls knows all codes; where there is nobody, a few are enough."""
    registry = ledger.reference.when.registry
    occupied = {code for asked in ledger.cells for _, code in asked}
    codes = {
        subject: [*(code for code in known if code in occupied), *[code for code in known if code not in occupied][:3]]
        for subject, known in ledger.tables.codes.items()
    } | {
        "enterprises": [one["code"] for one in registry["enterprises"]],
        "branches": [one["code"] for one in registry["branches"]],
    }
    days = [day.isoformat() for day in ids.values()]
    others = {
        "snapshot": list(ids),
        "since_snapshot": list(ids),
        "id": [*ids, "1"],
        "as_of": days,
        "since": days,
        "from": days,
        "to": days,
        "due_from": days,
        "due_to": days,
        "limit": effort.limits,
        "problems": ["exact-only"],
    }
    return Asking(codes, others, Random(0), effort.most, effort.mixed, WHOLE)


def gather(crawler: Crawler, ledgers: Mapping[date, Ledger]) -> tuple[Cells, ...]:
    """Take every statement, and hold that it says nothing but sums of rounded values and facts about firms."""
    found: dict[date, Cells] = {day: {} for day in ledgers}
    for said in crawler.crawl():
        explain(ledgers, said)
        if isinstance(said, Said) and "members" in said.figures.counts and not said.without:
            found[said.as_of][said.asked] = said.figures.counts["members"] or 0
    for day, ledger in ledgers.items():
        crossed = {asked for asked in ledger.cells if not any(name == "industry_group" for name, _ in asked)}
        assert crossed <= set(found[day]), "not all cells were asked for"
    return tuple(found.values())


def explain(ledgers: Mapping[date, Ledger], said: Statement) -> None:
    """Hold that a statement follows from rounded values and facts about firms."""
    if isinstance(said, Account):
        explain_account(ledgers[said.since], ledgers[said.as_of], said)
    elif isinstance(said, Comparison):
        ledgers[said.as_of].explain_comparison(said)
    else:
        ledgers[said.as_of].explain(said)


def release_of(reference: PublicReference) -> Release:
    """What is true of a moment, and how many members branches imply."""
    implied = {firm.code: implied_by({one["means"] for one in firm.organising}) for firm in reference.firms.values()}
    return Release(reference.when.as_of, tuple(reference.units), implied)


def implied_by(means: set[str]) -> int:
    """Members that ways to be organised imply: three by a branch of its own, one by a joint one."""
    return 3 if "standalone" in means else int("joint" in means)


def own_sums(cells: Cells, tables: Tables) -> dict[Place, int]:
    """What shows right at each place: a cell less all cells right below it, those counted twice given back."""
    own: defaultdict[tuple[str | None, str | None], int] = defaultdict(int)
    for asked, count in cells.items():
        codes = dict(asked)
        district, industry = codes.get("district"), codes.get("industry")
        if len(asked) == len(codes) and "industry_group" not in codes:
            for higher, sign in ((district, 1), *((one, -1) for one in above(tables.districts, district))):
                for wider, other in ((industry, 1), *((one, -1) for one in above(tables.industries, industry))):
                    own[higher, wider] += sign * other * count
    found = {(district or "", industry): count for (district, industry), count in own.items() if count}
    assert all(district for district, _ in found), "somebody shows nowhere"
    return found


def above(tree: dict[str, Row], code: str | None) -> list[str | None]:
    """The node above a node, None for a root; nothing above all of it."""
    return [] if code is None else [tree[code]["parent_code"]]
