"""What the compose file promises: a hardened demonstration that nobody outside the machine can reach."""

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from app.config import Settings
from app.snapshots.rounding import RoundingKeyRefused, rounding_key

DEMO_SECRETS = "compose/demo-secrets"
REPOSITORY = Path(__file__).parents[2]
SECRETS = "/run/secrets"
COMPOSE: dict[str, Any] = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
WATCHING = {"prometheus", "grafana"}
READERS = {"replicate-1", "replicate-2", "replica-1", "replica-2"}
ON_DEMAND = {"inbox", "front", "store"} | READERS
"""Services of profiles of their own."""

INBOX = "${ORGCOVERAGE_INBOX"
"""Begins the folder that is read and written, since files are moved in it."""

ALL = pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES)
OTHERS = WATCHING | READERS | {"front", "store"}
"""Services that have nothing to do with the database."""

OWN = pytest.mark.parametrize("service", [SERVICES[name] for name in SERVICES if name not in OTHERS])
EXACT_TAG = re.compile(r"[a-z/]+:v?\d+\.\d+(\.\d+)?(-[a-z]+)*")


@ALL
def test_service_can_change_nothing_of_its_image_when_it_runs(service: dict[str, Any]) -> None:
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "/tmp" in service["tmpfs"]
    assert "privileged" not in service
    assert "cap_add" not in service


@ALL
def test_service_runs_without_root_when_its_image_is_not_ours(service: dict[str, Any]) -> None:
    assert "build" in service or service["user"].split(":")[0] not in {"", "0", "root"}


@ALL
def test_image_is_of_one_release_when_it_is_not_ours(service: dict[str, Any]) -> None:
    assert "build" in service or EXACT_TAG.fullmatch(service["image"])


@ALL
def test_port_is_on_loopback_when_published(service: dict[str, Any]) -> None:
    assert [port for port in service.get("ports", []) if not port.startswith("127.0.0.1:")] == []


def test_only_what_is_looked_at_is_published_when_composed() -> None:
    assert {name for name, service in SERVICES.items() if "ports" in service} == {"orgcoverage", "grafana", "front"}


def test_database_reaches_nothing_outside_when_composed() -> None:
    assert SERVICES["postgres"]["networks"] == ["registry"]
    assert COMPOSE["networks"]["registry"]["internal"] is True


def test_what_watches_is_asked_for_and_reaches_no_database_when_composed() -> None:
    assert {name for name, service in SERVICES.items() if service.get("profiles") == ["observability"]} == WATCHING
    assert {name for name, service in SERVICES.items() if "profiles" in service} == WATCHING | ON_DEMAND
    assert [SERVICES[name]["profiles"] for name in ("inbox", "front")] == [["inbox"], ["front"]]
    assert {name for name, service in SERVICES.items() if service.get("profiles") == ["replicas"]} == {
        "store"
    } | READERS
    for name in OTHERS:
        assert "registry" not in SERVICES[name]["networks"]
    assert SERVICES["prometheus"]["networks"] == ["metrics"]
    assert COMPOSE["networks"]["metrics"]["internal"] is True


@ALL
def test_files_of_the_repository_are_there_and_only_read_when_mounted(service: dict[str, Any]) -> None:
    for volume in service["volumes"]:
        source, _, rest = volume.partition(":")
        if source.startswith("."):
            assert (REPOSITORY / source).exists(), source
            assert rest.endswith(":ro"), volume
        elif source != INBOX:
            assert source in COMPOSE["volumes"]


def test_grafana_has_no_account_and_no_password_when_composed() -> None:
    settings = SERVICES["grafana"]["environment"]
    assert settings["GF_SECURITY_DISABLE_INITIAL_ADMIN_CREATION"] == "true"
    assert settings["GF_AUTH_DISABLE_LOGIN_FORM"] == "true"
    assert settings["GF_AUTH_BASIC_ENABLED"] == "false"
    assert settings["GF_AUTH_ANONYMOUS_ORG_ROLE"] == "Viewer"
    assert not [name for name in settings if "PASSWORD" in name]


@ALL
def test_settings_are_the_services_own_when_set(service: dict[str, Any]) -> None:
    environment = service.get("environment", {})
    given = {name.removeprefix("ORGCOVERAGE_").lower() for name in environment if "ORGCOVERAGE" in name}
    assert given <= set(Settings.model_fields)


