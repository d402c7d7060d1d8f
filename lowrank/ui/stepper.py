"""Frames walked in the browser: Back, Next, Play, the slider and the arrow keys ask no server.

All frames are sent once, as the HTML that `figures` makes, packed in parts: a part that is full is
an element of the page, which a browser keeps, so that a move that adds a frame sends the last part
alone. Every press counts, however quick. Where the visitor rests, Python hears of it, so that
address and other pictures follow; and where Python goes to a place by itself (a link, Start over),
the browser follows.
"""

import gzip
import json
from base64 import b64encode
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple
from zlib import crc32

import streamlit as st

from lowrank.figures.exact import STYLE
from lowrank.language import current
from lowrank.language import gettext as _
from lowrank.ui.bound import BOUND

MOST = 1000  # frames after the first
PART = 6  # frames of a part
HTML = """<div class="walk-place"><div class="walk">
  <div class="walk-bar" role="group">
    <button type="button" class="walk-back"></button>
    <button type="button" class="walk-next"></button>
    <button type="button" class="walk-play"></button>
    <input type="range" class="walk-range" min="0">
  </div>
  <div class="walk-said" aria-live="polite"></div>
  <div class="walk-picture"></div>
  <div class="walk-after"></div>
</div></div>"""
# A container that is in the page for what it keeps, with the gap that it would leave.
UNSEEN = "<style>:has(> .st-key-{key}), .st-key-{key} {{ display: none; }}</style>"
_file = Path(__file__)
# A component's own script and style go along with each of its messages; these a browser keeps.
LOOK = f"{STYLE}<style>{_file.with_suffix('.css').read_text(encoding='utf-8')}</style>"
SCRIPT = f"<script>{_file.with_suffix('.js').read_text(encoding='utf-8')}</script>"
_component = st.components.v2.component(
    "lowrank_stepper",
    html=HTML,
    js="""export default (args) => {
  const begin = () => (window.lowrankWalk ? window.lowrankWalk(args) : setTimeout(begin, 10));
  begin();
};""",
    isolate_styles=False,
)

# A box whose content is sent packed, a sixth of its bytes; its style is the frames'.
_history = st.components.v2.component(
    "lowrank_history",
    html='<div class="lr-history" tabindex="0"></div>',
    js="""export default ({ data, parentElement }) => {
  const box = parentElement.querySelector('.lr-history');
  const open = new Blob([data]).stream().pipeThrough(new DecompressionStream('gzip'));
  new Response(open).text().then((html) => {
    if (box.shown !== html) box.innerHTML = box.shown = html;
  });
};""",
    isolate_styles=False,
)


class Frame(NamedTuple):
    """One place: what is said of it, its picture and what it adds up to, each as HTML."""

    said: str
    picture: str
    after: str = ""


@dataclass(frozen=True)
class Packed:
    """Frames as they are sent: full parts of pictures, and the rest, with what is said of all.

    `made_of` tells parts that are alike from others.
    """

    parts: tuple[bytes, ...]
    rest: bytes
    made_of: tuple[int, ...] = ()


class _Told(NamedTuple):
    """Where Python sent the browser: in which frames, for the how manieth time, to which one."""

    of: int = 0
    turn: int = 0
    at: int = -1


