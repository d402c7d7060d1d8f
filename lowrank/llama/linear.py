"""What may stand where a Llama has a matrix: the matrix, a low-rank pair, or LoRA around either.

All answer the same verbs, so that the model's equations do not know which of them they call.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from lowrank.errors import InputError

Floats = NDArray[np.floating]

VOCABULARY = 16_384
"""A matrix with more rows than this gives contiguous rows: see `product`."""


class Projection(Protocol):
    """A linear map from `shape[1]` numbers to `shape[0]`, with a bias where the model has one."""

    @property
    def shape(self) -> tuple[int, int]:
        """(out, in), the shape of the matrix that this is or stands for."""

    @property
    def parameters(self) -> int:
        """How many numbers are stored, the bias among them."""

    def apply(self, x: Floats) -> Floats:
        """The image of every input of a stack: (..., in) -> (..., out)."""

    def matrix(self) -> Floats:
        """The one matrix, (out, in), that does what this does, without the bias."""


@dataclass(frozen=True, eq=False)
class Dense:
    """W x + b with W (out, in) and b (out,) or None.

    Raises InputError if the shapes do not fit.

    >>> Dense(np.array([[1.0, 2.0]])).apply(np.array([[3.0, 4.0]])).tolist()
    [[11.0]]
    """

    W: Floats
    bias: Floats | None = None

    def __post_init__(self) -> None:
        if self.W.ndim != 2:
            raise InputError(
                "W has shape {shape}; expected (out, in).",
                shape=self.W.shape,
            )
        _check_bias(self.bias, self.W.shape[0])

    @property
    def shape(self) -> tuple[int, int]:
        return self.W.shape[0], self.W.shape[1]

    @property
    def parameters(self) -> int:
        return self.W.size + _size(self.bias)

    def apply(self, x: Floats) -> Floats:
        return _plus(product(self.W, x), self.bias)

    def matrix(self) -> Floats:
        return self.W


@dataclass(frozen=True, eq=False)
class LowRank:
    """U (SVt x) + b with U (out, k) and SVt (k, in): two thin products, never multiplied out.

    k (out + in) numbers and as many multiplications an input, beside the out * in of the matrix:
    fewer while k < out in / (out + in).

    Raises InputError if the shapes do not fit.

    >>> LowRank(np.array([[1.0], [2.0]]), np.array([[3.0, 4.0]])).apply(np.ones((1, 2))).tolist()
    [[7.0, 14.0]]
    """

    U: Floats
    SVt: Floats
    bias: Floats | None = None

    def __post_init__(self) -> None:
        if self.U.ndim != 2 or self.SVt.ndim != 2 or self.U.shape[1] != self.SVt.shape[0]:
            raise InputError(
                "U has shape {U_shape} and SVt {SVt_shape}; expected (out, k), (k, in).",
                U_shape=self.U.shape,
                SVt_shape=self.SVt.shape,
            )
        _check_bias(self.bias, self.U.shape[0])

    @property
    def shape(self) -> tuple[int, int]:
        return self.U.shape[0], self.SVt.shape[1]

    @property
    def rank(self) -> int:
        """k, the number of directions kept."""
        return self.U.shape[1]

    @property
    def parameters(self) -> int:
        return self.U.size + self.SVt.size + _size(self.bias)

    def apply(self, x: Floats) -> Floats:
        # (..., in), (in, k), (k, out) -> (..., out)
        return _plus(product(self.U, product(self.SVt, x)), self.bias)

    def matrix(self) -> Floats:
        return self.U @ self.SVt


@dataclass(frozen=True, eq=False)
class LoRA:
    """W0 x + scale B (A x) with A (r, in), B (out, r) and W0 any projection, its bias kept.

    `scale` is the whole factor: alpha/r, or alpha/sqrt(r) for rsLoRA.

    Raises InputError if the shapes do not fit.
    Reference: Hu et al., arXiv 2106.09685, equation 3.

    >>> W0 = Dense(np.eye(2))
    >>> LoRA(W0, np.ones((1, 2)), np.ones((2, 1)), scale=0.5).apply(np.array([1.0, 3.0])).tolist()
    [3.0, 5.0]
    """

    W0: Projection
    A: Floats
    B: Floats
    scale: float

    def __post_init__(self) -> None:
        (m, n), A, B = self.W0.shape, self.A.shape, self.B.shape
        if len(A) != 2 or len(B) != 2 or A[1] != n or B[0] != m or A[0] != B[1]:
            raise InputError(
                "A has shape {A_shape} and B {B_shape}; expected (r, {n}) and ({m}, r): "
                "W0 is ({m}, {n}).",
                A_shape=A,
                B_shape=B,
                m=m,
                n=n,
            )

    @property
    def shape(self) -> tuple[int, int]:
        return self.W0.shape

    @property
    def parameters(self) -> int:
        return self.W0.parameters + self.A.size + self.B.size

    def apply(self, x: Floats) -> Floats:
        # (..., in), (in, r), (r, out) -> (..., out)
        y = self.W0.apply(x)
        return y + product(float(self.scale) * self.B, product(self.A, x))

    def matrix(self) -> Floats:
        return self.W0.matrix() + float(self.scale) * (self.B @ self.A)


@dataclass(frozen=True, eq=False)
class Observed:
    """A projection that shows every input to `look` before it is applied, and changes nothing.

    On the way back it shows `back` the loss's gradient in what it gave, (..., out).

    >>> seen = []
    >>> y = Observed(Dense(np.eye(2)), seen.append).apply(np.ones((3, 2)))
    >>> seen[0].shape
    (3, 2)
    """

    inner: Projection
    look: Callable[[Floats], object]
    back: Callable[[Floats], object] | None = None

    @property
    def shape(self) -> tuple[int, int]:
        return self.inner.shape

    @property
    def parameters(self) -> int:
        return self.inner.parameters

    def apply(self, x: Floats) -> Floats:
        self.look(x)
        return self.inner.apply(x)

    def matrix(self) -> Floats:
        return self.inner.matrix()


def product(W: Floats, x: Floats) -> Floats:  # (out, in), (..., in) -> (..., out)
    """W x for every vector x of a stack.

    A plain stack is multiplied as the columns of a matrix, W X, and comes back as one that lies in
    memory column by column: OpenBLAS is a tenth to a quarter faster at it than at X^T W^T. Not
    for a vocabulary: numpy sums along such an axis one by one, and over 50,000 numbers that costs
    float32 a digit.
    """
    if x.ndim != 2 or len(W) > VOCABULARY:
        return x @ W.T
    return (W @ x.T).T


def bias_of(projection: Projection) -> Floats | None:
    """The bias (out,) that a projection adds, None if it has none."""
    if isinstance(projection, LoRA):
        return bias_of(projection.W0)
    if isinstance(projection, Observed):
        return bias_of(projection.inner)
    return getattr(projection, "bias", None)


def _plus(y: Floats, bias: Floats | None) -> Floats:
    return y if bias is None else y + bias


def _size(bias: Floats | None) -> int:
    return 0 if bias is None else bias.size


def _check_bias(bias: Floats | None, out: int) -> None:
    if bias is not None and bias.shape != (out,):
        raise InputError(
            "bias has shape {shape}; expected ({out},).",
            shape=bias.shape,
            out=out,
        )
