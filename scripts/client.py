"""A visitor without a browser: Streamlit's own websocket protocol, to load a server with many.

It opens pages, moves sliders, types and presses buttons as the browser's side of Streamlit does
it: it keeps the messages that may be kept, states the widgets it has moved, and runs a fragment
alone where the widget belongs to one.
"""

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any

import websockets
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState

WIDGETS = ("slider", "button", "text_input")
PROBLEM = ":material/error:"  # the sign before what went wrong; see `lowrank.ui.layout.say`
SIDEBAR = 1  # the first number of an element's place


@dataclass(frozen=True)
class Widget:
    """Something on the page that can be moved."""

    kind: str
    proto: Any
    fragment: str
    sidebar: bool

    @property
    def places(self) -> int:
        """In how many places a slider can stand."""
        slider = self.proto
        return len(slider.options) or 1 + round((slider.max - slider.min) / (slider.step or 1))


@dataclass(frozen=True)
class Answer:
    """One run of a page: how long it took, what was sent, and which errors it showed."""

    seconds: float
    sent: int
    errors: list[str] = field(default_factory=list)


class Visitor:
    """One session; use it as `async with Visitor(port) as visitor`."""

    def __init__(self, port: int, patience: float = 120, cookie: str = "") -> None:
        self.host, self.patience, self.cookie = f"127.0.0.1:{port}", patience, cookie
        self.page = self.script = self.query = ""
        self.moved: dict[str, WidgetState] = {}
        self.widgets: dict[str, Widget] = {}
        self.again: set[str] = set()  # fragments that are to be drawn every so often
        self.kept: dict[str, ForwardMsg] = {}

    async def __aenter__(self) -> "Visitor":
        self.socket = await websockets.connect(
            f"ws://{self.host}/_stcore/stream",
            subprotocols=[websockets.Subprotocol("streamlit")],
            origin=websockets.Origin(f"http://{self.host}"),
            additional_headers={"Cookie": self.cookie} if self.cookie else None,
            max_size=None,
            open_timeout=self.patience,
            ping_interval=None,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.socket.close()

    async def open(self, address: str) -> Answer:
        """Go to a page: its name, and after a ? what the link says."""
        self.page, _, self.query = address.partition("?")
        self.script, self.moved = "", {}
        return await self._run()

    async def slide(self, widget: Widget, at: int) -> Answer:
        """Move a slider to one of its places, counted from 0."""
        slider, state = widget.proto, WidgetState(id=widget.proto.id)
        if slider.options:
            state.string_array_value.data.append(slider.options[at])
        else:
            value = slider.min + (slider.step or 1) * at
            state.double_array_value.data.extend([value] * max(1, len(slider.default)))
        return await self._run(widget.fragment, state)

    async def press(self, widget: Widget) -> Answer:
        """Press a button."""
        state = WidgetState(id=widget.proto.id, trigger_value=True)
        return await self._run(widget.fragment, state)

    async def type(self, widget: Widget, words: str) -> Answer:
        """Write into a field and leave it."""
        return await self._run(widget.fragment, WidgetState(id=widget.proto.id, string_value=words))

    async def watch(self) -> None:
        """Draw the parts again that the page asked to be drawn every so often."""
        for fragment in list(self.again):
            if fragment in self.again:  # the run of another may have drawn the page without it
                await self._run(fragment)

    def here(self, kind: str, label: str = "", sidebar: bool = False) -> list[Widget]:
        """What of a kind can be moved on the page, or beside it."""
        return [
            w
            for w in self.widgets.values()
            if w.kind == kind and w.sidebar == sidebar and not w.proto.disabled
            if label in ("", w.proto.label)
        ]

    async def _run(self, fragment: str = "", state: WidgetState | None = None) -> Answer:
        message = BackMsg()
        run = message.rerun_script
        run.query_string, run.page_script_hash = self.query, self.script
        run.page_name = "" if self.script else self.page
        run.fragment_id = fragment
        run.context_info.timezone, run.context_info.locale = "UTC", "en-US"
        run.context_info.url = f"http://{self.host}/{self.page}"
        run.cached_message_hashes.extend(self.kept)
        if state:
            self.moved[state.id] = state
        run.widget_states.widgets.extend(self.moved.values())
        if state and state.HasField("trigger_value"):
            del self.moved[state.id]
        started = time.perf_counter()
        await self.socket.send(message.SerializeToString())
        return await self._answer(started)

    async def _answer(self, started: float) -> Answer:
        sent, errors = 0, []
        while True:
            raw = await asyncio.wait_for(self.socket.recv(decode=False), self.patience)
            sent += len(raw)
            message = ForwardMsg.FromString(raw)
            if message.ref_hash:
                message = self.kept[message.ref_hash]
            elif message.metadata.cacheable:
                self.kept[message.hash] = message
            kind = message.WhichOneof("type")
            if kind == "new_session" and not message.metadata.run.fragment_ids:
                self.widgets, self.again = {}, set()  # also where the page asked to be run anew
            elif kind == "navigation":
                self.script = message.navigation.page_script_hash or self.script
            elif kind == "page_info_changed":
                self.query = message.page_info_changed.query_string
            elif kind == "auto_rerun":
                self.again.add(message.auto_rerun.fragment_id)
            elif kind == "stop_auto_rerun":
                self.again -= set(message.stop_auto_rerun.fragment_ids)
            elif kind == "delta":
                errors += self._seen(message)
            elif kind == "script_finished":
                if message.script_finished == ForwardMsg.FINISHED_EARLY_FOR_RERUN:
                    continue
                if message.script_finished == ForwardMsg.FINISHED_WITH_COMPILE_ERROR:
                    errors.append("the page does not compile")
                return Answer(time.perf_counter() - started, sent, errors)

    def _seen(self, message: ForwardMsg) -> list[str]:
        """Keep what can be moved; the errors shown."""
        element = message.delta.new_element
        kind = element.WhichOneof("type") or ""
        if kind in WIDGETS:
            proto, place = getattr(element, kind), message.metadata.delta_path
            self.widgets[proto.id] = Widget(
                kind, proto, message.delta.fragment_id, place[0] == SIDEBAR
            )
        if kind == "exception":
            return [f"{element.exception.type}: {element.exception.message}"]
        if kind == "alert" and element.alert.icon == PROBLEM:
            return [element.alert.body]
        return []
