"""Verdicts say what the numbers say: made ones, and the stored record counted another way."""

import re

import numpy as np
import pytest
from scipy import stats

from lowrank.lora.lab import experiments, verdicts
from lowrank.lora.lab.paper import TABLE_5
from lowrank.lora.lab.records import stored


@pytest.fixture(scope="module")
def record():
    return stored("experiments")


def by_seed(record, way):
    """The losses of a way to train at its stored rate, seed by seed."""
    rate = f"{record['rates'][way]:g}"
    seeds = record["settings"]["seeds"]
    return [record["runs"][f"{way}/{rate}/{seed}"]["loss"] for seed in seeds]


def differs(ours, others):
    """The sign of the mean difference where Student's t test of pairs finds one at 5 %."""
    found = stats.ttest_rel(ours, others)
    return int(np.sign(found.statistic)) if found.pvalue < 0.05 else 0


def test_the_stored_record_is_of_its_command_and_each_rate_the_best_on_validation(record):
    settings = record["settings"]
    steps, seeds = re.search(r"--steps (\d+) --seeds (\d+)$", record["command"]).groups()
    assert (settings["steps"], settings["seeds"]) == (int(steps), list(range(int(seeds))))
    assert (settings["steps"], len(settings["seeds"])) >= (150, 5)
    for way, rate in record["rates"].items():
        tried = {
            float(name.split("/")[-2]): numbers["validation"]
            for name, numbers in record["runs"].items()
            if name.startswith(f"{way}/") and name.endswith("/0")
        }
        assert min(tried, key=tried.get) == rate
        assert min(tried) < rate < max(tried)  # the best is no end of the grid
        assert len(by_seed(record, way)) == len(settings["seeds"])


def test_which_rank_is_enough_agrees_with_the_stored_numbers(record):
    ours = {r: by_seed(record, f"ranks/{r}") for r in (1, 2, 4, 8, 64)}
    assert experiments.by_rank(record) == ours
    least = min(ours, key=lambda r: np.mean(ours[r]))
    same = [r for r in ours if r == least or differs(ours[r], ours[least]) == 0]
    told = verdicts.of_ranks(ours)
    assert f"The least loss is that of r = {least};" in told
    assert f"**r = {min(same)}** (5 seeds" in told
    above = np.mean(ours[1]) - np.mean(ours[least])
    assert (f"r = 1 is {above:+.3f}" in told) == (min(same) > 1)


def test_the_order_of_the_matrices_agrees_with_the_stored_numbers(record):
    ours = {label: by_seed(record, f"matrices/{label}") for label in experiments.EQUAL}
    told = verdicts.of_matrices(ours)
    order = sorted(ours, key=lambda label: np.mean(ours[label]))
    assert f"order is {'; '.join(order)}, the least loss first" in told
    theirs = [TABLE_5[label][1] for label in order]
    assert ("is not found here" in told) == (theirs != sorted(theirs, reverse=True))
    better = {a for a in ours if a != "q, v" and differs(ours[a], ours["q, v"]) < 0}
    assert ("No row is better" in told) == (not better)
    assert all(f"{label} (" in told for label in better)


def test_full_fine_tuning_the_update_and_its_words_agree_with_the_stored_numbers(record):
    full, low = by_seed(record, "update/full q, v"), by_seed(record, "ranks/8")
    said = {-1: "LoRA with r = 8 reaches", 0: "No difference", 1: "Training all of q and v reaches"}
    assert verdicts.of_full(record).startswith(said[differs(low, full)])
    for each in record["update"]["modules"].values():
        told = verdicts.of_amplification(each["amplification"])
        for way, of in each["amplification"].items():
            assert of["factor"] == pytest.approx(of["norm"] / of["within"], rel=1e-3)
            assert (way in told) == (of["factor"] > 1)
        whole, W0 = (np.square(each["spectra"][n]) for n in ("full fine-tuning", "W0"))
        shares = [f"{100 * s[:8].sum() / s.sum():.0f}%" for s in (whole, W0)]
        assert re.findall(r"[\d.]+%", verdicts.of_spectra(each["spectra"])) == shares
        phi = each["8 and 64"][0][0]
        found = verdicts.of_first_direction(phi, 1 / each["in"])
        assert ("not found here" in found) == (phi <= 0.5)


@pytest.mark.parametrize(
    ("factor", "words"), [(0.5, "nothing is amplified"), (2.0, "what these find: LoRA, r = 8")]
)
def test_amplification_is_said_only_where_there_is_some(factor, words):
    assert words in verdicts.of_amplification({"LoRA, r = 8": {"factor": factor}})


def test_a_seed_that_diverged_counts_as_worse_and_is_said():
    inf = float("inf")
    worse = verdicts.paired([1.0, inf, 1.0], [1.0, 1.0, 1.0])
    assert (worse.sign, str(worse)) == (1, "+∞")
    assert verdicts.paired([1.0, 1.0], [inf, 1.0]).sign == -1
    assert verdicts.paired([inf, 1.0], [1.0, inf]).sign == 0
    assert "**r = 8**" in verdicts.of_ranks({1: [1.0, inf], 8: [1.1, 1.1]})


def test_other_numbers_give_other_words():
    ranks = {1: [1.0, 1.1, 1.2], 8: [1.01, 1.08, 1.21]}
    assert "as in the paper's table 6, r = 1 suffices" in verdicts.of_ranks(ranks)
    better = {"q, v": [1.0, 1.1, 1.2], "o": [0.5, 0.6, 0.72], "q": [0.9, 1.0, 1.1]}
    told = verdicts.of_matrices(better)
    assert "is not found here" in told
    assert "Better than the paper's choice, q and v: o (" in told
    assert "is shared" in verdicts.of_first_direction(0.6, 0.002)
    flat, steep = [1.0] * 64, [10.0, *[0.1] * 63]
    spectra = {"W0": flat, "full fine-tuning": steep}
    assert "nearly of low rank by itself" in verdicts.of_spectra(spectra)
    assert "no nearer" in verdicts.of_spectra({"W0": steep, "full fine-tuning": flat})
    assert verdicts.of_spectra({"W0": flat}) == ""
