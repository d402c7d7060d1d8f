r"""Typed or pasted text to an exact matrix of rational numbers, and back to short text for a link.

Read are plain rows, CSV, tables of spreadsheets (tabs, semicolons, decimal commas), LaTeX, and what
numpy, sympy, Sage, MATLAB, Octave, R, Julia, Maple, Mathematica and Typst print or take; see
`reading`. Nothing is ever evaluated, and sizes are checked before any number is built.

>>> parse_matrix(r"\begin{bmatrix} 1 & \frac{3}{2} \\ −2 & 0.1 \end{bmatrix}")[0]
(Fraction(1, 1), Fraction(3, 2))
>>> compact(parse_matrix("1 3/2; -2 0.1"))
'1,3/2;-2,1/10'
"""

from collections.abc import Sequence
from fractions import Fraction

from lowrank.errors import InputError
from lowrank.exact.arguments import rectangular, whole
from lowrank.exact.cells import Cell, cell_of, evaluated
from lowrank.exact.entries import Surds
from lowrank.exact.linear_forms import equation
from lowrank.exact.matrices import Matrix, plain
from lowrank.exact.reading import Reading, read
from lowrank.exact.surds import Surd
from lowrank.language import gettext as _
from lowrank.language import gettext_noop

MAX_SIDE = 12
ACCEPTED = gettext_noop(
    "Write whole numbers, fractions like 3/2, decimals like 0.1 or 2e-3, roots like sqrt(2) and "
    "complex numbers like 1+2i."
)


def parse_matrix(text: str, max_side: int = MAX_SIDE) -> Matrix:  # -> (m, n), both <= max_side
    """The exact matrix in a text; entries are fractions, or `Surd`s where a root or i stands.

    >>> parse_matrix("np.array([[1, 2], [3, 4]])") == parse_matrix("1 2\\n3 4")
    True

    Raises:
        InputError: no text, over 100,000 characters or 10,000 entries, brackets that do not close,
            something beside the matrix that would change it, more than one matrix, commas that may
            be decimal or not; and what `parse_cells` raises.
    """
    return matrix_of(the_reading(text), max_side)


def the_reading(text: str) -> Reading:
    """What a text says, if it can only mean one thing.

    Raises:
        InputError: it may mean several; and what `read` raises.
    """
    reading = read(text)
    if reading.asks:
        raise InputError(
            "{asks} Write it so that it can only mean one thing.",
            asks=reading.asks,
        )
    return reading


def matrix_of(reading: Reading, max_side: int = MAX_SIDE) -> Matrix:  # -> (m, n)
    """The matrix of a reading, whatever else its text may mean.

    Raises:
        InputError: as `parse_cells`.
    """
    return _values(reading.rows, max_side)


def parse_cells(cells: Sequence[Sequence[str]], max_side: int = MAX_SIDE) -> Matrix:
    """The exact matrix of a grid of texts.

    >>> parse_cells([["1e-2", ".5"]])
    ((Fraction(1, 100), Fraction(1, 2)),)

    Raises:
        InputError: naming row, column and text: more than `max_side` rows or columns, rows of
            different length, an empty cell, a division by 0, no number made of fractions, square
            roots and i, or a numerator or denominator of over 200 digits.
    """
    return _values([[cell_of(text) for text in row] for row in cells], max_side)


def _values(rows: Sequence[Sequence[Cell]], max_side: int) -> Matrix:
    whole(max_side, "max_side", 1)
    if len(rows) > max_side:
        raise InputError(
            "There are {count:,} rows; at most {most} are read here.",
            count=len(rows),
            most=max_side,
        )
    for i, row in enumerate(rows, start=1):
        if len(row) > max_side:
            raise InputError(
                "Row {i} has {row:,} entries, beginning with “{typed}”; at most {most} columns "
                "are read here.",
                i=i,
                row=len(row),
                typed=row[0].typed[:20],
                most=max_side,
            )
    at = _("Row {i}, column {j}")
    return tuple(
        tuple(
            evaluated(cell, at.format(i=i, j=j), Surds(), ACCEPTED) for j, cell in enumerate(row, 1)
        )
        for i, row in enumerate(rectangular(rows), 1)
    )


def compact(
    rows: Sequence[Sequence[object]], bar: int | None = None, names: Sequence[str] = ()
) -> str:
    """One short line for a link: entries by commas, rows by semicolons, each as it is written.

    parse_matrix(compact(A)) == A for every exact A within the limits. Before column `bar` stands
    a bar; with `names`, of the unknowns, the rows are equations.

    >>> compact([["0.1", "2"], ["3", "4/5"]])
    '0.1,2;3,4/5'
    >>> compact([[1, 2, 3], [2, -1, 1]], bar=2)
    '1,2|3;2,-1|1'
    >>> compact([[1, 2, 3], [2, -1, 1]], bar=2, names="xy")
    'x+2y=3;2x-y=1'
    """
    texts = [[plain(x) if isinstance(x, (Fraction, Surd)) else str(x) for x in row] for row in rows]
    if names:
        return ";".join(equation(row, names, whole=not k) for k, row in enumerate(texts))
    parts = [[row] if bar is None else [row[:bar], row[bar:]] for row in texts]
    return ";".join("|".join(",".join(part) for part in row) for row in parts)
