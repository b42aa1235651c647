"""Boundaries of districts: what of a GeoJSON file is kept, what is told of a wrong one, and how it is kept."""

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from app.imports import boundaries
from app.imports.boundaries import BoundariesRefused, CheckedBoundaries, check_boundaries
from app.store.boundaries import Boundaries, BoundariesFile, write_boundaries
from tests.factories.boundaries import SQUARE, collection, feature, write

CODES = frozenset({"350203", "350203008", "云顶"})
POLYGON = {"type": "Polygon", "coordinates": [SQUARE]}


def checked(folder: Path, content: object, **options: Any) -> CheckedBoundaries:
    return check_boundaries(write(folder / "sent.geojson", content), CODES, **options)


def told(folder: Path, content: object, **options: Any) -> list[str]:
    with pytest.raises(BoundariesRefused) as refused:
        checked(folder, content, **options)
    return [str(item.message) for item in refused.value.errors]


def kept(found: CheckedBoundaries) -> dict[str, Any]:
    return {one["properties"]["code"]: one["geometry"] for one in json.loads(found.content)["features"]}


def test_geometries_are_kept_by_code_without_all_else(tmp_path: Path) -> None:
    multi = {"type": "MultiPolygon", "coordinates": [[SQUARE], [SQUARE]], "bbox": [1, 2, 3, 4]}
    found = checked(tmp_path, collection(feature("云顶", name="秘密"), feature(None, multi, id=350203), name="a map"))
    assert kept(found) == {"350203": {"type": "MultiPolygon", "coordinates": multi["coordinates"]}, "云顶": POLYGON}
    assert (found.districts, found.left_out) == (2, 0)
    assert "秘密" not in found.content.decode()


@pytest.mark.parametrize(
    "named",
    [
        feature("350203"),
        feature("  ３５０２０３ "),  # full width, spaces
        feature(350203),
        feature("", id="350203"),
        feature(None, adcode=350203),
        feature("", None) | {"id": "350203"},
        feature("", None) | {"id": "350203", "properties": None},
        feature("350203", id="something else"),
    ],
)
def test_code_is_found_where_makers_of_maps_put_it(tmp_path: Path, named: dict[str, Any]) -> None:
    assert list(kept(checked(tmp_path, collection(named)))) == ["350203"]


def test_positions_have_six_decimals_and_no_height(tmp_path: Path) -> None:
    ring = [[118.12345678, 24.4, 7.5], [118.2, 24.40000049], [118, 25], [118.12345678, 24.4, 7.5]]
    found = checked(tmp_path, collection(feature("350203", {"type": "Polygon", "coordinates": [ring]})))
    assert kept(found)["350203"]["coordinates"] == [[[118.123457, 24.4], [118.2, 24.4], [118, 25], [118.123457, 24.4]]]


def test_nothing_is_kept_of_a_file_without_features(tmp_path: Path) -> None:
    assert (kept(found := checked(tmp_path, collection())), found.districts) == ({}, 0)


RING = "a ring does not end where it begins, after four positions at least"
POSITION = "a position is no longitude from -180 to 180 and latitude from -90 to 90"
LISTS = "its coordinates are not lists of positions as its geometry has them"


def drawn(coordinates: object, kind: str = "Polygon") -> dict[str, Any]:
    return feature("350203", {"type": kind, "coordinates": coordinates})


@pytest.mark.parametrize(
    ("wrong", "problems"),
    [
        (7, ["it is no Feature", "its geometry is no Polygon and no MultiPolygon"]),
        (feature("350203") | {"type": "Thing"}, ["it is no Feature"]),
        (feature(None), ["it has no code of a district in its properties: code or id"]),
        (feature(True), ["it has no code of a district in its properties: code or id"]),
        (feature({"a": 1}), ["it has no code of a district in its properties: code or id"]),
        (feature("350204"), ["its code is that of no district"]),
        (
            feature("350203", {"type": "Point", "coordinates": [1, 2]}),
            ["its geometry is no Polygon and no MultiPolygon"],
        ),
        (feature("350203") | {"geometry": None}, ["its geometry is no Polygon and no MultiPolygon"]),
        (drawn([]), [LISTS]),
        (drawn([[]]), [LISTS]),
        (drawn("118"), [LISTS]),
        (drawn([SQUARE], "MultiPolygon"), [POSITION]),
        (drawn([[SQUARE]]), [POSITION]),
        (drawn([SQUARE[:3] + SQUARE[:1]]), []),
        (drawn([SQUARE[:2] + SQUARE[:1]]), [RING]),
        (drawn([SQUARE[:4]]), [RING]),
        (drawn([[[13146000.5, 2803000.1], *SQUARE[1:]]]), [POSITION]),
        (drawn([[[24.4, 118.1], *SQUARE[1:]]]), [POSITION]),  # latitude first
        (drawn([[["118.1", "24.4"], *SQUARE[1:]]]), [POSITION]),
        (drawn([[[True, True], *SQUARE[1:]]]), [POSITION]),
        (drawn([[[118.1], *SQUARE[1:]]]), [POSITION]),
        (drawn([[[None, 24.4], *SQUARE[1:]]]), [POSITION]),
        (drawn([[[10**400, 24.4], *SQUARE[1:]]]), [POSITION]),
    ],
)
def test_what_is_wrong_is_told_feature_by_feature(tmp_path: Path, wrong: object, problems: list[str]) -> None:
    content = collection(feature("云顶"), wrong)
    if problems:
        assert told(tmp_path, content) == [f"feature 2: {problem}" for problem in problems]
    else:
        assert checked(tmp_path, content).districts == 2


