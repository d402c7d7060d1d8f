"""The model's own tokenizer, from its vocabulary and merges, run by the `tokenizers` library."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Any

from lowrank.errors import FormatError, InputError, LowrankError
from lowrank.language import gettext_noop
from lowrank.llama.chat import Conversation, render_all
from lowrank.llama.vocabulary import BYTE, CONTROL, NORMAL, USER_DEFINED, Vocabulary

# How a byte-level vocabulary cuts text before merging: regular expressions applied in turn. The
# names are GGUF's (llama.cpp, llama-vocab.cpp); the patterns are those of the models' own
# tokenizer.json files.
ENDINGS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
WORDS = r"[^\r\n\p{L}\p{N}]?\p{L}+"
REST = r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
SPLITS = {
    "gpt-2": [GPT2],
    "smollm": [r"\p{N}", GPT2],
    "llama-bpe": [rf"{ENDINGS}|{WORDS}|\p{{N}}{{1,3}}|{REST}"],
    "qwen2": [rf"{ENDINGS}|{WORDS}|\p{{N}}|{REST}"],
}
SAME = {
    "llama3": "llama-bpe",
    "llama-v3": "llama-bpe",
    "smaug-bpe": "llama-bpe",
    "dbrx": "llama-bpe",
    "starcoder": "smollm",
    "refact": "smollm",
    "command-r": "smollm",
    "codeshell": "smollm",
    "phi-2": "gpt-2",
    "mpt": "gpt-2",
    "olmo": "gpt-2",
    "deepseek-r1-qwen": "qwen2",
    "stablelm2": "qwen2",
}
WHOLE_WORDS = {"llama-bpe", "llama3", "llama-v3"}  # a word that is a token is not merged up to it
ENDS = ("<|im_end|>", "<|eot_id|>", "<|end_of_text|>", "<|endoftext|>", "</s>")
MOST_CUT = 500_000_000  # characters copied to cut every token everywhere
SPACE = "▁"  # SentencePiece's sign for it

FAILS = gettext_noop("The model's tokenizer fails: {error}.")


class Tokenizer:
    """A model's tokenizer: text to ids and back.

    Made from a `Vocabulary`, or from tokens and merges alone: byte-level BPE (Sennrich et al. 2016;
    Radford et al. 2019) that cuts text as SmolLM2 does. Digits are split one by one, then words by
    GPT-2's rule, then bytes merged pair by pair.

    >>> letters = ["a", "b", "Ġ", "ab", "Ġab"]
    >>> ab = Tokenizer(letters, ["a b", "Ġ ab"])
    >>> ab.encode("ab ab"), ab.piece(4)
    ([3, 4], ' ab')

    Raises FormatError if the vocabulary is not sound: a merge that is not two tokens whose union is
    a token, tokens that repeat, a rule for cutting text that is not known.
    """

    def __init__(self, vocabulary: Vocabulary | Sequence[str], merges: Sequence[str] = ()) -> None:
        if not isinstance(vocabulary, Vocabulary):
            vocabulary = Vocabulary(tokens=vocabulary, merges=merges)
        self._vocabulary = vocabulary
        with sound(gettext_noop("The model's tokenizer is not sound: {error}.")):
            self._library = library(vocabulary)
        self.size: int = self._library.get_vocab_size()
        self.chat_template = vocabulary.chat_template
        self.bos = self._id(vocabulary.bos, vocabulary.bos_token)
        self.eos = self._id(vocabulary.eos, vocabulary.eos_token)

    @cached_property
    def stop_ids(self) -> frozenset[int]:
        """The tokens that end a text or an answer."""
        known = [self.eos, self._vocabulary.end_of_turn, *map(self._library.token_to_id, ENDS)]
        return frozenset(i for i in known if i is not None and 0 <= i < self.size)

    def encode(self, text: str, special: bool = False) -> list[int]:
        """The token ids of a text. Special tokens written in it are plain text, or with `special`
        themselves: for text from elsewhere than a template, that lets its author end your sentence.

        Raises FormatError where the model's tokenizer has no token for it.
        """
        run = self._library if special else self._plain
        with sound(FAILS):
            return list(run.encode(text, add_special_tokens=False).ids)

    def begin(self, text: str) -> list[int]:
        """The ids of a text at the very beginning: with the token that this model begins with."""
        return [*self.prefix, *self.encode(text)]

    @cached_property
    def prefix(self) -> list[int]:
        """What the model expects before any text: the beginning-of-text token, or nothing."""
        if self._vocabulary.json is not None:
            with sound(FAILS):
                with_it = self._library.encode("a", add_special_tokens=True).ids
                without = self._library.encode("a", add_special_tokens=False).ids
                return list(with_it[: with_it.index(without[0])]) if without else []
        usual = self._vocabulary.kind == "llama" or self._vocabulary.split in WHOLE_WORDS
        wanted = usual if self._vocabulary.add_bos is None else self._vocabulary.add_bos
        return [self.bos] if wanted and self.bos is not None else []

    def encode_chat(
        self, messages: Sequence[Mapping[str, str]], add_generation_prompt: bool = True
    ) -> list[int]:
        """The ids of a conversation, [{"role": "user", "content": "Hi"}, ...], for the model to
        answer; laid out by the chat template that the model brings.

        Raises InputError if it brings none, FormatError if the template fails.
        """
        (text,) = self.chat_texts([(messages, add_generation_prompt)])
        return self.encode(text, special=True)

    def chat_texts(self, conversations: Sequence[Conversation]) -> list[str]:
        """What the model's chat template makes of each conversation, all of them at once.

        `encode(text, special=True)` of one are its ids. Raises as `encode_chat` does.
        """
        if self.chat_template is None:
            raise InputError("This model brings no chat template: it continues texts only.")
        names = {"bos_token": self.text(self.bos), "eos_token": self.text(self.eos)}
        return render_all(self.chat_template, conversations, **names)

    def decode(self, ids: Sequence[int]) -> str:
        """The text of some token ids; bytes that are no UTF-8 become U+FFFD.

        Raises FormatError where the model's tokenizer fails.
        """
        with sound(FAILS):
            return str(self._library.decode(list(ids), skip_special_tokens=False))

    def piece(self, token: int) -> str:
        """The text of one token, with the space that it begins with."""
        if self._vocabulary.kind == "llama" or self._vocabulary.json is not None:
            # Decoders drop a space at the beginning of a text: a token before it keeps it.
            before = self._anchor
            return self.decode([before, token])[len(self.decode([before])) :]
        return self.decode([token])

    def stream(self, tokens: Iterable[int]) -> Iterator[str]:
        """The text of tokens as they come: a character that needs several comes with the last.

        >>> half = Tokenizer(["Ã", "©"], [])
        >>> list(half.stream([0, 1])), list(half.stream([0]))
        (['', 'é'], ['', '\ufffd'])
        """
        before = len(self.decode([self._anchor]))
        held: list[int] = []
        for token in tokens:
            held.append(token)
            text = self.decode([self._anchor, *held])[before:]
            if text.endswith("\ufffd"):  # bytes that the next token may complete
                yield ""
            else:
                yield text
                held = []
        if held:
            yield self.decode([self._anchor, *held])[before:]

    def to_json(self) -> str:
        """A tokenizer.json that cuts text alike, and begins one with `prefix`."""
        from tokenizers import Tokenizer as Library
        from tokenizers import processors

        found: Any = Library.from_str(self._library.to_str())
        if self.prefix and self._vocabulary.json is None:
            bos = self.text(self.bos)
            found.post_processor = processors.TemplateProcessing(
                single=f"{bos} $A", pair=f"{bos} $A {bos} $B", special_tokens=[(bos, self.bos)]
            )
        return str(found.to_str())

    @cached_property
    def _anchor(self) -> int:
        """A token of plain text to stand before others: `a`, or the first there is."""
        return self._library.token_to_id("a") or 0

    @cached_property
    def _plain(self) -> Any:
        """The same library tokenizer, for which special tokens in a text are plain text."""
        if not any(token.special for token in self._library.get_added_tokens_decoder().values()):
            return self._library
        from tokenizers import Tokenizer as Library

        plain = Library.from_str(self._library.to_str())
        plain.encode_special_tokens = True
        return plain

    def _id(self, number: int | None, text: str | None) -> int | None:
        found = self._library.token_to_id(text) if text is not None else number
        return found if found is not None and 0 <= found < self.size else None

    def text(self, token: int | None) -> str:
        """A token as the vocabulary writes it, such as `Ġthe` or `<s>`; empty for None."""
        return "" if token is None else self._library.id_to_token(token) or ""


@contextmanager
def sound(message: str) -> Iterator[None]:
    """Raises FormatError, with this message, for whatever the library raises.

    That is plain Exception, or what it calls PanicException, which is none: a vocabulary may bring
    it to an index that is not there.
    """
    try:
        yield
    except LowrankError:
        raise
    except BaseException as error:
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        raise FormatError(message, error=str(error)[:200]) from error


def library(vocabulary: Vocabulary) -> Any:
    """The `tokenizers` library's object for a vocabulary. Raises FormatError if it is not sound."""
    if vocabulary.json is not None:
        return from_json(vocabulary.json)
    tokens = vocabulary.tokens
    if len(set(tokens)) != len(tokens):
        raise FormatError("The model's vocabulary has a token twice.")
    if not tokens:
        raise FormatError("The model's vocabulary is empty.")
    if vocabulary.types and len(vocabulary.types) != len(tokens):
        raise FormatError(
            "The model has {count:,} tokens and {types:,} types of them.",
            count=len(tokens),
            types=len(vocabulary.types),
        )
    if vocabulary.kind not in ("gpt2", "llama"):
        raise FormatError(
            "The model's tokenizer is of kind {kind!r}; known are 'gpt2' (byte-level BPE) "
            "and 'llama' (SentencePiece).",
            kind=vocabulary.kind[:40],
        )
    found = byte_level(vocabulary) if vocabulary.kind == "gpt2" else sentence_piece(vocabulary)
    add_special(found, vocabulary)
    return found


