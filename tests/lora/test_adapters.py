"""Adapters against what PEFT itself wrote and merged (tests/oracles/make_adapters.py)."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from lowrank.__main__ import main
from lowrank.errors import FormatError, InputError, SourceError
from lowrank.lora import adapters
from lowrank.lora.adapter_config import FILE
from lowrank.lora.adapters import Adapter, AdapterConfig, Pair, merging
from lowrank.lora.adapters.peft_files import WEIGHTS
from lowrank.lora.equations import forward
from lowrank.readers import Model, open_model
from lowrank.spectra.measures import similarity
from lowrank.spectra.svd import full, of_product
from tests.oracles import adapter_variants

FIXTURES = Path(__file__).parents[1] / "fixtures" / "adapters"
BASES = {"conv1d": "gpt2", "conv1d-dora": "gpt2", "biases": "biased", "own-biases": "biased"}
CASES = sorted(p.name for p in FIXTURES.iterdir() if not p.name.startswith("base-"))
Q = "model.layers.0.self_attn.q_proj"


def base(case: str = "plain") -> Model:
    return open_model(FIXTURES / f"base-{BASES.get(case, 'llama')}")


def changed(folder: Path, **fields: object) -> Path:
    """The plain adapter with other fields in its configuration; `...` removes one."""
    target = folder / "changed"
    shutil.copytree(FIXTURES / "plain", target, dirs_exist_ok=True)
    config = json.loads((target / FILE).read_text()) | fields
    kept = {name: value for name, value in config.items() if value is not ...}
    (target / FILE).write_text(json.dumps(kept))
    return target


@pytest.mark.parametrize("case", CASES)
def test_merged_weights_are_those_of_peft(case):
    model, adapter = base(case), adapters.load(FIXTURES / case)
    record = load_file(FIXTURES / case / "merged.safetensors")
    assert not adapter.unused
    names = adapters.merged_names(model, adapter)
    assert record.keys() <= set(names)
    for name in names:
        got, wanted = adapters.merged(model, adapter, name), record.get(name, model.read(name))
        assert got.dtype == np.float32
        assert np.linalg.norm(got - wanted) <= 1e-5 * np.linalg.norm(wanted), name
    moved = [n for n in record if np.linalg.norm(record[n] - model.read(n)) > 1e-3]
    assert moved  # the fixtures change something worth comparing


@pytest.mark.parametrize("case", CASES)
def test_saved_and_loaded_again_it_is_the_same(case, tmp_path):
    first = adapters.load(FIXTURES / case)
    second = adapters.load(adapters.save(first, tmp_path))
    assert second.config == first.config
    assert set(second.pairs) == set(first.pairs)
    model = base(case)
    for name in adapters.merged_names(model, first):
        a, b = (adapters.merged(model, each, name) for each in (first, second))
        np.testing.assert_array_equal(a, b)
    ours = load_file(tmp_path / WEIGHTS)
    theirs = load_file(FIXTURES / case / WEIGHTS)
    assert {k: v.shape for k, v in ours.items()} == {k: v.shape for k, v in theirs.items()}


@pytest.mark.parametrize("name", adapter_variants.VARIANTS)
def test_files_that_others_wrote_are_taken_as_peft_takes_them(name, tmp_path):
    recorded = json.loads(adapter_variants.RECORD.read_text())[name]
    folder = adapter_variants.write(name, tmp_path)
    if isinstance(recorded, str):
        with pytest.raises(FormatError, match="nothing would change"):
            adapters.load(folder)
        return
    model, adapter = base(), adapters.load(folder)
    merged = {n: adapters.merged(model, adapter, n) for n in adapters.merged_names(model, adapter)}
    changed = {n: W for n, W in merged.items() if not np.array_equal(W, model.read(n))}
    assert changed.keys() == recorded.keys()
    for tensor, W in changed.items():
        expected = pytest.approx(recorded[tensor], abs=1e-4)
        assert adapter_variants.fingerprint(W) == expected, tensor
    again = adapters.load(adapters.save(adapter, tmp_path / "again"))
    assert again.pairs.keys() == adapter.pairs.keys()


def test_what_peft_leaves_out_is_listed(tmp_path):
    adapter = adapters.load(adapter_variants.write("a plain weight beside a pair", tmp_path))
    assert adapter.unused == (f"{Q}.weight",)


def test_a_pair_is_what_lora_py_computes():
    model, adapter = base(), adapters.load(FIXTURES / "plain")
    found, x = adapter.pairs[Q], np.random.default_rng(0).standard_normal(32, dtype=np.float32)
    h = forward(x, model.read(f"{Q}.weight"), found.A, found.B, alpha=16, r=4)
    np.testing.assert_allclose(adapters.merged(model, adapter, f"{Q}.weight") @ x, h, rtol=2e-5)


@pytest.mark.parametrize(
    ("fields", "module", "expected"),
    [
        ({"target_modules": ["q_proj"]}, Q, True),
        ({"target_modules": ["proj"]}, Q, False),  # an ending only after a dot
        ({"target_modules": [Q]}, Q, True),
        ({"target_modules": [r".*q_proj"]}, Q, False),  # a list holds names, not patterns
        ({"target_modules": "q_proj"}, Q, False),  # a string must match the whole name
        ({"target_modules": r".*\.q_proj"}, Q, True),
        ({"target_modules": "ALL-linear"}, Q, True),
        ({"target_modules": "all-linear"}, "lm_head", False),
        ({"target_modules": "all-linear"}, "model.embed_tokens", False),
        ({"target_modules": "all-linear", "exclude_modules": ["q_proj"]}, Q, False),
        ({"exclude_modules": r".*\.0\..*"}, Q, False),
        ({"exclude_modules": r"\.0\."}, Q, True),
        ({"modules_to_save": ["q_proj"]}, Q, False),
        ({"modules_to_save": ["self_attn"]}, Q, False),
        ({"layers_to_transform": 0}, Q, True),
        ({"layers_to_transform": [1, 2]}, Q, False),
        ({"layers_to_transform": []}, Q, True),
        ({"layers_to_transform": [1], "target_modules": [Q]}, Q, True),  # named in full
        ({"layers_to_transform": [1]}, "model.layers.1.experts.0.q_proj", True),
        ({"layers_to_transform": [0]}, "model.layers.1.experts.0.q_proj", False),
        ({"layers_to_transform": [0], "layers_pattern": "experts"}, Q, False),
        ({"layers_to_transform": [0], "layers_pattern": ["h", "layers"]}, Q, True),
        ({"layers_to_transform": [0], "layers_pattern": "layers"}, "layers.0.q_proj", True),
        ({"layers_to_transform": [0]}, "layers.0.q_proj", False),  # as PEFT: a dot must come first
    ],
)
def test_targets_are_matched_as_peft_matches_them(fields, module, expected):
    assert AdapterConfig.from_json(fields).targets(module) is expected


@pytest.mark.parametrize(
    ("fields", "r", "scale"),
    [
        ({"r": 4, "lora_alpha": 16}, 4, 4.0),
        ({"r": 64}, 64, 0.125),  # lora_alpha left at 8
        ({"r": 4, "lora_alpha": 16, "use_rslora": True}, 4, 8.0),
        ({"r": 4, "rank_pattern": {"q_proj": 2, ".*": 1}}, 2, 4.0),  # the first that fits
        ({"r": 4, "rank_pattern": {r"0\.self_attn\.q_proj": 2}}, 2, 4.0),
        ({"r": 4, "rank_pattern": {"proj": 2}}, 4, 2.0),
        ({"r": 4, "rank_pattern": {"q_proj|v_proj": 16}, "alpha_pattern": {Q: 4}}, 16, 0.25),
    ],
)
def test_rank_and_scale_follow_their_patterns(fields, r, scale):
    config = AdapterConfig.from_json(fields)
    assert (config.rank(Q), config.scale(Q)) == (r, scale)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"peft_type": "LOHA"}, "peft_type"),
        ({"layer_replication": [[0, 1], [0, 2]]}, "layer_replication"),
        ({"target_parameters": ["experts.w"]}, "target_parameters"),
        ({"trainable_token_indices": [1]}, "trainable_token_indices"),
        ({"ensure_weight_tying": True}, "ensure_weight_tying"),
        ({"alora_invocation_tokens": [3]}, "alora_invocation_tokens"),
        ({"use_qalora": True}, "use_qalora"),
        ({"use_bdlora": {"nblocks": 2}}, "use_bdlora"),
        ({"arrow_config": {"top_k": 3}}, "arrow_config"),
        ({"kasa_config": {"beta": 1}}, "kasa_config"),
        ({"monteclora_config": {"num_samples": 1}}, "monteclora_config"),
        ({"init_lora_weights": "pissa_niter_4"}, "init_lora_weights"),
        ({"init_lora_weights": "loftq"}, "init_lora_weights"),
        ({"r": 0}, "r = '0'"),
        ({"r": True}, "r = 'True'"),
        ({"lora_alpha": "16"}, "lora_alpha"),
        ({"lora_alpha": float("nan")}, "lora_alpha"),
        ({"bias": "some"}, "bias"),
        ({"rank_pattern": {"q": -1}}, "rank_pattern"),
        ({"target_modules": [3]}, "target_modules"),
        ({"target_modules": "("}, "no regular expression"),
        ({"target_modules": "x" * 2000}, "target_modules"),
        ({"target_modules": "q", "layers_to_transform": [1]}, "layers_to_transform"),
        ({"layers_pattern": "layers"}, "layers_pattern"),
        ({"use_dora": True, "lora_bias": True}, "use_dora"),
        ({"use_dora": True}, "no magnitude vector"),
        ({"lora_bias": True}, "no bias of B"),
        ({"r": 5}, "r = 5"),
    ],
)
def test_what_would_change_the_result_and_cannot_be_honoured_is_named(fields, words, tmp_path):
    with pytest.raises(FormatError, match=words):
        adapters.load(changed(tmp_path, **fields))


def test_a_pattern_that_never_ends_is_stopped(tmp_path):
    with pytest.raises(FormatError, match="takes too long"):
        adapters.load(changed(tmp_path, target_modules=r"(a|[a-z]|[a-z._0-9]|.)*[A-Z]"))


def test_fields_that_only_train_or_inform_change_nothing(tmp_path):
    harmless = {
        "lora_dropout": 0.3,
        "revision": "main",
        "megatron_core": "x",
        "eva_config": {"rho": 2},
    }
    folder = changed(tmp_path, **harmless, init_lora_weights="gaussian", target_modules=...)
    for name in ("q_proj", "v_proj"):  # what PEFT targets in a Llama if nothing is said
        one = f"model.layers.1.self_attn.{name}.weight"
        a, b = (
            adapters.merged(base(), adapters.load(f), one) for f in (folder, FIXTURES / "plain")
        )
        np.testing.assert_array_equal(a, b)


def test_pairs_that_are_not_targeted_are_left_out_and_listed(tmp_path):
    adapter = adapters.load(changed(tmp_path, target_modules=["v_proj"]))
    assert sorted(adapter.unused) == [Q, Q.replace(".0.", ".1.")]
    np.testing.assert_array_equal(
        adapters.merged(base(), adapter, f"{Q}.weight"), base().read(f"{Q}.weight")
    )


def test_a_pickle_a_missing_file_and_a_strange_key_are_said(tmp_path):
    (tmp_path / "adapter_model.bin").write_bytes(b"\x80")
    with pytest.raises(FormatError, match="a pickle"):
        adapters.load(tmp_path)
    with pytest.raises(SourceError, match=r"adapter_config\.json"):
        adapters.load(tmp_path / "absent")
    folder = changed(tmp_path)
    save_file({"strange": np.ones(2, "f4")}, folder / WEIGHTS)
    with pytest.raises(FormatError, match="'strange'"):
        adapters.load(folder)
    save_file({f"base_model.model.{Q}.lora_A.weight": np.ones((4, 32), "f4")}, folder / WEIGHTS)
    with pytest.raises(FormatError, match="only one of A and B"):
        adapters.load(folder)


def test_an_adapter_of_another_model_is_said():
    adapter = adapters.load(FIXTURES / "plain")
    with pytest.raises(InputError, match="made for another model"):
        adapters.merged_names(base("conv1d"), adapter)
    pair = adapter.pairs[Q]
    biased = replace(pair, bias=np.ones(len(pair.B), np.float32))
    with pytest.raises(InputError, match=r"q_proj\.bias, which .* lacks: its module is there"):
        adapters.merged_names(base(), Adapter(adapter.config, {Q: biased}))
    wide = Adapter(
        adapter.config, {Q: Pair(Q, np.ones((4, 33), "f4"), np.ones((32, 4), "f4"), 1.0)}
    )
    with pytest.raises(InputError, match=r"\(32, 33\)"):
        adapters.merged(base(), wide, f"{Q}.weight")


@pytest.mark.parametrize("touched", ["lm_head", "model.embed_tokens"])
def test_tied_embeddings_part_when_one_of_the_two_is_adapted(touched, tmp_path):
    model = base("biases")
    E = model.read("model.embed_tokens.weight")
    rng = np.random.default_rng(0)
    A, B = (rng.standard_normal(shape, dtype=np.float32) for shape in ((2, 40), (32, 2)))
    embedding = touched == "model.embed_tokens"
    found = Pair(touched, A, B, 0.5, embedding=True) if embedding else Pair(touched, B.T, A.T, 0.5)
    adapter = Adapter(AdapterConfig(r=2, target_modules=(touched,)), {touched: found})
    adapters.export(model, adapter, tmp_path)
    merged = open_model(tmp_path)
    moved = {"lm_head": E, "model.embed_tokens": E}
    moved[touched] = E + 0.5 * (B @ A).T
    for name, wanted in moved.items():
        np.testing.assert_allclose(merged.read(f"{name}.weight"), wanted, atol=1e-5)
    assert not merged.config.tie_word_embeddings


@pytest.mark.parametrize("shard_bytes", [10**9, 30_000, 1])
def test_an_exported_model_opens_again_with_the_merged_weights(shard_bytes, tmp_path):
    model, adapter = base(), adapters.load(FIXTURES / "rslora")
    files = adapters.export(model, adapter, tmp_path, shard_bytes=shard_bytes)
    assert all(path.is_file() for path in files)
    assert (len(files) > 2) == (shard_bytes < 10**9)
    for path in tmp_path.glob("model*.safetensors"):
        assert len(load_file(path)) == 1 or path.stat().st_size <= shard_bytes + 8192
    again = open_model(tmp_path)
    assert again.config == model.config
    assert again.given_config == model.given_config
    assert set(again.tensors) == set(model.tensors)
    for name in again.tensors:
        np.testing.assert_array_equal(again.read(name), adapters.merged(model, adapter, name))


@pytest.mark.parametrize(("dtype", "bits"), [("F16", 11), ("BF16", 8)])
def test_an_export_in_half_precision_rounds_to_nearest(dtype, bits, tmp_path):
    model, adapter = base(), adapters.load(FIXTURES / "plain")
    adapters.export(model, adapter, tmp_path, dtype=dtype)
    again = open_model(tmp_path)
    assert {info.dtype for info in again.tensors.values()} == {dtype}
    W, got = adapters.merged(model, adapter, f"{Q}.weight"), again.read(f"{Q}.weight")
    assert (np.abs(got - W) <= np.abs(W) * 2.0**-bits + 1e-7).all()


def test_a_value_too_large_for_its_type_is_refused_and_leaves_no_file(tmp_path):
    huge = Adapter(AdapterConfig(), {}, {"model.norm.weight": np.full(32, 1e6, np.float32)})
    with pytest.raises(FormatError, match="too large for F16"):
        adapters.export(base(), huge, tmp_path, dtype="F16")
    assert not list(tmp_path.glob("*.safetensors*"))
    with pytest.raises(InputError, match="dtype is 'F8'"):
        adapters.export(base(), huge, tmp_path, dtype="F8")


def test_a_quantised_gguf_model_exports_as_hugging_face_keeps_it(default_model, tmp_path):
    """From the GGUF's rows and names to a folder that opens as the same model, adapted."""
    module = "model.layers.3.self_attn.k_proj"
    rng = np.random.default_rng(0)
    found = Pair(
        module, rng.standard_normal((2, 576), "f4"), rng.standard_normal((192, 2), "f4"), 0.01
    )
    adapter = Adapter(AdapterConfig(r=2, target_modules=("k_proj",)), {module: found})
    adapters.export(default_model, adapter, tmp_path)
    again = open_model(tmp_path)
    assert again.config == default_model.config
    W = default_model.read(f"{module}.weight")
    np.testing.assert_allclose(again.read(f"{module}.weight"), W + found.delta(), atol=1e-3)
    assert again.tensors[f"{module}.weight"].dtype == "F16"


