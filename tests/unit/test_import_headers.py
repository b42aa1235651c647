from collections.abc import Sequence

import pytest

from app.errors import ErrorItem
from app.imports.datasets import DATASETS
from app.imports.headers import HeaderRefused, match_titles


def names(titles: Sequence[str], dataset: str, **options: bool) -> list[str | None]:
    return [
        None if field.column is None else field.column.name
        for field in match_titles(titles, DATASETS[dataset], **options)
    ]


def refused(titles: Sequence[str], dataset: str, **options: bool) -> dict[str, ErrorItem]:
    with pytest.raises(HeaderRefused) as caught:
        match_titles(titles, DATASETS[dataset], **options)
    return {error.pointer.removeprefix("body/columns/"): error for error in caught.value.errors}


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
    assert "looks like a person's name" in errors["姓 名"].message
    assert "looks like a telephone" in errors["phoneNumber"].message
    assert "looks like an identity number" in errors["身份证号码"].message
    assert errors["ref"].message == "column ref stands 2 times: 编号, ref"
    assert errors["joined_on"].allowed == ("joined_on", "入党日期")


def test_the_closest_columns_are_offered_when_a_title_is_unknown() -> None:
    assert refused(["enterprise_code", "reported_on", "head count s"], "returns")["head count s"].allowed == (
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
    ],
)
@pytest.mark.parametrize("dataset", DATASETS)
def test_titles_that_speak_of_a_person_are_refused_though_unknown_ones_are_passed_over(
    title: str, dataset: str
) -> None:
    required = [column.name for column in DATASETS[dataset].columns if column.required]
    (error,) = refused([*required, title], dataset, ignore_unknown=True).values()
    assert "is refused" in error.message


@pytest.mark.parametrize("dataset", ["members", "employments", "affiliations"])
def test_name_is_refused_where_rows_are_persons(dataset: str) -> None:
    required = [column.name for column in DATASETS[dataset].columns if column.required]
    assert "is refused" in refused([*required, "name"], dataset, ignore_unknown=True)["name"].message


def test_own_columns_are_never_refused() -> None:
    assert names(["ref", "joined_on", "身份公开"], "members") == ["ref", "joined_on", "identity"]
    assert names(["code", "name"], "enterprises") == ["code", "name"]


def test_a_title_with_a_long_number_is_not_repeated() -> None:
    errors = refused(["张三11010519491231002X", "joined_on"], "members")
    assert "no. 1" in errors
    assert not any("1949" in error.message for error in errors.values())


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
    assert errors["nmae 0"].allowed == ("name",)
    assert errors["nmae 399"].allowed == ()
