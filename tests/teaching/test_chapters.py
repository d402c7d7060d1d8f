"""Questions to choose from: one right answer, computed anew by other means, and reasons for all."""

import re

import numpy as np
import pytest

from lowrank import lora
from lowrank.errors import InputError
from lowrank.memory import PUBLISHED
from lowrank.teaching import CHAPTERS, judge_choice, make_choice, make_choices
from lowrank.teaching.choices import MOST_OPTIONS

SEEDS = range(1, 141)
NUMBER = r"-?\d[\d,]*(?:\.\d+)?"


def numbers(words: str) -> list[float]:
    return [float(x.replace(",", "")) for x in re.findall(NUMBER, words.replace("−", "-"))]


def asked(chapter: str, about: str):
    """The questions among the first seeds that ask about something, with their right numbers."""
    found = [make_choice(chapter, seed) for seed in SEEDS]
    chosen = [each for each in found if about in each.asked]
    assert len(chosen) >= 15
    return [(numbers(each.asked), numbers(each.right.words), each) for each in chosen]


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_question_has_one_right_answer_and_different_wrong_ones_each_with_its_reason(chapter):
    questions = make_choices(chapter, 1, 50)
    assert questions == make_choices(chapter, 1, 50)
    assert len({each.asked for each in questions}) == 50
    places = set()
    for question in questions:
        assert 3 <= len(question.options) <= MOST_OPTIONS
        assert len({option.words for option in question.options}) == len(question.options)
        assert sum(option.right for option in question.options) == 1
        places.add(question.options.index(question.right))
        for option in question.options:
            verdict = judge_choice(question, option.words)
            assert verdict.right == option.right
            assert option.why in verdict.why
            assert question.right.why in verdict.why
            assert option.why.endswith(".")
    assert len(places) == MOST_OPTIONS  # the right one stands anywhere
    makers = len(CHAPTERS[chapter])
    starts = {re.sub(NUMBER, "", question.asked)[:12] for question in questions[:makers]}
    assert len(starts) >= makers - 1  # one after another they ask about different things


def test_ranks_are_those_that_numpy_counts():
    for _, (right,), each in asked("rank", "has the rows"):
        rows = [numbers(row) for row in re.findall(r"\(([^)]*)\)", each.asked)]
        assert right == np.linalg.matrix_rank(rows)


def test_free_unknowns_are_the_dimension_of_a_null_space():
    for (m, n, r, _), (right,), _ in asked("rank", "chosen freely"):
        rng = np.random.default_rng(0)
        A = rng.normal(size=(int(m), int(r))) @ rng.normal(size=(int(r), int(n)))
        assert right == n - np.linalg.matrix_rank(A)


def test_a_product_has_the_rank_and_numbers_that_are_said():
    for (m, k, _, n), (right,), _ in asked("redundancy", "largest rank that C R"):
        rng = np.random.default_rng(0)
        C, R = rng.normal(size=(int(m), int(k))), rng.normal(size=(int(k), int(n)))
        assert right == np.linalg.matrix_rank(C @ R)
    for (m, n, _, k, *_), (right,), _ in asked("redundancy", "kept as C R"):
        assert right == np.zeros((int(m), int(k))).size + np.zeros((int(k), int(n))).size


def test_a_hidden_entry_makes_the_determinant_zero():
    for (_, a, b, c), right, _ in asked("redundancy", "What is hidden"):
        assert a * right[0] == b * c


def test_truncation_is_what_numpy_measures_on_a_matrix_with_those_values():
    for (*s, k), (right,), _ in asked("truncation", "Frobenius"):
        Q, _ = np.linalg.qr(np.random.default_rng(1).normal(size=(5, 5)))
        W = Q @ np.diag(s) @ Q.T
        best = Q @ np.diag([x if i < k else 0 for i, x in enumerate(s)]) @ Q.T
        assert right == pytest.approx(np.linalg.norm(W - best), rel=1e-3)
    for (*s, k), (right,), _ in asked("truncation", "share of its energy"):
        assert right == pytest.approx(100 * sum(x**2 for x in s[: int(k)]) / sum(x**2 for x in s),
                                      abs=0.06)  # fmt: skip
    for (m, n), (right,), _ in asked("truncation", "Up to about which rank"):
        assert (right - 1) * (m + n) < m * n < (right + 1) * (m + n)


