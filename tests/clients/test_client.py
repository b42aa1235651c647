"""The Python client: frames of a live service, problems, repetition, imports; its documentation runs."""

import doctest
import inspect
import io
import json
import sys
import time
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import httpx
import pyarrow.parquet as pq
import pytest

import orgcoverage
from app.api.statistics.tables import TABLES
from app.catalogue.metrics import Status
from app.statistics.comparison import ComparisonClass
from app.statistics.establishment_proposals import ProposalKind
from app.statistics.targets import TargetState
from orgcoverage.frames import CLASSES, PROPOSALS, STATUSES, TARGET_STATES
from orgcoverage.imports import follow
from orgcoverage.operations import OPERATIONS
from orgcoverage.questions import Questions
from tests.clients.generated import PAGE, run
from tests.document import DOCUMENT
from tests.documentation.commands import ADDRESS
from tests.documentation.markdown import blocks, chapter, read

QUESTIONS: dict[str, dict[str, Any]] = {
    "districts": {"parent": "350203", "totals": True},
    "industries": {"level": "section", "district": ["350203"], "fields": "all"},
    "industry_groups": {"include_empty": True},
    "enterprises": {"district": "350203", "organised": False, "fields": "all"},
    "branches": {"fields": "all"},
    "breakdown": {"by": ["street", "ownership"], "fields": ["members", "member_ratio"], "totals": True},
    "trends": {"by": "industry_group", "fields": ["members", "work_coverage"], "compare_to": "previous"},
    "low_membership": {"by": "street", "district": "350203", "adjust": "division"},
    "changes": {"since": "2017-03-31", "by": "sector"},
    "establishment_gaps": {"industry_group": "internet"},
    "establishment_proposals": {"district": "350203"},
    "dual_affiliation": {"industry_group": "internet"},
    "data_quality": {},
    "targets": {"district": "350203"},
    "workplaces": {"branch": "SM-NET", "totals": True},
}
"""A question of each operation, with all that it has."""


@pytest.fixture(scope="module")
def service(address: str) -> Iterator[orgcoverage.Client]:
    with orgcoverage.connect(address) as client:
        yield client


@pytest.mark.parametrize("operation", QUESTIONS)
def test_frame_holds_the_records_file_when_asked(address: str, service: orgcoverage.Client, operation: str) -> None:
    frame = getattr(service, operation)(**QUESTIONS[operation])
    written = io.BytesIO()
    service.export_file(operation, written, "records", **QUESTIONS[operation])
    rows = json.loads(written.getvalue())
    assert list(frame.columns) == list(rows[0])
    again = json.loads(frame.to_json(orient="records", date_format="iso", date_unit="s", double_precision=15))
    for row, served in zip(again, rows, strict=True):
        for name, value in served.items():
            found = row[name][:10] if isinstance(value, str) and frame[name].dtype.kind == "M" else row[name]
            assert found == (pytest.approx(value, rel=1e-12) if isinstance(value, float) else value), name
    assert frame.attrs["meta"]["snapshot"]


@pytest.mark.parametrize("operation", QUESTIONS)
def test_column_has_the_type_of_the_parquet_file_when_asked(service: orgcoverage.Client, operation: str) -> None:
    frame = getattr(service, operation)(**QUESTIONS[operation])
    written = io.BytesIO()
    service.export_file(operation, written, "parquet", **QUESTIONS[operation])
    for column in pq.read_schema(written):
        assert str(frame.dtypes[column.name]) in TYPES[str(column.type).partition("<")[0]], column.name


TYPES = {
    "int64": {"Int64"}, "int32": {"Int64"}, "double": {"float64"}, "bool": {"boolean"}, "string": {"str", "category"},
    "dictionary": {"str", "category"}, "date32[day]": {"datetime64[us]", "datetime64[s]"},
}  # fmt: skip
"""What a column is in a frame, by its type in Parquet."""


