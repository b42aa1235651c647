"""Rows with a bad cell: told whatever their other cells are wrong about, nothing that they are not, and never taken."""

import pytest

from app.database.tables import METADATA
from tests.factories.importing import Registry, told

Problem = tuple[int | None, str | None, str]

START = "member_ref,enterprise_code,start_on,end_on"
BELONG = "member_ref,branch_code,role,start_on,end_on"
NODE = "code,parent_code,level,name_zh"
BRANCH = "code,name,kind,district_code,parent_code,established_on"
TABLES = (
    *("district", "industry", "industry_group", "industry_group_industry", "enterprise", "enterprise_return"),
    *("branch", "enterprise_coverage", "member", "employment", "affiliation"),
)


def contents(registry: Registry) -> dict[str, list[tuple[object, ...]]]:
    """Return all that a registry holds, but surrogate ids."""
    names = {table: [column.name for column in METADATA.tables[table].c if column.name != "id"] for table in TABLES}
    return {table: registry.rows(table, *names[table]) for table in TABLES}


def problems(registry: Registry, dataset: str, text: str, **options: str) -> list[Problem]:
    """Return the problems of a file of which no row is good, the same under both treatments of errors."""
    before = contents(registry)
    refused = registry.problems(dataset, text, on_error="reject", **options)
    skipped = registry.take(dataset, text, on_error="skip", **options)
    assert told(skipped.issues) == refused
    assert (skipped.result.inserted, skipped.result.changed, skipped.result.deleted) == (0, 0, 0)
    assert contents(registry) == before
    return refused


@pytest.mark.parametrize(
    ("dataset", "text", "found"),
    [
        ("districts", f"{NODE}\nX,nowhere,strasse,某", {"parent_code": "unknown_code", "level": "invalid_choice"}),
        ("industries", f"{NODE}\nX,nowhere,,某", {"parent_code": "unknown_code", "level": "required"}),
        (
            "industry-groups",
            "group_code,name_zh,industry_code\ng,,0",
            {"industry_code": "unknown_code", "name_zh": "required"},
        ),
        *(
            (
                "enterprises",
                f"code,name,closed_on,{column}\nX,某,2017-02-30,0",
                {column: "unknown_code", "closed_on": "invalid_date"},
            )
            for column in ("district_code", "industry_code", "supersedes")
        ),
        (
            "returns",
            "enterprise_code,reported_on,district_code,industry_code\nX,2017-02-30,0,1",
            {
                "enterprise_code": "unknown_code",
                "reported_on": "invalid_date",
                "district_code": "unknown_code",
                "industry_code": "unknown_code",
            },
        ),
        (
            "ledger",
            "code,name,reported_on,district_code,industry_code\nX,某,2017-02-30,0,1",
            {"reported_on": "invalid_date", "district_code": "unknown_code", "industry_code": "unknown_code"},
        ),
        (
            "branches",
            f"{BRANCH},industry_code\nX,某,branch,0,1,2017-02-30,2",
            {
                "district_code": "unknown_code",
                "parent_code": "unknown_code",
                "established_on": "invalid_date",
                "industry_code": "unknown_code",
            },
        ),
        (
            "branches",
            f"{BRANCH},industry_group\nX,某,twig,35,,,2",
            {"kind": "invalid_choice", "industry_group": "unknown_code"},
        ),
        (
            "coverage",
            "enterprise_code,branch_code,means,start_on\n0,1,joint,2017-02-30",
            {"enterprise_code": "unknown_code", "branch_code": "unknown_code", "start_on": "invalid_date"},
        ),
        (
            "employments",
            f"{START}\n0,1,2017-02-30,",
            {"member_ref": "unknown_code", "enterprise_code": "unknown_code", "start_on": "invalid_date"},
        ),
        (
            "affiliations",
            f"{BELONG}\n0,1,primary,2017-01-01,2017-02-30",
            {"member_ref": "unknown_code", "branch_code": "unknown_code", "end_on": "invalid_date"},
        ),
    ],
)
def test_unknown_codes_are_told_when_beside_a_bad_cell(
    peopled: Registry, dataset: str, text: str, found: dict[str, str]
) -> None:
    assert problems(peopled, dataset, text) == sorted((2, column, rule) for column, rule in found.items())


