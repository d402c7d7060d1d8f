"""Derivations as data: undo, redo, and a code for links that loses nothing and trusts nobody."""

import contextlib
from fractions import Fraction
from urllib.parse import parse_qs, urlencode

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lowrank.errors import InputError
from lowrank.exact.derivation import (
    LONGEST,
    MOST_MOVES,
    Derivation,
    decode,
    decode_ops,
    encode,
    encode_ops,
    reasons,
)
from lowrank.exact.elimination import reduced_echelon, steps
from lowrank.exact.matrices import Matrix, RowOp, add, apply, exact, scale, swap
from lowrank.exact.moves import is_echelon, is_reduced_echelon, same_row_space

A = exact([[2, 4, 1], [3, 7, 0], [1, 1, 1]])
FACTORS = st.fractions(-9, 9, max_denominator=12).filter(bool)
ENTRIES = st.integers(-9, 9) | st.fractions(-3, 3, max_denominator=5)


@st.composite
def derivations(draw: st.DrawFn) -> Derivation:
    """Any legal moves on any small matrix, some of them the textbook's, and any position."""
    m, n = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    start = exact(draw(st.lists(st.lists(ENTRIES, min_size=n, max_size=n), min_size=m, max_size=m)))
    d = Derivation(start, reduced=draw(st.booleans()))
    for _ in range(draw(st.integers(0, 8))):
        d = d.do(draw(moves(d.matrix)))
        for _ in range(draw(st.integers(0, 3))):
            if hint := d.hint():
                d = d.do(hint.op)
    return d.at(draw(st.integers(0, len(d.ops))))


def moves(B: Matrix) -> st.SearchStrategy[RowOp]:
    """Any operation on B, with a good share of those that clear an entry or make a 1."""
    rows = st.integers(0, len(B) - 1)
    kinds = [st.builds(scale, rows, FACTORS)]
    kinds += [st.just(scale(i, 1 / x)) for i, row in enumerate(B) for x in row[:2] if x]
    if len(B) > 1:
        pair = st.permutations(range(len(B))).map(lambda p: p[:2])
        kinds += [pair.map(lambda p: swap(*p))]
        kinds += [st.tuples(pair, FACTORS).map(lambda t: add(*t[0], t[1]))]
        kinds += [
            st.just(add(i, j, -B[i][c] / B[j][c]))
            for i in range(len(B))
            for j in range(len(B))
            for c in range(len(B[0]))
            if i != j and B[i][c] and B[j][c]
        ]
    return st.one_of(kinds)


@given(derivations())
def test_a_link_brings_back_the_same_derivation(d):
    assert decode(encode(d)) == d


@given(derivations())
def test_finish_reaches_the_goal_from_anywhere_and_keeps_the_row_space(d):
    done = d.finish()
    assert (is_reduced_echelon if d.reduced else is_echelon)(done.matrix)
    assert same_row_space(d.start, done.matrix)
    assert done.ops[: d.position] == d.ops[: d.position]
    assert done.hint() is None


@given(derivations())
def test_undo_and_redo_only_move(d):
    assert d.undo().ops == d.redo().ops == d.ops
    assert d.position == 0 or d.undo().redo() == d
    assert d.position == len(d.ops) or d.redo().undo() == d
    assert d.matrices()[d.position] == d.matrix
    assert len(reasons(d)) == len(d.ops)


def test_a_move_after_undo_drops_what_was_undone():
    d = Derivation(A).do(swap(0, 1)).do(scale(0, 2)).undo().do(scale(1, 3))
    assert d.ops == (swap(0, 1), scale(1, 3))
    assert d.position == 2


def random_integers(seed: int, m: int = 12, n: int = 12) -> Matrix:
    return exact(np.random.default_rng(seed).integers(-99, 100, (m, n)).tolist())


def in_another_order(B: Matrix, rng: np.random.Generator) -> Derivation:
    """A whole reduction column by column, each pivot, and the rows it clears, taken at random."""
    d, row = Derivation(B, reduced=True), 0
    for column in range(len(B[0])):
        M = d.matrix
        candidates = [i for i in range(row, len(M)) if M[i][column]]
        if not candidates:
            continue
        chosen = int(rng.choice(candidates))
        if chosen != row:
            d = d.do(swap(chosen, row))
        d = d.do(scale(row, 1 / d.matrix[row][column]))
        for i in rng.permutation(len(M)).tolist():
            if i != row and d.matrix[i][column]:
                d = d.do(add(i, row, -d.matrix[i][column]))
        row += 1
    return d


@pytest.mark.parametrize("seed", range(3))
def test_a_whole_reduction_of_12_by_12_fits_a_link(seed):
    textbook = Derivation(random_integers(seed), reduced=True).finish()
    assert len(textbook.ops) >= 130
    assert len(encode(textbook)) < 1000
    other = in_another_order(random_integers(seed), np.random.default_rng(seed))
    assert other.matrix == reduced_echelon(other.start)
    assert len(encode(other)) < 2000
    assert decode(encode(other)) == other


def test_sixty_arbitrary_moves_on_12_by_12_fit_a_link():
    rng = np.random.default_rng(5)
    d = Derivation(random_integers(5))
    for _ in range(60):
        i, j = rng.permutation(12)[:2].tolist()
        over, under = (int(x) for x in rng.integers(1, 100, 2))
        factor = Fraction(over, under) * (-1) ** over
        d = d.do([swap(i, j), scale(i, factor), add(i, j, factor)][int(rng.integers(3))])
    assert len(encode(d)) < 2000
    assert decode(encode(d)) == d


