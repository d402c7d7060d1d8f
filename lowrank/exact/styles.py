"""What a style of elimination does next and why: one place for the textbook's order and others.

>>> from lowrank.exact.matrices import exact
>>> A = exact([[2, 1], [3, 4]])
>>> [needed(A, False, style).kind for style in STYLES]
['clear', 'scale', 'multiply']
"""

from collections.abc import Iterable
from fractions import Fraction
from math import gcd, lcm
from typing import Literal, NamedTuple, TypeAlias, get_args

from lowrank.errors import InputError
from lowrank.exact.arguments import one_of, whole
from lowrank.exact.matrices import Matrix, Row, RowOp, add, grouped, scale, signed, swap, written

Style: TypeAlias = Literal["textbook", "ones", "whole"]
STYLES: tuple[Style, ...] = get_args(Style)


class Needed(NamedTuple):
    """What a style does next: the kind, the place of the pivot, the row that changes.

    "swap" brings that row up; "scale" makes the pivot 1; "clear" makes the row 0 in the pivot's
    column. Where numbers stay whole, "divide" takes out what a row's entries have in common, and
    "multiply" makes the row's entry a multiple of the pivot.
    """

    kind: Literal["swap", "scale", "clear", "divide", "multiply"]
    pivot: tuple[int, int]
    target: int


def check_style(style: str, bar: int | None, n: int) -> None:
    """Refuse a style that there is not, and a bar that is not inside a matrix of n columns.

    Raises:
        InputError: which of the two it is, and what was expected.
    """
    one_of(style, STYLES, "style")
    check_bar(bar, n)


def check_bar(bar: int | None, n: int) -> None:
    """Refuse a bar that is not inside a matrix of n columns.

    Raises:
        InputError: what was passed, and what was expected.
    """
    if bar is not None and not 1 <= whole(bar, "bar") < n:
        raise InputError(
            "bar is {bar!r}: expected None, or how many of the {n} columns stand left of "
            "the bar, from 1 to {n_2}.",
            bar=bar,
            n=n,
            n_2=n - 1,
        )


def needed(
    A: Matrix, reduced: bool, style: Style = "textbook", bar: int | None = None
) -> Needed | None:
    """What a style does next, over any field; "whole" needs rational entries. See `next_step`."""
    places: list[tuple[int, int]] = []
    for column in range(bar or len(A[0])):
        row = len(places)
        filled = [i for i in range(row, len(A)) if A[i][column]]
        if not filled:
            continue
        if filled[0] != row:
            return Needed("swap", (row, column), filled[0])
        if style == "ones" and A[row][column] != 1:
            return Needed("scale", (row, column), row)
        if len(filled) > 1:
            return _clearing(A, (row, column), range(row + 1, len(A)), style)
        places.append((row, column))
    for row, column in reversed(places if reduced else []):
        if style != "whole" and A[row][column] != 1:
            return Needed("scale", (row, column), row)
        if any(A[above][column] for above in range(row)):
            return _clearing(A, (row, column), reversed(range(row)), style)
    unscaled = (place for place in reversed(places) if A[place[0]][place[1]] != 1)
    last = next(unscaled, None) if reduced else None
    return last and Needed("scale", last, last[0])


def _clearing(A: Matrix, pivot: tuple[int, int], others: Iterable[int], style: Style) -> Needed:
    """The first operation on the way to zeros in the pivot's column of the other rows."""
    row, column = pivot
    if style != "whole":
        return Needed("clear", pivot, next(i for i in others if A[i][column]))
    if content(A[row]) != 1:
        return Needed("divide", pivot, row)
    p = A[row][column]
    for i in others:
        x, common = A[i][column], content(A[i])
        # A row that was multiplied for this pivot has a multiple of it, and is left so.
        if common.denominator > 1 or (common > 1 and (not x or x % p)):
            return Needed("divide", pivot, i)
        if x:
            return Needed("multiply" if x % p else "clear", pivot, i)
    raise AssertionError("called only where there is something to clear")


def content(row: Row) -> Fraction:
    """What the entries of a row have in common: the row over it is whole, with no common factor.

    >>> content((Fraction(2, 3), Fraction(4), Fraction(0)))
    Fraction(2, 3)
    """
    return Fraction(gcd(*(x.numerator for x in row)), lcm(*(x.denominator for x in row)))


def operation_of(A: Matrix, found: Needed) -> RowOp:
    """What is needed as a row operation on A."""
    kind, (row, column), target = found
    p, x = A[row][column], A[target][column]
    if kind == "swap":
        return swap(row, target)
    if kind == "clear":
        return add(target, row, -x / p)
    if kind == "multiply":
        return scale(target, Fraction(abs(p.numerator), gcd(p.numerator, x.numerator)))
    return scale(target, 1 / (p if kind == "scale" else content(A[target])))


