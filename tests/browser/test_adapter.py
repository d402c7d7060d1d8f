"""The Adapter page's buttons in a browser: a smaller adapter to take home, a merge verified."""

import json
import zipfile

from playwright.sync_api import expect

from tests.browser.conftest import settled


def test_a_smaller_adapter_is_downloaded_and_a_merge_is_verified(new_page, tmp_path):
    page = new_page("/adapter?model=synthetic&change_rank=8&shrink_r=2&merge_as=F16")
    with page.expect_download() as downloading:
        page.get_by_role("button", name="Shrink to 2 and download").click()
    downloading.value.save_as(tmp_path / "taken.zip")
    with zipfile.ZipFile(tmp_path / "taken.zip") as archive:
        assert json.loads(archive.read("adapter_config.json"))["r"] == 2
    settled(page)
    page.get_by_role("button", name="Merge and verify").click()
    expect(page.get_by_text("are what base and adapter make")).to_be_visible()
