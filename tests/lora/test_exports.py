"""Exports: the same model for transformers, whole or not at all, and said as it is."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from lowrank import llama
from lowrank.__main__ import main
from lowrank.errors import FormatError, InputError, SourceError
from lowrank.llama.config import RopeScaling
from lowrank.llama.relatives import RELATIVES
from lowrank.llama.rope import llama3
from lowrank.llama.rope_divisors import scaling_of
from lowrank.llama.tokenizer import Tokenizer
from lowrank.llama.vocabulary import CONTROL, Vocabulary
from lowrank.lora import adapters
from lowrank.lora.adapters import Adapter, AdapterConfig, Pair
from lowrank.readers import checkpoint_writer, open_model
from lowrank.readers.checkpoint_config import is_tied
from lowrank.readers.tokenizer_files import vocabulary_beside
from lowrank.readers.tokenizer_writer import made
from tests import tiny_llama
from tests.families import FAMILIES, as_gguf, weights, written
from tests.oracles import export_cases as cases

FIXTURES = Path(__file__).parents[1] / "fixtures"
RECORDED = json.loads((FIXTURES / "exports.json").read_text())
PLAIN, BASE = FIXTURES / "adapters" / "plain", FIXTURES / "adapters" / "base-llama"


@pytest.mark.parametrize("name", cases.CASES)
def test_an_export_is_what_transformers_opened_as_the_same_model(name, tmp_path):
    case, recorded = cases.CASES[name], RECORDED[name]
    base = open_model(cases.made(case, tmp_path / "base"))
    adapters.export(base, cases.adapter(case), tmp_path / "out")
    again = open_model(tmp_path / "out")
    assert again.given_config == recorded["config"]
    wanted = np.array(recorded["logits"])
    got = llama.forward(llama.load(again), cases.IDS)[-3:]
    assert np.abs(got - wanted).max() < 1e-4 * np.abs(wanted).max()


@pytest.mark.parametrize(("name", "case", "kind"), cases.RELATIVES)
def test_an_export_of_each_relative_is_what_transformers_opened(name, case, kind, tmp_path):
    base = open_model(cases.relative(case, kind, tmp_path))
    adapters.export(base, cases.NOTHING, tmp_path / "out")
    again, wanted = open_model(tmp_path / "out"), np.array(RECORDED[name]["logits"])
    assert again.given_config == RECORDED[name]["config"]
    got = llama.forward(llama.load(again), cases.IDS_OF_RELATIVES)[-3:]
    assert np.abs(got - wanted).max() < 1e-4 * np.abs(wanted).max()


@pytest.mark.parametrize("name", cases.FAMILIES)
def test_an_export_of_each_family_is_what_transformers_opened(name, tmp_path):
    base, (change, held) = open_model(written(tmp_path / "base", name)), cases.change_of(name)
    adapters.export(base, change, tmp_path / "out")
    recorded = RECORDED[f"family {name}"]
    again = open_model(tmp_path / "out")
    assert again.given_config == recorded["config"]
    assert recorded["apart"] < 1e-5
    assert set(again.tensors) == set(held)
    for key, W in held.items():
        np.testing.assert_allclose(again.read(key), W, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", [name for name in FAMILIES if name not in RELATIVES])
def test_a_gguf_of_a_family_that_does_not_run_is_not_exported(name, tmp_path):
    base = open_model(as_gguf(tmp_path / "a.gguf", name))
    module = next(n for n in base.tensors if ".0." in n and n.endswith(".weight"))
    module = module.removesuffix(".weight")
    out, *wide = base.tensors[f"{module}.weight"].shape
    pair = Pair(module, np.ones((1, *wide), "f4"), np.ones((out, 1), "f4"), 1.0)
    change = Adapter(AdapterConfig(r=1, target_modules=(module,)), {module: pair})
    with pytest.raises(InputError, match=r"no config\.json can be made"):
        adapters.export(base, change, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("theta", [10_000.0, 500_000.0])
@pytest.mark.parametrize("half", [32, 64])
@pytest.mark.parametrize(
    "known",
    [
        RopeScaling("llama3", 8.0),
        RopeScaling("llama3", 32.0),
        RopeScaling("llama3", 4.0, 1.0, 4.0, 4096),
        RopeScaling("llama3", 16.0, 1.0, 8.0, 10_000),
    ],
)
def test_a_scaling_is_found_again_in_its_divisors(known, theta, half):
    plain = theta ** (-np.arange(half) / half)
    divisors = (plain / llama3(plain, known)).astype(np.float32)
    found = scaling_of(divisors, theta)
    np.testing.assert_allclose(llama3(plain, found), llama3(plain, known), rtol=2e-5)
    if known.high_freq_factor == 4:
        assert found == known


def test_divisors_of_no_llama3_scaling_are_refused_and_ones_are_no_scaling():
    assert scaling_of(np.ones(8, "f4"), 1e4) is None
    for odd in (np.linspace(1, 2, 16), np.full(16, 3.0), np.array([8.0, *[1.0] * 15])):
        with pytest.raises(InputError, match="no scaling of type llama3"):
            scaling_of(odd.astype(np.float32), 1e4)


def test_the_tokenizer_s_files_travel_as_they_are(tmp_path):
    base = tiny_llama.write(tmp_path / "base")
    for name, text in (("special_tokens_map.json", "{}"), ("generation_config.json", '{"a": 1}')):
        (base / name).write_text(text)
    (base / "README.md").write_text("not of the model")
    adapters.export(open_model(base), nothing(), tmp_path / "out")
    kept = {"tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"}
    kept |= {"generation_config.json"}
    for name in kept:
        assert (tmp_path / "out" / name).read_bytes() == (base / name).read_bytes()
    assert {p.name for p in (tmp_path / "out").iterdir()} == kept | {
        "config.json",
        "model.safetensors",
    }


def nothing() -> Adapter:
    """An adapter that changes one matrix of the tiny Llama by nothing."""
    q = "model.layers.0.self_attn.q_proj"
    pair = Pair(q, np.zeros((1, 128), "f4"), np.zeros((128, 1), "f4"), 1.0)
    return Adapter(AdapterConfig(r=1, target_modules=("q_proj",)), {q: pair})


def test_a_vocabulary_written_as_files_gives_the_same_ids_and_ends():
    letters = [*"abcde", "Ġ", "ab", "Ġab", "<s>", "</s>"]
    types = [1] * 8 + [CONTROL] * 2
    said = Vocabulary(
        tokens=letters, merges=["a b", "Ġ ab"], types=types, bos=8, eos=9, add_bos=True,
        chat_template="{{ messages[0].content }}",
    )  # fmt: skip
    ours, again = Tokenizer(said), Tokenizer(vocabulary_beside(made(said).get))
    assert (again.bos, again.eos, again.prefix) == (8, 9, [8])
    assert again.chat_template == said.chat_template
    for text in ("ab ab", "a b</s>", "", "eab d"):
        assert again.begin(text) == ours.begin(text)
        assert again.encode(text, special=True) == ours.encode(text, special=True)


def test_the_default_model_s_export_has_its_tokenizer_and_its_ends(default_model, tmp_path):
    found = vocabulary_beside(made(default_model.vocabulary).get)
    ours, again = Tokenizer(default_model.vocabulary), Tokenizer(found)
    assert (again.bos, again.eos) == (ours.bos, ours.eos)
    text = "Twelve times 12 is 144. <|im_end|>"
    assert again.begin(text) == ours.begin(text)
    assert again.encode_chat([{"role": "user", "content": text}]) == ours.encode_chat(
        [{"role": "user", "content": text}]
    )


def test_an_earlier_export_is_left_alone_unless_told_and_then_gone_whole(tmp_path):
    model, adapter, out = open_model(BASE), adapters.load(PLAIN), tmp_path / "out"
    adapters.export(model, adapter, out, shard_bytes=30_000)
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    with pytest.raises(InputError, match="new or empty folder"):
        adapters.export(model, adapter, out)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    adapters.export(model, adapter, out, overwrite=True)
    assert sorted(path.name for path in out.iterdir()) == ["config.json", "model.safetensors"]
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("name", ["notes.txt", "adapter_config.json", "other.safetensors"])
def test_what_no_export_wrote_is_never_overwritten(name, tmp_path):
    (tmp_path / name).write_text("mine")
    with pytest.raises(InputError, match=name):
        adapters.export(open_model(BASE), adapters.load(PLAIN), tmp_path, overwrite=True)
    assert (tmp_path / name).read_text() == "mine"


def test_the_model_itself_is_never_overwritten(tmp_path):
    base = cases.made(cases.CASES["a larger vocabulary"], tmp_path / "base")
    raw = (base / "model.safetensors").read_bytes()
    model, change = open_model(base), cases.adapter(cases.CASES["a larger vocabulary"])
    with pytest.raises(InputError, match="the model itself"):
        adapters.export(model, change, base, overwrite=True)
    assert (base / "model.safetensors").read_bytes() == raw


def test_an_export_that_opens_as_something_else_is_no_success(tmp_path, monkeypatch):
    def short(path, held, tensor):
        return checkpoint_write(path, dict(list(held.items())[:-1]), tensor)

    checkpoint_write = checkpoint_writer.write
    monkeypatch.setattr(checkpoint_writer, "write", short)
    with pytest.raises(FormatError, match="not what was to be written"):
        adapters.export(open_model(BASE), adapters.load(PLAIN), tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_new_tokens_for_only_one_of_embeddings_and_head_are_refused(tmp_path):
    case = cases.CASES["a larger vocabulary"]
    base = open_model(cases.made(case, tmp_path / "base"))
    made_of = cases.adapter(case)
    saved = AdapterConfig(r=2, target_modules=("q_proj",), modules_to_save=("embed_tokens",))
    with pytest.raises(InputError, match="only one of the two"):
        adapters.export(base, Adapter(saved, made_of.pairs, made_of.replaced), tmp_path / "out")


def test_a_head_stored_beside_tied_embeddings_counts_for_nothing(tmp_path):
    case = cases.CASES["embeddings and head that part"]
    base = cases.made(case, tmp_path / "base")
    save_file(
        cases.weights(case) | {cases.HEAD: np.ones((60, 32), "f4")}, base / "model.safetensors"
    )
    adapters.export(open_model(base), cases.adapter(case), tmp_path / "out")
    wanted = np.array(RECORDED["embeddings and head that part"]["logits"])
    got = llama.forward(llama.load(open_model(tmp_path / "out")), cases.IDS)[-3:]
    assert np.abs(got - wanted).max() < 1e-4 * np.abs(wanted).max()


@pytest.mark.parametrize(
    ("family", "tied"),
    [("gemma", True), ("cohere", True), ("starcoder2", True), ("phi3", False), ("olmo2", False)],
)
def test_what_a_family_takes_for_granted_of_its_head_holds(family, tied, tmp_path):
    """A config.json that is silent, with a head beside the embeddings: transformers' defaults."""
    base = written(tmp_path / "base", family)
    held = weights(FAMILIES[family]["shapes"])
    held[cases.HEAD] = 2 * held[cases.E]
    save_file(held, base / "model.safetensors")
    config = json.loads((base / "config.json").read_text())
    config.pop("tie_word_embeddings", None)
    (base / "config.json").write_text(json.dumps(config))
    model, (change, _) = open_model(base), cases.change_of(family)
    assert is_tied(model) == tied
    assert (cases.HEAD in adapters.merged_names(model, change)) != tied