def reason(needed: Needed, op: RowOp, x: Fraction, p: Fraction) -> str:
    """Why a step is taken: x is what it changes in the pivot's column, p the pivot."""
    kind, (row, column), target = needed
    if kind == "swap":
        return (
            f"Row {row + 1} has 0 in column {column + 1} and so no pivot there; "
            f"row {target + 1} is the first below with a non-zero entry in this column."
        )
    if kind == "scale":
        return f"Make the pivot 1: divide row {row + 1} by {written(p)}."
    negative, size = signed(op.factor)
    factor = grouped(written(size))
    if kind == "multiply":
        more = written(op.factor * x)
        return (
            f"Multiply row {target + 1} by {factor}: then its {written(x)} becomes {more}, a "
            f"multiple of the pivot {written(p)}."
        )
    if kind == "divide":
        if op.factor.numerator == 1:
            common = written(1 / op.factor)
            return f"Divide row {target + 1} by {common}, which all of its entries share."
        return f"Multiply row {target + 1} by {factor}: whole numbers, and as small as they can be."
    shown, by = written(x), written(p)
    sign = "−" if negative else "+"
    where = "below" if target > row else "above"
    sum_ = f"{shown} {sign} {factor} · {grouped(by, sign=True)} = 0"
    # Rounded numbers would not add up to 0.
    return f"Clear the {shown} {where} the pivot {by}" + ("." if "≈" in sum_ else f": {sum_}.")


def sought(needed: Needed) -> str:
    """What to look for, without the rows and numbers that answer it."""
    kind, (row, column), target = needed
    if kind == "swap":
        return f"Row {row + 1} cannot have its pivot in column {column + 1} as it stands. Why not?"
    if kind == "scale":
        return f"Look at the pivot of row {row + 1}: what is it to become?"
    if kind == "divide":
        return f"Look at all entries of row {target + 1}: which factor do they share?"
    where = "below" if target > row else "above"
    return f"Look {where} the pivot in row {row + 1}, column {column + 1}: are all entries there 0?"


def meant(needed: Needed) -> str:
    """Which kind of operation is meant, and on which rows; the factor is left to find."""
    kind, (row, column), target = needed
    return {
        "swap": f"Swap row {row + 1} with one below that is not 0 in column {column + 1}.",
        "scale": f"Multiply row {row + 1} by the number that makes its pivot 1.",
        "divide": f"Divide row {target + 1} by the factor that all its entries share.",
        "multiply": f"Multiply row {target + 1} so that the pivot divides its entry in column "
        f"{column + 1}.",
        "clear": f"Add the multiple of row {row + 1} to row {target + 1} that makes its entry in "
        f"column {column + 1} 0.",
    }[kind]


KEPT = "the row space and the solutions stay the same."


def reason_at_length(needed: Needed, op: RowOp, A: Matrix, why: str) -> str:
    """Goal, operation and what it keeps, for the step from A: three or four sentences."""
    kind, (row, column), target = needed
    at = f"row {row + 1}, column {column + 1}"
    if kind == "swap":
        done = "" if not column else f"{_columns_up_to(column)} done. "
        return (
            f"{done}The next pivot belongs in {at}, but there is a 0. Row {target + 1} has "
            f"{written(A[target][column])} in that column, so the two rows trade places. Only "
            "their order changes: the rows span the same space, and as equations they have the "
            "same solutions."
        )
    p = written(A[row][column])
    if kind == "scale":
        return (
            f"Every pivot is to become 1, and the one in {at} is {p}. Multiplying row "
            f"{row + 1} by {written(op.factor)} makes it 1. Multiplying by {p} would undo that, so "
            f"no row is lost: {KEPT}"
        )
    x = A[target][column]
    if kind != "clear":
        return (
            f"The pivot is the {p} in {at}, and the numbers are to stay whole. {why} Multiplying "
            f"by {written(1 / op.factor)} would undo that, so no row is lost: {KEPT}"
        )
    goal = "below" if target > row else "above"
    negative, size = signed(op.factor)
    taken = "Subtracting" if negative else "Adding"
    back = "adding it back" if negative else "subtracting it"
    return (
        f"The pivot is the {p} in {at}, and every entry {goal} it should become 0. Row "
        f"{target + 1} has {written(x)} there, which is {written(-op.factor)} times the pivot. "
        f"{taken} {written(size)} times row {row + 1} makes it 0. "
        f"Row {row + 1} itself stays, so {back} would undo this: {KEPT}"
    )


def _columns_up_to(column: int) -> str:
    return "Column 1 is" if column == 1 else f"Columns 1 to {column} are"
