"""`key create | list | revoke`: API keys, directly in the registry."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from sqlalchemy import Engine

from app.access.keys import LONGEST_DAYS, Key, NewKey, list_keys, make_key, revoke_key
from app.access.principals import Right
from app.cli.registry import require_registry
from app.cli.running import write_audit_record
from app.cli.words import tell, told
from app.config import Settings
from app.database.engines import make_sync_engine
from app.database.outages import outages_named
from app.database.write_lock import write_lock_sync

commands = typer.Typer(no_args_is_help=True, help="API keys: who may do what, for which districts, until when.")


@commands.command("create")
def create(
    name: Annotated[str, typer.Argument(help="Name for people and the audit log.")],
    right: Annotated[
        list[Right],
        typer.Option(help="What it may do; repeat for several. `write` and `release` bring `read`, `admin` all."),
    ],
    district: Annotated[
        list[str] | None,
        typer.Option(help="Code of a district whose subtree it covers; repeat for several. None: everything."),
    ] = None,
    days: Annotated[int, typer.Option(min=1, max=LONGEST_DAYS, help="Days until it expires.")] = 90,
) -> None:
    """Create a key and print its token, which is not shown again."""
    settings = Settings()
    new_key = NewKey(name, frozenset(right), frozenset(district) if district else None, days)
    with _registry(settings) as engine, write_lock_sync(engine, settings.write_wait_seconds) as connection:
        key, token = make_key(connection, new_key)
    write_audit_record(settings, "create_api_key", id=key.id)
    rights = ", ".join(key.rights)
    tell(
        "Key {id} ({covered}; {rights}; until {day}).",
        err=True,
        id=key.id,
        covered=_covered(key),
        rights=rights,
        day=key.expires_at.date(),
    )
    tell("Send it as `Authorization: Bearer …`; it is not shown again:", err=True)
    typer.echo(token)


@commands.command("list")
def list_all() -> None:
    """List all keys, the newest first."""
    with _registry(Settings()) as engine, outages_named(), engine.connect() as connection:
        keys = list_keys(connection)
    for key in keys:
        revoked = key.revoked_at
        state = told("revoked {day}", day=revoked.date()) if revoked else told("until {day}", day=key.expires_at.date())
        typer.echo(f"{key.id}  {','.join(key.rights):24}  {state:18}  {_covered(key):24}  {key.name}")


@commands.command("revoke")
def revoke(key_id: Annotated[str, typer.Argument(help="Id of the key.")]) -> None:
    """Revoke a key; running services refuse it within five seconds."""
    settings = Settings()
    with _registry(settings) as engine, write_lock_sync(engine, settings.write_wait_seconds) as connection:
        revoke_key(connection, key_id)
    write_audit_record(settings, "delete_api_key", id=key_id)
    tell("Key {id} is revoked.", id=key_id)


@contextmanager
def _registry(settings: Settings) -> Iterator[Engine]:
    require_registry(settings)
    engine = make_sync_engine(settings.registry_url)
    try:
        yield engine
    finally:
        engine.dispose()


def _covered(key: Key) -> str:
    return told("everything") if key.districts is None else " ".join(key.districts)
