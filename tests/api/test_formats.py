"""Every table in every format: the same figures as in the JSON, read back by programs that others wrote."""

import io
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest
from starlette.testclient import TestClient

from app.catalogue.measures import MEASURE
from app.config import Settings
from app.main import create_app
from app.store.boundaries import write_boundaries
from tests.factories.boundaries import SQUARE, collection, feature
from tests.factories.files_back import READERS, Cube, Flat, plain, read_csv, read_xlsx, sheets
from tests.factories.problems import place_of

STATISTICS = "/v1/statistics"

MEDIA_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "records": "application/json",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "parquet": "application/vnd.apache.parquet",
    "jsonstat": "application/json",
}
SUFFIXES = {"records": "json", "jsonstat": "json"}

QUERIES = {
    "changes": "since=2017-03-31",
    "breakdown": "by=street&by=section",
    "low-membership": "by=division",
    "branches/SM-NET/workplaces": "by=enterprise",
}
"""What must be asked of some tables."""

LISTS = [
    "districts?parent=350203",
    "districts?within=350203&include_empty=true&sort=member_ratio&order=desc",
    "districts?level=site&basis=eligible&ownership=state&ownership=private",
    "districts?level=street&fields=all",
    "districts?level=street&sort=member_ratio&status=ok&fields=member_ratio&fields=members",
    "breakdown?by=sector&by=section&fields=all",
    "breakdown?by=basis",
    "industries?level=division&district=350203",
    "industry-groups?basis=registered",
    "enterprises?limit=1000",
    "branches?limit=1000",
]
PUBLIC_LISTS = [
    "districts?within=350200&level=street&include_empty=true",
    "industries?level=division&sort=members",
    "industry-groups",
    "breakdown?by=street&by=division&fields=all",
]


@pytest.fixture(scope="module")
def public_service(siming: Settings) -> Iterator[TestClient]:
    """Give a client without a key of a service on the demonstration whose public tier is on."""
    with TestClient(create_app(siming.model_copy(update={"anonymous": "public"}))) as client:
        yield client


def fetch(service: TestClient, name: str, file_format: str, query: str = "") -> bytes:
    answer = service.get(f"{STATISTICS}/{name}.{file_format}?{query}")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == MEDIA_TYPES[file_format]
    return answer.content


def paged(service: TestClient, listing: str) -> tuple[str, str, dict[str, Any]]:
    """Name and query of a list, and all of it as JSON."""
    name, _, query = listing.partition("?")
    answer = service.get(f"{STATISTICS}/{name}?{query if 'limit' in query else f'{query}&limit=1000'}")
    assert answer.status_code == 200, answer.text
    page = answer.json()
    assert page["next_cursor"] is None
    return name, query.replace("limit=1000", ""), page


def flat_rows(page: dict[str, Any]) -> list[Flat]:
    """The rows of a page and its margins as a file has them."""
    rows = [flat_row("subject", row) for row in page["data"]]
    margins = [flat_row(name, page[name]) for name in ("total", "unallocated") if page.get(name)]
    return rows + margins


def flat_row(name: str, row: dict[str, Any]) -> Flat:
    flat: Flat = {"row": name}
    for key, value in row.items():
        if key in ("own", "subtree"):
            flat |= {f"{key}_{column}": cell for column, cell in flat_figures(value).items()}
        elif isinstance(value, str):
            flat[key] = value
        elif key not in ("counts", "rates") and value is not None:
            prefix = f"{key}_" if "basis" in row else ""  # rows of a breakdown: of several subjects
            flat |= {
                f"{prefix}{name}": ";".join(cell) if isinstance(cell, list) else cell for name, cell in value.items()
            }
    return flat | (flat_figures(row) if "counts" in row else {})


def flat_figures(figures: dict[str, Any]) -> Flat:
    flat: Flat = dict(figures["counts"])
    for metric, rate in figures.get("rates", {}).items():
        flat[metric] = rate["value"]
        flat |= {f"{metric}_{part}": cell for part, cell in rate.items() if part != "value"}
    return flat


