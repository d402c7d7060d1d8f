"""GGUF's names of tensors, and Hugging Face's."""

import re

# GGUF's short names and Hugging Face's, as llama.cpp maps them for the Llama architecture.
IN_LAYER = {
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "attn_q_norm": "self_attn.q_norm",
    "attn_k_norm": "self_attn.k_norm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
    "attn_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
}
OUTSIDE = {"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head"}


def from_gguf(name: str) -> str:
    """The Hugging Face name of a GGUF tensor; a name of neither kind stays as it is.

    >>> from_gguf("blk.3.attn_q.weight"), from_gguf("token_embd.weight")
    ('model.layers.3.self_attn.q_proj.weight', 'model.embed_tokens.weight')
    """
    found = re.fullmatch(r"(?:blk\.(\d+)\.)?(\w+)\.(weight|bias)", name)
    if found is None:
        return name
    layer, short, ending = found.groups()
    long = OUTSIDE.get(short) if layer is None else IN_LAYER.get(short)
    if long is None:
        return name
    return f"{long}.{ending}" if layer is None else f"model.layers.{layer}.{long}.{ending}"
