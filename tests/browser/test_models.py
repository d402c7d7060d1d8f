"""A model of one's own in a real browser: uploaded, and from a hub on this machine."""

import re
import socket

import numpy as np
import pytest
from playwright.sync_api import expect
from safetensors.numpy import save

from tests.browser.conftest import served, settled
from tests.hub_server import Hub

Q = "model.layers.{}.self_attn.q_proj.weight"


def weights() -> bytes:
    rng = np.random.default_rng(0)
    return save({Q.format(i): rng.standard_normal((96, 64)).astype("f2") for i in range(2)})


@pytest.fixture(scope="module")
def own_app(tmp_path_factory):
    """The app with a hub of its own, and nothing fetched yet."""
    folder = tmp_path_factory.mktemp("own")
    with Hub({"acme/tiny": {"model.safetensors": weights()}}) as hub:
        environment = {"HF_ENDPOINT": hub.url, "HF_HOME": str(folder), "HF_TOKEN": ""}
        with served(**environment, LOWRANK_CACHE=str(folder), HF_HUB_OFFLINE="0") as url:
            yield url


def sidebar(page):
    return page.get_by_test_id("stSidebarUserContent")


def test_a_hub_id_is_typed_shown_and_kept_across_pages(own_app, new_page):
    page = new_page(f"{own_app}/truncation?model=Hugging+Face+hub")
    expect(page.get_by_text("Type a model")).to_be_visible()
    page.get_by_role("textbox", name="Model id").fill("acme/nothing")
    page.keyboard.press("Enter")
    expect(page.get_by_text("is not on the hub")).to_be_visible()
    page.get_by_role("textbox", name="Model id").fill("acme/tiny")
    page.keyboard.press("Enter")
    expect(sidebar(page).get_by_text("acme/tiny · model.layers.0")).to_be_visible()
    expect(page).to_have_url(re.compile("hub=acme"))
    page.get_by_test_id("stSidebarNav").get_by_role("link", name="LoRA", exact=True).click()
    expect(page.get_by_role("heading", name="LoRA")).to_be_visible()
    expect(sidebar(page).get_by_text("acme/tiny · model.layers.0")).to_be_visible()
    page.reload()
    settled(page)
    expect(sidebar(page).get_by_text("acme/tiny · model.layers.0")).to_be_visible()


def test_that_the_hub_is_asked_is_said_before_it_answers(new_page, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        hub = f"http://127.0.0.1:{silent.getsockname()[1]}"
        folder = {"HF_HOME": str(tmp_path), "LOWRANK_CACHE": str(tmp_path)}
        with served(HF_ENDPOINT=hub, HF_HUB_OFFLINE="0", **folder) as url:
            asking = f"{url}/truncation?model=Hugging+Face+hub&hub=acme%2Ftiny"
            page = new_page(asking, wait=False)
            expect(page.get_by_text("Asking the Hugging Face hub for acme/tiny")).to_be_visible()


def test_what_a_link_chose_holds_on_the_next_page(new_page):
    page = new_page("/truncation?model=synthetic&proj=down&layer=4")
    page.get_by_test_id("stSidebarNav").get_by_role("link", name="LoRA", exact=True).click()
    expect(page.get_by_role("heading", name="LoRA")).to_be_visible()
    wanted = "Random numbers · model.layers.4.mlp.down_proj.weight"
    expect(sidebar(page).get_by_text(wanted)).to_be_visible()
    expect(page).to_have_url(re.compile("model=synthetic"))
    page.go_back()
    expect(page.get_by_role("heading", name="Truncation")).to_be_visible()
    expect(sidebar(page).get_by_text(wanted)).to_be_visible()


def test_a_file_is_uploaded_shown_and_found_again_after_a_reload(own_app, new_page):
    page = new_page(f"{own_app}/truncation?model=a+file+of+mine")
    expect(page.get_by_text("Choose files in the sidebar")).to_be_visible()
    page.locator("input[type=file]").set_input_files(
        {"name": "mine.safetensors", "mimeType": "application/octet-stream", "buffer": weights()}
    )
    expect(sidebar(page).get_by_text("96 × 64 · stored F16")).to_be_visible()
    expect(page).to_have_url(re.compile("file=mine-[0-9a-f]{16}"))
    page.reload()
    settled(page)
    expect(sidebar(page).get_by_text("96 × 64 · stored F16")).to_be_visible()
    settled(page)
    page.get_by_test_id("stSidebarNav").get_by_role("link", name="LoRA", exact=True).click()
    expect(page.get_by_role("heading", name="LoRA")).to_be_visible()
    expect(sidebar(page).get_by_text("96 × 64 · stored F16")).to_be_visible()
    expect(page).to_have_url(re.compile("file=mine-"))
