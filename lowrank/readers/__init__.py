"""One reader per model format; every one answers the same verbs.

>>> model = open_model("synthetic")
>>> model.kind, model.read("model.layers.0.self_attn.k_proj.weight").shape
('synthetic', (192, 576))
"""

from pathlib import Path

from lowrank.errors import InputError
from lowrank.readers.fetch import fetch
from lowrank.readers.gguf import GGUFModel
from lowrank.readers.handle import Model, TensorInfo
from lowrank.readers.synthetic import SyntheticModel

__all__ = ["DEFAULT_TITLE", "Model", "TensorInfo", "open_model"]

DEFAULT_TITLE = "SmolLM2-135M-Instruct"


def open_model(source: str | Path = "default") -> Model:
    """Open a model: "default" (fetched once), "synthetic", or the path of a .gguf file.

    Nothing but the header is read until a matrix is asked for; the file stays memory-mapped.

    Raises:
        InputError: `source` is none of these.
        SourceError: the file is not there, or the default model cannot be fetched.
        FormatError: the file is not what its format promises.
    """
    if source == "default":
        return GGUFModel(fetch(), source="default", title=DEFAULT_TITLE)
    if source == "synthetic":
        return SyntheticModel()
    path = Path(source)
    if path.suffix == ".gguf":
        return GGUFModel(path)
    raise InputError(f"source is {str(source)!r}; expected 'default', 'synthetic' or a .gguf file.")
