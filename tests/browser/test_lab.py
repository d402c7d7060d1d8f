"""The LoRA lab in a browser, on the real model: train, stop, download, upload, return."""

import re
import zipfile
from urllib.parse import urlencode

import pytest
from playwright.sync_api import expect

from tests import tiny_llama
from tests.browser.conftest import served, settled

OVER = re.compile("^3 steps in")
LONG = 180_000  # milliseconds: on a busy machine a step of training takes seconds


@pytest.mark.slow
def test_train_stop_download_and_upload(new_page, tmp_path):
    page = new_page("/lab?set=island&steps=3&ask=Name%20a%20city")
    page.get_by_role("button", name="Train", exact=True).click()
    page.wait_for_url("**run=*")
    page.reload()  # at once: the run is not lost
    settled(page)
    stop, over = page.get_by_role("button", name="Stop"), page.get_by_text(OVER)
    expect(stop.or_(over).first).to_be_visible(timeout=LONG)
    # It goes on while another page is looked at.
    page.get_by_test_id("stSidebarNav").get_by_role("link", name="Start", exact=True).click()
    settled(page)
    page.get_by_test_id("stSidebarNav").get_by_role("link", name="LoRA lab", exact=True).click()
    settled(page)
    expect(page.get_by_text(OVER)).to_be_visible(timeout=LONG)
    expect(page.get_by_text("After, 1 × the update")).to_be_visible(timeout=LONG)
    expect(page.get_by_text("Merged = unmerged")).to_be_visible(timeout=LONG)
    assert "tuned=adapter-" in page.url

    with page.expect_download() as coming:
        page.get_by_role("button", name="Download the adapter").click()
    path = tmp_path / coming.value.suggested_filename
    coming.value.save_as(path)
    with zipfile.ZipFile(path) as archive:
        assert set(archive.namelist()) == {"adapter_config.json", "adapter_model.safetensors"}

    other = new_page("/lab?ask=Name%20a%20city")  # another visitor, with nothing in hand
    other.get_by_text("or their zip").wait_for()
    other.locator('input[type="file"]').set_input_files(path)
    expect(other.get_by_text("After, 1 × the update")).to_be_visible(timeout=LONG)
    kept = re.search(r"tuned=(adapter-\w+)", page.url)[1]
    expect(other.get_by_label("Adapter in hand")).to_have_value(kept)  # the very same files

    other.get_by_label("Steps", exact=True).fill("200")
    other.get_by_label("Steps", exact=True).press("Enter")
    settled(other)
    other.get_by_role("button", name="Train", exact=True).click()
    other.get_by_role("button", name="Stop").click(timeout=LONG)
    # Whether it had begun: what was done is shown, or there is no result yet.
    expect(other.get_by_text(re.compile(r"^Stopped\. "))).to_be_visible(timeout=LONG)


@pytest.fixture
def slow_tiny(tmp_path, monkeypatch):
    """The app with a tiny Llama of many layers: a run is long enough to be stopped."""
    monkeypatch.setitem(tiny_llama.CONFIG, "num_hidden_layers", 12)
    tiny_llama.write(tmp_path / "models" / "tiny")
    folders = {"LOWRANK_MODELS": tmp_path / "models", "LOWRANK_CACHE": tmp_path / "cache"}
    with served(**{name: str(path) for name, path in folders.items()}) as url:
        yield url


def test_a_run_in_four_bits_is_stopped_goes_on_after_a_reload_and_outlives_its_tab(
    slow_tiny, new_page
):
    asked = {
        "model": "tiny",
        "set": "my own",
        "lines": "\n".join(f"Question {i} => {'yes and no ' * 10}" for i in range(8)),
        "steps": 120,
        "base_in": "NF4 (QLoRA)",
        "base_too": "true",
    }
    page = new_page(f"{slow_tiny}/lab?{urlencode(asked)}")
    page.get_by_role("button", name="Train", exact=True).click()
    expect(page.get_by_text(re.compile(r"^Step [1-9]\d* of 120"))).to_be_visible()
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_text(re.compile(r"^Stopped\. "))).to_be_visible()
    page.reload()
    settled(page)
    go_on = page.get_by_role("button", name=re.compile("^Go on after step"))
    assert 0 < int(go_on.inner_text().split()[-1]) < 120
    go_on.click()
    expect(page.get_by_text(re.compile("^120 steps in"))).to_be_visible(timeout=LONG)
    expect(go_on).to_have_count(0)
    expect(page.get_by_text(re.compile("^Base in NF4 .* as stored"))).to_be_visible()
    held_out = page.get_by_text(re.compile(r"^Held out after step \d+: .* on the base as stored"))
    expect(held_out).to_be_visible()
    expect(page.get_by_label("Adapter in hand")).to_have_value(re.compile("^adapter-"))
    settled(page)
    address, name = page.url, page.get_by_label("Adapter in hand").input_value()
    page.close()

    again = new_page(address)  # in another tab, with nothing but the address
    expect(again.get_by_text(re.compile("^120 steps in"))).to_be_visible()
    expect(again.get_by_label("Adapter in hand")).to_have_value(name)
    expect(again.get_by_text("After, 1 × the update")).to_be_visible(timeout=LONG)


def test_the_articles_configuration_is_one_press_and_one_line(new_page):
    page = new_page("/lab?lora_alpha=3&modules=all")
    presets = page.get_by_role("button", name=re.compile("Article, r = "))
    boxes = [presets.nth(i).bounding_box() for i in range(2)]
    assert boxes[0]["y"] == boxes[1]["y"]
    presets.first.click()
    page.wait_for_url("**lora_alpha=32*")
    settled(page)
    main = page.get_by_test_id("stMainBlockContainer")  # a tooltip says it too
    main.get_by_text("More of LoraConfig").click()
    call = 'r=8, lora_alpha=32, lora_dropout=0.1, bias="none",'
    expect(page.get_by_text(call)).to_be_visible()


def test_a_guess_comes_before_the_papers_experiments_and_stands_beside_the_seeds(new_page):
    page = new_page("/lab?show=The+paper%27s+experiments")
    answer = page.get_by_text(re.compile("the smallest rank for which no difference from it"))
    answer.wait_for()
    page.get_by_text("Predict first").click()
    expect(answer).to_have_count(0)
    page.get_by_role("radio", name="0.3", exact=True).click()
    expect(page.get_by_text(re.compile(r"each seed: "))).to_be_visible()
    page.get_by_role("radio", name="64", exact=True).click()
    expect(answer.first).to_be_visible()
    found = page.get_by_text(re.compile("^Here the order is"))
    expect(found).to_have_count(0)  # asked apart
    page.get_by_role("radio", name="q, v", exact=True).click()
    expect(found.first).to_be_visible()
    expect(page.get_by_text("What does the update look like?")).to_be_visible()
