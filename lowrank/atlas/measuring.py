"""One row of the atlas: what a matrix's singular values say about it."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lowrank.errors import InputError
from lowrank.language import again, gettext_noop
from lowrank.language import gettext as _
from lowrank.readers import Model, TensorInfo
from lowrank.spectra.measures import effective_rank, numerical_rank, rank_at_energy, stable_rank
from lowrank.spectra.random_matrix import beyond_bulk, noise_level, power_law
from lowrank.spectra.svd import break_even_rank, energy, frobenius

Spectrum = NDArray[np.float64]


@dataclass(frozen=True)
class Row:
    """The measures of one matrix (rows, columns); its singular values are good to `error` each.

    `noise` is the entry deviation of the random matrix whose bulk has the same median, and
    `beyond_bulk` counts the values above that bulk. `alpha` is the power-law exponent of the tail
    of s^2, from the singular value `alpha_from` on; None where no tail can be fitted. Where the
    file holds NaN or infinity, `problem` says so and every measure is None.
    """

    name: str
    layer: int | None
    projection: str | None
    rows: int
    columns: int
    dtype: str
    norm: float | None = None
    largest: float | None = None
    smallest: float | None = None
    error: float | None = None
    numerical_rank: int | None = None
    stable_rank: float | None = None
    effective_rank: float | None = None
    rank_50: int | None = None
    rank_90: int | None = None
    rank_99: int | None = None
    energy_at_break_even: float | None = None
    noise: float | None = None
    beyond_bulk: int | None = None
    alpha: float | None = None
    alpha_from: float | None = None
    alpha_tail: int | None = None
    alpha_distance: float | None = None
    problem: str = ""

    @property
    def least(self) -> int:
        """min(rows, columns): the most its rank can be."""
        return min(self.rows, self.columns)

    @property
    def why(self) -> str:
        """`problem`, which is kept in English, in the language of the moment.

        What the readers said of a damaged file stays as it is.
        """
        return again(self.problem, [NOT_FINITE])


NOT_FINITE = gettext_noop("{count:,} entries are NaN or infinite")

MEASURES: dict[str, tuple[str, bool]] = {
    "effective_rank": (gettext_noop("Effective rank"), True),
    "stable_rank": (gettext_noop("Stable rank"), False),
    "rank_50": (gettext_noop("Rank at 50 % of the energy"), True),
    "rank_90": (gettext_noop("Rank at 90 % of the energy"), True),
    "rank_99": (gettext_noop("Rank at 99 % of the energy"), True),
    "energy_at_break_even": (gettext_noop("Energy kept at the break-even rank"), False),
    "beyond_bulk": (gettext_noop("Values beyond the random bulk"), True),
    "alpha": (gettext_noop("Power-law exponent of the tail"), False),
    "numerical_rank": (gettext_noop("Numerical rank"), True),
    "norm": (gettext_noop("Frobenius norm"), False),
    "largest": (gettext_noop("Largest singular value"), False),
    "smallest": (gettext_noop("Smallest singular value"), False),
}
"""What can be drawn: the field of a `Row`, its name for people (looked up where it is shown), and
whether it is a rank, to be shown as a share of the most it could be."""


def label(measure: str) -> str:
    """A measure's name on an axis, in the language of the moment."""
    name, share = MEASURES[measure]
    return _("{measure}, share of the most").format(measure=_(name)) if share else _(name)


def matrices(model: Model, everything: bool = False) -> tuple[str, ...]:
    """The names of a model's matrices, layer by layer: its layers' projections, or all there are.

    Raises InputError if there is none.
    """
    found = [t for t in model.tensors.values() if len(t.shape) == 2 and 0 not in t.shape]
    layered = [t for t in found if t.layer is not None]
    chosen = found if everything or not layered else layered
    if not chosen:
        raise InputError(
            "{title} has no matrix to survey.",
            title=model.title,
        )
    return tuple(t.name for t in sorted(chosen, key=lambda t: -1 if t.layer is None else t.layer))


def measured(info: TensorInfo, s: Spectrum, error: float) -> Row:
    """The row of a matrix from all its singular values (min(m, n),), each good to `error`."""
    m, n = info.shape
    sigma = noise_level(s, (m, n))
    k = min(max(1, int(np.ceil(break_even_rank(m, n))) - 1), len(s))
    return Row(
        **_identity(info),
        norm=frobenius(s),
        largest=float(s[0]),
        smallest=float(s[-1]),
        error=error,
        numerical_rank=numerical_rank(s, (m, n), tol=float(s[0]) * max(m, n) * EPS32),
        **ranks(s),
        energy_at_break_even=energy(s, k),
        noise=sigma,
        beyond_bulk=beyond_bulk(s, (m, n), sigma),
        **_tail(s),
    )


def ranks(s: Spectrum) -> dict[str, Any]:
    """The measures of a row that scale does not change and no shape enters."""
    return {
        "stable_rank": stable_rank(s),
        "effective_rank": effective_rank(s),
        "rank_50": rank_at_energy(s, 0.5),
        "rank_90": rank_at_energy(s, 0.9),
        "rank_99": rank_at_energy(s, 0.99),
    }


def _tail(s: Spectrum) -> dict[str, Any]:
    """The power law of the tail, if there are values enough to fit one."""
    try:
        law = power_law(s)
    except InputError:
        return {}
    return {
        "alpha": law.alpha,
        "alpha_from": law.s_min,
        "alpha_tail": law.tail,
        "alpha_distance": law.distance,
    }


# Weights are float32 at best, so what lies below float32's rounding counts as zero.
EPS32 = float(np.finfo(np.float32).eps)


def unmeasured(info: TensorInfo, problem: str) -> Row:
    """The row of a matrix that could not be measured, and why."""
    return Row(**_identity(info), problem=problem)


def _identity(info: TensorInfo) -> dict[str, Any]:
    m, n = info.shape
    return {
        "name": info.name,
        "layer": info.layer,
        "projection": info.projection,
        "rows": m,
        "columns": n,
        "dtype": info.dtype,
    }


COLUMNS = tuple(each.name for each in fields(Row))
_READ = {str: str, str | None: str, int: int, int | None: int, float | None: float}


def to_texts(row: Row) -> list[str]:
    """The cells of a row in a CSV file; floats with all their digits, so that nothing is lost."""
    values = (getattr(row, column) for column in COLUMNS)
    return ["" if value is None else str(value) for value in values]


def from_texts(cells: Mapping[str, str]) -> Row:
    """The row that those cells hold. Raises ValueError or KeyError if they hold none."""
    given: dict[str, Any] = {}
    for each in fields(Row):
        text, kind = cells[each.name], Row.__annotations__[each.name]
        given[each.name] = _READ[kind](text) if text or kind is str else None
    return Row(**given)
