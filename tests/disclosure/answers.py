"""The answers of the public tier as closed shapes: what is new in one must be understood before it tells nothing."""

from collections.abc import Sequence
from datetime import date

import msgspec

DIMENSIONS = {"districts": "district", "industries": "industry", "industry-groups": "industry_group"}
"""What lists are of, and what their rows call it."""


class Closed(msgspec.Struct, forbid_unknown_fields=True):
    """Part of an answer, which must have nothing else."""


class Subject(Closed):
    """What a row is about."""

    code: str
    name_zh: str
    name_en: str | None
    level: str | None = None
    parent_code: str | None = None
    industries: list[str] = []


class Rate(Closed):
    """One ratio of a row."""

    value: float | None
    numerator: int | None
    denominator: int | None
    n_eff: float | None
    low: float | None
    high: float | None
    status: str


class Figures(Closed, kw_only=True):
    """One row, the total of all, or what is in no row."""

    counts: dict[str, int | None] = {}
    rates: dict[str, Rate] = {}
    district: Subject | None = None
    industry: Subject | None = None
    industry_group: Subject | None = None
    enterprise_kind: None = None
    sector: None = None
    ownership: None = None
    size_class: None = None
    basis: None = None

    @property
    def codes(self) -> dict[str, str]:
        """The code of each dimension that the row is of."""
        subjects = {name: getattr(self, name) for name in DIMENSIONS.values()}
        return {name: subject.code for name, subject in subjects.items() if subject is not None}


class Compared(Figures):
    """One row of low membership."""

    n_eff: float | None
    ratio: float | None
    reference_ratio: float | None
    expected: float | None
    p: float | None
    q: float | None
    p_margin: float | None
    q_margin: float | None
    class_: str = msgspec.field(name="class")
    shortfall: int | None
    limit_95_low: float | None
    limit_95_high: float | None
    limit_998_low: float | None
    limit_998_high: float | None


class Difference(Closed):
    """What changed in a row since another date."""

    counts: dict[str, int | None]
    rates: dict[str, float | None]


class Point(Figures):
    """One row of a trend."""

    as_of: date
    snapshot: str
    breaks: list[str]
    change: Difference | None = None


class Meta(Closed, kw_only=True):
    """What stands beside figures."""

    snapshot: str
    as_of: date
    requested_as_of: date | None
    basis: str | None
    member_source: str
    intra_enterprise_correlation: dict[str, float | dict[str, float] | None]
    disclosure: dict[str, str | int | None]
    rows: int
    updated_at: str


class Earlier(Closed):
    """The earlier snapshot of changes."""

    snapshot: str
    as_of: date
    requested_as_of: date | None
    updated_at: str


class ChangesMeta(Meta):
    """What stands beside changes."""

    since: Earlier


class One(Closed):
    """The answer about one subject."""

    data: Figures
    meta: Meta


class Page(Closed):
    """One page of a list."""

    data: Sequence[Figures]
    total: Figures
    unallocated: Figures | None
    meta: Meta
    next_cursor: str | None


class ComparedPage(Page):
    """One page of low membership."""

    data: list[Compared]


class Trend(Closed):
    """One page of a trend."""

    data: list[Point]
    meta: Meta
    next_cursor: str | None


class Stratum(Closed):
    """What one industry adds to a change."""

    industry: Subject | None
    rate: float
    mix: float


class RatioChange(Closed):
    """A change of the ratio."""

    difference: float
    rate: float
    mix: float
    strata: list[Stratum]


class Change(Closed):
    """Changes; accounts of enterprises and members are protected."""

    ratio: RatioChange | None
    enterprises: None
    organised: None
    members: None


class ChangesRow(Change):
    """Changes of one district."""

    district: Subject
    sector: None
    ownership: None


class Changes(Closed):
    """Changes between two dates: of everything, or of each row, of all together, and of what is in none."""

    data: Change | list[ChangesRow]
    meta: ChangesMeta
    total: Change | None = None
    unallocated: Change | None = None


class TargetProgress(Closed):
    """A target, and how far it is reached."""

    target: str
    metric: str
    basis: str
    due_on: date
    value: float
    district: Subject | None
    industry: Subject | None
    industry_group: Subject | None
    sector: None
    source: str | None
    current: Rate
    state: str
    missing: int | None
    days_left: int


class TargetsPage(Closed):
    """One page of targets."""

    data: list[TargetProgress]
    meta: Meta
    next_cursor: str | None


class CodePage(Closed):
    """One page of a list of codes."""

    data: list[Subject]
    next_cursor: str | None


class OneCode(Closed):
    """The answer about one code."""

    data: Subject
