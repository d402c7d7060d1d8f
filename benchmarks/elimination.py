"""A whole derivation with its steps, beside others' reduced form alone; and large matrices.

python benchmarks/elimination.py   Random integer matrices in -9..9, several seeds; then rank and
reduced form of large ones. Each repeat times ours and every peer, one after the other, in processor
time, which a busy machine disturbs least. FLINT is a peer where python-flint is installed.
"""

import gc
import math
import statistics
import time
from collections.abc import Callable
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import common
import numpy as np
from sympy import QQ, ZZ, Matrix
from sympy.polys.matrices import DomainMatrix

try:
    import flint
except ImportError:
    flint = None

if TYPE_CHECKING:
    from lowrank.exact.derivation import Derivation

SEEDS = range(5)
LARGEST_ON_PAGE = 12
REPEATS = {12: 10, 40: 3}
LASTS = 0.005  # seconds of one measurement, at least: as many calls in a row as that takes
OURS = {
    "listed": "every operation: its rows, factor and pivot",
    "fractions": "the same, given rows of Fraction and not of int",
    "ops": "... and each as a RowOp with its Fraction",
    "matrices": "... and every matrix written out",
    "made": "(of that, making the fractions and nothing else)",
    "all": "... and every sentence",
    "rref": "reduced echelon form only",
    "page": "a step on the Rank page: link read, drawn and written",
    "next": "... the next one, with what the session holds",
}
PEERS = {
    "Matrix": "sympy Matrix.rref()",
    "QQ": "sympy DomainMatrix.rref() over QQ",
    "FF": "sympy DomainMatrix.rref(method='FF'), fraction-free",
    "CD": "sympy DomainMatrix.rref(method='CD'), clear denominators",
    "FLINT": "python-flint fmpz_mat.rref(), integers over one denominator, in C",
}
LARGE = {  # what is asked of n x n, the rank it has
    "rank, 300 x 300": ("rank", 300, 300),
    "rank, 300 x 300 of rank 150": ("rank", 300, 150),
    "reduced form, 100 x 100 of rank 50": ("rref", 100, 50),
    "reduced form, 100 x 100 of rank 99": ("rref", 100, 99),
}


def page_step(own: "Derivation") -> None:
    """What the Reduce view computes for one step half way: place, reason, moves so far, link."""
    from lowrank.exact.elimination import pivots_in_place
    from lowrank.exact.moves import is_reduced_echelon
    from lowrank.exact.query import encode, reaching
    from lowrank.figures.exact import history_html, matrix_html, step_html

    k = len(own.whole.ops) // 2
    d = own.whole.at(k)
    is_reduced_echelon(d.matrix)
    step_html("", str(d.last.op), d.last.why)
    matrix_html(d.matrix, "The matrix", pivots_in_place(d.matrix), d.last.pivot)
    d = reaching(own, k)
    history_html([(str(step.op), step.why) for step in d.path], k)
    encode(d)


def runs(A: list[list[int]]) -> dict[str, Callable[[], Any]]:
    """Everything that is timed for one matrix; each side starts from its own kind of matrix."""
    from lowrank.exact.derivation import Derivation
    from lowrank.exact.elimination import exact, reduced_echelon, steps
    from lowrank.exact.query import decode_moves

    n, fractions = len(A), exact(A)
    path = list(steps(A, reduced=True))
    made = {id(x): x for step in path for i in step.op.changed for x in step.matrix[i]}
    pairs = [x.as_integer_ratio() for x in made.values() if x]  # those a row keeps count once
    symbolic, rational = Matrix(A), DomainMatrix([[QQ(x) for x in row] for row in A], (n, n), QQ)
    # A page takes no matrix as large as 40 x 40, nor a derivation as long.
    held = decode_moves(Derivation(fractions, reduced=True), "") if n <= LARGEST_ON_PAGE else None
    page = {
        "page": lambda: page_step(decode_moves(Derivation(fractions, reduced=True), "")),
        "next": lambda: page_step(held),
    }
    return (
        (page if held else {})
        | {
            "listed": lambda: list(steps(A, reduced=True)),
            "fractions": lambda: list(steps(fractions, reduced=True)),
            "ops": lambda: [step.op for step in steps(A, reduced=True)],
            "matrices": lambda: [(step.op, step.matrix) for step in steps(A, reduced=True)],
            "made": lambda: [Fraction(over, under) for over, under in pairs],
            "all": lambda: [(step.op, step.matrix, step.why) for step in steps(A, reduced=True)],
            "rref": lambda: reduced_echelon(A),
            "Matrix": lambda: symbolic.rref(),
            "QQ": lambda: rational.rref(),
            "FF": lambda: rational.rref(method="FF"),
            "CD": lambda: rational.rref(method="CD"),
        }
        | ({"FLINT": flint.fmpz_mat(A).rref} if flint else {})
    )


