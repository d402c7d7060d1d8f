"""Safetensors files with any stored type, those that numpy has not included."""

import json
import struct

import numpy as np

Raw = tuple[str, tuple[int, ...], bytes]
CODES = {
    "float8_e4m3fn": "F8_E4M3",
    "float8_e5m2": "F8_E5M2",
    "float32": "F32",
    "float16": "F16",
    "bfloat16": "BF16",
}


def raw(held: dict[str, np.ndarray | Raw]) -> bytes:
    """A file of these tensors, each an array or (stored type, shape, bytes)."""
    header, at, data = {}, 0, b""
    for name, each in held.items():
        dtype, shape, part = each if isinstance(each, tuple) else described(each)
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [at, at + len(part)]}
        at, data = at + len(part), data + part
    words = json.dumps(header).encode()
    return struct.pack("<Q", len(words)) + words + data


def described(array: np.ndarray) -> Raw:
    kind = array.dtype
    known = CODES.get(kind.name) or f"{kind.kind.upper()}{8 * kind.itemsize}"
    return known, array.shape, array.tobytes()
