"""The sizes of published models, each from its own config.json.

Sources: Touvron et al. 2023 (arXiv 2302.13971, table 2; 2307.09288), "The Llama 3 herd of models"
(arXiv 2407.21783, table 3), and config.json in the repository of that name on huggingface.co:
meta-llama/Llama-3.1-8B and so on; mistralai/Mistral-7B-v0.3, Mistral-Small-24B-Base-2501,
Mixtral-8x7B-v0.1 and Mixtral-8x22B-v0.1; Qwen/Qwen2.5-7B, Qwen/Qwen3-8B and so on;
google/gemma-2-9b, google/gemma-3-12b-pt and so on, whose encoder of pictures is left out.
"""

from collections.abc import Mapping

from lowrank.llama.config import LLAMA2_7B, LlamaConfig
from lowrank.memory.architectures import sizes_of


def _model(
    family: str,
    sizes: tuple[int, ...],
    vocabulary: int,
    longest: int,
    head_dim: int = 0,
    theta: float = 1e6,
    tied: bool = False,
    **said: int,
) -> LlamaConfig:
    """A family's model; `said` is what else its config.json says.

    `sizes` are those of hidden vectors and of the MLP, then layers, heads, and heads of keys.
    """
    hidden, middle, layers, heads, kv_heads = sizes
    config = LlamaConfig(
        hidden_size=hidden,
        intermediate_size=middle,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=kv_heads,
        head_dim=head_dim or hidden // heads,
        vocab_size=vocabulary,
        max_position_embeddings=longest,
        rope_theta=theta,
        tie_word_embeddings=tied,
        model_type=family,
    )
    return sizes_of(config, {"model_type": family, "intermediate_size": middle, **said})


def _llama(*sizes: int, longest: int = 2048) -> LlamaConfig:
    return _model("llama", sizes, 32_000, longest, theta=10_000.0)


def _llama3(*sizes: int, longest: int = 131_072, tied: bool = False) -> LlamaConfig:
    return _model("llama", (*sizes, 8), 128_256, longest, theta=500_000.0, tied=tied)


def _qwen2(*sizes: int, longest: int = 131_072) -> LlamaConfig:
    tied = sizes[0] < 3000
    return _model("qwen2", sizes, 151_936 if tied else 152_064, longest, tied=tied)


def _qwen3(*sizes: int) -> LlamaConfig:
    return _model("qwen3", sizes, 151_936, 40_960, 128, tied=sizes[0] < 4000)


def _qwen3_moe(*sizes: int, width: int) -> LlamaConfig:
    return _model(
        "qwen3_moe",
        sizes,
        151_936,
        40_960,
        128,
        num_experts=128,
        num_experts_per_tok=8,
        moe_intermediate_size=width,
    )


def _gemma2(*sizes: int, head_dim: int = 256) -> LlamaConfig:
    return _model("gemma2", sizes, 256_000, 8192, head_dim, theta=10_000.0, tied=True)


def _gemma3(*sizes: int, head_dim: int = 256) -> LlamaConfig:
    words, longest, window = (262_208, 131_072, 1024) if sizes[0] > 2000 else (262_144, 32_768, 512)
    return _model("gemma3_text", sizes, words, longest, head_dim, tied=True, sliding_window=window)


PUBLISHED: Mapping[str, LlamaConfig] = {
    "Llama 1 7B": _llama(4096, 11_008, 32, 32, 32),
    "Llama 1 13B": _llama(5120, 13_824, 40, 40, 40),
    "Llama 1 33B": _llama(6656, 17_920, 60, 52, 52),
    "Llama 1 65B": _llama(8192, 22_016, 80, 64, 64),
    "Llama 2 7B": LLAMA2_7B,
    "Llama 2 13B": _llama(5120, 13_824, 40, 40, 40, longest=4096),
    "Llama 2 70B": _llama(8192, 28_672, 80, 64, 8, longest=4096),
    "Llama 3 8B": _llama3(4096, 14_336, 32, 32, longest=8192),
    "Llama 3 70B": _llama3(8192, 28_672, 80, 64, longest=8192),
    "Llama 3.1 8B": _llama3(4096, 14_336, 32, 32),
    "Llama 3.1 70B": _llama3(8192, 28_672, 80, 64),  # Llama 3.3 70B has the same sizes
    "Llama 3.1 405B": _llama3(16_384, 53_248, 126, 128),
    "Llama 3.2 1B": _llama3(2048, 8192, 16, 32, tied=True),
    "Llama 3.2 3B": _llama3(3072, 8192, 28, 24, tied=True),
    "Mistral 7B v0.3": _model("mistral", (4096, 14_336, 32, 32, 8), 32_768, 32_768),
    "Mistral Small 24B": _model(
        "mistral", (5120, 32_768, 40, 32, 8), 131_072, 32_768, 128, theta=1e8
    ),
    "Mixtral 8x7B": _model("mixtral", (4096, 14_336, 32, 32, 8), 32_000, 32_768),
    "Mixtral 8x22B": _model("mixtral", (6144, 16_384, 56, 48, 8), 32_000, 65_536),
    "Qwen2.5 0.5B": _qwen2(896, 4864, 24, 14, 2, longest=32_768),
    "Qwen2.5 1.5B": _qwen2(1536, 8960, 28, 12, 2),
    "Qwen2.5 3B": _qwen2(2048, 11_008, 36, 16, 2, longest=32_768),
    "Qwen2.5 7B": _qwen2(3584, 18_944, 28, 28, 4),
    "Qwen2.5 14B": _qwen2(5120, 13_824, 48, 40, 8),
    "Qwen2.5 32B": _qwen2(5120, 27_648, 64, 40, 8),
    "Qwen2.5 72B": _qwen2(8192, 29_568, 80, 64, 8),
    "Qwen3 0.6B": _qwen3(1024, 3072, 28, 16, 8),
    "Qwen3 1.7B": _qwen3(2048, 6144, 28, 16, 8),
    "Qwen3 4B": _qwen3(2560, 9728, 36, 32, 8),
    "Qwen3 8B": _qwen3(4096, 12_288, 36, 32, 8),
    "Qwen3 14B": _qwen3(5120, 17_408, 40, 40, 8),
    "Qwen3 32B": _qwen3(5120, 25_600, 64, 64, 8),
    "Qwen3 30B A3B": _qwen3_moe(2048, 6144, 48, 32, 4, width=768),
    "Qwen3 235B A22B": _qwen3_moe(4096, 12_288, 94, 64, 4, width=1536),
    "Gemma 2 2B": _gemma2(2304, 9216, 26, 8, 4),
    "Gemma 2 9B": _gemma2(3584, 14_336, 42, 16, 8),
    "Gemma 2 27B": _gemma2(4608, 36_864, 46, 32, 16, head_dim=128),
    "Gemma 3 1B": _gemma3(1152, 6912, 26, 4, 1),
    "Gemma 3 4B": _gemma3(2560, 10_240, 34, 8, 4),
    "Gemma 3 12B": _gemma3(3840, 15_360, 48, 16, 8),
    "Gemma 3 27B": _gemma3(5376, 21_504, 62, 32, 16, head_dim=128),
}
"""The configurations of published models by name, from "Llama 1 7B" on."""
