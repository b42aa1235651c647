"""Time: half-open intervals, the latest return, windows of months, and the dates that can be asked for."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from app.config import Settings
from app.snapshots.build import build_snapshot
from app.snapshots.dates import FutureDate, refuse_future
from app.snapshots.facts import months_before
from tests.factories.tiny import Figures, Tiny, picked

QUARTER = {
    "enterprises": """
        code,  closed_on,  district_code
        old,   ,           wucun
        new,   ,           wucun
        moved, ,           huli
        shut,  2017-06-30, wucun
        """,
    "returns": """
        enterprise_code, reported_on, district_code, headcount
        moved,           2017-03-31,  wucun,         10
        moved,           2017-06-30,  jialian,       12
        """,
    "members": """
        ref, full_since
        m,   2001-07-01
        """,
    "employments": """
        member_ref, enterprise_code, start_on,   end_on
        m,          old,             2015-03-01, 2017-06-30
        m,          new,             2017-06-30,
        """,
}
"""A member changes from `old` to `new`, `moved` reports from another street, `shut` closes: all on 30 June."""


@pytest.fixture(scope="module")
def quarter(tiny: Tiny) -> tuple[Figures, Figures]:
    """Give the figures of the day before and of the day itself."""
    tiny.hold(**QUARTER)
    return tiny.at("2017-06-29"), tiny.at("2017-06-30")


def test_a_member_counts_once_per_date_when_the_employer_changes(quarter: tuple[Figures, Figures]) -> None:
    before, after = quarter
    for figures, at_old, at_new in ((before, 1, 0), (after, 0, 1)):
        members = figures.column("enterprises", "members", basis="registered")
        assert (members["old"], members["new"]) == (at_old, at_new)
        assert figures.counts("districts", "wucun", "members", basis="registered") == (at_old + at_new,)
        assert figures.counts("districts", "xiamen", "members", basis="registered") == (1,)


def test_one_joined_and_one_left_at_every_level_when_the_employer_changes_below_it(
    quarter: tuple[Figures, Figures],
) -> None:
    _, after = quarter
    for subject, code in (("districts", "wucun"), ("districts", "fujian")):
        assert after.counts(subject, code, "members_joined members_left", basis="registered") == (1, 1)
    assert after.counts("enterprises", "old", "members_joined members_left") == (0, 1)
    assert after.counts("enterprises", "new", "members_joined members_left") == (1, 0)


def test_a_firm_moves_with_the_date_of_its_return_when_it_reports_from_another_street(
    quarter: tuple[Figures, Figures],
) -> None:
    before, after = quarter
    assert before.column("districts", "headcount", parent="siming") == {"wucun": 10}
    assert after.column("districts", "headcount", parent="siming") == {"jialian": 12}
    assert before.counts("districts", "huli", "headcount") == after.counts("districts", "huli", "headcount") == (0,)


def test_a_firm_is_out_when_the_date_is_that_of_its_closing_and_in_the_day_before(
    quarter: tuple[Figures, Figures],
) -> None:
    before, after = quarter
    assert "shut" in before.column("enterprises", "members", basis="registered")
    assert "shut" not in after.column("enterprises", "members", basis="registered")
    assert before.counts("districts", "siming", "enterprises", basis="registered") == (2 + 1 + 1,)
    assert after.counts("districts", "siming", "enterprises", basis="registered") == (2 + 1,)


@pytest.mark.parametrize(
    ("day", "months", "bound"),
    [
        ("2017-08-31", 18, "2016-02-29"),  # that February has 29 days
        ("2017-08-31", 12, "2016-08-31"),
        ("2016-02-29", 12, "2015-02-28"),  # that February has 28
        ("2016-02-29", 48, "2012-02-29"),
        ("2017-02-28", 12, "2016-02-28"),  # the same day, not the month's last
        ("2017-03-31", 1, "2017-02-28"),
        ("2017-01-31", 2, "2016-11-30"),
        ("2017-12-31", 12, "2016-12-31"),
        ("0001-05-31", 18, "0001-01-01"),  # no earlier day can be written
    ],
)
def test_the_bound_is_the_last_of_the_month_when_the_same_day_does_not_exist(day: str, months: int, bound: str) -> None:
    assert months_before(date.fromisoformat(day), months) == date.fromisoformat(bound)


WINDOWS = {
    "2017-08-31": ("2016-02-29", "2016-08-31"),  # less 18 months, less 12
    "2016-02-29": ("2014-08-29", "2015-02-28"),
}


@pytest.mark.parametrize("as_of", WINDOWS)
def test_a_fact_is_in_the_window_when_after_its_bound_and_up_to_the_date(tiny: Tiny, as_of: str) -> None:
    bounds = [date.fromisoformat(day) for day in WINDOWS[as_of]]
    return_bound, flow_bound = (str(day) for day in bounds)
    return_first, flow_first = (str(day + timedelta(days=1)) for day in bounds)
    after = str(date.fromisoformat(as_of) + timedelta(days=1))
    figures = tiny.hold(
        enterprises="""
            code,  district_code
            bound, wucun
            first, jialian
            last,  jiangtou
            after, siming
            """,
        returns=f"""
            enterprise_code, reported_on
            bound,           {return_bound}
            first,           {return_first}
            last,            {as_of}
            after,           {after}
            """,
        members="""
            ref
            in-bound
            in-first
            in-last
            in-after
            out-bound
            out-first
            out-last
            out-after
            """,
        employments=f"""
            member_ref, enterprise_code, start_on,     end_on
            in-bound,   bound,           {flow_bound},
            in-first,   first,           {flow_first},
            in-last,    last,            {as_of},
            in-after,   after,           {after},
            out-bound,  bound,           2010-01-01,   {flow_bound}
            out-first,  first,           2010-01-01,   {flow_first}
            out-last,   last,            2010-01-01,   {as_of}
            out-after,  after,           2010-01-01,   {after}
            """,
    ).at(as_of)
    for measure in ("members_joined", "members_left"):
        flows = figures.column("enterprises", measure, basis="registered")
        assert flows == {"bound": 0, "first": 1, "last": 1, "after": 0}
    reporting = figures.column("districts", "enterprises_reporting", level="street", basis="registered")
    assert reporting == {"wucun": 0, "jialian": 1, "jiangtou": 1}
    assert figures.counts("districts", "siming", "enterprises_reporting", basis="registered") == (0 + 1 + 0,)


SPELLS = {
    "enterprises": """
        code
        A
        B
        """,
    "members": """
        ref,       joined_on,  left_on,    identity
        hidden,    ,           ,           withheld
        stays,     ,
        pauses,    ,
        changes,   ,
        enters,    2017-02-01,
        leaves,    ,           2017-02-01
        passes,    2017-02-01, 2017-03-01
        too-late,  2017-02-01,
        too-early, ,           2017-02-01
        """,
    "employments": """
        member_ref, enterprise_code, start_on,   end_on
        hidden,     B,               2017-02-01, 2017-03-01
        hidden,     A,               2017-03-01,
        stays,      A,               2010-01-01, 2017-03-01
        stays,      A,               2017-03-01,
        pauses,     A,               2010-01-01, 2017-03-01
        pauses,     A,               2017-03-02,
        changes,    A,               2010-01-01, 2017-03-01
        changes,    B,               2017-03-01,
        enters,     A,               2010-01-01,
        leaves,     A,               2010-01-01,
        passes,     A,               2010-01-01,
        too-late,   A,               2010-01-01, 2017-02-01
        too-early,  A,               2017-02-01,
        """,
}


def test_joined_and_left_count_when_employment_and_membership_together_begin_and_cease(tiny: Tiny) -> None:
    figures = tiny.hold(**SPELLS).at()
    # Joined A: pauses (again), enters, passes. Left A: pauses, changes, leaves, passes. Whoever was a member only
    # before or after the employment, as too-late and too-early, never was a member there; nor does hidden show.
    assert figures.counts("enterprises", "A", "members_joined members_left") == (1 + 1 + 1, 1 + 1 + 1 + 1)
    assert figures.counts("enterprises", "B", "members_joined members_left") == (1, 0)
    assert figures.column("enterprises", "members", basis="registered") == {"A": 3, "B": 1}  # stays, pauses, enters


def test_all_is_empty_when_the_date_is_before_anything_recorded(tiny: Tiny) -> None:
    tiny.hold(
        enterprises="""
            code, registered_on, district_code
            A,    2010-01-01,    wucun
            """
    )
    page = tiny.at("2009-12-31").page("districts", level="county", basis="registered")
    assert page["data"] == []
    assert picked(page["total"]["counts"], "enterprises members headcount") == (0, 0, 0)
    assert page["total"]["rates"]["organisation_coverage"]["status"] == "not_applicable"


def test_a_date_is_refused_when_in_the_future(tiny: Tiny, tmp_path: Path) -> None:
    settings = Settings(database_url=tiny.url, data_dir=tmp_path)
    refuse_future(settings, settings.today())
    tomorrow = settings.today() + timedelta(days=1)
    with pytest.raises(FutureDate):
        build_snapshot(settings, tomorrow, lambda *_: None)
    assert not list(tmp_path.glob("snapshots/*/*"))


def test_today_is_another_day_when_the_time_zone_is_far_away() -> None:
    earliest = Settings(time_zone="Etc/GMT+12").today()  # the two are 26 hours apart, and so at least a day
    assert Settings(time_zone="Pacific/Kiritimati").today() > earliest
