"""Whoever asks is answered in Chinese or English, in the same types, codes and rules; nothing of a library's words."""

import re
from typing import Any, get_args

import pytest
from pydantic_core.core_schema import ErrorType
from starlette.testclient import TestClient

from app.api.http.language import language_of
from app.validation import error_item

WRONG = "/v1/statistics/districts?size=3&level=section&limit=0&as_of=today"


def asked(client: TestClient, path: str, header: str | None = None) -> tuple[str, dict[str, Any]]:
    answer = client.get(path, headers={} if header is None else {"Accept-Language": header})
    found: dict[str, Any] = answer.json()
    return answer.headers["content-language"], found


def texts(problem: dict[str, Any]) -> list[str]:
    return [problem["title"], problem["detail"], *(item["message"] for item in problem["errors"])]


@pytest.mark.parametrize(
    ("query", "header", "language"),
    [
        ("", None, "en"),
        ("", "zh", "zh"),
        ("", "zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("", "en-GB,en;q=0.9,zh;q=0.8", "en"),
        ("", "en;q=0.3, zh-Hans;q=0.4", "zh"),
        ("", "fr, zh;q=0", "en"),
        ("", "fr;q=1, *;q=0.5", "en"),
        ("", "zh;q=many", "en"),
        ("lang=zh", "en", "zh"),
        ("lang=en", "zh", "en"),
        ("lang=fr", "zh", "zh"),
    ],
)
def test_the_language_is_the_one_asked_for(query: str, header: str | None, language: str) -> None:
    headers = [] if header is None else [(b"accept-language", header.encode())]
    assert language_of({"type": "http", "query_string": query.encode(), "headers": headers}) == language


def test_problems_differ_in_their_texts_alone(empty_service: TestClient) -> None:
    english = asked(empty_service, WRONG)
    for path, header in ((f"{WRONG}&lang=zh", None), (WRONG, "zh-CN")):
        language, chinese = asked(empty_service, path, header)
        assert (english[0], language) == ("en", "zh")
        assert chinese["type"] == english[1]["type"]
        names = ("code", "parameter", "pointer", "column", "allowed", "suggestions")
        assert [[item[name] for name in names] for item in chinese["errors"]] == [
            [item[name] for name in names] for item in english[1]["errors"]
        ]
        assert all(re.search(r"[\u4e00-\u9fff]", text) for text in texts(chinese))
        assert not any(re.search(r"[\u4e00-\u9fff]", text) for text in texts(english[1]))


@pytest.mark.parametrize("path", ["/v1/nowhere?lang=zh", "/healthz?lang=zh", "/v1/jobs/x?lang=zh", "/v1/keys?lang=zh"])
def test_every_operation_takes_a_language(empty_service: TestClient, path: str) -> None:
    answer = empty_service.get(path)
    assert answer.status_code != 422
    if answer.status_code >= 400:
        assert re.search(r"[\u4e00-\u9fff]", answer.json()["detail"])


def test_a_language_that_is_not_spoken_is_refused(empty_service: TestClient) -> None:
    for query, code in (("lang=fr", "invalid_choice"), ("lang=zh&lang=en", "repeated_parameter")):
        [item] = empty_service.get(f"/v1/jobs/x?{query}").json()["errors"]
        assert (item["code"], item["parameter"]) == (code, "lang")


def test_bodies_and_kinds_of_problems_are_told_in_chinese(empty_service: TestClient) -> None:
    chinese = {"Accept-Language": "zh"}
    refused = empty_service.post("/v1/snapshots", json={"as_of": 5, "more": 1}, headers=chinese)
    assert refused.json()["title"] == "请求无效"
    assert [(item["pointer"], item["message"]) for item in refused.json()["errors"]] == [
        ("/as_of", "须为日期，如2026-06-30"),
        ("/more", "没有这个字段"),
    ]
    meaning = empty_service.get(refused.json()["type"], headers=chinese)
    assert meaning.json()["meaning"] == "参数、内容或文件不符合要求，逐条列在errors中。"
    assert "Accept-Language" in meaning.headers["vary"]
    large = empty_service.post("/v1/snapshots?lang=zh", content=b"x" * 2_000_000)
    assert (large.status_code, large.json()["title"]) == (413, "内容过大")
    coded = empty_service.post("/v1/snapshots", content=b"x", headers={"Transfer-Encoding": "gzip"} | chinese)
    assert (coded.status_code, coded.json()["title"]) == (501, "不支持的传输编码")


def test_every_type_of_the_validators_errors_has_a_sentence_of_our_own() -> None:
    names = ("ge", "gt", "le", "lt", "min_length", "max_length", "field_type", "actual_length", "error")
    context = dict.fromkeys(names, 3) | {"expected": "'a' or 'b'"}
    for kind in (*get_args(ErrorType), "a_type_of_a_later_version"):
        item = error_item({"type": kind, "loc": ("query", 3), "msg": "Input should be another", "ctx": context})
        assert "Input" not in str(item.message), kind
        assert re.search(r"[\u4e00-\u9fff]", item.message.said("zh")), kind
        assert "{" not in str(item.message), kind
