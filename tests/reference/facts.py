"""One registered enterprise as of a date: its state, how it is reached, its bases and its measures."""

from dataclasses import dataclass
from functools import cached_property

from tests.reference.activity import is_active
from tests.reference.as_of import ORGANISATION_MEANS, WORK_MEANS, AsOf
from tests.reference.people import People, is_withheld, people_of_register, people_of_return, spells
from tests.reference.registry import Row, byte_order, in_window, is_open

BASES = ("registered", "operating", "surveyed", "eligible", "above_size")

Counts = dict[str, int | None]
"""Measure to figure; null = unknown on an enterprise's own row, not defined at the grain elsewhere."""


STAFF_PARTS = ("under_36", "women", "college")

SECTOR_OF_OWNERSHIP = {
    **dict.fromkeys(("private", "foreign", "hong_kong_macao_taiwan"), "non_public"),
    **dict.fromkeys(("state", "collective"), "public"),
}


def squared(count: int | None) -> int | None:
    """A count times itself; unknown stays unknown."""
    return None if count is None else count * count


def is_registered(when: AsOf, enterprise: Row) -> bool:
    """In the register from its registration until its closure."""
    return is_open(enterprise["registered_on"], enterprise["closed_on"], when.as_of)


def latest_return(when: AsOf, enterprise: Row) -> Row | None:
    """The last return on or before the date, however old and whatever its blanks."""
    filed = [one for one in when.returns[enterprise["code"]] if one["reported_on"] <= when.as_of]
    return max(filed, key=lambda one: one["reported_on"], default=None)


