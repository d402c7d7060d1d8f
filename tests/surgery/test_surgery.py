"""Truncation of a running model: optimal, exact at full rank, counted, and refused where wrong."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lowrank.errors import InputError, SourceError
from lowrank.llama import distribution, nll
from lowrank.llama.linear import bias_of
from lowrank.llama.model import TINY, forward, observed, projections, random, replaced
from lowrank.llama.names import LINEAR
from lowrank.surgery import (
    FactorStore,
    allocate,
    answers,
    aware,
    aware_factors,
    by_energy,
    by_fraction,
    by_rank,
    chosen,
    cost,
    operate,
    plain,
    plain_factors,
    reading,
    second_moments,
    sensitivity,
    stored,
    texts,
    usage,
)

PARAMS = random(TINY, np.random.default_rng(0), biases=True, dtype=np.float64)
IDS = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9]
ALL = tuple(name for name in projections(PARAMS) if name != "lm_head")
SHAPES = st.tuples(st.integers(1, 9), st.integers(1, 9))


@given(SHAPES, st.integers(0, 2**32 - 1), st.data())
def test_aware_loses_least_of_the_output_and_plain_least_of_the_matrix(shape, seed, data):
    m, n = shape
    rng = np.random.default_rng(seed)
    W = rng.standard_normal((m, n))
    X = rng.standard_normal((n + 3, n)) * rng.uniform(0.1, 3, n)
    of_matrix, of_output = plain(W), aware(W, np.linalg.qr(X, mode="r"))
    k = data.draw(st.integers(1, min(m, n)))
    rivals = [of_matrix.pair(k).matrix(), of_output.pair(k).matrix()]
    rivals.append(rng.standard_normal((m, k)) @ rng.standard_normal((k, n)))
    for factors, loss in (
        (of_matrix, lambda V: np.linalg.norm(W - V)),
        (of_output, lambda V: np.linalg.norm((W - V) @ X.T)),
    ):
        best = loss(factors.pair(k).matrix())
        assert best == pytest.approx(np.sqrt((factors.s[k:] ** 2).sum()), abs=1e-7)
        assert best <= min(map(loss, rivals)) + 1e-7


@pytest.mark.parametrize("shape", [(30, 12), (12, 30), (12, 12)])
@pytest.mark.parametrize("rank", [12, 5, 0])
def test_factors_through_a_gram_matrix_are_the_svd_of_lapack(shape, rank):
    rng = np.random.default_rng(1)
    W = (
        rng.standard_normal((shape[0], rank))
        * 10.0 ** -np.arange(rank)
        @ rng.standard_normal((rank, shape[1]))
    )
    true, found = np.linalg.svd(W, compute_uv=False), plain(W)
    size = max(true[0], 1.0)
    assert np.allclose(found.U @ found.SVt, W, rtol=0, atol=1e-14 * size)
    assert np.allclose(found.s, true, rtol=0, atol=3e-8 * size)
    for k in range(1, 13):
        lost = np.linalg.norm(W - found.U[:, :k] @ found.SVt[:k])
        assert lost <= np.linalg.norm(true[k:]) * (1 + 1e-9) + 3e-8 * size


def test_at_full_rank_nothing_changes():
    plan = by_fraction(PARAMS, ALL, 1.0)
    moments = second_moments(PARAMS, [IDS], ALL)
    whole = forward(PARAMS, IDS)
    held = projections(PARAMS)
    for factors in (plain_factors(PARAMS), aware_factors(PARAMS, moments)):
        cut = operate(PARAMS, plan, factors)
        assert all(projections(cut)[name] is held[name] for name in ALL)
        pairs = {name: factors(name).pair(k, bias_of(held[name])) for name, k in plan.items()}
        np.testing.assert_allclose(forward(replaced(PARAMS, pairs), IDS), whole, atol=1e-8)


def test_what_is_not_cut_is_shared():
    names = chosen(PARAMS, ["q_proj"], [1])
    cut = operate(PARAMS, by_rank(PARAMS, names, 2), plain_factors(PARAMS))
    assert cut.layers[0] is PARAMS.layers[0]
    assert cut.layers[1].k_proj is PARAMS.layers[1].k_proj
    assert cut.layers[1].q_proj.rank == 2
    assert cut.layers[1].q_proj.bias is PARAMS.layers[1].q_proj.bias
    assert cut.embed_tokens is PARAMS.embed_tokens


def test_the_second_moment_is_that_of_what_goes_in():
    damping = 1e-3
    found = second_moments(PARAMS, [IDS[:9], IDS[9:]], ALL, damping)
    seen: dict[str, list] = {}
    watched = observed(PARAMS, lambda name, x: seen.setdefault(name, []).append(x))
    for part in (IDS[:9], IDS[9:]):
        forward(watched, part)
    for name, R in found.items():
        X = np.concatenate(seen[name])
        expected = X.T @ X / len(IDS)
        expected += damping * np.trace(expected) / len(expected) * np.eye(len(expected))
        np.testing.assert_allclose(R.T @ R, expected, rtol=1e-9, atol=1e-12)
        assert np.array_equal(R, np.triu(R))
    first = "model.layers.0.self_attn"
    assert found[f"{first}.q_proj"] is found[f"{first}.v_proj"]


def test_a_longer_text_is_read_in_windows_each_a_text_of_its_own(monkeypatch):
    monkeypatch.setattr("lowrank.surgery.factors.CHUNK", 8)
    whole, parts = (second_moments(PARAMS, t, ALL) for t in ([IDS], [IDS[:8], IDS[8:]]))
    assert 8 < len(IDS) <= 16
    for name, R in parts.items():
        np.testing.assert_array_equal(whole[name], R)


def test_cost_counts_what_is_stored():
    expected = sum(p.parameters for p in projections(PARAMS).values())
    expected += PARAMS.embed_tokens.size + PARAMS.norm.size * 5
    assert cost(PARAMS).parameters == expected
    assert cost(PARAMS).nbytes == 4 * expected
    m, n = TINY.projection_shape("up_proj")
    names = chosen(PARAMS, ["up_proj"])
    cut = operate(PARAMS, by_rank(PARAMS, names, 2), plain_factors(PARAMS))
    saved = 2 * (m * n - 2 * (m + n))
    assert cost(PARAMS).parameters - cost(cut).parameters == saved
    assert cost(PARAMS).flops - cost(cut).flops == 2 * saved


@given(st.floats(0.45, 1.0), st.sampled_from(["uniform", "energy", "sensitivity", "loss"]))
@settings(max_examples=30)
def test_a_budget_is_kept(share, rule):
    curves = {name.rpartition(".")[2]: [(0.25, 2.0), (0.5, 0.5)] for name in ALL}
    plan = allocate(PARAMS, ALL, share, rule, plain_factors(PARAMS), curves)
    held = projections(PARAMS)
    numbers = sum(stored(held[name].shape, k) for name, k in plan.items())
    assert numbers <= share * sum(np.prod(held[name].shape) for name in ALL) + 1e-9
    assert all(1 <= k <= min(held[name].shape) for name, k in plan.items())


def test_a_budget_is_spent_also_where_gains_are_alike():
    """Along a straight part of a curve each rank gains as much as the next, but for rounding."""
    params = random(replace(TINY, hidden_size=96, intermediate_size=240), np.random.default_rng(0))
    names = chosen(params, LINEAR)
    curves = {kind: [(0.1, 5.0), (0.5, 0.7), (0.75, 0.3)] for kind in LINEAR}
    plan = allocate(params, names, 0.8, "sensitivity", sensitivity=curves)
    shapes = {name: projections(params)[name].shape for name in names}
    numbers = sum(stored(shapes[name], k) for name, k in plan.items())
    assert numbers >= 0.8 * sum(map(np.prod, shapes.values())) - max(map(np.prod, shapes.values()))


def test_by_energy_no_plan_of_the_same_budget_loses_less():
    names, factors = chosen(PARAMS, ["q_proj", "down_proj"], [0]), plain_factors(PARAMS)
    plan = allocate(PARAMS, names, 0.7, "energy", factors)
    squares = {name: factors(name).s ** 2 for name in names}
    shapes = {name: projections(PARAMS)[name].shape for name in names}

    def kept(ranks):
        return sum(
            squares[n][:k].sum() / squares[n].sum() for n, k in zip(names, ranks, strict=True)
        )

    def price(ranks):
        return sum(stored(shapes[n], k) for n, k in zip(names, ranks, strict=True))

    spent = price(plan.values())
    rivals = [(a, b) for a in range(1, 9) for b in range(1, 9) if price((a, b)) <= spent]
    assert kept(plan.values()) >= max(map(kept, rivals)) - 1e-12


def test_more_goes_where_the_curve_is_steep():
    curves = {"q_proj": [(0.25, 0.0)], "k_proj": [(0.25, 0.0)], "v_proj": [(0.25, 3.0)]}
    curves |= {kind: [(0.25, 1.0)] for kind in ("o_proj", "gate_proj", "up_proj", "down_proj")}
    plan = allocate(PARAMS, ALL, 0.7, "sensitivity", sensitivity=curves)
    v, k = (plan[f"model.layers.0.self_attn.{kind}"] for kind in ("v_proj", "k_proj"))
    assert v > k


def test_nothing_is_cut_below_what_was_measured_while_there_is_room():
    curves = {kind: [(0.5, 0.1), (0.25, 5.0)] for kind in LINEAR} | {"up_proj": [(0.25, 90.0)]}
    plan = allocate(PARAMS, ALL, 0.8, "sensitivity", sensitivity=curves)
    assert all(k >= min(projections(PARAMS)[name].shape) / 4 for name, k in plan.items())


def test_energy_ranks_keep_what_they_promise():
    for name, k in by_energy(ALL, plain_factors(PARAMS), 0.8).items():
        squares = np.linalg.svd(projections(PARAMS)[name].matrix(), compute_uv=False) ** 2
        assert squares[:k].sum() >= 0.8 * squares.sum() * (1 - 1e-12)
        assert squares[: k - 1].sum() < 0.8 * squares.sum()


def test_a_map_has_a_point_for_each_kind_way_and_fraction():
    sources = {"plain": plain_factors(PARAMS)}
    sources["aware"] = aware_factors(PARAMS, second_moments(PARAMS, [IDS], ALL))
    points = list(sensitivity(PARAMS, IDS, sources, ["q_proj", "up_proj"], [0.5, 1.0]))
    assert len(points) == 8
    assert all(abs(p.rise) < 1e-7 for p in points if p.fraction == 1.0)
    assert all(p.layer is None for p in points)
    by_layer = list(sensitivity(PARAMS, IDS, sources, ["q_proj"], [0.5], layers=[0, 1]))
    assert [p.layer for p in by_layer] == [0, 0, 1, 1]


@given(SHAPES, st.integers(0, 2**32 - 1))
def test_usage_shares_add_up_and_match_the_inputs(shape, seed):
    m, n = shape
    rng = np.random.default_rng(seed)
    W, X = rng.standard_normal((m, n)), rng.standard_normal((n + 2, n))
    R = np.linalg.qr(X, mode="r") / np.sqrt(len(X))
    found = usage(W, R)
    U, s, Vt = np.linalg.svd(W, full_matrices=False)
    np.testing.assert_allclose(found.s, s, atol=1e-12)
    expected = ((X @ Vt.T) ** 2).sum(axis=0) / (X**2).sum()
    np.testing.assert_allclose(found.inputs, expected, atol=1e-9)
    out = ((X @ W.T @ U) ** 2).sum(axis=0)
    np.testing.assert_allclose(found.outputs, out / out.sum(), atol=1e-9)
    assert (found.spectrum**2).sum() == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: chosen(PARAMS, ["lm_head"]), "'lm_head'"),
        (lambda: chosen(PARAMS, ["q_proj"], [7]), "layers 0 to 1"),
        (lambda: chosen(PARAMS, []), "No projection"),
        (lambda: by_rank(PARAMS, ALL, 0), "rank k is 0"),
        (lambda: by_fraction(PARAMS, ALL, 0.0), "fraction is 0.0"),
        (lambda: by_energy(ALL, plain_factors(PARAMS), 1.5), "level is 1.5"),
        (lambda: allocate(PARAMS, ALL, 2.0, "uniform"), "share is 2.0"),
        (lambda: allocate(PARAMS, ALL, 0.5, "best"), "rule is 'best'"),
        (lambda: allocate(PARAMS, ALL, 1e-6, "energy", plain_factors(PARAMS)), "too small"),
        (lambda: allocate(PARAMS, ALL, 0.9, "sensitivity", sensitivity={"a": []}), "no curve"),
        (lambda: operate(PARAMS, {"nothing": 1}, plain_factors(PARAMS)), "'nothing'"),
        (lambda: operate(PARAMS, {ALL[0]: 99}, plain_factors(PARAMS)), "rank k is 99"),
        (lambda: second_moments(PARAMS, [], ALL), "empty"),
        (lambda: aware_factors(PARAMS, {})(ALL[0]), "not observed"),
        (lambda: aware(np.eye(2), np.eye(3)), "R has shape"),
        (lambda: aware(np.eye(2), np.diag([1.0, 0.0])), "singular"),
    ],
)
def test_what_cannot_be_done_is_named(call, words):
    with pytest.raises(InputError, match=words):
        call()


def test_a_pair_is_a_view_of_its_factors():
    for factors in (plain(np.ones((5, 3))), aware(np.ones((5, 3)), np.eye(3))):
        pair = factors.pair(2)
        assert np.shares_memory(pair.U, factors.U)
        assert np.shares_memory(pair.SVt, factors.SVt)
        assert pair.U.flags.f_contiguous
        assert pair.SVt.flags.c_contiguous


def test_one_reading_tells_losses_and_what_comes_next():
    ids = IDS * 3
    found = reading(PARAMS, ids)
    np.testing.assert_allclose(found.losses, nll(PARAMS, ids), atol=1e-12)
    np.testing.assert_allclose(found.next, distribution(forward(PARAMS, ids)[-1]), atol=1e-12)
    alone = reading(PARAMS, [3])
    assert len(alone.losses) == 0
    assert np.isnan(alone.nll)


def test_a_reading_in_parts_is_the_reading_of_the_whole(monkeypatch):
    whole = reading(PARAMS, IDS)
    monkeypatch.setattr("lowrank.surgery.operation.CHUNK", 4)
    parts = reading(PARAMS, IDS)
    np.testing.assert_allclose(parts.losses, whole.losses, atol=1e-12)
    np.testing.assert_allclose(parts.next, whole.next, atol=1e-12)


def test_answers_are_the_probabilities_of_the_words():
    found = answers(PARAMS, [([3, 1], [4, 1]), ([2], [7])])
    logp = np.log([distribution(row) for row in forward(PARAMS, [3, 1, 4, 1])])
    assert found.each[0][0] == pytest.approx(logp[1, 4] + logp[2, 1])
    assert found.each[0][1] == (logp[1].argmax() == 4 and logp[2].argmax() == 1)
    best = [int(logp[1].argmax())]
    assert answers(PARAMS, [([3, 1], best)]).right == 1
    with pytest.raises(InputError, match="empty"):
        answers(PARAMS, [([], [1])])


NARROW = random(TINY, np.random.default_rng(1))


@pytest.mark.parametrize("way", ["plain", "aware"])
def test_kept_factors_are_those_computed_and_are_read_again(way, tmp_path):
    names = chosen(NARROW, ["q_proj", "v_proj", "down_proj"])
    store = FactorStore(tmp_path / "new", NARROW, [IDS])
    assert store.missing(way, names) == list(names)
    steps = list(store.prepare(way, names))
    assert steps[0][0] == 0
    assert steps[-1][0] == steps[-1][1]
    assert store.missing(way, names) == []
    moments = second_moments(NARROW, [IDS], names)
    direct = plain_factors(NARROW) if way == "plain" else aware_factors(NARROW, moments)
    again = FactorStore(tmp_path / "new", NARROW, []).source(
        way
    )  # no text: nothing can be recomputed
    for name in names:
        np.testing.assert_allclose(again(name).s, direct(name).s, rtol=1e-4)
        pairs = [f(name).pair(3).matrix() for f in (again, direct)]
        np.testing.assert_allclose(*pairs, atol=1e-4)
    assert not list((tmp_path / "new").glob("*.new"))


def test_a_file_that_is_damaged_is_made_again(tmp_path):
    names = chosen(NARROW, ["q_proj"], [0])
    sound = FactorStore(tmp_path, NARROW, [IDS])
    kept = {way: sound.source(way)(names[0]).s for way in ("plain", "aware")}
    for path in list(tmp_path.iterdir()):
        path.write_bytes(b"nothing")
    again = FactorStore(tmp_path, NARROW, [IDS])
    for way, s in kept.items():
        np.testing.assert_array_equal(again.source(way)(names[0]).s, s)
    np.testing.assert_array_equal(again.moment(names[0]), sound.moment(names[0]))


def test_a_folder_that_cannot_be_written_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("LOWRANK_CACHE", str(tmp_path / "file"))
    (tmp_path / "file").write_text("")
    store = FactorStore(tmp_path / "file" / "factors", NARROW, [IDS])
    with pytest.raises(SourceError, match="LOWRANK_CACHE"):
        list(store.prepare("plain", ALL[:1]))


def test_texts_measured_are_not_in_the_calibration_text():
    whole = "\n".join(texts.calibration())
    for name in texts.TEXTS:
        sentences = [s for s in texts.text(name).split("\n") if len(s) > 40]
        assert sentences
        assert not any(s in whole for s in sentences)
    assert all(word and " " not in word for _, word in texts.questions())


def test_without_damping_a_direction_that_no_text_uses_is_named():
    with pytest.raises(InputError, match="second moment is singular"):
        second_moments(PARAMS, [IDS[:2]], ALL, damping=0.0)
