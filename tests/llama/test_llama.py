"""The Llama against a slow one written from the papers with loops, and its laws."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lowrank import llama
from lowrank.errors import FormatError, InputError
from lowrank.llama import loading
from lowrank.llama.config import LlamaConfig, RopeScaling
from lowrank.llama.generation import sample
from lowrank.llama.model import checked_ids
from lowrank.llama.rope import frequencies
from lowrank.readers.hf_config import llama_config_from_json, to_json
from lowrank.readers.interface import TensorInfo

GQA = replace(llama.TINY, head_dim=6, num_hidden_layers=3)
LLAMA3 = RopeScaling("llama3", 8.0, 1.0, 4.0, original_max_position_embeddings=16)
SHAPES = {
    "grouped queries": (GQA, False),
    "a key for each query": (replace(GQA, num_key_value_heads=4), False),
    "one key for all": (replace(GQA, num_key_value_heads=1, tie_word_embeddings=True), False),
    "tied head": (replace(GQA, tie_word_embeddings=True), False),
    "biased": (GQA, True),
    "llama3 positions": (replace(GQA, head_dim=8, rope_scaling=LLAMA3), False),
    "linear positions": (replace(GQA, rope_scaling=RopeScaling("linear", 4.0)), True),
    "wide heads": (replace(GQA, head_dim=10, rope_theta=500_000.0, rms_norm_eps=1e-2), False),
}
IDS = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8]


def slow_speed(config: LlamaConfig, pair: int) -> float:
    """Radians a position, one pair at a time, as llama_models' apply_scaling decides it."""
    speed = 1.0 / config.rope_theta ** (2 * pair / config.head_dim)
    scaling = config.rope_scaling
    if scaling is None:
        return speed
    if scaling.rope_type == "linear":
        return speed / scaling.factor
    wave, length = 2 * math.pi / speed, scaling.original_max_position_embeddings
    if wave < length / scaling.high_freq_factor:
        return speed
    if wave > length / scaling.low_freq_factor:
        return speed / scaling.factor
    smooth = (length / wave - scaling.low_freq_factor) / (
        scaling.high_freq_factor - scaling.low_freq_factor
    )
    return (1 - smooth) * speed / scaling.factor + smooth * speed


def slow_forward(params: llama.Params, ids: list[int]) -> np.ndarray:
    """Token after token, head after head, pair after pair, in double precision; no cache, no mask.

    A pair of numbers is a complex number here, turned by a complex factor.
    """
    config = params.config
    heads, kv_heads, width = (
        config.num_attention_heads,
        config.num_key_value_heads,
        config.head_dim,
    )

    def norm(x, weight):
        scale = math.sqrt(sum(float(v) ** 2 for v in x) / len(x) + config.rms_norm_eps)
        return np.array([float(v) / scale * float(w) for v, w in zip(x, weight, strict=True)])

    def linear(projection, x):
        y = [sum(float(a) * float(b) for a, b in zip(row, x, strict=True)) for row in projection.W]
        bias = projection.bias if projection.bias is not None else np.zeros(len(y))
        return np.array(y) + bias

    def turned(vector, position):
        half = width // 2
        out = np.empty(width)
        for pair in range(half):
            z = complex(vector[pair], vector[pair + half])
            z *= complex(math.cos(a := position * slow_speed(config, pair)), math.sin(a))
            out[pair], out[pair + half] = z.real, z.imag
        return out

    xs = [params.embed_tokens[i].astype(float) for i in ids]
    for layer in params.layers:
        keys, values, after = [], [], []
        for position, x in enumerate(xs):
            e = norm(x, layer.input_layernorm)
            q, k, v = (linear(p, e) for p in (layer.q_proj, layer.k_proj, layer.v_proj))
            keys.append([turned(k[h * width : (h + 1) * width], position) for h in range(kv_heads)])
            values.append([v[h * width : (h + 1) * width] for h in range(kv_heads)])
            mixed = []
            for h in range(heads):
                own = turned(q[h * width : (h + 1) * width], position)
                shared = h // (heads // kv_heads)
                scores = [float(own @ key[shared]) / math.sqrt(width) for key in keys]
                weights = [math.exp(s - max(scores)) for s in scores]
                total = sum(weights)
                mixed.append(
                    sum(w / total * v[shared] for w, v in zip(weights, values, strict=True))
                )
            after.append(x + linear(layer.o_proj, np.concatenate(mixed)))
        xs = []
        for x in after:
            e = norm(x, layer.post_attention_layernorm)
            gate, up = linear(layer.gate_proj, e), linear(layer.up_proj, e)
            middle = np.array([g / (1 + math.exp(-g)) * u for g, u in zip(gate, up, strict=True)])
            xs.append(x + linear(layer.down_proj, middle))
    return np.array([linear(params.lm_head, norm(x, params.norm)) for x in xs])


