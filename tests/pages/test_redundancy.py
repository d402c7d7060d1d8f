"""The Redundancy page: four views, refusals in words, and numbers that are the core's."""

import io

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from lowrank.errors import InputError
from lowrank.figures.numbers import three
from lowrank.figures.pictures import DRAWN, LARGEST_SIDE, read_picture, shown
from lowrank.spectra.completion import als, finish, largest_penalty
from lowrank.spectra.components import pca, random_explained
from lowrank.spectra.phase_transition import phase_cell
from lowrank.spectra.recovery import needed_fraction
from lowrank.spectra.svd import energy, full, parameters
from lowrank.ui.model_picker import MODELS
from lowrank.ui.redundancy import phases, recover
from lowrank.ui.redundancy.data import hide, ratings
from lowrank.ui.redundancy.features import PRESETS, read_words
from lowrank.ui.results import Results
from tests.pages import opening
from tests.pages.opening import metrics, words


def opened(**link: str) -> AppTest:
    app = opening.opened("redundancy", **link)
    assert not app.exception
    return app


def test_the_tartan_is_recovered_and_the_numbers_are_the_cores():
    app = opened()
    X = DRAWN["tartan"]()
    seen = hide(X, 0.5, 1)
    penalty = 10**-3.5 * largest_penalty(X, seen)
    result = finish(
        als(X, seen, 6, held_out=~seen, penalty=penalty, tol=recover.TOL, max_iterations=300)
    )
    assert metrics(app)["Error on hidden entries"] == three(result.held_out_error)
    assert metrics(app)["Mean fill"] == three(result.mean_fill_error)
    assert metrics(app)["Degrees of freedom"] == f"{6 * (120 + 160 - 6):,}"
    assert app.success[0].value.startswith("Recovered")


def test_soft_impute_finds_a_rank_and_the_ratings_are_nearer_than_their_means():
    app = opened(data="ratings", method="soft-impute", **{"lambda": "-1"}, hidden="40")
    assert float(metrics(app)["Error on hidden entries"]) < float(metrics(app)["Mean fill"])
    assert int(metrics(app)["Rank of the result"]) >= 2
    assert "| person | film |" in words(app)
    assert app.slider(key="rank").disabled


def test_the_ratings_are_what_they_are_said_to_be():
    data = ratings()
    assert data.X.shape == (len(data.rows), len(data.columns)) == (30, 20)
    assert set(np.unique(2 * data.X)) <= set(range(1, 11))
    s = full(data.X).s
    assert energy(s, 3) > 0.97


def test_a_hidden_row_is_refused_by_number():
    app = opened(whole="true")
    assert not app.success
    assert "Row 61 has no observed entry" in app.warning[0].value
    assert "only invents them" in words(app)
    assert "Error on hidden entries" not in metrics(app)
    app.toggle(key="whole").set_value(False).run()
    assert app.success


def test_too_few_entries_are_refused():
    app = opened(hidden="95", rank="20")
    assert "cannot be determined" in app.warning[0].value


def test_a_stopped_run_shows_how_far_it_came_and_can_go_on(monkeypatch):
    keys: list[object] = []
    results = Results[object](1)
    monkeypatch.setattr(results, "put", lambda key, found: keys.append(key))  # forgotten at once
    monkeypatch.setattr(recover.cached, "results", lambda: results)
    app = opened(hidden="45")
    key = keys[-1]
    course = recover.Course([0.5], [0.6], next(als(np.ones((120, 160)), rank=1)))
    app.session_state["partial"] = (key, course)
    app.session_state["stopped"] = key
    app.run()
    assert not app.exception
    assert any("Stopped after 1 iterations" in info.value for info in app.info)
    app.button(key="again").click().run()
    assert app.success


@pytest.mark.parametrize(
    "link",
    [
        {"data": "nothing", "hidden": "7", "draw": "-4", "method": "magic"},
        {"hidden": "many", "rank": "999", "lambda": "nan", "whole": "perhaps"},
        {"task": "sideways"},
        {"task": "Compress", "terms": "9999", "image": "none"},
    ],
)
def test_nonsense_in_the_address_falls_back(link):
    app = opened(**link)
    assert metrics(app)


