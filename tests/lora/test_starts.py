"""The comparison of starts: what it trains, and that its words are made of its numbers."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest

from lowrank import llama, lora
from lowrank.lora.lab import starts
from lowrank.lora.lab.records import stored

DATA = [
    lora.Example((3, 1, 4, 1, 5), (False, False, True, True, True)),
    lora.Example((2, 7, 1, 8), (True, True, True, True)),
    lora.Example((6, 6, 8, 9), (False, True, True, True)),
]
CONFIG = lora.TrainConfig(lora.AdapterConfig(r=2, lora_alpha=4), steps=3, learning_rate=0.02)
NAMES = {
    *(f"as stored/{start}" for start in ("plain start", "pissa", "olora", "eva")),
    *(f"in NF4/{start}" for start in ("plain start", "loftq")),
}


@pytest.fixture(scope="module")
def params() -> llama.Params:
    return llama.random(llama.TINY, np.random.default_rng(0))


def test_every_start_is_trained_with_every_seed_on_its_base(params):
    record: dict = {}
    shares = [d.share for d in starts.work(params, DATA[:2], DATA[2:], CONFIG, (0, 1), record)]
    assert shares == sorted(shares)
    assert len(shares) == 3 * 12
    runs = json.loads(json.dumps(record))["runs"]
    assert set(runs) == {f"{name}/{seed}" for name in NAMES for seed in (0, 1)}
    plain = [r.loss for r in lora.finetune(params, DATA[:2], replace(CONFIG, seed=1))]
    np.testing.assert_allclose(runs["as stored/plain start/1"]["losses"], plain, atol=1e-4)
    # Before the first step every start on the base as stored is the model itself.
    first = {name: numbers["losses"][0] for name, numbers in runs.items() if name.endswith("/0")}
    for name, loss in first.items():
        assert ("as stored" not in name) or loss == pytest.approx(
            first["as stored/plain start/0"], 1e-3
        )


def test_what_is_in_the_record_is_not_made_again(params):
    whole: dict = {}
    list(starts.work(params, DATA[:2], DATA[2:], CONFIG, (0,), whole))
    part = {"runs": dict(list(whole["runs"].items())[:4])}
    done = list(starts.work(params, DATA[:2], DATA[2:], CONFIG, (0,), part))
    assert len(done) == 3 * 2
    assert part == whole


def made(**differences: list[float]) -> dict:
    """A record in which starts are so much above the plain one, seed by seed."""
    runs = {}
    for start, apart in {"plain start": [0.0] * 3, **differences}.items():
        for seed, difference in enumerate(apart):
            losses = [3 + difference + seed, 1 + difference + seed]
            runs[f"as stored/{start}/{seed}"] = {"losses": losses, "held out": 2 - difference}
    return {"runs": runs}


def test_the_verdict_is_that_of_all_seeds():
    record = made(eva=[-0.5, -0.1, -0.3], pissa=[0.2, -0.2, 0.3], olora=[0.1, 0.2, 0.3])
    fast, worth = starts.verdict(record).split("\n\n")
    assert "3 seeds: lower with every seed: eva (-0.30 nats)." in fast
    assert "Higher with every seed: olora (+0.20 nats)." in fast
    assert "No difference found: pissa (+0.10 nats)." in fast
    assert "lower with every seed: olora (-0.20 nats). Higher with every seed: eva" in worth


def test_the_stored_record_and_its_words_agree():
    """The words once more from the numbers, another way; and how the record was made."""
    record = stored("starts")
    seeds = sorted({name.rpartition("/")[2] for name in record["runs"]})
    assert {name.rpartition("/")[0] for name in record["runs"]} == NAMES
    assert len(record["runs"]) == len(NAMES) * len(seeds)
    assert record["command"].startswith("python scripts/starts.py")
    assert all(len(numbers["losses"]) == record["steps"] for numbers in record["runs"].values())
    for sentence, value in zip(
        starts.verdict(record).split("\n\n"),
        (lambda numbers: sum(numbers["losses"]) / record["steps"], lambda n: n["held out"]),
        strict=True,
    ):
        lower, higher, same = re.split(
            r"\. Higher with every seed: |\. No difference found: ", sentence
        )
        for name in NAMES - {"as stored/plain start", "in NF4/plain start"}:
            base, start = name.split("/")
            apart = [
                value(record["runs"][f"{name}/{seed}"])
                - value(record["runs"][f"{base}/plain start/{seed}"])
                for seed in seeds
            ]
            place = lower if max(apart) < 0 else higher if min(apart) > 0 else same
            assert f"{start} ({np.mean(apart):+.2f} nats)" in place, (sentence, name)
