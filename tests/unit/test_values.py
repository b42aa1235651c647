"""Every value of an enumeration has its Chinese, the one that imports take too."""

from collections.abc import Iterator
from enum import StrEnum

import pytest

from app.catalogue import vocabulary
from app.catalogue.data_quality import QualityRule, QualitySubject
from app.catalogue.metrics import Status
from app.catalogue.values import chinese_of, chinese_values
from app.imports.tables import table
from app.statistics.comparison import ComparisonClass
from app.statistics.establishment_gaps import Nearness
from app.statistics.establishment_proposals import ProposalKind
from app.statistics.low_membership import RatioReference
from app.statistics.trends import SeriesBreak


def enumerations() -> Iterator[type[StrEnum]]:
    for found in vars(vocabulary).values():
        if isinstance(found, type) and issubclass(found, StrEnum) and found is not StrEnum:
            yield found
    yield from (
        QualityRule,
        QualitySubject,
        Status,
        Nearness,
        ProposalKind,
        ComparisonClass,
        RatioReference,
        SeriesBreak,
    )


@pytest.mark.parametrize("enumeration", [*enumerations()], ids=lambda it: it.__name__)
def test_every_value_has_its_chinese(enumeration: type[StrEnum]) -> None:
    words = chinese_values(enumeration.__name__)
    assert set(words) == {value.value for value in enumeration}
    assert len(set(words.values())) == len(words)


def test_files_say_what_imports_take() -> None:
    for row in table("values_zh.csv"):
        assert chinese_values(row["enumeration"])[row["value"]] == row["accepted_zh"].split(";")[0]


def test_a_cell_with_several_values_has_them_all_in_chinese() -> None:
    said = {
        column: chinese_of(column) for column in ("means", "candidates", "district_level", "code", "joint_branch_kind")
    }
    cells = {"means": "joint;trade_union", "candidates": "SM-1 (same_site);x (same_street)", "district_level": "street"}
    assert {column: word(cells[column]) for column, word in said.items() if word is not None and column in cells} == {
        "means": "联合组建；工会",
        "candidates": "SM-1（同一园区楼宇）;x（同一街道）",
        "district_level": "乡级",
    }
    assert (said["code"], said["joint_branch_kind"] is None) == (None, False)