@given(st.integers(1, 6), st.integers(0, 10**6))
def test_the_effect_of_a_pair_is_that_of_its_product(r, seed):
    rng = np.random.default_rng(seed)
    found = Pair("m", rng.standard_normal((r, 12), "f4"), rng.standard_normal((9, r), "f4"), 0.25)
    W0 = rng.standard_normal((9, 12))
    told = adapters.effect(found, full(W0))
    expected = np.linalg.svd(found.delta().astype(float), compute_uv=False)[:r]
    np.testing.assert_allclose(told.s, expected, rtol=1e-4, atol=1e-6)
    assert told.norm == pytest.approx(np.linalg.norm(found.delta()), rel=1e-5)
    assert told.relative == pytest.approx(told.norm / np.linalg.norm(W0), rel=1e-5)
    assert 1 - 1e-9 <= told.effective_rank <= r + 1e-9
    _, _, Vt = np.linalg.svd(W0)
    _, _, Wt = np.linalg.svd(found.delta())
    assert told.overlap_in == pytest.approx(((Wt[:r] @ Vt[:r].T) ** 2).sum() / r, rel=1e-3)
    assert told.chance_in == r / 12


@pytest.mark.parametrize("case", ["plain", "dora", "conv1d-dora"])
def test_the_change_is_that_of_peft_s_merged_matrix_with_its_magnitudes(case):
    model, adapter = base(case), adapters.load(FIXTURES / case)
    record = load_file(FIXTURES / case / "merged.safetensors")
    for module, each in adapter.pairs.items():
        W0 = model.read(f"{module}.weight")
        wanted = np.linalg.norm(record[f"{module}.weight"] - W0) / np.linalg.norm(W0)
        transposed = merging.turned(model, adapter, each, W0.shape)
        found = adapters.effect(each, full(W0), transposed)
        assert found.relative == pytest.approx(wanted, rel=1e-3)
        assert adapters.change(model, adapter, found) == pytest.approx(wanted, rel=1e-3)