@pytest.mark.parametrize(
    ("dataset", "text", "found"),
    [
        (
            "employments",
            f"{START}\nm1,0,2017-01-01,\nm1,0,2017-01-01,2016-01-01",
            [(2, "enterprise_code", "unknown_code"), (2, "member_ref", "duplicate_key"),
             (3, "end_on", "empty_interval"), (3, "enterprise_code", "unknown_code"),
             (3, "member_ref", "duplicate_key")],
        ),
        ("districts", f"{NODE}\nX,350203008,street,", [(2, "level", "level_order"), (2, "name_zh", "required")]),
        ("districts", f"{NODE}\n3502,35,county,", [(2, "level", "level_order"), (2, "name_zh", "required")]),
        ("districts", f"{NODE}\nX,350203,site,", [(2, "name_zh", "required"), (2, "parent_code", "site_place")]),
        ("districts", f"{NODE}\n350203008,350203,county,",
         [(2, "level", "level_order"), (2, "level", "site_place"), (2, "name_zh", "required")]),
        ("branches", f"{BRANCH}\nJ,,committee,35,F1,", [(2, "name", "required"), (2, "parent_code", "cycle")]),
        ("branches", f"{BRANCH}\nX,某,branch,35,Y,x\nY,,branch,35,X,",
         [(2, "established_on", "invalid_date"), (2, "parent_code", "cycle"), (3, "name", "required"),
          (3, "parent_code", "cycle")]),
        ("enterprises", "code,name,supersedes\nA,,A", [(2, "name", "required"), (2, "supersedes", "supersedes_cycle")]),
        ("affiliations", f"{BELONG}\nm1,R,secondary,2017-01-01,x",
         [(2, "branch_code", "secondary_without_dual"), (2, "end_on", "invalid_date")]),
        ("industry-groups", f"group_code,name_zh,name_en,industry_code\ng,组,{'a' * 1001},64\ng,组二,b,/",
         [(2, "name_en", "invalid_text"), (2, "name_zh", "conflicting_names"), (3, "industry_code", "invalid_code"),
          (3, "name_zh", "conflicting_names")]),
        ("ledger", "code,name,reported_on,registered_on,headcount\nA,甲,2009-06-30,2010-01-01,x",
         [(2, "headcount", "invalid_count"), (2, "reported_on", "return_outside_registration")]),
    ],
)  # fmt: skip
def test_every_rule_is_asked_when_a_cell_that_it_does_not_need_is_bad(
    peopled: Registry, dataset: str, text: str, found: list[Problem]
) -> None:
    assert problems(peopled, dataset, text) == found


@pytest.mark.parametrize(
    ("dataset", "text", "found"),
    [
        # what cannot be read may be right
        ("districts", f"{NODE}\nX,a/b,site,某", {"parent_code": "invalid_code"}),
        ("districts", f"{NODE}\n350203,3502,strasse,某", {"level": "invalid_choice"}),
        ("branches", f"{BRANCH}\nJ,某,committee,35,a/b,", {"parent_code": "invalid_code"}),
        ("branches", f"{BRANCH},dual_affiliation\nF1,某,branch,35,J,,?", {"dual_affiliation": "invalid_boolean"}),
        ("employments", f"{START}\nm1,B,2017-01-01,x", {"end_on": "invalid_date"}),
        ("employments", f"{START}\nm1,B,x,2018-01-01", {"start_on": "invalid_date"}),
        ("affiliations", f"{BELONG}\nm2,R,tertiary,2017-01-01,", {"role": "invalid_choice"}),
        ("returns", "enterprise_code,reported_on,members,members_dual\nB,2017-01-01,x,3", {"members": "invalid_count"}),
        ("returns", "enterprise_code,reported_on,members\nC,2017-01-01,x", {"members": "invalid_count"}),
        ("enterprises", "code,name,registered_on\nA,甲,x", {"registered_on": "invalid_date"}),
        ("members", "ref,joined_on,left_on\nm1,x,2009-01-01", {"joined_on": "invalid_date"}),
    ],
)  # fmt: skip
def test_nothing_is_told_of_a_rule_when_a_cell_that_it_needs_is_bad(
    peopled: Registry, dataset: str, text: str, found: dict[str, str]
) -> None:
    peopled.load(
        {
            "employments": f"{START}\nm1,A,2017-01-01,",
            "affiliations": f"{BELONG}\nm1,F1,secondary,2017-01-01,\nm2,R,primary,2017-01-01,",
            "returns": "enterprise_code,reported_on,members,members_dual\nC,2017-01-01,3,3",
        }
    )
    assert problems(peopled, dataset, text) == [(2, column, rule) for column, rule in found.items()]