def test_readers_know_the_public_store_alone_when_composed() -> None:
    assert COMPOSE["networks"]["store"]["internal"] is True
    for number in (1, 2):
        replicate, replica = SERVICES[f"replicate-{number}"], SERVICES[f"replica-{number}"]
        assert (replicate["networks"], replicate["secrets"]) == (["store"], ["store-reader"])
        assert set(replicate["environment"]) == {
            "ORGCOVERAGE_PUBLIC_STORE_URL", "ORGCOVERAGE_PUBLIC_STORE_CREDENTIALS_FILE"
        }  # fmt: skip
        assert "secrets" not in replica
        assert "environment" not in replica
        assert replicate["volumes"] == replica["volumes"] == [f"replica-{number}:/data"]
        assert replicate["command"] == ["replicate", "--public-only"]
        assert replica["command"][:2] == ["serve", "--public-only"]
    assert SERVICES["store"]["secrets"] == ["store-identities"]
    known = json.loads((REPOSITORY / DEMO_SECRETS / "store-identities").read_text())["identities"]
    assert {one["name"]: one["actions"] for one in known} == {
        "writer": ["Admin"], "reader": ["Read:public", "List:public"]
    }  # fmt: skip
    for one in known:
        opens = json.loads((REPOSITORY / DEMO_SECRETS / f"store-{one['name']}").read_text())
        keys = {"accessKey": opens["access_key_id"], "secretKey": opens["secret_access_key"]}
        assert one["credentials"] == [keys]


@OWN
def test_secrets_come_by_file_and_stand_in_no_environment(service: dict[str, Any]) -> None:
    for name, value in service["environment"].items():
        secret = any(word in name for word in ("PASSWORD", "KEY", "TOKEN", "SECRET", "CREDENTIALS"))
        assert secret == name.endswith("_FILE"), name
        if secret:
            assert value.removeprefix(f"{SECRETS}/") in service["secrets"]
        assert urlsplit(value).password is None, name
    assert "database-password" in service["secrets"]


def test_secrets_are_files_of_the_operators_when_composed() -> None:
    assert set(COMPOSE["secrets"]) == {name for service in SERVICES.values() for name in service.get("secrets", [])}
    for name, secret in COMPOSE["secrets"].items():
        assert list(secret) == ["file"]
        folder = "ORGCOVERAGE_STORE_SECRETS" if name.startswith("store-") else "ORGCOVERAGE_SECRETS"
        assert secret["file"] == f"${{{folder}:-./{DEMO_SECRETS}}}/{name}"
        assert (REPOSITORY / DEMO_SECRETS / name).is_file()


def test_nothing_is_rounded_by_the_key_that_everybody_has(tmp_path: Path) -> None:
    settings = Settings(_env_file=None, data_dir=tmp_path, rounding_key_file=REPOSITORY / DEMO_SECRETS / "rounding-key")
    with pytest.raises(RoundingKeyRefused, match="openssl rand -hex 32"):
        rounding_key(settings)


def test_the_service_starts_with_what_it_is_given_when_composed(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SERVICES["orgcoverage"]["environment"].items():
        given = re.sub(r"\$\{\w+:-(.*)\}", r"\1", value)  # as where nothing is said
        monkeypatch.setenv(name, given.replace(SECRETS, str(REPOSITORY / DEMO_SECRETS)))
    settings = Settings(_env_file=None)
    password = (REPOSITORY / DEMO_SECRETS / "database-password").read_text().strip()
    assert settings.registry_url == f"postgresql+psycopg://orgcoverage:{password}@postgres:5432/orgcoverage"


def test_image_runs_as_a_number_that_is_not_root_when_built() -> None:
    lines = (REPOSITORY / "Dockerfile").read_text().splitlines()
    [user] = [line for line in lines if line.startswith("USER ")]
    assert user == "USER 65532:65532"
    assert lines.index(user) > max(number for number, line in enumerate(lines) if line.startswith("FROM "))


def test_image_stands_on_one_release_of_python_when_built() -> None:
    [base] = [line for line in (REPOSITORY / "Dockerfile").read_text().splitlines() if line.startswith("ARG BASE=")]
    assert EXACT_TAG.fullmatch(base.removeprefix("ARG BASE="))


def test_production_shows_nothing_of_the_demonstration_when_its_file_is_added() -> None:
    text = (REPOSITORY / "docker-compose.production.yml").read_text()
    production: dict[str, Any] = yaml.safe_load(text.replace("!override", ""))  # compose takes it in place of the other
    services = production["services"]
    assert services["demo"]["profiles"] == ["never"]
    assert services["orgcoverage"]["command"] == ["serve", "--host", "0.0.0.0"]
    assert services["orgcoverage"]["depends_on"].keys() == {"migrate"}
    own = {"migrate", "inbox", "orgcoverage"}
    assert {services[name]["environment"]["ORGCOVERAGE_ANONYMOUS"] for name in own} == {
        "${ORGCOVERAGE_ANONYMOUS:-public}"
    }
    assert {
        name for name, service in SERVICES.items() if "ORGCOVERAGE_ANONYMOUS" in service.get("environment", {})
    } == own | {"demo"}


def test_production_asks_with_a_key_when_grafana_is_provisioned() -> None:
    folder = REPOSITORY / "compose" / "grafana"
    demo, production = (
        yaml.safe_load((folder / path / "orgcoverage.yml").read_text())["datasources"]
        for path in ("provisioning/datasources", "production")
    )
    key = {"jsonData": demo[1]["jsonData"] | {"auth_method": "bearerToken"}}
    assert production == [
        demo[0],
        demo[1] | key | {"secureJsonData": {"bearerToken": "$__file{/run/secrets/grafana-key}"}},
    ]
