"""The Redundancy page's numbers as programs, as they are chosen now."""

from collections.abc import Callable, Mapping

import streamlit as st

from lowrank.ui.lora import EMBEDDINGS, nameable
from lowrank.ui.programs import held
from lowrank.ui.redundancy import COMPRESS, FEATURES, RECOVER, WEIGHTS, WORKS, phases
from lowrank.ui.redundancy.compress import OWN
from lowrank.ui.redundancy.data import BLOCK
from lowrank.ui.redundancy.features import PRESETS
from lowrank.ui.redundancy.recover import MOST_ALS, MOST_SOFT, RATINGS, SOFT, TOL
from lowrank.ui.sidebar import chosen_matrix, chosen_model


def recover() -> str:
    """The error on hidden entries."""
    name, share, last = held("data", "tartan"), held("hidden", 50) / 100, held("lambda", -3.5)
    read, X = "from lowrank.figures.pictures import DRAWN", f"DRAWN[{name!r}]()"
    kept = "hide"
    if name == RATINGS:
        read, kept, X = "", "hide, ratings", "ratings().X"
    elif name == WEIGHTS:
        model, info = chosen_matrix()
        read = "from lowrank.readers import open_model"
        X = f"open_model({nameable(model.source)!r}).read({info.name!r})[:{BLOCK}, :{BLOCK}]"
    run = (
        f"als(X, seen, {held('rank', 6)}, held_out=~seen, penalty=last * largest, tol={TOL}, "
        f"max_iterations={MOST_ALS})"
    )
    if held("method", "ALS") == SOFT:
        run = (
            f"soft_impute(X, seen, held_out=~seen, penalties=default_path(largest, last).tolist(), "
            f"tol={TOL}, max_iterations={MOST_SOFT})"
        )
    return f"""{read}
from lowrank.spectra.completion import als, default_path, finish, largest_penalty, soft_impute
from lowrank.ui.redundancy.data import {kept}

X = {X}
seen = hide(X, {share}, {held("draw", 1)}, {held("whole", False)})
largest, last = largest_penalty(X, seen), {10.0**last!r}
result = finish({run})
print(f"Error on hidden entries: {{result.held_out_error:.3g}}, rank {{result.rank}}")
"""


def works() -> str:
    """How many trials were recovered."""
    size = held("size", phases.SIZES[0])
    ranks = range(1, size // 2 + 1, max(1, size // 30))
    return f"""from lowrank.spectra.phase_transition import phase

cells = list(phase({size}, {ranks!r}, {phases.FRACTIONS}, {held("trial", 1)}))
print(f"{{sum(cell.success for cell in cells)}} of {{len(cells)}} recovered")
"""


def features() -> str:
    """The share of the variance in each direction."""
    model, typed = chosen_model(), held("words", PRESETS["Capitals"])
    return f"""import numpy as np

from lowrank.llama.tokenizer import Tokenizer
from lowrank.readers import open_model
from lowrank.spectra.components import pca
from lowrank.ui.redundancy.features import read_words

model = open_model({nameable(model.source)!r})
E, tokenizer = model.read({EMBEDDINGS!r}), Tokenizer(model.vocabulary)
words, _lines = read_words({typed!r})
found = pca(np.stack([E[tokenizer.encode(" " + word)].mean(axis=0) for word in words]))
print([f"{{share:.1%}}" for share in found.explained[:2]])
"""


def compress() -> str:
    """What rank k of a picture keeps."""
    name = held("image", "skyline")
    read, X = "from lowrank.figures.pictures import DRAWN", f"DRAWN[{name!r}]()"
    if name == OWN:
        mine = st.session_state.get("own_picture")
        read = "from pathlib import Path\n\nfrom lowrank.figures.pictures import read_picture"
        X = f"read_picture(Path({mine.name if mine else 'mine.png'!r}).read_bytes())"
    return f"""{read}
from lowrank.spectra.svd import energy, frobenius, full, truncation_error

svd, k = full({X}), {held("terms", 6)}
print(f"Energy kept: {{energy(svd.s, k):.2%}}")
print(f"Relative error: {{truncation_error(svd.s, k) / frobenius(svd.s):.3g}}")
"""


VIEWS: Mapping[str, Callable[[], str]] = {
    RECOVER: recover,
    WORKS: works,
    FEATURES: features,
    COMPRESS: compress,
}
