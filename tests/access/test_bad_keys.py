"""What is no good key is refused everywhere, alike, and whoever lacks a right before anything of theirs is read."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from app.api.http.problems import Problem
from tests.access.conftest import MODES, Served
from tests.access.test_matrix import OPERATIONS
from tests.lengths import some

pytestmark = pytest.mark.anyio

ADDRESSES = ("/healthz", "/docs", "/docs/swagger-ui.css", "/openapi.json", "/v1/catalogue", "/v1/districts", "/nowhere")
"""Open, in the document and not, in need of a right, and not there at all."""

LIMITED = ("/v1/statistics/districts", "/v1/enterprises/E-huli", "/v1/exports/branches.csv", "/v1/keys")
"""For some only."""

WRONG = {
    "empty": b"",
    "scheme alone": b"Bearer",
    "no token": b"Bearer ",
    "another scheme": b"Basic %b",
    "no scheme": b"%b",
    "scheme as part of a word": b"Bearer%b",
    "too long": b"Bearer %b0",
    "too short": b"Bearer %.100b",
    "upper case": b"Bearer OC%b",
    "two tokens": b"Bearer %b %b",
    "listed twice": b"Bearer %b, Bearer %b",
    "quoted": b'Bearer "%b"',
    "with a line after it": b"Bearer %b\xc2\x85",
    "in digits of another script": "Bearer oc_{}_{}".format("٠" * 16, "٠" * 64).encode(),
    "not text": b"Bearer \xff\xfe",
}
"""Headers made of a good token."""

WITH_BODY = [name for name, operation in OPERATIONS.items() if "requestBody" in operation.described]


def refusal(answer: httpx.Response) -> tuple[int, str | None, dict[str, object]]:
    """What an answer tells, but for the request that it answers."""
    told = Problem.model_validate_json(answer.content).model_dump()
    return answer.status_code, answer.headers.get("www-authenticate"), told | {"instance": "", "request_id": ""}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("wrong", WRONG)
async def test_anything_but_a_good_key_is_refused_alike_wherever_it_is_sent(
    served: Served, services: dict[str, httpx.AsyncClient], mode: str, wrong: str
) -> None:
    token = served.tokens["admin"].encode()
    header = WRONG[wrong].replace(b"OC%b", token.upper()).replace(b"%.100b", token[:-1]).replace(b"%b", token)
    unknown = refusal(await services[mode].get("/healthz", headers=served.headers("unknown")))
    assert unknown[:2] == (401, "Bearer")
    sent = [services[mode].get(address, headers={b"Authorization": header}) for address in ADDRESSES]
    for address, answer in zip(ADDRESSES, await asyncio.gather(*sent), strict=True):
        assert refusal(answer) == unknown, (address, answer.text)


@pytest.mark.parametrize("caller", some(["wrong secret", "expired", "revoked", "malformed"]))
async def test_refusal_does_not_tell_what_is_wrong_with_a_key(
    served: Served, services: dict[str, httpx.AsyncClient], caller: str
) -> None:
    sent = [
        services["exact"].get(address, headers=served.headers(one))
        for address in ADDRESSES
        for one in (caller, "unknown")
    ]
    told = list(map(refusal, await asyncio.gather(*sent)))
    assert told[::2] == told[1::2]


async def test_key_is_refused_when_it_is_sent_twice(served: Served, services: dict[str, httpx.AsyncClient]) -> None:
    header = ("Authorization", served.headers("admin")["Authorization"])
    assert (await services["none"].get("/v1/districts", headers=[header])).status_code == 200
    assert (await services["none"].get("/v1/districts", headers=[header, header])).status_code == 401


@pytest.mark.parametrize("form", ["bearer {}", "BEARER {}", "Bearer  {}", "Bearer {} "])
async def test_key_is_taken_in_every_form_that_http_allows(
    served: Served, services: dict[str, httpx.AsyncClient], form: str
) -> None:
    answer = await services["none"].get("/v1/keys", headers={"Authorization": form.format(served.tokens["admin"])})
    assert answer.status_code == 200


async def test_key_is_taken_from_nowhere_else(served: Served, services: dict[str, httpx.AsyncClient]) -> None:
    token = served.tokens["admin"]
    for query in ("access_token", "key", "api_key", "token"):
        assert (await services["none"].get(f"/v1/districts?{query}={token}")).status_code == 401
    for name in ("X-API-Key", "Proxy-Authorization", "Cookie"):
        assert (await services["none"].get("/v1/districts", headers={name: f"Bearer {token}"})).status_code == 401


@pytest.mark.parametrize("name", WITH_BODY)
async def test_body_is_not_read_when_the_right_is_missing(
    served: Served, services: dict[str, httpx.AsyncClient], name: str
) -> None:
    operation = OPERATIONS[name]
    for mode, caller, status in (("none", "no key", 401), ("public", "no key", 403), ("none", "reader", 403)):
        read: list[bytes] = []
        for body in (b'{"name": ', b'{"unknown": 1}', b"", noted(read)):
            answer = await services[mode].request(
                operation.method,
                operation.path.replace("{code}", "spare"),
                headers={"Content-Type": "application/json", **served.headers(caller)},
                content=body,
            )
            assert (answer.status_code, read) == (status, []), (mode, caller, answer.text)


async def noted(read: list[bytes]) -> AsyncIterator[bytes]:
    """A body that tells when somebody begins to read it."""
    read.append(b"{")
    yield b"{"


async def test_head_is_answered_as_get(served: Served, services: dict[str, httpx.AsyncClient]) -> None:
    for mode in MODES:
        for caller in ("no key", "reader of Siming", "writer", "admin", "revoked"):
            for address in (*ADDRESSES, *LIMITED):
                got, head = [
                    await services[mode].request(method, address, headers=served.headers(caller))
                    for method in ("GET", "HEAD")
                ]
                assert (head.status_code, head.content) == (got.status_code, b""), (mode, caller, address)
