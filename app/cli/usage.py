"""Help and wrong usage in Chinese: the library that reads the command line speaks English alone."""

import inspect
import re
import sys
from typing import Any, NoReturn

import typer
from rich import _wrap
from typer import rich_utils
from typer.exceptions import TyperException
from typer.main import get_command

from app.cli.words import tell
from app.messages import Message, say

_CHINESE = re.compile(r"[\u4e00-\u9fff]")

_WORD = re.compile(r"\s*(?:[\u2e80-\uffef][、。，：；！？）”》]*|[^\s\u2e80-\uffef]+)\s*")
"""What stays on one line: a Chinese character with what closes after it, or all before the next one or a space."""

_USAGE = "Usage: "

_HEADINGS = {
    "ARGUMENTS_PANEL_TITLE": say("Arguments"),
    "OPTIONS_PANEL_TITLE": say("Options"),
    "COMMANDS_PANEL_TITLE": say("Commands"),
    "DEFAULT_STRING": say("[default: {}]"),
    "REQUIRED_LONG_STRING": say("[required]"),
}
"""The library's own constants for the parts of a help text."""


def run_in_chinese(cli: typer.Typer) -> NoReturn:
    """Run a command with help and wrong usage in Chinese; exits with the same codes as in English."""
    _wrap.re_word = _WORD  # the library breaks lines at spaces alone, and cuts what is longer
    for name, heading in _HEADINGS.items():
        setattr(rich_utils, name, chinese(heading.template))
    command: Any = get_command(cli)
    _translate(command)
    try:
        sys.exit(command(standalone_mode=False) or 0)
    except typer.Abort:
        sys.exit(1)
    except TyperException as error:
        _tell(error)
        sys.exit(error.exit_code)


def chinese(text: str) -> str:
    """Return the Chinese of a text of help, which may have braces of its own."""
    return Message(inspect.cleandoc(text)).translated


def _translate(command: Any) -> None:
    """Put the help of a command, its parameters and its subcommands into Chinese."""
    context = typer.Context(command)
    get_usage = command.get_usage
    command.get_usage = lambda ctx: get_usage(ctx).replace(_USAGE, chinese(_USAGE.strip()))
    for part in (command, *command.get_params(context)):
        if getattr(part, "help", None):
            part.help = chinese(part.help)
    for subcommand in getattr(command, "commands", {}).values():
        _translate(subcommand)


def _tell(error: Any) -> None:
    """Print what is wrong with a command line; the library's own English is left out."""
    if type(error).__name__ == "NoArgsIsHelpError":
        error.show()
        return
    tell(_message(error), err=True)
    context = getattr(error, "ctx", None)
    if context is not None:
        tell("For help: {command} --help", err=True, command=context.command_path)


def _message(error: Any) -> Message:
    kind, name = type(error).__name__, _name(error)
    if kind == "MissingParameter":
        return say("{name} is missing", name=name)
    if kind == "NoSuchOption":
        return say("there is no {option}", option=error.option_name)
    if _CHINESE.search(error.message):
        return say("{place}: {message}", place=name, message=error.message) if name else say(error.message)
    if choices := getattr(getattr(getattr(error, "param", None), "type", None), "choices", None):
        values = ", ".join(str(getattr(choice, "value", choice)) for choice in choices)
        return say("{name} must be one of {choices}", name=name, choices=values)
    if kind == "BadParameter" and name:
        return say("{name} is not valid", name=name)
    return say("The command cannot be read")


def _name(error: Any) -> str:
    """Return the option or argument that an error is about; empty where it is about none."""
    param = getattr(error, "param", None)
    hint = getattr(error, "param_hint", None)
    if hint:
        return hint if isinstance(hint, str) else ", ".join(hint)
    if param is None:
        return ""
    return str(param.opts[0]) if param.param_type_name == "option" else str(param.human_readable_name).upper()


def usage_texts(cli: typer.Typer) -> set[str]:
    """Return all texts of help: what must have its Chinese."""
    return {_USAGE.strip(), *(heading.template for heading in _HEADINGS.values()), *_texts(get_command(cli))}


def _texts(command: Any) -> set[str]:
    parts = (command, *command.get_params(typer.Context(command)))
    own = {inspect.cleandoc(part.help) for part in parts if getattr(part, "help", None)}
    return own.union(*(_texts(subcommand) for subcommand in getattr(command, "commands", {}).values()))
