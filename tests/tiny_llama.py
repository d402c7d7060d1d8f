"""A Llama small enough to train in a moment, with a vocabulary of bytes, in a folder of its own."""

import json
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from lowrank import llama
from lowrank.llama.config import LlamaConfig
from lowrank.llama.loading import EMBEDDINGS, NORM
from lowrank.llama.model import projections

CONFIG = {
    "model_type": "llama",
    "hidden_size": 128,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "head_dim": 64,
    "vocab_size": 258,
    "max_position_embeddings": 512,
    "rms_norm_eps": 1e-6,
    "rope_theta": 10000.0,
    "tie_word_embeddings": True,
    "hidden_act": "silu",
}


def write(folder: Path) -> Path:
    """A checkpoint as transformers keeps it: configuration, weights, tokenizer."""
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(CONFIG))
    shape = {k: v for k, v in CONFIG.items() if k not in ("model_type", "hidden_act")}
    params = llama.random(LlamaConfig(**shape), np.random.default_rng(0))
    held = {EMBEDDINGS: params.embed_tokens, NORM: params.norm}
    for i, layer in enumerate(params.layers):
        for norm in ("input_layernorm", "post_attention_layernorm"):
            held[f"model.layers.{i}.{norm}.weight"] = getattr(layer, norm)
    for name, projection in projections(params).items():
        if name != "lm_head":
            held[f"{name}.weight"] = projection.matrix()
    save_file(held, folder / "model.safetensors")
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {"<s>": 0, "</s>": 1} | {letter: 2 + i for i, letter in enumerate(letters)}
    tokenizer = Tokenizer(models.BPE(vocabulary, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(["<s>", "</s>"])
    tokenizer.save(str(folder / "tokenizer.json"))
    about = {"bos_token": "<s>", "eos_token": "</s>", "add_bos_token": True}
    (folder / "tokenizer_config.json").write_text(json.dumps(about))
    return folder
