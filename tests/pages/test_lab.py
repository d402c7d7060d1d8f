"""The LoRA lab on a Llama of a few thousand numbers: train, stop, answers, upload, the paper."""

import io
import json
import re
import threading
import zipfile
from pathlib import Path
from urllib.parse import parse_qs

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from lowrank.errors import FormatError
from lowrank.llama import chat
from lowrank.lora import adapters
from lowrank.lora.adapters.opening import unzipped
from lowrank.lora.finetuning import Record
from lowrank.lora.lab import alternatives, starts
from lowrank.lora.lab.alternatives import Outcome
from lowrank.lora.lab.records import stored
from lowrank.memory.accounting import Memory
from lowrank.readers import uploads
from lowrank.ui import article, jobs
from lowrank.ui.adapters import MINE
from lowrank.ui.jobs import Job
from lowrank.ui.lab import paper, runs
from tests.pages import opening
from tests.sent_jobs import SentJobs
from tests.tiny_llama import write

NF4 = "NF4 (QLoRA)"


@pytest.fixture(autouse=True)
def models(tmp_path, monkeypatch) -> Path:
    """One tiny Llama that an operator offers, and an empty cache for adapters."""
    root = tmp_path / "models"
    write(root / "tiny")
    monkeypatch.setenv("LOWRANK_MODELS", str(root))
    monkeypatch.setenv("LOWRANK_CACHE", str(tmp_path / "cache"))
    st.cache_resource.clear()
    monkeypatch.setattr(jobs, "POOL", SentJobs())
    return root


def opened(**query: str) -> AppTest:
    return opening.opened("lab", **{"model": "tiny", **query})


def ended(key: str, seconds: float = 120) -> Job:
    """The job of that key once it is over."""
    job = jobs.POOL.get(key)
    assert job.wait(seconds)
    return job


def finished(app: AppTest) -> AppTest:
    """The page once its training run is over."""
    ended(f"lab {app.session_state['lab run']}")
    return app.run()


def said(app: AppTest) -> str:
    parts = (*app.markdown, *app.caption, *app.code, *app.info, *app.text)
    return "\n".join(str(part.value) for part in parts)


def test_a_run_ends_with_an_adapter_that_loads_and_answers():
    app = opened(steps="3", set="my own", lines="Hi => Yo\nBye => Ciao")
    assert not app.exception
    assert "trainable params: 7,168 || all params: " in said(app)
    app.button(key="train").click().run()
    app = finished(app)
    assert not app.exception
    assert not app.error
    assert "3 steps in" in said(app)
    name = app.text_input(key="tuned").value
    made = adapters.load(uploads.find_adapter(name))
    assert made.config.r == 8
    assert len(made.pairs) == 4
    opening.until(app, lambda app: "Merged = unmerged" in said(app))
    assert "LoRA, measured" in said(app)
    again = opened(tuned=name)  # the link alone brings it back
    assert not again.exception
    assert "After, 1 × the update" in said(again)
    (link,) = (each.proto for each in app.get("page_link") if "Adapter page" in each.proto.label)
    asked = {key: value for key, (value,) in parse_qs(link.query_string).items()}
    assert asked == {"adapter": MINE, "kept": name}
    there = opening.opened("adapter", model="tiny", **asked)
    assert not there.error
    assert "LoRA, r = 8, α = 16 · 4 matrices changed" in opening.captions(there)


TEMPLATE = (
    "{% for m in messages %}{% if m.content == 'no' %}{{ raise_exception('not that') }}{% endif %}"
    "{{ m.content }}{{ eos_token if m.role == 'assistant' else '?' }}{% endfor %}"
)


@pytest.mark.parametrize(
    ("view", "button", "name", "state"),
    [("Train", "train", "lab", "lab run"), ("Alternatives", "train three", "three", "three run")],
)
@pytest.mark.parametrize(
    ("lines", "words"),
    [("Hi => Yo\nno => Yes", "not that"), ("Hi => Yo\n" + "a" * 170 + " => Yo", "Example 2 has")],
)
def test_an_example_that_cannot_be_laid_out_is_one_sentence(
    models, view, button, name, state, lines, words
):
    (models / "tiny" / "chat_template.jinja").write_text(TEMPLATE)
    app = opened(show=view, steps="2", set="my own", lines=lines)
    app.button(key=button).click().run()
    ended(f"{name} {app.session_state[state]}")
    app.run()
    assert not app.exception
    assert [words in error.value for error in app.error] == [True]