def made(config: LlamaConfig = GQA, biases: bool = False, dtype=np.float32) -> llama.Params:
    return llama.random(config, np.random.default_rng(7), biases, dtype)


@pytest.mark.parametrize("shape", SHAPES)
def test_forward_agrees_with_the_slow_one(shape):
    config, biases = SHAPES[shape]
    exact = made(config, biases, np.float64)
    expected = slow_forward(exact, IDS)
    np.testing.assert_allclose(llama.forward(exact, IDS), expected, rtol=1e-10, atol=1e-10)
    single = llama.forward(made(config, biases), IDS)
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, expected, atol=1e-4)


@pytest.mark.parametrize("shape", SHAPES)
@settings(max_examples=12, deadline=None)
@given(cuts=st.lists(st.integers(1, 4), min_size=1, max_size=8))
def test_a_cache_changes_nothing_however_the_text_is_cut(shape, cuts):
    params = made(*SHAPES[shape], np.float64)
    ids = (IDS * 3)[: sum(cuts)]
    cache, rows = llama.Cache(), []
    for cut in cuts:
        rows.append(llama.forward(params, ids[cache.length : cache.length + cut], cache))
    assert cache.length == len(ids)
    np.testing.assert_allclose(np.concatenate(rows), llama.forward(params, ids), atol=1e-11)


def test_a_cache_grows_is_cut_and_copied():
    params = made(dtype=np.float64)
    rng = np.random.default_rng(0)
    ids = rng.integers(0, 11, 64)
    cache = llama.Cache()
    for token in ids:
        last = llama.forward(params, [token], cache)
    np.testing.assert_allclose(last, llama.forward(params, ids, positions=[-1]), atol=1e-11)
    other = cache.copy()
    other.cut(10)
    continued = llama.forward(params, ids[10:20], other)
    np.testing.assert_allclose(continued, llama.forward(params, ids[:20])[10:], atol=1e-11)
    assert cache.length == 64
    with pytest.raises(InputError, match="0 to 20"):
        other.cut(21)


def test_an_interrupted_forward_leaves_the_cache_as_it_was():
    params = made(dtype=np.float64)
    cache = llama.Cache()
    llama.forward(params, IDS[:4], cache)

    def stop(name, x):
        raise KeyboardInterrupt

    watched = llama.observed(params, stop, ["model.layers.2.mlp.down_proj"])
    with pytest.raises(KeyboardInterrupt):
        llama.forward(watched, IDS[4:7], cache)
    assert cache.length == 4
    np.testing.assert_allclose(
        llama.forward(params, IDS[4:], cache), llama.forward(params, IDS)[4:], atol=1e-11
    )


ids_of_tiny = st.lists(st.integers(0, 10), min_size=2, max_size=20)


@settings(max_examples=40, deadline=None)
@given(ids=ids_of_tiny, data=st.data())
def test_later_tokens_never_change_earlier_logits(ids, data):
    params = made(dtype=np.float64)
    t = data.draw(st.integers(1, len(ids) - 1))
    other = ids[:t] + data.draw(st.lists(st.integers(0, 10), min_size=1, max_size=5))
    ours, theirs = llama.forward(params, ids)[:t], llama.forward(params, other)[:t]
    np.testing.assert_allclose(ours, theirs, atol=1e-12)


