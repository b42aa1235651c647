"""Journeys over the dashboard: by mouse, by keyboard, on a phone, in both languages, with and without a key.

Needs Playwright and Chromium, so that pytest does not find this file by itself: `bash .ci/browser` runs it. With
`PICTURES=docs/images` before it, the pictures of the README are taken anew.
"""

import os
import re
import subprocess
from io import StringIO
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect
from rich.ansi import AnsiDecoder
from rich.console import Console
from rich.terminal_theme import MONOKAI

from app.config import Settings
from tests.browser.pages import (
    DESK,
    PHONE,
    SIMING,
    STREET,
    STREETS,
    THIN,
    Open,
    assert_small,
    chosen,
    covered,
    members,
    turned,
    use_key,
    value_of,
    view,
    violations,
)  # fmt: skip
from tests.documentation.commands import command, environment

VIEWS = ("overview", "establish", "enterprises", "branches", "data")
EXACT_ONLY = ("dual", "bases")


@pytest.mark.parametrize(("lang", "locale", "other"), [("zh", "zh-CN", "English"), ("en", "en-GB", "中文")])
def test_journey_down_and_back_and_shared(open_page: Open, address: str, lang: str, locale: str, other: str) -> None:
    page = open_page(f"{address}/dashboard", locale=locale)
    for code in ("350000", "350200", SIMING, STREET):
        name = httpx.get(f"{address}/v1/districts/{code}").json()["data"]
        with turned(page):
            page.locator("#children").get_by_role(
                "link", name=(lang == "en" and name["name_en"]) or name["name_zh"]
            ).click()
        assert chosen(page)["district"] == code
        expect(value_of(page, "members")).to_have_text(members(address, code))
    assert members(address, STREET) != members(address, SIMING)
    with turned(page):
        page.go_back()
    expect(value_of(page, "members")).to_have_text(members(address, SIMING))
    with turned(page):
        page.go_forward()
    expect(value_of(page, "members")).to_have_text(members(address, STREET))
    with turned(page):
        page.locator("#path a").last.click()
    for name, value in (("as_of", "2017-03-31"), ("basis", "registered"), ("industries", "group")):
        with turned(page):
            page.locator(f"#{name}").select_option(value)
    assert chosen(page) == {
        "district": SIMING, "as_of": "2017-03-31", "basis": "registered", "industries": "group", "lang": lang,
    }  # fmt: skip
    asked = members(address, SIMING, as_of="2017-03-31", basis="registered")
    expect(value_of(page, "members")).to_have_text(asked)
    assert view(open_page(page.url, locale="fr-FR")) == view(page)
    with turned(page):
        page.locator("#language").click()
    assert page.locator("html").get_attribute("lang") != lang
    expect(page.locator("#language")).not_to_have_text(other)


def test_what_a_control_changes_alone_is_asked_again(open_page: Open, address: str) -> None:
    page = open_page(f"{address}/dashboard#district={SIMING}&lang=en")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/v1/" in request.url else None)
    with turned(page):
        page.locator("#industries").select_option("group")
    assert len(asked) == 1
    assert "low-membership" in asked[0]
    asked.clear()
    with turned(page):
        page.locator("#language").click()
    assert asked == []


def test_districts_are_found_by_typing(open_page: Open, address: str) -> None:
    page = open_page(f"{address}/dashboard#lang=zh", locale="zh-CN")
    page.locator("#district").click()
    expect(page.locator("#district-list [role=option]").first).to_be_visible()
    page.locator("#district").fill("梧村")
    option = page.locator("#district-list [role=option]").filter(has_text="梧村街道")
    expect(option).to_be_visible()
    page.keyboard.press("ArrowDown")
    expect(option).to_have_attribute("aria-selected", "true")
    with turned(page):
        page.keyboard.press("Enter")
    assert chosen(page)["district"] == "350203008"
    assert page.title().startswith("梧村街道 · 2017-09-30")


def test_tables_are_sorted_by_their_columns(open_page: Open, address: str) -> None:
    page = open_page(f"{address}/dashboard#district={SIMING}&lang=en")
    column = page.locator("#children thead th").nth(1)
    for order, way in (("descending", "desc"), ("ascending", "asc")):
        column.get_by_role("button").click()
        expect(column).to_have_attribute("aria-sort", order)
        query = {"parent": SIMING, "sort": "enterprises", "order": way, "fields": "enterprises"}
        rows = httpx.get(f"{address}/v1/statistics/districts", params=query).json()["data"]
        shown = [row.split("\t")[1].strip() for row in page.locator("#children tbody tr").all_inner_texts()]
        assert shown == [str(row["counts"]["enterprises"]) for row in rows]


