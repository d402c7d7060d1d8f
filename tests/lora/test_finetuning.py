"""Fine-tuning on tiny models: runs that repeat, stop and go on; methods; the parameter report."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lowrank import llama, lora
from lowrank.errors import FormatError, InputError, SourceError
from lowrank.llama.config import SMOLLM2_135M
from lowrank.llama.linear import LoRA
from lowrank.llama.relatives import RELATIVES
from lowrank.lora import (
    AdapterConfig,
    AdapterLayers,
    Matrices,
    State,
    TrainConfig,
    adapters,
    finetuning,
    optimizer,
)
from lowrank.memory import PUBLISHED, accounting

TINY = replace(llama.TINY, head_dim=6)
EXAMPLES = [
    lora.Example((3, 1, 4, 1, 5), (False, False, True, True, True)),
    lora.Example((2, 7, 1), (True, True, True)),
    lora.Example((6, 6, 8, 9), (False, True, True, True)),
]
LORA = AdapterConfig(r=2, lora_alpha=4, target_modules=("q_proj", "v_proj", "down_proj"))
METHODS = {
    "lora": LORA,
    "gaussian, rsLoRA": replace(LORA, init_lora_weights="gaussian", use_rslora=True),
    "pissa": replace(LORA, init_lora_weights="pissa"),
    "olora": replace(LORA, init_lora_weights="olora"),
    "dora": replace(LORA, use_dora=True),
    "dropout": replace(LORA, lora_dropout=0.2),
    "patterns": replace(LORA, rank_pattern={"q_proj": 3}, alpha_pattern={"v_proj": 1}),
    "biases": replace(LORA, bias="all"),
    "biases of the adapted": replace(LORA, bias="lora_only"),
    "head": replace(LORA, target_modules=("lm_head",), lora_dropout=0.1),
    "whole matrices": Matrices(("model.layers.1.self_attn.q_proj", "up_proj")),
    "adapter layers": AdapterLayers(3),
}


def made(biases=True, dtype=np.float32) -> llama.Params:
    return llama.random(TINY, np.random.default_rng(7), biases, dtype)


def config_of(method="lora", **fields) -> TrainConfig:
    chosen = METHODS[method] if isinstance(method, str) else method
    return TrainConfig(chosen, **({"steps": 6, "learning_rate": 0.02} | fields))


def numbers(records):
    return [(r.step, r.loss, r.grad_norm, r.learning_rate, r.tokens) for r in records]


def same(a: State, b: State) -> bool:
    return a.step == b.step and all(
        getattr(a, group).keys() == getattr(b, group).keys()
        and all(np.array_equal(getattr(a, group)[n], getattr(b, group)[n]) for n in a.weights)
        for group in ("weights", "m", "v")
    )


@pytest.mark.parametrize("method", METHODS)
def test_it_learns_and_the_start_is_the_model_itself(method):
    params, config = made(), config_of(method, steps=40, batch_size=3, lr_scheduler_type="constant")
    run = lora.finetune(params, EXAMPLES, config)
    before = lora.evaluate(params, EXAMPLES)
    beginning = lora.evaluate(lora.adapted(params, config.method, run.state), EXAMPLES)
    near = 0.02 if method == "adapter layers" else 1e-5
    assert beginning == pytest.approx(before, rel=near)
    records = list(run)
    assert [r.step for r in records] == list(range(1, 41))
    assert records[0].loss == pytest.approx(beginning, rel=0.2 if "dropout" in method else 1e-2)
    after = lora.adapted(params, config.method, run.state)
    assert lora.evaluate(after, EXAMPLES) < 0.7 * before
    none = lora.adapted(params, config.method, run.state, scale=0.0)
    np.testing.assert_allclose(
        llama.forward(none, [1, 2, 3]), llama.forward(params, [1, 2, 3]), atol=1e-5
    )
    if method != "adapter layers":
        for one in (lora.merged(after), lora.merged(lora.merged(after))):
            np.testing.assert_allclose(
                llama.forward(one, [1, 2, 3]), llama.forward(after, [1, 2, 3]), atol=1e-4
            )
    assert set(map(str, {a.dtype for a in run.state.weights.values()})) == {"float32"}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("stop", [0, 1, 4])
def test_stopped_saved_and_resumed_it_is_the_same_run(method, stop, tmp_path):
    params = made()
    config = config_of(method, batch_size=2, gradient_accumulation_steps=2, weight_decay=0.1)
    whole = lora.finetune(params, EXAMPLES, config)
    records = list(whole)
    first = lora.finetune(params, EXAMPLES, config)
    early = [next(first) for _ in range(stop)]
    first.close()
    assert list(first) == []
    first.state.save(tmp_path / "run.npz")
    second = lora.finetune(params, EXAMPLES, config, State.load(tmp_path / "run.npz"))
    assert numbers([*early, *second]) == numbers(records)
    assert same(second.state, whole.state)


@pytest.mark.parametrize("family", RELATIVES)
def test_every_relative_learns_and_merged_it_says_what_it_learnt(family):
    own = {"no_rope_layers": (1, 0)} if family == "smollm3" else {"sliding_window": 2}
    config = replace(TINY, model_type=family, **own if family != "llama" else {})
    params = llama.random(config, np.random.default_rng(7), biases=family == "qwen2")
    wanted = config_of(steps=40, batch_size=3, lr_scheduler_type="constant")
    run = lora.finetune(params, EXAMPLES, wanted)
    for _ in run:
        pass
    after = lora.adapted(params, wanted.method, run.state)
    assert lora.evaluate(after, EXAMPLES) < 0.7 * lora.evaluate(params, EXAMPLES)
    merged = llama.forward(lora.merged(after), [3, 1, 4, 1, 5])
    np.testing.assert_allclose(merged, llama.forward(after, [3, 1, 4, 1, 5]), atol=1e-4)


def test_seeds_make_runs_and_the_arguments_stay_as_they_were():
    params = made()
    before = {n: p.W.copy() for n, p in llama.projections(params).items()}
    losses = [
        [r.loss for r in lora.finetune(params, EXAMPLES, config_of("dropout", seed=seed))]
        for seed in (1, 1, 2)
    ]
    assert losses[0] == losses[1] != losses[2]
    for name, projection in llama.projections(params).items():
        np.testing.assert_array_equal(projection.W, before[name])
    run = lora.finetune(params, EXAMPLES, config_of())
    first = run.state
    kept = {n: a.copy() for n, a in first.weights.items()}
    list(run)
    assert all(np.array_equal(first.weights[n], kept[n]) for n in kept)


def test_accumulated_gradients_are_those_of_one_batch():
    params = made(dtype=np.float64)
    runs = [
        lora.finetune(
            params,
            EXAMPLES,
            config_of(batch_size=size, gradient_accumulation_steps=6 // size, shuffle=False),
        )
        for size in (1, 2, 6)
    ]
    several = [list(run) for run in runs]
    for records in several[1:]:
        for a, b in zip(records, several[0], strict=True):
            assert a.loss == pytest.approx(b.loss, rel=1e-9)
            assert a.grad_norm == pytest.approx(b.grad_norm, rel=1e-9)


def test_every_example_is_seen_before_one_is_seen_again():
    config = config_of(batch_size=2)
    laps = [i for step in range(15) for i in finetuning.order(10, config, step)]
    assert [sorted(laps[i : i + 10]) for i in (0, 10, 20)] == [list(range(10))] * 3
    assert laps[:10] != laps[10:20]
    assert finetuning.order(3, replace(config, shuffle=False), 1) == [2, 0]


@pytest.mark.parametrize("kind", lora.SCHEDULES)
@settings(max_examples=30)
@given(steps=st.integers(1, 50), warmup=st.integers(0, 20))
def test_schedules_rise_then_fall_within_0_and_1(kind, steps, warmup):
    factors = [lora.schedule(kind, step, warmup, steps) for step in range(steps + 1)]
    assert all(0 <= f <= 1 for f in factors)
    up, down = factors[: warmup + 1], factors[warmup:]
    assert up == [step / warmup if step < warmup else 1.0 for step in range(len(up))]
    assert down == sorted(down, reverse=True)
    if warmup < steps:
        assert factors[-1] == (1.0 if kind == "constant" else pytest.approx(0, abs=1e-12))


def test_clipping_bounds_the_norm_of_all_together():
    gradients = {"a": np.array([3.0, 0.0]), "b": np.array([[4.0]])}
    assert optimizer.global_norm(gradients) == pytest.approx(5)
    assert optimizer.global_norm(lora.clipped(gradients, 1.0)) == pytest.approx(1, rel=1e-5)
    for most in (0, 5.1):
        kept = lora.clipped(gradients, most)
        assert all(np.array_equal(kept[n], gradients[n]) for n in gradients)


def test_loraplus_moves_b_faster_and_decay_is_decoupled():
    params, one = made(), config_of(steps=1, max_grad_norm=0.0)
    plain, plus = (
        lora.finetune(params, EXAMPLES, replace(one, loraplus_lr_ratio=ratio)) for ratio in (1, 16)
    )
    next(plain), next(plus)
    for name, array in plain.state.weights.items():
        ratio = 16 if name.endswith("lora_B") else 1
        begun = lora.start(params, one).weights[name]
        np.testing.assert_allclose(
            plus.state.weights[name] - begun, ratio * (array - begun), rtol=1e-3, atol=1e-7
        )
    p, *_ = lora.adamw(np.ones(3), np.zeros(3), np.zeros(3), np.zeros(3), 1, 0.1, weight_decay=0.5)
    np.testing.assert_allclose(p, 0.95)


def test_a_run_that_diverges_says_so():
    run = lora.finetune(made(), EXAMPLES, config_of(Matrices(("lm_head",)), learning_rate=1e38))
    with pytest.raises(InputError, match="no longer finite at step 2: choose a lower"):
        list(run)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"steps": 0}, "steps is 0"),
        ({"batch_size": 1.5}, "batch_size"),
        ({"learning_rate": 0.0}, "learning_rate"),
        ({"learning_rate": math.nan}, "learning_rate"),
        ({"lr_scheduler_type": "polynomial"}, "lr_scheduler_type"),
        ({"adam_beta2": 1.0}, "adam_beta2"),
        ({"weight_decay": -1.0}, "weight_decay"),
        ({"method": replace(LORA, init_lora_weights="corda")}, "init_lora_weights is 'corda'"),
        ({"method": replace(LORA, init_lora_weights=False)}, "init_lora_weights"),
        ({"method": replace(LORA, lora_dropout=1.0)}, "lora_dropout"),
        ({"method": replace(LORA, fan_in_fan_out=True)}, "fan_in_fan_out"),
        ({"method": replace(LORA, lora_bias=True)}, "lora_bias"),
        ({"method": replace(LORA, modules_to_save=("lm_head",))}, "modules_to_save"),
        ({"method": replace(LORA, use_dora=True, lora_dropout=0.1)}, "use_dora"),
        ({"method": replace(LORA, target_modules=("embed_tokens",))}, "embed_tokens"),
    ],
)
def test_what_is_not_supported_is_refused_by_name(fields, words):
    with pytest.raises(InputError, match=words):
        TrainConfig(**fields)


@pytest.mark.parametrize("bottleneck", [0, 1.5, True])
def test_adapter_layers_have_a_width(bottleneck):
    with pytest.raises(InputError, match="bottleneck is"):
        AdapterLayers(bottleneck)


@pytest.mark.parametrize(
    ("method", "words"),
    [
        (replace(LORA, target_modules=("c_attn",)), "c_attn"),
        (Matrices(("nothing",)), "nothing"),
        (replace(LORA, r=9), "r is 9"),
        (replace(LORA, r=9, init_lora_weights="pissa"), "r is 9"),
    ],
)
def test_what_does_not_fit_the_model_is_refused(method, words):
    with pytest.raises(InputError, match=words):
        lora.finetune(made(), EXAMPLES, TrainConfig(method))


def test_data_that_cannot_be_learnt_is_refused_by_number():
    good = EXAMPLES[0]
    bad = [
        ([], "no examples"),
        ([good, lora.Example((1, 99), (True, True))], "Example 2: ids holds 99"),
        ([lora.Example((1, 2), (True, False))], "Example 1: The examples have no token"),
        ([lora.Example((), ())], "Example 1"),
    ]
    for data, words in bad:
        with pytest.raises(InputError, match=words):
            lora.finetune(made(), data, config_of())


def test_a_state_goes_on_only_where_it_belongs(tmp_path):
    params, config = made(), config_of()
    run = lora.finetune(params, EXAMPLES, config)
    next(run)
    with pytest.raises(InputError, match="learning_rate"):
        lora.finetune(params, EXAMPLES, replace(config, learning_rate=0.5), run.state)
    other = llama.random(replace(TINY, head_dim=4), np.random.default_rng(0))
    with pytest.raises(InputError, match="other shapes"):
        lora.finetune(other, EXAMPLES, config, run.state)
    (tmp_path / "no.npz").write_bytes(b"PK nonsense")
    with pytest.raises(FormatError, match="no saved training state"):
        State.load(tmp_path / "no.npz")
    with pytest.raises(SourceError, match="cannot be read"):
        State.load(tmp_path / "missing.npz")
    np.savez(tmp_path / "pickle.npz", about=np.array([{}], dtype=object))
    with pytest.raises(FormatError, match="no saved training state"):
        State.load(tmp_path / "pickle.npz")


OF_LORA = [name for name, method in METHODS.items() if isinstance(method, AdapterConfig)]


@pytest.mark.parametrize("method", OF_LORA)
def test_saved_as_an_adapter_and_applied_it_is_the_trained_model(method, tmp_path):
    params, config = made(), config_of(method)
    run = lora.finetune(params, EXAMPLES, config)
    list(run)
    saved = adapters.trained(config.method, run.state, "a model")
    found = adapters.load(adapters.save(saved, tmp_path))
    for scale in (0.0, 0.5, 1.0, 2.0):
        ours = lora.adapted(params, config.method, run.state, scale)
        theirs = adapters.applied(params, found, scale)
        np.testing.assert_allclose(
            llama.forward(theirs, [1, 2, 3]), llama.forward(ours, [1, 2, 3]), atol=2e-5
        )


@pytest.mark.parametrize("method", [Matrices(("up_proj",)), AdapterLayers(2)])
def test_other_methods_make_no_lora_adapter(method):
    with pytest.raises(InputError, match="no LoRA adapter"):
        adapters.trained(method, lora.start(made(), config_of(method)))


def test_pissa_trains_the_top_of_w0():
    params, config = made(), config_of("pissa")
    run = lora.finetune(params, EXAMPLES, config)
    name = "model.layers.0.self_attn.q_proj"
    W0 = llama.projections(params)[name].W
    inside = llama.projections(run._base)[name].W
    s, left = (np.linalg.svd(W, compute_uv=False) for W in (W0, inside))
    np.testing.assert_allclose(left[: len(s) - 2], s[2:], rtol=1e-4)
    np.testing.assert_allclose(left[len(s) - 2 :], 0, atol=1e-5)


def test_only_the_chosen_projections_are_wrapped():
    params, config = made(), config_of()
    found = lora.adapted(params, config.method, lora.start(params, config))
    wrapped = [n for n, p in llama.projections(found).items() if isinstance(p, LoRA)]
    assert {n.rpartition(".")[2] for n in wrapped} == {"q_proj", "v_proj", "down_proj"}
    assert len(wrapped) == 6


@pytest.mark.parametrize(
    ("model", "fields", "trainable", "total", "percent"),
    [
        ("Llama 2 7B", {}, 4_194_304, 6_742_609_920, "0.0622"),
        ("Llama 2 7B", {"r": 64}, 33_554_432, 6_771_970_048, "0.4955"),
        ("Llama 2 7B", {"r": 16, "target_modules": "all-linear"}, 39_976_960, None, "0.5898"),
        ("Llama 2 7B", {"r": 64, "target_modules": "all-linear"}, 159_907_840, None, "2.3181"),
        ("SmolLM2", {}, 460_800, 134_975_808, "0.3414"),
        ("SmolLM2", {"target_modules": "all-linear"}, 2_442_240, None, "1.7832"),
    ],
)
def test_the_report_is_that_of_peft(model, fields, trainable, total, percent):
    config = SMOLLM2_135M if model == "SmolLM2" else PUBLISHED[model]
    found = lora.report(config, AdapterConfig(**fields))
    assert found.trainable == trainable
    assert total in (None, found.total)
    assert str(found).startswith(f"trainable params: {trainable:,} || all params: ")
    assert str(found).endswith(f"|| trainable%: {percent}")


@pytest.mark.parametrize("method", METHODS)
def test_the_report_counts_what_is_trained(method):
    params, config = made(), config_of(method)
    state = lora.start(params, config)
    found = lora.report(params, config.method)
    assert found.trainable == sum(a.size for a in state.weights.values())
    if isinstance(config.method, AdapterLayers):
        assert found.trainable == accounting.adapter_parameters(TINY, 3)