def test_unreadable_branch_is_no_blank_one_when_keys_are_compared(peopled: Registry) -> None:
    rows = "A,,liaison,2017-01-01\nA,a/b,liaison,2017-01-01\nA,c/d,liaison,2017-01-01"
    text = f"enterprise_code,branch_code,means,start_on\n{rows}"
    unreadable = [(row, "branch_code", "invalid_code") for row in (3, 4)]
    assert peopled.problems("coverage", text) == unreadable
    taken = peopled.take("coverage", text, on_error="skip")
    assert (taken.result.inserted, told(taken.issues)) == (1, unreadable)


def test_keys_are_compared_when_some_are_longer_than_any_code(peopled: Registry) -> None:
    endless = "x" * 300
    rows = f"{endless},2010-07-01\nm9,2010-07-01\n{endless},2010-07-01\nm9,2010-07-01"
    assert peopled.problems("members", f"ref,joined_on\n{rows}") == [
        (2, "ref", "invalid_code"),
        (3, "ref", "duplicate_key"),
        (4, "ref", "invalid_code"),
        (5, "ref", "duplicate_key"),
    ]


def test_good_rows_are_judged_with_bad_ones_there_when_refused(peopled: Registry) -> None:
    """What a bad row of the file changes is uncertain, but not as it was."""
    peopled.load({"employments": f"{START}\nm1,A,2017-01-01,"})
    moved = f"{START}\nm1,A,2017-01-01,2017-06-31\nm1,B,2017-06-30,"
    assert peopled.problems("employments", moved) == [(2, "end_on", "invalid_date")]
    below = f"{NODE}\n350203008,350203,county,\nS1,350203008,street,云顶"
    assert peopled.problems("districts", below) == [(2, "level", "level_order"), (2, "name_zh", "required")]
    apart = f"{BRANCH}\nJ,,committee,35,,\nF1,某,branch,35,J,\nX,某,branch,0,F1,"
    assert peopled.problems("branches", apart) == [(2, "name", "required"), (4, "district_code", "unknown_code")]


def test_rows_below_a_bad_row_are_left_out_with_it_when_skipped(peopled: Registry) -> None:
    rows = "X,某,branch,0,J,x\nY,某,branch,35,X,\nZ,某,branch,35,J,"
    taken = peopled.take("branches", f"{BRANCH}\n{rows}", on_error="skip")
    assert told(taken.issues) == [
        (2, "district_code", "unknown_code"),
        (2, "established_on", "invalid_date"),
        (3, "parent_code", "unknown_code"),
    ]
    assert peopled.rows("branch", "code") == [("F1",), ("J",), ("R",), ("Z",)]


def test_nothing_is_said_to_be_left_out_when_a_key_cannot_be_read(peopled: Registry) -> None:
    peopled.load({"employments": f"{START}\nm1,A,2017-01-01,"})
    text = "code,name\na/b,甲\nB,乙"
    assert peopled.problems("enterprises", text, mode="replace") == [(2, "code", "invalid_code")]


def test_keys_that_stand_twice_are_asked_about_when_deleted(peopled: Registry) -> None:
    assert peopled.problems("branches", "code\nJ\nJ", mode="delete") == [
        (row, "code", rule) for row in (2, 3) for rule in ("duplicate_key", "still_referred_to")
    ]


def test_warnings_are_told_when_beside_a_bad_cell(peopled: Registry) -> None:
    peopled.load(
        {
            "enterprises": "code,name,closed_on\nB,乙,2017-06-30",
            "returns": "enterprise_code,reported_on,headcount"
            + "".join(f"\nC,201{year}-06-30,10" for year in range(1, 6)),
        }
    )
    header = "enterprise_code,reported_on,headcount,operating"
    assert problems(peopled, "returns", f"{header}\nB,2017-07-01,x,\nC,2016-06-30,100,x\nC,2017-06-30,x,") == [
        (2, "headcount", "invalid_count"),
        (2, "reported_on", "return_outside_registration"),
        (3, "headcount", "headcount_jump"),
        (3, "operating", "invalid_boolean"),
        (4, "headcount", "invalid_count"),
    ]
    assert problems(peopled, "employments", f"{START}\nm1,B,2017-01-01,x") == [(2, "end_on", "invalid_date")]
