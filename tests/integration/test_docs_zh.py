"""What the Chinese documents say: README's commands; the headers, values, figures, rules and words that there are.

Links, paths, settings and commands are checked with those of all documents in `test_docs.py`.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from app.catalogue.data_quality import QUALITY_RULES
from app.catalogue.definitions import COLUMN_LABELS
from app.catalogue.dimensions import BASES
from app.catalogue.measures import BRANCH_MEASURES, MEASURES
from app.catalogue.metrics import BRANCH_METRICS, METRICS, Metric
from app.imports.columns import Dataset, Kind
from app.imports.datasets import DATASETS
from app.imports.issues import Rule
from app.imports.spellings import chinese_titles, choices_under, normal, yes_and_no
from tests.documentation.markdown import blocks, chapter, read

GUIDE, FIGURES, MISTAKES = (f"docs/zh/{name}.md" for name in ("从台账到报表", "指标口径", "常见错误"))
DOCUMENTS = ("README.zh.md", GUIDE, FIGURES, MISTAKES)
SHEETS = dict(re.findall(r"^### [^\n（]+（([\w-]+)）\n(.*?)(?=^##)", read(GUIDE), re.MULTILINE | re.DOTALL))
"""The part of the guide below the heading of each dataset."""

LABELS = {measure.code: measure.label.zh for measure in (*BRANCH_MEASURES, *MEASURES)}
RATES = {metric.code: metric for metric in (*METRICS, *BRANCH_METRICS)}
FILES = {"CSV", "XLSX"}
"""Words of the page that are names of formats."""


def rows(text: str, *heads: str) -> list[list[str]]:
    """Return the rows of all tables of a text whose header begins with these cells."""
    found, inside = [], False
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")] if line.startswith("|") else []
        if not cells or cells[: len(heads)] == list(heads):
            inside = bool(cells)
        elif inside and set(cells[0]) != {"-"}:
            found.append(cells)
    assert found, heads
    return found


def column_of(dataset: Dataset, titles: Sequence[str]) -> str:
    """Return the column of a dataset that all of these titles name."""
    names = {name for name, known in chinese_titles(dataset).items() if set(titles) <= set(known)}
    assert len(names) == 1, (dataset.name, titles)
    return names.pop()


@pytest.mark.parametrize("title", ["统计日期", "五分钟启动", "用自己的台账"])
def test_chinese_readme_says_the_same_as_readme_when_compared(title: str) -> None:
    chinese, english = read("README.zh.md"), read("README.md")
    if title == "统计日期":
        told = ["| " + " | ".join(row).replace("%", " %") + " |" for row in rows(chinese, title)]
        assert told == re.findall(r"^\| 20\d\d-.*$", english, re.MULTILINE)
    else:
        same = {"五分钟启动": "Start", "用自己的台账": "A ledger, from template to figure"}[title]
        told = [block.text for block in blocks(chapter(chinese, title))]
        assert told == [block.text for block in blocks(chapter(english, same))][: len(told)]
        assert told


def test_addresses_are_readmes_when_the_chinese_readme_asks_its_questions() -> None:
    asked = [re.sub(r"[<>]", "", row[-1]) for row in rows(read("README.zh.md"), "问题", "答案")]
    missing = [address for address in asked if f"'{address}" not in read("README.md")]
    assert (len(asked), missing) == (6, [])


@pytest.mark.parametrize("name", SHEETS)
def test_headers_and_required_columns_are_those_taken_when_the_guide_names_them(name: str) -> None:
    dataset, required = DATASETS[name], set()
    for label, titles, _ in rows(SHEETS[name], "列", "认的表头"):
        column = column_of(dataset, titles.split("、"))
        required |= {column} if label.startswith("**") else set()
    assert required == {column.name for column in dataset.columns if column.required}


def test_every_sheet_that_offices_keep_is_in_the_guide_when_compared() -> None:
    assert {*SHEETS, "industries", "enterprises", "returns"} <= set(DATASETS)
    assert set(DATASETS) <= set(re.findall(r"`([\w-]+)`", chapter(read(GUIDE), "有哪些表，谁手里有")))


@pytest.mark.parametrize("name", SHEETS)
def test_values_are_those_taken_when_the_guide_names_them(name: str) -> None:
    columns = {column.name: column for column in DATASETS[name].columns}
    for _, titles, said in rows(SHEETS[name], "列", "认的表头"):
        column, usual = columns[column_of(DATASETS[name], titles.split("、"))], titles.split("、")[0]
        if column.kind in {Kind.ENUMERATION, Kind.BOOLEAN}:
            taken: Mapping[str, Any] = choices_under(column, usual) or yes_and_no()
            named = re.findall(r"`([^`]+)`", said)
            assert [value for value in named if normal(value) not in taken] == [], titles
            assert {taken[normal(value)] for value in named} == set(taken.values()), titles


def formula(metric: Metric) -> str:
    """Return a formula with the Chinese labels of its measures."""
    return re.sub(r"[a-z]\w+", lambda code: LABELS[code[0]], metric.formula.replace("/", "÷"))


def test_metrics_and_formulas_are_the_catalogues_when_told_in_chinese() -> None:
    told = {label: said for label, said, *_ in rows(read(FIGURES), "指标", "公式")}
    assert told == {metric.label.zh: formula(metric) for metric in RATES.values()}


def test_bases_counts_and_findings_are_the_catalogues_when_told_in_chinese() -> None:
    assert [row[0] for row in rows(read(FIGURES), "口径", "哪些单位")] == [basis.label.zh for basis in BASES]
    counts = [label for row in rows(read(FIGURES), "名称", "数的是谁") for label in row[0].split("、")]
    assert [label for label in counts if label not in LABELS.values()] == []
    findings = [label for row in rows(read(MISTAKES), "条目", "意思") for label in row[0].split("、")]
    assert set(findings) == {rule.label.zh for rule in QUALITY_RULES}


def test_every_rule_of_imports_is_told_when_a_report_is_sent_back() -> None:
    told = {cell for row in rows(read(MISTAKES), "规则", "意思") for cell in re.findall(r"^`(\w+)`$", row[0])}
    assert {str(rule) for rule in Rule} - told == set()


@pytest.mark.parametrize("name", DOCUMENTS)
def test_words_of_the_page_are_those_it_shows_when_named(name: str) -> None:
    shown = set(re.findall(r'"([^"]*)"', read("app/api/dashboard/page/zh.js")))
    shown |= {*LABELS.values(), *(label.zh for label in COLUMN_LABELS.values()), *FILES}
    assert {word for word in re.findall(r"【(.+?)】", read(name)) if word not in shown} == set()


@pytest.mark.parametrize("name", DOCUMENTS)
def test_readme_leads_to_the_chinese_documents_when_followed(name: str) -> None:
    assert f"({name})" in read("README.md")
