r"""A row operation as books, teachers and programs write it.

    operation = [verb] change | swap
    swap      = row ("↔" | "and" | "," ) row | "swap" row row | R12
    change    = row ("←" | "=" | "+=" | "-=" | "*=" | "/=") combination
              | combination ("→" row)
    verb      = "add" combination "to" row | "subtract" … "from" row | "multiply" row "by" number
    row       = R2 | r_2 | ρ_2 | L2 | F2 | Z2 | row 2 | II | (2) | A[1] | A(2,:)

>>> for text in (r"-2\rho_1 + \rho_2", "A[1] -= 2*A[0]", "II - 2 I", "add -2 times row 1 to row 2"):
...     assert str(parse_operation(text, rows=2)) == "R2 ← R2 − 2 R1"
"""

from collections.abc import Iterator, Sequence
from fractions import Fraction

from lowrank.errors import InputError
from lowrank.exact.arguments import whole
from lowrank.exact.entries import NoValue, Surds, evaluate, last_name, split, tree_of
from lowrank.exact.linear_forms import Form, Forms
from lowrank.exact.matrices import RowOp, add, scale, swap
from lowrank.exact.surds import Surd
from lowrank.exact.tokens import Item, items_of, readable
from lowrank.language import gettext as _
from lowrank.language import gettext_noop