@settings(max_examples=40, deadline=None)
@given(ids=ids_of_tiny, data=st.data())
def test_chosen_positions_are_those_rows(ids, data):
    params, n = made(dtype=np.float64), len(ids)
    chosen = data.draw(st.lists(st.integers(-n, n - 1), min_size=1, max_size=5))
    whole = llama.forward(params, ids)
    np.testing.assert_allclose(
        llama.forward(params, ids, positions=chosen), whole[chosen], atol=1e-12
    )
    part = llama.forward(params, ids, positions=slice(1, None))
    np.testing.assert_allclose(part, whole[1:], atol=1e-12)


def test_the_order_of_the_tokens_matters_only_through_the_turning():
    params = made(replace(GQA, num_hidden_layers=1), dtype=np.float64)
    still = replace(params, layers=tuple(replace(each, turned=False) for each in params.layers))
    ids, mixed = [3, 1, 4, 5], [4, 3, 1, 5]  # what the last token sees, in two orders
    last, other = (llama.forward(params, text)[-1] for text in (ids, mixed))
    assert np.abs(last - other).max() > 1e-3
    last, other = (llama.forward(still, text)[-1] for text in (ids, mixed))
    np.testing.assert_allclose(last, other, atol=1e-12)


@pytest.mark.parametrize("biases", [False, True])
def test_the_whole_of_a_singular_value_decomposition_is_the_matrix(biases):
    params = made(biases=biases, dtype=np.float64)
    pairs = {}
    for name, dense in llama.projections(params).items():
        U, s, Vt = np.linalg.svd(dense.W, full_matrices=False)
        pairs[name] = llama.LowRank(U, s[:, None] * Vt, dense.bias)
        assert pairs[name].shape == dense.shape
    new = llama.replaced(params, pairs)
    np.testing.assert_allclose(llama.forward(new, IDS), llama.forward(params, IDS), atol=1e-10)


@settings(max_examples=20, deadline=None)
@given(
    names=st.sets(st.sampled_from(list(llama.projections(made()))), min_size=1),
    r=st.integers(1, 4),
    scale=st.floats(-2, 2),
)
def test_lora_is_the_merged_matrix_and_nothing_while_b_is_zero(names, r, scale):
    params, rng = made(biases=True, dtype=np.float64), np.random.default_rng(0)
    held = llama.projections(params)

    def adapted(B_size: float) -> dict[str, llama.LoRA]:
        found = {}
        for name in sorted(names):
            m, n = held[name].shape
            A, B = rng.standard_normal((r, n)), B_size * rng.standard_normal((m, r))
            found[name] = llama.LoRA(held[name], A, B, scale)
        return found

    plain = llama.forward(params, IDS)
    np.testing.assert_array_equal(llama.forward(llama.replaced(params, adapted(0)), IDS), plain)
    pairs = adapted(0.3)
    merged = {name: llama.Dense(p.matrix(), held[name].bias) for name, p in pairs.items()}
    np.testing.assert_allclose(
        llama.forward(llama.replaced(params, pairs), IDS),
        llama.forward(llama.replaced(params, merged), IDS),
        atol=1e-8,
    )


def test_replacing_shares_everything_else_and_counts_parameters():
    params = made()
    name = "model.layers.1.self_attn.q_proj"
    pair = llama.LowRank(np.ones((24, 2), np.float32), np.ones((2, 8), np.float32))
    new = llama.replaced(params, {name + ".weight": pair})
    before, after = llama.projections(params), llama.projections(new)
    assert after[name] is pair
    assert all(after[n] is before[n] for n in before if n != name)
    assert new.embed_tokens is params.embed_tokens
    assert (before[name].parameters, pair.parameters) == (192, 64)
    with pytest.raises(InputError, match="no projection 'q_proj'"):
        llama.replaced(params, {"q_proj": pair})
    with pytest.raises(InputError, match=r"shape \(24, 8\); expected \(12, 8\)"):
        llama.replaced(params, {"model.layers.1.mlp.up_proj": pair})


