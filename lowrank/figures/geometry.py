"""What a matrix does to space, drawn: spans, the unit cube and its image, equations as planes.

Vectors of one or two entries are drawn in a plane, those of three in a box that turns. Exact
coordinates are divided by a power of ten before they become floats, so that 1e60 is drawn as
well as 1; the axis says by which. Text takes its ink from the page's theme.
"""

from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lowrank.errors import InputError
from lowrank.exact.elimination import rank, reduced_echelon
from lowrank.exact.geometry import (
    Flat,
    column_space,
    cube,
    cube_edges,
    cube_triangles,
    hull,
    image,
    in_box,
    kernel,
    nearest,
    power_of_ten,
    solutions,
)
from lowrank.exact.matrices import Matrix, Row, raised, transpose
from lowrank.figures.exact import vector
from lowrank.figures.numbers import three
from lowrank.figures.style import AXES, COLOURS, Settings, figure, layout, note, trace
from lowrank.language import gettext as _
from lowrank.language import joined
from lowrank.spectra.svd import full

LOWERED = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
NICE = (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 15.0)
SHORT = 0.025  # of the half width: an arrow shorter than that is a dot to the eye
DRAWN = 3  # the most dimensions a picture has
# Where a box is seen from at first, and what is right and up to who looks from there.
EYE = (1.3, -1.6, 0.9)
RIGHT = np.array([1.6, 1.3, 0.0]) / np.hypot(1.6, 1.3)
UP = np.cross(RIGHT, -np.array(EYE)) / np.linalg.norm(EYE)
LETTER, LINE = 0.04, 0.17  # half the width of a letter and the height of a line, in half boxes

Points = Sequence[Row] | NDArray[np.float64]


