"""A checkpoint on the Hugging Face hub, of which only headers and the matrices looked at travel.

Which endpoint, token, cache and network mode: as `huggingface_hub` reads HF_ENDPOINT, HF_TOKEN,
HF_HOME and HF_HUB_OFFLINE. Fetched tensors are kept by `lowrank.readers.range_cache`.
"""

import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any, Literal

import numpy as np
from huggingface_hub import (
    HfApi,
    constants,
    get_hf_file_metadata,
    hf_hub_download,
    hf_hub_url,
    try_to_load_from_cache,
)
from huggingface_hub.errors import EntryNotFoundError, HTTPError, LocalEntryNotFoundError
from numpy.typing import NDArray

from lowrank.errors import FormatError, InputError, SourceError
from lowrank.language import gettext as _
from lowrank.llama.vocabulary import Vocabulary
from lowrank.readers import range_cache
from lowrank.readers.default_model import Progress
from lowrank.readers.hf_config import llama_config_from_json, model_type
from lowrank.readers.interface import TensorInfo, known_tensor
from lowrank.readers.notebook import ShownInNotebooks
from lowrank.readers.ranges import RemoteFile, explained, offline
from lowrank.readers.safetensors import (
    CONFIG,
    INDEX,
    LARGEST_JSON,
    QUANTISED,
    SINGLE,
    in_order,
    named_shards,
    read_json,
)
from lowrank.readers.safetensors_header import (
    Entry,
    as_stored,
    header_length,
    parse_header,
)
from lowrank.readers.shown import Shown, computed, of_safetensors, own, parts
from lowrank.readers.tokenizer_files import LARGEST_TOKENIZER, TOKENIZER, vocabulary_beside

FIRST_LOOK = 16_384  # bytes asked for at once: most headers are no longer
AT_ONCE = 4  # shards whose headers are fetched side by side
STATES_AT_ONCE = 16
PART = r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9])?"
REVISION = r"[A-Za-z0-9][A-Za-z0-9._/-]{0,200}"
HUB_ID = re.compile(rf"({PART}/{PART})(?:@({REVISION}))?")


def hub_id(given: str) -> tuple[str, str]:
    """The repository and revision of "owner/name[@revision]"; the revision is "main" if left out.

    >>> hub_id("HuggingFaceTB/SmolLM2-135M@v1")
    ('HuggingFaceTB/SmolLM2-135M', 'v1')

    Raises InputError for anything else.
    """
    found = HUB_ID.fullmatch(given.strip())
    if not found or ".." in given or "--" in found[1]:
        raise InputError(
            "{given!r} is not a hub id; expected owner/name or owner/name@revision, such "
            "as HuggingFaceTB/SmolLM2-135M.",
            given=given[:100],
        )
    return found[1], found[2] or "main"


@dataclass(frozen=True)
class RemoteShard:
    """One .safetensors file of the repository: where its data begin and what is in them."""

    file: RemoteFile
    start: int
    entries: dict[str, Entry]