def assert_same(found: list[Flat], expected: list[Flat]) -> None:
    """All cells equal; what a margin does not say is null in a file, and so is an empty text."""
    assert len(found) == len(expected)
    for row, wanted in zip(found, expected, strict=True):
        assert set(wanted) <= set(row)
        assert {name: plain(cell) for name, cell in row.items()} == {name: plain(wanted.get(name)) for name in row}


def assert_same_cube(cube: Cube, expected: list[Flat]) -> None:
    """All figures, statuses and attributes equal."""
    places = [cube.place(row) for row in expected]
    assert len(set(places)) == len(places)
    listed = {(*place, metric) for place in places for metric in cube.metrics}
    assert {place for place, cell in cube.cells.items() if cell is not None} <= listed
    for row, place in zip(expected, places, strict=True):
        assert {metric: cube.cells[(*place, metric)] for metric in cube.metrics} == {
            metric: row.get(metric) for metric in cube.metrics
        }
        for metric in cube.metrics:
            assert cube.status(place, metric) == said_of(row, metric, cube), (row, metric)
        attributes = cube.attributes(place)
        said = {name: plain(cell) for name, cell in row.items() if name in attributes}
        assert {name: plain(cell) for name, cell in attributes.items()} == said


def said_of(row: Flat, column: str, cube: Cube) -> str | None:
    """The status of a cell, from the words of the design: of a metric its own, of a null count what null means."""
    meta = cube.dataset["extension"]["meta"]
    metric, part = next(
        ((column.removesuffix(f"_{part}"), part) for part in ("numerator", "denominator", "n_eff", "low", "high")
         if f"{column.removesuffix(f'_{part}')}_status" in row and column.endswith(f"_{part}")),
        (column, "value"),
    )  # fmt: skip
    if f"{metric}_status" in row:
        status: str | None = row[f"{metric}_status"]
        return status if status != "ok" and (part == "value" or row[column] is None) else None
    if row.get(column) is None and column.startswith(("own_", "subtree_")):
        return {"meetings": "unknown", "attendances": "unknown"}.get(column.partition("_")[2], "not_applicable")
    if row.get(column) is not None or column not in MEASURE:
        return None
    if meta["disclosure"]["policy"] != "none" and not MEASURE[column].public:
        return "protected"
    if MEASURE[column].register_only and meta["member_source"] == "returns":
        return "not_applicable"
    return "unknown" if "ownership" in row else "not_applicable"


@pytest.mark.parametrize("listing", LISTS)
def test_every_cell_is_that_of_the_json_when_read_back(service: TestClient, listing: str) -> None:
    name, query, page = paged(service, listing)
    expected = flat_rows(page)
    for file_format, read in READERS.items():
        assert_same(read(fetch(service, name, file_format, f"{query}&totals=true")), expected)
    assert_same_cube(Cube(fetch(service, name, "jsonstat", f"{query}&totals=true")), expected)


@pytest.mark.parametrize("listing", PUBLIC_LISTS)
def test_every_protected_cell_is_that_of_the_json_when_read_back(public_service: TestClient, listing: str) -> None:
    name, query, page = paged(public_service, listing)
    expected = flat_rows(page)
    assert page["meta"]["disclosure"]["policy"] != "none"
    for file_format, read in READERS.items():
        assert_same(read(fetch(public_service, name, file_format, f"{query}&totals=true")), expected)
    cube = Cube(fetch(public_service, name, "jsonstat", f"{query}&totals=true"))
    assert_same_cube(cube, expected)
    assert {cube.status(cube.place(row), "members_women") for row in expected} == {"protected"}


