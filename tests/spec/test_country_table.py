"""A table as statistical offices print it, loaded as returns: industries, employed and members in thousands.

Its percentages come back from the lists, from breakdowns and from trends. The figures are invented.
"""

from datetime import date
from typing import Any

import pytest

from tests.factories.asking import Asker
from tests.factories.tiny import Tiny

# industry: (employed, members, per cent) of the first year, then of the second, all but the per cents in thousands
PRINTED = {
    "agriculture": ((1_288, 41, 3.2), (1_262, 39, 3.1)),
    "mining": ((612, 33, 5.4), (588, 30, 5.1)),
    "utilities": ((951, 188, 19.8), (962, 191, 19.9)),
    "construction": ((8_311, 972, 11.7), (8_522, 946, 11.1)),
    "food": ((1_734, 225, 13.0), (1_761, 222, 12.6)),
    "machinery": ((5_207, 425, 8.2), (5_133, 406, 7.9)),
    "wholesale": ((3_418, 142, 4.2), (3_377, 137, 4.1)),
    "retail": ((14_720, 655, 4.4), (14_655, 601, 4.1)),
    "transport": ((6_405, 1_052, 16.4), (6_590, 1_071, 16.3)),
    "publishing": ((489, 31, 6.3), (471, 33, 7.0)),
    "broadcasting": ((530, 36, 6.8), (541, 37, 6.8)),
    "telecommunications": ((811, 119, 14.7), (795, 112, 14.1)),
    "internet": ((1_020, 11, 1.1), (1_144, 14, 1.2)),
    "finance": ((7_380, 96, 1.3), (7_455, 90, 1.2)),
    "real estate": ((2_411, 108, 4.5), (2_398, 103, 4.3)),
    "professional": ((12_150, 239, 2.0), (12_480, 262, 2.1)),
    "education": ((14_101, 4_562, 32.4), (14_222, 4_530, 31.9)),
    "health": ((19_004, 1_510, 7.9), (19_377, 1_544, 8.0)),
    "arts": ((2_215, 148, 6.7), (2_301, 151, 6.6)),
    "hospitality": ((9_420, 197, 2.1), (9_577, 211, 2.2)),
}
YEARS = (date(2022, 12, 31), date(2023, 12, 31))


def registry() -> dict[str, str]:
    """One enterprise stands for each industry; its returns say how many are employed, and how many are members."""
    codes = list(PRINTED)
    return {
        "districts": "code, parent_code, level, name_zh\ncountry, , province, 全国",
        "industries": "code, parent_code, level, name_zh\n" + "\n".join(f"{code}, , section, {code}" for code in codes),
        "enterprises": "code, district_code, industry_code\n" + "\n".join(f"{code}, country, {code}" for code in codes),
        "returns": "enterprise_code, reported_on, headcount, members\n"
        + "\n".join(
            f"{code}, {year}, {employed}, {members}"
            for code, printed in PRINTED.items()
            for year, (employed, members, _) in zip(YEARS, printed, strict=True)
        ),
    }


@pytest.fixture(scope="module")
def country(tiny: Tiny) -> tuple[Asker, list[str]]:
    tiny.hold(**registry())
    asker = Asker(tiny.url, tiny.folder / "country", member_source="returns")
    return asker, [asker.build(year) for year in YEARS]


def per_cent(row: dict[str, Any]) -> float:
    ratio: float = row["rates"]["member_ratio"]["value"]
    return round(100 * ratio, 1)


@pytest.mark.parametrize("year", [0, 1])
def test_lists_give_the_printed_per_cents(country: tuple[Asker, list[str]], year: int) -> None:
    asker, snapshots = country
    page = asker.list("industries", {"level": "section"}, snapshots[year])
    assert {row["industry"]["code"]: per_cent(row) for row in page["data"]} == {
        code: printed[year][2] for code, printed in PRINTED.items()
    }
    members, employed = (sum(printed[year][part] for printed in PRINTED.values()) for part in (1, 0))
    total = page["total"]["rates"]["member_ratio"]
    assert (total["numerator"], total["denominator"]) == (members, employed)
    assert page["unallocated"]["counts"]["members"] == 0


@pytest.mark.parametrize("year", [0, 1])
def test_breakdowns_give_the_printed_per_cents(country: tuple[Asker, list[str]], year: int) -> None:
    asker, snapshots = country
    for by in ("section", ("province", "section")):
        table = asker.breakdown({"by": by}, snapshots[year])
        assert {row["industry"]["code"]: per_cent(row) for row in table["data"]} == {
            code: printed[year][2] for code, printed in PRINTED.items()
        }


def test_trends_give_the_printed_per_cents(country: tuple[Asker, list[str]]) -> None:
    asker, _ = country
    found: dict[str, list[float]] = {}
    for row in asker.trend({"by": "section"})["data"]:
        found.setdefault(row["industry"]["code"], []).append(per_cent(row))
    assert found == {code: [printed[2] for printed in PRINTED[code]] for code in PRINTED}
    for code in ("internet", "education"):
        assert [per_cent(row) for row in asker.trend({"industry": code})["data"]] == found[code]


def test_the_change_between_the_years_is_accounted_for(country: tuple[Asker, list[str]]) -> None:
    asker, _ = country
    account = asker.changes(YEARS[0], YEARS[1], {})["data"]["ratio"]
    ratios = [
        sum(printed[year][1] for printed in PRINTED.values()) / sum(printed[year][0] for printed in PRINTED.values())
        for year in (0, 1)
    ]
    assert account["difference"] == pytest.approx(ratios[1] - ratios[0], abs=1e-15)
    assert account["rate"] + account["mix"] == pytest.approx(account["difference"], abs=1e-12)
