"""What the compose file promises: a hardened demonstration that nobody outside the machine can reach."""

from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # comes with the tools of the tests; its stubs would serve this file alone

from app.config import Settings

REPOSITORY = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
ALL = pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES)


@ALL
def test_service_can_change_nothing_of_its_image_when_it_runs(service: dict[str, Any]) -> None:
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "/tmp" in service["tmpfs"]
    assert "privileged" not in service
    assert "cap_add" not in service


@ALL
def test_port_is_on_loopback_when_published(service: dict[str, Any]) -> None:
    assert [port for port in service.get("ports", []) if not port.startswith("127.0.0.1:")] == []


def test_only_the_service_is_published_when_composed() -> None:
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["orgcoverage"]


def test_database_reaches_nothing_outside_when_composed() -> None:
    assert SERVICES["postgres"]["networks"] == ["registry"]
    assert COMPOSE["networks"]["registry"]["internal"] is True


@ALL
def test_settings_are_the_services_own_when_set(service: dict[str, Any]) -> None:
    given = {name.removeprefix("ORGCOVERAGE_").lower() for name in service["environment"] if "ORGCOVERAGE" in name}
    assert given <= set(Settings.model_fields)


def test_image_runs_as_a_number_that_is_not_root_when_built() -> None:
    lines = (REPOSITORY / "Dockerfile").read_text().splitlines()
    [user] = [line for line in lines if line.startswith("USER ")]
    assert user == "USER 65532:65532"
    assert lines.index(user) > max(number for number, line in enumerate(lines) if line.startswith("FROM "))