def test_codes_that_are_numbers_now_are_no_longer_said_to_be_codes(tmp_path):
    base = cases.made(cases.CASES["a Qwen2"], tmp_path / "base")
    config = json.loads((base / "config.json").read_text())
    more = {"quantization_config": {"quant_method": "fp8"}, "dtype": "bfloat16"}
    (base / "config.json").write_text(json.dumps(config | more))
    change = cases.adapter(cases.CASES["a Qwen2"])
    adapters.export(open_model(base), change, tmp_path / "out", dtype="F16")
    assert open_model(tmp_path / "out").given_config == config | {"dtype": "float16"}


def test_a_gguf_of_an_architecture_without_a_configuration_is_not_exported(tmp_path):
    from gguf import GGUFWriter

    writer = GGUFWriter(tmp_path / "odd.gguf", "nobodys")
    writer.add_tensor("blk.0.attn_q.weight", np.ones((4, 4), "f4"))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    q = "model.layers.0.self_attn.q_proj"
    pair = Pair(q, np.ones((1, 4), "f4"), np.ones((4, 1), "f4"), 1.0)
    odd = Adapter(AdapterConfig(r=1, target_modules=("q_proj",)), {q: pair})
    with pytest.raises(InputError, match=r"no config\.json"):
        adapters.export(open_model(tmp_path / "odd.gguf"), odd, tmp_path / "out")


