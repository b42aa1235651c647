"""`extract`: what a build reads, written for a build elsewhere."""

from typing import Annotated

import typer

from app.cli.registry import require_registry
from app.cli.running import show_progress, write_audit_record
from app.cli.words import tell
from app.config import Settings
from app.messages import say


def extract(
    to: Annotated[
        str,
        typer.Option(
            metavar="URL",
            help="Folder, or object store (`s3://bucket/prefix` …); an extract that is there already is replaced.",
        ),
    ],
) -> None:
    """Write what a build reads, members' refs included, for `snapshot build --from`."""
    from app.snapshots.shared_extracts import write_extract  # noqa: PLC0415 - loaded when it runs

    settings = Settings()
    require_registry(settings)
    with show_progress(say("Extract")) as report:
        manifest = write_extract(settings, to, report)
    write_audit_record(settings, "extract", revision=str(manifest.revision))
    members = sum(file.rows for file in manifest.tables["member"])
    tell("{url}: revision {revision}, {members:,} members", url=to, revision=manifest.revision, members=members)