def test_all_examples_are_laid_out_by_one_process_and_not_on_the_pages_thread(models, monkeypatch):
    started, run = [], chat.subprocess.run

    def counted(*command, **given):
        started.append(threading.current_thread().name)
        return run(*command, **given)

    (models / "tiny" / "chat_template.jinja").write_text(TEMPLATE)
    app = opened(steps="1", set="my own", lines="\n".join(f"Hi {i} => Yo" for i in range(20)))
    monkeypatch.setattr(chat.subprocess, "run", counted)
    app.button(key="train").click().run()
    assert ended(f"lab {app.session_state['lab run']}").state == "done"
    assert started == ["long_job_0"]


def test_a_bad_line_of_own_text_stands_beside_the_results_and_they_keep_their_settings():
    app = opened(steps="2", set="my own", lines="Hi => Yo", lora_r="4")
    app.button(key="train").click().run()
    assert app.query_params["run"]  # at once: a reload finds the run again
    app = finished(app)
    app.select_slider(key="lora_r").set_value(16).run()
    assert "A (4, 128)" in said(app)  # the run's shapes, not those of what is asked for next
    app.text_area(key="lines").set_value("no arrow").run()
    assert not app.exception
    assert "expected: prompt => answer" in app.error[0].value
    assert "2 steps in" in said(app)
    assert app.get("download_button")


def test_a_stopped_run_keeps_what_it_learnt():
    app = opened(steps="200", set="my own", lines="Hi => " + "yo " * 40)
    app.button(key="train").click().run()
    job = jobs.POOL.get(f"lab {app.session_state['lab run']}")
    opening.until(app, lambda _: len(job.records) >= 4)
    job.cancel()
    app = finished(app)
    assert not app.exception
    assert job.state == "cancelled"
    assert "Stopped." in said(app)
    assert uploads.find_adapter(app.text_input(key="tuned").value).is_dir()


@pytest.mark.parametrize(
    ("query", "code", "r", "added"),
    [
        ({"lora_dropout": "0.1", "loraplus_lr_ratio": "4.0"}, "lora_dropout=0.1", 4, 0),
        ({"init_lora_weights": "gaussian"}, 'init_lora_weights="gaussian"', 4, 0),
        ({"init_lora_weights": "pissa"}, 'init_lora_weights="pissa"', 8, 0),  # minus its beginning
        ({"init_lora_weights": "eva"}, "EvaConfig(rho=1, use_label_mask=False)", 4, 0),
        ({"init_lora_weights": "loftq", "base_in": NF4}, "loftq_iter=1", 4, 0),
        ({"init_lora_weights": "loftq", "base_in": "int8"}, 'init_lora_weights="loftq"', 4, 0),
        ({"init_lora_weights": "olora", "use_rslora": "True"}, "use_rslora=True", 8, 0),
        # One length for each of the 2 x (128 + 64) rows.
        ({"use_dora": "True", "lr_scheduler_type": "cosine"}, "use_dora=True", 4, 384),
    ],
)
def test_every_setting_of_the_link_trains_and_is_saved(query, code, r, added):
    app = opened(steps="2", set="my own", lines="Hi => Yo", lora_r="4", **query)
    assert not app.exception
    assert code in said(app)
    assert f"trainable params: {3584 + added:,} ||" in said(app)  # 2 (256 + 192) 4
    of_q = 1024 + (128 if added else 0)
    assert f"{of_q:,} trained of 16,384." in said(app)
    assert ("trained length (128,)" in said(app)) == bool(added)
    app.button(key="train").click().run()
    app = finished(app)
    assert not app.exception
    assert not app.error, app.error[0].value
    made = adapters.load(uploads.find_adapter(app.text_input(key="tuned").value))
    assert made.config.r == r
    assert made.config.task_type == "CAUSAL_LM"


def test_the_code_that_is_shown_runs(default_model, tmp_path, monkeypatch):
    usage = opening.code(opened())[0]
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    exec(usage.replace("steps=48", "steps=1").replace("warmup_steps=4", "warmup_steps=0"), names)
    assert len(adapters.load("my-adapter").pairs) == 60


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"use_dora": "True", "lora_dropout": "0.1"}, "use_dora"),
        ({"init_lora_weights": "loftq"}, "choose a base in fewer bits"),
        ({"init_lora_weights": "pissa", "base_in": "int8"}, "choose the base as stored"),
    ],
)
def test_settings_that_do_not_go_together_are_one_sentence(query, words):
    app = opened(**query)
    assert not app.exception
    assert words in app.error[0].value


