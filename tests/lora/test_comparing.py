"""Two adapters by the principal angles of their updates."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import scipy.linalg

from lowrank.__main__ import main
from lowrank.errors import InputError
from lowrank.lora import adapters
from lowrank.lora.adapters import AdapterConfig, Pair, comparison_report

FIXTURES = Path(__file__).parents[1] / "fixtures" / "adapters"


def random(seed: int, r: int = 4, shape: tuple[int, int] = (60, 80)) -> adapters.Adapter:
    rng, (m, n) = np.random.default_rng(seed), shape
    A, B = rng.standard_normal((r, n), "f4"), rng.standard_normal((m, r), "f4")
    return adapters.Adapter(AdapterConfig(r=r, target_modules=("q",)), {"q": Pair("q", A, B, 0.5)})


def test_the_angles_are_scipy_s_and_the_cosine_that_of_the_updates():
    first, second = random(0, 4), random(1, 6)
    (row,) = adapters.alike(first, second)
    D, E = (each.pairs["q"].delta().astype(float) for each in (first, second))
    assert row.cosine == pytest.approx((D * E).sum() / np.linalg.norm(D) / np.linalg.norm(E))
    P, Q = (each.pairs["q"].A.T.astype(float) for each in (first, second))
    angles = np.sort(np.cos(scipy.linalg.subspace_angles(P, Q)))[::-1]
    np.testing.assert_allclose(row.inputs, angles, atol=1e-5)
    P, Q = (each.pairs["q"].B.astype(float) for each in (first, second))
    angles = np.sort(np.cos(scipy.linalg.subspace_angles(P, Q)))[::-1]
    np.testing.assert_allclose(row.outputs, angles, atol=1e-5)
    assert row.ranks == (4, 6)
    assert len(row.chance_in) == 4


def test_unrelated_updates_share_what_chance_gives_and_the_same_one_all():
    rows = [adapters.alike(random(2 * i), random(2 * i + 1))[0] for i in range(60)]
    assert np.mean([row.shared_in for row in rows]) == pytest.approx(4 / 80, rel=0.15)
    assert np.mean([row.shared_out for row in rows]) == pytest.approx(4 / 60, rel=0.15)
    assert rows[0].chance_in @ rows[0].chance_in / 4 == pytest.approx(4 / 80, rel=0.2)
    (same,) = adapters.alike(random(0), random(0))
    assert (same.cosine, same.shared_in) == (pytest.approx(1), pytest.approx(1))


def test_a_zero_update_shares_nothing_and_strangers_are_refused():
    none = random(0)
    none.pairs["q"].B[:] = 0
    (row,) = adapters.alike(none, random(1))
    assert (row.ranks, row.cosine, row.shared_in) == ((0, 4), 0.0, None)
    assert "zero in every module" in comparison_report.answer((row,))
    with pytest.raises(InputError, match="different models"):
        adapters.alike(random(0), random(1, shape=(60, 81)))
    other = replace(random(1), pairs={"k": random(1).pairs["q"]})
    with pytest.raises(InputError, match="no module in common"):
        adapters.alike(random(0), other)


def test_the_command_writes_table_record_and_report(tmp_path, capsys):
    out = tmp_path / "out"
    given = ["compare", str(FIXTURES / "plain"), str(FIXTURES / "rslora")]
    assert main([*given, "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert "by chance" in said
    assert {path.name for path in out.iterdir()} == {
        "comparison.csv",
        "comparison.json",
        "report.html",
    }
    record = json.loads((out / "comparison.json").read_text())
    rows = list(csv.DictReader((out / "comparison.csv").open()))
    assert [row["module"] for row in rows] == list(record["angles"])
    for row in rows:
        cosines = np.array(record["angles"][row["module"]]["inputs"])
        assert (cosines**2).mean() == pytest.approx(float(row["shared_inputs"]))
    report = (out / "report.html").read_text()
    assert "by chance" in report
    assert "src=" not in report.split("<body>")[0]  # nothing is fetched
    assert main([*given, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["modules"] == record["modules"]
    assert main([*given, "--out", str(out)]) == 1
    assert "is there already" in capsys.readouterr().err
    assert main(["compare", str(FIXTURES / "plain"), str(FIXTURES / "base-llama")]) == 1
    assert "is an adapter" in capsys.readouterr().err


def test_an_interrupted_report_leaves_no_folder(tmp_path, monkeypatch):
    def stopped(*given):
        raise KeyboardInterrupt

    monkeypatch.setattr(comparison_report, "comparison_report", stopped)
    given = ["compare", str(FIXTURES / "plain"), str(FIXTURES / "rslora")]
    assert main([*given, "--out", str(tmp_path / "out")]) == 130
    assert not list(tmp_path.iterdir())