def test_enumerations_are_in_the_order_of_the_catalogue_when_they_are_columns(service: orgcoverage.Client) -> None:
    frame = service.enterprises(district="350203", fields="member_ratio")
    assert list(frame["size_class"].cat.categories) == ["large", "medium", "small", "micro"]
    assert list(frame["kind"].cat.categories) == ["enterprise", "social_organisation", "institution"]
    sound = frame[frame["member_ratio_status"] >= "low_base"]
    assert 0 < len(sound) == int(frame["member_ratio"].notna().sum())
    assert list(service.branches()["kind"].cat.categories) == ["committee", "general_branch", "branch"]
    assert service.districts(within="350203")["level"].max() == "site"


def test_statuses_and_classes_are_those_of_the_service_when_compared() -> None:
    assert tuple(Status) == STATUSES
    assert tuple(ComparisonClass) == CLASSES
    assert set(TargetState) == set(TARGET_STATES)
    assert tuple(ProposalKind) == PROPOSALS


def test_value_is_kept_when_the_client_does_not_know_it(address: str) -> None:
    def of_a_later_version(request: httpx.Request) -> httpx.Response:
        answer = httpx.get(address + request.url.raw_path.decode())
        return httpx.Response(answer.status_code, content=answer.content.replace(b'"ok"', b'"sound"'))

    with orgcoverage.connect(address, transport=httpx.MockTransport(of_a_later_version)) as client:
        statuses = client.districts(parent="350203")["organisation_coverage_status"]
    assert list(statuses.cat.categories) == [*STATUSES, "sound"]
    assert "sound" in set(statuses)


def test_columns_are_there_when_there_is_no_row(service: orgcoverage.Client) -> None:
    frame = service.enterprises(eligible=True, has_members=False, fields=["members", "member_ratio"])
    assert len(frame) == 0
    assert {"code", "members", "member_ratio", "member_ratio_status"} <= set(frame.columns)
    assert str(frame["members"].dtype) == "Int64"


def test_methods_and_parameters_are_those_of_the_document_when_listed() -> None:
    document = json.loads(DOCUMENT.read_text(encoding="utf-8"))
    files = {
        path.removeprefix("/v1/statistics/").removesuffix(".{format}"): of["get"]["parameters"]
        for path, of in document["paths"].items()
        if path.startswith("/v1/statistics/") and path.endswith(".{format}")
    }
    assert set(files) == {operation.path.replace("{branch}", "{code}") for operation in OPERATIONS.values()}
    for name, operation in OPERATIONS.items():
        sent = files[operation.path.replace("{branch}", "{code}")]
        named = {one["name"]: one["schema"] for one in (resolved(document, parameter) for parameter in sent)}
        expected = {
            "branch" if name == "code" else name: schema.get("type") == "array" and schema.get("maxItems") != 1
            for name, schema in named.items()
            if name not in {"format", "bom", "lang"}
        }
        assert taken(getattr(Questions, name)) == expected, name


def resolved(document: Any, parameter: Any) -> Any:
    name = parameter.get("$ref", "").rpartition("/")[2]
    return document["components"]["parameters"][name] if name else parameter


def taken(method: Any) -> dict[str, bool]:
    """The parameters of a method, and whether they are repeatable."""
    parameters = {name: of for name, of in inspect.signature(method).parameters.items() if name != "self"}
    return {name.rstrip("_"): "Iterable" in str(parameter.annotation) for name, parameter in parameters.items()}


def test_operations_are_the_tables_of_the_command_line_when_listed() -> None:
    assert {operation.path for operation in OPERATIONS.values()} >= {str(table) for table in TABLES}


