"""Every cached call of the app: computed once, shared by all sessions, bounded, read-only.

Keys are names, never arrays: a model's source, with the stamps of its files, and a tensor's name
stand for one matrix.
"""

import threading
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from functools import partial, wraps
from inspect import Parameter, Signature, signature
from math import prod
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from lowrank.atlas import Survey, matrices, read_survey
from lowrank.errors import FormatError, InputError, SourceError
from lowrank.figures.matrix import Preview
from lowrank.figures.matrix import preview as small_preview
from lowrank.figures.pictures import DRAWN
from lowrank.files import cache_folder, drop_oldest
from lowrank.language import SOURCE, current, gettext_noop, speaking
from lowrank.language import gettext as _
from lowrank.llama import Params
from lowrank.llama import load as load_llama
from lowrank.llama.tokenizer import Tokenizer
from lowrank.lora.adapters import (
    Adapter,
    AdapterConfig,
    Effect,
    change,
    comparing,
    effect,
    load,
    ranks_by_kind,
    untrained,
)
from lowrank.lora.adapters.comparing import Alike
from lowrank.lora.adapters.opening import fetched
from lowrank.lora.adapters.resizing import suggestion
from lowrank.memory import quantization
from lowrank.memory.quantization import Rounded
from lowrank.memory.quantized_model import Quantizer, quantized
from lowrank.readers import Model, open_model
from lowrank.readers.identity import Stamp, identity, stamps
from lowrank.readers.uploads import ADAPTER_FILES, MLX_ADAPTER_FILES
from lowrank.readers.widened import widened
from lowrank.spectra import phase_transition
from lowrank.spectra.measures import random_spectrum
from lowrank.spectra.svd import SVD, Truncation, frobenius, full, residual_norm, singular_values
from lowrank.surgery import FactorStore, Reading, reading, texts
from lowrank.surgery.factor_store import folder_name
from lowrank.ui import decoding
from lowrank.ui.apart import OF_NUMBERS, apart, is_uploaded, try_to_open
from lowrank.ui.growing import Growing
from lowrank.ui.results import Results, shared

Given = ParamSpec("Given")
Found = TypeVar("Found")
Stamps = tuple[Stamp | str, ...]

MOST_NUMBERS = 600_000_000  # of one matrix, and of a model that is run
MATRICES, SVDS, ADAPTERS, RESULTS, SURVEYS = 1.2e9, 0.6e9, 0.4e9, 0.3e9, 0.2e9
FACTORS = 8 * 10**9  # bytes of factors kept on disk, of all models
LARGE = 25_000_000  # numbers of a matrix of which one is read at a time
SIDE = 1200  # of a square matrix that counts as large: below, the full SVD takes a second
# A large matrix takes a multiple of its size while it is read: visitors take turns.
_large_turn = threading.Lock()


_models = Results[tuple[Model, Stamps]](4)


def _opened(source: str) -> tuple[Model, Stamps]:
    with st.spinner(_("Opening the model…")):
        try_to_open(source)
        found = open_model(source)
    return found, stamps(found.made_of)


def model(source: str) -> Model:
    """An open model; see `lowrank.readers.open_model`. Opened again when a file of it changed."""
    return _current(source)[0]


def version(source: str) -> Stamps:
    """What differs between two contents that were found under one source."""
    return _current(source)[1]


def _current(source: str) -> tuple[Model, Stamps]:
    found, before = _models.made(source, lambda: _opened(source))
    if stamps(found.made_of) != before:
        found, before = _opened(source)
        _models.put(source, (found, before))
    return found, before


def of_model(
    keep: Callable[[Callable], Callable],
) -> Callable[[Callable[Concatenate[str, Given], Found]], Callable[Concatenate[str, Given], Found]]:
    """A cache for a function of a model's source, which keeps apart what files it has held."""

    def decorated(
        function: Callable[Concatenate[str, Given], Found],
    ) -> Callable[Concatenate[str, Given], Found]:
        def of_version(
            held: Stamps, source: str, *args: Given.args, **named: Given.kwargs
        ) -> Found:
            return function(source, *args, **named)

        of_version.__qualname__ = function.__qualname__  # by which Streamlit tells caches apart
        first = Parameter("held", Parameter.POSITIONAL_OR_KEYWORD)
        others = signature(function).parameters.values()  # those that begin with _ are no keys
        of_version.__signature__ = Signature([first, *others])  # type: ignore[attr-defined]
        kept = keep(of_version)

        @wraps(function)
        def called(source: str, *args: Given.args, **named: Given.kwargs) -> Found:
            return kept(version(source), source, *args, **named)

        return called

    return decorated


