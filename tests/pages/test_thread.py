"""The thread, from a typed matrix to a merged pair and its memory."""

import re

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from lowrank.exact import cr, exact, product, rank
from lowrank.readers import Model
from lowrank.ui import thread
from tests.pages import opening
from tests.pages.opening import captions, metrics, words


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first start of a computer on which the default model is not."""
    monkeypatch.setattr(thread, "cached_path", lambda: None)


def opened(**link: str) -> AppTest:
    app = opening.opened("thread", **link)
    assert not app.exception
    return app


def titles(app: AppTest) -> list[str]:
    return [each.value for each in app.subheader]


def test_all_steps_stand_on_the_page_in_their_order(offline):
    app = opened()
    assert [title[0] for title in titles(app)] == list("123456789")
    assert "**Rank 2**, of at most 4: 2 of 4 rows became zero." in words(app)
    assert "2 · (4 + 5) = **18** numbers in place of mn = **20**" in words(app)
    assert "**3 of 3** hidden entries came back, exactly." in words(app)


def test_the_matrix_that_is_typed_is_carried_through_the_exact_steps(offline):
    app = opened(A="1 2; 2 4; 3 6")
    assert "**Rank 1**" in words(app)
    assert "1 · (3 + 2) = **5** numbers in place of mn = **6**" in words(app)
    app.text_input(key="A").set_value("1/2 0; 0 3").run()
    assert "no row became zero" in words(app)
    assert "Nothing of a matrix of full rank is redundant" in words(app)


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("0 0; 0 0", "rank is 0"),
        ("1 x; 2 3", "not a number"),
        ("", "no matrix yet"),
        ("sqrt(2) 1", "fractions only"),
        ("1e9 1", "more than 1,000,000"),
        ("1 2 3 4 5 6 7 8 9", "8"),
    ],
)
def test_what_cannot_be_carried_is_refused_and_the_later_steps_stay(offline, typed, said):
    app = opened(A=typed)
    assert said.lower() in app.error[0].value.lower()
    assert [title[0] for title in titles(app)] == list("16789")


def test_noise_makes_the_rank_full_and_no_columns_beat_the_svd(offline):
    app = opened(noise_size="0.1", best="2")
    assert "A has rank **4**, without it rank 2" in words(app)

    def said(name: str) -> float:
        return float(re.search(rf"{re.escape(name)}[^|]*\| ([\d.]+)", words(app))[1])

    predicted, measured = said("predicted"), said("measured")
    assert predicted == measured < said("with 2 columns")


def test_a_pair_trained_here_is_merged_up_to_rounding_and_lowers_the_memory(offline):
    app = opened(pair_r="8")
    assert float(metrics(app)["Max |merged − unmerged|"].split(" ×")[0]) < 10
    assert "× 10" in metrics(app)["Max |merged − unmerged|"]
    trained, never = re.findall(r"\| \d pairs [^|]*\| 1 \| ([^|]*) \|", words(app))
    assert "10⁻" in trained  # eight pairs need rank 8, and it is there
    assert float(never) > 0.9  # random pairs teach nothing about other random pairs
    less = float(re.search(r"\*\*([\d.]+) times\*\* less memory", words(app))[1])
    assert less > 4


def test_without_the_model_random_numbers_stand_in_and_say_so(offline):
    app = opened()
    assert "not on this computer" in app.info[0].value
    assert "synthetic: random numbers" in captions(app)
    assert "Paris" not in words(app)


def test_with_the_model_the_matrix_is_real_and_capitals_not_seen_come_nearer(
    default_model: Model,
):
    app = opened(pair_r="4")
    assert "real" in captions(app)
    assert not app.info
    assert "Paris" in words(app)
    assert "model.layers.14.self" in captions(app).replace("\\", "")
    trained, never = re.findall(r"\| \d pairs [^|]*\| 1 \| ([\d.]+) \|", words(app))
    assert float(trained) < float(never) < 0.9


def test_a_link_leads_to_each_page_with_what_stands_here(offline):
    app = opened(A="1 2; 2 4", kth="100", pair_r="16", pair_alpha="32")
    links = [each.proto for each in app.get("page_link")]
    asked = {each.page.rpartition("/")[2]: each.query_string for each in links}
    assert {"redundancy", "truncation", "lora", "lab", "memory"} <= set(asked)


def test_the_first_matrix_has_rank_two_and_is_its_product():
    A = exact([row.split() for row in thread.FIRST.split(";")])
    found = cr(A)
    assert rank(A) == 2
    assert product(found.C, found.R) == A
    assert np.array(A).shape == (4, 5)
