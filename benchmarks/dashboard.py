"""The dashboard in a browser: bytes, requests and time until usable, compared with an empty page."""

import shutil
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import typer
from playwright.sync_api import Browser, BrowserContext, sync_playwright

from app.config import Settings
from benchmarks.measuring import show, show_load
from benchmarks.registries import command, environment
from benchmarks.serving import Server, served

VIEWS = {"whole": "", "district": "#district=350203&lang=zh"}
EMPTY = "benchmarks.rivals:empty_page"
READY = "() => Boolean(document.body?.dataset.ready)"
THERE = "() => document.readyState === 'complete'"
SINCE_START = "performance.now()"

UNTIL_QUIET_MS = 1000
"""Wait after a page is usable, so that what it still asks for is counted."""


@dataclass(frozen=True)
class Visit:
    """One visit of a page.

    Parameters
    ----------
    seconds
        From the start of the navigation until the page is usable: everything is loaded and drawn.
    bytes
        Bytes received by kind, headers included: `page` (text, style, scripts), `answers`.
    requests
        Number of requests.
    """

    seconds: float
    bytes: Counter[str]
    requests: int


def main(rounds: int = 7) -> None:
    """Measure first and repeated visits of the demonstration, alternating with visits of an empty page."""
    show_load()
    with tempfile.TemporaryDirectory(prefix="benchmark-dashboard-") as folder, sync_playwright() as playwright:
        settings = Settings(data_dir=Path(folder))
        command(settings, "demo", "--no-serve")
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        with served("app.asgi:app", environment(settings), factory=False) as ours, served(EMPTY, {}) as bare:
            for name, fragment in VIEWS.items():
                _measure(browser, name, f"{_root(ours)}/dashboard{fragment}", _root(bare), rounds)
        browser.close()


def _root(server: Server) -> str:
    return f"http://127.0.0.1:{server.port}"


def _measure(browser: Browser, name: str, url: str, empty: str, rounds: int) -> None:
    first, again, bare = [], [], []
    for _ in range(rounds):
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        bare.append(_visit(context, empty, THERE))
        first.append(_visit(context, url, READY))
        again.append(_visit(context, url, READY))
        context.close()
    weight = first[0].bytes
    show(f"dashboard, {name}: first visit, over the wire", weight.total() / 1024, "KiB")
    for kind, size in sorted(weight.items()):
        show(f"dashboard, {name}: … {kind}", size / 1024, "KiB")
    show(f"dashboard, {name}: first visit, requests", first[0].requests, "")
    show(f"dashboard, {name}: second visit, over the wire", again[0].bytes.total() / 1024, "KiB")
    times = {
        "an empty page": median(visit.seconds for visit in bare),
        "first visit until it can be used": median(visit.seconds for visit in first),
        "second visit until it can be used": median(visit.seconds for visit in again),
    }
    for what, seconds in times.items():
        show(f"dashboard, {name}: {what}", seconds * 1000, "ms")
    ratio = median(visit.seconds / nothing.seconds for visit, nothing in zip(first, bare, strict=True))
    show(f"dashboard, {name}: time of a first visit over that of an empty page", ratio, "x")


def _visit(context: BrowserContext, url: str, ready: str) -> Visit:
    page = context.new_page()
    wire = context.new_cdp_session(page)
    wire.send("Network.enable")
    kinds: dict[str, str] = {}
    sizes: Counter[str] = Counter()
    wire.on(
        "Network.requestWillBeSent", lambda event: kinds.update({event["requestId"]: _kind(event["request"]["url"])})
    )
    wire.on(
        "Network.loadingFinished",
        lambda event: sizes.update({kinds.get(event["requestId"], "page"): int(event["encodedDataLength"])}),
    )
    page.goto(url, wait_until="commit")
    page.wait_for_function(ready, polling="raf")
    seconds = page.evaluate(SINCE_START) / 1000
    page.wait_for_timeout(UNTIL_QUIET_MS)
    page.close()
    return Visit(seconds, sizes, sum(not url.startswith("data:") for url in kinds.values()))


def _kind(url: str) -> str:
    return "answers" if "/v1/" in url else "page"


if __name__ == "__main__":
    typer.run(main)
