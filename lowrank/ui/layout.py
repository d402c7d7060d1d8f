"""The frame every page shares: question first, prose from Markdown, code last."""

import inspect
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import copy
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from lowrank.errors import LowrankError
from lowrank.language import SOURCE, current, gettext, gettext_noop, speaking
from lowrank.ui import visitor_language
from lowrank.ui.outside import as_told
from lowrank.ui.taking import runnable

# The picture itself: a name of one would have each browser ask elsewhere, and a path of ours would
# be read on every run.
_icon = b64encode(Path(__file__).with_name("icon.svg").read_bytes()).decode()
ICON = f"data:image/svg+xml;base64,{_icon}"
TEXT_FOLDER = Path(__file__).with_name("text")
# Streamlit's own captions, code, primary buttons and axis labels have less contrast than the 4.5 of
# WCAG 2.2, and its head leaves a sixth of a laptop's screen blank.
STYLE = """<style>
.stMainBlockContainer { padding: 4.4rem clamp(1rem, 3vw, 5rem) 4rem; }
.stMainBlockContainer > [data-testid="stVerticalBlock"] { gap: 0.8rem; }
.st-key-head { column-gap: 1.2rem; row-gap: 0; }
.st-key-head h1 { font-size: 1.9rem; padding: 0; }
.st-key-head h4 { font-size: 1.2rem; padding: 0; margin: 0; text-wrap: balance; }
@media (min-width: 768px) {
  .stAppHeader { background: transparent; pointer-events: none; }
  .stAppHeader * { pointer-events: auto; }
  #stSidebar[data-collapsed="false"] ~ * .stMainBlockContainer { padding-top: 1.4rem; }
  .st-key-head { flex-wrap: nowrap; }
  .st-key-head > :nth-child(2) { flex: 1 1 0; min-width: 0; }
  [data-testid="stSidebarHeader"] { height: 2.4rem; margin: 0; } }
@media (min-width: 768px) and (max-height: 800px) {
  [data-testid="stSidebarNavLink"] { padding-block: 0; margin-block: 0; } }
[data-testid="stMetric"] { container-type: inline-size; }
[data-testid="stMetricValue"] { font-size: clamp(1.15rem, 13cqi, 2.1rem); }
[data-testid="stMetric"] .stMarkdownEllipsis,
[data-testid="stMetric"] .stMarkdownEllipsis p { white-space: normal; overflow: visible; }
.stButtonGroup > div:last-child { flex-wrap: wrap; }
[data-testid="stMarkdownContainer"]:has(> table) { overflow-x: auto; }
[data-testid="stPageLink"] :is(a, span, p) { white-space: normal; }
[data-testid="stCaptionContainer"] { opacity: 1; }
[data-testid="stCaptionContainer"] p, [data-testid="stCaptionContainer"] li {
  color: light-dark(#5A5C66, #B4B6BF); }
[data-testid="stMarkdownContainer"] :not(pre) > code {
  color: light-dark(#0A6128, #7FEBA1); }
[data-testid="stCode"] .token:is(.comment, .punctuation) { color: light-dark(#5A5C66, #B4B6BF); }
[data-testid="stCode"] .token:is(.keyword, .function, .class-name, .builtin, .variable) {
  color: light-dark(#0059A3, #7CC4FF); }
[data-testid="stCode"] .token:is(.string, .string-interpolation) {
  color: light-dark(#0A6128, #7FEBA1); }
[data-testid="stCode"] .token:is(.number, .boolean, .operator, .decorator) {
  color: light-dark(#A84A00, #FF9A57); }
[data-testid="stBaseButton-primary"], [data-testid="stBaseButton-primary"] p,
[data-testid="stBaseButton-primaryFormSubmit"], [data-testid="stBaseButton-primaryFormSubmit"] p {
  color: light-dark(#FFFFFF, #0E1117); }
[data-testid="stSidebar"] [data-testid="stSelectbox"] input {
  font-size: 0.85rem; text-overflow: ellipsis; }
:is([data-testid="stTextInput"], [data-testid="stTextArea"]):has(:placeholder-shown)
  [data-testid="InputInstructions"] { display: none; }  /* no counter over a placeholder */
@media (max-width: 640px) {
  .stButtonGroup button { padding-inline: 0.6rem; }
  .stMarkdown th, .stMarkdown td { padding: 0.3rem 0.4rem; font-size: 0.85rem; }
  .stColumn:has(> .stVerticalBlock > .stElementContainer > .stMetric):not(
    :has(> .stVerticalBlock > :nth-child(2))),
  .stColumn:has(> .stVerticalBlock > .stElementContainer > .stHtml img) {
    min-width: calc(50% - 1rem); flex: 0 1 calc(50% - 1rem); }
  .stVerticalBlock:has(> .stElementContainer > .stMetric):has(> :nth-child(2)) {
    display: grid; grid-template-columns: 1fr 1fr; }
  .stVerticalBlock:has(> .stElementContainer > .stMetric) > :not(:has(> .stMetric)) {
    grid-column: 1 / -1; } }
@media (max-width: 640px) and (pointer: coarse) {  /* a finger scrolls past a box in space */
  .js-plotly-plot .gl-container { pointer-events: none; } }
@media (min-width: 640px) {
  .stMarkdown .katex-display.katex-display { overflow: visible !important; } }
.js-plotly-plot [class*="tick"] text, .js-plotly-plot [class^="g-"] text,
.js-plotly-plot .textpoint text, .js-plotly-plot .cbtitle text,
.js-plotly-plot .annotation-text:not(:has([style*="bold"])) {
  fill: light-dark(#5A5C66, #B4B6BF) !important; }
.js-plotly-plot .annotation-text[style*="213, 94, 0"] {
  fill: light-dark(#A84A00, #FF9A57) !important; }
.js-plotly-plot [class*="tick"] tspan { font-size: 11px !important; }
</style>"""
# What a button opens stands at the end of the document: Tab would come to it after all else, and
# light-dark() would not know of the app's theme there. Escape leads back by itself. And a
# table, a formula or code wider than a phone is scrolled by keys once it has the focus.
OPENED = """<script>
if (!window.lowrankOpened) {
  window.lowrankOpened = true;
  const app = document.querySelector('[data-testid="stApp"]');
  const follow = () => {
    document.documentElement.style.colorScheme = getComputedStyle(app).colorScheme;
    for (const box of document.querySelectorAll(
      '[data-testid="stMarkdownContainer"]:has(> table), .katex-display, pre')) {
      if (box.scrollWidth > box.clientWidth) box.setAttribute("tabindex", 0);
      else box.removeAttribute("tabindex");
    }
  };
  follow();
  new MutationObserver(follow).observe(app, {
    attributeFilter: ["class", "data-test-script-state"] });
  addEventListener("resize", follow);
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Tab" || event.shiftKey) return;
    const button = event.target.closest('[data-testid="stPopover"] [aria-expanded="true"]');
    const first = button && document.querySelector(`[data-testid="stPopoverBody"]
      :is(a[href], button, input, textarea):not([tabindex="-1"], :disabled)`);
    if (!first) return;
    event.preventDefault();
    first.focus();
  }, true);
}
</script>"""
PAGES = [  # file, title, icon
    ("start", gettext_noop("Start"), "home"),
    ("thread", gettext_noop("The thread"), "timeline"),
    ("rank", gettext_noop("Rank"), "stairs"),
    ("redundancy", gettext_noop("Redundancy"), "healing"),
    ("truncation", gettext_noop("Truncation"), "content_cut"),
    ("surgery", gettext_noop("Surgery"), "surgical"),
    ("atlas", gettext_noop("Atlas"), "map"),
    ("lora", gettext_noop("LoRA"), "alt_route"),
    ("lab", gettext_noop("LoRA lab"), "science"),
    ("memory", gettext_noop("Memory"), "memory"),
    ("adapter", gettext_noop("Adapter"), "extension"),
    ("article", gettext_noop("Check the article"), "fact_check"),
    ("glossary", gettext_noop("Glossary"), "dictionary"),
]