class Canvas:
    """A square or a cube around the origin of R^n, n <= 3, and what is drawn into it."""

    def __init__(self, n: int, reach: Sequence[Row], name: str, room: float = 1.2) -> None:
        """Large enough for the points in `reach`; `name` is the letter of the coordinates."""
        if n > DRAWN:
            raise InputError(
                "R{n} has more than the {drawn} axes a picture has room for.",
                n=n,
                drawn=DRAWN,
            )
        self.n = n
        self.dims = max(n, 2)
        self.power = power_of_ten(reach)
        self.unit = Fraction(10) ** self.power
        largest = max((abs(x) for p in reach for x in p), default=Fraction(0))
        self.size = _nice(room * float(largest / self.unit)) if largest else 1.5
        self.half = Fraction(self.size) * self.unit  # in the coordinates of the points
        self.name = name
        self.traces: list[Settings] = []
        self.notes: list[Settings] = []
        self.labels: list[tuple[NDArray[np.float64], str, NDArray[np.float64]]] = []

    def at(self, points: Points) -> NDArray[np.float64]:  # k of (n,) -> (k, dims)
        """The points in units of the axis; numpy arrays already are."""
        if not isinstance(points, np.ndarray):
            points = np.array([[float(x / self.unit) for x in p] for p in points])
        points = points.reshape(-1, self.n)
        return np.pad(points, ((0, 0), (0, self.dims - self.n)))

    def line(self, points: Points, colour: str, width: float = 3, **more: Any) -> None:
        """One line through the points; a row of NaN lifts the pen."""
        look = _line(colour, width, more)
        self._scatter(self.at(points), mode="lines", line=look, **more)

    def dot(self, point: Row, colour: str, hover: str, size: int = 9) -> None:
        """One point."""
        ring = {"width": 1.5, "color": "#333"}
        marker = {"color": colour, "size": size if self.dims == 2 else size * 0.6, "line": ring}
        self._scatter(self.at([point]), mode="markers", marker=marker, hover=hover)

    def _scatter(self, p: NDArray[np.float64], hover: str = "", **style: Any) -> None:
        style["hoverinfo"], style["text"] = ("text", hover) if hover else ("skip", None)
        kind = "scatter" if self.dims == 2 else "scatter3d"
        self.traces.append(trace(kind, **dict(zip("xyz", p.T, strict=False)), **style))

    def polygon(self, corners: Points, colour: str, opacity: float) -> None:
        """A filled convex polygon, its corners in order."""
        if self.dims == 3:
            fan = [(0, i, i + 1) for i in range(1, len(corners) - 1)]
            self.mesh(corners, fan, colour, opacity)
            return
        x, y = self.at(corners).T
        look = {"mode": "none", "fill": "toself", "fillcolor": _see_through(colour, opacity)}
        self.traces.append(trace("scatter", x=x, y=y, hoverinfo="skip", **look))

    def mesh(
        self, points: Points, triangles: Sequence[Sequence[int]], colour: str, opacity: float
    ) -> None:
        """Triangles of a body in space, lit from everywhere."""
        x, y, z = self.at(points).T
        i, j, k = np.array(triangles).T
        flat = {"ambient": 1.0, "diffuse": 0.0, "specular": 0.0}
        style = {"color": colour, "opacity": opacity, "hoverinfo": "skip", "lighting": flat}
        self.traces.append(trace("mesh3d", x=x, y=y, z=z, i=i, j=j, k=k, **style))

    def label(self, point: Points, words: str, aside: NDArray[np.float64] | None = None) -> None:
        """Words at a point, or aside of it in a direction; those at one place are joined."""
        where = self.at(point)[0]
        for k, (other, before, way) in enumerate(self.labels):
            if np.abs(other - where).max() < 0.03 * self.size:
                both = _("{first}, {last}").format(first=before, last=words)
                self.labels[k] = (other, both, way)
                return
        way = np.zeros(self.dims) if aside is None else aside / np.linalg.norm(aside)
        self.labels.append((where, words, way))

    def arrow(self, tip: Points, colour: str, words: str, hover: str) -> None:
        """From the origin to tip, with a label; one too short to see is a dashed direction."""
        end = self.at(tip)[0]
        length = float(np.linalg.norm(end))
        if length < SHORT * self.size:
            self._short(tip, colour, words, hover)
            return
        head = end * (1 - 0.11 * self.size / length) if self.dims == 3 else end
        both = np.stack([np.zeros_like(end), head])
        self._scatter(both, mode="lines", line={"color": colour, "width": 6}, hover=hover)
        if self.dims == 3:
            points, triangles = _cone(end, self.size)
            self.mesh(points, triangles, colour, 1.0)
        else:
            tail = end * max(0.0, 1 - 0.1 * self.size / length)  # the head needs some of the line
            at = {"x": end[0], "y": end[1], "ax": tail[0], "ay": tail[1]}
            look = {"arrowcolor": colour, "arrowwidth": 4, "arrowhead": 2, "showarrow": True}
            self.notes.append(note("", **at, **look, axref="x", ayref="y"))
        self.label(end[None, : self.n], words, aside=end)

    def _short(self, tip: Points, colour: str, words: str, hover: str) -> None:
        """A label at the origin for zero; for a vector too short to see also where it points."""
        origin, up = (Fraction(0),) * self.n, np.eye(self.dims)[-1]
        if isinstance(tip, np.ndarray) or not any(tip[0]):
            self.label([origin], words if np.any(self.at(tip)) else f"{words} = 0", aside=up)
            return
        line = Flat(origin, (tip[0],))
        far = in_box(line, self.half)[-1]
        self.line([origin, far], colour, 3, dash="dash", hover=hover)
        self.beside(line, far, _("{name} (direction)").format(name=words))

    def flat(
        self, flat: Flat, colour: str, words: str, opacity: float = 0.25, width: float = 9
    ) -> None:
        """A point, line, plane or all of space, as far as the box shows it, and its name."""
        corners = in_box(flat, self.half)
        if not corners:
            return
        if len(corners) == 1 or flat.dimension == 0:
            self.dot(corners[0], colour, words, 12)
        elif flat.dimension == 1 or len(corners) == 2:
            self.line(corners, colour, width, hover=words, opacity=min(1.0, opacity + 0.4))
        elif flat.dimension == 3:
            self.mesh(corners, cube_triangles(3), colour, 0.3 * opacity)
        else:
            ordered = hull(corners) if self.n == 2 else corners
            self.polygon(ordered, colour, opacity)
            if flat.dimension < self.n:
                self.line([*ordered, ordered[0]], colour, 2)
        if words:
            # A line's arrows point to its other end; all of space has a corner less in use.
            quiet = flat.dimension in (1, self.n)
            at = corners[0] if quiet else max(corners, key=_highest)
            self.beside(flat, at, words)

    def beside(self, flat: Flat, corner: Row, words: str) -> None:
        """A label at a corner of a flat, a little inside the box and, if it is thin, off it."""
        at = tuple(x * Fraction(88, 100) for x in corner) if flat.dimension else corner
        off = np.eye(self.dims)[-1]
        if flat.dimension == 1 and self.dims == 2:
            dx, dy = np.diff(self.at(in_box(flat, self.half)), axis=0)[0]
            off = np.array([-dy, dx])
        self.label([at], words, aside=off if flat.dimension < 2 else None)

    def finished(self, height: int, ink: str | None) -> Settings:
        """The figure with its labels, in `ink`, equal axes and the house's look."""
        self._write_labels(ink)
        more: Settings = {"showlegend": False, "uirevision": "kept"}
        by = f" (10{raised(self.power)})" if self.power else ""
        titles = [f"{self.name}{i + 1}".translate(LOWERED) + by for i in range(self.n)]
        look: Settings = {"range": [-self.size, self.size], "gridcolor": "rgba(128,128,128,0.35)"}
        look |= {"zeroline": True, "zerolinecolor": "rgba(128,128,128,0.9)", "zerolinewidth": 2}
        look |= {"nticks": 6}
        if self.dims == 3:
            # Opaque: on a transparent canvas a see-through line comes out white.
            look |= {"showbackground": False, "showspikes": False, "gridcolor": "#A3A3A3"}
            scene: Settings = {
                f"{a}axis": look | {"title": {"text": titles[i]}} for i, a in enumerate("xyz")
            }
            camera = {"eye": dict(zip("xyz", EYE, strict=True)), "center": {"z": -0.08}}
            scene |= {"aspectmode": "cube", "camera": camera, "uirevision": "kept"}
            margin = dict.fromkeys("lrtb", 0)
            return {"data": self.traces, "layout": layout(height, margin, scene=scene, **more)}
        look |= {"constrain": "domain"}
        up = {"scaleanchor": "x", "showticklabels": self.n > 1, "title": "".join(titles[1:])}
        margin = {"l": 4, "r": 4, "t": 8, "b": 4}
        return figure(
            self.traces,
            height,
            look | {"title": titles[0]},
            look | up,
            annotations=self.notes,
            margin=margin,
            **more,
        )

    def _write_labels(self, ink: str | None) -> None:
        if not self.labels:
            return
        places, texts, asides = zip(*self.labels, strict=True)
        words = [f"<b>{text}</b>" for text in texts]
        p, away = np.clip(np.stack(places), -self.size, self.size), np.stack(asides)
        font = {"size": 16, "color": ink} if ink else {"size": 16}
        if self.dims == 3:
            lengths = np.array(list(map(len, texts)))
            placed, sides = _apart((p + 0.1 * self.size * away) / self.size, lengths)
            x, y, z = self.size * placed.T
            style = {"mode": "text", "text": words, "textfont": font, "hoverinfo": "skip"}
            style["textposition"] = sides
            self.traces.append(trace("scatter3d", x=x, y=y, z=z, **style))
            return
        for (x, y), (right, up), text in zip(p, away, words, strict=True):
            inward = "right" if x > 0 else "left"
            side = inward if abs(x) > 0.55 * self.size else "center"
            shift = {"xshift": 15 * right, "yshift": 15 * up}
            self.notes.append(note(text, x=x, y=y, font=font, xanchor=side, **shift))


