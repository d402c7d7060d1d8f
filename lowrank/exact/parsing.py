r"""Typed or pasted text to an exact matrix, and back to short text for a link.

Read are plain rows, CSV, spreadsheet (tabs), LaTeX matrices, numpy, MATLAB and Mathematica;
nothing is ever evaluated, and sizes are checked before any number is built.

>>> parse_matrix(r"\begin{bmatrix} 1 & \frac{3}{2} \\ −2 & 0.1 \end{bmatrix}")[0]
(Fraction(1, 1), Fraction(3, 2))
>>> compact(parse_matrix("1 3/2; -2 0.1"))
'1,3/2;-2,1/10'
"""

import re
from collections.abc import Sequence
from fractions import Fraction

from lowrank.errors import InputError
from lowrank.exact.matrices import Matrix, exact, rectangular

MAX_SIDE = 12
MAX_DIGITS = 40
MAX_EXPONENT = 60
MAX_TEXT = 1_000_000

_MINUS_AND_SLASH = str.maketrans({"−": "-", "–": "-", "⁄": "/", "∕": "/", "\r": "\n", "\xa0": " "})
_BRACES = str.maketrans("(){}", "[][]")
_NUMBER = r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
_CELL = re.compile(f"({_NUMBER})(?:/({_NUMBER}))?")
_FRAC = re.compile(r"\\[dt]?frac *\{([^{}]*)\} *\{([^{}]*)\}")
_SHORT_FRAC = re.compile(r"\\[dt]?frac *([0-9]) *([0-9])")
_LATEX_FRAME = re.compile(r"\\(?:begin|end) ?\{[a-zA-Z*]*\}(?:\{[lcr| ]*\}|\[[lcr]\])?")
_LATEX_NOISE = re.compile(r"\\(?:left|right)\s?[.()\[\]|]|\\(?:hline|displaystyle)|\\[,;!]|\$")
_BEFORE = re.compile(r"\s*(?:[A-Za-z_]\w*\s*=\s*)?(?:[A-Za-z_][\w.]*\s*\[?\s*)?")
_AFTER = re.compile(r"\s*(?:,\s*dtype\s*=\s*[\w.]+\s*)?[\])]?\s*;?\s*")

ACCEPTED = "Write whole numbers, fractions like 3/2, or decimals like 0.1 or 2e-3."


def parse_matrix(
    text: str,
    max_side: int = MAX_SIDE,
    max_digits: int = MAX_DIGITS,
    max_exponent: int = MAX_EXPONENT,
) -> Matrix:  # -> (m, n), m and n at most max_side
    """The exact matrix in a text; see `split_cells` for the formats and `parse_cells` for errors.

    >>> parse_matrix("np.array([[1, 2], [3, 4]])") == parse_matrix("1 2\\n3 4")
    True
    """
    return parse_cells(split_cells(text), max_side, max_digits, max_exponent)


def split_cells(text: str) -> list[list[str]]:
    r"""The text of each cell, row by row, with minus signs and fractions in plain ASCII.

    >>> split_cells("A = [1 2; −3 1 / 2];")
    [['1', '2'], ['-3', '1/2']]
    >>> split_cells("1,2\n3,x")
    [['1', '2'], ['3', 'x']]

    Raises:
        InputError: no text, too much of it, or brackets that do not close as a matrix's do.
    """
    if len(text) > MAX_TEXT:
        raise InputError(f"The text has {len(text):,} characters; at most {MAX_TEXT:,} are read.")
    text = text.translate(_MINUS_AND_SLASH).strip(" \n")
    if not text.strip():
        raise InputError(f"There is no matrix yet: type or paste at least one number. {ACCEPTED}")
    if "\\" in text or "&" in text:
        return _latex_rows(text)
    if text[0] in "({":
        text = text.translate(_BRACES)
    if "[" in text or "]" in text:
        return _bracketed_rows(text)
    return _plain_rows(text)


def _plain_rows(text: str) -> list[list[str]]:
    """Rows end at a line or a semicolon; cells at a tab, else a comma, else a space."""
    lines = (line.strip(" ") for line in re.split("[\n;]", text))
    return [_plain_cells(line) for line in lines if line]


def _plain_cells(line: str) -> list[str]:
    for separator in "\t,":
        if separator in line:
            cells = line.removesuffix(separator).split(separator)
            return [_tidy(cell) for cell in cells]
    return _tidy(line).split()


def _tidy(cell: str) -> str:
    """A cell without quotes, outer spaces, or spaces around its fraction bar."""
    bare = " ".join(cell.split())
    if len(bare) > 1 and bare[0] == bare[-1] and bare[0] in "\"'":
        bare = bare[1:-1].strip()
    return bare.replace(" / ", "/").replace(" /", "/").replace("/ ", "/")


