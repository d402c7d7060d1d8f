"""The frame every page shares: question first, prose from Markdown, code last."""

import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import streamlit as st
from streamlit.errors import StreamlitAPIException

from lowrank.errors import LowrankError

TEXT_FOLDER = Path(__file__).parents[2] / "pages" / "text"


def text(name: str, section: str = "", language: str = "en") -> str:
    """The Markdown of pages/text/<language>/<name>.md, or of the part under one `## section`."""
    words = (TEXT_FOLDER / language / f"{name}.md").read_text(encoding="utf-8")
    if not section:
        return words
    _, _, after = words.partition(f"## {section}\n")
    return after.partition("\n## ")[0].strip()


def question(title: str, asked: str) -> None:
    """The head of a page: its name and, in one sentence, what it lets you find out."""
    through_app_first()
    st.title(title, anchor=False)
    st.markdown(f"#### {asked}")


def through_app_first() -> None:
    """Run again if this page was reached before app.py ever ran.

    The first address a fresh server is asked for may be a page's. Streamlit then takes the pages
    folder for its older automatic navigation, until st.navigation is called for the first time;
    so call it, and let the next run go through app.py.
    """
    if not st.session_state.setdefault("through_app", False):
        st.session_state["through_app"] = True
        pages = [st.Page(lambda: None, title="…", default=True)]
        pages += [st.Page(lambda: None, title="…", url_path=here())] if here() else []
        st.navigation(pages, position="hidden")
        st.rerun()


def recall(
    key: str, options: Sequence[Any] | None = None, label: Callable[[Any], str] = str
) -> None:
    """Before a widget of all pages is drawn: give it the value it had on the page before.

    `persist_state` does so once the visitor has touched the widget. A value that came with the
    link is forgotten when a page link is followed, so `remember` notes every value. `options` are
    what may be chosen, the default first; `label` is what the link says for a value.
    """
    state = st.session_state
    page, value = state.get(f"{key} was", (here(), None))
    new_page = page != here() and key not in st.query_params
    if not new_page or (options is not None and value not in options):
        return
    state[key] = value
    if value and (options is None or value != options[0]):
        with suppress(StreamlitAPIException):  # the widget has seen to it
            st.query_params[key] = label(value)


def remember(key: str, value: Any) -> None:
    """After that widget is drawn: note its value for the next page."""
    st.session_state[f"{key} was"] = (here(), value)


def here() -> str:
    """The page's part of the address."""
    return urlsplit(st.context.url or "").path.rpartition("/")[2]


def code_for_this(*functions: Callable[..., Any], usage: str = "") -> None:
    """An expander with the source of the functions just called, and a line that runs them."""
    with st.expander("The code for this"):
        if usage:
            st.code(usage)
        for function in functions:
            st.code(inspect.getsource(function))


@contextmanager
def errors_shown() -> Iterator[None]:
    """Show our own errors as one sentence on the page and stop there; never a traceback."""
    try:
        yield
    except LowrankError as error:
        st.error(str(error), icon=":material/error:")
        st.stop()
