"""Record what transformers does with the default model: logits, greedy tokens, token ids.

python tests/oracles/make_llama.py        writes tests/fixtures/llama anew

Needs torch 2.13 and transformers 5, which the test suite does not. The weights are the default
model's, dequantised by the project's reader (which is tested against the `gguf` package) and put
into transformers' LlamaForCausalLM as they are, float32; attention is transformers' eager one.

The reference tokenizer is what transformers makes of the GGUF file, with one correction. It ignores
tokenizer.ggml.pre, "smollm", and cuts text by GPT-2's rule alone; SmolLM2's own tokenizer.json cuts
digits one by one first: Sequence(Digits(individual_digits=True), ByteLevel). That is put back.
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch
from tokenizers import pre_tokenizers
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "tests" / "fixtures" / "llama"
sys.path.insert(0, str(ROOT))

from tests.oracles.texts import TEXTS, strings  # noqa: E402

NEW_TOKENS = 32
EVERY, LAST = 194, 7  # each such entry of the vocabulary is kept, at all and the last position


def reference_model(model, attention: str = "eager") -> LlamaForCausalLM:
    """transformers' Llama with the default model's weights."""
    c = model.config
    config = LlamaConfig(
        hidden_size=c.hidden_size,
        intermediate_size=c.intermediate_size,
        num_hidden_layers=c.num_hidden_layers,
        num_attention_heads=c.num_attention_heads,
        num_key_value_heads=c.num_key_value_heads,
        head_dim=c.head_dim,
        vocab_size=c.vocab_size,
        max_position_embeddings=c.max_position_embeddings,
        rope_parameters={"rope_type": "default", "rope_theta": c.rope_theta},
        rms_norm_eps=c.rms_norm_eps,
        tie_word_embeddings=True,
        attn_implementation=attention,
    )
    with torch.device("meta"):
        peer = LlamaForCausalLM(config)
    peer = peer.to_empty(device="cpu").to(torch.float32)
    state = {name: torch.from_numpy(model.read(name)) for name in model.tensors}
    missing, unexpected = peer.load_state_dict(state, strict=False)
    assert set(missing) <= {"lm_head.weight"}, missing
    assert not unexpected, unexpected
    peer.tie_weights()
    # Not learnt, so neither on the meta device nor in the state: computed anew.
    peer.model.rotary_emb = type(peer.model.rotary_emb)(config)
    return peer.eval()


def reference_tokenizer(path: Path):
    """transformers' tokenizer for the file, with SmolLM2's own way to cut digits."""
    found = AutoTokenizer.from_pretrained(str(path.parent), gguf_file=path.name)
    found.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
        ]
    )
    return found


def main() -> None:
    """Write the fixtures."""
    torch.set_num_threads(1)  # threads that wait for each other are slow on a busy machine
    from lowrank.readers import open_model

    model = open_model("default")
    tokenizer, peer = reference_tokenizer(model.path), reference_model(model)
    FOLDER.mkdir(parents=True, exist_ok=True)
    recorded = [
        {"text": text, "ids": tokenizer(text, add_special_tokens=False)["input_ids"]}
        for text in strings()
    ]
    (FOLDER / "ids.json").write_text(
        json.dumps(recorded, ensure_ascii=True, separators=(",", ":")).replace("},{", "},\n{")
    )
    chat = [
        {"role": "user", "content": "What is a rank?"},
        {"role": "assistant", "content": "A number."},
        {"role": "user", "content": "Of what? 12 words."},
    ]
    arrays: dict[str, np.ndarray] = {}
    said = {"texts": TEXTS, "every": EVERY, "every_last": LAST, "chat": chat, "greedy": {}}
    template = model.metadata["tokenizer.chat_template"]
    said["chat_ids"] = tokenizer.apply_chat_template(
        chat, chat_template=template, add_generation_prompt=True, return_dict=False
    )
    with torch.no_grad():
        for name, text in TEXTS.items():
            ids = tokenizer(text, add_special_tokens=False)["input_ids"]
            logits = peer(torch.tensor([ids])).logits[0].numpy()
            arrays[f"{name}.ids"] = np.array(ids, np.int32)
            arrays[f"{name}.some"] = logits[:, ::EVERY].astype(np.float32)
            arrays[f"{name}.last"] = logits[-1, ::LAST].astype(np.float32)
            arrays[f"{name}.top"] = logits.argmax(-1).astype(np.int32)
            grown = peer.generate(
                torch.tensor([ids]),
                max_new_tokens=NEW_TOKENS,
                min_new_tokens=NEW_TOKENS,
                do_sample=False,
                pad_token_id=2,
                eos_token_id=None,
            )[0]
            said["greedy"][name] = grown[len(ids) :].tolist()
            loss = torch.nn.functional.cross_entropy(
                torch.from_numpy(logits[:-1]), torch.tensor(ids[1:])
            )
            arrays[f"{name}.nll"] = np.array(loss.item())
            print(f"{name:8} {len(ids):3} tokens, loss {loss.item():.4f}", flush=True)
            print("   ", repr(tokenizer.decode(grown[len(ids) :]))[:100])
    np.savez_compressed(FOLDER / "logits.npz", **arrays)
    (FOLDER / "said.json").write_text(json.dumps(said, indent=1))
    for path in sorted(FOLDER.iterdir()):
        print(path.name, f"{path.stat().st_size / 1e3:,.0f} kB")


if __name__ == "__main__":
    main()
