"""Changes between two dates, as one object and as a flat table of its figures."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import msgspec
import numpy as np

from app.publication.lists import Answer
from app.publication.row_cache import Source
from app.publication.rows import Meta, Part, encode, meta_of, struct_of
from app.publication.subjects import subject_part
from app.publication.table import Cells, FlatTable, Kind, TableOptions, part_cells, part_columns, plain_column
from app.statistics.changes import (
    COUNTED,
    Account,
    Accounts,
    Changes,
    ChangesQuestion,
    changes_between,
)
from app.statistics.decomposition import RatioAccount, Stratum
from app.statistics.question import Page, Subject
from app.store.snapshot import Snapshot

_ROWS_BY = ("district", "sector", "ownership")
"""What a row can be of."""

_NET = ("before", "after", "within", "entered", "left", "moved_in", "moved_out")


class Before(msgspec.Struct, frozen=True):
    """The earlier snapshot."""

    snapshot: str
    as_of: date
    requested_as_of: date | None
    updated_at: str


def changes_answer(source: Source, question: ChangesQuestion, _page: Page) -> Answer:
    """Return all changes.

    Raises
    ------
    SnapshotNotFound, ExactOnly, InvalidRequest
        See `changes_between`.
    """
    changes = changes_between(source.shelf, question)
    length = len(changes.rows) if question.by else 1
    body = encode({**_content(changes, question), "meta": _meta(changes, question, length)})
    return Answer(body, length, *_rests_on(changes), single=False)


def changes_table(source: Source, question: ChangesQuestion, _page: Page, options: TableOptions) -> FlatTable:
    """Return the changes as a table, a row per figure; of each row, the total and what is unallocated."""
    changes, language = changes_between(source.shelf, question), options.language
    strata = subject_part(changes.after, Subject.INDUSTRIES, "stratum_")
    of_row = _of_rows(changes)
    columns = (
        plain_column("row", Kind.TEXT, language),
        *([] if of_row is None else part_columns(of_row, language)),
        plain_column("account", Kind.TEXT, language),
        plain_column("component", Kind.TEXT, language),
        *part_columns(strata, language),
        plain_column("value", Kind.RATIO, language),
    )
    figures = [
        [kind, *([] if of_row is None else part_cells(of_row, described, language)), account, component,
         *part_cells(strata, _industry(changes.after, node), language), value]
        for kind, described, accounts in _in_order(changes)
        for account, component, node, value in _figures(accounts)
    ]  # fmt: skip

    def chunks() -> Iterator[Cells]:
        yield figures

    meta = meta_of(changes.after, question.when, question.population.basis.value, len(figures))
    row_keys = () if of_row is None else (f"{of_row.prefix}code" if of_row.prefix else question.by[0].value,)
    keys = (*row_keys, "account", "component", "stratum_code")
    rests_on = _rests_on(changes)
    return FlatTable("changes", columns, keys, meta, len(figures), chunks, language, rests_on=rests_on)


def _rests_on(changes: Changes) -> tuple[str, str]:
    manifests = changes.before.manifest, changes.after.manifest
    return " ".join(made.id for made in manifests), " ".join(made.built_at for made in manifests)


def _content(changes: Changes, question: ChangesQuestion) -> dict[str, object]:
    total = _object(changes.after, changes.total)
    if changes.unallocated is None:
        return {"data": total}
    absent = dict.fromkeys(_ROWS_BY)
    dimension = question.by[0].dimension
    rows = [
        {**absent, dimension: described if dimension == "district" else code, **_object(changes.after, accounts)}
        for (code, accounts), (_, described, _) in zip(changes.rows.items(), _rows(changes), strict=True)
    ]
    return {"data": rows, "total": total, "unallocated": _object(changes.after, changes.unallocated)}


def _of_rows(changes: Changes) -> Part | None:
    """Return the fields of rows; null: there are none."""
    if changes.axes is None:
        return None
    by = changes.axes[1].by
    if by.dimension == "district":
        return subject_part(changes.after, Subject.DISTRICTS, "district_")
    return Part(struct_of(by.value, (by.value,)), lambda _numbers: ())


def _in_order(changes: Changes) -> Iterator[tuple[str, Any, Accounts]]:
    """Yield for each row its kind, its fields and its accounts; the total and what is unallocated last."""
    yield from _rows(changes)
    yield "total" if changes.axes else "subject", None, changes.total
    if changes.unallocated is not None:
        yield "unallocated", None, changes.unallocated


def _rows(changes: Changes) -> Iterator[tuple[str, Any, Accounts]]:
    for code, accounts in changes.rows.items():
        yield "subject", _described(changes, code), accounts


def _described(changes: Changes, code: str) -> Any:
    """Return the fields of a row: a district as it is at the later date or, where it is gone, at the earlier."""
    assert changes.axes is not None
    by = changes.axes[1].by
    if by.dimension != "district":
        return struct_of(by.value, (by.value,))(code)
    snapshot = changes.after if code in changes.after.districts.index else changes.before
    return subject_part(snapshot, Subject.DISTRICTS).describe(np.array([snapshot.districts.index[code]]))[0]


def _meta(changes: Changes, question: ChangesQuestion, rows: int) -> dict[str, object]:
    meta: Meta = meta_of(changes.after, question.when, question.population.basis.value, rows)
    before = changes.before.manifest
    since = Before(before.id, before.as_of, question.since.as_of, before.built_at)
    return {**msgspec.structs.asdict(meta), "since": since}


def _object(snapshot: Snapshot, accounts: Accounts) -> dict[str, object]:
    counts = dict.fromkeys(COUNTED) if accounts.counts is None else {
        name: _net(name, account) for name, account in accounts.counts.items()
    }  # fmt: skip
    return {"ratio": None if accounts.ratio is None else _ratio(snapshot, accounts.ratio), **counts}


def _net(name: str, account: Account) -> dict[str, int]:
    """Return the components of an account; of organised enterprises, those of `within` too."""
    net = {component: getattr(account, component) for component in _NET}
    if name == "organised":
        net |= {"newly_organised": account.gained, "no_longer_organised": account.lost}
    return net


def _ratio(snapshot: Snapshot, ratio: RatioAccount) -> dict[str, object]:
    strata = [
        {"industry": _industry(snapshot, stratum.industry), "rate": stratum.rate, "mix": stratum.mix}
        for stratum in ratio.strata
    ]
    return {"difference": ratio.difference, "rate": ratio.rate, "mix": ratio.mix, "strata": strata}


def _industry(snapshot: Snapshot, node: int | None) -> msgspec.Struct | None:
    if node is None:
        return None
    described: msgspec.Struct = subject_part(snapshot, Subject.INDUSTRIES).describe(np.array([node]))[0]
    return described


def _figures(accounts: Accounts) -> Iterator[tuple[str, str, int | None, float]]:
    """Yield account, component, industry (null: none) and value of each figure."""
    if accounts.ratio is not None:
        for component in ("difference", "rate", "mix"):
            yield "ratio", component, None, getattr(accounts.ratio, component)
        for stratum in accounts.ratio.strata:
            yield from _of_stratum(stratum)
    for name, account in (accounts.counts or {}).items():
        for component, value in _net(name, account).items():
            yield name, component, None, value


def _of_stratum(stratum: Stratum) -> Iterator[tuple[str, str, int | None, float]]:
    where = "unallocated_" if stratum.industry is None else "industry_"
    yield "ratio", f"{where}rate", stratum.industry, stratum.rate
    yield "ratio", f"{where}mix", stratum.industry, stratum.mix
