"""What a caller passed, read by value or refused by name: rows, numbers, counts, choices, text.

>>> import numpy as np
>>> rows_of(np.array([[1, 2], [3, 4]]), "A"), whole(np.int64(7), "p")
([[1, 2], [3, 4]], 7)
"""

import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from fractions import Fraction
from math import isfinite
from numbers import Complex
from operator import index
from typing import Any, TypeVar

import numpy as np

from lowrank.errors import InputError
from lowrank.exact.cells import cell_of
from lowrank.exact.entries import NoValue, Surds, evaluate
from lowrank.exact.surds import Surd
from lowrank.language import gettext as _
from lowrank.language import gettext_noop, joined, ngettext

MOST_DIGITS = 4000  # of a numerator or denominator: Python itself writes no more than 4,300
_LIMIT = 10**MOST_DIGITS
_EXPONENT = re.compile(r"[eE]([-+]?[0-9_]+)\s*\Z")
THE_MATRIX = gettext_noop("The matrix")  # how one without a name is called
T = TypeVar("T")


def rows_of(A: Any, name: str) -> list[list[Any]]:  # (m, n) -> m lists of n
    """The entries of anything with rows: lists, arrays, tensors, sympy's and pandas' by value.

    Raises:
        InputError: naming the argument: text, a mapping, or something without rows of entries;
            no rows or no columns; rows of different length.
    """
    if hasattr(A, "__array__"):
        array = _array(A, name)
        if array.ndim != 2:
            raise InputError(
                "{name} has {ndim} dimensions and not two; expected rows of numbers, such as "
                "[[1, 2], [3, 4]].",
                name=called(name),
                ndim=array.ndim,
            )
        return rectangular(_entries(array), name)
    return rectangular([_listed(row, name) for row in _listed(A, name)], name)


def _array(A: Any, name: str) -> np.ndarray:
    try:
        return np.asarray(A)
    except Exception as error:  # whatever a foreign class raises when it is asked for numbers
        raise InputError(
            "{name} is {a} that gives no numbers; expected rows of numbers, such as "
            "[[1, 2], [3, 4]].",
            name=called(name),
            a=shown(A),
        ) from error


def _entries(array: np.ndarray) -> list[Any]:
    """Nested lists; floats keep their type: numpy's shorter ones print shorter than as float64."""
    if array.dtype.kind in "iu" or array.ndim < 2:
        return array.tolist() if array.dtype.kind in "iu" else list(array)
    return list(map(list, array))


def _listed(x: Any, name: str) -> list[Any]:
    if hasattr(x, "__array__") and (array := _array(x, name)).ndim == 1:
        return _entries(array)
    if isinstance(x, (list, tuple)):
        return list(x)
    if isinstance(x, Iterator | range):
        return list(x)
    if isinstance(x, str):
        raise InputError(
            "{name} is or holds {x} where a row should be; expected rows of numbers, such as "
            "[[1, 2], [3, 4]]; text is read by parse_matrix.",
            name=called(name),
            x=shown(x),
        )
    raise InputError(
        "{name} is or holds {x} where a row should be; expected rows of numbers, such as "
        "[[1, 2], [3, 4]].",
        name=called(name),
        x=shown(x),
    )


def called(name: str) -> str:
    """The name of a matrix, for a sentence."""
    return _(name) if name == THE_MATRIX else name


def rectangular(rows: Sequence[Sequence[T]], name: str = THE_MATRIX) -> Any:
    """The rows as given, if there are some and all are equally long.

    Raises:
        InputError: no rows, no columns, or a row longer or shorter than the first.
    """
    if not rows or not rows[0]:
        raise InputError(
            "{name} is empty: it needs at least one row and one column.",
            name=called(name),
        )
    for i, row in enumerate(rows, start=1):
        if len(row) != len(rows[0]):
            said = _uneven(len(row), name != THE_MATRIX)
            raise InputError(said, i=i, name=name, n=len(row), columns=len(rows[0]))
    return rows


def _uneven(n: int, named: bool) -> str:
    if named:
        return ngettext(
            "Row {i} of {name} has {n} entry but row 1 has {columns}: all rows need the same "
            "length.",
            "Row {i} of {name} has {n} entries but row 1 has {columns}: all rows need the same "
            "length.",
            n,
        )
    return ngettext(
        "Row {i} has {n} entry but row 1 has {columns}: all rows need the same length.",
        "Row {i} has {n} entries but row 1 has {columns}: all rows need the same length.",
        n,
    )


def fraction(x: Any, where: str) -> Fraction:
    """A number, exactly; floats, numpy's too, by the shortest decimal that prints them.

    Complex numbers, and text or expressions of sympy with square roots or i, are `Surd`s.

    >>> fraction("3/2", "x"), fraction(0.1, "x"), str(fraction(2j, "x")), str(fraction("√8", "x"))
    (Fraction(3, 2), Fraction(1, 10), '2i', '2√2')

    Raises:
        InputError: naming the place: no finite number, or (but for a Fraction) over 4,000 digits.
    """
    if isinstance(x, Surd):
        return x  # type: ignore[return-value]  # a number all the same, with + - * /
    if isinstance(x, Fraction):
        return Fraction(x)
    try:
        value = Fraction(x) if isinstance(x, int) else _from_text(str(x))
    except (ValueError, OverflowError, ZeroDivisionError) as error:
        if (found := _beyond_fractions(x)) is not None:
            return found
        raise InputError(
            "{where}: {x} is not a finite number.",
            where=where,
            x=shown(x),
        ) from error
    if value is None or max(abs(value.numerator), value.denominator) >= _LIMIT:
        raise InputError(
            "{where}: the number has more than {most:,} digits.",
            where=where,
            most=MOST_DIGITS,
        )
    return value


