"""Every rule between rows: what it refuses, at which row and column, and what it lets pass."""

import pytest

from app.imports.issues import RowIssue
from app.imports.load import ImportRejected
from tests.factories.importing import Registry

Problem = tuple[int | None, str | None, str]

START = "member_ref,enterprise_code,start_on,end_on"
BELONG = "member_ref,branch_code,role,start_on,end_on"


@pytest.mark.parametrize(
    ("dataset", "text", "problem"),
    [
        ("districts", "code,parent_code,level,name_zh\nX,nowhere,street,某", (2, "parent_code", "unknown_code")),
        ("industries", "code,parent_code,level,name_zh\nX,nowhere,class,某", (2, "parent_code", "unknown_code")),
        ("industry-groups", "group_code,name_zh,industry_code\ng,组,0", (2, "industry_code", "unknown_code")),
        ("enterprises", "code,name,district_code\nX,某,0", (2, "district_code", "unknown_code")),
        ("enterprises", "code,name,industry_code\nX,某,0", (2, "industry_code", "unknown_code")),
        ("enterprises", "code,name,supersedes\nX,某,0", (2, "supersedes", "unknown_code")),
        ("returns", "enterprise_code,reported_on\nX,2017-01-01", (2, "enterprise_code", "unknown_code")),
        ("returns", "enterprise_code,reported_on,district_code\nA,2017-01-01,0", (2, "district_code", "unknown_code")),
        ("returns", "enterprise_code,reported_on,industry_code\nA,2017-01-01,0", (2, "industry_code", "unknown_code")),
        ("ledger", "code,name,reported_on,industry_code\nX,某,2017-01-01,0", (2, "industry_code", "unknown_code")),
        ("branches", "code,name,kind,district_code\nX,某,branch,0", (2, "district_code", "unknown_code")),
        (
            "branches",
            "code,name,kind,district_code,parent_code\nX,某,branch,35,0",
            (2, "parent_code", "unknown_code"),
        ),
        (
            "branches",
            "code,name,kind,district_code,industry_code\nX,某,branch,35,0",
            (2, "industry_code", "unknown_code"),
        ),
        (
            "branches",
            "code,name,kind,district_code,industry_group\nX,某,branch,35,0",
            (2, "industry_group", "unknown_code"),
        ),
        ("coverage", "enterprise_code,means,start_on\n0,liaison,2017-01-01", (2, "enterprise_code", "unknown_code")),
        (
            "coverage",
            "enterprise_code,branch_code,means,start_on\nA,0,joint,2017-01-01",
            (2, "branch_code", "unknown_code"),
        ),
        ("employments", f"{START}\n0,A,2017-01-01,", (2, "member_ref", "unknown_code")),
        ("employments", f"{START}\nm1,0,2017-01-01,", (2, "enterprise_code", "unknown_code")),
        ("affiliations", f"{BELONG}\n0,R,primary,2017-01-01,", (2, "member_ref", "unknown_code")),
        ("affiliations", f"{BELONG}\nm1,0,primary,2017-01-01,", (2, "branch_code", "unknown_code")),
    ],
)
def test_unknown_code_is_refused_when_nothing_has_it(
    peopled: Registry, dataset: str, text: str, problem: Problem
) -> None:
    assert peopled.problems(dataset, text) == [problem]


def test_closest_codes_are_offered_when_a_code_is_unknown(peopled: Registry) -> None:
    firm = rejected(peopled, "enterprises", "code,name,district_code\nX,某,35020300")
    assert [(issue.message, set(issue.suggestions) >= {"350203", "350203008"}) for issue in firm] == [
        ("is not in districts", True)
    ]
    many = rejected(
        peopled, "enterprises", "code,name,district_code\n" + "".join(f"X{n},某,35020{n}\n" for n in range(120))
    )
    assert [bool(issue.suggestions) for issue in many] == [True] * 100 + [False] * 19
    job = rejected(peopled, "employments", f"{START}\nm10,A,2017-01-01,")
    assert [(issue.value, issue.suggestions) for issue in job] == [(None, ())]