def test_an_adapter_that_does_not_fit_is_said_once_with_its_base():
    adapter = adapters.load(FIXTURES / "plain")
    assert adapters.fit(base("plain"), adapter) == adapters.Fit((), (), ())
    adapter = replace(adapter, config=replace(adapter.config, base_model_name_or_path="acme/base"))
    with pytest.raises(InputError, match=r"acme/base as its base.*4 matrices 4 have other shapes"):
        adapters.check_fit(open_model("synthetic"), adapter)
    with pytest.raises(InputError, match=r"acme/base as its base.*4 matrices base-gpt2 lacks 4"):
        adapters.check_fit(base("conv1d"), adapter)
    some = dict(list(adapter.pairs.items())[:1])
    found = adapters.fit(base("plain"), replace(adapter, pairs=some))
    (module,) = some
    assert found.left == (module.replace("layers.0", "layers.1"),)


def test_the_overlap_is_one_in_the_same_directions_and_none_for_a_zero_update():
    W0 = np.random.default_rng(0).standard_normal((20, 16))
    svd = full(W0)
    top = svd.top(3)
    same = Pair("m", np.float32(top.Vt), np.float32(top.U * top.s), 2.0)
    told = adapters.effect(same, svd)
    assert (told.overlap_in, told.overlap_out) == (pytest.approx(1), pytest.approx(1))
    turned = adapters.effect(same, full(W0.T))  # as a layer with fan_in_fan_out stores it
    assert turned.overlap_in == pytest.approx(1)
    zero = adapters.effect(Pair("m", np.float32(top.Vt), np.zeros((20, 3), "f4"), 2.0), svd)
    assert (zero.norm, zero.effective_rank, zero.overlap_in) == (0, 0, None)
    with pytest.raises(InputError, match="W0 is"):
        adapters.effect(same, full(W0[:-1]))


