"""The whole API under random and hostile requests: nothing unexpected, nothing but what the document says.

Few requests per operation in the short run, more with `--all`; `SCHEMATHESIS_CASES` sets another number, and
`SCHEMATHESIS_TIER` who asks: everybody, to whom everything is answered (`exact`) or protected figures (`public`), or a
key that may write in a district (`scoped`).
"""

import json
import os
import shutil
from collections.abc import Iterator
from typing import Any
from unittest import SkipTest

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import APIOperation, Case, GenerationMode
from schemathesis.checks import content_type_conformance, positive_data_acceptance
from schemathesis.core.errors import InvalidSchema
from schemathesis.core.result import Err, Ok

from app.access.keys import NewKey, make_key
from app.access.principals import Right, Tier
from app.config import Settings
from app.database.engines import make_sync_engine
from app.database.write_lock import write_lock_sync
from app.main import create_app
from tests.document import DOCUMENT
from tests.lengths import at_length, some
from tests.live import live

CASES = int(os.environ.get("SCHEMATHESIS_CASES", at_length(15, 3)))

TIER = Tier(os.environ.get("SCHEMATHESIS_TIER", "exact"))

CODES_ARE_TEXT = positive_data_acceptance
"""Not checked: the document cannot say which codes there are, and an unknown code is refused."""

FILE = "#/components/responses/File"

BINARY = content_type_conformance
"""Not checked of files: documented as binary only, since generated clients break on more."""

REFUSED_UNREAD = {"/problems/content-too-large", "/problems/too-many-jobs", "/problems/too-many-builds"}
"""Right answers to any request whatever: a body too large to be looked at, more jobs at once than are taken."""


Operation = APIOperation[Any, Any, Any, Any]

Asked = tuple[dict[str, Operation], dict[str, str]]
"""Operations by their ids, and the headers that say who asks."""

OPERATIONS = sorted(
    operation["operationId"]
    for path in json.loads(DOCUMENT.read_bytes())["paths"].values()
    for operation in path.values()
)


@pytest.fixture(scope="module")
def operations(siming: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    """Give the operations of a live service on a copy of the demonstration, which some of them change, and headers."""
    folder = tmp_path_factory.mktemp("hostile") / "data"
    shutil.copytree(siming.data_dir, folder)
    made = Settings(_env_file=None, data_dir=folder, anonymous="exact" if TIER is Tier.EXACT else "public")
    headers = {"Authorization": f"Bearer {key_of_a_district(made.registry_url)}"} if TIER is Tier.SCOPED else {}
    with live(create_app(made)) as address:
        document = schemathesis.openapi.from_url(f"{address}/openapi.json")
        found = [read(operation) for operation in document.get_all_operations()]
        yield {operation.definition.raw["operationId"]: operation for operation in found}, headers


def key_of_a_district(url: str) -> str:
    """Make a key that may write in one district; return its token."""
    engine = make_sync_engine(url)
    with write_lock_sync(engine) as connection:
        _, token = make_key(connection, NewKey("one", frozenset({Right.WRITE}), frozenset({"350203"}), 30))
    engine.dispose()
    return token


def read(found: Ok[Operation] | Err[InvalidSchema]) -> Operation:
    assert isinstance(found, Ok), found.err()
    return found.ok()


@pytest.mark.parametrize("name", some(OPERATIONS))
@pytest.mark.parametrize("mode", list(GenerationMode))
def test_every_answer_is_documented_whatever_is_asked(operations: Asked, name: str, mode: GenerationMode) -> None:
    operation, headers = operations[0][name], operations[1]
    good = operation.definition.raw["responses"].get("200", {}).get("$ref", "")
    unchecked = [CODES_ARE_TEXT, *([BINARY] if good == FILE else [])]

    @settings(
        max_examples=CASES, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None
    )
    @given(operation.as_strategy(generation_mode=mode))
    def ask(case: Case[Any]) -> None:
        answer = case.call(headers=headers)
        if answer.status_code in {413, 503} and answer.json()["type"] in REFUSED_UNREAD:
            return
        assert answer.status_code < 500, answer.text
        case.validate_response(answer, excluded_checks=unchecked)

    try:
        ask()
    except (Unsatisfiable, SkipTest):
        assert mode is GenerationMode.NEGATIVE
        assert len(operation.query) == 0, "a query can always be asked wrongly"
