"""The tokenizer, on the real vocabulary and on a vocabulary that lies."""

import json
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lowrank.errors import FormatError, InputError
from lowrank.llama import chat
from lowrank.llama.chat import render, render_all
from lowrank.llama.tokenizer import SAME, SPLITS, Tokenizer
from lowrank.llama.vocabulary import Vocabulary
from lowrank.readers.tokenizer_files import vocabulary_beside

FOLDER = Path(__file__).parents[1] / "fixtures" / "tokenizers"
HI = [{"role": "user", "content": "Hi"}]
CHAT = json.loads((FOLDER.parent / "chat.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def tokenizer(default_model) -> Tokenizer:
    return Tokenizer(default_model.vocabulary)


def test_known_ids_of_the_real_vocabulary(tokenizer):
    assert tokenizer.encode("hello") == [28120]
    assert tokenizer.encode(" hello") == [33662]
    assert tokenizer.size == 49_152


def test_digits_stand_alone_and_no_space_is_added(tokenizer):
    assert [tokenizer.piece(i) for i in tokenizer.encode("year 2024")] == [
        "year",
        " ",
        *"2024",
    ]


def test_special_tokens_in_a_text_are_plain_text(tokenizer):
    assert len(tokenizer.encode("<|im_start|>")) > 1
    assert tokenizer.piece(1) == "<|im_start|>"


# The vocabulary lacks six control characters and the bytes that begin those beyond U+3FFFF,
# none of which is assigned; they are left out of ids.
@settings(max_examples=200, deadline=None)
@given(st.text(st.characters(max_codepoint=0x3FFFF, exclude_categories=["Cs", "Cc"]), max_size=60))
def test_decoding_restores_the_text(tokenizer, written):
    assert tokenizer.decode(tokenizer.encode(written)) == written


def test_a_merge_outside_the_vocabulary_is_refused():
    with pytest.raises(FormatError, match="vocabulary and merges disagree"):
        Tokenizer(["a", "b"], ["a b"])
    with pytest.raises(FormatError, match="vocabulary and merges disagree"):
        Tokenizer(["a", "b"], ["ab"])


@cache
def small(name: str, **changes) -> tuple[Tokenizer, dict]:
    """A tokenizer trained on a few texts, and what the libraries of its makers gave for many."""
    held = json.loads((FOLDER / f"{name}.json").read_text())
    fields = {k: held[k] for k in ("tokens", "merges", "scores", "types") if k in held}
    return Tokenizer(Vocabulary(**fields, **changes)), held


def test_llama3s_rule_gives_the_ids_of_tiktoken():
    tokenizer, held = small("llama3", split="llama-bpe")
    assert len(held["texts"]) > 300
    got = [tokenizer.encode(text, special=True) for text in held["texts"]]
    assert got == held["ids"]
    bos = held["tokens"].index("<|begin_of_text|>")
    again, _ = small("llama3", split="llama-bpe", bos=bos)
    assert (tokenizer.prefix, again.prefix, again.begin("a")[0]) == ([], [bos], bos)
    assert again.stop_ids == {bos + 1, bos + 2}


def test_scores_give_the_ids_of_sentencepiece():
    tokenizer, held = small("sentencepiece", kind="llama", bos=1, eos=2, unknown=0)
    # SentencePiece reads text up to a NUL, and cannot be asked for more.
    pairs = [(t, i) for t, i in zip(held["texts"], held["ids"], strict=True) if "\0" not in t]
    assert len(pairs) > 300
    wrong = [text for text, ids in pairs if tokenizer.encode(text) != ids]
    assert wrong == []
    assert all(tokenizer.decode(ids) == text for text, ids in pairs)
    assert (tokenizer.prefix, tokenizer.stop_ids) == ([1], {2})


@pytest.mark.parametrize("rule", sorted({*SPLITS, *SAME}))
def test_every_rule_restores_every_text(rule):
    tokenizer, held = small("llama3", split=rule)
    assert all(tokenizer.decode(tokenizer.encode(text)) == text for text in held["texts"])


def test_rules_differ_where_they_should():
    text = "In 2024, it's 1234567. DON'T\n\n"
    cut = {rule: small("llama3", split=rule)[0].encode(text) for rule in SPLITS}
    assert len({tuple(ids) for ids in cut.values()}) >= 2


def test_pieces_and_streams_keep_the_spaces():
    for tokenizer in (
        small("sentencepiece", kind="llama", bos=1, eos=2, unknown=0)[0],
        small("llama3", split="llama-bpe")[0],
    ):
        text = "Le rang d'une matrice 😀 漢字 est petit"
        ids = tokenizer.encode(text)
        assert "".join(tokenizer.stream(ids)).strip() == text
        word = tokenizer.encode("of the rank")
        assert "".join(map(tokenizer.piece, word)).strip() == "of the rank"
        assert any(tokenizer.piece(i).startswith(" ") for i in word)


@settings(max_examples=50, deadline=None)
@given(text=st.text(max_size=40))
def test_a_stream_says_what_decoding_says(text):
    tokenizer, _ = small("llama3", split="llama-bpe")
    ids = tokenizer.encode(text)
    assert "".join(tokenizer.stream(ids)) == tokenizer.decode(ids)


def test_vocabularies_that_are_not_sound_are_refused():
    cases = [
        ("cuts its text by the rule 'unheard'", Vocabulary(["a"], split="unheard")),
        ("of kind 'bert'", Vocabulary(["a"], kind="bert")),
        ("1 tokens and 0 scores", Vocabulary(["a"], kind="llama")),
        ("a token twice", Vocabulary(["a", "a"])),
        ("is empty", Vocabulary()),
        ("2 types", Vocabulary(["a"], types=[1, 1])),
        ("513 characters", Vocabulary(["a" * 513], scores=[0.0], types=[1], kind="llama")),
        (r"tokenizer\.json is not sound", Vocabulary(json="{}")),
        (r"tokenizer\.json is not sound", Vocabulary(json="{")),
    ]
    for words, vocabulary in cases:
        with pytest.raises(FormatError, match=words):
            Tokenizer(vocabulary)


def test_a_text_that_a_tokenizer_has_no_token_for_is_refused():
    model = {"type": "BPE", "vocab": {"a": 0}, "merges": [], "unk_token": "<unk>"}
    words = Tokenizer(Vocabulary(json=json.dumps({"version": "1.0", "model": model})))
    assert words.encode("a") == [0]
    with pytest.raises(FormatError, match="tokenizer fails: Unk token"):
        words.encode("b")


def test_a_tokenizer_that_the_library_panics_at_is_refused():
    """A prefix of continuing parts that is longer than a merge's second part."""
    model = {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": [["a", "b"]]}
    model["continuing_subword_prefix"] = "#" * 500
    with pytest.raises(FormatError, match=r"tokenizer\.json is not sound"):
        Tokenizer(Vocabulary(json=json.dumps({"version": "1.0", "model": model})))


def test_a_tokenizer_json_beside_the_weights_is_the_same_tokenizer(tokenizer, default_model):
    template = default_model.vocabulary.chat_template
    settings_file = {
        "bos_token": {"content": "<|im_start|>"},
        "eos_token": "<|im_end|>",
        "chat_template": [
            {"name": "tools", "template": ""},
            {"name": "default", "template": "{{x}}"},
        ],
    }
    files = {
        "tokenizer.json": tokenizer._library.to_str().encode(),
        "tokenizer_config.json": json.dumps(settings_file).encode(),
    }
    assert vocabulary_beside(files.get).chat_template == "{{x}}"
    files["chat_template.jinja"] = template.encode()
    again = Tokenizer(vocabulary_beside(files.get))
    for text in ("Hello, year 2024", "<|im_start|> é 漢字 😀", "def f(x):\n\treturn x"):
        for special in (False, True):
            assert again.encode(text, special) == tokenizer.encode(text, special)
    assert again.encode_chat(HI) == tokenizer.encode_chat(HI)
    assert (again.bos, again.eos, again.prefix) == (1, 2, [])
    assert vocabulary_beside({}.get) is None
    with pytest.raises(FormatError, match="not JSON"):
        vocabulary_beside({"tokenizer.json": b"{}", "tokenizer_config.json": b"{"}.get)
    with pytest.raises(FormatError, match="not UTF-8"):
        vocabulary_beside({"tokenizer.json": b"\xff"}.get)


def test_a_conversation_without_a_template_or_of_other_things_is_refused(tokenizer):
    with pytest.raises(InputError, match="no chat template"):
        Tokenizer(["a"]).encode_chat(HI)
    with pytest.raises(InputError, match=r"messages\[0\] is"):
        tokenizer.encode_chat([{"role": "user"}])


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("{% if", "TemplateSyntaxError"),
        ("{{ missing.thing }}", "UndefinedError"),
        ("{{ raise_exception('roles must alternate') }}", "roles must alternate"),
        ("{{ ''.__class__.__mro__ }}", "SecurityError"),
        ("{{ messages.append(1) }}", "SecurityError"),
        ("{{ 'a' * 10 ** 10 }}", "MemoryError|too much"),
        ("{{ 'a' * 2000000 }}", "over 1,000,000"),
        ("{{" + "(" * 3000 + "1" + ")" * 3000 + "}}", "RecursionError|too much"),
        ("a" * 200_001, "200,000"),
    ],
)
def test_a_hostile_template_is_an_error_of_ours(template, words):
    with pytest.raises(FormatError, match=words):
        render(template, HI)


def test_a_template_that_never_ends_is_stopped(monkeypatch):
    monkeypatch.setattr(chat, "SECONDS", 1)
    nested = "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}"
    with pytest.raises(FormatError, match=r"more than 1 s|too much"):
        render(nested, HI)


@pytest.mark.parametrize("name", CHAT["templates"])
def test_templates_write_what_they_write_in_transformers(name):
    recorded = CHAT["templates"][name]
    assert render(recorded["template"], CHAT["messages"]) == recorded["text"]


def test_templates_may_use_what_transformers_gives_them():
    template = (
        "{%- for m in messages %}{% if m.role == 'system' %}{% continue %}{% endif %}"
        "{{ m | tojson }}{{ strftime_now('%Y')[:2] }}{% endfor %}{{ bos_token }}"
        "{% if add_generation_prompt %}?{% endif %}"
    )
    said = [{"role": "system", "content": "x"}, {"role": "user", "content": "é<b>"}]
    written = render(template, said, False, bos_token="<s>")
    assert written == '{"role": "user", "content": "é<b>"}20<s>'


def counted(monkeypatch) -> list:
    """A list that grows by one for each process that is started for a template."""
    started, run = [], chat.subprocess.run
    monkeypatch.setattr(
        chat.subprocess, "run", lambda *a, **given: started.append(a) or run(*a, **given)
    )
    return started


def test_many_conversations_are_written_by_one_process_each_as_if_alone(tokenizer, monkeypatch):
    started = counted(monkeypatch)
    asked = [([{"role": "user", "content": f"Say {i} é"}], i % 2 == 0) for i in range(24)]
    written = tokenizer.chat_texts(asked)
    assert len(started) == 1
    assert [tokenizer.encode(text, special=True) for text in written] == [
        tokenizer.encode_chat(messages, follows) for messages, follows in asked
    ]
    assert tokenizer.chat_texts([]) == []


def test_conversations_too_long_for_one_process_are_shared_out(monkeypatch):
    started = counted(monkeypatch)
    asked = [([{"role": "user", "content": c * 90_000}], True) for c in "abcde"]
    template = "{% for m in messages %}{{ m.content[0] }}{% endfor %}"
    assert render_all(template, asked) == list("abcde")
    assert len(started) == 3


def test_one_refused_conversation_among_many_is_an_error_of_ours():
    template = "{% if messages[0].content == 'b' %}{{ raise_exception('not b') }}{% endif %}"
    asked = [([{"role": "user", "content": c}], True) for c in "abc"]
    with pytest.raises(FormatError, match="not b"):
        render_all(template, asked)
    long = "{{ 'a' * 600000 }}"
    assert len(render(long, HI)) == 600_000
    with pytest.raises(FormatError, match="over 1,000,000"):
        render_all(long, asked)


def test_the_program_for_templates_imports_nothing_of_ours():
    program = Path(chat.PROGRAM).read_text(encoding="utf-8")
    assert "import lowrank" not in program
    assert "from lowrank" not in program


words = st.lists(st.text("abĠ▁<0x41>é", min_size=0, max_size=6), max_size=12)


@settings(max_examples=300, deadline=None)
@given(data=st.data(), tokens=words, written=st.text("ab é<>x04▁\n", max_size=12))
def test_any_vocabulary_is_a_tokenizer_or_an_error_of_ours(data, tokens, written):
    n = len(tokens)
    number = st.none() | st.integers(-2, n + 2)
    one = st.sampled_from(tokens) if tokens else st.just("a")
    vocabulary = Vocabulary(
        tokens=tokens,
        merges=data.draw(st.lists(st.builds("{} {}".format, one, one), max_size=4)),
        scores=data.draw(st.lists(st.floats(width=32), min_size=n, max_size=n)),
        types=data.draw(st.just([]) | st.lists(st.integers(-1, 9), min_size=n, max_size=n)),
        kind=data.draw(st.sampled_from(["gpt2", "llama"])),
        split=data.draw(st.sampled_from(sorted(SPLITS))),
        bos=data.draw(number),
        eos=data.draw(number),
        unknown=data.draw(number),
        end_of_turn=data.draw(number),
        add_bos=data.draw(st.none() | st.booleans()),
        add_space_prefix=data.draw(st.none() | st.booleans()),
    )
    try:
        tokenizer = Tokenizer(vocabulary)
    except FormatError:
        return
    ids = tokenizer.begin(written) + tokenizer.encode(written, special=True)
    assert all(0 <= i < tokenizer.size for i in [*ids, *tokenizer.stop_ids, *tokenizer.prefix])
    tokenizer.decode(ids)
    list(tokenizer.stream(ids))
    for i in range(tokenizer.size):
        tokenizer.piece(i)
