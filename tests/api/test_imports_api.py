"""Files in over HTTP: what is refused at once, what a job tells, and what is left behind."""

import io
import stat
import time
import zipfile
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import httpx2
import msgspec
import pytest
import xlsxwriter
from python_calamine import CalamineWorkbook
from starlette.testclient import TestClient

from app.api.http.problems import Problem
from app.api.jobs import models as schemas
from app.config import Settings
from app.imports.options import ImportMode, ImportOptions
from app.jobs.records import BuildRequest, ErasureRequest, ImportRequest, JobState, Request, new_record, write_record
from app.main import create_app
from tests.factories.bodies import ENTERPRISE
from tests.factories.importing import PEOPLE, TREES, Registry
from tests.factories.problems import place_of
from tests.factories.workbooks import xlsx_bytes

ENTERPRISES = "/v1/imports?dataset=enterprises"
PATIENCE = 60.0


@pytest.fixture
def settings(migrated_sqlite_url: str, tmp_path: Path) -> Settings:
    return Settings(_env_file=None, data_dir=tmp_path / "data", database_url=migrated_sqlite_url, jobs_at_once=3)


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient]:
    with TestClient(create_app(settings)) as made:
        yield made


@pytest.fixture
def registry(settings: Settings, tmp_path: Path) -> Registry:
    return Registry(settings.registry_url, tmp_path)


def send(client: TestClient, url: str, text: str) -> dict[str, Any]:
    """Send a file and follow its job to the end; return the import."""
    answer = client.post(url, content=text.encode())
    assert answer.status_code == 202, answer.text
    data = schemas.AcceptedJobAnswer.model_validate_json(answer.content).data
    assert answer.headers["location"] == f"/v1/imports/{data.id}"
    finished(client, data.job_id)
    told = client.get(f"/v1/imports/{data.id}")
    schemas.ImportAnswer.model_validate_json(told.content)
    made: dict[str, Any] = told.json()["data"]
    return made


class Caller(Protocol):
    """Whatever asks the service: a client, or one that sends a key."""

    def get(self, path: str, /) -> httpx2.Response: ...


