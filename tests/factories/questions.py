"""Random questions that a registry can answer."""

from datetime import date

from hypothesis import strategies as st

from tests.factories.registries import AS_OF, CellWriter
from tests.reference.questions import CHOICES, LEVELS, SORTS, Params, conditions_of
from tests.reference.rates import BRANCH_METRICS, METRICS, PERSON_METRICS
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
def basis_questions(draw: st.DrawFn, registry: Registry, as_of: date = AS_OF) -> Params:
    """Valid parameters of the bases side by side."""
    return draw_conditions(CellWriter(f"{draw(SEEDS)}", as_of), registry, conditions_of("enterprises") - {"basis"})


@st.composite
def cross_table_questions(draw: st.DrawFn, registry: Registry, as_of: date = AS_OF, *, number: int = 5) -> list[Params]:
    """Valid parameters of so many tables."""
    seed = draw(SEEDS)
    return [draw_cross_table(CellWriter(f"{seed} table {turn}", as_of), registry) for turn in range(number)]


def draw_cross_table(writer: CellWriter, registry: Registry) -> Params:
    """Levels of both trees, or groups, within a district or everywhere."""
    industry_level = writer.maybe(LEVELS["industries"], 1)
    within = writer.maybe(tops(registry, "districts", writer.as_of), 20)
    rows = {
        "district_level": writer.pick(LEVELS["districts"]),
        **({"by": "industry_group"} if industry_level is None else {"industry_level": industry_level}),
        **({} if within is None else {"within": within}),
    }
    conditions = draw_conditions(writer, registry, conditions_of("enterprises"))
    return conditions | rows | draw_order(writer, "districts")


@st.composite
def trend_questions(
    draw: st.DrawFn, registry: Registry, as_of: date, earlier: list[date], *, number: int = 6
) -> list[tuple[Params, list[str]]]:
    """Valid parameters of so many trends, and the metrics that they ask for."""
    seed = draw(SEEDS)
    return [draw_trend(CellWriter(f"{seed} trend {turn}", as_of), registry, earlier) for turn in range(number)]


def draw_trend(writer: CellWriter, registry: Registry, earlier: list[date]) -> tuple[Params, list[str]]:
    """A population, an enterprise or a branch that is there on the last date, over some or all dates."""
    firms, branches = codes(registry, "enterprises", writer.as_of), codes(registry, "branches", writer.as_of)
    about = writer.pick(
        ("population", "population", *(["enterprise"] if firms else []), *(["branch"] if branches else []))
    )
    if about == "population":
        params, metrics = draw_conditions(writer, registry, conditions_of("enterprises")), tuple(METRICS)
    else:
        params = {about: writer.pick(firms if about == "enterprise" else branches)}
        metrics = tuple(PERSON_METRICS if about == "enterprise" else BRANCH_METRICS)
    first = writer.maybe(earlier, 2)
    if first is not None:
        params["from"] = first.isoformat()
    if writer.maybe((True,)):
        params["to"] = writer.as_of.isoformat()
    return params, [metric for metric in metrics if writer.maybe((True,), 3)] if writer.maybe((True,)) else []


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
        "ownership": (90, CHOICES["ownership"]),
        "size_class": (50, CHOICES["size_class"]),
    }
    drawn = {name: writer.maybe(choices, blanks) for name, (blanks, choices) in options.items() if name in names}
    return {name: choice for name, choice in drawn.items() if choice is not None}


def draw_rows(writer: CellWriter, registry: Registry, subject: str) -> Params:
    """Some of the parameters that choose rows: never both parent and within."""
    top = writer.pick(("", "", "parent", "within")) if subject in (*LEVELS, "branches") else ""
    known = tops(registry, subject, writer.as_of)
    names = {
        "enterprises": ("organised", "eligible", "has_members"),
        "branches": ("kind", "form"),
    }.get(subject, ("include_empty",))
    drawn = {name: writer.maybe(CHOICES[name], 9 * len(CHOICES[name])) for name in names}
    drawn["level"] = writer.maybe(LEVELS[subject], 16 if top else 5) if subject in LEVELS else None
    if top and known:
        drawn[top] = writer.pick(known)
    return {name: choice for name, choice in drawn.items() if choice is not None}


def tops(registry: Registry, subject: str, as_of: date) -> list[str]:
    """The codes for parent and within: any, but mostly those near the root, where something is below."""
    known = codes(registry, subject, as_of)
    inner = {one.get("parent_code") for one in registry[subject]}
    return [*(8 * [code for code in known if code in inner][:2]), *known]


def draw_order(writer: CellWriter, subject: str) -> Params:
    """How to sort: by code, any measure, any metric, either way."""
    drawn = {"sort": writer.maybe(SORTS[subject], 6), "order": writer.maybe(CHOICES["order"])}
    return {name: choice for name, choice in drawn.items() if choice is not None}
