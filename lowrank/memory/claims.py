"""Claims about sizes, recomputed: is it right, GiB called GB, or wrong and by what?

>>> str(judged("64 MB", 4096 * 4096 * 4))
'MiB called MB: 64 MiB, or 67.1 MB'
>>> str(judged("350 GB", 2 * BLOOM_176B))
'right: 352 GB'
>>> str(judged("448 MB", 4 * layer_numbers(PUBLISHED["Llama 2 7B"])))
'wrong: 810 MB or 772 MiB, 1.81 times what is said'
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from math import prod
from typing import Literal

from lowrank.errors import InputError
from lowrank.language import gettext as _
from lowrank.llama.config import LlamaConfig
from lowrank.llama.names import LINEAR
from lowrank.memory.accounting import (
    BLOOM_176B,
    FLOAT32,
    Storage,
    pair_parameters,
    parameters,
    parts,
    training_memory,
    weight_bytes,
)
from lowrank.memory.published import PUBLISHED

# A unit's size and, where binary and decimal units are taken for each other, the other one.
UNITS: dict[str, tuple[Fraction, str]] = {"": (Fraction(1), ""), "%": (Fraction(1, 100), "")}
UNITS |= {"B": (Fraction(1), ""), "×": (Fraction(1), "")}
for _i, _letter in enumerate("KMGT", 1):
    _decimal, _binary = f"{'k' if _letter == 'K' else _letter}B", f"{_letter}iB"
    UNITS[_decimal], UNITS[_binary] = (Fraction(1000**_i), _binary), (Fraction(1024**_i), _decimal)
STATED = re.compile(r"([0-9]{1,20}(?:\.[0-9]{1,20})?) ?(%|×|[kKMGT]i?B|B|)")
Kind = Literal["right", "other unit", "wrong"]


@dataclass(frozen=True)
class Judged:
    """A stated amount, of so many digits, beside the right one; both are in `unit`."""

    kind: Kind
    stated: Fraction
    digits: int
    right: Fraction
    unit: str

    @property
    def other(self) -> str:
        """The unit that this one is taken for: MiB beside MB; "" where there is none."""
        return UNITS[self.unit][1]

    def __str__(self) -> str:
        right, beside = said(self.right, self.unit), ""
        if self.other:
            size = self.right * UNITS[self.unit][0]
            beside = said(size / UNITS[self.other][0], self.other)
        if self.kind == "right":
            amount = said(self.right, self.unit, max(self.digits, 3))
            return _("right: {amount}").format(amount=amount)
        if self.kind == "other unit":
            return _("{other} called {unit}: {beside}, or {right}").format(
                other=self.other, unit=self.unit, beside=beside, right=right
            )
        if not self.stated:
            told = _("wrong: {right} or {beside}") if beside else _("wrong: {right}")
            return told.format(right=right, beside=beside)
        told = _("wrong: {right}, {times} times what is said")
        if beside:
            told = _("wrong: {right} or {beside}, {times} times what is said")
        times = _digits(self.right / self.stated, 3)
        return told.format(right=right, beside=beside, times=times)


def judged(stated: str, right: int | Fraction) -> Judged:
    """A stated amount such as "64 MB", "3.125 %" or "65,536" beside the right number of bytes, or
    of whatever is counted.

    It is right if it is what the right number rounds to in as many digits as are stated; zeros
    that end a whole number, as in "350 GB", count as rounded. kB to TB are powers of 1000 and KiB
    to TiB powers of 1024 (IEC 80000-13).

    Raises InputError for a text that is no such amount.

    >>> judged("65,536", 8 * 4096 * 2).kind, judged("0.39 %", Fraction(1, 256)).kind
    ('right', 'right')
    """
    found = STATED.fullmatch(stated.strip().replace(",", "").replace("\u00a0", " "))
    if not found:
        raise InputError(
            "The stated amount is {stated!r}; expected a number and a unit, such as 64 MB, "
            "772 MiB, 0.39 % or 65,536.",
            stated=stated[:60],
        )
    number, unit = Decimal(found[1]), found[2].replace("KB", "kB").replace("kiB", "KiB")
    size, other = UNITS[unit]
    there = Fraction(right) / size
    kind: Kind = "wrong"
    if _rounds(there, number):
        kind = "right"
    elif other and _rounds(Fraction(right) / UNITS[other][0], number):
        kind = "other unit"
    return Judged(kind, Fraction(number), len(number.as_tuple().digits), there, unit)


def _rounds(right: Fraction, stated: Decimal) -> bool:
    """Whether it rounds to what is stated, in as many digits."""
    half = Fraction(10) ** _last(stated) / 2
    return abs(right - Fraction(stated)) <= half


def _last(stated: Decimal) -> int:
    """The power of ten of the last digit stated that is not a rounded zero."""
    exponent = stated.as_tuple().exponent
    assert isinstance(exponent, int)  # no NaN comes through the pattern
    return exponent if exponent < 0 else int(stated.normalize().as_tuple().exponent)


def said(value: Fraction, unit: str, digits: int = 3) -> str:
    """A number in so many digits and its unit; a whole number without a unit, in full.

    >>> said(Fraction(65536), ""), said(Fraction(25, 8), "%"), said(Fraction(2**26, 10**6), "MB")
    ('65,536', '3.12 %', '67.1 MB')
    """
    if not unit and value.denominator == 1:
        return f"{value.numerator:,}"
    return f"{_digits(value, digits)} {unit}".strip()


def _digits(value: Fraction, count: int) -> str:
    return f"{float(f'{float(value):.{count}g}'):,.9g}"


def recounted(
    stated: str, shapes: Iterable[Sequence[int]], nbytes: Fraction | int = 4, r: int | None = None
) -> Judged:
    """What is said of matrices of these shapes, (out, in) each, or of LoRA's pairs of rank r beside
    them: an amount without a unit counts numbers, bytes are `nbytes` a number, and a percentage is
    the pairs' share of the matrices.

    Raises InputError for a text that is no amount, a percentage without a rank, or a rank that is
    not between 1 and the smallest side.

    >>> str(recounted("0.4 %", [(4096, 4096)], r=8)), recounted("0.25 GB", [(4096, 4096)] * 4).kind
    ('right: 0.391 %', 'other unit')
    """
    shapes = list(shapes)
    if r is not None and not 1 <= r <= (most := min(map(min, shapes))):
        raise InputError(
            "r is {r:,}; expected a rank from 1 to {most:,}, the smallest side.",
            r=r,
            most=most,
        )
    whole = sum(prod(shape) for shape in shapes)
    count = whole if r is None else sum(pair_parameters(shape, r) for shape in shapes)
    if stated.strip().endswith("%"):
        if r is None:
            raise InputError("A percentage is LoRA's share of the matrices: give its rank r, too.")
        return judged(stated, Fraction(count, whole))
    return judged(stated, count if stated.strip()[-1:].isdigit() else Fraction(count * nbytes))


@dataclass(frozen=True)
class Claim:
    """One number of a popular article on LoRA for Llama 2 7B, and what is right."""

    name: str
    stated: str
    right: int | Fraction

    @property
    def verdict(self) -> Judged:
        return judged(self.stated, self.right)


def layer_numbers(config: LlamaConfig) -> int:
    """Parameters of a layer's seven projections."""
    return sum(part.each for part in parts(config) if part.name in LINEAR)


def article() -> tuple[Claim, ...]:
    """The numbers of a popular article, in its order, each from the published shapes.

    Weights and training are in float32, training with Adam and without activations.
    """
    config = PUBLISHED["Llama 2 7B"]
    square, stored = 4096 * 4096, Storage(FLOAT32, FLOAT32)
    layer, layers = 4 * layer_numbers(config), config.num_hidden_layers
    step = training_memory(config, stored, parameters(config), tokens=1, full=True)
    held = replace(step, activations=0, logits=0).total
    return (
        Claim("matrix", "64 MB", 4 * square),
        Claim("layer", "448 MB", layer),
        Claim("layers", "16 GB", layers * layer),
        Claim("training", "2 ×", Fraction(held, weight_bytes(config, stored))),
        Claim("bloom", "350 GB", 2 * BLOOM_176B),
        Claim("pair", "524,288", pair_parameters((4096, 4096), 64)),
        Claim("share", "3.125 %", Fraction(pair_parameters((4096, 4096), 64), square)),
        Claim("lora", "65,536", pair_parameters((4096, 4096), 8)),
        Claim("lora share", "0.39 %", Fraction(pair_parameters((4096, 4096), 8), square)),
    )
