"""The answers: which rows a question lists, what stands beside them, in which order."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from functools import cached_property
from typing import Any

from tests.reference import activity, branches, measures, questions, rates
from tests.reference.as_of import AsOf, Thresholds
from tests.reference.facts import Counts, Firm, is_registered
from tests.reference.measures import Population
from tests.reference.questions import Params, QuestionError
from tests.reference.registry import Registry, Row, at_or_below, byte_order, pre_order

DIMENSIONS = {"districts": "district", "industries": "industry", "industry-groups": "industry_group"}
"""Subjects that are populations: the condition that one row adds."""


class Reference:
    """Everything as of one date, by the plain reading of the rules.

    Parameters
    ----------
    registry : Registry
        Dataset name to rows.
    as_of : date
        The date of all figures.
    member_source : str
        `register`, `returns`, or `auto`.
    thresholds : Thresholds
        What decides bases, eligibility and windows.
    """

    def __init__(
        self,
        registry: Registry,
        as_of: date,
        *,
        member_source: str = "auto",
        thresholds: Thresholds = Thresholds(),  # noqa: B008 - frozen
    ) -> None:
        self.when = AsOf(registry, as_of, thresholds, member_source)
        self.member_source = self.when.member_source

    # --- the facts -------------------------------------------------------------------------------

    @cached_property
    def firms(self) -> dict[str, Firm]:
        """The enterprises in the register on the date, by code."""
        known = {one["code"]: one for one in self.when.registry["enterprises"]}
        living = [code for code in byte_order(known) if is_registered(self.when, known[code])]
        return {code: Firm(self.when, known[code]) for code in living}

    @cached_property
    def correlation(self) -> dict[str, Any]:
        """The intra-enterprise correlation: value, strata, firms, members, shares."""
        return rates.correlation(self.when, self.firms.values())

    def enterprise_rows(self) -> list[Row]:
        """One row per registered enterprise: attributes and `counts` with every measure, by code."""
        return [{**firm.attributes, "counts": firm.counts} for firm in self.firms.values()]

    def branch_rows(self) -> list[Row]:
        """One row per living branch: attributes and the counts `own` and `subtree`, by code."""
        return [
            {
                **branches.attributes(self.when, code),
                "own": self.own_counts(code),
                "subtree": self.subtree_counts(code),
            }
            for code in byte_order(self.when.branches)
        ]

    def own_counts(self, code: str) -> Counts:
        """The figures of a branch itself."""
        return {**branches.counts(self.when, self.firms, {code}), **dict.fromkeys(activity.OF_SUBTREE)}

    def subtree_counts(self, code: str) -> Counts:
        """The figures of a branch and all below it."""
        below = activity.subtree(self.when, code)
        return {**branches.counts(self.when, self.firms, below), **activity.subtree_activity(self.when, below)}

    def withheld(self) -> list[Row]:
        """Withheld members per basis, county and section of their workplace; cells with somebody only."""
        cells: dict[tuple[str, str | None, str | None], int] = {}
        for firm in self.firms.values():
            county = self.when.county(firm.place("district_code"))
            section = self.when.section(firm.place("industry_code"))
            for basis in ("registered", "operating"):
                if basis in firm.bases:
                    key = (basis, county, section)
                    cells[key] = cells.get(key, 0) + (firm.counts["members_withheld"] or 0)
        return [
            {"basis": basis, "county": county, "section": section, "members_withheld": count}
            for (basis, county, section), count in cells.items()
            if count > 0
        ]

    def dual_affiliation(self) -> list[Row]:
        """Distinct members per home committee (or none) and joint branch."""
        return branches.dual_affiliation(self.when)

    def coverage(self) -> list[Row]:
        """The living coverage rows of registered enterprises, whether their branch lives or not."""
        return [
            {
                "enterprise": firm.code,
                "branch": one["branch_code"],
                "means": one["means"],
                "since": one["start_on"],
            }
            for firm in self.firms.values()
            for one in firm.coverage
        ]

    # --- the questions ---------------------------------------------------------------------------

    def list_statistics(self, subject: str, params: Params) -> Row:
        """A list of statistics, whole and sorted: `data`, `total`, `unallocated`, `meta`."""
        questions.check_list(self.when, subject, params)
        if subject == "enterprises":
            return self.list_enterprises(params)
        if subject == "branches":
            return self.list_branches(params)
        return self.list_populations(subject, params)

    def get_statistics(self, subject: str, code: str, params: Params) -> Row:
        """One subject: `data`, `meta`."""
        questions.check_single(self.when, subject, params)
        if subject == "enterprises":
            if code not in self.firms:
                raise QuestionError(f"no enterprise {code} in the register")
            return {"data": self.enterprise_row(self.firms[code]), "meta": self.meta(None, 1)}
        if subject == "branches":
            if code not in self.when.branches:
                raise QuestionError(f"no living branch {code}")
            return {"data": self.branch_row(code), "meta": self.meta(None, 1)}
        population = questions.population(params)
        if code not in self.codes(subject):
            raise QuestionError(f"nothing in {subject} has code {code}")
        row = self.population_row(subject, code, population)
        return {"data": row, "meta": self.meta(population.basis, 1)}

    # --- districts, industries, industry groups --------------------------------------------------

    def list_populations(self, subject: str, params: Params) -> Row:
        """Rows that are populations; `unallocated` only where they cannot overlap."""
        population = questions.population(params)
        rows = [self.population_row(subject, code, population) for code in self.listed(subject, params)]
        if params.get("include_empty") != "true":
            rows = [one for one in rows if one["counts"]["enterprises"] > 0]
        scope = self.scope(subject, params, population)
        total = self.block(scope)
        left = measures.unallocated(total["counts"], [one["counts"] for one in rows])
        disjoint = subject != "industry-groups" and bool({"parent", "level"} & set(params)) and "status" not in params
        shown = in_order(rows, params, code_of=code_in(DIMENSIONS[subject]), figure_of=figure_in, block_of=whole_row)
        return {
            "data": shown,
            "total": total,
            "unallocated": {"counts": left} if disjoint else None,
            "meta": self.meta(population.basis, len(shown)),
        }

    def tree(self, subject: str) -> dict[str, Row]:
        """The nodes of a tree by code."""
        return self.when.districts if subject == "districts" else self.when.industries

    def codes(self, subject: str) -> list[str]:
        """Every subject there is."""
        if subject == "industry-groups":
            return byte_order({one["group_code"] for one in self.when.registry["industry-groups"]})
        return pre_order(self.tree(subject))

    def listed(self, subject: str, params: Params) -> list[str]:
        """The codes that the row parameters ask for: children, subtree with its top, level."""
        codes = self.codes(subject)
        if subject == "industry-groups":
            return codes
        tree = self.tree(subject)
        if "parent" in params:
            codes = [code for code in codes if tree[code]["parent_code"] == params["parent"]]
        if "within" in params:
            codes = [code for code in codes if code in at_or_below(tree, params["within"])]
        return [code for code in codes if tree[code]["level"] == params.get("level", tree[code]["level"])]

    def scope(self, subject: str, params: Params, population: Population) -> Population:
        """The whole that the rows are parts of: the parent or within node, with the population."""
        top = params.get("parent", params.get("within"))
        return population if top is None else narrowed(population, DIMENSIONS[subject], top)

    def population_row(self, subject: str, code: str, population: Population) -> Row:
        """One district, industry or group with its figures."""
        dimension = DIMENSIONS[subject]
        return {
            dimension: self.named(subject, code),
            **self.block(narrowed(population, dimension, code)),
        }

    def named(self, subject: str, code: str) -> Row:
        """The fields of a district, an industry, or a group with its codes."""
        if subject != "industry-groups":
            node = self.tree(subject)[code]
            return {field: node[field] for field in ("code", "name_zh", "name_en", "level", "parent_code")}
        rows = [one for one in self.when.registry["industry-groups"] if one["group_code"] == code]
        return {
            "code": code,
            "name_zh": rows[0]["name_zh"],
            "name_en": rows[0]["name_en"],
            "industries": byte_order(self.when.group_codes(code)),
        }

    def block(self, *populations: Population) -> Row:
        """The counts and rates of a population; of several: of those who are in each."""
        counts = measures.figures(self.when, self.firms.values(), *populations)
        missing = measures.undefined(self.when, *populations)
        return {"counts": counts, "rates": rates.all_rates(rates.METRICS, counts, missing, self.rhos)}

    @property
    def rho(self) -> float:
        """The rounded correlation, which the member ratio and its tests use."""
        return float(self.correlation["value"])

    @property
    def rhos(self) -> dict[str, float]:
        """The correlation of each metric that rests on one."""
        return {"member_ratio": self.rho, **self.correlation["shares"]}

    # --- enterprises -----------------------------------------------------------------------------

    def list_enterprises(self, params: Params) -> Row:
        """Registered enterprises of the population; `total` is the sum of all listed."""
        from tests.reference.workplaces import stands  # noqa: PLC0415 - which stands on this module

        population = questions.population(params)
        firms = [
            firm
            for firm in self.firms.values()
            if measures.holds(self.when, population, firm)
            and has_flags(firm, params)
            and ("relation" not in params or stands(self, firm, params))
        ]
        rows = [self.enterprise_row(firm) for firm in firms]
        missing = self.source_undefined()
        total = {measure: None if measure in missing else count for measure, count in measures.added(firms).items()}
        shown = in_order(rows, params, code_of=code_in("enterprise"), figure_of=figure_in, block_of=whole_row)
        return {
            "data": shown,
            "total": self.person_block(total),
            "unallocated": None,
            "meta": self.meta(population.basis, len(shown)),
        }

    def enterprise_row(self, firm: Firm) -> Row:
        """One enterprise: what it is, and the figures of persons; null = unknown."""
        return {"enterprise": as_json(firm.attributes), **self.person_block(firm.counts)}

    def person_block(self, counts: Counts) -> Row:
        """The counts and the ratios of persons."""
        kept = {measure: counts[measure] for measure in measures.PERSON_MEASURES}
        found = rates.all_rates(rates.PERSON_METRICS, counts, self.source_undefined(), self.rhos)
        return {"counts": kept, "rates": found}

    def source_undefined(self) -> frozenset[str]:
        """What the member source alone leaves undefined."""
        return measures.REGISTER_ONLY if self.member_source == "returns" else frozenset()

    # --- branches --------------------------------------------------------------------------------

    def list_branches(self, params: Params) -> Row:
        """Living branches; persons overlap, so neither `total` nor `unallocated`."""
        rows = [self.branch_row(code) for code in byte_order(self.when.branches)]
        rows = [one for one in rows if self.asked_for(one["branch"], params)]
        shown = in_order(
            rows, params, code_of=code_in("branch"), figure_of=subtree_figure, block_of=lambda row: row["subtree"]
        )
        return {"data": shown, "total": None, "unallocated": None, "meta": self.meta(None, len(shown))}

    def asked_for(self, branch: Row, params: Params) -> bool:
        """Whether a branch is among the rows and in the district asked for."""
        within = params.get("within")
        return (
            params.get("parent", branch["parent_code"]) == branch["parent_code"]
            and (within is None or branch["code"] in activity.subtree(self.when, within))
            and params.get("kind", branch["kind"]) == branch["kind"]
            and params.get("form", branch["form"]) == branch["form"]
            and measures.is_below(self.when.districts, branch["district_code"], questions.values(params, "district"))
        )

    def branch_row(self, code: str) -> Row:
        """One branch, its own figures and those of its subtree."""
        return {
            "branch": as_json(branches.attributes(self.when, code)),
            "own": self.branch_block(self.own_counts(code)),
            "subtree": self.branch_block(self.subtree_counts(code)),
        }

    def branch_block(self, counts: Counts) -> Row:
        """The counts and rates of some branches together."""
        return {"counts": counts, "rates": rates.branch_rates(counts)}

    def meta(self, basis: str | None, rows: int) -> Row:
        """What goes with every answer."""
        return {
            "as_of": self.when.as_of.isoformat(),
            "basis": basis,
            "member_source": self.member_source,
            "intra_enterprise_correlation": self.correlation,
            "rows": rows,
        }


def narrowed(population: Population, dimension: str, value: str) -> Population:
    """The population of one value of a dimension."""
    conditions: dict[str, Any] = {dimension: (value,)}
    return replace(population, **conditions)


def has_flags(firm: Firm, params: Params) -> bool:
    """`organised` and the like, true or false; unknown matches neither."""
    asked = [flag for flag in ("organised", "eligible", "has_members", "reached_by_dual") if flag in params]
    return all(firm.attributes[flag] is (params[flag] == "true") for flag in asked)


def as_json(attributes: Row) -> Row:
    """Dates in ISO 8601, all else as it is."""
    return {field: value.isoformat() if isinstance(value, date) else value for field, value in attributes.items()}


def code_in(field: str) -> Callable[[Row], bytes]:
    """The code of a row's subject as bytes: codes compare as UTF-8."""
    return lambda row: str(row[field]["code"]).encode()