def test_rows_that_refer_to_it_are_named_when_what_they_refer_to_would_go(peopled: Registry) -> None:
    peopled.load({"affiliations": f"{BELONG}\nm1,J,primary,2017-01-01,"})
    issues = rejected(peopled, "branches", "code\nJ", mode="delete")
    assert [issue.message for issue in issues] == [
        "branches refer to it: 1 rows (F1)",
        "affiliations refer to it: 1 rows",
    ]
    peopled.load(
        {
            "branches": "code,name,kind,parent_code,district_code\n"
            + "".join(f"G{n:02},某,branch,J,35\n" for n in range(11))
        }
    )
    first, _ = rejected(peopled, "branches", "code\nJ", mode="delete")
    assert first.message == f"branches refer to it: 12 rows (F1, {', '.join(f'G{n:02}' for n in range(9))}, …)"
    assert peopled.result("branches", "code\nF1", mode="delete").deleted == 1
    first, _ = rejected(peopled, "branches", "code\nJ\nG00", mode="delete")
    assert first.message == f"branches refer to it: 10 rows ({', '.join(f'G{n:02}' for n in range(1, 11))})"


def rejected(registry: Registry, dataset: str, text: str, **options: str) -> tuple[RowIssue, ...]:
    with pytest.raises(ImportRejected) as refused:
        registry.take(dataset, text, **options)
    return refused.value.imported.issues


def test_every_problem_is_told_when_rows_have_several(peopled: Registry) -> None:
    rows = "X,2017-01-01,0,1\nA,2999-01-01,350203,-1\nB,2017-01-01,0,1"
    assert peopled.problems("returns", f"enterprise_code,reported_on,district_code,headcount\n{rows}") == [
        (2, "district_code", "unknown_code"),
        (2, "enterprise_code", "unknown_code"),
        (3, "headcount", "invalid_count"),
        (3, "reported_on", "future_return"),
        (4, "district_code", "unknown_code"),
    ]


def test_rows_below_a_bad_row_are_not_told_again_when_refused(registry: Registry) -> None:
    text = "code,parent_code,level,name_zh\n35,,provinz,福建省\n3502,35,city,厦门市"
    assert registry.problems("districts", text) == [(2, "level", "invalid_choice")]


@pytest.mark.parametrize(
    ("dataset", "text", "column"),
    [
        ("enterprises", "code,name\nX,甲\nY,乙\nX,丙", "code"),
        ("ledger", "code,name,reported_on\nX,甲,2017-01-01\nX,甲,2017-06-30\nX,乙,2017/1/1", "code"),
        (
            "coverage",
            "enterprise_code,branch_code,means,start_on\nA,,liaison,2017-01-01\nA,J,liaison,2017-01-01\nA,,联络员,2017-01-01",
            "enterprise_code",
        ),
        ("industry-groups", "group_code,name_zh,industry_code\ng,组,64\ng,组,65\ng,组,64", "group_code"),
    ],
)
def test_same_key_is_refused_when_it_stands_twice(peopled: Registry, dataset: str, text: str, column: str) -> None:
    assert peopled.problems(dataset, text) == [(2, column, "duplicate_key"), (4, column, "duplicate_key")]


def test_group_is_refused_when_its_rows_name_it_differently(peopled: Registry) -> None:
    text = "group_code,name_zh,industry_code\ng,组,64\nh,别,64\ng,组二,65"
    assert peopled.problems("industry-groups", text) == [
        (2, "name_zh", "conflicting_names"),
        (4, "name_zh", "conflicting_names"),
    ]


@pytest.mark.parametrize(
    ("dataset", "keys", "column"),
    [
        ("districts", "code\n3502", "code"),
        ("districts", "code\n350203008", "code"),
        ("industries", "code\nI", "code"),
        ("industries", "code\n64", "code"),
        ("enterprises", "code\nA", "code"),
        ("branches", "code\nJ", "code"),
        ("members", "ref\nm1", "ref"),
    ],
)
def test_key_is_kept_when_something_refers_to_it(peopled: Registry, dataset: str, keys: str, column: str) -> None:
    peopled.load({"employments": f"{START}\nm1,A,2017-01-01,"})
    assert set(peopled.problems(dataset, keys, mode="delete")) == {(2, column, "still_referred_to")}


