"""The loss predicted from both sides of a matrix, and ranks shared out by it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, milp

from lowrank.errors import InputError
from lowrank.llama.backward import batch, gradients
from lowrank.llama.model import TINY, projections, random
from lowrank.surgery import FactorStore, allocate, factor_store, plain, stored, weighted
from lowrank.surgery.factors import Factors
from lowrank.surgery.fisher import Sides, batches, read_back

PARAMS = random(TINY, np.random.default_rng(0), dtype=np.float64)
IDS = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9]
ALL = tuple(name for name in projections(PARAMS) if name != "lm_head")
SHAPES = st.tuples(st.integers(1, 9), st.integers(1, 9))


class Both(Sides):
    """Sums that keep what they are made of."""

    def __init__(self, shape):
        super().__init__(shape)
        self.x, self.g = [], []

    def add(self, x, g):
        self.x.extend(np.array(x))
        self.g.extend(np.array(g))
        super().add(x, g)


def test_what_goes_in_and_what_comes_back_make_the_gradient():
    """The sum of g x^T over tokens is the gradient that training would follow."""
    found = {name: Both(projections(PARAMS)[name].shape) for name in ALL}
    assert list(read_back(PARAMS, [IDS], found)) == [1]
    one = batch([(IDS, np.ones(len(IDS)))], PARAMS.config)
    _, expected = gradients(PARAMS, one, [f"{name}.weight" for name in ALL], count=1)
    for name, both in found.items():
        assert both.tokens == len(IDS)
        dW = np.array(both.g).T @ np.array(both.x)
        np.testing.assert_allclose(dW, expected[f"{name}.weight"], atol=1e-12)


def test_the_sides_are_the_first_step_to_the_nearest_product():
    """A = sum |g|^2 x x^T and G = sum |x|^2 g g^T, scaled to the Fisher information's own trace."""
    rng = np.random.default_rng(1)
    x, g = rng.standard_normal((50, 4)), rng.standard_normal((50, 3)) * rng.uniform(0, 3, (50, 1))
    sides = Sides((3, 4))
    sides.add(x[:20], g[:20])
    sides.add(x[20:], g[20:])
    R, L = sides.triangles(damping=0.0)
    F = np.einsum("ta,ti,tb,tj->iajb", x, g, x, g) / 50  # mean (g x^T) (g x^T)
    A, G = np.einsum("iaib->ab", F), np.einsum("iaja->ij", F)
    trace = np.trace(A)
    np.testing.assert_allclose(np.kron(L.T @ L, R.T @ R), np.kron(G, A) / trace, atol=1e-12)
    assert np.array_equal(R, np.triu(R))
    assert np.array_equal(L, np.triu(L))
    rows = np.sqrt(np.diag(G))
    np.testing.assert_allclose(np.diag(sides.rows()), rows, atol=1e-12)


def test_where_tokens_have_one_direction_the_prediction_is_the_mean_square_of_the_change():
    """With g the same for all, F is a product, and half of it the mean of (g . dW x)^2 / 2."""
    rng = np.random.default_rng(2)
    x, g = rng.standard_normal((30, 4)), np.tile(rng.standard_normal(3), (30, 1))
    sides = Sides((3, 4))
    sides.add(x, g)
    R, L = sides.triangles(damping=1e-12)
    W = rng.standard_normal((3, 4))
    factors = weighted(W, R, L)
    dW = W - factors.pair(1).matrix()
    change = np.einsum("ti,ia,ta->t", g, dW, x)
    assert (factors.s[1:] ** 2).sum() == pytest.approx((change**2).mean(), rel=1e-3, abs=1e-9)


@given(SHAPES, st.integers(0, 2**32 - 1), st.data())
def test_weighted_from_both_sides_loses_least_of_what_is_weighted(shape, seed, data):
    m, n = shape
    rng = np.random.default_rng(seed)
    W = rng.standard_normal((m, n))
    R, L = (np.linalg.qr(rng.standard_normal((k + 3, k)), mode="r") for k in (n, m))
    k = data.draw(st.integers(1, min(m, n)))
    best = np.linalg.norm(L @ (W - weighted(W, R, L).pair(k).matrix()) @ R.T)
    assert best == pytest.approx(np.sqrt((weighted(W, R, L).s[k:] ** 2).sum()), abs=1e-7)
    rivals = [plain(W).pair(k).matrix(), weighted(W, R).pair(k).matrix()]
    rivals.append(rng.standard_normal((m, k)) @ rng.standard_normal((k, n)))
    assert best <= min(np.linalg.norm(L @ (W - V) @ R.T) for V in rivals) + 1e-7


