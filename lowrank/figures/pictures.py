"""Pictures as matrices of grey: some drawn here, a visitor's own, and how they are shown.

A drawn picture is (m, n), from 0 for black to 1 for white.
"""

import base64
import threading
import warnings
from collections.abc import Sequence
from html import escape
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from lowrank.errors import InputError
from lowrank.figures.style import COLOURS, DIVERGING
from lowrank.language import gettext_noop

Floats = NDArray[np.floating]
Mask = NDArray[np.bool_]

HEIGHT, WIDTH = 120, 160
LARGEST_SIDE = 320  # of a visitor's picture, once read
MOST_PIXELS = 40_000_000
MOST_SCANS = 50  # of a JPEG, each of which is a pass over all of it; cameras write one, the web 10
MOST_PASSED = 400_000_000  # pixels that all scans together go over
# Of a shown matrix: hardly more can be told apart, and what looks like noise, as a difference does,
# takes a third of the bytes of whole colours.
LEVELS = 64
GREYS = [(0.0, "#000000"), (1.0, "#FFFFFF")]
ROWS = 256  # of a picture that are laid on white at a time
# One picture is opened at a time: each may take 160 MB for a moment.
_turn = threading.Lock()


def tartan(m: int = HEIGHT, n: int = WIDTH) -> Floats:
    """A woven plaid: coloured threads down and across, over and under in a twill of four.

    A pixel shows the thread down, which depends on its column, or the one across, on its row; the
    twill repeats after four threads. So its rank is 8 at most, whatever its size.

    >>> int(np.linalg.matrix_rank(tartan())) <= 8
    True
    """
    sett = [(14, 0.15), (3, 0.95), (8, 0.45), (3, 0.95), (14, 0.6), (5, 0.25), (3, 0.85), (5, 0.25)]
    threads = np.concatenate([np.full(count, shade) for count, shade in sett])
    across = np.resize(threads, m)[:, None]
    down = np.resize(threads, n)[None, :]
    over = (np.arange(m)[:, None] + np.arange(n)[None, :]) % 4 < 2
    return np.where(over, down, across)


