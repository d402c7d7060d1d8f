"""EVA and LoftQ against their definitions, and against what PEFT recorded on a tiny Llama."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lowrank import llama, lora
from lowrank.errors import InputError
from lowrank.llama.linear import LoRA
from lowrank.lora import AdapterConfig, Example, TrainConfig, adapters
from lowrank.lora.initial import eva, loftq, loftq_start, principal
from lowrank.memory.quantization import int8, nf4, nf4_double
from lowrank.memory.quantized_model import QuantizedDense, quantized
from lowrank.readers import open_model
from tests import tiny_llama
from tests.oracles.quantized_data import DIRECTIONS, ITERATIONS, RANK, random_matrix, token_ids

RECORDED = np.load(Path(__file__).parents[1] / "fixtures" / "quantized.npz")
EXAMPLES = [
    Example((3, 1, 4, 1, 5), (False, False, True, True, True)),
    Example((2, 7, 1, 8), (True, True, True, True)),
]
ALL = AdapterConfig(r=2, lora_alpha=4, target_modules="all-linear")


def made() -> llama.Params:
    return llama.random(llama.TINY, np.random.default_rng(7))


def config_of(kind: str, **fields) -> TrainConfig:
    return TrainConfig(replace(ALL, init_lora_weights=kind), steps=8, learning_rate=0.02, **fields)


def inputs(params: llama.Params, name: str) -> np.ndarray:
    """What goes into a projection, for all tokens of the examples."""
    seen = []
    watched = llama.observed(params, lambda _, x: seen.append(np.array(x)), [name])
    for example in EXAMPLES:
        llama.forward(watched, list(example.ids))
    return np.concatenate(seen)


def test_eva_keeps_as_much_of_the_inputs_variance_as_any_r_directions():
    params = made()
    state = lora.start(params, config_of("eva"), EXAMPLES)
    for name in llama.projections(params):
        if name == "lm_head":
            continue
        A = state.weights[f"{name}.lora_A"]
        X = inputs(params, name).astype(np.float64)
        X -= X.mean(axis=0)
        s = np.linalg.svd(X, compute_uv=False)
        np.testing.assert_allclose(A @ A.T, np.eye(2), atol=1e-5)
        assert np.linalg.norm(X @ A.T) == pytest.approx(np.linalg.norm(s[:2]), rel=1e-4)
        assert not state.weights[f"{name}.lora_B"].any()


def test_eva_is_that_of_peft(tmp_path):
    """The same directions up to a sign and what its randomised SVD is off, for every projection."""
    params = llama.load(open_model(str(tiny_llama.write(tmp_path / "tiny"))))
    data = [Example(tuple(ids), (True,) * len(ids)) for ids in token_ids()]
    method = AdapterConfig(r=DIRECTIONS, target_modules="all-linear", init_lora_weights="eva")
    found = eva(params, method, data)
    theirs = {n.removeprefix("eva."): a for n, a in RECORDED.items() if n.startswith("eva.")}
    assert found.keys() == theirs.keys()
    assert len(found) == 14
    for name, A in found.items():
        cosines = np.abs(np.sum(A * theirs[name], axis=1))
        assert cosines.min() > 0.995, name


def test_eva_needs_more_tokens_than_directions():
    with pytest.raises(InputError, match=r"have 5 tokens .* more than r = 5 are needed"):
        principal(np.random.default_rng(0).standard_normal((5, 8)), 5)
    with pytest.raises(InputError, match="have 0 tokens"):
        lora.start(made(), config_of("eva"))


def test_equal_ranks_are_not_needed():
    method = replace(ALL, rank_pattern={"k_proj": 1, "up_proj": 3}, init_lora_weights="eva")
    run = lora.finetune(made(), EXAMPLES, TrainConfig(method, steps=1))
    shapes = {n.split(".")[-2]: a.shape[0] for n, a in run.state.weights.items() if "lora_A" in n}
    assert (shapes["q_proj"], shapes["k_proj"], shapes["up_proj"]) == (2, 1, 3)


@pytest.mark.parametrize("quantizer", [nf4, nf4_double, int8])
@pytest.mark.parametrize("scale", [1.0, 4.0])
def test_loftq_comes_nearer_than_codes_alone(quantizer, scale):
    W0 = random_matrix("many")
    alone = np.linalg.norm(W0 - quantizer(W0).matrix())
    errors = []
    for iterations in (1, 2, 5):
        Q, A, B = loftq(W0, RANK, scale, quantizer, iterations)
        errors.append(np.linalg.norm(W0 - Q.matrix() - scale * B @ A))
    assert errors[0] < 0.98 * alone
    assert max(errors[1:]) <= 1.001 * errors[0]
    # Of the best B A the error is what the singular values beyond r hold.
    s = np.linalg.svd(W0.astype(np.float64) - quantizer(W0).matrix(), compute_uv=False)
    assert errors[0] == pytest.approx(np.linalg.norm(s[RANK:]), rel=1e-4)


@pytest.mark.parametrize("iterations", ITERATIONS)
def test_loftq_is_that_of_peft(iterations):
    Q, A, B = loftq(random_matrix("many"), RANK, 1.0, nf4, iterations)
    theirs = {part: RECORDED[f"loftq.{iterations}.{part}"] for part in "QAB"}
    if iterations == 1:
        np.testing.assert_array_equal(Q.matrix(), theirs["Q"])
    # Later a number between two codes may take the other.
    apart = ~np.isclose(Q.matrix(), theirs["Q"], rtol=1e-4)
    assert apart.mean() <= 0.002
    error = np.linalg.norm(B @ A - theirs["B"] @ theirs["A"])
    assert error <= (1e-4 if iterations == 1 else 0.02) * np.linalg.norm(theirs["B"] @ theirs["A"])
    np.testing.assert_allclose(np.linalg.norm(A, axis=1), np.linalg.norm(B, axis=0), rtol=1e-4)


@pytest.mark.parametrize("iterations", [1, 2])
def test_loftq_begins_near_the_model_and_learns(iterations):
    params, config = made(), config_of("loftq")
    base, state = loftq_start(params, config, nf4_double, iterations)
    placed = lora.adapted(base, config.method, state)
    off = {
        "codes": quantized(params, nf4_double),
        "LoftQ": placed,
    }
    far = {
        label: sum(
            np.linalg.norm(p.matrix() - llama.projections(params)[name].matrix()) ** 2
            for name, p in llama.projections(model).items()
        )
        for label, model in off.items()
    }
    assert far["LoftQ"] < 0.9 * far["codes"]
    assert all(
        isinstance(p, LoRA) and isinstance(p.W0, QuantizedDense)
        for name, p in llama.projections(placed).items()
        if name != "lm_head"
    )
    losses = [record.loss for record in lora.finetune(base, EXAMPLES, config, state)]
    assert losses[-1] < losses[0]


def test_stopped_and_resumed_a_loftq_run_is_the_same(tmp_path):
    params, config = made(), config_of("loftq")
    base, state = loftq_start(params, config, nf4_double)
    whole = [r.loss for r in lora.finetune(base, EXAMPLES, config, state)]
    first = lora.finetune(base, EXAMPLES, config, state)
    early = [next(first).loss for _ in range(3)]
    first.state.save(tmp_path / "run.npz")
    # With one iteration the base is the model quantized, whatever the run began with.
    again = quantized(params, nf4_double)
    rest = lora.finetune(again, EXAMPLES, config, lora.State.load(tmp_path / "run.npz"))
    assert [*early, *(r.loss for r in rest)] == whole


@pytest.mark.parametrize(("kind", "saved"), [("eva", "eva"), ("loftq", True)])
def test_what_is_saved_fits_the_base_it_was_trained_on(kind, saved, tmp_path):
    params, config = made(), config_of(kind)
    base, state = params, None
    if kind == "loftq":
        base, state = loftq_start(params, config, nf4_double)
    run = lora.finetune(base, EXAMPLES, config, state)
    list(run)
    found = adapters.load(adapters.save(adapters.trained(config.method, run.state), tmp_path))
    assert (found.config.init_lora_weights, found.config.r) == (saved, 2)
    ours = llama.forward(lora.adapted(base, config.method, run.state), [1, 2, 3])
    theirs = llama.forward(adapters.applied(base, found), [1, 2, 3])
    np.testing.assert_allclose(theirs, ours, atol=2e-5)


def test_what_cannot_begin_so_is_refused():
    with pytest.raises(InputError, match="before it was quantized"):
        lora.finetune(made(), EXAMPLES, config_of("loftq"))
    with pytest.raises(InputError, match="LoftQ is a start of LoRA"):
        loftq_start(made(), TrainConfig(lora.AdapterLayers(2)), nf4_double)
    with pytest.raises(InputError, match="use_dora"):
        TrainConfig(replace(ALL, init_lora_weights="loftq", use_dora=True))
