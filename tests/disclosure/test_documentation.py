"""The example of docs/disclosure.md is what the service makes of it."""

from pathlib import Path

import pytest

from app.config import Settings
from tests.documentation.markdown import chapter, read
from tests.factories.asking import Reader
from tests.factories.rounded import Place, code, protect, public_settings
from tests.factories.tiny import Tiny
from tests.reference.rounding import STANDALONE_LEAST, ceiling, rounded

EXAMPLE = chapter(read("docs/disclosure.md"), "An example")


def rows(first: str) -> list[dict[str, str]]:
    """The rows of the example's table whose first column has this heading."""
    table = EXAMPLE.partition(f"| {first} |")[2].partition("\n\n")[0]
    heads, _, *found = (
        [cell.strip() for cell in line.strip("|").split("|")] for line in f"{first} |{table}".splitlines()
    )
    return [dict(zip(heads, cells, strict=True)) for cells in found]


FIRMS = {one["firm"]: one for one in rows("firm")}


def code_of(firm: dict[str, str]) -> str:
    return code(firm["firm"], int(firm["s of members"]), int(firm["s of employees"]))


@pytest.fixture
def settings(migrated_url: str, tmp_path: Path) -> Settings:
    """Hold the example's registry; its firms have codes that the key gives the offsets they are said to have."""
    firms = [(one, code_of(one)) for one in FIRMS.values()]
    Tiny(migrated_url, tmp_path).hold(
        enterprises=lines(
            "code, district_code, industry_code",
            *(f"{code}, {one['street']}, {one['division']}" for one, code in firms),
        ),
        returns=lines(
            "enterprise_code, reported_on, headcount, members",
            *(f"{code}, 2017-03-31, {one['employees']}, {one['members']}" for one, code in firms),
        ),
        branches="code\nbranch",
        coverage=lines(
            "enterprise_code, branch_code, means",
            *(f"{code}, branch, standalone" for one, code in firms if one["own branch"] == "yes"),
        ),
    )
    return public_settings(migrated_url, tmp_path)


def lines(*of_table: str) -> str:
    return "\n".join(of_table)


def test_every_value_of_the_example_is_made_by_its_rule_when_it_shows() -> None:
    for one in FIRMS.values():
        if one["shows at"] != "nowhere":
            least = STANDALONE_LEAST if one["own branch"] == "yes" else 0
            members = rounded(int(one["members"]), least, int(one["s of members"]))
            alone = [other for other in FIRMS.values() if other["shows at"] == one["shows at"]] == [one]
            cap = ceiling(int(one["employees"]), least)
            assert int(one["f"]) == (min(members, cap) if alone else members)
            assert int(one["H′"]) == rounded(int(one["employees"]), 0, int(one["s of employees"]))


def test_firms_of_the_example_show_where_they_are_said_to_when_built(settings: Settings) -> None:
    expected: dict[Place, tuple[int, ...]] = {}
    for one in FIRMS.values():
        if one["shows at"] != "nowhere":
            place = cells_of(one["shows at"])
            own = (1, int(one["f"]), int(one["H′"]))
            expected[place] = tuple(map(sum, zip(expected.get(place, (0, 0, 0)), own, strict=True)))
    assert protect(settings).persons() == expected


def test_sums_of_the_example_are_answered_when_asked_for(settings: Settings) -> None:
    protect(settings)
    public, exact = (Reader(settings.snapshots_dir / tier) for tier in ("public", "exact"))
    for one in rows("asked for"):
        told, true = (
            figures(reader, reader.shelf.newest().manifest.id, one["asked for"]) for reader in (public, exact)
        )
        assert told == tuple(int(one[name]) for name in ("enterprises", "members", "employees"))
        assert true == tuple(int(one[name]) for name in ("enterprises", "exact members", "exact employees"))


def cells_of(asked: str) -> Place:
    """A district, and an industry in it."""
    district, _, industry = asked.partition(", ")
    return district, industry or None


def figures(reader: Reader, snapshot: str, asked: str) -> tuple[int, ...]:
    """Enterprises, members and employees of a district, of an industry in it, or of all."""
    district, industry = cells_of(asked)
    params = {} if industry is None else {"industry": industry}
    if asked == "everything":
        counts = reader.list("districts", {}, snapshot)["total"]["counts"]
    else:
        counts = reader.one("districts", str(district), params, snapshot)["data"]["counts"]
    return counts["enterprises"], counts["members"], counts["headcount"]
