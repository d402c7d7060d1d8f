"""Exact matrices as rows of fractions, and the three operations on their rows.

Rows and columns are counted from 0 in data and from 1 in anything written for people.

>>> A = exact([[1, 2], ["1/2", 0.1]])
>>> apply(add(1, 0, Fraction(-1, 2)), A)[1]
(Fraction(0, 1), Fraction(-9, 10))
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any, Literal, TypeGuard

from lowrank.errors import InputError
from lowrank.exact.arguments import THE_MATRIX, fraction, instance, one_of, rows_of, shown, whole
from lowrank.exact.surds import Surd
from lowrank.language import gettext as _

Row = tuple[Fraction, ...]
Matrix = tuple[Row, ...]
"""Rows of fractions, of one length: an m x n matrix is m tuples of n."""


_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def exact(A: Any, name: str = THE_MATRIX) -> Matrix:  # (m, n) -> (m, n)
    """The matrix as rows of fractions, m, n >= 1; entries keep the value they are written with.

    Lists, numpy arrays, tensors, sympy's matrices and pandas' data frames are read by value. A
    float counts as the shortest decimal that prints it, so 0.1 is 1/10 and not the binary
    fraction nearest to it. For the binary value itself pass Fraction(x).

    >>> exact([[0.1, "3/2"]])
    ((Fraction(1, 10), Fraction(3, 2)),)

    Raises:
        InputError: naming the matrix or the entry: no rows or no columns, rows of different length,
            an entry that is no finite number or has over 4,000 digits.
    """
    if _is_exact(A):
        return A
    unnamed = name == THE_MATRIX
    at = _("Row {i}, column {j}") if unnamed else _("Row {i}, column {j} of {name}")
    return tuple(
        tuple(map(Fraction, row))
        if {*map(type, row)} == {int} and max(map(abs, row)) < 2**64  # most are, and need no place
        else tuple(fraction(x, at.format(i=i, j=j, name=name)) for j, x in enumerate(row, start=1))
        for i, row in enumerate(rows_of(A, name), start=1)
    )


def _is_exact(A: Any) -> TypeGuard[Matrix]:
    """Whether A is already what `exact` returns, which nothing can change."""
    return (
        type(A) is tuple
        and {type(row) for row in A} == {tuple}
        and len({len(row) for row in A}) == 1
        and all(set(map(type, row)) <= {Fraction, Surd} for row in A)
        and bool(A[0])
    )


def is_rational(A: Matrix) -> bool:
    """Whether all entries are fractions: none has a root or i in it."""
    return all(set(map(type, row)) == {Fraction} for row in A)


def rational(A: Matrix, refusal: str, **values: str) -> Matrix:
    """A itself, if all entries are fractions.

    Raises:
        InputError: the refusal, with the values and {other} for an entry that is no fraction.
    """
    other = next((x for row in A for x in row if isinstance(x, Surd)), None)
    if other is not None:
        raise InputError(refusal, other=other, **values)
    return A


def signed(x: Fraction) -> tuple[bool, Fraction]:
    """Whether a number is written with a minus in front, and what is written behind it."""
    minus = (x.leading if isinstance(x, Surd) else x) < 0
    return minus, -x if minus else x


def grouped(text: str, sign: bool = False) -> str:
    """A written number in brackets if it is a sum; with `sign`, also if it begins with a minus.

    >>> grouped("1 + i"), grouped("−2"), grouped("−2", sign=True)
    ('(1 + i)', '−2', '(−2)')
    """
    return f"({text})" if " " in text or (sign and text.startswith("−")) else text


def raised(n: int) -> str:
    """A whole number in raised digits.

    >>> raised(-16)
    '⁻¹⁶'
    """
    return str(n).translate(_RAISED)


def written(x: Fraction, longest: int = 18) -> str:
    """A fraction on one line with a true minus; rounded if it has more than `longest` digits.

    >>> written(Fraction(-3, 2)), written(Fraction(10**30, 7))
    ('−3/2', '≈1.429 × 10^29')
    """
    if isinstance(x, Surd):
        return str(x)
    over, under = x.as_integer_ratio()
    if -(limit := 10**longest) < over < limit and under < limit:
        whole = f"{over}" if over >= 0 else f"−{-over}"
        return whole if under == 1 else f"{whole}/{under}"
    # Not float: the number may be far beyond its range; nor str: Python refuses very long ones.
    digits, power = f"{Decimal(x.numerator) / Decimal(x.denominator):.3E}".split("E")
    return f"≈{digits} × 10^{int(power)}".replace("-", "−")


def plain(x: Fraction | Surd) -> str:
    """A fraction as text that `exact` reads, of any length: Python's str refuses 4,300 digits.

    >>> plain(Fraction(-3, 2)), len(plain(Fraction(10**5000)))
    ('-3/2', 5001)
    """
    if isinstance(x, Surd):
        return str(x).replace(" ", "").replace("−", "-")
    over, under = (f"{Decimal(n):f}" for n in x.as_integer_ratio())
    return over if under == "1" else f"{over}/{under}"


def latex_number(x: Fraction) -> str:
    r"""A fraction as LaTeX, its minus in front.

    >>> print(latex_number(Fraction(-3, 2)))
    -\frac{3}{2}
    """
    if isinstance(x, Surd):
        return x.latex()
    over, _, under = plain(abs(x)).partition("/")
    return "-" * (x < 0) + (rf"\frac{{{over}}}{{{under}}}" if under else over)


def lead(row: Row) -> int:
    """The column of a row's first entry that is not 0; one past the last if all are 0."""
    return next((j for j, x in enumerate(row) if x), len(row))