def finished(client: Caller, job_id: str) -> dict[str, Any]:
    """Ask for a job until it is finished; return it."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        answer = client.get(f"/v1/jobs/{job_id}")
        job = schemas.JobAnswer.model_validate_json(answer.content).data
        if job.state not in {"queued", "running"}:
            assert "retry-after" not in answer.headers
            done: dict[str, Any] = answer.json()["data"]
            return done
        assert answer.headers["retry-after"] == "1"
        time.sleep(0.1)
    raise AssertionError(f"job {job_id} did not end")


def problem(answer: Any, status: int) -> Problem:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    return Problem.model_validate_json(answer.content)


@pytest.mark.long
def test_file_is_taken_when_sent_as_raw_body(client: TestClient, registry: Registry, settings: Settings) -> None:
    made = send(client, ENTERPRISES, "code,name\nA,甲\nB,乙\n")
    assert made["result"] == {
        "inserted": 2, "changed": 0, "unchanged": 0, "deleted": 0, "errors": 0, "warnings": 0,
        "stale_snapshots": [], "member_source": None, "counts": [], "notes": [],
    }  # fmt: skip
    assert (made["state"], made["problem"], made["bytes"], made["dataset"]) == ("succeeded", None, 22, "enterprises")
    assert registry.rows("enterprise", "code", "name") == [("A", "甲"), ("B", "乙")]
    assert list(settings.uploads_dir.iterdir()) == []
    again = send(client, f"{ENTERPRISES}&mode=replace", "code,name\nA,甲\n")
    assert (again["result"]["unchanged"], again["result"]["deleted"]) == (1, 1)


def test_workbook_is_taken_when_sent_as_anything(client: TestClient, registry: Registry) -> None:
    content = xlsx_bytes(["code", "name"], ["A", "甲"])
    answer = client.post(ENTERPRISES, content=content, headers={"Content-Type": "text/plain"})
    finished(client, answer.json()["data"]["job_id"])
    assert registry.rows("enterprise", "code") == [("A",)]


@pytest.mark.parametrize(
    ("url", "body", "pointer"),
    [
        (ENTERPRISES, b"code,colour\nA,red\n", "colour"),
        (ENTERPRISES, b"name\nA\n", "code"),
        ("/v1/imports?dataset=members", "ref,joined_on,姓名\nm,2010-01-01,某\n".encode(), "姓名"),
        ("/v1/imports?dataset=persons", b"code\nA\n", "dataset"),
        (f"{ENTERPRISES}&mode=merge", b"code\nA\n", "mode"),
        (f"{ENTERPRISES}&colour=red", b"code\nA\n", "colour"),
        (f"{ENTERPRISES}&build=yesterday", b"code\nA\n", "build"),
        ("/v1/imports", b"code\nA\n", "dataset"),
    ],
)
def test_file_is_refused_at_once_when_query_or_header_is_wrong(
    client: TestClient, settings: Settings, url: str, body: bytes, pointer: str
) -> None:
    refused = problem(client.post(url, content=body), 422)
    assert pointer in {place_of(item) for item in refused.errors}
    assert not settings.uploads_dir.exists() or list(settings.uploads_dir.iterdir()) == []
    assert client.get("/v1/imports").json()["data"] == []


@pytest.mark.parametrize(
    "body", [b"", b"code,name\nA,\0\n", b"code,name\n\xff\xff\n", b"PK\x03\x04 no archive", b"PAR1 none"]
)
def test_file_is_refused_at_once_when_its_first_bytes_cannot_be_read(client: TestClient, body: bytes) -> None:
    assert problem(client.post(ENTERPRISES, content=body), 422).type.endswith("unreadable-file")


def test_date_in_the_future_is_refused_at_once_when_to_be_built(client: TestClient) -> None:
    future = datetime.now(UTC).date() + timedelta(days=2)
    of_import = problem(client.post(f"{ENTERPRISES}&build={future}", content=b"code,name\nA,a\n"), 422)
    of_build = problem(client.post("/v1/snapshots", json={"as_of": str(future)}), 422)
    for refused, pointer in ((of_import, "build"), (of_build, "/as_of")):
        assert refused.type == "/problems/future-date"
        assert [place_of(item) for item in refused.errors] == [pointer]


@pytest.mark.parametrize("as_of", [0, 86400, "2017-06-30T00:00:00", "20170630", "2017-6-30", None])
def test_date_to_build_is_refused_when_it_is_no_iso_date(client: TestClient, as_of: object) -> None:
    refused = problem(client.post("/v1/snapshots", json={"as_of": as_of}), 422)
    assert [(place_of(item), item.message) for item in refused.errors] == [("/as_of", "must be a date, YYYY-MM-DD")]


@pytest.mark.parametrize("announced", [True, False])
def test_file_is_refused_when_it_is_too_large(migrated_sqlite_url: str, tmp_path: Path, announced: bool) -> None:
    settings = Settings(_env_file=None, data_dir=tmp_path, database_url=migrated_sqlite_url, upload_limit_bytes=1024)
    body = b"code,name\n" + b"A,a\n" * 300
    with TestClient(create_app(settings)) as client:
        content = body if announced else iter([body[:1000], body[1000:]])
        problem(client.post(ENTERPRISES, content=content), 413)
    assert not settings.uploads_dir.exists() or list(settings.uploads_dir.iterdir()) == []


def test_job_fails_with_every_problem_when_rows_are_wrong(client: TestClient, registry: Registry) -> None:
    rows = "\n".join(f"E{row},某,nowhere" for row in range(150))
    made = send(client, ENTERPRISES, f"code,name,district_code\nA,甲,\n{rows}\n")
    assert (made["state"], made["problem"]["type"]) == ("failed", "/problems/import-rejected")
    assert (made["problem"]["status"], made["result"]["errors"], made["result"]["inserted"]) == (422, 150, 0)
    assert registry.rows("enterprise", "code") == []
    first = client.get(f"/v1/imports/{made['id']}/issues?limit=100")
    page = schemas.ImportIssuePage.model_validate_json(first.content)
    assert [issue.row for issue in page.data] == list(range(3, 103))
    [issue, *_] = client.get(f"/v1/imports/{made['id']}/issues?lang=zh").json()["data"]
    assert (issue["rule"], issue["message"]) == ("unknown_code", "“行政区划”中没有这个代码，请核对，或先报送行政区划")
    said = client.get(f"/v1/imports/{made['id']}", headers={"Accept-Language": "zh"})
    assert said.headers["content-language"] == "zh"
    assert said.json()["data"]["problem"]["detail"] == "文件有150处错误，整份文件未写入。"
    assert page.data[0].model_dump(mode="json") == {
        "row": 3, "column": "district_code", "header": "district_code", "value": "nowhere", "severity": "error",
        "rule": "unknown_code", "message": "is not in districts", "suggestions": [],
    }  # fmt: skip
    assert made["result"]["counts"] == [
        {
            "rule": "unknown_code",
            "severity": "error",
            "column": "district_code",
            "header": "district_code",
            "number": 150,
        }
    ]
    rest = client.get(f"/v1/imports/{made['id']}/issues?limit=100&cursor={page.next_cursor}").json()
    assert ([issue["row"] for issue in rest["data"]], rest["next_cursor"]) == (list(range(103, 153)), None)


def test_good_rows_are_taken_when_skipping(client: TestClient, registry: Registry) -> None:
    made = send(client, f"{ENTERPRISES}&on_error=skip", "code,name,district_code\nA,甲,\nB,乙,nowhere\n")
    assert (made["state"], made["result"]["inserted"], made["result"]["errors"]) == ("succeeded", 1, 1)
    assert registry.rows("enterprise", "code") == [("A",)]


def test_nothing_is_written_when_dry(client: TestClient, registry: Registry) -> None:
    made = send(client, f"{ENTERPRISES}&dry_run=true&build=2017-06-30", "code,name\nA,甲\n")
    assert (made["state"], made["result"]["inserted"], made["snapshot"]) == ("succeeded", 1, None)
    assert registry.rows("enterprise", "code") == []


def test_job_fails_as_the_answer_would_when_later_bytes_show_it(client: TestClient) -> None:
    text = "code,name\n" + "A,甲\n" * 10
    body = text.encode() + b"x" * (1 << 20) + b"\nB,\xff\xff\n"
    answer = client.post(ENTERPRISES, content=body)
    job = finished(client, answer.json()["data"]["job_id"])
    assert (job["state"], job["problem"]["type"], job["problem"]["status"]) == (
        "failed",
        "/problems/unreadable-file",
        422,
    )


@pytest.mark.long
def test_identity_numbers_are_nowhere_when_a_file_brings_them(client: TestClient, settings: Settings) -> None:
    number = "11010519491231002X"
    made = send(client, "/v1/imports?dataset=members", f"ref,joined_on\n{number},2010-01-01\n")
    assert made["problem"]["type"] == "/problems/column-refused"
    assert number.encode() not in everything_kept(settings)
    listed = client.get(f"/v1/imports/{made['id']}/issues").json()["data"]
    assert [(issue["row"], issue["rule"]) for issue in listed] == [(2, "identity_number")]
    made = send(client, ENTERPRISES, f"code,name\nA,甲{number}\nB,乙{number[:-1]}\n")
    assert made["problem"]["type"] == "/problems/column-refused"
    assert cells_of(client, made["id"])[1:3] == [
        ["A", "", "name: holds an identity number; the column is refused"],
        ["B"],
    ]
    assert number[:-1].encode() not in everything_kept(settings)


def everything_kept(settings: Settings) -> bytes:
    """Return the bytes of all files in the data folder, those inside workbooks too."""
    files = [path for path in settings.data_dir.rglob("*") if path.is_file()]
    inside = [zipfile.ZipFile(path) for path in files if path.suffix == ".xlsx"]
    parts = [book.read(name) for book in inside for name in book.namelist()]
    return b"".join([*(path.read_bytes() for path in files), *parts])


def cells_of(client: TestClient, import_id: str, sheet: int = 0) -> list[list[str]]:
    """Return the rows of the file that an import gives back, without the blanks at their end."""
    answer = client.get(f"/v1/imports/{import_id}/issues.xlsx")
    assert answer.status_code == 200, answer.text
    rows = (
        CalamineWorkbook.from_filelike(io.BytesIO(answer.content))
        .get_sheet_by_index(sheet)
        .to_python(skip_empty_area=False)
    )
    texts = [[str(cell) for cell in row] for row in rows]
    return [row[: max((place + 1 for place, cell in enumerate(row) if cell), default=0)] for row in texts]


LEDGER = """非公企业台账,,,,,,
,,,,,,
序号,企业代码,企业名称,填报日期,职工人数,党员数,备注
1,A,甲,2017.6.30,12人,3,张三报
2,B,乙,2017-13-01,十二,3,
合计,,,,24,6,
3,A,甲,20170630,12,3,
填表人：张三,,,,,,
"""


def test_the_file_is_given_back_with_remarks_in_its_own_language(client: TestClient, settings: Settings) -> None:
    made = send(client, "/v1/imports?dataset=ledger", LEDGER)
    assert cells_of(client, made["id"]) == [
        [],
        [],
        ["序号", "企业代码", "企业名称", "填报日期", "职工人数", "党员数", "备注", "问题说明"],
        ["1", "A", "甲", "2017.6.30", "12人", "3", "", "企业代码：与第7行的统一社会信用代码、报告日期相同"],
        [
            "2", "B", "乙", "2017-13-01", "十二", "3", "",
            "职工人数：须为0至2000000000的整数：请写成12、1,234或12人；没有的填0，不详的留空；"
            "填报日期：须为日期：请写成2026-06-30、2026/6/30、2026.6.30、20260630或2026年6月30日",
        ],
        ["合计", "", "", "", "24", "6", "", "企业代码：这是合计行，不是单位：请删去，或选择跳过有误的行"],
        ["3", "A", "甲", "20170630", "12", "3", "", "企业代码：与第4行的统一社会信用代码、报告日期相同"],
    ]  # fmt: skip
    assert cells_of(client, made["id"], 1)[1] == ["与另一行重复", "错误", "企业代码", "2.0"]
    assert "张三".encode() not in everything_kept(settings)
    (kept,) = settings.jobs_dir.glob("*.issues.xlsx")
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert list(settings.uploads_dir.iterdir()) == []


@pytest.mark.long
def test_the_file_that_is_given_back_is_taken_when_it_is_mended(client: TestClient, registry: Registry) -> None:
    made = send(client, "/v1/imports?dataset=ledger&on_error=skip", LEDGER)
    back = client.get(f"/v1/imports/{made['id']}/issues.xlsx").content
    again = client.post("/v1/imports?dataset=ledger&on_error=skip", content=back)
    finished(client, again.json()["data"]["job_id"])
    told = client.get(f"/v1/imports/{again.json()['data']['id']}").json()["data"]["result"]
    assert told["counts"] == made["result"]["counts"]


def test_a_file_of_members_is_given_back_without_its_cells(client: TestClient, settings: Settings) -> None:
    made = send(client, "/v1/imports?dataset=members", "ref,joined_on\nm-secret,2010-01-01\nm-other,never\n")
    assert cells_of(client, made["id"]) == [
        ["Row", "Remarks"],
        [],
        ["3", "joined_on: must be a date: write 2026-06-30, 2026/6/30, 2026.6.30, 20260630 or 2026年6月30日"],
    ]
    assert b"m-secret" not in everything_kept(settings)


@pytest.mark.long
def test_no_file_is_given_back_when_nothing_is_wrong_or_it_cannot_be_read(client: TestClient) -> None:
    good = send(client, ENTERPRISES, "code,name\nA,甲\n")
    cut = send(client, ENTERPRISES, 'code,name\nA,甲\nB,"乙\nC,丙\n')
    for made in (good, cut):
        refused = problem(client.get(f"/v1/imports/{made['id']}/issues.xlsx"), 404)
        assert refused.type == "/problems/remarks-not-found"
    listed = client.get(f"/v1/imports/{cut['id']}/issues").json()["data"]
    assert [(issue["row"], issue["rule"]) for issue in listed] == [(3, "unreadable_file")]
    assert cut["result"]["counts"][0]["number"] == 1


@pytest.mark.long
def test_a_file_that_was_given_back_goes_with_an_erasure_and_with_its_record(
    client: TestClient, settings: Settings
) -> None:
    send(client, ENTERPRISES, "code,name,kind\nA,甲,wrong\n")
    assert len(list(settings.jobs_dir.glob("*.issues.xlsx"))) == 1
    job = client.post("/v1/erasures", json={"ref": "m-1"}).json()["data"]["job_id"]
    done = finished(client, job)
    assert done["state"] == "succeeded", done
    assert list(settings.jobs_dir.glob("*.issues.xlsx")) == []


def test_which_sheet_is_asked_at_once_when_several_have_a_known_header(client: TestClient, registry: Registry) -> None:
    content = io.BytesIO()
    with xlsxwriter.Workbook(content, {"in_memory": True}) as book:
        for name in ("一月", "二月"):
            sheet = book.add_worksheet(name)
            sheet.write_row(0, 0, ("code", "name"))
            sheet.write_row(1, 0, (name, "甲"))
    refused = problem(client.post(ENTERPRISES, content=content.getvalue()), 422)
    assert [(place_of(item), item.allowed) for item in refused.errors] == [("sheet", ["一月", "二月"])]
    answer = client.post(f"{ENTERPRISES}&sheet=二月", content=content.getvalue())
    finished(client, answer.json()["data"]["job_id"])
    assert registry.rows("enterprise", "code") == [("二月",)]
    assert client.get(f"/v1/imports/{answer.json()['data']['id']}").json()["data"]["sheet"] == "二月"


@pytest.mark.long
def test_codes_mean_the_same_in_full_width(client: TestClient, registry: Registry) -> None:
    registry.load(TREES)
    send(client, ENTERPRISES, "code,name\n９１Ａ,甲\n91A,甲\n")
    assert registry.rows("enterprise", "code") == []
    send(client, ENTERPRISES, "code,name\n９１Ａ,甲\n")
    assert registry.rows("enterprise", "code") == [("91A",)]
    assert client.get("/v1/enterprises/９１Ａ").json()["data"]["code"] == "91A"
    listed = client.get("/v1/districts?parent=３５０２").json()["data"]
    assert [row["code"] for row in listed] == ["350203"]
    body = ENTERPRISE | {"name": "乙", "district_code": "３５０２０３"}
    assert client.put("/v1/enterprises/９１Ｂ", json=body).status_code == 201
    assert registry.rows("enterprise", "code", "district_code") == [("91A", None), ("91B", "350203")]


@pytest.mark.long
def test_snapshot_is_built_in_the_same_job_when_asked(client: TestClient, registry: Registry) -> None:
    registry.load(TREES, PEOPLE)
    made = send(client, f"{ENTERPRISES}&build=2017-06-30", "code,name\nD,丁\n")
    assert made["state"] == "succeeded", made
    assert made["snapshot"].startswith("20170630-")
    assert client.get("/v1/statistics/districts?basis=registered").json()["total"]["counts"]["enterprises"] == 4
    later = send(client, ENTERPRISES, "code,name\nE,戊\n")
    assert later["result"]["stale_snapshots"] == [made["snapshot"]]


def test_snapshot_is_built_when_posted_and_is_the_same_again(client: TestClient, registry: Registry) -> None:
    registry.load(TREES, PEOPLE)
    ids = set()
    for _ in range(2):
        answer = client.post("/v1/snapshots", json={"as_of": "2017-06-30"})
        assert answer.status_code == 202
        job = finished(client, answer.json()["data"]["job_id"])
        assert (job["kind"], job["state"]) == ("build", "succeeded")
        assert (job["phase"], job["done"], job["total"]) == ("writing", 1, 1)
        ids.add(job["snapshot"])
    assert len(ids) == 1
    problem(client.get(f"/v1/imports/{answer.json()['data']['id']}"), 404)
    problem(client.get(f"/v1/imports/{answer.json()['data']['id']}/issues"), 404)


@pytest.mark.long
def test_import_stays_when_its_build_fails(client: TestClient, registry: Registry, settings: Settings) -> None:
    settings.data_dir.mkdir(exist_ok=True)
    settings.snapshots_dir.write_text("in the way", encoding="utf-8")
    made = send(client, f"{ENTERPRISES}&build=2017-06-30", "code,name\nA,甲\n")
    assert (made["state"], made["result"]["inserted"], made["snapshot"]) == ("failed", 1, None)
    assert registry.rows("enterprise", "code") == [("A",)]


@pytest.mark.long
def test_imports_are_listed_newest_first_when_paged(client: TestClient) -> None:
    ids = [send(client, f"{ENTERPRISES}&dry_run=true", "code,name\nA,甲\n")["id"] for _ in range(2)]
    first = schemas.ImportPage.model_validate_json(client.get("/v1/imports?limit=1").content)
    assert [one.id for one in first.data] == [ids[1]]
    second = client.get(f"/v1/imports?limit=1&cursor={first.next_cursor}").json()
    assert ([one["id"] for one in second["data"]], second["next_cursor"]) == ([ids[0]], None)
    for path in ("/v1/imports", f"/v1/imports/{ids[0]}/issues", "/v1/jobs"):
        problem(client.get(f"{path}?cursor=elsewhere"), 422)


def test_jobs_are_listed_newest_first_by_kind_and_state_when_paged(client: TestClient, settings: Settings) -> None:
    settings.jobs_dir.mkdir(parents=True)
    of_members = ImportRequest("members", ImportOptions(ImportMode.UPSERT), 1)
    of_june = BuildRequest(date(2017, 6, 30))
    requests: list[Request] = [of_june, of_june, of_members, ErasureRequest()]
    states: list[JobState] = ["queued", "succeeded", "failed", "succeeded"]
    queued, build, imported, erased = (
        msgspec.structs.replace(new_record(request), id=f"2017063000000{place}-{place:016x}", state=state)
        for place, (request, state) in enumerate(zip(requests, states, strict=True))
    )
    for record in (queued, build, imported, erased):
        write_record(settings.jobs_dir, record)

    def listed(query: str) -> list[str]:
        page = schemas.JobPage.model_validate_json(client.get(f"/v1/jobs?{query}").content)
        rest = listed(f"{query.partition('&cursor')[0]}&cursor={page.next_cursor}") if page.next_cursor else []
        return [job.id for job in page.data] + rest

    assert listed("limit=3") == [erased.id, imported.id, build.id, queued.id]
    assert listed("kind=build") == [build.id, queued.id]
    assert listed("state=succeeded&limit=1") == [erased.id, build.id]
    assert listed("kind=import&state=queued") == []
    problem(client.get("/v1/jobs?kind=dance"), 422)
    assert client.get("/v1/jobs?kind=build&limit=1").json()["data"] == [
        client.get(f"/v1/jobs/{build.id}").json()["data"]
    ]


def test_an_import_is_followed_where_its_location_is(client: TestClient, settings: Settings) -> None:
    settings.jobs_dir.mkdir(parents=True)
    record = new_record(ImportRequest("members", ImportOptions(ImportMode.UPSERT), 1))
    write_record(settings.jobs_dir, record)
    assert client.get(f"/v1/imports/{record.id}").headers["retry-after"] == "1"
    write_record(settings.jobs_dir, msgspec.structs.replace(record, state="succeeded"))
    assert "retry-after" not in client.get(f"/v1/imports/{record.id}").headers


@pytest.mark.parametrize(
    "path",
    ["/v1/jobs/20170630000000-0123456789abcdef", "/v1/imports/x", "/v1/imports/x/issues", "/v1/jobs/..%2Fx"],
)
def test_job_is_not_found_when_there_is_none(client: TestClient, path: str) -> None:
    problem(client.get(path), 404)


@pytest.mark.long
def test_further_jobs_are_refused_when_there_are_enough(client: TestClient) -> None:
    answers = [client.post(ENTERPRISES, content=b"code,name\nA,a\n") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [202, 202, 202, 503]
    assert problem(answers[3], 503).type.endswith("too-many-jobs")
    assert int(answers[3].headers["retry-after"]) > 0
    for answer in answers[:3]:
        finished(client, answer.json()["data"]["job_id"])
    assert send(client, ENTERPRISES, "code,name\nA,a\n")["state"] == "succeeded"


def test_running_job_is_interrupted_when_the_service_stops(settings: Settings) -> None:
    rows = "\n".join(f"E{row},某" for row in range(200_000))
    with TestClient(create_app(settings)) as client:
        job_id = client.post(ENTERPRISES, content=f"code,name\n{rows}\n".encode()).json()["data"]["job_id"]
        time.sleep(0.3)
    with TestClient(create_app(settings)) as client:
        job = finished(client, job_id)
        assert (job["state"], job["problem"]["type"]) == ("interrupted", "/problems/job-interrupted")
        assert client.get("/v1/enterprises").json()["data"] == []
    assert list(settings.uploads_dir.iterdir()) == []


@pytest.mark.long
def test_jobs_of_every_engine_work_when_postgres_holds_the_registry(migrated_postgres_url: str, tmp_path: Path) -> None:
    settings = Settings(_env_file=None, data_dir=tmp_path / "data", database_url=migrated_postgres_url)
    registry = Registry(migrated_postgres_url, tmp_path)
    registry.load(TREES, PEOPLE)
    with TestClient(create_app(settings)) as client:
        made = send(client, f"{ENTERPRISES}&build={date(2017, 6, 30)}", "code,name\nD,丁\n")
    assert (made["state"], made["result"]["inserted"]) == ("succeeded", 1)
    assert made["snapshot"] is not None
