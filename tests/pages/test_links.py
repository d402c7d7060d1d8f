"""A link is the whole view: whatever is changed, its address opens the same page again.

The walk below finds the controls itself, in the trees of elements that a page draws.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from lowrank.readers import DEFAULT_TITLE
from lowrank.ui.model_picker import MODELS
from lowrank.ui.redundancy import phases
from lowrank.ui.visits import LETTER, PARAMETERS, known
from tests.pages.opening import ROOT, opened, until, words
from tests.tiny_llama import write

KINDS = ("segmented_control", "button_group", "pills", "toggle", "selectbox", "select_slider")
KINDS += ("slider", "number_input", "text_input", "text_area")
MANY = 15  # options of which only the next is tried
TYPED = "1 2 3"
# Models that are not tried: elsewhere, or of matrices that take long.
ELSEWHERE = DEFAULT_TITLE, MODELS["hub"], MODELS["upload"], MODELS["synthetic-7b"]
TIMES = re.compile(r"[\d.,]+ (s|ms|µs|min)\b")
# A fresh page, and two others, from which every control is changed.
STATES = {
    "start": [{}, {"model": "synthetic"}, {"k": "3"}],
    "thread": [{}, {"A": "1 2; 3 4", "kth": "5"}, {"pair_r": "4", "noise_size": "0.0"}],
    "rank": [{}, {"m": "1 2; 3 4; 5 6", "how": "Type", "pm": "k 1; 1 k"}, {"m": "7", "q": "5"}],
    "redundancy": [{}, {"image": "tartan", "terms": "2"}, {"data": "ratings", "size": "40"}],
    "truncation": [{}, {"k": "5", "proj": "v"}, {"heatmaps": "tile", "layer": "3"}],
    "surgery": [{}, {"where": "one", "by": "energy"}, {"by": "budget", "text": "my own"}],
    "atlas": [{}, {"measure": "Stable rank"}, {"proj": "down", "beside": "synthetic"}],
    "lora": [{}, {"r": "3", "start": "Zero"}, {"proj": "k", "alpha": "7"}],
    "lab": [{}, {"set": "my own", "lora_r": "4"}, {"use_dora": "True", "seed": "3"}],
    "memory": [{}, {"config": "the open model"}, {"count": "Training", "layer": "3"}],
    "article": [{}, {"what": "gate_proj"}, {"said": "1 2"}],
    "glossary": [{}] * 3,
    "adapter": [{"proj": "down"}, {"change_rank": "2"}, {"layer": "3"}],
}


@pytest.fixture(autouse=True)
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tiny Llama that an operator offers; trials of completion are few."""
    monkeypatch.setattr(phases, "FRACTIONS", [0.4, 0.6])
    write(tmp_path / "models" / "tiny")
    monkeypatch.setenv("LOWRANK_MODELS", str(tmp_path / "models"))
    st.cache_resource.clear()
    return tmp_path / "models"


def controls(app: AppTest) -> dict[str, Any]:
    """Everything that the address keeps, by its parameter."""
    found = (each for kind in KINDS for each in getattr(app, kind, ()))
    found = (each for each in found if each.proto.query_param_key and not each.disabled)
    return {each.proto.query_param_key: each for each in found}


def chosen(control: Any) -> Any:
    """What is chosen, options as they are written."""
    if control.type == "selectbox":
        return None if control.index is None else control.options[control.index]
    return control.value


def others(control: Any, every: bool) -> Iterator[Any]:
    """Other values of a control: `every` option where they are few, else the next one."""
    value = chosen(control)
    options = [o for o in getattr(control, "options", ()) if o not in ELSEWHERE]
    if options:
        held = [str(v) for v in value] if isinstance(value, list) else [str(value)]
        rest = [o for o in options if o not in held]
        for option in rest if every and len(options) <= MANY else rest[:1]:
            yield [option] if isinstance(value, list) else option
    elif isinstance(value, bool):
        yield not value
    elif control.type == "number_input" and value is None:
        yield 1
    elif isinstance(value, int | float):
        step = control.step or 1
        yield type(value)(value - step if value + step > control.max else value + step)
    elif isinstance(value, tuple | list):
        yield (value[0], value[0])
    else:
        yield TYPED


def offered(control: Any, value: Any) -> list[str]:
    """The options of a control; where it takes more than a list of them, the value."""
    return [str(v) for v in getattr(control, "options", ())] or [str(value)]


def put(app: AppTest, key: str, value: Any) -> AppTest:
    """Choose a value, and write it in the address as a browser does: defaults are not."""
    control = controls(app)[key]
    default, options = control.proto.default, getattr(control, "options", None)
    defaults = [default] if isinstance(default, str | bool | int | float) else list(default)
    if options:
        defaults = [options[int(i)] for i in defaults]
    texts = [written(v) for v in (value if isinstance(value, list | tuple) else [value])]
    app.query_params.pop(key, None)
    if texts != [written(v) for v in defaults]:
        app.query_params[key] = texts
    return control.set_value(value).run()