def _apart(
    places: NDArray[np.float64], lengths: NDArray[np.int64]
) -> tuple[NDArray[np.float64], list[str]]:
    """Places (k, 3) of words in a box from -1 to 1, and on which side of them the words stand.

    Words at the right or left of the picture, as it is seen at first, stand inwards, and those
    that would overlap there are moved up and down.
    """
    across, width = places @ RIGHT, LETTER * lengths
    inwards = np.where(np.abs(across) > 0.6, -np.sign(across), 0.0)
    middle, moved = across + inwards * width, places.copy()
    for _again in range(30):
        for i, j in combinations(range(len(places)), 2):
            up = float((moved[i] - moved[j]) @ UP)
            if abs(middle[i] - middle[j]) < width[i] + width[j] and abs(up) < LINE:
                step = (LINE - abs(up)) / 2 + 0.01
                moved[i] += (step if up >= 0 else -step) * UP
                moved[j] -= (step if up >= 0 else -step) * UP
    names = {-1.0: "middle left", 0.0: "middle center", 1.0: "middle right"}
    return np.clip(moved, -1.12, 1.12), [names[float(side)] for side in inwards]


def columns(A: Matrix, ink: str | None = None, height: int = 480) -> Settings:
    """The columns of A, (m, n), m <= 3, as arrows, and their span, green."""
    arrows = transpose(A)
    canvas = Canvas(len(A), arrows, "y")
    _span(canvas, A)
    _columns(canvas, A)
    return canvas.finished(height, ink)