@cache  # the package's own files, read once
def sections(name: str, language: str = SOURCE) -> dict[str, str]:
    """The Markdown of ui/text/<language>/<name>.md, each part under its `## section`.

    What is not translated is there in English.
    """
    path, source = TEXT_FOLDER / language / f"{name}.md", {}
    if language != SOURCE:
        source = sections(name)
        if not path.exists():
            return source
    words = path.read_text(encoding="utf-8")
    parts = (part.partition("\n") for part in f"\n{words}".split("\n## ")[1:])
    return source | {section: body.strip() for section, _, body in parts}


def text(name: str, section: str) -> str:
    """The part of ui/text/<language>/<name>.md under `## section`; KeyError if there is none."""
    return sections(name, current())[section]


def navigation(folder: Path = Path("pages")) -> st.Page:
    """List the pages, whose files are in `folder`; returns the one that the address asks for.

    Their titles are in the visitor's language, which is found here.
    """
    st.set_page_config(
        page_title="lowrank",
        page_icon=ICON,
        layout="wide",
        initial_sidebar_state=250,  # pixels: room for the picture on an enlarged screen
    )
    translated = visitor_language.settle()
    # Off until here (.streamlit/config.toml): the first visitor of a fresh server would see
    # Streamlit's older list of the pages folder, in a sidebar drawn before its width is known.
    st.set_option("client.showSidebarNavigation", True)
    pages = _pages if folder.is_absolute() else _pages.__wrapped__  # beside whatever runs
    page = st.navigation(
        [copy(page) for page in pages(folder, current())],  # a run marks the one that it draws
        expanded=True,  # the whole story stands there, also above a choice of matrix
    )
    if translated:  # only now is the page known that is to be run again
        st.rerun()
    return page


