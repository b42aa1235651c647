"""Settings that hold each other to account: the password of the database comes by file, and goes nowhere else."""

from pathlib import Path

import pytest
from pydantic import ValidationError
from sqlalchemy import make_url

from app.config import Settings
from app.jobs.processes import environment

URL = "postgresql+psycopg://office%40north@db.example:5433/registry?connect_timeout=3"
PASSWORD = "p@ss:w/rd %2F 密码#?"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "database-password"
    made.write_text(f"{PASSWORD}\n", encoding="utf-8")
    return made


def test_the_password_is_that_of_the_file_when_there_is_one(file: Path) -> None:
    settings = Settings(_env_file=None, database_url=URL, database_password_file=file)
    assert settings.registry_address == URL
    opened = make_url(settings.registry_url)
    assert opened.password == PASSWORD
    assert opened._replace(password=None) == make_url(URL)


def test_a_url_stays_as_it_is_when_there_is_no_file() -> None:
    with_password = URL.replace("@db", ":secret@db")
    assert Settings(_env_file=None, database_url=with_password).registry_url == with_password


@pytest.mark.parametrize(
    "url",
    [
        "",
        "sqlite+aiosqlite:///registry.sqlite",
        "postgresql+psycopg://db.example/registry",
        "postgresql+psycopg://office:secret@db.example/registry",
    ],
)
def test_a_file_is_refused_when_the_url_has_no_use_for_it(file: Path, url: str) -> None:
    with pytest.raises(ValidationError, match="must name a PostgreSQL user and contain no password besides") as told:
        Settings(_env_file=None, database_url=url, database_password_file=file)
    assert PASSWORD not in str(told.value)


@pytest.mark.parametrize("content", [None, b"", b"\n", b"\xff\xfe"])
def test_a_file_is_refused_when_it_holds_no_password(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "password"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ValidationError, match="no password or token can be read from this file"):
        Settings(_env_file=None, database_url=URL, database_password_file=path)


@pytest.mark.parametrize(
    ("address", "whole"),
    [
        ("sc://spark.example", True), ("sc://[::1]:15002/", True), ("sc://there:65535/;use_ssl=true;user_id=us", True),
        ("sc://there:65536", False), ("sc://there/;token=secret", False),
        ("sc://there/;use_ssl=true;token=secret", False),
        ("sc://there/;token", False), ("sc://there/;x=sec=ret", False),
    ],
)  # fmt: skip
def test_an_address_of_a_cluster_is_refused_when_wrong_or_with_a_token(address: str, whole: bool) -> None:
    if whole:
        assert Settings(_env_file=None, spark_remote=address).spark_remote == address
        return
    with pytest.raises(ValidationError, match=r"as sc://host:15002, without a token"):
        Settings(_env_file=None, spark_remote=address)


@pytest.mark.parametrize("content", [None, b"\n", b"\xff\xfe"])
def test_a_file_is_refused_when_it_holds_no_token(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "token"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ValidationError, match="no password or token can be read from this file"):
        Settings(_env_file=None, spark_token_file=path)


def test_the_password_is_in_no_environment_of_a_child_when_it_comes_by_file(file: Path) -> None:
    settings = Settings(_env_file=None, database_url=URL, database_password_file=file)
    given = environment(settings)
    assert given["ORGCOVERAGE_DATABASE_URL"] == URL
    assert [name for name, value in given.items() if PASSWORD in value or "p%40ss" in value] == []
    assert given["ORGCOVERAGE_DATABASE_PASSWORD_FILE"] == str(file)
