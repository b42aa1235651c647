"""Whatever stands where a code belongs: no answer is an error of the service, on either engine."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from app.config import Settings
from app.main import create_app
from tests.access.callers import make_keys
from tests.access.operations import ASKED
from tests.access.places import registry
from tests.access.test_matrix import OPERATIONS
from tests.factories.loading import fill

CODES = ("%00", "E%00", "%FF", "%ED%A0%80", "%0A", "..", "%2E%2E", "%2F", "'", "%25", "\U0001f600", "x" * 5000)

IN_PATH = [name for name, operation in OPERATIONS.items() if "{" in operation.path]


@pytest.fixture
def client(migrated_url: str, tmp_path: Path) -> Iterator[TestClient]:
    fill(migrated_url, registry())
    token = make_keys(migrated_url)["admin"]
    settings = Settings(_env_file=None, database_url=migrated_url, data_dir=tmp_path / "data", anonymous="exact")
    with TestClient(create_app(settings), headers={"Authorization": f"Bearer {token}"}) as made:
        yield made


@pytest.mark.long
def test_no_answer_is_an_error_of_the_service_when_a_code_is_odd(client: TestClient) -> None:
    for name in IN_PATH:
        operation = OPERATIONS[name]
        body = next((ask.body for ask in ASKED.get(name, ()) if ask.body is not None), None)
        for code in CODES:
            path = operation.path[: operation.path.index("{")] + code + operation.path[operation.path.index("}") + 1 :]
            answer = client.request(operation.method, path, json=body)
            assert answer.status_code < 500, (name, path[:100], answer.text)
