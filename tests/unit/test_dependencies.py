"""What the service installs is what it uses, and the architecture says for what."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
BY_NAME = {"aiosqlite", "fastapi-offline", "httptools", "psycopg", "tzdata", "uvloop"}
"""Named in an address, a setting or a path of package data instead of an import."""


def declared() -> set[str]:
    """The distributions that the service depends on."""
    return {re.split(r"[\[>;= ]", line)[0] for line in PROJECT["dependencies"]}


def imported(package: str = "app") -> set[str]:
    """The distributions that modules of the service import, or of the client, lazily or not."""
    owners = packages_distributions()
    found = set[str]()
    for path in (ROOT / package).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            found |= {name.partition(".")[0] for name in names}
    outside = found - {"app", "orgcoverage", *sys.stdlib_module_names}
    return {owners[name][0].lower().replace("_", "-") for name in outside}


def test_every_dependency_is_used_when_the_service_declares_it() -> None:
    assert declared() - imported() - BY_NAME == set()
    texts = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "app").rglob("*.py"))
    assert {name for name in BY_NAME if name.replace("-", "_") not in texts and name != "tzdata"} == set()


def test_client_imports_what_its_extra_installs_when_listed() -> None:
    extra = {re.split(r"[\[>;= ]", line)[0] for line in PROJECT["optional-dependencies"]["client"]}
    assert imported("orgcoverage") == extra


def test_stores_need_what_their_extra_installs_and_nothing_else_does_when_listed() -> None:
    extra = {re.split(r"[\[>;= ]", line)[0] for line in PROJECT["optional-dependencies"]["store"]}
    replication = Path("app", "snapshots", "replication")
    assert extra <= imported(str(replication))
    others = [path for path in (ROOT / "app").rglob("*.py") if path.parent != ROOT / replication]
    naming = re.compile(r"import (obstore|cryptography)|from (obstore|cryptography)")
    assert [path for path in others if naming.search(path.read_text(encoding="utf-8"))] == []


def test_clusters_need_what_their_extra_installs_and_nothing_else_does_when_listed() -> None:
    extra = {re.split(r"[\[>;= ]", line)[0] for line in PROJECT["optional-dependencies"]["spark"]}
    assert extra == {packages_distributions()["pyspark"][0]}
    naming = re.compile("^ *(import|from) pyspark", re.MULTILINE)
    loading = [path for path in (ROOT / "app").rglob("*.py") if naming.search(path.read_text(encoding="utf-8"))]
    assert loading == [ROOT / "app" / "snapshots" / "engines.py"]


def test_every_dependency_is_explained_when_the_architecture_lists_them() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8").partition("## Dependencies")[2]
    assert {name for name in declared() if name not in text and name.rpartition("-")[2] not in text} == set()
