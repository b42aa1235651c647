"""What commands say, in the language of the terminal."""

import typer

from app.messages import Message, Value, say, terminal_language


def told(message: str | Message, /, **values: Value) -> str:
    """Return a message in the language of the terminal."""
    return say(message, **values).said(terminal_language())


def tell(message: str | Message, /, *, err: bool = False, **values: Value) -> None:
    """Print a message; on standard error if `err`."""
    typer.echo(told(message, **values), err=err)
