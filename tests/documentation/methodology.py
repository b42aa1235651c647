"""The generated parts of the methodology: definitions from the catalogue, examples by the plain second reading."""

from collections.abc import Iterable
from decimal import Decimal
from functools import cache
from typing import Any

import numpy as np

from app.catalogue.data_quality import QUALITY_RULES
from app.catalogue.definitions import INTERVAL_LABELS, RANGE_LABELS, definition_of, source_of
from app.catalogue.dimensions import BASES
from app.catalogue.measures import BRANCH_MEASURES, MEASURES, Measure
from app.catalogue.metrics import BRANCH_METRICS, METRICS, Metric
from app.snapshots.correlation import estimate
from app.statistics.comparison import CLASSES, Matched
from app.statistics.decomposition import effects
from app.statistics.inference import effective_headcount, effective_share, lower_tail, p_values, wilson
from app.statistics.standardisation import adjusted
from tests.documentation.markdown import table
from tests.factories.worked_example import AS_OF, STREET, J, worked_example
from tests.reference.answers import Reference

Row = dict[str, Any]


@cache
def worked(subject: str, code: str) -> Row:
    """Counts and rates of a subject of the worked example, by the plain second reading of the rules."""
    row: Row = Reference(worked_example(), AS_OF).get_statistics(subject, code, {})["data"]
    return row


def basis_table() -> str:
    """Return the bases."""
    rows = (
        (f"`{basis.code}`", basis.label.zh, basis.label.en, basis.definition, source_of(basis.code)) for basis in BASES
    )
    return table(("basis", "中文", "English", "which enterprises", "source"), rows)


def measure_table() -> str:
    """Return the measures of enterprises, each with its figure in the worked example's street."""
    return _measures(MEASURES, worked("districts", STREET)["counts"], of_branch=False)


def branch_measure_table() -> str:
    """Return the measures of branches, each with its figure in the worked example's joint committee."""
    return _measures(BRANCH_MEASURES, worked("branches", J)["subtree"]["counts"], of_branch=True)


def _measures(measures: Iterable[Measure], counts: Row, *, of_branch: bool) -> str:
    rows = (
        (
            f"`{measure.code}`",
            measure.label.zh,
            measure.definition,
            definition_of(measure.code, of_branch=of_branch).zh,
            measure.unit.value,
            source_of(measure.code),
            _count(counts[measure.code]),
        )
        for measure in measures
    )
    return table(("measure", "中文", "counts", "定义", "unit", "source", "example"), rows)


def metric_sections() -> str:
    """Return the metrics of enterprises: a section each, with the example of the worked example's street."""
    return _metrics(METRICS, worked("districts", STREET)["rates"])


def branch_metric_sections() -> str:
    """Return what branches alone have, with the example of the worked example's joint committee."""
    own = [metric for metric in BRANCH_METRICS if metric not in METRICS]
    return _metrics(own, worked("branches", J)["subtree"]["rates"])


def _metrics(metrics: Iterable[Metric], rates: Row) -> str:
    return "\n".join(_metric(metric, rates[metric.code]) for metric in metrics)


def _metric(metric: Metric, rate: Row) -> str:
    lines = [f"#### {metric.label.en} ({metric.label.zh})", "", f"`{metric.code}` = {metric.formula}", ""]
    lines.append(f"{metric.definition} {definition_of(metric.code, of_branch=False).zh}")
    known_as = f" Known as: {metric.known_as}." if metric.known_as else ""
    unknown = metric.companion
    companion = f" Unknown, not inapplicable, with a denominator of 0 while `{unknown}` > 0." if unknown else ""
    interval = _sentence(INTERVAL_LABELS[metric.interval].en)
    told = f"Unit: ratio, {RANGE_LABELS[metric.range].en}. {interval} Source: {source_of(metric.code)}."
    lines += ["", f"{told}{known_as}{companion} Example: {_example(rate)}.", ""]
    return "\n".join(lines)


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def _example(rate: Row) -> str:
    parts = f"{_count(rate['numerator'])} / {_count(rate['denominator'])}"
    if rate["value"] is None:
        return f"{parts}, {rate['status']}"
    interval = "" if rate["low"] is None else f" [{rate['low']:.4f}, {rate['high']:.4f}]"
    return f"{parts} = {rate['value']:.4f}{interval}, {rate['status']}"


def _count(value: int | None) -> str:
    return "null" if value is None else str(value)


def quality_table() -> str:
    """Return the rules of data quality."""
    rows = (
        (f"`{one.rule}`", one.label.zh, one.definition, one.subject.value, one.value or "–") for one in QUALITY_RULES
    )
    return table(("rule", "中文", "finds", "about", "value"), rows)


def interval_table() -> str:
    """Return intervals of a few ratios: the same numbers of persons tell less where they work together."""
    cases = (
        ("Wilson", 4, 80, 80.0),
        ("Wilson", 0, 80, 80.0),
        ("clustered, 10 firms of 10, ρ = 0.1", 5, 100, _effective(100, 1_000, 0.1)),
        ("clustered, 1 firm of 70 and 10 of 3, ρ = 0.1", 5, 100, _effective(100, 70 * 70 + 10 * 9, 0.1)),
        ("whole firms, 10 of 10", 5, 100, _effective(100, 1_000, 1.0)),
        ("shares, ρ_m = 0.15, of 200 members 180 known, N₂ = 2,600", 54, 180, _share(180, 200, 2_600, 0.15)),
    )
    rows = []
    for name, numerator, denominator, effective in cases:
        low, high = wilson(np.array([numerator]), np.array([denominator]), np.array([effective]))
        rows.append((name, f"{numerator} / {denominator}", f"{effective:.4f}", f"[{low[0]:.6f}, {high[0]:.6f}]"))
    return table(("interval", "ratio", "effective denominator", "95 %"), rows)