def slow(words: str) -> Callable[[Callable[Given, Found]], Callable[Given, Found]]:
    """Says what a function does while it takes long, in the language of who waits for it.

    Streamlit's caches would say it in one language to all.
    """

    def decorated(function: Callable[Given, Found]) -> Callable[Given, Found]:
        @wraps(function)
        def called(*args: Given.args, **named: Given.kwargs) -> Found:
            with st.spinner(_(words)):
                return function(*args, **named)

        return called

    return decorated


@of_model(st.cache_data(max_entries=64, show_spinner=False))
@slow(gettext_noop("Hashing the file, once…"))
def content(source: str) -> str:
    """What a model is kept under on disk; see `lowrank.readers.identity.identity`."""
    return identity(model(source))


def affordable(count: int, what: str) -> None:
    """Raises InputError for what has more numbers than this server holds for a visitor."""
    if count > MOST_NUMBERS:
        raise InputError(
            "{what} has {count:,} numbers; at most {most:,} are held here, {most_2:.1f} GB "
            "as float32. Choose a smaller one.",
            what=what,
            count=count,
            most=MOST_NUMBERS,
            most_2=4 * MOST_NUMBERS / 1e9,
        )


def is_large(shape: tuple[int, ...]) -> bool:
    """Whether a matrix is not decomposed while someone waits: pages show its largest values.

    A full decomposition takes time as m n min(m, n), whichever side is short, and room as m n.
    """
    return min(shape) ** 2 * max(shape) >= SIDE**3 or prod(shape) > LARGE


def _quick(source: str, tensor: str) -> NDArray[np.float32]:
    """A matrix that may be decomposed on a page. Raises InputError for a large one."""
    known = {**model(source).tensors, **model(source).parts}
    if tensor in known and is_large(known[tensor].shape):
        raise InputError(
            "{tensor} has the shape {shape}; on a page all singular values are computed of "
            "matrices up to {side:,} × {side:,}, or as much work. Choose a smaller one.",
            tensor=tensor,
            shape=" × ".join(map(str, known[tensor].shape)),
            side=SIDE,
        )
    return matrix(source, tensor)


@of_model(shared(32, MATRICES, show_spinner=gettext_noop("Reading the matrix…")))
def matrix(source: str, tensor: str) -> NDArray[np.float32]:
    """One matrix of a model as float32, (out, in), read-only; 32 at most, and 1.2 GB.

    Raises InputError if it is too large, or, saying how many, if entries are NaN or infinite.
    """
    known = {**model(source).tensors, **model(source).parts}
    size = prod(known[tensor].shape) if tensor in known else 0
    affordable(size, tensor)
    if size > LARGE and is_uploaded(source):
        W = apart(partial(decoding.numbers, source, tensor), OF_NUMBERS)
    else:
        with _large_turn if size > LARGE else nullcontext():
            W = model(source).read(tensor)
    strange = W.size - np.count_nonzero(np.isfinite(W))
    if strange:
        raise InputError(
            "{strange:,} of the {size:,} entries of {tensor} are NaN or infinite in the "
            "file, so there is nothing to compute with it. Choose another matrix.",
            strange=strange,
            size=W.size,
            tensor=tensor,
        )
    W.setflags(write=False)
    return W


@of_model(st.cache_resource(max_entries=4, show_spinner=False))
@slow(gettext_noop("Reading the vocabulary…"))
def tokenizer(source: str) -> Tokenizer | None:
    """The model's tokenizer, or None if it brings no vocabulary."""
    vocabulary = model(source).vocabulary
    return Tokenizer(vocabulary) if vocabulary else None


def words(source: str) -> Tokenizer:
    """The model's tokenizer. Raises InputError if it has none."""
    known = tokenizer(source)
    if known is None:
        raise InputError(
            "{title} brings no vocabulary, so it can read no text.",
            title=model(source).title,
        )
    return known


@of_model(shared(256))
def text_ids(source: str, text: str) -> tuple[int, ...]:
    """A text as the model reads it from its beginning."""
    return tuple(words(source).begin(text))


@of_model(shared(24, SVDS, show_spinner=gettext_noop("Decomposing the matrix, once for all…")))
def svd(source: str, tensor: str) -> SVD:
    """The full decomposition of one matrix, read-only; 24 at most, and 600 MB."""
    found = full(_quick(source, tensor))
    for part in (found.U, found.s, found.Vt):
        part.setflags(write=False)
    return found


@of_model(shared(4, MATRICES))
def _growing(source: str, tensor: str) -> Growing:
    return Growing(matrix(source, tensor))


def top(source: str, tensor: str, k: int) -> Truncation:
    """At least the top k triplets of a large matrix, with their certificate: grown when k grows."""
    return _growing(source, tensor).at_least(k)


