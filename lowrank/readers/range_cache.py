"""Bytes kept on disk under a size limit: what was used longest ago goes first."""

import hashlib
import os
from pathlib import Path

from lowrank.files import cache_folder, drop_oldest, write

DEFAULT_MEGABYTES = 4096


def folder() -> Path:
    """Where ranges fetched from the hub are kept."""
    return cache_folder() / "hub"


def limit() -> int:
    """Bytes that may be kept: LOWRANK_HUB_CACHE_MB megabytes, else 4,096 of them."""
    chosen = os.environ.get("LOWRANK_HUB_CACHE_MB", "")
    return (int(chosen) if chosen.isdecimal() else DEFAULT_MEGABYTES) * 10**6


def place(key: str) -> Path:
    """The file of a key."""
    return folder() / f"{hashlib.sha256(key.encode()).hexdigest()}.part"


def get(key: str, size: int | None = None) -> bytes | None:
    """What was kept under a key, now used last; None if nothing of that size was."""
    path = place(key)
    try:
        raw = path.read_bytes()
        os.utime(path)
    except OSError:
        return None
    return raw if size is None or len(raw) == size else None


def put(key: str, raw: bytes) -> None:
    """Keep bytes under a key, whole or not at all, and drop the oldest beyond the limit.

    Where they cannot be kept (no room, a folder that cannot be written, over the limit alone) they
    are simply not: the caller has them.
    """
    if len(raw) > limit():
        return
    try:
        write(place(key), raw)
        drop_oldest(folder(), limit())
    except OSError:
        return
