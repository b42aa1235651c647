"""Codes that differ only in letter case: usually one entity spelled in two ways, but no rule can be sure."""

from collections.abc import Iterator

from sqlalchemy import func, select

from app.imports.difference import Difference
from app.imports.issues import Rule
from app.imports.options import ImportMode
from app.imports.rules.finding import Finding, finding, found

_NAMED = {"district", "industry", "industry_group", "enterprise", "branch"}
"""Tables whose codes are written by people; refs are made by programs."""


def case_variants(difference: Difference) -> Iterator[Finding]:
    """Find new codes that the registry, or the file, contains in another letter case."""
    if difference.options.mode is ImportMode.DELETE:
        return
    for incoming in difference.incoming:
        name = incoming.target.table.name
        if name not in _NAMED:
            continue
        rows, after = incoming.rows, difference.after(incoming.target.table).alias("named")
        folded = func.lower(after.c.code)
        # Only codes that differ in case alone, which are few.
        repeated = select(folded).group_by(folded).having(func.count() > 1)
        if not incoming.is_first:
            repeated = repeated.where(folded.in_(select(func.lower(rows.c.code)).where(rows.c.is_new)))
        told = found(rows, rows.c.code).where(rows.c.is_new, func.lower(rows.c.code).in_(repeated))
        message = "differs from another code in capital and small letters alone: is it the same?"
        yield finding(Rule.CASE_VARIANT, incoming.target.source["code"], message, told)