@pytest.mark.parametrize(("r", "alpha", "dropout"), [(8, 32, 0.1), (64, 16, 0.05)])
def test_a_press_gives_the_articles_configuration_letter_by_letter(r, alpha, dropout):
    app = opened(modules="all", use_rslora="True", init_lora_weights="eva", base_in="int8")
    app.button(key=f"preset {r}").click().run()
    assert not app.exception
    given = {"r=8": f"r={r}", "lora_alpha=32": f"lora_alpha={alpha}", "out=0.1": f"out={dropout}"}
    call = article.CALL
    for old, new in given.items():
        call = call.replace(old, new)
    assert call in [block.value for block in app.code]
    assert app.query_params.get("lora_r", "8") == str(r)  # a default is not in the address
    assert app.selectbox(key="base_in").value == "int8"  # no part of LoraConfig


LINES = "\n".join(f"Hi {i} => Yo" for i in range(8))


def test_a_run_on_a_base_in_four_bits_stands_beside_that_on_the_base_as_stored():
    app = opened(steps="3", set="my own", lines=LINES, base_in=NF4, base_too="true")
    assert not app.exception
    assert not app.error
    app.button(key="train").click().run()
    job = ended(f"lab {app.session_state['lab run']}")
    app.run()
    assert (job.state, job.problem) == ("done", None)
    kept, unseen = job.newest(runs.Kept), job.all(runs.HeldOut)
    # 2 layers of 128 x (128 + 64 + 64 + 128 + 3 x 48) numbers, in float32 and in 4.127 bits.
    assert kept.stored == 4 * 2 * 128 * 528
    assert kept.kept == pytest.approx(kept.stored * 4.127 / 32, rel=0.01)
    assert kept.largest == 4 * 128 * 128
    assert job.newest(Memory).weights < 4 * 258 * 128 + 1.02 * kept.kept + 4 * 5 * 128
    assert len(job.all(runs.Beside)) == len(job.all(Record)) == 3
    for mine, plain in zip(job.all(Record), job.all(runs.Beside), strict=True):
        assert mine.loss != plain.loss
        assert mine.loss == pytest.approx(plain.loss, rel=0.1)
    last = f"**{unseen[-1].loss:.3f}** on the base in {NF4}, **{unseen[-1].stored:.3f}**"
    assert last in said(app)
    assert f"; base: {NF4}; 3 steps" in said(app)
    assert "Base in NF4" in said(app)
    opening.until(app, lambda app: "Merged = unmerged" in said(app))
    # ... and the run on the base as stored alone is the one beside it.
    plain = opened(steps="3", set="my own", lines=LINES)
    plain.button(key="train").click().run()
    alone = ended(f"lab {plain.session_state['lab run']}")
    assert [r.loss for r in alone.all(Record)] == [r.loss for r in job.all(runs.Beside)]
    assert [r.loss for r in alone.all(runs.HeldOut)] == [r.stored for r in unseen]


def stopped(after, **asked):
    """The page, and the job of a training that its visitor stopped after so many steps."""
    unwanted = Job._unwanted

    def at_that_step(job):  # exactly: a quick machine is at the end before anybody looks
        if len(job.all(Record)) == after:
            job.cancel(by_hand=True)
        return unwanted(job)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Job, "_unwanted", at_that_step)
        app = opened(**asked)
        app.button(key="train").click().run()
        job = ended(f"lab {app.session_state['lab run']}")
    return finished(app), job


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"base_in": "int8", "base_too": "true", "lora_dropout": "0.1"},
        {"base_in": "int8", "init_lora_weights": "loftq"},
    ],
)
def test_a_stopped_run_goes_on_from_the_page_as_if_it_had_never_stopped(query):
    asked = {"steps": "40", "set": "my own", "lines": LINES, **query}
    whole = opened(**asked)
    whole.button(key="train").click().run()
    wanted = ended(f"lab {whole.session_state['lab run']}")

    app, job = stopped(3, **asked)
    halted = job.newest(runs.Halted)
    assert job.state == "cancelled"
    assert halted.step == 3
    first = app.text_input(key="tuned").value
    again = opened(run=app.query_params["run"])  # a reload, or another tab
    again.button(key="go on").click().run()
    assert not again.exception
    new = ended(f"lab {again.session_state['lab run']}")
    again.run()
    assert (new.state, new.problem) == ("done", None)
    assert new.key != job.key
    for kind in (Record, runs.HeldOut, runs.Beside):
        assert [r.loss for r in new.all(kind)] == [r.loss for r in wanted.all(kind)], kind
    assert [r.step for r in new.all(Record)] == list(range(1, 41))
    elapsed = [r.elapsed for r in new.all(Record)]
    assert elapsed == sorted(elapsed)
    assert "go on" not in [button.key for button in again.button]
    assert again.text_input(key="tuned").value not in ("", first)
    assert "40 steps in" in said(again)