def _effective(headcount: float, squared: float, correlation: float) -> float:
    return float(effective_headcount(np.array([headcount]), np.array([squared]), correlation)[0])


def _share(denominator: int, whole: int, squared: int, correlation: float) -> float:
    return float(effective_share(np.array([denominator]), np.array([whole]), np.array([squared]), correlation)[0])


def together_table() -> str:
    """Return the interval of the demonstration's coverage, firms taken for independent and as organised together."""
    firms, organised, squares = 268, 125, 785
    rows = []
    for name, effective in (("independent", float(firms)), ("organised together", firms * organised / squares)):
        low, high = wilson(np.array([organised]), np.array([firms]), np.array([effective]))
        share = f"{organised} / {firms} = {organised / firms:.4f}"
        rows.append((name, f"{effective:.4f}", share, f"[{low[0]:.6f}, {high[0]:.6f}]"))
    return table(("firms taken for", "n", "organised", "95 %"), rows)


def standardisation_table() -> str:
    """Return a place of three industries, one of which is nowhere else, compared with its own mix of industries."""
    own = np.array([[30, 1_000, 20_000], [10, 500, 9_000], [2, 10, 40]], np.int64)
    elsewhere = np.array([[600, 10_000, 200_000], [400, 4_000, 90_000], [0, 0, 0]], np.int64)
    row, scope = own[None], own + elsewhere
    found = adjusted(
        np.arange(1), Matched(row[..., 0], row[..., 1], row[..., 2], np.zeros((1, 3), np.int64)),
        Matched(scope[:, 0], scope[:, 1], scope[:, 2], np.zeros(3, np.int64)), 0.1, alpha=0.05, margin=Decimal("0.8"),
    )  # fmt: skip
    rows = [
        (name, f"{m:,} of {h:,}", f"{m2:,} of {h2:,}", f"{h * m2 / h2:.1f}" if h2 else "cannot be compared")
        for name, (m, h, _), (m2, h2, _) in zip("ABC", own.tolist(), elsewhere.tolist(), strict=True)
    ]
    one = {name: float(column[0]) for name, column in found.columns.items()}
    told = (
        f"O/E = 40 / {one['members_expected']:.0f} = {one['standardised_ratio']:.4f} "
        f"[{one['standardised_ratio_low']:.4f}, {one['standardised_ratio_high']:.4f}], n_t = {one['n_eff']:.1f}, "
        f"p = {one['p']:.3g}, p_margin = {one['p_margin']:.3g}: `{CLASSES[int(one['class'])]}`, "
        f"{one['shortfall']:.0f} members short; headcount not compared {one['headcount_uncompared']:.0f}.\n"
    )
    return table(("industry", "here", "elsewhere", "expected"), rows) + "\n" + told


def correlation_line() -> str:
    """Return the correlation of two strata of three and four firms."""
    firms = ((0, 2, 0), (3, 4, 0), (1, 6, 0), (0, 1, 1), (4, 5, 1), (1, 10, 1), (2, 4, 1))
    members, headcount, stratum = (np.array(column, np.int64) for column in zip(*firms, strict=True))
    found = estimate(members, headcount, stratum)
    return (
        f"ρ = 268950/718273 = {268950 / 718273:.6f}, used as {found.value}: with fewer than 500 members at least 0.1.\n"
    )


def p_value_table() -> str:
    """Return the p-values of a few ratios against a reference."""
    cases = ((0.04, 300.0, 0.08), (0.0, 300.0, 0.08), (0.14, 300.0, 0.08), (0.04, 250 * 2000 / 2250, 0.08))
    ratios, sizes, references = (np.array(column) for column in zip(*cases, strict=True))
    rows = (
        (f"{ratio}", f"{size:.4f}", f"{reference}", f"{p:.10g}", f"{p_margin:.10g}")
        for (ratio, size, reference), p, p_margin in zip(
            cases,
            p_values(ratios, references, sizes).tolist(),
            lower_tail(ratios, 0.8 * references, sizes).tolist(),
            strict=True,
        )
    )
    return table(("ratio", "effective employees", "reference", "p", "p_margin (0.8)"), rows)


def kitagawa_table() -> str:
    """Return the account of two industries of which the one with fewer members grows."""
    before, after = np.array([[10, 5], [50, 50]], np.int64), np.array([[9, 7], [30, 70]], np.int64)
    ratios = [float(side[0].sum() / side[1].sum()) for side in (before, after)]
    rate, mix = effects(before, after, sum(ratios) / 2)
    rows = [
        (name, f"{one:+.4f}", f"{other:+.4f}") for name, one, other in zip(("first", "second"), rate, mix, strict=True)
    ]
    total = (f"{ratios[0]:.2f} → {ratios[1]:.2f}", f"{rate.sum():+.4f}", f"{mix.sum():+.4f}")
    return table(("industry", "rate", "mix"), [*rows, total])


WRITERS = {
    "bases": basis_table,
    "measures": measure_table,
    "branch-measures": branch_measure_table,
    "metrics": metric_sections,
    "branch-metrics": branch_metric_sections,
    "intervals": interval_table,
    "organised-together": together_table,
    "correlation": correlation_line,
    "p-values": p_value_table,
    "standardisation": standardisation_table,
    "kitagawa": kitagawa_table,
    "quality-rules": quality_table,
}
"""What writes each generated section."""
