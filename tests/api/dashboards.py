"""Grafana's dashboards as the tests see them: their panels, and what these ask.

`python -m tests.api.dashboards` prints all PromQL as a file of rules, which `promtool check rules` reads.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

COMPOSE = Path(__file__).parents[2] / "compose"
DASHBOARDS: Mapping[str, dict[str, Any]] = {
    path.stem: json.loads(path.read_text(encoding="utf-8"))
    for path in sorted((COMPOSE / "grafana" / "dashboards").glob("*.json"))
}
"""By the name of the file."""

API = "yesoreyeram-infinity-datasource"
PROMETHEUS = "prometheus"


@dataclass(frozen=True)
class Target:
    """One query of a panel, with its dashboard's variables put in."""

    panel: str
    source: str
    """Type of the data source."""
    asked: dict[str, Any]
    text: str
    """PromQL, or the path and query asked of the API."""


def targets(source: str) -> Iterator[Target]:
    """Yield all queries that go to a data source of a type."""
    for name, dashboard in DASHBOARDS.items():
        for panel in dashboard["panels"]:
            for asked in panel["targets"]:
                if asked["datasource"]["type"] == source:
                    text = asked["expr"] if source == PROMETHEUS else asked["url"]
                    yield Target(f"{name}: {panel['title']}", source, asked, _filled(text, dashboard))


def _filled(text: str, dashboard: dict[str, Any]) -> str:
    """Put in the variables of a dashboard, and for Grafana's own interval a minute."""
    for variable in dashboard["templating"]["list"]:
        text = text.replace(f"${{{variable['name']}}}", variable["current"]["value"])
    return text.replace("$__rate_interval", "1m")


if __name__ == "__main__":
    rules = [
        {"record": f"panel:{number}", "expr": target.text, "labels": {"panel": target.panel}}
        for number, target in enumerate(targets(PROMETHEUS))
    ]
    print(json.dumps({"groups": [{"name": "dashboards", "rules": rules}]}, indent=1))
