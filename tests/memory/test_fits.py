"""What fits: the most that does, and no more; and the command that prints it."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lowrank.__main__ import main
from lowrank.errors import InputError
from lowrank.llama.names import LINEAR
from lowrank.memory import PUBLISHED, STORAGES, inference_memory, room_of, training_fits
from lowrank.memory.accounting import ADAM_8BIT
from lowrank.memory.fits import METHODS, Step, inference_fits, largest

LLAMA = PUBLISHED["Llama 3.1 8B"]


@given(st.integers(0, 200), st.integers(1, 50), st.integers(1, 7))
def test_the_largest_is_the_last_that_fits(room, most, slope):
    fitting = [n for n in range(1, most + 1) if slope * n * n <= room]
    assert largest(lambda n: slope * n * n, room, most) == max(fitting, default=0)


@pytest.mark.parametrize("cards", [1, 2])
@pytest.mark.parametrize("model", ["Llama 3.1 8B", "Gemma 3 27B", "Qwen3 30B A3B"])
def test_what_fits_fits_and_one_more_does_not(model, cards):
    config, room = PUBLISHED[model], room_of(24)
    for fit in inference_fits(config, room, context=2000, batch=2, cache_bits=8, cards=cards):
        storage = STORAGES[fit.storage]

        def need(tokens, rows, storage=storage):
            return inference_memory(config, storage, tokens, rows, 8, cards).total

        assert not fit.context or need(fit.context, 2) <= room
        assert fit.context == config.longest or need(fit.context + 1, 2) > room
        assert not fit.batch or need(2000, fit.batch) <= room
        assert need(2000, fit.batch + 1) > room


def test_a_step_that_fits_fits_and_one_more_does_not():
    room, step = room_of(24), Step(tokens=300, batch=2, r=16, adam=ADAM_8BIT)
    for fit in training_fits(LLAMA, room, step):
        assert (fit.r is None) == fit.method.startswith("full")
        for name, limit in (("tokens", LLAMA.longest), ("batch", 4096), ("r", 4096)):
            most = getattr(fit, name)
            for n in (most, most + 1) if most is not None else ():
                if 0 < n <= limit:
                    held = replace(step, **{name: n}).memory(LLAMA, fit.method).total
                    assert (held <= room) == (n == most)


def test_qlora_trains_65b_on_a_card_of_48_gb():
    """Dettmers et al. 2023 (arXiv 2305.14314), abstract and introduction: more than 780 GB for
    full fine-tuning in 16 bits, less than 48 GB with QLoRA, r = 64 on all projections."""
    config = PUBLISHED["Llama 1 65B"]
    full = Step(tokens=1).memory(config, "full, mixed precision")
    assert 780e9 < full.weights + full.gradients + full.moments < 790e9
    step = Step(512, 1, 64, LINEAR, recompute=True)
    assert step.memory(config, "QLoRA, NF4").total < 48 * 2**30
    fits = {fit.method: fit for fit in training_fits(config, room_of(48), step)}
    assert fits["QLoRA, NF4"].r >= 64
    assert fits["LoRA, bfloat16"].tokens == 0


def test_moments_in_8_bits_are_a_quarter_and_paged_ones_leave_the_card():
    plain = Step().memory(LLAMA, "LoRA, bfloat16")
    eight = Step(adam=ADAM_8BIT).memory(LLAMA, "LoRA, bfloat16")
    paged = Step(paged=True).memory(LLAMA, "LoRA, bfloat16")
    assert eight.moments / plain.moments == pytest.approx(0.254, abs=1e-3)
    assert (paged.paged, paged.moments) == (plain.moments, 0)
    assert plain.total - paged.total == plain.moments


@pytest.mark.parametrize("card", [0, -1, 0.5, float("nan"), float("inf")])
def test_a_card_with_nothing_left_is_refused(card):
    with pytest.raises(InputError, match="expected something left"):
        room_of(card)


def test_the_command_says_what_fits(capsys):
    assert main(["memory", "llama-3.1-8b", "--card", "24", "--lang", "en"]) == 0
    said = capsys.readouterr().out
    assert "8,030,261,248 parameters" in said
    row = next(line for line in said.splitlines() if line.startswith("GGUF Q4_K_M"))
    assert row.split() == ["GGUF", "Q4_K_M", "4.91", "131,072", "36"]
    assert all(method in said for method in METHODS)


def test_the_command_for_programs(capsys, tmp_path):
    config = {"model_type": "qwen3_moe", "hidden_size": 64, "intermediate_size": 96}
    config |= {"num_hidden_layers": 6, "num_attention_heads": 4, "vocab_size": 50}
    path = tmp_path / "config.json"
    path.write_text(json.dumps(config))
    assert main(["memory", str(path), "--card", "8", "--reserve", "2", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["room"] == 8 * 2**30 - 2 * 10**9
    assert found["active"] < found["parameters"]
    assert [each["storage"] for each in found["inference"]] == list(STORAGES)
    assert [each["method"] for each in found["training"]] == list(METHODS)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["Lama 8B"], "near to it are Llama 3"),
        (["Mixtral 8x7B", "--cards", "3"], "cards is 3"),
        (["Llama 2 7B", "--card", "0.5"], "expected something left"),
        (["Llama 2 7B", "--context", "0"], "context is 0"),
        (["Llama 2 7B", "--rank", "0"], "r is 0"),
        (["no/such.gguf"], "such.gguf"),
    ],
)
def test_bad_input_is_one_sentence(capsys, arguments, words):
    assert main(["memory", *arguments]) == 1
    said = capsys.readouterr().err
    assert words in said
    assert len(said.splitlines()) == 1


def test_full_training_keeps_every_input_whatever_lora_is_put_on():
    config = PUBLISHED["Llama 2 7B"]
    for method in ("full, float32", "full, mixed precision"):
        few, many = (
            Step(targets=t).memory(config, method).activations for t in (("q_proj",), LINEAR)
        )
        assert few == many
    assert round(Step().memory(config, "full, float32").total / 1e9, 2) == 112.26