def test_projections_of_other_shapes_are_refused():
    with pytest.raises(InputError, match=r"expected \(out, k\), \(k, in\)"):
        llama.LowRank(np.ones((3, 2)), np.ones((3, 4)))
    with pytest.raises(InputError, match=r"expected \(r, 3\) and \(2, r\)"):
        llama.LoRA(llama.Dense(np.ones((2, 3))), np.ones((1, 2)), np.ones((2, 1)), 1.0)
    with pytest.raises(InputError, match=r"expected \(2,\)"):
        llama.Dense(np.ones((2, 3)), np.ones(3))


def test_observers_see_the_inputs_of_each_projection():
    params, seen = made(), {}
    plain = llama.forward(params, IDS)
    watched = llama.forward(llama.observed(params, seen.__setitem__), IDS)
    np.testing.assert_array_equal(watched, plain)
    assert list(seen) == list(llama.projections(params))
    for name, x in seen.items():
        assert x.shape == (len(IDS), llama.projections(params)[name].shape[1])
    head = llama.projections(params)["lm_head"]
    np.testing.assert_array_equal(head.apply(seen["lm_head"]), plain)


@pytest.mark.parametrize(
    ("ids", "words"),
    [
        ([], "at least one"),
        ([[1]], "one whole number"),
        ([1.5], "one whole number"),
        ([-1], "holds -1"),
        ([11], "0 to 10"),
        ([0] * 65, "65 tokens; this model was made for at most 64"),
    ],
)
def test_ids_that_are_none_are_refused(ids, words):
    with pytest.raises(InputError, match=words):
        llama.forward(made(), ids)


def test_the_nll_is_the_log_probability_of_each_next_token():
    params = made(dtype=np.float64)
    logits = slow_forward(params, IDS)
    expected = [
        -math.log(math.exp(row[nxt]) / sum(math.exp(v) for v in row))
        for row, nxt in zip(logits[:-1], IDS[1:], strict=True)
    ]
    heard = []
    losses = llama.nll(params, IDS, lambda done, of: heard.append((done, of)))
    np.testing.assert_allclose(losses, expected, atol=1e-10)
    assert llama.perplexity(losses) == pytest.approx(math.exp(sum(expected) / len(expected)))
    assert heard == [(11, 11)]
    with pytest.raises(InputError, match="at least 2"):
        llama.nll(params, [1])


def test_the_nll_of_a_long_text_goes_in_parts():
    params = made(replace(GQA, max_position_embeddings=400), dtype=np.float64)
    ids = np.random.default_rng(0).integers(0, 11, 300)
    whole = llama.cross_entropy(llama.forward(params, ids[:-1]), ids[1:])
    np.testing.assert_allclose(llama.nll(params, ids), whole, atol=1e-10)
    np.testing.assert_allclose(
        llama.last_logits(params, ids), llama.forward(params, ids)[-1], atol=1e-10
    )


def test_greedy_takes_the_largest_logit_and_stops_where_told():
    params = made()
    ids = [1, 2, 3]
    for _ in range(12):
        ids.append(int(llama.forward(params, ids)[-1].argmax()))
    found = list(llama.generate(params, [1, 2, 3], 12))
    assert found == ids[3:]
    stop = found[5]
    assert (
        list(llama.generate(params, [1, 2, 3], 12, stop_ids={stop})) == found[: found.index(stop)]
    )
    assert list(llama.generate(params, [1, 2, 3], 0)) == []
    assert len(list(llama.generate(params, [1] * 60, 50))) == 5  # 64 positions, and one beyond


def test_generation_goes_on_from_a_cache():
    params, cache = made(), llama.Cache()
    whole = list(llama.generate(params, [1, 2, 3], 10))
    first = list(llama.generate(params, [1, 2, 3], 5, cache=cache))
    rest = list(llama.generate(params, first[-1:], 5, cache=cache))
    assert first + rest == whole