def domain(A: Matrix, circle: bool = False, ink: str | None = None, height: int = 400) -> Settings:
    """R^n, n <= 3, before A: the unit cube (or sphere), blue, and the null space, grey."""
    n = len(A[0])
    canvas = Canvas(n, [(Fraction(1),) * n], "x", room=1.4)
    null = kernel(A)
    if null.dimension:
        canvas.flat(null, COLOURS["lost"], _("null space"), 0.35)
    if circle:
        _ball(canvas, np.eye(n), COLOURS["W0"])
        for i, v in enumerate(_svd(A, Fraction(10) ** power_of_ten(A))[2]):
            name = _named("v", i)
            canvas.arrow(v[None, :], AXES[i], name, f"{name} = ({', '.join(three(x) for x in v)})")
    else:
        corners = cube(n)
        _cube(canvas, corners, COLOURS["W0"])
        for i in range(n):
            e = corners[2 ** (n - 1 - i)]
            canvas.arrow([e], AXES[i], _named("e", i), f"{_named('e', i)} = {vector(e)}")
    return canvas.finished(height, ink)


def codomain(
    A: Matrix, circle: bool = False, ink: str | None = None, height: int = 400
) -> Settings:
    """R^m, m <= 3, after A: what became of the unit cube (or sphere), green, and the span.

    With `circle` the arrows are s_i u_i: the half axes of the ellipse, as long as the singular
    values. A domain of more than three dimensions has no picture, so only its columns are drawn.
    """
    n = len(A[0])
    corners = image(A, cube(n)) if n <= DRAWN else transpose(A)
    circle = circle and n <= DRAWN
    canvas = Canvas(len(A), [_extents(A)] if circle else corners, "y")
    _span(canvas, A)
    if n > DRAWN:
        _columns(canvas, A)
    elif circle:
        U, s = _svd(A, canvas.unit)[:2]
        _ball(canvas, U * s, COLOURS["result"])
        for i, (u, size) in enumerate(zip(U.T, s, strict=True)):
            words = f"{_named('σ', i)} = {three(size)}{_times(canvas.power)}" if size else ""
            name = words or _named("σ", i)
            hover = _("semi-axis {i}: {length}").format(i=i + 1, length=words)
            canvas.arrow((u * size)[None, :], AXES[i], name, hover)
    else:
        _cube(canvas, corners, COLOURS["result"])
        _columns(canvas, A)
    if kernel(A).dimension:
        origin = (Fraction(0),) * len(A)
        canvas.dot(origin, COLOURS["lost"], _("where the null space goes: the origin"), 14)
    return canvas.finished(height, ink)


