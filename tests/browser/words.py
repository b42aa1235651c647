"""What the page makes of figures by rules: its pure functions, called in a browser with figures that one can check."""

from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser.pages import THIN, Open

EXACT = {"disclosure": {"policy": "none"}}
ROUNDED = {"disclosure": {"policy": "rounded"}}
COUNTS = {"enterprises": 176, "enterprises_organised": 71}


def rate(value: float | None, status: str = "ok") -> dict[str, Any]:
    return {"value": value, "status": status}


def figures(**parts: Any) -> dict[str, Any]:
    """Return the figures of Siming's non-public enterprises, but for what a test says."""
    whole = {
        "place": "思明区", "whom": "家非公企业", "counts": COUNTS, "rates": {"organisation_coverage": rate(71 / 176)},
        "since": "上季度", "change": {"organisation_coverage": 0.004},
        "industries": [{"name": "信息传输、软件和信息技术服务业", "class": "low", "shortfall": 306}],
    }  # fmt: skip
    return whole | parts


@pytest.fixture
def page(open_page: Open, address: str) -> Page:
    return open_page(f"{address}/dashboard")


def say(page: Page, lang: str, given: dict[str, Any]) -> str:
    script = """async ([lang, given]) => {
      const { sentence } = await import("/dashboard/sentence.js");
      return sentence(given, (await import(`/dashboard/${lang}.js`)).default.sentence);
    }"""
    return str(page.evaluate(script, [lang, given])).replace(THIN, " ")


def call(page: Page, module: str, function: str, *arguments: Any) -> Any:
    script = "async ([module, name, given]) => (await import(`/dashboard/${module}.js`))[name](...given)"
    return page.evaluate(script, [module, function, list(arguments)])


def test_the_sentence_is_that_of_the_figures(page: Page) -> None:
    said = "思明区 176 家非公企业中 71 家已建组织，覆盖率 40.3 %，"
    missing = "信息传输业党员偏少，按其他行业水平尚缺约 306 人。"
    assert say(page, "zh", figures()) == f"{said}比上季度高 0.4 个百分点；{missing}"
    for change, words in ((-0.0235, "比上季度低 2.4 个百分点"), (0.0, "与上季度持平"), (0.0004, "与上季度持平")):
        assert say(page, "zh", figures(change={"organisation_coverage": change})) == f"{said}{words}；{missing}"
    assert say(page, "zh", figures(change=None)) == f"{said[:-1]}；{missing}"
    assert say(page, "zh", figures(since="2016-08-31")) == f"{said}比 2016-08-31 高 0.4 个百分点；{missing}"


def test_the_sentence_names_the_industry_that_lacks_most(page: Page) -> None:
    low = [{"name": "教育", "class": "low", "shortfall": 12}, {"name": "房地产业", "class": "low", "shortfall": 40}]
    lower = [
        {"name": "制造业", "class": "lower", "shortfall": 1234},
        {"name": "教育", "class": "higher", "shortfall": 0},
    ]
    assert "；房地产业等 2 个行业党员偏少，其中房地产业按其他行业水平尚缺约 40 人。" in say(
        page, "zh", figures(industries=low)
    )
    assert "；制造业党员较少，按其他行业水平尚缺约 1,234 人，" in say(page, "zh", figures(industries=lower))
    assert say(page, "zh", figures(industries=[])).endswith("比上季度高 0.4 个百分点。")


def test_the_sentence_says_what_dual_affiliation_adds(page: Page) -> None:
    rates = {"organisation_coverage": rate(9 / 80), "organisation_coverage_with_dual": rate(62 / 80)}
    change = {"organisation_coverage": 0, "organisation_coverage_with_dual": 0.6625}
    counts = {"enterprises": 80, "enterprises_organised": 9}
    said = say(page, "zh", figures(rates=rates, change=change, counts=counts, industries=[]))
    assert said.endswith("覆盖率 11.3 %，与上季度持平，含兼合式为 77.5 %，比上季度高 66.3 个百分点。")
    same = rates | {"organisation_coverage_with_dual": rate(9 / 80)}
    assert "兼合式" not in say(page, "zh", figures(rates=same))


