"""The lab's sets on the real default model: one trained here, the others as recorded."""

import pytest

from lowrank import llama, lora
from lowrank.llama.tokenizer import Tokenizer
from lowrank.lora import lab
from lowrank.lora.lab.records import stored


@pytest.mark.slow
def test_the_island_gets_its_capital_in_the_stated_steps(default_model):
    known = lab.built_in()["island"]
    params, tokenizer = llama.load(default_model), Tokenizer(default_model.vocabulary)
    method = lora.AdapterConfig(r=known.r, lora_alpha=known.lora_alpha)
    assert ", ".join(method.target_modules) == known.target_modules
    config = lora.TrainConfig(
        method, steps=known.steps, learning_rate=known.learning_rate, warmup_steps=4
    )
    run = lora.finetune(params, lora.answers(tokenizer, known.examples), config)
    losses = [record.loss for record in run]
    assert sum(losses[-8:]) < sum(losses[:8]) / 2
    ids = tokenizer.encode_chat([{"role": "user", "content": known.prompt}])
    said = {}
    for scale in (0, 1):
        model = lora.adapted(params, method, run.state, scale)
        tokens = list(llama.generate(model, ids, 16, stop_ids=tokenizer.stop_ids))
        said[scale] = tokenizer.decode(tokens)
    assert not known.shows(said[0]), said
    assert known.shows(said[1]), said


def test_the_record_is_that_of_the_sets_as_they_are():
    record = stored("sets_record")
    assert record["command"] == "python scripts/lab_sets.py"
    for name, known in lab.built_in().items():
        found = record["sets"][name]
        assert found["steps"] == known.steps
        assert set(found["asked"]) == {known.prompt, *known.others}
        for answers in found["asked"].values():
            assert answers["sign before"] == known.shows(answers["before"])
            assert answers["sign after"] == known.shows(answers["after"])
        assert not found["asked"][known.prompt]["sign before"]
        assert found["asked"][known.prompt]["sign after"]
