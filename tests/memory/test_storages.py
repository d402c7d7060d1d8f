"""Sizes of GGUF files beside those that are published, and of a model on several cards."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lowrank.errors import InputError
from lowrank.memory import PUBLISHED, STORAGES, cache_bytes, parameters, parts, weight_bytes
from lowrank.memory.storages import Q2_K, Q3_K, Q4_K, Q5_K, Q6_K, Q8_0

LLAMA = PUBLISHED["Llama 3.1 8B"]
# Bits a weight and GiB of Llama 3.1 8B: llama.cpp, tools/quantize/README.md; Q3_K_M: quantize.cpp.
TABLE = {
    "GGUF Q8_0": (8.5008, 7.95),
    "GGUF Q6_K": (6.5633, 6.14),
    "GGUF Q5_K_M": (5.7036, 5.33),
    "GGUF Q4_K_M": (4.8944, 4.58),
    "GGUF Q3_K_M": (None, 3.74),
    "GGUF Q2_K": (3.1593, 2.95),
    "float16": (16.0005, 14.96),
}


@pytest.mark.parametrize("name", TABLE)
def test_llama_3_1_8b_is_as_large_as_llama_cpp_says(name):
    bits, gib = TABLE[name]
    size = weight_bytes(LLAMA, STORAGES[name])
    assert round(size / 2**30, 2) == gib
    if bits:
        assert 8 * size / parameters(LLAMA) == pytest.approx(bits, abs=6e-4)


# Files as their repositories list them: bartowski's of the model, in GB of 10**9 bytes.
@pytest.mark.parametrize(
    ("model", "storage", "size"),
    [
        ("Llama 3.1 70B", "GGUF Q4_K_M", 42.52),
        ("Qwen2.5 7B", "GGUF Q4_K_M", 4.68),
        ("Qwen2.5 7B", "GGUF Q8_0", 8.10),
        ("Gemma 2 9B", "GGUF Q4_K_M", 5.76),
        ("Gemma 3 12B", "GGUF Q4_K_M", 7.30),
        ("Qwen3 30B A3B", "GGUF Q4_K_M", 18.56),
    ],
)
def test_files_of_other_models_are_as_large_as_they_are(model, storage, size):
    """Beside a file's vocabulary, and what llama.cpp keeps in more bits for large models."""
    found = weight_bytes(PUBLISHED[model], STORAGES[storage]) / 1e9
    assert found == pytest.approx(size, rel=0.005)


def test_types_are_as_wide_as_ggufs_blocks():
    gguf = pytest.importorskip("gguf")
    for each in (Q8_0, Q6_K, Q5_K, Q4_K, Q3_K, Q2_K):
        block, size = gguf.GGML_QUANT_SIZES[gguf.GGMLQuantizationType[each.name]]
        assert each.bits_a_number(4096) == 8 * size / block


@pytest.mark.parametrize("storage", ["bfloat16", "GGUF Q4_K_M"])
@pytest.mark.parametrize("model", ["Llama 3.1 70B", "Mixtral 8x7B", "Qwen2.5 72B"])
def test_two_cards_hold_a_model_and_its_norms_twice(model, storage):
    config, stored = PUBLISHED[model], STORAGES[storage]
    norms = sum(stored.of(p).nbytes(p) for p in parts(config) if p.kind == "norm")
    both = 2 * weight_bytes(config, stored, cards=2)
    assert both - weight_bytes(config, stored) == pytest.approx(norms, abs=40)


@given(st.sampled_from(sorted(PUBLISHED)), st.sampled_from([2, 4, 8]), st.integers(1, 50_000))
def test_a_card_of_many_holds_less_and_all_together_hold_no_less(name, cards, tokens):
    config, stored = PUBLISHED[name], STORAGES["bfloat16"]
    if config.num_attention_heads % cards:
        with pytest.raises(InputError, match=f"cards is {cards}"):
            weight_bytes(config, stored, cards)
        return
    for one, alone in (
        (weight_bytes(config, stored, cards), weight_bytes(config, stored)),
        (cache_bytes(config, tokens, cards=cards), cache_bytes(config, tokens)),
    ):
        assert alone / cards <= one <= alone
    if cards <= config.num_key_value_heads and config.num_key_value_heads % cards == 0:
        assert cache_bytes(config, tokens, cards=cards) * cards == cache_bytes(config, tokens)


def test_a_window_keeps_an_eighth_of_32_thousand_tokens():
    """Mistral 7B (arXiv 2310.06825), section 2: at 32k tokens the window of 4096 saves 8 times."""
    plain = PUBLISHED["Mistral 7B v0.3"]
    windowed = replace(plain, sliding_window=4096)
    assert cache_bytes(plain, 32_768) == 8 * cache_bytes(windowed, 32_768)
    assert cache_bytes(plain, 4096) == cache_bytes(windowed, 4096)


# huggingface.co/blog/llama31, "Memory requirements": GB of the cache in float16. Its 405B is left
# out: its number is that of 16 heads of keys, and config.json has 8.
@pytest.mark.parametrize(
    ("model", "tokens", "gib"),
    [
        ("Llama 3.1 8B", 1024, 0.125),
        ("Llama 3.1 8B", 16_000, 1.95),
        ("Llama 3.1 8B", 128_000, 15.62),
        ("Llama 3.1 70B", 16_000, 4.88),
        ("Llama 3.1 70B", 128_000, 39.06),
    ],
)
def test_the_cache_of_llama_3_1_is_as_large_as_published(model, tokens, gib):
    assert cache_bytes(PUBLISHED[model], tokens) / 2**30 == pytest.approx(gib, abs=0.006)
