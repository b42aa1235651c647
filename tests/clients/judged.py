"""The document before linters and openapi-generator: neither has a doubt, and the clients are compiled.

Needs npm, and Java with its compiler, so that pytest does not find this file by itself: `bash .ci/clients` runs it.
"""

import os
import re
import shutil
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files
from pathlib import Path

import pytest

from tests.clients.generated import command, run
from tests.document import DOCUMENT

SOURCES = Path(__file__).parent

LANGUAGES = ("python", "typescript-fetch", "java")

QUIET = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"}

BRIEF = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
"""Options of Java for programs that soon end: they take half of the processor time."""

DOUBT = re.compile(r"\b(?:WARN|ERROR)\b.*|.*\bException\b.*")

OF_EVERY_DOCUMENT = ("OpenAPI 3.1 support is still in beta", "Failed to get the schema name: null")
"""Warnings that are not about this one: of any document of this version, and of any text in Python's models."""

GENERATED = """\
package javax.annotation;

public @interface Generated {
    String[] value();

    String date() default "";

    String comments() default "";
}
"""
"""Stands for the package with this annotation; all else that the Java client needs is in the generator's archive."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with the linters, the document and its clients; two programs at once made them."""
    folder = tmp_path_factory.mktemp("judged") / "clients"
    shutil.copytree(SOURCES / "lint", folder, ignore=shutil.ignore_patterns("node_modules"))
    shutil.copy(DOCUMENT, folder / "openapi.json")
    programs = [["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"]]
    programs += [command("openapi-generator-cli", "generate", "-g", language) for language in LANGUAGES]
    brief = {"JDK_JAVA_OPTIONS": " ".join(BRIEF)}
    with ThreadPoolExecutor(2) as pool:
        told = dict(zip(("npm", *LANGUAGES), pool.map(lambda words: run(folder, words, brief), programs), strict=True))
    for language in LANGUAGES:
        (folder / f"{language}.log").write_text(told[language], encoding="utf-8")
    return folder


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_generator_has_no_doubt(made: Path, language: str) -> None:
    doubts: Iterable[str] = DOUBT.findall((made / f"{language}.log").read_text(encoding="utf-8"))
    assert [doubt for doubt in doubts if not any(known in doubt for known in OF_EVERY_DOCUMENT)] == []


def test_questions_are_answered_when_the_python_client_asks(made: Path, address: str) -> None:
    path = {"PYTHONPATH": os.pathsep.join([str(made / "client-python"), *filter(None, sys.path)])}
    told = run(made, [sys.executable, "-W", "error", str(SOURCES / "asked.py"), address], path)
    assert told == "5 questions answered\n"


def test_the_typescript_client_compiles_strictly(made: Path) -> None:
    strict = ["--strict", "--noEmit", "--target", "es2022", "--module", "nodenext"]
    assert run(made, ["npx", "tsc", *strict, "client-fetch/index.ts"]) == ""


def test_the_java_client_compiles(made: Path) -> None:
    annotation = made / "javax" / "annotation" / "Generated.java"
    annotation.parent.mkdir(parents=True)
    annotation.write_text(GENERATED, encoding="utf-8")
    sources = [*(made / "client-java" / "src" / "main").rglob("*.java"), annotation]
    (made / "sources.txt").write_text("\n".join(map(str, sources)), encoding="utf-8")
    archive = str(files("openapi_generator_cli").joinpath("openapi-generator.jar"))
    run(
        made,
        [
            "javac",
            *(f"-J{option}" for option in BRIEF),
            "-proc:none",
            "-classpath",
            archive,
            "-d",
            "built",
            "@sources.txt",
        ],
    )
    assert list((made / "built").rglob("StatisticsApi.class"))


def test_redocly_finds_nothing(made: Path) -> None:
    run(made, ["npx", "redocly", "lint", "openapi.json", "--extends=recommended-strict"], QUIET)


def test_spectral_finds_nothing(made: Path) -> None:
    run(made, ["npx", "spectral", "lint", "openapi.json", "--ruleset", "spectral.yaml", "--fail-severity", "hint"])
