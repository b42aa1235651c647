from collections.abc import Sequence

import pytest

from app.errors import ErrorItem
from app.imports.datasets import DATASETS
from app.imports.headers import HeaderRefused, header_place, match_titles
from app.imports.spellings import column_named
from app.imports.tables import table


def names(titles: Sequence[str], dataset: str, **options: bool) -> list[str | None]:
    return [
        None if field.column is None else field.column.name
        for field in match_titles(titles, DATASETS[dataset], **options)
    ]


def refused(titles: Sequence[str], dataset: str, **options: bool) -> dict[str, ErrorItem]:
    with pytest.raises(HeaderRefused) as caught:
        match_titles(titles, DATASETS[dataset], **options)
    return {error.place.removeprefix("column/"): error for error in caught.value.errors}


@pytest.mark.parametrize(
    "titles",
    [
        ["ref", "joined_on"],
        ["编号", "入党日期"],
        [" 党员编号 ", "\u3000入党\n日期"],
        ["ＲＥＦ", "Joined_On"],
        ["\ufeffref", "ｊｏｉｎｅｄ＿ｏｎ"],
    ],
)
def test_titles_are_matched_when_written_otherwise(titles: Sequence[str]) -> None:
    assert names(titles, "members") == ["ref", "joined_on"]


def test_one_word_means_different_columns_in_different_datasets() -> None:
    assert names([*["行业代码", "门类", "名称"][:1], "级别", "名称"], "industries") == ["code", "level", "name_zh"]
    assert names(["信用代码", "名称", "行业代码"], "enterprises") == ["code", "name", "industry_code"]


def test_all_problems_are_named_at_once() -> None:
    errors = refused(["编号", "ref", "headcuont", "姓 名", "phoneNumber", "身份证号码"], "members")
    assert list(errors) == ["headcuont", "姓 名", "phoneNumber", "身份证号码", "ref", "joined_on"]
    assert "looks like a person's name" in str(errors["姓 名"].message)
    assert "looks like a telephone" in str(errors["phoneNumber"].message)
    assert "looks like an identity number" in str(errors["身份证号码"].message)
    assert str(errors["ref"].message) == "column ref stands 2 times: 编号, ref"
    assert errors["joined_on"].suggestions[:2] == ("joined_on", "入党日期")
    name = errors["姓 名"]
    assert name.message.said("zh") == "不接收“姓 名”列：疑似姓名，属个人信息，请删去该列"


def test_the_closest_columns_are_offered_when_a_title_is_unknown() -> None:
    assert refused(["enterprise_code", "reported_on", "head count s"], "returns")["head count s"].suggestions[:1] == (
        "headcount",
    )


def test_unknown_titles_are_passed_over_when_asked() -> None:
    assert names(["ref", "joined_on", "remark"], "members", ignore_unknown=True) == ["ref", "joined_on", None]


@pytest.mark.parametrize(
    "title",
    [
        "姓名",
        "党员姓名",
        "联系人",
        "身份证号",
        "身份证号码",
        "公民身份号码",
        "手机号",
        "手机",
        "电话",
        "联系电话",
        "Full Name",
        "id_card",
        "ID No.",
        "mobilePhone",
        "TEL",
        "identity number",
        "ＰＨＯＮＥ",
        "负责人",
        "联系人电话",
        "法人",
        "党支部书记",
        "党建指导员",
        "填表人",
        "微信号",
        "家庭住址",
    ],
)
@pytest.mark.parametrize("dataset", DATASETS)
def test_titles_that_speak_of_a_person_are_refused_though_unknown_ones_are_passed_over(
    title: str, dataset: str
) -> None:
    required = [column.name for column in DATASETS[dataset].columns if column.required]
    (error,) = refused([*required, title], dataset, ignore_unknown=True).values()
    assert "is refused" in str(error.message)


@pytest.mark.parametrize("dataset", ["members", "employments", "affiliations"])
def test_name_is_refused_where_rows_are_persons(dataset: str) -> None:
    required = [column.name for column in DATASETS[dataset].columns if column.required]
    assert "is refused" in str(refused([*required, "name"], dataset, ignore_unknown=True)["name"].message)


def test_own_columns_are_never_refused() -> None:
    assert names(["ref", "joined_on", "身份公开"], "members") == ["ref", "joined_on", "identity"]
    assert names(["code", "name"], "enterprises") == ["code", "name"]


