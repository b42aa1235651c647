"""Pieces of builds that jobs make by way of an object store."""

import secrets
from contextlib import ExitStack
from pathlib import Path

from app.snapshots.replication.objects import Objects
from tests.factories.shard_jobs import Builder, write_counties
from tests.replicas.seaweed import SeaweedFS


def test_ids_are_the_same_when_jobs_help_by_way_of_an_object_store(
    migrated_sqlite_url: str, seaweed: SeaweedFS, tmp_path: Path
) -> None:
    extract = write_counties(migrated_sqlite_url, tmp_path / "counties")
    whole = Builder.of(tmp_path / "whole", extract, shard_folder="").ids()
    address, opens = f"s3://exact/{secrets.token_hex(6)}/pieces", seaweed.credentials("writer")
    objects = Objects(address, opens)
    builder = Builder.of(
        tmp_path / "pieces", extract, shard_folder=address, extract_credentials_file=opens, build_processes=2
    )
    with ExitStack() as stack:
        jobs = [stack.enter_context(builder.job(name=name)).await_waiting() for name in ("one", "two")]

        def help_and_do_damage() -> None:
            jobs[0].process.terminate()
            jobs[1].await_made(3)
            tables = sorted(name for name in objects.all("") if "/table-" in name)
            objects.replace(tables[0], b"damage", objects.get(tables[0]).tag)
            jobs[1].process.kill()

        assert builder.ids(help_and_do_damage) == whole
        assert list(objects.all("")) == []


def test_a_snapshot_is_built_when_the_store_of_its_pieces_is_away(
    migrated_sqlite_url: str, seaweed: SeaweedFS, tmp_path: Path
) -> None:
    extract = write_counties(migrated_sqlite_url, tmp_path / "counties")
    whole = Builder.of(tmp_path / "whole", extract, shard_folder="").ids()
    away = {"shard_folder": "s3://no-such-bucket/pieces", "extract_credentials_file": seaweed.credentials("writer")}
    assert Builder.of(tmp_path / "pieces", extract, **away).ids() == whole
