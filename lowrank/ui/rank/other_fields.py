"""Other fields: the same matrix modulo a prime, what it gives there, and where its rank falls."""

from collections.abc import Collection, Sequence
from fractions import Fraction

import streamlit as st

from lowrank.errors import InputError
from lowrank.exact.elimination import leading_columns, rank
from lowrank.exact.matrices import Matrix, raised, written
from lowrank.exact.modular import (
    MOST,
    FallingPrimes,
    StepMod,
    falling_primes,
    inverse_mod,
    modulo,
    next_step_mod,
    prime,
    rank_mod,
    solve_mod,
    steps_mod,
)
from lowrank.figures.exact import cells_html, paragraphs_html, step_html, vector
from lowrank.language import gettext as _
from lowrank.language import gettext_noop, joined, ngettext
from lowrank.ui.glossary import explained
from lowrank.ui.layout import errors_shown, text
from lowrank.ui.rank.inputs import BOUND, choice, one_of_or_typed, right_side
from lowrank.ui.rank.view import View
from lowrank.ui.stepper import Frame, walked

USAGE = """from lowrank import exact

A = exact.parse_matrix("{matrix}")
print([exact.rank_mod(A, p) for p in (2, 3, 5, 7)], exact.falling_primes(A).primes)
for step in exact.steps_mod(A, 2):
    print(step.op, step.why)
print(exact.null_space_mod(A, 2), exact.solve_mod(A, [1] * len(A), 2))"""

NULL_SPACE, SOLUTIONS = gettext_noop("Null space"), "A x = b"
INVERSE = gettext_noop("Inverse")
OFFERED = ["2", "3", "5", "7", "11", "13"]


@st.fragment
@errors_shown()
def other_fields(A: Matrix) -> None:
    """Choose p; the rank over the rationals and over GF(p); the reduction modulo p."""
    st.markdown(explained(text("fields", "introduction")))
    chosen = one_of_or_typed(_("Prime p"), OFFERED, "p", help=text("fields", "help p"))
    over_q, fallen = rank(A), falling_primes(A)
    st.markdown(ranks_table(A, over_q, fallen))
    st.markdown(falls_in_words(fallen, over_q))
    p = chosen_prime(chosen)
    path = list(steps_mod(A, p, reduced=True))
    walked("pstep", (A, p), lambda: frames(A, p, path), len(path))
    answers(A, p)


def frames(A: Matrix, p: int, path: Sequence[StepMod]) -> list[Frame]:
    """The reduction modulo p, place by place."""
    total = len(path)
    why = text("fields", "start").format(p=p, last=p - 1)
    to_go = ngettext(
        "{total} step to the reduced form · GF({p})",
        "{total} steps to the reduced form · GF({p})",
        total,
    )
    said = [step_html(to_go.format(total=total, p=p), f"A mod {p}", why)]
    count = _("Step {at} of {total} · GF({p})")
    said += [
        step_html(count.format(at=at, total=total, p=p), step.op.notation(), step.why)
        for at, step in enumerate(path, start=1)
    ]
    shown = [modulo(A, p), *(step.matrix for step in path)]
    marks: list[Collection[tuple[int, int]]] = [(), *({step.pivot} for step in path)]
    marks[-1] = pivots = set(enumerate(leading_columns(shown[-1])))
    changed = [(), *(step.op.changed for step in path)]
    finished = text("fields", "finished").format(p=p, rank=len(pivots))
    after = [""] * total + [paragraphs_html([finished])]
    title = _("The matrix modulo {p} after step {at}")
    titles = [title.format(p=p, at=at) for at in range(total + 1)]
    cells = [[[written(x) for x in row] for row in M] for M in shown]
    pictures = map(cells_html, cells, titles, marks, changed)
    return list(map(Frame, said, pictures, after))