def test_real_weights_do_not_come_back_and_it_is_said(default_model):
    app = opened(data="weights", rank="5", hidden="50")
    assert "SmolLM2-135M-Instruct · model.layers.14.self_attn.q_proj.weight" in words(app)
    error, mean = (float(metrics(app)[k]) for k in ("Error on hidden entries", "Mean fill"))
    assert error > 0.5
    assert not app.success
    assert "no better than the mean" in words(app)
    assert mean == pytest.approx(1, abs=0.1)


def test_weights_are_reached_from_other_data_and_from_features(default_model):
    app = opened()
    app.segmented_control(key="data").set_value("weights").run()
    for view in ("Features", "Recover"):
        assert not app.exception
        assert app.selectbox(key="model") in app.sidebar.selectbox
        app.segmented_control(key="task").set_value(view).run()
    app.segmented_control(key="data").set_value("weights").run()
    assert not app.exception
    assert "model.layers.14.self_attn.q_proj.weight" in words(app)


def test_the_phase_picture_is_measured_and_below_the_line_nothing_succeeds():
    app = opened(task="When it works")
    cells = app.session_state["phase_cells"][(30, 1)]
    assert len(cells) == 15 * len(phases.FRACTIONS)
    assert {(c.rank, c.fraction) for c in cells} >= {(1, 0.05), (15, 0.95)}
    for cell in cells[::37]:
        assert cell == phase_cell(30, cell.rank, cell.fraction, 1)
    below = [c for c in cells if c.fraction < needed_fraction(30, 30, c.rank)]
    assert sum(c.success for c in below) <= 1  # chance may show more entries than the fraction
    assert f"**{len(cells)} of {len(cells)} trials.**" in words(app)


def test_a_stopped_phase_picture_keeps_what_it_has_and_goes_on():
    app = opened()  # a view that measures nothing
    cells = [phase_cell(30, 1, 0.05, 1)]
    app.session_state["phase_cells"] = {(30, 1): cells}
    app.session_state["phase_stopped"] = (30, 1)
    app.segmented_control(key="task").set_value("When it works").run()
    assert not app.exception
    assert "**1 of 285 trials.**" in words(app)
    app.button(key="phase_go").click().run()
    assert "**285 of 285 trials.**" in words(app)
    assert not [button for button in app.button if button.key in ("phase_go", "phase_stop")]


def test_capitals_have_two_directions_that_random_vectors_do_not(default_model):
    app = opened(task="Features")
    found = metrics(app)
    assert found["Words"] == "20"
    both = sum(float(found[f"Direction {i}"].rstrip("%")) for i in (1, 2))
    assert both > 1.5 * float(found["Both, for random vectors"].rstrip("%"))
    E = default_model.read("model.embed_tokens.weight")
    tokenizer = recover.cached.tokenizer("default")
    chosen, _ = read_words(PRESETS["Capitals"])
    X = np.stack([E[tokenizer.encode(" " + word)].mean(axis=0) for word in chosen])
    s = np.linalg.svd(X - X.mean(axis=0), compute_uv=False)
    assert found["Direction 1"] == f"{s[0] ** 2 / (s**2).sum():.1%}"


def test_words_of_several_tokens_are_named_and_presets_fill_the_box(default_model):
    app = opened(task="Features", words="cat, dog, antidisestablishmentarianism")
    assert "Several tokens, of which the mean is taken: antidisestablishmentarianism" in words(app)
    app.button(key="preset months").click().run()
    assert app.text_area(key="words").value == PRESETS["Months"]
    assert metrics(app)["Words"] == "19"


@pytest.mark.parametrize("typed", ["", " , ;\n", "one, two", "one, one, one", "x" * 41 + ", b, c"])
def test_too_few_or_too_long_words_get_a_sentence(default_model, typed):
    app = opened(task="Features")
    app.text_area(key="words").set_value(typed).run()
    assert not app.exception
    assert len(app.error) == 1
    assert app.text_area(key="words").value == typed


def test_a_model_without_a_vocabulary_says_so():
    app = opened(task="Features", model=MODELS["synthetic"])
    assert "no vocabulary" in app.error[0].value


@pytest.mark.parametrize("name", list(DRAWN))
def test_compressing_shows_the_cores_numbers(name):
    app = opened(task="Compress", image=name, terms="3")
    s = full(DRAWN[name]()).s
    assert metrics(app)["Energy kept"] == f"{energy(s, 3):.2%}"
    assert metrics(app)["k(m + n), of mn = 19,200"] == f"{parameters(120, 160, 3):,}"
    app.select_slider(key="terms").set_value(7).run()
    assert metrics(app)["Energy kept"] == f"{energy(s, 7):.2%}"