def test_nothing_is_computed_before_it_is_asked_for():
    calls = []
    params = llama.observed(made(), lambda name, x: calls.append(name), ["lm_head"])
    tokens = llama.generate(params, [1, 2], 5)
    assert calls == []
    next(tokens)
    next(tokens)
    assert calls == ["lm_head"] * 2


def test_sampling_follows_the_distribution_and_the_seed():
    params = made()
    again = [list(llama.generate(params, [1], 20, temperature=1.0, seed=s)) for s in (5, 5, 6)]
    assert again[0] == again[1] != again[2]
    logits = np.log(np.array([0.5, 0.3, 0.15, 0.05]))
    rng = np.random.default_rng(0)
    for top_p, allowed in ((1.0, 4), (0.6, 2), (0.5, 1), (0.81, 3)):
        p = llama.distribution(logits, 1.0, top_p)
        assert np.count_nonzero(p) == allowed
        drawn = np.bincount([sample(logits, 1.0, top_p, rng) for _ in range(4000)], minlength=4)
        np.testing.assert_allclose(drawn / 4000, p, atol=0.04)
    cold, hot = llama.distribution(logits, 0.1), llama.distribution(logits, 10.0)
    assert cold[0] > 0.99
    assert hot.max() - hot.min() < 0.1


@pytest.mark.parametrize(
    ("words", "arguments"),
    [
        ("temperature is -1", {"temperature": -1}),
        ("temperature is nan", {"temperature": math.nan}),
        ("top_p is 0", {"top_p": 0}),
        ("max_new_tokens is -1", {"max_new_tokens": -1}),
    ],
)
def test_wrong_arguments_are_refused_at_once(words, arguments):
    with pytest.raises(InputError, match=words):
        llama.generate(made(), [1], **arguments)


class Held:
    """A model in memory, as a reader would answer."""

    title, given_config, model_type = "Held", None, None

    def __init__(self, params: llama.Params) -> None:
        self.config = params.config
        self.arrays = {
            "model.embed_tokens.weight": params.embed_tokens,
            "model.norm.weight": params.norm,
        }
        for i, layer in enumerate(params.layers):
            for norm in ("input_layernorm", "post_attention_layernorm"):
                self.arrays[f"model.layers.{i}.{norm}.weight"] = getattr(layer, norm)
        for name, dense in llama.projections(params).items():
            if name == "lm_head" and params.config.tie_word_embeddings:
                continue
            self.arrays[f"{name}.weight"] = dense.W
            if dense.bias is not None:
                self.arrays[f"{name}.bias"] = dense.bias

    @property
    def tensors(self):
        return {
            name: TensorInfo(name, None, None, W.shape, "F32", W.nbytes)
            for name, W in self.arrays.items()
        }

    def read(self, name):
        return self.arrays[name].copy()


@pytest.mark.parametrize("shape", SHAPES)
def test_loading_gives_back_what_a_model_holds(shape):
    params, heard = made(*SHAPES[shape]), []
    loaded = llama.load(Held(params), progress=lambda done, of: heard.append((done, of)))
    np.testing.assert_array_equal(llama.forward(loaded, IDS), llama.forward(params, IDS))
    assert heard[-1][0] == heard[-1][1] == len(heard)
    assert not loaded.embed_tokens.flags.writeable
    if params.config.tie_word_embeddings:
        assert loaded.lm_head.W is loaded.embed_tokens


def test_a_model_too_large_is_refused_with_both_numbers():
    with pytest.raises(InputError, match=r"Held needs 0\.2 GB of memory .* and 0\.1 GB are avail"):
        llama.load(Held(made()), memory=100_000_000)
    assert 10**8 < loading.available() < 10**14


def test_the_control_groups_limit_counts(tmp_path, monkeypatch):
    (tmp_path / "memory.max").write_text("3000\n")
    (tmp_path / "memory.current").write_text("1000\n")
    monkeypatch.setattr(loading, "CGROUPS", tmp_path)
    assert loading.available() == 2000
    (tmp_path / "memory.max").write_text("max\n")
    assert loading.available() > 2000


