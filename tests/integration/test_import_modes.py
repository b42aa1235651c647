"""What upsert, replace and delete do to rows, and what an import says it did."""

import pytest
from sqlalchemy import Connection, Table, inspect

from app.database.engines import make_sync_engine
from app.imports import writing
from app.imports.options import ImportResult
from tests.factories.importing import PEOPLE, TREES, Registry, day


def test_rows_are_inserted_changed_and_left_alone_when_a_file_comes_again(registry: Registry) -> None:
    registry.load(TREES)
    first = registry.result("enterprises", "code,name,kind\n007,甲,\nNA,乙,institution\nNULL,丙,")
    assert first == ImportResult(inserted=3)
    again = registry.revision()
    assert registry.result("enterprises", "code,name,kind\n007,甲,\nNA,乙,institution\nNULL,丙,") == ImportResult(
        unchanged=3
    )
    assert registry.revision() == again
    assert registry.result("enterprises", "code,name,kind\n007,甲,\nNA,乙二,\nD,丁,") == ImportResult(
        inserted=1, changed=1, unchanged=1
    )
    assert registry.rows("enterprise", "code", "name", "kind") == [
        ("007", "甲", "enterprise"),
        ("D", "丁", "enterprise"),
        ("NA", "乙二", "enterprise"),
        ("NULL", "丙", "enterprise"),
    ]


def test_absent_column_keeps_and_blank_cell_forgets_when_upserted(registry: Registry) -> None:
    registry.load(TREES)
    registry.load({"enterprises": "code,name,kind,registered_on,district_code\nA,甲,institution,2010-01-01,350203"})
    registry.load({"enterprises": "code,name,registered_on\nA,甲,"})
    assert registry.rows("enterprise", "kind", "registered_on", "district_code") == [("institution", None, "350203")]
    registry.load({"enterprises": "code,name,kind,district_code\nA,甲,,"})
    assert registry.rows("enterprise", "kind", "registered_on", "district_code") == [("enterprise", None, None)]


@pytest.mark.parametrize("mode", ["upsert", "replace"])
@pytest.mark.parametrize("header", ["ref,joined_on,identity", "ref,joined_on"])
def test_withheld_identity_stays_when_its_cell_is_blank(registry: Registry, mode: str, header: str) -> None:
    registry.load({"members": "ref,joined_on,identity\nm1,2010-01-01,withheld\nm2,2010-01-01,"})
    cells = "," * (header.count(",") - 1)
    registry.take("members", f"{header}\nm1,2011-01-01{cells}\nm2,2010-01-01{cells}\nm3,2010-01-01{cells}", mode=mode)
    assert registry.rows("member", "ref", "joined_on", "identity") == [
        ("m1", day("2011-01-01"), "withheld"),
        ("m2", day("2010-01-01"), "open"),
        ("m3", day("2010-01-01"), "open"),
    ]


def test_identity_opens_when_the_file_says_so(registry: Registry) -> None:
    registry.load({"members": "ref,joined_on,identity\nm1,2010-01-01,withheld"})
    registry.load({"members": "ref,joined_on,身份公开\nm1,2010-01-01,是"})
    assert registry.rows("member", "ref", "identity") == [("m1", "open")]


def test_the_file_is_the_whole_truth_when_replaced(registry: Registry) -> None:
    registry.load({"enterprises": "code,name,kind,registered_on\nA,甲,institution,2010-01-01\nB,乙,,"})
    result = registry.result("enterprises", "code,name\nA,甲\nC,丙", mode="replace")
    assert result == ImportResult(inserted=1, changed=1, deleted=1)
    assert registry.rows("enterprise", "code", "kind", "registered_on") == [
        ("A", "enterprise", None),
        ("C", "enterprise", None),
    ]


