"""Weights in fewer bits: int8 with one constant a row, 4-bit NormalFloat with one a block.

Codes and constants are kept, and the matrix they stand for is given back in float32: by the plain
forms, with a byte a code, to judge the error; by `DoublyQuantized` as a model is kept in memory.
"""

from dataclasses import dataclass

import ml_dtypes
import numpy as np
from numpy.typing import ArrayLike, NDArray

from lowrank.errors import InputError
from lowrank.language import gettext_noop
from lowrank.spectra.svd import checked_matrix, singular_values

Codes = NDArray[np.uint8] | NDArray[np.int8]
BLOCK, CONSTANTS = 64, 256  # numbers of a block, and constants of a block of those, as in QLoRA

# fmt: off
NF4_LEVELS = np.array(
    [-1, -0.6961928, -0.52507305, -0.3949175, -0.28444138, -0.18477343, -0.091050036, 0,
     0.0795803, 0.1609302, 0.2461123, 0.33791524, 0.44070983, 0.562617, 0.72295684, 1], np.float32,
)
# fmt: on
"""The 16 levels of NF4 as they are published, float32 digit for digit, so that codes mean the same
everywhere: quantiles of a normal distribution, scaled to [-1, 1], eight positive, seven negative,
and 0. Reference: Dettmers et al., "QLoRA", arXiv 2305.14314, section 3 and appendix E."""


def _dynamic() -> NDArray[np.float32]:
    """The 256 levels of the dynamic 8-bit code: 0, 1, and 2^i of either sign about 10^(i - 6).

    The decade from 10^(i - 7) to 10^(i - 6), i = 0 to 6, is cut into 2^i equal parts, whose middles
    are levels: the larger a number, the finer. Edges are counted from the nearer end in float32
    steps, as torch.linspace does, so that all is bitsandbytes' map to the last bit.
    Reference: Dettmers et al., "8-bit Optimizers via Block-wise Quantization", arXiv 2110.02861.
    """
    least, levels = np.float32(0.1), [np.array([0, 1], np.float32)]
    for i in range(7):
        n, k = 2**i, np.arange(2**i + 1)
        step = float((np.float32(1) - least) / np.float32(n))
        edges = np.where(2 * k < n, float(least) + step * k, 1 - step * (n - k)).astype(np.float32)
        middles = 10.0 ** (i - 6) * ((edges[:-1] + edges[1:]) / np.float32(2))
        levels += [middles, -middles]
    return np.sort(np.concatenate(levels))


DYNAMIC_LEVELS = _dynamic()
# The two numbers that a byte of two codes stands for, lying side by side as one of 8 bytes.
_PAIRS = np.stack([np.repeat(NF4_LEVELS, 16), np.tile(NF4_LEVELS, 16)], axis=1)
_PAIRS = _PAIRS.view(np.uint64).ravel()


@dataclass(frozen=True)
class Quantized:
    """Codes (m, n) and their float32 constants: a row's (m, 1), or a block's (m n / block, 1)."""

    codes: Codes
    constants: NDArray[np.float32]
    levels: NDArray[np.float32] | None  # of a code; None where a code is its own level
    block: int  # 0: a constant for each row

    @property
    def shape(self) -> tuple[int, int]:
        """(m, n) of the matrix."""
        return self.codes.shape[0], self.codes.shape[1]

    @property
    def nbytes(self) -> int:
        """Bytes as stored: 4-bit codes two to a byte, and float32 constants."""
        bits = 8 if self.levels is None else 4
        return self.codes.size * bits // 8 + self.constants.nbytes

    def matrix(self) -> NDArray[np.float32]:
        """The matrix the codes stand for, (m, n)."""
        values = self.codes.astype(np.float32) if self.levels is None else self.levels[self.codes]
        if not self.block:
            return values * self.constants
        scaled = _in_blocks(values, self.block) * self.constants
        return scaled.ravel()[: values.size].reshape(values.shape)


@dataclass(frozen=True, eq=False)
class DoublyQuantized:
    """NF4 as QLoRA keeps it: two codes a byte, and the constant of each block in 8 bits.

    A constant is `scales` of its 256 times the level of its code, plus the `mean` of all constants:
    4 + 8/64 + 32/(64 * 256) = 4.127 bits a number. A last block that is not full is kept whole.
    """

    shape: tuple[int, int]
    packed: NDArray[np.uint8]  # (blocks, 32), row by row of the matrix, the first code above
    constants: NDArray[np.uint8]  # (blocks,), codes of DYNAMIC_LEVELS
    scales: NDArray[np.float32]  # (blocks / 256, 1)
    mean: np.float32

    @property
    def nbytes(self) -> int:
        """Bytes in memory and as stored."""
        parts = (self.packed, self.constants, self.scales, self.mean)
        return sum(part.nbytes for part in parts)

    def matrix(self) -> NDArray[np.float32]:
        """The matrix the codes stand for, (m, n)."""
        (m, n), blocks = self.shape, len(self.constants)
        scaled = _in_blocks(DYNAMIC_LEVELS[self.constants], CONSTANTS) * self.scales
        constants = scaled.ravel()[:blocks, None] + self.mean
        values = np.take(_PAIRS, self.packed).view(np.float32)  # (blocks, 32) -> (blocks, 64)
        values *= constants
        return values.ravel()[: m * n].reshape(m, n)


def int8(W: ArrayLike) -> Quantized:  # (m, n)
    """round(127 w / absmax) with the absmax of each row: symmetric 8-bit integers.

    Each entry is wrong by at most half a step, absmax / 254. Rows of zeros stay zero.

    Raises InputError if W is not a finite matrix.
    Reference: Dettmers et al., "LLM.int8()", arXiv 2208.07339, section 2, vector-wise and without
    the outliers' 16-bit part.

    >>> int8([[1.0, -2.0], [0.0, 0.0]]).codes.tolist()
    [[64, -127], [0, 0]]
    """
    W = checked_matrix(W).astype(np.float32)
    step = np.abs(W).max(axis=1, keepdims=True) / np.float32(127)
    codes = np.rint(W / np.where(step > 0, step, 1)).astype(np.int8)
    return Quantized(codes, step, None, 0)


