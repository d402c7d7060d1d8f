"""A newcomer: the first page leads to each of the others, and no page shows an exception."""

import pytest

from tests.browser.conftest import fits, settled


@pytest.mark.parametrize("name", ["Rank", "Redundancy", "Truncation", "LoRA"])
def test_start_leads_to_each_page(new_page, name):
    page = new_page("/")
    page.get_by_role("link", name=f"Open {name}").click()
    page.get_by_role("heading", name=name, level=1).wait_for()
    settled(page)
    assert page.url.endswith(f"/{name.lower()}")
    assert page.locator('[data-testid="stException"]').count() == 0


def test_fits_a_phone(new_page):
    assert fits(new_page("/", width=390), 390)
