"""The story of the demonstration, played in a browser in Chinese, at a desk and on a phone, with pictures of its steps.

An analyst opens the page and reads the sentence, looks at the internet firms, sees in the trend when the committee was
founded, and what to found next; then sends a messy ledger, is told what is wrong, sends it again, looks at the draft,
compares and releases it; and somebody without a key sees the new figures. `PICTURES=docs/images` keeps the pictures.
"""

import os
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.browser.pages import (
    PHONE,
    SIMING,
    THIN,
    Open,
    assert_small,
    chosen,
    covered,
    turned,
    use_key,
    value_of,
    violations,
)  # fmt: skip

DESK = {"width": 1440, "height": 800}
"""A little lower than a screen, so that pictures stay small."""

TITLE = "思明区两新组织台账,,,,,,,,,"
HEADER = "序号,统一社会信用代码,单位名称,行政区划代码,行业代码,填报日期,所有制,是否经营,职工人数,党员人数,正式党员数"
GOOD = "1,STORY-1,厦门鹭岛云图科技有限公司（示例）,350203008,6422,2017年9月30日,私营,是,６４人,5名,5"
BETTER = "2,STORY-2,厦门星河动漫有限公司（示例）,350203007,6422,2017.9.30,私营,是,48,4,4"
WRONG = "2,STORY-2,厦门星河动漫有限公司（示例）,350299007,6422,2017.9.31,私营,是,48,4,6"
TOTAL = ",合计,,,,,,,112,9,11"


class Story:
    """A page that is looked at step by step."""

    def __init__(self, page: Page, name: str, folder: Path) -> None:
        self.page = page
        self.name = name
        self.folder = folder
        self.steps: list[str] = []

    def picture(self, step: str, where: str) -> None:
        """Hold the page to what it has to be at every step, and keep a picture of it."""
        expect(self.page.locator("main [aria-busy], main[aria-busy]")).to_have_count(0)
        assert violations(self.page) == []
        assert covered(self.page) == []
        assert self.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        self.page.locator(where).first.evaluate("one => one.scrollIntoView({block: 'start'})")
        name = f"story-{self.name}-{len(self.steps) + 1}-{step}"
        self.page.screenshot(path=self.folder / f"{name}.png", animations="disabled")
        self.steps.append(f"{name}.png")

    def open_view(self, name: str) -> None:
        """Open one of the views."""
        with turned(self.page):
            self.page.locator("#views").get_by_role("link", name=name, exact=True).click()


def ledger(folder: Path, *rows: str) -> Path:
    """Write a ledger as spreadsheets of an office are saved: a title above the header, in GB18030."""
    path = folder / "思明区台账.csv"
    path.write_text("\n".join([TITLE, HEADER, *rows, ""]), encoding="gb18030")
    return path


@pytest.mark.parametrize(("name", "viewport"), [("desk", DESK), ("phone", PHONE)], ids=["desk", "phone"])
def test_the_story_of_the_demonstration(
    open_page: Open, reviewed_address: str, office_key: str, name: str, viewport: dict[str, int], tmp_path: Path
) -> None:
    options: dict[str, Any] = {"viewport": viewport, "locale": "zh-CN", "refusals": "40[13]|ERR_FAILED"}
    opened = open_page(f"{reviewed_address}/dashboard#district={SIMING}&lang=zh", **options)
    story = Story(opened, name, Path(os.environ.get("PICTURES", tmp_path)))
    page = story.page
    use_key(page, office_key)
    read_the_sentence(story)
    look_at_the_internet(story)
    see_what_to_found(story)
    send_a_ledger(story, tmp_path)
    draft = compare_the_draft(story, reviewed_address)
    release(story, draft)
    see_it_in_public(story, open_page, reviewed_address, viewport, office_key)
    assert_small(story.folder, *story.steps)


def read_the_sentence(story: Story) -> None:
    said = story.page.locator("#sentence").inner_text().replace(THIN, " ")
    assert said.startswith("思明区 268 家在营单位中 125 家已建组织，覆盖率 46.6 %，与上季度持平")
    assert said.endswith("信息传输业党员偏少，按其他行业水平尚缺约 306 人。")
    story.picture("sentence", "header")
    with turned(story.page):
        story.page.locator("#filter").select_option(label="非公企业")
    said = story.page.locator("#sentence").inner_text().replace(THIN, " ")
    assert said.startswith("思明区 176 家非公企业中 71 家已建组织，覆盖率 40.3 %，与上季度持平")


def look_at_the_internet(story: Story) -> None:
    page = story.page
    with turned(page):
        page.locator("#filter").select_option(label="互联网和新媒体")
    said = page.locator("#sentence").inner_text().replace(THIN, " ")
    assert "80 家互联网和新媒体单位中 9 家已建组织，覆盖率 11.3 %，与上季度持平，含兼合式为 78.8 %" in said
    assert page.title().startswith("思明区 · 2017-09-30")
    founding, steps = page.locator("#trends path.founding"), page.locator("#trends path.line")
    expect(founding).to_have_count(1)
    expect(page.locator("#trends .founding-text")).to_have_text("2017-06-25 联合组织成立")
    at = float(re.findall(r"M([\d.]+)", founding.get_attribute("d") or "")[0])
    turns = [float(x) for x in re.findall(r"[MH]([\d.]+)", steps.nth(1).get_attribute("d") or "")]
    assert turns[2] < at < turns[3], "the founding lies between the third and the fourth snapshot"
    story.picture("trend", "#trends")
    with turned(page):
        page.locator("#filter").select_option("")