def identity(m: int) -> Matrix:  # -> (m, m)
    """The identity matrix I of size m, at least 1."""
    m = whole(m, "m", 1)
    return tuple(tuple(Fraction(int(i == j)) for j in range(m)) for i in range(m))


def transpose(A: Matrix) -> Matrix:  # (m, n) -> (n, m)
    """A with rows and columns exchanged."""
    return tuple(zip(*exact(A), strict=True))


def product(A: Matrix, B: Matrix) -> Matrix:  # (m, k), (k, n) -> (m, n)
    """The exact matrix product A B.

    >>> A = exact([[1, 2], [3, 4]])
    >>> product(identity(2), A) == A
    True

    Raises:
        InputError: the columns of A are not as many as the rows of B.
    """
    A, B = exact(A, "A"), exact(B, "B")
    if len(A[0]) != len(B):
        raise InputError(
            "A has {columns} columns but B has {rows} rows: they must agree.",
            columns=len(A[0]),
            rows=len(B),
        )
    columns = transpose(B)
    return tuple(
        tuple(
            sum((a * b for a, b in zip(row, column, strict=True)), Fraction(0))
            for column in columns
        )
        for row in A
    )


_ROWS_OF = {"swap": 2, "scale": 1, "add": 2}


@dataclass(frozen=True)
class RowOp:
    """An elementary row operation: made by `swap`, `scale` and `add`, carried out by `apply`.

    swap (i, j): rows i and j trade places. scale (i,): row i is multiplied by factor, not 0.
    add (i, j): factor times row j is added to row i.

    Raises:
        InputError: the rows do not fit the kind, are equal or negative, or a scale by 0.
    """

    kind: Literal["swap", "scale", "add"]
    rows: tuple[int, ...]
    factor: Fraction = Fraction(1)

    def __post_init__(self) -> None:
        wanted = _ROWS_OF[one_of(self.kind, _ROWS_OF, "kind")]
        if type(self.rows) is not tuple or {*map(type, self.rows)} != {int}:
            raise InputError(
                "rows of {kind} is {rows}; expected whole numbers.",
                kind=self.kind,
                rows=shown(self.rows),
            )
        if type(self.factor) is not Fraction:
            object.__setattr__(self, "factor", fraction(self.factor, "factor"))
        if len(set(self.rows)) != wanted or len(self.rows) != wanted or min(self.rows) < 0:
            raise InputError(
                "rows of {kind} are {rows}; expected {wanted} different rows.",
                kind=self.kind,
                rows=self.rows,
                wanted=wanted,
            )
        if self.kind == "scale" and self.factor == 0:
            raise InputError("Scaling a row by 0 would lose it; the factor must not be 0.")

    def notation(self) -> str:
        """As on the blackboard.

        >>> add(1, 0, Fraction(-3, 2)).notation()
        'R2 ← R2 − 3/2 R1'
        """
        names = [f"R{i + 1}" for i in self.rows]
        return _written(self, names, ("↔", "←", "−"), written)

    def latex(self) -> str:
        r"""As LaTeX, without the dollars.

        >>> print(scale(1, Fraction(1, 3)).latex())
        R_{2} \leftarrow \frac{1}{3} R_{2}
        """
        names = [f"R_{{{i + 1}}}" for i in self.rows]
        return _written(self, names, (r"\leftrightarrow", r"\leftarrow", "-"), latex_number)

    @property
    def changed(self) -> tuple[int, ...]:
        """The rows that it changes."""
        return self.rows if self.kind == "swap" else self.rows[:1]

    def elementary(self, m: int) -> Matrix:  # -> (m, m)
        """The matrix E of size m with E A = apply(self, A) for every A of m rows.

        >>> elementary = add(1, 0, Fraction(5)).elementary(2)
        >>> [[int(x) for x in row] for row in elementary]
        [[1, 0], [5, 1]]
        """
        return apply(self, identity(m))

    def inverse(self) -> "RowOp":
        """The operation that takes this one back."""
        if self.kind == "swap":
            return self
        factor = 1 / self.factor if self.kind == "scale" else -self.factor
        return RowOp(self.kind, self.rows, factor)

    def __str__(self) -> str:
        return self.notation()


