"""What the Adapter page makes: a smaller adapter, a merged model verified, an adapter extracted."""

import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from math import prod, sqrt
from pathlib import Path

import streamlit as st

from lowrank.figures.adapter import principal_angles
from lowrank.files import cache_folder, drop_oldest
from lowrank.language import Sentence, gettext_noop
from lowrank.language import gettext as _
from lowrank.lora.adapters import (
    Adapter,
    Extracted,
    Verified,
    export,
    merged_names,
    resized,
    save,
)
from lowrank.lora.adapters.comparison_report import angles, answer, comparison_report, records
from lowrank.lora.adapters.extracting import extractable, extracted
from lowrank.lora.adapters.resizing import ENOUGH
from lowrank.lora.adapters.verifying import said as said_of
from lowrank.lora.adapters.verifying import summary, verified
from lowrank.readers import Model, Remote, open_model, uploads
from lowrank.readers.difference import Difference
from lowrank.spectra.svd import energy
from lowrank.ui import cached
from lowrank.ui.adapters import AT_ONCE, MINE, Chosen, adapter_at, other_picker
from lowrank.ui.atlas import other_model
from lowrank.ui.bound import choice, rank_slider
from lowrank.ui.downloads import zipped
from lowrank.ui.drawing import chart
from lowrank.ui.jobs import Doing
from lowrank.ui.layout import text
from lowrank.ui.outside import as_text
from lowrank.ui.progress import mine, sought, visitor, watched
from lowrank.ui.taking import File, table, take_home

PATIENCE = 60.0  # seconds such work goes on when nobody looks
STORED = gettext_noop("as stored")
EXTRACTED = 16  # the rank at first


@dataclass(frozen=True)
class Checked:
    """Every tensor of a merged model, beside what base and adapter make."""

    rows: tuple[Verified, ...]


@dataclass(frozen=True)
class Kept:
    """An extracted adapter: under which name it is kept, and what became of each matrix."""

    name: str
    rows: tuple[Extracted, ...]


def shrink(adapter: Adapter, key: str, name: str) -> None:
    """A lower rank, what it loses, and the adapter at that rank to take home."""
    effects, asked = cached.effects(adapter, key), cached.asked_ranks(adapter, key)
    most = max(pair.r for pair in adapter.pairs.values())
    left, right = st.columns([3, 2], vertical_alignment="bottom")
    with left:
        r = rank_slider(_("Shrink to rank"), "shrink_r", most, max(asked.values()))
    lost = [sqrt(max(0.0, 1 - energy(e.s, min(r, len(e.s))))) for e in effects]
    right.download_button(
        _("Shrink to {r} and download").format(r=r),
        partial(shrunk, adapter, r),
        f"{name}-r{r}.zip",
        "application/zip",
        icon=":material/compress:",
        on_click="ignore",
        width="stretch",
    )
    told = _(
        "{numbers:,} numbers of {all:,}. Of each update s·BA at least {least:.1%} and at most "
        "{most:.1%} is lost, by norm."
    )
    pairs = adapter.pairs.values()
    numbers = sum(min(r, p.r) * (len(p.B) + p.A.shape[1]) for p in pairs)
    st.caption(
        told.format(numbers=numbers, all=adapter.parameters, least=min(lost), most=max(lost))
    )
    st.caption(text("adapter", "suggest").format(share=f"{100 * ENOUGH:.0f} %"))
    st.code(f"LoraConfig(r={max(asked.values())}, rank_pattern={asked})", language="python")


def shrunk(adapter: Adapter, r: int) -> bytes:
    """An adapter at a lower rank, as a zip of its two files."""
    with tempfile.TemporaryDirectory() as work:
        return zipped(save(resized(adapter, r)[0], work))


def merge(model: Model, where: str | int, key: str) -> None:
    """Merge the adapter, open the result again, and hold every tensor to what it should be."""
    kinds = [STORED, "F32", "F16", "BF16"]
    dtype = choice(_("Numbers of the merged model"), kinds, STORED, key="merge_as")
    if model.kind == "synthetic":
        st.caption(text("adapter", "merge synthetic"))
        return
    size = sum(prod(info.shape) for info in model.tensors.values())
    if size > cached.MOST_NUMBERS or isinstance(model, Remote):
        st.caption(text("adapter", "merge large"))
        return
    what = f"merge {cached.version(model.source)} {key} {dtype}"
    work = partial(_merging, model.source, where, "stored" if dtype == STORED else dtype)
    job = sought(what, work, "merge", PATIENCE, ask=_("Merge and verify"))
    watched(job)
    found = job.newest(Checked) if job else None
    if found:
        bad = [row for row in found.rows if row.verdict != "equal"]
        if bad:
            st.error(as_text("\n".join(said_of(row) for row in bad[:10])), icon=":material/error:")
        else:
            st.success(as_text(summary(found.rows)), icon=":material/check:")