@of_model(shared(24))
def preview(source: str, tensor: str) -> Preview:
    """Block means of one matrix and of its singular vectors, for its heatmaps at any rank."""
    return small_preview(matrix(source, tensor), svd(source, tensor))


@of_model(st.cache_data(max_entries=256, show_spinner=False))
@slow(gettext_noop("The singular values of the matrix…"))
def spectrum(source: str, tensor: str) -> NDArray[np.float64]:
    """All singular values of one matrix, without its vectors."""
    return singular_values(_quick(source, tensor)).s


@of_model(st.cache_data(max_entries=64, show_spinner=False))
@slow(gettext_noop("Rounding the matrix, once for everyone…"))
def roundings(source: str, tensor: str) -> tuple[Rounded, ...]:
    """What one matrix loses in int8, NF4 and 16 bits; see `quantization.roundings`.

    Of a large one without the spectra of what is lost.
    """
    W = matrix(source, tensor)
    return quantization.roundings(W, spectra=not is_large(W.shape))


@st.cache_resource(max_entries=64, show_spinner=False)
@slow(gettext_noop("A random matrix of this shape…"))
def gaussian(shape: tuple[int, int]) -> NDArray[np.float64]:
    """Singular values of a Gaussian matrix of norm 1; seed 0: always the same."""
    values = random_spectrum(shape, 1.0, np.random.default_rng(0))
    values.setflags(write=False)
    return values


def random_peer(source: str, tensor: str) -> NDArray[np.float64]:
    """Singular values of a Gaussian matrix of the same shape and norm."""
    known = svd(source, tensor)
    return frobenius(known.s) * gaussian(known.shape)


@of_model(st.cache_data(max_entries=4096, show_spinner=False))
def residual(source: str, tensor: str, k: int) -> float:
    """||W - W_k||_F measured entry by entry: 2 m n k operations, so each only once."""
    return residual_norm(matrix(source, tensor), svd(source, tensor).top(k))


@shared(8, ADAPTERS, show_spinner=gettext_noop("Reading the adapter…"))
def _adapter(folder: str, held: Stamps) -> Adapter:
    return apart(partial(load, folder), OF_NUMBERS)


def adapter(folder: str) -> Adapter:
    """An adapter on disk; see `lowrank.lora.adapters.load`."""
    return _adapter(folder, adapter_version(folder))


@st.cache_resource(max_entries=32, show_spinner=False)
@slow(gettext_noop("Fetching the adapter…"))
def adapter_of_hub(hub_id: str) -> str:
    """The folder with an adapter's files that were fetched from the hub."""
    return str(fetched(hub_id))


def adapter_version(folder: str) -> Stamps:
    """What differs between two adapters that were found in one folder."""
    return stamps(Path(folder) / name for name in sorted(ADAPTER_FILES | MLX_ADAPTER_FILES))


@of_model(st.cache_resource(max_entries=4, show_spinner=False))
def untrained_adapter(source: str, r: int) -> Adapter:
    """A synthetic adapter of rank r for the q and v matrices of a model; alpha is 2 r.

    Where there are none, for every matrix of its layers but experts'; without layers, for all.
    """
    known, config = model(source).tensors, AdapterConfig(r=r, lora_alpha=2 * r)
    names = [name for name in matrices(model(source)) if ".experts." not in name]
    affordable(r * sum(sum(known[name].shape) for name in names), model(source).title)
    shapes = {name.removesuffix(".weight"): known[name].shape for name in names}
    if not any(name.endswith((".q_proj", ".v_proj")) for name in shapes):  # what PEFT targets
        config = replace(config, target_modules=tuple(shapes))
    return untrained(shapes, config)


@st.cache_resource(max_entries=8, show_spinner=False)
@slow(gettext_noop("Measuring every update…"))
def effects(_adapter: Adapter, key: str) -> list[Effect]:
    """The numbers of every pair of an adapter that `key` names, without its W0."""
    return [effect(pair) for pair in _adapter.pairs.values()]


@st.cache_data(max_entries=32, show_spinner=False)
def asked_ranks(_adapter: Adapter, key: str) -> dict[str, int]:
    """The ranks by kind that the spectra of an adapter that `key` names ask for."""
    found = effects(_adapter, key)
    return ranks_by_kind(suggestion(_adapter.pairs[each.module], each.s) for each in found)


@st.cache_resource(max_entries=8, show_spinner=False)
@slow(gettext_noop("Comparing every update…"))
def alike(_first: Adapter, key: str, _second: Adapter, other_key: str) -> tuple[Alike, ...]:
    """The principal angles between two adapters that the keys name, module by module."""
    return comparing.alike(_first, _second)


