"""The client: requests and their repetition, whole tables, files out and in."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from functools import cached_property
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, BinaryIO, Self

import httpx

from orgcoverage.frames import Catalogue, frame_of
from orgcoverage.imports import ISSUE_KINDS, follow
from orgcoverage.operations import OPERATIONS, Query, address, text_of
from orgcoverage.problems import Problem, problem_in
from orgcoverage.questions import Questions

if TYPE_CHECKING:
    import pandas as pd

FORMATS: Mapping[str, str] = {
    ".csv": "csv", ".geojson": "geojson", ".json": "records", ".jsonstat": "jsonstat", ".parquet": "parquet",
    ".records": "records", ".xlsx": "xlsx",
}  # fmt: skip
"""Formats of files by the endings of their names."""

_TIMEOUT = httpx.Timeout(90, connect=10)
"""Longer than the service takes to begin an answer, seconds."""

_PATIENCE = 60.0
_RETRY_AFTER = 1.0

_REJECTED = "/import-rejected"
"""End of the type of the problem of an import whose rows have errors; they are its issues."""


def connect(
    url: str,
    key: str | None = None,
    *,
    language: str | None = None,
    patience: float = _PATIENCE,
    transport: httpx.BaseTransport | None = None,
    pause: Callable[[float], object] = time.sleep,
) -> "Client":
    """Return a client of the service at an address; it sends nothing yet.

    Parameters
    ----------
    url
        Its address, with the path before `/v1` if there is one.
    key
        An API key, `oc_…`; null: what is answered without one.
    language
        Language of problems and of messages on imports: `zh`, `en`; null: English.
    patience
        How long, in seconds, one request waits altogether for a service that answers 503 with `Retry-After`.
    transport
        What sends requests in place of the network.
    pause
        What waits, given seconds.

    Examples
    --------
    >>> import orgcoverage
    >>> with orgcoverage.connect("http://127.0.0.1:8000") as service:
    ...     print(service.industry_groups(fields="members")[["code", "members"]].to_string(index=False))
          code  members
       culture       61
      internet      241
    technology      184
    """
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    headers |= {"Accept-Language": language} if language else {}
    http = httpx.Client(base_url=url, headers=headers, timeout=_TIMEOUT, transport=transport)
    return Client(http, patience, pause)


class Client(Questions):
    """A client of one service, and a context manager that closes its connections; `connect` makes it.

    Parameters
    ----------
    http
        Sends requests to the service.
    patience
        How long one request waits altogether where it is to be repeated, seconds.
    pause
        What waits, given seconds.
    """

    def __init__(self, http: httpx.Client, patience: float, pause: Callable[[float], object]) -> None:
        self._http = http
        self._patience = patience
        self._pause = pause

    def __enter__(self) -> Self:
        """Return the client."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Close its connections."""
        self.close()

    def close(self) -> None:
        """Close all connections."""
        self._http.close()

    @cached_property
    def catalogue(self) -> Mapping[str, Any]:
        """Every measure, metric, basis and dimension, with labels, definition, unit and source (`/v1/catalogue`)."""
        content: Mapping[str, Any] = self._json("GET", "v1/catalogue")["data"]
        return content

    def table(self, operation: str, parameters: Mapping[str, Any]) -> "pd.DataFrame":
        """Return the whole answer to a question; the methods named after operations say what they take.

        The rows are those of the `.records` file. Before it, the JSON answer tells what they rest on, and both are
        asked of the same snapshot.

        Parameters
        ----------
        operation
            Name of the method: `districts`, `low_membership`, …
        parameters
            Its parameters by name; null ones are left out.

        Raises
        ------
        Problem
            The service refuses the question, or cannot answer it.
        ValueError
            There is no such operation, or the code in its path is missing.
        """
        path, query = address(operation, parameters)
        asked = OPERATIONS[operation]
        page = [("limit", "1")] if asked.paged else []
        answer = self._json("GET", path, (*(one for one in query if one[0] != "totals"), *page))
        query = tuple(_pinned(query, answer["meta"], operation))
        rows = self._json("GET", f"{path}.records", query)
        columns = rows[0] if rows else self._header(path, query)
        frame = frame_of(rows, columns, Catalogue(self.catalogue), asked.kinds)
        frame.attrs["meta"] = answer["meta"]
        told = answer if asked.paged else answer["data"]
        frame.attrs |= {name: told[name] for name in asked.beside}
        return frame

    def export_file(
        self, operation: str, file: str | Path | BinaryIO, file_format: str | None = None, /, **parameters: Any
    ) -> None:
        """Write the whole answer to a question as the service's own file, piece by piece.

        Parameters
        ----------
        operation
            Name of the method: `districts`, `low_membership`, …
        file
            Where to write: a path, or a file open for bytes.
        file_format
            `csv`, `records`, `xlsx`, `parquet`, `jsonstat`, of districts `geojson`; null: by the ending of the path
            (`.json`: records).
        parameters
            Those of the method; besides `lang` (`zh`, `en`: labels for codes in headers), `bom` (for Excel's CSV).

        Raises
        ------
        Problem
            As `table`; nothing is written then.
        ValueError
            As `table`; or the ending is none of a format.

        Examples
        --------
        >>> import orgcoverage
        >>> with orgcoverage.connect("http://127.0.0.1:8000") as service:
        ...     service.export_file("districts", "streets.xlsx", parent="350203", lang="zh")
        """
        chosen = file_format or _format_of(file)
        path, query = address(operation, parameters)
        with self._sent("GET", f"{path}.{chosen}", query) as answer:
            if not isinstance(file, str | Path):
                _copy(answer, file)
                return
            with Path(file).open("wb") as target:
                _copy(answer, target)

    def import_file(
        self,
        dataset: str,
        path: str | Path,
        build: date | str | None = None,
        *,
        mode: str = "upsert",
        on_error: str = "reject",
        dry_run: bool = False,
        ignore_unknown: bool = False,
        sheet: str | None = None,
        progress: bool = True,
    ) -> "pd.DataFrame":
        """Send a file, follow its import to the end, and return the problems of its rows.

        Sending the same file again changes nothing.

        Parameters
        ----------
        dataset
            What its rows are: `ledger`, `returns`, `coverage`, …
        path
            The file: CSV, XLSX or Parquet.
        build
            The date of a snapshot to build afterwards; null: none.
        mode
            `upsert`: an absent column leaves values as they are, an empty cell sets unknown; `replace`: the file is the
            whole dataset; `delete`: it holds keys.
        on_error
            `reject`: an error excludes the file; `skip`: its row alone.
        dry_run
            Check everything, write nothing.
        ignore_unknown
            Leave unknown columns out instead of refusing the file.
        sheet
            The worksheet that is meant; null: the one with a known header.
        progress
            Show what is being done: a bar on a terminal, else a line per phase, on standard error.

        Returns
        -------
        pandas.DataFrame
            A row per problem, by row of the file: `row` (as a spreadsheet numbers it; null: a row of the registry),
            `column`, `header` (the column as the file names it), `value`, `severity` (`warning` < `error`), `rule`,
            `message`, `suggestions` (joined by `;`). Without errors, and with `skip`, it has been imported; with
            `reject` an error means that nothing was. `attrs["import"]` is the record: `state`, `result` with
            `inserted`, `changed`, `unchanged`, `deleted`, `errors`, `warnings`, and the `snapshot` that was built.

        Raises
        ------
        Problem
            The file is refused as a whole, or the job failed for another reason than errors of rows.
        """
        query = tuple(
            (name, text_of(value))
            for name, value in [
                ("dataset", dataset), ("build", build), ("mode", mode), ("on_error", on_error), ("dry_run", dry_run),
                ("ignore_unknown", ignore_unknown), ("sheet", sheet),
            ]
            if value is not None
        )  # fmt: skip
        accepted = self._json("POST", "v1/imports", query, Path(path))["data"]
        follow(lambda: self._job(accepted["job_id"]), self._pause, title=dataset, shown=progress)
        record = self._json("GET", f"v1/imports/{accepted['id']}")["data"]
        issues = [*self._rows(f"v1/imports/{accepted['id']}/issues")]
        problem = record["problem"]
        if problem is not None and not problem["type"].endswith(_REJECTED):
            raise Problem(problem["status"], problem)
        return self._issues(issues, record)

    def _issues(self, issues: list[dict[str, Any]], record: Mapping[str, Any]) -> "pd.DataFrame":
        rows = [issue | {"suggestions": ";".join(issue["suggestions"])} for issue in issues]
        frame = frame_of(rows, ISSUE_KINDS, Catalogue(self.catalogue), ISSUE_KINDS)
        frame.attrs["import"] = record
        return frame

    def _job(self, job_id: str) -> tuple[Mapping[str, Any], float | None]:
        """Return a job, and in how many seconds to ask again; null: it has ended."""
        with self._sent("GET", f"v1/jobs/{job_id}") as answer:
            answer.read()
            again = _retry_after(answer) if "Retry-After" in answer.headers else None
            return answer.json()["data"], again

    def _rows(self, path: str) -> Iterator[dict[str, Any]]:
        """Yield all rows of a list in pages."""
        cursor: Query = ()
        while True:
            page = self._json("GET", path, (("limit", "1000"), *cursor))
            yield from page["data"]
            if page["next_cursor"] is None:
                return
            cursor = (("cursor", page["next_cursor"]),)

    def _header(self, path: str, query: Query) -> list[str]:
        """Return the columns of a table without rows; only CSV names them."""
        with self._sent("GET", f"{path}.csv", query) as answer:
            return answer.read().decode().split("\r\n", 1)[0].split(",")

    def _json(self, method: str, path: str, query: Query = (), file: Path | None = None) -> Any:
        with self._sent(method, path, query, file) as answer:
            answer.read()
            return answer.json()

    @contextmanager
    def _sent(self, method: str, path: str, query: Query = (), file: Path | None = None) -> Iterator[httpx.Response]:
        """Send a request, and give its answer, not read yet; one of 503 is asked again when it says, a few times.

        Raises
        ------
        Problem
            The answer is 400 or more.
        """
        waited = 0.0
        while True:
            with self._stream(method, path, query, file) as answer:
                after = _retry_after(answer)
                busy = answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE and "Retry-After" in answer.headers
                if not busy or waited + after > self._patience:
                    if answer.is_error:
                        answer.read()
                        raise problem_in(answer)
                    yield answer
                    return
            self._pause(after)
            waited += after

    @contextmanager
    def _stream(self, method: str, path: str, query: Query, file: Path | None) -> Iterator[httpx.Response]:
        asked = httpx.QueryParams(query)
        if file is None:
            with self._http.stream(method, path, params=asked) as answer:
                yield answer
            return
        headers = {"Content-Type": "application/octet-stream"}
        with file.open("rb") as content, self._http.stream(
            method, path, params=asked, content=content, headers=headers
        ) as answer:  # fmt: skip
            yield answer


def _pinned(query: Query, meta: Mapping[str, Any], operation: str) -> Iterator[tuple[str, str]]:
    """Yield a query, tied to the snapshots that have just answered it; a trend's rows name their own."""
    pinned = {} if operation == "trends" else {"snapshot": meta["snapshot"]}
    pinned |= {"since_snapshot": meta["since"]["snapshot"]} if "since" in meta else {}
    yield from (one for one in query if one[0] not in pinned)
    yield from pinned.items()


def _retry_after(answer: httpx.Response) -> float:
    """Return in how many seconds to ask again; a date, or what is no number, counts as one."""
    text = answer.headers.get("Retry-After", "")
    return float(text) if text.isdigit() else _RETRY_AFTER


def _format_of(file: object) -> str:
    ending = Path(file).suffix if isinstance(file, str | Path) else ""
    if ending not in FORMATS:
        message = f"{ending or 'no ending'} is none of {', '.join(FORMATS)}: name the format"
        raise ValueError(message)
    return FORMATS[ending]


def _copy(answer: httpx.Response, target: BinaryIO) -> None:
    for piece in answer.iter_bytes():
        target.write(piece)
