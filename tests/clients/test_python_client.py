"""A Python client generated from the document: no warning, and it reads what a live server answers."""

import importlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from app.config import Settings
from app.main import create_app
from tests.api.examples import DOCUMENT
from tests.live import live

NAME = "orgcoverage_generated_client"


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    """Generate the client and import it; whatever the generator has to say is an error."""
    folder = tmp_path_factory.mktemp("client")
    scripts = Path(sys.executable).parent
    told = subprocess.run(
        [scripts / "openapi-python-client", "generate", "--path", DOCUMENT, "--output-path", folder / NAME,
         "--meta", "none", "--fail-on-warning"],
        capture_output=True, text=True, check=False, cwd=folder,
        env={**os.environ, "PATH": f"{scripts}:{os.environ['PATH']}"},
    )  # fmt: skip
    assert told.returncode == 0, told.stdout + told.stderr
    assert "warning" not in (told.stdout + told.stderr).lower()
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        yield importlib.import_module(NAME)


@pytest.fixture(scope="module")
def client(generated: ModuleType, siming: Settings) -> Iterator[Any]:
    with live(create_app(siming)) as address, generated.Client(base_url=address) as opened:
        yield opened


def operation(name: str, tag: str = "statistics") -> Any:
    return importlib.import_module(f"{NAME}.api.{tag}.{name}")


def model(name: str) -> Any:
    return getattr(importlib.import_module(f"{NAME}.models"), name)


def test_districts_are_read_as_typed_objects(client: Any) -> None:
    page = operation("list_district_statistics").sync(client=client, parent="350203")
    assert isinstance(page, model("DistrictStatisticsPage"))
    assert [row.district.level for row in page.data] == [model("DistrictLevel").STREET] * len(page.data)
    assert page.total.counts.members == sum(row.counts.members for row in page.data) + page.unallocated.counts.members
    ratio = page.data[0].rates.member_ratio
    assert ratio.value == ratio.numerator / ratio.denominator


def test_pages_are_followed_to_their_end(client: Any) -> None:
    listing = operation("list_enterprise_statistics")
    codes: list[str] = []
    asked: dict[str, Any] = {}
    while True:
        page = listing.sync(client=client, limit=100, **asked)
        codes += [row.enterprise.code for row in page.data]
        if page.next_cursor is None:
            break
        asked = {"cursor": page.next_cursor}
    assert len(set(codes)) == len(codes) == page.meta.rows


def test_a_problem_is_read_as_a_problem(client: Any) -> None:
    answer = operation("list_district_statistics").sync_detailed(client=client, parent="999999")
    assert answer.status_code == 422
    assert isinstance(answer.parsed, model("Problem"))
    assert answer.parsed.errors[0].pointer == "query/parent"


def test_a_file_is_read_as_bytes(client: Any) -> None:
    export = operation("export_district_statistics")
    file = export.sync(model("FileFormat").CSV, client=client, fields=[model("StatisticsField").MEMBERS])
    assert file.payload.read().startswith(b"row,code,name_zh,name_en,level,parent_code,members\r\n")


def test_every_operation_without_a_path_parameter_answers(client: Any) -> None:
    for tag, name in (
        ("statistics", "list_industry_statistics"),
        ("statistics", "list_industry_group_statistics"),
        ("statistics", "list_branch_statistics"),
        ("statistics", "list_basis_statistics"),
        ("snapshots", "list_snapshots"),
        ("catalogue", "get_catalogue"),
        ("service", "get_readiness"),
    ):
        answer = operation(name, tag).sync_detailed(client=client)
        assert answer.status_code == 200
        assert answer.parsed.to_dict()
