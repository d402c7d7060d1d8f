"""Derivations as data: undo, redo, and a code for links that loses nothing and trusts nobody."""

from fractions import Fraction
from urllib.parse import parse_qs, parse_qsl, urlencode

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lowrank.errors import InputError
from lowrank.exact.derivation import MOST_MOVES, Derivation
from lowrank.exact.elimination import Step, reduced_echelon, steps
from lowrank.exact.matrices import Matrix, RowOp, add, apply, exact, scale, swap
from lowrank.exact.moves import is_echelon, is_reduced_echelon, parse_operation, same_row_space
from lowrank.exact.parsing import compact, parse_matrix
from lowrank.exact.query import LONGEST, decode, decode_moves, encode, encode_moves
from tests.outcomes import taken_or_refused

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
def test_every_place_on_the_path_is_what_applying_the_operations_gives(d):
    B = d.start
    for k, (op, step) in enumerate(zip(d.ops, d.path, strict=True)):
        hint = Derivation(B, reduced=True).hint()
        textbook = hint is not None and hint.op == op
        assert isinstance(step, Step) == textbook
        assert step.pivot == (hint.pivot if textbook else None)
        B = apply(op, B)
        assert step.op == op
        assert step.matrix == d.at(k + 1).matrix == B
        assert d.at(k + 1).last is step
        assert step.why.endswith(".")
        if textbook:
            assert step.why == hint.why
    fresh = Derivation(d.start, d.ops)
    assert [step.matrix for step in fresh.path] == [step.matrix for step in d.path]
    assert [step.why for step in fresh.path] == [step.why for step in d.path]


@given(derivations())
def test_whole_is_the_same_and_then_the_textbook(d):
    missing = tuple(step.op for step in steps(d.at(len(d.ops)).matrix, d.reduced))
    assert d.whole == Derivation(d.start, d.ops + missing, d.position, d.reduced)


@given(derivations())
def test_undo_and_redo_only_move(d):
    assert d.undo().ops == d.redo().ops == d.ops
    assert d.position == 0 or d.undo().redo() == d
    assert d.position == len(d.ops) or d.redo().undo() == d


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
    assert decode_moves(Derivation(A), "R1 <-> R2\nR3 - 1/3 R1; R2/2").ops == (
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
        assert decode_moves(Derivation(A), f"v1.{token}").ops == (op,)


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
        ("v1.C233", "divides by an entry that is 0"),
        ("v1.C23z", "divides by an entry that is 0"),
        ("v1.M20", "a factor that is 0"),
        ("v1.M21_0", "divides by 0"),
        ("v1.M2" + "9" * 2000, "over 100 digits"),
        ("v1." + "S12" * 1200, "more than 1,000 moves"),
        ("v1." + "S12" * 9000, "characters of moves"),
        ("R1 - R9", "Move 1 of the link"),
        ("R1 + R2;" * 400 + "hello", "Move 401 of the link"),
        ("<script>", "Move 1 of the link"),
    ],
)
def test_a_broken_or_hostile_link_is_one_sentence(ops, said):
    link = urlencode({"m": "2,4,1;3,7,0;1,1,1", "ops": ops})
    with pytest.raises(InputError, match=r"\.$|…$") as caught:
        decode(link)
    assert said in str(caught.value)


def test_long_factors_are_read_to_the_last_digit():
    assert decode_moves(Derivation(A), "v1.C23").ops == (add(1, 2, -3),)
    nines = 10**99 - 1
    d = decode_moves(Derivation(A), "v1." + ("M1" + "9" * 99) * 30)
    assert d.ops == (scale(0, nines),) * 30
    assert d.matrix[0] == tuple(x * nines**30 for x in A[0])
    assert d.matrix[1:] == A[1:]


