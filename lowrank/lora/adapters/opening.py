"""An adapter from wherever it is: a folder, a zip of one, a hub id; as PEFT or MLX keeps it."""

import io
import tempfile
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from lowrank.errors import FormatError, SourceError
from lowrank.lora.adapter_config import FILE
from lowrank.lora.adapters import mlx_files, peft_files
from lowrank.lora.adapters.peft_files import Adapter
from lowrank.readers import HUB, HUB_LIKE
from lowrank.readers.local_files import contents
from lowrank.readers.safetensors import read_json

WEIGHTS = (peft_files.WEIGHTS, mlx_files.WEIGHTS)
LARGEST_ZIP = 2 * 10**9  # bytes, packed and unpacked


def load(source: str | Path) -> Adapter:
    """The adapter in a folder, in a zip of one, or of a hub id owner/name[@revision].

    The folder is one that PEFT's save_pretrained wrote, or a program that builds on PEFT (Unsloth,
    axolotl, LLaMA-Factory), or mlx-lm.

    Raises SourceError if a file is missing or cannot be had, FormatError if one is unsound, if the
    two disagree, if no target is there, or if the configuration asks for what is not supported.
    """
    path, text = Path(source), str(source)
    if text.startswith(HUB) or (HUB_LIKE.fullmatch(text) and not path.exists()):
        from lowrank.readers.hub import downloaded  # only here: it loads the hub's client

        return load(downloaded(text.removeprefix(HUB), (FILE, *WEIGHTS)))
    if path.is_file():
        with tempfile.TemporaryDirectory() as work:
            for name, raw in unzipped(contents(path, LARGEST_ZIP), path.name).items():
                (Path(work) / name).write_bytes(raw)
            return load(work)
    if not path.is_dir():
        raise SourceError(
            f"{path} is not there; expected a folder of {FILE} and {WEIGHTS[0]}, a zip or a hub id."
        )
    given = read_json(path / FILE) if (path / FILE).is_file() else {}
    return mlx_files.load(path, given) if mlx_files.is_mlx(given) else peft_files.load(path)


def unzipped(raw: bytes, name: str) -> dict[str, bytes]:
    """An adapter's two files in a zip, at the top of it or in one folder; nothing else is taken.

    Raises FormatError for what is no zip, or of no adapter, or unpacks to more than an adapter has.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            chosen = {
                PurePosixPath(info.filename).name: info
                for info in archive.infolist()
                if PurePosixPath(info.filename).name in (FILE, *WEIGHTS)
            }
            if FILE not in chosen or len(chosen) != 2:
                raise FormatError(f"{name} holds no {FILE} and {WEIGHTS[0]}: expected both.")
            if sum(info.file_size for info in chosen.values()) > LARGEST_ZIP:
                raise FormatError(f"{name} unpacks to more than {LARGEST_ZIP / 1e6:,.0f} MB.")
            return {file: archive.read(info) for file, info in chosen.items()}
    except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError, zlib.error) as error:
        raise FormatError(f"{name} is no zip that can be opened.") from error
