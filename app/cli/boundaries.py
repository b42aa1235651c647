"""`boundaries`: boundaries of districts, for maps."""

from pathlib import Path
from typing import Annotated

import typer

from app.cli.registry import require_registry
from app.cli.running import write_audit_record
from app.cli.words import tell
from app.config import Settings


def import_boundaries(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="GeoJSON, WGS 84, at most 20 MB.")],
    *,
    ignore_unknown: Annotated[
        bool, typer.Option("--ignore-unknown", help="Leave out features whose code is that of no district.")
    ] = False,
) -> None:
    """Keep the boundaries of districts for maps (`districts.geojson`), in place of those that were there.

    A FeatureCollection of Polygons and MultiPolygons whose property `code` or `id` is the code of a district; without
    features it removes all.
    """
    from app.imports.boundaries import check_boundaries, district_codes  # noqa: PLC0415 - loaded when it runs
    from app.store.boundaries import write_boundaries  # noqa: PLC0415 - as above

    settings = Settings()
    require_registry(settings)
    checked = check_boundaries(file, district_codes(settings.registry_url), ignore_unknown=ignore_unknown)
    write_boundaries(settings.boundaries_path, checked.content)
    write_audit_record(settings, "replace_boundaries", checked.districts)
    tell(
        "Boundaries of {districts:,} districts, {left_out:,} features left out.",
        districts=checked.districts,
        left_out=checked.left_out,
    )
