"""`export-openapi`: the OpenAPI document, as committed."""

from pathlib import Path
from typing import Annotated

import typer


def export_openapi(
    file: Annotated[Path, typer.Argument(dir_okay=False, help="Where the JSON goes.")] = Path("docs/openapi.json"),
) -> None:
    """Write the OpenAPI document."""
    import json  # noqa: PLC0415 - loaded when it runs

    from app.api.document import document_of  # noqa: PLC0415 - as above
    from app.config import Settings  # noqa: PLC0415 - as above
    from app.main import create_app  # noqa: PLC0415 - as above

    document = document_of(create_app(Settings()))
    file.write_text(json.dumps(document, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    typer.echo(f"OpenAPI document written to {file}")
