"""The shape of a Llama or a relative, under the names Hugging Face gives its parts."""

from dataclasses import dataclass

from lowrank.errors import InputError
from lowrank.llama.relatives import RELATIVES


@dataclass(frozen=True)
class RopeScaling:
    """How a model stretches its rotary positions beyond the length it was first trained on.

    `rope_type` is transformers' name: "linear", "dynamic", "llama3", "yarn" or "longrope"; fields
    that a type does not use are left as they are. "factors" is GGUF's way of writing llama3: the
    divisors of all frequencies stand in the tensor rope_freqs.weight, and here in `short_factor`.
    """

    rope_type: str
    factor: float = 1.0
    low_freq_factor: float = 1.0
    high_freq_factor: float = 4.0
    original_max_position_embeddings: int = 8192
    attention_factor: float | None = None  # None: as the type computes it from `factor`
    beta_fast: float = 32.0
    beta_slow: float = 1.0
    truncate: bool = True
    short_factor: tuple[float, ...] = ()
    long_factor: tuple[float, ...] = ()


@dataclass(frozen=True)
class LlamaConfig:
    """Sizes and constants of a Llama or a relative of it.

    Field names are those of `transformers.LlamaConfig` and its relatives; sizes count numbers, not
    bytes. `model_type` is a key of `lowrank.llama.relatives.RELATIVES` for what runs here. Where
    `layer_types` is empty, every layer has the window, if there is one; where `no_rope_layers` is
    empty, every layer has rotary positions (it holds 1 for a layer that has).

    >>> SMOLLM2_135M.projection_shape("k_proj")
    (192, 576)
    """

    hidden_size: int
    intermediate_size: int
    num_hidden_layers: int
    num_attention_heads: int
    num_key_value_heads: int
    head_dim: int
    vocab_size: int
    max_position_embeddings: int = 2048
    rope_theta: float = 10_000.0
    rms_norm_eps: float = 1e-5
    tie_word_embeddings: bool = False
    rope_scaling: RopeScaling | None = None
    partial_rotary_factor: float = 1.0
    model_type: str = "llama"
    sliding_window: int | None = None
    layer_types: tuple[str, ...] = ()
    no_rope_layers: tuple[int, ...] = ()

    @property
    def qk_norm(self) -> bool:
        """Whether each head of q and k is normalised."""
        return self.model_type in RELATIVES and RELATIVES[self.model_type].qk_norm

    @property
    def longest(self) -> int:
        """How many tokens a text may have; "dynamic" scaling stretches positions as it grows."""
        scaling, length = self.rope_scaling, self.max_position_embeddings
        if scaling is None or scaling.rope_type != "dynamic":
            return length
        return max(length, int(scaling.factor * length))

    def window(self, layer: int) -> int | None:
        """How many tokens a layer looks back over, each token itself included; None for all."""
        types = self.layer_types
        return self.sliding_window if not types or types[layer] == "sliding_attention" else None

    def turned(self, layer: int) -> bool:
        """Whether a layer turns q and k by position."""
        return not self.no_rope_layers or bool(self.no_rope_layers[layer])

    def projection_shape(self, projection: str) -> tuple[int, int]:
        """(out, in) of one projection of a layer, or of the embeddings, by its Hugging Face name.

        Raises InputError for a name that no Llama has.

        >>> SMOLLM2_135M.projection_shape("down_proj")
        (576, 1536)
        """
        hidden, middle = self.hidden_size, self.intermediate_size
        queries = self.num_attention_heads * self.head_dim
        keys = self.num_key_value_heads * self.head_dim
        shapes = {
            "q_proj": (queries, hidden),
            "k_proj": (keys, hidden),
            "v_proj": (keys, hidden),
            "o_proj": (hidden, queries),
            "gate_proj": (middle, hidden),
            "up_proj": (middle, hidden),
            "down_proj": (hidden, middle),
            "embed_tokens": (self.vocab_size, hidden),
            "lm_head": (self.vocab_size, hidden),
        }
        if projection not in shapes:
            raise InputError(
                "projection is {projection!r}; expected one of {shapes}",
                projection=projection,
                shapes=", ".join(shapes),
            )
        return shapes[projection]


SMOLLM2_135M = LlamaConfig(
    hidden_size=576,
    intermediate_size=1536,
    num_hidden_layers=30,
    num_attention_heads=9,
    num_key_value_heads=3,
    head_dim=64,
    vocab_size=49_152,
    max_position_embeddings=8192,
    rope_theta=100_000.0,
    rms_norm_eps=1e-5,
    tie_word_embeddings=True,
)
"""The shape of the default model, SmolLM2-135M-Instruct."""

# Touvron et al. 2023, arXiv 2307.09288, and the model's own config.json.
LLAMA2_7B = LlamaConfig(
    hidden_size=4096,
    intermediate_size=11_008,
    num_hidden_layers=32,
    num_attention_heads=32,
    num_key_value_heads=32,
    head_dim=128,
    vocab_size=32_000,
    max_position_embeddings=4096,
)