def test_dataset_is_emptied_when_a_header_alone_replaces_it(registry: Registry) -> None:
    registry.load(TREES)
    assert registry.result("industry-groups", "group_code,name_zh,industry_code", mode="replace").deleted == 2
    assert registry.rows("industry_group", "code") == registry.rows("industry_group_industry", "group_code") == []


def test_only_dates_of_the_file_are_replaced_when_returns_are(peopled: Registry) -> None:
    peopled.load(
        {
            "returns": """enterprise_code,reported_on,headcount,members
                A,2016-12-31,1,
                B,2016-12-31,2,
                A,2017-06-30,3,1
                B,2017-06-30,4,1"""
        }
    )
    result = peopled.result(
        "returns", "enterprise_code,reported_on,headcount\nA,2017-06-30,3\nC,2017-06-30,5", mode="replace"
    )
    assert result == ImportResult(inserted=1, changed=1, deleted=1)
    assert peopled.rows("enterprise_return", "enterprise_code", "reported_on", "headcount", "members") == [
        ("A", day("2016-12-31"), 1, None),
        ("A", day("2017-06-30"), 3, None),
        ("B", day("2016-12-31"), 2, None),
        ("C", day("2017-06-30"), 5, None),
    ]


@pytest.mark.parametrize("dataset", ["returns", "ledger"])
def test_nothing_changes_when_a_header_alone_replaces_returns(peopled: Registry, dataset: str) -> None:
    peopled.load({"returns": "enterprise_code,reported_on\nA,2016-12-31"})
    header = {"returns": "enterprise_code,reported_on", "ledger": "code,name,reported_on"}[dataset]
    assert peopled.result(dataset, header, mode="replace") == ImportResult()
    assert peopled.rows("enterprise_return", "enterprise_code") == [("A",)]


def test_keys_go_when_deleted_and_absent_ones_do_not_matter(peopled: Registry) -> None:
    peopled.load(
        {"coverage": "enterprise_code,branch_code,means,start_on\nA,,liaison,2017-01-01\nA,F1,joint,2017-01-01"}
    )
    keys = "enterprise_code,branch_code,means,start_on\nA,,liaison,2017-01-01\nB,,liaison,2017-01-01"
    assert peopled.result("coverage", keys, mode="delete") == ImportResult(unchanged=1, deleted=1)
    assert peopled.result("coverage", keys, mode="delete") == ImportResult(unchanged=2)
    assert peopled.rows("enterprise_coverage", "branch_code", "means") == [("F1", "joint")]


def test_coverage_without_branch_is_one_row_when_it_comes_again(peopled: Registry) -> None:
    assert peopled.result("coverage", "enterprise_code,means,start_on\nA,liaison,2017-01-01").inserted == 1
    again = "enterprise_code,branch_code,means,start_on,end_on\nA,,liaison,2017-01-01,2018-01-01"
    assert peopled.result("coverage", again) == ImportResult(changed=1)
    assert peopled.rows("enterprise_coverage", "branch_code", "end_on") == [(None, day("2018-01-01"))]


def test_nothing_is_written_when_dry(peopled: Registry) -> None:
    before = peopled.revision()
    enterprises = "code,name\nA,甲二\nD,丁\nB,乙"
    assert peopled.result("enterprises", enterprises, dry_run=True) == ImportResult(inserted=1, changed=1, unchanged=1)
    assert peopled.result("branches", "code\nR", mode="delete", dry_run=True).deleted == 1
    assert peopled.revision() == before
    assert peopled.problems("enterprises", "code,name,district_code\nA,甲,nowhere", dry_run=True) == [
        (2, "district_code", "unknown_code")
    ]


def test_group_goes_with_its_last_industry_when_deleted(registry: Registry) -> None:
    registry.load(TREES)
    registry.load({"industry-groups": "group_code,name_zh,industry_code\nmedia,媒体,65"})
    assert registry.result("industry-groups", "group_code,industry_code\ninternet,64", mode="delete").deleted == 1
    assert registry.rows("industry_group", "code") == [("internet",), ("media",)]
    assert registry.result("industry-groups", "group_code,industry_code\ninternet,65", mode="delete").deleted == 1
    assert registry.rows("industry_group", "code") == [("media",)]


