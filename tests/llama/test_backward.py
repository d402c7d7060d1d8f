"""Gradients against finite differences, in float64 on tiny models; the backward pass's laws."""

from dataclasses import replace

import numpy as np
import pytest

from lowrank import llama
from lowrank.errors import InputError
from lowrank.llama import backward
from lowrank.llama.config import RopeScaling
from lowrank.llama.linear import Dense, LoRA, LowRank
from lowrank.llama.names import LINEAR, MLP, name_of
from lowrank.llama.trainable import BOTTLENECK_PARTS, Bottleneck, DoRA, Dropped

GQA = replace(llama.TINY, head_dim=6, num_hidden_layers=3)
LLAMA3 = RopeScaling("llama3", 8.0, 1.0, 4.0, original_max_position_embeddings=16)
YARN = RopeScaling("yarn", 4.0, original_max_position_embeddings=16)
WINDOWED = replace(
    GQA,
    sliding_window=2,
    layer_types=("sliding_attention", "full_attention", "sliding_attention"),
    no_rope_layers=(1, 0, 0),
)
SHAPES = {
    "grouped queries": (GQA, False),
    "one key for all, tied": (replace(GQA, num_key_value_heads=1, tie_word_embeddings=True), False),
    "biased": (GQA, True),
    "llama3 positions": (replace(GQA, head_dim=8, rope_scaling=LLAMA3), False),
    "normed q and k": (replace(GQA, model_type="qwen3"), True),
    "a window, and layers that do not turn": (WINDOWED, False),
    "sharpened by YaRN": (replace(GQA, rope_scaling=YARN), False),
}
EXAMPLES = [
    ([3, 1, 4, 1, 5, 9, 2], [0, 0, 0, 1, 1, 1, 1]),
    ([6, 5, 3], [1, 1, 1]),
    ([8, 9, 7, 9], [0, 0, 1, 0]),
]
rng_of = np.random.default_rng


def made(config=GQA, biases=False) -> llama.Params:
    return llama.random(config, rng_of(7), biases, np.float64)


def lora(inner, rng, r=2) -> LoRA:
    m, n = inner.shape
    return LoRA(inner, rng.standard_normal((r, n)), rng.standard_normal((m, r)) / 3, 0.7)


def dropped(inner, rng) -> Dropped:
    N = sum(len(ids) for ids, _ in EXAMPLES)
    if inner.shape[0] == GQA.vocab_size:  # the head sees only what counts in the loss
        N = sum(sum(mask[1:]) for _, mask in EXAMPLES)
    return Dropped(lora(inner, rng), rng.random((N, inner.shape[1])) > 0.3, 0.3)


def bottleneck(inner, rng, m=3) -> Bottleneck:
    h = inner.shape[0]
    sizes = ((m, h), (m,), (h, m), (h,))
    return Bottleneck(inner, *(rng.standard_normal(size) / 2 for size in sizes))


def arrays(projection) -> dict:
    """Every array of a projection that can be trained, by its part's name."""
    if isinstance(projection, Dropped):
        return arrays(projection.lora)
    if isinstance(projection, DoRA):
        return {"lora_magnitude_vector": projection.magnitude}
    if isinstance(projection, LoRA):
        return {"lora_A": projection.A, "lora_B": projection.B}
    if isinstance(projection, Bottleneck):
        held = (projection.D, projection.b, projection.U, projection.c)
        return dict(zip(BOTTLENECK_PARTS, held, strict=True))
    return {"weight": projection.W} | ({} if projection.bias is None else {"bias": projection.bias})


def shifts_all_scores(params, name: str) -> bool:
    """Whether this is the same for every key, which softmax does not see unless keys are turned."""
    key_bias = name.endswith(("k_proj.bias", "k_proj.up.bias"))
    return key_bias and not params.layers[int(name.split(".")[2])].turned


def check(params, trained: dict, tolerance=1e-6) -> None:
    """Each gradient along itself and along a random direction, by a fourth-order difference."""
    batch = backward.batch(EXAMPLES, params.config)
    _, found = backward.gradients(params, batch, trained)
    assert found.keys() == trained.keys()
    rng, h = rng_of(1), 1e-4
    for name, array in trained.items():
        g, kept = found[name], array.copy()
        assert g.shape == array.shape
        if shifts_all_scores(params, name):
            assert np.linalg.norm(g) < 1e-12, name
            continue
        assert np.linalg.norm(g) > 1e-8, name
        for d in (np.abs(rng.standard_normal(g.shape)) * g, rng.standard_normal(g.shape)):
            d = d / np.linalg.norm(d)
            values = []
            for step in (-2, -1, 1, 2):
                array[...] = kept + step * h * d
                values.append(backward.loss(params, batch).mean())
            array[...] = kept
            slope = (values[0] - 8 * values[1] + 8 * values[2] - values[3]) / (12 * h)
            assert slope == pytest.approx((g * d).sum(), abs=tolerance * np.linalg.norm(g)), name


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("short", LINEAR)
def test_lora_of_every_projection_in_a_middle_layer(shape, short):
    params, name = made(*SHAPES[shape]), name_of(1, short)
    adapted = lora(llama.projections(params)[name], rng_of(2))
    params = llama.replaced(params, {name: adapted})
    check(params, {f"{name}.{part}": array for part, array in arrays(adapted).items()})


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("wrap", [lora, dropped, bottleneck], ids=lambda wrap: wrap.__name__)
def test_everything_adapted_at_once(shape, wrap):
    params, rng = made(*SHAPES[shape]), rng_of(3)
    names = [n for n in llama.projections(params) if not (wrap is bottleneck and n == "lm_head")]
    new = {name: wrap(llama.projections(params)[name], rng) for name in names}
    trained = {f"{n}.{part}": a for n, p in new.items() for part, a in arrays(p).items()}
    check(llama.replaced(params, new), trained)