def see_what_to_found(story: Story) -> None:
    page = story.page
    story.open_view("组建")
    expect(page.locator("#proposals .says")).to_contain_text("全部完成后，组织覆盖率由 46.6")
    expect(page.locator("#proposals path.line")).to_have_count(1)
    story.picture("proposals", "#proposals")
    with turned(page):
        page.locator("#gaps tbody tr").first.get_by_role("button", name="看建议").click()
    expect(page.locator("#proposals tr.chosen")).to_be_in_viewport()
    expect(page.locator("#gaps tr.chosen")).to_have_count(1)
    firm = chosen(page)["subject"]
    with turned(page):
        page.locator("#proposals tr.chosen a").first.click()
    assert chosen(page)["view"] == "enterprises"
    expect(page.locator("#enterprises dl").first).to_contain_text(firm)
    with turned(page):
        page.locator("#enterprises").get_by_role("link", name="看组建建议").click()
    expect(page.locator("#proposals tr.chosen")).to_be_in_viewport()


def send_a_ledger(story: Story, folder: Path) -> None:
    page, told = story.page, story.page.locator("#told")
    story.open_view("报送与发布")
    with page.expect_download() as template:
        page.get_by_role("button", name="下载模板").click()
    assert template.value.suggested_filename == "台账模板.xlsx"
    page.locator("#file").set_input_files(ledger(folder, GOOD, WRONG, TOTAL))
    expect(page.locator("#take")).to_be_disabled()
    page.locator("#check").click()
    kinds = told.locator("table").first.locator("tbody tr")
    expect(kinds).to_have_count(4, timeout=60_000)
    for rule in ("代码不存在", "不是日期", "大于党员总数", "这是合计行，不是单位"):
        expect(told).to_contain_text(rule)
    expect(page.locator("#take")).to_be_disabled()
    story.picture("errors", "#upload")
    with page.expect_download() as returned:
        told.get_by_role("button", name="下载带意见的退回文件").click()
    assert returned.value.suggested_filename.startswith("退回文件_")
    assert returned.value.path().read_bytes().startswith(b"PK")

    page.locator("#file").set_input_files(ledger(folder, GOOD, BETTER))
    page.route("**/v1/imports?**", lambda route: route.abort(), times=1)
    page.locator("#check").click()
    expect(told).to_contain_text("连接不上服务")
    page.locator("#check").click()
    expect(told).to_contain_text("检查完毕，未写入：将新增 2", timeout=60_000)
    expect(page.locator("#take")).to_be_enabled()
    expect(page.locator("#build")).to_have_value("2017-09-30")
    page.locator("#take").click()
    expect(page.locator("#taken")).to_contain_text("已生成快照 20170930-", timeout=90_000)
    story.picture("taken", "#upload")


def compare_the_draft(story: Story, address: str) -> str:
    """Everybody else sees what was released; the office compares."""
    page = story.page
    with turned(page):
        page.locator("#taken").get_by_role("link", name="去比较和发布").click()
    row = page.locator("#versions tr.chosen")
    expect(row).to_contain_text("草稿")
    draft = chosen(page)["subject"]
    assert draft not in httpx.get(f"{address}/v1/snapshots").text
    with turned(page):
        row.get_by_role("link", name="比较").click()
    counted = page.locator("#comparison tbody tr").first
    assert re.findall(r"\d+", counted.inner_text())[:2] == ["268", "270"]
    story.picture("compare", "#comparison")
    with turned(page):
        page.locator("#versions tr", has_text=draft).get_by_role("link", name="查看").click()
    expect(value_of(page, "enterprises")).to_have_text("270")
    expect(page.locator(".narrowing")).to_contain_text("草稿")
    story.open_view("报送与发布")
    return draft


def release(story: Story, draft: str) -> None:
    page = story.page
    page.locator("#versions tr", has_text=draft).get_by_role("button", name="发布").click()
    expect(page.locator("#note")).to_be_focused()
    page.keyboard.type("补报两家单位")
    with turned(page):
        page.keyboard.press("Enter")
    row = page.locator("#versions tr", has_text=draft)
    expect(row).to_contain_text("已发布")
    expect(row).to_contain_text("补报两家单位")
    story.picture("released", "#versions")


def see_it_in_public(story: Story, open_page: Open, address: str, viewport: dict[str, int], key: str) -> None:
    page = open_page(f"{address}/dashboard#district={SIMING}&lang=zh", viewport=viewport, locale="zh-CN")
    story.page = page
    expect(value_of(page, "enterprises")).to_have_text("270")
    expect(page.locator("#sentence")).to_contain_text("思明区 270 家在营单位中 125 家已建组织")
    expect(value_of(page, "members")).to_have_text(re.compile(f"^≈{THIN}"))
    expect(page.locator("main > section:visible :is(.problem, .locked)")).to_have_count(0)
    assert key not in page.content()
    story.picture("public", "header")
