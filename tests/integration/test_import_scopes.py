"""Files of keys that cover one county: what is inside, what is outside and told so, and what nobody learns of it."""

import pytest
from sqlalchemy import Connection

from app.database.write_lock import current_revision
from app.imports.load import ImportRejected
from app.registry.territory import ScopeTooNarrow
from tests.factories.importing import Registry, day, told
from tests.factories.two_counties import MEMBERS_INSIDE, SCOPE, TWO_COUNTIES
from tests.lengths import some

Problem = tuple[int | None, str | None, str]

OUTSIDE = "outside_scope"
FIRM = "code,name,district_code"
RETURN = "enterprise_code,reported_on,district_code"
LEDGER = "code,name,reported_on,district_code"
BRANCH = "code,name,kind,district_code,parent_code"
COVER = "enterprise_code,branch_code,means,start_on,end_on"
MEET = "branch_code,period_on,meetings"
AIM = "metric,basis,due_on,value,district_code"
DUE = "operating,2017-12-31"
WORK = "member_ref,enterprise_code,start_on,end_on"
BELONG = "member_ref,branch_code,role,start_on,end_on"


INSIDE: dict[str, tuple[str, str, tuple[int, int, int]]] = {
    # rows of the file: inserted, changed, unchanged
    "new firm": ("enterprises", f"{FIRM}\nnew,新,S1", (1, 0, 0)),
    "firm inside": ("enterprises", f"{FIRM}\nin,内二,350203", (0, 1, 0)),
    "firm without a column of places": ("enterprises", "code,name\nin,内二\ncame,来", (0, 1, 1)),
    "firm that came": ("enterprises", f"{FIRM}\ncame,来二,350206001", (0, 1, 0)),
    "firm that came, registered where it is": ("enterprises", f"{FIRM}\ncame,来,350203", (0, 1, 0)),
    "firm that goes on naming one outside": ("enterprises", f"{FIRM},supersedes\nheir,承二,350203,out", (0, 1, 0)),
    "firm that names one inside": ("enterprises", f"{FIRM},supersedes\nin,内,350203008,came", (0, 1, 0)),
    "return inside": ("returns", f"{RETURN}\nin,2017-01-01,350203\ncame,2017-01-01,S1\nheir,2017-01-01,", (3, 0, 0)),
    "return changed": ("returns", f"{RETURN},headcount\ncame,2017-06-30,350203,9", (0, 1, 0)),
    "ledger": ("ledger", f"{LEDGER}\nnew,新,2017-01-01,S1\nin,内,2017-06-30,350203\nin,内,2017-01-01,", (2, 1, 0)),
    "branch": ("branches", f"{BRANCH}\nnew,新,branch,S1,bin\nnewer,新,branch,350203,new", (2, 0, 0)),
    "branch that stays below one outside": ("branches", f"{BRANCH}\nbelow,下二,branch,350203,bout", (0, 1, 0)),
    "coverage": ("coverage", f"{COVER}\nin,bin,liaison,2017-01-01,\nin,,instructor,2017-01-01,", (2, 0, 0)),
    "branch return": ("branch-returns", f"{MEET}\nbin,2017-06,2\nbelow,2017-06,0", (2, 0, 0)),
    "targets": ("targets", f"{AIM}\nwork_coverage,{DUE},0.4,350203\nwork_coverage,{DUE},1,S1", (2, 0, 0)),
    "coverage by one outside that is there": ("coverage", f"{COVER}\nin,bout,area,2016-01-01,2017-01-01", (0, 1, 0)),
    "members": (
        "members",
        "ref,joined_on\nm-more,2011-07-01\n" + "".join(f"{ref},2011-07-01\n" for ref in (*MEMBERS_INSIDE, "m-new")),
        (1, 5, 0),
    ),
    "employments": ("employments", f"{WORK}\nm-in,in,2016-01-01,2017-01-01\nm-in,came,2017-01-01,", (1, 1, 0)),
    "first employment": ("employments", f"{WORK}\nm-new,in,2017-01-01,", (1, 0, 0)),
    "employment after the last": ("employments", f"{WORK}\nm-left,came,2017-01-01,", (1, 0, 0)),
    "affiliations": ("affiliations", f"{BELONG}\nm-in,bin,primary,2017-01-01,\nm-both,bin,secondary,2017-01-01,",
                     (2, 0, 0)),
    "first affiliation": ("affiliations", f"{BELONG}\nm-new,below,primary,2017-01-01,", (1, 0, 0)),
}  # fmt: skip