@pytest.mark.parametrize("shape", SHAPES)
def test_whole_matrices_and_their_biases(shape):
    params = made(*SHAPES[shape])
    held = llama.projections(params)
    if params.config.tie_word_embeddings:  # the head alone, not the embeddings it shares
        held["lm_head"] = Dense(held["lm_head"].W.copy())
        params = llama.replaced(params, {"lm_head": held["lm_head"]})
    check(params, {f"{n}.{part}": a for n, p in held.items() for part, a in arrays(p).items()})


def test_biases_below_an_adapter_are_reached():
    params, q = made(GQA, True), name_of(2, "q_proj")
    adapted = lora(llama.projections(params)[q], rng_of(2))
    biases = {f"{n}.bias": p.bias for n, p in llama.projections(params).items() if n != "lm_head"}
    trained = biases | {f"{q}.{part}": array for part, array in arrays(adapted).items()}
    # A key's bias that is the same for all tokens still acts, since keys are turned by position.
    check(llama.replaced(params, {q: adapted}), trained)


def test_dora_is_exact_in_its_magnitude_and_peft_like_in_its_directions():
    params, name = made(GQA, True), name_of(1, "up_proj")
    rng = rng_of(4)
    dora = DoRA(lora(llama.projections(params)[name], rng), rng.random(12) + 1)
    params = llama.replaced(params, {name: dora})
    check(params, {f"{name}.lora_magnitude_vector": dora.magnitude})
    # With the norms held, DoRA is LoRA whose rows are scaled: its gradients are those of that.
    batch = backward.batch(EXAMPLES, params.config)
    g = (dora.magnitude / dora.lengths())[:, None]
    inner = dora.lora
    same = LoRA(Dense(g * inner.W0.W, inner.W0.bias), inner.A, g * inner.B, inner.scale)
    names = [f"{name}.lora_A", f"{name}.lora_B"]
    loss, found = backward.gradients(params, batch, names)
    other, expected = backward.gradients(llama.replaced(params, {name: same}), batch, names)
    assert loss == pytest.approx(other, rel=1e-12)
    np.testing.assert_allclose(found[names[0]], expected[names[0]], rtol=1e-9)
    np.testing.assert_allclose(found[names[1]], g * expected[names[1]], rtol=1e-9)


def test_a_truncated_matrix_below_lets_the_gradient_through():
    params, rng = made(), rng_of(5)
    up, q = name_of(2, "up_proj"), name_of(1, "q_proj")
    low = LowRank(rng.standard_normal((12, 3)), rng.standard_normal((3, 8)))
    adapted = lora(llama.projections(params)[q], rng)
    params = llama.replaced(params, {up: low, q: adapted})
    check(params, {f"{q}.{part}": array for part, array in arrays(adapted).items()})


def test_loss_is_that_of_the_plain_forward_on_each_sequence():
    params = made(GQA, True)
    batch = backward.batch(EXAMPLES, params.config)
    apart = []
    for ids, mask in EXAMPLES:
        losses = llama.cross_entropy(llama.forward(params, ids[:-1]), np.array(ids[1:]))
        apart.append(losses[np.array(mask[1:], bool)])
    np.testing.assert_allclose(backward.loss(params, batch), np.concatenate(apart), rtol=1e-10)
    loss, _ = backward.gradients(params, batch, ["lm_head.weight"])
    assert loss == pytest.approx(np.concatenate(apart).mean(), rel=1e-12)


def test_nothing_is_computed_that_nobody_asked_for():
    """No product of a frozen matrix is undone below the lowest trained one."""
    params, undone = made(), []

    def watch(name, inner):
        class Probe:
            shape, parameters = inner.shape, inner.parameters

            def apply(self, x):
                return inner.apply(x)

            def matrix(self):  # what the backward pass of an unknown projection asks for
                undone.append(name)
                return inner.matrix()

        return Probe()

    held = llama.projections(params)
    v = name_of(1, "v_proj")
    watched = {name: watch(name, inner) for name, inner in held.items() if name != v}
    params = llama.replaced(params, watched | {v: lora(held[v], rng_of(0))})
    batch = backward.batch(EXAMPLES, params.config)
    backward.gradients(params, batch, [f"{v}.lora_A"])
    above = [name_of(2, s) for s in LINEAR]
    here = [name_of(1, s) for s in ("o_proj", *MLP)]
    assert sorted(undone) == sorted(["lm_head", *above, *here])


@pytest.mark.parametrize(
    "name", ["model.layers.9.mlp.up_proj.lora_A", "model.norm.weight", "lm_head", "", "x._proj."]
)
def test_unknown_names_are_refused(name):
    params = made()
    with pytest.raises(InputError, match=f"'{name}' is no array"):
        backward.gradients(params, backward.batch(EXAMPLES, GQA), [name])


def test_parts_that_a_projection_lacks_are_refused():
    params = made()
    batch = backward.batch(EXAMPLES, GQA)
    for name in ("model.layers.1.mlp.up_proj.lora_A", "model.layers.1.mlp.up_proj.bias"):
        with pytest.raises(InputError, match="Dense has no"):
            backward.gradients(params, batch, [name])


@pytest.mark.parametrize(
    ("examples", "said"),
    [
        ([], "no token to learn"),
        ([([1, 2], [1, 0])], "no token to learn"),
        ([([1], [1])], "no token to learn"),
        ([([1, 2, 3], [1, 1])], "mask has shape"),
        ([([99], [1])], "ids holds 99"),
    ],
)
def test_batches_without_anything_to_learn_are_refused(examples, said):
    with pytest.raises(InputError, match=said):
        backward.batch(examples, GQA)
