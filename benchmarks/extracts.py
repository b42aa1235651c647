"""Writes the extract of a generated registry, without a database: `python -m benchmarks.extracts FOLDER`."""

from pathlib import Path

import typer

from app.demo.generated.extracts import write_generated_extract
from benchmarks.measuring import measured, show


def main(folder: Path, members: int = 1_000_000) -> None:
    """Write it, and show what that cost."""
    run = measured(lambda: write_generated_extract(folder, members))
    size = sum(path.stat().st_size for path in folder.iterdir())
    show("extract: members", members, "members")
    show("extract: CPU time", run.cpu, "s")
    show("extract: peak memory of the process", run.peak, "MiB")
    show("extract: size", size / 1024**2, "MiB")


if __name__ == "__main__":
    typer.run(main)