def _merging(source: str, where: str | int, dtype: str) -> Iterator[Doing | Checked]:
    model = cached.model(source)
    adapter = adapter_at(where, source)
    count, rows = len(merged_names(model, adapter)), list[Verified]()
    with workspace("merged") as work:
        yield Doing(0.0, Sentence("Merging into {title}", title=model.title))
        export(model, adapter, work / "model", dtype)  # type: ignore[arg-type]
        for row in verified(model, adapter, open_model(work / "model")):
            rows.append(row)
            yield Doing(0.5 + len(rows) / count / 2, Sentence("Verifying {name}", name=row.name))
    yield Checked(tuple(rows))


def extract(model: Model, page: Path) -> None:
    """The adapter between the model in the sidebar and one that was tuned from it."""
    st.caption(text("adapter", "extract"))
    left, right = st.columns(2)
    with left:
        label, told = _("Tuned from it"), text("adapter", "help tuned")
        tuned = other_model(model, label, "tuned_model", told)
    if tuned is None:
        return
    names = extractable(difference := Difference(model, tuned))
    with right:
        most = min(min(difference.tensors[name].shape) for name in names)
        r = rank_slider(_("Rank"), "extract_r", most, EXTRACTED, doubling=True)
    size = sum(difference.tensors[name].nbytes for name in names)
    if size > AT_ONCE or any(isinstance(each, Remote) for each in (model, tuned)):
        st.caption(text("adapter", "extract large"))
        return
    what = f"extract {visitor()} {cached.version(difference.source)} {r}"
    work = partial(_extracting, model.source, tuned.source, r)
    job = sought(what, work, "extract", PATIENCE, ask=_("Extract"))
    watched(job)
    found = job.newest(Kept) if job and mine(job) else None
    if found:
        took(found, page)


def took(found: Kept, page: Path) -> None:
    """What was extracted, and the ways to it."""
    uploads.SHARES.add(visitor(), uploads.find_adapter(found.name))
    moved = [row for row in found.rows if row.r]
    told = _(
        "{count:,} of {all:,} matrices differ; of each change at least {least:.1%} and at most "
        "{most:.1%} is not in the adapter, by norm."
    )
    st.markdown(
        told.format(
            count=len(moved),
            all=len(found.rows),
            least=min(row.error for row in moved),
            most=max(row.error for row in moved),
        )
    )
    with st.container(horizontal=True):
        st.download_button(
            _("Download the extracted adapter"),
            partial(zipped, uploads.find_adapter(found.name)),
            f"{found.name}.zip",
            "application/zip",
            icon=":material/download:",
            on_click="ignore",
        )
        st.page_link(
            page,
            label=_("Look at it here"),
            icon=":material/extension:",
            query_params={"adapter": MINE, "kept": found.name},
        )


def _extracting(base: str, tuned: str, r: int) -> Iterator[Doing | Kept]:
    models = cached.model(base), cached.model(tuned)
    count, rows = len(extractable(Difference(*models))), list[Extracted]()
    with workspace("extracted") as work:
        for row in extracted(*models, work / "adapter", r):
            rows.append(row)
            yield Doing(len(rows) / count, Sentence("Extracting {name}", name=row.module))
        files = {path.name: path.read_bytes() for path in (work / "adapter").iterdir()}
    yield Kept(uploads.keep_adapter(files), tuple(rows))


def compare(model: Model, chosen: Chosen, module: str) -> None:
    """Whether another adapter uses the same directions: of all modules, and those of one."""
    st.caption(text("adapter", "compare"))
    other = other_picker(model)
    if other is None:
        return
    rows = cached.alike(chosen.adapter, chosen.key, other.adapter, other.key)
    st.markdown(answer(rows))
    used = [row for row in rows if row.shared_in is not None]
    if not used:
        return
    row = next((row for row in used if row.module == module), used[0])
    chart(
        principal_angles([row.inputs, row.outputs], [_("inputs"), _("outputs")], row.chance_in),
        "principal angles",
        _(
            "Cosines of the principal angles between the two updates of {module}: {inputs:.1%} of "
            "the inputs in common, {outputs:.1%} of the outputs"
        ).format(module=row.module, inputs=row.shared_in, outputs=row.shared_out),
    )
    st.caption(as_text(row.module))
    take_home(
        table(_("Every module"), "adapters", lambda: records(rows)),
        File(_("Every angle, JSON"), "adapters.json", lambda: json.dumps(angles(rows))),
        File(
            _("Report, HTML"),
            "adapters.html",
            lambda: comparison_report(rows, chosen.name, other.name),
        ),
    )


@contextmanager
def workspace(name: str) -> Iterator[Path]:
    """A folder in the cache for as long as work takes; what killed work left a day ago goes."""
    where = cache_folder() / name
    where.mkdir(parents=True, exist_ok=True)
    drop_oldest(where, sys.maxsize)
    with tempfile.TemporaryDirectory(suffix=".new", dir=where) as folder:
        yield Path(folder)
