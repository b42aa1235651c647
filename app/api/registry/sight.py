"""What of the registry a request sees: all of it, what lies inside its key's scope, or a protected snapshot's lists."""

from fastapi import Request

from app.access.principals import Principal, Tier
from app.registry.entities import DISTRICTS, INDUSTRIES, INDUSTRY_GROUPS, Entity
from app.registry.visibility import Sight
from app.statistics.exact_only import ExactOnly
from app.statistics.question import Subject

CODE_LISTS: dict[str, Subject] = {
    DISTRICTS.name: Subject.DISTRICTS,
    INDUSTRIES.name: Subject.INDUSTRIES,
    INDUSTRY_GROUPS.name: Subject.INDUSTRY_GROUPS,
}
"""What the public sees of the registry, from its newest protected snapshot."""


def sees_registry(request: Request) -> bool:
    """Say whether a request sees (some of) the registry; whoever has only protected figures does not."""
    principal: Principal = request.state.principal
    return principal.key_id is not None or principal.elsewhere is not Tier.PUBLIC


def sight_of(request: Request) -> Sight:
    """Return what a request sees of the registry.

    Raises
    ------
    ExactOnly
        It has only protected figures.
    """
    if not sees_registry(request):
        message = "Without a key only the lists of districts, industries and industry groups can be had here"
        raise ExactOnly(message)
    return Sight(request.state.principal.scope, request.app.state.settings.today())


def code_list(entity: Entity) -> Subject:
    """Return which list of a protected snapshot stands for an entity.

    Raises
    ------
    ExactOnly
        None does.
    """
    if entity.name not in CODE_LISTS:
        message = f"{entity.name} can be had with a key only; without one there are lists of codes"
        raise ExactOnly(message)
    return CODE_LISTS[entity.name]
