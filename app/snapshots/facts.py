"""Facts: one row per registered enterprise and per living branch, computed by the SQL texts, the domain's rules.

The date, the windows and the thresholds are inserted into the texts as validated literals.
"""

import calendar
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.parquet as pq

from app.catalogue.vocabulary import (
    NON_PUBLIC_OWNERSHIP,
    ORGANISATION_MEANS,
    PUBLIC_OWNERSHIP,
    WORK_MEANS,
    Education,
)
from app.config import Settings, Thresholds
from app.registry.credit_code import IS_CREDIT_CODE, LOOKS_LIKE_CREDIT_CODE
from app.registry.working import IS_EMPLOYED, IS_MEMBER
from app.snapshots.duckdb_engine import Dealing
from app.snapshots.engines import Engine, open_engine
from app.snapshots.lineage import read_lineage
from app.snapshots.merging import Source, differences, read_sources, refuse_unknown_places

MemberSource = Literal["register", "returns"]

ACTIVITY_MONTHS = 12
"""Months up to the date over which the meetings of a branch are added up."""

_COLLEGE = (Education.DOCTORATE, Education.MASTER, Education.BACHELOR, Education.JUNIOR_COLLEGE)


@dataclass(frozen=True)
class Parameters:
    """The date, the thresholds, and where members are counted from."""

    as_of: date
    thresholds: Thresholds
    member_source: MemberSource


@dataclass(frozen=True)
class Sizes:
    """Most enterprises of a file, and of what is worked on alone; more only where one county has more.

    `whole`: most whose rows the texts read at once; of more of them they read parts of about half as many.
    """

    shard: int = 1 << 22
    piece: int = 1 << 18
    whole: int = 1 << 18


SIZES = Sizes()


@dataclass(frozen=True)
class Step:
    """A table that the texts read, found once.

    Parameters
    ----------
    text
        The text that states it, one of a list of tables.
    table
        Its name there.
    within
        What it can be found for in parts, each alone: `member`, `branch` or `enterprise`; null: nothing.
    dealing
        How its own rows are dealt out.
    """

    text: str
    table: str
    within: str | None = None
    dealing: Dealing | None = None


_BY_ENTERPRISE = Dealing("enterprise", "enterprise_code")
_BY_CODE = Dealing("branch", "code")

STEPS = (
    Step("activity", "living_branch", None, _BY_CODE),
    Step("activity", "living_lineage"),
    Step("activity", "recent_return", None, _BY_CODE),
    Step("activity", "activity_below", None, _BY_CODE),
    Step("activity", "branch_activity"),
    Step("members", "branch_member", "member", Dealing("member", "member_ref")),
    Step("members", "affiliation_sum", "member", _BY_CODE),
    Step("members", "employment_sum", "member", _BY_ENTERPRISE),
    Step("members", "secondary_employment", "member"),
    Step("members", "member_turnover", "member", _BY_ENTERPRISE),
    Step("members", "member_without_employer", "member"),
    Step("own_sums", "own_sum", "branch", _BY_CODE),
    Step("own_sums", "joint_lineage"),
    *(
        Step("subtrees", table, None, _BY_CODE)
        for table in (
            "living_parent",
            "several_tied_sum",
            "subtree_sum",
            "enterprises_covered",
            "enterprises_participating",
        )
    ),
    Step("members", "unregistered_enterprise"),
    Step("members", "workplace_sum", "member", _BY_ENTERPRISE),
)
"""In an order in which each reads only those before it."""


@dataclass(frozen=True)
class StoredRows:
    """Rows in a Parquet file, or a folder of them; a column is read when it is asked for: all of them are gigabytes."""

    path: Path

    def __getitem__(self, name: str) -> pa.Array:
        """Return a column."""
        return pq.read_table(self.path, columns=[name], memory_map=True)[name].combine_chunks()

    def table(self) -> pa.Table:
        """Return all columns."""
        return pq.read_table(self.path, memory_map=True)


@dataclass(frozen=True)
class Facts:
    """The rows of a snapshot, unordered.

    Parameters
    ----------
    parameters
        Parameters of the rules, the member source resolved.
    districts, industries
        `code`, `parent_code`, `level`, `name_zh`, `name_en` of each node.
    industry_groups
        `code`, `name_zh`, `name_en`, `industry_code`: a row per industry of each group; null for an empty group.
    enterprises, branches, coverage, dual_affiliation, workplaces
        Results of the SQL texts of these names.
    findings
        `rule`, `district_code`, `industry_code`, `subject_kind`, `subject_code`, `value`.
    targets
        The targets of the registry.
    superseded
        `code`, `supersedes` of each enterprise, registered or not, that supersedes another.
    """

    parameters: Parameters
    districts: pa.Table
    industries: pa.Table
    industry_groups: pa.Table
    enterprises: StoredRows
    branches: StoredRows
    coverage: StoredRows
    dual_affiliation: StoredRows
    workplaces: StoredRows
    findings: StoredRows
    targets: pa.Table
    superseded: pa.Table


