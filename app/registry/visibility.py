"""What of the registry a caller sees: all of it, or what lies inside a scope of district subtrees today."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, select

from app.registry.entities import BRANCHES, DISTRICTS, ENTERPRISES, Entity
from app.registry.scope import Territory, present_district, subtree_codes


@dataclass(frozen=True)
class Sight:
    """Who looks.

    Parameters
    ----------
    scope
        Codes of the districts whose subtrees are seen; null: everything.
    today
        The day that says where enterprises are.
    """

    scope: frozenset[str] | None
    today: date


EVERYTHING = Sight(None, date.max)
"""Whoever has the registry at hand."""


def seen(statement: Select[Any], entity: Entity, sight: Sight) -> Select[Any]:
    """Return a statement of an entity's rows, less those outside the scope.

    Districts, enterprises and branches lie inside or outside; industries and groups are nowhere, and seen by all.
    """
    if sight.scope is None or entity not in _PLACED:
        return statement
    return statement.where(_place(entity, sight.today).in_(select(subtree_codes(sight.scope).c.code)))


def seen_of_enterprises(statement: Select[Any], rows: Table, sight: Sight) -> Select[Any]:
    """Return a statement of rows that belong to enterprises, less those outside the scope, as for writers."""
    if sight.scope is None:
        return statement
    return statement.where(Territory(subtree_codes(sight.scope), sight.today).row(rows.name, rows))


_PLACED = (DISTRICTS, ENTERPRISES, BRANCHES)


def _place(entity: Entity, today: date) -> ColumnElement[Any]:
    if entity is ENTERPRISES:
        return present_district(entity.table, today)
    return entity.table.c["code" if entity is DISTRICTS else "district_code"]
