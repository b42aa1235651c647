"""What the compose file promises: a hardened demonstration that nobody outside the machine can reach."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml  # type: ignore[import-untyped]  # comes with the tools of the tests; its stubs would serve this file alone

from app.config import Settings
from app.snapshots.rounding_key import RoundingKeyRefused, rounding_key

DEMO_SECRETS = "compose/demo-secrets"
REPOSITORY = Path(__file__).parents[2]
SECRETS = "/run/secrets"
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


@ALL
def test_secrets_come_by_file_and_stand_in_no_environment(service: dict[str, Any]) -> None:
    for name, value in service["environment"].items():
        secret = any(word in name for word in ("PASSWORD", "KEY", "TOKEN", "SECRET"))
        assert secret == name.endswith("_FILE"), name
        if secret:
            assert value.removeprefix(f"{SECRETS}/") in service["secrets"]
        assert urlsplit(value).password is None, name
    assert "database-password" in service["secrets"]


def test_secrets_are_files_of_the_operators_when_composed() -> None:
    assert set(COMPOSE["secrets"]) == {name for service in SERVICES.values() for name in service["secrets"]}
    for name, secret in COMPOSE["secrets"].items():
        assert list(secret) == ["file"]
        assert secret["file"] == f"${{ORGCOVERAGE_SECRETS:-./{DEMO_SECRETS}}}/{name}"
        assert (REPOSITORY / DEMO_SECRETS / name).is_file()


def test_nothing_is_rounded_by_the_key_that_everybody_has(tmp_path: Path) -> None:
    settings = Settings(_env_file=None, data_dir=tmp_path, rounding_key_file=REPOSITORY / DEMO_SECRETS / "rounding-key")
    with pytest.raises(RoundingKeyRefused, match="openssl rand -hex 32"):
        rounding_key(settings)


def test_the_service_starts_with_what_it_is_given_when_composed(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SERVICES["orgcoverage"]["environment"].items():
        monkeypatch.setenv(name, value.replace(SECRETS, str(REPOSITORY / DEMO_SECRETS)))
    settings = Settings(_env_file=None)
    password = (REPOSITORY / DEMO_SECRETS / "database-password").read_text().strip()
    assert settings.registry_url == f"postgresql+psycopg://orgcoverage:{password}@postgres:5432/orgcoverage"


def test_image_runs_as_a_number_that_is_not_root_when_built() -> None:
    lines = (REPOSITORY / "Dockerfile").read_text().splitlines()
    [user] = [line for line in lines if line.startswith("USER ")]
    assert user == "USER 65532:65532"
    assert lines.index(user) > max(number for number, line in enumerate(lines) if line.startswith("FROM "))
