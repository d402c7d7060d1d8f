"""Record what torch and PEFT do in training the default model: gradients, and losses of a run.

python tests/oracles/make_training.py            writes tests/fixtures/training anew
python tests/oracles/make_training.py --check    PEFT loads an adapter trained by lowrank; the
                                                 difference in logits goes to peft_loads.json

Needs torch 2.13, transformers 5 and peft 0.21, which the test suite does not.
"""

import argparse
import json
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import get_linear_schedule_with_warmup

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "tests" / "fixtures" / "training"
sys.path.insert(0, str(ROOT))

from tests.oracles.make_llama import reference_model  # noqa: E402
from tests.oracles.training_data import (  # noqa: E402
    CONFIG,
    EVERYWHERE,
    OTHERS,
    OTHERS_STEPS,
    PAIRS,
    SEQUENCES,
    kept_gradients,
    random_weights,
)

PREFIX = "base_model.model."


def peft_model(model, fields: dict, weights: dict, base_model=None):
    """The default model in PEFT with LoRA of the given arrays."""
    chosen = LoraConfig(task_type="CAUSAL_LM", **fields)
    peer = get_peft_model(base_model or reference_model(model), chosen)
    with torch.no_grad():
        named = dict(peer.named_parameters())
        for name, array in weights.items():
            named[f"{PREFIX}{name}.default.weight"].copy_(torch.from_numpy(array))
    return peer.train()


def loss_of(peer, example) -> torch.Tensor:
    """The mean over the tokens that count, transformers' own loss with labels of -100."""
    ids = torch.tensor([example.ids])
    labels = torch.where(torch.tensor([example.mask]), ids, -100)
    return peer(input_ids=ids, labels=labels).loss


def gradients(model) -> dict[str, np.ndarray]:
    """Loss and gradients of all seven projections' LoRA for one sequence, as `kept_gradients`."""
    weights = random_weights(model.config)
    peer = peft_model(model, EVERYWHERE, weights)
    loss = loss_of(peer, SEQUENCES[0])
    loss.backward()
    named = dict(peer.named_parameters())
    found = {name: named[f"{PREFIX}{name}.default.weight"].grad.numpy() for name in weights}
    return {"loss": np.array(loss.item())} | kept_gradients(found)


def run(model) -> tuple[list[float], list[float]]:
    """Losses and gradient norms of `CONFIG`'s steps with torch's AdamW."""
    from lowrank import llama, lora

    state = lora.start(llama.load(model), CONFIG)
    method = CONFIG.method
    fields = {
        "r": method.r,
        "lora_alpha": method.lora_alpha,
        "target_modules": list(method.target_modules),
        "lora_dropout": 0.0,
    }
    peer = peft_model(model, fields, dict(state.weights))
    trained = [p for p in peer.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(
        trained, lr=CONFIG.learning_rate, weight_decay=CONFIG.weight_decay
    )
    rates = get_linear_schedule_with_warmup(optimizer, CONFIG.warmup_steps, CONFIG.steps)
    losses, norms = [], []
    for step in range(CONFIG.steps):
        loss = loss_of(peer, SEQUENCES[step % len(SEQUENCES)])
        loss.backward()
        norms.append(float(torch.nn.utils.clip_grad_norm_(trained, CONFIG.max_grad_norm)))
        optimizer.step()
        rates.step()
        optimizer.zero_grad()
        losses.append(loss.item())
        print(f"step {step + 1:2}: loss {losses[-1]:.4f}, norm {norms[-1]:.4f}", flush=True)
    return losses, norms


def check(model) -> None:
    """Train here, save, load with PEFT: the same logits."""
    from lowrank import llama, lora
    from lowrank.lora import adapters

    params = llama.load(model)
    training = lora.finetune(params, SEQUENCES, CONFIG)
    losses = [record.loss for record in training]
    print(f"loss {losses[0]:.4f} -> {losses[-1]:.4f}")
    ids = list(SEQUENCES[0].ids)
    tuned = lora.adapted(params, CONFIG.method, training.state)
    ours, before = llama.forward(tuned, ids), llama.forward(params, ids)

    def loaded(method, state):
        with tempfile.TemporaryDirectory() as folder:
            adapters.save(adapters.trained(method, state), folder)
            peer = PeftModel.from_pretrained(reference_model(model), folder).eval()
            with torch.no_grad():
                beside = peer(torch.tensor([ids])).logits[0].numpy()
                return beside, peer.merge_and_unload()(torch.tensor([ids])).logits[0].numpy()

    theirs, merged = loaded(CONFIG.method, training.state)
    others = {}
    for name, fields in OTHERS.items():
        config = replace(
            CONFIG, method=replace(CONFIG.method, **fields), steps=OTHERS_STEPS, warmup_steps=0
        )
        run = lora.finetune(params, SEQUENCES, config)
        list(run)
        mine = llama.forward(lora.adapted(params, config.method, run.state), ids)
        apart = [float(np.abs(mine - each).max()) for each in loaded(config.method, run.state)]
        others[name] = {
            "largest_difference_of_logits": apart[0],
            "largest_difference_once_merged_by_peft": apart[1],
            "largest_change_by_training": float(np.abs(mine - before).max()),
        }
    import peft
    import transformers

    found = {
        "versions": {
            "peft": peft.__version__,
            "torch": torch.__version__,
            "transformers": transformers.__version__,
        },
        "steps": CONFIG.steps,
        "first_loss": losses[0],
        "last_loss": losses[-1],
        "ids": ids,
        "largest_difference_of_logits": float(np.abs(ours - theirs).max()),
        "largest_difference_once_merged_by_peft": float(np.abs(ours - merged).max()),
        "largest_change_by_training": float(np.abs(ours - before).max()),
        "peft_logits_last_every_997": theirs[-1, ::997].tolist(),
        "others": others,
    }
    print(json.dumps({k: v for k, v in found.items() if "largest" in k}, indent=1))
    print(json.dumps(others, indent=1))
    for each in (found, *others.values()):
        assert each["largest_difference_of_logits"] <= 2e-3
    (FOLDER / "peft_loads.json").write_text(json.dumps(found, indent=1) + "\n")


def main() -> None:
    """Write the fixtures, or check the other direction."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--check", action="store_true")
    torch.set_num_threads(1)  # threads that wait for each other are slow on a busy machine
    from lowrank.readers import open_model

    model = open_model("default")
    FOLDER.mkdir(parents=True, exist_ok=True)
    if parser.parse_args().check:
        check(model)
        return
    np.savez_compressed(FOLDER / "gradients.npz", **gradients(model))
    losses, norms = run(model)
    said = {"config": CONFIG.to_json(), "pairs": PAIRS, "losses": losses, "grad_norms": norms}
    (FOLDER / "run.json").write_text(json.dumps(said, indent=1) + "\n")
    for path in sorted(FOLDER.iterdir()):
        print(path.name, f"{path.stat().st_size / 1e3:,.1f} kB")


if __name__ == "__main__":
    main()
