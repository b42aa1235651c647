"""Data quality: what each rule finds, in which scope, and that members are counted and never named."""

import csv
from datetime import date
from typing import Any

import pytest

from app.registry.credit_code import is_valid
from tests.documentation.markdown import ROOT
from tests.factories.asking import Asker
from tests.factories.tiny import Tiny

AS_OF = date(2017, 6, 30)

REGISTRY = {
    "enterprises": """
        code,   district_code, industry_code, kind
        never,  wucun,         64,
        stale,  wucun,         64,
        ok,     wucun,         64,
        blank,  jialian,       ,
        nowhere,,              64,
        maybe,  jialian,       64,
        social, jialian,       64,            social_organisation
        jump,   wucun,         86,
        steady, wucun,         86,
        """,
    "returns": """
        enterprise_code, reported_on, operating, headcount, members, full_members, fixed_premises, above_designated_size
        stale,           2015-12-30,  false,     5,         0,       0,            false,          false
        ok,              2017-06-30,  true,      5,         2,       2,            false,          false
        blank,           2017-06-30,  true,      ,          ,        ,             true,           true
        nowhere,         2017-06-30,  true,      5,         1,       1,            false,          false
        maybe,           2017-06-30,  true,      10,        3,       ,             ,
        social,          2017-06-30,  true,      29,        2,       ,             ,               false
        jump,            2016-03-31,  true,      10,        0,       0,            false,          false
        jump,            2016-06-30,  true,      11,        0,       0,            false,          false
        jump,            2016-09-30,  true,      12,        0,       0,            false,          false
        jump,            2016-12-31,  true,      13,        0,       0,            false,          false
        jump,            2017-06-30,  true,      36,        0,       0,            false,          false
        steady,          2016-03-31,  true,      10,        0,       0,            false,          false
        steady,          2016-06-30,  true,      11,        0,       0,            false,          false
        steady,          2016-09-30,  true,      12,        0,       0,            false,          false
        steady,          2016-12-31,  true,      13,        0,       0,            false,          false
        steady,          2017-06-30,  true,      34,        0,       0,            false,          false
        """,
    "branches": """
        code,  kind,   district_code
        small, branch, jialian
        """,
    "members": """
        ref, full_since
        m1,  2002-07-01
        m2,  2002-07-01
        """,
    "employments": """
        member_ref, enterprise_code, end_on
        m1,         ok,
        m2,         ok,              2017-06-30
        """,
}
"""Medians of `jump` and `steady` before: 11.5; 36 is more than three times that (34.5), 34 is not."""

EXPECTED = {
    "return_missing": ["never"],
    "return_stale": ["stale"],  # 18 months before: 2015-12-30, which the window leaves out
    "headcount_unknown": ["blank", "never"],
    "members_unknown": ["blank", "never"],
    "industry_unknown": ["blank"],
    "district_unknown": ["nowhere"],
    "surveyed_undecided": ["blank", "maybe"],  # `social` has fewer than 30 employees: not, whatever its premises
    "eligible_undecided": ["blank", "maybe"],  # `social` has two members: fewer than three full ones
    "above_size_undecided": ["maybe"],
    "register_differs_from_return": ["maybe", "nowhere", "ok", "social"],  # `ok` 1 by the register, the others 0
    "headcount_jump": ["jump"],
    "check_digit_failed": [],
    "branch_below_size": ["small"],
}


@pytest.fixture(scope="module")
def returns(tiny: Tiny) -> tuple[Asker, str]:
    tiny.hold(**REGISTRY)
    asker = Asker(tiny.url, tiny.folder / "quality", member_source="returns")
    return asker, asker.build(AS_OF)


def numbers(page: dict[str, Any]) -> dict[str, int | None]:
    return {row["rule"]: row["number"] for row in page["data"]}


@pytest.mark.parametrize("rule", EXPECTED)
def test_a_rule_finds_what_it_says(returns: tuple[Asker, str], rule: str) -> None:
    asker, snapshot = returns
    found = asker.data_quality({"rule": rule}, snapshot, limit=1)
    assert [row["subject"]["code"] for row in found["data"]] == EXPECTED[rule]
    assert numbers(asker.data_quality({}, snapshot))[rule] == len(EXPECTED[rule])


