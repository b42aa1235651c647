"""Every question that a small registry's public tier can be asked, but for order and pages."""

from collections.abc import Iterator
from itertools import product

from tests.reference.public import DISTRICT_LEVELS, INDUSTRY_LEVELS, PublicReference
from tests.reference.questions import REFUSED, Params

DIMENSIONS = {"districts": "district", "industries": "industry", "industry-groups": "industry_group"}
LEVELS = {"districts": DISTRICT_LEVELS, "industries": INDUSTRY_LEVELS, "industry-groups": ()}


def conditions(reference: PublicReference, subject: str) -> list[Params]:
    """Every population that a subject takes: of each other dimension one code, or none."""
    others = [name for name in DIMENSIONS if REFUSED[name] != REFUSED[subject]]
    choices = [[None, *reference.codes(name)] for name in others]
    return [
        {DIMENSIONS[name]: code for name, code in zip(others, codes, strict=True) if code is not None}
        for codes in product(*choices)
    ]


def listings(reference: PublicReference, subject: str) -> list[Params]:
    """Every choice of rows: all, a level, the children or the subtree of a node."""
    nodes = reference.codes(subject) if LEVELS[subject] else []
    return [
        {},
        *({"level": level} for level in LEVELS[subject]),
        *({way: code} for way in ("parent", "within") for code in nodes),
    ]


def lists(reference: PublicReference) -> Iterator[tuple[str, Params]]:
    """Every list, of every population."""
    for subject in DIMENSIONS:
        for condition, listing in product(conditions(reference, subject), listings(reference, subject)):
            yield subject, condition | listing


def singles(reference: PublicReference) -> Iterator[tuple[str, str, Params]]:
    """Every subject, of every population."""
    for subject in DIMENSIONS:
        for code, condition in product(reference.codes(subject), conditions(reference, subject)):
            yield subject, code, condition
