"""The code lists of a snapshot: its districts, industries and groups, searched and paged like the registry's."""

from collections.abc import Iterator
from dataclasses import dataclass

import msgspec
import numpy as np

from app.errors import ErrorCode, ErrorItem
from app.messages import say
from app.publication.subjects import IndustryGroup, TreeNode, subject_part
from app.statistics.aggregates import SubjectNotFound, tree_of
from app.statistics.population import node_of
from app.statistics.question import Subject
from app.store.snapshot import Snapshot


@dataclass(frozen=True)
class Search:
    """Which codes to list, and which page of the list.

    Parameters
    ----------
    q
        Part of the code or of a name, ignoring the case of ASCII letters; null: all.
    parent, level
        Of the node; null: any.
    after
        Code after which the page begins; null: the first page.
    limit
        Most rows per page.
    """

    q: str | None = None
    parent: str | None = None
    level: str | None = None
    after: str | None = None
    limit: int = 100


def search_codes(snapshot: Snapshot, subject: Subject, search: Search) -> tuple[list[TreeNode | IndustryGroup], bool]:
    """Return a page of a code list, sorted by code (UTF-8 bytes), and whether more rows follow.

    Raises
    ------
    InvalidRequest
        `parent` is not a code of the snapshot.
    """
    if search.parent is not None:
        node_of(tree_of(snapshot, subject), search.parent, "parent")
    found = sorted(
        (entry for entry in _entries(snapshot, subject) if _matches(entry, search)),
        key=lambda entry: entry.code.encode(),
    )
    return found[: search.limit], len(found) > search.limit


def find_code(snapshot: Snapshot, subject: Subject, code: str) -> TreeNode | IndustryGroup:
    """Return one entry of a code list.

    Raises
    ------
    SubjectNotFound
        There is no such code.
    """
    for entry in _entries(snapshot, subject):
        if entry.code == code:
            return entry
    message = say("There is no {code!r} in snapshot {snapshot}.", code=code, snapshot=snapshot.manifest.id)
    raise SubjectNotFound(message, [ErrorItem(ErrorCode.NOT_FOUND, "path/code", message)])


def _entries(snapshot: Snapshot, subject: Subject) -> Iterator[TreeNode | IndustryGroup]:
    count = len(snapshot.groups) if subject is Subject.INDUSTRY_GROUPS else len(tree_of(snapshot, subject).codes)
    for entry in subject_part(snapshot, subject).describe(np.arange(count)):
        if isinstance(entry, TreeNode | IndustryGroup):
            yield entry


def _matches(entry: TreeNode | IndustryGroup, search: Search) -> bool:
    if search.after is not None and entry.code.encode() <= search.after.encode():
        return False
    fields = msgspec.structs.asdict(entry)
    if search.parent is not None and fields["parent_code"] != search.parent:
        return False
    if search.level is not None and fields["level"] != search.level:
        return False
    searched = (entry.code, entry.name_zh, entry.name_en or "")
    return search.q is None or any(_lower(search.q) in _lower(text) for text in searched)


def _lower(text: str) -> str:
    """Return a text with its ASCII letters in lower case."""
    return "".join(letter.lower() if letter.isascii() else letter for letter in text)
