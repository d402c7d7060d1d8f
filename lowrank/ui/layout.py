"""The frame every page shares: question first, prose from Markdown, code last."""

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from lowrank.errors import LowrankError

TEXT_FOLDER = Path(__file__).with_name("text")


def text(name: str, section: str = "", language: str = "en") -> str:
    """The Markdown of ui/text/<language>/<name>.md, or of the part under one `## section`."""
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


@contextmanager
def for_all_pages() -> Iterator[None]:
    """What is drawn inside belongs to the app, as if app.py drew it, and not to one page.

    Streamlit drops a page's own parameters from the address when another page is opened, even one
    that has widgets of the same names: a choice that came with a link, or by Back, would be lost.
    """
    context = get_script_run_ctx()
    if context is None:
        yield
        return
    with context.run_with_active_hash(context.pages_manager.main_script_hash):
        yield


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
        say(str(error))
        st.stop()


def say(problem: str) -> None:
    """A problem on the page; what was typed or came with a link is quoted in it, not rendered."""
    st.error(problem.replace("](", "]\\("), icon=":material/error:")
