"""The page has every word in both languages, and the words of rules are those of the service."""

import re
from importlib.resources import files

from app.imports.datasets import DATASETS
from app.imports.issues import Rule
from app.messages import translation_table

PAGE = files("app.api.dashboard").joinpath("page")
LANGUAGES = ("zh.js", "en.js")
SCRIPTS = {
    file.name: file.read_text(encoding="utf-8")
    for file in PAGE.iterdir()
    if file.name.endswith(".js") and file.name not in LANGUAGES
}


def keys(name: str) -> set[str]:
    """Return the paths of all keys of a language, `rules.required`; texts and functions are left out."""
    text = PAGE.joinpath(name).read_text(encoding="utf-8").partition("export default {")[2]
    texts = r'"(?:[^"\\]|\\.)*"(\s*:(?!:))?|`(?:[^`$]|\$(?!\{)|\$\{(?:[^{}`]|`[^`]*`)*\})*`'
    code = re.sub(texts, lambda found: f"'{found[0][1 : found[0].rindex(chr(34))]}':" if found[1] else "''", text)
    code = re.sub(r"\?[^,\n]*? : ", "", code)
    found, path, key = set[str](), list[str](), ""
    for token in re.findall(r"'[^']*'(?=\s*:)|[\w-]+(?=\s*:)|[{}]", code):
        if token == "{":
            path.append(key)
        elif token == "}":
            if not path:
                break
            path.pop()
        else:
            key = token.strip("'")
            found.add(".".join([*path, key]))
    return found


def test_both_languages_have_all_words() -> None:
    assert len(keys("zh.js")) > 250
    assert keys("zh.js") == keys("en.js")


def test_every_word_that_the_page_asks_for_is_there() -> None:
    asked = {name for script in SCRIPTS.values() for name in re.findall(r"\bt\.(\w+)", script)}
    asked |= set(re.findall(r'data-text="(\w+)"', PAGE.joinpath("index.html").read_text(encoding="utf-8")))
    asked |= {f"sentence.{name}" for name in re.findall(r"\bs\.(\w+)", SCRIPTS["sentence.js"])}
    assert asked - keys("zh.js") == set()


def test_every_word_is_used() -> None:
    """A word that no script asks for is a leftover; those asked for by a code are looked for as codes."""
    whole = "\n".join([*SCRIPTS.values(), PAGE.joinpath("index.html").read_text(encoding="utf-8")])
    named = {name for name in keys("zh.js") if "." not in name}
    by_code = {
        "low_base",
        "unreliable",
        "inconsistent",
        "unknown",
        "not_applicable",
        "protected",
        "register",
        "returns",
    }
    unused = {
        name for name in named - by_code if not re.search(rf"\bt\.{name}\b|data-text=.{name}\b|[\"\[]{name}\b", whole)
    }
    assert unused == set()


def test_rules_and_datasets_of_the_page_are_those_of_the_service() -> None:
    text = PAGE.joinpath("zh.js").read_text(encoding="utf-8")
    rules = dict(re.findall(r'(\w+): "([^"]*)"', text[: text.index("export default")]))
    assert rules == {row["en"]: row["zh"] for row in translation_table("rules")}
    assert set(rules) == {rule.value for rule in Rule}
    listed = re.search(r"const DATASETS = \[(.*?)\]", SCRIPTS["upload.js"], re.DOTALL)
    assert listed is not None
    assert set(re.findall(r'"([\w-]+)"', listed[1])) == set(DATASETS)


def test_what_the_page_writes_itself_is_in_its_words() -> None:
    for name, text in SCRIPTS.items():
        script = re.sub(r"^\s*(?://|/\*\*|\*)[^\n]*|// [^\n]*|/\*\*[^\n]*\*/", "", text, flags=re.MULTILINE)
        assert re.findall(r'"[A-Z][a-z]+ [a-z ]+[.…]?"', script) == [], name
        assert re.findall("[\u4e00-\u9fff]", script.replace('"业"', "")) == [], name


def test_scripts_are_short() -> None:
    long = {name: text.count("\n") for name, text in SCRIPTS.items() if text.count("\n") > 400}
    assert long == {}
