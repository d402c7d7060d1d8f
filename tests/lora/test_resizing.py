"""An adapter at lower ranks: the best there is, by each rule, and what its spectrum asks for."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lowrank.__main__ import main
from lowrank.errors import InputError
from lowrank.lora import adapters
from lowrank.lora.adapters import AdapterConfig, Pair, command, merging
from lowrank.readers import open_model

FIXTURES = Path(__file__).parents[1] / "fixtures" / "adapters"
BASES = {"conv1d": "gpt2", "own-biases": "biased", "biases": "biased"}
CASES = ("plain", "rslora", "dora", "conv1d", "own-biases", "biases", "embeddings")


def strong(r: int = 16, few: int = 3) -> adapters.Adapter:
    """An adapter of random factors in which few directions were learned."""
    rng, pairs = np.random.default_rng(0), {}
    config = AdapterConfig(r=r, lora_alpha=2 * r, target_modules=("q_proj", "v_proj"))
    for kind in ("q_proj", "v_proj"):
        B, A = rng.standard_normal((200, r), "f4"), rng.standard_normal((r, 300), "f4")
        B[:, :few] *= 20
        pairs[f"layers.0.{kind}"] = Pair(f"layers.0.{kind}", A, B, 2.0)
    return adapters.Adapter(config, pairs)


@pytest.mark.parametrize("case", CASES)
def test_a_rank_gives_the_nearest_update_of_that_rank(case):
    before = adapters.load(FIXTURES / case)
    after, rows = adapters.resized(before, 1)
    for row in rows:
        D = before.pairs[row.module].delta().astype(float)
        s = np.linalg.svd(D, compute_uv=False)
        left = np.linalg.norm(D - after.pairs[row.module].delta())
        assert left == pytest.approx(np.linalg.norm(s[1:]), rel=1e-3)
        assert row.error == pytest.approx(left / np.linalg.norm(D), rel=1e-3)
        assert (row.before, row.r) == (before.pairs[row.module].r, 1)
    assert after.parameters < before.parameters


@pytest.mark.parametrize("case", CASES)
def test_at_its_own_rank_it_merges_as_before_and_so_does_what_was_saved(case, tmp_path):
    model = open_model(FIXTURES / f"base-{BASES.get(case, 'llama')}")
    before = adapters.load(FIXTURES / case)
    same = adapters.resized(before, level=1.0)[0]
    again = adapters.load(adapters.save(same, tmp_path))
    for name in merging.merged_names(model, before):
        W = adapters.merged(model, before, name)
        np.testing.assert_allclose(adapters.merged(model, again, name), W, rtol=1e-4, atol=1e-5)


def test_the_energy_decides_by_matrix_and_the_edge_finds_what_was_learned():
    before = strong()
    by_edge, rows = adapters.resized(before, edge=True)
    assert [row.r for row in rows] == [3, 3]
    assert by_edge.config.r == 3
    _, rows = adapters.resized(before, level=0.9)
    for row in rows:
        s = np.linalg.svd(before.pairs[row.module].delta().astype(float), compute_uv=False) ** 2
        assert row.r == int((np.cumsum(s) < 0.9 * s.sum()).sum()) + 1
    asked = adapters.suggestions(before)
    assert [row.edge for row in asked] == [3, 3]
    assert adapters.ranks_by_kind(asked) == {"q_proj": 3, "v_proj": 3}


def test_an_update_of_zeros_and_one_that_is_wider_than_its_matrix_are_taken():
    rng = np.random.default_rng(0)
    wide = Pair("m", rng.standard_normal((9, 5), "f4"), rng.standard_normal((4, 9), "f4"), 0.5)
    none = replace(wide, B=np.zeros((4, 9), "f4"))
    for pair in (wide, none):
        one = adapters.Adapter(AdapterConfig(r=9, target_modules=("m",)), {"m": pair})
        after, (row,) = adapters.resized(one, 4)
        assert row.r == 4
        np.testing.assert_allclose(after.pairs["m"].delta(), pair.delta(), atol=1e-5)
        assert adapters.suggestions(one)[0].at_energy <= 4


@pytest.mark.parametrize(
    "rule", [{}, {"r": 2, "edge": True}, {"r": 0}, {"r": 17}, {"level": 0.0}, {"level": 1.1}]
)
def test_other_rules_are_refused(rule):
    with pytest.raises(InputError, match="xpected"):
        adapters.resized(strong(), **rule)


def test_the_command_writes_it_or_says_why_not(tmp_path, capsys, monkeypatch):
    plain, out = str(FIXTURES / "plain"), tmp_path / "out"
    assert main(["resize", plain, "--rank", "2", "--out", str(out)]) == 0
    assert "rank 2 of 4" in capsys.readouterr().out
    assert adapters.load(out).config.r == 2
    for given, words in (
        (["resize", plain, "--rank", "5", "--out", str(tmp_path / "x")], "expected 1 to 4"),
        (["resize", plain, "--edge", "--out", str(out)], "is there already"),
        (["resize", str(tmp_path), "--edge", "--out", str(tmp_path / "x")], "adapter_config.json"),
    ):
        assert main(given) == 1
        assert words in capsys.readouterr().err

    def stopped(*given):
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "save", stopped)
    assert main(["resize", plain, "--rank", "2", "--out", str(tmp_path / "x")]) == 130
    assert {path.name for path in tmp_path.iterdir()} == {"out"}


def test_the_ranks_are_said_as_loraconfig_takes_them(capsys):
    assert main(["ranks", str(FIXTURES / "rslora")]) == 0
    said = capsys.readouterr().out
    assert "r=6, rank_pattern={'down_proj': 6, 'k_proj': 4, 'q_proj': 4}" in said
    assert main(["ranks", str(FIXTURES / "rslora"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["config"] == {"r": 6, "rank_pattern": {"down_proj": 6, "k_proj": 4, "q_proj": 4}}
    assert len(told["modules"]) == 6