def test_what_is_said_of_spectra_is_so():
    for s, (right,), _ in asked("spectra", "stable rank"):
        assert right == pytest.approx(sum(x**2 for x in s) / max(s) ** 2, rel=1e-2)
    for (*s, level), (right,), _ in asked("spectra", "How many directions"):
        shares = np.cumsum(np.square(s)) / np.sum(np.square(s))
        assert right == next(i + 1 for i, x in enumerate(shares) if x >= level / 100)
    for (before, after), (right,), _ in asked("spectra", "perplexity"):
        assert right == pytest.approx(np.exp(after) / np.exp(before), rel=1e-2)


def matrices(words: str) -> list[np.ndarray]:
    """The matrices between brackets, rows apart by semicolons."""
    return [
        np.array([numbers(row) for row in found.split(";")])
        for found in re.findall(r"\[([^]]*)\]", words)
    ]


def test_lora_by_hand_is_what_the_package_computes():
    for found, right, each in asked("lora", "What is h?"):
        x = np.array(found[-2:])
        if "Training begins" in each.asked:
            A, W0 = matrices(each.asked)
            B, alpha, r = np.zeros((2, len(A))), 1.0, len(A)
        else:
            (W0, A, B), (alpha, r) = matrices(each.asked), found[-4:-2]
        assert lora.forward(x, W0, A, B, alpha, int(r)).tolist() == pytest.approx(right)


def test_lora_counts_what_an_adapter_holds():
    for found, (right,), each in asked("lora", "train beside it"):
        m, n, r = map(int, found[-3:])
        assert right == sum(each.size for each in lora.init(m, n, r, np.random.default_rng(0)))
    for (alpha, r), (right,), _ in asked("lora", "is B A x multiplied"):
        assert right == alpha / r
    for _, (right,), each in asked("lora", "on both in every layer"):
        name = next(name for name in PUBLISHED if each.asked.startswith(name))
        r = int(re.search(r"r = (\d+)", each.asked)[1])
        targets = ("q_proj", "v_proj")
        config = lora.AdapterConfig(r=r, target_modules=targets)
        assert right == lora.report(PUBLISHED[name], config).trainable


def test_memory_is_arithmetic_from_what_the_question_says():
    for found, (right,), each in asked("memory", "parameters. How much"):
        n = max(found)
        assert right == pytest.approx(n * (4 if "float32" in each.asked else 2) / 1e9, rel=6e-3)
    for found, (right,), _ in asked("memory", "cache for"):
        layers, _, size, heads, tokens, bits = found[-6:]
        assert right == pytest.approx(2 * layers * heads * size * tokens * bits / 8e6, rel=6e-3)
    for _, (right,), each in asked("memory", "in NF4"):
        m, n = map(int, re.search(r"(\d+) × (\d+)", each.asked).groups())
        assert right == pytest.approx(m * n * (4 + 32 / 64) / 8e6, rel=6e-3)
    for _, (right,), _ in asked("memory", "trained whole"):
        assert right == 16
    for found, (right,), _ in asked("memory", "seven matrices"):
        q, o, k, h, up, _, h2, w = found[-8:]
        assert (h, h2, up) == (q, o, w)
        assert right == 2 * q * o + 2 * k * h + 3 * w * h
    for found, (right,), _ in asked("memory", "LoRA at"):
        assert right == pytest.approx(16 * found[1] / 1e6, rel=6e-3)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: make_choice("cooking", 1), "'cooking'"),
        (lambda: make_choice("rank", 1.5), "seed is 1.5"),
        (lambda: make_choices("rank", 1, 51), "count is 51"),
        (lambda: judge_choice(make_choice("rank", 1), "none of them"), "'none of them'"),
    ],
)
def test_what_cannot_be_asked_or_answered_is_refused(call, said):
    with pytest.raises(InputError, match=said):
        call()
