"""Truncate and save: what is written is what was measured, whole or not at all."""

import json
from pathlib import Path

import numpy as np
import pytest

from lowrank import llama
from lowrank.__main__ import main, parser
from lowrank.errors import InputError
from lowrank.llama.model import forward, projections
from lowrank.llama.names import LINEAR
from lowrank.llama.tokenizer import Tokenizer
from lowrank.readers import checkpoint_writer, open_model
from lowrank.readers.safetensors import SafetensorsModel
from lowrank.surgery import Order, operate, saving, sensitivity, stored, truncating
from lowrank.surgery.report import METHODS, RULES
from lowrank.surgery.saving import DTYPES, FORMS, LOADER, THIN, Written, kept
from tests import tiny_llama

FIXTURES = Path(__file__).parents[1] / "fixtures"
SHARE = 0.6
IDS = [0, 40, 90, 41, 200, 7, 7, 130]


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> Path:
    """A tiny Llama in a folder."""
    return tiny_llama.write(tmp_path_factory.mktemp("base") / "tiny")


@pytest.fixture(scope="module")
def cache(tmp_path_factory) -> Path:
    """A cache of factors that the tests here share."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def cached(cache, monkeypatch) -> None:
    monkeypatch.setenv("LOWRANK_CACHE", str(cache))


def truncate(base: Path, out: Path, *options: str) -> int:
    """The command's exit status."""
    return main(["truncate", str(base), "--share", str(SHARE), "--out", str(out), *options])


def pieces(out: Path) -> dict[str, np.ndarray]:
    """Every tensor of a folder of thin pairs."""
    model = SafetensorsModel(out / THIN)
    return {name: model.read(name) for name in model.tensors}


def cut(base: Path, method: str, rule: str) -> llama.Params:
    """The same truncation by the library's parts."""
    model = open_model(base)
    store = truncating.store_of(model, llama.load(model))
    names = [name for name in projections(store.params) if name != "lm_head"]
    source = store.source(METHODS[method])
    plan = truncating.allocate(store.params, names, SHARE, rule, source)
    return operate(store.params, plan, source)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_checkpoint_holds_the_truncated_model(base, tmp_path, dtype, capsys):
    assert truncate(base, tmp_path / "out", "--dtype", dtype) == 0
    again = open_model(tmp_path / "out")
    expected = kept(cut(base, "fisher", "loss"), Written("dense", dtype))
    np.testing.assert_allclose(
        forward(llama.load(again), IDS),
        forward(expected, IDS),
        atol=1e-5 if dtype == "F32" else 0.1,
    )
    assert {info.dtype for info in again.tensors.values()} == {dtype}
    assert again.config == open_model(base).config
    words, before = Tokenizer(again.vocabulary), Tokenizer(open_model(base).vocabulary)
    assert words.begin("A matrix.") == before.begin("A matrix.")
    said = capsys.readouterr().out
    assert f"this is {dtype}" in said
    assert "multiplied out" in said
    assert "perplexity" in said


def test_the_report_says_what_was_kept_and_lost(base, tmp_path):
    assert truncate(base, tmp_path / "out", "--dtype", "F32") == 0
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    shapes = [(m["rows"], m["columns"]) for m in report["matrices"]]
    numbers = [stored(s, m["rank"]) for s, m in zip(shapes, report["matrices"], strict=True)]
    assert report["share"] == pytest.approx(sum(numbers) / sum(m * n for m, n in shapes))
    assert 0.5 < report["share"] <= SHARE
    before, after = (llama.load(open_model(each)) for each in (base, tmp_path / "out"))
    words = Tokenizer(open_model(base).vocabulary)
    for each in report["held_out"]:
        ids = words.begin(truncating.texts.text(each["text"]))[:512]
        assert each["tokens"] == len(ids) - 1
        assert each["before"] == pytest.approx(llama.nll(before, ids).mean(), abs=1e-5)
        assert each["after"] == pytest.approx(llama.nll(after, ids).mean(), abs=1e-5)
    assert report["perplexity"]["after"] == pytest.approx(np.exp(report["nll"]["after"]))
    assert report["predicted"] > 0
    for file, size in (("model.safetensors", report["dense_bytes"]),):
        assert 0 < (tmp_path / "out" / file).stat().st_size - size < 5000  # its header
    page = (tmp_path / "out" / "report.html").read_text()
    assert f"{report['nll']['after']:.3f}" in page
    assert page.count("<tr>") == 1 + len(report["held_out"]) + 1 + 2


