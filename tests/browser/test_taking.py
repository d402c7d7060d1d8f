"""What a visitor takes home: a figure, a table, a matrix, and the code as a notebook."""

import json
import struct

import numpy as np
import pytest

from tests.browser.conftest import metric, settled


def saved(page, press) -> tuple[str, bytes]:
    """The name and content of the file that comes of a press."""
    with page.expect_download() as coming:
        press()
    download = coming.value
    with open(download.path(), "rb") as file:
        return download.suggested_filename, file.read()


def test_a_figure_is_saved_as_svg(new_page):
    page = new_page("/memory?model=synthetic&count=Training")
    plot = page.locator(".js-plotly-plot").first
    plot.hover()
    name, content = saved(page, plot.get_by_role("button", name="Save the figure as SVG").click)
    assert name == "training.svg"
    assert content.startswith(b"<svg")
    assert "QLoRA, NF4" in content.decode()


def test_a_table_and_a_matrix_are_made_when_they_are_asked_for(new_page):
    page = new_page("/truncation?model=synthetic&proj=v&layer=3&k=5")
    page.get_by_text("Take it home").click()
    settled(page)
    name, content = saved(page, page.get_by_role("button", name="Spectrum, CSV").click)
    rows = content.decode().splitlines()
    assert (name, rows[0]) == ("spectrum.csv", "k,singular value,energy kept,error,random")
    kept = float(rows[5].split(",")[2])
    assert f"{kept:.2%}" == metric(page, "Energy kept")
    name, content = saved(page, page.get_by_role("button", name="Matrix, safetensors").click)
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    assert name == "model.layers.3.self_attn.v_proj.safetensors"
    (shape,) = (each["shape"] for each in header.values() if "shape" in each)
    W = np.frombuffer(content[8 + length :], "<f4").reshape(shape)
    s = np.linalg.svd(W.astype(float), compute_uv=False)
    assert (s[:5] ** 2).sum() / (s**2).sum() == pytest.approx(kept)


def test_the_code_is_a_notebook(new_page):
    page = new_page("/truncation?model=synthetic&k=5")
    page.get_by_text("The code for this").click()
    settled(page)
    name, content = saved(page, page.get_by_role("button", name="As a notebook").click)
    assert name == "truncation.ipynb"
    (code,) = (c for c in json.loads(content)["cells"] if c["cell_type"] == "code")
    assert "svd, k = full(W), 5\n" in code["source"]
