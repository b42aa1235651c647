"""Grafana's dashboards: every panel asks what the service answers, and shows what is in the answer."""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from tests.api.dashboards import API, COMPOSE, DASHBOARDS, PROMETHEUS, Target, targets
from tests.document import resolved

SELECTOR = re.compile(r"([a-zA-Z_:]\w*)\{([^}]*)\}")
MATCHER = re.compile(r'(\w+)\s*(?:=~|!~|!=|=)\s*"([^"]*)"')
ROUTES = re.compile(r'route[=!]~"([^"]*)"')
BY = re.compile(r"by \(([^)]*)\)")

OF_THE_SCRAPE = {"up": {"job", "instance"}}
"""What Prometheus itself says of each scrape, and the labels that it puts on all series."""

Samples = dict[str, set[str]]

dashboards = pytest.mark.parametrize("name", DASHBOARDS)
of_the_api = pytest.mark.parametrize("target", [*targets(API)], ids=lambda target: target.panel)
of_prometheus = pytest.mark.parametrize("target", [*targets(PROMETHEUS)], ids=lambda target: target.panel)


@pytest.fixture(scope="module")
def samples(service: TestClient) -> Samples:
    """Give the samples that the service exports after answering, failing and refusing, with the labels of each."""
    service.get("/v1/statistics/breakdown", params={"by": "basis"})
    service.post("/v1/imports", params={"dataset": "none"})
    text = service.get("/metrics").text
    read: Samples = {name: set(labels) for name, labels in OF_THE_SCRAPE.items()}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            read.setdefault(sample.name, set(OF_THE_SCRAPE["up"])).update(sample.labels)
    return read


@dashboards
def test_panels_are_numbered_and_do_not_overlap(name: str) -> None:
    panels = DASHBOARDS[name]["panels"]
    assert [panel["id"] for panel in panels] == list(range(1, len(panels) + 1))
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        cells = set(_cells(panel["gridPos"]))
        assert not cells & taken, panel["title"]
        assert max(x for x, _ in cells) < 24, panel["title"]
        taken |= cells


@dashboards
def test_panels_say_what_they_show_and_ask_one_source(name: str) -> None:
    sources = {(source["type"], source["uid"]) for source in _provisioned()["datasources"]}
    for panel in DASHBOARDS[name]["panels"]:
        assert panel["title"]
        assert panel["description"]
        assert panel["targets"]
        assert {target["refId"] for target in panel["targets"]} == {*"ABCDEF"[: len(panel["targets"])]}
        for asked in (panel, *panel["targets"]):
            assert (asked["datasource"]["type"], asked["datasource"]["uid"]) in sources


def test_dashboards_have_names_of_their_own() -> None:
    for key in ("uid", "title"):
        assert len({dashboard[key] for dashboard in DASHBOARDS.values()}) == len(DASHBOARDS)


@dashboards
def test_what_a_panel_singles_out_is_a_column_of_its_own(name: str) -> None:
    for panel in DASHBOARDS[name]["panels"]:
        columns = {column["text"] for target in panel["targets"] for column in target.get("columns", [])}
        singled = [override["matcher"]["options"] for override in panel["fieldConfig"]["overrides"]]
        assert {*singled, *([panel["options"]["xField"]] if "xField" in panel["options"] else [])} <= columns


@of_the_api
def test_panel_names_fields_of_the_answer(target: Target, service: TestClient) -> None:
    answer = service.get(target.text)
    assert answer.status_code == 200, answer.text
    fields = _fields_of_records(answer.json()) if _is_file(target) else _fields_of_page(target, service)
    assert {column["selector"] for column in target.asked["columns"]} <= fields
    assert all(_fits(column, answer.json()) for column in target.asked["columns"] if _is_file(target))


@of_the_api
def test_panel_asks_for_the_whole_table_as_records(target: Target) -> None:
    asked = target.asked
    assert (asked["type"], asked["source"], asked["format"]) == ("json", "url", "table")
    assert asked["parser"] == "backend"
    assert asked["url_options"] == {"method": "GET"}
    assert "cursor" not in target.text
    assert asked["root_selector"] == ("" if _is_file(target) else "data")


