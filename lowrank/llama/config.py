"""The shape of a Llama, under the names Hugging Face gives its parts."""

from dataclasses import dataclass

from lowrank.errors import InputError


@dataclass(frozen=True)
class RopeScaling:
    """How a model stretches its rotary positions beyond the length it was first trained on.

    `rope_type` is transformers' name: "linear", "dynamic" or "llama3". "factors" is GGUF's way of
    writing any other: the divisors of all frequencies stand in the tensor rope_freqs.weight. Only
    llama3 uses the fields after `factor`.
    """

    rope_type: str
    factor: float = 1.0
    low_freq_factor: float = 1.0
    high_freq_factor: float = 4.0
    original_max_position_embeddings: int = 8192


@dataclass(frozen=True)
class LlamaConfig:
    """Sizes and constants of a Llama-architecture model.

    Field names are those of `transformers.LlamaConfig`; sizes count numbers, not bytes.

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
            raise InputError(f"projection is {projection!r}; expected one of {', '.join(shapes)}")
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
