"""The Llama's relatives against transformers, from both formats; without its feature each fails."""

import json
import re
from dataclasses import fields, replace
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest

from lowrank import llama
from lowrank.errors import InputError
from lowrank.llama import backward
from lowrank.llama.config import LlamaConfig, RopeScaling
from lowrank.llama.names import name_of
from lowrank.llama.relatives import REFUSED, RELATIVES
from lowrank.llama.rope import frequencies
from lowrank.readers import Model, open_model
from lowrank.readers.hf_config import llama_config_from_json, to_json
from lowrank.surgery import reading
from tests.readers.raw_safetensors import raw
from tests.relative_models import (
    CASES,
    FIXTURE,
    IDS,
    LONG,
    as_gguf,
    as_safetensors,
    config_of,
    drawn_all,
)

DOCUMENT = Path(__file__).parents[2] / "docs" / "formats.md"
ORIGINAL = "original_max_position_embeddings"
RECORDED = json.loads(FIXTURE.read_text())
FORMATS = ("safetensors", "gguf")
UNSAID = ("Llama, dynamic", "Llama, YaRN as DeepSeek", "SmolLM3, window")  # GGUF has no keys for it
BOTH = [(c, f) for c in CASES for f in FORMATS if f == "safetensors" or c not in UNSAID]


def opened(case, kind, folder, config=None, but="") -> Model:
    """The model of that case as a file of that format; `but` are tensors left out."""
    config = config or config_of(case)
    held = drawn_all(RECORDED["models"][case]["shapes"])
    held = {name: W for name, W in held.items() if not (but and re.search(but, name))}
    if kind == "gguf":
        windows = RECORDED["models"][case]["config"]["windows"]
        return open_model(as_gguf(folder / "model.gguf", config, held, windows))
    return open_model(as_safetensors(folder, config, held))


def expected(case) -> np.ndarray:
    return np.array(RECORDED["models"][case]["logits"])


def difference(logits, case) -> float:
    """The worst difference from transformers' logits, over the largest of them."""
    return float(np.abs(logits - expected(case)).max() / np.abs(expected(case)).max())


def documented() -> dict[str, float]:
    """The worst difference that docs/formats.md gives each model (`scripts/formats.py`)."""
    table = DOCUMENT.read_text(encoding="utf-8").partition("<!-- runs: begin -->")[2]
    return {
        case: float(x) for case, x in re.findall(r"^\| ([^|]+) \|.*\| (\S+e-\d+) \|$", table, re.M)
    }


@pytest.mark.parametrize(("case", "kind"), BOTH)
def test_logits_are_those_of_transformers(case, kind, tmp_path):
    params = llama.load(opened(case, kind, tmp_path))
    worst = difference(llama.forward(params, IDS), case)
    assert worst < 1e-4
    assert worst < 5 * documented()[case]  # sums in another order round otherwise
    assert list(llama.generate(params, IDS[:6], 8)) == RECORDED["models"][case]["said"]


WITHOUT = {
    "Llama 3": ({"rope_scaling": None}, ""),
    "Llama, linear": ({"rope_scaling": None}, ""),
    "Llama, dynamic": ({"rope_scaling": None, "max_position_embeddings": 64}, ""),
    "Llama, YaRN": ({"rope_scaling": None}, ""),
    "Llama, YaRN as DeepSeek": ({"rope_scaling": CASES["Llama, YaRN"]["rope_scaling"]}, ""),
    "Llama, longrope short": ({"rope_scaling": None}, ""),
    "Llama, longrope long": (
        {"rope_scaling": CASES["Llama, longrope short"]["rope_scaling"]},
        "",
    ),
    "Mistral": ({"sliding_window": None}, ""),
    "Qwen2": ({}, r"\.bias$"),
    "Qwen2, window": ({"use_sliding_window": False}, ""),
    "Qwen3": ({"model_type": "qwen2"}, "_norm.weight"),
    "Qwen3, YaRN": ({"rope_scaling": None}, ""),
    "SmolLM3": ({"no_rope_layers": [1, 1, 1, 1]}, ""),
    "SmolLM3, window": ({"use_sliding_window": False}, ""),
    "rope_parameters wins": ({"rope_parameters": None}, ""),
}


