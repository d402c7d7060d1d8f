"""Every step of every lesson opens its page as it says, with its task above it."""

import pytest

from lowrank.llama.names import LABELS
from lowrank.ui.lessons import LESSONS, lesson
from tests.pages import opening
from tests.pages.opening import words

STEPS = [(name, step) for name in LESSONS for step in lesson(name).steps]


@pytest.mark.parametrize(("name", "step"), STEPS, ids=lambda x: getattr(x, "number", x))
def test_a_step_sets_its_page_up_without_a_complaint(default_model, name, step):
    app = opening.opened(step.page, **step.link, lesson=f"{name}.{step.number}")
    assert not app.exception
    assert not app.error
    assert step.task in words(app)
    assert not any("link asks for" in info.value for info in app.info)
    for key, value in step.link.items():
        chosen = app.session_state[key]
        assert value in (str(chosen), LABELS.get(str(chosen))) or [value] == chosen


@pytest.mark.parametrize("wanted", ["rank.99", "cooking.1", "rank.", ".", "rank.1.1"])
def test_a_step_that_is_not_there_is_named_beside_those_that_are(wanted):
    app = opening.opened("rank", lesson=wanted)
    assert not app.exception
    told = [info.value for info in app.info if "there are rank.1 to rank.6" in info.value]
    assert len(told) == (wanted != "rank.")
