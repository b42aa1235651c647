"""What is told and taken all the same."""

import numpy as np
import pytest

from app.imports.rules.warnings import outliers
from tests.factories.importing import Registry, told

START = "member_ref,enterprise_code,start_on,end_on"
WINDOW = "code,name,registered_on,closed_on"


def warned(registry: Registry, dataset: str, text: str) -> list[tuple[int | None, str | None, str]]:
    taken = registry.take(dataset, text)
    assert taken.result.errors == 0
    return [problem for problem in told(taken.issues) if problem[2] != "member_source_change"]


def test_days_outside_the_registration_are_told_when_rows_come_in(peopled: Registry) -> None:
    peopled.load({"enterprises": f"{WINDOW}\nA,甲,2010-01-01,2016-01-01"})
    rows = "A,2009-12-31\nA,2010-01-01\nA,2015-12-31\nA,2016-01-01\nB,1990-01-01"
    rule = "return_outside_registration"
    assert warned(peopled, "returns", f"enterprise_code,reported_on\n{rows}") == [
        (2, "reported_on", rule),
        (5, "reported_on", rule),
    ]
    rows = "m1,A,2009-12-31,2010-06-01\nm1,A,2015-06-01,2016-01-01\nm2,A,2015-06-01,\nm3,A,2012-01-01,2016-01-02"
    rule = "employment_outside_registration"
    assert warned(peopled, "employments", f"{START}\n{rows}") == [
        (2, "start_on", rule),
        (4, "start_on", rule),
        (5, "start_on", rule),
    ]


def test_days_outside_the_registration_are_told_when_the_enterprise_changes(peopled: Registry) -> None:
    returns = "enterprise_code,reported_on\nA,2012-01-01\nA,2016-01-01"
    peopled.load({"employments": f"{START}\nm1,A,2012-01-01,", "returns": returns})
    told_of_both = [(2, "code", "return_outside_registration"), (2, "code", "employment_outside_registration")]
    assert warned(peopled, "enterprises", f"{WINDOW}\nA,甲二,2010-01-01,") == []
    assert warned(peopled, "enterprises", f"{WINDOW}\nA,甲,2010-01-01,2016-01-01") == told_of_both
    assert warned(peopled, "enterprises", f"{WINDOW}\nA,甲二,2010-01-01,2016-01-01") == []
    ledger = "code,name,registered_on,reported_on,headcount\nA,甲,2013-01-01,2012-01-01,7"
    own = (2, "reported_on", "return_outside_registration")
    assert warned(peopled, "ledger", ledger) == [*told_of_both, own]


def test_months_outside_the_life_of_a_branch_are_told_from_either_side(peopled: Registry) -> None:
    life = "code,name,kind,district_code,established_on,dissolved_on"
    peopled.load({"branches": f"{life}\nR,社区,branch,350203008,2016-05-25,2017-03-01"})
    rule, rows = "branch_return_outside_life", "R,2016-04,1\nR,2016-05,1\nR,2017-02,0\nR,2017-03,2\nF1,1990-01,1"
    assert warned(peopled, "branch-returns", f"branch_code,period_on,meetings\n{rows}") == [
        (2, "period_on", rule),
        (5, "period_on", rule),
    ]
    assert warned(peopled, "branches", f"{life}\nR,社区,branch,350203008,2016-04-30,2017-03-02") == []
    assert warned(peopled, "branches", f"{life}\nR,社区,branch,350203008,2016-05-01,2017-02-01") == [(2, "code", rule)]


def test_members_above_headcount_are_told_when_the_registry_has_the_headcount(peopled: Registry) -> None:
    peopled.load({"returns": "enterprise_code,reported_on,headcount\nA,2017-01-01,5"})
    assert warned(peopled, "returns", "enterprise_code,reported_on,members\nA,2017-01-01,6") == [
        (2, "members", "members_above_headcount")
    ]


