"""The page has every word in both languages, and the words of rules are those of the service."""

import re
from importlib.resources import files

from app.imports.datasets import DATASETS
from app.imports.issues import Rule
from app.messages import translation_table

PAGE = files("app.api.dashboard").joinpath("page")
TEXT = PAGE.joinpath("text.js").read_text(encoding="utf-8")


def keys(language: str) -> set[str]:
    """Return the paths of all keys of a language, `rules.required`; texts and functions are left out."""
    start = TEXT.index(f"\n  {language}: {{") + len(f"\n  {language}: {{")
    found, path, name = set[str](), list[str](), ""
    code = re.sub(r'"(?:[^"\\]|\\.)*"|`[^`]*`', "''", TEXT[start:])
    for token in re.findall(r"'[\w-]*'|[\w-]+(?=\s*:)|[{}]", code):
        if token == "{":
            path.append(name)
        elif token == "}":
            if not path:
                break
            path.pop()
        elif token != "''":
            name = token
            found.add(".".join([*path, name]))
    return found


def test_both_languages_have_all_words() -> None:
    assert len(keys("zh")) > 100
    assert keys("zh") == keys("en")


def test_every_word_that_the_page_asks_for_is_there() -> None:
    scripts = [
        PAGE.joinpath(name).read_text(encoding="utf-8") for name in ("main.js", "sections.js", "parts.js", "upload.js")
    ]
    asked = {name for script in scripts for name in re.findall(r"\bt\.(\w+)", script)}
    asked |= set(re.findall(r'data-text="(\w+)"', PAGE.joinpath("index.html").read_text(encoding="utf-8")))
    assert asked - keys("zh") == set()


def test_rules_and_datasets_of_the_page_are_those_of_the_service() -> None:
    rules = dict(re.findall(r'(\w+): "([^"]*)"', TEXT[: TEXT.index("export const TEXT")]))
    assert rules == {row["en"]: row["zh"] for row in translation_table("rules")}
    assert set(rules) == {rule.value for rule in Rule}
    listed = re.search(r"const DATASETS = \[(.*?)\]", PAGE.joinpath("upload.js").read_text(encoding="utf-8"), re.DOTALL)
    assert listed is not None
    assert set(re.findall(r'"([\w-]+)"', listed[1])) == set(DATASETS)


def test_what_the_page_writes_itself_is_in_its_words() -> None:
    for name in ("main.js", "sections.js", "parts.js", "upload.js", "api.js", "charts.js"):
        script = re.sub(r"//[^\n]*", "", PAGE.joinpath(name).read_text(encoding="utf-8"))
        assert re.findall(r'"[A-Z][a-z]+ [a-z ]+[.…]?"', script) == [], name
        assert re.findall("[\u4e00-\u9fff]", script) == [], name