@of_prometheus
def test_panel_asks_for_metrics_and_labels_that_are_exported(target: Target, samples: Samples) -> None:
    selected = SELECTOR.findall(target.text)
    assert selected
    for name, matchers in selected:
        assert name in samples
        assert {label for label, _ in MATCHER.findall(matchers)} <= samples[name]
    grouped = {label.strip() for labels in BY.findall(target.text) for label in labels.split(",")}
    assert grouped <= set.union(*(samples[name] for name, _ in selected))
    assert set(re.findall(r"\{\{(\w+)\}\}", target.asked["legendFormat"])) <= grouped


@of_prometheus
def test_panel_names_routes_that_there_are(target: Target, service: TestClient) -> None:
    there = set(service.get("/openapi.json").json()["paths"])
    named = {route for routes in ROUTES.findall(target.text) for route in routes.split("|")}
    assert named <= there


def test_data_sources_are_the_services_of_the_compose_file() -> None:
    composed = yaml.safe_load((COMPOSE.parent / "docker-compose.yml").read_text())["services"]
    for source in _provisioned()["datasources"]:
        assert urlsplit(source["url"]).hostname in composed
        assert source["editable"] is False
    [api] = [source for source in _provisioned()["datasources"] if source["type"] == API]
    assert api["jsonData"]["allowedHosts"] == [api["url"]]
    assert composed["grafana"]["environment"]["GF_PLUGINS_PREINSTALL_SYNC"].startswith(f"{API}@")


def test_dashboards_are_where_grafana_looks_for_them() -> None:
    provider = yaml.safe_load((COMPOSE / "grafana/provisioning/dashboards/orgcoverage.yml").read_text())["providers"][0]
    grafana = yaml.safe_load((COMPOSE.parent / "docker-compose.yml").read_text())["services"]["grafana"]
    assert f"./compose/grafana/dashboards:{provider['options']['path']}:ro" in grafana["volumes"]
    home = grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert home.removeprefix(f"{provider['options']['path']}/").removesuffix(".json") in DASHBOARDS


def test_prometheus_scrapes_the_service_where_it_listens(service: TestClient) -> None:
    config = yaml.safe_load((COMPOSE / "prometheus.yml").read_text())
    assert set(config) == {"global", "rule_files", "scrape_configs"}
    [scrape, replicas] = config["scrape_configs"]
    assert scrape == {"job_name": "orgcoverage", "static_configs": [{"targets": ["orgcoverage:8000"]}]}
    [looked_up] = replicas["dns_sd_configs"]
    services = yaml.safe_load((COMPOSE.parent / "docker-compose.yml").read_text())["services"]
    assert set(looked_up["names"]) == {name for name in services if name.startswith("replica-")}
    assert service.get("/metrics").status_code == 200  # the path where no other is given
    jobs = {
        dict(MATCHER.findall(matchers)).get("job")
        for t in targets(PROMETHEUS)
        for _, matchers in SELECTOR.findall(t.text)
    }
    assert jobs == {"orgcoverage", None}


def _provisioned() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((COMPOSE / "grafana/provisioning/datasources/orgcoverage.yml").read_text())
    return found


def _cells(place: dict[str, int]) -> Iterator[tuple[int, int]]:
    for x in range(place["x"], place["x"] + place["w"]):
        for y in range(place["y"], place["y"] + place["h"]):
            yield x, y


def _is_file(target: Target) -> bool:
    return urlsplit(target.text).path.endswith(".records")


def _fields_of_records(rows: list[dict[str, Any]]) -> set[str]:
    assert rows
    assert not any(isinstance(value, dict | list) for row in rows for value in row.values())
    return set(rows[0])


def _fields_of_page(target: Target, service: TestClient) -> set[str]:
    """Return the fields of a page's rows as the document has them: the demonstration need not have any."""
    document = service.get("/openapi.json").json()
    answer = resolved(document, document["paths"][urlsplit(target.text).path]["get"]["responses"]["200"])
    page = resolved(document, answer["content"]["application/json"]["schema"])
    return set(resolved(document, page["properties"]["data"]["items"])["properties"])


def _fits(column: dict[str, str], rows: list[dict[str, Any]]) -> bool:
    """Whether all values of a column are of the type that the panel says, or null; and some are there."""
    wanted = (int, float) if column["type"] == "number" else (str,)
    values = [row[column["selector"]] for row in rows]
    return all(value is None or isinstance(value, wanted) for value in values) and any(v is not None for v in values)
