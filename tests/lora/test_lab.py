"""The lab's training sets, the experiments' arithmetic, and what a step is said to hold."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lowrank import llama, lora
from lowrank.errors import InputError
from lowrank.llama import SMOLLM2_135M
from lowrank.lora import lab
from lowrank.lora.lab import experiments, restaurants, subspace_overlap
from lowrank.lora.lab.sets import LONGEST, MOST_LINES, written
from lowrank.memory.accounting import adapter_parameters, lora_parameters


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "0 examples"),
        (b"\xff", "UTF-8"),
        (b'{"prompt": "a"}', "Line 1"),
        (b'{"prompt": "a", "completion": "b"}\n[', "Line 2"),
        (b'{"messages": [{"role": "system", "content": "a"}]}', "Line 1"),
        (b'{"prompt": " ", "completion": "b"}', "neither empty"),
        (b"[" * 100_000, "Line 1"),
    ],
)
def test_a_file_of_examples_that_is_none_is_said(raw, words):
    with pytest.raises(InputError, match=words):
        lab.from_jsonl(raw)


def test_built_in_sets_are_whole_and_show_nothing_before():
    for name, each in lab.built_in().items():
        assert each.name == name
        prompts = {prompt for prompt, _ in each.examples}
        assert not prompts & {each.prompt, *each.others}  # what is asked was not learnt
        assert len(prompts) == len(each.examples) <= MOST_LINES
        assert lab.typed(written(each.examples)) == each.examples
        signs = [each.shows(answer) for _, answer in each.examples]
        assert sum(signs) >= len(signs) - 2, name  # the island's set has other capitals too
        assert not each.shows("The sky is blue because of the air.")


def said(letters: str) -> st.SearchStrategy[str]:
    """Texts of some letters that neither begin nor end with a space."""
    return st.text(letters, min_size=1, max_size=80).map(str.strip).filter(bool)


@given(st.lists(st.tuples(said("abc ?é"), said("xyz =>")), min_size=1, max_size=MOST_LINES))
@settings(max_examples=30, deadline=None)
def test_what_is_written_is_read_again(pairs):
    assert lab.typed(written(tuple(pairs))) == tuple(pairs)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "There are 0 examples"),
        ("a => b\nno arrow", "Line 2 is 'no arrow'; expected: prompt => answer"),
        ("a =>", "Line 1"),
        ("=> b", "Line 1"),
        ("a => " + "b" * LONGEST, "characters; expected 240"),
        ("a => b\n" * 25, "There are 25 examples"),
    ],
)
def test_typed_lines_that_are_no_examples_are_named(text, words):
    with pytest.raises(InputError, match=words):
        lab.typed(text)


class Letters:
    """A tokenizer of single letters."""

    chat_template = None
    stop_ids = frozenset({0})

    def encode(self, text: str, special: bool = False) -> list[int]:
        return [1 + ord(c) % 10 for c in text]

    def begin(self, text: str) -> list[int]:
        return [0, *self.encode(text)]


def test_restaurants_differ_repeat_and_count_the_sentence_alone():
    pairs = restaurants.lines(60)
    assert pairs == restaurants.lines(60)
    assert len({facts for facts, _ in pairs}) == 60
    for facts, sentence in pairs:
        name, food = (part.split(": ")[1] for part in facts.split(" | ")[:2])
        assert name in sentence
        assert food in sentence
    example = restaurants.examples(Letters(), pairs[:1])[0]
    assert example.learnt == len(pairs[0][1]) + 1  # with the space before it


def test_budgets_are_equal():
    found = {
        name: lora_parameters(SMOLLM2_135M, 1, of, of) for name, of in experiments.EQUAL.items()
    }
    assert set(found.values()) == {276_480}
    for name, ranks in experiments.EQUAL.items():
        method = experiments.equal(ranks)
        assert lora.report(SMOLLM2_135M, method).trainable == 276_480, name
        for module in ranks:
            assert method.scale(f"model.layers.3.self_attn.{module}") == 2.0


def test_phi_is_one_inside_and_near_chance_at_random():
    rng = np.random.default_rng(0)
    A = rng.standard_normal((4, 200))
    inside = subspace_overlap.phi(A, np.concatenate([A, rng.standard_normal((3, 200))]))
    # In the whole span of the second lies all of the first: row i, last column.
    np.testing.assert_allclose(inside[:, -1], 1, atol=1e-12)
    np.testing.assert_allclose(np.diag(subspace_overlap.phi(A, 3 * A)), 1, atol=1e-12)
    drawn = [subspace_overlap.phi(*rng.standard_normal((2, 8, 200)))[-1, -1] for _ in range(40)]
    assert abs(np.mean(drawn) - subspace_overlap.chance(8, 8, 200)) < 0.005
    # An independent way: traces of products of projectors.
    B = rng.standard_normal((6, 200))
    P, Q = (np.linalg.pinv(each) @ each for each in (A, B))
    assert subspace_overlap.phi(A, B)[-1, -1] == pytest.approx(np.trace(P @ Q) / 4)


def test_amplification_is_the_papers():
    rng = np.random.default_rng(1)
    U, V = (np.linalg.qr(rng.standard_normal((30, 30)))[0] for _ in range(2))
    W = U @ np.diag(np.linspace(10, 1, 30)) @ V.T
    update = 7 * np.outer(U[:, 20], V[:, 20])  # along one direction that W has, without emphasis
    found = subspace_overlap.amplification(update, W, 1)
    assert found["norm"] == pytest.approx(7)
    assert found["within"] == pytest.approx(np.linspace(10, 1, 30)[20])
    assert found["own"] == pytest.approx(10)
    assert found["factor"] == pytest.approx(7 / found["within"])
    assert found["random"] < found["own"]


def test_chance_gives_the_factor_that_the_page_says():
    """||D|| / ||U^T W V|| over random directions is about ||D|| sqrt(m n) / (r ||W||)."""
    rng = np.random.default_rng(2)
    W, D = rng.standard_normal((60, 45)), rng.standard_normal((60, 45))
    W[:, 0] *= 3  # a direction above the rest changes nothing on average
    said = np.linalg.norm(D) * np.sqrt(W.size) / (12 * np.linalg.norm(W))
    seen = [subspace_overlap.amplification(D, W, 12, seed)["random"] for seed in range(10, 50)]
    assert np.linalg.norm(D) / np.sqrt(np.mean(np.square(seen))) == pytest.approx(said, rel=0.1)


@pytest.fixture(scope="module")
def tiny() -> llama.Params:
    longer = replace(llama.TINY, max_position_embeddings=256)
    return llama.random(longer, np.random.default_rng(0))


def small(**changes) -> experiments.Settings:
    given = {"steps": 2, "seeds": (0, 1), "lines": 4, "validation": 2, "held_out": 2, "layer": 1}
    return experiments.Settings(**given | changes)


def test_experiments_fill_a_record_that_is_json_and_go_on(tiny, monkeypatch):
    monkeypatch.setattr(experiments, "RANKS", (2, 1))
    monkeypatch.setattr(experiments, "RS_RANKS", (2,))
    monkeypatch.setattr(experiments, "EQUAL", {"q": {"q_proj": 1}})
    config = small(tables=("ranks", "matrices"))
    whole = experiments.Redo(config)
    shares = [d.share for d in experiments.work(tiny, Letters(), whole)]
    assert shares == sorted(shares)
    assert shares[-1] < 1 == whole.share  # however many rates it took, the last run was still due
    found = experiments.rows(whole.record)
    for way in experiments.ways(config):
        of = [row for row in found if (row["table"], row["label"]) == (way.table, way.label)]
        chosen, tried = ([row for row in of if row["chosen"] is c] for c in (True, False))
        assert [row["seed"] for row in chosen] == [0, 1]
        assert {row["seed"] for row in tried} == {0}
        assert len(tried) >= 2
        # The best on the validation lines, between two that are worse.
        rates = sorted({row["rate"]: row["validation"] for row in of if row["seed"] == 0}.items())
        best = min(range(len(rates)), key=lambda i: rates[i][1])
        assert rates[best][0] == chosen[0]["rate"]
        at_the_end = rates[best][0] in (experiments.RATES[0], experiments.RATES[-1])
        assert 0 < best < len(rates) - 1 or at_the_end
    assert json.loads(json.dumps(whole.record))["runs"] == whole.record["runs"]
    assert all(len(losses) == 2 for losses in experiments.spread(whole.record, "ranks").values())

    part = experiments.Redo(config)
    running = experiments.work(tiny, Letters(), part)
    while len(part.record.get("runs", {})) < 2:
        next(running)
    running.close()
    again = experiments.Redo(config, part.record, part.kept)
    list(experiments.work(tiny, Letters(), again))
    losses = {name: numbers["loss"] for name, numbers in whole.record["runs"].items()}
    assert {name: numbers["loss"] for name, numbers in again.record["runs"].items()} == losses


def test_a_rate_at_which_training_diverges_is_not_chosen(tiny, monkeypatch):
    monkeypatch.setattr(experiments, "RANKS", (1,))
    monkeypatch.setattr(experiments, "RS_RANKS", ())
    monkeypatch.setattr(experiments, "RATES", (1e-4, 1e-3, 1e38))
    redo = experiments.Redo(small(tables=("ranks",), steps=3))
    list(experiments.work(tiny, Letters(), redo))
    assert redo.runs["ranks/1/1e+38/0"]["loss"] is None
    assert redo.record["rates"]["ranks/1"] < 1


def test_the_parts_of_the_lines_have_none_in_common():
    lines = experiments.data(Letters(), small())
    parts = [set(part) for part in (lines.trained, lines.validation, lines.held_out)]
    assert [len(part) for part in parts] == [4, 2, 2]
    assert len(set.union(*parts)) == 8


def test_settings_that_fit_nothing_are_refused(tiny):
    with pytest.raises(InputError, match="tables"):
        experiments.Settings(tables=("nothing",))
    with pytest.raises(InputError, match="seeds"):
        experiments.Settings(seeds=())
    with pytest.raises(InputError, match="layer is 15; the model has 2"):
        list(experiments.work(tiny, Letters(), experiments.Redo(small(layer=15))))


def test_memory_is_that_of_the_arrays(tiny):
    method = lora.AdapterConfig(r=2)
    config = lora.TrainConfig(method, steps=1)
    example = lora.Example((1, 2, 3, 4, 5), (False, False, True, True, True))
    run = lora.finetune(tiny, [example], config)
    next(run)
    held = lab.held_in_training(tiny, method, run.state, example)
    trained = lora.report(llama.TINY, method).trainable
    assert held.weights == 4 * (lora.report(tiny.config, method).total - trained)
    assert (held.added, held.gradients, held.moments) == (4 * trained, 4 * trained, 8 * trained)
    assert held.logits == 4 * 3 * llama.TINY.vocab_size
    c = llama.TINY
    a_token = 4 * c.hidden_size + 2 * c.num_attention_heads * c.head_dim + 3 * c.intermediate_size
    assert held.activations >= 4 * 5 * 2 * a_token  # k and v are in it, too


def test_adapter_layers_count_is_that_of_accounting():
    method = lora.AdapterLayers(8)
    assert lora.report(SMOLLM2_135M, method).trainable == adapter_parameters(SMOLLM2_135M, 8)
