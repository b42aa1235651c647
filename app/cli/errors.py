"""What is said on the terminal of errors, and of settings that are wrong or misspelt."""

import os
from collections.abc import Mapping
from difflib import get_close_matches

import typer
from pydantic import ValidationError

from app.cli.words import tell, told
from app.config import Settings
from app.errors import ErrorItem, ServiceError
from app.messages import say
from app.validation import error_item

_OTHER_NAMES = frozenset({"KEY"})
"""Variables of the prefix that are no settings of the service: the client's."""


def print_error(error: ServiceError) -> None:
    """Print an error of the service with all that is wrong, and what would be right."""
    address = getattr(error, "address", None)
    head = told("{title}: {detail}", title=say(error.title), detail=error.detail)
    typer.echo(head + (f" ({address})" if address else ""), err=True)
    for item in error.errors:
        choices = _choices(item)
        if choices or item.message != error.detail:
            place = _as_option(item.place)
            message = say("{place}: {message}", place=place, message=item.message) if place else item.message
            typer.echo(f"  {told(message)}{choices}", err=True)


def _choices(item: ErrorItem) -> str:
    values = item.allowed or item.suggestions
    return f" ({', '.join(values)})" if values else ""


def _as_option(place: str) -> str:
    """Return a place in a request as a command-line option."""
    kind, _, name = place.partition("/")
    return f"--{name.replace('_', '-')}" if kind == "query" else place


def print_wrong_settings(error: ValidationError) -> None:
    """Print each wrong setting by its environment variable, without its value, which may be a password."""
    prefix = Settings.model_config["env_prefix"]
    for entry in error.errors(include_input=False):
        name = "".join(str(part) for part in entry["loc"][:1]).upper()
        item = error_item(entry)
        said = told("{place}: {message}", place=f"{prefix}{name}", message=item.message)
        typer.echo(f"{said}{_choices(item)}", err=True)


def print_misspelt_settings() -> None:
    """Print the variables of the environment that look like settings and are none."""
    for name, closest in misspelt_settings(os.environ).items():
        if closest:
            message = "{name} is not a setting and has no effect; did you mean {closest}?"
            tell(message, err=True, name=name, closest=closest)
        else:
            tell("{name} is not a setting and has no effect", err=True, name=name)


def misspelt_settings(environment: Mapping[str, str]) -> dict[str, str | None]:
    """Return the variables of the service's prefix that are no setting, each with the setting that is closest."""
    prefix, known = "ORGCOVERAGE_", [name.upper() for name in Settings.model_fields]
    given = {name: name.upper().removeprefix(prefix) for name in environment if name.upper().startswith(prefix)}
    unknown = {name: rest for name, rest in given.items() if rest not in {*known, *_OTHER_NAMES}}
    closest = {name: next(iter(get_close_matches(rest, known, n=1)), None) for name, rest in unknown.items()}
    return {name: found and f"{prefix}{found}" for name, found in closest.items()}
