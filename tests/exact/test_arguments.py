"""Whatever is passed: read by value where it has one, refused by name where it has none."""

import decimal
import inspect
import re
from collections.abc import Callable, Iterator
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
import sympy

from lowrank import exact, teaching
from lowrank.errors import InputError
from lowrank.exact.floating import number


class Tensor:
    """An array of another library: it has no rows to iterate over, but says what it holds."""

    def __init__(self, values):
        self.values = values

    def __array__(self, dtype=None, copy=None):
        return np.array(self.values, dtype=dtype)


class OnAnotherDevice:
    def __array__(self, dtype=None, copy=None):
        raise TypeError("can't convert a tensor on another device to numpy")


A, TWO = [[1, 2], [3, 4]], [[0, 2], [1, 4]]
OP = exact.add(1, 0, -3)
RUN = exact.eliminate(A, "float64")
CHOICE = teaching.make_choice("rank", 1)
GOOD = {
    **dict.fromkeys(exact.__all__, (A,)),
    "Derivation": (A, (OP,), 1, False, "textbook", 1, ("x",)),
    "next_step": (A, False, "textbook", 1),
    "steps": (A, False, "textbook", 1),
    "RowOp": ("scale", (0,), Fraction(2)),
    "add": (1, 0, 2),
    "apply": (OP, A),
    "augmented": (A, A),
    "echelon_mod": (A, 5),
    "eliminate": (A, "float32", "partial", 0.0),
    "explain_next": (A, TWO),
    "identity": (2,),
    "least_squares": (A, [1, 2]),
    "parse_matrix": ("1 2; 3 4", 12),
    "parse_operation": ("R1 + R2", 2),
    "parting": (RUN, RUN),
    "product": (A, A),
    "rank_mod": (A, 5),
    "scale": (0, 2),
    "inverse_mod": (A, 5),
    "null_space_mod": (A, 5),
    "solve_mod": (A, [1, 2], 5),
    "solve": (A, [1, 2], ("x", "y")),
    "steps_mod": (A, 5),
    "swap": (0, 1),
    "to_code": (A, [OP]),
    "to_latex": (A, [OP], 1),
    "to_markdown": (A, [OP], 1),
    "answer": (teaching.make_problem(1, 2, 2, 2), False, "textbook"),
    "judge": (teaching.make_question("rank", 1), "2"),
    "judge_operation": (A, OP, "textbook"),
    "make_problem": (1, 2, 2, 2, "easy"),
    "make_question": ("rank", 1, "easy", "textbook"),
    "make_worksheet": (1, 2, 2, 2, 3, "easy", False, False, "textbook"),
    "judge_choice": (CHOICE, CHOICE.right.words),
    "make_choice": ("rank", 1),
    "make_choices": ("rank", 1, 2),
    "make_counting": ("lora", 1, 2),
    "formats_of": (teaching.make_counting("lora", 1, 2),),
}
# What functions return, made by nobody else; and what is no function.
MADE = {"Flat", "LeastSquares", "Matrix", "Solution", "SolutionMod", "Step"}
MADE |= {"FORMATS", "LEVELS", "Judgement", "Problem", "Question", "Worksheet"}
MADE |= {"CHAPTERS", "EXPORTS", "Choice", "Counting"}

NONSENSE = {
    "None": None,
    "a flat list": [1, 2, 3],
    "a ragged list": [[1, 2], [3]],
    "nothing": [],
    "an empty row": [[]],
    "rows of text": ["12", "34"],
    "text": "12",
    "no number": [["x", 1], [2, 3]],
    "complex": [[1j, 2], [3, 4]],
    "nan": [[float("nan"), 2], [3, 4]],
    "infinite": np.array([[np.inf, 1], [0, 1]]),
    "a float": 2.5,
    "a whole float": 3.0,
    "true": True,
    "bytes": b"12",
    "a mapping": {0: [1, 2], 1: [3, 4]},
    "a set": {1, 2},
    "an object": object(),
    "a function": len,
    "a class": int,
    "one-dimensional": np.arange(3),
    "three-dimensional": np.zeros((2, 2, 2)),
    "no dimension": np.array(1.5),
    "columns": pd.DataFrame({"1": ["a"], "2": ["b"]}),
    "a series": pd.Series([1.5, 2.5]),
    "a tensor elsewhere": OnAnotherDevice(),
    "rows of tensors elsewhere": [OnAnotherDevice(), OnAnotherDevice()],
    "a letter": sympy.Matrix([[sympy.Symbol("a"), 1], [0, 1]]),
    "a root": [[sympy.sqrt(2), 1], [0, 1]],
    "an entry of entries": [[[1], [2]], [[3], [4]]],
    "far beyond": [["1e99999999", 1], [0, 1]],
    "far below": [[decimal.Decimal("1e-99999999"), 1], [0, 1]],
    "very long": [[10**5000, 1], [0, 1]],
    "negative": -1,
    "a mixture": [[1, 2], None],
}

