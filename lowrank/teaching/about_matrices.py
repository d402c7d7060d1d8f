"""Questions about rank, low-rank products, truncation and spectra, each drawn and computed.

A maker takes a `Draw` and gives what is asked, the right answer, and the wrong ones with the
misconception behind each.
"""

from fractions import Fraction
from math import exp

from lowrank.exact.elimination import rank
from lowrank.exact.matrices import Matrix, written
from lowrank.exact.subspaces import dependencies, listed
from lowrank.spectra.measures import rank_at_energy, stable_rank
from lowrank.spectra.recovery import degrees_of_freedom
from lowrank.spectra.svd import break_even_rank, energy, parameters, truncation_error
from lowrank.teaching.choices import Asked
from lowrank.teaching.problems import Draw, make_varied

SIDES = (40, 50, 60, 80, 100, 120, 200, 300)


def rows_in_words(A: Matrix) -> str:
    """The rows of a matrix for a sentence.

    >>> rows_in_words(((Fraction(1), Fraction(-2)), (Fraction(0), Fraction(3))))
    '(1, −2) and (0, 3)'
    """
    rows = [f"({', '.join(map(written, row))})" for row in A]
    return " and ".join(filter(None, [", ".join(rows[:-1]), rows[-1]]))


def rank_of_rows(draw: Draw) -> Asked:
    m, n, r = draw.pick(((3, 4, 2), (3, 4, 1), (3, 5, 2), (4, 5, 2), (4, 3, 2)))
    A = make_varied(draw.below(10**6), m, n, r, "easy").matrix
    return Asked(
        f"A has the rows {rows_in_words(A)}. What is its rank?",
        (f"{rank(A)}", f"Echelon form has so many non-zero rows. {listed(dependencies(A))}"),
        [
            (f"{m}", "Counts the rows. A row that is a combination of others does not count."),
            (f"{n}", "Counts the columns. Those are independent no more often than the rows."),
            (f"{r + 1}", "Strikes out too few rows: what is left still makes one of them."),
            (f"{m - r}", "Counts the rows that become zero; the rank counts those that do not."),
        ],
    )


def most_rank(draw: Draw) -> Asked:
    m, n = draw.sample((2, 3, 4, 5, 6, 7, 8, 9), 2)
    return Asked(
        f"A matrix has {m} rows and {n} columns. What is the largest rank it can have?",
        (f"{min(m, n)}", "Row rank and column rank are equal, so the smaller side bounds both."),
        [
            (f"{max(m, n)}", "Takes the larger side: so many rows or columns cannot be independent "
                             "where the others are fewer."),
            (f"{m + n}", "Counts rows and columns together; they share one rank."),
            (f"{m * n}", "Counts the entries. The rank counts rows, not numbers."),
        ],
    )  # fmt: skip


def free_unknowns(draw: Draw) -> Asked:
    n = draw.pick((5, 6, 7, 8))
    m = n - draw.pick((1, 2))
    r = m - draw.pick((1, 2))
    return Asked(
        f"A has {m} rows, {n} columns and rank {r}. How many unknowns of A x = 0 can be chosen "
        "freely?",
        (f"{n - r}", "One for each column without a pivot."),
        [
            (f"{m - r}", "Counts the rows that became zero; free are the columns without pivot."),
            (f"{r}", "Counts the pivots: those unknowns are the ones that are determined."),
            (f"{n - m}", "Takes every row for a condition; rows that are combinations add none."),
            (f"{n}", "Counts all unknowns; each pivot determines one."),
        ],
    )


def rank_of_product(draw: Draw) -> Asked:
    m, n = draw.sample(SIDES, 2)
    k = draw.pick((2, 3, 4, 5, 6))
    return Asked(
        f"C is {m} × {k} and R is {k} × {n}. What is the largest rank that C R can have?",
        (f"{k}", "Every row of C R is a combination of the rows of R, and there are no more."),
        [
            (f"{min(m, n)}", "Looks at the shape of the product only; its rows come from few."),
            (f"{2 * k}", "Adds the ranks of the factors; the rank of a product is at most the "
                         "smaller of them."),
            (f"{k * k}", "Multiplies the ranks of the factors."),
        ],
    )  # fmt: skip


def numbers_of_product(draw: Draw) -> Asked:
    m, n = draw.sample(SIDES, 2)
    k = draw.pick((2, 3, 4, 5, 6))
    return Asked(
        f"A is {m} × {n} and is kept as C R with C {m} × {k} and R {k} × {n}. How many numbers is "
        "that?",
        (f"{parameters(m, n, k):,}", f"{k} · ({m} + {n})."),
        [
            (f"{m * n:,}", "Counts the entries of A, which are not kept any more."),
            (f"{k * m * n:,}", "Multiplies the sides. C and R stand side by side: they are added."),
            (f"{k * k:,}", "Counts as if both sides had shrunk to the rank; one of each is long."),
        ],
    )


