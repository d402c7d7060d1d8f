"""An adapter from wherever it is: a folder, a zip of one, a hub id; as PEFT or MLX keeps it."""

import tempfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from lowrank.errors import FormatError, SourceError
from lowrank.lora.adapter_config import FILE
from lowrank.lora.adapters import mlx_files, peft_files
from lowrank.lora.adapters.peft_files import Adapter
from lowrank.readers import HUB, HUB_LIKE, uploaded_zip, uploads
from lowrank.readers.local_files import contents
from lowrank.readers.safetensors import LARGEST_JSON, read_json

WEIGHTS = (peft_files.WEIGHTS, mlx_files.WEIGHTS)
LARGEST = 2 * 10**9  # bytes of weights, and of a zip, packed and unpacked


def load(source: str | Path) -> Adapter:
    """The adapter in a folder, in a zip of one, or of a hub id owner/name[@revision].

    The folder is one that PEFT's save_pretrained wrote, or a program that builds on PEFT (Unsloth,
    axolotl, LLaMA-Factory), or mlx-lm.

    Raises SourceError if a file is missing or cannot be had, FormatError if one is unsound, if the
    two disagree, if no target is there, or if the configuration asks for what is not supported.
    """
    path, text = Path(source), str(source)
    if text.startswith(HUB) or (HUB_LIKE.fullmatch(text) and not path.exists()):
        return load(fetched(text.removeprefix(HUB)))
    if path.is_file():
        with tempfile.TemporaryDirectory() as work:
            for name, raw in unzipped(contents(path, LARGEST), path.name).items():
                (Path(work) / name).write_bytes(raw)
            return load(work)
    if not path.is_dir():
        raise SourceError(
            "{path} is not there; expected a folder of {file} and {weights}, a zip or a hub id.",
            path=path,
            file=FILE,
            weights=WEIGHTS[0],
        )
    given = read_json(path / FILE) if (path / FILE).is_file() else {}
    return mlx_files.load(path, given) if mlx_files.is_mlx(given) else peft_files.load(path)


def fetched(hub_id: str) -> Path:
    """The folder on this machine with the files of an adapter on the hub, owner/name[@revision].

    Raises InputError for what is no such id, SourceError if they cannot be had, FormatError if they
    are larger than an adapter's.
    """
    from lowrank.readers.hub import downloaded  # only here: it loads the hub's client

    folder = downloaded(hub_id, {FILE: LARGEST_JSON} | dict.fromkeys(WEIGHTS, LARGEST))
    if not any((folder / name).is_file() for name in WEIGHTS):
        raise SourceError(
            "{hub_id} holds no {weights}: a model, or an adapter kept as a pickle "
            "(adapter_model.bin), which can run any code when opened and is not read.",
            hub_id=hub_id[:100],
            weights=WEIGHTS[0],
        )
    return folder


def zipped(files: Mapping[str, bytes]) -> bool:
    """Whether what was brought is a single zip."""
    return len(files) == 1 and next(iter(files)).endswith(".zip")


def kept(files: Mapping[str, bytes]) -> str:
    """Keep an adapter's files, or those in its zip, and return their name.

    Raises as `uploads.keep_adapter` and `unzipped` do.
    """
    if zipped(files):
        ((name, raw),) = files.items()
        files = unzipped(raw, name)
    return uploads.keep_adapter(files)


def unzipped(raw: bytes, name: str) -> dict[str, bytes]:
    """An adapter's two files in a zip, those nearest to its top; nothing else is taken.

    Raises FormatError for what is no zip, or of no adapter, or unpacks to more than an adapter has.
    """
    archive, members = uploaded_zip.members(raw, LARGEST)
    beside = {PurePosixPath(i.filename).name: i for i in uploaded_zip.nearest(members, WEIGHTS)}
    chosen = {file: beside[file] for file in (FILE, *WEIGHTS) if file in beside}
    if FILE not in chosen or len(chosen) != 2:
        raise FormatError(
            "{name} holds no {file} and {weights}: expected both.",
            name=name,
            file=FILE,
            weights=WEIGHTS[0],
        )
    with uploaded_zip.sound():
        return {file: archive.read(info) for file, info in chosen.items()}