def test_figures_lead_to_the_rows_behind_them(open_page: Open, address: str) -> None:
    """From a rate to its enterprises, from one of them to its branch, from there to where its members work."""
    page = open_page(f"{address}/dashboard#district={SIMING}&lang=en")
    with turned(page):
        page.locator("#headline li[data-code=organisation_coverage] .behind a").click()
    assert chosen(page) | {"lang": "en"} == chosen(page)
    rows = page.locator("#enterprises tbody tr")
    assert page.locator("#enterprises > p").first.inner_text() == "125 rows"
    page.locator("#enterprises").get_by_role("button", name="Show all").click()
    expect(rows).to_have_count(125)
    with turned(page):
        rows.first.get_by_role("link").click()
    firm = chosen(page)["subject"]
    expect(page.locator("#enterprises dl").first).to_contain_text(firm)
    with turned(page):
        page.locator("#enterprises td a").first.click()
    assert chosen(page)["view"] == "branches"
    with turned(page):
        page.get_by_role("link", name="Back to the list").click()
    page.locator("#find").fill("SM-NET")
    with turned(page):
        page.locator(".found a", has_text="联合党委").click()
    expect(page.locator("#branches h3").first).to_contain_text("互联网")


def test_a_map_is_drawn_of_districts_with_boundaries(open_page: Open, public_address: str) -> None:
    """Darker is higher, hatched rests on little; a click leads into a district. Where none has any there is no map."""
    page = open_page(f"{public_address}/dashboard#district={SIMING}&lang=en")
    asked = {"parent": SIMING, "fields": "organisation_coverage"}
    found = httpx.get(f"{public_address}/v1/statistics/districts", params=asked).json()["data"]
    drawn = [row for row in found if row["district"]["code"] in STREETS]
    highest = max(drawn, key=lambda row: row["rates"]["organisation_coverage"]["value"])
    expect(page.locator("#map .area")).to_have_count(len(STREETS))
    weak = [row for row in drawn if row["rates"]["organisation_coverage"]["status"] == "low_base"]
    expect(page.locator("#map path[fill='url(#hatch)']")).to_have_count(len(weak))
    told = page.locator("#map .area.c4 title").all_text_contents()
    assert any(text.startswith(highest["district"]["name_zh"]) for text in told)
    with turned(page):
        page.locator("#map .place", has=page.locator("title", has_text=highest["district"]["name_zh"])).locator(
            ".area"
        ).click()
    assert chosen(page)["district"] == highest["district"]["code"]
    expect(page.locator("#map")).to_be_hidden()


def test_targets_stand_on_their_cards(open_page: Open, address: str) -> None:
    page = open_page(f"{address}/dashboard#district={SIMING}&filter=industry_group:internet&lang=en")
    asked = {"district": SIMING, "industry_group": "internet"}
    found = httpx.get(f"{address}/v1/statistics/targets", params=asked).json()["data"]
    of_card = next(one for one in found if one["metric"] == "work_coverage" and one["district"]["code"] == SIMING)
    card = page.locator("#headline li[data-code=work_coverage] .target")
    expect(card).to_contain_text(f"{100 * of_card['value']:.1f}{THIN}% by {of_card['due_on']}: {of_card['state']}")
    expect(page.locator("#targets tbody tr")).to_have_count(len(found))
    page = open_page(f"{address}/dashboard#district={SIMING}&filter=ownership:private&lang=en")
    expect(page.locator("#targets .note").nth(1)).to_have_text("Not limited to the chosen enterprises.")
    expect(page.locator("#headline .target")).to_have_count(0)  # no target is for an ownership


def test_a_rule_leads_to_what_it_finds(open_page: Open, address: str) -> None:
    page = open_page(f"{address}/dashboard#view=data&district={SIMING}&lang=en")
    asked = {"district": SIMING, "rule": "register_differs_from_return", "limit": "20"}
    found = httpx.get(f"{address}/v1/statistics/data-quality", params=asked).json()["data"]
    page.locator("#quality").get_by_role("button", name=found[0]["label_en"]).click()
    rows = page.locator("#quality [aria-live] tbody tr")
    expect(rows).to_have_count(len(found))
    assert [line.split("\t")[1] for line in rows.all_inner_texts()] == [one["subject"]["code"] for one in found]


def tab_to(page: Page, wanted: str) -> None:
    """Press Tab until an element has the focus."""
    for _ in range(90):
        page.keyboard.press("Tab")
        if page.evaluate("wanted => document.activeElement.matches(wanted)", wanted):
            return
    raise AssertionError(f"Tab does not lead to {wanted}")


