"""Random questions about targets."""

from datetime import timedelta

from tests.factories.registries import CellWriter
from tests.reference.questions import CHOICES, Params
from tests.reference.registry import Registry

STATES = ("met", "short", "cannot_tell")


def draw_question(writer: CellWriter, registry: Registry) -> Params:
    """A question about targets: where, of whom, due when, in which state."""
    params: Params = {}
    for name, codes in (
        ("district", [node["code"] for node in registry["districts"]]),
        ("industry", [node["code"] for node in registry["industries"]]),
        ("industry_group", [one["group_code"] for one in registry["industry-groups"]]),
        ("sector", CHOICES["sector"]),
        ("state", STATES),
    ):
        if codes and writer.pick((True, False, False)):
            params[name] = sorted({writer.pick(codes) for _ in range(writer.number(1, 2))})
    for name, offsets in (("due_from", (-91, -1, 0, 1)), ("due_to", (0, 1, 90))):
        if writer.pick((True, False, False)):
            params[name] = (writer.as_of + timedelta(writer.pick(offsets))).isoformat()
    return params
