"""Examples from conversations, with a tokenizer of letters and a template of brackets."""

import pytest

from lowrank.errors import InputError
from lowrank.lora.training_examples import answers


class Letters:
    """A token for each letter; 0 ends an answer, 1 begins a text."""

    stop_ids = frozenset([0])

    def __init__(self, chat: bool = True) -> None:
        self.chat_template = "brackets" if chat else None

    def encode(self, text, special=False):
        return [0 if c == "$" and special else ord(c) for c in text]

    def begin(self, text):
        return [1, *self.encode(text)]

    def chat_texts(self, conversations):
        written = []
        for messages, answer_follows in conversations:
            said = "".join(f"{m['role'][0]}[{m['content']}$]" for m in messages)
            written.append(said + ("a[" if answer_follows else ""))
        return written

    def text(self, ids):
        return "".join("$" if i == 0 else "^" if i == 1 else chr(i) for i in ids)


def test_the_answer_and_its_end_count_and_nothing_else():
    words = Letters()
    one, two = answers(words, [("Hi", "Yo"), ("A", "B")], system="S")
    assert words.text(one.ids) == "s[S$]u[Hi$]a[Yo$"
    assert words.text(i for i, m in zip(one.ids, one.mask, strict=True) if m) == "Yo$"
    assert (one.learnt, two.learnt) == (3, 2)


def test_what_ends_an_answer_cannot_be_typed_into_it():
    words = Letters()
    (one,) = answers(words, [("Hi", "a$b")])
    assert list(one.ids).count(0) == 2  # the user's turn's end, and the answer's


def test_without_a_template_the_completion_follows_the_prompt():
    words = Letters(chat=False)
    (one,) = answers(words, [("Hi", "Yo")])
    assert words.text(one.ids) == "^HiYo$"
    assert one.mask == (False,) * 3 + (True,) * 3


def test_long_examples_are_cut_and_those_cut_to_nothing_refused():
    words = Letters()
    (one,) = answers(words, [("Hi", "Yo")], max_length=9)
    assert (words.text(one.ids), one.learnt) == ("u[Hi$]a[Y", 1)
    with pytest.raises(InputError, match="Example 2 has a prompt of 8 tokens"):
        answers(words, [("", "long enough"), ("Hi", "Yo")], max_length=8)


@pytest.mark.parametrize(
    ("pairs", "said"),
    [
        ([], "no examples"),
        ([("Hi", "")], "Example 1 has no completion"),
        ([("Hi", " \n")], "Example 1 has no completion"),
    ],
)
def test_pairs_with_nothing_to_learn_are_refused(pairs, said):
    with pytest.raises(InputError, match=said):
        answers(Letters(), pairs)


def test_without_a_length_an_answer_that_cannot_be_learnt_is_still_a_sentence():
    words = Letters(chat=False)
    words.begin, words.stop_ids = words.encode, frozenset()
    with pytest.raises(InputError, match="Example 1 has a prompt of 0 tokens"):
        answers(words, [("", "A")])  # one token alone: nothing comes before it
