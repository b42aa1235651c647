import csv
from pathlib import Path

import pytest

from app.catalogue.vocabulary import Identity
from app.database.tables import METADATA
from app.imports.columns import Dataset, Kind
from app.imports.datasets import DATASETS, ENTERPRISE_COLUMNS_OF_LEDGER, UnknownDataset, find_dataset
from app.imports.spellings import chinese_titles, chinese_values, choices, columns_by_title, normal, yes_and_no

CONTRACT = {
    "districts": "*code parent_code *level *name_zh name_en",
    "industries": "*code parent_code *level *name_zh name_en",
    "industry-groups": "*group_code *name_zh name_en *industry_code",
    "enterprises": "*code *name kind registered_on closed_on district_code industry_code supersedes",
    "returns": "*enterprise_code *reported_on district_code industry_code ownership size_class operating "
    "fixed_premises above_designated_size headcount headcount_under_36 headcount_women headcount_college members "
    "full_members members_dual members_under_36 members_women members_college members_floating",
    "ledger": "*code *name kind registered_on closed_on *reported_on district_code industry_code ownership size_class "
    "operating fixed_premises above_designated_size headcount headcount_under_36 headcount_women headcount_college "
    "members full_members members_dual members_under_36 members_women members_college members_floating",
    "branches": "*code *name *kind parent_code *district_code form dual_affiliation industry_code industry_group "
    "established_on dissolved_on",
    "coverage": "*enterprise_code branch_code *means *start_on end_on",
    "branch-returns": "*branch_code *period_on *meetings attendances",
    "targets": "*metric *basis *due_on *value district_code industry_code industry_group sector source",
    "members": "*ref *joined_on full_since left_on birth_year sex education identity floating_since floating_until",
    "employments": "*member_ref *enterprise_code *start_on end_on",
    "affiliations": "*member_ref *branch_code *role *start_on end_on",
}


def test_datasets_have_the_columns_of_the_contract() -> None:
    declared = {
        name: " ".join(f"{'*' if column.required else ''}{column.name}" for column in dataset.columns)
        for name, dataset in DATASETS.items()
    }
    assert declared == CONTRACT


@pytest.mark.parametrize("dataset", DATASETS.values(), ids=list(DATASETS))
def test_every_column_has_chinese_headers_that_name_it_alone(dataset: Dataset) -> None:
    titles = chinese_titles(dataset)
    assert set(titles) == {column.name for column in dataset.columns}
    named = [normal(title) for name in titles for title in (name, *titles[name])]
    assert len(named) == len(set(named)) == len(columns_by_title(dataset))


@pytest.mark.parametrize("dataset", DATASETS.values(), ids=list(DATASETS))
def test_keys_are_columns_and_required_but_for_what_may_be_none(dataset: Dataset) -> None:
    optional = [name for name in dataset.key if not dataset.column(name).required]
    scope = ["district_code", "industry_code", "industry_group", "sector"]
    assert optional == {"coverage": ["branch_code"], "targets": scope}.get(dataset.name, [])


@pytest.mark.parametrize("dataset", DATASETS.values(), ids=list(DATASETS))
def test_columns_are_those_of_the_tables_they_fill(dataset: Dataset) -> None:
    stored = {column.name for table in dataset.tables for column in METADATA.tables[table].columns}
    renamed = {"industry-groups": {"group_code"}}.get(dataset.name, set())
    assert {column.name for column in dataset.columns} - renamed <= stored


@pytest.mark.parametrize("dataset", DATASETS.values(), ids=list(DATASETS))
def test_references_and_wholes_exist(dataset: Dataset) -> None:
    for column in dataset.columns:
        assert column.refers_to is None or column.refers_to in DATASETS
        assert column.part_of is None or dataset.column(column.part_of).kind is Kind.COUNT
        assert (column.enumeration is not None) == (column.kind is Kind.ENUMERATION)
    for order in dataset.orders:
        assert dataset.column(order.first).kind is dataset.column(order.second).kind is Kind.DATE


def test_every_value_has_chinese_words_and_no_word_two_values() -> None:
    enumerations = {
        c.enumeration for dataset in DATASETS.values() for c in dataset.columns if c.enumeration is not None
    }
    for enumeration in enumerations:
        words = [word for value in chinese_values(enumeration).values() for word in value]
        assert set(chinese_values(enumeration)) == set(enumeration)
        assert len(set(words)) == len(words) == len(choices(enumeration)) - len(enumeration)


def test_the_tables_of_words_name_nothing_that_is_not_declared() -> None:
    folder = Path(__file__).parents[2] / "app" / "imports"
    enumerations = {
        column.enumeration.__name__ for d in DATASETS.values() for column in d.columns if column.enumeration
    }
    with (folder / "values_zh.csv").open(encoding="utf-8") as rows:
        assert {row["enumeration"] for row in csv.DictReader(rows)} == enumerations | {"boolean"}
    with (folder / "headers_zh.csv").open(encoding="utf-8") as rows:
        for row in csv.DictReader(rows):
            for name in row["applies_to"].split(";"):
                assert DATASETS[name].column(row["column"])


def test_choices_hold_english_and_chinese_words() -> None:
    assert choices(Identity) == {"open": "open", "公开": "open", "withheld": "withheld", "不公开": "withheld"}
    assert yes_and_no() == dict.fromkeys(["true", "1", "yes", "是", "√", "有"], True) | dict.fromkeys(
        ["false", "0", "no", "否", "×", "无"], False
    )


def test_refs_are_hidden() -> None:
    assert {name: set(dataset.hidden) for name, dataset in DATASETS.items() if dataset.hidden} == {
        "members": {"ref"},
        "employments": {"member_ref"},
        "affiliations": {"member_ref"},
    }


def test_a_ledger_describes_the_enterprise_and_its_return() -> None:
    assert ENTERPRISE_COLUMNS_OF_LEDGER == ("code", "name", "kind", "registered_on", "closed_on")


def test_find_dataset_lists_all_names_when_unknown() -> None:
    with pytest.raises(UnknownDataset) as caught:
        find_dataset("people")
    assert caught.value.errors[0].place == "query/dataset"
    assert caught.value.errors[0].allowed == tuple(CONTRACT)
