"""What a change of a matrix does to the loss, predicted from both of its sides.

A token's loss moves by g . (dW x) to first order: x goes into the projection, g is the loss's
gradient in what comes out. The mean of its square is the Fisher information of dW,
F = mean (x x^T) kron (g g^T), and near a minimum the loss rises by half of it. F of one matrix
would be (mn, mn); here it is the product A kron G nearest to it in one step: A sums x x^T weighted
by |g|^2, and G sums g g^T weighted by |x|^2, so that a token counts on each side as much as it does
on the other.

Martens and Grosse, "Optimizing Neural Networks with Kronecker-factored Approximate Curvature",
arXiv 1503.05671, take the two means apart (K-FAC); Chekalina et al., "Generalized Fisher-Weighted
SVD", arXiv 2505.17974, take the nearest product and truncate with it. Hsu et al., "Language model
compression with weighted low-rank factorization", arXiv 2207.00112 (FWSVD), keep one number a row.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from lowrank.errors import InputError
from lowrank.llama.backward import batch, gradients
from lowrank.llama.generation import CHUNK
from lowrank.llama.model import Floats, Params, observed
from lowrank.llama.names import name_of
from lowrank.surgery.factors import DAMPING, triangle

Triangle = NDArray[np.float64]
TOGETHER = 512  # tokens read back at once: the sums are as large as the matrices


class Sides:
    """The sums of one projection over tokens: |g|^2 x x^T, |x|^2 g g^T and |x|^2 |g|^2."""

    def __init__(self, shape: tuple[int, int]) -> None:
        m, n = shape
        self.inputs, self.gradients = np.zeros((n, n)), np.zeros((m, m))
        self.total, self.tokens = 0.0, 0

    def add(self, x: Floats, g: Floats) -> None:  # (N, n), (N, m)
        """Take in the inputs of N tokens and the gradients in what came out."""
        x2, g2 = np.einsum("ij,ij->i", x, x), np.einsum("ij,ij->i", g, g)
        self.total += float(x2.astype(np.float64) @ g2)
        self.tokens += len(x)
        x, g = np.sqrt(g2)[:, None] * x, np.sqrt(x2)[:, None] * g
        self.inputs += x.T @ x
        self.gradients += g.T @ g

    def triangles(self, damping: float = DAMPING) -> tuple[Triangle, Triangle]:
        """R (n, n) and L (m, m): half of ||L dW R^T||_F^2 is the rise of the loss, nats a token.

        Each side's matrix gets `damping` of its mean diagonal added, as in `second_moments`.
        """
        if not self.total > 0:
            raise InputError("No gradient came back to a projection: the text teaches it nothing.")
        return (
            triangle(self.inputs / self.total, damping),
            triangle(self.gradients / self.tokens, damping),
        )

    def rows(self) -> Triangle:
        """The diagonal (m, m) that weights each row by its gradients alone, as FWSVD does."""
        weights = np.sqrt(np.diag(self.gradients) / max(self.tokens, 1))
        return np.diag(np.maximum(weights, DAMPING * weights.mean()))


def batches(texts: Sequence[Sequence[int]]) -> list[list[Sequence[int]]]:
    """The texts in windows of at most CHUNK tokens, each read by itself, TOGETHER tokens at a time.

    Single tokens are left out.

    >>> [[len(ids) for ids in each] for each in batches([range(300), [1], range(2, 400)])]
    [[128, 128, 44, 128], [128, 128, 14]]
    """
    windows = [ids[at : at + CHUNK] for ids in texts for at in range(0, len(ids), CHUNK)]
    found: list[list[Sequence[int]]] = []
    held = TOGETHER
    for ids in windows:
        if len(ids) > 1:
            if held + len(ids) > TOGETHER:
                found.append([])
                held = 0
            found[-1].append(ids)
            held += len(ids)
    return found


def read_back(
    params: Params, texts: Sequence[Sequence[int]], found: Mapping[str, Sides]
) -> Iterator[int]:
    """Read the texts forward and back into the sums `found` of some projections.

    Yields the number of batches read, after each. The loss is the sum of -ln p over the tokens of
    a window; see `batches`.

    Raises InputError for a name that the model does not have, or texts without two tokens.
    """
    read = batches(texts)
    if not read:
        raise InputError("The calibration text is empty; expected at least two tokens.")
    inputs = dict[str, Floats]()
    watched = observed(
        params,
        inputs.__setitem__,
        list(found),
        lambda name, g: found[name].add(inputs.pop(name), g),
    )
    lowest = min(int(name.split(".")[2]) for name in found)
    way_down = [f"{name_of(lowest, 'q_proj')}.weight"]  # so far the gradients must go
    for count, windows in enumerate(read, start=1):
        one = batch([(ids, np.ones(len(ids))) for ids in windows], params.config)
        gradients(watched, one, way_down, count=1)
        yield count
