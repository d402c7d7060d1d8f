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
from lowrank.language import gettext as _
from lowrank.language import gettext_noop, ngettext
from lowrank.ui.drawing import chart
from lowrank.ui.glossary import explained
from lowrank.ui.layout import errors_shown, text
from lowrank.ui.outside import as_text
from lowrank.ui.rank.inputs import BOUND, choice, right_side
from lowrank.ui.rank.view import View
from lowrank.ui.stepper import Frame, walked

MAP, COLUMNS = gettext_noop("Map"), gettext_noop("Columns")
EQUATIONS = gettext_noop("Equations")
CUBE, SPHERE = gettext_noop("Cube"), gettext_noop("Sphere")
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
    choice(_("Picture"), [MAP, COLUMNS, EQUATIONS], MAP, "picture", label_visibility="collapsed")


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
            choice(_("Of the unit"), [CUBE, SPHERE], CUBE, "shape")
        if drawn == MAP and len(A) == len(A[0]):
            st.slider(
                _("From I (nothing moves) to A"),
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
                _("Right-hand side b of A x = b"),
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
    title = _("The matrix after step {at} of {total}").format(at=d.position, total=len(d.ops))
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
    st.subheader(_("What the pictures say"), anchor=False)
    st.markdown(explained(text("geometry", "explanation")))


def _touch() -> None:
    """A finger scrolls the page, over the pictures too, until its owner lets it turn them."""
    with st.container(key="touch"):
        label = _("A finger turns the pictures, instead of scrolling the page")
        turns = st.toggle(label, key="turns")
        st.html(FINGER if turns else FINGER + SCROLLS)


def _too_large(A: Matrix) -> None:
    m, n = len(A), len(A[0])
    spaces = {"domain": f"R{raised(n)}", "codomain": f"R{raised(m)}"}
    st.info(text("geometry", "too large").format(m=m, n=n, **spaces))
    with st.container(horizontal=True):
        for name in OFFERED:
            label = _("Show: {matrix}").format(matrix=_(name))
            st.button(label, key=f"offer_{name}", on_click=_choose, args=(name,))


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
        total = ngettext("{count} step", "{count} steps", len(d.ops)).format(count=len(d.ops))
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
        return _("only the origin")
    if null.dimension == null.ambient:
        return str(null)
    return _("the same {kind}").format(kind=null.kind)


def span_words(A: Matrix) -> str:
    """What the columns span."""
    span, n = column_space(A), len(A[0])
    said = ngettext(
        "The column spans **{span}**: dimension {dimension}, the rank.",
        "The {n} columns span **{span}**: dimension {dimension}, the rank.",
        n,
    )
    return said.format(n=n, span=span, dimension=span.dimension)


def null_words(A: Matrix) -> str:
    """What A sends to the origin."""
    null = kernel(A)
    if null.dimension == 0:
        return _("The null space is **only the origin**: no two points land on one another.")
    through = ", ".join(vector(v) for v in null.directions)
    return _(
        "The null space is **{null}**, spanned by {through}: "
        "dimension {dimension}, and A sends all of it to the origin."
    ).format(null=null, through=through, dimension=null.dimension)


def _map(d: Derivation) -> list[str]:
    m, n = len(d.start), len(d.start[0])
    circle = max(m, n) <= draw.DRAWN and st.session_state.get("shape") == SPHERE
    share = Fraction(round(10 * st.session_state["t"]), 10) if m == n else Fraction(1)
    A = blend(d.matrix, share)
    bodies = (
        _("The unit interval in {space}. {told}"),
        _("The unit circle in {space}. {told}")
        if circle
        else _("The unit square in {space}. {told}"),
        _("The unit sphere in {space}. {told}")
        if circle
        else _("The unit cube in {space}. {told}"),
    )
    before, after = st.columns(2)
    with before:
        st.markdown(_("**Before**: x in {space}").format(space=f"R{raised(n)}"))
        if n > draw.DRAWN:
            st.info(text("geometry", "no domain").format(n=n))
        else:
            alt = bodies[n - 1].format(space=f"R{raised(n)}", told=null_words(A))
            _chart(draw.domain(A, circle, _ink()), "domain", alt)
    with after:
        st.markdown(_("**After**: A x in {space}").format(space=f"R{raised(m)}"))
        if m > draw.DRAWN:
            st.info(text("geometry", "no codomain").format(m=m))
        else:
            made = _("What A makes of it in {space}. {told}")
            alt = made.format(space=f"R{raised(m)}", told=span_words(A))
            _chart(draw.codomain(A, circle, _ink()), "codomain", alt)
    said = [span_words(A), null_words(A)]
    if m == n:
        size = magnification(A)
        said.append(_magnified(n, size == 0).format(size=written(size)))
    if circle:
        said.append(text("geometry", "circle"))
    if share != 1:
        said.append(text("geometry", "on the way").format(share=f"{float(share):g}"))
    return said


def _magnified(n: int, flat: bool) -> str:
    return {
        (1, False): _("Lengths are multiplied by |det A| = **{size}**."),
        (2, False): _("Areas are multiplied by |det A| = **{size}**."),
        (3, False): _("Volumes are multiplied by |det A| = **{size}**."),
        (1, True): _("Lengths are multiplied by |det A| = **{size}**: the image is flat."),
        (2, True): _("Areas are multiplied by |det A| = **{size}**: the image is flat."),
        (3, True): _("Volumes are multiplied by |det A| = **{size}**: the image is flat."),
    }[n, flat]


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
    arrows = _("The columns as arrows in {space}. {told}")
    alt = arrows.format(space=f"R{raised(m)}", told=span_words(A))
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
    drawn = _("{count} equations in {space}, as lines or planes. {told}")
    alt = drawn.format(count=len(A), space=f"R{raised(n)}", told=said)
    _chart(draw.equations(A, now, changed(d), _ink()), "equations", alt)
    return [said, text("geometry", "equations")]


def _solution_words(found: Flat | None, right: bool) -> str:
    if found is None:
        return _("**No solution**: there is no point that all of them have in common.")
    if not right:
        said = _("All of them meet in the null space: **{found}**.")
    elif found.dimension == 0:
        said = _("**One solution**: they meet in the point {point}.")
    else:
        said = _("**Infinitely many solutions**: they meet in **{found}**.")
    return said.format(found=found, point=vector(found.point))


VIEW = View(
    beside=controls,
    below=pictures,
    draws=picture,
    code=(column_space, kernel, in_box),
    usage=USAGE,
)
