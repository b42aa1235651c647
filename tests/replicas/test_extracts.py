"""Extracts in an object store."""

import json
from pathlib import Path

from app.snapshots.shared_extracts import KeptExtract, extracts_left, find_extracts, remove_extract, write_extract
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
    assert [one.url for one in extracts_left(registries.settings)] == [url]
    assert remove_extract(extract)
    assert extract.storage.names() == set()
    away = "s3://no-such-bucket/extracts"
    registries.settings.kept_extracts_path.write_text(json.dumps({away: "", url: ""}))
    assert extracts_left(registries.settings) == [KeptExtract(away, None)]