@pytest.mark.parametrize("what", INSIDE)
def test_rows_are_taken_when_they_are_inside(counties: Registry, what: str) -> None:
    dataset, text, counts = INSIDE[what]
    result = counties.result(dataset, text, scope=SCOPE)
    assert (result.inserted, result.changed, result.unchanged) == counts
    again = counties.result(dataset, text, scope=SCOPE)
    assert (again.inserted, again.changed, again.unchanged) == (0, 0, sum(counts))


ELSEWHERE: dict[str, tuple[str, str, str]] = {
    # a row that belongs outside, would be put there, or names something there; and the column at which it is told
    "new firm outside": ("enterprises", f"{FIRM}\nnew,新,350206", "district_code"),
    "new firm above": ("enterprises", f"{FIRM}\nnew,新,3502", "district_code"),
    "new firm nowhere": ("enterprises", "code,name\nnew,新", "district_code"),
    "firm outside": ("enterprises", "code,name\nout,外二", "code"),
    "firm outside as it is": ("enterprises", f"{FIRM}\nout,外,350206001", "code"),
    "firm pulled in": ("enterprises", f"{FIRM}\nout,外,350203", "code"),
    "firm nowhere pulled in": ("enterprises", f"{FIRM}\nnowhere,无,350203", "code"),
    "firm that went": ("enterprises", f"{FIRM}\nwent,去,350203008", "code"),
    "firm pushed out": ("enterprises", f"{FIRM}\nheir,承,350206", "district_code"),
    "firm pushed nowhere": ("enterprises", f"{FIRM}\nheir,承,", "district_code"),
    "firm registered outside, though it stays": ("enterprises", f"{FIRM}\ncame,来,350206", "district_code"),
    "firm that names one outside": ("enterprises", f"{FIRM},supersedes\nin,内,350203008,out", "supersedes"),
    "return of a firm outside": ("returns", f"{RETURN}\nout,2017-01-01,350203", "enterprise_code"),
    "return that is there": ("returns", f"{RETURN}\nout,2017-06-30,", "enterprise_code"),
    "return of one that went": ("returns", f"{RETURN}\nwent,2017-01-01,350203", "enterprise_code"),
    "return of one nowhere": ("returns", f"{RETURN}\nnowhere,2017-01-01,350203", "enterprise_code"),
    "return of before it came": ("returns", f"{RETURN}\ncame,2016-06-30,350203", "reported_on"),
    "return that pushes out": ("returns", f"{RETURN}\nin,2017-09-30,350206001", "district_code"),
    "return that once was outside": ("returns", f"{RETURN}\nin,2010-06-30,350206001", "district_code"),
    "blank return where registered outside": ("returns", f"{RETURN}\ncame,2017-09-30,", "district_code"),
    "ledger of a firm outside": ("ledger", f"{LEDGER}\nout,外,2017-09-30,350203", "code"),
    "ledger of one that went": ("ledger", f"{LEDGER}\nwent,去,2017-09-30,350203", "code"),
    "ledger that pushes out": ("ledger", f"{LEDGER}\nin,内,2017-09-30,350206001", "district_code"),
    "ledger of a new firm outside": ("ledger", f"{LEDGER}\nnew,新,2017-09-30,350206001", "district_code"),
    "ledger of a new firm nowhere": ("ledger", f"{LEDGER}\nnew,新,2017-09-30,", "district_code"),
    "branch outside": ("branches", f"{BRANCH}\nbout,外二,branch,350206,city", "code"),
    "branch pulled in": ("branches", f"{BRANCH}\nbout,外,branch,350203,bin", "code"),
    "branch pushed out": ("branches", f"{BRANCH}\nbin,内,branch,350206,city", "district_code"),
    "new branch outside": ("branches", f"{BRANCH}\nnew,新,branch,3502,", "district_code"),
    "new branch below one outside": ("branches", f"{BRANCH}\nnew,新,branch,350203,city", "parent_code"),
    "branch moved below one outside": ("branches", f"{BRANCH}\nbelow,下,branch,350203008,city", "parent_code"),
    "coverage of a firm outside": ("coverage", f"{COVER}\nout,bin,joint,2016-01-01,2017-01-01", "enterprise_code"),
    "coverage as it is": ("coverage", f"{COVER}\nout,bout,area,2016-01-01,", "enterprise_code"),
    "coverage by a branch outside": ("coverage", f"{COVER}\nin,bout,area,2017-01-01,", "branch_code"),
    "branch return outside": ("branch-returns", f"{MEET}\nbout,2017-06,2", "branch_code"),
    "branch return above": ("branch-returns", f"{MEET}\ncity,2017-06,2", "branch_code"),
    "target outside": ("targets", f"{AIM}\nwork_coverage,{DUE},0.4,350206", "district_code"),
    "target above": ("targets", f"{AIM}\nwork_coverage,{DUE},0.4,3502", "district_code"),
    "target of all": ("targets", f"metric,basis,due_on,value\nwork_coverage,{DUE},0.4", "district_code"),
    "member outside": ("members", "ref,joined_on\nm-out,2010-07-01", "ref"),
    "member who went": ("members", "ref,joined_on\nm-went,2011-07-01", "ref"),
    "member with a dual affiliation alone": ("members", "ref,joined_on\nm-dual,2011-07-01", "ref"),
    "employment of a member outside": ("employments", f"{WORK}\nm-out,in,2017-01-01,", "member_ref"),
    "employment of who went": ("employments", f"{WORK}\nm-went,in,2012-01-01,2015-01-01", "member_ref"),
    "employment outside": ("employments", f"{WORK}\nm-left,out,2017-01-01,", "enterprise_code"),
    "first employment outside": ("employments", f"{WORK}\nm-new,out,2017-01-01,", "enterprise_code"),
    "employment where it went": ("employments", f"{WORK}\nm-new,went,2017-01-01,", "enterprise_code"),
    "affiliation of a member outside": ("affiliations", f"{BELONG}\nm-out,bin,secondary,2016-01-01,", "member_ref"),
    "affiliation outside": ("affiliations", f"{BELONG}\nm-both,bout,primary,2016-01-01,2017-01-01", "branch_code"),
    "first affiliation outside": ("affiliations", f"{BELONG}\nm-new,bout,primary,2017-01-01,", "branch_code"),
}  # fmt: skip