@dataclass(frozen=True)
class Firm:
    """An enterprise in the register on the date of a moment."""

    when: AsOf
    enterprise: Row

    @cached_property
    def code(self) -> str:
        return str(self.enterprise["code"])

    @cached_property
    def latest(self) -> Row | None:
        return latest_return(self.when, self.enterprise)

    def stated(self, column: str) -> object:
        """What the latest return says; blank = unknown, never carried forward from an older one."""
        return None if self.latest is None else self.latest[column]

    def place(self, column: str) -> str | None:
        """The latest return's place or industry; where blank or without a return, the registration's."""
        stated = self.stated(column)
        return self.enterprise[column] if stated is None else str(stated)

    @cached_property
    def kind(self) -> str:
        """A blank kind is an enterprise."""
        return str(self.enterprise["kind"] or "enterprise")

    @cached_property
    def sector(self) -> str | None:
        """Social organisations; institutions; other enterprises by the ownership that the latest return states."""
        by_kind = {"social_organisation": "social", "institution": "public"}
        return by_kind.get(self.kind, SECTOR_OF_OWNERSHIP.get(str(self.stated("ownership"))))

    @cached_property
    def headcount(self) -> int | None:
        """Employees by the latest return; None = unknown."""
        return None if self.latest is None else self.latest["headcount"]

    # --- who works there -------------------------------------------------------------------------

    @cached_property
    def workers(self) -> list[Row]:
        """The members, withheld or not, whose membership and employment here are both open."""
        return self.when.workers[self.code]

    @cached_property
    def open_members(self) -> list[Row]:
        """Those of them whose identity is not withheld: the only ones any figure by workplace counts."""
        return [member for member in self.workers if not is_withheld(member)]

    @cached_property
    def people(self) -> People:
        """Persons from the one source of the snapshot."""
        if self.when.member_source == "register":
            return people_of_register(self.when, self.open_members)
        return people_of_return(self.latest)

    @cached_property
    def reported_members(self) -> int | None:
        """Members as the latest return states them, whatever the source."""
        return None if self.latest is None else self.latest["members"]

    # --- how it is reached -----------------------------------------------------------------------

    @cached_property
    def coverage(self) -> list[Row]:
        """Coverage rows whose own interval is open."""
        when = self.when
        return [one for one in when.coverage[self.code] if is_open(one["start_on"], one["end_on"], when.as_of)]

    @cached_property
    def organising(self) -> list[Row]:
        """Living coverage rows with an organisation means that name a living branch."""
        return [
            one
            for one in self.coverage
            if one["means"] in ORGANISATION_MEANS and one["branch_code"] in self.when.branches
        ]

    @cached_property
    def organised(self) -> bool:
        """Organisation coverage: the means decides, not the form of the branch."""
        return bool(self.organising)

    @cached_property
    def standalone(self) -> bool:
        """Organised by the means `standalone`."""
        return any(one["means"] == "standalone" for one in self.organising)

    @cached_property
    def effectively_organised(self) -> bool | None:
        """Organised by a branch that is active; null where none of its branches is, and of one nobody knows."""
        answers = [is_active(self.when, branch) for branch in self.covering_branches]
        return True if True in answers else None if None in answers else False

    @cached_property
    def reached_by_dual(self) -> bool:
        """Employs an open member with dual affiliation; by returns: the return says one or more."""
        return (self.people.parts["members_dual"] or 0) >= 1

    @cached_property
    def work_means(self) -> bool:
        """A living coverage row with a work means, whose branch may be absent or dissolved."""
        return any(one["means"] in WORK_MEANS for one in self.coverage)

    @cached_property
    def work_only(self) -> bool:
        """Neither organised nor reached by dual affiliation, but reached by a work means."""
        return self.work_means and not self.organised and not self.reached_by_dual

    @cached_property
    def covering_branches(self) -> list[str]:
        """The living branches that cover it by an organisation means."""
        return byte_order({one["branch_code"] for one in self.organising})

    # --- bases -----------------------------------------------------------------------------------

    @cached_property
    def operating(self) -> bool:
        """The latest return says operating; blank = yes, no return = no."""
        return self.latest is not None and self.latest["operating"] is not False

    @cached_property
    def surveyed(self) -> bool:
        """The three haves: operating, fixed premises, and enough staff; unknown stays outside."""
        thresholds = self.when.thresholds
        social = self.kind == "social_organisation"
        needed = thresholds.surveyed_headcount_social if social else thresholds.surveyed_headcount
        premises = self.stated("fixed_premises") is True
        return self.operating and premises and self.headcount is not None and self.headcount >= needed

    @cached_property
    def eligible(self) -> bool:
        """Operating with at least three full members: must establish an organisation."""
        full = self.people.parts["full_members"]
        return self.operating and full is not None and full >= self.when.thresholds.eligible_full_members

    @cached_property
    def eligible_unknown(self) -> bool:
        """Operating, full members unknown, and the members, unknown or enough, do not settle it."""
        full, members = self.people.parts["full_members"], self.people.members
        could = members is None or members >= self.when.thresholds.eligible_full_members
        return self.operating and full is None and could

    @cached_property
    def above_size(self) -> bool:
        """Operating and above designated size; unknown stays outside."""
        return self.operating and self.stated("above_designated_size") is True

    @cached_property
    def bases(self) -> list[str]:
        """The bases it belongs to, in their order."""
        holds = {
            "registered": True,
            "operating": self.operating,
            "surveyed": self.surveyed,
            "eligible": self.eligible,
            "above_size": self.above_size,
        }
        return [basis for basis in BASES if holds[basis]]

    # --- measures --------------------------------------------------------------------------------

    @cached_property
    def counts(self) -> Counts:
        """Every measure of this enterprise alone; null rests on an unknown value (or is not defined)."""
        return {
            **self.enterprise_counts(),
            **self.staff_counts(),
            **self.person_counts(),
            **self.workplace_counts(),
            **self.matched_counts(),
            **{measure: count for part in STAFF_PARTS for measure, count in self.matched_part(part).items()},
            **self.flow_counts(),
        }

    def enterprise_counts(self) -> Counts:
        """Facts about the enterprise as 0 or 1; organised, reached, work only and the rest are disjoint."""
        flags = {
            "enterprises": True,
            "enterprises_organised": self.organised,
            "enterprises_standalone": self.standalone,
            "enterprises_reached_by_dual": self.reached_by_dual and not self.organised,
            "enterprises_work_only": self.work_only,
            "enterprises_activity_unknown": self.effectively_organised is None,
            "enterprises_with_members": (self.people.members or 0) >= 1,
            "enterprises_eligible": self.eligible,
            "enterprises_eligible_organised": self.eligible and self.organised,
            "enterprises_eligible_standalone": self.eligible and self.standalone,
            "enterprises_eligible_unknown": self.eligible_unknown,
            "enterprises_reporting": self.reporting,
            "enterprises_headcount_unknown": self.headcount is None,
            "enterprises_members_unknown": self.people.members is None,
        }
        known = {measure: int(flag) for measure, flag in flags.items()}
        active = self.effectively_organised
        return {**known, "enterprises_organised_active": None if active is None else int(active)}

    @cached_property
    def reporting(self) -> bool:
        """Has a return inside the return window."""
        reported_on = None if self.latest is None else self.latest["reported_on"]
        return in_window(reported_on, self.when.as_of, self.when.thresholds.return_window_months)

    def staff_counts(self) -> Counts:
        """Employees, their square, those of organised enterprises, the parts, and who is known for each part."""
        staff = self.headcount
        parts = {f"headcount_{part}": self.stated_count(f"headcount_{part}") for part in STAFF_PARTS}
        return {
            **parts,
            **{f"{part}_known": 0 if count is None else staff for part, count in parts.items()},
            "headcount": staff,
            "headcount_squared": None if staff is None else staff * staff,
            "headcount_organised": staff if self.organised else 0,
        }

    def stated_count(self, column: str) -> int | None:
        """A count of the latest return."""
        return None if self.latest is None else self.latest[column]

    def person_counts(self) -> Counts:
        """Members by workplace, their parts, and the members whose part is unknown."""
        people = self.people
        return {
            "members": people.members,
            "members_squared": squared(people.members),
            "members_admitted": None if self.when.member_source == "returns" else self.admitted,
            "probationary_members": people.probationary,
            **people.parts,
            **{f"{part}_unknown": count for part, count in people.unknown.items()},
            "members_reported": self.reported_members,
        }

    @cached_property
    def admitted(self) -> int:
        """The open members here whose membership began in the flow window."""
        months = self.when.thresholds.flow_window_months
        return sum(in_window(member["joined_on"], self.when.as_of, months) for member in self.open_members)

    def workplace_counts(self) -> Counts:
        """Members without a workplace organisation, those of them with dual affiliation, and the withheld.

        In an organised enterprise there are none, whatever is unknown about it.
        """
        people, organised = self.people, self.organised
        returns = self.when.member_source == "returns"
        dual = people.parts["members_dual"]
        unreached = None if people.members is None or dual is None else people.members - dual
        return {
            "members_unreached": 0 if organised else unreached,
            "members_unorganised_squared": 0 if organised else squared(people.members),
            "members_unorganised": 0 if organised else people.members,
            "members_reached_by_dual": 0 if organised else people.parts["members_dual"],
            "members_reached_by_dual_unknown": 0 if organised else people.unknown["members_dual"],
            "members_withheld": None if returns else len(self.workers) - len(self.open_members),
        }

    def matched_counts(self) -> Counts:
        """Both sides of the member ratio: where headcount (one or more) and members are both known."""
        staff, members = self.headcount, self.people.members
        if staff is None or members is None:
            return dict.fromkeys(MATCHED)
        if staff < 1:
            return dict.fromkeys(MATCHED, 0)
        larger = max(len(self.open_members), self.reported_members or 0)
        return dict(zip(MATCHED, (members, staff, staff * staff, larger), strict=True))

    def matched_part(self, part: str) -> Counts:
        """Both sides of the ratio within a part of the staff: known of all members, and of the staff, one or more."""
        names = (f"members_{part}_matched", f"headcount_{part}_matched")
        members, staff = self.people.parts[f"members_{part}"], self.stated_count(f"headcount_{part}")
        if members is None or self.people.unknown[f"members_{part}"] or staff is None:
            return dict.fromkeys(names)
        return dict(zip(names, (members, staff) if staff else (0, 0), strict=True))

    def flow_counts(self) -> Counts:
        """Spells of open members at this enterprise that began or ended in the flow window; by register only."""
        if self.when.member_source == "returns":
            return {"members_joined": None, "members_left": None}
        when, months = self.when, self.when.thresholds.flow_window_months
        known = [member for member in when.members.values() if not is_withheld(member)]
        every = [spell for member in known for spell in spells(when.registry, member, self.code)]
        return {
            "members_joined": sum(in_window(start, when.as_of, months) for start, _ in every),
            "members_left": sum(in_window(end, when.as_of, months) for _, end in every),
        }

    # --- the row ---------------------------------------------------------------------------------

    @cached_property
    def attributes(self) -> Row:
        """What its row says beside the figures; null = unknown."""
        members = self.people.members
        return {
            "code": self.code,
            "name": self.enterprise["name"],
            "kind": self.kind,
            "registered_on": self.enterprise["registered_on"],
            "closed_on": self.enterprise["closed_on"],
            "district_code": self.place("district_code"),
            "industry_code": self.place("industry_code"),
            "ownership": self.stated("ownership"),
            "sector": self.sector,
            "size_class": self.stated("size_class"),
            "reported_on": self.stated("reported_on"),
            "operating": self.operating,
            "fixed_premises": self.stated("fixed_premises"),
            "above_designated_size": self.stated("above_designated_size"),
            "organised": self.organised,
            "standalone": self.standalone,
            "effectively_organised": self.effectively_organised,
            "reached_by_dual": self.reached_by_dual,
            "work_only": self.work_only,
            "eligible": None if self.eligible_unknown else self.eligible,
            "has_members": None if members is None else members >= 1,
            "bases": self.bases,
            "branches": self.covering_branches,
        }


MATCHED = ("members_matched", "headcount_matched", "headcount_matched_squared", "members_max")
