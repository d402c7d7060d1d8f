"""The phase picture: which ranks come back from which share of their entries.

Candès and Recht, "Exact matrix completion via convex optimization" (2009), figure 1.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from lowrank.errors import InputError
from lowrank.spectra.completion import als, finish
from lowrank.spectra.recovery import RECOVERED, relative_error
from lowrank.spectra.svd import checked_rank


@dataclass(frozen=True)
class PhaseCell:
    """One trial: a random matrix of this rank, this fraction of its entries observed.

    error is ||Z - X||_F / ||X||_F of the whole matrix; None where the problem was refused, and
    `why` then says on what ground.
    """

    rank: int
    fraction: float
    error: float | None
    why: str = ""

    @property
    def success(self) -> bool:
        """Whether the matrix came back to a relative error of 1e-2."""
        return self.error is not None and self.error <= RECOVERED


def phase_cell(size: int, rank: int, fraction: float, seed: int = 0) -> PhaseCell:
    """Hide and recover one random size x size matrix of a rank, by als told that rank.

    X = C R with standard normal factors; each entry is observed with probability `fraction`.
    Raises InputError if rank is not from 1 to size or fraction not above 0 and at most 1.

    >>> phase_cell(30, 1, 0.6).success, phase_cell(30, 10, 0.3).success
    (True, False)
    """
    checked_rank(rank, size)
    if not 0 < fraction <= 1:
        raise InputError(
            "fraction is {fraction}; expected a number above 0 and at most 1",
            fraction=fraction,
        )
    rng = np.random.default_rng([seed, size, rank, round(fraction * 1e6)])
    X = rng.standard_normal((size, rank)) @ rng.standard_normal((rank, size))
    try:
        result = finish(als(X, rng.random(X.shape) < fraction, rank, tol=1e-4, max_iterations=200))
    except InputError as refused:
        return PhaseCell(rank, fraction, None, str(refused))
    return PhaseCell(rank, fraction, relative_error(result.matrix, X))


def phase(
    size: int, ranks: Iterable[int], fractions: Sequence[float], seed: int = 0
) -> Iterator[PhaseCell]:
    """Success over rank and fraction observed, a cell at a time, so that a picture can fill up.

    Candès and Recht draw it for the nuclear norm.

    >>> [(c.rank, c.fraction, c.success) for c in phase(20, [1], [0.1, 0.9])]
    [(1, 0.1, False), (1, 0.9, True)]
    """
    for rank in ranks:
        for fraction in fractions:
            yield phase_cell(size, rank, fraction, seed)
