"""Bounds from a truncated spectrum hold whatever the rest is."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lowrank.errors import InputError
from lowrank.spectra import bounds, measures, svd

spectra = st.lists(
    st.floats(1e-100, 1.0) | st.sampled_from([0.0, 0.5, 1.0]), min_size=1, max_size=25
).map(lambda s: sorted([*s, 1.0])[::-1])


@settings(max_examples=300, deadline=None)
@given(spectra, st.data(), st.sampled_from([1e-10, 1.0, 1e10]))
def test_the_measure_of_the_whole_lies_within_the_bounds_of_its_head(s, data, scale):
    s = np.array(s) * scale
    top = s[: data.draw(st.integers(1, len(s)))]
    norm, count = svd.frobenius(s), len(s)
    found = bounds.stable_rank(top, norm, count)
    assert found.low == found.high == pytest.approx(measures.stable_rank(s))
    found = bounds.effective_rank(top, norm, count)
    value = measures.effective_rank(s)
    assert found.low * (1 - 1e-6) <= value <= found.high * (1 + 1e-6)
    k = data.draw(st.integers(1, count))
    found = bounds.energy(top, norm, count, k)
    assert found.low - 1e-9 <= svd.energy(s, k) <= found.high + 1e-9
    level = data.draw(st.floats(0.05, 0.95))
    found = bounds.rank_at_energy(top, norm, count, level)
    # Either side of the level, for a spectrum that meets it exactly.
    assert found.low <= measures.rank_at_energy(s, min(level * (1 + 1e-9), 1.0))
    assert measures.rank_at_energy(s, level * (1 - 1e-9)) <= found.high


def test_bounds_refuse_what_no_matrix_has():
    for norm, count, said in [
        (0.5, 3, "norm is 0.5"),
        (9.0, 3, "norm is 9"),
        (1.0, 0, "s holds 1"),
    ]:
        with pytest.raises(InputError, match=said):
            bounds.stable_rank([1.0], norm, count)
    assert bounds.effective_rank([0.0], 0.0, 4) == bounds.Bounds(0.0, 0.0)
