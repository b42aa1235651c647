"""Small random registries that obey every rule and sit on every boundary of the statistics."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from math import ceil
from random import Random
from typing import TypeVar

from hypothesis import strategies as st

from tests.reference.questions import CHOICES
from tests.reference.rates import METRICS
from tests.reference.registry import COLUMNS, DISTRICT_LEVELS, INDUSTRY_LEVELS, Registry, Row, months_before, row
from tests.reference.rules import has_overlap

T = TypeVar("T")

AS_OF = date(2017, 6, 30)
DATES = (AS_OF, date(2017, 8, 31), date(2016, 2, 29), date(2017, 3, 1))
"""Dates of question: an ordinary one, two whose windows start at the end of a February, a leap day."""

# Codes whose order by bytes is neither their order of appearance nor that of any locale.
DISTRICT_CODES = ("3502", "35", "D-é", "350203", "007", "云顶", "d", "D", "NA", "3", "０", "𠮷", "Z_", "z", "0")
INDUSTRY_CODES = ("I", "64", "641", "6410", "65", "R", "a", "类", "87", "8710", "NULL", "1")
ENTERPRISE_CODES = ("B", "a", "007", "7", "企业-1", "é", "NA", "𠮷1", "～", "91350200MA2XN1234X", "b 2", "0")
BRANCH_CODES = ("J", "F2", "f1", "组", "010", "NULL", "10", "Ä", "F10")
REFS = ("m1", "007", "NA", "m10", "m2", "成员", *(f"p-{number}" for number in range(19)))

SMALL = (None, 5, 0, 1, 2, 9, 10, 29, 30, 40)
LARGE = (80, 200, 900, 3000)
MEMBERS = (None, 0, 1, 2, 3, 4, 5, 9, 40)
MANY_MEMBERS = (0, 3, 40, 70, 300, 950)
REPORTED_PARTS = (
    "full_members",
    "members_dual",
    "members_under_36",
    "members_women",
    "members_college",
    "members_floating",
)
STAFF_PARTS = ("headcount_under_36", "headcount_women", "headcount_college")
EDUCATIONS = (
    None,
    "doctorate",
    "junior_college",
    "secondary_vocational",
    "bachelor",
    "junior_secondary_or_below",
)
ORGANISATION_MEANS = ("standalone", "joint", "area", "industry", "attached")
WORK_MEANS = ("instructor", "liaison", "trade_union", "youth_league")

SHAPE = ("date", "source", *COLUMNS)
"""What the first bytes of a draw decide: the date, the sources, and how many rows there are of each dataset."""

SIXTHS = (0, 1, 3, 4, 4, 5, 5, 6, 6, 6)
"""How much of the most there may be: seldom none or little; shrinks to none."""


class CellWriter:
    """Writes cells by a seed, every row by a seed of its own: what one row says never depends on another's.

    Hypothesis draws the shape only, as one value: seeing a thousand small draws, it would spend most of its
    examples on near-copies of each other. So an example shrinks in its numbers of rows.
    """

    def __init__(self, seed: str, as_of: date, *, alike: bool = False) -> None:
        self.seed = seed
        self.random = Random(seed)
        self.as_of = as_of
        self.alike = alike
        day = timedelta(days=1)
        edges = [months_before(as_of, 18), months_before(as_of, 12)]
        self.past = (
            date(2001, 7, 1),
            *(edge + offset for edge in edges for offset in (day, 0 * day)),
            date(2012, 2, 29),
            as_of - 90 * day,
            as_of - day,
            as_of,
        )
        self.days = tuple(sorted({*self.past, as_of + day, as_of + 90 * day}))

    def rows(self, name: str, things: Iterable[T]) -> Iterator[T]:
        """Each of the things, ready to be written about."""
        for number, thing in enumerate(things):
            self.random = Random(f"{self.seed} {name} {number}")
            yield thing

    def number(self, least: int, most: int) -> int:
        """A number of things."""
        return self.random.randint(least, most)

    def pick(self, choices: Sequence[T]) -> T:
        """One of the choices."""
        return self.random.choice(choices)

    def place(self, codes: Sequence[str], blanks: int) -> str | None:
        """A node of a tree or none: crowded below the first, or no two firms would ever be neighbours."""
        return self.maybe([*codes, *(len(codes) * list(codes[1:4]))], blanks)

    def maybe(self, choices: Sequence[T], blanks: int = 1) -> T | None:
        """One of the choices or, as often as so many of them, nothing."""
        return self.pick((*([None] * blanks), *choices))

    def start(self) -> date:
        """Where something begins: mostly in the past, at times on the date or the day after."""
        return self.pick((*self.past, self.as_of + timedelta(days=1)))

    def end(self, start: date | None, blanks: int = 8) -> date | None:
        """Where it ends, if it does: after its start."""
        return self.maybe([day for day in self.days if start is None or day > start], blanks)

    def some(self, choices: Sequence[T], most: int) -> list[T]:
        """Some different ones of the choices, in the order of the choices."""
        wanted = {self.number(0, len(choices) - 1) for _ in range(min(most, len(choices)))}
        return [choices[index] for index in sorted(wanted)]

    def segments(self, choices: Sequence[T], most: int) -> list[tuple[T, date, date | None]]:
        """Time cut at some days, each piece given to one of the choices or to none: pieces adjoin, none overlap."""
        cuts = self.some(self.days, most)
        pieces = zip(cuts, [*cuts[1:], None], strict=False)
        given = [(self.maybe(choices), start, end) for start, end in pieces]
        return [(choice, start, end) for choice, start, end in given if choice is not None]


SHAPES_SIZE = len(SHAPE) + 4
SHAPES = st.binary(min_size=SHAPES_SIZE, max_size=SHAPES_SIZE)


@st.composite
def registries(draw: st.DrawFn, as_of: date = AS_OF) -> Registry:
    """A valid registry whose facts lie around a date.

    Parameters
    ----------
    as_of : date
        The date around which things begin and end; ask it of the registry.
    """
    return registry_of_shape(draw(SHAPES), as_of)


@st.composite
def dated_registries(draw: st.DrawFn) -> tuple[Registry, date]:
    """A registry and the date to ask it for: a leap day, ends of months, an ordinary day."""
    shape = draw(SHAPES)
    return registry_of_shape(shape, date_of(shape)), date_of(shape)


def date_of(shape: bytes) -> date:
    """The date that a shape stands for."""
    return DATES[shape[0] % len(DATES)]


def registry_of_shape(shape: bytes, as_of: date) -> Registry:
    """The registry that a shape stands for: the same for the same shape and date, ever."""
    decided = dict(zip(SHAPE, shape, strict=False))
    writer = CellWriter(shape[len(SHAPE) :].hex(), as_of, alike=decided["source"] // 8 % 4 == 1)
    source = ("returns", "both", "both", "both", "both", "register", "returns", "both")[decided["source"] % 8]

    def size(dataset: str, most: int) -> int:
        return ceil(most * SIXTHS[decided[dataset] % len(SIXTHS)] / 6)

    districts = draw_districts(writer, 3 + size("districts", len(DISTRICT_CODES) - 3))
    industries = draw_industries(writer, 1 + size("industries", len(INDUSTRY_CODES) - 1))
    groups = draw_groups(writer, size("industry-groups", 3), industries)
    enterprises = draw_enterprises(writer, size("enterprises", len(ENTERPRISE_CODES)), districts, industries)
    branches = draw_branches(writer, size("branches", len(BRANCH_CODES)), districts, industries, groups)
    members = draw_members(writer, size("members", len(REFS)) if source != "returns" else 0)
    reported = size("returns", 4) if source != "register" else 0
    registry = {
        "districts": districts,
        "industries": industries,
        "industry-groups": groups,
        "enterprises": enterprises,
        "returns": draw_returns(writer, reported, enterprises, districts, industries),
        "branches": branches,
        "coverage": draw_coverage(writer, size("coverage", 3), enterprises, branches),
        "branch-returns": draw_branch_returns(writer, size("branch-returns", 4), branches),
        "members": members,
        "employments": draw_employments(writer, size("employments", 3), members, enterprises),
        "affiliations": draw_affiliations(writer, size("affiliations", 3), members, branches),
    }
    return {**registry, "targets": draw_targets(writer, size("targets", 12), registry)}


def draw_tree(
    writer: CellWriter, dataset: str, codes: Sequence[str], levels: tuple[str, ...], roots: Sequence[str]
) -> list[Row]:
    """A forest: levels fall from parent to child, and may be skipped."""
    nodes: list[Row] = []
    for code in writer.rows(dataset, codes):
        inner = [node for node in nodes if node["level"] != levels[-1]]
        parent = writer.pick((*inner, None)) if inner else None
        level = writer.pick(roots if parent is None else levels_below(parent["level"], levels))
        names = {"name_zh": f"名{code}", "name_en": writer.maybe([f"Name {code}"])}
        nodes.append(row(dataset, code=code, parent_code=parent and parent["code"], level=level, **names))
    return nodes


def levels_below(level: str, levels: tuple[str, ...]) -> tuple[str, ...]:
    """The levels a child may have; a site hangs under a street only."""
    lower = levels[levels.index(level) + 1 :]
    return lower if level == "street" else tuple(one for one in lower if one != "site")


def draw_districts(writer: CellWriter, size: int) -> list[Row]:
    """Three to fifteen districts, with sites, roots of any level, and provinces without counties."""
    codes = DISTRICT_CODES[:size]
    return draw_tree(writer, "districts", codes, DISTRICT_LEVELS, ("city", "province", "county", "street"))


def draw_industries(writer: CellWriter, size: int) -> list[Row]:
    """Sections down to classes; now and then a root that is no section."""
    codes = INDUSTRY_CODES[:size]
    return draw_tree(writer, "industries", codes, INDUSTRY_LEVELS, ("section", "section", "section", "division"))


def draw_groups(writer: CellWriter, size: int, industries: list[Row]) -> list[Row]:
    """Up to three sets of industries of any level, overlapping and nested."""
    codes = [node["code"] for node in industries]
    names = (("internet", "互联网"), ("组", "其他"), ("A", "甲"))
    return [
        row("industry-groups", group_code=group, name_zh=name, industry_code=code)
        for group, name in writer.rows("industry-groups", names[:size])
        for code in writer.some(codes, writer.number(1, 3))
    ]


def draw_enterprises(writer: CellWriter, size: int, districts: list[Row], industries: list[Row]) -> list[Row]:
    """Up to twelve enterprises; some not yet registered, closed on the date or the day after, without a place."""
    enterprises: list[Row] = []
    for code in writer.rows("enterprises", ENTERPRISE_CODES[:size]):
        registered_on = writer.maybe((*writer.past, writer.as_of + timedelta(days=1)), 4)
        enterprises.append(
            row(
                "enterprises",
                code=code,
                name=f"公司, {code}",
                kind=writer.pick(("enterprise", "enterprise", "social_organisation", "institution")),
                registered_on=registered_on,
                closed_on=writer.end(registered_on, 30),
                district_code=writer.place([node["code"] for node in districts], 6),
                industry_code=writer.place([node["code"] for node in industries], 6),
                supersedes=writer.maybe([one["code"] for one in enterprises[-1:]], 5),
            )
        )
    return enterprises


def draw_returns(
    writer: CellWriter, most: int, enterprises: list[Row], districts: list[Row], industries: list[Row]
) -> list[Row]:
    """Up to four returns of each enterprise, some after the date: firms move, cells are blank."""
    return [
        draw_return(writer, enterprise["code"], reported_on, districts, industries)
        for enterprise in writer.rows("returns", enterprises)
        for reported_on in writer.some(writer.days, writer.number(min(1, most), most))
    ]


def draw_return(
    writer: CellWriter, enterprise: str, reported_on: date, districts: list[Row], industries: list[Row]
) -> Row:
    """One return: parts never above members, none without; large firms, at times all with one member ratio."""
    headcount, members = writer.pick(SMALL), writer.pick(MEMBERS)
    if writer.alike or writer.pick((False, False, True)):
        headcount = writer.pick(LARGE)
        members = headcount // 8 if writer.alike else writer.pick(MANY_MEMBERS)
    parts = {part: draw_part(writer, members) for part in REPORTED_PARTS}
    parts |= {part: draw_part(writer, headcount) for part in STAFF_PARTS}
    flags = ("operating", "fixed_premises", "above_designated_size")
    return row(
        "returns",
        enterprise_code=enterprise,
        reported_on=reported_on,
        district_code=writer.place([node["code"] for node in districts], 12),
        industry_code=writer.place([node["code"] for node in industries], 12),
        ownership=writer.maybe(CHOICES["ownership"]),
        size_class=writer.maybe(CHOICES["size_class"]),
        headcount=headcount,
        members=members,
        **{flag: writer.pick((None, True, True, True, False)) for flag in flags},
        **parts,
    )


def draw_part(writer: CellWriter, whole: int | None) -> int | None:
    """A part of the members or the staff, or blank."""
    if whole is None:
        return None
    return writer.maybe([0, min(1, whole), min(3, whole), whole // 2, whole])


def draw_branches(
    writer: CellWriter, size: int, districts: list[Row], industries: list[Row], groups: list[Row]
) -> list[Row]:
    """Up to nine branches in trees, some parents dissolved; about half take dual affiliation."""
    branches: list[Row] = []
    group_codes = [one["group_code"] for one in groups]
    for code in writer.rows("branches", BRANCH_CODES[:size]):
        established_on = writer.maybe((*writer.past, writer.as_of + timedelta(days=1)), 6)
        field = writer.pick(("none", "industry", "group"))
        branches.append(
            row(
                "branches",
                code=code,
                name=f"支部 {code}",
                kind=writer.pick(CHOICES["kind"]),
                parent_code=writer.maybe([one["code"] for one in branches]),
                district_code=writer.pick([node["code"] for node in districts]),
                form=writer.maybe(CHOICES["form"]),
                dual_affiliation=writer.pick((True, False)),
                industry_code=writer.pick([node["code"] for node in industries]) if field == "industry" else None,
                industry_group=writer.maybe(group_codes) if field == "group" else None,
                established_on=established_on,
                dissolved_on=writer.end(established_on, 14),
            )
        )
    return branches


def draw_coverage(writer: CellWriter, most: int, enterprises: list[Row], branches: list[Row]) -> list[Row]:
    """Up to three ways to reach each enterprise, no key twice; a work means needs no branch."""
    found: dict[tuple[object, ...], Row] = {}
    codes = [one["code"] for one in branches]
    for enterprise in writer.rows("coverage", enterprises):
        for _ in range(writer.number(0, most)):
            means = writer.pick((*WORK_MEANS, *(ORGANISATION_MEANS if codes else ())))
            branch = writer.pick(codes) if means in ORGANISATION_MEANS else writer.maybe(codes, len(codes) + 1)
            start_on = writer.start()
            cells = (enterprise["code"], branch, means, start_on)
            names = ("enterprise_code", "branch_code", "means", "start_on")
            found[cells] = row("coverage", **dict(zip(names, cells, strict=True)), end_on=writer.end(start_on))
    return list(found.values())


def draw_branch_returns(writer: CellWriter, most: int, branches: list[Row]) -> list[Row]:
    """Up to four months of each branch on either side of the window, with few meetings; at times nobody counted."""
    edges = [months_before(writer.as_of, months).replace(day=1) for months in (0, 1, 6, 11, 12, 13)]
    return [
        row(
            "branch-returns",
            branch_code=branch["code"],
            period_on=period_on,
            meetings=writer.pick((0, 1, 1, 2, 3, 4)),
            attendances=writer.maybe((0, 7, 40), 2),
        )
        for branch in writer.rows("branch-returns", branches)
        for period_on in writer.some(edges, writer.number(min(1, most), most))
    ]


def draw_members(writer: CellWriter, size: int) -> list[Row]:
    """Up to 25 members; unknown cells, boundaries of age, withheld ones, an end of floating without beginning."""
    return [draw_member(writer, ref) for ref in writer.rows("members", REFS[:size])]


def draw_member(writer: CellWriter, ref: str) -> Row:
    """One member."""
    joined_on, floating_since = writer.start(), writer.maybe(writer.past, 8)
    since = [joined_on, *(day for day in writer.days if day > joined_on)]
    return row(
        "members",
        ref=ref,
        joined_on=joined_on,
        full_since=writer.maybe([*since, joined_on, joined_on, joined_on], 2),
        left_on=writer.end(joined_on, 24),
        birth_year=writer.maybe([writer.as_of.year - age for age in (35, 36, 20, 60)]),
        sex=writer.maybe(("female", "male")),
        education=writer.pick(EDUCATIONS),
        identity=writer.pick(("open", "open", "open", "withheld")),
        floating_since=floating_since,
        floating_until=writer.end(floating_since, 12),
    )


def draw_employments(writer: CellWriter, most: int, members: list[Row], enterprises: list[Row]) -> list[Row]:
    """One employer at a time: changes, gaps, and adjoining rows at one enterprise."""
    # Few employers for all, or no enterprise would ever have three members.
    employers = [one["code"] for one in enterprises[:5]]
    return [
        row("employments", member_ref=member["ref"], enterprise_code=code, start_on=start, end_on=end)
        for member in writer.rows("employments", members)
        for code, start, end in writer.segments(employers, writer.number(min(1, most), most))
    ]


def draw_affiliations(writer: CellWriter, most: int, members: list[Row], branches: list[Row]) -> list[Row]:
    """One primary branch at a time, and secondaries where they are taken, not to the primary of the time."""
    codes = [one["code"] for one in branches]
    joint = [one["code"] for one in branches if one["dual_affiliation"]]
    found: list[Row] = []
    for member in writer.rows("affiliations", members):
        rows = [affiliation(member, "primary", *piece) for piece in writer.segments(codes, writer.number(0, most))]
        for code in writer.some(joint, writer.number(0, most)):
            rows += [
                affiliation(member, "secondary", *piece) for piece in writer.segments([code, code], writer.number(1, 3))
            ]
        found += without_overlaps(rows)
    return found


def affiliation(member: Row, role: str, branch: str, start: date, end: date | None) -> Row:
    """One affiliation."""
    cells = {"branch_code": branch, "role": role, "start_on": start, "end_on": end}
    return row("affiliations", member_ref=member["ref"], **cells)


def without_overlaps(rows: list[Row]) -> list[Row]:
    """The rows of one member, less those that meet an earlier one at the same branch."""
    kept: list[Row] = []
    for one in rows:
        if not has_overlap([*kept, one], ("branch_code",)):
            kept.append(one)
    return kept


TARGET_METRICS = ("organisation_coverage", "organisation_coverage", "member_ratio", "standalone_rate", *METRICS)
WITHOUT_TARGETS = ("member_ratio_upper", "effective_coverage_upper", "member_ratio_young", "member_ratio_women",
                   "member_ratio_college", "turnover")  # fmt: skip
"""The metrics that take no target: those without an interval, but for the admission rate."""
TARGET_VALUES = ("0", "0.4", "0.333333", "0.5", "0.000001", "0.999999999999999", "1", "0.05")


def draw_targets(writer: CellWriter, size: int, registry: Registry) -> list[Row]:
    """Up to so many targets: of everything and of each kind of scope, due before, on and after the date."""
    found: dict[tuple[object, ...], Row] = {}
    districts = [node["code"] for node in registry["districts"]]
    for number in writer.rows("targets", range(size)):
        metric = writer.pick([code for code in TARGET_METRICS if code not in WITHOUT_TARGETS])
        basis = writer.pick(("operating", "operating", *CHOICES["basis"]))
        due_on = writer.pick((*writer.days[-4:], writer.as_of))
        one = row(
            "targets", metric=metric, basis=basis, due_on=due_on, value=writer.pick(TARGET_VALUES),
            district_code=writer.maybe(districts, 3), source=writer.maybe((f"文件{number}",)),
            **draw_scope(writer, registry),
        )  # fmt: skip
        found[tuple(value for name, value in one.items() if name not in ("value", "source"))] = one
    return list(found.values())


def draw_scope(writer: CellWriter, registry: Registry) -> dict[str, str]:
    """An industry, a group, a sector, or none of them."""
    choices: dict[str, Sequence[str]] = {
        "industry_code": [node["code"] for node in registry["industries"]],
        "industry_group": [one["group_code"] for one in registry["industry-groups"]],
        "sector": CHOICES["sector"],
    }
    kind = writer.pick(("none", *choices))
    return {kind: writer.pick(choices[kind])} if choices.get(kind) else {}
