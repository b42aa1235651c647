"""The ledger as offices keep it: Chinese headers and words, in a workbook or GB18030, say what English UTF-8 says."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
import xlsxwriter

from app.config import Settings
from app.imports.load import import_file
from app.imports.options import ImportOptions
from tests.factories.loading import fill
from tests.factories.tiny import Tiny, parts, picked, tiny_registry

ENGLISH = """\
code,name,kind,registered_on,reported_on,district_code,industry_code,ownership,size_class,operating,fixed_premises,\
above_designated_size,headcount,members,full_members,members_dual,members_under_36,members_women,members_college,\
members_floating
007,示例网络公司,enterprise,2012-02-29,2017-06-30,wucun,64,private,small,true,true,false,40,6,4,2,3,2,5,1
NA,示例传媒公司,enterprise,,2017-06-30,jialian,86,state,,yes,no,,12,1,,,,,,
示例-3,示例行业协会,social_organisation,2016-05-01,2017-03-31,yunding,65,,micro,1,1,0,30,0,0,0,0,0,0,0
NULL,示例停业公司,institution,2015-01-01,2017-06-30,,,other,large,0,,1,,,,,,,,
"""
"""Four enterprises and their returns; blank cells are unknown."""

CHINESE = """\
统一社会信用代码,单位名称,单位类别,成立日期,统计日期,所在地区划代码,国民经济行业代码,控股情况,企业规模,是否正常经营,固定场所,\
规上,从业人员数,党员总数,正式党员,兼合式党员,35岁及以下,女党员,大专及以上,流动党员
007,示例网络公司,企业,2012年2月29日,2017/6/30,wucun,64,私营,小型,是,√,×,40,6,4,2,3,2,5,1
NA,示例传媒公司,企业,,2017年6月30日,jialian,86,国有,,有,无,,12.0,1,,,,,,
示例-3,示例行业协会,社会组织,2016/5/1,2017-03-31,yunding,65,,微型,是,有,否,30,0,0,0,0,0,0,0
NULL,示例停业公司,事业单位,2015-01-01,2017年6月30日,,,其他,大型,否,,是,,,,,,,,
"""
"""The same ledger, cell by cell, as an office would write it."""

DATES = (3, 4)
"""Its columns of dates, which a workbook holds as numbers."""


def english_csv(path: Path) -> None:
    path.write_text(ENGLISH, encoding="utf-8")


def gb18030_csv(path: Path) -> None:
    path.write_text(CHINESE.replace(",", "\t"), encoding="gb18030")


def chinese_workbook(path: Path) -> None:
    """A real workbook: dates and counts are numbers, codes are text."""
    header, *lines = [line.split(",") for line in CHINESE.splitlines()]
    dates = [line.split(",")[column] for line in ENGLISH.splitlines()[1:] for column in DATES]
    with xlsxwriter.Workbook(path) as workbook:
        sheet = workbook.add_worksheet("台账")
        day = workbook.add_format({"num_format": "yyyy年m月d日"})
        sheet.write_row(0, 0, [f"　{name} " for name in header])
        for number, cells in enumerate(lines, start=1):
            for column, cell in enumerate(cells):
                if column in DATES and cell:
                    written = dates[2 * (number - 1) + DATES.index(column)]
                    sheet.write_datetime(number, column, date.fromisoformat(written), day)
                elif column > 11 and cell:
                    sheet.write_number(number, column, float(cell))
                else:
                    sheet.write_string(number, column, cell)


WRITERS: dict[str, Callable[[Path], None]] = {
    "English UTF-8 CSV": english_csv,
    "Chinese XLSX": chinese_workbook,
    "Chinese GB18030 CSV": gb18030_csv,
}


@pytest.fixture(scope="module")
def snapshots(tiny: Tiny, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Give the id of the snapshot that each way of writing the ledger leads to, each into an empty registry."""
    return {name: _imported(tiny, write, tmp_path_factory.mktemp("ledger")) for name, write in WRITERS.items()}


def _imported(tiny: Tiny, write: Callable[[Path], None], folder: Path) -> str:
    fill(tiny.url, tiny_registry())
    write(folder / "ledger")
    settings = Settings(database_url=tiny.url, data_dir=folder)
    result = import_file(settings, "ledger", folder / "ledger", ImportOptions(), lambda *_: None).result
    assert (result.inserted, result.errors) == (4, 0)
    return tiny.changed().at().snapshot


@pytest.mark.parametrize("written", ["Chinese XLSX", "Chinese GB18030 CSV"])
def test_a_ledger_gives_the_same_snapshot_when_written_in_chinese(snapshots: dict[str, str], written: str) -> None:
    assert snapshots[written] == snapshots["English UTF-8 CSV"]


def test_a_ledger_gives_the_figures_of_its_cells_when_imported(tiny: Tiny, snapshots: dict[str, str]) -> None:
    figures = tiny.at()
    assert figures.snapshot in snapshots.values()
    total = figures.page("districts", level="county")["total"]
    assert picked(total["counts"], "enterprises enterprises_members_unknown") == (3, 0)  # the fourth does not operate
    assert picked(total["counts"], "headcount members") == (40 + 12 + 30, 6 + 1 + 0)
    assert picked(total["counts"], "full_members full_members_unknown") == (4 + 0, 1)
    assert parts(total["rates"]["women_share"]) == (2, 6 + 1 + 0 - 1)  # one member's firm does not say
    assert figures.column("districts", "enterprises", parent="siming") == {"jialian": 1, "wucun": 2}
    everything = figures.page("industries", level="section", basis="registered")
    assert picked(everything["total"]["counts"], "enterprises enterprises_headcount_unknown") == (4, 1)
    assert everything["unallocated"]["counts"]["enterprises"] == 1
    assert figures.column("enterprises", "members_floating", basis="registered") == {
        "007": 1, "NA": None, "NULL": None, "示例-3": 0,
    }  # fmt: skip
