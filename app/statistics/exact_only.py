"""Questions that only exact figures answer: what a question needs, against what a snapshot can answer."""

from collections.abc import Iterator

from app.errors import ErrorItem, ServiceError
from app.statistics.question import Population, Question, Subject
from app.store.manifest import Capabilities, Manifest


class ExactOnly(ServiceError):
    """Protected figures do not answer this question; `errors` says what can be had instead."""

    code = "exact-only"
    status = 403
    title = "Exact figures only"


def refuse_exact_only(manifest: Manifest, question: Question) -> None:
    """Refuse a question that a snapshot cannot answer, whatever the codes in it.

    Parameters
    ----------
    manifest
        Of the snapshot: its capabilities decide.
    question
        What is asked.

    Raises
    ------
    ExactOnly
        It needs what the snapshot lacks; all such is listed, each with the choices there are.
    """
    can = manifest.capabilities
    problems = [
        *_operation(can, question),
        *_basis(can, question.population),
        *_filters(can, question.population),
        *_levels(can, question),
    ]
    if problems:
        raise ExactOnly("; ".join(problem.message for problem in problems), problems)


def _operation(can: Capabilities, question: Question) -> Iterator[ErrorItem]:
    if question.analysis is not None and question.analysis not in can.analyses:
        yield ErrorItem("path", f"{question.analysis} can be had in exact figures only", can.analyses)
    elif question.subject not in can.subjects:
        yield ErrorItem(question.named_by(), f"{question.subject} are listed in exact figures only", can.subjects)


def _basis(can: Capabilities, population: Population) -> Iterator[ErrorItem]:
    if population.basis not in can.bases:
        yield ErrorItem("query/basis", f"basis {population.basis} is counted in exact figures only", can.bases)


def _filters(can: Capabilities, population: Population) -> Iterator[ErrorItem]:
    for name in ("enterprise_kind", "ownership", "size_class"):
        if getattr(population, name) is not None and name not in can.filters:
            yield ErrorItem(f"query/{name}", f"{name} chooses enterprises in exact figures only", can.filters)


def _levels(can: Capabilities, question: Question) -> Iterator[ErrorItem]:
    choices = {Subject.DISTRICTS: can.district_levels, Subject.INDUSTRIES: can.industry_levels}
    for name, tree, level in question.levels():
        levels = choices.get(tree, ())
        if level is not None and level not in levels:
            yield ErrorItem(f"query/{name}", f"{tree} of level {level} are listed in exact figures only", levels)
