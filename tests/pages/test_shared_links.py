"""A link made in one language opens in another as the view that its maker shared."""

from itertools import permutations

import pytest
from streamlit.testing.v1 import AppTest

from lowrank.exact.floating import PIVOTINGS
from lowrank.language import SOURCE, gettext, languages, pgettext, source_of, speaking
from lowrank.llama.names import LABELS
from lowrank.ui.lessons import LESSONS, lesson
from tests.pages.opening import opened, words

PAIRS = list(permutations(languages(), 2))
STEPS = [(name, step) for name in LESSONS for step in lesson(name).steps]


def link_of(app: AppTest) -> dict[str, str | list[str]]:
    """What the address says now, but for the language."""
    found = {key: app.query_params[key] for key in app.query_params if key != "lang"}
    return {key: each[0] if len(each) == 1 else each for key, each in found.items()}


@pytest.mark.parametrize(("theirs", "mine"), PAIRS)
def test_a_case_is_named_in_the_address_as_its_maker_reads_it(theirs, mine):
    made = opened("rank", lang=theirs, view="Parameters", pm="k 1; 1 k")
    case = made.selectbox(key="case").options[1]
    here = opened("rank", lang=mine, **link_of(made), case=case)
    assert not here.exception
    assert (here.session_state["view"], here.session_state["case"]) == ("Parameters", 1)
    assert here.selectbox(key="case").options[1] == link_of(here)["case"] != case
    assert [info.value for info in here.info] == []


@pytest.mark.parametrize("language", languages()[1:])
@pytest.mark.parametrize(("name", "step"), STEPS, ids=lambda x: getattr(x, "number", x))
def test_a_step_of_a_lesson_goes_there_and_back(language, name, step, default_model):
    """Its link is in English, as the plan prints it; what is shared then is in the other one."""
    there = opened(step.page, lang=language, lesson=f"{name}.{step.number}", **step.link)
    back = opened(step.page, lang=SOURCE, **link_of(there))
    with speaking(language):
        translated = next(s.task for s in lesson(name).steps if s.number == step.number)
    for app, task in ((there, translated), (back, step.task)):
        assert not app.exception
        assert task in words(app)
        assert not any(f"{name}.{step.number}" in info.value for info in app.info)
    for key, value in step.link.items():
        chosen = there.session_state[key]
        assert value in (str(chosen), LABELS.get(str(chosen))) or [value] == chosen
        assert back.session_state[key] == chosen
        assert value in source_of(str(link_of(there).get(key, value)))  # defaults are not there


@pytest.mark.parametrize("theirs", languages())
@pytest.mark.parametrize("mine", languages())
@pytest.mark.parametrize("pivoting", PIVOTINGS)
def test_no_pivoting_is_called_so_in_links_of_every_language(theirs, mine, pivoting):
    with speaking(theirs):
        for label in {pgettext("pivoting", pivoting), gettext(pivoting)}:
            here = opened("rank", lang=mine, view="Numbers lie", pivoting=label)
            assert here.session_state["pivoting"] == pivoting
            assert [info.value for info in here.info] == []
            with speaking(mine):
                shown = here.segmented_control(key="pivoting").options
                assert pgettext("pivoting", pivoting) in shown