def stepper(
    key: str,
    of: Hashable,
    frames: Callable[[], Sequence[Frame]],
    at: int,
    on_rest: Callable[[int], None],
    names: tuple[str, str] | None = None,
    said: str = "",
) -> None:
    """The frames, seen from `at`; `on_rest` is called with the place where the visitor rests.

    `frames` is called once for each `of`, which says what they are made of, and language. What is
    `said` here and now stands in the place of what the frame says. Frames that are made as one
    goes have `names` of their own for back and next, and are not played.
    """
    state, of = st.session_state, (current(), of)
    packed_key, told_key, heard_key = (f"{key}_{part}" for part in ("packed", "told", "heard"))
    made_of, sent = state.get(packed_key, (None, None))
    if made_of != of:
        sent = packed(frames(), sent)
        state[packed_key] = of, sent
    marks = [crc32(part) for part in sent.parts]
    told, mark = state.get(told_key, _Told()), crc32(repr(marks).encode() + sent.rest)
    if told.of != mark or at != state.get(heard_key, told.at):
        state[told_key] = told = _Told(mark, told.turn + 1, at)
        state.pop(heard_key, None)

    def rested() -> None:
        rest = state[f"{key}_walk"].rested
        if rest and rest["of"] == state[told_key].of:
            state[heard_key] = int(rest["at"])
            on_rest(state[heard_key])

    head: dict[str, Any] = {"key": key, "watched": names is None, **told._asdict()}
    head["parts"] = marks
    head["names"] = names or (_("Back"), _("Next"))
    head["words"] = {
        "play": _("Play"),
        "pause": _("Pause"),
        "steps": _("Steps"),
        "step": _("Step"),
        "place": _("{here} of {last}"),
    }
    if said:
        head["said"] = {"at": at, "html": said.replace(STYLE, "")}
    data = json.dumps(head).encode() + b"\n" + sent.rest
    with st.container(key=f"{key}_script", height=1, border=False):
        st.html(f"{UNSEEN.format(key=f'{key}_script')}{LOOK}")
        st.html(SCRIPT, unsafe_allow_javascript=True)
        for part_mark, part in zip(marks, sent.parts, strict=True):
            st.html(f'<i data-walk="{part_mark}">{b64encode(part).decode()}</i>')
    _component(key=f"{key}_walk", data=data, on_rested_change=rested)


def walked(key: str, of: Hashable, frames: Callable[[], Sequence[Frame]], total: int) -> int:
    """The same with its place in the address, under `key`; returns the place."""
    with st.container(key=f"{key}_kept", height=1, border=False):
        st.html(UNSEEN.format(key=f"{key}_kept"))
        st.number_input(_("Step"), 0, MOST, key=key, **BOUND)
    at = min(int(st.session_state[key] or 0), total)
    stepper(key, of, frames, at, lambda place: st.session_state.update({key: place}))
    return at


def history(inside: str) -> None:
    """The moves of a derivation, in a box of fixed height below its frames."""
    _history(key="history", data=gzip.compress(inside.encode(), mtime=0))


def packed(frames: Sequence[Frame], before: Packed | None = None) -> Packed:
    """All frames, compressed; parts that are as they were `before` are taken from there.

    The style that each frame brings along is the page's once.

    >>> unpacked(packed([Frame("R1", f"{STYLE}<b>1</b>")]))
    [Frame(said='R1', picture='<b>1</b>', after='')]
    """
    plain = [Frame(*(part.replace(STYLE, "") for part in frame)) for frame in frames]
    drawn = [(frame.picture, frame.after) for frame in plain]
    full = len(drawn) // PART * PART
    known = dict(zip(before.made_of, before.parts, strict=True)) if before else {}
    made_of, parts = [], []
    for at in range(0, full, PART):
        part = tuple(drawn[at : at + PART])
        made_of.append(hash(part))
        parts.append(known.get(made_of[-1]) or _compressed(part))
    rest = _compressed([[frame.said for frame in plain], drawn[full:]])
    return Packed(tuple(parts), rest, tuple(made_of))


def _compressed(content: object) -> bytes:
    return gzip.compress(json.dumps(content, ensure_ascii=False).encode(), mtime=0)


def unpacked(sent: Packed) -> list[Frame]:
    """The inverse of `packed`."""
    said, rest = json.loads(gzip.decompress(sent.rest))
    full = [drawn for part in sent.parts for drawn in json.loads(gzip.decompress(part))]
    return [Frame(words, *drawn) for words, drawn in zip(said, [*full, *rest], strict=True)]
