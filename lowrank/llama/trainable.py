"""Projections that can be trained, each derivative beside the forward that it differentiates.

A gradient dy (N, out) of the loss in y = P(x) becomes dx (N, in) = dy (dP/dx), and gradients of the
numbers that P holds. `part`s of a projection are named as PEFT names them: lora_A, lora_B,
lora_magnitude_vector, and weight, bias for the matrix itself.
"""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lowrank.errors import InputError
from lowrank.llama.linear import Dense, LoRA, LowRank, Observed, Projection, bias_of
from lowrank.llama.mlp import logistic, silu

Floats = NDArray[np.floating]
Gradients = dict[str, Floats]

LORA_PARTS = ("lora_A", "lora_B", "lora_magnitude_vector")
BOTTLENECK_PARTS = ("down.weight", "down.bias", "up.weight", "up.bias")


@dataclass(frozen=True, eq=False)
class Dropped:
    """LoRA in training: W0 x + scale B A (keep * x) / (1 - p), the dropped entries already drawn.

    `keep` (N, in) says which entries of the branch's input stay, so that the same noise can be used
    again, by a derivative or a test.

    Reference: Srivastava et al. (2014), inverted as in torch; PEFT drops in the branch alone.
    """

    lora: LoRA
    keep: NDArray[np.bool_]
    p: float

    @property
    def shape(self) -> tuple[int, int]:
        return self.lora.shape

    @property
    def parameters(self) -> int:
        return self.lora.parameters

    @property
    def bias(self) -> Floats | None:
        return bias_of(self.lora)

    def thinned(self, x: Floats) -> Floats:
        """x with what is dropped set to zero, and the rest enlarged so that its mean stays."""
        return x * self.keep / (1 - self.p)

    def apply(self, x: Floats) -> Floats:
        W0, A, B = self.lora.W0, self.lora.A, self.lora.B
        return W0.apply(x) + self.lora.scale * (self.thinned(x) @ A.T @ B.T)

    def matrix(self) -> Floats:
        return self.lora.matrix()


@dataclass(frozen=True, eq=False)
class DoRA:
    """magnitude / ||V|| * (V x), V = W0 + scale B A, norms by row of V; W0's bias is added after.

    Raises InputError if the shapes do not fit.
    Reference: Liu et al., "DoRA: Weight-Decomposed Low-Rank Adaptation", arXiv 2402.09353, eq. 5.

    >>> W0 = Dense(np.array([[3.0, 4.0]]))
    >>> same = DoRA(LoRA(W0, np.ones((1, 2)), np.zeros((1, 1)), 1.0), magnitude=np.array([5.0]))
    >>> same.apply(np.array([[1.0, 1.0]])).tolist()
    [[7.0]]
    """

    lora: LoRA
    magnitude: Floats  # (out,)

    def __post_init__(self) -> None:
        if self.magnitude.shape != self.shape[:1]:
            raise InputError(
                "magnitude has shape {shape}; expected {expected}.",
                shape=self.magnitude.shape,
                expected=self.shape[:1],
            )

    @property
    def shape(self) -> tuple[int, int]:
        return self.lora.shape

    @property
    def parameters(self) -> int:
        return self.lora.parameters + self.magnitude.size

    @property
    def bias(self) -> Floats | None:
        return bias_of(self.lora)

    def lengths(self) -> Floats:
        """||V||, (out,): the norm of every row of W0 + scale B A."""
        return np.linalg.norm(self.lora.matrix(), axis=1)

    def apply(self, x: Floats) -> Floats:
        Vx, bias = _without_bias(self.lora, x), self.bias
        y = self.magnitude / self.lengths() * Vx
        return y if bias is None else y + bias

    def matrix(self) -> Floats:
        return (self.magnitude / self.lengths())[:, None] * self.lora.matrix()