def byte_level(vocabulary: Vocabulary) -> Any:
    """GPT-2's way: text cut by a rule, its UTF-8 bytes merged pair by pair within each part."""
    from tokenizers import Regex, decoders, models, pre_tokenizers
    from tokenizers import Tokenizer as Library

    rule = SAME.get(vocabulary.split, vocabulary.split)
    if rule not in SPLITS:
        raise FormatError(
            "The model cuts its text by the rule {rule!r}, which is not known; known are {known}.",
            rule=vocabulary.split[:40],
            known=", ".join(sorted({*SPLITS, *SAME})),
        )
    ids = {token: i for i, token in enumerate(vocabulary.tokens)}
    pairs = checked_merges(vocabulary.merges, ids)
    whole = vocabulary.split in WHOLE_WORDS
    model: Any = models.BPE(vocab=ids, merges=pairs, fuse_unk=False, ignore_merges=whole)
    found = Library(model)
    cuts = [pre_tokenizers.Split(Regex(pattern), "isolated") for pattern in SPLITS[rule]]
    as_bytes = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    found.pre_tokenizer = pre_tokenizers.Sequence([*cuts, as_bytes])
    found.decoder = decoders.ByteLevel()
    return found


def sentence_piece(vocabulary: Vocabulary) -> Any:
    """SentencePiece's way (Kudo and Richardson, arXiv 1808.06226), as byte-fallback BPE.

    The pair whose union has the highest score is merged first; characters that are no token become
    tokens of their bytes. Spaces are written ▁, one more at the beginning.
    """
    from tokenizers import Tokenizer as Library
    from tokenizers import decoders, models, normalizers

    tokens, scores = vocabulary.tokens, vocabulary.scores
    if len(scores) != len(tokens):
        raise FormatError(
            "The model has {count:,} tokens and {scores:,} scores.",
            count=len(tokens),
            scores=len(scores),
        )
    ids = {token: i for i, token in enumerate(tokens)}
    unknown = vocabulary.unknown
    model: Any = models.BPE(
        vocab=ids,
        merges=merges_of_scores(vocabulary, ids),
        unk_token=tokens[unknown] if unknown is not None and 0 <= unknown < len(tokens) else None,
        fuse_unk=True,
        byte_fallback=True,
    )
    found = Library(model)
    steps: list[Any] = [normalizers.Replace(" ", SPACE)]
    end: list[Any] = [decoders.Replace(SPACE, " "), decoders.ByteFallback(), decoders.Fuse()]
    if vocabulary.add_space_prefix is not False:
        steps.insert(0, normalizers.Prepend(SPACE))
        end.append(decoders.Strip(" ", 1, 0))
    found.normalizer = normalizers.Sequence(steps)
    found.decoder = decoders.Sequence(end)
    return found


