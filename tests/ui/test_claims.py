"""The numbers in a page's prose and docs/claims.toml say the same, and what can be computed is."""

import importlib
import re
import tomllib

import numpy as np
import pytest

from lowrank.memory.accounting import PUBLISHED, RESERVE, fitting
from lowrank.spectra.measures import rank_at_energy
from lowrank.spectra.svd import break_even_rank, singular_values
from lowrank.ui.layout import sections
from tests.pages.opening import ROOT

CLAIMS = tomllib.loads((ROOT / "docs" / "claims.toml").read_text(encoding="utf-8"))
PAGES = ("start", "redundancy", "truncation", "lora", "geometry", "numbers", "parameters")
PAGES += ("fields", "quiz", "rank", "worksheet")
PAGES += ("memory", "adapter", "article", "atlas", "lab", "surgery")
# Two digits, a share or a number of bits are a claim; a lone digit counts or names something.
NUMBER = re.compile(r"(?<![\w.])\d[\d,]*(?:\.\d+)?(?:\s?%|\sbits)?")
CODE = re.compile(r"\{[^}]*\}|`[^`]*`")
COMPUTED = [
    (page, section, said, expression)
    for page, parts in CLAIMS.items()
    for section, claim in parts.items()
    for said, expression in claim.get("computed", {}).items()
]


def stated(prose: str) -> set[str]:
    """The numbers that a section claims."""
    found = (x.rstrip(",") for x in NUMBER.findall(CODE.sub("", prose)))
    return {x for x in found if re.search(r"\d.*\d|%|bits", x)}


@pytest.mark.parametrize("page", PAGES)
def test_every_number_in_prose_is_listed_with_its_source_and_every_listed_one_is_there(page):
    prose = {section: stated(body) for section, body in sections(page).items()}
    listed = {section: set(claim["numbers"]) for section, claim in CLAIMS.get(page, {}).items()}
    assert {section: found for section, found in prose.items() if found} == listed
    assert all(claim["source"] for claim in CLAIMS.get(page, {}).values())


@pytest.mark.parametrize(("page", "section", "said", "expression"), COMPUTED)
def test_what_can_be_computed_is_what_is_said(page, section, said, expression):
    names = {"np": np}
    for room in ("figures", "llama", "memory", "spectra", "surgery", "ui"):
        names[room] = importlib.import_module(f"lowrank.{room}")
    for module in re.findall(
        r"\b(?:figures|llama|memory|spectra|surgery|ui)(?:\.[a-z_]+)*(?=\.)", expression
    ):
        importlib.import_module(f"lowrank.{module}")
    value = eval(expression, names)
    assert value == float(re.sub(r"[^\d.]", "", said))


def test_the_exceptions_named_are_the_exceptions_of_the_default_model(default_model):
    named = [(0, "q_proj"), (0, "k_proj"), (18, "k_proj"), (23, "k_proj")]
    others = [(14, "q_proj"), (17, "k_proj"), (14, "v_proj"), (14, "up_proj")]
    for layer, kind in (*named, *others):
        part = "self_attn" if kind[0] in "qkv" else "mlp"
        W = default_model.read(f"model.layers.{layer}.{part}.{kind}.weight")
        below = rank_at_energy(singular_values(W).s, 0.99) < break_even_rank(*W.shape)
        assert below == ((layer, kind) in named), (layer, kind)


def test_shares_in_words_are_those_of_the_listed_models():
    grouped = [
        c.num_key_value_heads / c.num_attention_heads
        for c in PUBLISHED.values()
        if c.num_key_value_heads < c.num_attention_heads
    ]
    assert (max(grouped), min(grouped)) == (1 / 3, 1 / 16)
    prose = sections("memory")
    assert "a third to a sixteenth as wide in the models listed here" in prose["inference"]
    assert "five cards of 80 GB" in prose["inference"]
    assert -(-352_494_542_848 // (80 * 2**30 - RESERVE)) == 5
    assert fitting(352_494_542_848) == ("141 GB (H200)", 3)
