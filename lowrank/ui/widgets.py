"""What all pages share in the sidebar: which model, and which of its matrices."""

from collections import Counter

import streamlit as st

from lowrank.errors import InputError
from lowrank.readers import Model, TensorInfo
from lowrank.ui.layout import for_all_pages
from lowrank.ui.model_picker import bring, model_in_use

# Labels are what the link says, so they are short and do not change.
LABELS = {
    "q_proj": "q",
    "k_proj": "k",
    "v_proj": "v",
    "o_proj": "o",
    "gate_proj": "gate",
    "up_proj": "up",
    "down_proj": "down",
    "embed_tokens": "embeddings",
    "lm_head": "head",
}


@for_all_pages()
def matrix_picker() -> tuple[Model, TensorInfo]:
    """The model and matrix chosen in the sidebar and kept in the link; one choice for all pages.

    Fetches the default model when it is first needed, and stops the script until it is here or
    the visitor goes on without it.
    """
    model = model_in_use()
    matrices = by_place(model)
    present = {place for place, _ in matrices}
    kinds = [kind for kind in LABELS if kind in present] + sorted(present - set(LABELS))
    with st.sidebar:
        chosen = st.selectbox(
            "Matrix",
            kinds,
            key="proj",
            help="Attention has q, k, v and o; the MLP has gate, up and down.",
            format_func=label,
            bind="query-params",
            persist_state="session",
            filter_mode=None,
        )
        layers = sorted(layer for p, layer in matrices if p == chosen and layer is not None)
        # Drawn even for the embeddings, which have no layer, so that nothing below it jumps.
        last = max((layer for _, layer in matrices if layer is not None), default=0)
        if st.session_state.get("layer", 0) > last:  # kept from a deeper model
            st.session_state["layer"] = last
        layer = st.slider(
            "Layer",
            0,
            max(last, 1),  # a slider needs two ends, even where it is disabled
            key="layer",
            disabled=not layers or last == 0,
            bind="query-params",
            persist_state="session",
        )
    where = (chosen, layer if layers else None)
    if where not in matrices:
        raise InputError(f"Layer {layer} of {model.title} has no {label(chosen)}.")
    info = matrices[where]
    st.sidebar.caption(provenance(model, info))
    bring(model, info)
    return model, info


@for_all_pages()
def model_picker() -> Model:
    """The model chosen in the sidebar, the same for all pages; see `matrix_picker`."""
    return model_in_use()


def label(kind: str) -> str:
    """What a projection is called in the sidebar and in the link."""
    return LABELS.get(kind, kind)


def by_place(model: Model) -> dict[tuple[str, int | None], TensorInfo]:
    """The model's matrices by projection and layer; those that these do not tell apart by name.

    A Llama has one of each projection in a layer. Experts, of which a layer has many, and the
    matrices of what is no Llama are a plain list of names.

    Raises InputError if the model has no matrix at all.
    """
    matrices = [t for t in model.tensors.values() if len(t.shape) == 2 and 0 not in t.shape]
    if not matrices:
        raise InputError(f"{model.title} has no matrix: none of its tensors has two dimensions.")
    places = Counter((t.projection, t.layer) for t in matrices)
    found: dict[tuple[str, int | None], TensorInfo] = {}
    for t in matrices:
        own = places[t.projection, t.layer] == 1
        if own and t.projection and (t.layer is not None or t.projection in LABELS):
            found[t.projection, t.layer] = t
        else:
            found[t.name, None] = t
    return found


def provenance(model: Model, info: TensorInfo) -> str:
    """What a matrix is, honestly: model, tensor, shape, stored precision, real or synthetic."""
    shape = " × ".join(f"{size:,}" for size in info.shape)
    stored = "drawn" if model.kind == "synthetic" else f"stored {info.dtype}, shown as float32"
    origin = "synthetic: random numbers" if model.kind == "synthetic" else "real"
    return f"{model.title} · {info.name} · {shape} · {stored} · {origin}"