def _beyond_fractions(x: Any) -> Any:
    """The value of a complex number, or of text or an expression with roots or i; None if none."""
    if isinstance(x, (str, Complex)) or type(x).__module__.startswith("sympy."):
        with suppress(NoValue, InputError):
            return evaluate(cell_of(str(x)).tree, Surds())
    return None


def _from_text(text: str) -> Fraction | None:
    """The number that a text says, or None, at once, if it is far too long."""
    power = _EXPONENT.search(text)
    digits = power[1].replace("_", "") if power else "0"
    if len(text) > 3 * MOST_DIGITS or len(digits) > 6 or abs(int(digits)) > 2 * MOST_DIGITS:
        return None
    return Fraction(text)


def vector(b: Any, name: str) -> list[Any]:  # (m,) or (m, 1) -> m entries
    """The entries of a list, a one-dimensional array, or a matrix of one column.

    Raises:
        InputError: naming the argument: anything else.
    """
    if hasattr(b, "__array__"):
        array = _array(b, name)
        if array.ndim == 2 and array.shape[1] == 1:
            array = array[:, 0]
        if array.ndim != 1:
            raise InputError(
                "{name} has {ndim} dimensions; expected one number a row.",
                name=name,
                ndim=array.ndim,
            )
        return _entries(array)
    entries = _listed(b, name)
    if any(isinstance(x, (list, tuple)) and len(x) != 1 for x in entries):
        raise InputError(
            "{name} has rows of several entries; expected one number a row.",
            name=name,
        )
    return [x[0] if isinstance(x, (list, tuple)) else x for x in entries]


def whole(x: Any, name: str, least: int | None = None) -> int:
    """A whole number, numpy's too.

    Raises:
        InputError: naming the argument: a float, text, nothing, or a number below `least`.
    """
    try:
        found = index(x)
    except Exception as error:
        raise _no_whole_number(x, name, least) from error
    if isinstance(x, (bool, np.bool_)) or (least is not None and found < least):
        raise _no_whole_number(x, name, least)
    return found


def _no_whole_number(x: Any, name: str, least: int | None) -> InputError:
    if least is None:
        return InputError("{name} is {x}; expected a whole number.", name=name, x=shown(x))
    return InputError(
        "{name} is {x}; expected a whole number from {least}.",
        name=name,
        x=shown(x),
        least=least,
    )


def tolerance(x: Any, name: str) -> float:
    """A finite number, 0 or more.

    Raises:
        InputError: naming the argument: anything else.
    """
    try:
        found = float(x)
    except Exception as error:
        raise InputError(
            "{name} is {x}; expected a finite number, 0 or more.",
            name=name,
            x=shown(x),
        ) from error
    if not (isfinite(found) and found >= 0):
        raise InputError(
            "{name} is {x}; expected a finite number, 0 or more.",
            name=name,
            x=shown(x),
        )
    return found


def one_of(x: Any, options: Collection[str], name: str) -> str:
    """One of some names.

    Raises:
        InputError: naming the argument and the options: anything else.
    """
    if not isinstance(x, str) or x not in options:
        raise InputError(
            "{name} is {x}; expected {options}.",
            name=name,
            x=shown(x),
            options=joined(options, _("{first}, {last}")),
        )
    return x


def instance(x: Any, kind: type[T], name: str) -> T:
    """x itself, if it is of that kind.

    Raises:
        InputError: naming the argument: anything else.
    """
    if not isinstance(x, kind):
        raise InputError(
            "{name} is {x}; expected a {kind}.",
            name=name,
            x=shown(x),
            kind=kind.__name__,
        )
    return x


def several(xs: Any, kind: type[T], name: str) -> tuple[T, ...]:
    """Some of a kind.

    Raises:
        InputError: naming the argument: anything else.
    """
    if not isinstance(xs, (list, tuple, Iterator)):
        raise InputError(
            "{name} is {xs}; expected a list of {kind}s.",
            name=name,
            xs=shown(xs),
            kind=kind.__name__,
        )
    each = _("one of {name}").format(name=name)
    return tuple(instance(x, kind, each) for x in xs)


def shown(x: Any) -> str:
    """A value for a sentence: its beginning if it is short to say, else what it is."""
    if isinstance(x, int) and abs(x) >= 10**30:
        return _("a very long number")
    if x is None or isinstance(x, (int, float, complex, str, np.generic)):
        return repr(x[:40] if isinstance(x, str) else x)
    return _("a {kind}").format(kind=type(x).__name__)