@dataclass(frozen=True, eq=False)
class Bottleneck:
    """An adapter layer after a projection: y + U silu(D y + b) + c with y = inner(x).

    D is (m, out) and U (out, m) for a bottleneck of m. It is no linear map, so it cannot be merged:
    its two products stay in every later forward.

    Reference: Houlsby et al., "Parameter-Efficient Transfer Learning for NLP", arXiv 1902.00751,
    figure 2; silu stands for their nonlinearity, as in the AdapterHub library.
    """

    inner: Projection
    D: Floats
    b: Floats
    U: Floats
    c: Floats

    def __post_init__(self) -> None:
        m, out = len(self.D), self.inner.shape[0]
        shapes = (self.D.shape, self.b.shape, self.U.shape, self.c.shape)
        if shapes != ((m, out), (m,), (out, m), (out,)):
            raise InputError(
                "D, b, U, c have shapes {shapes}; expected (m, {out}) and its kin.",
                shapes=shapes,
                out=out,
            )

    @property
    def shape(self) -> tuple[int, int]:
        return self.inner.shape

    @property
    def parameters(self) -> int:
        return self.inner.parameters + sum(a.size for a in (self.D, self.b, self.U, self.c))

    def apply(self, x: Floats) -> Floats:
        y = self.inner.apply(x)
        return y + silu(y @ self.D.T + self.b) @ self.U.T + self.c

    def matrix(self) -> Floats:
        raise InputError("An adapter layer has a nonlinearity: no matrix does what it does.")


def projection_backward(
    projection: Projection, x: Floats, dy: Floats, wanted: Collection[str], need_dx: bool = True
) -> tuple[Floats | None, Gradients]:  # (N, in), (N, out) -> (N, in)
    """The gradient in x, None unless it is needed, and those of the parts that are wanted.

    Nothing else is computed: a frozen matrix costs one product if `need_dx`, and none otherwise.
    Raises InputError for a part that the projection does not have.
    """
    if isinstance(projection, LoRA):
        return lora_backward(projection, x, dy, wanted, need_dx)
    if isinstance(projection, Dropped):
        return dropped_backward(projection, x, dy, wanted, need_dx)
    if isinstance(projection, DoRA):
        return dora_backward(projection, x, dy, wanted, need_dx)
    if isinstance(projection, Bottleneck):
        return bottleneck_backward(projection, x, dy, wanted, need_dx)
    if isinstance(projection, Observed):
        if projection.back:
            projection.back(dy)
        return projection_backward(projection.inner, x, dy, wanted, need_dx)
    if isinstance(projection, Dense):
        return dense_backward(projection, x, dy, wanted, need_dx)
    _none_of(projection, wanted)
    if isinstance(projection, LowRank):
        return (dy @ projection.U) @ projection.SVt if need_dx else None, {}
    return dy @ projection.matrix() if need_dx else None, {}


def dense_backward(
    projection: Dense, x: Floats, dy: Floats, wanted: Collection[str], need_dx: bool
) -> tuple[Floats | None, Gradients]:
    """y = W x + b: dx = W^T dy, dW = dy x^T, db = dy, the last two summed over the N inputs."""
    found: Gradients = {}
    if "weight" in wanted:
        found["weight"] = dy.T @ x  # (out, N), (N, in) -> (out, in)
    if "bias" in wanted and projection.bias is not None:
        found["bias"] = dy.sum(axis=0)
    _none_of(projection, set(wanted) - set(found))
    if not need_dx:
        return None, found
    W = projection.W  # (N, out), (out, in) -> (N, in); each the faster way: see `product`
    return (W.T @ dy.T).T, found


def lora_backward(
    projection: LoRA, x: Floats, dy: Floats, wanted: Collection[str], need_dx: bool
) -> tuple[Floats | None, Gradients]:
    """y = W0 x + s B z, z = A x: dB = s dy z^T, dz = s B^T dy, dA = dz x^T, dx = W0^T dy + A^T dz.

    Products of columns x, dy; the N inputs here are rows.
    """
    rest = [part for part in wanted if part not in LORA_PARTS]
    dx, found = projection_backward(projection.W0, x, dy, rest, need_dx)
    dz, pair = _pair_backward(projection, x, dy, wanted)
    if dx is not None:
        dx += (projection.A.T @ dz.T).T  # (N, r), (r, in) -> (N, in)
    return dx, found | pair