class HubModel(ShownInNotebooks):
    """A checkpoint on the hub, open: see `lowrank.readers.interface.Model` for its verbs.

    `given` is "owner/name[@revision]". `source` names the commit that the revision stood for.
    Raises InputError for what is no such id, SourceError (with what to do) if the model cannot be
    had, FormatError if a file is not sound.
    """

    kind: Literal["real", "synthetic"] = "real"

    def __init__(self, given: str) -> None:
        repo, revision = hub_id(given)
        config, commit = small_file(repo, CONFIG, revision)
        index, of_index = small_file(repo, INDEX, commit or revision)
        commit = commit or of_index or revision
        weight_map = named_shards(index) if index else {}
        files = sorted(set(weight_map.values())) or [SINGLE]
        remote = [RemoteFile(repo, commit, name) for name in files]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            shards = list(pool.map(opened, remote))
        self.repo, self.commit = repo, commit
        self.source, self.title = f"hf://{repo}@{commit}", given.strip()
        self.made_of = (constants.ENDPOINT, self.source, *(file.version for file in remote))
        beside = read_json(config) if config else None
        self.given_config: Mapping[str, Any] | None = beside if isinstance(beside, dict) else None
        self.config = llama_config_from_json(beside)
        self.model_type = model_type(self.given_config)
        self._fetching: dict[str, Lock] = {}
        held = {name: shard for shard in shards for name in shard.entries}
        self._where = in_order(weight_map, held)
        entries = {name: shard.entries[name] for name, shard in self._where.items()}
        self._bring_states(entries)
        self._shown = of_safetensors(entries, self._said(entries), self._bytes)
        self.tensors: Mapping[str, TensorInfo] = own(self._shown)
        self.parts: Mapping[str, TensorInfo] = parts(self._shown)

    @cached_property
    def vocabulary(self) -> Vocabulary | None:
        """What the repository says of the tokenizer, fetched when first asked for."""
        return vocabulary_beside(self.beside)

    def beside(self, name: str) -> bytes | None:
        """A small file of the repository, fetched now. Raises FormatError if it is large."""
        path, _ = small_file(self.repo, name, self.commit)
        return path.read_bytes() if path else None

    def here(self, name: str) -> bool:
        """Whether all that a tensor is stored as is kept on this machine already."""
        stored = known_tensor(self._shown, name, self.title).stored
        return all(range_cache.place(key(*self._found(part))).is_file() for part in stored)

    def fetch(self, name: str, progress: Progress | None = None) -> None:
        """Bring a tensor's stored bytes here, one range request for each part it is stored as."""
        self._fetched(known_tensor(self._shown, name, self.title), progress)

    def read(self, name: str, progress: Progress | None = None) -> NDArray[np.float32]:
        """One tensor as a new float32 array, (out, in). Raises InputError, SourceError.

        Raises FormatError if it is of codes that are not read.
        """
        each = known_tensor(self._shown, name, self.title)
        held = self._fetched(each, progress)

        def stored(part: str) -> NDArray[Any]:
            entry = self._where[part].entries[part]
            return as_stored(held[part], entry.dtype, entry.shape)

        return computed(each, stored)

    def _fetched(self, each: Shown, progress: Progress | None) -> dict[str, bytes]:
        held, done, size = {}, 0, sum(self._found(part)[2] for part in each.stored)
        for part in each.stored:

            def further(got: int, _of: int, before: int = done) -> None:
                if progress:
                    progress(before + got, size)

            held[part] = self._bytes(part, further)
            done += len(held[part])
        return held

    def _bytes(self, stored: str, progress: Progress | None = None) -> bytes:
        """A stored tensor's bytes, from this machine or else by one range request."""
        file, start, size = self._found(stored)
        with self._fetching.setdefault(stored, Lock()):  # thirty visitors fetch it once
            return fetched(file, start, size, progress)

    def _found(self, stored: str) -> tuple[RemoteFile, int, int]:
        shard = self._where[stored]
        entry = shard.entries[stored]
        return shard.file, shard.start + entry.start, entry.end - entry.start

    def _said(self, entries: Mapping[str, Entry]) -> Mapping[str, Any]:
        """The configuration, with what GPTQ's older checkpoints say in a file of their own."""
        said = self.given_config or {}
        if "quantization_config" in said or not any(name.endswith(".qweight") for name in entries):
            return said
        path, _ = small_file(self.repo, QUANTISED, self.commit)
        return {**said, "quantization_config": read_json(path)} if path else said

    def _bring_states(self, entries: Mapping[str, Entry]) -> None:
        """Bring the small pieces of JSON that say which shapes four-bit codes stand for."""
        states = [
            n for n, e in entries.items() if ".quant_state." in n and e.end - e.start < 10_000
        ]
        with ThreadPoolExecutor(STATES_AT_ONCE) as pool:
            list(pool.map(self._bytes, states))


def fetched(file: RemoteFile, start: int, size: int, progress: Progress | None = None) -> bytes:
    """A range of a file from this machine, or else by one request, and then kept."""
    raw = range_cache.get(key(file, start, size), size)
    if raw is None:
        raw = file.read(start, start + size, progress)
        if len(raw) != size:
            raise SourceError(
                "{name} of {repo} ends before its byte {start:,}.",
                name=file.name,
                repo=file.repo,
                start=start + size,
            )
        range_cache.put(key(file, start, size), raw)
    return raw


def key(file: RemoteFile, start: int, size: int) -> str:
    """What a range of a file is kept under: the endpoint, the version, the file and the place."""
    end = start + size
    return f"{constants.ENDPOINT} {file.repo} {file.version} {file.name} {start} {end}"


def small_file(repo: str, name: str, revision: str) -> tuple[Path | None, str]:
    """A small file and its commit, as `whole_file`. Raises FormatError too, if it is large."""
    largest = LARGEST_TOKENIZER if name == TOKENIZER else LARGEST_JSON
    return bounded_file(repo, name, revision, largest)


