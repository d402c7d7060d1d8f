"""That nobody's browser is sent to another server than the one it has asked."""

from urllib.parse import urlsplit

from tests.browser.conftest import settled
from tests.browser.views import VIEWS

PAGES = [address for name, address in VIEWS.items() if "-" not in name]


def test_no_page_asks_another_server(new_page, app_url):
    page, asked = new_page("/"), []
    page.on("request", lambda request: asked.append(request.url))
    page.on("websocket", lambda socket: asked.append(socket.url))
    for address in PAGES:
        page.goto(app_url + address)
        settled(page)
    parts = [urlsplit(url) for url in asked]
    hosts = {each.netloc for each in parts if each.scheme not in ("data", "blob")}
    assert hosts == {urlsplit(app_url).netloc}
    icon = page.locator('link[rel~="icon"]').last.get_attribute("href")
    assert urlsplit(icon).scheme == "data"
