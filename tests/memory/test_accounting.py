"""Counts and bytes against arithmetic from published configurations, and against real files."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lowrank.errors import InputError
from lowrank.llama.config import SMOLLM2_135M, LlamaConfig
from lowrank.memory.accounting import (
    BFLOAT16,
    BLOOM_176B,
    FLOAT16,
    FLOAT32,
    INT8,
    LINEAR,
    NF4,
    NF4_DOUBLE,
    Storage,
    activation_numbers,
    adapter_parameters,
    cache_bytes,
    inference_memory,
    lora_parameters,
    parameters,
    parts,
    training_memory,
    weight_bytes,
)
from lowrank.memory.published import PUBLISHED

LLAMA_2_7B = PUBLISHED["Llama 2 7B"]
SIZES = st.builds(
    lambda heads, groups, head_dim, layers, middle, vocabulary, tied: LlamaConfig(
        hidden_size=heads * groups * head_dim,
        intermediate_size=middle,
        num_hidden_layers=layers,
        num_attention_heads=heads * groups,
        num_key_value_heads=heads,
        head_dim=head_dim,
        vocab_size=vocabulary,
        tie_word_embeddings=tied,
    ),
    *[st.integers(1, 4)] * 4,
    *[st.integers(1, 40)] * 2,
    st.booleans(),
)


# Published totals: the models' own cards and the safetensors indexes of their repositories.
@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("Llama 1 7B", 6_738_415_616),
        ("Llama 2 7B", 6_738_415_616),
        ("Llama 2 13B", 13_015_864_320),
        ("Llama 2 70B", 68_976_648_192),
        ("Llama 3 8B", 8_030_261_248),
        ("Llama 3 70B", 70_553_706_496),
        ("Llama 3.1 405B", 405_853_388_800),
        ("Llama 3.2 1B", 1_235_814_400),
        ("Llama 3.2 3B", 3_212_749_824),
    ],
)
def test_published_models_have_the_published_number_of_parameters(name, count):
    assert parameters(PUBLISHED[name]) == count


def test_llama_2_7b_matrix_by_matrix():
    by_name = {p.name: p for p in parts(LLAMA_2_7B)}
    assert by_name["gate_proj"].shape == (11008, 4096)
    assert sum(by_name[n].total for n in LINEAR) == 6_476_005_376
    assert sum(by_name[n].each for n in LINEAR) == 202_375_168
    assert weight_bytes(LLAMA_2_7B, Storage(FLOAT32, FLOAT32)) / 2**30 == pytest.approx(25.10, 2e-4)
    assert weight_bytes(LLAMA_2_7B, Storage(FLOAT16, FLOAT16)) == 2 * 6_738_415_616


def test_the_popular_estimate_and_the_true_layer():
    popular = 7 * 4096 * 4096 * 4
    assert popular == 448 * 2**20
    assert popular * 32 == 14 * 2**30
    layer = 4 * sum(math.prod(LLAMA_2_7B.projection_shape(name)) for name in LINEAR)
    assert layer == 772 * 2**20
    assert layer * 32 / 2**30 == 24.125


def test_bloom_in_float16_is_its_350_gb():
    gigabytes = 2 * BLOOM_176B / 1e9
    assert gigabytes == pytest.approx(352.5, abs=0.1)


def test_the_default_model_has_as_many_parameters_as_its_file(default_model):
    stored = sum(math.prod(info.shape) for info in default_model.tensors.values())
    assert parameters(SMOLLM2_135M) == stored == 134_515_008


@pytest.mark.parametrize(
    ("config", "r", "targets", "count"),
    [
        (LLAMA_2_7B, 8, ("q_proj", "v_proj"), 4_194_304),
        (LLAMA_2_7B, 64, ("q_proj", "v_proj"), 33_554_432),
        (LLAMA_2_7B, 64, ("q_proj", "k_proj", "v_proj", "o_proj"), 67_108_864),
        (LLAMA_2_7B, 16, LINEAR, 39_976_960),
        (LLAMA_2_7B, 64, LINEAR, 159_907_840),
        (SMOLLM2_135M, 8, ("q_proj", "v_proj"), 460_800),
        (SMOLLM2_135M, 8, LINEAR, 2_442_240),
    ],
)
def test_lora_trains_as_many_parameters_as_peft_prints(config, r, targets, count):
    assert lora_parameters(config, r, targets) == count
    assert lora_parameters(config, 1, targets, dict.fromkeys(targets, r)) == count


@given(SIZES, st.integers(1, 9))
def test_parts_add_up_and_lora_is_linear_in_r(config, r):
    total = sum(math.prod(p.shape) * p.copies for p in parts(config))
    assert parameters(config) == total
    assert lora_parameters(config, r, LINEAR) == r * lora_parameters(config, 1, LINEAR)
    assert weight_bytes(config, Storage(FLOAT32, FLOAT32)) == 4 * total
    assert weight_bytes(config, Storage(BFLOAT16, BFLOAT16)) == 2 * total
    stored = weight_bytes(config, Storage(NF4, FLOAT16))
    assert stored < weight_bytes(config, Storage(FLOAT16, FLOAT16))
    assert weight_bytes(config, Storage(NF4_DOUBLE, FLOAT16)) <= stored


def test_quantized_weights_carry_their_constants():
    linear = 6_476_005_376
    rest = 2 * (6_738_415_616 - linear)
    assert weight_bytes(LLAMA_2_7B, Storage(NF4, FLOAT16)) == linear * 9 // 16 + rest
    rows = sum(p.shape[0] * p.copies for p in parts(LLAMA_2_7B) if p.name in LINEAR)
    assert weight_bytes(LLAMA_2_7B, Storage(INT8, FLOAT16)) == linear + 4 * rows + rest


def test_the_cache_is_two_vectors_a_layer_and_token():
    # Llama 2 7B, float16, 4096 tokens: the 2 GiB that serving papers quote.
    assert cache_bytes(LLAMA_2_7B, context=4096) == 2 * 2**30
    assert cache_bytes(PUBLISHED["Llama 2 70B"], 4096, batch=2) == 2 * 80 * 2 * 1024 * 4096 * 2


def test_adapters_of_houlsby():
    assert adapter_parameters(SMOLLM2_135M, 16) == 60 * (2 * 576 * 16 + 576 + 16)


@given(SIZES, st.integers(1, 64), st.integers(1, 4))
def test_recomputation_keeps_less_and_every_part_grows_with_the_batch(config, tokens, batch):
    kept = activation_numbers(config, tokens, batch)
    assert kept == batch * activation_numbers(config, tokens)
    assert activation_numbers(config, tokens, batch, recompute=True) <= kept + (
        config.num_hidden_layers * config.hidden_size * tokens * batch
    )
    assert activation_numbers(config, tokens, batch, flash=False) - kept == (
        config.num_hidden_layers * config.num_attention_heads * tokens**2 * batch
    )


def test_full_training_takes_sixteen_bytes_a_parameter_in_mixed_precision():
    count = parameters(LLAMA_2_7B)
    run = training_memory(LLAMA_2_7B, Storage(), count, tokens=1, full=True)
    assert run.weights + run.gradients + run.moments + run.master == 16 * count
    single = training_memory(LLAMA_2_7B, Storage(FLOAT32, FLOAT32), count, tokens=1, full=True)
    assert single.master == 0
    assert single.weights + single.gradients + single.moments == 16 * count


def test_lora_needs_moments_only_for_what_it_trains():
    few = lora_parameters(LLAMA_2_7B, 8, ("q_proj", "v_proj"))
    run = training_memory(LLAMA_2_7B, Storage(NF4_DOUBLE, BFLOAT16), few, tokens=512)
    assert (run.added, run.gradients, run.moments) == (4 * few, 4 * few, 8 * few)
    assert run.total < 24 * 2**30


def test_inference_is_weights_and_cache():
    found = inference_memory(LLAMA_2_7B, Storage(), context=4096)
    assert found.total == 2 * 6_738_415_616 + 2 * 2**30


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: lora_parameters(SMOLLM2_135M, 0, ["q_proj"]), "r is 0"),
        (lambda: lora_parameters(SMOLLM2_135M, 8, ["lm_head"]), "'lm_head'"),
        (lambda: cache_bytes(SMOLLM2_135M, 0), "context is 0"),
        (lambda: adapter_parameters(SMOLLM2_135M, -1), "bottleneck is -1"),
        (lambda: training_memory(SMOLLM2_135M, Storage(NF4), 1, 1, full=True), "NF4"),
    ],
)
def test_bad_sizes_are_named(call, words):
    with pytest.raises(InputError, match=words):
        call()
