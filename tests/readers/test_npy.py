"""A .npy file opens as one matrix; what holds no real numbers, or lies, is refused."""

import numpy as np
import pytest

from lowrank.errors import FormatError, InputError
from lowrank.readers import open_model

A = np.random.default_rng(0).standard_normal((5, 3))


@pytest.mark.parametrize("dtype", ["f8", "f4", "f2", ">f4", "i4", "u1", "?"])
@pytest.mark.parametrize("turned", [False, True])
def test_the_matrix_is_the_array(dtype, turned, tmp_path):
    held = (10 * A).astype(dtype)
    np.save(tmp_path / "mine.npy", np.asfortranarray(held) if turned else held)
    model = open_model(tmp_path / "mine.npy")
    (name,) = model.tensors
    assert (model.title, name, model.tensors[name].shape) == ("mine", "matrix", (5, 3))
    np.testing.assert_array_equal(model.read(name), held.astype(np.float32))
    with pytest.raises(InputError, match="no tensor"):
        model.read("other")


@pytest.mark.parametrize(
    ("held", "words"),
    [
        (A.astype("c8"), "complex64, and real numbers are expected"),
        (np.array(["a"]), "real numbers are expected"),
        (np.array([1], "M8[s]"), "real numbers are expected"),
        (np.array([None], object), "object, and real numbers are expected"),
    ],
)
def test_other_than_real_numbers_are_refused(held, words, tmp_path):
    np.save(tmp_path / "a.npy", held, allow_pickle=True)
    with pytest.raises(FormatError, match=words):
        open_model(tmp_path / "a.npy")


def test_cut_anywhere_it_is_refused(tmp_path):
    np.save(tmp_path / "a.npy", A)
    sound = (tmp_path / "a.npy").read_bytes()
    for end in range(0, len(sound), 5):
        (tmp_path / "cut.npy").write_bytes(sound[:end])
        with pytest.raises(FormatError, match=r"cut\.npy is not a sound"):
            open_model(tmp_path / "cut.npy")