def subtree_figure(row: Row, key: str) -> float | None:
    """Branches sort by the figures of their subtree."""
    return figure_in(row["subtree"], key)


def figure_in(block: Mapping[str, Any], key: str) -> float | None:
    """A measure or the value of a metric in a block of counts and rates."""
    found: float | None = block["counts"][key] if key in block["counts"] else block["rates"][key]["value"]
    return found


def whole_row(row: Row) -> Row:
    """Most rows hold their figures themselves."""
    return row


def in_order(
    rows: list[Row],
    params: Params,
    *,
    code_of: Callable[[Row], Any],
    figure_of: Callable[[Row, str], float | None],
    block_of: Callable[[Row], Row] = whole_row,
) -> list[Row]:
    """Sorted by code, measure or metric: ties by code ascending and nulls last, either way.

    With `status` only the rows whose metric that is sorted by has one of these states.
    """
    key, descending = params.get("sort", "code"), params.get("order") == "desc"
    if "status" in params:
        states = questions.values(params, "status")
        rows = [row for row in rows if block_of(row)["rates"][key]["status"] in states]
    if key == "code":
        return sorted(rows, key=code_of, reverse=descending)
    known = [(figure, row) for row in sorted(rows, key=code_of) if (figure := figure_of(row, key)) is not None]
    nulls = [row for row in sorted(rows, key=code_of) if figure_of(row, key) is None]
    known.sort(key=lambda pair: pair[0], reverse=descending)
    return [row for _, row in known] + nulls