@pytest.mark.parametrize("case", WITHOUT)
def test_without_its_feature_each_says_something_else(case, tmp_path):
    change, but = WITHOUT[case]
    but = but and rf"(?:{but})".replace("_norm.weight", r"[qk]_norm\.weight$")
    model = opened(case, "safetensors", tmp_path, config_of(case) | change, but)
    assert difference(llama.forward(llama.load(model), IDS), case) > 1e-2


@pytest.mark.parametrize("case", CASES)
def test_a_text_in_parts_says_what_it_says_whole(case, tmp_path, monkeypatch):
    """Through the cache, a few tokens at a time: windows, and speeds that hang on the length."""
    params = llama.load(opened(case, "safetensors", tmp_path))
    whole = llama.forward(params, IDS)
    cache = llama.Cache(len(IDS))
    parts = [llama.forward(params, IDS[at : at + 3], cache) for at in range(0, len(IDS), 3)]
    np.testing.assert_allclose(np.concatenate(parts), whole, atol=2e-4)
    for where in ("lowrank.llama.generation", "lowrank.surgery.operation"):
        monkeypatch.setattr(f"{where}.CHUNK", 4)
    np.testing.assert_allclose(llama.last_logits(params, IDS), whole[-1], atol=2e-4)
    losses = llama.cross_entropy(llama.forward(params, IDS[:-1]), np.array(IDS[1:]))
    np.testing.assert_allclose(llama.nll(params, IDS), losses, atol=2e-4)
    of_whole = llama.cross_entropy(whole[:-1], np.array(IDS[1:]))
    np.testing.assert_allclose(reading(params, IDS).losses, of_whole, atol=2e-4)


def test_a_checkpoint_of_codes_runs_as_the_numbers_they_stand_for(tmp_path):
    """Every projection in FP8, one scale a row: the forward of the numbers, to the last bit."""
    config, held = config_of("Qwen3"), drawn_all(RECORDED["models"]["Qwen3"]["shapes"])
    stored, meant = {}, {}
    for name, W in held.items():
        if not name.endswith("_proj.weight"):
            stored[name] = meant[name] = W
            continue
        scale = (np.abs(W).max(axis=1, keepdims=True) / 400).astype(np.float32)
        codes = (W / scale).astype(ml_dtypes.float8_e4m3fn)
        stored |= {name: codes, f"{name}_scale": scale}
        meant[name] = codes.astype(np.float32) * scale
    folder = as_safetensors(tmp_path / "codes", config, {})
    (folder / "model.safetensors").write_bytes(raw(stored))
    models = open_model(folder), open_model(as_safetensors(tmp_path / "numbers", config, meant))
    got, wanted = (llama.forward(llama.load(model), IDS) for model in models)
    np.testing.assert_array_equal(got, wanted)


@pytest.mark.parametrize("case", CASES)
def test_every_matrix_may_be_cut_to_a_lower_rank(case, tmp_path):
    """At full rank nothing changes; one less, and the logits do; norms and windows stay."""
    params = llama.load(opened(case, "safetensors", tmp_path))
    plain = llama.forward(params, IDS)
    for lost, least, most in ((0, 0, 1e-3), (1, 1e-3, np.inf)):
        cut = {}
        for name, dense in llama.projections(params).items():
            U, s, Vt = np.linalg.svd(dense.W, full_matrices=False)
            k = len(s) - lost
            cut[name] = llama.LowRank(U[:, :k], s[:k, None] * Vt[:k], dense.bias)
        change = np.abs(llama.forward(llama.replaced(params, cut), IDS) - plain).max()
        assert least <= change <= most


def in_double(params: llama.Params) -> llama.Params:
    """The same model in float64, its arrays new."""

    def wide(x):
        if isinstance(x, llama.Dense):
            return llama.Dense(wide(x.W), wide(x.bias))
        return x.astype(np.float64) if isinstance(x, np.ndarray) else x

    layers = [{f.name: wide(getattr(each, f.name)) for f in fields(each)} for each in params.layers]
    return replace(
        params,
        embed_tokens=wide(params.embed_tokens),
        layers=tuple(llama.Layer(**each) for each in layers),
        norm=wide(params.norm),
        lm_head=wide(params.lm_head),
    )


