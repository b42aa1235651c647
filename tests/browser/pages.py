"""What tests say of the page: where things are on it, and what they do with it."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page

SIMING = "350203"
STREET = "350203007"
STREETS = ("350203001", "350203003", "350203005", "350203006", "350203007", "350203008", "350203009", "350203010")
"""Streets of Siming that have boundaries here; two others have none."""

DESK = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}
LARGEST_PICTURE = 200_000
THIN = "\N{NARROW NO-BREAK SPACE}"

Open = Callable[..., Page]


@contextmanager
def turned(page: Page) -> Iterator[None]:
    """Wait until the page shows what the actions inside have chosen."""
    before = page.evaluate("document.body.dataset.ready")
    yield
    page.wait_for_function("before => document.body.dataset.ready !== before", arg=before)


def view(page: Page) -> str:
    """Return what the page shows, as text."""
    return "\n".join(page.locator(part).inner_text() for part in ("#path", "main", "footer"))


def chosen(page: Page) -> dict[str, str]:
    """Return what the address says."""
    return {name: values[0] for name, values in parse_qs(urlsplit(page.url).fragment).items()}


def value_of(page: Page, code: str) -> Locator:
    """Return the figure of a card."""
    return page.locator(f"#headline li[data-code={code}] .value")


def violations(page: Page) -> list[tuple[str, Any]]:
    """Return what a screen reader or a keyboard would stumble over, and text that lacks contrast."""
    found = Axe().run(page).response["violations"]
    return [(one["id"], one["nodes"]) for one in found if one["impact"] in ("serious", "critical")]


def covered(page: Page) -> list[str]:
    """Return the figures of cards and tables that lie under another element, or are cut off at their box's edge."""
    found: list[str] = page.evaluate(
        """() => [...document.querySelectorAll("main section:not([hidden]) :is(.value, td .rate, tbody td)")]
        .filter((one) => one.offsetParent && one.textContent.trim())
        .filter((one) => {
          const box = one.getBoundingClientRect(), outer = one.closest("li, tr, section").getBoundingClientRect();
          return box.left < outer.left - 1 || box.left < 0;
        }).map((one) => one.textContent)"""
    )
    return found


def members(address: str, district: str, key: str = "", **query: Any) -> str:
    """Return the members of a district as the API tells them and the page writes them."""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    answer = httpx.get(f"{address}/v1/statistics/districts/{district}", params=query, headers=headers)
    told = answer.raise_for_status().json()
    about = "" if told["meta"]["disclosure"]["policy"] == "none" else f"≈{THIN}"
    return f"{about}{told['data']['counts']['members']:,}"


def use_key(page: Page, key: str) -> None:
    """Give the page a key."""
    page.locator("#key-entry summary").click()
    page.locator("#key").fill(key)
    with turned(page):
        page.keyboard.press("Enter")


def assert_small(folder: Path, *names: str) -> None:
    """Hold pictures to what a README may take to load."""
    sizes = {name: (folder / name).stat().st_size for name in names}
    assert {name: size for name, size in sizes.items() if not 0 < size < LARGEST_PICTURE} == {}


def digits(text: str) -> list[str]:
    """Return the numbers of a text, as they are written."""
    return re.findall(r"\d[\d,.]*\d|\d", text)
