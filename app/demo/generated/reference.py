"""The shipped trees as places and trades that generated enterprises are drawn from."""

from dataclasses import dataclass

import numpy as np

from app.catalogue.vocabulary import DistrictLevel, IndustryLevel
from app.demo.files import read_classification, read_data
from app.demo.generated.files import Integers, Shares

AT_COUNTY = 0.05
"""Share of the enterprises of a county with streets that are placed on the county itself."""

LEVEL_SHARES = {IndustryLevel.CLASS: 0.92, IndustryLevel.GROUP: 0.06, IndustryLevel.DIVISION: 0.02}
"""How finely enterprises are classified."""

INTERNET_RATIO = 0.5
"""Members per employee in the industries of the group `internet`, against all others."""


@dataclass(frozen=True)
class Places:
    """Where enterprises are.

    Parameters
    ----------
    codes
        District codes: streets where there are any, counties, cities without counties.
    county
        Position in `counties` of each.
    shares
        Chance of each.
    counties
        Codes of the counties used (six digits; cities without counties stand for one).
    """

    codes: tuple[str, ...]
    county: Integers
    shares: Shares
    counties: tuple[str, ...]


@dataclass(frozen=True)
class Trades:
    """What enterprises do: per industry its code, chance, mean size by the census in employees, relative ratio."""

    codes: tuple[str, ...]
    shares: Shares
    mean_sizes: Shares
    ratios: Shares


def draw_places(most: int, rng: np.random.Generator) -> Places:
    """Weigh the counties (lognormal), keep the `most` heaviest, and share them out to their streets."""
    rows = read_classification("districts.csv")
    parents = {row["parent_code"] for row in rows}
    leaves = [row for row in rows if row["code"] not in parents and row["level"] != DistrictLevel.PROVINCE]
    counties = sorted({_county(row) for row in leaves})
    weights = rng.lognormal(0, 1, len(counties))
    kept = sorted(np.argsort(-weights, kind="stable")[:most].tolist())
    position = {counties[index]: nth for nth, index in enumerate(kept)}
    placed = [(row["code"], position[_county(row)]) for row in leaves if _county(row) in position]
    codes, county = [code for code, _ in placed], np.array([nth for _, nth in placed])
    with_streets = sorted({nth for code, nth in placed if code != counties[kept[nth]]})
    shares = weights[kept][county] * _parts(county, rng)
    shares[np.isin(county, with_streets)] *= 1 - AT_COUNTY
    return Places(
        codes=(*codes, *(counties[kept[nth]] for nth in with_streets)),
        county=np.concatenate([county, np.array(with_streets, dtype=np.int64)]).astype(np.int32),
        shares=_normed(np.concatenate([shares, weights[kept][with_streets] * AT_COUNTY])),
        counties=tuple(counties[index] for index in kept),
    )


def _county(row: dict[str, str]) -> str:
    return row["parent_code"] if row["level"] == DistrictLevel.STREET else row["code"]


def _parts(owner: Integers, rng: np.random.Generator) -> Shares:
    """Uneven parts of 1 for all that have the same owner."""
    weights = rng.lognormal(0, 0.7, len(owner))
    parts: Shares = weights / np.bincount(owner, weights)[owner]
    return parts


def _normed(weights: Shares) -> Shares:
    shares: Shares = weights / weights.sum()
    return shares


def draw_trades(rng: np.random.Generator) -> Trades:
    """Share the census's sections out to their divisions, groups and classes (lognormal)."""
    rows = read_classification("industries.csv")
    above = {row["code"]: row["parent_code"] for row in rows}
    mix = {row["section"]: row for row in read_data("industry_mix.csv")}
    internet = tuple(
        row["industry_code"] for row in read_data("industry_groups.csv") if row["group_code"] == "internet"
    )
    used = [row for row in rows if row["level"] in LEVEL_SHARES and _section(row["code"], above) in mix]
    sections = [mix[_section(row["code"], above)] for row in used]
    strata = [(row["level"], section["section"]) for row, section in zip(used, sections, strict=True)]
    _, owner = np.unique(["".join(stratum) for stratum in strata], return_inverse=True)
    entities = np.array([float(section["legal_entities_10k"]) for section in sections])
    levels = np.array([LEVEL_SHARES[IndustryLevel(row["level"])] for row in used])
    return Trades(
        codes=tuple(row["code"] for row in used),
        shares=_normed(entities * levels * _parts(owner, rng)),
        mean_sizes=np.array([float(section["employees_10k"]) for section in sections]) / entities,
        ratios=np.array([INTERNET_RATIO if row["code"].startswith(internet) else 1.0 for row in used]),
    )


def _section(code: str, above: dict[str, str]) -> str:
    while above[code]:
        code = above[code]
    return code