def answers(A: Matrix, p: int) -> None:
    """The null space, the solutions of A x = b and the inverse over GF(p)."""
    options = (NULL_SPACE, SOLUTIONS, INVERSE)
    label = _("What it gives over GF({p})").format(p=p)
    chosen = choice(label, options, NULL_SPACE, "fgives")
    if chosen == INVERSE:
        with errors_shown():
            inverse = [[written(x) for x in row] for row in inverse_mod(A, p)]
            st.markdown(_("A⁻¹ over GF({p}):").format(p=p))
            st.html(cells_html(inverse, _("The inverse over GF({p})").format(p=p)))
        return
    b: Sequence[Fraction] = (Fraction(0),) * len(A)
    if chosen == SOLUTIONS:
        label, none = _("b, one entry for each row"), _("0 for all")
        typed = st.text_input(label, key="fb", max_chars=5000, placeholder=none, **BOUND)
        b = right_side(typed, len(A)) if (typed or "").strip() else b
    found = solve_mod(A, b, p)
    st.code("\n".join(found.equations), language=None)
    if found.particular is None:
        none = _("**No solution over GF({p})**: the reduced form has the row {row}.")
        st.markdown(none.format(p=p, row=found))
        return
    k = len(found.free)
    many = f"{p}{raised(k) if k > 1 else ''}"
    terms = [f"x{j + 1} {vector(v)}" for j, v in zip(found.free, found.null_basis, strict=True)]
    if any(found.particular) or not terms:
        terms.insert(0, vector(found.particular))
    told = (
        _("**{many} vectors**: x = {terms}, each free unknown from 0 to {last}.")
        if k
        else _("**1 vector**: x = {terms}.")
    )
    st.markdown(told.format(many=many, terms=" + ".join(terms), last=p - 1))


def chosen_prime(typed: str) -> int:
    """The prime that was typed.

    Raises InputError if it is no whole number, or no prime.
    """
    if not typed.strip().isdecimal() or len(typed) > 12:
        raise InputError(
            "“{typed}” is no prime that can be read here: write one in digits, from 2 to "
            "{most:,}, such as 2, 3, 5 or 7.",
            typed=typed[:20],
            most=MOST,
        )
    return prime(int(typed))


def ranks_table(A: Matrix, over_q: int, fallen: FallingPrimes) -> str:
    """The fields by the rank over them: the rationals, small primes and the falling ones."""
    primes = sorted({*map(int, OFFERED), *(p for p in fallen.primes if p <= 10_000)})[:10]
    over = {str(over_q): ["**ℚ**"]}
    for p in primes:
        over.setdefault(_rank_or_dash(A, p), []).append(f"GF({p})")
    lines = [f"| **{r}** | {', '.join(over[r])} |" for r in sorted(over, reverse=True) if r != "–"]
    head = " | ".join([_("rank"), _("over")])
    return "\n".join([f"| {head} |", "|--:|:--|", *lines])


def _rank_or_dash(A: Matrix, p: int) -> str:
    try:
        return str(rank_mod(A, p))
    except InputError:
        return "–"


def falls_in_words(fallen: FallingPrimes, over_q: int) -> str:
    """At which primes the rank falls, and what could not be decided."""
    falls = {
        (True, True): _(
            "**The rank falls at p = {primes}.** At every other prime it is {rank}, as over ℚ."
        ),
        (False, True): _("**The rank falls at no prime**: it is {rank} over every field."),
        (True, False): _(
            "**The rank falls at p = {primes}.** At every other prime below 100,000 it is {rank}, "
            "as over ℚ. Larger ones, if any, divide a number too long to split here."
        ),
        (False, False): _(
            "**The rank falls at no prime below 100,000**: there it is {rank}. "
            "Larger ones, if any, divide a number too long to split here."
        ),
    }[bool(fallen.primes), fallen.unsplit <= 1]
    words = [falls.format(primes=_in_a_row(fallen.primes), rank=over_q)]
    if fallen.undefined:
        nowhere = _("Modulo {primes} the matrix does not exist: a denominator is 0 there.")
        words.append(nowhere.format(primes=_in_a_row(fallen.undefined)))
    return joined(words, _("{first} {last}"))


def _in_a_row(primes: Collection[int]) -> str:
    return ", ".join(f"{p:,}" for p in primes)


VIEW = View(beside=other_fields, code=(next_step_mod, solve_mod, falling_primes), usage=USAGE)