@pytest.mark.long
def test_every_table_comes_in_every_format_when_asked(service: TestClient) -> None:
    paths = [path for path in service.get("/openapi.json").json()["paths"] if path.endswith(".{format}")]
    names = [
        path.removeprefix(f"{STATISTICS}/").removesuffix(".{format}").replace("{code}", "SM-NET") for path in paths
    ]
    assert {"districts", "breakdown"} <= set(names)
    for name in names:
        for language in ("", "lang=zh", "lang=en"):
            query = f"{QUERIES.get(name, '')}&{language}"
            expected = READERS["records"](fetch(service, name, "records", query))
            workbook = read_xlsx(fetch(service, name, "xlsx", query))
            if language == "lang=zh":
                assert codes_left(workbook) | codes_left(read_csv(fetch(service, name, "csv", query))) == set(), name
            else:
                assert_same(workbook, expected)
            parquet = READERS["parquet"](fetch(service, name, "parquet", query))
            assert [list(row.values()) for row in parquet] == [
                [plain(cell) for cell in row.values()] for row in expected
            ]
            cube = Cube(fetch(service, name, "jsonstat", query))
            if not language:
                assert_same_cube(cube, expected)


def codes_left(rows: list[Flat]) -> set[Any]:
    """Return the cells of a Chinese file that are values of enumerations as programs write them."""
    cells = {
        cell for row in rows for title, cell in row.items() if "代码" not in title and not title.endswith("行业组")
    }
    return {
        cell for cell in cells if isinstance(cell, bool) or (isinstance(cell, str) and re.search("^[a-z_]+$", cell))
    }


@pytest.mark.parametrize("file_format", MEDIA_TYPES)
def test_a_file_is_named_when_sent(service: TestClient, file_format: str) -> None:
    answer = service.get(f"{STATISTICS}/industry-groups.{file_format}?as_of=2017-03-31")
    suffix = SUFFIXES.get(file_format, file_format)
    assert answer.headers["content-disposition"] == f'attachment; filename="industry-groups-2017-03-31.{suffix}"'
    assert answer.headers["content-type"] == MEDIA_TYPES[file_format]


@pytest.mark.parametrize("file_format", MEDIA_TYPES)
def test_the_same_file_has_the_same_bytes_when_asked_again(service: TestClient, file_format: str) -> None:
    first, again = (service.get(f"{STATISTICS}/districts.{file_format}?level=street") for _ in range(2))
    assert first.content == again.content
    assert first.headers["etag"] == again.headers["etag"]


@pytest.mark.parametrize("file_format", MEDIA_TYPES)
def test_an_error_comes_before_the_file_when_there_is_one(service: TestClient, file_format: str) -> None:
    answer = service.get(f"{STATISTICS}/districts.{file_format}?parent=nowhere")
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")


