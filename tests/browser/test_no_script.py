"""Whatever a link says is shown and never done: no script of it runs, no picture of it is asked."""

from urllib.parse import urlencode

import pytest

from lowrank.ui.visits import PARAMETERS
from tests.browser.conftest import settled

SAID = (
    "<script>window.done=1</script><img src=x onerror=window.done=1>"
    "![](http://evil.invalid/x.png)[a](javascript:window.done=1)"
)


@pytest.mark.parametrize("page", PARAMETERS)
def test_nothing_that_a_link_says_is_done(new_page, app_url, page):
    asked, seen = urlencode(dict.fromkeys(PARAMETERS[page], SAID)), []
    found = new_page("/", wait=False)
    found.on("request", lambda request: seen.append(request.url))
    found.goto(f"{app_url}/{page}?{asked}&model=synthetic")
    settled(found)
    assert not found.evaluate("window.done")
    assert not [url for url in seen if "evil.invalid" in url.partition("?")[0]]
    assert not found.locator("a[href^='javascript:'], img[src*='evil']").count()