def test_a_stopped_run_that_is_no_longer_kept_is_one_sentence(models):
    app, _ = stopped(2, steps="200", set="my own", lines="Hi => " + "yo " * 40)
    for path in runs.states_folder().iterdir():
        path.unlink()
    app.button(key="go on").click().run()
    app = finished(app)
    assert not app.exception
    assert "cannot be read" in app.error[0].value


def test_who_only_looks_on_cannot_go_on_with_it():
    app, _ = stopped(2, steps="200", set="my own", lines="Hi => " + "yo " * 40)
    name = app.query_params["run"].partition("-")[0]
    other = opened(run=name)
    assert "Stopped." in said(other)
    assert "go on" not in [button.key for button in other.button]


@pytest.mark.parametrize(
    ("lines", "words"),
    [("no arrow", "expected: prompt => answer"), ("", "There are 0 examples")],
)
def test_typed_nonsense_is_one_sentence(lines, words):
    app = opened(set="my own", lines=lines or " ")
    assert not app.exception
    assert words in app.error[0].value


def test_an_adapter_of_another_model_is_one_sentence():
    fixtures = Path(__file__).parents[1] / "fixtures" / "adapters"
    files = {p.name: p.read_bytes() for p in (fixtures / "embeddings").glob("adapter_*")}
    app = opened(tuned=uploads.keep_adapter(files))
    opening.until(app, lambda app: app.error)
    assert not app.exception
    assert "does not fit the model" in app.error[0].value


def test_a_link_to_no_adapter_is_one_sentence():
    app = opened(tuned="../../etc/passwd")
    assert not app.exception
    assert "upload it again" in app.error[0].value


def test_one_step_is_one_loss_and_the_run_says_its_own_settings():
    app = opened(steps="1", set="my own", lines="Hi => Yo", lora_r="4")
    app.button(key="train").click().run()
    app = finished(app)
    assert "first eight" not in said(app)
    assert "Loss before the first step" in said(app)
    assert "This run: LoRA, r = 4, α = 16, on q_proj, v_proj; 1 step" in said(app)
    assert "settings have changed" not in said(app)
    app.select_slider(key="lora_r").set_value(16).run()
    assert "This run: LoRA, r = 4" in said(app)
    assert "settings have changed since this run" in said(app)
    assert "in hand: LoRA, r = 4, α = 16, on q_proj, v_proj." in said(app)


def test_the_last_of_many_examples_are_held_out_and_watched():
    lines = "\n".join(f"Hi {i} => Yo" for i in range(8))
    app = opened(steps="3", set="my own", lines=lines, modules="o")
    app.button(key="train").click().run()
    job = ended(f"lab {app.session_state['lab run']}")
    app.run()
    assert not app.error
    assert len(job.newest(runs.Run).examples) == 6
    unseen = job.all(runs.HeldOut)
    assert [each.step for each in unseen] == [1, 2, 3]
    assert f"Held out: {unseen[0].loss:.2f} after the first" in said(app)
    assert "on o_proj; 3 steps" in said(app)
    assert re.search(r"took .+ on this machine \(median\): 3 such steps, about .+ s\.", said(app))


def test_times_of_merging_are_medians_of_passes_in_turns():
    app = opened(steps="1", set="my own", lines="Hi => Yo")
    app.button(key="train").click().run()
    app = finished(app)
    opening.until(app, lambda app: "a pass over the question, ms" in said(app))
    rows = [r for r in said(app).splitlines() if r.startswith(("| W₀ alone", "| merged"))]
    for row in rows:
        least, median, most = (float(x.strip(" *")) for x in row.strip("|").split("|")[1:])
        assert 0 < least <= median <= most
    assert len(rows) == 2


def test_a_file_of_ones_own_examples_is_trained_on():
    app = opened(steps="1", set="my own")
    lines = [
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Yo"}]},
        {"prompt": "Who?", "completion": "Me."},
    ]
    given = "\n".join(json.dumps(line) for line in lines).encode()
    jsonl = next(f for f in app.file_uploader if "JSONL" in f.label)
    jsonl.upload("mine.jsonl", given, "application/jsonl").run()
    assert "2 examples of mine.jsonl" in said(app)
    app.button(key="train").click().run()
    job = ended(f"lab {app.session_state['lab run']}")
    assert job.newest(runs.Run).choice.pairs == (("Hi", "Yo"), ("Who?", "Me."))


