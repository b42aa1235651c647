"""The shipped district and industry trees as places and trades of generated enterprises."""

from dataclasses import dataclass

import numpy as np

from app.catalogue.vocabulary import DistrictLevel, IndustryLevel
from app.demo.files import read_classification, read_data
from app.demo.generated.files import Integers, Shares

AT_COUNTY = 0.05
"""Share of a county's enterprises whose district is the county itself, if it has streets."""

LEVEL_SHARES = {IndustryLevel.CLASS: 0.92, IndustryLevel.GROUP: 0.06, IndustryLevel.DIVISION: 0.02}
"""Shares of the levels of enterprises' industries."""

INTERNET_RATIO = 0.5
"""Members per employee in the industries of the group `internet`, relative to all others."""


@dataclass(frozen=True)
class Places:
    """Districts of enterprises.

    Parameters
    ----------
    codes
        District codes: streets where there are any, counties, cities without counties.
    county
        Position in `counties` of each.
    shares
        Probability of each.
    counties
        Codes of the counties used (six digits; a city without counties counts as one).
    """

    codes: tuple[str, ...]
    county: Integers
    shares: Shares
    counties: tuple[str, ...]


@dataclass(frozen=True)
class Trades:
    """Industries of enterprises: code, probability, mean headcount by the census, relative member ratio of each."""

    codes: tuple[str, ...]
    shares: Shares
    mean_sizes: Shares
    ratios: Shares


def draw_places(most: int, rng: np.random.Generator) -> Places:
    """Draw weights of counties (lognormal), keep the `most` heaviest, and split their weights among their streets."""
    rows = read_classification("districts.csv")
    parents = {row["parent_code"] for row in rows}
    leaves = [row for row in rows if row["code"] not in parents and row["level"] != DistrictLevel.PROVINCE]
    counties = sorted({_county(row) for row in leaves})
    weights = rng.lognormal(0, 1, len(counties))
    heaviest = sorted(np.argsort(-weights, kind="stable")[:most].tolist())
    position = {counties[index]: nth for nth, index in enumerate(heaviest)}
    placed = [(row["code"], position[_county(row)]) for row in leaves if _county(row) in position]
    codes, county = [code for code, _ in placed], np.array([nth for _, nth in placed])
    with_streets = sorted({nth for code, nth in placed if code != counties[heaviest[nth]]})
    shares = weights[heaviest][county] * _split(county, rng)
    shares[np.isin(county, with_streets)] *= 1 - AT_COUNTY
    return Places(
        codes=(*codes, *(counties[heaviest[nth]] for nth in with_streets)),
        county=np.concatenate([county, np.array(with_streets, dtype=np.int64)]).astype(np.int32),
        shares=_normalized(np.concatenate([shares, weights[heaviest][with_streets] * AT_COUNTY])),
        counties=tuple(counties[index] for index in heaviest),
    )


def draw_trades(rng: np.random.Generator) -> Trades:
    """Split the census's sections among their divisions, groups and classes (lognormal)."""
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
        shares=_normalized(entities * levels * _split(owner, rng)),
        mean_sizes=np.array([float(section["employees_10k"]) for section in sections]) / entities,
        ratios=np.array([INTERNET_RATIO if row["code"].startswith(internet) else 1.0 for row in used]),
    )


def _county(row: dict[str, str]) -> str:
    return row["parent_code"] if row["level"] == DistrictLevel.STREET else row["code"]


def _section(code: str, above: dict[str, str]) -> str:
    while above[code]:
        code = above[code]
    return code


def _split(owner: Integers, rng: np.random.Generator) -> Shares:
    """Draw uneven shares that add up to 1 for each owner."""
    weights = rng.lognormal(0, 0.7, len(owner))
    parts: Shares = weights / np.bincount(owner, weights)[owner]
    return parts


def _normalized(weights: Shares) -> Shares:
    shares: Shares = weights / weights.sum()
    return shares
