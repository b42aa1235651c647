"""The choices that parameters offer, derived from the catalogue."""

from enum import StrEnum

from app.catalogue.measures import BRANCH_MEASURES, ENTERPRISE_MEASURES, MEASURES
from app.catalogue.metrics import BRANCH_METRICS, ENTERPRISE_METRICS, METRICS

_AGGREGATE = [measure.code for measure in MEASURES] + [metric.code for metric in METRICS]
_ENTERPRISE = [measure.code for measure in ENTERPRISE_MEASURES] + [metric.code for metric in ENTERPRISE_METRICS]
_BRANCH = [measure.code for measure in BRANCH_MEASURES] + [metric.code for metric in BRANCH_METRICS]


class StatisticsField(StrEnum):
    """A measure or metric of districts, industries and industry groups."""

    _ignore_ = ["StatisticsField", "code"]  # noqa: RUF012 - the enumeration takes the annotation for a member
    StatisticsField = vars()
    for code in _AGGREGATE:
        StatisticsField[code.upper()] = code


class EnterpriseField(StrEnum):
    """A measure or metric of single enterprises."""

    _ignore_ = ["EnterpriseField", "code"]  # noqa: RUF012 - as above
    EnterpriseField = vars()
    for code in _ENTERPRISE:
        EnterpriseField[code.upper()] = code


class BranchField(StrEnum):
    """A measure or metric of branches."""

    _ignore_ = ["BranchField", "code"]  # noqa: RUF012 - as above
    BranchField = vars()
    for code in _BRANCH:
        BranchField[code.upper()] = code


class TrendMetric(StrEnum):
    """A metric of a population, an enterprise or a branch."""

    _ignore_ = ["TrendMetric", "code"]  # noqa: RUF012 - as above
    TrendMetric = vars()
    for code in dict.fromkeys(metric.code for metric in (*METRICS, *BRANCH_METRICS)):
        TrendMetric[code.upper()] = code


class StatisticsSort(StrEnum):
    """What lists of districts, industries and industry groups can be sorted by."""

    _ignore_ = ["StatisticsSort", "code"]  # noqa: RUF012 - as above
    StatisticsSort = vars()
    for code in ("code", *_AGGREGATE):
        StatisticsSort[code.upper()] = code


class EnterpriseSort(StrEnum):
    """What lists of enterprises can be sorted by."""

    _ignore_ = ["EnterpriseSort", "code"]  # noqa: RUF012 - as above
    EnterpriseSort = vars()
    for code in ("code", *_ENTERPRISE):
        EnterpriseSort[code.upper()] = code


class BranchSort(StrEnum):
    """What lists of branches can be sorted by; figures are those of the subtree."""

    _ignore_ = ["BranchSort", "code"]  # noqa: RUF012 - as above
    BranchSort = vars()
    for code in ("code", *_BRANCH):
        BranchSort[code.upper()] = code


class Lang(StrEnum):
    """Language of labels."""

    ZH = "zh"
    EN = "en"