def written(value: Any) -> str:
    """A value in an address."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


def view(app: AppTest) -> tuple[dict[str, Any], str]:
    """What is chosen, and what the page says of it but for times that were measured."""
    return {key: each.value for key, each in controls(app).items()}, TIMES.sub("", words(app))


def settled(app: AppTest) -> AppTest:
    """The page once no work goes on that it waits for, whoever began it."""
    return until(app, lambda app: not app.get("progress"))


class Walk:
    """One page's walk from one state; every third change also opens the address that results.

    From the fresh page every option is tried, from the other states one other for each control.
    """

    def __init__(self, page: str, state: int) -> None:
        self.page, self.turn, self.seen = page, state, set[str]()
        self.fresh = state == 0
        self.model = {"model": "tiny" if page in ("surgery", "lab") else "synthetic"}
        self.changed(opened(page, **{**self.model, **STATES[page][state]}))

    def changed(self, app: AppTest) -> None:
        """Change each control that was not met before, and those that come with a change."""
        for key in list(controls(app)):
            if key in self.seen or key not in controls(app):
                continue
            self.seen.add(key)
            before, link = chosen(controls(app)[key]), dict(app.query_params)
            for value in list(others(controls(app)[key], self.fresh)):
                self.checked(put(app, key, value), f"{key} = {value}")
                self.changed(app)
                if key not in controls(app):
                    app = opened(self.page, **link)
            if key not in controls(app) or str(before) not in offered(controls(app)[key], before):
                app = opened(self.page, **link)
            else:
                put(app, key, before)

    def checked(self, app: AppTest, what: str) -> None:
        assert not app.exception, (what, app.query_params, app.exception[0].message)
        self.turn += 1
        if self.turn % 3 == 0:
            again = settled(opened(self.page, **app.query_params))
            assert view(again) == view(settled(app)), (what, app.query_params)


@pytest.mark.parametrize("state", range(3))
@pytest.mark.parametrize("page", STATES)
def test_every_change_of_every_control_is_a_link_to_the_same_view(page, state):
    met = Walk(page, state).seen
    assert all(known(page, key) for key in met)
    if not state:
        letters = {key for key in met if key.startswith(LETTER)}
        assert {*PARAMETERS.get(page, ())} - {"run", "adapter_hub", "other_adapter_hub"} <= (
            met | letters
        ), "a parameter that is not"


@pytest.mark.parametrize(
    ("page", "link", "said"),
    [
        ("rank", {"view": "Nonsense"}, "view = `Nonsense`; this page has no such choice"),
        ("rank", {"matrix": "zz"}, "matrix = `zz`; nothing on this page is called so"),
        ("redundancy", {"task": "sideways"}, "task = `sideways`"),
        ("redundancy", {"hidden": "7", "rank": "999"}, "a whole number from 1 to 20"),
        ("truncation", {"model": "nonsense"}, "model = `nonsense`; this page has no such choice"),
        (
            "truncation",
            {"layer": "77"},
            "layer = `77`; this page takes a whole number from 0 to 29",
        ),
        ("truncation", {"proj": "zz"}, "Shown is proj = `q`"),
        ("truncation", {"heatmaps": "tile", "row": "9999"}, "row = `9999`"),
        ("surgery", {"by": "magic"}, "by = `magic`"),
        ("atlas", {"measure": "beauty"}, "measure = `beauty`"),
        ("lora", {"r": "9999"}, "r = `9999`; this page takes a whole number from 1 to 576"),
        ("lab", {"lora_r": "3"}, "lora_r = `3`"),
        ("memory", {"count": "sheep"}, "Shown is count = `Matrices`"),
        ("adapter", {"change_rank": "77"}, "change_rank = `77`"),
        ("start", {"k": "3"}, "k = `3`; nothing on this page is called so"),
        ("rank", {"m": "1 2; 3 4", "q": "4", "t": "0.5", "sys": "true", "value_a": "2"}, ""),
        ("surgery", {"cut": ["q", "v"], "span": ["0", "1"], "where": "a range"}, ""),
        ("memory", {"model": "tiny", "layer": "1", "config": "Llama 2 7B"}, ""),
    ],
)
def test_what_a_link_asks_for_in_vain_is_said(page, link, said):
    model = {"model": "tiny" if page in ("surgery", "lab") else "synthetic"}
    notes = [info.value for info in opened(page, **{**model, **link}).info]
    assert [said in note for note in notes if "The link asks" in note] == [True] * bool(said)


def test_the_sentence_goes_with_the_next_choice():
    app = opened("truncation", model="synthetic", layer="77")
    assert "The link asks" in app.info[0].value
    put(app, "heatmaps", "tile")
    assert "The link asks" in app.info[0].value
    put(app, "layer", 3)
    assert "The link asks" not in words(app)


def test_a_rank_too_large_for_a_matrix_comes_back_with_the_next_that_has_it():
    app = opened("truncation", model="synthetic", k="576")
    assert [put(app, "proj", kind).select_slider(key="k").value for kind in "vqv"] == [
        192,
        576,
        192,
    ]
    put(app, "k", 20)
    assert put(app, "proj", "q").select_slider(key="k").value == 20
    app = opened("truncation", model="synthetic")
    assert [put(app, "proj", kind).select_slider(key="k").value for kind in "vq"] == [24, 72]


def test_the_matrix_is_kept_by_a_view_that_does_not_show_it():
    app = opened("rank", view="Parameters", m="1 2; 3 4", typed="R2 - 3 R1")
    again = opened("rank", **app.query_params)
    put(again, "view", "Reduce")
    assert again.selectbox(key="m").value == "1 2; 3 4"
    assert put(again, "how", "Type").text_input(key="typed").value == "R2 - 3 R1"


@pytest.mark.parametrize("typed", ["1 1 1 1; 1 k 1 2; 1 1 k 3", "a 1 1 1; 1 a 1 1; 1 1 a -2"])
def test_a_system_with_letters_is_solved_from_a_fresh_page(typed):
    app = put(opened("rank", view="Parameters", pm=typed), "sys", True)
    assert not app.exception
    for key in ("case", "view"):
        put(app, key, app.selectbox(key="case").options[-1] if key == "case" else "Reduce")
        assert not app.exception
    assert not put(app, "view", "Parameters").exception


def test_a_visit_to_a_page_presses_no_button_of_another():
    app = opened("lab", model="tiny", ask="What is it?")
    app.switch_page(str(ROOT / "pages" / "surgery.py")).run()
    assert not app.exception
    assert "asked" not in app.session_state
