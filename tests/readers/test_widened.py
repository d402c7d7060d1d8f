"""A model's numbers in one file: the same numbers, made once, made again where they are damaged."""

import numpy as np
import pytest

from lowrank import llama
from lowrank.errors import SourceError
from lowrank.readers import open_model, widened
from lowrank.readers.widened import widened as shared
from tests import tiny_llama


@pytest.fixture
def model(tmp_path):
    return open_model(str(tiny_llama.write(tmp_path / "tiny")))


def test_the_file_has_the_model_s_numbers_and_is_made_once(model, tmp_path, monkeypatch):
    path = tmp_path / "kept" / "numbers"
    read = shared(model, path)
    assert not path.exists()
    for name in model.tensors:
        assert np.array_equal(read(name), model.read(name))
        assert not read(name).flags.writeable
    monkeypatch.setattr(type(model), "read", lambda *_: pytest.fail("it was read again"))
    again = shared(model, path)
    assert all(np.array_equal(again(name), read(name)) for name in model.tensors)


def test_a_model_that_runs_from_the_file_says_what_it_says_from_its_own(model, tmp_path):
    ids = [3, 1, 4]
    from_file = llama.load(model, read=shared(model, tmp_path / "numbers"))
    assert np.array_equal(llama.forward(from_file, ids), llama.forward(llama.load(model), ids))


def test_a_file_of_another_length_is_made_again(model, tmp_path):
    path = tmp_path / "numbers"
    path.write_bytes(b"half of it")
    name = next(iter(model.tensors))
    assert np.array_equal(shared(model, path)(name), model.read(name))


def test_where_no_file_can_be_written_the_model_is_read(model, tmp_path, monkeypatch):
    def full(path):
        raise SourceError("No room.")

    monkeypatch.setattr(widened, "whole", full)
    name = next(iter(model.tensors))
    assert np.array_equal(shared(model, tmp_path / "numbers")(name), model.read(name))