def rank_one_entry(draw: Draw) -> Asked:
    a, c = draw.sample((1, 2, 3, 4, 5), 2)
    k = draw.pick((2, 3, 4, -2, -3))
    b, hidden = a * k, c * k
    A = tuple(tuple(map(Fraction, row)) for row in ((a, b), (c, hidden)))
    assert rank(A) == 1
    return Asked(
        f"A matrix of rank 1 has the rows {rows_in_words(A[:1])} and ({c}, ?). What is hidden?",
        (written(Fraction(hidden)), f"The second row is {written(Fraction(c, a))} of the first."),
        [
            (written(Fraction(b + c - a)), "Adds the same to both entries. In rank 1 rows are "
                                           "multiples of one another."),
            (written(Fraction(b)), "Copies the entry above, as if the rows were equal."),
            ("It cannot be told.", "One equation is left for it, a multiple, and that is enough."),
        ],
    )  # fmt: skip


def entries_needed(draw: Draw) -> Asked:
    m, n = draw.sample(SIDES, 2)
    r = draw.pick((2, 3, 4, 5))
    return Asked(
        f"A {m} × {n} matrix has rank {r}. Fewer than how many known entries can never determine "
        "the others?",
        (f"{degrees_of_freedom(m, n, r):,}", f"{r} · ({m} + {n} − {r}): it is made of so many free "
                                             "numbers."),
        [
            (f"{r * (m + n):,}", f"Counts all of C and R. {r * r} of their numbers can be "
                                 "chosen at will: the product stays the same."),
            (f"{m * n:,}", "Takes every entry for free. Rows are combinations of a few."),
            (f"{r * min(m, n):,}", "Counts one factor only."),
            (f"{r}", "Takes the rank for a number of entries."),
        ],
    )  # fmt: skip


def best_rank_for_hidden(draw: Draw) -> Asked:
    best = draw.pick((2, 3, 4))
    hidden = [20 + 9 * abs(k - best) + draw.below(5) for k in range(1, 7)]
    known = sorted((3 + 4 * draw.below(9) + k for k in range(6)), reverse=True)
    right = 1 + hidden.index(min(hidden))
    said = ", ".join(f"{x} %" for x in hidden)
    return Asked(
        f"A matrix with hidden entries is completed at rank 1, 2, …, 6. The error on entries kept "
        f"aside is {said}; on the known ones {', '.join(f'{x} %' for x in known)}. Which rank is "
        "the one to take?",
        (f"{right}", "There the entries that were not seen are told best."),
        [
            ("6", "Takes the rank that fits the known entries best. It fits their noise, too."),
            ("1", "Takes the smallest rank, whatever it misses."),
            (f"{right + 1}", "Stops one too late: the error on the entries kept aside has risen."),
        ],
    )


def spectrum(draw: Draw, n: int) -> list[int]:
    """n different singular values, the largest first."""
    return sorted(draw.sample(range(1, 13), n), reverse=True)


def in_words(s: list[int]) -> str:
    return ", ".join(map(str, s))


def error_of_truncation(draw: Draw) -> Asked:
    s, k = spectrum(draw, 5), draw.pick((1, 2, 3))
    tail = s[k:]
    return Asked(
        f"A has the singular values {in_words(s)}. How far, in the Frobenius norm, is the best "
        f"matrix of rank {k} from it?",
        (f"{truncation_error(s, k):.4g}", "The root of the sum of the squares that are left out."),
        [
            (f"{sum(tail)}", "Adds the values left out. Directions are orthogonal: squares add."),
            (f"{truncation_error(s, k, norm='spectral'):g}", "Takes the first value left out: that "
             "is the distance in the spectral norm."),
            (f"{sum(x * x for x in tail)}", "Forgets the root."),
        ],
    )  # fmt: skip


def energy_kept(draw: Draw) -> Asked:
    s, k = spectrum(draw, 4), draw.pick((1, 2))
    return Asked(
        f"A has the singular values {in_words(s)}. What share of its energy does rank {k} keep?",
        (f"{energy(s, k):.1%}", "Energy is the sum of squares."),
        [
            (f"{sum(s[:k]) / sum(s):.1%}", "Adds the values themselves; energy adds squares."),
            (f"{k / len(s):.1%}", "Counts directions, as if all were alike."),
            (f"{1 - energy(s, k):.1%}", "This is the share that is lost."),
        ],
    )


