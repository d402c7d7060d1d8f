"""The matrices whose entries the Redundancy page hides: drawn, made up, or the model's own."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lowrank.figures.pictures import DRAWN
from lowrank.language import gettext as _
from lowrank.language import gettext_noop
from lowrank.readers import Model, TensorInfo
from lowrank.ui import cached
from lowrank.ui.bound import said
from lowrank.ui.sidebar import provenance

BLOCK = 200  # rows and columns of a weight matrix that are used
# fmt: off
PEOPLE = (
    "Ada", "Bram", "Chidi", "Dara", "Emil", "Farah", "Goran", "Hana",
    "Ines", "Jonas", "Kira", "Liam", "Mona", "Nils", "Olga", "Petra",
    "Quinn", "Rosa", "Sven", "Tomo", "Uma", "Vera", "Wim", "Xenia",
    "Yara", "Zeno", "Alba", "Boris", "Celia", "Dmitri",
)
# fmt: on
# A film's share of action and of romance, from −1 to 1: the two numbers the ratings follow.
FILMS = {
    gettext_noop("Night Train Chase"): (1.0, -0.3),
    gettext_noop("The Last Vault"): (0.9, -0.5),
    gettext_noop("Engines of Mars"): (0.8, 0.0),
    gettext_noop("Storm Runner"): (0.9, 0.2),
    gettext_noop("Seven Blades"): (0.7, -0.6),
    gettext_noop("Letters in June"): (-0.6, 1.0),
    gettext_noop("A Tea House Waltz"): (-0.8, 0.9),
    gettext_noop("Lisbon, Again"): (-0.3, 0.9),
    gettext_noop("The Gardener's Vow"): (-0.5, 0.7),
    gettext_noop("Spies in Love"): (0.8, 0.8),
    gettext_noop("Pirate Wedding"): (0.7, 0.9),
    gettext_noop("Midnight Duet"): (0.1, 0.8),
    gettext_noop("Ice and Statistics"): (-0.7, -0.6),
    gettext_noop("The Long Silence"): (-0.9, -0.3),
    gettext_noop("Proof by Snow"): (-0.5, -0.8),
    gettext_noop("Inspector Moth"): (0.2, -0.7),
    gettext_noop("Two Thousand Geese"): (-0.4, 0.1),
    gettext_noop("Robot Orchard"): (0.5, 0.3),
    gettext_noop("Harbour Lights"): (-0.2, 0.5),
    gettext_noop("Under the Viaduct"): (0.4, -0.4),
}


@dataclass(frozen=True)
class Data:
    """X (m, n), what it is in words, and how to show it: colours' limits, names of its lines."""

    X: NDArray[np.floating]
    words: str
    limits: tuple[float, float]
    diverging: bool = False
    rows: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()


def picture(name: str) -> Data:
    """One of the drawn pictures."""
    X = DRAWN[name]()
    m, n = X.shape
    words = _("{name}: {m} × {n} greys, drawn by this program")
    return Data(X, words.format(name=said(name), m=m, n=n), (0.0, 1.0))


def ratings() -> Data:
    """Thirty people's half stars for twenty films: 3 + 2 (taste . film), rounded; made up.

    Tastes are normal numbers of a fixed seed. Before rounding the table has rank 3: the constant,
    the liking for action and the liking for romance.
    """
    taste = 0.75 * np.random.default_rng(4).standard_normal((len(PEOPLE), 2))
    stars = 3 + 2 * taste @ np.array(list(FILMS.values())).T  # (people, 2), (2, films)
    X = np.clip(np.rint(2 * stars) / 2, 0.5, 5)
    words = _("Ratings: {people} people × {films} films, made up from two tastes each")
    return Data(
        X,
        words.format(people=len(PEOPLE), films=len(FILMS)),
        (0.5, 5.0),
        rows=PEOPLE,
        columns=tuple(map(said, FILMS)),
    )


def weights(model: Model, info: TensorInfo) -> Data:
    """The first rows and columns of one of the model's matrices, 200 of each at most."""
    X = cached.matrix(model.source, info.name)[:BLOCK, :BLOCK]
    m, n = X.shape
    limit = float(np.quantile(np.abs(X), 0.995)) or 1.0
    words = _("First {m} rows and {n} columns of {matrix}")
    words = words.format(m=m, n=n, matrix=provenance(model, info))
    return Data(X, words, (-limit, limit), diverging=True)


def hide(
    X: NDArray[np.floating], share: float, draw: int, whole_row: bool = False
) -> NDArray[np.bool_]:
    """Which entries stay, (m, n): each is hidden with probability `share`; and the middle row.

    Without `whole_row`, one entry of each row and column always stays.
    """
    rng = np.random.default_rng([draw, *X.shape])
    chance = rng.random(X.shape)
    seen = chance >= share
    seen[np.arange(len(X)), chance.argmax(axis=1)] = True
    seen[chance.argmax(axis=0), np.arange(X.shape[1])] = True
    if whole_row:
        seen[len(X) // 2] = False
    return seen
