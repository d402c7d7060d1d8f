"""Questions about rank, low-rank products, truncation and spectra, each drawn and computed.

A maker takes a `Draw` and gives what is asked, the right answer, and the wrong ones with the
misconception behind each.
"""

from collections.abc import Sequence
from fractions import Fraction
from math import exp

from lowrank.exact.elimination import rank
from lowrank.exact.matrices import Matrix, written
from lowrank.exact.subspaces import dependencies, listed
from lowrank.language import enumerated, joined
from lowrank.language import gettext as _
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
    return enumerated([f"({', '.join(map(written, row))})" for row in A])


def rank_of_rows(draw: Draw) -> Asked:
    m, n, r = draw.pick(((3, 4, 2), (3, 4, 1), (3, 5, 2), (4, 5, 2), (4, 3, 2)))
    A = make_varied(draw.below(10**6), m, n, r, "easy").matrix
    return Asked(
        _("A has the rows {rows}. What is its rank?").format(rows=rows_in_words(A)),
        (
            f"{rank(A)}",
            _("Echelon form has so many non-zero rows. {dependent}").format(
                dependent=listed(dependencies(A))
            ),
        ),
        [
            (f"{m}", _("Counts the rows. A row that is a combination of others does not count.")),
            (f"{n}", _("Counts the columns. Those are independent no more often than the rows.")),
            (f"{r + 1}", _("Strikes out too few rows: what is left still makes one of them.")),
            (f"{m - r}", _("Counts the rows that become zero; the rank counts those that do not.")),
        ],
    )


def most_rank(draw: Draw) -> Asked:
    m, n = draw.sample((2, 3, 4, 5, 6, 7, 8, 9), 2)
    return Asked(
        _("A matrix has {m} rows and {n} columns. What is the largest rank it can have?").format(
            m=m, n=n
        ),
        (f"{min(m, n)}", _("Row rank and column rank are equal, so the smaller side bounds both.")),
        [
            (
                f"{max(m, n)}",
                _(
                    "Takes the larger side: so many rows or columns cannot be "
                    "independent where the others are fewer."
                ),
            ),
            (f"{m + n}", _("Counts rows and columns together; they share one rank.")),
            (f"{m * n}", _("Counts the entries. The rank counts rows, not numbers.")),
        ],
    )


def free_unknowns(draw: Draw) -> Asked:
    n = draw.pick((5, 6, 7, 8))
    m = n - draw.pick((1, 2))
    r = m - draw.pick((1, 2))
    return Asked(
        _(
            "A has {m} rows, {n} columns and rank {r}. How many unknowns of A x = 0 "
            "can be chosen freely?"
        ).format(m=m, n=n, r=r),
        (f"{n - r}", _("One for each column without a pivot.")),
        [
            (
                f"{m - r}",
                _("Counts the rows that became zero; free are the columns without pivot."),
            ),
            (f"{r}", _("Counts the pivots: those unknowns are the ones that are determined.")),
            (
                f"{n - m}",
                _("Takes every row for a condition; rows that are combinations add none."),
            ),
            (f"{n}", _("Counts all unknowns; each pivot determines one.")),
        ],
    )


def rank_of_product(draw: Draw) -> Asked:
    m, n = draw.sample(SIDES, 2)
    k = draw.pick((2, 3, 4, 5, 6))
    return Asked(
        _("C is {m} × {k} and R is {k} × {n}. What is the largest rank that C R can have?").format(
            m=m, k=k, n=n
        ),
        (f"{k}", _("Every row of C R is a combination of the rows of R, and there are no more.")),
        [
            (f"{min(m, n)}", _("Looks at the shape of the product only; its rows come from few.")),
            (
                f"{2 * k}",
                _(
                    "Adds the ranks of the factors; the rank of a product is at most "
                    "the smaller of them."
                ),
            ),
            (f"{k * k}", _("Multiplies the ranks of the factors.")),
        ],
    )


def numbers_of_product(draw: Draw) -> Asked:
    m, n = draw.sample(SIDES, 2)
    k = draw.pick((2, 3, 4, 5, 6))
    return Asked(
        _(
            "A is {m} × {n} and is kept as C R with C {m} × {k} and R {k} × {n}. How "
            "many numbers is that?"
        ).format(m=m, n=n, k=k),
        (f"{parameters(m, n, k):,}", _("{k} · ({m} + {n}).").format(k=k, m=m, n=n)),
        [
            (f"{m * n:,}", _("Counts the entries of A, which are not kept any more.")),
            (
                f"{k * m * n:,}",
                _("Multiplies the sides. C and R stand side by side: they are added."),
            ),
            (
                f"{k * k:,}",
                _("Counts as if both sides had shrunk to the rank; one of each is long."),
            ),
        ],
    )


