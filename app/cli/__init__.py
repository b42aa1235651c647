"""The command line: one module per group of commands; each imports what it needs when it runs."""

from app.cli.commands import cli, main

__all__ = ["cli", "main"]