def test_group_is_kept_when_a_branch_names_it(peopled: Registry) -> None:
    peopled.load({"branches": "code,name,kind,district_code,industry_group\nX,某,branch,35,internet"})
    keys = "group_code,industry_code\ninternet,64\ninternet,65"
    assert peopled.problems("industry-groups", keys, mode="delete") == [
        (2, "group_code", "still_referred_to"),
        (3, "group_code", "still_referred_to"),
    ]
    assert peopled.result("industry-groups", "group_code,industry_code\ninternet,64", mode="delete").deleted == 1
    header = "group_code,name_zh,industry_code"
    assert peopled.problems("industry-groups", header, mode="replace") == [(None, "group_code", "still_referred_to")]


def test_parent_goes_when_its_children_go_with_it(peopled: Registry) -> None:
    assert peopled.result("branches", "code\nJ\nF1", mode="delete").deleted == 2
    peopled.load({"districts": "code,parent_code,level,name_zh\nX,3502,street,某\nY,X,site,某"})
    assert peopled.result("districts", "code\nX\nY", mode="delete").deleted == 2


def test_what_is_referred_to_is_listed_when_a_file_would_leave_it_out(peopled: Registry) -> None:
    coverage = "enterprise_code,means,start_on\nA,liaison,2017-01-01"
    peopled.load({"employments": f"{START}\nm1,A,2017-01-01,\nm2,B,2017-01-01,", "coverage": coverage})
    assert peopled.problems("enterprises", "code,name\nB,乙", mode="replace") == [
        (None, "code", "still_referred_to"),
        (None, "code", "still_referred_to"),
    ]


def test_members_are_only_counted_when_a_file_would_leave_them_out(peopled: Registry) -> None:
    peopled.load({"employments": f"{START}\nm1,A,2017-01-01,\nm2,B,2016-01-01,2017-01-01\nm2,B,2017-01-01,"})
    from app.imports.load import ImportRejected  # noqa: PLC0415  # for the text of the message alone

    with pytest.raises(ImportRejected) as rejected:
        peopled.take("members", "ref,joined_on\nm3,2012-07-01", mode="replace")
    (issue,) = rejected.value.imported.issues
    assert (issue.row, issue.column, issue.value, issue.rule) == (None, None, None, "still_referred_to")
    assert issue.message == "2 members that the file leaves out are referred to by employments"


@pytest.mark.parametrize(
    ("rows", "problems"),
    [
        ("m1,A,2017-01-01,\nm1,B,2017-06-30,", [(2, "enterprise_code"), (3, "enterprise_code")]),
        ("m1,A,2017-01-01,2017-06-30\nm1,B,2017-06-30,", []),
        ("m1,A,2017-01-01,2018-01-01\nm1,B,2017-06-30,2017-07-01\nm1,C,2017-08-01,2017-09-01\nm1,C,2019-01-01,",
         [(2, "enterprise_code"), (3, "enterprise_code"), (4, "enterprise_code")]),
        ("m1,B,2017-01-01,\nm2,B,2017-01-01,", []),
        ("m1,B,2017-01-01,2017-03-01\nm1,C,2017-01-01,2017-02-01", [(2, "enterprise_code"), (3, "enterprise_code")]),
    ],
)  # fmt: skip
def test_second_employer_is_refused_when_at_the_same_time(
    peopled: Registry, rows: str, problems: list[tuple[int, str]]
) -> None:
    expected = [(row, column, "second_employer") for row, column in problems]
    text = f"{START}\n{rows}"
    if expected:
        assert peopled.problems("employments", text) == expected
    else:
        assert peopled.result("employments", text).errors == 0


def test_employment_is_refused_when_it_overlaps_one_at_the_same_enterprise(peopled: Registry) -> None:
    peopled.load({"employments": f"{START}\nm1,A,2017-01-01,2018-01-01\nm2,A,2017-01-01,"})
    assert peopled.problems("employments", f"{START}\nm1,A,2017-06-30,2017-07-30") == [
        (2, "start_on", "overlapping_rows")
    ]