def merges_of_scores(vocabulary: Vocabulary, ids: Mapping[str, int]) -> list[tuple[str, str]]:
    """Every two tokens whose union is a token, the union of the highest score first.

    Raises FormatError for a token longer than any vocabulary has, or for more of long ones, whose
    cuts would take long.
    """
    work = sum(len(token) ** 2 for token in vocabulary.tokens if len(token) <= 512)
    if work > MOST_CUT:
        raise FormatError(
            "The model's vocabulary has {count:,} tokens, so long that cutting each everywhere "
            "copies {work:,.0f} million characters; at most {most:,.0f} million are.",
            count=len(vocabulary.tokens),
            work=work / 1e6,
            most=MOST_CUT / 1e6,
        )
    types = vocabulary.types or [NORMAL] * len(vocabulary.tokens)
    ranked = []
    for token, score, kind in zip(vocabulary.tokens, vocabulary.scores, types, strict=True):
        if kind in (CONTROL, BYTE) or len(token) < 2:
            continue
        if len(token) > 512:
            raise FormatError(
                "The model's vocabulary has a token of {count:,} characters.",
                count=len(token),
            )
        for cut in range(1, len(token)):
            left, right = token[:cut], token[cut:]
            if left in ids and right in ids:
                ranked.append((-score, -cut, left, right))
    ranked.sort()
    return [(left, right) for *_, left, right in ranked]


