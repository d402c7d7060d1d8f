"""A LoRA pair trained on a single matrix: the smallest fine-tuning there is."""

from typing import NamedTuple

import numpy as np

from lowrank.errors import InputError
from lowrank.lora.equations import Floats, init
from lowrank.lora.optimizer import adamw


class Trained(NamedTuple):
    """A (r, in), B (out, r) and the loss before each step and after the last."""

    A: Floats
    B: Floats
    losses: list[float]


def fit_pair(
    W0: Floats,  # (out, in)
    X: Floats,  # (count, in)
    Y: Floats,  # (count, out)
    r: int,
    alpha: float,
    steps: int = 300,
    rate: float = 1e-3,
    seed: int = 0,
) -> Trained:
    """The pair that brings W0 x + (alpha/r) B A x near y for every row x of X and y of Y.

    `steps` of Adam on the mean squared error, from B = 0; W0 is only read. The gradients are the
    chain rule by hand: of B, G.T (X A.T); of A, (G B).T X, with G that of the result.

    Raises InputError if the shapes do not fit.

    >>> W0, X = np.eye(3), np.eye(3)
    >>> found = fit_pair(W0, X, X @ (W0 + np.outer([1, 2, 0], [0, 1, 1])).T, r=1, alpha=1, rate=0.1)
    >>> found.losses[-1] < 1e-3 < found.losses[0]
    True
    """
    (m, n), count = W0.shape, len(X)
    if X.shape != (count, n) or Y.shape != (count, m):
        raise InputError(
            "X is {X_shape} and Y {Y_shape}; expected rows of {n} and of {m}.",
            X_shape=X.shape,
            Y_shape=Y.shape,
            n=n,
            m=m,
        )
    A, B = init(m, n, r, np.random.default_rng(seed), dtype=W0.dtype)
    mA, vA, mB, vB = (np.zeros_like(p) for p in (A, A, B, B))
    s, missing, losses = alpha / r, X @ W0.T - Y, []
    for step in range(1, steps + 1):
        P = X @ A.T  # (count, in), (in, r) -> (count, r)
        E = missing + s * P @ B.T  # (count, out)
        losses.append(float(np.mean(E * E)))
        G = 2 * s / E.size * E
        by_A, by_B = (G @ B).T @ X, G.T @ P  # (r, in), (out, r)
        A, mA, vA = adamw(A, by_A, mA, vA, step, rate)
        B, mB, vB = adamw(B, by_B, mB, vB, step, rate)
    E = missing + s * (X @ A.T) @ B.T
    return Trained(A, B, [*losses, float(np.mean(E * E))])
