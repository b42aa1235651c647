"""Who takes part where by dual affiliation, and what that adds to coverage, by the plain reading of the rules."""

from collections import Counter

from tests.reference import branches
from tests.reference.answers import Reference
from tests.reference.measures import holds, is_below
from tests.reference.questions import Params, population, values
from tests.reference.registry import Row, byte_order


def dual_affiliation(reference: Reference, params: Params) -> Row:
    """Matrix, margins and uplift; homes and joint branches by code."""
    when = reference.when
    triples = {
        (branches.home(when, one["member_ref"]), one["branch_code"], one["member_ref"])
        for one in when.affiliations
        if when.is_dual(one)
        and is_below(when.districts, when.branches[one["branch_code"]]["district_code"], values(params, "district"))
    }
    cells = Counter((home, joint) for home, joint, _ in triples)
    homes = Counter(home for home, _ in {(home, ref) for home, _, ref in triples})
    joints = Counter(joint for joint, _ in {(joint, ref) for _, joint, ref in triples})
    home_order = [*byte_order(home for home in homes if home is not None), *([None] if None in homes else [])]
    joint_order = byte_order(joints)
    return {
        "matrix": [
            (home, joint, cells[home, joint]) for home in home_order for joint in joint_order if (home, joint) in cells
        ],
        "homes": [(home, homes[home]) for home in home_order],
        "joint_branches": [(joint, joints[joint]) for joint in joint_order],
        "members": len({ref for _, _, ref in triples}),
        "uplift": uplift(reference, params),
    }


def uplift(reference: Reference, params: Params) -> dict[str, object]:
    """Numerators and denominators of the coverages without and with dual affiliation."""
    asked = population(params)
    firms = [firm for firm in reference.firms.values() if holds(reference.when, asked, firm)]
    total = len(firms)
    organised = sum(firm.organised for firm in firms)
    reached = sum(firm.reached_by_dual and not firm.organised for firm in firms)
    by_work = sum(bool(firm.work_means) and not firm.organised for firm in firms)
    any_means = sum(bool(firm.organised or firm.reached_by_dual or firm.work_means) for firm in firms)
    loose = [firm.counts for firm in firms if not firm.organised]
    dual = sum(counts["members_reached_by_dual"] or 0 for counts in loose)
    known = sum((counts["members"] or 0) - (counts["members_reached_by_dual_unknown"] or 0) for counts in loose)
    return {
        "organisation_coverage": ((organised, total), (organised + reached, total)),
        "work_coverage": ((organised + by_work, total), (any_means, total)),
        "dual_reach": (dual, known),
        "members_unreached": known - dual,
    }
