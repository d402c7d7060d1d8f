"""An adapter's two files: adapter_config.json and adapter_model.safetensors.

Keys as PEFT 0.21 writes them: "base_model.model." and the module's name, then `lora_A.weight` and
its kin; the adapter's own name is not in them. Every other key holds a whole new value of a tensor
of the model: a bias that was trained too, or a module of modules_to_save.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lowrank import files
from lowrank.errors import FormatError
from lowrank.language import gettext as _
from lowrank.lora.adapter_config import FILE, IN_ALL, AdapterConfig
from lowrank.lora.equations import init
from lowrank.lora.tuning import modules
from lowrank.readers.safetensors import SafetensorsModel, read_json
from lowrank.readers.safetensors_writer import write
from lowrank.spectra.svd.notebook import html_table

Floats = NDArray[np.float32]

WEIGHTS = "adapter_model.safetensors"
PREFIX = "base_model.model."
SHOWN = 12  # modules of an adapter that a notebook lists
PARTS = {
    ".lora_A.weight": "A",
    ".lora_B.weight": "B",
    ".lora_B.bias": "bias",
    ".lora_magnitude_vector": "magnitude",
    ".lora_embedding_A": "embedding_A",
    ".lora_embedding_B": "embedding_B",
}


@dataclass(frozen=True)
class Pair:
    """What is added to one module: scale * B A, (out, in).

    `magnitude` (out,) makes it DoRA; `bias` (out,), times scale, is added to the module's bias. For
    `embedding`, in is the vocabulary and out the width: the update of the stored (vocabulary,
    width) matrix is the transpose.
    """

    module: str
    A: Floats  # (r, in)
    B: Floats  # (out, r)
    scale: float
    magnitude: Floats | None = None
    bias: Floats | None = None
    embedding: bool = False

    @property
    def r(self) -> int:
        """The rank, rows of A."""
        return len(self.A)

    def delta(self) -> Floats:  # (out, r), (r, in) -> (out, in)
        """scale * B A."""
        return np.float32(self.scale) * (self.B @ self.A)


@dataclass(frozen=True)
class Adapter:
    """An adapter in memory: its configuration, its pairs by module, whole new tensors by name.

    `unused` are what the file holds and PEFT leaves out of the result, as does this: pairs of
    modules that the configuration does not target, plain weights of modules that have a pair.
    """

    config: AdapterConfig
    pairs: Mapping[str, Pair]
    replaced: Mapping[str, Floats] = field(default_factory=dict)
    unused: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """LoRA, or which of its kin."""
        return "DoRA" if self.config.use_dora else "rsLoRA" if self.config.use_rslora else "LoRA"

    @property
    def parameters(self) -> int:
        """How many numbers its A and B hold."""
        return sum(pair.A.size + pair.B.size for pair in self.pairs.values())

    def _repr_html_(self) -> str:
        """What it is and the first modules it changes, as a notebook shows it."""
        title = _(
            "{kind}, r = {r}, α = {alpha:g}: {matrices:,} matrices changed by {numbers:,} numbers"
        ).format(
            kind=self.kind,
            r=self.config.r,
            alpha=self.config.lora_alpha,
            matrices=len(self.pairs),
            numbers=self.parameters,
        )
        words = _("{m} × {n}, r = {r}, scale {scale:.3g}")
        rows = [
            (name, words.format(m=len(pair.B), n=pair.A.shape[1], r=pair.r, scale=pair.scale))
            for name, pair in islice(self.pairs.items(), SHOWN)
        ]
        more = len(self.pairs) - len(rows)
        if more:
            rows.append(("…", _("{count:,} more").format(count=more)))
        return html_table(title, rows)


def load(folder: str | Path) -> Adapter:
    """The adapter in a folder that PEFT's save_pretrained wrote.

    Raises SourceError if a file is missing, FormatError if one is unsound, if the two disagree, if
    no target is there, or if the configuration asks for what is not supported.
    """
    path = Path(folder)
    if not (path / WEIGHTS).is_file() and (path / "adapter_model.bin").is_file():
        raise FormatError(
            "{name} keeps its weights in adapter_model.bin, a pickle, which can run any "
            "code when opened and is not read. Save it again from a current PEFT: "
            "model.save_pretrained(folder) writes safetensors.",
            name=path.name,
        )
    config = AdapterConfig.from_json(read_json(path / FILE))
    stored = SafetensorsModel(path / WEIGHTS)
    parts: dict[str, dict[str, Floats]] = {}
    whole = {}
    for key in stored.tensors:
        if not key.startswith(PREFIX):
            raise FormatError(
                "{weights} has {key!r}; expected names that begin {prefix!r}.",
                weights=WEIGHTS,
                key=key[:200],
                prefix=PREFIX,
            )
        name = key.removeprefix(PREFIX).replace(".default.", ".")  # the adapter's usual name
        name = name.replace("_vector.weight", "_vector")  # as early PEFT wrote it
        ending = next((ending for ending in PARTS if name.endswith(ending)), None)
        if ending:
            parts.setdefault(name.removesuffix(ending), {})[PARTS[ending]] = stored.read(key)
        else:
            whole[name] = stored.read(key)
    pairs, began = {}, time.thread_time()
    for module, held in parts.items():
        if config.targets(module):
            pairs[in_whole_model(module)] = pair(config, module, held)
        if time.thread_time() - began > IN_ALL:
            raise FormatError(
                "{file} has patterns that take too long to match on all modules.",
                file=FILE,
            )
    if not pairs:
        raise FormatError(
            "{file} targets {target_modules}, and {weights} holds no pair of such a "
            "module: nothing would change.",
            file=FILE,
            target_modules=str(config.target_modules)[:200],
            weights=WEIGHTS,
        )
    replaced, unused = {}, [in_whole_model(m) for m in parts if not config.targets(m)]
    for name, value in whole.items():
        known = in_whole_model(name)
        if known.rpartition(".")[0] in pairs:
            unused.append(known)  # beside a pair only `base_layer` names the frozen tensor
        else:
            replaced[known.replace(".base_layer.", ".")] = value
    return Adapter(config, pairs, replaced, tuple(unused))


def in_whole_model(name: str) -> str:
    """A name as the model with its head has it; adapters of the bare model leave the start out.

    >>> in_whole_model("layers.0.self_attn.q_proj")
    'model.layers.0.self_attn.q_proj'
    """
    return f"model.{name}" if name.startswith(("layers.", "embed_tokens", "norm.")) else name


def pair(config: AdapterConfig, module: str, held: Mapping[str, Floats]) -> Pair:
    """One module's tensors, proved to belong together and to be what the configuration says."""

    def unsound(what: str) -> FormatError:
        return FormatError(
            "{weights} is not sound: {module} {what}.",
            weights=WEIGHTS,
            module=module[:200],
            what=what,
        )

    embedding = "embedding_A" in held
    A, B = (held.get(f"embedding_{side}" if embedding else side) for side in "AB")
    magnitude, bias, r = held.get("magnitude"), held.get("bias"), config.rank(module)
    if A is None or B is None:
        raise unsound(_("has only one of A and B"))
    if A.ndim != 2 or B.ndim != 2 or (A.shape[0], B.shape[1]) != (r, r):
        what = _("has A {A_shape} and B {B_shape}; {file} gives it r = {r}")
        raise unsound(what.format(A_shape=A.shape, B_shape=B.shape, file=FILE, r=r))
    if embedding and config.use_dora:
        raise unsound(_("is an embedding, for which use_dora is not supported here"))
    if magnitude is None and config.use_dora:
        raise unsound(_("has no magnitude vector, but use_dora is set"))
    if magnitude is not None and not config.use_dora:
        raise unsound(_("has a magnitude vector, but use_dora is not set"))
    for what, vector in (
        (_("has a magnitude vector of shape {shape}; expected {expected}"), magnitude),
        (_("has a bias of shape {shape}; expected {expected}"), bias),
    ):
        if vector is not None and vector.shape != (B.shape[0],):
            raise unsound(what.format(shape=vector.shape, expected=(B.shape[0],)))
    if bias is None and config.lora_bias:
        raise unsound(_("has no bias of B, but lora_bias is set"))
    if bias is not None and not config.lora_bias:
        raise unsound(_("has a bias of B, but lora_bias is not set"))
    name, scale = in_whole_model(module), config.scale(module)
    return Pair(name, A, B, scale, magnitude, bias, embedding)


