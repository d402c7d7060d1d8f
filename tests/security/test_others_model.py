"""Visitors bring files that look alike: each sees the own numbers, none another's name."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from safetensors.numpy import save
from streamlit.testing.v1 import AppTest

from lowrank.readers import uploads
from lowrank.ui import cached
from lowrank.ui.model_picker import MODELS, UPLOAD
from tests.pages import opening

Q = "model.layers.0.self_attn.q_proj.weight"


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("LOWRANK_CACHE", str(tmp_path))


def look_alike(rank: int) -> bytes:
    """A model with the same names, shapes and bytes as any other of these, but in its numbers."""
    rng = np.random.default_rng(rank)
    W = rng.standard_normal((24, rank)) @ rng.standard_normal((rank, 16))
    return save({Q: W.astype(np.float32)})


RANKS = range(1, 9)


def test_look_alikes_at_once_are_told_apart():
    names = [uploads.keep("mine.safetensors", look_alike(rank)) for rank in RANKS]
    sources = [str(uploads.find(name)) for name in names] * 4
    with ThreadPoolExecutor(8) as visitors:
        spectra = list(visitors.map(lambda source: cached.spectrum(source, Q), sources))
    assert [int(np.sum(s > 1e-4 * s[0])) for s in spectra] == [*RANKS] * 4


def opened(file: str) -> AppTest:
    return opening.opened("truncation", model=MODELS[UPLOAD], file=file)


def test_nobody_sees_the_name_of_anothers_file():
    mine = uploads.keep("mine.safetensors", look_alike(2))
    theirs = uploads.keep("a_secret_thesis.safetensors", look_alike(3))
    assert "a_secret_thesis" in everything(opened(theirs))
    seen = everything(opened(mine))
    assert "mine" in seen
    assert "a_secret_thesis" not in seen


def everything(app: AppTest) -> str:
    """All that is sent to a browser."""
    assert not app.exception
    return "".join(str(node) for tree in (app.main, app.sidebar) for node in nodes(tree))


def nodes(block):
    for child in block.children.values():
        yield child.proto if hasattr(child, "proto") else ""
        if hasattr(child, "children"):
            yield from nodes(child)
