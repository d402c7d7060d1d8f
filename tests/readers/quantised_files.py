"""Tiny quantised weights in every layout: the tensors as stored, and W by the layout's arithmetic.

Each W is worked out one entry at a time, in float64, from random codes: nothing here is shared with
the reader. `LAYOUTS` names them; each maker returns (tensors, quantization_config, W).
"""

import json
from collections.abc import Callable

import ml_dtypes
import numpy as np

NAME = "model.layers.0.self_attn.q_proj"
OUT, IN = 16, 32
Made = tuple[dict[str, np.ndarray], dict[str, object], np.ndarray]
NF4 = np.float32(np.sort(np.random.default_rng(4).standard_normal(16)))


def each_entry(value: Callable[[int, int], float], out: int = OUT, wide: int = IN) -> np.ndarray:
    """W (out, in) from a function of row and column."""
    return np.array([[value(i, j) for j in range(wide)] for i in range(out)])


def fp8(kind: str, scale_shape: tuple[int, ...], inverse: bool = False) -> Made:
    """FP8 with one scale, one a row, or one a block of 4 x 8 (3 x 5 in the corner)."""
    rng = np.random.default_rng(0)
    out, wide = (15, 29) if inverse else (OUT, IN)
    codes = rng.integers(0, 120, (out, wide), dtype=np.uint8)
    codes |= rng.integers(0, 2, codes.shape, dtype=np.uint8) << 7
    W = codes.view(kind)
    scale = rng.uniform(0.001, 0.01, scale_shape).astype(np.float32)

    def at(i: int, j: int) -> float:
        if inverse:
            return float(W[i, j]) * float(scale[i // 4, j // 8])
        return float(W[i, j]) * float(scale.reshape(-1)[0 if scale.size == 1 else i])

    name = f"{NAME}.weight_scale{'_inv' if inverse else ''}"
    said = {"quant_method": "fp8"} | ({"weight_block_size": [4, 8]} if inverse else {})
    return {f"{NAME}.weight": W, name: scale}, said, each_entry(at, out, wide)


def int8() -> Made:
    """bitsandbytes' int8."""
    rng = np.random.default_rng(1)
    W = rng.integers(-127, 128, (OUT, IN)).astype(np.int8)
    SCB = rng.uniform(0.1, 1, OUT).astype(np.float32)
    held = {
        f"{NAME}.weight": W,
        f"{NAME}.SCB": SCB,
        f"{NAME}.weight_format": np.array(0, np.uint8),
    }
    said = {"quant_method": "bitsandbytes", "load_in_8bit": True}
    return held, said, each_entry(lambda i, j: float(W[i, j]) * float(SCB[i]) / 127)


def four_bits(kind: str, nested: bool, blocksize: int = 64, shape: tuple[int, int] = (OUT, IN)):
    """bitsandbytes' 4 bits, row by row, the high half of a byte first."""
    rng, n = np.random.default_rng(2), shape[0] * shape[1]
    codes = rng.integers(0, 256, (-(-n // 2), 1), dtype=np.uint8)
    blocks = -(-n // blocksize)
    absmax = rng.uniform(0.01, 0.1, blocks).astype(np.float32)
    largest = [float(a) for a in absmax]
    state = {"quant_type": kind, "blocksize": blocksize, "dtype": "bfloat16", "shape": list(shape)}
    held = {f"{NAME}.weight": codes, f"{NAME}.weight.quant_map": NF4}
    if nested:
        absmax = rng.integers(0, 256, blocks, dtype=np.uint8)
        levels = rng.uniform(-1, 1, 256).astype(np.float32)
        high = rng.uniform(0.1, 0.2, -(-blocks // 4)).astype(np.float32)
        state |= {"nested_blocksize": 4, "nested_dtype": "float32", "nested_offset": 0.25}
        held |= {f"{NAME}.weight.nested_absmax": high, f"{NAME}.weight.nested_quant_map": levels}
        largest = [
            float(levels[code]) * float(high[b // 4]) + 0.25 for b, code in enumerate(absmax)
        ]
    held[f"{NAME}.weight.absmax"] = absmax
    words = np.frombuffer(json.dumps(state).encode(), np.uint8)
    held[f"{NAME}.weight.quant_state.bitsandbytes__{kind}"] = words

    def at(i: int, j: int) -> float:
        place = i * shape[1] + j
        byte = int(codes[place // 2, 0])
        code = byte & 15 if place % 2 else byte >> 4
        return float(NF4[code]) * largest[place // blocksize]

    return held, {"quant_method": "bitsandbytes"}, each_entry(at, *shape)


def words(codes: np.ndarray, bits: int) -> np.ndarray:
    """(n, 32 / bits) codes -> (n,) words, the first code in the lowest bits."""
    packed = [sum(int(c) << bits * at for at, c in enumerate(row)) for row in codes]
    return np.array(packed, np.uint32).view(np.int32)


def gptq(bits: int = 4, v2: bool = False, act_order: bool = True, group: int = 8) -> Made:
    """GPTQ: inputs packed into words, zeros by outputs; the groups of the inputs in any order."""
    rng, per = np.random.default_rng(3), 32 // bits
    groups = IN // group
    q = rng.integers(0, 1 << bits, (IN, OUT))
    z = rng.integers(0, (1 << bits) - 1, (groups, OUT))
    s = rng.uniform(0.01, 0.1, (groups, OUT)).astype(np.float16)
    g = np.arange(IN, dtype=np.int32) // group
    if act_order:
        g = rng.permutation(g)
    by_word = q.T.reshape(OUT, IN // per, per)  # each output's inputs, in runs of one word
    qweight = np.stack([words(by_word[i], bits) for i in range(OUT)], axis=1)
    qzeros = np.stack([words(row.reshape(-1, per), bits) for row in z])
    held = {f"{NAME}.qweight": qweight, f"{NAME}.qzeros": qzeros, f"{NAME}.scales": s}
    held |= {f"{NAME}.g_idx": g} if act_order else {}
    said = {"quant_method": "gptq", "bits": bits} | ({"checkpoint_format": "gptq_v2"} if v2 else {})
    W = each_entry(
        lambda i, j: float(s[g[j], i]) * (int(q[j, i]) - int(z[g[j], i]) - (0 if v2 else 1))
    )
    return held, said, W


def awq() -> Made:
    """AWQ: outputs packed into words in the order 0 2 4 6 1 3 5 7."""
    rng, groups, order = np.random.default_rng(5), IN // 8, [0, 2, 4, 6, 1, 3, 5, 7]
    q, z = rng.integers(0, 16, (IN, OUT)), rng.integers(0, 16, (groups, OUT))
    s = rng.uniform(0.01, 0.1, (groups, OUT)).astype(np.float16)

    def packed(codes: np.ndarray) -> np.ndarray:
        return np.stack([words(row.reshape(-1, 8)[:, order], 4) for row in codes])

    held = {f"{NAME}.qweight": packed(q), f"{NAME}.qzeros": packed(z), f"{NAME}.scales": s}
    said = {"quant_method": "awq", "bits": 4, "version": "gemm"}
    W = each_entry(lambda i, j: float(s[j // 8, i]) * (int(q[j, i]) - int(z[j // 8, i])))
    return held, said, W


E4M3, E5M2 = "float8_e4m3fn", "float8_e5m2"
ml_dtypes.finfo(E4M3)  # numpy knows the names once the package is there
LAYOUTS: dict[str, Callable[[], Made]] = {
    "FP8 E4M3, one scale": lambda: fp8(E4M3, ()),
    "FP8 E5M2, one scale": lambda: fp8(E5M2, (1,)),
    "FP8 E4M3, one scale a row": lambda: fp8(E4M3, (OUT, 1)),
    "FP8 E4M3, one scale a block of 4 × 8": lambda: fp8(E4M3, (4, 4), inverse=True),
    "int8, one scale a row (bitsandbytes)": int8,
    "NF4, blocks of 64 (bitsandbytes)": lambda: four_bits("nf4", False),
    "FP4, blocks of 48 (bitsandbytes)": lambda: four_bits("fp4", False, 48, (5, 31)),
    "NF4, blocks of 64, nested (bitsandbytes)": lambda: four_bits("nf4", True),
    "GPTQ 4 bit, groups of 8": gptq,
    "GPTQ 8 bit, groups of 16": lambda: gptq(8, act_order=False, group=16),
    "GPTQ 2 bit, groups of 16": lambda: gptq(2, v2=True, group=16),
    "AWQ 4 bit, groups of 8": awq,
}