def test_thin_pairs_are_the_same_model_in_fewer_bytes(base, tmp_path):
    options = ("--method", "activation", "--ranks", "uniform", "--dtype", "F32")
    assert truncate(base, tmp_path / "thin", *options, "--form", "thin") == 0
    assert truncate(base, tmp_path / "dense", *options) == 0
    held, dense = pieces(tmp_path / "thin"), open_model(tmp_path / "dense")
    truncated = [name.removesuffix(".0.weight") for name in held if name.endswith(".0.weight")]
    assert truncated
    for name in truncated:
        W = held[f"{name}.1.weight"] @ held[f"{name}.0.weight"]
        np.testing.assert_allclose(W, dense.read(f"{name}.weight"), atol=1e-6)
    for name in held.keys() & dense.tensors.keys():
        np.testing.assert_array_equal(held[name], dense.read(name))
    report = json.loads((tmp_path / "thin" / "report.json").read_text())
    assert report["thin_bytes"] == sum(4 * a.size for a in held.values())
    assert report["dense_bytes"] == 4 * sum(dense.read(name).size for name in dense.tensors)
    assert LOADER in (tmp_path / "thin" / "README.md").read_text()
    assert len([line for line in LOADER.splitlines() if line.strip()]) <= 10
    assert not (tmp_path / "thin" / "model.safetensors").exists()


@pytest.mark.parametrize("form", FORMS)
def test_transformers_computed_the_same_logits(base, tmp_path, form):
    """Recorded by tests/oracles/make_truncated.py, which opens both folders there."""
    recorded = json.loads((FIXTURES / "truncated.json").read_text())
    assert truncate(base, tmp_path / "out", "--dtype", "F32", "--form", form) == 0
    model = kept(cut(base, "fisher", "loss"), Written(form, "F32"))
    theirs = np.array(recorded["logits"][form])
    np.testing.assert_allclose(forward(model, recorded["ids"])[-1], theirs, atol=2e-3)
    assert recorded["apart"][form] < 1e-4
    assert recorded["loader"] == LOADER


def test_json_is_all_that_is_printed(base, tmp_path, capsys):
    assert truncate(base, tmp_path / "out", "--json") == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed == json.loads((tmp_path / "out" / "report.json").read_text())


def test_a_folder_that_holds_something_is_refused_in_a_sentence(base, tmp_path, capsys):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    assert truncate(base, tmp_path / "out") == 1
    said = capsys.readouterr().err
    assert "mine.txt" in said
    assert said.count("\n") == 1
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine.txt"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--share", "1.2"], "share is 1.2"),
        (["--share", "0.001"], "rank 1 everywhere"),
        (["--method", "plain", "--ranks", "loss"], "need the method fisher"),
    ],
)
def test_what_cannot_be_met_is_refused_in_a_sentence(base, tmp_path, capsys, options, words):
    assert truncate(base, tmp_path / "out", *options) == 1
    said = capsys.readouterr().err
    assert words in said
    assert said.count("\n") == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("form", FORMS)
def test_stopped_while_it_writes_it_leaves_nothing(base, tmp_path, monkeypatch, capsys, form):
    def stopped(path, table, tensor):
        path.parent.mkdir(parents=True)
        path.write_bytes(b"half")
        raise KeyboardInterrupt

    for module in (saving, checkpoint_writer):
        monkeypatch.setattr(module, "write", stopped)
    assert truncate(base, tmp_path / "out", "--form", form) == 130
    assert capsys.readouterr().err == "Stopped.\n"
    assert not list(tmp_path.iterdir())


def test_ranks_by_sensitivity_are_measured_on_calibration_text(base, tmp_path):
    model = open_model(base)
    store = truncating.store_of(model, llama.load(model))
    order = Order(SHARE, "plain", "sensitivity")
    *steps, report = truncating.truncate_and_save(model, store, order, tmp_path / "out")
    assert [step.done for step in steps] == sorted(step.done for step in steps)
    assert max(step.done for step in steps) < steps[-1].total
    names, source = truncating.chosen(store.params, LINEAR), store.source("plain")
    points = list(sensitivity(store.params, store.texts[0], {"plain": source}))
    found = truncating.allocate(
        *(store.params, names, SHARE, "sensitivity", source),
        {kind: [(p.fraction, max(p.rise, 0)) for p in points if p.kind == kind] for kind in LINEAR},
    )
    assert {matrix.name: matrix.rank for matrix in report.matrices} == found
    assert len({matrix.rank for matrix in report.matrices}) > 2  # not uniform


def test_an_order_is_checked_when_it_is_made():
    with pytest.raises(InputError, match="method is 'best'"):
        Order(0.5, "best")
    with pytest.raises(InputError, match="share is 0"):
        Order(0)


def test_the_command_offers_what_the_library_has():
    actions = {
        action.dest: action.choices
        for action in parser()._subparsers._group_actions[0].choices["truncate"]._actions
    }
    assert tuple(actions["method"]) == tuple(METHODS)
    assert tuple(actions["ranks"]) == RULES
    assert (tuple(actions["form"]), tuple(actions["dtype"])) == (FORMS, DTYPES)
