"""Record what SentencePiece and tiktoken do with small vocabularies trained on a few texts.

python tests/oracles/make_tokenizers.py        writes tests/fixtures/tokenizers anew

Needs sentencepiece (what Llama 1 and 2 were tokenised by) and tiktoken (Llama 3's), which the test
suite does not: it builds the same tokenizers from the vocabularies, and compares the ids.
"""

import io
import json
import sys
from pathlib import Path

import sentencepiece
import tiktoken
from tokenizers import Regex, Tokenizer, models, pre_tokenizers, trainers

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "tests" / "fixtures" / "tokenizers"
sys.path.insert(0, str(ROOT))

from tests.oracles.texts import TEXTS, strings  # noqa: E402

LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
SPECIAL = ["<|begin_of_text|>", "<|end_of_text|>", "<|eot_id|>"]


def sentence_piece() -> dict:
    """A byte-fallback BPE model like Llama's, and the ids it gives."""
    made = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(list(TEXTS.values()) * 3),
        model_writer=made,
        model_type="bpe",
        vocab_size=700,
        byte_fallback=True,
        character_coverage=0.999,
        normalization_rule_name="identity",
        remove_extra_whitespaces=False,
        add_dummy_prefix=True,
        split_digits=True,
        allow_whitespace_only_pieces=True,
    )
    peer = sentencepiece.SentencePieceProcessor(model_proto=made.getvalue())
    kinds = []
    for i in range(len(peer)):
        unknown, control, byte = peer.is_unknown(i), peer.is_control(i), peer.is_byte(i)
        kinds.append(2 if unknown else 3 if control else 6 if byte else 1)
    return {
        "tokens": [peer.id_to_piece(i) for i in range(len(peer))],
        "scores": [peer.get_score(i) for i in range(len(peer))],
        "types": kinds,
        "ids": [peer.encode(text) for text in strings()],
    }


def llama3() -> dict:
    """Byte-level ranks like Llama 3's, and the ids that tiktoken gives."""
    trained = Tokenizer(models.BPE())
    trained.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(LLAMA3), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    trainer = trainers.BpeTrainer(
        vocab_size=700,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    trained.train_from_iterator(list(TEXTS.values()) * 3, trainer)
    told = json.loads(trained.to_str())["model"]
    tokens = sorted(told["vocab"], key=told["vocab"].get)
    letters = byte_of_letter()
    ranks = {bytes(letters[c] for c in token): i for i, token in enumerate(tokens)}
    special = {token: len(tokens) + i for i, token in enumerate(SPECIAL)}
    peer = tiktoken.Encoding("small", pat_str=LLAMA3, mergeable_ranks=ranks, special_tokens=special)
    return {
        "tokens": [*tokens, *SPECIAL],
        "merges": [" ".join(pair) for pair in told["merges"]],
        "types": [1] * len(tokens) + [3] * len(SPECIAL),
        "ids": [peer.encode(text, allowed_special="all") for text in strings()],
    }


def byte_of_letter() -> dict[str, int]:
    """GPT-2's letters for bytes: printable ones stand for themselves, the others come after."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [b for b in range(256) if b not in plain]
    return {chr(b): b for b in plain} | {chr(256 + i): b for i, b in enumerate(others)}


def main() -> None:
    """Write the fixtures."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    texts = strings()
    for name, made in (("sentencepiece", sentence_piece()), ("llama3", llama3())):
        path = FOLDER / f"{name}.json"
        path.write_text(json.dumps({"texts": texts, **made}, separators=(",", ":")))
        print(path.name, f"{path.stat().st_size / 1e3:,.0f} kB", len(texts), "texts")


if __name__ == "__main__":
    main()