def test_group_is_renamed_and_gains_an_industry_when_upserted(registry: Registry) -> None:
    registry.load(TREES)
    groups = "group_code,name_zh,industry_code\ninternet,互联网业,64\ninternet,互联网业,I"
    assert registry.result("industry-groups", groups) == ImportResult(inserted=1, changed=1)
    assert registry.rows("industry_group", "code", "name_zh") == [("internet", "互联网业")]
    assert registry.rows("industry_group_industry", "industry_code") == [("64",), ("65",), ("I",)]


def test_months_of_the_file_are_replaced_and_others_stay(peopled: Registry) -> None:
    header = "branch_code,period_on,meetings,attendances"
    peopled.load({"branch-returns": f"{header}\nF1,2017-05,1,8\nF1,2017-06,2,\nR,2017-06,1,4"})
    result = peopled.result("branch-returns", f"{header}\nF1,2017-06,3,20", mode="replace")
    assert (result.changed, result.deleted) == (1, 1)
    assert peopled.rows("branch_return", "branch_code", "period_on", "meetings", "attendances") == [
        ("F1", day("2017-05-01"), 1, 8),
        ("F1", day("2017-06-01"), 3, 20),
    ]
    assert peopled.problems("branches", "code\nF1", mode="delete") == [(2, "code", "still_referred_to")]


TARGETS = "metric,basis,due_on,value,district_code,industry_code,industry_group,sector,source"


def test_targets_are_the_same_whatever_is_none_and_however_they_are_written(registry: Registry) -> None:
    registry.load(TREES)
    rows = ["work_coverage,operating,2017-12-31,0.4,35,64,,,文", "work_coverage,operating,2017-12-31,0.4,,,,,"]
    assert registry.result("targets", "\n".join([TARGETS, *rows])) == ImportResult(inserted=2)
    same = ["工作覆盖率,在营单位,2017年12月31日,40%,35,64", "工作覆盖率,在营,20171231,0.40,,"]
    again = "\n".join(["指标,口径,完成期限,目标值,区划代码,行业代码", *same])
    assert registry.result("targets", again) == ImportResult(unchanged=2)
    higher = f"{TARGETS}\nwork_coverage,operating,2017-12-31,50%,,,,,"
    assert registry.result("targets", higher) == ImportResult(changed=1)
    assert registry.result("targets", higher, mode="replace") == ImportResult(unchanged=1, deleted=1)
    assert registry.rows("target", "value", "district_code") == [("0.5", None)]
    assert registry.result("targets", higher, mode="delete") == ImportResult(deleted=1)


@pytest.mark.parametrize(
    ("dataset", "text", "scope"),
    [
        ("districts", "code\n350203", "350203,,"),
        ("industries", "code\n65", ",65,"),
        ("industry-groups", "group_code,industry_code\ninternet,65\ninternet,64", ",,internet"),
    ],
)
def test_what_a_target_is_for_stays_when_the_target_does(
    registry: Registry, dataset: str, text: str, scope: str
) -> None:
    registry.load(TREES)
    registry.load({"targets": f"{TARGETS}\nwork_coverage,operating,2017-12-31,0.4,{scope},,"})
    assert "still_referred_to" in {rule for _, _, rule in registry.problems(dataset, text, mode="delete")}


LEDGER = "code,name,kind,registered_on,reported_on,district_code,headcount,members,full_members"


