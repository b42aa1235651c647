import csv
from pathlib import Path

import pytest

from app.registry.credit_code import (
    ALPHABET,
    WEIGHTS,
    MalformedCode,
    check_character,
    is_valid,
    organisation_check_character,
)

VECTORS = Path(__file__).parents[1] / "data" / "credit_code_vectors.csv"


def vectors() -> list[dict[str, str]]:
    with VECTORS.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("vector", vectors(), ids=lambda vector: f"{vector['code']}-{vector['expected']}")
def test_is_valid_agrees_when_the_code_is_a_vector(vector: dict[str, str]) -> None:
    assert is_valid(vector["code"]) == (vector["expected"] == "valid")


@pytest.mark.parametrize("vector", [v for v in vectors() if v["weighted_sum"]], ids=lambda vector: vector["code"])
def test_check_characters_agree_when_a_vector_has_them(vector: dict[str, str]) -> None:
    code = vector["code"]
    assert check_character(code[:17]) == vector["expected_check_char"]
    assert organisation_check_character(code[8:16]) == vector["expected_inner_check"]


def test_check_character_is_zero_when_the_sum_is_a_multiple_of_31() -> None:
    assert check_character("0" * 17) == "0"
    assert check_character("1" + "0" * 10 + "0" * 5 + "0") == "Y"  # 31 - 1 = 30


def test_weights_are_powers_of_three_when_reduced_modulo_31() -> None:
    assert tuple(3**power % 31 for power in range(17)) == WEIGHTS
    assert not set("IOSVZ") & set(ALPHABET)
    assert len(ALPHABET) == 31


@pytest.mark.parametrize("text", ["", "9135020073786628", "91350200737866 8X", "9135020073786628I"])
def test_check_character_refuses_when_the_text_is_malformed(text: str) -> None:
    with pytest.raises(MalformedCode):
        check_character(text)


@pytest.mark.parametrize("text", ["", "7152672", "71526726X", "7152672x", "７1526726"])
def test_organisation_check_character_refuses_when_the_text_is_malformed(text: str) -> None:
    with pytest.raises(MalformedCode):
        organisation_check_character(text)


@pytest.mark.parametrize(
    "code", ["91350200737866 8XK", " 9135020073786628XK", "9135020073786628XK\n", "91A50200737866280K"]
)
def test_is_valid_refuses_when_the_shape_is_wrong(code: str) -> None:
    assert not is_valid(code)
