"""The Adapter page's buttons in a browser: a smaller adapter to take home, a merge verified."""

import json
import zipfile
from pathlib import Path

from playwright.sync_api import expect

from tests.browser.conftest import served, settled

FIXTURES = Path(__file__).parents[1] / "fixtures" / "adapters"


def test_a_smaller_adapter_is_downloaded_and_a_merge_is_verified(new_page, tmp_path):
    with served(LOWRANK_MODELS=str(FIXTURES), LOWRANK_CACHE=str(tmp_path / "cache")) as url:
        page = new_page(f"{url}/adapter?model=base-llama&adapter=rslora&shrink_r=2&merge_as=BF16")
        with page.expect_download() as downloading:
            page.get_by_role("button", name="Shrink to 2 and download").click()
        downloading.value.save_as(tmp_path / "taken.zip")
        with zipfile.ZipFile(tmp_path / "taken.zip") as archive:
            assert json.loads(archive.read("adapter_config.json"))["r"] == 2
        settled(page)
        page.get_by_role("button", name="Merge and verify").click()
        expect(page.get_by_text("up to the rounding of BF16")).to_be_visible()


def test_another_adapter_beside_it_goes_along_in_the_link_and_as_a_report(new_page, tmp_path):
    with served(LOWRANK_MODELS=str(FIXTURES), LOWRANK_CACHE=str(tmp_path / "cache")) as url:
        page = new_page(f"{url}/adapter?model=base-llama&adapter=rslora")
        box = page.get_by_role("combobox", name="Beside it")
        box.scroll_into_view_if_needed()  # an open list closes when the page scrolls
        settled(page)
        box.click()
        page.get_by_role("option", name="rslora").click()
        expect(page.get_by_text("the cosine between the two updates is 1.000")).to_be_visible()
        page.wait_for_url("**other_adapter=rslora**")
        page.reload()
        page.get_by_text("Take it home").click()
        with page.expect_download() as downloading:
            page.get_by_role("button", name="Report, HTML").click()
        assert "rslora and rslora" in downloading.value.path().read_text()