def compute_facts(
    folder: Path, sources: Sequence[Source], settings: Settings, as_of: date, sizes: Sizes = SIZES
) -> Facts:
    """Return the facts as of a date from extracts.

    Parameters
    ----------
    folder
        An empty folder, for the files of the facts and of the engine.
    sources
        The extracts, in the order in which they were named.
    settings
        Thresholds, member source, and the engine with its limits.
    as_of
        The date.
    sizes
        From when on, and into how many parts, an engine in this process divides what the texts read.

    Raises
    ------
    EngineUnavailable
        The engine cannot be reached or has failed.
    ExtractRefused
        Several extracts, of which the first does not have all districts, industries and groups.
    """
    with open_engine(settings, folder) as engine:
        read_sources(engine, sources, sizes.whole)
        read_lineage(engine)
        parameters = Parameters(as_of, settings.thresholds, "register")
        for step in STEPS:  # which do not depend on where members are counted from
            engine.keep(step.table, step_statement(step, parameters), step.within, step.dealing)
        parameters = replace(parameters, member_source=_member_source(engine, settings))
        facts = _facts(engine, parameters, differences(engine, sources, as_of))
        refuse_unknown_places(engine, sources)
        return facts


def statement(name: str, parameters: Parameters) -> str:
    """Return an SQL text of this package with its literals inserted; it reads the tables of the steps."""
    return _text(name).format_map(literals(parameters))


def step_statement(step: Step, parameters: Parameters) -> str:
    """Return the SQL text of the table of a step, which reads those of the steps before it."""
    before = {one.table for one in STEPS[: STEPS.index(step)]}
    stated: dict[str, str] = dict(_STATED.findall(statement(step.text, parameters)))
    used, needed = stated[step.table], list[str]()
    for name in reversed(list(stated)[: list(stated).index(step.table)]):
        if name not in before and re.search(rf"\b{name}\b", used):
            needed.insert(0, f"{name} AS (\n{stated[name]})")
            used += stated[name]
    return ("WITH\n" + ",\n".join(needed) + "\n" if needed else "") + stated[step.table]


_STATED = re.compile(r"^(\w+) AS \(\n(.*?)^\)", re.MULTILINE | re.DOTALL)
"""A table of a list of them, and its text."""


def _text(name: str) -> str:
    return files("app.snapshots").joinpath(f"{name}.sql").read_text(encoding="utf-8").rstrip()


def literals(parameters: Parameters) -> dict[str, str]:
    """Return the literals of the SQL texts by name."""
    day, thresholds = parameters.as_of, parameters.thresholds
    return {
        "as_of": _quoted(day),
        "is_employed": IS_EMPLOYED.format(as_of=_quoted(day)),
        "is_member": IS_MEMBER.format(as_of=_quoted(day)),
        "return_since": _quoted(months_before(day, thresholds.return_window_months)),
        "activity_since": _quoted(months_before(day, ACTIVITY_MONTHS)),
        "active_branch_meetings": str(int(thresholds.active_branch_meetings)),
        "turnover_since": _quoted(months_before(day, thresholds.turnover_window_months)),
        "year": str(day.year),
        "register": "1 = 1" if parameters.member_source == "register" else "1 = 0",
        "surveyed_headcount": str(int(thresholds.surveyed_headcount)),
        "surveyed_headcount_social": str(int(thresholds.surveyed_headcount_social)),
        "eligible_full_members": str(int(thresholds.eligible_full_members)),
        "branch_least_full_members": str(int(thresholds.branch_least_full_members)),
        "general_branch_above": str(int(thresholds.general_branch_above)),
        "committee_above": str(int(thresholds.committee_above)),
        "organisation_means": _listed(ORGANISATION_MEANS),
        "work_means": _listed(WORK_MEANS),
        "non_public_ownership": _listed(NON_PUBLIC_OWNERSHIP),
        "public_ownership": _listed(PUBLIC_OWNERSHIP),
        "college": _listed(_COLLEGE),
        "looks_like_credit_code": LOOKS_LIKE_CREDIT_CODE,
        "is_credit_code": IS_CREDIT_CODE,
    }


def months_before(day: date, months: int) -> date:
    """Return the same day of the month, that many months earlier; the month's last day where it does not exist.

    Clipped to `date.min`.
    """
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    if year < date.min.year:
        return date.min
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def _member_source(engine: Engine, settings: Settings) -> MemberSource:
    if settings.member_source != "auto":
        return settings.member_source
    return "register" if engine.answer("SELECT withheld FROM employment_sum LIMIT 1").num_rows else "returns"


def _facts(engine: Engine, parameters: Parameters, differing: str | None) -> Facts:
    def stored(name: str, text: str, *more: str | None, within: str | None = None) -> StoredRows:
        texts = [statement(text, parameters), *filter(None, more)]
        return StoredRows(engine.store(f"{name}_fact", " UNION ALL ".join(texts), within))

    tree = "SELECT code, parent_code, level, name_zh, name_en FROM {table}"
    return Facts(
        parameters=parameters,
        districts=engine.answer(tree.format(table="district")),
        industries=engine.answer(tree.format(table="industry")),
        industry_groups=engine.answer(
            "SELECT code, name_zh, name_en, industry_code FROM industry_group "
            "LEFT JOIN industry_group_industry ON group_code = code"
        ),
        enterprises=stored("enterprise", "enterprises", within="enterprise"),  # findings read these two
        branches=stored("branch", "branches", within="branch"),
        coverage=stored("coverage", "coverage"),
        dual_affiliation=stored("dual_affiliation", "dual_affiliation"),
        workplaces=stored("workplace", "workplaces", within="enterprise"),
        findings=stored("finding", "findings", differing),
        targets=engine.answer("SELECT * FROM target"),
        superseded=engine.answer("SELECT code, supersedes FROM enterprise WHERE supersedes IS NOT NULL"),
    )


def _quoted(day: date) -> str:
    return f"'{day.isoformat()}'"


def _listed(values: Iterable[str]) -> str:
    return ", ".join(f"'{value}'" for value in sorted(values))
