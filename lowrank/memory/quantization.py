"""Weights in fewer bits: int8 with one constant a row, 4-bit NormalFloat with one a block.

Simulated, as is usual for judging the error: codes and constants are kept, and the matrix they
stand for is given back in float32.
"""

from dataclasses import dataclass

import ml_dtypes
import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

from lowrank.errors import InputError
from lowrank.language import gettext_noop
from lowrank.spectra.svd import checked_matrix, singular_values

Codes = NDArray[np.uint8] | NDArray[np.int8]


def _normal_float() -> NDArray[np.float32]:
    """The 16 levels of NF4: quantiles of a normal distribution, scaled to [-1, 1], with exact 0.

    Eight quantiles on the positive side and seven on the negative, between which 0 stands, from
    the offset at which both ends are equally likely to be rounded to.
    Reference: Dettmers et al., "QLoRA", arXiv 2305.14314, section 3 and appendix E.
    """
    offset = (1 - 1 / (2 * 15) + 1 - 1 / (2 * 16)) / 2
    positive = ndtri(np.linspace(offset, 0.5, 9)[:-1])
    negative = -ndtri(np.linspace(offset, 0.5, 8)[:-1])
    levels = np.sort(np.concatenate([negative, [0.0], positive]))
    return (levels / levels.max()).astype(np.float32)


NF4_LEVELS = _normal_float()


@dataclass(frozen=True)
class Quantized:
    """Codes (m, n) and their float32 constants: a row's (m, 1), or a block's (m n / block, 1)."""

    codes: Codes
    constants: NDArray[np.float32]
    levels: NDArray[np.float32] | None  # of a code; None where a code is its own level
    block: int  # 0: a constant for each row

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
        flat = np.zeros(len(self.constants) * self.block, np.float32)
        flat[: values.size] = values.ravel()
        scaled = flat.reshape(-1, self.block) * self.constants
        return scaled.ravel()[: values.size].reshape(values.shape)


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
    flat = np.zeros(-(-W.size // block) * block, np.float32)
    flat[: W.size] = W.ravel()
    blocks = flat.reshape(-1, block)
    constants = np.abs(blocks).max(axis=1, keepdims=True)
    share = blocks / np.where(constants > 0, constants, 1)
    between = (NF4_LEVELS[1:] + NF4_LEVELS[:-1]) / 2
    codes = np.searchsorted(between, share.ravel()[: W.size]).astype(np.uint8)
    return Quantized(codes.reshape(W.shape), constants, NF4_LEVELS, block)


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
