"""Stated amounts against exact arithmetic; the article's numbers from published configurations."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lowrank.errors import InputError
from lowrank.memory.claims import article, judged, recounted, said

SQUARE, LAYER = 4096 * 4096, 4 * 4096 * 4096 + 3 * 4096 * 11008
PARAMETERS = 6_738_415_616  # meta-llama/Llama-2-7b-hf, in its model card's safetensors index


def test_the_articles_numbers_are_those_of_the_published_configuration():
    found = {claim.name: (claim.stated, claim.right, claim.verdict.kind) for claim in article()}
    assert found == {
        "matrix": ("64 MB", 4 * SQUARE, "other unit"),
        "layer": ("448 MB", 4 * LAYER, "wrong"),
        "layers": ("16 GB", 32 * 4 * LAYER, "wrong"),
        "training": ("2 ×", Fraction(16 * PARAMETERS, 4 * PARAMETERS), "wrong"),
        "bloom": ("350 GB", 2 * 176_247_271_424, "right"),
        "pair": ("524,288", 2 * 64 * 4096, "right"),
        "share": ("3.125 %", Fraction(2 * 64 * 4096, SQUARE), "right"),
        "lora": ("65,536", 2 * 8 * 4096, "right"),
        "lora share": ("0.39 %", Fraction(2 * 8, 4096), "right"),
    }


@given(st.integers(1, 10**13), st.sampled_from(["", "kB", "MB", "GB", "MiB", "GiB"]))
def test_what_is_said_of_a_number_in_its_own_unit_is_right(nbytes, unit):
    size = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9}[unit[:1]]
    size = {"MiB": 2**20, "GiB": 2**30}.get(unit, size)
    told = said(Fraction(nbytes, size), unit)
    if "e" not in told and not told.startswith("0 "):
        assert judged(told, nbytes).kind == "right"


@given(st.integers(1, 999), st.sampled_from("kMGT"))
def test_binary_amounts_named_in_decimal_units_are_found_out(count, letter):
    power = " kMGT".index(letter)
    nbytes = count * 1024**power
    assert judged(f"{count}.00 {letter}B", nbytes).kind == "other unit"
    assert judged(f"{count} {letter.upper()}iB", nbytes).kind == "right"
    assert judged(f"{2 * count}.0 {letter}B", nbytes).kind == "wrong"


@pytest.mark.parametrize("stated", ["", "GB", "64 XB", "1e9 B", "-5 GB", "64 MB or so", "9" * 30])
def test_what_is_no_amount_is_refused_in_a_sentence(stated):
    with pytest.raises(InputError, match="expected a number and a unit"):
        judged(stated, 1)


def test_a_percentage_needs_a_rank_and_a_rank_the_matrices_can_have():
    with pytest.raises(InputError, match="give its rank r"):
        recounted("3 %", [(4, 6)])
    with pytest.raises(InputError, match="from 1 to 4"):
        recounted("3 %", [(4, 6)], r=5)
    assert recounted("50", [(4, 6)], r=5 - 1).right == 40
    assert str(recounted("0", [(4, 6)])) == "wrong: 24"
