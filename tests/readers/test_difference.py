"""Two models less one another, as a model."""

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from lowrank.errors import InputError
from lowrank.readers import open_model
from lowrank.readers.difference import Difference
from lowrank.readers.identity import identity
from lowrank.readers.interface import Mapped

BASE = Path(__file__).parents[1] / "fixtures" / "adapters" / "base-llama"
Q = "model.layers.0.self_attn.q_proj.weight"


def changed(folder: Path, change) -> Path:
    """The base's tensors as `change` leaves them, in a folder."""
    held = change(load_file(BASE / "model.safetensors"))
    folder.mkdir()
    save_file(held, folder / "model.safetensors")
    return folder


def test_it_reads_the_difference_and_opens_again_from_its_source(tmp_path):
    other = changed(tmp_path / "tuned", lambda held: held | {Q: held[Q] + np.float32(0.5)})
    base, tuned = open_model(BASE), open_model(other)
    found = Difference(base, tuned)
    np.testing.assert_allclose(found.read(Q), 0.5, atol=1e-6)
    assert not found.read("model.norm.weight").any()
    assert found.title == "tuned less base-llama"
    again = open_model(found.source)
    np.testing.assert_array_equal(again.read(Q), found.read(Q))
    assert identity(again) == identity(found) != identity(Difference(tuned, base))
    with pytest.raises(InputError, match="no tensor 'x'"):
        found.read("x")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda held: {n: W for n, W in held.items() if n != Q}, "it lacks .*q_proj"),
        (lambda held: held | {Q: held[Q][:16]}, r"\(16, 32\) in it and \(32, 32\)"),
        (lambda held: held | {Q.replace(".0.", ".9."): held[Q]}, "it lacks .*layers.9"),
        (lambda held: {"model.norm.weight": held["model.norm.weight"]}, "it lacks"),
    ],
)
def test_a_model_of_another_shape_is_one_sentence(tmp_path, change, words):
    other = open_model(changed(tmp_path / "other", change))
    for pair in ((open_model(BASE), other), (other, open_model(BASE))):
        with pytest.raises(InputError, match=r"another shape|no layers"):
            Difference(*pair)
    with pytest.raises(InputError, match=words):
        Difference(open_model(BASE), other)


def test_what_is_released_is_read_again():
    model = open_model(BASE)
    assert isinstance(model, Mapped)
    before = model.read(Q)
    model.release(Q)
    np.testing.assert_array_equal(model.read(Q), before)
