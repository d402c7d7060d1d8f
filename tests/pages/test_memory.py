"""The Memory page: counts that are known, a pasted config.json, nonsense, a real matrix."""

import json
import re

import pytest
from streamlit.testing.v1 import AppTest

from lowrank.ui import jobs
from tests.pages import opening
from tests.pages.opening import until, words
from tests.sent_jobs import SentJobs


def opened(**link: str) -> AppTest:
    app = opening.opened("memory", **{"model": "synthetic", **link})
    assert not app.exception
    return app


def test_llama_2_7b_and_the_popular_estimate():
    app = opened()
    assert "**6,738,415,616**" in words(app)
    assert "| gate_proj | 11,008 × 4,096 | 45,088,768 | 32 |" in words(app).replace("\u00a0", " ")
    assert "**13.5 GB** |" in words(app)
    assert "| 32 such layers | 15.03 | 14.000 |" in words(app)
    assert "| 32 such layers | 25.90 | 24.125 |" in words(app)
    app.selectbox(key="linear").set_value("float32").run()
    app.selectbox(key="rest").set_value("float32").run()
    assert "**27 GB** |" in words(app)


def test_inference_fits_where_it_fits_and_bloom_does_not():
    app = opened(count="Inference")
    assert "352.5 GB" in words(app)
    assert "| bfloat16 | 15.62 | 16 GB (RTX 4080) | 16.18 |" in words(app)
    assert "1 GB of it are left" in words(app)
    app.select_slider(key="context").set_value(131072).run()
    assert "| bfloat16 | 82.20 | 80 GB (A100, H100) | 84.90 |" in words(app)


def test_what_would_fill_a_card_to_the_brim_does_not_fit_it():
    """17.01 GB of a 17.18 GB card leave nothing for the framework."""
    app = opened(count="Inference", config="Llama 3 8B", context="8192")
    assert "| bfloat16 | 17.13 | 24 GB (RTX 3090, 4090, L4) | 24.77 |" in words(app)


def test_lora_on_attention_does_not_keep_what_the_frozen_mlp_reads():
    app = opened(count="Training")

    def lora() -> float:
        row = next(r for r in words(app).splitlines() if r.startswith("| LoRA, bfloat16 |"))
        return float(row.split("|")[2])

    attention = lora()
    app.selectbox(key="targets").set_value("all").run()
    kept = 512 * 32 * (4096 + 11008) * 2 / 1e9  # gate and up's input, down's input
    added = (20_000_000 - 4_194_304) * 16 / 1e9  # r = 8: pairs, gradients, moments
    assert lora() - attention == pytest.approx(kept + added, abs=0.02)


def test_only_one_choice_is_called_model():
    assert [box.label for box in opened().selectbox].count("Model") == 1


def test_lora_trains_what_peft_says():
    app = opened(count="Training")
    assert "LoRA 4,194,304 (0.0622% of the model)" in words(app)
    app.selectbox(key="targets").set_value("all").run()
    app.select_slider(key="bottleneck").set_value(64).run()
    assert "LoRA 159,907,840" in words(app)
    assert not app.exception


def test_a_pasted_configuration_is_counted_and_kept():
    app = opened()
    app.selectbox(key="config").set_value("a config.json of mine").run()
    assert "Paste the config.json" in app.info[0].value
    sizes = {
        "hidden_size": 576,
        "intermediate_size": 1536,
        "num_hidden_layers": 30,
        "num_attention_heads": 9,
        "num_key_value_heads": 3,
        "vocab_size": 49152,
        "tie_word_embeddings": True,
    }
    app.text_area(key="config_json").set_value(json.dumps(sizes)).run()
    assert "**134,515,008**" in words(app)


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("{", "not JSON"),
        ("[1]", "not a Llama"),
        ("[" * 9000, "not JSON"),
        ('{"a": 1}', "not a Llama"),
    ],
)
def test_nonsense_is_one_sentence_and_stays(typed, said):
    app = opened(config="a config.json of mine")
    app.text_area(key="config_json").set_value(typed).run()
    assert said in app.error[0].value
    assert app.text_area(key="config_json").value == typed


