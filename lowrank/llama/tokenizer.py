"""The model's own tokenizer, from its vocabulary and merges, run by the `tokenizers` library."""

from collections.abc import Sequence
from typing import Any

from lowrank.errors import FormatError


class Tokenizer:
    """Byte-level BPE (Sennrich et al. 2016; Radford et al. 2019), as SmolLM2 splits its text.

    Digits are split one by one, then words by GPT-2's rule, then bytes merged pair by pair.

    >>> letters = ["a", "b", "Ġ", "ab", "Ġab"]
    >>> ab = Tokenizer(letters, ["a b", "Ġ ab"])
    >>> ab.encode("ab ab"), ab.piece(4)
    ([3, 4], ' ab')

    Raises FormatError if a merge is not two tokens whose union is a token.
    """

    def __init__(self, vocabulary: Sequence[str], merges: Sequence[str]) -> None:
        from tokenizers import Tokenizer as Library
        from tokenizers import decoders, models, pre_tokenizers

        ids = {token: i for i, token in enumerate(vocabulary)}
        pairs = [(left, right) for left, _, right in (merge.partition(" ") for merge in merges)]
        # Checked here: on a pair without two parts the library panics rather than raises.
        for left, right in pairs:
            if not (left and right and {left, right, left + right} <= ids.keys()):
                raise FormatError(
                    f"The model's vocabulary and merges disagree on {left!r} with {right!r}."
                )
        model: Any = models.BPE(vocab=ids, merges=pairs, fuse_unk=False)
        self._library = Library(model)
        self._library.pre_tokenizer = pre_tokenizers.Sequence(
            [
                pre_tokenizers.Digits(individual_digits=True),
                pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
            ]
        )
        self._library.decoder = decoders.ByteLevel()
        self.size = len(vocabulary)

    def encode(self, text: str) -> list[int]:
        """The token ids of a text; special tokens written in it are plain text."""
        return list(self._library.encode(text, add_special_tokens=False).ids)

    def decode(self, ids: Sequence[int]) -> str:
        """The text of some token ids; bytes that are no UTF-8 become U+FFFD."""
        return self._library.decode(list(ids), skip_special_tokens=False)

    def piece(self, token: int) -> str:
        """The text of one token."""
        return self.decode([token])
