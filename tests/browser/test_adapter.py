"""What lies between adapters and models, in a browser: shrunk, merged, extracted, compared."""

import json
import shutil
import zipfile
from pathlib import Path

from playwright.sync_api import expect

from tests.browser.conftest import served, settled
from tests.oracles import tuned_llama

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


def test_what_lies_between_two_models_is_extracted_opened_and_surveyed(new_page, tmp_path):
    models = tmp_path / "models"
    shutil.copytree(FIXTURES / "base-llama", models / "base-llama")
    tuned_llama.write(models / "tuned")
    with served(LOWRANK_MODELS=str(models), LOWRANK_CACHE=str(tmp_path / "cache")) as url:
        page = new_page(f"{url}/adapter?model=base-llama&tuned_model=tuned&extract_r=2")
        page.get_by_role("button", name="Extract").click()
        expect(page.get_by_text("12 of 14 matrices differ")).to_be_visible()
        settled(page)
        page.get_by_role("link", name="Look at it here").click()
        expect(page.get_by_text("12 matrices changed")).to_be_visible()
        page = new_page(f"{url}/atlas?model=base-llama&beside=tuned")
        page.get_by_role("button", name="Survey the difference").click()
        expect(page.get_by_text("12 of 14 matrices differ")).to_be_visible()