def rank_one_entry(draw: Draw) -> Asked:
    a, c = draw.sample((1, 2, 3, 4, 5), 2)
    k = draw.pick((2, 3, 4, -2, -3))
    b, hidden = a * k, c * k
    A = tuple(tuple(map(Fraction, row)) for row in ((a, b), (c, hidden)))
    assert rank(A) == 1
    return Asked(
        _("A matrix of rank 1 has the rows {rows} and ({c}, ?). What is hidden?").format(
            rows=rows_in_words(A[:1]), c=c
        ),
        (
            written(Fraction(hidden)),
            _("The second row is {factor} of the first.").format(factor=written(Fraction(c, a))),
        ),
        [
            (
                written(Fraction(b + c - a)),
                _("Adds the same to both entries. In rank 1 rows are multiples of one another."),
            ),
            (written(Fraction(b)), _("Copies the entry above, as if the rows were equal.")),
            (
                _("It cannot be told."),
                _("One equation is left for it, a multiple, and that is enough."),
            ),
        ],
    )


def entries_needed(draw: Draw) -> Asked:
    m, n = draw.sample(SIDES, 2)
    r = draw.pick((2, 3, 4, 5))
    return Asked(
        _(
            "A {m} × {n} matrix has rank {r}. Fewer than how many known entries can "
            "never determine the others?"
        ).format(m=m, n=n, r=r),
        (
            f"{degrees_of_freedom(m, n, r):,}",
            _("{r} · ({m} + {n} − {r}): it is made of so many free numbers.").format(r=r, m=m, n=n),
        ),
        [
            (
                f"{r * (m + n):,}",
                _(
                    "Counts all of C and R. {count} of their numbers can be chosen "
                    "at will: the product stays the same."
                ).format(count=r * r),
            ),
            (f"{m * n:,}", _("Takes every entry for free. Rows are combinations of a few.")),
            (f"{r * min(m, n):,}", _("Counts one factor only.")),
            (f"{r}", _("Takes the rank for a number of entries.")),
        ],
    )


def best_rank_for_hidden(draw: Draw) -> Asked:
    best = draw.pick((2, 3, 4))
    hidden = [20 + 9 * abs(k - best) + draw.below(5) for k in range(1, 7)]
    known = sorted((3 + 4 * draw.below(9) + k for k in range(6)), reverse=True)
    right = 1 + hidden.index(min(hidden))
    said, seen = (in_words([f"{x} %" for x in errors]) for errors in (hidden, known))
    return Asked(
        _(
            "A matrix with hidden entries is completed at rank 1, 2, …, 6. The error "
            "on entries kept aside is {hidden}; on the known ones {known}. Which "
            "rank is the one to take?"
        ).format(hidden=said, known=seen),
        (f"{right}", _("There the entries that were not seen are told best.")),
        [
            ("6", _("Takes the rank that fits the known entries best. It fits their noise, too.")),
            ("1", _("Takes the smallest rank, whatever it misses.")),
            (
                f"{right + 1}",
                _("Stops one too late: the error on the entries kept aside has risen."),
            ),
        ],
    )


def spectrum(draw: Draw, n: int) -> list[int]:
    """n different singular values, the largest first."""
    return sorted(draw.sample(range(1, 13), n), reverse=True)


def in_words(s: Sequence[object]) -> str:
    return joined(map(str, s), _("{first}, {last}"))


def error_of_truncation(draw: Draw) -> Asked:
    s, k = spectrum(draw, 5), draw.pick((1, 2, 3))
    tail = s[k:]
    return Asked(
        _(
            "A has the singular values {values}. How far, in the Frobenius norm, is "
            "the best matrix of rank {k} from it?"
        ).format(values=in_words(s), k=k),
        (
            f"{truncation_error(s, k):.4g}",
            _("The root of the sum of the squares that are left out."),
        ),
        [
            (
                f"{sum(tail)}",
                _("Adds the values left out. Directions are orthogonal: squares add."),
            ),
            (
                f"{truncation_error(s, k, norm='spectral'):g}",
                _("Takes the first value left out: that is the distance in the spectral norm."),
            ),
            (f"{sum(x * x for x in tail)}", _("Forgets the root.")),
        ],
    )


def energy_kept(draw: Draw) -> Asked:
    s, k = spectrum(draw, 4), draw.pick((1, 2))
    return Asked(
        _(
            "A has the singular values {values}. What share of its energy does rank {k} keep?"
        ).format(values=in_words(s), k=k),
        (f"{energy(s, k):.1%}", _("Energy is the sum of squares.")),
        [
            (f"{sum(s[:k]) / sum(s):.1%}", _("Adds the values themselves; energy adds squares.")),
            (f"{k / len(s):.1%}", _("Counts directions, as if all were alike.")),
            (f"{1 - energy(s, k):.1%}", _("This is the share that is lost.")),
        ],
    )