@cache
def _pages(folder: Path, language: str) -> tuple[st.Page, ...]:
    """The pages, each of which is looked up on the disk, with their titles in a language."""
    with speaking(language):
        return tuple(
            st.Page(
                folder / f"{file}.py",
                title=gettext(title),
                icon=f":material/{icon}:",
                default=file == "start",
            )
            for file, title, icon in PAGES
        )


def question(title: str, asked: str) -> DeltaGenerator:
    """The head of a page: its name and, in one sentence, what it lets you find out.

    Returns the line in which both stand.
    """
    # The first address a fresh server is asked for may be a page's. Streamlit then takes the pages
    # folder for its older automatic navigation and leaves app.py out, until st.navigation is
    # called for the first time.
    if "chosen" not in st.session_state:
        navigation()
        st.rerun()
    head = st.container(key="head", horizontal=True, vertical_alignment="center")
    with head:
        st.title(title, anchor=False, width="content")
        words = f"<h4>{escape(asked)}</h4>{STYLE}{OPENED}"
        st.html(words, width="content", unsafe_allow_javascript=True)
    return head


@st.fragment
def code_for_this(*functions: Callable[..., Any], usage: str | Callable[[], str] = "") -> None:
    """An expander with a program that reproduces what is shown, and the source of what it calls.

    A program that depends on what is chosen within the page is asked for when it is opened.
    """
    with st.expander(gettext("The code for this"), key="code", on_change="rerun") as shown:
        if not shown.open:
            return
        if usage:
            runnable(usage if isinstance(usage, str) else usage())
        for function in functions:
            st.code(inspect.getsource(function))


@contextmanager
def errors_shown() -> Iterator[None]:
    """Show our own errors as one sentence on the page and stop there; never a traceback."""
    try:
        yield
    except LowrankError as error:
        say(str(error.said))  # it may have been raised for another visitor
        st.stop()


@contextmanager
def errors_beside() -> Iterator[None]:
    """Show our own errors as one sentence and go on: what else the page shows stays."""
    try:
        yield
    except LowrankError as error:
        say(str(error.said))


def say(problem: str) -> None:
    """A problem on the page; what was typed or came with a link is quoted in it, not rendered."""
    st.error(as_told(problem), icon=":material/error:")
