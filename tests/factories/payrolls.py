"""Registries whose returns state headcounts and members enough to be compared, and questions of low membership."""

from datetime import date
from random import Random
from typing import Any

from app.api.statistics.low_membership import LowMembershipPage
from app.publication.low_membership import low_membership_answer
from tests.factories.asking import Reader, told
from tests.factories.tiny import DISTRICTS, INDUSTRIES, table
from tests.reference.low_membership import ADJUSTED, COLUMNS, adjustment
from tests.reference.questions import CHOICES, DIMENSIONS_OF, LEVELS, POPULATION_SORTS, REPEATABLE, Params
from tests.reference.rates import METRICS
from tests.reference.registry import INDUSTRY_LEVELS, Registry, Row, registry_of, row

AS_OF = date(2017, 6, 30)
_BY_PUBLIC = ("section", "division", "section", "division", "industry_group", "city", "county", "street")
_BY = (*_BY_PUBLIC, "group", "class", "site", "sector", "ownership", "size_class", "enterprise_kind")
_SEVERAL = {*REPEATABLE, "by", "status"}
GROUPS = {"internet": ("64", "86"), "information": ("I", "641"), "nothing": ("641",)}
PLACES = (*("wucun", "yunding", "jialian", "jiangtou") * 4, "siming", "huli", "xiamen", None)
TRADES = (*("64", "641", "65", "86") * 4, "I", "R", None)
STAFF = (*(1, 2, 5, 9, 30, 50, 80, 120) * 3, 300, 0, None)


def payrolls(seed: int) -> Registry:
    """A valid registry of up to 200 firms; in each industry another part of the staff are members."""
    random = Random(f"payrolls {seed}")
    size = random.choice((0, 3, 8, 60, 200, 200))
    parts = {trade: random.choice((0.0, 0.02, 0.1, 0.1, 0.1, 0.3, 0.6)) for trade in TRADES}
    firms = [_firm(random, number) for number in range(size)]
    odd = 0.4 if size < 10 else 0.06
    return registry_of(
        districts=table("districts", DISTRICTS),
        industries=table("industries", INDUSTRIES),
        industry_groups=[
            row("industry-groups", group_code=group, name_zh=group, industry_code=industry)
            for group, industries in GROUPS.items()
            for industry in industries
        ],
        enterprises=firms,
        returns=[_return(random, firm["code"], parts, odd) for firm in firms if random.random() < 0.95],
    )


def _firm(random: Random, number: int) -> Row:
    kind = random.choice(("enterprise", "enterprise", "social_organisation"))
    return row("enterprises", code=f"e{number}", name=f"公司 {number}", kind=kind)


def _return(random: Random, code: str, parts: dict[str | None, float], odd: float) -> Row:
    """One return; of some, `odd` of all, the members are unknown, everybody, or more than that."""
    trade, staff = random.choice(TRADES), random.choice(STAFF)
    part = min(1.0, parts[trade] * random.choice((0.5, 1, 1, 1, 1, 2)))
    members: int | None = sum(random.random() < part for _ in range(staff or 0))
    if random.random() < odd:
        members = random.choice((None, staff, 2 * (staff or 0) + 3))
    return row(
        "returns", enterprise_code=code, reported_on=AS_OF, district_code=random.choice(PLACES), industry_code=trade,
        ownership=random.choice(("state", "private", None)), operating=random.random() < 0.95, headcount=staff,
        members=members,
    )  # fmt: skip


def low_membership_questions(random: Random, registry: Registry, number: int, *, public: bool = False) -> list[Params]:
    """So many questions that can be answered."""
    return [_question(random, registry, public=public) for _ in range(number)]


def _question(random: Random, registry: Registry, *, public: bool) -> Params:
    by = random.choice(_BY_PUBLIC if public else _BY)
    asked: Params = {"by": by}
    places = [one for one in registry["districts"] if not (public and one["level"] == "site")]
    district = random.choice(places) if random.random() < 0.6 and places else None
    if district is not None:
        asked["district"] = district["code"]
    asked |= _chosen(random, registry, public=public) | _reference(random, by, district, public=public)
    for name, choices in (("alpha", ("0.01", "0.2", "0.5")), ("margin", ("0.3", "0.5", "1"))):
        if random.random() < 0.4:
            asked[name] = random.choice(choices)
    if random.random() < 0.7:
        columns = (*COLUMNS, *(() if adjustment(asked) == "none" else ADJUSTED))
        asked["sort"] = random.choice((*columns, *columns, *POPULATION_SORTS, "code"))
    if asked.get("sort") in METRICS and random.random() < 0.5:
        asked["status"] = random.choice(("ok", ["low_base", "not_applicable"]))
    if random.random() < 0.5:
        asked["order"] = random.choice(CHOICES["order"])
    return asked


def _chosen(random: Random, registry: Registry, *, public: bool) -> Params:
    """Some of the other conditions on whom to count, seldom."""
    industries = [
        one["code"] for one in registry["industries"] if not public or one["level"] in LEVELS["industries"][:2]
    ]
    fine = {one["code"] for one in registry["industries"]} - set(industries)
    groups = {one["group_code"] for one in registry["industry-groups"]}
    groups -= {one["group_code"] for one in registry["industry-groups"] if one["industry_code"] in fine}
    choices: dict[str, Any] = {"industry": industries, "industry_group": sorted(groups)}
    if not public:
        choices |= {name: CHOICES[name] for name in ("basis", "enterprise_kind", "sector", "ownership", "size_class")}
    return {name: random.choice(known) for name, known in choices.items() if known and random.random() < 0.15}


def _reference(random: Random, by: str, district: Row | None, *, public: bool) -> Params:
    targets: list[Params] = [{"target": random.choice(("0.07", "0.2", "5e-2", "0.999"))}]
    of_industries = DIMENSIONS_OF[by] in ("industry", "industry_group")
    levels: list[Params] = [] if of_industries or public else [{"adjust": random.choice(INDUSTRY_LEVELS)}]
    if DIMENSIONS_OF[by] == "district":
        return random.choice(targets if public else [{}, {}, *levels, *levels, *targets])
    ways: list[Params] = [{}, {}, {"reference": "rest"}, *targets, *levels]
    if district is not None and district["parent_code"] is not None:
        ways.append({"reference": "parent"})
    return random.choice(ways)


def ask_low_membership(reader: Reader, params: Params, snapshot: str, limit: int = 1000) -> Row:
    """The whole list as HTTP answers it, page by page."""
    whole: Row = {}
    cursor: str | None = None
    while not whole or cursor is not None:
        paging = {"snapshot": snapshot, "limit": limit, "cursor": cursor, "fields": ["all"]}
        several = {
            name: [value] if isinstance(value, str) else value for name, value in params.items() if name in _SEVERAL
        }
        asked = LowMembershipPage.model_validate(params | several | paging)
        answer = low_membership_answer(reader.source, asked.question, asked.page)
        page = told(answer)
        cursor = page["next_cursor"]
        whole = page | {"data": [*whole.get("data", []), *page["data"]]}
    return whole