def test_a_chance_overlap_is_what_random_subspaces_have():
    rng = np.random.default_rng(0)
    draws = []
    for _ in range(200):
        P, Q = (np.linalg.qr(rng.standard_normal((30, k)))[0].T for k in (3, 6))
        draws.append(similarity(P, Q))
    assert np.mean(draws) == pytest.approx(6 / 30, rel=0.1)


def test_a_product_that_does_not_fit_is_refused():
    with pytest.raises(InputError, match="expected"):
        of_product(np.ones((3, 2)), np.ones((3, 4)))


def test_the_command_line_merges_and_says_what_it_wrote(tmp_path, capsys):
    given = ["merge", str(FIXTURES / "base-llama"), str(FIXTURES / "plain"), str(tmp_path / "out")]
    assert main(given) == 0
    assert "4 matrices changed" in capsys.readouterr().out
    wanted = load_file(FIXTURES / "plain" / "merged.safetensors")
    model = open_model(tmp_path / "out")
    for name, value in wanted.items():
        np.testing.assert_allclose(model.read(name), value, rtol=1e-4, atol=1e-6)
    assert main([*given[:2], str(tmp_path), str(tmp_path / "out")]) == 1
    assert "adapter_config.json" in capsys.readouterr().err


def test_what_stops_an_export_is_said_as_it_is_and_leaves_no_file(tmp_path):
    class Gone:
        """A model whose tensors cannot be had any more, as one on a hub without a network."""

        def __init__(self, model: Model) -> None:
            self.tensors, self.config, self.given_config = model.tensors, model.config, None
            self.vocabulary, self.made_of = None, ()

        def read(self, name: str) -> np.ndarray:
            raise SourceError(f"{name} is not here.")

    adapter = adapters.load(FIXTURES / "plain")
    with pytest.raises(SourceError, match=r"^\S+ is not here\.$"):
        adapters.export(Gone(base()), adapter, tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_notebook_shows_an_adapter_and_an_effect_in_few_words():
    adapter = adapters.load(FIXTURES / "rslora")
    shown = adapter._repr_html_()
    assert f"{len(adapter.pairs)} matrices changed by {adapter.parameters:,} numbers" in shown
    assert shown.startswith("<table><caption>rsLoRA, r = ")
    many = {f"<m{i}>": Pair(f"<m{i}>", np.ones((1, 3)), np.ones((2, 1)), 0.5) for i in range(99)}
    shown = Adapter(AdapterConfig(r=1), many)._repr_html_()
    assert "<td>87 more</td>" in shown
    assert "<th>&lt;m0&gt;</th><td>2 × 3, r = 1, scale 0.5</td>" in shown
    pair = many["<m0>"]
    alone, beside = adapters.effect(pair), adapters.effect(pair, full(np.ones((2, 3))))
    assert "&lt;m0&gt;" in alone._repr_html_()
    assert "W₀" not in alone._repr_html_()
    assert "<th>‖W − W₀‖ / ‖W₀‖</th><td>50.00%</td>" in beside._repr_html_()
    assert "1.000 (chance 0.333)" in beside._repr_html_()