def test_problem_says_what_is_wrong_when_refused(service: orgcoverage.Client, closed_address: str) -> None:
    with pytest.raises(orgcoverage.Problem) as refused:
        service.districts(parent="35020", basis="operatin", fields=["members", "member"])
    assert (refused.value.status, refused.value.code) == (422, "invalid-request")
    assert len(refused.value.errors) == 2
    assert "surveyed" in str(refused.value)
    with orgcoverage.connect(closed_address) as closed, pytest.raises(orgcoverage.Problem, match="401"):
        closed.districts(parent="350203")
    with orgcoverage.connect(closed_address, "oc_wrong") as closed, pytest.raises(orgcoverage.Problem) as wrong:
        closed.districts(parent="350203")
    assert wrong.value.code == "key-refused"


def test_problem_has_status_and_reason_when_something_else_answers() -> None:
    with answering(httpx.Response(502, text="<html>")) as client, pytest.raises(orgcoverage.Problem) as refused:
        client.districts()
    assert (refused.value.status, refused.value.code, refused.value.errors) == (502, "", [])
    assert str(refused.value) == "502 Bad Gateway"


def answering(*answers: httpx.Response, waits: list[float] | None = None) -> orgcoverage.Client:
    """Return a client that gets these answers, one after another; what it waits is listed."""
    left = iter(answers)
    transport = httpx.MockTransport(lambda _request: next(left))
    return orgcoverage.connect("http://here", transport=transport, pause=([] if waits is None else waits).append)


def busy(after: int) -> httpx.Response:
    return httpx.Response(503, headers={"Retry-After": str(after)}, json={"type": "/problems/unavailable"})


def test_request_is_repeated_when_the_service_says_when() -> None:
    waits: list[float] = []
    with answering(busy(5), busy(2), httpx.Response(200, json={"data": {"metrics": []}}), waits=waits) as client:
        assert client.catalogue == {"metrics": []}
    assert waits == [5, 2]


def test_problem_is_raised_when_the_service_stays_busy() -> None:
    waits: list[float] = []
    with answering(*[busy(25)] * 3, waits=waits) as client, pytest.raises(orgcoverage.Problem) as refused:
        _ = client.catalogue
    assert refused.value.status == 503
    assert waits == [25, 25]


def test_problem_is_raised_at_once_when_the_service_does_not_say_when_to_ask_again() -> None:
    with answering(httpx.Response(503, json={})) as client, pytest.raises(orgcoverage.Problem, match="503"):
        _ = client.catalogue


def test_file_is_sent_whole_again_when_the_service_was_busy(tmp_path: Path) -> None:
    received: list[bytes] = []

    def answer(request: httpx.Request) -> httpx.Response:
        received.append(request.read())
        return busy(1) if len(received) == 1 else httpx.Response(409, json={"title": "enough"})

    transport = httpx.MockTransport(answer)
    client = orgcoverage.connect("http://here", transport=transport, pause=lambda _seconds: None)
    with client, pytest.raises(orgcoverage.Problem, match="409 enough"):
        client.import_file("ledger", written(tmp_path, "1,a,2017-06-30,7\n"))
    assert received == [HEADER.encode() + b"1,a,2017-06-30,7\n"] * 2


def test_rows_and_meta_are_of_one_snapshot_when_another_appears(address: str) -> None:
    asked: list[httpx.URL] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url)
        served = httpx.get(address + request.url.raw_path.decode())
        return httpx.Response(served.status_code, content=served.content)

    with orgcoverage.connect(address, transport=httpx.MockTransport(answer)) as client:
        frame = client.districts(parent="350203", as_of="2017-08-01")
        changes = client.changes(since="2017-04-01", as_of="2017-08-01")
    rows = [url.params for url in asked if url.path.endswith(".records")]
    assert rows[0]["snapshot"] == frame.attrs["meta"]["snapshot"]
    assert rows[1]["since_snapshot"] == changes.attrs["meta"]["since"]["snapshot"]
    assert frame.attrs["meta"]["requested_as_of"] == "2017-08-01"