def test_keyboard_alone_reaches_and_works_everything(open_page: Open, address: str) -> None:
    page = open_page(f"{address}/dashboard#district={SIMING}&lang=en")
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    tab_to(page, "#as_of")
    with turned(page):
        page.keyboard.press("ArrowDown")
    assert chosen(page)["as_of"] == "2017-06-30"
    expect(page.locator("#as_of")).to_be_focused()
    tab_to(page, "#jump [data-section=trends]")
    page.keyboard.press("Enter")
    expect(page.locator("#trends-title")).to_be_focused()
    page.locator("#headline summary").first.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#headline .means p").first).to_be_visible()
    tab_to(page, "#children thead th:nth-child(2) button")
    page.keyboard.press("Enter")
    expect(page.locator("#children thead th:nth-child(2)")).to_have_attribute("aria-sort", "descending")
    expect(page.locator("#children thead th:nth-child(2) button")).to_be_focused()
    tab_to(page, "#children tr:nth-child(6) a")
    with turned(page):
        page.keyboard.press("Enter")
    assert len(chosen(page)["district"]) == len(STREET)
    expect(page.locator("main")).to_be_focused()


@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("shown", VIEWS)
def test_page_is_accessible_and_fits(
    open_page: Open, address: str, shown: str, lang: str, viewport: dict[str, int]
) -> None:
    """One language is looked at in the light, the other in the dark."""
    scheme = "dark" if lang == "en" else "light"
    url = f"{address}/dashboard#view={shown}&district={SIMING}&lang={lang}"
    page = open_page(url, viewport=viewport, color_scheme=scheme)
    page.evaluate("document.querySelectorAll('details').forEach((one) => (one.open = true))")
    page.locator("#key-entry").evaluate("one => (one.open = false)")
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert covered(page) == []
    shade = int(re.findall(r"\d+", page.evaluate("getComputedStyle(document.body).backgroundColor"))[0])
    assert (shade < 64) == (scheme == "dark")


def test_page_without_a_key_shows_what_it_can_and_nothing_empty(open_page: Open, public_address: str, key: str) -> None:
    page = open_page(f"{public_address}/dashboard#district={SIMING}&lang=en")
    expect(page.locator("#tier")).to_have_text(re.compile("^Protected figures"))
    expect(value_of(page, "members")).to_have_text(members(public_address, SIMING))
    expect(page.locator("#headline li[data-code=work_coverage]")).to_have_count(0)
    expect(page.locator("#views")).to_be_hidden()
    for section in EXACT_ONLY:
        expect(page.locator(f"#{section}")).to_have_count(0)
    expect(page.locator("main > section:visible :is(.problem, .locked)")).to_have_count(0)
    expect(page.get_by_text("protected", exact=True)).to_have_count(0)
    assert violations(page) == []

    use_key(page, f"{key}0")
    expect(page.locator("#key-told")).to_have_text(re.compile("wrong, expired or revoked"))
    expect(value_of(page, "members")).to_have_text(members(public_address, SIMING))

    page.locator("#key").fill(key)
    with turned(page):
        page.keyboard.press("Enter")
    expect(page.locator("#tier")).to_have_text("Exact figures")
    expect(page.locator("#views a")).to_have_count(len(VIEWS))
    expect(page.locator(":is(.problem, .locked)")).to_have_count(0)
    expect(page.locator("#key-told")).to_have_text("")
    exact = members(public_address, SIMING, key)
    assert exact != members(public_address, SIMING)
    expect(value_of(page, "members")).to_have_text(exact)
    assert key not in page.url
    assert page.evaluate("[localStorage.length, sessionStorage.length, document.cookie]") == [0, 0, ""]

    page.locator("#key-entry summary").click()
    with turned(page):
        page.get_by_role("button", name="Forget key").click()
    expect(page.locator("#tier")).to_have_text(re.compile("^Protected figures"))


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
    expect(value_of(page, "members")).to_have_text(members(address, SIMING, **query))
    asked = {"parent": SIMING, "sort": "organisation_coverage", "order": "desc", **query}
    found = httpx.get(f"{address}/v1/statistics/districts", params=asked).json()
    assert page.locator("#children td .rate.weak sup").first.inner_text() == "*"
    cells = [line.split("\t") for line in page.locator("#children tbody tr").all_inner_texts()]
    assert [int(row[1]) for row in cells] == [row["counts"]["enterprises"] for row in found["data"]]
    total = page.locator("#children tfoot tr").first.inner_text().split("\t")
    assert int(total[1]) == found["total"]["counts"]["enterprises"]
    expect(page.locator(".problem")).to_have_count(0)


def test_an_unknown_district_is_said_once(open_page: Open, address: str) -> None:
    page = open_page(f"{address}/dashboard#district=999999&lang=en", refusals="4(04|22)")
    expect(page.locator(".problem")).to_have_count(1)
    expect(page.locator(".problem")).to_have_text(re.compile("^There is no district 999999"))
    with turned(page):
        page.locator(".problem button").click()
    expect(page.locator(".problem")).to_have_count(0)