def test_headcount_is_told_when_it_jumps_against_other_returns(peopled: Registry) -> None:
    header = "enterprise_code,reported_on,headcount"
    peopled.load({"returns": f"{header}\nA,2015-01-01,10\nA,2015-02-01,11\nA,2015-03-01,9\nA,2015-04-01,"})
    assert warned(peopled, "returns", f"{header}\nA,2015-05-01,100") == []
    assert warned(peopled, "returns", f"{header}\nA,2015-05-01,10") == []
    jumping = [(3, "headcount", "headcount_jump"), (5, "headcount", "headcount_jump")]
    rows = "A,2015-06-01,12\nA,2016-01-01,33\nA,2016-02-01,30\nA,2016-03-01,3\nB,2016-01-01,1"
    assert warned(peopled, "returns", f"{header}\n{rows}") == jumping


def test_headcount_is_judged_with_the_file_as_the_registry_would_be(peopled: Registry) -> None:
    header = "enterprise_code,reported_on,headcount"
    rows = [f"A,2015-0{month}-01,{count}" for month, count in enumerate((10, 10, 10, 10, 1000), 1)]
    assert warned(peopled, "returns", "\n".join([header, *rows])) == [(6, "headcount", "headcount_jump")]
    assert warned(peopled, "returns", f"{header}\nA,2015-05-01,10\nA,2015-01-01,11") == []


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((10, 10, 10, 31), ()),  # three others
        ((10, 10, 10, 10, 30), ()),  # 3 times, not more
        ((10, 10, 10, 10, 31), (4,)),  # median absolute deviation 0: the factor alone
        ((30, 30, 30, 30, 10), ()),
        ((31, 31, 31, 31, 10), (4,)),
        ((10, 10, 10, 10, 0), (4,)),
        ((0, 0, 0, 0, 1), (4,)),
        ((0, 0, 0, 0, 0), ()),
        ((10, 20, 30, 40, 80), (4,)),  # median 25, deviation 10, score .6745 * 55 / 10 = 3.709…, factor 3.2
        ((10, 20, 30, 40, 76), ()),  # factor 3.04, but score .6745 * 51 / 10 = 3.439…
    ],
)
def test_values_jump_when_far_and_unlikely(values: tuple[int, ...], expected: tuple[int, ...]) -> None:
    flags = outliers(np.zeros(len(values), np.int64), np.array(values, np.int64))
    assert tuple(np.flatnonzero(flags)) == expected


def test_member_source_is_told_when_auto_would_choose_another(peopled: Registry) -> None:
    first = peopled.take("employments", f"{START}\nm1,A,2017-01-01,\nm2,A,2016-01-01,2016-02-01")
    assert first.result.member_source == "register"
    assert told(first.issues) == [(None, None, "member_source_change")]
    assert peopled.result("employments", f"{START}\nm3,A,2017-01-01,").member_source is None
    ended = f"{START}\nm1,A,2017-01-01,2017-02-01"
    assert peopled.result("employments", ended).member_source is None
    left = "ref,joined_on,left_on\nm3,2012-07-01,2017-06-01"
    assert peopled.result("members", left, dry_run=True).member_source == "returns"
    assert peopled.result("members", left).member_source == "returns"


def test_codes_that_differ_by_case_alone_are_told_in_the_file_and_in_the_registry(peopled: Registry) -> None:
    rule = "case_variant"
    assert warned(peopled, "enterprises", "code,name\na,甲\nX1,丁\nx1,戊\nD,丙") == [
        (2, "code", rule),
        (3, "code", rule),
        (4, "code", rule),
    ]
    assert warned(peopled, "enterprises", "code,name\na,甲二\nA,甲二") == []
    assert warned(peopled, "branches", "code,name,kind,district_code\nj,支部,branch,350203") == [(2, "code", rule)]
    assert warned(peopled, "ledger", "code,name,reported_on\nd,丙,2017-06-30") == [(2, "code", rule)]