def _written(op: RowOp, names: list[str], signs: tuple[str, str, str], number: Callable) -> str:
    """The operation with the given row names, signs and way of writing a positive number."""
    both, arrow, minus = signs
    if op.kind == "swap":
        return f"{names[0]} {both} {names[1]}"
    negative, size = signed(op.factor)
    term = f"{names[-1]}" if size == 1 else f"{grouped(number(size))} {names[-1]}"
    if op.kind == "scale":
        return f"{names[0]} {arrow} {minus * negative}{term}"
    return f"{names[0]} {arrow} {names[0]} {minus if negative else '+'} {term}"


def swap(i: int, j: int) -> RowOp:
    """Ri ↔ Rj."""
    return RowOp("swap", (whole(i, "i", 0), whole(j, "j", 0)))


def scale(i: int, factor: Fraction | int) -> RowOp:
    """Ri ← factor Ri, factor not 0."""
    return RowOp("scale", (whole(i, "i", 0),), fraction(factor, "factor"))


def add(target: int, source: int, factor: Fraction | int) -> RowOp:
    """Rtarget ← Rtarget + factor Rsource."""
    rows = (whole(target, "target", 0), whole(source, "source", 0))
    return RowOp("add", rows, fraction(factor, "factor"))


def apply(op: RowOp, A: Matrix) -> Matrix:  # (m, n) -> (m, n)
    """The matrix after one row operation; A itself is not changed.

    >>> apply(swap(0, 1), exact([[1], [2]])) == exact([[2], [1]])
    True

    Raises:
        InputError: the operation names a row that A does not have.
    """
    A = exact(A)
    if max(instance(op, RowOp, "op").rows) >= len(A):
        raise InputError(
            "{op} names a row that a matrix of {rows} rows does not have.",
            op=op,
            rows=len(A),
        )
    rows = list(A)
    target, source = op.rows[0], op.rows[-1]
    if op.kind == "swap":
        rows[target], rows[source] = rows[source], rows[target]
    elif op.kind == "scale":
        rows[target] = tuple(op.factor * x if x else x for x in A[target])
    else:
        pairs = zip(A[target], A[source], strict=True)
        rows[target] = tuple(x + op.factor * y if y else x for x, y in pairs)
    return tuple(rows)
