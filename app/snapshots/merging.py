"""One registry from several extracts: the rows of one key are those of the newest extract that has any.

Trees, groups and targets are those of the extract named first.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from app.errors import Conflict
from app.messages import say
from app.snapshots.duckdb_engine import Dealing
from app.snapshots.engines import Engine
from app.snapshots.extract import EXTRACTED, Files, columns_of

_KEYS = {
    "enterprise": ("code",),
    "enterprise_return": ("enterprise_code", "reported_on"),
    "enterprise_coverage": ("enterprise_code", "branch_code"),
    "branch": ("code",),
    "branch_return": ("branch_code", "period_on"),
    "member": ("ref",),
    "employment": ("member_ref", "enterprise_code"),
    "affiliation": ("member_ref", "branch_code"),
}
"""The tables of which every extract has a part, and the key of each; it begins with what the rows are about.

First days, means and roles are no part of it: they are corrected, and what was and what is would both count.
"""


_DEALT = {
    "enterprise": Dealing("enterprise", "code"),
    "enterprise_return": Dealing("enterprise", "enterprise_code"),
    "enterprise_coverage": Dealing("enterprise", "enterprise_code"),
    "member": Dealing("member", "ref"),
    "employment": Dealing("member", "member_ref"),
    "affiliation": Dealing("member", "member_ref"),
}
"""The tables that are dealt out into parts, by what their keys begin with."""

_PLACES = {
    "district": ("enterprise_fact.district_code", "branch_fact.district_code"),
    "industry": ("enterprise_fact.industry_code", "branch_fact.industry_code"),
    "industry_group": ("branch_fact.industry_group",),
}
"""Where facts name the codes of each tree."""

_NAMED = 5
"""Codes that a refusal names."""


class ExtractRefused(Conflict):
    """An extract that is damaged, or that does not go with the others; nothing is built."""

    code = "extract-refused"
    title = "Extract refused"


@dataclass(frozen=True)
class Source:
    """An extract as a build reads it.

    Parameters
    ----------
    files
        Parquet files of each table.
    extracted_at
        RFC 3339 instant, UTC: of two extracts, the later one is the newer.
    url
        Where it lies.
    """

    files: Files
    extracted_at: str = ""
    url: str = ""


def read_sources(engine: Engine, sources: Sequence[Source], whole: int) -> None:
    """Make the tables of the registry from extracts, in the order in which they were named.

    Beyond `whole` enterprises they are dealt out into parts of about half as many.
    """
    several = len(sources) > 1
    for table in EXTRACTED:
        if several and table in _KEYS:
            _read_all(engine, table, sources)
        else:
            engine.read(table, sources[0].files[table])
    read = {table: f"all_{table}" if several else table for table in _DEALT}
    [[enterprises]] = engine.answer(f"SELECT count(*) FROM {read['enterprise']}").columns
    if enterprises.as_py() > whole:
        engine.divide({read[table]: dealing for table, dealing in _DEALT.items()}, -(-2 * enterprises.as_py() // whole))
    for table in _KEYS if several else ():
        _merge(engine, table)


def refuse_unknown_places(engine: Engine, sources: Sequence[Source]) -> None:
    """Refuse facts in districts, industries or groups that the extract named first does not have."""
    if len(sources) == 1:
        return
    unknown = " UNION ".join(
        f"SELECT {place} AS code FROM {place.partition('.')[0]} "
        f"WHERE {place} IS NOT NULL AND {place} NOT IN (SELECT code FROM {tree})"
        for tree, places in _PLACES.items()
        for place in places
    )
    found = engine.answer(f"SELECT code FROM ({unknown}) AS unknown_place ORDER BY code LIMIT {_NAMED + 1}")
    if codes := found["code"].to_pylist():
        message = say(
            "Enterprises or branches are in districts, industries or groups that {first} does not have: {codes}. Name "
            "first the extract whose lists hold those of all others.",
            first=sources[0].url,
            codes=", ".join(codes[:_NAMED] + ["…"] * (len(codes) > _NAMED)),
        )
        raise ExtractRefused(message)


def differences(engine: Engine, sources: Sequence[Source], as_of: date) -> str | None:
    """Return the text of the findings on rows that differ between extracts; null for one extract.

    It reads the facts of enterprises and of branches; columns as those of `findings`. Members with two employers or two
    primary branches on the date are found too: no registry has such by itself.
    """
    if len(sources) == 1:
        return None
    engine.keep("member_twice", _twice(as_of), "member")
    enterprises, branches, members = (
        " UNION ".join(_differing(table) for table in tables)
        for tables in (
            ("enterprise", "enterprise_return", "enterprise_coverage"),
            ("branch", "branch_return"),
            ("member", "employment", "affiliation"),
        )
    )
    return f"""
        SELECT 'differs_between_extracts' AS rule, district_code, industry_code, 'enterprise' AS subject_kind,
            code AS subject_code, CAST(NULL AS BIGINT) AS value
        FROM enterprise_fact WHERE code IN ({enterprises})
        UNION ALL
        SELECT 'branch_differs_between_extracts', district_code, industry_code, 'branch', code, NULL
        FROM branch_fact WHERE code IN ({branches})
        UNION ALL
        SELECT 'members_differ_between_extracts', NULL, NULL, 'member', NULL, count(*)
        FROM ({members} UNION SELECT code FROM member_twice) AS differing_member
        HAVING count(*) > 0
    """


def _read_all(engine: Engine, table: str, sources: Sequence[Source]) -> None:
    """Make a table of all rows, each with the number of its extract, the newest first."""
    by_age = sorted(range(len(sources)), key=lambda number: sources[number].extracted_at, reverse=True)
    for place, number in enumerate(by_age):
        engine.read(f"{table}_{place}", sources[number].files[table])
    every = (
        f"SELECT {_columns(table)}, {place} AS extract_number FROM {table}_{place}" for place in range(len(sources))
    )
    engine.name(f"all_{table}", " UNION ALL ".join(every))


def _merge(engine: Engine, table: str) -> None:
    """Make a table of all rows, each with the rank of its extract among those of its key, and one of the first."""
    columns, key, dealing = _columns(table), ", ".join(_KEYS[table]), _DEALT.get(table)
    text = (
        f"SELECT {columns}, rank() OVER (PARTITION BY {key} ORDER BY extract_number) AS rank_of_key, "
        f"count(*) OVER (PARTITION BY {key}) AS rows_of_key FROM all_{table}"
    )
    engine.keep(f"every_{table}", text, dealing.group if dealing else None, dealing)
    engine.name(table, f"SELECT {columns} FROM every_{table} WHERE rank_of_key = 1")


def _differing(table: str) -> str:
    """Return the text of what the rows are about that the newest extract of their key does not have."""
    columns = _columns(table)
    return (
        f"SELECT {_KEYS[table][0]} AS code FROM (SELECT {columns} FROM every_{table} WHERE rank_of_key > 1 "
        f"EXCEPT SELECT {columns} FROM every_{table} WHERE rank_of_key = 1 AND rows_of_key > 1) AS differing_{table}"
    )


def _twice(as_of: date) -> str:
    """Return the text of the refs that are on the date where a registry lets them be once."""
    living = f"start_on <= '{as_of}' AND (end_on IS NULL OR end_on > '{as_of}')"
    tables = ("employment WHERE", "affiliation WHERE role = 'primary' AND")
    return " UNION ".join(
        f"SELECT member_ref AS code FROM {table} {living} GROUP BY member_ref HAVING count(*) > 1" for table in tables
    )


def _columns(table: str) -> str:
    return ", ".join(column.name for column in columns_of(table))
