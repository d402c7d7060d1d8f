"""Geometry: the columns and their span, what A does to the unit cube, equations as planes."""

from fractions import Fraction

import streamlit as st

from lowrank.errors import InputError
from lowrank.exact.derivation import Derivation
from lowrank.exact.geometry import Flat, column_space, in_box, kernel, magnification, solutions
from lowrank.exact.matrices import Matrix, Row, apply, identity, raised, written
from lowrank.figures import geometry as draw
from lowrank.figures.exact import matrix_html, paragraphs_html, vector
from lowrank.figures.style import Settings
from lowrank.ui.drawing import chart
from lowrank.ui.glossary import explained
from lowrank.ui.layout import errors_shown, text
from lowrank.ui.outside import as_text
from lowrank.ui.rank.inputs import BOUND, choice, right_side
from lowrank.ui.rank.view import View
from lowrank.ui.stepper import Frame, walked

MAP, COLUMNS, EQUATIONS = "Map", "Columns", "Equations"
CUBE, SPHERE = "Cube", "Sphere"
OFFERED = ("A repeated direction", "Full rank", "Tall")
STEP = "gstep"  # its own place in the address: the derivation of Reduce may be another
FINGER = "<style>@media (pointer: fine) { .st-key-touch { display: none; } }</style>"
SCROLLS = """<style>@media (pointer: coarse) {
  .st-key-scenes .js-plotly-plot { pointer-events: none; } }</style>"""

USAGE = """from lowrank import exact

A = exact.parse_matrix("{matrix}")
print(exact.column_space(A), exact.kernel(A))"""


def reduction(A: Matrix) -> Derivation:
    """The whole reduction of A, worked out once for all that is drawn of it."""
    held = st.session_state.get("reduction")
    if held is None or held.start != A:
        st.session_state["reduction"] = held = Derivation(A, reduced=True).whole
    return held


def changed(d: Derivation) -> tuple[int, ...]:
    """The rows that the step just done changed."""
    return d.last.op.changed if d.last else ()


def carried(d: Derivation, b: Row) -> Row:
    """The right-hand side after the steps of d up to its position."""
    column: Matrix = tuple((x,) for x in b)
    for op in d.ops[: d.position]:
        column = apply(op, column)
    return tuple(x for (x,) in column)


def picture() -> None:
    """The choice of what to draw."""
    choice("Picture", [MAP, COLUMNS, EQUATIONS], MAP, "picture", label_visibility="collapsed")


def controls(A: Matrix) -> None:
    """At which step to draw it, what that shows in words, and how to draw it."""
    if min(len(A), len(A[0])) > draw.DRAWN:
        _too_large(A)
        return
    d = reduction(A)
    walked(STEP, d, lambda: frames(d), len(d.ops))
    drawn = st.session_state["picture"]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if drawn == MAP and max(len(A), len(A[0])) <= draw.DRAWN:
            choice("Of the unit", [CUBE, SPHERE], CUBE, "shape")
        if drawn == MAP and len(A) == len(A[0]):
            st.slider(
                "From I (nothing moves) to A",
                0.0,
                1.0,
                1.0,
                0.1,
                key="t",
                **BOUND,
                help=text("geometry", "help t"),
                width=330,
            )
        if drawn == EQUATIONS:
            st.text_input(
                "Right-hand side b of A x = b",
                "0",
                key="right",
                **BOUND,
                help=text("geometry", "help b"),
                max_chars=200,
                width=330,
            )


def frames(d: Derivation) -> list[Frame]:
    """Every place of d: the matrix, and what the step to it kept."""
    return [_frame(d.at(position)) for position in range(len(d.ops) + 1)]


def _frame(d: Derivation) -> Frame:
    title = f"The matrix after step {d.position} of {len(d.ops)}"
    said = f'<div class="lr-step">{paragraphs_html([step_words(d)])}</div>'
    return Frame(said, matrix_html(d.matrix, title, changed=changed(d), size=1.1))


def pictures(A: Matrix | None) -> None:
    """The picture chosen, across the page, what it shows, and why it is so."""
    if A is None:
        return
    if min(len(A), len(A[0])) <= draw.DRAWN:
        whole = reduction(A)
        d = whole.at(min(int(st.session_state[STEP] or 0), len(whole.ops)))
        with errors_shown():
            drawn = {MAP: _map, COLUMNS: _columns, EQUATIONS: _equations}
            with st.container(key="scenes"):
                said = drawn[st.session_state["picture"]](d)
            _touch()
            for sentence in said:
                st.markdown(sentence)
    st.subheader("What the pictures say", anchor=False)
    st.markdown(explained(text("geometry", "explanation")))


def _touch() -> None:
    """A finger scrolls the page, over the pictures too, until its owner lets it turn them."""
    with st.container(key="touch"):
        turns = st.toggle("A finger turns the pictures, instead of scrolling the page", key="turns")
        st.html(FINGER if turns else FINGER + SCROLLS)


def _too_large(A: Matrix) -> None:
    m, n = len(A), len(A[0])
    spaces = {"domain": f"R{raised(n)}", "codomain": f"R{raised(m)}"}
    st.info(text("geometry", "too large").format(m=m, n=n, **spaces))
    with st.container(horizontal=True):
        for name in OFFERED:
            st.button(f"Show: {name}", key=f"offer_{name}", on_click=_choose, args=(name,))


def _choose(preset: str) -> None:
    st.session_state["m"] = preset
    st.session_state["step"] = 0


def _chart(figure: Settings, name: str, alt: str) -> None:
    chart(figure, key=f"geometry_{name}", alt=alt.replace("**", ""))


def _ink() -> str | None:
    """The colour of text on the page, where it is known."""
    return {"dark": "#FAFAFA", "light": "#31333F"}.get(st.context.theme.type or "")


