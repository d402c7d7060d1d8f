"""The default model against what transformers recorded of it: see tests/oracles/make_llama.py."""

import json
from pathlib import Path

import numpy as np
import pytest

from lowrank import llama
from lowrank.llama.tokenizer import Tokenizer

FOLDER = Path(__file__).parents[1] / "fixtures" / "llama"
SAID = json.loads((FOLDER / "said.json").read_text())
TEXTS = list(SAID["texts"])


@pytest.fixture(scope="module")
def params(default_model) -> llama.Params:
    return llama.load(default_model)


@pytest.fixture(scope="module")
def recorded():
    return np.load(FOLDER / "logits.npz")


@pytest.fixture(scope="module")
def tokenizer(default_model) -> Tokenizer:
    return Tokenizer(default_model.vocabulary)


@pytest.mark.parametrize("name", TEXTS)
def test_logits_agree_with_transformers_with_and_without_a_cache(name, params, recorded):
    ids = recorded[f"{name}.ids"]
    plain = llama.forward(params, ids)
    cache, half = llama.Cache(), len(ids) // 2
    parts = [ids[:half], ids[half:-1], ids[-1:]]
    cached = np.concatenate([llama.forward(params, part, cache) for part in parts])
    for logits in (plain, cached):
        assert logits.dtype == np.float32
        np.testing.assert_allclose(
            logits[:, :: SAID["every"]], recorded[f"{name}.some"], rtol=0, atol=2e-3
        )
        last = logits[-1, :: SAID["every_last"]]
        np.testing.assert_allclose(last, recorded[f"{name}.last"], rtol=0, atol=2e-3)
        np.testing.assert_array_equal(logits.argmax(axis=-1), recorded[f"{name}.top"])
    loss = llama.cross_entropy(plain[:-1], ids[1:]).mean()
    assert loss == pytest.approx(float(recorded[f"{name}.nll"]), abs=1e-4)


@pytest.mark.parametrize("name", TEXTS)
def test_greedy_continuations_are_transformers_own(name, params, recorded):
    """Each of the 32 is the most probable after those before it: one forward tells it of all."""
    ids, expected = recorded[f"{name}.ids"], SAID["greedy"][name]
    assert len(expected) == 32
    logits = llama.forward(params, [*ids, *expected[:-1]], positions=slice(len(ids) - 1, None))
    assert logits.argmax(axis=-1).tolist() == expected


@pytest.mark.parametrize("name", ["french", "code"])
def test_generation_with_its_cache_finds_the_same(name, params, recorded):
    expected = SAID["greedy"][name]
    assert list(llama.generate(params, recorded[f"{name}.ids"], 32)) == expected


def test_ids_are_those_of_the_reference_tokenizer(tokenizer):
    cases = json.loads((FOLDER / "ids.json").read_text())
    assert len(cases) > 300
    wrong = [c["text"] for c in cases if tokenizer.encode(c["text"], special=True) != c["ids"]]
    assert wrong == []


def test_a_conversation_is_laid_out_as_transformers_does(tokenizer):
    assert tokenizer.encode_chat(SAID["chat"]) == SAID["chat_ids"]
    assert {2, 0} <= tokenizer.stop_ids
    assert tokenizer.prefix == []


def test_the_model_answers_a_question_and_stops(params, tokenizer):
    ids = tokenizer.encode_chat([{"role": "user", "content": "What is the capital of France?"}])
    answer = list(llama.generate(params, ids, 24, stop_ids=tokenizer.stop_ids))
    assert "Paris" in tokenizer.decode(answer)
    assert "".join(tokenizer.stream(answer)) == tokenizer.decode(answer)
    assert len(answer) < 24
