"""Surgery on the default model: exact at full rank; the stored maps measured again."""

import numpy as np
import pytest

from lowrank import llama
from lowrank.llama.names import LINEAR
from lowrank.llama.tokenizer import Tokenizer
from lowrank.surgery import (
    aware_factors,
    by_fraction,
    chosen,
    operate,
    plain_factors,
    reading,
    recorded,
    second_moments,
    texts,
)
from tests.double_llama import doubled

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def params(default_model) -> llama.Params:
    return llama.load(default_model)


@pytest.fixture(scope="module")
def tokenizer(default_model) -> Tokenizer:
    return Tokenizer(default_model.vocabulary)


def test_at_full_rank_no_logit_changes(params, tokenizer):
    """All 210 matrices, in float32 as the page runs it; pairs would round each anew."""
    names = chosen(params, LINEAR)
    assert len(names) == 210
    cut = operate(params, by_fraction(params, names, 1.0), plain_factors(params))
    ids = tokenizer.encode(texts.text("french"))[:48]
    np.testing.assert_allclose(
        llama.forward(cut, ids), llama.forward(params, ids), rtol=0, atol=1e-4
    )


@pytest.mark.parametrize(("way", "layer"), [("plain", 29), ("aware", 0)])
def test_pairs_of_full_rank_change_no_logit(way, layer, params, tokenizer):
    """In float64: float32 rounds logits of 35 in the fifth digit, and so orders of summing tell."""
    params = doubled(params)
    names = chosen(params, LINEAR, [layer])
    ids = tokenizer.encode(texts.text("french"))[:24]
    if way == "plain":
        factors = plain_factors(params)
    else:
        calibration = tokenizer.encode(texts.calibration()[0])[:96]
        factors = aware_factors(params, second_moments(params, [calibration], names))
    held = llama.projections(params)
    pairs = {name: factors(name).pair(min(held[name].shape)) for name in names}
    cut = llama.replaced(params, pairs)
    np.testing.assert_allclose(
        llama.forward(cut, ids), llama.forward(params, ids), rtol=0, atol=1e-6
    )


def test_the_stored_map_is_what_is_measured(params, tokenizer):
    known = recorded.together()
    ids = tokenizer.begin(texts.text(known.text))
    assert len(ids) == known.tokens
    assert reading(params, ids).nll == pytest.approx(known.base, abs=1e-3)
    for kind, fraction in (("q_proj", 0.5), ("v_proj", 0.25)):
        (point,) = [
            p for p in known.points if (p.kind, p.fraction, p.way) == (kind, fraction, "plain")
        ]
        names = chosen(params, [kind])
        cut = operate(params, by_fraction(params, names, fraction), plain_factors(params))
        assert reading(cut, ids).nll == pytest.approx(point.nll, abs=5e-3)


def test_the_stored_map_by_layer_is_what_is_measured(params, tokenizer):
    known = recorded.by_layer()
    ids = tokenizer.begin(texts.text(known.text))
    (point,) = [p for p in known.points if (p.kind, p.layer, p.way) == ("down_proj", 29, "plain")]
    plan = by_fraction(params, chosen(params, ["down_proj"], [29]), recorded.BY_LAYER)
    cut = operate(params, plan, plain_factors(params))
    assert reading(cut, ids).nll == pytest.approx(point.nll, abs=1e-3)


def test_the_map_teaches_what_the_page_says():
    """Activation-aware wins everywhere; q, k and o lose half for little, the others do not."""
    found = {(p.kind, p.fraction, p.way): p.rise for p in recorded.together().points}
    for kind in LINEAR:
        for fraction in recorded.FRACTIONS:
            assert found[kind, fraction, "aware"] < found[kind, fraction, "plain"]
    for kind in LINEAR:
        cheap = kind in ("q_proj", "k_proj", "o_proj")
        assert (found[kind, 0.5, "plain"] < 0.3) == cheap
