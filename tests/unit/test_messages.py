"""Everything that people are told is told in both languages, with the same values: answers, issues, terminal."""

import ast
import importlib
import pkgutil
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

import app
from app.api.http.openapi import kinds, meaning_of
from app.cli.commands import cli
from app.cli.usage import usage_texts
from app.errors import ServiceError
from app.imports.datasets import DATASETS
from app.imports.issues import Rule, Severity
from app.jobs.records import INTERRUPTED
from app.jobs.steps import EXHAUSTED, UNEXPECTED
from app.messages import (
    TABLES,
    Message,
    placeholders,
    say,
    terminal_language,
    together,
    translation_table,
    translations,
)
from app.registry.entities import CODE_RULE, ENTITIES
from app.statistics.trends import NOUNS

ROOT = Path(app.__file__).parent

_PLACES = {
    "say": 0, "tell": 0, "told": 0, "UnreadableFile": 0, "SheetNeeded": 0, "ColumnRefused": 0, "HeaderRefused": 0,
    "finding": 2, "Outcome": 2, "RowFinding": 3, "mark": 3, "row_issue": 4, "show_progress": 0,
}  # fmt: skip
"""Calls that take a sentence, and at which place."""


def modules() -> Iterator[tuple[Path, ast.Module]]:
    for path in sorted(ROOT.rglob("*.py")):
        yield path, ast.parse(path.read_text(encoding="utf-8"))


def sentences() -> Iterator[tuple[str, str]]:
    """Yield every sentence in the code, and where it stands."""
    for path, tree in [*modules(), *migrations()]:
        for node in ast.walk(tree):
            for text, line in _said(node):
                yield text, f"{path.name}:{line}"


def migrations() -> Iterator[tuple[Path, ast.Module]]:
    for path in sorted((ROOT.parent / "alembic" / "versions").glob("*.py")):
        yield path, ast.parse(path.read_text(encoding="utf-8"))


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


SENTENCES = dict(sentences())


def phases() -> Iterator[str]:
    """Yield the phases that long work reports."""
    for _, tree in modules():
        for node in ast.walk(tree):
            name = getattr(getattr(node, "func", None), "attr", getattr(getattr(node, "func", None), "id", ""))
            if isinstance(node, ast.Call) and name in {"report", "_report"}:
                for argument in node.args:
                    yield from (text for text, _ in _texts(argument))


PHASES = set(phases()) | {"waiting for its turn"}


def words() -> set[str]:
    """Return what is said besides: kinds of problems, datasets, things, what stands in variables."""
    for module in pkgutil.walk_packages(app.__path__, "app."):
        if not module.name.endswith(("__main__", "app.asgi")):
            importlib.import_module(module.name)
    found = {text for kind in kinds(ServiceError) if kind.__module__.startswith("app.") for text in _of(kind)}
    found |= {problem.title for problem in (INTERRUPTED, EXHAUSTED, UNEXPECTED)}
    found |= {*Rule, *Severity, *PHASES, *usage_texts(cli)}
    found |= {*DATASETS, CODE_RULE, *NOUNS.values(), "population", "register"}
    return found | {entity.noun for entity in ENTITIES.values()}


def _of(kind: type[ServiceError]) -> tuple[str, str]:
    return kind.title, meaning_of(kind)


def test_every_sentence_has_its_chinese() -> None:
    assert len(SENTENCES) > 300
    assert {text: place for text, place in SENTENCES.items() if text not in translations()} == {}


def test_every_kind_of_problem_and_every_word_has_its_chinese() -> None:
    assert words() - translations().keys() == set()


def test_no_chinese_is_left_that_nobody_says() -> None:
    assert translations().keys() - SENTENCES.keys() - words() == set()


def test_no_sentence_is_translated_twice() -> None:
    rows = [row["en"] for name in TABLES for row in translation_table(name)]
    assert sorted(rows) == sorted(set(rows))


ROWS = [row for name in TABLES for row in translation_table(name)]


def test_both_languages_have_the_same_values() -> None:
    assert [row for row in ROWS if not {*placeholders(row["zh"])} <= {*placeholders(row["en"])}] == []
    lost = [row for row in ROWS if {*placeholders(row["en"])} - {*placeholders(row["zh"])}]
    assert lost == []


def test_chinese_is_chinese() -> None:
    plain = [re.sub(r"\{[^}]*\}|MB|\d,\d|“[^”]*”|`[^`]*`", "", row["zh"]) for row in ROWS]
    assert [text for text in plain if not re.search(r"[\u4e00-\u9fff]", text) and re.search(r"[A-Za-z]", text)] == []
    assert [text for text in plain if re.search(r"[,;:?!](?!/)", text)] == []
    assert [text for text in plain if "您" in text] == []


def test_a_value_has_its_own_word_in_chinese() -> None:
    message = say("must not be above {whole}", whole="members", whole_zh="党员人数")
    assert (str(message), message.said("zh")) == ("must not be above members", "不得大于党员人数")
    assert say("is not in {dataset}", dataset=say("branches")).said("zh").startswith("“党组织”中没有这个代码")
    assert say("is not in {dataset}", dataset="branches").said("zh").startswith("“branches”中没有这个代码")
    assert say("nobody has translated {this}", this="x").said("zh") == "nobody has translated x"


def test_several_messages_are_said_as_one() -> None:
    message = together([say("Must be a list"), say("Must be a text"), say("Must be a list")])
    assert (str(message), message.said("zh")) == ("Must be a list; Must be a text", "须为列表；须为文字")
    assert isinstance(message, Message)


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({}, "en"),
        ({"LANG": "C.UTF-8"}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LANG": "en_US.UTF-8", "LC_ALL": "", "LC_MESSAGES": "zh_TW"}, "zh"),
    ],
)
def test_the_terminal_has_the_language_of_its_environment(environment: Mapping[str, str], language: str) -> None:
    assert terminal_language(environment) == language
