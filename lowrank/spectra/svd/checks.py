"""What every function here asks of its arguments, and the norm that never overflows."""

import operator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lowrank.errors import InputError
from lowrank.language import gettext_noop

Floats = NDArray[np.floating]

NO_ARRAY = gettext_noop("{name} is not an array of real numbers")
NO_MATRIX = gettext_noop("{name} is not a matrix of real numbers; expected rows of one length")


def checked_rank(k: int, limit: int) -> int:
    """k as an int; InputError unless it is a whole number from 1 to limit, which is min(m, n)."""
    try:
        whole = operator.index(k)
    except TypeError:
        raise InputError(
            "rank k is {k!r}; expected a whole number from 1 to {limit}",
            k=k,
            limit=limit,
        ) from None
    if not 1 <= whole <= limit:
        raise InputError(
            "rank k is {whole}; expected 1 to min(m, n) = {limit}",
            whole=whole,
            limit=limit,
        )
    return whole


def checked_matrix(W: ArrayLike) -> Floats:
    """W as a two-dimensional float array; InputError if empty, not a matrix, or not finite."""
    W = real_matrix(W, "W")
    if not np.isfinite(W).all():
        i, j = np.argwhere(~np.isfinite(W))[0]
        raise InputError(
            "W[{i}, {j}] is {value}; expected finite numbers only",
            i=i,
            j=j,
            value=W[i, j],
        )
    return W


def real_matrix(W: ArrayLike, name: str) -> Floats:
    """W (m, n) as float32 or float64, finite or not; InputError names it if it is no matrix."""
    W = real_array(W, name, NO_MATRIX)
    if W.ndim != 2 or 0 in W.shape:
        raise InputError(
            "{name} has shape {shape}; expected two dimensions, neither of them 0",
            name=name,
            shape=W.shape,
        )
    return W


def real_array(values: ArrayLike, name: str, message: str = NO_ARRAY) -> Floats:
    """Numbers as float32 or float64; InputError for what is none: ragged, complex, words, dates.

    numpy would drop imaginary parts, and make numbers of words and of lengths of time.

    >>> import ml_dtypes
    >>> real_array(np.ones(2, ml_dtypes.bfloat16), "x").dtype
    dtype('float64')
    """
    try:
        given = np.asarray(values)
        if not _strange(given):
            kept = given.dtype in (np.float32, np.float64)
            return given if kept else given.astype(np.float64)
    except (TypeError, ValueError, OverflowError):
        pass
    raise InputError(message, name=name) from None


def _strange(given: NDArray[Any]) -> bool:
    kind = given.dtype.kind
    if kind == "O":
        return any(x is None or isinstance(x, (str, bytes)) for x in given.flat)
    # To numpy bfloat16 is of no kind, and yet float64 can hold it.
    return not np.can_cast(given.dtype, np.float64) if kind == "V" else kind not in "fiub"


def checked_spectrum(s: ArrayLike) -> NDArray[np.float64]:
    """s as float64; InputError unless it holds one or more finite values >= 0, descending."""
    s = real_array(s, "s").astype(np.float64)
    if s.ndim != 1 or s.size == 0:
        raise InputError(
            "s has shape {shape}; expected one or more singular values in a row",
            shape=s.shape,
        )
    if not np.isfinite(s).all():
        raise InputError("s holds NaN or infinity; expected finite singular values")
    if s[-1] < 0 or (np.diff(s) > 0).any():
        raise InputError("s is not in descending order from s[0] down to no less than 0")
    return s


def frobenius(values: ArrayLike) -> float:
    """sqrt(sum of squares) in float64, scaled so that no square overflows or vanishes.

    >>> frobenius([3e200, 0.0, 3e200]) == 3e200 * 2**0.5
    True
    """
    values = real_array(values, "values").astype(np.float64, copy=False)
    largest = float(np.abs(values).max(initial=0.0))
    if largest == 0.0:
        return 0.0
    scaled = (values / largest).ravel()
    return largest * float(np.sqrt(scaled @ scaled))
