"""What all pages share: which model, and which of its matrices. app.py draws it; pages read it.

Streamlit drops a page's own parameters from the address when another page is opened, even one that
has widgets of the same names. What app.py draws belongs to every page, so the choice stays.
"""

from collections import Counter
from dataclasses import dataclass

import streamlit as st

from lowrank.errors import InputError, LowrankError
from lowrank.language import gettext as _
from lowrank.llama.names import LABELS, within
from lowrank.readers import Model, TensorInfo
from lowrank.ui import model_picker, visitor_language
from lowrank.ui.bound import BOUND, fitted, offer, takes
from lowrank.ui.outside import as_text

MODEL, MATRIX = "model", "matrix"  # what a page may need
SHARED = *model_picker.SHARED, "proj", "layer"  # keys of all that is drawn here


@dataclass(frozen=True)
class Choice:
    """What the sidebar was to ask and what was chosen; None where that is not known yet."""

    need: str
    model: Model | None = None
    info: TensorInfo | None = None
    problem: LowrankError | None = None


def draw(need: str) -> None:
    """Draw the widgets for MODEL, MATRIX or, if a page needs nothing, none; app.py's part.

    What is wrong with the choice is left for the page to say, below its own head.
    """
    model = info = problem = None
    waiting = st.empty()
    with st.sidebar:
        try:
            if need:
                model = model_picker.pick(waiting)
            if model and need == MATRIX:
                info = pick(model)
        except LowrankError as error:
            problem = error
            waiting.empty()
        visitor_language.switch()
    st.session_state["chosen"] = Choice(need, model, info, problem)


def chosen_model() -> Model:
    """The model chosen in the sidebar, open.

    Whatever it still needs (a download, an id, a file) is asked for in the page, and the script
    stops until it is there. Raises our own errors for an id or a file that is none.
    """
    choice = st.session_state["chosen"]
    if not choice.need:  # app.py ran before it was known which view the page shows
        st.rerun()
    if choice.problem:
        raise choice.problem
    return choice.model or model_picker.ask()


def chosen_matrix() -> tuple[Model, TensorInfo]:
    """The model and the matrix chosen in the sidebar; the matrix is fetched if it is elsewhere.

    Stops and raises as `chosen_model` does.
    """
    model, choice = chosen_model(), st.session_state["chosen"]
    if choice.need != MATRIX:
        st.rerun()
    model_picker.bring(model, choice.info)
    return model, choice.info


def pick(model: Model) -> TensorInfo:
    """Which matrix of the model; raises InputError if it has none, or none of that kind there."""
    matrices = by_place(model)
    present = {place for place, _ in matrices}
    kinds = [kind for kind in LABELS if kind in present] + sorted(present - set(LABELS))
    offer("proj", kinds)
    chosen = st.selectbox(
        _("Matrix"),
        kinds,
        key="proj",
        help=_("Attention has q, k, v and o; the MLP has gate, up and down."),
        format_func=label,
        **BOUND,
        filter_mode=None,
    )
    layers = [layer for place, layer in matrices if place == chosen and layer is not None]
    # Drawn even for the embeddings, which have no layer, so that nothing below it jumps.
    last = max((layer for _, layer in matrices if layer is not None), default=0)
    takes("layer", 0, last)
    layer = fitted(
        _("Layer"),
        "layer",
        range(max(last, 1) + 1),  # a slider needs two ends, even where it is disabled
        last // 2,  # the first and the last layer are often the exceptions
        disabled=not layers or last == 0,
    )
    info = matrices.get((chosen, layer if layers else None))
    if info is None:
        raise InputError(
            "Layer {layer} of {title} has no {chosen}.",
            layer=layer,
            title=model.title,
            chosen=label(chosen),
        )
    st.caption(as_text(provenance(model, info)))
    return info


def label(kind: str) -> str:
    """What a projection is called in the sidebar and in the link."""
    return _(LABELS[kind]) if kind in LABELS else kind


def by_place(model: Model) -> dict[tuple[str, int | None], TensorInfo]:
    """The model's matrices by projection and layer; those that these do not tell apart by name.

    A Llama has one of each projection in a layer. Of what a layer has several, as experts, each is
    called by its name within the layer; what is in no layer is a list of names. The named parts of
    fused matrices are among them.

    Raises InputError if the model has no matrix at all.
    """
    everything = (*model.tensors.values(), *model.parts.values())
    matrices = [t for t in everything if len(t.shape) == 2 and 0 not in t.shape]
    if not matrices:
        raise InputError(
            "{title} has no matrix: none of its tensors has two dimensions.",
            title=model.title,
        )
    places = Counter((t.projection, t.layer) for t in matrices)
    found: dict[tuple[str, int | None], TensorInfo] = {}
    for t in matrices:
        own = places[t.projection, t.layer] == 1
        if own and t.projection and (t.layer is not None or t.projection in LABELS):
            found[t.projection, t.layer] = t
        elif t.layer is not None:
            found[within(t.name, t.layer), t.layer] = t
        else:
            found[t.name, None] = t
    return found


def provenance(model: Model, info: TensorInfo) -> str:
    """What a matrix is, honestly: model, tensor, shape, stored precision, real or synthetic.

    And what else must be known of it, such as an order of rows that is not known.
    """
    shape = " × ".join(f"{size:,}" for size in info.shape)
    if model.kind == "synthetic":
        facts = [_("drawn"), _("synthetic: random numbers")]
    else:
        facts = [_("stored {dtype}, shown as float32").format(dtype=info.stored_as), _("real")]
    return " · ".join([model.title, info.name, shape, *facts, *filter(None, [_(info.note)])])
