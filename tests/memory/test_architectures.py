"""Families beside the Llama: their counts are those of transformers, and others are refused."""

import json
from pathlib import Path

import pytest

from lowrank.errors import InputError
from lowrank.llama.config import SMOLLM2_135M
from lowrank.memory import active_parameters, lora_parameters, parameters, parts, training_memory
from lowrank.memory.accounting import Storage
from lowrank.memory.architectures import family_of, sizes_of
from lowrank.memory.published import PUBLISHED
from lowrank.memory.sizes import counted

COUNTS = json.loads((Path(__file__).parents[1] / "fixtures" / "counts.json").read_text())


@pytest.mark.parametrize("name", COUNTS)
def test_all_and_active_parameters_are_those_of_transformers(name):
    found, case = counted(COUNTS[name]["config"]), COUNTS[name]
    assert (parameters(found), active_parameters(found)) == (case["total"], case["active"])


@pytest.mark.parametrize("name", sorted(COUNTS.keys() & PUBLISHED.keys()))
def test_a_published_model_has_as_many_as_transformers_gives_it(name):
    found, case = PUBLISHED[name], COUNTS[name]
    assert (parameters(found), active_parameters(found)) == (case["total"], case["active"])


@pytest.mark.parametrize("name", ["bert", "gpt2", "deepseek_v3", "t5", 7])
def test_a_family_that_is_not_counted_is_refused_by_name(name):
    with pytest.raises(InputError, match=f"'?{name}'?, which is not counted"):
        family_of({"model_type": name})


def test_experts_that_are_no_number_are_refused():
    for key, value in (("num_local_experts", "8"), ("num_experts_per_tok", 0)):
        with pytest.raises(InputError, match=key):
            sizes_of(SMOLLM2_135M, {"model_type": "mixtral", key: value})


def test_lora_stands_beside_every_expert_and_a_token_keeps_what_its_own_read():
    mixtral = counted(COUNTS["Mixtral 8x7B"]["config"])
    assert lora_parameters(mixtral, 8, ["down_proj"]) == 32 * 8 * 8 * (4096 + 14336)
    one = counted(COUNTS["Mixtral 8x7B"]["config"] | {"num_experts_per_tok": 1})
    run, less = (training_memory(c, Storage(), 1, tokens=16) for c in (mixtral, one))
    assert run.activations - less.activations == 32 * 16 * 3 * 14336 * 2
    assert run.weights == less.weights


def test_a_llama_is_what_it_was():
    assert parts(sizes_of(SMOLLM2_135M, {"model_type": "llama"})) == parts(SMOLLM2_135M)
