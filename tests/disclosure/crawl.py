"""Everything that the public tier gives to whoever asks, cell by cell, and what a place's own sums are in it."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

import msgspec
from starlette.testclient import TestClient

from tests.reference.registry import Row
from tests.reference.rounding import Place

Key = tuple[str | None, str | None, str | None]
"""District, industry, industry group; None = not asked."""

GIVEN = frozenset(
    {
        "enterprises",
        "enterprises_organised",
        "enterprises_standalone",
        "members",
        "members_matched",
        "headcount",
        "headcount_matched",
    }
)
RATED = frozenset({"member_ratio", "organisation_coverage", "standalone_rate"})


class Subject(msgspec.Struct):
    """What a row is about."""

    code: str


class Rate(msgspec.Struct, frozen=True):
    """One ratio of a row."""

    value: float | None
    numerator: int | None
    denominator: int | None
    low: float | None
    high: float | None
    status: str


class Figures(msgspec.Struct):
    """One row of a page, or its total."""

    counts: dict[str, int | None]
    rates: dict[str, Rate]
    district: Subject | None = None
    industry: Subject | None = None
    industry_group: Subject | None = None


class Page(msgspec.Struct):
    """One page of a list."""

    data: list[Figures]
    total: Figures
    next_cursor: str | None


@dataclass(frozen=True)
class Tables:
    """The subjects that are public: every district, industry and group by its row of the registry's tables."""

    districts: dict[str, Row]
    industries: dict[str, Row]
    groups: tuple[str, ...]


class Crawler:
    """Asks the public tier of one snapshot over HTTP.

    Parameters
    ----------
    client
        Without a key.
    snapshot
        Id of a public snapshot.
    """

    def __init__(self, client: TestClient, snapshot: str) -> None:
        self.client = client
        self.snapshot = snapshot

    def pages(self, subject: str, params: dict[str, str]) -> Iterator[Page]:
        """Every page of a list."""
        asked = params | {"snapshot": self.snapshot, "limit": "1000"}
        cursor: str | None = ""
        while cursor is not None:
            query = urlencode(asked | ({"cursor": cursor} if cursor else {}))
            answer = self.client.get(f"/v1/statistics/{subject}?{query}", headers={"Accept-Encoding": "identity"})
            assert answer.status_code == 200, answer.text
            page = msgspec.json.decode(answer.content, type=Page)
            cursor = page.next_cursor
            yield page

    def cells(self, tables: Tables, districts: Sequence[str]) -> Iterator[tuple[Key, Figures]]:
        """Every cell of each industry and group by district, and of some districts by industry and group once more."""
        for industry in (None, *tables.industries):
            yield from self.listed("districts", {"industry": industry})
        for group in tables.groups:
            yield from self.listed("districts", {"industry_group": group})
        for district in (None, *districts):
            yield from self.listed("industries", {"district": district})
            yield from self.listed("industry-groups", {"district": district})

    def listed(self, subject: str, asked: dict[str, str | None]) -> Iterator[tuple[Key, Figures]]:
        """All rows of a list, and its total, by what they are of."""
        params = {name: code for name, code in asked.items() if code is not None}
        for page in self.pages(subject, params):
            yield key_of(asked), page.total
            for row in page.data:
                yield key_of(asked | named(row)), row


def named(row: Figures) -> dict[str, str | None]:
    """The dimension of a row, and its code."""
    subjects = {"district": row.district, "industry": row.industry, "industry_group": row.industry_group}
    return {name: subject.code for name, subject in subjects.items() if subject is not None}


def key_of(asked: dict[str, str | None]) -> Key:
    """What is asked for, in order."""
    return asked.get("district"), asked.get("industry"), asked.get("industry_group")


def own_sums(members: dict[tuple[str | None, str | None], int], tables: Tables) -> dict[Place, int]:
    """What shows right at each place: a cell less all cells right below it, those counted twice given back.

    Parameters
    ----------
    members
        Members of each district and industry; None = all. Cells not given are empty.
    tables
        The trees.
    """
    own: defaultdict[tuple[str | None, str | None], int] = defaultdict(int)
    for (district, industry), count in members.items():
        district_above = above(tables.districts, district)
        industry_above = above(tables.industries, industry)
        for higher, sign in ((district, 1), *((one, -1) for one in district_above)):
            for wider, other in ((industry, 1), *((one, -1) for one in industry_above)):
                own[higher, wider] += sign * other * count
    found = {(district or "", industry): count for (district, industry), count in own.items() if count}
    assert all(district for district, _ in found), "somebody shows nowhere"
    return found


def above(tree: dict[str, Row], code: str | None) -> list[str | None]:
    """The node above a node, None for a root; nothing above all of it."""
    return [] if code is None else [tree[code]["parent_code"]]


def members_by_cell(cells: Iterable[tuple[Key, Figures]]) -> dict[tuple[str | None, str | None], int]:
    """Members of each cell of districts and industries."""
    return {key[:2]: members_of(figures) for key, figures in cells if key[2] is None}


def members_of(figures: Figures) -> int:
    """The members of a cell."""
    members = figures.counts["members"]
    assert members is not None
    return members