def bounded_file(repo: str, name: str, revision: str, largest: int) -> tuple[Path | None, str]:
    """A file of at most so many bytes and its commit, as `whole_file`. Raises FormatError too."""
    if not isinstance(try_to_load_from_cache(repo, name, revision=revision), str):
        refuse_if_large(repo, name, revision, largest)
    return whole_file(repo, name, revision)


def downloaded(given: str, names: Mapping[str, int]) -> Path:
    """A folder with those of the named files that a repository has, fetched whole where need be.

    `names` gives the most bytes that each may have. Raises InputError for what is no hub id,
    SourceError if they cannot be had, or none is there, FormatError if one is larger.
    """
    repo, revision = hub_id(given)
    folder = None
    for name, largest in names.items():
        path, _ = bounded_file(repo, name, revision, largest)
        if path:
            folder, revision = path.parent, path.parent.name  # all of one commit
    if folder is None:
        raise SourceError(
            "{given} holds none of {names}.",
            given=given,
            names=", ".join(names),
        )
    return folder


def whole_file(repo: str, name: str, revision: str) -> tuple[Path | None, str]:
    """A file of the repository through the hub's own cache, and its commit; None if absent.

    Raises SourceError if that cannot be found out.
    """
    try:
        path = Path(hf_hub_download(repo, name, revision=revision, endpoint=constants.ENDPOINT))
        return path, path.parent.name
    except LocalEntryNotFoundError as error:
        known = try_to_load_from_cache(repo, name, revision=revision)
        if known is None or isinstance(known, str):  # else: known not to exist
            raise SourceError(explained(error, repo, revision)) from error
        return None, ""
    except EntryNotFoundError as error:
        response = getattr(error, "response", None)
        headers = response.headers if response is not None else {}
        return None, headers.get(constants.HUGGINGFACE_HEADER_X_REPO_COMMIT, "")
    except (HTTPError, OSError) as error:
        raise SourceError(explained(error, repo, revision)) from error


def refuse_if_large(repo: str, name: str, revision: str, largest: int) -> None:
    """Raises FormatError for a file too large for what it should be, before it travels."""
    if offline():
        return
    url = hf_hub_url(repo, name, revision=revision, endpoint=constants.ENDPOINT)
    try:
        size = get_hf_file_metadata(url, endpoint=constants.ENDPOINT).size
    except (HTTPError, OSError):
        return  # the download itself says what is wrong
    if size is not None and size > largest:
        raise FormatError(
            "{name} of {repo} has {size:,.0f} MB, too large for what it is.",
            name=name,
            repo=repo,
            size=size / 1e6,
        )


def opened(file: RemoteFile) -> RemoteShard:
    """A shard's header: from this machine, or by one range request, or two if it is long."""
    kept_as = f"{constants.ENDPOINT} {file.repo} {file.revision} {file.name} header"
    held = range_cache.get(kept_as) if file.is_final else None
    if held is None:
        first = absent_explained(file)
        length = header_length(first, file.name, file.total - 8)
        if 8 + length > len(first):
            first += file.read(len(first), 8 + length)
        held = file.total.to_bytes(8, "little") + first[: 8 + length]
        if file.is_final:
            range_cache.put(kept_as, held)
    total, raw = int.from_bytes(held[:8], "little"), held[16:]
    start = 8 + len(raw)
    return RemoteShard(file, start, parse_header(raw, total - start, file.name))


def absent_explained(file: RemoteFile) -> bytes:
    """The first bytes of a file. Raises SourceError saying what the repository holds instead."""
    try:
        return file.read(0, FIRST_LOOK)
    except SourceError as error:
        if not isinstance(error.__cause__, EntryNotFoundError):
            raise
    try:
        names = HfApi(endpoint=constants.ENDPOINT).list_repo_files(
            file.repo, revision=file.revision
        )
    except (HTTPError, OSError, KeyError, ValueError):  # or a poor mirror
        names = []
    kinds = {Path(name).suffix for name in names}
    if ".bin" in kinds or ".pth" in kinds or ".pt" in kinds:
        instead = _("only pickles, which can run any code when opened and are not read")
    elif ".gguf" in kinds:
        first = min(name for name in names if name.endswith(".gguf"))
        instead = _("GGUF files: name one, such as {name}").format(
            name=f"{file.repo}/{first[:200]}"
        )
    elif ".safetensors" in kinds:
        instead = _(".safetensors files under other names than {single}").format(single=SINGLE)
    else:
        instead = _("no weights")
    raise SourceError(
        "{repo} cannot be opened: expected {single} or {index}; it holds {instead}.",
        repo=file.repo,
        single=SINGLE,
        index=INDEX,
        instead=instead,
    )