def test_numbers_that_would_grow_for_ever_are_stopped():
    ops = (add(0, 1, 10**90), add(1, 0, 10**90)) * (MOST_MOVES // 2)
    with pytest.raises(InputError, match="too long to go on"):
        _ = Derivation(A, ops).path
    grows = "v1." + f"A12{10**90}A21{10**90}" * 20  # 30 times the entries' length each
    d = decode_moves(Derivation(A), grows)
    assert d.ops == ops[:40]


SPARSE = exact([[0, 0, 1], [1, 2, 3], [0, 0, 0]])
LETTERS = st.sampled_from("123")
TOKENS = st.one_of(
    st.just("N1"),
    st.sampled_from(["S12", "S23", "S31", "M1-7_3", "M25", "A12-9_7", "A312"]),
    st.builds("P{}".format, LETTERS),
    st.permutations("123").map(lambda p: f"C{p[0]}{p[1]}"),
    st.tuples(st.permutations("123"), LETTERS).map(lambda t: f"C{t[0][0]}{t[0][1]}{t[1]}"),
)


def meaning(token: str, B: Matrix) -> RowOp | None:
    """What a token does to B as the format's page says it, or None where it cannot be done."""
    kind, i, rest = token[0], int(token[1]) - 1, token[2:]
    if kind == "N":
        step = Derivation(B, reduced=True).hint()
        return step.op if step else None
    if kind == "S":
        return swap(i, int(rest) - 1)
    if kind == "M":
        return scale(i, Fraction(rest.replace("_", "/")))
    if kind == "P":
        filled = [x for x in B[i] if x]
        return scale(i, 1 / filled[0]) if filled else None
    j, more = int(rest[0]) - 1, rest[1:]
    if kind == "A":
        return add(i, j, Fraction(more.replace("_", "/")))
    filled = [c for c, x in enumerate(B[j]) if x]
    c = int(more) - 1 if more else filled[0] if filled else 0
    return add(i, j, -B[i][c] / B[j][c]) if B[j][c] and B[i][c] else None


@given(st.lists(TOKENS, max_size=12), st.sampled_from([A, SPARSE]))
def test_code_means_what_its_page_says_and_is_refused_where_it_cannot_be_done(tokens, start):
    expected, B = [], start
    for token in tokens:
        op = meaning(token, B)
        if op is None:
            with pytest.raises(InputError, match=r"nothing is left to do|divides by an entry"):
                decode_moves(Derivation(start), "v1." + "".join(tokens))
            return
        expected.append(op)
        B = apply(op, B)
    d = decode_moves(Derivation(start), "v1." + "".join(tokens) if tokens else "")
    assert d.ops == tuple(expected)
    assert d.matrix == B
    assert decode_moves(Derivation(start), encode_moves(d)) == d


def test_a_count_means_as_many_single_steps():
    B = random_integers(1)
    for count in (1, 3, 4, 60):
        counted = decode_moves(Derivation(B), f"v1.N{np.base_repr(count, 36).lower()}")
        assert counted.ops == tuple(step.op for step in steps(B, reduced=True))[:count]
        assert counted == decode_moves(Derivation(B), "v1." + "N1" * count)


CODE = st.lists(TOKENS | st.text("NSPCMA123z-_.", max_size=2), max_size=6)
TYPED = st.sampled_from(["R1 <-> R2", "2 R3", "R2 - 3/2 R1", "", "R1", "R4", "v"])


@pytest.mark.parametrize(
    "texts",
    [
        (st.text(max_size=40) | st.lists(TYPED, max_size=4).map(";".join)).filter(
            lambda text: text.strip("; ")
        ),
        CODE.map(lambda parts: "v1." + "".join(parts)),
    ],
    ids=["typed", "coded"],
)
def test_any_text_is_moves_or_an_error_of_ours(texts):
    def does_what_it_says(text, d):
        assert d.position == len(d.ops)
        if not text.strip().startswith("v"):
            lines = [line for line in text.replace(";", "\n").split("\n") if line.strip()]
            assert d.ops == tuple(parse_operation(line, 3) for line in lines)
        B = A
        for op in d.ops:
            B = apply(op, B)
        assert d.matrix == B
        assert decode_moves(Derivation(A), encode_moves(d)) == d

    taken_or_refused(
        texts,
        lambda text: decode_moves(Derivation(A), text),
        does_what_it_says,
        refusal=InputError,
        examples=100,
    )


@given(
    st.fixed_dictionaries(
        {"m": st.text("123 ,;x", max_size=12), "step": st.text("0123-", max_size=5)},
        optional={"form": st.sampled_from(["Echelon", "Reduced echelon", "?"])},
    )
)
def test_a_query_is_read_part_by_part(parts):
    try:
        start = parse_matrix(parts["m"])
    except InputError:
        with pytest.raises(InputError):
            decode(urlencode(parts))
        return
    if parts["step"] and not (parts["step"].isdigit() and len(parts["step"]) <= 4):
        with pytest.raises(InputError, match="The link's step is"):
            decode(urlencode(parts))
        return
    d = decode(urlencode(parts))
    path = tuple(steps(start, reduced=parts.get("form") == "Reduced echelon"))
    step = min(int(parts["step"] or "0"), len(path))
    assert d == Derivation(
        start, tuple(s.op for s in path[:step]), step, parts.get("form") == "Reduced echelon"
    )


PARTS = ["m=1,2;3,4", "m=1%202", "m=x", "step=1", "step=9", "ops=v1.N1", "ops=v1.S12", "form=?"]


def test_any_query_is_a_derivation_or_an_error_of_ours():
    def holds_its_matrix(query, d):
        m = [value for key, value in parse_qsl(query) if key == "m"][-1]
        assert compact(d.start) == compact(parse_matrix(m))
        assert decode(encode(d)) == d

    texts = st.text(max_size=80) | st.text("m=123,;&step=ops%vNSPCMA", max_size=80)
    parts = st.lists(st.sampled_from(PARTS) | st.text("m=12,;%", max_size=5), max_size=5)
    queries = texts | parts.map("&".join)
    taken_or_refused(queries, decode, holds_its_matrix, refusal=InputError, examples=200)


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
    assert [step.why for step in d.path] == [
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
    assert apply(d.ops[0], A) == d.path[0].matrix
