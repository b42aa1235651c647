"""Manifests of exact and of protected snapshots."""

from collections.abc import Mapping

from app.catalogue.analyses import ANALYSES, Analysis
from app.catalogue.dimensions import ATTRIBUTES, BASES
from app.catalogue.measures import MEASURES
from app.catalogue.metrics import METRICS
from app.catalogue.vocabulary import Basis, DistrictLevel, IndustryLevel
from app.config import Settings
from app.snapshots.facts import Parameters
from app.snapshots.placement import DIVISION, LEAST_HEADCOUNT, STREET
from app.snapshots.rounding import WIDTH, fingerprint
from app.store.format import FORMAT_VERSION
from app.store.manifest import (
    UNDISCLOSED,
    BuildSettings,
    Capabilities,
    Correlation,
    Disclosure,
    Manifest,
    TableInfo,
    snapshot_id,
)

ROUNDED = Disclosure(policy="rounded-enterprises", version=1, b=WIDTH, hmin=LEAST_HEADCOUNT)
"""The protection of persons; the version is raised whenever the same registry would give other figures."""


def exact_manifest(
    settings: Settings, parameters: Parameters, tables: Mapping[str, TableInfo], correlation: tuple[Correlation, str]
) -> Manifest:
    """Return the manifest of an exact snapshot; `built_at` is set when it is published.

    Parameters
    ----------
    settings
        Settings of the build.
    parameters
        Parameters of the rules, the member source resolved.
    tables
        Rows and checksum of each table.
    correlation
        The intra-enterprise correlation and its source.
    """
    build_settings = BuildSettings(member_source=settings.member_source, **vars(settings.thresholds))
    return Manifest(
        id=snapshot_id(parameters.as_of, build_settings, tables),
        format_version=FORMAT_VERSION,
        as_of=parameters.as_of,
        built_at="",
        settings=build_settings,
        member_source=parameters.member_source,
        intra_enterprise_correlation=correlation[0],
        correlation_source=correlation[1],
        tables=dict(tables),
        capabilities=Capabilities(
            measures=tuple(measure.code for measure in MEASURES),
            metrics=tuple(metric.code for metric in METRICS),
            bases=tuple(basis.value for basis in Basis),
            district_levels=tuple(level.value for level in DistrictLevel),
            industry_levels=tuple(level.value for level in IndustryLevel),
            filters=tuple(dimension.code for dimension in ATTRIBUTES),
            subjects=("districts", "industries", "industry-groups", "enterprises", "branches"),
            analyses=tuple(analysis.value for analysis in Analysis),
        ),
    )


def public_manifest(
    settings: Settings, parameters: Parameters, tables: Mapping[str, TableInfo], key: bytes
) -> Manifest:
    """Return the manifest of a protected snapshot; nothing in it is derived from exact figures.

    Thresholds are the operator's rules, not data. The member source is the resolved one, in the settings too, so that
    the setting is not published and two sources never share an id. The correlation is fixed, since the estimated one is
    exact data.

    Parameters
    ----------
    settings, parameters, tables
        As for an exact one; the tables are the protected ones.
    key
        The rounding key.
    """
    build_settings = BuildSettings(member_source=parameters.member_source, **vars(settings.thresholds))
    return Manifest(
        id=snapshot_id(parameters.as_of, build_settings, tables, ROUNDED),
        format_version=FORMAT_VERSION,
        as_of=parameters.as_of,
        built_at="",
        settings=build_settings,
        member_source=parameters.member_source,
        intra_enterprise_correlation=UNDISCLOSED,
        correlation_source="fixed",
        tables=dict(tables),
        capabilities=Capabilities(
            measures=tuple(measure.code for measure in MEASURES if measure.public),
            metrics=tuple(metric.code for metric in METRICS if metric.public),
            bases=tuple(meaning.code.value for meaning in BASES if meaning.public),
            district_levels=tuple(level.value for level in list(DistrictLevel)[: STREET + 1]),
            industry_levels=tuple(level.value for level in list(IndustryLevel)[: DIVISION + 1]),
            filters=(),
            subjects=("districts", "industries", "industry-groups"),
            analyses=tuple(analysis.value for analysis, meaning in ANALYSES.items() if meaning.is_public),
        ),
        disclosure=ROUNDED,
        rounding_key=fingerprint(key),
    )