@of_model(st.cache_data(max_entries=8, show_spinner=False))
@slow(gettext_noop("Reading every W₀ for its norm…"))
def changes(source: str, _adapter: Adapter, key: str) -> dict[str, float]:
    """What share of its W0 the change of every module is, of an adapter that `key` names."""
    return {e.module: change(model(source), _adapter, e) for e in effects(_adapter, key)}


@shared(8, SURVEYS)
def _survey(folder: str, title: str) -> Survey:
    return replace(read_survey(folder), title=title)


def finished_survey(folder: str, title: str) -> Survey | None:
    """The finished survey in a folder, which may have been made of the same file under another
    name; None if there is none yet, or only a damaged one, which is not remembered."""
    try:
        return _survey(folder, title)
    except (SourceError, FormatError):
        return None


@st.cache_resource(max_entries=64, show_spinner=False)
@slow(gettext_noop("Splitting into cases…"))
def parametric(typed: str) -> tuple[Any, Any, Callable, Callable[[Any], str]]:
    """A typed matrix with letters, its cases, their table by unknowns, and how to write an entry.

    sympy is loaded here, when the first such matrix is asked for.
    """
    from lowrank.exact.expressions import parse_parametric, written
    from lowrank.exact.parametric import case_table, cases, solvability

    A = parse_parametric(typed)
    found = cases(A)
    tables: dict[tuple[str, int | None], Any] = {}  # of each language, since they are in words

    def lines(unknowns: int | None) -> Any:
        key = current(), unknowns
        if key not in tables:
            tables[key] = case_table(found) if unknowns is None else solvability(found, unknowns)
        return tables[key]

    return A, found, lines, written


# The same for results whose key is not one of the arguments.
_results = Results[object](4096, RESULTS)


def results() -> Results[object]:
    """What was computed in view of a visitor, who could cancel it."""
    return _results


@of_model(shared(32))
def whole_reading(source: str, ids: tuple[int, ...]) -> Reading:
    """How the untouched model reads a text, for the last 32 texts."""
    return reading(params(source), ids)


@st.cache_data(max_entries=8192, show_spinner=False)
def phase_cell(size: int, rank: int, fraction: float, seed: int) -> phase_transition.PhaseCell:
    """One trial of the phase picture; see `lowrank.spectra.phase_transition.phase_cell`."""
    with speaking(SOURCE):  # kept for every visitor
        return phase_transition.phase_cell(size, rank, fraction, seed)


@st.cache_resource(max_entries=8, show_spinner=False)
def drawn_svd(name: str) -> SVD:
    """The decomposition of one of the drawn pictures, read-only."""
    found = full(DRAWN[name]())
    for part in (found.U, found.s, found.Vt):
        part.setflags(write=False)
    return found


@of_model(shared(2, MATRICES, show_spinner=gettext_noop("Loading the weights, once for everyone…")))
def params(source: str) -> Params:
    """A Llama ready to run, shared by all visitors; see `lowrank.llama.load`. Two at most.

    Raises InputError if it has more numbers than are held here.
    """
    opened = model(source)
    affordable(sum(prod(each.shape) for each in opened.tensors.values()), opened.title)
    path = cache_folder() / "weights" / content(source)
    if is_uploaded(source):
        apart(partial(decoding.widen, source, path), OF_NUMBERS)
    with _large_turn:
        return load_llama(opened, read=widened(opened, path))


@of_model(shared(2, MATRICES, show_spinner=gettext_noop("Quantizing the weights, once…")))
def quantized_params(source: str, quantizer: Quantizer) -> Params:
    """A Llama whose layers' matrices are kept as codes; see `lowrank.memory.quantized`."""
    return quantized(params(source), quantizer)


def factors(source: str) -> FactorStore:
    """The factors of a model's projections on disk, with the built-in calibration text."""
    folder = cache_folder() / "surgery"
    return _factors(source, folder / folder_name(content(source), texts.calibration()))


@of_model(shared(2))
def _factors(source: str, folder: Path) -> FactorStore:
    if folder.parent.is_dir():
        drop_oldest(folder.parent, FACTORS)
    known = words(source)
    longest = params(source).config.max_position_embeddings
    passages = [known.begin(part)[:longest] for part in texts.calibration()]
    return FactorStore(folder, params(source), passages)


@of_model(st.cache_data(max_entries=256, show_spinner=False))
@slow(gettext_noop("Laying out the prompt…"))
def chat_ids(source: str, prompt: str) -> list[int]:
    """A prompt laid out by the model's chat template; a text to go on with where it has none."""
    known = words(source)
    if known.chat_template is None:
        return known.begin(prompt)
    return known.encode_chat([{"role": "user", "content": prompt}])
