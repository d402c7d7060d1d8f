"""One reader per model format; every one answers the same verbs.

>>> model = open_model("synthetic")
>>> model.kind, model.read("model.layers.0.self_attn.k_proj.weight").shape
('synthetic', (192, 576))
"""

import json
import re
from pathlib import Path

from lowrank.errors import FormatError, InputError, SourceError
from lowrank.readers import difference
from lowrank.readers.default_model import fetch
from lowrank.readers.gguf import GGUFModel, in_folder
from lowrank.readers.interface import Model, Remote, TensorInfo
from lowrank.readers.npy import NpyModel
from lowrank.readers.safetensors import SafetensorsModel
from lowrank.readers.synthetic import SYNTHETIC, SyntheticModel

__all__ = ["DEFAULT_TITLE", "Model", "Remote", "TensorInfo", "open_model"]

PICKLED = {".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle"}
HUB = "hf://"
HUB_LIKE = re.compile(r"[\w.-]+/[\w.-]+(@[\w./-]+)?")
DEFAULT_TITLE = "SmolLM2-135M-Instruct"
"""What the default model is called; its source is "default"."""


def open_model(source: str | Path = "default") -> Model:
    """Open a model: "default" (fetched once), "synthetic", a path, or a hub id.

    "synthetic-7b" is one layer of random numbers in the shapes of Llama 2 7B.

    A path is a .gguf file or any part of a split one, a .npy file, a .safetensors file, a shard
    index `*.safetensors.index.json`, or a folder that holds one of these. A hub id is
    "owner/name" or "owner/name@revision"; with "hf://" before it, it is one even where a folder has
    that name, and may be "hf://owner/name/file.gguf" for one file. Nothing but headers is read or
    fetched until a matrix is asked for; files stay memory-mapped. Formats that run code when
    opened (pickle) are never read.

    Raises:
        InputError: `source` is none of these.
        SourceError: the file is not there, or the model cannot be fetched.
        FormatError: the file is not what its format promises.
    """
    if source == "default":
        return GGUFModel(fetch(), source="default", title=DEFAULT_TITLE)
    if isinstance(source, str) and source in SYNTHETIC:
        return SyntheticModel(source)
    if str(source).startswith(difference.SCHEME):
        base, tuned = json.loads(str(source).removeprefix(difference.SCHEME))
        return difference.Difference(open_model(base), open_model(tuned))
    if str(source).startswith(HUB):
        return on_hub(str(source).removeprefix(HUB))
    path = Path(source)
    if path.suffix.lower() in PICKLED:
        raise FormatError(
            "{name} is a pickle, which can run any code when opened, and is not read. "
            "Convert it where you trust it: model.save_pretrained(folder) writes "
            "safetensors.",
            name=path.name,
        )
    if path.suffix.lower() == ".gguf":
        return GGUFModel(path)
    if path.suffix.lower() == ".npy":
        return NpyModel(path)
    if path.is_dir() and not any(path.glob("*.safetensors")) and (first := in_folder(path)):
        return GGUFModel(first)
    if path.is_dir() or path.name.endswith((".safetensors", ".safetensors.index.json")):
        return SafetensorsModel(path)
    if isinstance(source, str) and HUB_LIKE.fullmatch(source) and not path.exists():
        return on_hub(source)
    raise InputError(
        "source is {source!r}; expected 'default', 'synthetic', a .gguf, .safetensors "
        "or .npy file, a shard index (.safetensors.index.json), a folder that is "
        "there, or a hub id owner/name[@revision].",
        source=str(source),
    )


def on_hub(given: str) -> Model:
    """The model of a hub id. The hub's client is loaded only here, where it is needed."""
    try:
        from lowrank.readers.hub import HubModel
        from lowrank.readers.hub_gguf import HubGGUF
    except ImportError as error:
        raise SourceError(
            "Models on the hub need huggingface_hub: pip install 'huggingface_hub>=1,<3'."
        ) from error
    name = given.strip().partition("@")[0]
    return HubGGUF(given) if re.fullmatch(r"[^/]*/[^/]*/.*\.(?i:gguf)", name) else HubModel(given)
