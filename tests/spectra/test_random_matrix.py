"""The law of noise against integration and against drawn noise; power laws against drawn ones."""

import numpy as np
import pytest
import scipy.integrate
from hypothesis import given, settings
from hypothesis import strategies as st

from lowrank.errors import InputError
from lowrank.spectra.random_matrix import (
    beyond_bulk,
    beyond_random_factors,
    density,
    edges,
    median,
    noise_level,
    power_law,
)
from lowrank.spectra.svd import of_product

sides = st.integers(5, 3000)


@settings(max_examples=60, deadline=None)
@given(sides, sides, st.floats(1e-3, 1e3))
def test_the_density_integrates_to_one_and_the_median_halves_it(m, n, sigma):
    a, b = edges((m, n), sigma)
    # Moments that the law must have: 1, and the mean of s**2, which is sigma**2 max(m, n).
    s = (a + b) / 2 - (b - a) / 2 * np.cos(np.linspace(0, np.pi, 20001))
    f = density(s, (m, n), sigma)
    assert scipy.integrate.trapezoid(f, s) == pytest.approx(1, abs=1e-4)
    second = scipy.integrate.trapezoid(f * s**2, s)
    assert second == pytest.approx(sigma**2 * max(m, n), rel=1e-4)
    half = s <= median((m, n), sigma)
    assert scipy.integrate.trapezoid(f[half], s[half]) == pytest.approx(0.5, abs=1e-3)
    assert density(b * 1.001, (m, n), sigma) == 0
    assert density(-1.0, (m, n), sigma) == 0


@pytest.mark.parametrize("shape", [(400, 300), (300, 400), (350, 350)])
def test_drawn_noise_follows_the_law_and_a_strong_signal_stands_out(shape):
    rng = np.random.default_rng(0)
    W = 0.3 * rng.standard_normal(shape)
    s = np.linalg.svd(W, compute_uv=False)
    assert noise_level(s, shape) == pytest.approx(0.3, rel=0.01)
    a, b = edges(shape, 0.3)
    assert s[0] == pytest.approx(b, rel=0.02)
    counts, bins = np.histogram(s, bins=8, range=(a, b))
    middle = np.linspace(bins[:-1], bins[1:], 200)
    expected = density(middle, shape, 0.3).mean(axis=0) * (bins[1] - bins[0])
    assert abs(counts / len(s) - expected).max() < 0.01
    U, V = (np.linalg.qr(rng.standard_normal((side, 3)))[0] for side in shape)
    threshold = 0.3 * (shape[0] * shape[1]) ** 0.25
    strong = np.linalg.svd(W + 1.6 * threshold * U @ V.T, compute_uv=False)
    assert beyond_bulk(strong, shape) == 3
    weak = np.linalg.svd(W + 0.5 * threshold * U @ V.T, compute_uv=False)
    assert beyond_bulk(weak, shape, 0.303) == 0


def brute_power_law(x, least):
    best = None
    for x_min in sorted(set(x)):
        tail = np.sort(x[x >= x_min])
        if len(tail) < least or tail[-1] == tail[0]:
            continue
        alpha = 1 + len(tail) / np.log(tail / x_min).sum()
        law = 1 - (tail / x_min) ** (1 - alpha)
        steps = np.arange(len(tail)) / len(tail)
        distance = max(abs(law - steps).max(), abs(law - steps - 1 / len(tail)).max())
        if best is None or distance < best[0]:
            best = distance, alpha, x_min, len(tail)
    return best


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**20), st.integers(12, 80), st.sampled_from([1e-10, 1.0, 1e10]))
def test_the_power_law_is_the_one_a_search_by_brute_force_finds(seed, count, scale):
    rng = np.random.default_rng(seed)
    s = np.sort(rng.pareto(2.0, count) + rng.random(count))[::-1] * scale
    found = power_law(s)
    distance, alpha, x_min, tail = brute_power_law(s**2, 10)
    assert found.tail == tail
    assert found.alpha == pytest.approx(alpha, rel=1e-9)
    assert found.x_min == pytest.approx(x_min, rel=1e-12)
    assert found.distance == pytest.approx(distance, abs=1e-9)


def test_a_drawn_power_law_gives_its_exponent_back():
    rng = np.random.default_rng(1)
    for alpha in (2.0, 3.0, 4.5):
        x = (1 - rng.random(6000)) ** (-1 / (alpha - 1))
        found = power_law(np.sort(x**0.5)[::-1], least=1500)
        assert found.alpha == pytest.approx(alpha, rel=0.08)
        assert found.distance < 0.03


def test_refusals():
    with pytest.raises(InputError, match="sigma"):
        edges((3, 3), 0)
    with pytest.raises(InputError, match="all 3"):
        noise_level([1.0], (3, 3))
    with pytest.raises(InputError, match="not all equal"):
        power_law(np.ones(50))
    with pytest.raises(InputError, match="4 values"):
        power_law([4.0, 3, 2, 1])


@pytest.mark.parametrize(("m", "n", "r"), [(400, 300, 16), (64, 900, 8), (500, 500, 64)])
def test_of_random_factors_no_value_counts_and_a_strong_one_does(m, n, r):
    rng = np.random.default_rng(2)
    B, A = rng.standard_normal((m, r)), rng.standard_normal((r, n))
    assert beyond_random_factors(of_product(B, A).s, (m, n)) == 0
    B[:, :3] *= 10
    assert beyond_random_factors(of_product(B, A).s, (m, n)) == 3
    with pytest.raises(InputError, match="k is 9"):
        beyond_random_factors(np.ones(9), (8, 100))
