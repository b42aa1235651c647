"""Running the documentation's commands, and comparing what it shows with what they gave.

A shell is not needed: the few forms that the documentation uses are carried out here, and any other fails.
"""

import json
import os
import re
import shlex
import socket
import subprocess
import sys
import time
from argparse import ArgumentParser
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.documentation.markdown import ROOT
from tests.live import answers

ADDRESS = "http://127.0.0.1:8000"
"""Where the documentation's service answers."""

GAP = "…"
"""Stands for whatever is not shown."""

ID = "ID"
"""Stands in an address for the id that the last accepted job was given."""

_PATIENCE = 60
_ALL_THERE = "All demo data are in"
_HERE_DOCUMENT = re.compile(r"cat > (\S+) <<'END'\n(.*?^)END\n", re.MULTILINE | re.DOTALL)
_PROGRAMS = (".venv/bin/orgcoverage", "orgcoverage")


@dataclass(frozen=True)
class Output:
    """What a command gave, and whether it failed (an exit code that is not 0, an HTTP status from 400 on)."""

    command: str
    text: str
    failed: bool


class Terminal:
    """Carries out commands in a folder, against a service that answers at `address`."""

    def __init__(self, folder: Path, address: str = ADDRESS, **settings: str) -> None:
        self.folder = folder
        self._settings = settings
        self.address = address
        self._job = ""

    def run(self, text: str) -> list[Output]:
        """Carry out the commands of a block; one output each, none for the files that it writes."""
        for match in _HERE_DOCUMENT.finditer(text):
            (self.folder / match[1]).write_text(match[2], encoding="utf-8")
        return [self._command(line) for line in _HERE_DOCUMENT.sub("", text).splitlines()]

    def _command(self, line: str) -> Output:
        lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        words = list(lexer)
        assert not {"&", "|", ";", ">", "<", "&&"} & set(words), f"this needs a shell: {line}"
        told = dict(word.split("=", 1) for word in words if word.startswith("ORGCOVERAGE_"))
        program, *arguments = words[len(told) :]
        if program == "curl":
            return self._curl(line, arguments)
        if program == "cmp":
            one, other = ((self.folder / name).read_bytes() for name in arguments)
            return Output(line, "", failed=one != other)
        assert program in _PROGRAMS, f"nobody knows how to run this: {line}"
        if arguments[0] == "serve":
            return self._serve(line, arguments)
        finished = subprocess.run(
            command(*arguments), cwd=self.folder, env=environment(self._settings | told), text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
        )  # fmt: skip
        return Output(line, finished.stdout, finished.returncode != 0)

    def _curl(self, line: str, arguments: Sequence[str]) -> Output:
        parser = ArgumentParser("curl", exit_on_error=False)
        parser.add_argument("url")
        parser.add_argument("--get", action="store_true")
        parser.add_argument("--data-urlencode", dest="query")
        parser.add_argument("--data-binary", dest="file")
        parser.add_argument("--data", dest="body")
        parser.add_argument("--header", default="Content-Type: application/x-www-form-urlencoded")
        parser.add_argument("--output")
        asked = parser.parse_args(arguments)
        url = asked.url.replace(ADDRESS, self.address).replace(f"/{ID}", f"/{self._finished_job()}")
        if asked.file is not None or asked.body is not None:
            content = asked.body.encode() if asked.file is None else (self.folder / asked.file[1:]).read_bytes()
            answer = httpx.post(url, content=content, headers=[asked.header.split(": ")])
        else:
            assert asked.get == (asked.query is not None), line
            answer = httpx.get(url, params=[asked.query.split("=", 1)] if asked.query else None)
        if answer.status_code == httpx.codes.ACCEPTED:
            self._job = answer.json()["data"]["job_id"]
        if asked.output:
            (self.folder / asked.output).write_bytes(answer.content)
        return Output(line, "" if asked.output else answer.text, answer.is_error)

    def _finished_job(self) -> str:
        """Wait for the job that was accepted last, as a reader does who follows it; return its id."""
        deadline = time.monotonic() + _PATIENCE
        while self._job and "Retry-After" in httpx.get(f"{self.address}/v1/jobs/{self._job}").headers:
            assert time.monotonic() < deadline, self._job
            time.sleep(0.1)
        return self._job

    def _serve(self, line: str, arguments: Sequence[str]) -> Output:
        with served(self.folder, *arguments) as address:
            return Output(line, httpx.get(f"{address}/v1/snapshots").text, failed=False)


def command(*arguments: str) -> list[str]:
    """Return the words that run the command line from the source tree."""
    return [sys.executable, "-m", "app.cli", *arguments]


def environment(settings: dict[str, str]) -> dict[str, str]:
    """Return the environment of a command that runs outside the source tree."""
    return {**os.environ, "PYTHONPATH": str(ROOT), **settings}


@contextmanager
def served(folder: Path, *arguments: str) -> Iterator[str]:
    """Run `demo` or `serve` on a free port until the end of the block; give the address once all of it is there."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    said = folder / "served.log"
    wanted = _ALL_THERE if arguments[0] == "demo" else ""
    with said.open("w") as log:
        process = subprocess.Popen(
            command(*arguments, "--port", str(port)), cwd=folder, env=environment({}), stdout=log, stderr=log
        )
        try:
            address = f"http://127.0.0.1:{port}"
            _await(process, lambda: answers(f"{address}/readyz") and wanted in said.read_text())
            yield address
        finally:
            process.terminate()
            process.wait(_PATIENCE)


def _await(process: "subprocess.Popen[bytes]", ready: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        if ready():
            return
        time.sleep(0.1)
    raise TimeoutError(process.args)


def differences(language: str, shown: str, output: str) -> list[str]:
    """Return what the documentation shows and the output does not have; empty if all of it is true."""
    if language == "json":
        return list(_json_differences(json.loads(shown), json.loads(output), ""))
    lines = shown.splitlines()
    return list(_line_differences([GAP, *lines, GAP] if language == "text" else lines, output.splitlines()))


def _json_differences(shown: Any, actual: Any, place: str) -> Iterator[str]:
    if shown == GAP:
        return
    if isinstance(shown, dict) and isinstance(actual, dict):
        named = [key for key in shown if key != GAP]
        if GAP not in shown and set(named) != set(actual):
            yield f"{place}: has {sorted(actual)}"
        for key in named:
            yield from _json_differences(shown[key], actual.get(key, "(absent)"), f"{place}/{key}")
    elif isinstance(shown, list) and isinstance(actual, list) and len(shown) == len(actual):
        for index, (one, other) in enumerate(zip(shown, actual, strict=True)):
            yield from _json_differences(one, other, f"{place}/{index}")
    elif shown != actual:
        yield f"{place}: {shown!r} is shown, {actual!r} came"


def _line_differences(shown: Sequence[str], actual: Sequence[str]) -> Iterator[str]:
    place, is_gap = 0, False
    for line in shown:
        if line == GAP:
            is_gap = True
            continue
        candidates = range(place, len(actual)) if is_gap else range(place, min(place + 1, len(actual)))
        found = next((index for index in candidates if actual[index] == line), None)
        if found is None:
            yield f"{line!r} is shown, {list(actual[place : place + 1])} came"
            return
        place, is_gap = found + 1, False
    if not is_gap and place != len(actual):
        yield f"{actual[place]!r} came and is not shown"