def checked_merges(merges: Sequence[str], ids: Mapping[str, int]) -> list[tuple[str, str]]:
    """The merges as pairs. Raises FormatError for one that the vocabulary does not bear out."""
    pairs = [(left, right) for left, _, right in (merge.partition(" ") for merge in merges)]
    # Checked here: on a pair without two parts the library panics rather than raises.
    for left, right in pairs:
        if not (left and right and {left, right, left + right} <= ids.keys()):
            raise FormatError(
                "The model's vocabulary and merges disagree on {left!r} with {right!r}.",
                left=left,
                right=right,
            )
    return pairs


def add_special(found: Any, vocabulary: Vocabulary) -> None:
    """Tell the library which tokens are never cut: control tokens, and those added by the user."""
    from tokenizers import AddedToken

    for kind, special in ((CONTROL, True), (USER_DEFINED, False)):
        whole = [
            AddedToken(token, special=special, normalized=False)
            for token, t in zip(vocabulary.tokens, vocabulary.types, strict=False)
            if t == kind and token
        ]
        (found.add_special_tokens if special else found.add_tokens)(whole)


def from_json(text: str) -> Any:
    """The library's object for a tokenizer.json. Raises FormatError for what is none."""
    from tokenizers import Tokenizer as Library

    with sound(gettext_noop("tokenizer.json is not sound: {error}.")):
        json.loads(text)  # the library's own words for other text than JSON are of little help
        found = Library.from_str(text)
    found.no_truncation()
    found.no_padding()
    return found