def test_ledger_makes_enterprises_and_returns_when_both_are_new(registry: Registry) -> None:
    registry.load(TREES)
    result = registry.result(
        "ledger",
        f"""{LEDGER}
        A,新名,,2010-01-01,2017-06-30,350203,20,5,3
        A,旧名,institution,,2016-12-31,,18,,
        B,乙,,,2017-06-30,,,,""",
    )
    assert result == ImportResult(inserted=3)
    assert registry.rows("enterprise", "code", "name", "kind", "registered_on", "district_code") == [
        ("A", "新名", "enterprise", day("2010-01-01"), None),
        ("B", "乙", "enterprise", None, None),
    ]
    assert registry.rows("enterprise_return", "enterprise_code", "reported_on", "district_code", "headcount") == [
        ("A", day("2016-12-31"), None, 18),
        ("A", day("2017-06-30"), "350203", 20),
        ("B", day("2017-06-30"), None, None),
    ]


def test_ledger_changes_only_what_it_holds_when_enterprises_are_known(registry: Registry) -> None:
    registry.load(
        TREES, {"enterprises": "code,name,closed_on,district_code,supersedes\nA,甲,2020-01-01,3502,\nB,乙,,,A"}
    )
    ledger = "code,name,reported_on,headcount\nA,甲二,2017-06-30,20\nB,乙,2017-06-30,3"
    assert registry.result("ledger", ledger) == ImportResult(inserted=2)
    assert registry.rows("enterprise", "code", "name", "closed_on", "district_code", "supersedes") == [
        ("A", "甲二", day("2020-01-01"), "3502", None),
        ("B", "乙", None, None, "A"),
    ]
    assert registry.result("ledger", ledger.replace("甲二", "甲三")) == ImportResult(changed=1, unchanged=1)


def test_ledger_removes_returns_of_its_dates_and_no_enterprise_when_replaced(registry: Registry) -> None:
    registry.load(TREES)
    registry.load(
        {"ledger": f"{LEDGER}\nA,甲,institution,,2017-06-30,,1,,\nB,乙,,,2017-06-30,,2,,\nB,乙,,,2016-06-30,,3,,"}
    )
    result = registry.result("ledger", "code,name,reported_on\nA,甲,2017-06-30", mode="replace")
    assert result == ImportResult(changed=1, deleted=1)
    assert registry.rows("enterprise", "code", "kind") == [("A", "institution"), ("B", "enterprise")]
    assert registry.rows("enterprise_return", "enterprise_code", "headcount") == [("A", None), ("B", 3)]


def test_ledger_removes_returns_alone_when_its_keys_are_deleted(registry: Registry) -> None:
    registry.load(TREES, {"ledger": f"{LEDGER}\nA,甲,,,2017-06-30,,1,,"})
    assert registry.result("ledger", "code,reported_on\nA,2017-06-30", mode="delete").deleted == 1
    assert registry.rows("enterprise", "code") == [("A",)]
    assert registry.rows("enterprise_return", "enterprise_code") == []


def test_trees_come_in_any_order_when_a_child_stands_before_its_parent(registry: Registry) -> None:
    rows = TREES["districts"].splitlines()
    registry.load({"districts": "\n".join([rows[0], *reversed(rows[1:])])})
    assert len(registry.rows("district", "code")) == 5


def test_indexes_are_there_again_when_they_were_dropped_for_many_rows(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = make_sync_engine(registry.settings.registry_url)
    registry.load(TREES, PEOPLE)
    before = inspect(engine).get_indexes("employment")
    dropped, drop = [], writing._dropped

    def watched(connection: Connection, table: Table) -> bool:
        dropped.append(table.name)
        return drop(connection, table)

    monkeypatch.setattr(writing, "MANY_ROWS", 1)
    monkeypatch.setattr(writing, "_dropped", watched)
    registry.load({"employments": "member_ref,enterprise_code,start_on\nm1,B,2016-01-01\nm2,A,2016-01-01"})
    assert dropped == ["employment"]
    assert [one["name"] for one in before] == ["ix_employment_enterprise_code"]
    assert inspect(engine).get_indexes("employment") == before
    assert registry.rows("employment", "member_ref", "enterprise_code") == [("m1", "B"), ("m2", "A")]
    engine.dispose()
