import csv
import re
from pathlib import Path

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.registry.credit_code import (
    ALPHABET,
    IS_CREDIT_CODE,
    LOOKS_LIKE_CREDIT_CODE,
    ORGANISATION_ALPHABET,
    ORGANISATION_CHECKS,
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


@st.composite
def nearly_codes(draw: st.DrawFn) -> str:
    """A code of the right shape, most often with a right check character or two, and perhaps one character changed."""
    code8 = draw(st.text(ALPHABET, min_size=8, max_size=8))
    check = draw(st.just(organisation_check_character(code8)) | st.sampled_from(ORGANISATION_CHECKS))
    code17 = draw(st.from_regex(r"[0-9A-H]{2}[0-9]{6}", fullmatch=True)) + code8 + check
    code = code17 + draw(st.just(check_character(code17)) | st.sampled_from(ALPHABET))
    place = draw(st.none() | st.integers(0, 17))
    other = draw(st.sampled_from(ORGANISATION_ALPHABET + "az' 汉"))
    return code if place is None else code[:place] + other + code[place + 1 :]


@given(st.lists(nearly_codes() | st.text(max_size=19), unique=True))
def test_the_conditions_in_sql_agree_with_python_when_codes_are_random(codes: list[str]) -> None:
    shape = re.compile("[0-9A-Za-z]{2}[0-9]{6}[0-9A-Za-z]{10}")
    with duckdb.connect() as connection:
        text = f"SELECT code, {LOOKS_LIKE_CREDIT_CODE}, {IS_CREDIT_CODE} FROM (SELECT unnest(?::VARCHAR[]) AS code)"
        for code, looks, valid in connection.execute(text, [codes]).fetchall():
            assert looks == (shape.fullmatch(code) is not None), code
            assert (looks and valid) == is_valid(code), code
