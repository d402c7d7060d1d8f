"""Texts made to hold a reader up, each a beginning, a piece to be repeated and an end; and whoever
reads what people type, paste or send.
"""

from collections.abc import Callable

from lowrank.exact.derivation import Derivation
from lowrank.exact.expressions import parse_parametric
from lowrank.exact.matrices import exact
from lowrank.exact.operations import parse_operation
from lowrank.exact.parsing import parse_cells, parse_matrix
from lowrank.exact.query import decode, decode_moves
from lowrank.llama.names import place
from lowrank.readers.gguf_layout import order
from lowrank.readers.gguf_names import from_gguf
from lowrank.readers.hub import hub_id
from lowrank.readers.hub_gguf import hub_file
from lowrank.readers.uploads import plain
from lowrank.teaching.quiz import judge, make_question

PIECES = [
    *"([{<⎡)]}>\\&|-+*/^_=:;,.'\"$#%~!?½²₁√√ \t\n\x0b\u2028aAλ1R",
    *(
        "[1]",
        "[1] ",
        "(1)",
        "((1),",
        "{1}{",
        "[[",
        "[[1,2],",
        "<<1|",
        "<-",
        "-->",
        "<=>",
        "- ",
        "--",
    ),
    *(
        "1 ",
        "1,",
        "1;",
        "1\n",
        "1\t",
        "1,5 ",
        "1,5;",
        "1 1/2,",
        "1e9",
        "1e9 ",
        "1/",
        "1.",
        "..",
        "...",
        "... \n",
    ),
    *(
        "a ",
        "ab",
        "a_",
        "a_{",
        "a_{1} ",
        "x=1\n",
        "A = ",
        "=[1]",
        "A=[1 2]\n",
        "[1 2]\n",
        "[,1]",
        "1|2;",
        "|1|\n",
    ),
    *(
        "''",
        '""',
        '"1",',
        "# ",
        "% ",
        "&minus;",
        "&a",
        "&frac12;",
        "𝟙",
        "\\\\",
        "\\\\[",
        "\\frac",
        "\\frac{1}",
    ),
    *(
        "\\frac{1}{2}",
        "\\left(",
        "\\right)",
        "\\left",
        "\\begin{bmatrix}",
        "\\end{bmatrix}",
        "\\begin{array}{c}",
    ),
    *(
        "\\begin ",
        "\\phantom{",
        "\\boxed",
        "\\cr",
        "\\rho_1",
        "\\pmatrix{1}",
        "\\quad ",
        "1&2\\\\",
        "*{20}{c}",
    ),
    *(
        "R1+",
        "R1 ",
        "row 1 and ",
        "II",
        "sqrt(",
        "c(",
        "c(1),",
        "array(",
        "columns 1\n1\n",
        "1\n1\n\n",
        "(1/2)",
        "- 1",
    ),
]
FRAMES = [
    ("", ""),
    ("[1]", "x"),
    ("a", "![1]"),
    ("[", "]"),
    ("[[", "]]"),
    ("((((((((((", "))))))))))"),
    ("\\begin{bmatrix}", "\\end{bmatrix}"),
    ("\\begin{array}{", "}1\\end{array}"),
    ("R1 + ", " R2"),
    ("1 2\n3 4\n", ""),
    ("<", ">"),
    ("A = ", ";"),
]


def hostile(length: int, frames: int = len(FRAMES)) -> dict[str, str]:
    """Every text, about as long as asked for, by a name for it; in the first frames, if told."""
    return {
        f"{before!r} + {piece!r} … + {after!r}": before + piece * (length // len(piece)) + after
        for before, after in FRAMES[:frames]
        for piece in PIECES
    }


QUESTION = make_question("next", seed=1, difficulty="easy")
START = Derivation(exact([[1, 2], [3, 4]]))
READERS: dict[str, Callable[[str], object]] = {
    "parse_matrix": parse_matrix,
    "parse_parametric": parse_parametric,
    "parse_cells": lambda text: parse_cells([[text]]),
    "parse_operation": lambda text: parse_operation(text, 3),
    "an entry of exact": lambda text: exact([[text]]),
    "quiz.judge": lambda text: judge(QUESTION, text),
    "query.decode": lambda text: decode(f"m={text}"),
    "query.decode_moves, coded": lambda text: decode_moves(START, f"v1.{text}"),
    "query.decode_moves, typed": lambda text: decode_moves(START, text),
    "hub_id": hub_id,
    "hub_file": hub_file,
    "names of tensors": lambda text: (place(text), from_gguf(text), order(text)),
    "names of uploads": plain,
}
