"""Generated coverage: how the branches and work means reach the enterprises."""

from collections.abc import Iterator
from datetime import date

import numpy as np
import pyarrow as pa

from app.catalogue.vocabulary import CoverageMeans
from app.demo.array_draws import days_between, happens
from app.demo.arrow_columns import NO_DAY, UNKNOWN, Flags, Integers, day_number, days, picks, rows_of, texts
from app.demo.generated_branches import Branches, is_own_branch
from app.demo.generated_enterprises import CHUNK, Enterprises

SHARED_MEANS = (CoverageMeans.JOINT, CoverageMeans.AREA, CoverageMeans.INDUSTRY, CoverageMeans.ATTACHED)
SHARED_SHARES = (0.55, 0.25, 0.12, 0.08)
"""How a branch for several firms reaches them, and the shares of these means."""

WORK_MEANS = (
    (CoverageMeans.INSTRUCTOR, 0.1),
    (CoverageMeans.LIAISON, 0.04),
    (CoverageMeans.TRADE_UNION, 0.06),
    (CoverageMeans.YOUTH_LEAGUE, 0.03),
)
"""Work means and the share of all enterprises that each reaches."""


def coverage_chunks(
    enterprises: Enterprises, branches: Branches, assigned: Integers, rng: np.random.Generator
) -> Iterator[dict[str, pa.Array]]:
    """Draw the columns of `coverage`, chunk by chunk of enterprises: the organised, then each work means."""
    for first in range(0, len(enterprises), CHUNK):
        index = np.arange(first, min(first + CHUNK, len(enterprises)))
        organised = index[assigned[index] != UNKNOWN]
        yield _organisation(enterprises, branches, organised, assigned[organised], rng)
        for means, share in WORK_MEANS:
            yield _work(enterprises, index[rng.random(len(index)) < share], means, rng)


def _organisation(
    enterprises: Enterprises, branches: Branches, index: Integers, branch: Integers, rng: np.random.Generator
) -> dict[str, pa.Array]:
    shared = rng.choice(len(SHARED_MEANS), len(index), p=SHARED_SHARES) + 1
    means = np.where(is_own_branch(branch, branches), 0, shared)
    return {
        "enterprise_code": texts(enterprises.codes[index]),
        "branch_code": rows_of(branches.codes, branch),
        "means": picks((CoverageMeans.STANDALONE, *SHARED_MEANS), means),
        **_interval(enterprises.registered[index], happens(0.02, len(index), rng), rng),
    }


def _work(
    enterprises: Enterprises, index: Integers, means: CoverageMeans, rng: np.random.Generator
) -> dict[str, pa.Array]:
    return {
        "enterprise_code": texts(enterprises.codes[index]),
        "means": picks((means,), np.zeros(len(index), dtype=np.int32)),
        **_interval(enterprises.registered[index], happens(0.05, len(index), rng), rng),
    }


def _interval(registered: Integers, ends: Flags, rng: np.random.Generator) -> dict[str, pa.Array]:
    """Draw starts up to mid-2016, rather late, none before registration, and for some an end in 2017."""
    first, last = day_number(date(2008, 1, 1)), day_number(date(2016, 6, 30))
    start = first + np.floor((last - first) * rng.random(len(ends)) ** 0.7).astype(np.int64)
    end = days_between(date(2017, 1, 1), date(2017, 6, 30), len(ends), rng)
    return {"start_on": days(np.maximum(start, registered)), "end_on": days(np.where(ends, end, NO_DAY))}
