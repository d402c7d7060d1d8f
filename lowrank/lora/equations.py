"""LoRA, low-rank adaptation: a frozen matrix plus the product of two thin ones.

Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models", arXiv 2106.09685. Two conventions
are in use for the same arithmetic. The paper, PyTorch and PEFT keep a weight as (out, in) and write
h = W0 x + (alpha/r) B A x; code written row by row keeps it as (in, out) and writes
h = x W + alpha x W_A W_B, its alpha being the whole scale.
"""

import operator
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from lowrank.errors import InputError
from lowrank.language import gettext as _
from lowrank.spectra.svd.checks import real_array, real_matrix

Floats = NDArray[np.floating]
Init = Literal["kaiming", "gaussian"]


def regular_forward_matmul(x: ArrayLike, W: ArrayLike) -> Floats:  # (..., in), (in, out)
    """h = x W, (..., out): a linear layer in the row-vector convention, without LoRA.

    Raises InputError if the shapes do not fit.

    >>> regular_forward_matmul([1, 2], [[1, 0, 2], [0, 1, 3]]).tolist()
    [1.0, 2.0, 8.0]
    """
    W = real_matrix(W, "W")
    x = _input(x, W.shape[0], _("W {shape} has {rows} rows").format(shape=W.shape, rows=W.shape[0]))
    return x @ W


def lora_forward_matmul(
    x: ArrayLike,  # (..., in)
    W: ArrayLike,  # (in, out)
    W_A: ArrayLike,  # (in, r)
    W_B: ArrayLike,  # (r, out)
    alpha: float,
) -> Floats:
    """h = x W + alpha (x W_A) W_B, (..., out): LoRA in the row-vector convention.

    `alpha` is the whole scale here: the paper's alpha/r. Equal to `forward` on the transposes:
    forward(x, W.T, W_A.T, W_B.T, alpha * r, r). W_A W_B is never formed.

    Raises InputError if the shapes do not fit.

    >>> lora_forward_matmul([1, 2], np.eye(2), [[1], [1]], [[0, 1]], alpha=2).tolist()
    [1.0, 8.0]
    """
    W, W_A, W_B = real_matrix(W, "W"), real_matrix(W_A, "W_A"), real_matrix(W_B, "W_B")
    (rows, columns), r = W.shape, W_A.shape[1]
    _expect("W_A", W_A, (rows, r), _("W is {shape}").format(shape=W.shape))
    both = _("W is {shape} and W_A {W_A_shape}").format(shape=W.shape, W_A_shape=W_A.shape)
    _expect("W_B", W_B, (r, columns), both)
    alpha = _scale(alpha)
    return regular_forward_matmul(x, W) + alpha * (np.asarray(x) @ W_A @ W_B)


def forward(
    x: ArrayLike,  # (..., in)
    W0: ArrayLike,  # (out, in)
    A: ArrayLike,  # (r, in)
    B: ArrayLike,  # (out, r)
    alpha: float,
    r: int,
) -> Floats:
    """h = W0 x + (alpha/r) B (A x), (..., out): LoRA in the paper's and PEFT's convention.

    x is one input (in,) or a stack of them (..., in). Two thin products: r (in + out) operations
    an input beside the in * out of W0 x. B A is never formed.

    Raises InputError if the shapes do not fit, or A does not have r rows.
    Reference: Hu et al., equation 3; the scale is PEFT's default.

    >>> forward([1, 2], np.eye(2), A=[[1, 1]], B=[[0], [1]], alpha=2, r=1).tolist()
    [1.0, 8.0]
    """
    W0, A, B, r = _checked(W0, A, B, r)
    x = _input(x, W0.shape[1], _columns("W0", W0))
    return x @ W0.T + update(x, A, B, alpha, r)


def update(x: ArrayLike, A: ArrayLike, B: ArrayLike, alpha: float, r: int) -> Floats:
    """(alpha/r) B (A x), (..., out): what LoRA adds to W0 x. Shapes as in `forward`.

    Zero for every x while B is zero, as at the start of training.

    Raises InputError if the shapes do not fit, or A does not have r rows.

    >>> update([1, 2], A=[[1, 1]], B=[[0], [1]], alpha=2, r=1).tolist()
    [0.0, 6.0]
    """
    A, B, r = real_matrix(A, "A"), real_matrix(B, "B"), _whole("r", r)
    because = _("r is {r}").format(r=r)
    _expect("A", A, (r, A.shape[1]), because)
    _expect("B", B, (B.shape[0], r), because)
    x = _input(x, A.shape[1], _columns("A", A))
    return _scale(alpha) / r * (x @ A.T @ B.T)  # (..., in), (in, r), (r, out) -> (..., out)


def merge(W0: ArrayLike, A: ArrayLike, B: ArrayLike, alpha: float, r: int) -> Floats:
    """W0 + (alpha/r) B A, (out, in): one new matrix that does what the three do. W0 is kept.

    forward(x, W0, A, B, alpha, r) = merge(W0, A, B, alpha, r) x up to rounding. Subtracting the
    update again does not restore W0 bit for bit: keep W0.

    Raises InputError if the shapes do not fit, or A does not have r rows.
    Reference: Hu et al., section 4.1, "no additional inference latency".

    >>> merge(np.eye(2), A=[[1, 1]], B=[[0], [1]], alpha=2, r=1).tolist()
    [[1.0, 0.0], [2.0, 3.0]]
    """
    W0, A, B, r = _checked(W0, A, B, r)
    return W0 + _scale(alpha) / r * (B @ A)  # (out, r), (r, in) -> (out, in)


