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
from lowrank.language import gettext as _
from lowrank.language import joined

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
        return _(
            "Row {row} has 0 in column {column} and so no pivot there; "
            "row {target} is the first below with a non-zero entry in this column."
        ).format(row=row + 1, column=column + 1, target=target + 1)
    if kind == "scale":
        said = _("Make the pivot 1: divide row {row} by {pivot}.")
        return said.format(row=row + 1, pivot=written(p))
    negative, size = signed(op.factor)
    factor = grouped(written(size))
    if kind == "multiply":
        return _(
            "Multiply row {row} by {factor}: then its {entry} becomes {product}, a "
            "multiple of the pivot {pivot}."
        ).format(
            row=target + 1,
            factor=factor,
            entry=written(x),
            product=written(op.factor * x),
            pivot=written(p),
        )
    if kind == "divide":
        if op.factor.numerator == 1:
            said = _("Divide row {row} by {factor}, which all of its entries share.")
            return said.format(row=target + 1, factor=written(1 / op.factor))
        said = _("Multiply row {row} by {factor}: whole numbers, and as small as they can be.")
        return said.format(row=target + 1, factor=factor)
    shown, by = written(x), written(p)
    sum_ = f"{shown} {'−' if negative else '+'} {factor} · {grouped(by, sign=True)} = 0"
    return _clears(target > row, "≈" not in sum_).format(entry=shown, pivot=by, sum=sum_)


def _clears(below: bool, adds_up: bool) -> str:
    """What clears an entry; with the sum, unless its numbers are rounded and would not give 0."""
    if below and adds_up:
        return _("Clear the {entry} below the pivot {pivot}: {sum}.")
    if below:
        return _("Clear the {entry} below the pivot {pivot}.")
    if adds_up:
        return _("Clear the {entry} above the pivot {pivot}: {sum}.")
    return _("Clear the {entry} above the pivot {pivot}.")


def sought(needed: Needed) -> str:
    """What to look for, without the rows and numbers that answer it."""
    kind, (row, column), target = needed
    if kind == "swap":
        said = _("Row {row} cannot have its pivot in column {column} as it stands. Why not?")
    elif kind == "scale":
        said = _("Look at the pivot of row {row}: what is it to become?")
    elif kind == "divide":
        said = _("Look at all entries of row {target}: which factor do they share?")
    elif target > row:
        said = _("Look below the pivot in row {row}, column {column}: are all entries there 0?")
    else:
        said = _("Look above the pivot in row {row}, column {column}: are all entries there 0?")
    return said.format(row=row + 1, column=column + 1, target=target + 1)


def meant(needed: Needed) -> str:
    """Which kind of operation is meant, and on which rows; the factor is left to find."""
    kind, (row, column), target = needed
    if kind == "swap":
        said = _("Swap row {row} with one below that is not 0 in column {column}.")
    elif kind == "scale":
        said = _("Multiply row {row} by the number that makes its pivot 1.")
    elif kind == "divide":
        said = _("Divide row {target} by the factor that all its entries share.")
    elif kind == "multiply":
        said = _("Multiply row {target} so that the pivot divides its entry in column {column}.")
    else:
        said = _(
            "Add the multiple of row {row} to row {target} that makes its entry in column "
            "{column} 0."
        )
    return said.format(row=row + 1, column=column + 1, target=target + 1)


def reason_at_length(needed: Needed, op: RowOp, A: Matrix, why: str) -> str:
    """Goal, operation and what it keeps, for the step from A: three or four sentences."""
    kind, (row, column), target = needed
    p, x, (negative, size) = A[row][column], A[target][column], signed(op.factor)
    if kind == "swap":
        said = [*_done(column), _trading_places()]
    elif kind == "scale":
        said = [_made_one()]
    elif kind == "clear":
        said = _cleared(target > row, negative)
    else:
        said = _kept_whole(why)
    return joined(said, _("{first} {last}")).format(
        row=row + 1,
        column=column + 1,
        target=target + 1,
        pivot=written(p),
        entry=written(x),
        factor=written(op.factor),
        size=written(size),
        times=written(-op.factor),
        back=written(1 / op.factor),
    )


def _done(column: int) -> list[str]:
    if column == 1:
        return [_("Column 1 is done.")]
    return [_("Columns 1 to {done} are done.").format(done=column)] if column else []


def _trading_places() -> str:
    return _(
        "The next pivot belongs in row {row}, column {column}, but there is a 0. Row {target} has "
        "{entry} in that column, so the two rows trade places. Only their order changes: the rows "
        "span the same space, and as equations they have the same solutions."
    )


def _made_one() -> str:
    return _(
        "Every pivot is to become 1, and the one in row {row}, column {column} is {pivot}. "
        "Multiplying row {row} by {factor} makes it 1. Multiplying by {pivot} would undo that, so "
        "no row is lost: the row space and the solutions stay the same."
    )


def _kept_whole(why: str) -> list[str]:
    return [
        _(
            "The pivot is the {pivot} in row {row}, column {column}, and the numbers are to stay "
            "whole."
        ),
        why,
        _(
            "Multiplying by {back} would undo that, so no row is lost: the row space and the "
            "solutions stay the same."
        ),
    ]


def _cleared(below: bool, subtracted: bool) -> list[str]:
    return [
        _(
            "The pivot is the {pivot} in row {row}, column {column}, and every entry below it "
            "should become 0."
        )
        if below
        else _(
            "The pivot is the {pivot} in row {row}, column {column}, and every entry above it "
            "should become 0."
        ),
        _("Row {target} has {entry} there, which is {times} times the pivot."),
        _(
            "Subtracting {size} times row {row} makes it 0. Row {row} itself stays, so adding it "
            "back would undo this: the row space and the solutions stay the same."
        )
        if subtracted
        else _(
            "Adding {size} times row {row} makes it 0. Row {row} itself stays, so subtracting it "
            "would undo this: the row space and the solutions stay the same."
        ),
    ]