def test_a_real_matrix_is_quantized_and_one_number_rounded(default_model):
    app = opened(count="Quantization", model="default", proj="k", layer="3")
    assert "layers.3.self_attn.k_proj" in app.caption[0].value
    table = next(m.value for m in app.markdown if "NF4, blocks of 64" in m.value)
    assert "| 4.5 |" in table
    assert "quantized a second time" in words(app)
    assert "quantized a second time" not in words(opened(count="Quantization"))
    rounding = next(m.value for m in app.markdown if "what is left" in m.value)
    assert "| float32 |" in rounding
    assert rounding.count("%") == 3
    assert not app.error


def test_the_loss_is_measured_with_a_matrix_quantized(default_model, monkeypatch):
    monkeypatch.setattr(jobs, "POOL", SentJobs())
    app = opened(count="Quantization", model="default", proj="v", layer="3")
    next(b for b in app.button if b.label == "Measure nll").click().run()
    until(app, lambda app: "nats a token" in words(app))
    assert not app.exception
    found = re.search(r"\*\*([\d.]+)\*\* before, \*\*([\d.]+)\*\* with 1 matrix", words(app))
    before, after = map(float, found.groups())
    assert 3.4 < before < 3.7
    assert before != after
    assert abs(after - before) < 0.3


def test_experts_are_counted_all_and_active_and_other_architectures_refused():
    sizes = {"hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32}
    sizes |= {"num_attention_heads": 32, "vocab_size": 32000}
    app = opened(config="a config.json of mine")
    app.text_area(key="config_json").set_value(json.dumps(sizes | {"model_type": "mixtral"})).run()
    assert not app.exception
    assert "**46,702,792,704**" in words(app)
    assert "**12,879,925,248**" in words(app)
    app.text_area(key="config_json").set_value(json.dumps(sizes | {"model_type": "bert"})).run()
    assert not app.exception
    assert "'bert', which is not counted" in words(app)


def test_what_fits_into_a_card():
    app = opened(count="What fits", config="Llama 3.1 8B")
    assert "| bfloat16 | 16.06 | 66,446 | 16 |" in words(app)
    assert "| NF4 | 6.03 | 131,072, all | 34 |" in words(app)
    assert "| LoRA, bfloat16 | 18.32 | 2,011 | 3 | 954 |" in words(app)
    app.segmented_control(key="format").set_value("GGUF").run()
    assert "| GGUF Q4_K_M | 4.91 | 131,072, all | 36 |" in words(app)
    assert "| bfloat16 |" not in words(app)
    app.selectbox(key="card").set_value("8 GB (RTX 4060)").run()
    assert "| GGUF Q8_0 | 8.53 | 0 | 0 |" in words(app)
    assert not app.exception


def test_cards_share_a_model_unless_its_heads_cannot_be_dealt_out():
    app = opened(count="Inference", config="Llama 3.1 70B", cards="4")
    assert "| bfloat16 | 35.61 | 4 × 40 GB (A100) | 167.80 |" in words(app)
    app = opened(count="Inference", config="Qwen2.5 0.5B", cards="4")
    assert "cards is 4" in app.error[0].value
    assert not app.exception


def test_eight_bit_and_paged_moments_are_less_on_the_card():
    def full(app: AppTest) -> float:
        row = next(r for r in words(app).splitlines() if r.startswith("| full, mixed"))
        return float(row.split("|")[2])

    app = opened(count="Training")
    before = full(app)
    app.segmented_control(key="adam").set_value("8 bit").run()
    assert before - full(app) == pytest.approx(6.738 * (8 - 2.03125), abs=0.02)
    app.segmented_control(key="adam").set_value("32 bit, paged").run()
    assert before - full(app) == pytest.approx(6.738 * 8, abs=0.02)
    assert "Adam's moments: full, float32 53.9 GB" in words(app)
    assert not app.exception
