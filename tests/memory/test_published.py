"""Published models have as many parameters as those who published them say."""

import pytest

from lowrank.memory import PUBLISHED, active_parameters, parameters
from lowrank.memory.accounting import parts

# In billions, as the repositories' cards on huggingface.co state it (README.md of Qwen/…,
# mistralai/…), "Mixtral of experts" and "Cheaper, better, faster, stronger" (mistral.ai/news).
STATED = {
    "Llama 3.1 8B": (8.03, None),
    "Llama 3.1 70B": (70.6, None),
    "Mistral 7B v0.3": (7.25, None),
    "Mistral Small 24B": (23.6, None),
    "Mixtral 8x7B": (46.7, 12.9),
    "Mixtral 8x22B": (141, 39.2),
    "Qwen2.5 0.5B": (0.49, None),
    "Qwen2.5 1.5B": (1.54, None),
    "Qwen2.5 3B": (3.09, None),
    "Qwen2.5 7B": (7.61, None),
    "Qwen2.5 14B": (14.7, None),
    "Qwen2.5 32B": (32.5, None),
    "Qwen2.5 72B": (72.7, None),
    "Qwen3 0.6B": (0.6, None),
    "Qwen3 1.7B": (1.7, None),
    "Qwen3 4B": (4.0, None),
    "Qwen3 8B": (8.2, None),
    "Qwen3 14B": (14.8, None),
    "Qwen3 32B": (32.8, None),
    "Qwen3 30B A3B": (30.5, 3.3),
    "Qwen3 235B A22B": (235, 22),
}
# Without embeddings and head. Qwen: their cards; Gemma 2: table 2 of arXiv 2408.00118, exact;
# Gemma 3: table 1 of arXiv 2503.19786, in millions.
INSIDE = {
    "Qwen2.5 0.5B": 0.36e9,
    "Qwen2.5 1.5B": 1.31e9,
    "Qwen2.5 3B": 2.77e9,
    "Qwen2.5 7B": 6.53e9,
    "Qwen2.5 14B": 13.1e9,
    "Qwen2.5 32B": 31.0e9,
    "Qwen2.5 72B": 70.0e9,
    "Qwen3 0.6B": 0.44e9,
    "Qwen3 1.7B": 1.4e9,
    "Qwen3 4B": 3.6e9,
    "Qwen3 8B": 6.95e9,
    "Qwen3 14B": 13.2e9,
    "Qwen3 32B": 31.2e9,
    "Qwen3 30B A3B": 29.9e9,
    "Qwen3 235B A22B": 234e9,
    "Gemma 2 2B": 2_024_517_888,
    "Gemma 2 9B": 8_324_201_984,
    "Gemma 2 27B": 26_047_480_320,
    "Gemma 3 1B": 698e6,
    "Gemma 3 4B": 3_209e6,
    "Gemma 3 12B": 10_759e6,
    "Gemma 3 27B": 25_600e6,
}


@pytest.mark.parametrize("name", STATED)
def test_all_and_active_parameters_are_those_stated(name):
    total, active = STATED[name]
    assert parameters(PUBLISHED[name]) / 1e9 == pytest.approx(total, rel=0.013)
    used = active_parameters(PUBLISHED[name]) / 1e9
    assert used == pytest.approx(active or parameters(PUBLISHED[name]) / 1e9, rel=0.02)


@pytest.mark.parametrize("name", INSIDE)
def test_parameters_without_embeddings_are_those_stated(name):
    inside = [p for p in parts(PUBLISHED[name]) if p.kind not in ("embeddings", "head")]
    stated = INSIDE[name]
    found = sum(p.total for p in inside)
    exact = isinstance(stated, int)
    assert found == stated if exact else found == pytest.approx(stated, rel=0.012)


def test_every_sixth_layer_of_gemma_3_sees_all_and_every_second_of_gemma_2():
    three, two = PUBLISHED["Gemma 3 4B"], PUBLISHED["Gemma 2 9B"]
    assert [three.window(i) for i in range(7)] == [1024] * 5 + [None, 1024]
    assert [two.window(i) for i in range(4)] == [4096, None, 4096, None]
    assert PUBLISHED["Mistral 7B v0.3"].window(0) is None
