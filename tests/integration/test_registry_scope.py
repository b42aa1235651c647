"""What lies inside a scope of districts, and where an enterprise is now, on both engines."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, select

from app.database.engines import make_sync_engine
from app.database.tables import METADATA
from app.registry.territory import Visibility, present_district, seen_with_owners, subtree_codes
from tests.factories.importing import TREES, Registry, day

ENTERPRISE = METADATA.tables["enterprise"]


@pytest.fixture
def connection(migrated_url: str, registry: Registry) -> Iterator[Connection]:
    registry.load(TREES)
    engine = make_sync_engine(migrated_url)
    with engine.connect() as made:
        yield made
    engine.dispose()


@pytest.mark.parametrize(
    ("scope", "inside"),
    [
        (set(), set()),
        ({"3502"}, {"3502", "350203", "350203008", "S1"}),
        ({"350203008"}, {"350203008", "S1"}),
        ({"S1"}, {"S1"}),
        ({"35", "S1"}, {"35", "3502", "350203", "350203008", "S1"}),
        ({"35020", "nowhere"}, set()),
    ],
)
def test_subtrees_hold_what_is_below_their_tops_when_asked(
    connection: Connection, scope: set[str], inside: set[str]
) -> None:
    found = list(connection.scalars(select(subtree_codes(scope).c.code)))
    assert sorted(found) == sorted(inside)


def test_enterprise_is_where_its_latest_return_says_when_that_says_so(
    connection: Connection, registry: Registry
) -> None:
    registry.load(
        {
            "enterprises": "code,name,district_code\nA,甲,3502\nB,乙,3502\nC,丙,3502\nD,丁,",
            "returns": """enterprise_code,reported_on,district_code
                A,2017-01-01,35
                A,2017-06-01,350203
                B,2017-01-01,350203
                B,2017-06-01,""",
        }
    )

    def places(today: str) -> dict[str, str | None]:
        rows = connection.execute(select(ENTERPRISE.c.code, present_district(ENTERPRISE, day(today))))
        return {row.code: row[1] for row in rows}

    assert places("2017-06-01") == {"A": "350203", "B": "3502", "C": "3502", "D": None}
    assert places("2017-05-31") == {"A": "35", "B": "350203", "C": "3502", "D": None}
    assert places("2016-12-31") == {"A": "3502", "B": "3502", "C": "3502", "D": None}


def test_enterprise_of_an_alias_is_found_when_others_are_left_out(connection: Connection, registry: Registry) -> None:
    registry.load({"enterprises": "code,name,district_code\nA,甲,350203008\nB,乙,3502"})
    firm = ENTERPRISE.alias("firm")
    inside = present_district(firm, day("2017-06-01")).in_(select(subtree_codes({"350203"}).c.code))
    assert list(connection.scalars(select(firm.c.code).where(inside))) == ["A"]


def test_a_return_is_seen_where_it_was_filed_when_its_enterprise_is_there_now(
    connection: Connection, registry: Registry
) -> None:
    """A moved from 35 to 350203; B is registered in 350203, and its return says nothing else; C is elsewhere."""
    registry.load(
        {
            "enterprises": "code,name,district_code\nA,甲,3502\nB,乙,350203\nC,丙,3502",
            "returns": """enterprise_code,reported_on,district_code
                A,2017-01-01,35
                A,2017-06-01,350203
                B,2017-01-01,
                C,2017-01-01,3502""",
        }
    )
    returns = METADATA.tables["enterprise_return"]
    every = select(returns.c.enterprise_code, returns.c.reported_on).order_by(*returns.primary_key)

    def seen_by(*scope: str) -> list[tuple[str, str]]:
        visibility = Visibility(frozenset(scope), day("2017-06-30"))
        found = connection.execute(seen_with_owners(every, returns, visibility))
        return [(row.enterprise_code, row.reported_on.isoformat()) for row in found]

    assert seen_by("350203") == [("A", "2017-06-01"), ("B", "2017-01-01")]
    assert seen_by("3502") == [("A", "2017-06-01"), ("B", "2017-01-01"), ("C", "2017-01-01")]
    assert len(seen_by("35")) == 4


def test_a_branch_return_is_seen_where_its_branch_is(connection: Connection, registry: Registry) -> None:
    registry.load(
        {
            "branches": "code,name,kind,district_code\nX,里,branch,350203008\nY,外,branch,35",
            "branch-returns": "branch_code,period_on,meetings\nX,2017-06,1\nY,2017-06,2",
        }
    )
    returns = METADATA.tables["branch_return"]
    visibility = Visibility(frozenset({"350203"}), day("2017-06-30"))
    found = connection.execute(seen_with_owners(select(returns.c.branch_code), returns, visibility))
    assert list(found.scalars()) == ["X"]


def test_a_target_is_seen_where_its_district_is(connection: Connection, registry: Registry) -> None:
    header = "metric,basis,due_on,value,district_code"
    rows = [f"work_coverage,operating,2017-12-31,0.4,{district}" for district in ("350203008", "35", "")]
    registry.load({"targets": "\n".join([header, *rows])})
    targets = METADATA.tables["target"]
    visibility = Visibility(frozenset({"350203"}), day("2017-06-30"))
    found = connection.execute(seen_with_owners(select(targets.c.district_code), targets, visibility))
    assert list(found.scalars()) == ["350203008"]
