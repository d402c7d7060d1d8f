"""A link says anything in every parameter: a page says what it takes, and never more than it may.

No page ends in an exception, and none takes a number for more work than its widgets allow.
"""

import pytest

from lowrank.ui.visits import PARAMETERS
from tests.pages import opening

EXTREMES = {
    "endless": "9" * 1000,
    "negative": "-1e308",
    "no number": "nan",
    "script": "<script>alert(1)</script>![](http://evil/x.png)",
    "format": "{0.__class__}%s%n\x00\ud7ff\u202e",
    "path": "../../../../etc/passwd",
    "power": "1" * 500 + "/" + "1" * 500 + "x^9**9**9",
}


@pytest.mark.slow
@pytest.mark.parametrize("extreme", EXTREMES)
@pytest.mark.parametrize("page", PARAMETERS)
def test_a_page_takes_any_value_of_its_parameters(page, extreme):
    """All at once: whatever the page looks at first, the rest is read when it is wanted."""
    link = dict.fromkeys((*PARAMETERS[page], "tensor", "layer", "nothing"), EXTREMES[extreme])
    app = opening.opened(page, model="synthetic", **link)
    assert not app.exception
    assert all(len(each.value) < 4000 for each in (*app.error, *app.info, *app.warning))
