"""The LoRA lab in a browser, on the real model: train, stop, download, upload, return."""

import re
import zipfile

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import settled

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