def test_what_is_no_plain_llama_is_refused():
    def held(**changes) -> Held:
        model = Held(made())
        for key, value in changes.items():
            setattr(model, key, value)
        return model

    cases = [
        ("not a Llama", held(config=None)),
        ("Gemma 2: logits are soft-capped", held(model_type="gemma2")),
        ("'odd', which is not among Llama, Mistral", held(model_type="odd")),
        ("'gelu'", held(given_config={"hidden_act": "gelu"})),
        ("part of each head", held(config=replace(GQA, partial_rotary_factor=0.5))),
        ("'mrope'", held(config=replace(GQA, rope_scaling=RopeScaling("mrope")))),
        ("0 factors", held(config=replace(GQA, rope_scaling=RopeScaling("longrope")))),
        ("3 keys", held(config=replace(GQA, num_key_value_heads=3))),
    ]
    for words, model in cases:
        with pytest.raises(InputError, match=words):
            llama.load(model)
    extra = Held(made())
    extra.arrays["model.layers.0.self_attn.q_norm.weight"] = np.ones(6, np.float32)
    with pytest.raises(InputError, match=r"also has 'model\.layers\.0\.self_attn\.q_norm"):
        llama.load(extra)


def test_missing_misshapen_and_nan_tensors_are_named():
    model = Held(made())
    del model.arrays["model.layers.1.mlp.up_proj.weight"]
    with pytest.raises(FormatError, match=r"has no model\.layers\.1\.mlp\.up_proj\.weight"):
        llama.load(model)
    model = Held(made())
    model.arrays["model.norm.weight"] = np.ones(9, np.float32)
    with pytest.raises(FormatError, match=r"has shape \(9,\); expected \(8,\)"):
        llama.load(model)
    model = Held(made())
    model.arrays["model.norm.weight"] = np.full(8, np.nan, np.float32)
    with pytest.raises(FormatError, match=r"model\.norm\.weight holds NaN"):
        llama.load(model)
    with pytest.raises(FormatError, match="no model"):
        llama.load(replaced_depth(Held(made()), 10**9))


def replaced_depth(model: Held, layers: int) -> Held:
    model.config = replace(model.config, num_hidden_layers=layers)
    return model


def test_gguf_divisors_are_llama3s_scaling():
    config = replace(GQA, head_dim=8, rope_scaling=LLAMA3)
    params = made(config)
    plain = replace(config, rope_scaling=None)
    model = Held(params)
    model.config = replace(config, rope_scaling=RopeScaling("factors"))
    divisors = frequencies(plain) / frequencies(config)
    model.arrays["rope_freqs.weight"] = divisors.astype(np.float32)
    loaded = llama.load(model)
    np.testing.assert_allclose(frequencies(loaded.config), frequencies(config), rtol=1e-6)


def test_configurations_say_how_positions_are_stretched():
    given = to_json(GQA) | {
        "rope_scaling": {
            "rope_type": "llama3",
            "factor": 8.0,
            "low_freq_factor": 1.0,
            "high_freq_factor": 4.0,
            "original_max_position_embeddings": 16,
        }
    }
    assert llama_config_from_json(given).rope_scaling == LLAMA3
    assert llama_config_from_json(to_json(replace(GQA, rope_scaling=LLAMA3))).rope_scaling == LLAMA3
    newer = to_json(GQA) | {"rope_scaling": None, "rope_parameters": {"rope_type": "default"}}
    assert llama_config_from_json(newer).rope_scaling is None
    for odd in (
        {"rope_type": []},
        {"factor": "x"},
        [1],
        "linear",
        {"type": "linear", "factor": {}},
    ):
        llama_config_from_json(to_json(GQA) | {"rope_scaling": odd})


def test_checked_ids_gives_an_array():
    assert checked_ids((1, 2), GQA).tolist() == [1, 2]


def test_a_model_is_told_by_its_sizes():
    shown = repr(llama.random(llama.TINY, np.random.default_rng(0)))
    assert shown == "Params(2 layers, hidden 8, vocabulary 11)"
