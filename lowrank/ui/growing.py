"""A truncation that grows with what is asked of it, shared by everyone who looks at one matrix."""

import threading

import numpy as np
from numpy.typing import NDArray

from lowrank.spectra.svd import Truncation, truncate

FIRST = 64
TOL = 1e-4


class Growing:
    """The top triplets of W computed so far; more are added to them when they are first wanted."""

    def __init__(self, W: NDArray[np.float32]) -> None:
        self._W, self._found = W, None
        self._lock = threading.Lock()

    _found: Truncation | None

    @property
    def nbytes(self) -> int:
        """Bytes of the matrix, beside which the triplets are few."""
        return self._W.nbytes

    def at_least(self, k: int) -> Truncation:
        """A truncation of rank k or more, to a relative error of 1e-4 a value.

        Raises InputError if k is not from 1 to min(m, n).
        """
        with self._lock:
            if self._found is None:
                self._found = truncate(self._W, max(k, min(FIRST, *self._W.shape)), TOL)
            elif self._found.k < k:
                self._found = self._found.grown(self._W, k)
            return self._found