def dora_merge(
    W0: ArrayLike, A: ArrayLike, B: ArrayLike, magnitude: ArrayLike, alpha: float, r: int
) -> Floats:
    """diag(m / ||V||) V with V = W0 + (alpha/r) B A, (out, in): DoRA as one matrix.

    `magnitude` m (out,) has one number for each output; ||V|| are the norms of V's rows, so each
    row of the adapted matrix has the length m says, and a row of zeros stays one. With m the norms
    of W0's rows and B = 0 this is W0.

    Raises InputError if the shapes do not fit.
    Reference: Liu et al., "DoRA", arXiv 2402.09353, equation 5; norms by row, as PEFT has them.

    >>> dora_merge([[3.0, 4.0]], [[1, 0]], [[0]], magnitude=[10], alpha=1, r=1).tolist()
    [[6.0, 8.0]]
    """
    V, m = merge(W0, A, B, alpha, r), real_array(magnitude, "magnitude")
    if m.shape != V.shape[:1]:
        raise InputError(
            "magnitude has shape {shape}; expected {expected}.",
            shape=m.shape,
            expected=V.shape[:1],
        )
    lengths = np.linalg.norm(V, axis=1)
    return (m / np.where(lengths > 0, lengths, 1))[:, None] * V


def init(
    out_features: int,
    in_features: int,
    r: int,
    rng: np.random.Generator,
    kind: Init = "kaiming",
    dtype: DTypeLike = np.float32,
) -> tuple[Floats, Floats]:
    """A (r, in) random and B (out, r) zero: the pair as training finds it, B A = 0.

    "kaiming" is PEFT's and loralib's default, A uniform within 1/sqrt(in) of zero (Kaiming with
    a = sqrt 5); "gaussian" is PEFT's other choice, standard deviation 1/r.

    Raises InputError if a size is not at least 1, r exceeds min(out, in), or `kind` is unknown.

    >>> A, B = init(64, 48, r=8, rng=np.random.default_rng(0))
    >>> A.shape, B.shape, bool(B.any()), bool(np.abs(A).max() <= 48**-0.5)
    ((8, 48), (64, 8), False, True)
    """
    out_features = _whole("out_features", out_features)
    in_features = _whole("in_features", in_features)
    r = _whole("r", r, most=min(out_features, in_features))
    if kind == "kaiming":
        A = (2 * rng.random((r, in_features)) - 1) / np.sqrt(in_features)
    elif kind == "gaussian":
        A = rng.standard_normal((r, in_features)) / r
    else:
        raise InputError(
            "kind is {kind!r}; expected 'kaiming' or 'gaussian'.",
            kind=kind,
        )
    return A.astype(dtype), np.zeros((out_features, r), dtype)


def _checked(
    W0: ArrayLike, A: ArrayLike, B: ArrayLike, r: int
) -> tuple[Floats, Floats, Floats, int]:
    """The three matrices as floating arrays and r, proved to fit each other."""
    W0, A, B, r = real_matrix(W0, "W0"), real_matrix(A, "A"), real_matrix(B, "B"), _whole("r", r)
    rows, columns = W0.shape
    because = _("W0 is {shape} and r is {r}").format(shape=W0.shape, r=r)
    _expect("A", A, (r, columns), because)
    _expect("B", B, (rows, r), because)
    return W0, A, B, r


def _columns(name: str, array: Floats) -> str:
    return _("{name} {shape} has {columns} columns").format(
        name=name, shape=array.shape, columns=array.shape[1]
    )


def _expect(name: str, array: Floats, shape: tuple[int, int], because: str) -> None:
    if array.shape != shape:
        raise InputError(
            "{name} has shape {shape}; expected {expected}, since {because}.",
            name=name,
            shape=array.shape,
            expected=shape,
            because=because,
        )


def _input(x: ArrayLike, size: int, because: str) -> Floats:
    array = real_array(x, "x")
    if array.ndim == 0 or array.shape[-1] != size:
        raise InputError(
            "x has shape {shape}; expected (..., {size}), since {because}.",
            shape=array.shape,
            size=size,
            because=because,
        )
    return array


def _scale(alpha: float) -> float:
    """alpha as Python's own float, which leaves float32 arrays float32 (NEP 50)."""
    try:
        value = float(alpha)
    except (TypeError, ValueError):
        value = float("nan")
    if not np.isfinite(value):
        raise InputError(
            "alpha is {alpha!r}; expected a finite number.",
            alpha=alpha,
        )
    return value


def _whole(name: str, value: int, most: int | None = None) -> int:
    try:
        number = operator.index(value)
    except TypeError:
        number = 0
    if number < 1 or (most is not None and number > most):
        wanted = _("a whole number of at least 1")
        if most is not None:
            wanted = _("1 to min(out, in) = {most}").format(most=most)
        raise InputError(
            "{name} is {value!r}; expected {wanted}.",
            name=name,
            value=value,
            wanted=wanted,
        )
    return number