def test_a_step_alone_stands_on_the_textbooks_path():
    d = decode("m=2,4,1;3,7,0;1,1,1&step=2")
    assert [str(op) for op in d.ops] == [str(step.op) for step in steps(A)][:2]
    assert d.position == 2
    assert decode("m=2,4,1;3,7,0;1,1,1&step=999").hint() is None


def test_typed_operations_of_older_links_are_read():
    assert decode_ops(A, "R1 <-> R2\nR3 - 1/3 R1; R2/2") == (
        swap(0, 1),
        add(2, 0, Fraction(-1, 3)),
        scale(1, Fraction(1, 2)),
    )


def test_every_token_means_what_is_documented():
    for token, op in {
        "N1": add(1, 0, Fraction(-3, 2)),
        "S12": swap(0, 1),
        "P2": scale(1, Fraction(1, 3)),
        "C31": add(2, 0, Fraction(-1, 2)),
        "C133": add(0, 2, -1),
        "M2-3_2": scale(1, Fraction(-3, 2)),
        "A314": add(2, 0, 4),
    }.items():
        assert decode_ops(A, f"v1.{token}") == (op,)


@pytest.mark.parametrize(
    ("ops", "said"),
    [
        ("v2.N1", "this app reads 'v1.'"),
        ("v", "this app reads"),
        ("v1.Nzzz", "nothing is left to do"),
        ("v1.C31X", "breaks off after move 1: 'X'"),
        ("v1.C3", "breaks off after move 0"),
        ("v1.S11", "names row 1 and 1"),
        ("v1.P9", "names row 9 of 3 rows"),
        ("v1.C23", None),
        ("v1.C233", "divides by an entry that is 0"),
        ("v1.C23z", "divides by an entry that is 0"),
        ("v1.M20", "a factor that is 0"),
        ("v1.M21_0", "divides by 0"),
        ("v1.M2" + "9" * 2000, "over 100 digits"),
        ("v1." + "S12" * 1200, "more than 1,000 moves"),
        ("v1." + "S12" * 9000, "characters of moves"),
        ("v1." + ("M1" + "9" * 99) * 30, None),
        ("R1 - R9", "Move 1 of the link"),
        ("R1 + R2;" * 400 + "hello", "Move 401 of the link"),
        ("<script>", "Move 1 of the link"),
    ],
)
def test_a_broken_or_hostile_link_is_one_sentence(ops, said):
    link = urlencode({"m": "2,4,1;3,7,0;1,1,1", "ops": ops})
    if said is None:
        assert decode(link).ops
        return
    with pytest.raises(InputError, match=r"\.$|…$") as caught:
        decode(link)
    assert said in str(caught.value)


def test_numbers_that_would_grow_for_ever_are_stopped():
    grows = "v1." + "".join(f"M{1 + k % 3}{'7' * 60}_{'3' * 59}A1{2 + k % 2}7_3" for k in range(30))
    with contextlib.suppress(InputError):
        decode_ops(A, grows)
    d = Derivation(A, (add(0, 1, 10**90), add(1, 0, 10**90)) * (MOST_MOVES // 2))
    with pytest.raises(InputError, match="too long to go on"):
        d.matrices()


@settings(max_examples=150)
@given(
    st.text(max_size=40)
    | st.text("NSPCMA123z-_.", max_size=60).map("v1.".__add__)
    | st.lists(st.sampled_from(["N1", "N9", "S12", "P1", "C21", "C213", "M1-7_3", "A12-9_7"])).map(
        lambda tokens: "v1." + "".join(tokens)
    )
)
def test_any_text_is_moves_or_an_error_of_ours(text):
    with contextlib.suppress(InputError):
        ops = decode_ops(A, text)
        assert decode_ops(A, encode_ops(A, ops)) == ops


@given(st.text(max_size=80) | st.text("m=123,;&step=ops%vNSPCMA", max_size=80))
def test_any_query_is_a_derivation_or_an_error_of_ours(query):
    with contextlib.suppress(InputError):
        decode(query)


def test_what_a_derivation_cannot_be_is_said():
    with pytest.raises(InputError, match="Position 1 is not among 0 to 0"):
        Derivation(A, position=1)
    with pytest.raises(InputError, match="names a row"):
        Derivation(A, (swap(0, 3),))
    with pytest.raises(InputError, match="at most 1,000"):
        Derivation(A, (swap(0, 1),) * (MOST_MOVES + 1))
    with pytest.raises(InputError, match="over 100 digits"):
        encode(Derivation(A).do(scale(0, 10**100)))
    with pytest.raises(InputError, match="The link's step"):
        decode("m=1,2&step=-3")


def test_reasons_name_what_a_students_move_does():
    d = Derivation(A).do(swap(0, 2)).do(add(1, 0, -3)).do(scale(0, 5)).do(scale(0, Fraction(1, 5)))
    d = d.do(add(0, 1, 2))
    assert reasons(d) == [
        "Rows 1 and 3 change places.",
        "Clear the 3 below the pivot 1: 3 − 3 · 1 = 0.",
        "Multiplies row 1 by 5.",
        "Makes the first entry of row 1 that is not 0 a 1.",
        "Makes no entry 0: legal, since it can be taken back.",
    ]


def test_the_link_is_a_query_that_says_what_it_holds():
    d = Derivation(A, reduced=True).finish().at(2)
    assert parse_qs(encode(d)) == {
        "m": ["2,4,1;3,7,0;1,1,1"],
        "form": ["Reduced echelon"],
        "step": ["2"],
        "ops": ["v1.N6"] if len(d.ops) == 6 else [f"v1.N{len(d.ops)}"],
    }
    assert len(encode(d)) < LONGEST
    assert apply(d.ops[0], A) == d.matrices()[1]