def test_a_side_that_does_not_fit_or_is_singular_is_named():
    W = np.ones((2, 3))
    with pytest.raises(InputError, match="L has shape"):
        weighted(W, np.eye(3), np.eye(3))
    with pytest.raises(InputError, match="L is singular"):
        weighted(W, np.eye(3), np.zeros((2, 2)))


def test_batches_and_an_empty_text():
    assert batches([[1], [2, 3]]) == [[[2, 3]]]
    with pytest.raises(InputError, match="two tokens"):
        next(read_back(PARAMS, [[1]], {ALL[0]: Sides((8, 8))}))


@pytest.mark.parametrize("way", ["fisher", "rows"])
def test_factors_by_gradient_are_kept_whatever_memory_holds_at_once(way, tmp_path, monkeypatch):
    together = FactorStore(tmp_path / "a", PARAMS, [IDS])
    steps = list(together.prepare(way, ALL))
    assert steps[-1][:2] == (len(ALL) + 1, len(ALL) + 1)
    assert [done for done, _, _ in steps] == sorted(done for done, _, _ in steps)
    monkeypatch.setattr(factor_store, "AT_ONCE", 1)
    apart = FactorStore(tmp_path / "b", PARAMS, [IDS])
    for name in ALL:
        one, other = (store.source(way)(name) for store in (together, apart))
        np.testing.assert_allclose(one.s, other.s, rtol=1e-9)
        W = projections(PARAMS)[name].matrix()
        np.testing.assert_allclose(one.U @ one.SVt, W, atol=1e-4)
    assert not together.missing(way, ALL)
    assert list(together.prepare(way, ALL)) == [(0, 0, "")]


def optimum(shapes, gains, budget):
    """The least loss at that size by an integer program over all choices of every matrix."""
    costs, losses, owner = [], [], []
    for i, (shape, gain) in enumerate(zip(shapes, gains, strict=True)):
        for k in range(1, min(shape) + 1):
            costs.append(stored(shape, k))
            losses.append(gain[k:].sum())
            owner.append(i)
    one_each = LinearConstraint(
        np.array([[o == i for o in owner] for i in range(len(shapes))], float), 1, 1
    )
    size = LinearConstraint(np.array([costs], float), -np.inf, budget)
    found = milp(
        losses, integrality=np.ones(len(costs)), bounds=Bounds(0, 1), constraints=[one_each, size]
    )
    return found.fun if found.success else None


@given(st.integers(0, 2**32 - 1), st.floats(0.5, 1.0))
@settings(max_examples=40, deadline=None)
def test_by_loss_no_plan_of_a_little_less_is_better(seed, share):
    rng = np.random.default_rng(seed)
    shapes = {name: projections(PARAMS)[name].shape for name in ALL}
    squares = {
        name: np.sort(rng.exponential(rng.uniform(0.1, 5), min(shape)))[::-1]
        for name, shape in shapes.items()
    }

    def source(name):
        m, n = shapes[name]
        r = min(m, n)
        return Factors(np.zeros((m, r)), np.sqrt(squares[name]), np.zeros((r, n)))

    plan = allocate(PARAMS, ALL, share, "loss", source)
    budget = share * sum(m * n for m, n in shapes.values())
    assert sum(stored(shapes[name], k) for name, k in plan.items()) <= budget + 1e-9
    lost = sum(squares[name][k:].sum() for name, k in plan.items())
    largest = max(m * n for m, n in shapes.values())  # no step is larger
    rival = optimum(list(shapes.values()), list(squares.values()), budget - largest)
    if rival is not None:
        assert lost <= rival + 1e-9
    assert lost >= optimum(list(shapes.values()), list(squares.values()), budget) - 1e-9
