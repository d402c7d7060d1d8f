"""The Redundancy page's four views, one module each; the page itself only chooses."""

from lowrank.language import gettext_noop
from lowrank.ui.bound import named
from lowrank.ui.sidebar import MATRIX, MODEL

RECOVER, WORKS, FEATURES, COMPRESS = VIEWS = (
    gettext_noop("Recover"),
    gettext_noop("When it works"),
    gettext_noop("Features"),
    gettext_noop("Compress"),
)
WEIGHTS = gettext_noop("weights")


def needs() -> str:
    """What the page needs the sidebar to ask: only two of its views look at a model."""
    view = named("task", VIEWS)
    if view == FEATURES:
        return MODEL
    return MATRIX if view in (None, RECOVER) and named("data", [WEIGHTS]) else ""
