"""Pictures show the numbers they are given, no larger than a screen, with scales that compare."""

import re
from base64 import b64decode
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from lowrank.figures.atlas import layer_map
from lowrank.figures.matrix import (
    LEVELS,
    SIDE,
    Outline,
    block_means,
    heatmap,
    outlines,
    picture,
    preview,
    tile_heatmap,
)
from lowrank.figures.spectrum import spectrum
from lowrank.figures.style import COLOURS, packed, trace
from lowrank.spectra.svd import full


@settings(deadline=None)
@given(st.integers(1, 60), st.integers(1, 60), st.integers(1, 12), st.sampled_from([0, 1]))
def test_block_means_average_every_entry_once(m, n, blocks, axis):
    W = np.random.default_rng(m * 61 + n).standard_normal((m, n))
    means = block_means(W, axis, blocks)
    expected = [part.mean(axis=axis) for part in np.split(W, _edges(W.shape[axis], blocks), axis)]
    np.testing.assert_allclose(means, np.stack(expected, axis))


def _edges(length, blocks):
    return np.linspace(0, length, min(blocks, length) + 1).astype(int)[1:-1]


@pytest.mark.parametrize("shape", [(576, 576), (1000, 40), (7, 300)])
@pytest.mark.parametrize("k", [1, 5])
def test_the_preview_of_a_truncation_is_the_block_means_of_the_product(shape, k):
    W = np.random.default_rng(0).standard_normal(shape)
    svd = full(W)
    small = preview(W, svd)
    W_k = svd.top(k).matrix()
    expected = block_means(block_means(W_k, 0), 1)
    assert max(small.W.shape) <= SIDE
    np.testing.assert_allclose(small.kept(k), expected, atol=1e-12)
    np.testing.assert_allclose(small.kept(min(shape)), small.W, atol=1e-12)


def test_a_heatmap_is_a_small_picture_on_a_scale_centred_on_zero():
    values = np.array([[-2.0, 0.0], [0.5, 9.0]])
    image = Image.open(BytesIO(picture(values, 2.0)))
    assert np.asarray(image).tolist() == [[0, LEVELS], [LEVELS + 4, 2 * LEVELS]]
    colours = np.asarray(image.convert("RGB"))
    assert colours[0, 0].tolist() == [0x00, 0x72, 0xB2]
    assert colours[0, 1].tolist() == [0xF7, 0xF7, 0xF7]
    assert colours[1, 1].tolist() == [0xD5, 0x5E, 0x00]
    noise = np.random.default_rng(0).standard_normal((SIDE, SIDE))
    assert len(heatmap(picture(noise, 2.0), (49152, 576), alt="noise")) < 20_000
    assert 'alt="&lt;W&gt;"' in heatmap(picture(noise, 2.0), (576, 576), alt="<W>")


def test_a_tile_keeps_true_values_at_their_true_places():
    values = np.array([[0.1, -0.2]])
    trace = tile_heatmap(values, 1.0, row=5, column=7)["data"][0]
    assert list(trace["x"]) == [7, 8]
    assert list(trace["y"]) == [5]
    np.testing.assert_array_equal(trace["z"], values.astype(np.float32))


def test_outlines_keep_to_one_scale_and_name_their_shapes():
    drawn = outlines([Outline("W", 400, 200), Outline("≈"), Outline("U", 400, 1)], size=100)
    sides = r"width:max\(2px,([\d.]+)\*var\(--u\)\);height:max\(2px,([\d.]+)"
    sizes = [(float(w), float(h)) for w, h in re.findall(sides, drawn)]
    assert sizes == [(50.0, 100.0), (2.0, 100.0)]
    assert 'aria-label="W 400 × 200 ≈ U 400 × 1"' in drawn
    assert "&lt;b&gt;" in outlines([Outline("<b>", 1, 1)])


def test_the_spectrum_marks_the_rank_and_draws_zeros_at_its_floor():
    s = np.array([4.0, 2.0, 0.0])
    figure = spectrum(s, s, k=2, break_even=1.5)
    by_name = {trace["name"]: trace for trace in figure["data"]}
    assert by_name["this matrix"]["y"].tolist() == pytest.approx([4.0, 2.0, 4e-8])
    assert (by_name["k = 2"]["x"], by_name["k = 2"]["y"]) == ([2], [2.0])
    assert figure["layout"]["yaxis"]["type"] == "log"
    assert {shape["x0"] for shape in figure["layout"]["shapes"]} == {2, 1.5}
    (name,) = figure["layout"]["annotations"]
    assert (name["y"], name["yanchor"]) == (1, "top")  # falling values leave room there
    zeros = spectrum(0 * s, 0 * s, 1, 1.5)["data"]
    assert all(np.isfinite(trace["y"]).all() for trace in zeros)


def test_a_tick_of_a_log_axis_says_its_whole_number():
    ends = (1e-4, 0.05, 0.5, 0.9)
    found = [spectrum(np.geomspace(1, end, 9), np.ones(9), 2, 4.5) for end in ends]
    said = [figure["layout"]["yaxis"]["ticktext"] for figure in found]
    assert said[0] == ["1 × 10⁻⁴", "0.001", "0.01", "0.1", "1"]
    assert said[1] == ["0.05", "0.1", "0.2", "0.5", "1"]
    assert min(map(len, said)) >= 1
    assert all(f["layout"]["xaxis"]["exponentformat"] == "power" for f in found)  # 1µ is no number


@pytest.mark.parametrize(("count", "apart"), [(3, 1), (12, 1), (30, 5), (80, 10)])
def test_layers_are_counted_in_whole_numbers(count, apart):
    drawn = layer_map([0], ["q_proj"], np.ones(1), ["q"], "rank", count=count)
    assert drawn["layout"]["xaxis"]["dtick"] == apart


def test_the_chosen_matrix_is_framed_on_cells_of_the_frames_own_colour():
    drawn = layer_map([0], ["q_proj"], np.ones(1), ["q"], "rank", count=3, chosen=(0, "q_proj"))
    below, above = (shape["line"] for shape in drawn["layout"]["shapes"])
    assert (below["color"], above["color"]) == ("#111111", COLOURS["pivot"])
    assert below["width"] >= above["width"] + 4  # two points of it are seen on either side


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int16, np.int64])
def test_what_is_sent_says_the_same_numbers(dtype):
    values = np.arange(-3, 3).reshape(2, 3).astype(dtype)
    drawn = {"data": [trace("heatmap", z=values, x=values[0], text=["a"])], "layout": {}}
    sent = packed(drawn)["data"][0]
    for name, numbers in (("z", values), ("x", values[0])):
        shape = [int(n) for n in sent[name]["shape"].split(",")]
        raw = np.frombuffer(b64decode(sent[name]["bdata"]), sent[name]["dtype"])
        np.testing.assert_array_equal(raw.reshape(shape), numbers)
    assert sent["text"] == ["a"]
    assert packed(drawn)["layout"] == {}
    assert sent["z"]["dtype"] in {"f8", "f4", "i4", "i2"}  # what plotly.js can read