@pytest.mark.parametrize("case", CASES)
def test_gradients_are_slopes_of_the_loss_that_the_forward_has(case, tmp_path):
    """Through all layers but the lowest, for two texts of different lengths at once."""
    params = in_double(llama.load(opened(case, "safetensors", tmp_path)))
    texts = [(IDS, [1] * len(IDS)), (IDS[5:14], [0] * 6 + [1] * 3)]
    batch = backward.batch(texts, params.config)
    losses = llama.cross_entropy(llama.forward(params, IDS)[:-1], np.array(IDS[1:]))
    np.testing.assert_allclose(backward.loss(params, batch)[: len(losses)], losses, rtol=1e-9)
    names = [name_of(1, short) for short in ("q_proj", "k_proj", "v_proj", "up_proj")]
    _, found = backward.gradients(params, batch, [f"{name}.weight" for name in names])
    rng, h = np.random.default_rng(0), 1e-5
    for name in names:
        W, g = llama.projections(params)[name].W, found[f"{name}.weight"]
        d = rng.standard_normal(W.shape) * np.abs(g) / np.linalg.norm(g)
        kept, values = W.copy(), []
        for step in (-h, h):
            W[...] = kept + step * d
            values.append(backward.loss(params, batch).mean())
        W[...] = kept
        slope = (values[1] - values[0]) / (2 * h)
        assert slope == pytest.approx((g * d).sum(), abs=1e-6 * np.linalg.norm(g)), name


def said_of(config: LlamaConfig) -> dict:
    """A configuration in the words of the fixture."""
    count = config.num_hidden_layers
    names = ("head_dim", "num_key_value_heads", "rms_norm_eps", "tie_word_embeddings")
    found = {name: getattr(config, name) for name in names}
    found |= {name: getattr(config, name) for name in ("rope_theta", "max_position_embeddings")}
    found["windows"] = [config.window(i) for i in range(count)]
    found["turned"] = [config.turned(i) for i in range(count)]
    return found


@pytest.mark.parametrize("case", CASES)
def test_configurations_mean_what_transformers_takes_them_to_mean(case):
    assert said_of(llama_config_from_json(config_of(case))) == RECORDED["models"][case]["config"]


@pytest.mark.parametrize("family", RECORDED["defaults"])
def test_what_a_configuration_leaves_out_is_transformers_default(family):
    given = RECORDED["needed"] | {"model_type": family}
    assert said_of(llama_config_from_json(given)) == RECORDED["defaults"][family]


def test_every_relative_has_a_recorded_model():
    assert {each["model_type"] for each in CASES.values()} == set(RELATIVES)
    assert set(RECORDED["defaults"]) == set(RELATIVES)
    assert RELATIVES.keys().isdisjoint(REFUSED)
    written = DOCUMENT.read_text(encoding="utf-8")
    assert [f for f in REFUSED.values() if "| {} | {} |".format(*f) not in written] == []


@pytest.mark.parametrize("case", CASES)
def test_a_configuration_is_written_as_it_is_read(case):
    config = llama_config_from_json(config_of(case))
    again = json.loads(json.dumps(to_json(config)))
    assert llama_config_from_json(again) == config


@pytest.mark.parametrize("family", RELATIVES)
def test_a_configuration_against_its_familys_default_is_written_out(family):
    """All layers turned, all windowed, no window: each said, so that no default takes its place."""
    plain = LlamaConfig(16, 24, 4, 4, 2, 8, 16, model_type=family)
    assert llama_config_from_json(to_json(plain)) == plain
    windowed = replace(plain, sliding_window=5)
    if family != "llama":
        assert llama_config_from_json(to_json(windowed)) == windowed


@pytest.mark.parametrize("null", ["rope_theta", "rope_scaling", "rope_parameters", "head_dim"])
def test_null_is_absent(null):
    given = RECORDED["needed"] | {"model_type": "llama"}
    assert llama_config_from_json(given | {null: None}) == llama_config_from_json(given)


def test_a_null_window_is_none_and_an_absent_one_mistrals_own():
    given = RECORDED["needed"] | {"model_type": "mistral"}
    assert llama_config_from_json(given).window(0) == 4096
    assert llama_config_from_json(given | {"sliding_window": None}).window(0) is None