def test_a_title_with_a_long_number_is_not_repeated() -> None:
    errors = refused(["张三11010519491231002X", "joined_on"], "members")
    assert "no. 1" in errors
    assert not any("1949" in str(error.message) for error in errors.values())


def test_keys_suffice_when_rows_are_to_be_deleted() -> None:
    titles = ["member_ref", "branch_code", "role", "start_on", "end_on"]
    assert names(titles, "affiliations", keys_only=True) == ["member_ref", "branch_code", "role", "start_on", None]
    assert list(refused(["member_ref"], "affiliations", keys_only=True)) == ["branch_code", "role", "start_on"]
    assert names(["code"], "enterprises", keys_only=True) == ["code"]


def test_a_column_without_a_title_must_be_blank_unless_unknown_ones_are_passed_over() -> None:
    assert [f.must_be_blank for f in match_titles(["ref", "joined_on", " "], DATASETS["members"])] == [
        False,
        False,
        True,
    ]
    fields = match_titles(["ref", "joined_on", ""], DATASETS["members"], ignore_unknown=True)
    assert not any(field.must_be_blank for field in fields)


def test_hundreds_of_unknown_titles_are_all_named_though_few_with_suggestions() -> None:
    errors = refused([f"nmae {place}" for place in range(400)], "enterprises")
    assert len(errors) == 402
    assert errors["nmae 0"].suggestions == ("name",)
    assert errors["nmae 399"].suggestions == ()


HEADERS = [
    (dataset, row["column"], title)
    for row in table("headers_zh.csv")
    for dataset in row["applies_to"].split(";")
    for title in row["accepted_zh"].split(";")
]


@pytest.mark.parametrize(("dataset", "column", "title"), HEADERS)
def test_every_chinese_header_names_its_column_and_no_other(dataset: str, column: str, title: str) -> None:
    declared = DATASETS[dataset]
    others = [other.name for other in declared.columns if other.required and other.name != column]
    assert names([*others, title], dataset)[-1] == column
    assert names([*others, f" {title}（人）"], dataset)[-1] == column
    assert names([*others, f"＊{title}"], dataset)[-1] == column


def test_every_header_says_where_it_is_used() -> None:
    assert all(row["source"] for row in table("headers_zh.csv"))


@pytest.mark.parametrize(
    ("title", "column"),
    [
        ("职工人数\n（人）", "headcount"),
        ("其中：女党员", "members_women"),
        ("其中女党员", "members_women"),
        ("党员总数（名）：", "members"),
        ("填报日期（必填）", "reported_on"),
    ],
)
def test_marks_and_units_around_a_header_do_not_matter(title: str, column: str) -> None:
    named = column_named(title, DATASETS["ledger"])
    assert named is not None
    assert named.name == column


@pytest.mark.parametrize("title", ["职工人数（万人）", "职工人数（上年）", "非党员人数", "党员人数增长率"])
def test_what_changes_the_meaning_of_a_header_does_matter(title: str) -> None:
    assert column_named(title, DATASETS["ledger"]) is None


@pytest.mark.parametrize("title", ["序号", " 序 号 ", "备注", "备 注", "Remarks", "问题说明"])
def test_running_numbers_and_remarks_are_left_out_without_an_error(title: str) -> None:
    assert names(["ref", "joined_on", title], "members") == ["ref", "joined_on", None]


def test_the_header_is_the_first_row_of_which_most_cells_are_known() -> None:
    title, unit = ("2026年上半年非公企业党建台账",), ("填报单位：梧村街道", "", "2026年6月30日")
    header = ("序号", "统一社会信用代码", "企业名称", "填报日期", "职工人数", "片区")
    rows = [title, (), unit, header, ("1", "A", "甲", "2026-06-30", "5", "东")]
    assert header_place(rows, DATASETS["ledger"]) == 3
    assert header_place([("统计日期", "2026-06-30"), *rows], DATASETS["ledger"]) == 4
    assert header_place([("企业名称",), header], DATASETS["ledger"]) == 1
    assert header_place([("code",), ("A",)], DATASETS["enterprises"]) == 0
    assert header_place([(), ("code", "nmae", "knid"), ("1", "2", "3")], DATASETS["enterprises"]) == 1
    assert header_place([("sex", "Sex", "no", "One of"), ("ref", "joined_on")], DATASETS["members"]) == 1