def test_a_workbook_is_refused_before_it_begins_when_it_has_too_many_rows(
    service: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = len(service.get(f"{STATISTICS}/districts?parent=350203").json()["data"])
    path = f"{STATISTICS}/districts.xlsx?parent=350203&totals=true"
    monkeypatch.setattr("app.publication.xlsx.MOST_ROWS", 1 + rows + 2)
    assert service.get(path).status_code == 200
    monkeypatch.setattr("app.publication.xlsx.MOST_ROWS", 1 + rows + 1)
    answer = service.get(f"{path}&order=asc")  # the file from before is cached
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert place_of(answer.json()["errors"][0]) == "format"


@pytest.mark.parametrize("file_format", sorted(set(MEDIA_TYPES) - {"csv"}))
def test_a_byte_order_mark_is_for_csv_alone_when_asked_for(service: TestClient, file_format: str) -> None:
    query = "level=city&fields=members"
    assert fetch(service, "districts", file_format, f"{query}&bom=true") == fetch(
        service, "districts", file_format, query
    )


@pytest.mark.parametrize("file_format", MEDIA_TYPES)
def test_a_list_without_rows_is_a_file_without_rows_when_read_back(service: TestClient, file_format: str) -> None:
    content = fetch(
        service, "enterprises", file_format, "basis=eligible&ownership=collective&organised=false&size_class=large"
    )
    if file_format == "jsonstat":
        assert Cube(content).cells == {}
    else:
        assert (READERS | {"csv": read_csv})[file_format](content) == []


@pytest.mark.parametrize("language", ["zh", "en"])
def test_headings_are_those_of_the_csv_when_in_a_language(service: TestClient, language: str) -> None:
    query = f"level=street&lang={language}&fields=members&fields=member_ratio&totals=true"
    headings = fetch(service, "districts", "csv", query).decode().splitlines()[0].split(",")
    (title, rows), (notes, lines) = sheets(fetch(service, "districts", "xlsx", query))
    assert (title, notes) == {"zh": ("行政区划", "说明"), "en": ("Districts", "Notes")}[language]
    assert rows[0] == headings
    assert [line[0] for line in lines[-len(headings) :]] == headings
    schema = pq.read_schema(io.BytesIO(fetch(service, "districts", "parquet", query)))
    assert [field.metadata[f"label_{language}".encode()].decode() for field in schema] == headings
    dataset = Cube(fetch(service, "districts", "jsonstat", query)).dataset
    labels = dataset["dimension"]["metric"]["category"]["label"]
    assert [labels[name] for name in ("members", "member_ratio")] == [headings[5], headings[6]]
    assert dataset["dimension"]["code"]["category"]["label"]["/total"] == {"zh": "合计", "en": "Total"}[language]


def test_columns_of_parquet_are_the_codes_when_in_a_language(service: TestClient) -> None:
    query = "level=street&fields=members&fields=member_ratio"
    codes = fetch(service, "industries", "csv", "level=section&fields=members").decode().splitlines()[0].split(",")
    content = fetch(service, "industries", "parquet", "level=section&fields=members&lang=zh")
    assert pq.read_schema(io.BytesIO(content)).names == [
        "name" if code == "name_zh" else code for code in codes if code != "name_en"
    ]
    assert pq.read_schema(io.BytesIO(fetch(service, "districts", "parquet", query))).names[6] == "members"


def test_what_figures_rest_on_goes_with_them_when_sent(service: TestClient) -> None:
    meta = service.get(f"{STATISTICS}/districts?level=street").json()["meta"]
    schema = pq.read_schema(io.BytesIO(fetch(service, "districts", "parquet", "level=street")))
    assert json.loads(schema.metadata[b"orgcoverage_meta"]) == meta
    dataset = Cube(fetch(service, "districts", "jsonstat", "level=street")).dataset
    assert dataset["extension"] == {"meta": meta}
    assert dataset["updated"] == meta["updated_at"]
    assert meta["snapshot"] in dataset["source"]
    notes = dict(line[:2] for line in sheets(fetch(service, "districts", "xlsx", "level=street"))[1][1])
    assert notes["Snapshot"] == meta["snapshot"]
    assert notes["As of"] == meta["as_of"]
    assert notes["Basis"] == meta["basis"]
    assert notes["Member source"] == meta["member_source"]
    assert notes["Disclosure policy"] == meta["disclosure"]["policy"]
    assert notes["Updated at"] == meta["updated_at"]
    assert notes["Rows"] == str(meta["rows"])


def test_roles_and_units_are_told_when_a_cube_is_read(service: TestClient) -> None:
    dataset = Cube(fetch(service, "districts", "jsonstat", "level=street")).dataset
    assert dataset["role"] == {"geo": ["code"], "metric": ["metric"]}
    units = dataset["dimension"]["metric"]["category"]["unit"]
    assert units["members"] == {"label": "persons", "decimals": 0}
    assert units["member_ratio"] == {"label": "ratio", "decimals": 4}
    assert units["member_ratio_denominator"] == {"label": "employees", "decimals": 0}
    assert Cube(fetch(service, "industries", "jsonstat")).dataset["role"] == {"metric": ["metric"]}


def test_columns_have_their_types_when_pandas_reads_them(service: TestClient) -> None:
    frame = pd.read_parquet(io.BytesIO(fetch(service, "enterprises", "parquet")))
    codes = [row["enterprise"]["code"] for row in service.get(f"{STATISTICS}/enterprises?limit=1000").json()["data"]]
    assert frame["code"].tolist() == codes
    assert frame["organised"].dtype == bool
    schema = pq.read_schema(io.BytesIO(fetch(service, "enterprises", "parquet")))
    types = {
        name: str(schema.field(name).type) for name in ("code", "members", "member_ratio", "eligible", "reported_on")
    }
    assert types == {
        "code": "string", "members": "int64", "member_ratio": "double", "eligible": "bool",
        "reported_on": "date32[day]",
    }  # fmt: skip
    book = pd.read_excel(io.BytesIO(fetch(service, "enterprises", "xlsx")), engine="calamine", dtype={"code": str})
    assert book["code"].tolist() == codes
    assert book["reported_on"].dtype.kind == "M"


def square(code: str) -> bytes:
    return json.dumps(collection(feature(code))).encode()


@pytest.fixture
def mapped(siming: Settings, tmp_path: Path) -> Iterator[tuple[TestClient, Settings]]:
    """Give a client of a service of both tiers whose boundaries may change."""
    shutil.copytree(siming.snapshots_dir, tmp_path / "snapshots")
    settings = siming.model_copy(update={"data_dir": tmp_path, "public_only": True})
    with TestClient(create_app(settings)) as client:
        yield client, settings


@pytest.mark.parametrize("query", ["parent=350203", "level=site&fields=all&totals=true", "level=street&lang=zh"])
def test_map_has_the_records_as_properties(service: TestClient, query: str) -> None:
    answer = service.get(f"{STATISTICS}/districts.geojson?{query}")
    assert answer.headers["content-type"] == "application/geo+json"
    assert answer.headers["content-disposition"].endswith('.geojson"')
    found = answer.json()
    assert found["type"] == "FeatureCollection"
    assert found["meta"]["as_of"] == "2017-06-30"
    records = json.loads(fetch(service, "districts", "records", query))
    assert [one["properties"] for one in found["features"]] == records
    codes = [record.get("code", record.get("代码")) for record in records]
    assert [one.get("id") for one in found["features"]] == codes
    assert {(one["type"], one["geometry"]) for one in found["features"]} == {("Feature", None)}


def test_map_is_drawn_and_its_tag_changes_when_boundaries_come(mapped: tuple[TestClient, Settings]) -> None:
    client, settings = mapped
    snapshot = client.get("/v1/snapshots").json()["data"][0]["id"]
    path = f"{STATISTICS}/districts.geojson?parent=350203&fields=members&snapshot={snapshot}"
    bare = client.get(path)
    assert {one["geometry"] for one in bare.json()["features"]} == {None}
    assert "immutable" not in bare.headers["cache-control"]  # the snapshot never changes, its map does
    assert client.get(path, headers={"If-None-Match": bare.headers["etag"]}).status_code == 304
    write_boundaries(settings.boundaries_path, square("350203008"))
    drawn = client.get(path, headers={"If-None-Match": bare.headers["etag"]})
    assert drawn.status_code == 200
    assert drawn.headers["etag"] != bare.headers["etag"]
    shapes = {one["id"]: one["geometry"] for one in drawn.json()["features"]}
    assert shapes.pop("350203008") == {"type": "Polygon", "coordinates": [SQUARE]}
    assert set(shapes.values()) == {None}
    assert client.get(path.replace("geojson", "records")).json()[0]["members"] >= 0


def test_map_is_of_districts_alone(service: TestClient) -> None:
    for name in ("industries", "branches", "enterprises"):
        refused = service.get(f"{STATISTICS}/{name}.geojson")
        assert refused.status_code == 404
        assert "geojson" not in refused.json()["errors"][0]["allowed"]
