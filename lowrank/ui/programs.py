"""The pages' numbers as programs, as they are chosen now: what “The code for this” shows first."""

from fractions import Fraction
from typing import Any

import streamlit as st

from lowrank.llama.names import LINEAR
from lowrank.readers import Model, TensorInfo
from lowrank.ui import article, thread
from lowrank.ui.adapters import HUB, SYNTHETIC
from lowrank.ui.lora import nameable


def held(key: str, usual: Any) -> Any:
    """What is chosen under a key; before its widget was drawn, what it begins with."""
    found = st.session_state.get(key)
    return usual if found is None else found


def of_truncation(model: Model, info: TensorInfo) -> str:
    """The numbers beside the spectrum."""
    m, n = info.shape
    return f"""from lowrank.readers import open_model
from lowrank.spectra.svd import energy, frobenius, full, residual_norm, truncation_error

W = open_model({nameable(model.source)!r}).read({info.name!r})  # ({m}, {n})
svd, k = full(W), {held("k", 1)}
norm = frobenius(svd.s)
print(f"Energy kept: {{energy(svd.s, k):.2%}}")
print(f"Error, predicted: {{truncation_error(svd.s, k) / norm:.8g}}")
print(f"Error, measured: {{residual_norm(W, svd.top(k)) / norm:.8g}}")
"""


def of_atlas(model: Model, info: TensorInfo, measure: str) -> str:
    """The chosen matrix measured as the survey did; the whole survey as a comment."""
    return f"""from lowrank.atlas import measured, survey
from lowrank.readers import open_model
from lowrank.spectra.svd import singular_values

model = open_model({nameable(model.source)!r})
name = {info.name!r}
found = singular_values(model.read(name))
row = measured(model.tensors[name], found.s, float(found.bound.max()))
print(name, {measure!r}, row.{measure})
# Every matrix takes minutes; it can be stopped, and goes on where it was:
# found = survey(model, folder="survey")
"""


def of_thread(source: str) -> str:
    """Rank and A = C R of the small matrix, its nearest matrix, and the real weights' energy."""
    typed, noise = held("A", thread.FIRST), held("noise_size", 0.1)
    name = f"{thread.name_of(thread.LAYER, thread.KIND)}.weight"
    return f"""import numpy as np

from lowrank import exact
from lowrank.readers import open_model
from lowrank.spectra.svd import energy, full, residual_norm, truncation_error

A = exact.parse_matrix({typed!r})
print("rank:", exact.rank(A))
print("A = C R:", exact.cr(A))
X = np.array(A, dtype=np.float64)
X += {noise} * np.random.default_rng(0).standard_normal(X.shape)
svd, k = full(X), {held("best", "exact.rank(A)")}
print(f"predicted error at rank {{k}}: {{truncation_error(svd.s, k):.3g}}")
print(f"measured: {{residual_norm(X, svd.top(k)):.3g}}")
s = full(open_model({source!r}).read({name!r})).s
print(f"Energy kept: {{energy(s, {held("kth", 64)}):.1%}}")
"""


def of_article() -> str:
    """The visitor's own claim, judged."""
    what, r = held("what", LINEAR[0]), held("beside r", None)
    bits = Fraction(article.BYTES[held("bits", "float32")])
    names = [what] if what in LINEAR else [*LINEAR]
    times = " * config.num_hidden_layers" if what == article.ALL_LAYERS else ""
    return f"""from fractions import Fraction

from lowrank.memory import PUBLISHED
from lowrank.memory.claims import recounted

config = PUBLISHED[{held("llama", next(iter(article.LLAMA2)))!r}]
shapes = [config.projection_shape(name) for name in {names}]{times}
print(recounted({held("said", "64 MB")!r}, shapes, {bits!r}, {None if r is None else int(r)}))
"""


def of_adapter(model: Model, info: TensorInfo) -> str:
    """The numbers of one module's update."""
    chosen, module = held("adapter", SYNTHETIC), info.name.removesuffix(".weight")
    if chosen == SYNTHETIC:
        r = held("change_rank", 8)
        made = f"""names = matrices(model)
shapes = {{name.removesuffix(".weight"): model.tensors[name].shape for name in names}}
adapter = adapters.untrained(shapes, AdapterConfig(r={r}, lora_alpha={2 * r}))"""
    else:
        made = (
            f"adapter = adapters.load({held('adapter_hub' if chosen == HUB else 'kept', chosen)!r})"
        )
    return f"""from lowrank.atlas import matrices
from lowrank.lora import AdapterConfig, adapters
from lowrank.readers import open_model

model = open_model({nameable(model.source)!r})
{made}
found = adapters.effect(adapter.pairs[{module!r}])
print(f"scale {{found.scale:.3g}}, norm {{found.norm:.3g}}")
print(f"effective rank {{found.effective_rank:.1f}} of {{found.r}}")
W = adapters.merged(model, adapter, {info.name!r})
# adapters.export(model, adapter, "merged")  # safetensors that transformers loads
"""
