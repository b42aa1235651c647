"""Every operation of the document, asked by everybody under every setting: each gets the right answer, and no other.

What is right is derived in `tests.access.rules` from a few rules, apart from the service.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import httpx
import pytest

from tests.access.callers import CALLERS, KEYED, NOBODY, Caller, answered
from tests.access.conftest import MODES, Served
from tests.access.operations import ASKED, needed_right
from tests.access.places import MEMBER, NAMES
from tests.access.rules import BRINGS, WITHOUT_KEY, Ask, Due, due
from tests.document import DOCUMENT, resolved
from tests.lengths import some

pytestmark = pytest.mark.anyio

POLICIES = {"exact": "none", "public": "rounded-enterprises"}
CACHING = {
    "exact": "private, no-cache",
    "public": "public, max-age=0, s-maxage=5, stale-while-revalidate=60, stale-if-error=86400",
}

NAME = re.compile("|".join(re.escape(name) for name in NAMES.values()))


@dataclass(frozen=True)
class Operation:
    """An operation as the document has it."""

    method: str
    path: str
    described: Mapping[str, Any]

    def choices(self, name: str) -> list[str]:
        """All values of a parameter of the path that is a choice."""
        parameters = [resolved(_DOCUMENT, one) for one in self.described["parameters"]]
        [schema] = [one["schema"] for one in parameters if one["name"] == name]
        return list(resolved(_DOCUMENT, schema)["enum"])

    def has(self, path: str) -> bool:
        """Say whether this operation answers at a path."""
        form = re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(self.path))
        return re.fullmatch(form, path.partition("?")[0]) is not None


_DOCUMENT = json.loads(DOCUMENT.read_bytes())

OPERATIONS = {
    described["operationId"]: Operation(method.upper(), path, described)
    for path, methods in _DOCUMENT["paths"].items()
    for method, described in methods.items()
}


@pytest.mark.parametrize("name", some(OPERATIONS))
async def test_everybody_gets_the_right_answer_when_asking(
    name: str, served: Served, services: dict[str, httpx.AsyncClient], ids: dict[str, str]
) -> None:
    assert name in ASKED, f"tests/access/operations.py does not say how {name} is asked"
    operation = OPERATIONS[name]
    needed = needed_right(operation.method, operation.path)
    wrong = []
    for place, ask in enumerate(expanded(ASKED[name], operation, ids)):
        assert (ask.method, operation.has(ask.path)) == (operation.method, True), f"{ask.path} is not {name}"
        everybody = [
            (mode, caller)
            for mode in (MODES if ask.only is None else (ask.only,))
            for caller in (CALLERS if place == 0 else (NOBODY, *KEYED))
        ]
        for (mode, caller), answer in zip(everybody, await answers(services, served, ask, everybody), strict=True):
            right = due(needed, ask, caller, mode)
            told = [*differences(answer, right, served), *leaks(answer, right)]
            wrong += [f"{mode}, {caller.name}: {ask.method} {ask.path}: {one}" for one in told]
    assert not wrong, "\n".join([f"{len(wrong)} wrong answers", *wrong[:60]])


def test_only_operations_that_there_are_stand_in_the_matrix() -> None:
    assert set(ASKED) <= set(OPERATIONS)


def expanded(asks: tuple[Ask, ...], operation: Operation, ids: Mapping[str, str]) -> Iterator[Ask]:
    """Yield the requests with ids in their places, one for each choice of a parameter that is left open."""
    for ask in asks:
        path = re.sub(r"\{(\w+)\}", lambda found: ids.get(found[1], found[0]), ask.path)
        left = re.findall(r"\{(\w+)\}", path)
        for choice in operation.choices(left[0]) if left else [""]:
            yield replace(ask, path=re.sub(r"\{\w+\}", choice, path), named=ask.path)


async def answers(
    services: dict[str, httpx.AsyncClient], served: Served, ask: Ask, everybody: Sequence[tuple[str, Caller]]
) -> list[httpx.Response]:
    """Send a request for everybody, in turn where it changes something."""
    sent = [(caller, asked(services[mode], served, ask, caller, mode)) for mode, caller in everybody]
    return await answered(sent) if ask.method == "GET" else [await one for _, one in sent]


async def asked(client: httpx.AsyncClient, served: Served, ask: Ask, caller: Caller, mode: str) -> httpx.Response:
    """Send a request, having put there what it needs."""
    may_write = "write" in BRINGS[caller.right or WITHOUT_KEY[mode]]
    if ask.before is not None and may_write:
        put = await client.put(ask.path, json=ask.before, headers=served.headers("admin"))
        assert put.status_code in {200, 201}, put.text
    return await client.request(
        ask.method, ask.path, json=ask.body, content=ask.content, headers=served.headers(caller.name)
    )


def differences(answer: httpx.Response, right: Due, served: Served) -> Iterator[str]:
    """Yield in what an answer is not the right one."""
    if answer.status_code not in right.statuses:
        yield f"{answer.status_code} instead of {sorted(right.statuses)}: {answer.text[:200]}"
    if answer.status_code != 200 or right.tier is None:
        return
    caching = answer.headers.get("cache-control")
    if caching != CACHING[right.tier]:
        yield f"kept by {caching!r} instead of {CACHING[right.tier]!r}"
    if answer.headers["content-type"] == "application/json" and "meta" in answer.json():
        meta = answer.json()["meta"]
        told = (meta["disclosure"]["policy"], meta["snapshot"])
        if told != (POLICIES[right.tier], served.snapshots[right.tier]):
            yield f"{told} instead of figures of tier {right.tier}"


def leaks(answer: httpx.Response, right: Due) -> Iterator[str]:
    """Yield what an answer names that it may not."""
    content = answer.content.decode(errors="replace")
    named = {name.removeprefix("示例") for name in NAME.findall(content)} - right.firms
    if named:
        yield f"names {sorted(named)}"
    if MEMBER in content:
        yield "holds the ref of a member"