FUNCTIONS = {
    name: getattr(room, name)
    for room in (exact, teaching)
    for name in room.__all__
    if name not in MADE
}


def called(function: Callable, *args: object) -> None:
    found = function(*args)
    if isinstance(found, Iterator):
        list(found)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_sound_arguments_are_accepted(name):
    called(FUNCTIONS[name], *GOOD[name])


def refusal(function: Callable, *args: object) -> str:
    """What is said against the arguments; nothing if they are accepted."""
    try:
        called(function, *args)
    except InputError as error:
        return str(error)
    return ""


SAYS = ["matrix", "Row ", "Column", "shape", "text", "entries", "Position", "row operation"]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_nonsense_in_any_place_is_meant_or_refused_by_name(name):
    function, good = FUNCTIONS[name], GOOD[name]
    for place, parameter in enumerate(list(inspect.signature(function).parameters)[: len(good)]):
        for what, value in NONSENSE.items():
            if isinstance(good[place], bool):
                continue  # a switch: whatever is true or false will do
            said = refusal(function, *good[:place], value, *good[place + 1 :])
            named = re.search(rf"\b{parameter}\b", said) or any(word in said for word in SAYS)
            assert named or not said, (what, said)
            assert len(said) < 500


MEANT = {
    "numpy": np.array([[1, 2], [3, 4]]),
    "numpy of halves": np.array([[1.0, 2.0], [3.0, 4.0]]),
    "numpy of fractions": np.array([[Fraction(1), Fraction(2)], [3, 4]], dtype=object),
    "a numpy matrix": np.asmatrix([[1, 2], [3, 4]]),
    "sympy": sympy.Matrix([[1, 2], [3, 4]]),
    "sympy, immutable": sympy.ImmutableMatrix([[1, 2], [3, 4]]),
    "pandas": pd.DataFrame({"10": [1, 3], "20": [2, 4]}, index=[7, 8]),
    "a tensor": Tensor([[1, 2], [3, 4]]),
    "rows of tensors": [Tensor([1, 2]), Tensor([3, 4])],
    "rows of arrays": [np.array([1.0, 2.0]), np.array([3, 4])],
    "text and decimals": [["1", "2.0"], [decimal.Decimal(3), "8/2"]],
    "tuples": ((1, 2), (3, 4)),
    "a generator": (row for row in [[1, 2], range(3, 5)]),
}


@pytest.mark.parametrize("what", MEANT)
def test_matrices_of_other_libraries_are_read_by_value(what):
    assert exact.exact(MEANT[what]) == exact.exact(A)


def test_every_float_is_the_decimal_that_prints_it():
    for kind in (np.float16, np.float32, np.float64):
        assert exact.exact(np.array([[0.1]], dtype=kind)) == ((Fraction(1, 10),),)
    assert exact.exact(sympy.Matrix([[sympy.Rational(1, 3)]])) == ((Fraction(1, 3),),)


@pytest.mark.parametrize(
    "b",
    [
        (1, 2),
        np.array([1, 2]),
        sympy.Matrix([1, 2]),
        [[1], [2]],
        pd.Series([1, 2], index=[5, 6]),
        pd.DataFrame({"b": [1, 2]}),
    ],
)
def test_right_hand_sides_are_read_by_value(b):
    assert exact.solve(A, b).particular == exact.solve(A, [1, 2]).particular


def test_numbers_as_long_as_python_refuses_to_write_are_written():
    A = exact.apply(exact.scale(0, Fraction(10**3999)), [[Fraction(10**3999), 1]])
    assert f"1{'0' * 7998}" in exact.to_latex(A, [])
    assert f"1{'0' * 7998}" in exact.to_markdown(A, [])
    with pytest.raises(InputError, match="too long for a program"):
        exact.to_code(A, [])


def test_exact_numbers_are_compared_exactly():
    run = exact.eliminate([["1e-60", 1], [1, 1]], "exact", "none", tol=0)
    assert run.rank == 2
    assert [op.kind for op in run.operations] == ["add"]
    assert exact.eliminate([["1e-400", 0], [0, 1]], "exact").rank == 2
    assert exact.eliminate([["1e-60", 0], [0, "1e60"]], "exact").growth == 1
    tiny = Fraction(1, 10**400)
    assert number(tiny) == "≈1.000 × 10^−400"
