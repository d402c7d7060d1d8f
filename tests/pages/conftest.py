"""What all tests of pages have in common."""

import plotly.graph_objects as go
import pytest

from lowrank.ui import drawing


@pytest.fixture(autouse=True)
def every_figure_is_one_of_plotly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a page draws is checked in full, as no page does for itself."""

    class Checked(drawing.Made):
        def __init__(self, figure):
            super().__init__(figure)
            go.Figure(self._made)

    monkeypatch.setattr(drawing, "Made", Checked)
