"""How every page's test opens its page and reads what it says.

A page is opened through app.py, as a visitor opens it: app.py draws the sidebar. app.py is called
from a script elsewhere, because a script beside a folder of the name pages is one of Streamlit's
older kind to AppTest, which then runs the page alone.
"""

import gzip
import json
import re
import time
from base64 import b64decode
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any

from streamlit.testing.v1 import AppTest

from lowrank.ui.stepper import Frame, Packed, unpacked

ROOT = Path(__file__).parents[2]
APP = f"import runpy; runpy.run_path({str(ROOT / 'app.py')!r})"


def opened(page: str, **link: str | list[str]) -> AppTest:
    """The page at that address, after its first run."""
    app = AppTest.from_string(APP, default_timeout=120)
    app.switch_page(str(ROOT / "pages" / f"{page}.py"))
    app.query_params.update(link)
    return app.run()


def until(app: AppTest, there: Callable[[AppTest], object]) -> AppTest:
    """The page once that is there: it is run again and again while work of it goes on elsewhere.

    The limit is for work that never ends, not for a slow machine.
    """
    given_up = time.monotonic() + 300
    while not there(app):
        assert time.monotonic() < given_up, f"it never came; the page says:\n{words(app)}"
        time.sleep(0.05)
        app.run()
    return app


def code(app: AppTest) -> list[str]:
    """What stands in “The code for this”, which is not made before it is opened."""
    closed = len(app.code)
    app.session_state["code"] = True
    return [block.value for block in app.run().code][closed:]


def metrics(app: AppTest) -> dict[str, str]:
    """The numbers that change, by what stands above them."""
    return {metric.label: metric.value for metric in app.metric}


def captions(app: AppTest) -> str:
    return "\n".join(caption.value for caption in app.caption)


def walk(app: AppTest) -> tuple[int, list[Frame]]:
    """The place and the frames of the stepper on the page; no frames where there is none."""
    head, rest = sent(app)
    if not head:
        return 0, []
    pages = "".join(each.proto.body for each in app.get("html"))
    held = dict(re.findall(r'<i data-walk="(\d+)">([^<]*)</i>', pages))
    parts = tuple(b64decode(held[str(mark)]) for mark in head["parts"])
    return head["at"], unpacked(Packed(parts, rest))


def sent(app: AppTest) -> tuple[dict[str, Any], bytes]:
    """What the stepper on the page is sent: its head and, packed, what is not yet a part."""
    data = component(app, "lowrank_stepper")
    head, _, rest = data.partition(b"\n")
    return (json.loads(head), rest) if data else ({}, b"")


def component(app: AppTest, name: str) -> bytes:
    """The bytes that our component of that name is sent; none if it is not on the page."""
    all_ = [each.proto for each in app.get("bidi_component") if each.proto.component_name == name]
    return all_[0].bytes if all_ else b""


def history(app: AppTest) -> str:
    """The moves of the derivation, as the page lists them."""
    data = component(app, "lowrank_history")
    return gzip.decompress(data).decode() if data else ""


def frame(app: AppTest) -> Frame:
    """What the stepper on the page shows."""
    at, frames = walk(app)
    if not frames:
        return Frame("", "")
    said = sent(app)[0].get("said")
    return frames[at]._replace(said=said["html"]) if said else frames[at]


def words(app: AppTest) -> str:
    """All that the page says in sentences."""
    kinds = (app.markdown, app.caption, app.error, app.warning, app.success, app.info)
    said = [element.value for kind in kinds for element in kind]
    shown = (part.replace("<b>", "**").replace("</b>", "**") for part in frame(app))
    return "\n".join([*said, *(unescape(re.sub("<[^>]*>", "\n", part)) for part in shown)])
