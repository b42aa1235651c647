"""Journeys over the dashboard: by mouse, by keyboard, on a phone, in both languages, with and without a key.

Needs Playwright and Chromium, so that pytest does not find this file by itself: `bash .ci/browser` runs it. With
`PICTURES=docs/images` before it, the pictures of the README are taken anew.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright
from rich.ansi import AnsiDecoder
from rich.console import Console
from rich.terminal_theme import MONOKAI

from app.config import Settings
from tests.documentation.commands import command, environment

SIMING = "350203"
STREET = "350203007"
DESK = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}
LARGEST_PICTURE = 200_000
ENGLISH = {"lang": "en", "locale": "en-GB", "members": "Members", "other": "中文", "csv": "CSV"}
CHINESE = {"lang": "zh", "locale": "zh-CN", "members": "党员数", "other": "English", "csv": "CSV"}
COVERAGES = ["organisation_coverage", "organisation_coverage_with_dual", "work_coverage", "standalone_rate"]
BRANCH_HEADER = (
    "code,name,kind,parent_code,district_code,form,dual_affiliation,industry_code,industry_group,"
    "established_on,dissolved_on"
)

Open = Callable[..., Page]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Give Debian's Chromium; its own sandbox needs rights that root in a container lacks."""
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Open]:
    """Give a function that opens an address in a fresh profile; at the end no page has reported an error.

    That the service refuses what takes a key (401, 403) is no error of the page, although browsers report it as one.
    """
    errors: list[str] = []
    expected: list[str] = []
    contexts = []

    def open_it(url: str, *, refusals: str = "40[13]", **options: Any) -> Page:
        expected.append(f"status of {refusals}")
        context = browser.new_context(**({"viewport": DESK, "locale": "en-GB"} | options))
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda told: errors.append(told.text) if told.type in ("error", "warning") else None)
        page.goto(url)
        page.wait_for_selector("body[data-ready]")
        return page

    yield open_it
    for context in contexts:
        context.close()
    assert [error for error in errors if not re.search("|".join(expected), error)] == []


@contextmanager
def turned(page: Page) -> Iterator[None]:
    """Wait until the page shows what the actions inside have chosen."""
    before = page.evaluate("document.body.dataset.ready")
    yield
    page.wait_for_function("before => document.body.dataset.ready !== before", arg=before)


def view(page: Page) -> str:
    return "\n".join(page.locator(part).inner_text() for part in ("#path", "main", "footer"))


def chosen(page: Page) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(page.url).fragment).items()}


def value_of(page: Page, label: str) -> Locator:
    return page.locator("#headline li").filter(has=page.get_by_text(label, exact=True)).locator(".value")


def members(address: str, district: str, key: str = "", **query: Any) -> str:
    """Return the members of a district as the API tells them and the page writes them."""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    answer = httpx.get(f"{address}/v1/statistics/districts/{district}", params=query, headers=headers)
    told = answer.raise_for_status().json()
    about = "" if told["meta"]["disclosure"]["policy"] == "none" else "≈\N{NO-BREAK SPACE}"
    return f"{about}{told['data']['counts']['members']:,}"


@pytest.mark.parametrize("words", [CHINESE, ENGLISH], ids=["zh", "en"])
def test_journey_down_and_back_and_shared(open_page: Open, address: str, words: dict[str, str]) -> None:
    page = open_page(f"{address}/dashboard", locale=words["locale"])
    for code in ("350000", "350200", SIMING, STREET):
        name = httpx.get(f"{address}/v1/districts/{code}").json()["data"]
        shown = (words["lang"] == "en" and name["name_en"]) or name["name_zh"]
        with turned(page):
            page.locator("#children").get_by_role("button", name=shown, exact=True).click()
        assert chosen(page)["district"] == code
        expect(value_of(page, words["members"])).to_have_text(members(address, code))
    assert members(address, STREET) != members(address, SIMING)
    with turned(page):
        page.go_back()
    expect(value_of(page, words["members"])).to_have_text(members(address, SIMING))
    with turned(page):
        page.go_forward()
    expect(value_of(page, words["members"])).to_have_text(members(address, STREET))
    with turned(page):
        page.locator("#path button").last.click()
    for name, value in (("as_of", "2017-03-31"), ("basis", "registered"), ("industries", "group")):
        with turned(page):
            page.locator(f"#{name}").select_option(value)
    assert chosen(page) == {
        "district": SIMING, "as_of": "2017-03-31", "basis": "registered", "industries": "group", "lang": words["lang"],
    }  # fmt: skip
    asked = members(address, SIMING, as_of="2017-03-31", basis="registered")
    expect(value_of(page, words["members"])).to_have_text(asked)
    assert view(open_page(page.url, locale="fr-FR")) == view(page)
    with turned(page):
        page.locator("#language").click()
    assert page.locator("html").get_attribute("lang") != words["lang"]
    expect(page.locator("#language")).not_to_have_text(words["other"])


