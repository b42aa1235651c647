"""Rules of single rows, on whole chunks; checked again on rows merged with the registry."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from app.catalogue.vocabulary import ORGANISATION_MEANS
from app.imports.columns import Dataset, Order
from app.imports.issues import Rule
from app.imports.rows.texts import Mask, Texts, Values, characters, null_mask, text_lengths, true_mask
from app.imports.spellings import chinese_titles
from app.messages import Message, say
from app.registry.credit_code import ALPHABET, ORGANISATION_ALPHABET, ORGANISATION_CHECKS, ORGANISATION_WEIGHTS, WEIGHTS

LENGTH = 18
"""Characters of a credit code."""

_LOOKS_LIKE_ONE = r"^[0-9A-Za-z]{2}[0-9]{6}[0-9A-Za-z]{10}$"
_OUTSIDE = 255


def fails_check(codes: Texts) -> Mask:
    """Return where a code looks like a credit code but is invalid: an unused letter, or a wrong check character.

    Eighteen letters and digits, the third to the eighth of them digits, look like one; all other codes are the
    operator's own and pass.
    """
    failing: Mask = text_lengths(codes) == LENGTH
    if not failing.any():
        return failing
    failing &= true_mask(pc.match_substring_regex(codes, _LOOKS_LIKE_ONE))
    signs = characters(codes.filter(pa.array(failing)), LENGTH)
    failing[failing] = ~(_has_right_check(signs) & _has_right_organisation_check(signs[:, 8:17]))
    return failing


def _has_right_check(signs: NDArray[np.uint8]) -> Mask:
    worth = _worth(ALPHABET)[signs]
    sums = worth[:, :-1] @ np.array(WEIGHTS) + worth[:, -1]
    right: Mask = (sums % len(ALPHABET) == 0) & (worth != _OUTSIDE).all(axis=1)
    return right


def _has_right_organisation_check(signs: NDArray[np.uint8]) -> Mask:
    worth, check = _worth(ORGANISATION_ALPHABET)[signs[:, :-1]], _worth(ORGANISATION_CHECKS)[signs[:, -1]]
    sums = worth @ np.array(ORGANISATION_WEIGHTS) + check
    known = (worth != _OUTSIDE).all(axis=1) & (check != _OUTSIDE)
    right: Mask = (sums % len(ORGANISATION_CHECKS) == 0) & known
    return right


def _worth(alphabet: str) -> NDArray[np.int64]:
    """Return the index of each byte in the alphabet, `_OUTSIDE` if not in it."""
    worth = np.full(256, _OUTSIDE, np.int64)
    worth[np.frombuffer(alphabet.encode(), np.uint8)] = np.arange(len(alphabet))
    return worth


@dataclass(frozen=True)
class RowFinding:
    """Rows that break a rule.

    Parameters
    ----------
    rule, column, message
        The rule, the column that is reported, and the message.
    rows
        One flag per row.
    blank
        The column that breaks the rule by being null; null: no such column. An invalid cell is null too.
    """

    rule: Rule
    column: str
    rows: Mask
    message: str | Message
    blank: str | None = None


def row_findings(dataset: Dataset, table: pa.Table, today: date) -> Iterator[RowFinding]:
    """Yield the rules that rows of a table break by themselves; rules without such rows are omitted.

    Parameters
    ----------
    dataset
        What the rows are.
    table
        Typed columns as in a chunk, null if unknown. A rule of two columns is checked if the table has both; for
        coverage, an absent `branch_code` counts as blank.
    today
        The last allowed day of a return, or first day of a branch return's month.
    """
    for rules in _RULES:
        yield from (finding for finding in rules(dataset, table, today) if finding.rows.any())


def _dates_in_order(dataset: Dataset, table: pa.Table, _today: date) -> Iterator[RowFinding]:
    for order in dataset.orders:
        if _has(table, order.first, order.second):
            yield RowFinding(order.rule, order.second, _out_of_order(table, order), _order_message(dataset, order))


def _out_of_order(table: pa.Table, order: Order) -> Mask:
    wrong = pc.less if order.may_coincide else pc.less_equal
    return true_mask(wrong(_values(table, order.second), _values(table, order.first)))


def _order_message(dataset: Dataset, order: Order) -> Message:
    template = "must not be before {first}" if order.may_coincide else "must be after {first}"
    return say(template, first=order.first, first_zh=chinese_titles(dataset)[order.first][0])


def _parts_within_whole(dataset: Dataset, table: pa.Table, _today: date) -> Iterator[RowFinding]:
    for part in dataset.columns:
        if part.part_of is not None and _has(table, part.name, part.part_of):
            values, whole = _values(table, part.name), _values(table, part.part_of)
            above = true_mask(pc.greater(values, whole))
            names = {"whole": part.part_of, "whole_zh": chinese_titles(dataset)[part.part_of][0]}
            message = say("must not be above {whole}", **names)
            too_many, without = _PART_RULES[part.part_of]
            yield RowFinding(too_many, part.name, above, message)
            alone = ~null_mask(values) & null_mask(whole)
            message = say("is given without {whole}", **names)
            yield RowFinding(without, part.name, alone, message, part.part_of)


_PART_RULES: Mapping[str, tuple[Rule, Rule]] = {
    "members": (Rule.PART_ABOVE_MEMBERS, Rule.PART_WITHOUT_MEMBERS),
    "headcount": (Rule.PART_ABOVE_HEADCOUNT, Rule.PART_WITHOUT_HEADCOUNT),
}
"""For each count with parts, the rules that a part above it, and a part without it, break."""


def _means_with_branch(dataset: Dataset, table: pa.Table, _today: date) -> Iterator[RowFinding]:
    if dataset.name == "coverage" and _has(table, "means"):
        needing = true_mask(pc.is_in(_values(table, "means"), pa.array(sorted(ORGANISATION_MEANS), pa.string())))
        if _has(table, "branch_code"):
            needing &= null_mask(_values(table, "branch_code"))
        yield RowFinding(
            Rule.MEANS_WITHOUT_BRANCH, "branch_code", needing, "an organisation means needs a branch", "branch_code"
        )


def _one_industry(dataset: Dataset, table: pa.Table, _today: date) -> Iterator[RowFinding]:
    if dataset.name == "branches" and _has(table, "industry_code", "industry_group"):
        both = ~null_mask(_values(table, "industry_code")) & ~null_mask(_values(table, "industry_group"))
        message = "industry_code and industry_group exclude each other"
        yield RowFinding(Rule.TWO_INDUSTRIES, "industry_group", both, message)


def _one_scope(dataset: Dataset, table: pa.Table, _today: date) -> Iterator[RowFinding]:
    if dataset.name == "targets":
        before = np.zeros(len(table), np.bool_)
        for name in ("industry_code", "industry_group", "sector"):
            if _has(table, name):
                given = ~null_mask(_values(table, name))
                message = "at most one of industry_code, industry_group and sector"
                yield RowFinding(Rule.SEVERAL_SCOPES, name, before & given, message)
                before |= given


def _not_in_the_future(_dataset: Dataset, table: pa.Table, today: date) -> Iterator[RowFinding]:
    if _has(table, "reported_on"):
        future = true_mask(pc.greater(_values(table, "reported_on"), pa.scalar(today, pa.date32())))
        message = say("a return is not dated after today, {today}", today=today.isoformat())
        yield RowFinding(Rule.FUTURE_RETURN, "reported_on", future, message)


def _has_begun(_dataset: Dataset, table: pa.Table, today: date) -> Iterator[RowFinding]:
    if _has(table, "period_on"):
        future = true_mask(pc.greater(_values(table, "period_on"), pa.scalar(today, pa.date32())))
        message = say("a month that has not begun by today, {today}, has no return", today=today.isoformat())
        yield RowFinding(Rule.FUTURE_MONTH, "period_on", future, message)


def _right_check_digits(dataset: Dataset, table: pa.Table, _today: date) -> Iterator[RowFinding]:
    if dataset.name in {"enterprises", "ledger"} and _has(table, "code"):
        message = "looks like a unified social credit code, but its check characters are wrong"
        yield RowFinding(Rule.CHECK_DIGIT, "code", fails_check(_values(table, "code")), message)


def _members_within_headcount(_dataset: Dataset, table: pa.Table, _today: date) -> Iterator[RowFinding]:
    if _has(table, "members", "headcount"):
        above = true_mask(pc.greater(_values(table, "members"), _values(table, "headcount")))
        yield RowFinding(Rule.MEMBERS_ABOVE_HEADCOUNT, "members", above, "is above headcount")


def _has(table: pa.Table, *names: str) -> bool:
    return set(names) <= set(table.column_names)


def _values(table: pa.Table, name: str) -> Values:
    values: Values = table.column(name).combine_chunks()
    return values


_RULES: tuple[Callable[[Dataset, pa.Table, date], Iterator[RowFinding]], ...] = (
    _dates_in_order,
    _parts_within_whole,
    _means_with_branch,
    _one_industry,
    _one_scope,
    _not_in_the_future,
    _has_begun,
    _right_check_digits,
    _members_within_headcount,
)
