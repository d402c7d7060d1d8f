"""The paper's experiments give the same record wherever their runs are done."""

import json

import numpy as np
import pytest

from lowrank.errors import InputError, SourceError
from lowrank.lora.lab import experiments, redoing
from lowrank.readers import open_model
from lowrank.readers.identity import identity
from tests import executors, tiny_llama

SETTINGS = experiments.Settings(
    steps=2, seeds=(0,), tables=("update",), lines=4, validation=2, held_out=2, layer=1
)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return open_model(str(tiny_llama.write(tmp_path_factory.mktemp("model") / "tiny")))


@pytest.mark.parametrize("kind", executors.KINDS)
def test_any_executor_gives_the_record_that_is_made_here(kind, model):
    here, there = experiments.Redo(SETTINGS), experiments.Redo(SETTINGS)
    list(redoing.work(model, here))
    with executors.of_kind(kind) as pool:
        shares = [doing.share for doing in redoing.work(model, there, pool)]
    assert shares == sorted(shares)
    assert set(there.record["runs"]) == set(here.record["runs"])
    assert there.record["rates"] == here.record["rates"]
    assert losses(there) == pytest.approx(losses(here), abs=2e-4)
    assert there.record["before"] == pytest.approx(here.record["before"], abs=1e-4)
    assert set(there.kept) == set(here.kept)
    for name, array in here.kept.items():
        np.testing.assert_allclose(there.kept[name], array, atol=1e-3)
    assert set(json.loads(json.dumps(there.record))["update"]["modules"]) == {"q_proj", "v_proj"}


def test_runs_that_are_there_are_not_done_again(model):
    done = experiments.Redo(SETTINGS)
    list(redoing.work(model, done))
    marked = {name: numbers | {"loss": -1.0} for name, numbers in done.record["runs"].items()}
    name = f"ranks/8/{done.record['rates']['ranks/8']:g}/0"
    del marked[name]
    again = experiments.Redo(SETTINGS, done.record | {"runs": marked}, dict(done.kept))
    with executors.of_kind("processes") as pool:
        list(redoing.work(model, again, pool))
    found = losses(again)
    assert found.pop(name) > 0
    assert set(found.values()) == {-1.0}


def test_another_file_under_the_same_source_and_a_layer_that_is_none_are_refused(model):
    with pytest.raises(SourceError, match="another file to this worker"):
        redoing.ready(model.source, "0" * 64)
    with executors.of_kind("processes") as pool, pytest.raises(InputError, match="layer is 15"):
        next(redoing.work(model, experiments.Redo(experiments.Settings()), pool))
    assert redoing.ready(model.source, identity(model))[0].layers


def losses(redo):
    return {name: numbers["loss"] for name, numbers in redo.record["runs"].items()}
