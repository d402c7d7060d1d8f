"""The Memory page's numbers as programs: what is chosen on the page, written down."""

from collections.abc import Callable, Mapping

import streamlit as st

from lowrank.memory.accounting import CARDS
from lowrank.readers import Model, TensorInfo
from lowrank.ui.lora import nameable
from lowrank.ui.memory import ADAM, BITS, MINE, OPEN, TARGETS, THIS_CARD
from lowrank.ui.programs import held


def sizes(model: Model) -> str:
    """The configuration that is chosen."""
    chosen = st.session_state.get("config", "Llama 2 7B")
    if chosen == MINE:
        pasted = st.session_state.get("config_json") or ""
        return f"from lowrank.memory.sizes import pasted\n\nconfig = pasted({pasted!r})"
    if chosen == OPEN:
        opened = f"open_model({nameable(model.source)!r})"
        return f"""from lowrank.memory.sizes import of_model
from lowrank.readers import open_model

config = of_model({opened})"""
    return f"from lowrank.memory import PUBLISHED\n\nconfig = PUBLISHED[{chosen!r}]"


def matrices(model: Model, info: TensorInfo) -> str:
    """Every tensor's bytes and all of them."""
    linear, rest = held("linear", "bfloat16"), held("rest", "bfloat16")
    return f"""from lowrank.memory import Storage, parameters, parts, weight_bytes
from lowrank.memory.accounting import PRECISIONS
{sizes(model)}
stored = Storage(PRECISIONS[{linear!r}], PRECISIONS[{rest!r}])
for part in parts(config):
    print(part.name, part.shape, part.copies, part.total, stored.of(part).nbytes(part))
print(f"{{parameters(config):,}} parameters, {{weight_bytes(config, stored) / 1e9:.2f}} GB")
"""


def _generation() -> str:
    context, batch, cards = held("context", 4096), held("batch", 1), held("cards", 1)
    return f"{context}, {batch}, {BITS[held('kv', next(iter(BITS)))]}, {cards}"


def inference(model: Model, info: TensorInfo) -> str:
    """Weights and cache in every storage, on each card."""
    return f"""from lowrank.memory import STORAGES, inference_memory
{sizes(model)}
asked = {_generation()}  # tokens, sequences, bits of a number of the cache, cards
for name, storage in STORAGES.items():
    print(name, f"{{inference_memory(config, storage, *asked).total / 1e9:,.2f}} GB")
"""


def _step() -> str:
    adam, paged = ADAM[held("adam", next(iter(ADAM)))]
    targets = TARGETS[held("targets", "q_proj, v_proj")]
    return f"""step = Step(
    tokens={held("tokens", 512)},
    batch={held("rows", 1)},
    r={held("bottleneck", 8)},
    targets={targets!r},
    recompute={held("recompute", False)},
    adam={adam!r},
    paged={paged},
)"""


def training(model: Model, info: TensorInfo) -> str:
    """What a step holds by every method."""
    return f"""from lowrank.memory.accounting import Precision
from lowrank.memory.fits import METHODS, Step
{sizes(model)}
{_step()}
for method in METHODS:
    print(method, f"{{step.memory(config, method).total / 1e9:,.2f}} GB")
"""


def fits(model: Model, info: TensorInfo) -> str:
    """The most that a card holds and trains."""
    card = f"{CARDS[held('card', THIS_CARD)] / 2**30:g}, {held('reserve', 1.0):g}"
    return f"""from lowrank.memory import inference_fits, room_of, training_fits
from lowrank.memory.accounting import Precision
from lowrank.memory.fits import Step
{sizes(model)}
room = room_of({card})  # GB of 2**30 bytes; of 10**9, left to driver and framework
for fit in inference_fits(config, room, {_generation()}):
    print(fit.storage, fit.context, fit.batch)
{_step()}
for fit in training_fits(config, room, step):
    print(fit.method, fit.tokens, fit.batch, fit.r)
"""


def quantization(model: Model, info: TensorInfo) -> str:
    """What a real matrix loses."""
    return f"""from lowrank.memory.quantization import roundings
from lowrank.readers import open_model

W = open_model({nameable(model.source)!r}).read({info.name!r})
for found in roundings(W, spectra=False):
    print(found.name, float(found.bits), f"{{found.share:.3%}}", found.largest)
"""


VIEWS: Mapping[str, Callable[[Model, TensorInfo], str]] = {
    "Matrices": matrices,
    "Inference": inference,
    "Training": training,
    "What fits": fits,
    "Quantization": quantization,
}
