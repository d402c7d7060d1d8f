"""The page that checks an article: its table, its functions run, claims and configs pasted."""

import re

import pytest

from lowrank.memory.claims import article
from tests.pages import opening
from tests.pages.opening import captions, words


def test_every_claim_stands_beside_its_right_number():
    app = opening.opened("article")
    assert not app.exception
    for claim in article():
        assert claim.stated in words(app)
    for claim in article():
        if claim.verdict.kind != "right":
            assert str(claim.verdict) in words(app)
    rows = re.findall(r"\| ([✓≈✗]) [^|]* \|$", words(app), re.MULTILINE)
    assert (rows.count("✗"), rows.count("≈"), rows.count("✓")) == (5, 4, 3)


def test_both_functions_run_and_agree_with_the_papers_way():
    app = opening.opened("article", thin="8")
    app.button(key="run both").click().run()
    assert not app.exception
    assert "| `lora_forward_matmul` | 16,842,752 |" in words(app)
    apart = float(re.search(r"differs by ([\d.]+)", captions(app))[1])
    assert apart < 1e-6
    assert "0.391 %" in captions(app)


def test_a_claim_of_ones_own_is_judged_and_comes_back_with_its_link():
    app = opening.opened("article", what="down_proj", said="172 MiB")
    assert "✓ **172 MiB** is right: 172 MiB" in words(app)
    app.text_input(key="said").set_value("172 MB").run()
    assert "≈ **172 MB** is MiB called MB" in words(app)
    app.text_input(key="said").set_value("much").run()
    assert not app.exception
    assert "'much'; expected a number" in app.error[0].value
    assert "trainable params: 4,194,304" in words(app)  # the rest of the page stays


@pytest.mark.parametrize(
    ("pasted", "told"),
    [
        ("LoraConfig(r=64, lora_alpha=16)", "trainable params: 33,554,432"),
        ("LoraConfig(target_modules=['nothing'])", "nothing"),
        ("{'r': ", "cannot be read"),
    ],
)
def test_a_pasted_configuration_is_counted_or_refused_in_a_sentence(pasted, told):
    app = opening.opened("article")
    app.text_area(key="lora config").set_value(pasted).run()
    assert not app.exception
    assert told in words(app)