def test_a_picture_of_ones_own_survives_another_view():
    app = opened(task="Compress", image="my own")
    assert any("Choose a picture" in info.value for info in app.info)
    grey = (np.outer(np.arange(40), np.arange(30)) % 256).astype(np.uint8)
    stream = io.BytesIO()
    Image.fromarray(grey).save(stream, "PNG")
    app.file_uploader[0].set_value(("mine.png", stream.getvalue(), "image/png")).run()
    assert not app.exception
    assert "mine.png: 40 × 30 greys" in words(app)
    app.segmented_control(key="task").set_value("Recover").run()
    app.segmented_control(key="task").set_value("Compress").run()
    app.segmented_control(key="image").set_value("my own").run()
    assert not app.exception
    assert "mine.png: 40 × 30 greys" in words(app)


def test_pictures_are_read_or_refused():
    rng = np.random.default_rng(0)
    stream = io.BytesIO()
    Image.fromarray(rng.integers(0, 255, (500, 900, 4), np.uint8)).save(stream, "PNG")
    found = read_picture(stream.getvalue())
    assert found.shape == (178, LARGEST_SIDE)
    assert 0 <= found.min() <= found.max() <= 1
    clear = io.BytesIO()
    Image.new("RGBA", (4, 4), (0, 0, 0, 0)).save(clear, "PNG")
    assert (read_picture(clear.getvalue()) == 1).all()
    dot, vast = io.BytesIO(), io.BytesIO()
    Image.new("L", (1, 9)).save(dot, "PNG")
    Image.new("1", (10_000, 10_000)).save(vast, "PNG")
    for data in (b"", b"no picture", stream.getvalue()[:2000], dot.getvalue(), vast.getvalue()):
        with pytest.raises(InputError, match=r"picture|pixels"):
            read_picture(data)


def test_hidden_entries_are_drawn_in_the_selections_yellow():
    holes = np.array([[True, False], [False, False]])
    page = shown(np.eye(2), (0.0, 1.0), 'a "quoted" <name>', hidden=holes)
    assert "&lt;name&gt;" in page
    assert page != shown(np.eye(2), (0.0, 1.0), 'a "quoted" <name>')


def test_principal_components_are_numpys_covariance_eigenvectors():
    rng = np.random.default_rng(2)
    X = rng.standard_normal((40, 6)) * [5, 3, 2, 1, 1, 1] + 7
    found = pca(X)
    values, vectors = np.linalg.eigh(np.cov(X.T))
    np.testing.assert_allclose(found.svd.s**2 / 39, values[::-1])
    np.testing.assert_allclose(abs(found.svd.Vt @ vectors[:, ::-1]), np.eye(6), atol=1e-9)
    np.testing.assert_allclose(found.scores(6), (X - X.mean(axis=0)) @ found.svd.Vt.T, atol=1e-9)
    assert found.explained.sum() == pytest.approx(1)
    assert not pca(np.ones((3, 3))).explained.any()
    with pytest.raises(InputError, match="two rows"):
        pca([[1.0, 2.0]])


def test_random_words_are_as_spread_as_random_vectors():
    rng = np.random.default_rng(3)
    drawn = [pca(rng.standard_normal((8, 50))).explained for _ in range(200)]
    ours = [random_explained((8, 50), rng, 8) for _ in range(200)]
    np.testing.assert_allclose(np.mean(drawn, axis=0), np.mean(ours, axis=0), atol=0.01)


def test_a_picture_stands_upright_and_sixteen_bits_keep_their_greys():
    dark_left = np.repeat([[0, 255]], 8, axis=1).repeat(4, axis=0).astype(np.uint8)  # (4, 16)
    sideways, deep = io.BytesIO(), io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6  # Orientation: to be turned a quarter clockwise
    Image.fromarray(dark_left).save(sideways, "JPEG", exif=exif, quality=95)
    upright = read_picture(sideways.getvalue())
    assert upright.shape == (16, 4)
    assert upright[:4].mean() < 0.2 < 0.8 < upright[-4:].mean()
    greys = np.linspace(0, 65535, 64).reshape(8, 8)
    Image.fromarray(greys.astype(np.uint16)).save(deep, "PNG")
    np.testing.assert_allclose(read_picture(deep.getvalue()), greys / 65535, atol=1 / 255)