def test_a_zip_is_opened_and_nothing_else_taken_from_it():
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("adapter_config.json", "{}")
        archive.writestr("adapter_model.safetensors", b"x")
        archive.writestr("../evil", b"x")
    found = unzipped(held.getvalue(), "a.zip")
    assert set(found) == uploads.ADAPTER_FILES
    with pytest.raises(FormatError, match="no sound zip"):
        unzipped(b"no zip", "a.zip")


def test_the_papers_experiments_run_here_and_stand_beside_its_tables():
    app = opened(show="The paper's experiments")
    assert not app.exception
    app.session_state["tables"] = ["ranks", "update"]
    app.session_state["paper steps"] = 1
    app.session_state["paper seeds"] = 2
    app.run()
    assert "of 1 steps" in said(app)
    app.button(key="run paper").click().run()
    job = ended(f"paper {app.session_state['paper run']}")
    app.run()
    assert not app.exception, app.exception
    assert (job.state, job.problem) == ("done", None)
    assert "18 runs so far" in said(app)
    assert "| paper, r = 4 | 0.32 | 21.67 | 0.02 | 6.91 | 21.5 |" in said(app)
    assert "φ(8, 64) is" in said(app)
    table = next(m.value for m in app.markdown if "held by the largest" in m.value)
    # Rank 8 lies wholly in 8 directions.
    assert re.search(r"\| LoRA, r = 8 \| [\d.]+% \| 100\.0% \| 100\.0% \|", table)
    record = job.newest(dict)
    assert json.loads(json.dumps(record["runs"]))


def test_a_run_that_diverged_stands_in_the_tables_and_breaks_no_picture(monkeypatch):
    record = json.loads(json.dumps(stored("experiments")))
    for way in ("ranks/8", "matrices/q"):
        record["runs"][f"{way}/{record['rates'][way]:g}/3"]["loss"] = None
    monkeypatch.setattr(paper, "stored", lambda name: record)
    app = opened(show="The paper's experiments")
    assert not app.exception
    assert "| 8 | ∞ | +∞ | 0.003 |" in said(app)
    assert re.search(r"\| q \| q 8 \| 276,480 \| ∞ \| \+∞ \|", said(app))
    charts = [chart.proto.spec for chart in app.get("plotly_chart")]
    assert charts
    assert not any("Infinity" in spec for spec in charts)


def test_computed_memory_counts_the_inputs_that_a_gradient_needs():
    def activations(modules: str) -> str:
        table = next(
            m.value for m in opened(modules=modules).markdown if "LoRA, computed" in m.value
        )
        row = next(line for line in table.splitlines() if line.startswith("| activations"))
        return row.split("|")[3].strip()

    assert activations("q, v") != activations("all")


def test_the_three_ways_stand_side_by_side():
    app = opened(show="Alternatives", steps="2")
    assert not app.exception
    app.button(key="train three").click().run()
    job = ended(f"three {app.session_state['three run']}")
    app.run()
    assert not app.exception
    assert (job.state, job.problem) == ("done", None)
    table = next(m.value for m in app.markdown if "gradients and moments" in m.value)
    # 2 (128 + 128) 8 and 2 (64 + 128) 8; 128 x 48; 2 layers of two, each 2 x 128 x 8 + 128 + 8.
    for row in ("| LoRA | 7,168 |", "| one whole matrix | 6,144 |", "| adapter layers | 8,736 |"):
        assert row in table
    assert table.splitlines()[-1].endswith("cannot be |")
    lora = job.all(Outcome)[0]
    low, middle, high = lora.latency
    assert f"| {middle:.2f}× ({low:.2f} to {high:.2f}) |" in table
    assert 0 < low <= middle <= high
    assert "median of 41 turns" in said(app)
    # ... and the three curves of two steps can be taken home, a number a cell.
    rows = alternatives.rows([each.to_json() for each in job.all(Outcome)])
    assert len(rows) == 6
    assert rows[0]["latency"] == middle
    assert not any(isinstance(value, list) for row in rows for value in row.values())
    assert {"CSV", "JSON"} <= {button.proto.label for button in app.get("download_button")}


def test_the_starts_stand_beside_the_plain_one_with_their_verdict():
    app = opened(show="Alternatives")
    assert not app.exception
    record = stored("starts")
    for sentence in starts.verdict(record).split("\n\n"):
        assert sentence in said(app)
    table = next(m.value for m in app.markdown if "held-out loss" in m.value)
    assert table.count("\n| ") >= 4
    assert record["command"] in said(app)
