"""The Surgery page on a tiny Llama with a vocabulary: numbers of the core, bad input, jobs."""

import json
import threading
import zipfile
from pathlib import Path

import numpy as np
import pytest
import streamlit as st
from safetensors.numpy import load, save, save_file
from streamlit.testing.v1 import AppTest

from lowrank.llama import SMOLLM2_135M, LlamaConfig, projections, random
from lowrank.llama.names import LINEAR
from lowrank.readers import open_model
from lowrank.surgery import (
    by_fraction,
    chosen,
    cost,
    factor_store,
    operate,
    operation,
    plain_factors,
    reading,
    recorded,
    stored,
    texts,
)
from lowrank.ui import cached, jobs
from tests.pages import opening
from tests.pages.opening import metrics, until
from tests.sent_jobs import SentJobs

CONFIG = LlamaConfig(16, 24, 2, 4, 2, 4, 256, 4096)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory) -> Path:
    """A folder with a random Llama whose tokens are the 256 bytes."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    folder = tmp_path_factory.mktemp("models") / "tiny"
    folder.mkdir()
    params = random(CONFIG, np.random.default_rng(0))
    held = {f"{name}.weight": p.matrix() for name, p in projections(params).items()}
    held["model.embed_tokens.weight"] = params.embed_tokens
    held["model.norm.weight"] = params.norm
    for i, layer in enumerate(params.layers):
        held[f"model.layers.{i}.input_layernorm.weight"] = layer.input_layernorm
        after = layer.post_attention_layernorm
        held[f"model.layers.{i}.post_attention_layernorm.weight"] = after
    save_file(held, folder / "model.safetensors")
    sizes = {
        name: getattr(CONFIG, name)
        for name in (
            "hidden_size",
            "intermediate_size",
            "num_hidden_layers",
            "num_attention_heads",
            "num_key_value_heads",
            "head_dim",
            "vocab_size",
            "max_position_embeddings",
        )
    }
    (folder / "config.json").write_text(json.dumps({"model_type": "llama", **sizes}))
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    known = Tokenizer(models.BPE(vocab={c: i for i, c in enumerate(letters)}, merges=[]))
    known.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    known.decoder = decoders.ByteLevel()
    known.save(str(folder / "tokenizer.json"))
    return folder


@pytest.fixture
def opened(tiny, tmp_path, monkeypatch):
    """A function that opens the page on the tiny model, with factors in a folder of its own."""
    monkeypatch.setenv("LOWRANK_MODELS", str(tiny.parent))
    monkeypatch.setenv("LOWRANK_CACHE", str(tmp_path))
    passage = texts.calibration()[0][:400]
    monkeypatch.setattr(texts, "calibration", lambda: [passage])
    st.cache_resource.clear()
    monkeypatch.setattr(jobs, "POOL", SentJobs())

    def open_page(**query: str | list[str]) -> AppTest:
        return settled(opening.opened("surgery", model="tiny", **query))

    return open_page


def settled(app: AppTest) -> AppTest:
    """The page once no long work of it goes on."""
    return until(app, lambda app: not app.get("progress"))


@pytest.mark.parametrize("keep", [1, 50, 100])
def test_the_numbers_are_those_of_the_core(opened, tiny, keep):
    app = opened(cut=["v", "down"], keep=str(keep), text=texts.TEXTS["french"])
    assert not app.exception
    params = cached.params(str(open_model(tiny).source))
    ids = cached.tokenizer(str(open_model(tiny).source)).begin(texts.text("french"))
    names = chosen(params, ["v_proj", "down_proj"])
    cut = operate(params, by_fraction(params, names, keep / 100), plain_factors(params))
    numbers = metrics(app)
    assert float(numbers["nll a token"]) == pytest.approx(reading(cut, ids).nll, abs=2e-3)
    assert numbers["Parameters"] == f"{cost(cut).parameters / 1e6:,.2f} M"
    if keep == 100:
        whole = reading(params, ids).nll
        assert float(numbers["nll a token"]) == pytest.approx(whole, abs=1e-3)


def test_a_model_of_the_same_table_changes_nobody_s_numbers(opened, tiny):
    """Also where the visitor after it comes once everything in memory is gone."""

    def nll() -> str:
        st.cache_resource.clear()  # as after a restart
        app = opened(cut=["v", "down"], keep="50", text=texts.TEXTS["french"])
        assert not app.exception
        return metrics(app)["nll a token"]

    before, path = nll(), tiny / "model.safetensors"
    raw = path.read_bytes()
    held = load(raw)
    name = next(name for name in held if name.endswith("v_proj.weight"))
    path.write_bytes(save(held | {name: np.zeros_like(held[name])}))
    assert nll() != before
    path.write_bytes(raw)
    assert nll() == before


@pytest.mark.parametrize(
    "query",
    [
        {"way": "activation-aware", "keep": "25"},
        {"by": "energy", "level": "80"},
        {"by": "budget", "share": "60", "rule": "by energy"},
        {"by": "budget", "share": "60", "rule": "by measured sensitivity"},
        {"by": "budget", "share": "60", "rule": "uniform", "where": "one", "only": "1"},
        {"where": "a range", "span": ["0", "1"], "cut": ["q", "k", "v", "o", "gate", "up", "down"]},
        {"keep": "-3", "cut": "nonsense", "way": "?", "text": "<b>", "by": "9", "map": "x"},
        {"text": "my own", "own": "é"},
        {"text": "my own", "own": "\U0001f600 \x00 \u202e" * 30},
        {"text": "my own", "own": "a" * 4000},
    ],
)
def test_every_way_of_asking_gives_numbers(opened, query):
    app = opened(**query)
    assert not app.exception
    assert not app.error
    assert metrics(app).get("nll a token", "…") != "…"
    assert "…" not in metrics(app).values()


def test_the_page_opens_on_a_cut_that_saves_and_one_that_saves_nothing_is_not_red(opened):
    def costs(app: AppTest) -> list[tuple[str, str]]:
        return [(m.delta, m.color) for m in app.metric if m.label in ("Parameters", "Bytes")]

    assert all(delta.startswith("-") for delta, _ in costs(opened()))
    assert [delta for delta, _ in costs(opened(keep="50"))] == ["unchanged"] * 2  # q is square


def test_a_budget_too_small_is_said(opened):
    app = opened(by="budget", share="5", rule="by energy", cut="v")
    assert not app.exception
    assert any("too small" in error.value for error in app.error)


def test_nothing_to_cut_and_nothing_to_read_are_said(opened):
    app = opened(text="my own", own=" ")
    assert not app.exception
    app = opened(text="my own")
    assert not app.exception
    assert any("Write a text" in info.value for info in app.info)
    app.button_group(key="cut").set_value([]).run()
    assert not app.exception
    assert any("at least one projection" in info.value for info in app.info)


def test_two_answers_and_an_empty_prompt(opened):
    app = opened(prompt="abc", length="12")
    app.button(key="ask both").click().run()
    settled(app)
    assert not app.exception
    assert sum("12 tokens" in caption.value for caption in app.caption) == 2
    app.text_area(key="prompt").set_value("  ").run()
    app.button(key="ask both").click().run()
    assert any("Write a prompt" in info.value for info in app.info)


def test_evidence_noise_and_a_live_map(opened, monkeypatch):
    few, page = texts.questions()[:5], texts.text("prose")[:120]
    monkeypatch.setattr(texts, "questions", lambda: few)
    monkeypatch.setattr(texts, "text", lambda name: page)
    app = opened(way="activation-aware")
    assert any("Inputs prefer few directions" in m.value for m in app.markdown)
    app.button(key="noise ask").click().run()
    settled(app)
    assert not app.exception
    assert "Right answers" in metrics(app)
    next(b for b in app.button if b.label == "Measure it here").click().run()
    settled(app)
    assert not app.exception
    assert any("56 points" in caption.value for caption in app.caption)


def stopped(app: AppTest, what: str, gate: threading.Event) -> AppTest:
    """The page after its Stop was pressed and that work has ended."""
    stop = next(b for b in app.button if (b.key or "").startswith(f"stop-{what}"))
    stop.click().run()
    gate.set()
    job = jobs.POOL.get(stop.key.removeprefix("stop-"))
    assert job.wait(60)
    return app.run()


@pytest.mark.parametrize("what", ["cut", "factors"])
def test_what_was_stopped_shows_no_numbers_and_does_not_say_that_it_does(opened, monkeypatch, what):
    gate = threading.Event()
    room, name = (operation, "forward") if what == "cut" else (factor_store, "plain")
    worked = getattr(room, name)

    def held(*given, **how):
        assert gate.wait(60)
        return worked(*given, **how)

    if what == "cut":
        app = opened()
        monkeypatch.setattr(room, name, held)
        # The whole model reads a text that is new here: between that and the cut one it stops.
        app.selectbox(key="text").set_value(texts.TEXTS["dialogue"]).run()
    else:
        monkeypatch.setattr(room, name, held)
        app = opening.opened("surgery", model="tiny", cut="down")
    assert metrics(app)["nll a token"] == "…"
    app = stopped(app, what, gate)
    assert metrics(app)["nll a token"] == "—"
    assert "…" not in metrics(app).values()
    assert any("There is no result yet" in info.value for info in app.info)


def test_a_long_reading_shows_its_progress_until_its_numbers_are_there(opened, monkeypatch):
    app = opened()
    gate, read = threading.Event(), operation.forward

    def forward(*given, **how):
        assert gate.wait(60)
        return read(*given, **how)

    monkeypatch.setattr(operation, "forward", forward)
    app.slider(key="keep").set_value(30).run()
    assert any(b.key.startswith("stop-cut") for b in app.button)
    assert metrics(app)["nll a token"] == "…"
    gate.set()
    settled(app)
    assert not app.exception
    assert float(metrics(app)["nll a token"]) > 0


def test_a_model_without_words_is_refused_in_a_sentence():
    app = opening.opened("surgery", model="synthetic")
    assert not app.exception
    assert any("no vocabulary" in error.value for error in app.error)


def test_the_model_with_its_cut_is_taken_home_as_it_runs(opened, tiny, tmp_path):
    app = opened(cut=["v", "down"], keep="25", way="activation-aware")
    app.session_state["save"] = True  # the expander is open
    app.session_state["saved form"], app.session_state["saved type"] = "thin pairs", "F32"
    app.run()
    next(button for button in app.button if button.key == "save it").click().run()
    until(app, lambda app: app.get("download_button"))
    assert "Held-out text" in opening.words(app)
    (zipped,) = (tmp_path / "saved").iterdir()
    with zipfile.ZipFile(zipped) as archive:
        held = load(archive.read("thin.safetensors"))
        report = json.loads(archive.read("report.json"))
        assert {"config.json", "tokenizer.json", "README.md", "report.html"} <= {
            *archive.namelist()
        }
    store = cached.factors(str(open_model(tiny).source))
    names = chosen(store.params, ["v_proj", "down_proj"])
    plan = by_fraction(store.params, names, 0.25)
    expected = projections(operate(store.params, plan, store.source("aware")))
    for name in names:
        W = held[f"{name}.1.weight"] @ held[f"{name}.0.weight"]
        np.testing.assert_allclose(W, expected[name].matrix(), atol=1e-6)
    assert {m["name"]: m["rank"] for m in report["matrices"] if m["name"] in plan} == plan
    assert (report["method"], report["written"]) == ("activation", {"form": "thin", "dtype": "F32"})


def test_what_is_too_large_to_pack_is_said_before_it_is_made(opened, monkeypatch):
    monkeypatch.setattr("lowrank.ui.surgery.export.LARGEST", 1000)
    app = opened(cut=["v"], keep="25")
    app.session_state["save"] = True
    app.run()
    assert next(button for button in app.button if button.key == "save it").disabled
    assert "more than is packed here" in opening.words(app)


def test_ranks_by_predicted_loss_go_with_gradients_alone(opened):
    app = opened(cut=["q", "v"], way="gradient-weighted", by="budget", share="60")
    box = next(box for box in app.selectbox if box.key == "rule")
    assert "by predicted loss" in box.options
    settled(box.select("by predicted loss").run())
    assert not app.exception
    assert float(metrics(app)["nll a token"]) > 0
    app.session_state["way"] = "plain"
    settled(app.run())
    assert not app.exception
    box = next(box for box in app.selectbox if box.key == "rule")
    assert "by predicted loss" not in box.options
    assert box.value == "uniform"


def test_every_way_at_the_same_sizes_is_shown_with_the_ranks_of_the_best():
    def page() -> None:
        from lowrank.ui.surgery import sensitivity

        sensitivity.methods()

    app = AppTest.from_function(page).run()
    assert not app.exception
    known = recorded.methods()
    table = app.dataframe[0].value
    assert len(table) == len({(cut.way, cut.rule) for cut in known.cuts})
    best = known.best(0.8)
    assert f"{best.nll:.2f}" in set(table["80%"])
    assert min(map(float, table["80%"])) == pytest.approx(best.nll, abs=0.006)
    shapes = [SMOLLM2_135M.projection_shape(kind) for kind in LINEAR] * 30  # layers
    whole = sum(m * n for m, n in shapes)
    for cut in known.cuts:
        if cut.ranks:
            kept = sum(stored(shape, k) for shape, k in zip(shapes, cut.ranks, strict=True))
            assert cut.share - 0.01 < kept / whole <= cut.share