def flag(m: int = HEIGHT, n: int = WIDTH) -> Floats:
    """A chessboard with a flag on it: a Nordic cross with a border.

    >>> int(np.linalg.matrix_rank(flag()))
    6
    """
    rows, columns = np.arange(m)[:, None], np.arange(n)[None, :]
    picture = np.where((rows // (m // 8) + columns // (n // 8)) % 2, 0.25, 0.85)
    top, bottom, left, right = m // 4, 3 * m // 4, n // 4, 3 * n // 4
    picture[top:bottom, left:right] = 0.4
    for size, shade in ((m // 8, 1.0), (m // 16, 0.05)):
        middle, stem = (top + bottom) // 2, left + (right - left) * 3 // 8
        picture[middle - size // 2 : middle + size // 2, left:right] = shade
        picture[top:bottom, stem - size // 2 : stem + size // 2] = shade
    return picture


def skyline(m: int = HEIGHT, n: int = WIDTH) -> Floats:
    """Houses with lit windows under a moon: only nearly of low rank, for the moon is round.

    >>> skyline().shape
    (120, 160)
    """
    rows, columns = np.arange(m)[:, None], np.arange(n)[None, :]
    picture = np.broadcast_to(0.25 + 0.45 * rows / m, (m, n)).copy()
    picture[(rows - m // 5) ** 2 + (columns - 4 * n // 5) ** 2 < (m // 11) ** 2] = 1.0
    heights = [0.35, 0.62, 0.48, 0.78, 0.4, 0.55, 0.7, 0.3]
    width = n // len(heights)
    for i, height in enumerate(heights):
        top, left = round(m * (1 - height)), i * width
        house = picture[top:, left + 1 : left + width - 1]
        house[:] = 0.08 if i % 2 else 0.14
        lit = (np.arange(house.shape[0])[:, None] % 8 >= 4) & (np.arange(house.shape[1]) % 6 >= 3)
        house[lit] = 0.9 if i % 3 else 0.55
    return picture


DRAWN = {
    gettext_noop("tartan"): tartan,
    gettext_noop("flag"): flag,
    gettext_noop("skyline"): skyline,
}


def read_picture(data: bytes) -> Floats:
    """A PNG or JPEG as grey, (m, n) from 0 to 1, made smaller to at most 320 pixels a side.

    Raises InputError if it is neither, is broken, has more than 40 million pixels, or is a JPEG of
    more than 50 scans, or of many that are large.
    """
    scans = data.count(b"\xff\xda") if data[:2] == b"\xff\xd8" else 0
    if scans > MOST_SCANS:
        raise InputError(
            "The JPEG has {scans:,} scans; at most {most} are accepted.",
            scans=scans,
            most=MOST_SCANS,
        )
    try:
        with _turn, warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image: Image.Image = Image.open(BytesIO(data), formats=("PNG", "JPEG"))
            if image.width * image.height > MOST_PIXELS:
                raise InputError(
                    "The picture has {width:,} × {height:,} pixels; at most {most} million are "
                    "accepted.",
                    width=image.width,
                    height=image.height,
                    most=MOST_PIXELS // 10**6,
                )
            if scans * image.width * image.height > MOST_PASSED:
                raise InputError(
                    "The JPEG goes over its {width:,} × {height:,} pixels {scans} times; at most "
                    "{most} million pixels in all are accepted. Save it without “progressive”.",
                    width=image.width,
                    height=image.height,
                    scans=scans,
                    most=MOST_PASSED // 10**6,
                )
            image.draft("L", (LARGEST_SIDE, LARGEST_SIDE))  # a JPEG can be read small at once
            image = ImageOps.exif_transpose(image)  # a camera held upright says so in Exif
            if image.mode.startswith("I"):  # 16 bits of grey, which convert("L") would clip
                image = Image.fromarray((np.asarray(image) / 257).round().astype(np.uint8))
            transparent = "A" in image.getbands() or "transparency" in image.info
            grey = _on_white(image) if transparent else image.convert("L")
            grey.thumbnail((LARGEST_SIDE, LARGEST_SIDE))
    except InputError:
        raise
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise InputError(
            "The file cannot be read as a picture; expected a PNG or a JPEG that opens elsewhere."
        ) from error
    picture = np.asarray(grey, dtype=np.float64) / 255
    if min(picture.shape) < 2:
        raise InputError(
            "The picture has {width} × {height} pixels; expected two or more each way.",
            width=grey.width,
            height=grey.height,
        )
    return picture


def _on_white(image: Image.Image) -> Image.Image:
    """A picture with transparent parts, in grey on white paper; some rows at a time, to be small.

    Four bytes a pixel for the whole of it, three times over, would be half a gigabyte.
    """
    grey = Image.new("L", image.size)
    for top in range(0, image.height, ROWS):
        part = image.crop((0, top, image.width, min(top + ROWS, image.height))).convert("RGBA")
        paper = Image.new("RGBA", part.size, "white")
        grey.paste(Image.alpha_composite(paper, part).convert("L"), (0, top))
    return grey


def shown(
    values: Floats,
    limits: tuple[float, float],
    alt: str,
    hidden: Mask | None = None,
    diverging: bool = False,
) -> str:
    """A matrix as an HTML picture, one pixel an entry, hidden entries in the selection's yellow.

    Grey from limits[0], black, to limits[1], white; or, diverging, blue to orange. Values beyond
    the limits take the last colour.

    >>> shown(np.eye(2), (0.0, 1.0), "two by two").count("<img")
    1
    """
    low, high = limits
    share = np.clip((np.where(np.isfinite(values), values, low) - low) / ((high - low) or 1), 0, 1)
    pixels = (share * (LEVELS - 1)).round().astype(np.uint8)
    if hidden is not None:
        pixels[hidden] = LEVELS
    image = Image.fromarray(pixels)
    image.putpalette(_palette(DIVERGING if diverging else GREYS))
    stream = BytesIO()
    image.save(stream, "PNG", compress_level=1)
    png = base64.b64encode(stream.getvalue()).decode()
    m, n = values.shape
    return (
        f'<img src="data:image/png;base64,{png}" alt="{escape(alt)}" style="width:100%;'
        f'aspect-ratio:{n}/{m};image-rendering:pixelated;display:block">'
    )


def _rgb(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _palette(stops: Sequence[tuple[float, str]]) -> bytes:
    """LEVELS colours between the stops, and that of what is hidden."""
    places = [place for place, _ in stops]
    colours = np.array([_rgb(colour) for _, colour in stops])
    share = np.linspace(0, 1, LEVELS)
    channels = [np.interp(share, places, colours[:, i]) for i in range(3)]
    known = np.stack(channels, axis=-1).round().astype(np.uint8)  # (LEVELS, 3)
    return known.tobytes() + bytes(_rgb(COLOURS["pivot"]))
