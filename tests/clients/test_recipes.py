"""The recipes and the page of clients: their addresses answer, and have the columns that they name."""

import io
import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from python_calamine import CalamineWorkbook

from tests.clients.generated import PAGE, programs, run
from tests.documentation.commands import ADDRESS
from tests.documentation.markdown import blocks, chapter, read

RECIPES = "docs/recipes.md"
ADDRESSES = sorted(set(re.findall(rf"{ADDRESS}/[^\s`'\"<>)]+[^\s`'\"<>).,]", read(RECIPES) + read(PAGE))))
PANELS = re.findall(rf"^\| ([^|]+) \| `{ADDRESS}([^|`]+)` \| `?(\w*)`? ?\| (.+) \|$", read(RECIPES), re.MULTILINE)
QUERIES = [block.text for block in blocks(read(RECIPES)) if block.language == "powerquery"]

KINDS: Mapping[str, Callable[[Any], bool]] = {
    "type text": lambda value: isinstance(value, str),
    "type date": lambda value: re.fullmatch(r"\d{4}-\d\d-\d\d", value) is not None,
    "type number": lambda value: isinstance(value, float),
    "Int64.Type": lambda value: isinstance(value, int),
}
"""What a column of each type in M holds, where it is not null."""


@pytest.fixture(scope="module")
def service(address: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=address) as client:
        yield client


def answered(service: httpx.Client, url: str, params: Any = None) -> httpx.Response:
    answer = service.get(url.replace(ADDRESS, ""), params=params)
    assert answer.status_code == 200, answer.text
    return answer


@pytest.mark.parametrize("url", ADDRESSES)
def test_address_answers_what_its_ending_says(service: httpx.Client, url: str) -> None:
    answer = answered(service, url)
    path = answer.url.path
    if path.endswith(".records"):
        rows = answer.json()
        assert rows
        assert {type(value) for row in rows for value in row.values()} <= {str, int, float, bool, type(None)}
    elif path.endswith(".csv"):
        assert answer.headers["Content-Type"].startswith("text/csv")
        assert answer.content.startswith(b"\xef\xbb\xbf") == ("bom" in answer.url.params)
    elif path.endswith(".xlsx"):
        assert len(CalamineWorkbook.from_filelike(io.BytesIO(answer.content)).sheet_names) == 2
    elif path.endswith(".parquet"):
        assert answer.content.startswith(b"PAR1")
    else:
        assert answer.json()


@pytest.mark.parametrize(("what", "url", "root", "columns"), PANELS, ids=[panel[0] for panel in PANELS])
def test_panel_finds_its_columns(service: httpx.Client, what: str, url: str, root: str, columns: str) -> None:
    body = answered(service, url).json()
    rows = body[root] if root else body
    selectors = re.findall(r"`(\w+)`(?! *\))", columns)
    assert rows
    assert selectors
    assert [name for name in selectors if any(name not in row for row in rows)] == []
    if root:
        assert "next_cursor" in body, what


@pytest.mark.parametrize("query", QUERIES)
def test_power_query_finds_its_columns(service: httpx.Client, query: str) -> None:
    [(base, path, asked)] = re.findall(
        r'Web\.Contents\("([^"]+)", \[\s*RelativePath = "([^"]+)",\s*Query = \[(.*?)\]', query, re.DOTALL
    )
    assert base == ADDRESS
    params = [
        (name, value)
        for name, values in re.findall(r'(\w+) = (\{[^}]*\}|"[^"]*")', asked)
        for value in re.findall(r'"([^"]*)"', values)
    ]
    body = answered(service, f"/{path}", params).json()
    rows = body if isinstance(body, list) else body["data"]
    columns = re.findall(r'\{"(\w+)", ([\w. ]+)\}', query)
    assert rows
    assert columns
    for name, kind in columns:
        values = {row[name] for row in rows} - {None}
        assert values, name
        assert all(map(KINDS[kind], values)), (name, kind)


def test_pages_of_power_query_end_when_the_cursor_is_null(service: httpx.Client) -> None:
    codes: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = answered(service, "/v1/enterprises", {"limit": "100", **cursor}).json()
        codes += [row["code"] for row in page["data"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert len(codes) == len(set(codes)) > 200


def test_r_finds_its_columns(service: httpx.Client) -> None:
    [program] = [block.text for block in blocks(chapter(read(RECIPES), "R")) if block.language == "r"]
    [url] = re.findall(rf'"({ADDRESS}[^"]+)"', program)
    header = answered(service, url).text.partition("\r\n")[0].split(",")
    named = {*re.findall(r'(\w+) = "c"', program), *re.findall(r"\$(\w+)", program)}
    named |= set(re.findall(r'"(\w+)"', program.partition(", c(")[2]))
    assert len(named) == 8
    assert named <= set(header)


def test_pandas_prints_what_is_shown(address: str, tmp_path: Path) -> None:
    [(program, shown)] = programs("pandas", "python", page=RECIPES)
    assert run(tmp_path, [sys.executable, "-c", program.text.replace(ADDRESS, address)]) == shown.text


def test_page_names_the_versions_that_are_tested() -> None:
    package = json.loads((Path(__file__).parent / "typescript" / "package.json").read_text(encoding="utf-8"))
    tested = package["devDependencies"]
    named = dict(re.findall(r"([\w@/-]+)@(\d[\d.]*)", "\n".join(re.findall(r"^npm install .*$", read(PAGE), re.M))))
    assert named == {name: tested[name] for name in named}
    assert set(named) == set(tested) - {"@types/node"}
