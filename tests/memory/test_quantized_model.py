"""A model kept in few bits computes what its codes say, and its gradients are slopes of that."""

import numpy as np
import pytest

from lowrank import llama, lora, memory
from lowrank.errors import InputError
from lowrank.llama import backward
from lowrank.llama.linear import Dense, LoRA, bias_of
from lowrank.llama.trainable import Dropped, projection_backward
from lowrank.lora.lab.training_memory import matrix_bytes, weights_of
from lowrank.lora.lab.training_memory import nbytes as bytes_of
from lowrank.memory.quantization import int8, nf4_double
from lowrank.memory.quantized_model import QuantizedDense, quantized

CODES = {"NF4": nf4_double, "int8": int8}
EXAMPLE = lora.Example((3, 1, 4, 1, 5), (False, False, True, True, True))


def made(biases: bool = False) -> llama.Params:
    return llama.random(llama.TINY, np.random.default_rng(7), biases)


def plain(params: llama.Params) -> llama.Params:
    """The same model with the numbers that its codes stand for."""
    held = llama.projections(params)
    return llama.replaced(params, {n: Dense(p.matrix(), bias_of(p)) for n, p in held.items()})


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("biases", [False, True])
def test_it_is_the_model_of_the_numbers_its_codes_stand_for(code, biases):
    params = made(biases)
    kept = quantized(params, CODES[code])
    ids = [1, 2, 3, 4]
    ours = llama.forward(kept, ids)
    np.testing.assert_array_equal(ours, llama.forward(plain(kept), ids))
    assert np.abs(ours - llama.forward(params, ids)).max() > 1e-4  # and not the model itself
    assert kept.lm_head is params.lm_head
    assert kept.embed_tokens is params.embed_tokens
    for name, projection in llama.projections(kept).items():
        assert projection.shape == llama.projections(params)[name].shape
        assert projection.parameters == llama.projections(params)[name].parameters


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("dropped", [False, True])
def test_gradients_of_lora_on_codes_are_slopes_of_the_loss(code, dropped):
    """Central differences in float64 of sum(dy * y), in x, A and B."""
    rng = np.random.default_rng(0)
    W0 = QuantizedDense(CODES[code](rng.standard_normal((6, 8))), rng.standard_normal(6))
    A, B = rng.standard_normal((2, 8)), rng.standard_normal((6, 2))
    x, dy, keep = rng.standard_normal((3, 8)), rng.standard_normal((3, 6)), rng.random((3, 8)) > 0.3

    def projection(A=A, B=B):
        pair = LoRA(W0, A, B, 0.7)
        return Dropped(pair, keep, 0.3) if dropped else pair

    dx, found = projection_backward(projection(), x, dy, ("lora_A", "lora_B"))
    values = {
        "x": (x, dx, lambda x: projection().apply(x)),
        "A": (A, found["lora_A"], lambda A: projection(A=A).apply(x)),
        "B": (B, found["lora_B"], lambda B: projection(B=B).apply(x)),
    }
    for at, gradient, y in values.values():
        direction, h = rng.standard_normal(at.shape), 1e-5
        up, down = (np.sum(dy * y(at + sign * h * direction)) for sign in (1, -1))
        assert np.sum(gradient * direction) == pytest.approx((up - down) / (2 * h), rel=1e-7)


def test_nothing_of_it_can_be_trained():
    kept = quantized(made(), nf4_double)
    batch = backward.batch([EXAMPLE], kept.config)
    name = "model.layers.0.self_attn.q_proj"
    with pytest.raises(InputError, match="no 'weight' that can be trained"):
        backward.gradients(kept, batch, [f"{name}.weight"])


@pytest.mark.parametrize("init", ["pissa", "olora"])
def test_starts_that_take_a_part_out_of_w0_are_refused(init):
    kept = quantized(made(), nf4_double)
    config = lora.TrainConfig(lora.AdapterConfig(r=2, init_lora_weights=init), steps=1)
    with pytest.raises(InputError, match="takes a part out of W0"):
        lora.finetune(kept, [EXAMPLE], config)


@pytest.mark.parametrize("fields", [{}, {"use_dora": True}, {"lora_dropout": 0.2}])
def test_a_run_on_codes_is_the_run_on_their_numbers(fields):
    kept = quantized(made(), nf4_double)
    method = lora.AdapterConfig(r=2, target_modules="all-linear", **fields)
    config = lora.TrainConfig(method, steps=5, learning_rate=0.02)
    losses = [
        [record.loss for record in lora.finetune(params, [EXAMPLE], config)]
        for params in (kept, plain(kept))
    ]
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-5)
    assert losses[0][-1] < losses[0][0]


def test_its_memory_is_that_of_codes_and_constants():
    config = llama.LlamaConfig(**vars(llama.TINY) | {"hidden_size": 256, "intermediate_size": 512})
    params = llama.random(config, np.random.default_rng(0))
    numbers = matrix_bytes(params) // 4
    for name, code, bits in (("NF4", nf4_double, 4.127), ("int8", int8, 8.2)):
        kept = quantized(params, code)
        assert 8 * matrix_bytes(kept) / numbers == pytest.approx(bits, rel=0.02), name
        held = (p for n, p in llama.projections(kept).items() if n != "lm_head")
        said = sum(projection.nbytes for projection in held)
        assert matrix_bytes(kept) == pytest.approx(said, rel=1e-3)
        less = bytes_of(weights_of(params)) - bytes_of(weights_of(kept))
        assert less == matrix_bytes(params) - matrix_bytes(kept)
    assert memory.quantized is quantized