def test_new_employer_is_taken_when_the_file_ends_the_old_one(peopled: Registry) -> None:
    peopled.load({"employments": f"{START}\nm1,A,2017-01-01,"})
    assert peopled.problems("employments", f"{START}\nm1,B,2017-06-30,") == [(2, "enterprise_code", "second_employer")]
    moved = f"{START}\nm1,B,2017-06-30,\nm1,A,2017-01-01,2017-06-30"
    assert peopled.result("employments", moved).inserted == 1


def test_end_that_is_taken_away_is_refused_when_another_employer_follows(peopled: Registry) -> None:
    peopled.load({"employments": f"{START}\nm1,A,2017-01-01,2017-06-30\nm1,B,2017-06-30,"})
    assert peopled.problems("employments", f"{START}\nm1,A,2017-01-01,") == [(2, "enterprise_code", "second_employer")]


def test_affiliations_are_refused_when_they_exclude_each_other(peopled: Registry) -> None:
    text = f"""{BELONG}
        m1,R,primary,2017-01-01,
        m1,F1,primary,2017-06-30,
        m2,F1,primary,2017-01-01,2017-06-30
        m2,F1,secondary,2017-06-29,
        m3,F1,secondary,2017-01-01,
        m3,F1,secondary,2017-03-01,
        m3,R,primary,2017-01-01,"""
    assert peopled.problems("affiliations", text) == [
        (2, "branch_code", "second_primary"),
        (3, "branch_code", "second_primary"),
        (4, "branch_code", "secondary_to_primary"),
        (5, "branch_code", "secondary_to_primary"),
        (6, "start_on", "overlapping_rows"),
        (7, "start_on", "overlapping_rows"),
    ]


def test_several_secondaries_are_taken_when_beside_a_primary(peopled: Registry) -> None:
    text = f"{BELONG}\nm1,R,primary,2017-01-01,\nm1,F1,secondary,2017-01-01,\nm1,J,secondary,2017-01-01,"
    assert peopled.result("affiliations", text).inserted == 3


def test_secondary_is_refused_when_the_branch_takes_none(peopled: Registry) -> None:
    assert peopled.problems("affiliations", f"{BELONG}\nm1,R,secondary,2017-01-01,") == [
        (2, "branch_code", "secondary_without_dual")
    ]


def test_branch_keeps_dual_affiliation_when_secondaries_remain(peopled: Registry) -> None:
    peopled.load({"affiliations": f"{BELONG}\nm1,F1,secondary,2016-01-01,2017-01-01"})
    for cell in ("no", ""):
        text = f"code,name,kind,district_code,dual_affiliation\nF1,功能一,branch,350203008,{cell}"
        assert peopled.problems("branches", text) == [(2, "dual_affiliation", "secondary_without_dual")]
    assert peopled.result("branches", "code,name,kind,district_code\nF1,功能,branch,350203008").changed == 1


@pytest.mark.parametrize("dataset", ["districts", "industries"])
def test_level_is_refused_when_not_below_the_parents(peopled: Registry, dataset: str) -> None:
    first, second = {"districts": ("province", "city"), "industries": ("section", "division")}[dataset]
    text = f"code,parent_code,level,name_zh\nX,,{second},某\nY,X,{second},某\nZ,X,{first},某"
    assert peopled.problems(dataset, text) == [(3, "level", "level_order"), (4, "level", "level_order")]


def test_level_is_refused_when_not_above_the_childrens(peopled: Registry) -> None:
    assert peopled.problems("districts", "code,parent_code,level,name_zh\n3502,35,county,厦门") == [
        (2, "level", "level_order")
    ]


def test_levels_may_be_skipped_when_the_order_holds(peopled: Registry) -> None:
    text = "code,parent_code,level,name_zh\nX,35,street,某\n350203,35,county,思明区"
    assert peopled.result("districts", text).errors == 0


def test_site_is_refused_when_not_under_a_street(peopled: Registry) -> None:
    text = "code,parent_code,level,name_zh\nX,350203,site,某\nY,,site,某\nZ,350203008,site,某"
    assert peopled.problems("districts", text) == [(2, "parent_code", "site_place"), (3, "parent_code", "site_place")]
    assert peopled.problems("districts", "code,parent_code,level,name_zh\n350203008,3502,county,梧村") == [
        (2, "level", "site_place")
    ]


