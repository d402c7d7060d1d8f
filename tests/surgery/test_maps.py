"""A sensitivity map is the same wherever its points are measured."""

import pytest

from lowrank.readers import open_model
from lowrank.surgery.maps import mapped
from tests import executors, tiny_llama

TEXT = "A rank is a number of rows."


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return open_model(str(tiny_llama.write(tmp_path_factory.mktemp("model") / "tiny")))


@pytest.mark.parametrize("kind", executors.KINDS)
@pytest.mark.parametrize("layers", [None, [0, 1]])
def test_any_executor_measures_the_points_that_are_measured_here(kind, layers, model):
    asked = model, TEXT, [0.5, 0.25], layers, ["q_proj", "up_proj"]
    here = {where(p): p for p in mapped(*asked)}
    with executors.of_kind(kind) as pool:
        there = {where(p): p for p in mapped(*asked, executor=pool)}
    assert len(here) == 2 * 2 * 2 * (len(layers) if layers else 1)
    assert there.keys() == here.keys()
    for at, point in here.items():
        assert there[at].nll == pytest.approx(point.nll, abs=1e-4)
        assert there[at].base == pytest.approx(point.base, abs=1e-4)


def where(point):
    return point.kind, point.layer, point.fraction, point.way
