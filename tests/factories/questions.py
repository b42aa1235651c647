"""Random questions that a registry can answer."""

from datetime import date

from hypothesis import strategies as st

from tests.factories.registries import AS_OF, CellWriter
from tests.reference.questions import (
    CHOICES,
    DIMENSIONS_OF,
    LEVELS,
    METRICS_OF,
    REPEATABLE,
    SORTS,
    Params,
    conditions_of,
)
from tests.reference.registry import Registry, is_open

SUBJECTS = ("districts", "industries", "industry-groups", "enterprises", "branches")

SEEDS = st.integers(0, 2**24 - 1)
"""One value per draw: Hypothesis would copy parts of a question about."""


@st.composite
def questions(draw: st.DrawFn, registry: Registry, as_of: date = AS_OF) -> tuple[str, Params]:
    """A subject and valid parameters of its list."""
    return draw_question(CellWriter(f"{draw(SEEDS)}", as_of), registry)


@st.composite
def question_lists(
    draw: st.DrawFn, registry: Registry, as_of: date = AS_OF, *, number: int = 20
) -> list[tuple[str, Params]]:
    """So many questions at once: a snapshot is dear, a question cheap."""
    seed = draw(SEEDS)
    return [draw_question(CellWriter(f"{seed} {turn}", as_of), registry) for turn in range(number)]


@st.composite
def single_questions(draw: st.DrawFn, registry: Registry, as_of: date = AS_OF) -> tuple[str, str, Params]:
    """A subject, one of its codes, and valid parameters."""
    return draw_single(CellWriter(f"{draw(SEEDS)}", as_of), registry)


@st.composite
def breakdown_questions(draw: st.DrawFn, registry: Registry, as_of: date = AS_OF, *, number: int = 8) -> list[Params]:
    """Valid parameters of so many breakdowns."""
    seed = draw(SEEDS)
    return [draw_breakdown(CellWriter(f"{seed} by {turn}", as_of), registry) for turn in range(number)]


def draw_breakdown(writer: CellWriter, registry: Registry, most: int = 2) -> Params:
    """One dimension or two of different kinds, of some population."""
    by = [writer.pick(tuple(DIMENSIONS_OF))]
    others = [one for one, kind in DIMENSIONS_OF.items() if kind != DIMENSIONS_OF[by[0]]]
    if most > 1 and writer.maybe((True,)):
        by.append(writer.pick(others))
    conditions = draw_conditions(writer, registry, conditions_of("enterprises"))
    if "basis" in by:
        conditions.pop("basis", None)
    return conditions | {"by": by if len(by) > 1 else by[0]} | draw_order(writer, "districts")


@st.composite
def trend_questions(
    draw: st.DrawFn, registry: Registry, as_of: date, earlier: list[date], *, number: int = 6
) -> list[Params]:
    """Valid parameters of so many trends."""
    seed = draw(SEEDS)
    return [draw_trend(CellWriter(f"{seed} trend {turn}", as_of), registry, earlier) for turn in range(number)]


def draw_trend(writer: CellWriter, registry: Registry, earlier: list[date]) -> Params:
    """A population, broken down or not, some enterprises or branches, over some or all dates."""
    firms, branches = codes(registry, "enterprises", writer.as_of), codes(registry, "branches", writer.as_of)
    about = writer.pick(
        ("population", "population", "by", "by", *(["enterprise"] if firms else []), *(["branch"] if branches else []))
    )
    if about == "by":
        params = {name: value for name, value in draw_breakdown(writer, registry, 1).items() if name not in _ORDER}
    elif about == "population":
        params = draw_conditions(writer, registry, conditions_of("enterprises"))
    else:
        known = firms if about == "enterprise" else branches
        params = {about: list(dict.fromkeys((writer.pick(known), writer.pick(known))))}
    first = writer.maybe(earlier, 2)
    if first is not None:
        params["from"] = first.isoformat()
    if writer.maybe((True,)):
        params["to"] = writer.as_of.isoformat()
    compared = writer.maybe(("previous", "first"))
    return params if compared is None else params | {"compare_to": compared}


_ORDER = ("sort", "order", "status")