LONGEST = 200  # characters of a typed operation
EXPECTED = gettext_noop("Write R1 ↔ R2, 1/3 R2 or R2 − 3/2 R1.")
SWAPS = {"↔", "⇄", "⇔", "⇆", "⇋", "⇌", "⟷", "⟺", "↕", "<->", "<=>", "<>", "<-->", "<==>"}
RIGHT = {"→", "⟶", "⇒", "⟹", "↦", "⟼", "➔", "➜", "->", "-->", "=>", "==>"}
LEFT = {"←", "⟵", "⇐", "≔", "=", ":=", "<-", "<--", "<="}
CHANGES = {"+=", "-=", "*=", "/="}
ROWS = {"r", "l", "f", "z", "e", "ρ", "rho", "eq", "row", "rows", "line", "ligne", "lignes", "fila"}
ROWS |= {"filas", "linha", "linhas", "zeile", "zeilen", "riga", "righe", "rij", "equation"}
SWAPPING = {"swap", "exchange", "interchange", "switch", "swaprows", "rowswap", "tausche"}
SIGNS = {"times": "*", "mal": "*", "plus": "+", "minus": "-", "and": ",", "with": ",", "by": ","}
SIGNS |= {"&": ",", ";": ",", "et": ",", "und": ",", "y": ",", "e": ",", "x": "*", ":": "/"}
SILENT = {"the", "of", "new", "neu", "it", "result", "this", "'"}
ROMAN = {"I": 1, "II": 2, "III": 3, "IV": 4, "V": 5, "VI": 6, "VII": 7, "VIII": 8, "IX": 9}
ROMAN |= {"X": 10, "XI": 11, "XII": 12}
ORDINALS = {"first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "sixth": 6}


def parse_operation(text: str, rows: int) -> RowOp:
    """The row operation that a text means, for a matrix of that many rows, counted from 1.

    Accepted are swaps (R1 <-> R2, swap R1 R2), multiples (1/3 R2, R2 / 3, -R2) and sums of one row
    and a multiple of another (R2 - 3/2 R1, R2 <- R2 + 0.5 R1, -2 R1 + R3: the row that stands
    alone, or at the arrow, is the one that changes).

    >>> str(parse_operation("r2 <- r2 - 3/2 r1", rows=2))
    'R2 ← R2 − 3/2 R1'

    Raises:
        InputError: the text means no elementary operation, or names a row that is not there.
    """
    whole(rows, "rows", 1)
    plain = readable(text).rstrip(" .,;\n")
    if len(text) > LONGEST:
        raise InputError(
            "The operation has {text:,} characters; {most} are accepted.",
            text=len(text),
            most=LONGEST,
        )
    shown = " ".join(text.split())[:60]
    try:
        return _Operation(rows, shown).read(items_of(plain))
    except NoValue as problem:
        said = problem.within(shown).said_of(_("it"))
        raise InputError(
            "{shown!r} is no row operation: {problem} {expected}",
            shown=shown,
            problem=said,
            expected=_(EXPECTED),
        ) from problem


class _Rows(Forms):
    """Numbers, roots and i among them, in which rows may be added up and multiplied."""

    Q = Surds()
    product = gettext_noop("{it} multiplies two rows.")
    quotient = gettext_noop("{it} divides by a row.")

    def name(self, text: str) -> Form:
        if text in ("i", "j"):
            return Form(number=self.Q.name(text))
        if text[0] != "#":
            raise NoValue("{it} holds “{text}”, which is no row.", text=text[:20])
        return Form(((int(text[1:]), Fraction(1)),))

    def call(self, text: str, values: list[Form]) -> Form:
        if any(value.terms for value in values):
            raise NoValue("{it} holds “{text}(…)” of a row.", text=text[:20])
        return Form(number=self.Q.call(text, [value.number for value in values]))


def _replaced(items: Sequence[Item], bare: bool) -> Iterator[Item]:
    """The items with each row as one name, # and its number from 0; words that mean signs as signs.

    `bare`, where no row has a name: then (2) is row 2.
    """
    items = list(items)
    k = 0
    while k < len(items):
        item, after = items[k], items[k + 1] if k + 1 < len(items) else None
        k += 1
        found = _rows_in(item, bare)
        if item.kind == "name" and after and after.kind == "number" and item.text.lower() in ROWS:
            found, k = [int(after.text[:4]) - 1] if after.text.isdecimal() else [], k + 1
            while k + 1 < len(items) and items[k].text in (",", "and", "with", "&"):
                if items[k + 1].kind != "number" or not items[k + 1].text.isdecimal():
                    break
                found, k = [*found, int(items[k + 1].text[:4]) - 1], k + 2
        elif item.kind == "name" and item.text.lower() in ORDINALS:
            found = [ORDINALS[item.text.lower()] - 1]
            k += after is not None and after.text.lower() in ROWS
        word = item.text.lower() if item.kind == "name" else item.text
        whole, e, index = item.text.partition("E")
        if item.kind == "number" and e and index.isdecimal() and _equations(items):  # 2E1
            yield item._replace(text=whole)
            found = [int(index[:4]) - 1]
        if found:
            for n, row in enumerate(found):
                if n:
                    yield Item("sign", ",", item.start, item.end, False)
                yield Item("name", f"#{row}", item.start, item.end, item.gap)
        elif item.kind in ("name", "sign") and word in SILENT:
            continue
        elif word == "twice":
            yield item._replace(kind="number", text="2")
        elif item.kind in ("name", "sign") and word in SIGNS:
            yield item._replace(kind="sign", text=SIGNS[word])
        elif item.kind in ("(", "[", "{"):
            yield item._replace(items=tuple(_replaced(item.items, bare)))
        elif item.kind not in ("line", "tab"):
            yield item


def _equations(items: Sequence[Item]) -> bool:
    """Whether rows are called E1, E2, as equations are."""
    return any(
        item.kind == "name" and item.text[0] == "E" and _rows_in(item, False) for item in items
    )


def _rows_in(item: Item, bare: bool) -> list[int]:
    """The rows that a name or group means, counted from 0."""
    if item.kind == "name":
        letters = item.text.rstrip("0123456789")
        number = item.text[len(letters) :][:4]
        if number and letters.rstrip("_").lower() in ROWS | {"p"}:
            return [int(number) - 1]
        return [ROMAN[item.text] - 1] if item.text in ROMAN else []
    inside = [each for each in item.items if each.text not in (",", ":")]
    if item.kind not in ("(", "[") or not inside:
        return []
    named = item.text
    if not named and bare and item.kind == "(" and len(inside) == len(item.items) == 1:
        return [int(inside[0].text[:4]) - 1] if inside[0].text.isdecimal() else []
    if len(inside) == 1 and inside[0].kind == "[":
        inside = [each for each in inside[0].items if each.text != ","]
    if len(named) != 1 or not all(each.text.isdecimal() for each in inside):
        return []
    colon = item.items[-1].text == ":"
    if named.lower() in ROWS and len(item.items) == 1:
        return [int(inside[0].text[:4]) - 1]
    if item.kind == "(" and not colon:
        return []
    first = 1 if item.kind == "(" else 0  # MATLAB counts from 1, Python from 0
    return [int(each.text[:4]) - first for each in inside]


def _names_rows(items: Sequence[Item]) -> bool:
    return any(
        _rows_in(item, bare=False)
        or (item.kind == "name" and item.text.lower() in ROWS)
        or _names_rows(item.items)
        for item in items
    )


class _Operation:
    def __init__(self, rows: int, shown: str) -> None:
        self.rows, self.shown = rows, shown

    def read(self, items: Sequence[Item]) -> RowOp:
        if own := self.own(items):
            return own
        slices = [x for x in items if x.kind == "[" and x.items and x.items[-1].text == ":"]
        inside = [x for each in slices for x in (*each.items, *each.items[0].items)]
        if slices and not any(x.text == "0" for x in inside):
            raise InputError(
                "{shown!r} counts rows from 0 in Python and from 1 in Julia. {expected}",
                shown=self.shown,
                expected=EXPECTED,
            )
        items = list(_replaced(items, bare=not _names_rows(items)))
        verb = items[0].text.lower() if items and items[0].kind == "name" else ""
        if items and last_name(items[0]) in SWAPPING and items[0].kind == "(":
            verb, items = "swap", [items[0], *items[0].items]
        if verb in SWAPPING or verb in ("permute", "p"):
            return self.swapped([x for x in items[1:] if x.text != ","])
        if verb in ("add", "subtract", "multiply", "divide", "scale", "replace"):
            return self.spoken(verb, items[1:])
        signs = [x for x in items if x.kind == "sign" and x.text in SWAPS | RIGHT | LEFT | CHANGES]
        if len(signs) > 1:
            raise self.none()
        if not signs:
            return self.alone(items)
        sign = signs[0].text
        left, right = split(items, sign)
        return self.related(left, sign, right)

    def none(self) -> InputError:
        return InputError(
            "{shown!r} is no row operation. {expected}",
            shown=self.shown,
            expected=_(EXPECTED),
        )

    def own(self, items: Sequence[Item]) -> RowOp | None:
        """A line of the program that `to_code` writes: A = apply(add(1, 0, -3), A)."""
        calls = [x for item in items for x in (item, *item.items) if x.kind == "("]
        made = [x for x in calls if x.text in ("add", "scale", "swap")]
        parts = split(made[0].items, ",") if made else []
        if not made or len(parts) != 2 + (made[0].text == "add") or _names_rows(made[0].items):
            return None
        numbers = [evaluate(tree_of(part), Surds()) for part in parts]
        wanted = 1 if made[0].text == "scale" else 2
        if any(isinstance(x, Surd) or x.denominator > 1 for x in numbers[:wanted]):
            raise self.none()
        rows = [self.checked(int(x)) for x in numbers[:wanted]]
        if made[0].text == "scale":
            return self.scaled(rows[0], numbers[1])
        return (
            swap(*rows)
            if made[0].text == "swap"
            else self.summed([(rows[0], Fraction(1)), (rows[1], numbers[2])], rows[0])
        )

    def form(self, items: Sequence[Item]) -> Form:
        if not items:
            raise self.none()
        form = evaluate(tree_of(items, rows=True), _Rows())
        for term in form.terms:
            self.checked(term[0])
        return form

    def checked(self, row: int) -> int:
        if not 0 <= row < self.rows:
            raise InputError(
                "{shown!r} names row {row}; the matrix has rows 1 to {rows}.",
                shown=self.shown,
                row=row + 1,
                rows=self.rows,
            )
        return row

    def swapped(self, items: Sequence[Item]) -> RowOp:
        if len(items) == 1 and items[0].items:
            items = [x for x in items[0].items if x.text != ","]
        if len(items) != 2 or not all(item.text[:1] == "#" for item in items):
            raise self.none()
        first, second = (self.checked(int(item.text[1:])) for item in items)
        if first == second:
            raise InputError(
                "{shown!r} swaps a row with itself, which changes nothing.",
                shown=self.shown,
            )
        return swap(first, second)

    def spoken(self, verb: str, items: list[Item]) -> RowOp:
        """A sentence: its verb says how what follows changes which row."""
        words = {"add": ("to",), "subtract": ("from",), "replace": (",",)}.get(verb, (",",))
        parts = [part for part in split_at(items, words) if part]
        if verb == "multiply" and len(parts) == 3 and parts[2][0].text.lower() == "add":
            (row, factor), (_, *rest) = parts[:2], parts[2]
            target = self.form([x for x in rest if x.text.lower() != "to"])
            return self.change(target, self.form(row) * self.form(factor), "+=")
        if len(parts) != 2:
            raise self.none()
        if verb in ("add", "subtract"):
            sign = "+=" if verb == "add" else "-="
            return self.change(self.form(parts[1]), self.form(parts[0]), sign)
        sign = {"replace": "=", "divide": "/="}.get(verb, "*=")
        return self.change(self.form(parts[0]), self.form(parts[1]), sign)

    def alone(self, items: list[Item]) -> RowOp:
        """Two rows named are swapped; R12 too; else a combination that says itself what changes."""
        rows = [item for item in items if item.text[:1] == "#"]
        if len(rows) == 2 and [x.text for x in items if x not in rows] == [","]:
            return self.swapped(rows)
        digits = str(int(rows[0].text[1:]) + 1) if len(items) == len(rows) == 1 else ""
        if len(digits) == 2 and digits[0] != digits[1] and max(map(int, digits)) <= self.rows:
            return swap(int(digits[0]) - 1, int(digits[1]) - 1)
        return self.combined(self.form(items), None)

    def related(self, left: list[Item], sign: str, right: list[Item]) -> RowOp:
        names = [[x.text for x in side if x.text[:1] == "#"] for side in (left, right)]
        if len(left) == len(right) == 3 and len(names[0]) == 2 and names[0] == names[1][::-1]:
            return self.swapped([left[0], left[2]])  # A[0], A[1] = A[1], A[0]
        if sign in SWAPS:
            return self.swapped([*left, *right])
        first, second = self.form(left), self.form(right)
        if sign in RIGHT and first.alone is not None and second.alone not in (None, first.alone):
            return self.swapped([*left, *right])
        if sign in CHANGES:
            return self.change(first, second, sign)
        if first.alone is None:
            first, second = second, first
        return self.change(first, second, "=")

    def change(self, target: Form, form: Form, sign: str) -> RowOp:
        """What = += -= *= /= do to a row."""
        if target.alone is None:
            raise self.unsaid()
        if sign in ("*=", "/="):
            factor = form.number
            if form.terms:
                raise self.none()
            if sign == "/=":
                factor = Surds().over(Fraction(1), factor)
            return self.scaled(target.alone, factor)
        if sign in ("+=", "-="):
            form = target + (form if sign == "+=" else -form)
        return self.combined(form, target.alone)

    def combined(self, form: Form, changed: int | None) -> RowOp:
        """One row's multiple or two rows' sum, in the row that changes."""
        if form.number or not 1 <= len(form.terms) <= 2:
            raise self.none()
        if len(form.terms) == 2:
            return self.summed(list(form.terms), changed)
        ((row, factor),) = form.terms
        if changed not in (None, row):
            raise InputError(
                "{shown!r} overwrites row {row}: that loses it.",
                shown=self.shown,
                row=(changed or 0) + 1,
            )
        return self.scaled(row, factor)

    def scaled(self, row: int, factor: Fraction) -> RowOp:
        if factor == 0:
            raise InputError(
                "{shown!r} multiplies a row by 0, which loses it.",
                shown=self.shown,
            )
        if factor == 1:
            raise InputError(
                "{shown!r} leaves row {row} as it is: that is no operation.",
                shown=self.shown,
                row=row + 1,
            )
        return scale(row, factor)

    def unsaid(self) -> InputError:
        return InputError(
            "{shown!r} does not say which row changes. {expected} The row that changes "
            "stands alone, with no factor.",
            shown=self.shown,
            expected=_(EXPECTED),
        )

    def summed(self, terms: list[tuple[int, Fraction]], changed: int | None) -> RowOp:
        """One row plus a multiple of another: the first that stands alone changes, unless told."""
        (first, _), (second, _) = terms
        if first == second:
            raise InputError(
                "{shown!r} names one row twice; it takes two different rows.",
                shown=self.shown,
            )
        alone = next((row for row, factor in terms if factor == 1), None)
        target = alone if changed is None else changed
        if target is None or target not in (first, second):
            raise self.unsaid()
        if dict(terms)[target] != 1:
            raise InputError(
                "{shown!r} also multiplies row {target} itself: that is two operations. First "
                "scale the row, then add.",
                shown=self.shown,
                target=target + 1,
            )
        ((source, factor),) = [term for term in terms if term[0] != target]
        if factor == 0:
            raise InputError(
                "{shown!r} adds 0 times a row, which changes nothing.",
                shown=self.shown,
            )
        return add(target, source, factor)


def split_at(items: list[Item], words: tuple[str, ...]) -> list[list[Item]]:
    """The items between these words or signs."""
    parts: list[list[Item]] = [[]]
    for item in items:
        if item.text.lower() in words and item.kind in ("name", "sign"):
            parts.append([])
        else:
            parts[-1].append(item)
    return parts
