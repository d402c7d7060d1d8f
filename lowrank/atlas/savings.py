"""What cutting every matrix of a survey to a share of its energy would save."""

from dataclasses import dataclass

from lowrank.atlas.measuring import Row
from lowrank.errors import InputError
from lowrank.spectra.svd import break_even_rank

SHARES = {"50 %": "rank_50", "90 %": "rank_90", "99 %": "rank_99"}
"""Shares of ||W||^2, and the measure that says with which rank each is kept."""


@dataclass(frozen=True)
class Saving:
    """A matrix at rank k: beside its break-even rank, and the numbers that a pair would save.

    `saved` is mn - k(m + n) where that is more than 0; else the matrix stays as it is, and 0.
    """

    row: Row
    k: int
    break_even: float
    saved: int

    @property
    def ratio(self) -> float:
        """k over the break-even rank: below 1 a pair is smaller than the matrix."""
        return self.k / self.break_even


def saving(row: Row, share: str) -> Saving:
    """What the rank at one of SHARES saves of a matrix that was measured.

    Raises InputError for another share, or a matrix without measures.

    >>> saving(Row("W", 0, "q_proj", 4, 12, "F32", rank_90=2), "90 %").saved
    16
    """
    if share not in SHARES:
        raise InputError(
            "share is {share!r}; expected one of {shares}.",
            share=share,
            shares=", ".join(SHARES),
        )
    k, m, n = getattr(row, SHARES[share]), row.rows, row.columns
    if k is None:
        raise InputError(
            "{name} was not measured: {problem}.",
            name=row.name,
            problem=row.why,
        )
    return Saving(row, k, break_even_rank(m, n), max(0, m * n - k * (m + n)))
