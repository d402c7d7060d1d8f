"""What a notebook shows of a result is a sound piece of HTML with the numbers that it holds."""

from xml.etree import ElementTree

import numpy as np
import pytest

from lowrank import atlas, llama, lora, memory, spectra
from lowrank.readers import open_model

W = np.random.default_rng(0).standard_normal((30, 20))


def shown(result: object) -> tuple[str, dict[str, str]]:
    """The title and the rows."""
    table = ElementTree.fromstring(result._repr_html_())
    rows = {row.findtext("th"): row.findtext("td") for row in table.iter("tr")}
    return table.findtext("caption"), rows


def test_decompositions_show_their_shape_and_values():
    s = np.linalg.svd(W, compute_uv=False)
    title, rows = shown(spectra.full(W))
    assert "30 × 20" in title
    assert rows["singular values"].startswith(f"{s[0]:.4g}, {s[1]:.4g}")
    assert rows["singular values"].endswith(f"{s[-1]:.4g}")
    title, rows = shown(spectra.singular_values(W))
    assert "20" in title
    assert rows["values"].startswith(f"{s[0]:.4g}")


def test_a_truncation_shows_what_is_proven():
    title, rows = shown(spectra.truncate(W, 3))
    assert title == "Rank 3 of a 30 × 20 matrix"
    low, high = map(float, rows["‖W − W_k‖, Frobenius"].removesuffix(" (proof)").split(" to "))
    lost = spectra.truncation_error(np.linalg.svd(W, compute_uv=False), 3)
    assert low * (1 - 1e-5) <= lost <= high * (1 + 1e-5)


def test_a_certificate_shows_the_same_proofs():
    found = spectra.truncate(W, 3)
    title, rows = shown(found.certificate)
    assert title == "A certificate of 3 singular values"
    whole = shown(found)[1]
    assert {name: whole[name] for name in rows} == rows


def test_principal_components_show_their_shares():
    title, rows = shown(spectra.pca(W))
    assert title == "Principal components of a 30 × 20 matrix"
    s = np.linalg.svd(W - W.mean(axis=0), compute_uv=False)
    assert rows["share of variance"].startswith(f"{s[0] ** 2 / (s @ s):.4g}, ")


def test_a_pair_out_of_full_weights_shows_what_is_lost():
    title, rows = shown(lora.extract(W, np.zeros_like(W), 3))
    assert title == "Rank 3 of a 30 × 20 matrix"
    s = np.linalg.svd(W, compute_uv=False)
    lost = spectra.truncation_error(s, 3)
    assert float(rows["‖D − B A‖"]) == pytest.approx(lost, rel=1e-3)
    assert float(rows["‖D − B A‖ / ‖D‖"]) == pytest.approx(lost / np.linalg.norm(s), rel=1e-3)


def test_a_report_shows_how_much_is_trained():
    config = llama.TINY
    _title, rows = shown(lora.report(config, lora.AdapterConfig(r=2, target_modules=("q_proj",))))
    trained = 2 * 2 * (8 + 8)  # two layers, r (m + n)
    assert rows["trained"] == f"{trained}"
    assert rows["parameters"] == f"{memory.parameters(config) + trained:,}"


def test_a_completion_shows_its_verdict():
    X = np.outer(np.arange(1.0, 7), np.arange(1.0, 6))
    hidden = np.eye(6, 5, dtype=bool)
    found = spectra.complete(X, ~hidden, 1, held_out=hidden)
    title, rows = shown(found)
    assert "rank 1" in title
    assert rows["observed"] == "25 of 30 entries"
    assert rows["verdict"] == found.verdict()


def test_a_survey_shows_the_range_of_its_ranks():
    model = open_model("synthetic")
    found = atlas.survey(model, names=["model.layers.0.self_attn.k_proj.weight"])
    title, rows = shown(found)
    assert title.endswith(": 1 matrices")
    (row,) = found.rows
    share = f"{row.effective_rank / 192:.3g}"
    assert rows["Effective rank, share of the most"] == f"{share} to {share}"
