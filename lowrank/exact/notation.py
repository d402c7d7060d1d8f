r"""A derivation, written down: a matrix and row operations as LaTeX, Markdown or runnable code.

Any derivation will do, the textbook's or a student's own; nothing is checked but that the
operations fit the matrix.

>>> from lowrank.exact.matrices import add, exact
>>> print(to_markdown(exact([[1, 2], [3, 6]]), [add(1, 0, -3)]))
$$\left[\begin{array}{rr} 1 & 2 \\ 3 & 6 \end{array}\right]$$
<BLANKLINE>
1. $R_{2} \leftarrow R_{2} - 3 R_{1}$
<BLANKLINE>
$$\left[\begin{array}{rr} 1 & 2 \\ 0 & 0 \end{array}\right]$$
"""

from collections.abc import Sequence
from fractions import Fraction
from itertools import accumulate

from lowrank.errors import InputError
from lowrank.exact.arguments import MOST_DIGITS, several
from lowrank.exact.matrices import Matrix, RowOp, apply, exact, latex_number, plain
from lowrank.exact.styles import check_bar


def matrices(A: Matrix, ops: Sequence[RowOp]) -> list[Matrix]:
    """A and the matrix after each operation, one more than there are operations.

    Raises:
        InputError: an operation names a row that A does not have.
    """
    return list(accumulate(ops, lambda B, op: apply(op, B), initial=A))


def latex_matrix(A: Matrix, bar: int | None = None) -> str:
    r"""A in brackets, entries flush right; an array, since bmatrix ends at ten columns.

    Before column `bar`, if given, stands a line, as in [A | b].

    >>> print(latex_matrix(((Fraction(1), Fraction(1, 2)),)))
    \left[\begin{array}{rr} 1 & \frac{1}{2} \end{array}\right]
    """
    rows = r" \\ ".join(" & ".join(map(latex_number, row)) for row in A)
    columns = "r" * len(A[0]) if bar is None else "r" * bar + "|" + "r" * (len(A[0]) - bar)
    return rf"\left[\begin{{array}}{{{columns}}} {rows} \end{{array}}\right]"


def latex_step(A: Matrix, op: RowOp) -> str:
    r"""A, the operation over an arrow, and the matrix after it, between dollars for a notebook.

    >>> from lowrank.exact.matrices import exact, scale
    >>> print(latex_step(exact([[2]]), scale(0, 3))[:54])
    $\left[\begin{array}{r} 2 \end{array}\right] \xrightar
    """
    arrow = rf"\xrightarrow{{{op.latex()}}}"
    return f"${latex_matrix(A)} {arrow} {latex_matrix(apply(op, A))}$"


def to_latex(A: Matrix, ops: Sequence[RowOp], bar: int | None = None) -> str:
    r"""An align* environment (amsmath): a matrix a line, each operation over its arrow.

    Before column `bar` of each matrix, if given, stands a line.

    >>> from lowrank.exact.matrices import exact, scale
    >>> print(to_latex(exact([[2]]), [scale(0, 3)]))
    \begin{align*}
    & \left[\begin{array}{r} 2 \end{array}\right] \\
    \xrightarrow{R_{1} \leftarrow 3 R_{1}} \; & \left[\begin{array}{r} 6 \end{array}\right]
    \end{align*}

    Raises:
        InputError: an operation names a row that A does not have.
    """
    A, ops = exact(A), several(ops, RowOp, "ops")
    check_bar(bar, len(A[0]))
    first, *others = (latex_matrix(B, bar) for B in matrices(A, ops))
    lines = [f"& {first}"]
    lines += [rf"\xrightarrow{{{op.latex()}}} \; & {B}" for op, B in zip(ops, others, strict=True)]
    return "\\begin{align*}\n" + " \\\\\n".join(lines) + "\n\\end{align*}"


def to_markdown(A: Matrix, ops: Sequence[RowOp], bar: int | None = None) -> str:
    """A numbered list of the operations with the matrix after each, mathematics between dollars.

    Before column `bar` of each matrix, if given, stands a line.

    Raises:
        InputError: an operation names a row that A does not have.
    """
    A, ops = exact(A), several(ops, RowOp, "ops")
    check_bar(bar, len(A[0]))
    first, *others = (f"$${latex_matrix(B, bar)}$$" for B in matrices(A, ops))
    pairs = zip(ops, others, strict=True)
    parts = [f"{k}. ${op.latex()}$\n\n{B}" for k, (op, B) in enumerate(pairs, start=1)]
    return "\n\n".join([first, *parts])


def to_code(A: Matrix, ops: Sequence[RowOp]) -> str:
    """A program that does the derivation with `lowrank` and prints the last matrix.

    >>> from lowrank.exact.matrices import exact, scale
    >>> exec(to_code(exact([[2, 4]]), [scale(0, Fraction(1, 2))]))
    1 2

    Raises:
        InputError: an operation names a row that A does not have; a number of over 4,000 digits.
    """
    A, ops = exact(A), several(ops, RowOp, "ops")
    matrices(A, ops)
    names = ["apply", "exact", *{op.kind for op in ops}]
    imports = f"from lowrank.exact.matrices import {', '.join(sorted(names))}"
    calls = list(map(_call, ops))
    if any("Fraction(" in call for call in calls):
        imports = f"from fractions import Fraction\n\n{imports}"
    rows = "".join(f"    [{', '.join(map(_literal, row))}],\n" for row in A)
    lines = [f"A = apply({call}, A)  # {op}" for call, op in zip(calls, ops, strict=True)]
    return "\n".join(
        [imports, "", f"A = exact([\n{rows}])", *lines, "for row in A:", "    print(*row)", ""]
    )


def _literal(x: Fraction) -> str:
    """A number as `exact` reads it: a whole one, or a fraction or one with roots in quotes."""
    if len(number := plain(x)) > MOST_DIGITS:
        raise InputError(
            "A number of {number:,} digits is too long for a program.",
            number=len(number),
        )
    return number if number.lstrip("-").isdecimal() else f'"{number}"'


def _call(op: RowOp) -> str:
    """The call that makes an operation."""
    arguments = [str(i) for i in op.rows]
    if op.kind != "swap":
        number = _literal(op.factor)
        if "/" in number and isinstance(op.factor, Fraction):
            number = f"Fraction({number[1:-1].replace('/', ', ')})"
        arguments.append(number)
    return f"{op.kind}({', '.join(arguments)})"
