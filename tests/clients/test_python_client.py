"""A Python client generated from the document: not a word of warning, and it reads what a live server answers."""

import importlib
import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from tests.clients.generated import generate_python, programs, run
from tests.documentation.commands import ADDRESS
from tests.documentation.markdown import Block

QUESTIONS = re.findall(
    r"^def ((?:ask|send|build)_\w+)\(", Path(__file__).with_name("questions.py").read_text(encoding="utf-8"), re.M
)
PROGRAMS = programs("Python", "python")


@pytest.fixture(scope="module")
def client_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("python")
    generate_python(folder)
    return folder


@pytest.fixture(scope="module")
def questions(client_folder: Path) -> Iterator[ModuleType]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(client_folder)
        yield importlib.import_module("tests.clients.questions")


@pytest.mark.parametrize("name", QUESTIONS)
def test_question_is_answered_when_the_client_asks(
    questions: ModuleType, address: str, closed_address: str, name: str
) -> None:
    ask = getattr(questions, name)
    with questions.Client(address) as client:
        places = {"client": client, "closed": closed_address}
        ask(**{parameter: places[parameter] for parameter in inspect.signature(ask).parameters})


@pytest.mark.long
@pytest.mark.parametrize(("program", "shown"), PROGRAMS, ids=range(len(PROGRAMS)))
def test_program_of_the_page_prints_what_is_shown(
    client_folder: Path, address: str, program: Block, shown: Block
) -> None:
    assert run(client_folder, [sys.executable, "-c", program.text.replace(ADDRESS, address)]) == shown.text
