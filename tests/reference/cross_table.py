"""Cross tables by the plain reading of the design: every district of a level with every industry or group."""

from typing import Any

from tests.reference import measures, questions
from tests.reference.answers import DIMENSIONS, Reference, figure_in, in_order
from tests.reference.measures import Population
from tests.reference.public import PublicReference
from tests.reference.questions import CONDITIONS, LEVELS, POPULATION_SORTS, Params, QuestionError
from tests.reference.registry import Row

TAKEN = {*CONDITIONS, "within", "district_level", "industry_level", "by", "sort", "order"}


def cross_table(reference: Reference, params: Params) -> Row:
    """The whole table, sorted: `data`, `total`, `unallocated`, `meta`."""
    check(reference, params)
    asked = [questions.population(params), *scope_of(params)]
    basis = asked[0].basis
    columns = "industries" if "industry_level" in params else "industry-groups"
    rows: list[Row] = []
    for district in reference.listed("districts", only(params, level=params["district_level"])):
        for code in reference.listed(columns, only({}, level=params.get("industry_level"))):
            cell = [Population(basis, district=district), Population(basis, **{DIMENSIONS[columns]: code})]
            if is_filled(reference, [*asked, *cell]):
                beside = {"industry": None, "industry_group": None, DIMENSIONS[columns]: reference.named(columns, code)}
                where = {"district": reference.named("districts", district)}
                rows.append(where | beside | reference.block(*asked, *cell))
    total = reference.block(*asked)
    left = measures.unallocated(total["counts"], [one["counts"] for one in rows])
    return {
        "data": in_order(rows, params, code_of=codes, figure_of=figure_in),
        "total": total,
        "unallocated": {"counts": left} if columns == "industries" else None,
        "meta": reference.meta(basis, len(rows)),
    }


def is_filled(reference: Reference, populations: list[Population]) -> bool:
    """Whether an enterprise is in all populations."""
    return any(
        all(measures.holds(reference.when, population, firm) for population in populations)
        for firm in reference.firms.values()
    )


def scope_of(params: Params) -> list[Population]:
    """The node that all rows lie within."""
    basis = params.get("basis", "operating")
    return [Population(basis, district=params["within"])] if "within" in params else []


def only(params: Params, **more: str | None) -> Params:
    """The parameters of rows: `within`, and a level where there is one."""
    within = {"within": params["within"]} if "within" in params else {}
    return within | {name: value for name, value in more.items() if value is not None}


def codes(row: Row) -> Any:
    """What rows are in order of: district code, then that of industry or group, as bytes."""
    beside = row["industry"] or row["industry_group"]
    return row["district"]["code"].encode(), beside["code"].encode()


def check(reference: Reference, params: Params) -> None:
    """Refuse what a table does not take, and what only exact figures answer."""
    questions.check_names(params, TAKEN)
    questions.check_values(reference.when, params)
    if params.get("district_level") not in LEVELS["districts"]:
        raise QuestionError("a table has a level of districts")
    if ("industry_level" in params) == (params.get("by") == "industry_group"):
        raise QuestionError("either industries of a level or groups")
    if params.get("industry_level", "section") not in LEVELS["industries"]:
        raise QuestionError("no such level of industries")
    if params.get("sort", "code") not in POPULATION_SORTS:
        raise QuestionError("tables do not sort by this")
    if params.get("within") not in (None, *reference.codes("districts")):
        raise QuestionError("within: unknown code")
    if isinstance(reference, PublicReference):
        conditions = {name: params[name] for name in CONDITIONS if name in params}
        for level in (params["district_level"], params.get("industry_level", "section")):
            reference.check("districts", conditions | {"level": level})
