"""Taking the good rows of a file: who is left out, and what then follows."""

import pytest

from tests.factories.importing import Registry, day, told

START = "member_ref,enterprise_code,start_on,end_on"
BELONG = "member_ref,branch_code,role,start_on,end_on"
BRANCH = "code,name,kind,district_code,parent_code"


def test_bad_rows_are_left_out_and_the_rest_is_taken_when_skipped(peopled: Registry) -> None:
    text = f"{START}\nm1,A,2017-01-01,\nm2,X,2017-01-01,\nm3,A,2017-13-01,\nm9,A,2017-01-01,\nm2,A,2017-01-01,"
    taken = peopled.take("employments", text, on_error="skip")
    assert told(taken.issues) == [
        (3, "enterprise_code", "unknown_code"),
        (4, "start_on", "invalid_date"),
        (5, "member_ref", "unknown_code"),
        (None, None, "member_source_change"),
    ]
    assert (taken.result.inserted, taken.result.errors, taken.result.warnings) == (2, 3, 1)
    assert peopled.rows("employment", "member_ref") == [("m1",), ("m2",)]


def test_descendants_are_left_out_too_when_their_ancestor_is(peopled: Registry) -> None:
    rows = "a,某,branch,nowhere,\nb,某,branch,35,a\nc,某,branch,35,b\nd,某,branch,35,c\ne,某,branch,35,"
    taken = peopled.take("branches", f"{BRANCH}\n{rows}", on_error="skip")
    assert told(taken.issues) == [
        (2, "district_code", "unknown_code"),
        *((row, "parent_code", "unknown_code") for row in (3, 4, 5)),
    ]
    assert taken.result.inserted == 1
    assert ("e",) in peopled.rows("branch", "code")


def test_all_rows_of_a_conflict_are_left_out_when_skipped(peopled: Registry) -> None:
    rows = "m1,A,2017-01-01,\nm1,B,2017-06-01,\nm2,A,2017-01-01,2017-06-01\nm2,B,2017-06-01,"
    taken = peopled.take("employments", f"{START}\n{rows}", on_error="skip")
    assert (taken.result.inserted, taken.result.errors) == (2, 2)
    assert peopled.rows("employment", "member_ref") == [("m2",), ("m2",)]


def test_a_row_is_taken_when_what_it_conflicts_with_is_wrong_by_itself(peopled: Registry) -> None:
    taken = peopled.take("employments", f"{START}\nm1,X,2017-01-01,\nm1,B,2017-06-01,", on_error="skip")
    assert (taken.result.inserted, taken.result.errors) == (1, 1)
    assert peopled.rows("employment", "enterprise_code") == [("B",)]


def test_both_rows_of_a_key_are_left_out_when_one_is_bad_anyhow(peopled: Registry) -> None:
    rows = "A,甲二,2000-01-01,1999-01-01\nA,甲三,,\nD,丁,,"
    taken = peopled.take("enterprises", f"code,name,registered_on,closed_on\n{rows}", on_error="skip")
    assert told(taken.issues) == [
        (2, "closed_on", "closed_before_registered"),
        (2, "code", "duplicate_key"),
        (3, "code", "duplicate_key"),
    ]
    assert peopled.rows("enterprise", "code", "name") == [("A", "甲"), ("B", "乙"), ("C", "丙"), ("D", "丁")]


def test_new_employer_is_left_out_when_the_row_that_ends_the_old_one_is(peopled: Registry) -> None:
    peopled.load({"employments": f"{START}\nm1,A,2017-01-01,"})
    rows = "m1,A,2017-01-01,2016-01-01\nm1,B,2017-06-01,"
    taken = peopled.take("employments", f"{START}\n{rows}", on_error="skip")
    assert told(taken.issues) == [(2, "end_on", "empty_interval"), (3, "enterprise_code", "second_employer")]
    assert peopled.rows("employment", "enterprise_code", "end_on") == [("A", None)]


def test_the_whole_cycle_is_left_out_and_what_hangs_below_it(peopled: Registry) -> None:
    rows = "a,某,branch,35,b\nb,某,branch,35,a\nc,某,branch,35,a\nd,某,branch,35,J"
    taken = peopled.take("branches", f"{BRANCH}\n{rows}", on_error="skip")
    assert told(taken.issues) == [
        (2, "parent_code", "cycle"),
        (3, "parent_code", "cycle"),
        (4, "parent_code", "unknown_code"),
    ]
    assert taken.result.inserted == 1


def test_group_is_left_out_when_it_is_named_in_two_ways(peopled: Registry) -> None:
    text = "group_code,name_zh,industry_code\ng,组,64\ng,组二,65\nh,好,64"
    assert peopled.result("industry-groups", text, on_error="skip").inserted == 1
    assert peopled.rows("industry_group", "code") == [("h",), ("internet",)]


def test_latest_good_row_gives_the_enterprise_when_the_latest_is_left_out(peopled: Registry) -> None:
    rows = "A,甲二,2016-12-31,\nA,甲三,2017-06-30,nowhere\nA,甲四,2015-06-30,"
    taken = peopled.take("ledger", f"code,name,reported_on,district_code\n{rows}", on_error="skip")
    assert (taken.result.inserted, taken.result.errors) == (2, 1)
    assert ("A", "甲二") in peopled.rows("enterprise", "code", "name")


def test_key_stays_with_what_it_needs_when_deletion_skips_it(peopled: Registry) -> None:
    peopled.load({"affiliations": f"{BELONG}\nm1,F1,primary,2017-01-01,"})
    taken = peopled.take("branches", "code\nJ\nF1\nR", mode="delete", on_error="skip")
    assert sorted(told(taken.issues)) == [(2, "code", "still_referred_to"), (3, "code", "still_referred_to")]
    assert taken.result.deleted == 1
    assert peopled.rows("branch", "code") == [("F1",), ("J",)]


def test_nothing_is_taken_when_replacing_would_remove_what_is_referred_to(peopled: Registry) -> None:
    peopled.load({"employments": f"{START}\nm1,A,2017-01-01,"})
    assert peopled.problems("enterprises", "code,name\nB,乙\nD,丁", mode="replace", on_error="skip") == [
        (None, "code", "still_referred_to")
    ]


def test_what_is_there_stays_when_its_row_is_left_out_of_a_replacement(peopled: Registry) -> None:
    rows = "A,甲二,2000-01-01,1999-01-01\nB,乙二,,"
    text = f"code,name,registered_on,closed_on\n{rows}"
    result = peopled.result("enterprises", text, mode="replace", on_error="skip")
    assert (result.changed, result.deleted, result.errors) == (1, 1, 1)
    assert peopled.rows("enterprise", "code", "name", "registered_on") == [
        ("A", "甲", day("2010-01-01")),
        ("B", "乙二", None),
    ]


@pytest.mark.parametrize("on_error", ["skip", "reject"])
def test_nothing_goes_when_no_row_of_a_replacement_is_good(peopled: Registry, on_error: str) -> None:
    text = "code,name,district_code\n/,某,\nX,某,nowhere"
    if on_error == "reject":
        assert len(peopled.problems("enterprises", text, mode="replace")) == 2
    else:
        assert peopled.result("enterprises", text, mode="replace", on_error="skip").deleted == 0
    assert len(peopled.rows("enterprise", "code")) == 3
