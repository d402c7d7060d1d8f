"""Show that exports open in transformers as the models they are, and record its logits.

python tests/oracles/make_exports.py            writes tests/fixtures/exports.json anew
python tests/oracles/make_exports.py --default  the default model too: logits, AutoTokenizer's ids

Needs torch, transformers 5 and gguf, of which the test suite has only the last. For each case of
`export_cases` transformers is given the true configuration and weights; the files are then opened
and exported by this project, and transformers opens the export. Both must compute the same.
"""

import json
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save_file
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from lowrank.llama.tokenizer import Tokenizer  # noqa: E402
from lowrank.lora import adapters  # noqa: E402
from lowrank.lora.adapters import Adapter, AdapterConfig, Pair  # noqa: E402
from lowrank.readers import open_model  # noqa: E402
from tests.families import written  # noqa: E402
from tests.oracles import export_cases as cases  # noqa: E402
from tests.oracles.texts import TEXTS, strings  # noqa: E402

FIXTURE = ROOT / "tests" / "fixtures" / "exports.json"


def logits(model, ids) -> np.ndarray:
    """Of every position, float64."""
    with torch.no_grad():
        return model(torch.tensor([ids])).logits[0].double().numpy()


def truth(case: cases.Case) -> torch.nn.Module:
    """transformers' model with the true configuration, and the adapter added by hand."""
    held, change = cases.weights(case), cases.adapter(case)
    said = {"model_type": "llama"} | cases.SIZES | case.config
    for name, value in change.replaced.items():
        held[name] = value
        said["vocab_size"] = len(value)
    for module, pair in change.pairs.items():
        if module == "lm_head":
            held[cases.HEAD] = held[cases.E].copy()
            said["tie_word_embeddings"] = False
        held[f"{module}.weight"] = held[f"{module}.weight"] + pair.delta()
    kind = said.pop("model_type")
    config = AutoConfig.for_model(kind, **said, attn_implementation="eager")
    model = AutoModelForCausalLM.from_config(config).float().eval()
    state = {name: torch.from_numpy(value) for name, value in held.items()}
    missing, unexpected = model.load_state_dict(state, strict=False)
    assert not unexpected, unexpected
    for name in missing:  # biases that the file leaves out are zero
        assert name.endswith("bias") or name == cases.HEAD, name
        if name.endswith("bias"):
            model.get_parameter(name).data.zero_()
    return model


def opened(folder: Path) -> torch.nn.Module:
    """The export in transformers, with nothing missing and nothing left over."""
    model, found = AutoModelForCausalLM.from_pretrained(
        folder, output_loading_info=True, attn_implementation="eager", dtype=torch.float32
    )
    wrong = {key: value for key, value in found.items() if value}
    assert not wrong, wrong
    return model.eval()


def main() -> None:
    """Print how far logits are apart and write the fixture."""
    torch.set_num_threads(1)
    recorded = {}
    for name, case in cases.CASES.items():
        with tempfile.TemporaryDirectory() as work:
            base, out = cases.made(case, Path(work) / "base"), Path(work) / "out"
            adapters.export(open_model(base), cases.adapter(case), out)
            expected, got = logits(truth(case), cases.IDS), logits(opened(out), cases.IDS)
            config = json.loads((out / "config.json").read_text())
        apart = np.abs(got - expected).max() / np.abs(expected).max()
        print(f"{name:35} logits apart {apart:.1e} of the largest")
        assert got.shape == expected.shape
        assert apart < 1e-5, name
        recorded[name] = {"config": config, "logits": np.round(expected[-3:], 5).tolist()}
    for name, case, kind in cases.RELATIVES:
        with tempfile.TemporaryDirectory() as work:
            base, out = cases.relative(case, kind, Path(work)), Path(work) / "out"
            adapters.export(open_model(base), cases.NOTHING, out)
            expected = np.array(cases.OF_RELATIVES[case]["logits"])
            got = logits(opened(out), cases.IDS_OF_RELATIVES)
            config = json.loads((out / "config.json").read_text())
        apart = np.abs(got - expected).max() / np.abs(expected).max()
        print(f"{name:35} logits apart {apart:.1e} of the largest")
        assert apart < 1e-5, name
        recorded[name] = {"config": config, "logits": cases.OF_RELATIVES[case]["logits"][-3:]}
    for name in cases.FAMILIES:
        with tempfile.TemporaryDirectory() as work:
            base, out = written(Path(work) / "base", name), Path(work) / "out"
            change, held = cases.change_of(name)
            adapters.export(open_model(base), change, out)
            save_file(held, base / "model.safetensors", {"format": "pt"})
            expected, got = (logits(opened(p), cases.FAMILIES_IDS) for p in (base, out))
            config = json.loads((out / "config.json").read_text())
        apart = float(np.abs(got - expected).max() / np.abs(expected).max())
        print(f"{name:35} logits apart {apart:.1e} of the largest")
        assert apart < 1e-5, name
        recorded[f"family {name}"] = {"config": config, "apart": apart}
    FIXTURE.write_text(json.dumps(recorded) + "\n")
    if "--default" in sys.argv:
        default()


def default() -> None:
    """The default model, a GGUF with a vocabulary: same ids, same logits."""
    from lowrank import llama

    model, module = open_model("default"), "model.layers.3.self_attn.q_proj"
    rng = np.random.default_rng(0)
    A, B = (rng.standard_normal(s, dtype=np.float32) for s in ((2, 576), (576, 2)))
    change = Adapter(
        AdapterConfig(r=2, target_modules=("q_proj",)), {module: Pair(module, A, B, 0.01)}
    )
    with tempfile.TemporaryDirectory() as work:
        out = Path(work) / "out"
        adapters.export(model, change, out, dtype="F32")
        theirs, ours = AutoTokenizer.from_pretrained(out), Tokenizer(model.vocabulary)
        texts = [*TEXTS.values(), *strings()]
        wrong = [
            t
            for t in texts
            if theirs(t)["input_ids"] != ours.begin(t)
            and theirs(t)["input_ids"] != [*ours.prefix, *ours.encode(t, special=True)]
        ]
        print(f"AutoTokenizer: {len(texts) - len(wrong)} of {len(texts)} texts have our ids")
        assert not wrong, wrong[:3]
        assert (theirs.bos_token_id, theirs.eos_token_id) == (ours.bos, ours.eos)
        chat = [{"role": "user", "content": "Hi"}]
        said = theirs.apply_chat_template(chat, add_generation_prompt=True)
        assert list(said["input_ids"] if hasattr(said, "keys") else said) == ours.encode_chat(chat)
        ids = ours.begin(TEXTS["english"])
        peer = opened(out)
        expected = logits(peer, ids)
        stops = peer.generation_config.eos_token_id
        got = llama.forward(llama.load(open_model(out)), ids)
    print(
        f"default model: logits apart {np.abs(got - expected).max() / np.abs(expected).max():.1e}"
    )
    print(f"generation stops at {stops}; the model's end is {ours.eos}")


if __name__ == "__main__":
    main()
