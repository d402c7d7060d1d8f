"""Two adapters of one model: whether their updates use the same directions, beside chance."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from lowrank.errors import InputError
from lowrank.lora.adapters.peft_files import Adapter, Pair
from lowrank.lora.adapters.resizing import decomposed
from lowrank.spectra.measures import cosines, random_cosines
from lowrank.spectra.svd import SVD

Cosines = NDArray[np.float64]


@dataclass(frozen=True)
class Alike:
    """The updates D1 and D2 of one module in two adapters, (out, in).

    ranks     how many directions each uses: singular values that are not rounding.
    norms     ||D1||_F and ||D2||_F.
    cosine    <D1, D2> / (||D1|| ||D2||): 1 for the same change, 0 for unrelated ones.
    inputs    cosines of the principal angles between their row spaces (min(ranks),), descending.
    outputs   the same of their column spaces.
    chance_in, chance_out  those of random subspaces of as many dimensions.
    """

    module: str
    ranks: tuple[int, int]
    norms: tuple[float, float]
    cosine: float
    inputs: Cosines
    outputs: Cosines
    chance_in: Cosines
    chance_out: Cosines

    @property
    def shared_in(self) -> float | None:
        """phi of the row spaces, 0 to 1; None if an update is 0."""
        return phi(self.inputs)

    @property
    def shared_out(self) -> float | None:
        """phi of the column spaces."""
        return phi(self.outputs)


def phi(found: Cosines) -> float | None:
    """The mean of the squared cosines: `spectra.similarity`. None if there is none.

    Of cosines that are here already; `lab.subspace_overlap.phi` makes a table of all (i, j), whose
    cosines it never needs.

    >>> phi(np.array([1.0, 0.0]))
    0.5
    """
    return float((found**2).mean()) if len(found) else None


def alike(first: Adapter, second: Adapter) -> tuple[Alike, ...]:
    """The modules that both adapters change, by principal angles.

    Raises InputError if there is none, or the two were made for models of other shapes.
    Reference: Bjorck and Golub (1973); Hu et al., arXiv 2106.09685, section 7.2, for phi, the mean
    of the squared cosines.
    """
    both = [module for module in first.pairs if module in second.pairs]
    if not both:
        raise InputError("The two adapters change no module in common.")
    return tuple(_alike(first.pairs[module], second.pairs[module]) for module in both)


def _alike(first: Pair, second: Pair) -> Alike:
    one, two = decomposed(first), decomposed(second)
    if one.shape != two.shape:
        raise InputError(
            "The adapters' {module} is {first} in one and {second} in the other: they were made "
            "for different models.",
            module=first.module[:200],
            first=one.shape,
            second=two.shape,
        )
    norms = float(np.linalg.norm(one.s)), float(np.linalg.norm(two.s))
    i, j = used(one), used(two)
    out, n = one.shape
    if not i or not j:
        none = np.empty(0)
        return Alike(first.module, (i, j), norms, 0.0, none, none, none, none)
    U, V = one.U.T @ two.U, one.Vt @ two.Vt.T  # (r1, r2), of all directions
    inner = float(one.s @ (U * V).astype(np.float64) @ two.s)
    return Alike(
        first.module,
        (i, j),
        norms,
        inner / (norms[0] * norms[1]),
        cosines(one.Vt[:i], two.Vt[:j]),
        cosines(one.U[:, :i].T, two.U[:, :j].T),
        by_chance(i, j, n),
        by_chance(i, j, out),
    )


def used(update: SVD) -> int:
    """How many singular values of an update in float32 are more than rounding; 0 for a zero one."""
    return int((update.s > len(update.s) * np.finfo(np.float32).eps * update.s[0]).sum())


@lru_cache(maxsize=1000)
def by_chance(i: int, j: int, n: int) -> Cosines:
    """See `random_cosines`, once for all modules of a shape."""
    found = random_cosines(i, j, n)
    found.setflags(write=False)
    return found