def test_figures_can_be_read_while_new_ones_are_loading(open_page: Open, address: str) -> None:
    page, asked = open_page(f"{address}/dashboard#district={SIMING}&lang=zh"), "**/v1/statistics/low-membership*"
    page.route(asked, lambda _: None)  # never answered
    with turned(page):
        page.locator("#basis").select_option("registered")
        expect(page.locator("#low[aria-busy]")).to_be_visible()
        assert violations(page) == []
        page.unroute(asked)  # what waits goes on


def test_figures_stay_when_the_service_does_not_answer(open_page: Open, address: str) -> None:
    page = open_page(f"{address}/dashboard#district={SIMING}&lang=en", refusals="503|Failed to load")
    before = page.locator("#headline").inner_text()
    page.route("**/v1/**", lambda route: route.abort())
    with turned(page):
        page.locator("#basis").select_option("registered")
    expect(page.locator("#banner")).to_contain_text("The service cannot be reached")
    expect(page.locator("#banner p")).to_have_count(1)
    assert page.locator("#headline").inner_text() == before
    assert violations(page) == []
    page.unroute("**/v1/**")
    with turned(page):
        page.locator("#banner button").click()
    expect(page.locator("#banner")).to_be_empty()
    expect(value_of(page, "members")).to_have_text(members(address, SIMING, basis="registered"))


def test_files_of_a_section_are_downloaded(open_page: Open, public_address: str, key: str) -> None:
    """The key goes with the request, which a plain link would not do; the name says what is in the file."""
    page = open_page(f"{public_address}/dashboard#district={SIMING}&lang=en")
    use_key(page, key)
    shown = [
        "enterprises",
        "members",
        "organisation_coverage",
        "organisation_coverage_with_dual",
        "work_coverage",
        "member_ratio",
        "standalone_rate",
    ]
    query = {
        "parent": SIMING,
        "basis": "operating",
        "fields": shown,
        "sort": "organisation_coverage",
        "order": "desc",
        "lang": "en",
        "bom": "true",
    }
    url, headers = f"{public_address}/v1/statistics/districts.csv", {"Authorization": f"Bearer {key}"}
    with page.expect_download() as received:
        page.locator("#children").get_by_role("button", name="CSV").click()
    assert received.value.suggested_filename == "Coverageofthedistrictsbelow_思明区_2017-09-30.csv"
    assert received.value.path().read_bytes() == httpx.get(url, params=query, headers=headers).content
    with page.expect_download() as received:
        page.locator("#children").get_by_role("button", name="XLSX").click()
    assert received.value.path().read_bytes().startswith(b"PK")


def test_tables_and_the_summary_are_copied(browser: Browser, address: str) -> None:
    context = browser.new_context(
        viewport={"width": 1440, "height": 900}, permissions=["clipboard-read", "clipboard-write"]
    )
    page = context.new_page()
    page.goto(f"{address}/dashboard#district={SIMING}&lang=zh")
    page.wait_for_selector("body[data-ready]")
    for where, wanted in (
        ("#children .more button", "名称\t单位数\t党员数"),
        ("#headline .tools button", "思明区 268 家在营单位中 125 家已建组织"),
    ):
        page.locator(where).first.click()
        expect(page.locator(where).first.locator("xpath=ancestor::p").locator("[role=status]")).to_have_text("已复制")
        assert wanted in page.evaluate("navigator.clipboard.readText()")
    context.close()


def test_pages_print_to_two_sheets_with_what_narrows_them(open_page: Open, address: str, tmp_path: Path) -> None:
    page = open_page(f"{address}/dashboard#district={SIMING}&filter=industry_group:internet&lang=zh")
    path = tmp_path / "page.pdf"
    page.pdf(path=path, format="A4", prefer_css_page_size=True, print_background=True)
    assert len(re.findall(rb"/Type\s*/Page\b", path.read_bytes())) == 2
    page.emulate_media(media="print")
    for text in ("思明区", "2017-09-30", "互联网和新媒体", "快照 20170930-", "#district=350203"):
        assert text in page.locator("body").inner_text(), text
    expect(page.locator("#where")).to_be_hidden()


def test_pictures_are_small(open_page: Open, address: str, tmp_path: Path) -> None:
    folder = Path(os.environ.get("PICTURES", tmp_path))
    for lang in ("zh", "en"):
        page = open_page(f"{address}/dashboard#district={SIMING}&lang={lang}", viewport={"width": 1280, "height": 860})
        page.screenshot(path=folder / f"dashboard-{lang}.png", animations="disabled")
    page.locator("#low").evaluate("section => section.scrollIntoView()")
    page.screenshot(path=folder / "funnel.png", animations="disabled")
    assert_small(folder, "dashboard-zh.png", "dashboard-en.png", "funnel.png")


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
    assert_small(folder, "terminal.png")
