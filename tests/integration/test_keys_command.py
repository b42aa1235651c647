"""API keys from the command line, on both engines: made, shown once, listed, revoked, and what is refused."""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import select

from app.access.audit import AuditLog, AuditQuestion
from app.cli.commands import main
from app.config import Settings
from app.database.engines import make_sync_engine
from app.database.tables import METADATA
from tests.factories.small_registry import fill

TOKEN = re.compile(r"oc_([0-9a-f]{16})_([0-9a-f]{64})")


@dataclass(frozen=True)
class Finished:
    """How a command ended and what it said."""

    code: int | str | None
    out: str
    err: str


Run = Callable[..., Finished]


@pytest.fixture
def settings(migrated_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("ORGCOVERAGE_DATABASE_URL", migrated_url)
    monkeypatch.setenv("ORGCOVERAGE_DATA_DIR", str(tmp_path / "data"))
    fill(migrated_url)
    return Settings(_env_file=None)


@pytest.fixture
def run(settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Give a runner of `orgcoverage key`."""
    monkeypatch.setenv("COLUMNS", "200")

    def command(*words: str) -> Finished:
        monkeypatch.setattr("sys.argv", ["orgcoverage", "key", *words])
        with pytest.raises(SystemExit) as stopped:
            main()
        return Finished(stopped.value.code, *capsys.readouterr())

    return command


def recorded(settings: Settings) -> list[dict[str, object]]:
    """All keys on record, the oldest first."""
    table = METADATA.tables["api_key"]
    engine = make_sync_engine(settings.registry_url)
    with engine.connect() as connection:
        rows = [dict(row) for row in connection.execute(select(table).order_by(table.c.created_at)).mappings()]
    engine.dispose()
    return rows


def test_token_alone_is_on_standard_output_when_a_key_is_made(run: Run, settings: Settings) -> None:
    finished = run("create", "Siming dashboard", "--right", "read", "--district", "350203", "--days", "180")
    assert finished.code == 0
    found = TOKEN.fullmatch(finished.out.strip())
    assert found is not None
    key_id, secret = found.groups()
    assert f"Key {key_id} (350203; read; until " in finished.err
    assert secret not in finished.err
    [row] = recorded(settings)
    assert (row["id"], row["rights"], msgspec.json.decode(str(row["districts"]))) == (key_id, "read", ["350203"])
    assert row["secret_sha256"] == hashlib.sha256(secret.encode()).hexdigest()


def test_key_is_listed_without_its_secret_and_with_what_became_of_it(run: Run) -> None:
    made = [
        TOKEN.fullmatch(run("create", name, *words).out.strip())
        for name, *words in (
            ("one", "--right", "read", "--right", "write", "--district", "350203008", "--district", "350203009"),
            ("two", "--right", "admin"),
        )
    ]
    ids, secrets = zip(*(found.groups() for found in made if found is not None), strict=True)
    assert run("revoke", ids[0]).out == f"Key {ids[0]} is revoked.\n"
    finished = run("list")
    lines = {line.split()[0]: line for line in finished.out.splitlines()}
    assert lines.keys() == set(ids)
    assert re.search(r"read,write +revoked \d{4}-\d\d-\d\d +350203008 350203009 +one$", lines[ids[0]])
    assert re.search(r"read,write,release,admin +until \d{4}-\d\d-\d\d +everything +two$", lines[ids[1]])
    assert not any(secret in finished.out + finished.err for secret in secrets)
    assert run("revoke", ids[0]).code == 0


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("create", "x"), 2, "--right"),
        (("create", "x", "--right", "everything"), 2, "--right"),
        (("create", "x", "--right", "read", "--days", "0"), 2, "--days"),
        (("create", "x", "--right", "read", "--days", "366"), 2, "--days"),
        (("create", "x", "--right", "open"), 1, "rights must be one or more of these"),
        (("create", " ", "--right", "read"), 1, "name must be 1 to 100 printable characters"),
        (("create", "x" * 101, "--right", "read"), 1, "name must be 1 to 100 printable characters"),
        (("create", "a\nb", "--right", "read"), 1, "name must be 1 to 100 printable characters"),
        (("create", "x", "--right", "read", "--district", "35020"), 1, "'35020' is not a district of the registry"),
        (("create", "x", "--right", "read", "--district", ""), 1, "'' is not a district of the registry"),
        (("create", "x", "--right", "admin", "--district", "350203"), 1, "districts must be null"),
        (("revoke", "0123456789abcdef"), 1, "There is no key '0123456789abcdef'."),
        (("revoke", "%"), 1, "There is no key '%'."),
    ],
)
def test_nothing_is_done_when_a_command_is_wrong(
    run: Run, settings: Settings, words: tuple[str, ...], code: int, told: str
) -> None:
    finished = run(*words)
    assert (finished.code, told in finished.err) == (code, True), finished
    assert "Traceback" not in finished.err
    assert finished.out == ""
    assert recorded(settings) == []
    assert not settings.audit_dir.exists()


def test_making_and_revoking_are_audited_without_the_secret(run: Run, settings: Settings) -> None:
    found = TOKEN.fullmatch(run("create", "one", "--right", "read").out.strip())
    assert found is not None
    run("revoke", found[1])
    records = AuditLog(settings).read(AuditQuestion(), 10).records
    told = [(record.operation, [(one.name, one.value) for one in record.parameters]) for record in records]
    assert told == [("delete_api_key", [("id", found[1])]), ("create_api_key", [("id", found[1])])]
    assert {(record.principal, record.key_id, record.status) for record in records} == {(None, None, None)}
    content = b"".join(path.read_bytes() for path in settings.audit_dir.iterdir())
    assert found[2].encode() not in content
    assert b"oc_" not in content


@pytest.mark.parametrize("words", [("list",), ("create", "one", "--right", "read"), ("revoke", "0123456789abcdef")])
def test_nothing_is_made_when_there_is_no_registry(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    monkeypatch.setenv("ORGCOVERAGE_DATABASE_URL", "")
    finished = run(*words)
    assert finished.code == 1
    assert "registry.sqlite does not exist: run `orgcoverage migrate`" in finished.err
    assert not (tmp_path / "data").exists()
