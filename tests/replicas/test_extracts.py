"""Extracts in an object store."""

import json
from pathlib import Path

import pytest

from app.snapshots.shared_extracts import find_extracts, remove_extract, write_extract
from app.snapshots.storage import open_storage
from tests.engines.spark import sail
from tests.factories.several_registries import AS_OF, ZHEJIANG, Registries, quiet
from tests.replicas.seaweed import SeaweedFS


def test_an_extract_is_read_back_when_it_lies_in_an_object_store(
    migrated_sqlite_url: str, seaweed: SeaweedFS, tmp_path: Path
) -> None:
    registries = Registries(migrated_sqlite_url, tmp_path)
    registries.settings = registries.settings.model_copy(
        update={"extract_credentials_file": seaweed.credentials("writer")}
    )
    whole = registries.build_whole(ZHEJIANG, AS_OF)
    url = "s3://exact/extracts/zhejiang"
    manifest = write_extract(registries.settings, url, quiet)
    [extract] = find_extracts(registries.settings, [url])
    assert extract.storage.names() == manifest.names | {"manifest.json"}
    assert registries.build([url]).id == whole.id
    remove_extract(extract)
    assert extract.storage.names() == set()


@pytest.mark.long
def test_a_cluster_reads_extracts_and_writes_facts_when_both_lie_in_an_object_store(
    migrated_sqlite_url: str, seaweed: SeaweedFS, tmp_path: Path
) -> None:
    keys = json.loads(seaweed.credentials("writer").read_bytes())
    access = {
        "AWS_ACCESS_KEY_ID": keys["access_key_id"], "AWS_SECRET_ACCESS_KEY": keys["secret_access_key"],
        "AWS_ENDPOINT": keys["endpoint"], "AWS_REGION": keys.get("region", "any"), "AWS_ALLOW_HTTP": "true",
    }  # fmt: skip
    with sail(**access) as remote:
        named = {"build_engine": "spark", "spark_remote": remote, "spark_folder": "s3://exact/builds"}
        registries = Registries(migrated_sqlite_url, tmp_path)
        whole = registries.build_whole(ZHEJIANG, AS_OF)
        opened = named | {"extract_credentials_file": seaweed.credentials("writer")}
        registries.settings = registries.settings.model_copy(update=opened)
        urls = ["s3://exact/extracts/a", "s3://exact/extracts/b"]
        for url in urls:
            write_extract(registries.settings, url, quiet)
        assert registries.build(urls).id == whole.id
        assert not open_storage("s3://exact", seaweed.credentials("writer")).holds("builds")
