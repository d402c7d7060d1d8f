"""“The code for this” reproduces what the page shows, as a notebook runs it: by itself."""

import json
import re
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load
from streamlit.testing.v1 import AppTest

from lowrank.ui import jobs, taking
from lowrank.ui.redundancy import phases
from tests.pages import opening
from tests.pages.opening import metrics, until, words
from tests.sent_jobs import SentJobs
from tests.tiny_llama import write


@pytest.fixture(autouse=True)
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Llama that an operator offers, in the folder where the programs run."""
    write(tmp_path / "tiny")
    monkeypatch.setenv("LOWRANK_MODELS", str(tmp_path))
    monkeypatch.setenv("LOWRANK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(jobs, "POOL", SentJobs())
    monkeypatch.chdir(tmp_path / "tiny")


def opened(page: str, **link: str) -> AppTest:
    app = opening.opened(page, **link)
    assert not app.exception
    return app


def printed(app: AppTest, capsys: pytest.CaptureFixture) -> str:
    """What the notebook of a page's code prints."""
    program = opening.code(app)[0]
    cells = json.loads(taking.notebook(program))["cells"]
    (code,) = ("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    assert code == program
    capsys.readouterr()
    exec(compile(code, "notebook", "exec"), {"__name__": "notebook"})
    return capsys.readouterr().out


def number(said: str, after: str) -> str:
    found = re.search(rf"{re.escape(after)}\s*([-\d.,]+%?)", said)
    assert found, said
    return found[1].rstrip(",")


def test_truncation(capsys):
    app = opened("truncation", model="tiny", proj="gate", k="7")
    said = printed(app, capsys)
    assert number(said, "Energy kept:") == metrics(app)["Energy kept"]
    for name in ("Error, predicted", "Error, measured"):
        assert f"{float(number(said, f'{name}:')):.3g}" == metrics(app)[name]


def test_atlas(capsys):
    app = opened("atlas", model="tiny", proj="q", layer="1")
    said = printed(app, capsys)
    assert "model.layers.1.self_attn.q_proj.weight effective_rank" in said
    assert 1 < float(number(said, "effective_rank")) < 128


@pytest.mark.parametrize(
    "link",
    [
        {},
        {"by": "energy", "level": "80"},
        {"by": "budget", "rule": "by energy", "way": "activation-aware"},
        {"text": "my own", "own": "What a text 'this' is"},
    ],
)
def test_surgery(link, capsys):
    app = opened("surgery", model="tiny", where="one", only="1", **link)
    until(app, lambda app: metrics(app)["nll a token"] != "…")
    said = printed(app, capsys)
    assert number(said, "nll a token:") == metrics(app)["nll a token"]
    assert number(said, "parameters:") == metrics(app)["Parameters"].removesuffix(" M")


MEMORY = {
    "Matrices": {"linear": "NF4", "config": "Qwen3 30B A3B"},
    "Inference": {"context": "8192", "batch": "2", "kv": "8 bit", "cards": "2"},
    "Training": {"targets": "all", "adam": "8 bit", "recompute": "true", "bottleneck": "16"},
    "What fits": {"card": "48 GB (A6000, L40S)", "reserve": "2.0", "context": "1024"},
    "Quantization": {"proj": "v", "layer": "0"},
}


@pytest.mark.parametrize("view", MEMORY)
def test_memory(view, capsys):
    app = opened("memory", model="tiny", count=view, **MEMORY[view])
    said, shown = printed(app, capsys), words(app)
    if view == "Matrices":
        size = float(number(said, f"\n{metrics(app)['Parameters']} parameters,"))
        assert f"**{size:.3g} GB**" in shown
    elif view == "What fits":
        fits = [line.split() for line in said.splitlines() if line.startswith("bfloat16")]
        context, batch = (f"{int(n):,}" for n in fits[0][1:])
        assert f"| bfloat16 | 13.48 | {context}, all | {batch} |" in shown
        _tokens, batch, r = said.split("QLoRA, NF4 ")[1].split("\n")[0].split()
        assert f" {int(batch):,} | {int(r):,} |" in shown
    elif view == "Quantization":
        share = next(line.split()[-2] for line in said.splitlines() if line.startswith("NF4"))
        assert f"| {share} |" in shown
    else:
        for name in {"Inference": ["bfloat16", "NF4"], "Training": ["LoRA, bfloat16"]}[view]:
            assert f"| {name} | {number(said, name)} |" in shown


@pytest.mark.parametrize("sizes", ["the open model", "a config.json of mine"])
def test_memory_of_other_sizes(sizes, capsys):
    pasted = Path("config.json").read_text()
    app = opened("memory", model="tiny", config=sizes, config_json=pasted)
    assert metrics(app)["Parameters"] in printed(app, capsys)


@pytest.mark.parametrize(
    "link",
    [
        {"data": "tartan", "hidden": "40", "rank": "3", "draw": "2"},
        {"data": "ratings", "method": "soft-impute", "lambda": "-1.5"},
        {"data": "weights", "model": "tiny", "proj": "k", "rank": "2"},
    ],
)
def test_recovered_entries(link, capsys):
    app = opened("redundancy", **link)
    said = printed(app, capsys)
    assert number(said, "Error on hidden entries:") == (metrics(app)["Error on hidden entries"])


def test_trials(capsys, monkeypatch):
    monkeypatch.setattr(phases, "FRACTIONS", [0.4, 0.8])
    app = opened("redundancy", task="When it works", trial="3")
    good = re.search(r"(\d+) of (\d+) recovered", printed(app, capsys))
    shown = [int(n) for n in re.findall(r"\d+", words(app).split("trials")[0])]
    assert int(good[2]) in shown


def test_features_and_compression(capsys):
    app = opened("redundancy", task="Features", model="tiny")
    said = printed(app, capsys)
    assert f"'{metrics(app)['Direction 1']}', '{metrics(app)['Direction 2']}'" in said
    app = opened("redundancy", task="Compress", image="skyline", terms="9")
    said = printed(app, capsys)
    assert number(said, "Energy kept:") == metrics(app)["Energy kept"]
    assert number(said, "Relative error:") == metrics(app)["Relative error"]


def test_adapter(capsys):
    app = opened("adapter", model="tiny", proj="q", layer="0", change_rank="4")
    said = printed(app, capsys)
    assert number(said, "norm") == metrics(app)["‖s·BA‖"]
    rank = number(said, "effective rank")
    assert metrics(app)["Effective rank of BA"] == f"{rank} of 4"


def test_thread_and_article(capsys):
    app = opened("thread", A="1 2 3; 2 4 6; 1 0 1", noise_size="0.01", best="1", kth="9")
    said = printed(app, capsys)
    assert "rank: 2" in said
    for line in ("predicted error at rank 1:", "measured:"):
        assert f"| {number(said, line)} |" in words(app)
    assert number(said, "Energy kept:") == metrics(app)["Energy kept"]
    app = opened("article", said="0.4 %", what="q_proj", **{"beside r": "8"})
    assert printed(app, capsys).strip() in words(app)


@pytest.mark.parametrize("view", ["Reduce", "What it gives", "Geometry", "Numbers lie", "Quiz"])
def test_rank(view, capsys):
    app = opened("rank", view=view, m="1 2 3; 2 4 6; 1 0 1")
    assert printed(app, capsys)


def test_a_table_has_every_digit_and_a_matrix_every_entry():
    W = np.random.default_rng(0).standard_normal((3, 5), dtype=np.float32)
    assert (np.load(BytesIO(taking.as_npy(W))) == W).all()
    assert (load(taking.as_safetensors("a.weight", W))["a.weight"] == W).all()
    file = taking.table("Rows", "rows", lambda: [{"k": 1, "s": 1 / 3}])
    assert file.made() == "k,s\r\n1,0.3333333333333333\r\n"


@pytest.mark.parametrize(
    ("page", "link", "files"),
    [
        ("truncation", {}, ["Matrix, .npy", "Matrix, safetensors", "Spectrum, CSV"]),
        ("surgery", {"where": "one"}, ["Ranks of this cut, CSV", "Matrix, .npy"]),
        ("atlas", {}, ["Matrix, safetensors", "Every measure, CSV"]),
        ("memory", {"count": "Inference"}, ["This table, CSV"]),
        ("memory", {"count": "What fits"}, ["Generating, CSV", "Training, CSV"]),
        ("memory", {"count": "Quantization"}, ["Matrix, .npy", "What is lost, CSV"]),
        ("lora", {}, ["Three columns, CSV"]),
        ("article", {}, ["Claims, CSV"]),
        ("rank", {"view": "Numbers lie", "m": "1 2; 3 4"}, ["Spectrum, CSV"]),
        ("redundancy", {}, ["Errors, CSV", "Original, .npy", "Recovered, .npy"]),
        ("redundancy", {"task": "When it works"}, ["Every trial, CSV"]),
        ("redundancy", {"task": "Features", "words": "one, two, six"}, ["Words, CSV", "Variance"]),
        ("redundancy", {"task": "Compress"}, ["Spectrum, CSV", "Rank 6, .npy"]),
    ],
)
def test_what_is_taken_home_is_offered_when_it_is_opened(page, link, files):
    app = opened(page, model="tiny", **link)
    until(app, lambda app: any(e.label == "Take it home" for e in app.expander))
    before = len(app.get("download_button"))
    app.session_state["files"] = True
    app.run()
    offered = [button.proto.label for button in app.get("download_button")]
    assert len(offered) > before
    assert all(any(label.startswith(file) for label in offered) for file in files)
    assert not app.exception