def test_values_are_given_where_a_rule_has_them(returns: tuple[Asker, str]) -> None:
    asker, snapshot = returns
    stale = asker.data_quality({"rule": "return_stale"}, snapshot)["data"][0]["subject"]
    assert stale["value"] == (AS_OF - date(2015, 12, 30)).days
    assert asker.data_quality({"rule": "headcount_jump"}, snapshot)["data"][0]["subject"]["value"] == 36
    unknown = asker.data_quality({"rule": "industry_unknown"}, snapshot)["data"][0]["subject"]
    assert (unknown["value"], unknown["district_code"], unknown["industry_code"]) == (None, "jialian", None)


def test_members_are_counted_and_never_named(returns: tuple[Asker, str]) -> None:
    asker, snapshot = returns
    assert numbers(asker.data_quality({}, snapshot))["members_without_employer"] == 1  # m2
    assert asker.data_quality({"rule": "members_without_employer"}, snapshot)["data"] == []


def test_findings_are_those_of_the_scope(returns: tuple[Asker, str]) -> None:
    asker, snapshot = returns
    found = numbers(asker.data_quality({"district": "jialian"}, snapshot))
    assert (found["headcount_unknown"], found["return_missing"], found["branch_below_size"]) == (1, 0, 1)
    assert found["members_without_employer"] is None
    apart = [numbers(asker.data_quality({"district": one}, snapshot)) for one in ("jialian", "yunding")]
    together = numbers(asker.data_quality({"district": ["jialian", "yunding"]}, snapshot))
    assert together["headcount_unknown"] == sum(one["headcount_unknown"] or 0 for one in apart)
    nested = numbers(asker.data_quality({"district": ["siming", "jialian"]}, snapshot))
    assert nested == numbers(asker.data_quality({"district": "siming"}, snapshot))
    found = numbers(asker.data_quality({"industry": "I"}, snapshot))
    assert (found["headcount_unknown"], found["district_unknown"], found["headcount_jump"]) == (1, 1, 0)


def test_reporting_rate_is_of_the_registered(returns: tuple[Asker, str]) -> None:
    asker, snapshot = returns
    rate = asker.data_quality({}, snapshot)["reporting_rate"]
    assert (rate["numerator"], rate["denominator"]) == (9 - 2, 9)  # but `never` and `stale`
    rate = asker.data_quality({"district": "wucun"}, snapshot)["reporting_rate"]
    assert (rate["numerator"], rate["denominator"]) == (3, 5)


def test_register_is_held_against_returns_when_members_are_registered(tiny: Tiny) -> None:
    tiny.hold(**REGISTRY)
    asker = Asker(tiny.url, tiny.folder / "register", member_source="register")
    snapshot = asker.build(AS_OF)
    found = {
        row["subject"]["code"]: row["subject"]["value"]
        for row in asker.data_quality({"rule": "register_differs_from_return"}, snapshot)["data"]
    }
    assert found == {"ok": 1 - 2, "nowhere": 0 - 1, "maybe": 0 - 3, "social": 0 - 2}


def test_check_digits_fail_as_the_standard_says(tiny: Tiny) -> None:
    with (ROOT / "tests" / "data" / "credit_code_vectors.csv").open(encoding="utf-8") as file:
        known = [row["code"] for row in csv.DictReader(file)]
    valid = [code for code in known if is_valid(code)]
    broken = [
        code[:pos] + ("1" if code[pos] != "1" else "2") + code[pos + 1 :] for code in valid for pos in (3, 10, 17)
    ]
    codes = sorted({*valid, *broken, valid[0].lower(), "own-1", "91350203M0000000"})
    tiny.hold(enterprises="code\n" + "\n".join(codes))
    asker = Asker(tiny.url, tiny.folder / "codes")
    found = asker.data_quality({"rule": "check_digit_failed"}, asker.build(AS_OF))
    looking = [code for code in codes if len(code) == 18]
    assert [row["subject"]["code"] for row in found["data"]] == [code for code in looking if not is_valid(code)]
    assert len(valid) > 0
    assert valid[0].lower() in {row["subject"]["code"] for row in found["data"]}


def _changed(code: str, place: int) -> str:
    return code[:place] + ("1" if code[place] != "1" else "2") + code[place + 1 :]
