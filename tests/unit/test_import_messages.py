"""Everything that imports say is said in Chinese too, with the same values."""

import ast
import re
import string
from collections.abc import Iterator
from pathlib import Path

import pytest

import app.imports
from app.imports.datasets import DATASETS
from app.imports.messages import say, translations
from app.imports.tables import table
from app.registry.entities import CODE_RULE
from app.registry.territory import OUTSIDE, not_inside

ROOT = Path(app.imports.__file__).parent

_PLACES = {
    "say": 0, "UnreadableFile": 0, "SheetNeeded": 0, "ColumnRefused": 0, "HeaderRefused": 0, "finding": 2, "Outcome": 2,
    "RowFinding": 3, "mark": 3, "row_issue": 4,
}  # fmt: skip
"""Calls that take a sentence, and at which place."""


def sentences() -> Iterator[tuple[str, str]]:
    """Yield every sentence in the modules of imports, and where it stands."""
    for path in sorted(ROOT.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            for text, line in _said(node):
                yield f"{path.name}:{line}", text


def _said(node: ast.AST) -> Iterator[tuple[str, int]]:
    if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") in {"message", "template"}:
        yield from _texts(node.value)
    if isinstance(node, ast.Call):
        name = getattr(node.func, "id", getattr(node.func, "attr", ""))
        place = _PLACES.get(name, len(node.args))
        if place < len(node.args):
            yield from _texts(node.args[place])


def _texts(node: ast.expr) -> Iterator[tuple[str, int]]:
    if isinstance(node, ast.IfExp):
        yield from _texts(node.body)
        yield from _texts(node.orelse)
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value, node.lineno


SENTENCES = {sentence: place for place, sentence in sentences()}


def test_sentences_are_found() -> None:
    assert len(SENTENCES) > 80


@pytest.mark.parametrize(("sentence", "place"), SENTENCES.items())
def test_a_sentence_has_its_chinese(sentence: str, place: str) -> None:
    assert sentence in translations(), place


OF_SCOPES = (
    OUTSIDE,
    f"the return that is there {OUTSIDE}",
    f"without a return that would go it {OUTSIDE}",
    *(not_inside(dataset) for dataset in ("enterprises", "branches", "members")),
)


def test_no_chinese_is_left_that_nobody_says() -> None:
    said = {*SENTENCES, *OF_SCOPES, *DATASETS, "register", CODE_RULE}
    assert set(translations()) == said


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("row", table("messages.csv"), ids=lambda row: row["en"][:30])
def test_both_languages_have_the_same_values_and_chinese_is_chinese(row: dict[str, str]) -> None:
    assert fields(row["zh"]) <= fields(row["en"])
    assert re.search(r"[\u4e00-\u9fff]", row["zh"])
    assert not re.search(r"[,;:?!]", re.sub(r"\d,\d", "", row["zh"]))


def test_a_value_has_its_own_word_in_chinese() -> None:
    message = say("must not be above {whole}", whole="members", whole_zh="党员人数")
    assert (str(message), message.said("zh")) == ("must not be above members", "不得大于党员人数")
    assert say("is not in {dataset}", dataset="branches").said("zh").startswith("“党组织”中没有这个代码")
    assert say("nobody has translated {this}", this="x").said("zh") == "nobody has translated x"