def equations(
    A: Matrix, b: Row, changed: Sequence[int] = (), ink: str | None = None, height: int = 480
) -> Settings:  # (m, n), (m,)
    """Each equation of A x = b as a line or plane of R^n, n <= 3, and what they have in common.

    Blue, yellow for the rows in `changed`; the solutions green, or grey where b = 0 and they are
    the null space. An equation without unknowns (0 = 0, 0 = 1) has no picture.
    """
    n = len(A[0])
    drawn: dict[tuple[Row, ...], list[int]] = {}  # rows by what they say: 2 x = 4 is x = 2
    for i, row in enumerate(A):
        if any(row):
            drawn.setdefault(reduced_echelon([(*row, b[i])]), []).append(i)
    sets = [(solutions([said[:n]], said[n:]), rows) for (said,), rows in drawn.items()]
    flats = [(flat, rows) for flat, rows in sets if flat is not None]
    common = solutions(A, b)
    reach = [nearest(flat) for flat, rows in flats] + ([nearest(common)] if common else [])
    canvas = Canvas(n, reach, "x", room=1.7)
    for flat, rows in flats:
        new = set(rows) & set(changed)
        canvas.flat(flat, COLOURS["pivot" if new else "W0"], "", 0.45 if new else 0.25, width=4)
        corners = in_box(flat, canvas.half)
        names = joined((f"R{i + 1}" for i in rows), _("{first}, {last}"))
        canvas.beside(flat, corners[(2 * rows[0]) % len(corners)], names)
    if common:
        colour = COLOURS["result"] if any(b) else COLOURS["lost"]
        several = _("solutions") if common.dimension else _("solution")
        canvas.flat(common, colour, several if any(b) else _("null space"), 0.6)
    return canvas.finished(height, ink)


def _span(canvas: Canvas, A: Matrix) -> None:
    span = column_space(A)
    canvas.flat(span, COLOURS["result"], _("span: {kind}").format(kind=span.kind), 0.22)


def _columns(canvas: Canvas, A: Matrix) -> None:
    for j, a in enumerate(transpose(A)):
        colour = AXES[j] if len(A[0]) <= DRAWN else COLOURS["W0"]
        canvas.arrow([a], colour, _named("a", j), f"{_named('a', j)} = {vector(a)}")


def _cube(canvas: Canvas, corners: Sequence[Row], colour: str) -> None:
    """The corners of an image of the unit cube: filled, the edges of one axis in one colour."""
    n = len(corners).bit_length() - 1
    if canvas.n == 3 and n > 1:
        canvas.mesh(corners, cube_triangles(n), colour, 0.3)
    elif canvas.n == 2 and n > 1:
        canvas.polygon(hull(corners), colour, 0.3)
    points = canvas.at(corners)[:, : canvas.n]
    for axis in range(n):
        ends = [(points[i], points[j]) for i, j, along in cube_edges(n) if along == axis]
        gap = np.full(canvas.n, np.nan)
        canvas.line(np.stack([p for pair in ends for p in (*pair, gap)]), AXES[axis], 3)