def test_several_values_are_sent_when_they_are_a_column(service: orgcoverage.Client) -> None:
    streets = service.districts(parent="350203", fields="members")
    both = service.industries(level="section", district=streets["code"].head(2), fields="members", totals=True)
    assert both["members"].iloc[-2] == streets["members"].head(2).sum()


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_bar_shows_how_far_a_job_is_when_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen()
    monkeypatch.setattr(sys, "stderr", screen)
    queued: dict[str, Any] = {"phase": None, "state": "queued", "done": 0, "total": None}
    half: dict[str, Any] = {"phase": "rows", "state": "running", "done": 1500, "total": 3000}
    jobs: Iterator[tuple[dict[str, Any], float | None]] = iter([(queued, 1.0), (half, None)])
    follow(lambda: next(jobs), lambda _seconds: None, title="ledger", shown=True)
    assert screen.getvalue().split("\r\x1b[K")[1:] == [
        "ledger: queued", f"ledger: rows {'█' * 15}{'·' * 15} 1,500/3,000", "",
    ]  # fmt: skip


@pytest.fixture
def sender(address: str) -> Iterator[orgcoverage.Client]:
    """Give a client that asks for jobs more often than it is told."""
    with orgcoverage.connect(address, pause=lambda seconds: time.sleep(seconds / 20)) as client:
        yield client


HEADER = "code,name,reported_on,headcount\n"


def test_issues_are_returned_when_rows_are_refused(
    sender: orgcoverage.Client, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    many = "".join(f"XM-C{number:04},Example,2017-06-30,x\n" for number in range(1001))
    path = written(tmp_path, f"{many}XM-D,Example,2017-06-30,7\n")
    issues = sender.import_file("ledger", path, on_error="skip", dry_run=True)
    errors = issues[issues["severity"] == "error"]
    assert errors["row"].tolist() == list(range(2, 1003))
    assert set(errors["column"]) == {"headcount"}
    assert list(issues.columns) == ["row", "column", "header", "value", "severity", "rule", "message", "suggestions"]
    record = issues.attrs["import"]
    assert (record["state"], record["result"]["inserted"]) == ("succeeded", 1)
    assert "ledger: " in capsys.readouterr().err


def test_problem_is_raised_when_a_file_is_refused_as_a_whole(sender: orgcoverage.Client, tmp_path: Path) -> None:
    path = tmp_path / "wrong.csv"
    path.write_text("colour\nred\n", encoding="utf-8")
    with pytest.raises(orgcoverage.Problem) as refused:
        sender.import_file("ledger", path)
    assert refused.value.status == 422


def written(folder: Path, rows: str) -> Path:
    path = folder / "ledger.csv"
    path.write_text(HEADER + rows, encoding="utf-8")
    return path


PROGRAMS = [block.text for block in blocks(chapter(read(PAGE), "pandas")) if block.language == "python"]


@pytest.mark.long
@pytest.mark.parametrize("number", range(len(PROGRAMS)))
def test_program_of_the_page_prints_what_is_shown(address: str, tmp_path: Path, number: int) -> None:
    program = PROGRAMS[number]
    following = chapter(read(PAGE), "pandas").partition(program)[2].removeprefix("```\n\n")
    shown = blocks(following)[0].text if following.startswith("```text") else ""
    assert run(tmp_path, [sys.executable, "-c", program.replace(ADDRESS, address)]) == shown


MODULES: Sequence[str] = ("orgcoverage", "orgcoverage.client", "orgcoverage.questions")


@pytest.mark.parametrize("module", MODULES)
def test_examples_of_docstrings_print_what_they_say(
    service: orgcoverage.Client, address: str, module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    finder = doctest.DocTestFinder(exclude_empty=True)
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    said: list[str] = []
    for test in finder.find(import_module(module), extraglobs={"service": service}):
        for example in test.examples:
            example.source = example.source.replace(ADDRESS, address)
        runner.run(test, out=said.append)
    assert not said, "".join(said)
    assert runner.tries > 0