def test_the_sentence_admits_what_it_does_not_know(page: Page) -> None:
    few = {"organisation_coverage": rate(0.5, "low_base")}
    assert "覆盖率 50.0 %（基数不足 30，仅供参考）" in say(page, "zh", figures(rates=few))
    assert say(page, "zh", figures(counts={"enterprises": 0, "enterprises_organised": 0})) == "思明区没有非公企业。"


def test_the_sentence_is_english_in_english(page: Page) -> None:
    given = figures(
        place="Siming", whom="non-public enterprises", since="the quarter before",
        industries=[{"name": "Information Transmission, Software and IT Services", "class": "low", "shortfall": 306}],
    )  # fmt: skip
    assert say(page, "en", given) == (
        "Siming: 71 of 176 non-public enterprises are organised, coverage 40.3 %, 0.4 points above the quarter before; "
        "Information Transmission has few members, about 306 short of the level of other industries."
    )


@pytest.mark.parametrize(
    ("before", "day", "said"),
    [
        ("2017-06-30", "2017-09-30", "上季度"), ("2016-12-31", "2017-03-31", "上季度"),
        ("2016-09-30", "2017-09-30", "上年同期"),
        ("2017-06-15", "2017-09-15", "2017-06-15"), ("2017-03-31", "2017-09-30", "2017-03-31"),
    ],
)  # fmt: skip
def test_dates_are_called_as_people_call_them(page: Page, before: str, day: str, said: str) -> None:
    assert call(page, "sentence", "earlier", before, day, {"periods": {"3": "上季度", "12": "上年同期"}}) == said


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("信息传输、软件和信息技术服务业", "信息传输业"), ("公共管理、社会保障和社会组织", "公共管理"),
        ("金融业", "金融业"),
        ("Wholesale and Retail Trade", "Wholesale"), ("Education", "Education"),
    ],
)  # fmt: skip
def test_industries_are_called_by_their_first_name(page: Page, name: str, short: str) -> None:
    assert call(page, "sentence", "shortIndustry", name) == short


def test_numbers_are_written_as_what_they_are(page: Page) -> None:
    assert call(page, "numbers", "persons", 1210, EXACT) == "1,210"
    assert call(page, "numbers", "persons", 1210, ROUNDED) == f"≈{THIN}1,210"
    assert call(page, "numbers", "persons", None, ROUNDED) == "–"
    assert [call(page, "numbers", "points", value) for value in (0.004, -0.0235, 0)] == ["+0.4", "−2.4", "±0.0"]
    assert [call(page, "numbers", "direction", value) for value in (0.0004, -0.0004, -0.0006)] == [0, 0, -1]
    weak = rate(0.5, "low_base") | {"low": 0.2, "high": 0.8, "numerator": 3, "denominator": 6}
    assert call(page, "numbers", "range", weak) == f"20.0–80.0{THIN}%"
    assert call(page, "numbers", "base", weak, "") == "3/6"
    assert call(page, "numbers", "sign", weak) == "*"


@pytest.mark.parametrize(("values", "end"), [([0.089], 0.1), ([0.259, None], 0.3), ([0.96], 1), ([], 0.01)])
def test_scales_end_at_a_whole_step(page: Page, values: list[float | None], end: float) -> None:
    assert call(page, "numbers", "endOfScale", values) == pytest.approx(end)


def test_rows_are_ordered_with_what_is_unknown_last(page: Page) -> None:
    script = """async (way) => (await import("/dashboard/table.js"))
      .ordered([{v: 2}, {v: null}, {v: 1}], (one) => one.v, way).map((one) => one.v)"""
    assert page.evaluate(script, "asc") == [1, 2, None]
    assert page.evaluate(script, "desc") == [2, 1, None]