def _ball(canvas: Canvas, half_axes: NDArray[np.float64], colour: str) -> None:
    """The unit ball of R^k stretched along half axes, (n, k): a segment, an ellipse, an egg."""
    k = half_axes.shape[1]
    turn = np.linspace(0, 2 * np.pi, 61)
    round_ = np.stack([np.cos(turn), np.sin(turn)], axis=1)  # (61, 2)
    if k == 1:
        canvas.line(np.stack([-half_axes[:, 0], half_axes[:, 0]]), colour, 4)
        return
    for pair in ([0, 1], [0, 2], [1, 2]) if k == 3 else ([0, 1],):
        curve = round_ @ half_axes[:, pair].T  # (61, 2), (2, n) -> (61, n)
        if k == 2:
            canvas.polygon(curve, colour, 0.25)
        canvas.line(curve, colour, 3)
    if k == 3:
        points, triangles = _sphere()
        canvas.mesh(points @ half_axes.T, triangles, colour, 0.2)


def _sphere(across: int = 12, around: int = 24) -> tuple[NDArray[np.float64], list[list[int]]]:
    """Points on the unit sphere by latitude and longitude, and triangles between them."""
    latitude = np.linspace(0, np.pi, across)[:, None]
    longitude = np.linspace(0, 2 * np.pi, around, endpoint=False)[None, :]
    parts = np.broadcast_arrays(
        np.sin(latitude) * np.cos(longitude), np.sin(latitude) * np.sin(longitude), np.cos(latitude)
    )
    points = np.stack([part.ravel() for part in parts], axis=1)
    triangles = []
    for i in range(across - 1):
        for j in range(around):
            a, b = i * around + j, i * around + (j + 1) % around
            triangles += [[a, b, a + around], [b, a + around, b + around]]
    return points, triangles


def _cone(tip: NDArray[np.float64], size: float) -> tuple[NDArray[np.float64], list[list[int]]]:
    """The head of an arrow from the origin to tip, as a pyramid of eight sides."""
    along = tip / np.linalg.norm(tip)
    across = np.cross(along, np.eye(3)[np.abs(along).argmin()])
    across /= np.linalg.norm(across)
    up = np.cross(along, across)
    turn = np.linspace(0, 2 * np.pi, 8, endpoint=False)[:, None]
    base = tip - 0.12 * size * along + 0.04 * size * (np.cos(turn) * across + np.sin(turn) * up)
    triangles = [[0, 1 + i, 1 + (i + 1) % 8] for i in range(8)]
    return np.concatenate([tip[None, :], base]), triangles


def _svd(A: Matrix, unit: Fraction) -> tuple[NDArray[np.float64], ...]:
    """U (m, k), s (k,) and all of Vt (n, n) of A / unit, k = min(m, n); zeros are exactly zero."""
    m, n = len(A), len(A[0])
    scaled = np.zeros((max(m, n), n))
    scaled[:m] = [[float(x / unit) for x in row] for row in A]
    found, k = full(scaled), min(m, n)
    s = found.s[:k].copy()
    s[rank(A) :] = 0.0
    return np.asarray(found.U[:m, :k], np.float64), s, np.asarray(found.Vt, np.float64)


def _extents(A: Matrix) -> Row:  # (m, n) -> (m,)
    """How far the image of the unit sphere reaches along each axis: the lengths of the rows."""
    unit = Fraction(10) ** power_of_ten(A)
    lengths = [np.hypot.reduce([float(x / unit) for x in row]) for row in A]
    return tuple(Fraction(float(length)) * unit for length in lengths)


def _highest(point: Row) -> tuple[Fraction, Fraction]:
    return point[-1], point[0]


def _nice(x: float) -> float:
    """The next number at or above x that people count in."""
    power = 10.0 ** np.floor(np.log10(x))
    return float(next(n for n in NICE if n * power >= x) * power)


def _named(letter: str, index: int) -> str:
    return f"{letter}{index + 1}".translate(LOWERED)


def _times(power: int) -> str:
    return f" · 10{raised(power)}" if power else ""


def _line(colour: str, width: float, more: dict[str, Any]) -> dict[str, Any]:
    return {"color": colour, "width": width, "dash": more.pop("dash", "solid")}


def _see_through(colour: str, opacity: float) -> str:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity})"
