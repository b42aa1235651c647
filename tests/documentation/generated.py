"""The generated parts of the documentation: `python -m tests.documentation.generated` writes them into the files."""

import json
import textwrap
from collections.abc import Callable, Iterable
from enum import StrEnum
from pathlib import Path
from typing import Literal, get_args, get_origin

from pydantic.fields import FieldInfo

from app.config import Settings
from app.imports.columns import Column, Dataset
from app.imports.datasets import DATASETS
from app.imports.spellings import chinese_titles, chinese_values
from app.imports.tables import table as words_of
from tests.documentation import measured, methodology
from tests.documentation.markdown import ROOT, read, table, with_sections

FILES = ("README.md", "docs/importing.md", "docs/methodology.md", "docs/operations.md", "docs/performance.md")
"""Files with generated sections."""


WIDTH = 120
"""Of a line of text, letters."""


def setting_names() -> str:
    """Return the names of all settings without their prefix, each with its default where it has one."""
    named = (f"`{name.upper()}={_plain(field)}`".replace("=`", "`") for name, field in Settings.model_fields.items())
    return textwrap.fill(", ".join(named) + ".", WIDTH, break_long_words=False, break_on_hyphens=False) + "\n"


def settings_table() -> str:
    """Return all settings: name in the environment, default, meaning."""
    prefix = Settings.model_config["env_prefix"]
    rows = (
        (f"`{prefix}{name.upper()}`", _default(field), f"{field.description}{_choices(field)}")
        for name, field in Settings.model_fields.items()
    )
    return table(("setting", "default", "meaning"), rows)


def _default(field: FieldInfo) -> str:
    value = _plain(field)
    return f"`{value}`" if value else ""


def _plain(field: FieldInfo) -> str:
    """Return a default as the environment would have it; nothing where the setting is empty."""
    value = field.default
    return json.dumps(value) if isinstance(value, tuple | bool) else str("" if value is None else value)


def _choices(field: FieldInfo) -> str:
    if get_origin(field.annotation) is not Literal:
        return ""
    return f" One of {', '.join(f'`{choice}`' for choice in get_args(field.annotation))}."


def dataset_tables() -> str:
    """Return a section per dataset: what a row is, its key, its columns."""
    return "\n".join(_dataset(dataset) for dataset in DATASETS.values())


def _dataset(dataset: Dataset) -> str:
    chinese = chinese_titles(dataset)
    rows = (_column(column, chinese[column.name]) for column in dataset.columns)
    key = ", ".join(f"`{name}`" for name in dataset.key)
    columns = table(("column", "Chinese headers", "holds", "meaning"), rows)
    return f"### {dataset.name}\n\nEach row: {dataset.en} ({dataset.zh}). Key: {key}.\n\n{columns}"


def _column(column: Column, chinese: Iterable[str]) -> tuple[str, ...]:
    name = f"**{column.name}**" if column.required else column.name
    return name, ", ".join(chinese), _holds(column), column.en


def _holds(column: Column) -> str:
    if column.enumeration is not None:
        return f"[{column.enumeration.__name__}](#{column.enumeration.__name__.lower()})"
    if column.refers_to is not None:
        return f"{column.kind} of [{column.refers_to}](#{column.refers_to})"
    return str(column.kind)


def kind_table() -> str:
    """Return what a cell of each kind may hold."""
    rows = (
        (row["kind"], row["en"].replace("One of:", "One of the values below.")) for row in words_of("kind_notes.csv")
    )
    return table(("kind", "a cell holds"), rows)


def value_tables() -> str:
    """Return the values of booleans and of every enumeration of a dataset, in both languages."""
    enumerations = {
        column.enumeration: None
        for dataset in DATASETS.values()
        for column in dataset.columns
        if column.enumeration is not None
    }
    return "\n".join([_booleans(), *(_values(enumeration) for enumeration in enumerations)])


def _booleans() -> str:
    english = {"true": "true, yes, 1", "false": "false, no, 0"}
    rows = ((english[value], ", ".join(words)) for value, words in chinese_values(None).items())
    return f"### boolean\n\n{table(('English', 'Chinese'), rows)}"


def _values(enumeration: type[StrEnum]) -> str:
    chinese = chinese_values(enumeration)
    rows = ((f"`{value}`", ", ".join(chinese[value])) for value in enumeration)
    return f"### {enumeration.__name__}\n\n{table(('value', 'Chinese'), rows)}"


def sections() -> dict[str, str]:
    """Return every generated section by its name."""
    return {name: f"\n{write()}\n" for name, write in _WRITERS.items()}


_WRITERS: dict[str, Callable[[], str]] = {
    "setting-names": setting_names,
    "settings": settings_table,
    "kinds": kind_table,
    "datasets": dataset_tables,
    "values": value_tables,
    **methodology.WRITERS,
    **measured.WRITERS,
}


def main() -> None:
    """Write the generated sections into the files."""
    for name in FILES:
        Path(ROOT / name).write_text(with_sections(read(name), sections()), encoding="utf-8")


if __name__ == "__main__":
    main()
