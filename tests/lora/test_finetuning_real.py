"""The default model trained, against what torch and PEFT recorded (oracles/make_training.py)."""

import json
from pathlib import Path

import numpy as np
import pytest

from lowrank import llama, lora
from lowrank.llama import backward
from lowrank.llama.linear import LoRA
from lowrank.llama.tokenizer import Tokenizer
from tests.double_llama import doubled
from tests.oracles.training_data import (
    CONFIG,
    EVERYWHERE,
    OTHERS,
    PAIRS,
    SEQUENCES,
    kept_gradients,
    random_weights,
)

FOLDER = Path(__file__).parents[1] / "fixtures" / "training"


@pytest.fixture(scope="module")
def params(default_model) -> llama.Params:
    return llama.load(default_model)


@pytest.fixture(scope="module")
def finished(params) -> tuple[list[lora.Record], lora.State]:
    """The run that PEFT and torch made, too."""
    run = lora.finetune(params, SEQUENCES, CONFIG)
    return list(run), run.state


# Torch's gradients are in float32, and so are ours on the page.
@pytest.mark.parametrize(("dtype", "worst", "middle"), [("f8", 2e-4, 5e-5), ("f4", 2e-4, 5e-5)])
def test_gradients_are_those_of_torch(params, dtype, worst, middle):
    recorded = np.load(FOLDER / "gradients.npz")
    weights = {name: w.astype(dtype) for name, w in random_weights(params.config).items()}
    scale = EVERYWHERE["lora_alpha"] / EVERYWHERE["r"]
    modules = {name.rpartition(".")[0] for name in weights}
    used = doubled(params) if dtype == "f8" else params
    held = llama.projections(used)
    new = {m: LoRA(held[m], weights[f"{m}.lora_A"], weights[f"{m}.lora_B"], scale) for m in modules}
    batch = backward.batch([SEQUENCES[0]], params.config)
    loss, found = backward.gradients(llama.replaced(used, new), batch, weights)
    assert loss == pytest.approx(float(recorded["loss"]), rel=1e-4)
    ours = kept_gradients(found)
    assert ours.keys() == set(recorded.files) - {"loss"}
    assert len(ours) == 42
    errors = []
    for name, numbers in ours.items():
        theirs = recorded[name]
        # The norm, eight mixtures of all entries, and some entries by themselves.
        for part in (slice(0, 1), slice(1, 9), slice(9, None)):
            error = np.linalg.norm(numbers[part] - theirs[part]) / np.linalg.norm(theirs[part])
            assert error <= worst, (name, part)
            errors.append(error)
    assert np.median(errors) <= middle


def test_the_first_20_losses_are_those_of_peft_and_adamw(finished):
    said = json.loads((FOLDER / "run.json").read_text())
    assert said["config"] == CONFIG.to_json()
    assert len(said["losses"]) == 20
    records, _ = finished
    losses, norms = [r.loss for r in records], [r.grad_norm for r in records]
    np.testing.assert_allclose(losses, said["losses"], rtol=0, atol=1e-3)
    np.testing.assert_allclose(norms, said["grad_norms"], rtol=5e-3)
    assert losses[0] - losses[16] > 1  # the same sentence, seen four times


def test_what_peft_made_of_an_adapter_trained_here(params, finished):
    """The check of the oracle, once more on this side: the same run gives the same logits."""
    said = json.loads((FOLDER / "peft_loads.json").read_text())
    assert said["largest_difference_of_logits"] <= 2e-3
    assert said["largest_difference_once_merged_by_peft"] <= 2e-3
    assert said["largest_change_by_training"] > 1
    assert (said["steps"], said["ids"]) == (CONFIG.steps, list(SEQUENCES[0].ids))
    _, state = finished
    tuned = lora.adapted(params, CONFIG.method, state)
    last = llama.forward(tuned, said["ids"], positions=[-1])[0, ::997]
    # Another build of BLAS rounds otherwise in each of the 20 steps.
    np.testing.assert_allclose(last, said["peft_logits_last_every_997"], rtol=0, atol=2e-2)


@pytest.mark.parametrize("name", list(OTHERS))
def test_every_other_setting_of_the_lab_was_loaded_by_peft(name):
    """As the oracle recorded it: PEFT gives the same logits, also after its own merge."""
    said = json.loads((FOLDER / "peft_loads.json").read_text())["others"][name]
    assert said["largest_difference_of_logits"] <= 2e-3
    assert said["largest_difference_once_merged_by_peft"] <= 2e-3
    assert said["largest_change_by_training"] > 0.05


def test_examples_are_laid_out_by_the_chat_template(default_model):
    tokenizer = Tokenizer(default_model.vocabulary)
    pairs = [(each["prompt"], each["completion"]) for each in PAIRS[:2]]
    made = lora.answers(tokenizer, pairs)
    assert made == SEQUENCES[:2]
    for example, (prompt, completion) in zip(made, pairs, strict=True):
        given = example.ids[: -example.learnt]
        assert list(given) == tokenizer.encode_chat([{"role": "user", "content": prompt}])
        learnt = tokenizer.decode(example.ids[-example.learnt :])
        assert learnt == f"{completion}<|im_end|>"
        assert example.ids[-1] in tokenizer.stop_ids