@pytest.mark.parametrize("what", some(ELSEWHERE, 3))
def test_rows_are_problems_when_they_are_outside(counties: Registry, what: str) -> None:
    dataset, text, column = ELSEWHERE[what]
    assert counties.problems(dataset, text, scope=SCOPE) == [(2, column, OUTSIDE)]
    taken = counties.take(dataset, text, scope=SCOPE, on_error="skip")
    assert told(taken.issues) == [(2, column, OUTSIDE)]
    assert (taken.result.inserted, taken.result.changed, taken.result.unchanged) == (0, 0, 0)


DELETED: dict[str, tuple[str, str, int | str]] = {
    # keys: how many rows go, or the column at which it is told that they may not
    "firm that is not there": ("enterprises", "code\nnever", 0),
    "firm outside": ("enterprises", "code\nnowhere", "code"),
    "firm that went": ("enterprises", "code\nwent", "code"),
    "firm inside": ("enterprises", "code\nheir", 1),
    "return inside": ("returns", "enterprise_code,reported_on\nin,2017-06-30\nin,2001-01-01", 1),
    "return outside": ("returns", "enterprise_code,reported_on\nout,2017-06-30", "enterprise_code"),
    "return of no firm": ("returns", "enterprise_code,reported_on\nnever,2017-06-30", "enterprise_code"),
    "return of before it came": ("returns", "enterprise_code,reported_on\ncame,2016-06-30", "reported_on"),
    "return that keeps it inside": ("returns", "enterprise_code,reported_on\ncame,2017-06-30", "enterprise_code"),
    "ledger that keeps it inside": ("ledger", "code,reported_on\ncame,2017-06-30", "code"),
    "ledger inside": ("ledger", "code,reported_on\nin,2017-06-30", 1),
    "branch outside": ("branches", "code\nbout", "code"),
    "branch inside": ("branches", "code\nbelow", 1),
    "coverage inside": ("coverage", "enterprise_code,branch_code,means,start_on\nin,bout,area,2016-01-01", 1),
    "coverage outside": ("coverage", "enterprise_code,branch_code,means,start_on\nout,bin,joint,2016-01-01",
                         "enterprise_code"),
    "target that is not there": ("targets", f"{AIM}\nwork_coverage,{DUE},0.4,350203", 0),
    "target outside": ("targets", f"{AIM}\nwork_coverage,{DUE},0.4,350206", "district_code"),
    "target of all": ("targets", f"metric,basis,due_on\nwork_coverage,{DUE}", "district_code"),
    "member outside": ("members", "ref\nm-dual", "ref"),
    "member of nobody": ("members", "ref\nm-new", 1),
    "employment inside": ("employments", "member_ref,enterprise_code,start_on\nm-in,in,2016-01-01", 1),
    "employment of a member outside": ("employments", "member_ref,enterprise_code,start_on\nm-went,in,2012-01-01",
                                       "member_ref"),
    "employment at a firm outside": ("employments", "member_ref,enterprise_code,start_on\nm-branch,out,2016-01-01",
                                     "enterprise_code"),
    "affiliation inside": ("affiliations", "member_ref,branch_code,role,start_on\nm-branch,bin,primary,2016-01-01", 1),
    "affiliation of a member outside": (
        "affiliations", "member_ref,branch_code,role,start_on\nm-out,bin,secondary,2016-01-01", "member_ref",
    ),
    "affiliation to a branch outside": (
        "affiliations", "member_ref,branch_code,role,start_on\nm-both,bout,primary,2016-01-01", "branch_code",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", DELETED)
def test_keys_are_deleted_only_when_inside(counties: Registry, what: str) -> None:
    dataset, text, due = DELETED[what]
    if isinstance(due, int):
        assert counties.result(dataset, text, scope=SCOPE, mode="delete").deleted == due
    else:
        assert counties.problems(dataset, text, scope=SCOPE, mode="delete") == [(2, due, OUTSIDE)]


REPLACED: dict[str, tuple[str, str, tuple[str, ...], set[tuple[object, ...]]]] = {
    # a file that leaves things out: columns that name rows, and those rows that go
    "enterprise": ("enterprises", f"{FIRM}\nin,内,350203008\ncame,来,350206001", ("code",), {("heir",)}),
    "enterprise_return": (
        "returns", f"{RETURN}\ncame,2017-06-30,350203008", ("enterprise_code", "reported_on"),
        {("in", day("2017-06-30"))},
    ),
    "branch": (
        "branches", f"{BRANCH},dual_affiliation\nbin,内,branch,350203,city,yes", ("code",), {("below",)},
    ),
    "enterprise_coverage": (
        "coverage", COVER, ("enterprise_code", "branch_code"), {("in", "bin"), ("in", "bout"), ("in", None)},
    ),
    "employment": (
        "employments", WORK, ("member_ref", "enterprise_code"), {("m-in", "in"), ("m-both", "in"), ("m-left", "in")},
    ),
    "affiliation": ("affiliations", BELONG, ("member_ref", "branch_code"), {("m-branch", "bin")}),
}  # fmt: skip


@pytest.mark.parametrize("table", REPLACED)
def test_only_rows_inside_go_when_a_file_is_the_whole_truth(counties: Registry, table: str) -> None:
    dataset, text, key, gone = REPLACED[table]
    before = counties.rows(table, *key)
    assert counties.result(dataset, text, scope=SCOPE, mode="replace").deleted == len(gone)
    assert set(before) - set(counties.rows(table, *key)) == gone


def test_members_of_nobody_and_outside_stay_when_a_file_leaves_them_out(counties: Registry) -> None:
    """Who is inside has a job or a branch, and cannot go before these do."""
    with pytest.raises(ImportRejected) as rejected:
        counties.take("members", "ref,joined_on", scope=SCOPE, mode="replace")
    assert {issue.message for issue in rejected.value.imported.issues} == {
        "4 members that the file leaves out are referred to by employments",
        "2 members that the file leaves out are referred to by affiliations",
    }
    file = "ref,joined_on\n" + "".join(f"{ref},2010-07-01\n" for ref in MEMBERS_INSIDE)
    assert counties.result("members", file, scope=SCOPE, mode="replace").deleted == 0


def test_nothing_is_replaced_when_a_firm_would_end_outside(counties: Registry) -> None:
    text = f"{RETURN}\nin,2017-06-30,"
    assert counties.problems("returns", text, scope=SCOPE, mode="replace") == [(None, "enterprise_code", OUTSIDE)]


@pytest.mark.parametrize("dataset", ["districts", "industries", "industry-groups"])
@pytest.mark.parametrize("mode", ["upsert", "replace", "delete"])
def test_trees_and_groups_are_refused_when_the_key_covers_some_districts(
    registry: Registry, dataset: str, mode: str
) -> None:
    with pytest.raises(ScopeTooNarrow):
        registry.take(dataset, TWO_COUNTIES[dataset], scope=SCOPE, mode=mode)


@pytest.mark.parametrize("scope", [frozenset(), frozenset({"35020"})])
def test_everything_is_outside_when_the_key_covers_nothing_that_is_there(
    counties: Registry, scope: frozenset[str]
) -> None:
    for dataset, text in TWO_COUNTIES.items():
        if dataset not in {"districts", "industries", "industry-groups"}:
            rows = text.count("\n")
            taken = counties.take(dataset, text, scope=scope, on_error="skip")
            assert (taken.result.errors >= rows - (dataset == "members"), taken.result.changed) == (True, 0)
        table = {"enterprises": "enterprise", "branches": "branch"}.get(dataset)
        if table is not None:
            assert counties.result(dataset, text.splitlines()[0], scope=scope, mode="replace").deleted == 0


def test_rows_inside_are_taken_when_those_outside_are_skipped(counties: Registry) -> None:
    rows = "in,内二,350203008\nout,外二,350203\nwent,去二,350203\nnew,新,350203"
    taken = counties.take("enterprises", f"{FIRM}\n{rows}", scope=SCOPE, on_error="skip")
    assert told(taken.issues) == [(3, "code", OUTSIDE), (4, "code", OUTSIDE)]
    assert (taken.result.inserted, taken.result.changed) == (1, 1)


def test_rows_are_problems_too_when_what_they_name_in_the_file_is_outside(counties: Registry) -> None:
    rows = "a,某,branch,350206,\nb,某,branch,350203,a\nc,某,branch,350203,b"
    assert counties.problems("branches", f"{BRANCH}\n{rows}", scope=SCOPE) == [
        (2, "district_code", OUTSIDE),
        (3, "parent_code", OUTSIDE),
        (4, "parent_code", OUTSIDE),
    ]


def test_row_outside_is_told_when_beside_a_bad_cell(counties: Registry) -> None:
    assert counties.problems("returns", f"{RETURN}\nout,2017-13-01,0\nin,2017-13-01,350206", scope=SCOPE) == [
        (2, "enterprise_code", OUTSIDE),
        (2, "reported_on", "invalid_date"),
        (3, "district_code", OUTSIDE),
        (3, "reported_on", "invalid_date"),
    ]
    unread = f"{FIRM}\nnew,新,a/b\na/b,新,350203\na/b,新,"
    assert counties.problems("enterprises", unread, scope=SCOPE) == [
        (2, "district_code", "invalid_code"),
        (3, "code", "invalid_code"),
        (4, "code", "invalid_code"),
    ]


UNTOLD = {
    # rows that name something outside, and the same of what is not there at all
    "firm of a return": ("returns", f"{RETURN},headcount\n{{}},2017-06-30,0,7", "out"),
    "firm of a return, deleted": ("returns", "enterprise_code,reported_on\n{},2017-06-30", "out"),
    "firm of coverage": ("coverage", f"{COVER}\n{{}},bin,joint,2016-01-01,", "out"),
    "branch of coverage": ("coverage", f"{COVER}\nin,{{}},joint,2017-01-01,", "bout"),
    "parent": ("branches", f"{BRANCH}\nbin,内,branch,350203,{{}}", "bout"),
    "parent in a cycle": ("branches", f"{BRANCH}\ncity,市,committee,3502,below\nbin,内,branch,350203,{{}}", "bout"),
    "superseded": ("enterprises", f"{FIRM},supersedes\nin,内,350203008,{{}}", "out"),
    "member of an employment": ("employments", f"{WORK}\n{{}},in,2016-06-01,", "m-out"),
    "firm of an employment": ("employments", f"{WORK}\nm-in,{{}},2016-06-01,", "out"),
    "member of an affiliation": ("affiliations", f"{BELONG}\n{{}},bin,primary,2016-06-01,", "m-out"),
    "branch of an affiliation": ("affiliations", f"{BELONG}\nm-branch,{{}},primary,2016-06-01,", "bout"),
}


@pytest.mark.parametrize("what", some(UNTOLD, 3))
@pytest.mark.parametrize("on_error", ["reject", "skip"])
def test_problems_are_the_same_when_a_thing_is_outside_and_when_it_is_not_there(
    counties: Registry, what: str, on_error: str
) -> None:
    dataset, text, code = UNTOLD[what]
    mode = "delete" if what.endswith("deleted") else "upsert"

    def problems(name: str) -> list[tuple[object, ...]]:
        try:
            issues = counties.take(dataset, text.format(name), scope=SCOPE, mode=mode, on_error=on_error).issues
        except ImportRejected as rejected:
            issues = rejected.imported.issues
        return [(it.row, it.column, it.rule, it.message, None if it.value == name else it.value) for it in issues]

    assert problems(code) == problems("never")
    assert any(problem[2] == OUTSIDE for problem in problems(code))


def test_moves_inside_are_taken_when_the_scope_has_several_tops(counties: Registry) -> None:
    both = frozenset({"350203", "350206001"})
    text = f"{RETURN}\nin,2017-09-30,350206001\nout,2017-09-30,350203008\nwent,2017-09-30,350203"
    assert counties.result("returns", text, scope=both).inserted == 3
    branch = f"{BRANCH}\nbelow,下,branch,350206001,bout\nbout,外,branch,350206001,city"
    assert counties.problems("branches", branch, scope=both) == [(3, "code", OUTSIDE)]


def test_registry_changed_meanwhile_is_asked_again_when_files_are_written(counties: Registry) -> None:
    """A firm that leaves between the check and the write is not changed any more."""
    text = f"{FIRM}\nin,内二,350203008"
    moved: list[bool] = []

    def current(connection: Connection) -> int:
        found = current_revision(connection)
        if not moved:
            moved.append(True)
            counties.load({"returns": f"{RETURN}\nin,2017-07-31,350206"})
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("app.imports.load.current_revision", current)
        with pytest.raises(ImportRejected):
            counties.take("enterprises", text, scope=SCOPE)
    assert ("in", "内") in counties.rows("enterprise", "code", "name")