@pytest.mark.parametrize(
    "odd",
    [
        {"layer_types": ["sliding_attention"]},
        {"layer_types": "all"},
        {"no_rope_layers": 3},
        {"no_rope_layer_interval": "4"},
        {"no_rope_layer_interval": -1},
        {"max_window_layers": None},
        {"num_hidden_layers": 10**9},
    ],
)
def test_odd_layers_leave_the_sizes_unknown(odd):
    given = RECORDED["needed"] | {"use_sliding_window": True, "sliding_window": 3}
    for family in ("qwen2", "smollm3"):
        assert llama_config_from_json(given | {"model_type": family} | odd) is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"rope_scaling": {"factor": 2.0}}, "factor without a type"),
        ({"rope_scaling": {"rope_type": "mrope"}}, "'mrope'"),
        ({"rope_parameters": {"full_attention": {}}}, "full_attention without a type"),
        ({"partial_rotary_factor": 0.5}, "only a part of each head"),
        ({"rope_parameters": {"partial_rotary_factor": 0.5}}, "only a part of each head"),
        ({"rope_scaling": {"rope_type": "longrope", "short_factor": [1.0]}}, "1 factors"),
        ({"rope_scaling": LONG | {"long_factor": [1.0], ORIGINAL: 16}}, "1 factors"),
        ({"rope_theta": 1.0, "rope_scaling": CASES["Llama, YaRN"]["rope_scaling"]}, "finite"),
        ({"rope_scaling": LONG | {ORIGINAL: 1}}, "finite"),
        ({"hidden_act": "gelu"}, "'gelu'"),
        ({"model_type": "gemma2"}, "Gemma 2: logits are soft-capped"),
    ],
)
def test_what_would_be_computed_wrongly_is_refused(change, words, tmp_path):
    model = opened("Llama 2", "safetensors", tmp_path, config_of("Llama 2") | change)
    with pytest.raises(InputError, match=words):
        llama.load(model)
    assert model.read("model.layers.0.mlp.up_proj.weight").shape == (24, 16)


def rewritten(path, *pairs):
    """A GGUF file with keys added: (key, value) of numbers or words."""
    held = drawn_all(RECORDED["models"]["Llama 2"]["shapes"])
    config = config_of("Llama 2")
    return open_model(as_gguf(path / "model.gguf", config, held, [None] * 4, dict(pairs)))


@pytest.mark.parametrize(
    ("pairs", "scaling"),
    [
        ([], None),
        ([("llama.rope.scaling.factor", 2.0)], RopeScaling("linear", 2.0)),
        ([("llama.rope.scale_linear", 4.0)], RopeScaling("linear", 4.0)),
        ([("llama.rope.scaling.type", "none"), ("llama.rope.scaling.factor", 2.0)], None),
    ],
)
def test_a_factor_without_a_type_is_linear_in_gguf(pairs, scaling, tmp_path):
    found = rewritten(tmp_path, *pairs).config
    plain = replace(found, rope_scaling=None)
    expected = plain if scaling is None else replace(plain, rope_scaling=scaling)
    np.testing.assert_allclose(frequencies(found), frequencies(expected))


@pytest.mark.parametrize(
    ("pairs", "words"),
    [
        ([("llama.rope.dimension_count", 4)], "only a part of each head"),
        ([("llama.rope.scaling.type", "odd"), ("llama.rope.scaling.factor", 2.0)], "'odd'"),
        ([("llama.expert_count", 8)], "Mixtral: each token goes to a few"),
        ([("general.architecture", "gemma2")], "Gemma 2: logits are soft-capped"),
        ([("general.architecture", "new")], "'new', which is not among Llama, Mistral"),
    ],
)
def test_what_a_gguf_file_says_is_honoured_or_refused(pairs, words, tmp_path):
    with pytest.raises(InputError, match=words):
        llama.load(rewritten(tmp_path, *pairs))


def test_a_window_is_kept_while_generating_beyond_it(tmp_path):
    params = llama.load(opened("Mistral", "safetensors", tmp_path))
    found = list(llama.generate(params, IDS[:3], 12))
    ids = IDS[:3]
    for token in found:
        assert token == llama.forward(params, ids)[-1].argmax()
        ids = [*ids, token]


def test_yarn_without_a_ramp_keeps_or_divides():
    config = replace(llama.TINY, head_dim=8, rope_theta=100.0)
    plain = frequencies(config)
    turns = 6 / (2 * np.pi)  # those of the first pair within 6 tokens
    sharp = RopeScaling("yarn", 4.0, original_max_position_embeddings=6, truncate=False)
    sharp = replace(sharp, beta_fast=turns, beta_slow=turns)
    np.testing.assert_allclose(frequencies(replace(config, rope_scaling=sharp))[1:], plain[1:] / 4)
