"""Files and requests made to break the service: taken, or refused with a problem that says why, within bounds."""

import os
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path

import pytest

from app.config import Settings
from tests.factories.importing import TREES, Registry
from tests.factories.workbooks import workbook_with_large_part
from tests.lengths import at_length
from tests.reliability.service import PROBLEM, Service, children, ended_job, served

pytestmark = pytest.mark.long

MEGABYTES = int(os.environ.get("ORGCOVERAGE_TEST_MEGABYTES", at_length(16, 4)))
"""Size of the large file, in millions of bytes, and twice that of the long line; the full count is 2000."""

MIB = 1 << 20

JOB_MIB, WORKER_MIB = 512, 250
"""Most memory that an import takes, and a worker besides."""

WIDE = "名" * 60


@pytest.fixture
def settings(migrated_url: str, tmp_path: Path) -> Settings:
    """Give the settings of a service on a registry with the trees."""
    registry = Registry(migrated_url, tmp_path)
    registry.load(TREES)
    return registry.settings.model_copy(update={"anonymous": "exact"})


def large_file() -> Iterator[bytes]:
    """Yield a file of the size that is asked for, in pieces."""
    rows, piece = 0, 5000
    yield b"code,name\n"
    while rows * len(f"E000000000,{WIDE}\n".encode()) < MEGABYTES * 1_000_000:
        yield "".join(f"E{number:09},{WIDE}\n" for number in range(rows, rows + piece)).encode()
        rows += piece


def long_line(start: bytes) -> Iterator[bytes]:
    """Yield a file whose last line is half as long as the large file."""
    yield start
    for _ in range(MEGABYTES // 2):
        yield b"x" * 1_000_000


TAKEN, UNREADABLE, REJECTED = "", "/problems/unreadable-file", "/problems/import-rejected"
"""What becomes of a file: the kind of its problem, none where it is taken."""

BRANCHES = "code,name,kind,parent_code,district_code,dual_affiliation"

FILES: dict[str, tuple[str, Callable[[], Iterable[bytes]], str]] = {
    "large": ("enterprises", large_file, TAKEN),
    "a long line": ("enterprises", lambda: long_line(b"code,name\n1,"), UNREADABLE),
    "a long header": ("enterprises", lambda: long_line(b"code,name"), UNREADABLE),
    "a workbook that inflates": ("enterprises", lambda: [workbook_with_large_part(40)], UNREADABLE),
    "a workbook cut off": ("enterprises", lambda: [workbook_with_large_part(1)[:500]], UNREADABLE),
    "a Parquet file cut off": ("enterprises", lambda: [b"PAR1" + bytes(100) + b"PAR1"], UNREADABLE),
    "NUL in a cell": ("enterprises", lambda: [b"code,name\nA,a\x00b\n"], UNREADABLE),
    "NUL alone": ("enterprises", lambda: [b"\x00" * MIB], UNREADABLE),
    "UTF-16": ("enterprises", lambda: ["code,name\nA,甲\n".encode("utf-16")], UNREADABLE),
    "GB18030": ("enterprises", lambda: ["code,name\nA,甲\n".encode("gb18030")], TAKEN),
    "no encoding": ("enterprises", lambda: [b"code,name\nA,\xff\xff\xff\n"], UNREADABLE),
    "a cycle of one": ("branches", lambda: [f"{BRANCHES}\nB,b,branch,B,350203,no\n".encode()], REJECTED),
    "a cycle of two": (
        "districts",
        lambda: [b"code,parent_code,level,name_zh\nX,Y,county,a\nY,X,county,b\n"],
        REJECTED,
    ),
    "numbers beyond all limits": (
        "returns",
        lambda: [b"enterprise_code,reported_on,headcount\nA,2017-03-31,99999999999999999999999\n"],
        REJECTED,
    ),
}
"""By what is wrong: the dataset, the file in pieces, and what becomes of it."""

REQUESTS: list[tuple[str, str, bytes | None]] = [
    ("GET", "/v1/enterprises?limit=1000000000", None),
    ("GET", "/v1/statistics/districts?limit=1000000000", None),
    ("GET", f"/v1/enterprises?cursor={'A' * 100_000}", None),
    ("GET", "/v1/statistics/districts?as_of=999999999-01-01", None),
    ("GET", "/v1/enterprises/%00", None),
    ("PUT", "/v1/enterprises/A", b'{"name":' * 50_000),
    ("PUT", "/v1/enterprises/A", b"[" * 1_000_000),
    ("PUT", "/v1/enterprises/A", b'{"name": ' + b"9" * 900_000 + b"}"),
]


def test_every_file_is_taken_or_refused_with_its_problem_within_the_memory_set(settings: Settings) -> None:
    told, peaks = {}, {}
    with served(settings, 2) as service:
        for name, (dataset, make, _) in FILES.items():
            with watched(service) as peaks[name]:
                told[name] = sent(service, dataset, make())
    assert told == {name: problem for name, (_, _, problem) in FILES.items()}
    assert {name: peak["job"] for name, peak in peaks.items() if peak["job"] > JOB_MIB} == {}
    assert {name: peak["worker"] for name, peak in peaks.items() if peak["worker"] > WORKER_MIB} == {}


def test_every_request_is_refused_with_a_problem_within_the_memory_set(settings: Settings) -> None:
    with served(settings, 2) as service, watched(service) as peaks:
        for method, path, body in REQUESTS:
            answer = service.ask(method, path, body, **{"Content-Type": "application/json"})
            assert HTTPStatus.BAD_REQUEST <= answer.status < HTTPStatus.INTERNAL_SERVER_ERROR, (path, body, answer)
            assert answer.headers["Content-Type"] == PROBLEM
    assert peaks["worker"] <= WORKER_MIB


def sent(service: Service, dataset: str, pieces: Iterable[bytes]) -> str:
    """Send a file; return the kind of the problem, at once or of its job; empty: it was taken."""
    answer = service.ask("POST", f"/v1/imports?dataset={dataset}", iter(pieces))
    problem = answer.json()
    if answer.status == HTTPStatus.ACCEPTED:
        problem = ended_job(service.address, problem["data"]["job_id"], seconds=3600)["problem"]
    if problem is None:
        return ""
    assert HTTPStatus.BAD_REQUEST <= problem["status"] < HTTPStatus.INTERNAL_SERVER_ERROR, problem
    return str(problem["type"])


@contextmanager
def watched(service: Service) -> Iterator[dict[str, int]]:
    """Give the most memory, in MiB, that a worker and a job have taken until the end of the block."""
    peaks, ended = {"worker": 0, "job": 0}, threading.Event()

    def watch() -> None:
        while not ended.wait(0.02):
            for worker in service.workers:
                peaks["worker"] = max(peaks["worker"], peak(worker))
                for job in children(worker):
                    peaks["job"] = max(peaks["job"], peak(job))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield peaks
    finally:
        ended.set()
        thread.join()


def peak(process: int) -> int:
    """Return the most memory that a process has had, MiB; 0 where it has ended."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) // 1024 for line in lines if line.startswith("VmHWM:"))