def test_every_problem_is_told_and_nothing_of_the_file_repeated(tmp_path: Path) -> None:
    secret = "/etc/passwd"
    problems = told(tmp_path, collection(feature(secret), feature("350203"), feature("350203"), secret, drawn(secret)))
    assert problems == [
        "feature 1: its code is that of no district",
        "feature 3: its district has a feature already",
        "feature 4: it is no Feature",
        "feature 4: its geometry is no Polygon and no MultiPolygon",
        "feature 5: its district has a feature already",
        f"feature 5: {LISTS}",
    ]
    assert secret not in " ".join(problems)


def test_closest_codes_are_offered_when_one_is_unknown(tmp_path: Path) -> None:
    with pytest.raises(BoundariesRefused) as refused:
        checked(tmp_path, collection(feature("35020308")))
    assert refused.value.errors[0].suggestions[:1] == ("350203008",)


def test_unknown_codes_are_left_out_when_that_is_asked_for(tmp_path: Path) -> None:
    found = checked(tmp_path, collection(feature("350204"), feature("350203")), ignore_unknown=True)
    assert (list(kept(found)), found.districts, found.left_out) == (["350203"], 1, 1)
    wrong = collection(feature("350204", {"type": "Point", "coordinates": [1, 2]}))
    assert told(tmp_path, wrong, ignore_unknown=True) == ["feature 1: its geometry is no Polygon and no MultiPolygon"]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "The file is no JSON in UTF-8."),
        ("{'type': 1}", "The file is no JSON in UTF-8."),
        ("[" * 100_000, "The file is no JSON in UTF-8."),
        ("7", "The file is no FeatureCollection."),
        ('{"type": "Topology"}', "The file is no FeatureCollection."),
        ('{"type": "FeatureCollection", "features": {}}', "The file is no FeatureCollection."),
        (
            collection(crs={"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::4490"}}),
            "Its coordinates are not WGS 84: longitude and latitude in degrees.",
        ),
        (collection(crs="EPSG:3857"), "Its coordinates are not WGS 84: longitude and latitude in degrees."),
    ],
)
def test_file_is_refused_when_it_is_something_else(tmp_path: Path, content: object, problem: str) -> None:
    assert told(tmp_path, content) == [problem]


def test_file_is_taken_with_a_byte_order_mark_and_the_reference_system_of_old(tmp_path: Path) -> None:
    system = {"type": "name", "properties": {"name": "urn:ogc:def:crs:OGC:1.3:CRS84"}}
    content = json.dumps(collection(feature("350203"), crs=system))
    assert checked(tmp_path, f"\ufeff{content}").districts == 1


def test_file_is_refused_when_it_is_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = json.dumps(collection(feature("350203")))
    monkeypatch.setattr(boundaries, "MOST_BYTES", len(content))
    assert checked(tmp_path, content).districts == 1
    assert told(tmp_path, f"{content} ") == [f"The file is larger than {len(content)} bytes: simplify it first."]


def test_a_hundred_problems_are_listed_and_all_are_counted(tmp_path: Path) -> None:
    with pytest.raises(BoundariesRefused) as refused:
        checked(tmp_path, collection(*[feature("350204")] * 1234))
    assert len(refused.value.errors) == 100
    assert str(refused.value.detail) == "Nothing was changed. Problems: 1,234"


def test_file_is_its_owners_and_read_anew_when_it_changes(tmp_path: Path) -> None:
    path = tmp_path / "data" / "boundaries.geojson"
    file = BoundariesFile(path)
    assert file.read() == Boundaries()
    write_boundaries(path, checked(tmp_path, collection(feature("350203"))).content)
    first = file.read()
    assert json.loads(bytes(first.geometries["350203"])) == POLYGON
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert file.read() is first
    write_boundaries(path, checked(tmp_path, collection(feature("云顶"))).content)
    assert list(file.read().geometries) == ["云顶"]
    assert file.read().digest != first.digest
    assert [one.name for one in path.parent.iterdir()] == [path.name]


def test_there_are_none_when_the_file_is_damaged(tmp_path: Path) -> None:
    path = write(tmp_path / "boundaries.geojson", '{"type": "FeatureCollection", "features": [{"prop')
    assert BoundariesFile(path).read() == Boundaries()
