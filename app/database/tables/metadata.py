"""The metadata that all tables share, and the constraints that they have in common."""

from enum import StrEnum

from sqlalchemy import CheckConstraint, MetaData, Text
from sqlmodel import SQLModel

CODE_LENGTH = 64
"""Longest code or ref, characters."""

CODE = Text().with_variant(Text(collation="C"), "postgresql")
"""Type of codes and refs: text that compares, sorts and is indexed as UTF-8 bytes, on both databases."""

METADATA: MetaData = SQLModel.metadata
METADATA.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "pk": "pk_%(table_name)s",
}


def one_of(column: str, choices: type[StrEnum]) -> CheckConstraint:
    """Return the CHECK that a text column holds one of the values of an enumeration."""
    values = ", ".join(f"'{choice.value}'" for choice in choices)
    return CheckConstraint(f"{column} IN ({values})", name=column)


def ordered(first: str, second: str, *, strictly: bool = True) -> CheckConstraint:
    """Return the CHECK that one date comes before another; null at either side passes."""
    return CheckConstraint(f"{first} {'<' if strictly else '<='} {second}", name=f"{first}_{second}")


def not_negative(column: str) -> CheckConstraint:
    """Return the CHECK that a count is not negative; null passes."""
    return CheckConstraint(f"{column} >= 0", name=column)