def dropped_backward(
    projection: Dropped, x: Floats, dy: Floats, wanted: Collection[str], need_dx: bool
) -> tuple[Floats | None, Gradients]:
    """As `lora_backward`, the branch's input being thinned: what was dropped gets no gradient."""
    rest = [part for part in wanted if part not in LORA_PARTS]
    dx, found = projection_backward(projection.lora.W0, x, dy, rest, need_dx)
    dz, pair = _pair_backward(projection.lora, projection.thinned(x), dy, wanted)
    if dx is not None:
        dx += projection.thinned(dz @ projection.lora.A)
    return dx, found | pair


def dora_backward(
    projection: DoRA, x: Floats, dy: Floats, wanted: Collection[str], need_dx: bool
) -> tuple[Floats | None, Gradients]:
    """y = g * (V x), g = magnitude / ||V||: d(V x) = g * dy, d(magnitude) = dy * (V x) / ||V||.

    ||V|| counts as a constant (Liu et al., section 4.3): the gradients of A and B are not exact.
    """
    lora, lengths = projection.lora, projection.lengths()
    found: Gradients = {}
    if "lora_magnitude_vector" in wanted:
        found["lora_magnitude_vector"] = (dy * _without_bias(lora, x)).sum(axis=0) / lengths
    if "bias" in wanted and projection.bias is not None:
        found["bias"] = dy.sum(axis=0)  # added after the scaling, so not through it
    rest = [part for part in wanted if part not in found]
    dx, more = lora_backward(lora, x, projection.magnitude / lengths * dy, rest, need_dx)
    return dx, found | more


def bottleneck_backward(
    projection: Bottleneck, x: Floats, dout: Floats, wanted: Collection[str], need_dx: bool
) -> tuple[Floats | None, Gradients]:
    """out = y + U a + c, a = silu(z), z = D y + b, y = inner(x): the chain rule from the right.

    y is computed again from x rather than kept.
    """
    y = projection.inner.apply(x)
    z = y @ projection.D.T + projection.b  # (N, out), (out, m) -> (N, m)
    dz = silu_backward(z, dout @ projection.U)
    all_parts = {
        "down.weight": lambda: dz.T @ y,
        "down.bias": lambda: dz.sum(axis=0),
        "up.weight": lambda: dout.T @ silu(z),
        "up.bias": lambda: dout.sum(axis=0),
    }
    found = {part: all_parts[part]() for part in wanted if part in all_parts}
    rest = [part for part in wanted if part not in all_parts]
    if not (need_dx or rest):
        return None, found
    dy = dout + dz @ projection.D
    dx, more = projection_backward(projection.inner, x, dy, rest, need_dx)
    return dx, found | more


def silu_backward(z: Floats, dy: Floats) -> Floats:
    """y = z sigma(z): dz = dy sigma (1 + z (1 - sigma)).

    >>> silu_backward(np.array([0.0]), np.array([2.0])).tolist()
    [1.0]
    """
    sigma = logistic(z)
    return dy * (sigma * (1 + z * (1 - sigma)))


def _pair_backward(
    lora: LoRA, x: Floats, dy: Floats, wanted: Collection[str]
) -> tuple[Floats, Gradients]:
    """dz (N, r) = s B^T dy, and of dA, dB those wanted; A x is computed again, being thin."""
    found: Gradients = {}
    if "lora_B" in wanted:
        found["lora_B"] = lora.scale * (dy.T @ (x @ lora.A.T))  # (out, N), (N, r) -> (out, r)
    dz = lora.scale * (dy @ lora.B)  # (N, out), (out, r) -> (N, r)
    if "lora_A" in wanted:
        found["lora_A"] = dz.T @ x  # (r, N), (N, in) -> (r, in)
    return dz, found


def _without_bias(lora: LoRA, x: Floats) -> Floats:
    y, bias = lora.apply(x), bias_of(lora)
    return y if bias is None else y - bias


def _none_of(projection: Projection, wanted: Collection[str]) -> None:
    if wanted:
        raise InputError(
            "A {kind} has no {part!r} that can be trained.",
            kind=type(projection).__name__,
            part=sorted(wanted)[0],
        )