def test_a_bar_leads_to_its_district_and_a_rule_to_what_it_finds(open_page: Open, address: str) -> None:
    page = open_page(f"{address}/dashboard#district={SIMING}&lang=en")
    with turned(page):
        page.locator("#children canvas").click(position={"x": 150, "y": 30})
    assert chosen(page)["district"] == f"{SIMING}001"
    with turned(page):
        page.go_back()
    asked = {"district": SIMING, "rule": "register_differs_from_return", "limit": "20"}
    found = httpx.get(f"{address}/v1/statistics/data-quality", params=asked).json()["data"]
    page.locator("#quality").get_by_role("button", name=found[0]["label_en"]).click()
    rows = page.locator("#quality tbody tr")
    expect(rows).to_have_count(len(found))
    assert [line.split("\t")[1] for line in rows.all_inner_texts()] == [one["subject"]["code"] for one in found]


def test_keyboard_alone_reaches_and_works_everything(open_page: Open, address: str) -> None:
    page = open_page(f"{address}/dashboard#district={SIMING}&lang=en")

    def tab_to(wanted: str) -> None:
        for _ in range(60):
            page.keyboard.press("Tab")
            if page.evaluate("wanted => document.activeElement.matches(wanted)", wanted):
                return
        raise AssertionError(f"Tab does not lead to {wanted}")

    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    tab_to("#as_of")
    with turned(page):
        page.keyboard.press("ArrowDown")
    assert chosen(page)["as_of"] == "2017-06-30"
    expect(page.locator("#as_of")).to_be_focused()
    tab_to("#headline li")
    expect(page.locator("#headline li:focus .meaning")).to_be_in_viewport()
    tab_to("#children tr:nth-child(6) button")
    with turned(page):
        page.keyboard.press("Enter")
    assert chosen(page)["district"].startswith(SIMING)
    assert len(chosen(page)["district"]) == len(STREET)
    expect(page.locator("main")).to_be_focused()
    tab_to("#trends summary")
    page.keyboard.press("Enter")
    expect(page.locator("#trends table")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_page_is_accessible_and_fits(
    open_page: Open, address: str, public_address: str, lang: str, viewport: dict[str, int], scheme: str
) -> None:
    """A phone's reader has no key, so that the sections that are refused are looked at too."""
    served = public_address if viewport is PHONE else address
    page = open_page(f"{served}/dashboard#district={SIMING}&lang={lang}", viewport=viewport, color_scheme=scheme)
    page.evaluate("document.querySelectorAll('details').forEach((one) => (one.open = true))")
    found = Axe().run(page).response["violations"]
    assert [(one["id"], one["nodes"]) for one in found if one["impact"] in ("serious", "critical")] == []
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    shade = int(re.findall(r"\d+", page.evaluate("getComputedStyle(document.body).backgroundColor"))[0])
    assert (shade < 64) == (scheme == "dark")


def test_page_without_a_key_says_what_it_cannot_have(open_page: Open, public_address: str, key: str) -> None:
    page = open_page(f"{public_address}/dashboard#district={SIMING}&lang=en")
    expect(page.locator("#tier")).to_have_text(re.compile("^Protected figures"))
    expect(value_of(page, "Members")).to_have_text(members(public_address, SIMING))
    expect(value_of(page, "Work coverage")).to_have_text("protected")
    for section in ("bases", "dual", "gaps", "quality"):
        expect(page.locator(f"#{section} .locked")).to_have_text(re.compile("takes a key to exact ones"))
    expect(page.locator("#upload .locked")).to_have_text("This takes a key with the right to it.")
    for section in ("headline", "children", "low", "trends"):
        expect(page.locator(f"#{section} :is(.problem, .locked)")).to_have_count(0)

    page.locator("#key").fill(f"{key}0")
    with turned(page):
        page.keyboard.press("Enter")
    expect(page.locator("#key-told")).to_have_text(re.compile("wrong, expired or revoked"))
    expect(value_of(page, "Members")).to_have_text(members(public_address, SIMING))

    page.locator("#key").fill(key)
    with turned(page):
        page.keyboard.press("Enter")
    expect(page.locator("#tier")).to_have_text("Exact figures")
    expect(page.locator(":is(.problem, .locked)")).to_have_count(0)
    expect(page.locator("#key-told")).to_have_text("")
    exact = members(public_address, SIMING, key)
    assert exact != members(public_address, SIMING)
    expect(value_of(page, "Members")).to_have_text(exact)
    assert key not in page.url
    assert page.evaluate("[localStorage.length, sessionStorage.length, document.cookie]") == [0, 0, ""]

    with turned(page):
        page.get_by_role("button", name="Forget key").click()
    expect(page.locator("#tier")).to_have_text(re.compile("^Protected figures"))
    expect(page.locator("#key")).to_be_visible()


@pytest.mark.parametrize(
    ("wanted", "query"),
    [
        ("industry_group:internet", {"industry_group": "internet"}),
        ("industry:I", {"industry": "I"}),
        ("sector:non_public,social", {"sector": ["non_public", "social"]}),
    ],
)
def test_figures_are_limited_to_a_choice(open_page: Open, address: str, wanted: str, query: dict[str, Any]) -> None:
    """The story of the README can be seen: what dual affiliation does among internet firms."""
    page = open_page(f"{address}/dashboard#district={SIMING}&lang=en")
    with turned(page):
        page.locator("#filter").select_option(wanted)
    expect(value_of(page, "Members")).to_have_text(members(address, SIMING, **query))
    found = httpx.get(f"{address}/v1/statistics/districts", params={"parent": SIMING, **query}).json()
    low_base = page.locator("#children td.rate [data-sign='*']").first
    assert low_base.evaluate("cell => getComputedStyle(cell, '::after').content") == '"*"'
    cells = [line.split("\t") for line in page.locator("#children tbody tr").all_inner_texts()]
    assert [int(row[1]) for row in cells[:-2]] == [row["counts"]["enterprises"] for row in found["data"]]
    assert int(cells[-2][1]) == found["total"]["counts"]["enterprises"]
    expect(page.locator(".problem")).to_have_count(0)


def test_an_unknown_district_is_said_once(open_page: Open, address: str) -> None:
    page = open_page(f"{address}/dashboard#district=999999&lang=en", refusals="4(04|22)")
    expect(page.locator(".problem")).to_have_count(1)
    expect(page.locator(".problem")).to_have_text(re.compile("^There is no district 999999"))
    with turned(page):
        page.locator(".problem button").click()
    expect(page.locator(".problem")).to_have_count(0)


def test_files_are_checked_and_their_problems_listed(
    open_page: Open, public_address: str, key: str, tmp_path: Path
) -> None:
    page = open_page(f"{public_address}/dashboard#lang=en")
    page.locator("#key").fill(key)
    with turned(page):
        page.keyboard.press("Enter")
    form, told = page.locator("#upload form"), page.locator("#upload [role=status]")

    def send(*rows: str) -> None:
        path = tmp_path / "branches.csv"
        path.write_text("\n".join([BRANCH_HEADER, *rows, ""]), encoding="utf-8")
        form.locator("select").select_option("branches")
        form.locator("input[type=file]").set_input_files(path)
        form.get_by_role("button", name="Send").click()

    only_check = form.get_by_label("Check only")
    expect(only_check).to_be_checked()

    send("SM-900,测试党支部,club,SM,350203,,false,,,,", "SM-901,测试第二党支部,branch,SM,350203,,perhaps,,,,")
    rows = told.get_by_role("group", name="Problems", exact=True).locator("tbody tr")
    expect(rows).to_have_count(2, timeout=60_000)
    assert [line.split("\t")[:4] for line in rows.all_inner_texts()] == [
        ["2", "kind", "club", "error"],
        ["3", "dual_affiliation", "perhaps", "error"],
    ]
    counts = told.get_by_role("group", name="Problems by kind").locator("tbody tr")
    assert [line.split("\t") for line in counts.all_inner_texts()] == [
        ["invalid boolean", "error", "dual_affiliation", "1"],
        ["invalid choice", "error", "kind", "1"],
    ]
    with page.expect_download() as remarks:
        told.get_by_role("button", name="Download the file with remarks").click()
    assert remarks.value.path().read_bytes().startswith(b"PK")

    send("SM-900,测试党支部,branch,SM,350203,standalone,false,,,,")
    expect(told).to_have_text("Checked, nothing written: 1 new, 0 changed, 0 unchanged, 0 with errors.", timeout=60_000)
    answer = httpx.get(f"{public_address}/v1/branches/SM-900", headers={"Authorization": f"Bearer {key}"})
    assert answer.status_code == 404

    only_check.uncheck()
    send("SM-900,测试党支部,branch,SM,350203,standalone,false,,,,")
    expect(told).to_contain_text("The figures above do not know of it yet.", timeout=60_000)
    with turned(page):
        told.get_by_role("button", name="Build anew the snapshot of 2017-09-30").click()
    expect(told).to_contain_text("Snapshot 20170930-")

    form.get_by_label("Then build the snapshot of").fill("2016-06-30")
    with turned(page):
        send("SM-900,测试党支部,branch,SM,350203,standalone,false,,,,")
    expect(told).to_contain_text("Done: 0 new, 0 changed, 1 unchanged, 0 with errors. Snapshot 20160630-")
    expect(page.locator("#as_of option").last).to_have_text("2016-06-30")


def test_files_of_a_section_are_downloaded(open_page: Open, public_address: str, key: str) -> None:
    """The key goes with the request, which a plain link would not do."""
    page = open_page(f"{public_address}/dashboard#district={SIMING}&lang=en")
    page.locator("#key").fill(key)
    with turned(page):
        page.keyboard.press("Enter")
    shown = ["enterprises", "members", "member_ratio", *COVERAGES]
    query = {"parent": SIMING, "basis": "operating", "fields": shown, "lang": "en", "bom": "true"}
    url, headers = f"{public_address}/v1/statistics/districts.csv", {"Authorization": f"Bearer {key}"}
    with page.expect_download() as received:
        page.locator("#children").get_by_role("button", name="CSV").click()
    assert received.value.suggested_filename == "districts.csv"
    assert received.value.path().read_bytes() == httpx.get(url, params=query, headers=headers).content
    with page.expect_download() as received:
        page.locator("#children").get_by_role("button", name="XLSX").click()
    assert received.value.suggested_filename == "districts.xlsx"
    assert received.value.path().read_bytes().startswith(b"PK")


def test_pictures_are_small(open_page: Open, address: str, tmp_path: Path) -> None:
    folder = Path(os.environ.get("PICTURES", tmp_path))
    for lang in ("zh", "en"):
        page = open_page(f"{address}/dashboard#district={SIMING}&lang={lang}")
        page.screenshot(path=folder / f"dashboard-{lang}.png", animations="disabled")
    page.locator("#low").evaluate("section => section.scrollIntoView()")
    page.screenshot(path=folder / "funnel.png", animations="disabled")
    assert_small(folder, "dashboard-zh", "dashboard-en", "funnel")


def test_picture_of_the_terminal_is_small(browser: Browser, quarters: Settings, tmp_path: Path) -> None:
    """What a person sees who types the command: its colours go through a browser into the picture."""
    folder = Path(os.environ.get("PICTURES", tmp_path))
    typed = ["low-membership", "--district", SIMING, "--by", "section"]
    settings = {"ORGCOVERAGE_DATA_DIR": str(quarters.data_dir), "FORCE_COLOR": "1", "COLUMNS": "118"}
    output = subprocess.run(
        command("statistics", *typed, "--format", "table"),
        env=environment(settings), text=True, stdout=subprocess.PIPE, check=True,
    ).stdout  # fmt: skip
    console = Console(record=True, width=118, file=StringIO())
    console.print(f"[bold]$[/bold] orgcoverage statistics {' '.join(typed)}", highlight=False)
    for line in AnsiDecoder().decode(output):
        console.print(line)
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.set_content(console.export_html(theme=MONOKAI, inline_styles=True))
    assert page.locator("pre").inner_text().count("\n") > 10
    page.locator("pre").screenshot(path=folder / "terminal.png")
    page.close()
    assert_small(folder, "terminal")


def assert_small(folder: Path, *names: str) -> None:
    """Hold pictures to what a README may take to load."""
    sizes = {name: (folder / f"{name}.png").stat().st_size for name in names}
    assert {name: size for name, size in sizes.items() if not 0 < size < LARGEST_PICTURE} == {}
