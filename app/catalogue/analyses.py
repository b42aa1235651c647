"""Analyses: the questions beyond lists of subjects."""

from enum import StrEnum


class Analysis(StrEnum):
    """A question that is not a plain list; its name is the last part of its path."""

    BASES = "bases"
    TABLE = "table"
    LOW_MEMBERSHIP = "low-membership"
    TRENDS = "trends"
    CHANGES = "changes"
    ESTABLISHMENT_GAPS = "establishment-gaps"
    DUAL_AFFILIATION = "dual-affiliation"
    DATA_QUALITY = "data-quality"


PUBLIC_ANALYSES = (Analysis.TABLE, Analysis.LOW_MEMBERSHIP, Analysis.TRENDS, Analysis.CHANGES)
"""What protected figures answer."""
