"""Markdown files of the repository: fenced blocks, tables, sections that are generated."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SECTION = re.compile(r"(<!-- ([\w-]+): generated, [^>]* -->\n)(.*?)(<!-- end of \2 -->)", re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its text, and the text of the block after it where that shows what it gave."""

    language: str
    text: str
    shown: "Block | None" = None


def read(name: str) -> str:
    """Return the text of a file of the repository."""
    return (ROOT / name).read_text(encoding="utf-8")


def blocks(text: str) -> list[Block]:
    """Return the fenced blocks of a text."""
    return [Block(match[1], match[2]) for match in _FENCE.finditer(text)]


def commands(text: str) -> Iterator[Block]:
    """Yield the blocks of commands (`sh`), each with the block of another language that follows before the next."""
    found = blocks(text)
    for block, following in zip(found, [*found[1:], None], strict=True):
        if block.language == "sh":
            shown = following if following is not None and following.language not in {"sh", "python"} else None
            yield Block(block.language, block.text, shown)


def chapter(text: str, title: str) -> str:
    """Return the part of a text below a heading of the second level."""
    return text.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; a bar in a cell is escaped."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


def generated_sections(text: str) -> dict[str, str]:
    """Return the text of each generated section by its name."""
    return {match[2]: match[3] for match in _SECTION.finditer(text)}


def with_sections(text: str, sections: dict[str, str]) -> str:
    """Return the text with its generated sections written anew."""
    return _SECTION.sub(lambda match: f"{match[1]}{sections[match[2]]}{match[4]}", text)