def test_cycle_of_branches_is_refused_when_file_and_registry_close_it(peopled: Registry) -> None:
    header = "code,name,kind,district_code,parent_code"
    assert peopled.problems("branches", f"{header}\nJ,某,committee,35,F1\nR,某,branch,35,J") == [
        (2, "parent_code", "cycle")
    ]
    assert peopled.problems("branches", f"{header}\nX,某,branch,35,Y\nY,某,branch,35,X\nZ,某,branch,35,X") == [
        (2, "parent_code", "cycle"),
        (3, "parent_code", "cycle"),
    ]
    assert peopled.problems("branches", f"{header}\nX,某,branch,35,X") == [(2, "parent_code", "cycle")]


def test_cycle_of_districts_is_refused_when_they_are_above_each_other(registry: Registry) -> None:
    text = "code,parent_code,level,name_zh\nX,Y,city,某\nY,X,county,某"
    assert registry.problems("districts", text) == [
        (2, "level", "level_order"),
        (2, "parent_code", "cycle"),
        (3, "parent_code", "cycle"),
    ]


def test_enterprises_are_refused_when_they_continue_each_other(peopled: Registry) -> None:
    peopled.load({"enterprises": "code,name,supersedes\nB,乙,A\nC,丙,B"})
    assert peopled.problems("enterprises", "code,name,supersedes\nA,甲,C") == [(2, "supersedes", "supersedes_cycle")]


@pytest.mark.parametrize(
    ("dataset", "there", "text", "problem"),
    [
        (
            "enterprises",
            "code,name,registered_on\nX,某,2015-01-01",
            "code,name,closed_on\nX,某,2015-01-01",
            (2, "closed_on", "closed_before_registered"),
        ),
        (
            "enterprises",
            "code,name,closed_on\nX,某,2015-01-01",
            "code,name,registered_on\nX,某,2016-01-01",
            (2, "closed_on", "closed_before_registered"),
        ),
        (
            "members",
            "ref,joined_on,left_on\nm9,2010-01-01,2015-01-01",
            "ref,joined_on\nm9,2016-01-01",
            (2, "left_on", "left_before_joined"),
        ),
        (
            "returns",
            "enterprise_code,reported_on,members\nB,2017-01-01,3",
            "enterprise_code,reported_on,full_members\nB,2017-01-01,4",
            (2, "full_members", "part_above_members"),
        ),
        (
            "returns",
            "enterprise_code,reported_on,members,members_dual\nB,2017-01-01,3,3",
            "enterprise_code,reported_on,members\nB,2017-01-01,2",
            (2, "members_dual", "part_above_members"),
        ),
        (
            "ledger",
            "code,name,reported_on,members,members_dual\nB,乙,2017-01-01,3,3",
            "code,name,reported_on,members\nB,乙,2017-01-01,",
            (2, "members_dual", "part_without_members"),
        ),
        (
            "returns",
            "enterprise_code,reported_on\nB,2017-01-01",
            "enterprise_code,reported_on,members_dual\nB,2017-06-01,1",
            (2, "members_dual", "part_without_members"),
        ),
        (
            "branches",
            "code,name,kind,district_code,industry_code\nX,某,branch,35,64",
            "code,name,kind,district_code,industry_group\nX,某,branch,35,internet",
            (2, "industry_group", "two_industries"),
        ),
    ],
)
def test_row_is_refused_when_wrong_together_with_what_the_registry_keeps(
    peopled: Registry, dataset: str, there: str, text: str, problem: Problem
) -> None:
    peopled.load({dataset: there})
    assert peopled.problems(dataset, text) == [problem]


def test_row_is_taken_when_replacing_forgets_what_it_would_contradict(peopled: Registry) -> None:
    peopled.load({"returns": "enterprise_code,reported_on,members,members_dual\nB,2017-01-01,3,3"})
    smaller = "enterprise_code,reported_on,members\nB,2017-01-01,2"
    assert peopled.result("returns", smaller, mode="replace").changed == 1
