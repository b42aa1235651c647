"""Breakdowns by the plain reading of the design: every value of one dimension, or every pair of two."""

from dataclasses import replace
from itertools import product
from typing import Any

from tests.reference import measures, questions
from tests.reference.answers import Reference, figure_in, in_order
from tests.reference.measures import Population
from tests.reference.public import DISTRICT_LEVELS, INDUSTRY_LEVELS, PublicReference
from tests.reference.questions import CHOICES, CONDITIONS, DIMENSIONS_OF, POPULATION_SORTS, Params, QuestionError
from tests.reference.rates import METRICS
from tests.reference.registry import Row

TAKEN = {*CONDITIONS, "by", "sort", "order", "status"}
FIELDS = ("district", "industry", "industry_group", "enterprise_kind", "sector", "ownership", "size_class", "basis")
SUBJECTS = {"district": "districts", "industry": "industries", "industry_group": "industry-groups"}
OVERLAPPING = {"industry_group", "basis"}


def breakdown(reference: Reference, params: Params) -> Row:
    """The whole breakdown, sorted: `data`, `total`, `unallocated`, `meta`."""
    by = check(reference, params)
    asked = questions.population(params)
    cells = [dict(zip(by, cell, strict=True)) for cell in product(*(choices(reference, one) for one in by))]
    rows: list[Row] = [
        dict.fromkeys(FIELDS)
        | {DIMENSIONS_OF[one]: named(reference, one, value) for one, value in cell.items()}
        | block_of(reference, asked, cell)
        for cell in cells
        if held(reference, asked, cell)
    ]
    shown = in_order(rows, params, code_of=lambda row: place(row, by), figure_of=figure_in)
    total = None if "basis" in by else reference.block(asked)
    whole = None
    if total is not None and not OVERLAPPING & set(by) and "status" not in params:
        whole = {"counts": measures.unallocated(total["counts"], [one["counts"] for one in rows])}
    basis = None if "basis" in by else asked.basis
    return {"data": shown, "total": total, "unallocated": whole, "meta": reference.meta(basis, len(shown))}


def choices(reference: Reference, by: str) -> list[str]:
    """Every value that a row could be of."""
    subject = SUBJECTS.get(DIMENSIONS_OF[by])
    if subject is None:
        return list(CHOICES[by])
    codes = reference.codes(subject)
    return codes if by == "industry_group" else [code for code in codes if reference.tree(subject)[code]["level"] == by]


def named(reference: Reference, by: str, value: str) -> Any:
    """What a row says that it stands for."""
    subject = SUBJECTS.get(DIMENSIONS_OF[by])
    return value if subject is None else reference.named(subject, value)


def populations(asked: Population, cell: dict[str, str]) -> list[Population]:
    """Whoever is in a cell: who is asked for, and of each dimension who has the value."""
    basis = cell.get("basis", asked.basis)
    own = [Population(basis, **{DIMENSIONS_OF[one]: (value,)}) for one, value in cell.items() if one != "basis"]
    return [replace(asked, basis=basis), *own]


def block_of(reference: Reference, asked: Population, cell: dict[str, str]) -> Row:
    """The figures of a cell."""
    return reference.block(*populations(asked, cell))


def held(reference: Reference, asked: Population, cell: dict[str, str]) -> list[Any]:
    """The enterprises of a cell."""
    wanted = populations(asked, cell)
    firms = reference.firms.values()
    return [firm for firm in firms if all(measures.holds(reference.when, one, firm) for one in wanted)]


def place(row: Row, by: tuple[str, ...]) -> tuple[Any, ...]:
    """What rows are in order of: codes as bytes, choices as declared."""
    return tuple(
        row[DIMENSIONS_OF[one]]["code"].encode() if DIMENSIONS_OF[one] in SUBJECTS
        else CHOICES[one].index(row[one])
        for one in by
    )  # fmt: skip


def check(reference: Reference, params: Params) -> tuple[str, ...]:
    """Refuse what a breakdown does not take, and what only exact figures answer."""
    questions.check_names(params, TAKEN)
    questions.check_values(reference.when, params)
    by = questions.check_by(params, 2)
    if params.get("sort", "code") not in POPULATION_SORTS:
        raise QuestionError("breakdowns do not sort by this")
    questions.check_status(params, METRICS)
    if isinstance(reference, PublicReference):
        reference.check("industries", {name: params[name] for name in CONDITIONS if name in params})
        if set(by) - {*DISTRICT_LEVELS, *INDUSTRY_LEVELS, "industry_group"}:
            raise QuestionError("exact only")
    return by