def save(adapter: Adapter, folder: str | Path) -> Path:
    """Write an adapter's two files, which PEFT and `load` read; the folder is made.

    Raises SourceError if they cannot be written, FormatError if the configuration says that W0 was
    changed too.
    """
    adapter.config.check_whole()
    path, tensors = Path(folder), dict[str, Floats]()
    for module, each in adapter.pairs.items():
        sides = ("lora_embedding_A", "lora_embedding_B")
        names = sides if each.embedding else ("lora_A.weight", "lora_B.weight")
        held: dict[str, Floats | None] = {names[0]: each.A, names[1]: each.B}
        held |= {"lora_magnitude_vector": each.magnitude, "lora_B.bias": each.bias}
        tensors |= {f"{PREFIX}{module}.{n}": v for n, v in held.items() if v is not None}
    for name, value in adapter.replaced.items():
        module, _, part = name.rpartition(".")
        inner = ".base_layer" if module in adapter.pairs else ""
        tensors[f"{PREFIX}{module}{inner}.{part}"] = value
    files.write(path / FILE, json.dumps(adapter.config.to_json(), indent=2))
    table = {name: ("F32", value.shape) for name, value in tensors.items()}
    write(path / WEIGHTS, table, tensors.__getitem__)
    return path


def untrained(shapes: Mapping[str, tuple[int, ...]], config: AdapterConfig) -> Adapter:
    """A synthetic adapter for those of the modules, shapes (out, in) by name, that are targeted.

    A is as PEFT draws it, and B is random too. Real ones begin with B = 0 and learn it; this one
    learned nothing and only has the shape. Raises InputError if no module is targeted, or a rank is
    larger than its matrix.
    """
    pairs = {}
    for module in modules(shapes, config):
        rng = np.random.default_rng([0, *module.encode()])
        (out, n), r = shapes[module], config.rank(module)
        A, B = init(out, n, r, rng)
        B = rng.standard_normal(B.shape, dtype=np.float32) / np.float32(100)
        pairs[module] = Pair(module, A, B, config.scale(module))
    return Adapter(config, pairs)