def zipped(path: Path, inside: str = "") -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for file in PLAIN.iterdir():
            archive.write(file, f"{inside}{file.name}")
    return path


@pytest.mark.parametrize("inside", ["", "my-adapter/"])
def test_a_zipped_adapter_is_the_adapter(inside, tmp_path):
    found, wanted = adapters.load(zipped(tmp_path / "a.zip", inside)), adapters.load(PLAIN)
    assert found.config == wanted.config
    for module, pair in wanted.pairs.items():
        np.testing.assert_array_equal(found.pairs[module].delta(), pair.delta())


def test_what_is_no_adapter_is_said_as_it_is(tmp_path):
    (tmp_path / "a.zip").write_bytes(b"no zip")
    with pytest.raises(FormatError, match="no sound zip"):
        adapters.load(tmp_path / "a.zip")
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        archive.writestr("notes.txt", "nothing")
    with pytest.raises(FormatError, match=r"adapter_config\.json"):
        adapters.load(tmp_path / "b.zip")
    with pytest.raises(SourceError, match="is not there"):
        adapters.load(tmp_path / "nowhere")


def test_the_command_says_how_each_tensor_is_stored_and_overwrites_when_told(tmp_path, capsys):
    given = ["merge", str(BASE), str(PLAIN), str(tmp_path / "out")]
    assert main(given) == 0
    assert "tensors in F32, as stored." in capsys.readouterr().out
    assert main([*given, "--dtype", "BF16"]) == 1
    assert "new or empty folder" in capsys.readouterr().err
    assert main([*given, "--dtype", "BF16", "--overwrite"]) == 0
    assert "tensors in BF16, from F32." in capsys.readouterr().out
