"""Health, readiness, metrics and the documentation pages."""

import json
import re
from datetime import datetime, timedelta

import pytest
from starlette.testclient import TestClient

from app.api.health import Health


def test_the_process_lives_without_a_snapshot(empty_service: TestClient) -> None:
    Health.model_validate_json(empty_service.get("/healthz").content, strict=True)


def test_not_ready_when_there_is_no_snapshot(empty_service: TestClient) -> None:
    answer = empty_service.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["type"] == "/problems/not-ready"


def test_metrics_count_requests_by_template(empty_service: TestClient) -> None:
    empty_service.get("/problems/not-found")
    empty_service.head("/problems/conflict")
    empty_service.get("/secret-path")
    text = empty_service.get("/metrics").text
    assert 'orgcoverage_http_requests_total{method="GET",route="/problems/{code}",status="200"} 1.0' in text
    assert 'orgcoverage_http_requests_total{method="HEAD",route="/problems/{code}",status="200"} 1.0' in text
    assert 'orgcoverage_http_requests_total{method="GET",route="unmatched",status="404"} 1.0' in text
    assert "secret-path" not in text


def test_the_log_names_the_template_and_no_path(
    empty_service: TestClient, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    answer = empty_service.get("/problems/not-found", headers={"X-Request-ID": "trace-0001"})
    line = json.loads(capsysbinary.readouterr().out)
    assert datetime.fromisoformat(line.pop("at")).utcoffset() == timedelta(0)
    assert 0 < line.pop("milliseconds") < 60_000
    assert line == {
        "event": "request",
        "level": "info",
        "method": "GET",
        "route": "/problems/{code}",
        "status": 200,
        "bytes": len(answer.content),
        "request_id": "trace-0001",
    }


def test_the_start_leads_to_the_dashboard(empty_service: TestClient) -> None:
    answer = empty_service.get("/", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (307, "/dashboard")
    assert empty_service.head("/", follow_redirects=False).status_code == 307


def test_documentation_loads_nothing_from_elsewhere(empty_service: TestClient) -> None:
    page = empty_service.get("/docs")
    assert page.status_code == 200
    links = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert links
    for link in links:
        assert empty_service.get(link).status_code == 200, link
    assert "unsafe-inline" not in page.headers["content-security-policy"].split("style-src")[0]


def test_dashboard_loads_nothing_from_elsewhere_and_nothing_inline(empty_service: TestClient) -> None:
    page = empty_service.get("/dashboard")
    assert page.status_code == 200
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe-inline" not in policy
    assert re.findall(r"<script(?![^>]*\bsrc=)|<style|\son\w+=|\sstyle=", page.text) == []
    links = re.findall(r'(?:src|href)="(/[^"]+)"', page.text)
    assert len(links) >= 3
    scripts = [link for link in links if link.endswith(".js")]
    for link in scripts:
        imported = re.findall(r'from "\./([\w.]+)"', empty_service.get(link).text)
        links += [f"/dashboard/{name}" for name in imported]
    for link in links:
        answer = empty_service.get(link)
        assert answer.status_code == 200, link
    assert empty_service.get("/dashboard/nothing.js").status_code == 404
