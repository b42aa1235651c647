"""Changes between two dates, as one object and as a flat table of its figures."""

from collections.abc import Iterator
from datetime import date

import msgspec
import numpy as np

from app.publication.lists import Answer
from app.publication.row_cache import Source
from app.publication.rows import Meta, encode, meta_of
from app.publication.subjects import subject_part
from app.publication.table import Cells, FlatTable, Kind, TableOptions, part_cells, part_columns, plain_column
from app.statistics.changes import Account, Changes, ChangesQuestion, RatioAccount, Stratum, changes_between
from app.statistics.question import Page, Subject
from app.store.snapshot import Snapshot

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
    manifests = changes.before.manifest, changes.after.manifest
    body = encode({"data": _object(changes), "meta": _meta(changes, question)})
    names, builds = (" ".join(texts) for texts in zip(*((made.id, made.built_at) for made in manifests), strict=True))
    return Answer(body, 1, names, builds, single=False)


def changes_table(source: Source, question: ChangesQuestion, _page: Page, options: TableOptions) -> FlatTable:
    """Return the changes as a table, a row per figure."""
    changes = changes_between(source.shelf, question)
    figures = list(_figures(changes))
    language = options.language
    industry = subject_part(changes.after, Subject.INDUSTRIES)
    columns = (
        plain_column("row", Kind.TEXT, language),
        plain_column("account", Kind.TEXT, language),
        plain_column("component", Kind.TEXT, language),
        *part_columns(industry, language),
        plain_column("value", Kind.RATIO, language),
    )

    def chunks() -> Iterator[Cells]:
        yield [
            ["subject", account, component, *part_cells(industry, _industry(changes.after, node), language), value]
            for account, component, node, value in figures
        ]

    meta = meta_of(changes.after, question.when, question.population.basis.value, len(figures))
    keys = ("account", "component", "code")
    return FlatTable("changes", columns, keys, meta, len(figures), chunks, language)


def _meta(changes: Changes, question: ChangesQuestion) -> dict[str, object]:
    meta: Meta = meta_of(changes.after, question.when, question.population.basis.value, 1)
    before = changes.before.manifest
    since = Before(before.id, before.as_of, question.since.as_of, before.built_at)
    return {**msgspec.structs.asdict(meta), "since": since}


def _object(changes: Changes) -> dict[str, object]:
    accounts = changes.accounts
    organised = None
    if accounts is not None:
        parts = {"newly_organised": accounts.organised.gained, "no_longer_organised": accounts.organised.lost}
        organised = {**_net(accounts.organised), **parts}
    return {
        "ratio": None if changes.ratio is None else _ratio(changes.after, changes.ratio),
        "enterprises": None if accounts is None else _net(accounts.enterprises),
        "organised": organised,
        "members": None if accounts is None else _net(accounts.members),
    }


def _net(account: Account) -> dict[str, int]:
    return {name: getattr(account, name) for name in _NET}


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


def _figures(changes: Changes) -> Iterator[tuple[str, str, int | None, float]]:
    """Yield account, component, industry (null: none) and value of each figure."""
    if changes.ratio is not None:
        for component in ("difference", "rate", "mix"):
            yield "ratio", component, None, getattr(changes.ratio, component)
        for stratum in changes.ratio.strata:
            yield from _of_stratum(stratum)
    if changes.accounts is not None:
        for name in ("enterprises", "organised", "members"):
            account: Account = getattr(changes.accounts, name)
            for component in _NET:
                yield name, component, None, getattr(account, component)
        yield "organised", "newly_organised", None, changes.accounts.organised.gained
        yield "organised", "no_longer_organised", None, changes.accounts.organised.lost


def _of_stratum(stratum: Stratum) -> Iterator[tuple[str, str, int | None, float]]:
    where = "unallocated_" if stratum.industry is None else "industry_"
    yield "ratio", f"{where}rate", stratum.industry, stratum.rate
    yield "ratio", f"{where}mix", stratum.industry, stratum.mix