def nf4(W: ArrayLike, block: int = 64) -> Quantized:  # (m, n)
    """The nearest of 16 NormalFloat levels times the absmax of each block of entries, row by row.

    Raises InputError if W is not a finite matrix or block is not at least 1.
    Reference: Dettmers et al., "QLoRA", arXiv 2305.14314, section 3, without double quantization.

    >>> nf4([[0.5, -0.5, 0.0, 0.1]], block=4).codes.tolist()
    [[15, 0, 7, 9]]
    """
    W = checked_matrix(W).astype(np.float32)
    if block < 1:
        raise InputError(
            "block is {block}; expected a whole number of at least 1.",
            block=block,
        )
    blocks = _in_blocks(W, block)
    constants = np.abs(blocks).max(axis=1, keepdims=True)
    codes = _nearest(blocks, constants, NF4_LEVELS).ravel()[: W.size]
    return Quantized(codes.reshape(W.shape), constants, NF4_LEVELS, block)


def nf4_double(W: ArrayLike) -> DoublyQuantized:  # (m, n)
    """NF4 in blocks of 64, whose constants are quantized again, less their mean, in blocks of 256.

    Raises InputError if W is not a finite matrix.
    Reference: Dettmers et al., "QLoRA", arXiv 2305.14314, section 3, "Double Quantization".

    >>> W = np.random.default_rng(0).standard_normal((256, 256))
    >>> 8 * nf4(W).nbytes / W.size, round(8 * nf4_double(W).nbytes / W.size, 3)
    (4.5, 4.127)
    """
    once = nf4(W, BLOCK)
    mean = np.float32(once.constants.mean(dtype=np.float64))
    apart = _in_blocks(once.constants - mean, CONSTANTS)
    scales = np.abs(apart).max(axis=1, keepdims=True)
    constants = _nearest(apart, scales, DYNAMIC_LEVELS).ravel()[: len(once.constants)].copy()
    # What fills the last block up is 0, whose code is that of the level 0.
    flat = np.full(once.constants.size * BLOCK, np.flatnonzero(NF4_LEVELS == 0)[0], np.uint8)
    flat[: once.codes.size] = once.codes.ravel()
    packed = (flat[::2] << np.uint8(4)) | flat[1::2]
    return DoublyQuantized(once.shape, packed.reshape(-1, BLOCK // 2), constants, scales, mean)


def _in_blocks(values: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    """Numbers of any shape, row by row, as (blocks, size), zeros behind the last."""
    flat = np.zeros(-(-values.size // size) * size, np.float32)
    flat[: values.size] = values.ravel()
    return flat.reshape(-1, size)


def _nearest(
    blocks: NDArray[np.float32], constants: NDArray[np.float32], levels: NDArray[np.float32]
) -> NDArray[np.uint8]:  # (blocks, size), (blocks, 1), (levels,) -> (blocks, size)
    """The code of the level nearest to each number as a share of its block's constant."""
    share = blocks / np.where(constants > 0, constants, np.float32(1))
    return np.searchsorted((levels[1:] + levels[:-1]) / 2, share).astype(np.uint8)


def bfloat16(x: ArrayLike) -> NDArray[np.float32]:
    """x rounded to bfloat16, to nearest and ties to even, as float32: the upper 16 of its bits.

    >>> bfloat16([1.0, 1.001, 3.14159]).tolist()
    [1.0, 1.0, 3.140625]
    """
    return np.asarray(x, np.float32).astype(ml_dtypes.bfloat16).astype(np.float32)


@dataclass(frozen=True)
class Rounded:
    """What rounding a matrix to fewer bits loses.

    `bits` a number, constants included; `share` is ||W - Q||_F / ||W||_F, `largest` the greatest
    |W - Q| of an entry, `spectrum` the singular values of W - Q (min(m, n),), for codes with
    constants alone: None for the 16-bit formats.
    """

    name: str
    bits: float
    share: float
    largest: float
    spectrum: NDArray[np.float64] | None


def roundings(W: ArrayLike, spectra: bool = True) -> tuple[Rounded, ...]:
    """int8 by row, NF4 by blocks of 64, bfloat16 and float16, each beside W (m, n).

    With `spectra` also the singular values of what the two codes lose, two full decompositions.

    Raises InputError if W is not a finite matrix.

    >>> [(each.name, each.bits) for each in roundings(np.eye(64))][1:3]
    [('NF4, blocks of 64', 4.5), ('bfloat16', 16.0)]
    """
    W = np.asarray(checked_matrix(W), np.float32)
    norm = float(np.linalg.norm(W)) or 1.0

    def rounded(name: str, bits: float, lost: NDArray[np.float32], coded: bool) -> Rounded:
        share, largest = float(np.linalg.norm(lost)) / norm, float(np.abs(lost).max())
        s = singular_values(lost).s if coded and spectra else None
        return Rounded(name, bits, share, largest, s)

    coded = {
        gettext_noop("int8, a constant a row"): int8(W),
        gettext_noop("NF4, blocks of 64"): nf4(W),
    }
    halves = {"bfloat16": bfloat16(W), "float16": W.astype(np.float16).astype(np.float32)}
    return (
        *(rounded(name, 8 * q.nbytes / W.size, W - q.matrix(), True) for name, q in coded.items()),
        *(rounded(name, 16.0, W - Q, False) for name, Q in halves.items()),
    )