def numbers_of_truncation(draw: Draw) -> Asked:
    m, n = draw.pick(((576, 1536), (192, 576), (4096, 11008), (1024, 4096), (2048, 8192)))
    k = draw.pick((16, 32, 64))
    kept = parameters(m, n, k) / (m * n)
    return Asked(
        f"A matrix of {m} × {n} is replaced by two factors of rank {k}. What share of its numbers "
        "is left to store?",
        (f"{kept:.1%}", f"{k} · ({m} + {n}) of {m} · {n}."),
        [
            (f"{k / min(m, n):.1%}", "Takes the share of the rank for the share of the numbers."),
            (
                f"{k * k / (m * n):.1%}",
                "Counts a square of the rank: the factors keep a long side.",
            ),
            (f"{k * max(m, n) / (m * n):.1%}", "Counts one of the two factors."),
        ],
    )


def break_even(draw: Draw) -> Asked:
    m, n = draw.pick(((576, 1536), (192, 576), (4096, 11008), (1024, 4096), (2048, 8192)))
    return Asked(
        f"Up to about which rank do two factors hold fewer numbers than the {m} × {n} matrix?",
        (f"{break_even_rank(m, n):.0f}", f"{m} · {n} / ({m} + {n})."),
        [
            (f"{min(m, n)}", "Any rank below the full one seems to save; but k · (m + n) passes "
                             "m · n before."),
            (f"{min(m, n) // 2}", "Half the rank is break-even of a square matrix only."),
            (f"{(m + n) // 2}", "Takes the mean of the sides, which is above the full rank."),
        ],
    )  # fmt: skip


def stable_rank_of(draw: Draw) -> Asked:
    s = spectrum(draw, 4)
    return Asked(
        f"A matrix has the singular values {in_words(s)} and no others but zeros. What is its "
        "stable rank?",
        (f"{stable_rank(s):.3g}", "The sum of the squares, divided by the largest square."),
        [
            (f"{len(s)}", "Counts the values that are not zero: that is the rank."),
            (f"{sum(s) / s[0]:.3g}", "Divides the values; the stable rank divides their squares."),
            ("1", "Counts the largest value only."),
        ],
    )


def directions_for_energy(draw: Draw) -> Asked:
    s, level = spectrum(draw, 6), draw.pick((0.8, 0.9, 0.95))
    k = rank_at_energy(s, level)
    values = next(i for i in range(1, 7) if sum(s[:i]) >= level * sum(s))
    return Asked(
        f"A matrix has the singular values {in_words(s)}. How many directions are needed for "
        f"{level:.0%} of its energy?",
        (f"{k}", "So many of the largest squares reach that share of the sum of all squares."),
        [
            (f"{values}", "Adds values where energy adds squares."),
            (f"{len(s)}", "Takes all, as if each were as large as any other."),
            (f"{k - 1}", "Stops one too early: the share is not reached yet."),
            (f"{k + 1}", "Goes one too far: the share was reached before."),
        ],
    )


def better_to_cut(draw: Draw) -> Asked:
    flat = [8 + draw.below(5)] * 4
    steep = [20 + draw.below(8), *([2 + draw.below(3)] * 3)]
    pair = draw.sample((flat, steep), 2)
    best = "A" if energy(pair[0], 1) > energy(pair[1], 1) else "B"
    other = "B" if best == "A" else "A"
    shares = [f"{energy(s, 1):.0%}" for s in pair]
    return Asked(
        f"A has the singular values {in_words(pair[0])}, B has {in_words(pair[1])}. Both are cut "
        "to rank 1. Which keeps the larger share of its energy?",
        (
            best,
            f"A keeps {shares[0]}, B keeps {shares[1]}: it is the shape of the fall that counts.",
        ),
        [
            (other, "Even values look like a strong matrix, but none of its directions can go."),
            ("Both keep as much.", "The rank is the same; what is left out is not."),
            ("It depends on the singular vectors.", "Energy depends on the values alone."),
        ],
    )


def perplexity(draw: Draw) -> Asked:
    before = Fraction(20 + draw.below(20), 10)
    rise = Fraction(draw.pick((2, 3, 5, 7, 10)), 10)
    factor = exp(rise)
    return Asked(
        f"After a cut the loss rises from {float(before):.1f} to {float(before + rise):.1f} nats a "
        "token. By what is the perplexity multiplied?",
        (f"{factor:.3g}", f"Perplexity is e to the loss, so by exp({float(rise):.1f})."),
        [
            (f"{float((before + rise) / before):.3g}", "Divides the losses; perplexity is their "
                                                       "exponential."),
            (f"{2 ** float(rise):.3g}", "Takes nats for bits: 2 in place of e."),
            (f"{float(rise):.3g}", "Takes the difference of the losses for the factor."),
        ],
    )  # fmt: skip


RANK = (rank_of_rows, most_rank, free_unknowns)
REDUNDANCY = (rank_of_product, numbers_of_product, rank_one_entry, entries_needed,
            best_rank_for_hidden)  # fmt: skip
TRUNCATION = (error_of_truncation, energy_kept, numbers_of_truncation, break_even)
SPECTRA = (stable_rank_of, directions_for_energy, better_to_cut, perplexity)
