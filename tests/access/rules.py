"""The rules of access in plain words and few lines, apart from the service: who gets which answer.

Each family of questions has one rule. Keys first: what is no good key is refused everywhere, and whoever lacks the
right is refused before anything is looked at.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from tests.access.callers import SENDER, Caller
from tests.access.places import BRANCHES, ENTERPRISES, is_within

BRINGS = {
    "open": {"open"},
    "read": {"open", "read"},
    "write": {"open", "read", "write"},
    "release": {"open", "read", "release"},
    "admin": {"open", "read", "write", "release", "admin"},
}
"""What each right brings."""

WITHOUT_KEY = {"none": "open", "public": "read", "exact": "admin"}
"""What right somebody has without a key, by `ANONYMOUS`."""

FIRMS = ENTERPRISES | BRANCHES

Body = dict[str, Any]


class Kind(StrEnum):
    """What a question is about, which says by what rule it is answered."""

    FIGURES = "statistics"
    ONE = "one enterprise or branch"
    FIRM_LIST = "enterprises, branches and files of the registry"
    DISTRICT = "one district of the registry"
    CODE_LIST = "districts, industries and groups of the registry"
    SNAPSHOT = "snapshots"
    TREE_CHANGE = "a change of a tree, a group or of everything"
    FIRM_CHANGE = "a change of an enterprise or branch"
    JOB = "a job"
    SAME = "whatever all who may ask are answered alike"


@dataclass(frozen=True)
class Ask:
    """A request, and what it is about.

    Parameters
    ----------
    kind
        By which rule it is answered.
    path
        With `{exact}`, `{public}`, `{job}`, `{other_job}` and `{key}` where ids stand that the tests make; with the
        name of a parameter, as `{format}`, where all its choices are asked.
    places
        The districts that it is about; empty: everything. A null one is nowhere.
    public
        Whether protected figures or lists of codes answer it.
    done
        Status of the answer to whoever may ask.
    unknown
        Whether it names a district that is not there, which everybody may be told.
    tier
        The tier whose snapshots alone hold what it names; null: both do.
    method, body, content
        As they are sent.
    before
        What is put at the path before; null: nothing.
    only
        The one setting of `ANONYMOUS` under which it is asked; null: all.
    named
        The path with its names, once ids stand in it.
    """

    kind: Kind
    path: str
    places: tuple[str | None, ...] = ()
    public: bool = False
    done: int = 200
    unknown: bool = False
    tier: str | None = None
    method: str = "GET"
    body: Body | None = None
    content: bytes | None = None
    before: Body | None = None
    only: str | None = None
    named: str = ""


@dataclass(frozen=True)
class Due:
    """The right answer.

    Parameters
    ----------
    statuses
        Those that are right: one, but where the rules say only that it is refused.
    tier
        Of the figures; null: there are none.
    firms
        Codes of the enterprises and branches that it may name.
    """

    statuses: frozenset[int]
    tier: str | None = None
    firms: frozenset[str] = field(default=frozenset())


def due(needed: str, ask: Ask, caller: Caller, anonymous: str) -> Due:
    """Return the right answer to a caller where this much is answered without a key."""
    if not caller.good:
        return _status(401)
    held = caller.right or WITHOUT_KEY[anonymous]
    if needed not in BRINGS[held]:
        return _status(401 if caller.right is None and anonymous == "none" else 403)
    return _RULES[ask.kind](ask, caller, anonymous)


def _figures(ask: Ask, caller: Caller, anonymous: str) -> Due:
    if ask.unknown and caller.right:
        return _status(ask.done)
    if _sees_all(caller, anonymous) or (ask.places and _all_inside(ask, caller)):
        return Due(frozenset({ask.done}), "exact", _firms_of(ask.places))
    if anonymous == "none":
        return _status(403)
    if anonymous == "exact":
        return Due(frozenset({ask.done}), "exact", _firms_of(ask.places))
    return Due(frozenset({ask.done if ask.public else 403}), "public")


def _snapshot(ask: Ask, caller: Caller, anonymous: str) -> Due:
    tier = "exact" if _sees_all(caller, anonymous) else {"none": None, "public": "public", "exact": "exact"}[anonymous]
    if tier is None:
        return _status(403)
    return _status(404 if ask.tier not in {None, tier} else ask.done)


def _one(ask: Ask, caller: Caller, anonymous: str) -> Due:
    if _sees_only_codes(caller, anonymous):
        return _status(403)
    if _sees_all(caller, anonymous) or _all_inside(ask, caller):
        return Due(frozenset({ask.done}), "exact", _firms_of(ask.places))
    return _status(404)


def _firm_list(ask: Ask, caller: Caller, anonymous: str) -> Due:
    if _sees_only_codes(caller, anonymous):
        return _status(403)
    if _sees_all(caller, anonymous):
        return Due(frozenset({ask.done}), None, frozenset(FIRMS))
    if not _all_inside(ask, caller):  # below a branch that is as good as not there
        return _status(422)
    return Due(frozenset({ask.done}), None, _firms_of(caller.scope or ()))


def _code_list(ask: Ask, caller: Caller, anonymous: str) -> Due:
    return _status(403 if _sees_only_codes(caller, anonymous) and not ask.public else ask.done)


def _district(ask: Ask, caller: Caller, anonymous: str) -> Due:
    if _sees_only_codes(caller, anonymous) or _sees_all(caller, anonymous) or _all_inside(ask, caller):
        return _status(ask.done)
    return _status(404)


def _tree_change(ask: Ask, caller: Caller, anonymous: str) -> Due:
    return _status(ask.done if _sees_all(caller, anonymous) else 403)


def _firm_change(ask: Ask, caller: Caller, anonymous: str) -> Due:
    if _sees_all(caller, anonymous) or _all_inside(ask, caller):
        return Due(frozenset({ask.done}), None, frozenset(FIRMS))
    return Due(frozenset({403, 404, 422}) if ask.method == "PUT" else frozenset({404}))


def _job(ask: Ask, caller: Caller, anonymous: str) -> Due:
    own = caller.name == SENDER and "{job}" in ask.named
    return _status(ask.done if own or _sees_all(caller, anonymous) else 404)


def _same_for_all(ask: Ask, _caller: Caller, _anonymous: str) -> Due:
    return _status(ask.done)


_RULES: dict[Kind, Callable[[Ask, Caller, str], Due]] = {
    Kind.SAME: _same_for_all,
    Kind.FIGURES: _figures,
    Kind.ONE: _one,
    Kind.FIRM_LIST: _firm_list,
    Kind.DISTRICT: _district,
    Kind.CODE_LIST: _code_list,
    Kind.SNAPSHOT: _snapshot,
    Kind.TREE_CHANGE: _tree_change,
    Kind.FIRM_CHANGE: _firm_change,
    Kind.JOB: _job,
}


def _sees_all(caller: Caller, anonymous: str) -> bool:
    return caller.scope is None if caller.right else anonymous == "exact"


def _sees_only_codes(caller: Caller, anonymous: str) -> bool:
    return caller.right is None and anonymous == "public"


def _all_inside(ask: Ask, caller: Caller) -> bool:
    return caller.scope is not None and all(is_within(place, caller.scope) for place in ask.places)


def _firms_of(places: Collection[str | None]) -> frozenset[str]:
    tops = frozenset(place for place in places if place is not None)
    return frozenset(code for code, place in FIRMS.items() if not places or place in places or is_within(place, tops))


def _status(status: int) -> Due:
    return Due(frozenset({status}))