def numbers_of_truncation(draw: Draw) -> Asked:
    m, n = draw.pick(((576, 1536), (192, 576), (4096, 11008), (1024, 4096), (2048, 8192)))
    k = draw.pick((16, 32, 64))
    kept = parameters(m, n, k) / (m * n)
    return Asked(
        _(
            "A matrix of {m} × {n} is replaced by two factors of rank {k}. What "
            "share of its numbers is left to store?"
        ).format(m=m, n=n, k=k),
        (f"{kept:.1%}", _("{k} · ({m} + {n}) of {m} · {n}.").format(k=k, m=m, n=n)),
        [
            (
                f"{k / min(m, n):.1%}",
                _("Takes the share of the rank for the share of the numbers."),
            ),
            (
                f"{k * k / (m * n):.1%}",
                _("Counts a square of the rank: the factors keep a long side."),
            ),
            (f"{k * max(m, n) / (m * n):.1%}", _("Counts one of the two factors.")),
        ],
    )


def break_even(draw: Draw) -> Asked:
    m, n = draw.pick(((576, 1536), (192, 576), (4096, 11008), (1024, 4096), (2048, 8192)))
    return Asked(
        _(
            "Up to about which rank do two factors hold fewer numbers than the {m} × {n} matrix?"
        ).format(m=m, n=n),
        (f"{break_even_rank(m, n):.0f}", _("{m} · {n} / ({m} + {n}).").format(m=m, n=n)),
        [
            (
                f"{min(m, n)}",
                _(
                    "Any rank below the full one seems to save; but k · (m + n) "
                    "passes m · n before."
                ),
            ),
            (f"{min(m, n) // 2}", _("Half the rank is break-even of a square matrix only.")),
            (f"{(m + n) // 2}", _("Takes the mean of the sides, which is above the full rank.")),
        ],
    )


def stable_rank_of(draw: Draw) -> Asked:
    s = spectrum(draw, 4)
    return Asked(
        _(
            "A matrix has the singular values {values} and no others but zeros. What "
            "is its stable rank?"
        ).format(values=in_words(s)),
        (f"{stable_rank(s):.3g}", _("The sum of the squares, divided by the largest square.")),
        [
            (f"{len(s)}", _("Counts the values that are not zero: that is the rank.")),
            (
                f"{sum(s) / s[0]:.3g}",
                _("Divides the values; the stable rank divides their squares."),
            ),
            ("1", _("Counts the largest value only.")),
        ],
    )


def directions_for_energy(draw: Draw) -> Asked:
    s, level = spectrum(draw, 6), draw.pick((0.8, 0.9, 0.95))
    k = rank_at_energy(s, level)
    values = next(i for i in range(1, 7) if sum(s[:i]) >= level * sum(s))
    return Asked(
        _(
            "A matrix has the singular values {values}. How many directions are "
            "needed for {share:.0%} of its energy?"
        ).format(values=in_words(s), share=level),
        (f"{k}", _("So many of the largest squares reach that share of the sum of all squares.")),
        [
            (f"{values}", _("Adds values where energy adds squares.")),
            (f"{len(s)}", _("Takes all, as if each were as large as any other.")),
            (f"{k - 1}", _("Stops one too early: the share is not reached yet.")),
            (f"{k + 1}", _("Goes one too far: the share was reached before.")),
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
        _(
            "A has the singular values {values}, B has {others}. Both are cut to "
            "rank 1. Which keeps the larger share of its energy?"
        ).format(values=in_words(pair[0]), others=in_words(pair[1])),
        (
            best,
            _("A keeps {first}, B keeps {second}: it is the shape of the fall that counts.").format(
                first=shares[0], second=shares[1]
            ),
        ),
        [
            (other, _("Even values look like a strong matrix, but none of its directions can go.")),
            (_("Both keep as much."), _("The rank is the same; what is left out is not.")),
            (_("It depends on the singular vectors."), _("Energy depends on the values alone.")),
        ],
    )


def perplexity(draw: Draw) -> Asked:
    before = Fraction(20 + draw.below(20), 10)
    rise = Fraction(draw.pick((2, 3, 5, 7, 10)), 10)
    factor = exp(rise)
    return Asked(
        _(
            "After a cut the loss rises from {before:.1f} to {after:.1f} nats a "
            "token. By what is the perplexity multiplied?"
        ).format(before=float(before), after=float(before + rise)),
        (
            f"{factor:.3g}",
            _("Perplexity is e to the loss, so by exp({rise:.1f}).").format(rise=float(rise)),
        ),
        [
            (
                f"{float((before + rise) / before):.3g}",
                _("Divides the losses; perplexity is their exponential."),
            ),
            (f"{2 ** float(rise):.3g}", _("Takes nats for bits: 2 in place of e.")),
            (f"{float(rise):.3g}", _("Takes the difference of the losses for the factor.")),
        ],
    )


RANK = (rank_of_rows, most_rank, free_unknowns)
REDUNDANCY = (rank_of_product, numbers_of_product, rank_one_entry, entries_needed,
            best_rank_for_hidden)  # fmt: skip
TRUNCATION = (error_of_truncation, energy_kept, numbers_of_truncation, break_even)
SPECTRA = (stable_rank_of, directions_for_energy, better_to_cut, perplexity)