def step_words(d: Derivation) -> str:
    """Which step this is, and what it kept: checked here, not taken for granted."""
    if not d.ops:
        return text("geometry", "no steps")
    if d.last is None:
        total = "1 step" if len(d.ops) == 1 else f"{len(d.ops)} steps"
        return text("geometry", "before the steps").format(total=total)
    before, after = column_space(d.start), column_space(d.matrix)
    kept = kernel(d.matrix) == kernel(d.start) and after.dimension == before.dimension
    assert kept  # what row operations keep
    return text("geometry", "after a step").format(
        position=d.position,
        total=len(d.ops),
        op=d.last.op,
        dimension=after.dimension,
        null=_same(kernel(d.start)),
    )


def _same(null: Flat) -> str:
    if null.dimension == 0:
        return "only the origin"
    if null.dimension == null.ambient:
        return str(null)
    return f"the same {null.kind}"


def span_words(A: Matrix) -> str:
    """What the columns span."""
    span, n = column_space(A), len(A[0])
    columns = "The column spans" if n == 1 else f"The {n} columns span"
    return f"{columns} **{span}**: dimension {span.dimension}, the rank."


def null_words(A: Matrix) -> str:
    """What A sends to the origin."""
    null = kernel(A)
    if null.dimension == 0:
        return "The null space is **only the origin**: no two points land on one another."
    through = ", ".join(vector(v) for v in null.directions)
    return (
        f"The null space is **{null}**, spanned by {through}: "
        f"dimension {null.dimension}, and A sends all of it to the origin."
    )


def _map(d: Derivation) -> list[str]:
    m, n = len(d.start), len(d.start[0])
    circle = max(m, n) <= draw.DRAWN and st.session_state.get("shape") == SPHERE
    share = Fraction(round(10 * st.session_state["t"]), 10) if m == n else Fraction(1)
    A = blend(d.matrix, share)
    body = ("interval", "circle" if circle else "square", "sphere" if circle else "cube")
    before, after = st.columns(2)
    with before:
        st.markdown(f"**Before**: x in R{raised(n)}")
        if n > draw.DRAWN:
            st.info(text("geometry", "no domain").format(n=n))
        else:
            alt = f"The unit {body[n - 1]} in R{raised(n)}. {null_words(A)}"
            _chart(draw.domain(A, circle, _ink()), "domain", alt)
    with after:
        st.markdown(f"**After**: A x in R{raised(m)}")
        if m > draw.DRAWN:
            st.info(text("geometry", "no codomain").format(m=m))
        else:
            alt = f"What A makes of it in R{raised(m)}. {span_words(A)}"
            _chart(draw.codomain(A, circle, _ink()), "codomain", alt)
    said = [span_words(A), null_words(A)]
    if m == n:
        size = magnification(A)
        what = {1: "Lengths", 2: "Areas", 3: "Volumes"}[n]
        flat = ": the image is flat." if size == 0 else "."
        said.append(f"{what} are multiplied by |det A| = **{written(size)}**{flat}")
    if circle:
        said.append(text("geometry", "circle"))
    if share != 1:
        said.append(text("geometry", "on the way").format(share=f"{float(share):g}"))
    return said


def blend(A: Matrix, share: Fraction) -> Matrix:  # (n, n) -> (n, n)
    """(1 − share) I + share A; A itself for share 1, whatever its shape."""
    if share == 1:
        return A
    pairs = zip(identity(len(A)), A, strict=True)
    return tuple(
        tuple((1 - share) * i + share * a for i, a in zip(own, row, strict=True))
        for own, row in pairs
    )


def _columns(d: Derivation) -> list[str]:
    A, m = d.matrix, len(d.start)
    if m > draw.DRAWN:
        st.info(text("geometry", "no codomain").format(m=m))
        return [span_words(A), null_words(A)]
    alt = f"The columns as arrows in R{raised(m)}. {span_words(A)}"
    _chart(draw.columns(A, _ink()), "columns", alt)
    said = [span_words(A)]
    if d.position:
        same = column_space(d.start)
        same_span = within(same, A)
        said.append(text("geometry", "same span" if same_span else "other span"))
    return [*said, text("geometry", "columns")]


def within(span: Flat, A: Matrix) -> bool:
    """Whether every column of A lies in the span."""
    if not span.directions:
        return not any(map(any, A))
    D = tuple(zip(*span.directions, strict=True))
    return all(solutions(D, a) is not None for a in zip(*A, strict=True))


def _equations(d: Derivation) -> list[str]:
    A, n = d.matrix, len(d.start[0])
    typed = st.session_state["right"]
    try:
        b = right_side(typed or "0", len(A))
    except InputError as error:
        st.warning(as_text(error), icon=":material/edit:")
        return []
    if n > draw.DRAWN:
        st.info(text("geometry", "no domain").format(n=n))
        return [null_words(A)]
    now = carried(d, b)
    found = solutions(A, now)
    said = _solution_words(found, any(b))
    alt = f"{len(A)} equations in R{raised(n)}, as lines or planes. {said}"
    _chart(draw.equations(A, now, changed(d), _ink()), "equations", alt)
    return [said, text("geometry", "equations")]


def _solution_words(found: Flat | None, right: bool) -> str:
    if found is None:
        return "**No solution**: there is no point that all of them have in common."
    if not right:
        return f"All of them meet in the null space: **{found}**."
    if found.dimension == 0:
        return f"**One solution**: they meet in the point {vector(found.point)}."
    return f"**Infinitely many solutions**: they meet in **{found}**."


VIEW = View(
    beside=controls,
    below=pictures,
    draws=picture,
    code=(column_space, kernel, in_box),
    usage=USAGE,
)
