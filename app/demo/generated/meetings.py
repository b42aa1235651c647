"""Generated monthly returns of branches: meetings of the last quarter, from those that tell them."""

from collections.abc import Iterator
from datetime import date

import numpy as np
import pyarrow as pa

from app.demo.generated.branches import Branches
from app.demo.generated.enterprises import CHUNK
from app.demo.generated.files import UNKNOWN, counts, day_number, days, happens, texts

MONTHS = (date(2017, 4, 1), date(2017, 5, 1), date(2017, 6, 1))
"""Months of the returns, one each of every branch that sends any."""

SILENT = 0.15
"""Share of the branches without returns."""

MOST_MEETINGS, LEAST_ATTENDANCE, MOST_ATTENDANCE = 3, 5, 40
"""Most meetings of a month; fewest and most persons at a meeting."""


def branch_return_chunks(branches: Branches, rng: np.random.Generator) -> Iterator[dict[str, pa.Array]]:
    """Draw the columns of `branch-returns`, chunk by chunk; committees and general branches send none."""
    for first in range(0, len(branches), CHUNK):
        position = np.arange(first, min(first + CHUNK, len(branches)))
        meets = (position >= branches.own[branches.county[position]]) & ~happens(SILENT, len(position), rng)
        sending = np.repeat(position[meets], len(MONTHS))
        meetings = rng.integers(0, MOST_MEETINGS, len(sending), dtype=np.int32, endpoint=True)
        persons = rng.integers(LEAST_ATTENDANCE, MOST_ATTENDANCE, len(sending), dtype=np.int32, endpoint=True)
        known = ~happens(0.05, len(sending), rng)
        yield {
            "branch_code": texts(branches.codes[sending]),
            "period_on": days(np.tile([day_number(month) for month in MONTHS], int(meets.sum()))),
            "meetings": counts(meetings),
            "attendances": counts(np.where(known, meetings * persons, UNKNOWN)),
        }