def draw_question(writer: CellWriter, registry: Registry) -> tuple[str, Params]:
    """A subject and valid parameters of its list."""
    subject = writer.pick(SUBJECTS)
    conditions = draw_conditions(writer, registry, conditions_of(subject))
    return subject, conditions | draw_rows(writer, registry, subject) | draw_order(writer, subject)


def draw_single(writer: CellWriter, registry: Registry) -> tuple[str, str, Params]:
    """A subject, one of its codes, and valid parameters."""
    subject = writer.pick([subject for subject in SUBJECTS if codes(registry, subject, writer.as_of)])
    takes = set() if subject in ("enterprises", "branches") else conditions_of(subject)
    return subject, writer.pick(codes(registry, subject, writer.as_of)), draw_conditions(writer, registry, takes)


def codes(registry: Registry, subject: str, as_of: date) -> list[str]:
    """The codes that a question may name: registered enterprises, living branches, all else."""
    column = "group_code" if subject == "industry-groups" else "code"
    ends = {"enterprises": ("registered_on", "closed_on"), "branches": ("established_on", "dissolved_on")}
    start, end = ends.get(subject, (None, None))
    rows = [one for one in registry[subject] if not start or not end or is_open(one[start], one[end], as_of)]
    return list(dict.fromkeys(one[column] for one in rows))


def draw_conditions(writer: CellWriter, registry: Registry, names: set[str]) -> Params:
    """Some of the conditions on whom to count; the narrow ones seldom."""
    options = {
        "basis": (5, (*(3 * ("registered",)), *CHOICES["basis"])),
        "district": (60, tops(registry, "districts", writer.as_of)),
        "industry": (60, tops(registry, "industries", writer.as_of)),
        "industry_group": (20, codes(registry, "industry-groups", writer.as_of)),
        "enterprise_kind": (40, CHOICES["enterprise_kind"]),
        "sector": (40, CHOICES["sector"]),
        "ownership": (90, CHOICES["ownership"]),
        "size_class": (50, CHOICES["size_class"]),
    }
    drawn = {name: writer.maybe(choices, blanks) for name, (blanks, choices) in options.items() if name in names}
    asked: Params = {name: choice for name, choice in drawn.items() if choice is not None}
    for name in sorted(asked.keys() & set(REPEATABLE)):
        more = writer.maybe(options[name][1])
        if more not in (None, asked[name]):
            asked[name] = [asked[name], more]
    return asked


def draw_rows(writer: CellWriter, registry: Registry, subject: str) -> Params:
    """Some of the parameters that choose rows: never both parent and within."""
    top = writer.pick(("", "", "parent", "within")) if subject in (*LEVELS, "branches") else ""
    known = tops(registry, subject, writer.as_of)
    names = {
        "enterprises": ("organised", "eligible", "has_members", "reached_by_dual"),
        "branches": ("kind", "form"),
    }.get(subject, ("include_empty",))
    drawn = {name: writer.maybe(CHOICES[name], 9 * len(CHOICES[name])) for name in names}
    drawn["level"] = writer.maybe(LEVELS[subject], 16 if top else 5) if subject in LEVELS else None
    if top and known:
        drawn[top] = writer.pick(known)
    living = codes(registry, "branches", writer.as_of)
    if subject == "enterprises" and living and writer.maybe((True,), 3):
        drawn |= {"relation": writer.pick(CHOICES["relation"]), "branch": writer.pick(living)}
    return {name: choice for name, choice in drawn.items() if choice is not None}


def tops(registry: Registry, subject: str, as_of: date) -> list[str]:
    """The codes for parent and within: any, but mostly those near the root, where something is below."""
    known = codes(registry, subject, as_of)
    inner = {one.get("parent_code") for one in registry[subject]}
    return [*(8 * [code for code in known if code in inner][:2]), *known]


def draw_order(writer: CellWriter, subject: str) -> Params:
    """How to sort: by code, any measure, any metric, either way."""
    drawn: Params = {"sort": writer.maybe(SORTS[subject], 6), "order": writer.maybe(CHOICES["order"])}
    if drawn["sort"] in METRICS_OF[subject]:
        drawn["status"] = writer.maybe((["ok", "low_base"], "ok", "not_applicable"))
    return {name: choice for name, choice in drawn.items() if choice is not None}