def _bracketed_rows(text: str) -> list[list[str]]:
    """numpy's nested lists, or MATLAB's one list with semicolons; a name or call around either."""
    start, end = text.find("["), text.rfind("]")
    before, after = text[: max(start, 0)], text[end + 1 :]
    called = before.translate(_BRACES)
    if start < 0 or end < start or not _BEFORE.fullmatch(called) or not _AFTER.fullmatch(after):
        raise InputError(
            "The brackets do not close as a matrix's do. Write [[1, 2], [3, 4]] or [1 2; 3 4]."
        )
    inside = text[start + 1 : end]
    if "[" not in inside and "]" not in inside:
        return _plain_rows(inside)
    between = re.sub(r"\[[^\[\]]*\]", "", inside)
    if between.strip(", ;\n\t"):
        raise InputError(
            f"{_quoted(between.strip(', '))} stands outside the rows. Write [[1, 2], [3, 4]]."
        )
    rows = re.findall(r"\[([^\[\]]*)\]", inside)
    return [_plain_cells(" ".join(row.split()).removesuffix(",")) for row in rows]


def _latex_rows(text: str) -> list[list[str]]:
    text = " ".join(text.split())
    text = re.sub(r"\\\\ ?\[[0-9.a-z ]*\]", r"\\\\", text)
    for pattern, plain in ((_FRAC, r"\1/\2"), (_SHORT_FRAC, r"\1/\2")):
        text = pattern.sub(plain, text)
    rows = text.split("\\\\")
    cleaned = [_LATEX_NOISE.sub(" ", _LATEX_FRAME.sub(" ", row)) for row in rows]
    trimmed = [row.replace("\\[", " ").replace("\\]", " ") for row in cleaned]
    return [[_tidy(cell) for cell in row.split("&")] for row in trimmed if row.strip()]


def parse_cells(
    cells: Sequence[Sequence[str]],
    max_side: int = MAX_SIDE,
    max_digits: int = MAX_DIGITS,
    max_exponent: int = MAX_EXPONENT,
) -> Matrix:
    """The exact matrix of a grid of texts.

    >>> parse_cells([["1e-2", ".5"]])
    ((Fraction(1, 100), Fraction(1, 2)),)

    Raises:
        InputError: naming row, column and text: more than `max_side` rows or columns, rows of
            different length, an empty cell, no number, a denominator of 0, NaN or infinity, more
            than `max_digits` digits or an exponent beyond ±`max_exponent`.
    """
    m, n = len(cells), max((len(row) for row in cells), default=0)
    if m > max_side or n > max_side:
        raise InputError(
            f"This matrix is {m} × {n}; at most {max_side} × {max_side} is reduced exactly here."
        )
    return exact(
        [
            [
                _number(text, f"Row {i}, column {j}", max_digits, max_exponent)
                for j, text in enumerate(row, 1)
            ]
            for i, row in enumerate(rectangular(cells), 1)
        ]
    )


def _number(text: str, place: str, max_digits: int, max_exponent: int) -> Fraction:
    text = text.strip().translate(_MINUS_AND_SLASH)
    if not text:
        raise InputError(f"{place} is empty. {ACCEPTED}")
    if text.lower().lstrip("+-") in {"nan", "inf", "infinity", "∞"}:
        raise InputError(f"{place}: {_quoted(text)} is not a finite number. {ACCEPTED}")
    match = _CELL.fullmatch(text)
    if match is None:
        raise InputError(f"{place}: {_quoted(text)} is not a number. {ACCEPTED}")
    parts = [part for part in match.groups() if part is not None]
    for part in parts:
        mantissa, _, exponent = part.lower().partition("e")
        digits = sum(character.isdigit() for character in mantissa)
        if digits > max_digits or len(exponent) > 6 or abs(int(exponent or 0)) > max_exponent:
            raise InputError(
                f"{place}: {_quoted(text)} is too long: up to {max_digits} digits and "
                f"exponents up to ±{max_exponent} are read."
            )
    numerator, denominator = Fraction(parts[0]), Fraction(parts[-1]) if len(parts) > 1 else 1
    if denominator == 0:
        raise InputError(f"{place}: {_quoted(text)} divides by zero.")
    return numerator / denominator


def _quoted(text: str) -> str:
    """The text as typed, shortened to what a sentence can hold."""
    return f"“{text if len(text) <= 24 else text[:20] + '…'}”"


def compact(rows: Sequence[Sequence[object]]) -> str:
    """One short line for a link: entries by commas, rows by semicolons, each as it is written.

    parse_matrix(compact(A)) == A for every exact A within the limits.

    >>> compact([["0.1", "2"], ["3", "4/5"]])
    '0.1,2;3,4/5'
    """
    return ";".join(",".join(str(x) for x in row) for row in rows)
