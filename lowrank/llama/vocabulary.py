"""What a model file says about its tokenizer, as it says it: what every reader can hand over."""

from collections.abc import Sequence
from dataclasses import dataclass

NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = range(1, 7)  # GGUF's types of a token


@dataclass(frozen=True)
class Vocabulary:
    """Tokens by id and how text is cut into them, or Hugging Face's tokenizer.json as it stands.

    `kind` is GGUF's tokenizer.ggml.model: "gpt2" is byte-level BPE, with `merges`, whose text is
    first cut by the rule named `split`; "llama" is SentencePiece, with a `score` for each token.
    `types` are GGUF's. None for an id or a flag means that the file does not say.
    """

    tokens: Sequence[str] = ()
    merges: Sequence[str] = ()
    scores: Sequence[float] = ()
    types: Sequence[int] = ()
    kind: str = "gpt2"
    split: str = "smollm"
    bos: int | None = None
    eos: int | None = None
    unknown: int | None = None
    end_of_turn: int | None = None
    add_bos: bool | None = None
    add_space_prefix: bool | None = None
    chat_template: str | None = None
    json: str | None = None  # a whole tokenizer.json; of the fields above only the last ones hold
    bos_token: str | None = None  # as tokenizer_config.json names them, beside `json`
    eos_token: str | None = None
