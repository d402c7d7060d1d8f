"""The frame every page shares: question first, prose from Markdown, code last."""

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import streamlit as st

from lowrank.errors import LowrankError

TEXT_FOLDER = Path(__file__).with_name("text") / "en"
PAGES = [  # file, title, icon
    ("start", "Start", "home"),
    ("rank", "Rank", "stairs"),
    ("redundancy", "Redundancy", "healing"),
    ("truncation", "Truncation", "content_cut"),
    ("surgery", "Surgery", "surgical"),
    ("atlas", "Atlas", "map"),
    ("lora", "LoRA", "alt_route"),
    ("lab", "LoRA lab", "science"),
    ("memory", "Memory", "memory"),
    ("adapter", "Adapter", "extension"),
]


def sections(name: str) -> dict[str, str]:
    """The Markdown of ui/text/<language>/<name>.md, each part under its `## section`."""
    words = (TEXT_FOLDER / f"{name}.md").read_text(encoding="utf-8")
    parts = (part.partition("\n") for part in f"\n{words}".split("\n## ")[1:])
    return {section: body.strip() for section, _, body in parts}


def text(name: str, section: str) -> str:
    """The part of ui/text/<language>/<name>.md under `## section`; KeyError if there is none."""
    return sections(name)[section]


def navigation(folder: Path = Path("pages")) -> st.Page:
    """List the pages, whose files are in `folder`; returns the one that the address asks for."""
    return st.navigation(
        [
            st.Page(
                folder / f"{file}.py",
                title=title,
                icon=f":material/{icon}:",
                default=file == "start",
            )
            for file, title, icon in PAGES
        ]
    )


def question(title: str, asked: str) -> None:
    """The head of a page: its name and, in one sentence, what it lets you find out."""
    # The first address a fresh server is asked for may be a page's. Streamlit then takes the pages
    # folder for its older automatic navigation and leaves app.py out, until st.navigation is
    # called for the first time.
    if "chosen" not in st.session_state:
        navigation()
        st.rerun()
    st.title(title, anchor=False)
    st.markdown(f"#### {asked}")


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


@contextmanager
def errors_beside() -> Iterator[None]:
    """Show our own errors as one sentence and go on: what else the page shows stays."""
    try:
        yield
    except LowrankError as error:
        say(str(error))


def say(problem: str) -> None:
    """A problem on the page; what was typed or came with a link is quoted in it, not rendered."""
    st.error(problem.replace("](", "]\\("), icon=":material/error:")