def agree(A: list[list[int]]) -> None:
    """Stop if the last matrix of the derivation is not sympy's reduced form."""
    from lowrank.exact.elimination import steps

    *_, last = steps(A, reduced=True)
    theirs, _ = Matrix(A).rref()
    assert [[(x.numerator, x.denominator) for x in row] for row in last.matrix] == [
        [(x.p, x.q) for x in row] for row in theirs.tolist()
    ]


def spent(run: Callable[[], Any], calls: int) -> float:
    """Processor seconds of one call, over so many in a row."""
    start = time.thread_time()
    for _ in range(calls):
        run()
    return (time.thread_time() - start) / calls


def large(what: str, n: int, r: int) -> dict[str, list[float]]:
    """Seconds of ours and of each peer for a rank or a reduced form, repeat by repeat."""
    from lowrank.exact.elimination import rank, reduced_echelon

    rng = np.random.default_rng(n + r)
    A = rng.integers(-9, 10, (n, n))
    if r < n:
        A = rng.integers(-3, 4, (n, r)) @ rng.integers(-3, 4, (r, n))
    entries = A.tolist()
    integers = DomainMatrix([[ZZ(x) for x in row] for row in entries], (n, n), ZZ)
    rational = integers.to_field()
    timed = {
        "rank": {"lowrank": lambda: rank(entries), "sympy": integers.rank},
        "rref": {
            "lowrank": lambda: reduced_echelon(entries),
            "sympy": lambda: rational.rref(method="CD"),
        },
    }[what]
    if flint:
        timed["FLINT"] = getattr(flint.fmpz_mat(entries), what)
    assert rank(entries) == r
    seconds: dict[str, list[float]] = {name: [] for name in timed}
    for _ in range(3):
        for name, run in timed.items():
            if not seconds[name] or seconds[name][0] < common.LONG:
                seconds[name].append(spent(run, 1))
    return seconds


def measured(n: int) -> dict[str, list[float]]:
    """Seconds of every run, repeat by repeat."""
    seconds: dict[str, list[float]] = {}
    for seed in SEEDS:
        A = np.random.default_rng(seed).integers(-9, 10, (n, n)).tolist()
        agree(A)
        timed = runs(A)
        calls = {name: math.ceil(LASTS / spent(run, 1)) for name, run in timed.items()}
        for _ in range(REPEATS[n]):
            for name, run in timed.items():
                seconds.setdefault(name, []).append(spent(run, calls[name]))
    return seconds


def main() -> None:
    """Print a table for each size, and keep the figures."""
    figures = {}
    for n in REPEATS:
        seconds = measured(n)
        domain = min("QQ", "FF", "CD", key=lambda name: statistics.median(seconds[name]))
        count = f"{len(SEEDS)} matrices x {REPEATS[n]} repeats"
        print(f"{n} x {n}, integers in -9..9, medians of {count}")
        for name, words in PEERS.items():
            if name not in seconds:
                continue
            print(f"  {words:<55} {statistics.median(seconds[name]) * 1e3:8.3f} ms")
        print(f"  lowrank, reduced form{'':36}{'':11}Matrix.rref   {domain}")
        for name, words in OURS.items():
            if name not in seconds:
                continue
            median = statistics.median(seconds[name]) * 1e3
            beside = [common.ratio(seconds[peer], seconds[name]) for peer in ("Matrix", domain)]
            print(f"    {words:<53} {median:8.3f} ms {beside[0]:7.2f} x {beside[1]:7.2f} x")
        figures[n] = {
            "ms": {name: 1e3 * taken for name, taken in common.medians(seconds).items()},
            "fastest": domain,
            "times as long": {
                peer: {
                    name: common.ratio(seconds[peer], seconds[name])
                    for name in OURS
                    if name in seconds
                }
                for peer in PEERS
                if peer in seconds
            },
        }
    print("x: how many times as long the peer takes, of the same matrix in the same repeat.")
    figures["large"] = {}
    for name, (what, n, r) in LARGE.items():
        taken = common.medians(large(what, n, r))
        figures["large"][name] = taken
        print(f"{name:<36} " + ", ".join(f"{who} {s:.3f} s" for who, s in taken.items()))
    common.save("elimination", figures, ["sympy", "python-flint"])


if __name__ == "__main__":
    gc.disable()  # as timeit does
    main()
