"""Two models beside each other: the spectra of what lies between them."""

import csv
import json

import numpy as np
import pytest

from lowrank import atlas
from lowrank.__main__ import main
from lowrank.atlas import differences
from lowrank.readers import open_model
from lowrank.spectra.measures import effective_rank
from tests.oracles import tuned_llama as oracle

BASE = str(oracle.BASE)


@pytest.fixture
def tuned(tmp_path) -> str:
    return str(oracle.write(tmp_path / "tuned"))


def test_every_number_is_that_of_the_difference(tuned):
    base, other = open_model(BASE), open_model(tuned)
    told: list[int] = []
    found = atlas.compare(base, other, lambda done, total, name: told.append(done))
    assert told == list(range(1, 15))
    rows = {row["matrix"]: row for row in differences.records(found)}
    for name, row in rows.items():
        D = other.read(name).astype(float) - base.read(name)
        s = np.linalg.svd(D, compute_uv=False)
        assert row["norm"] == pytest.approx(np.linalg.norm(D), rel=1e-5)
        assert row["change"] == pytest.approx(row["norm"] / np.linalg.norm(base.read(name)))
        if "gate_proj" in name:
            assert (row["norm"], row["effective_rank"], row["energy_at_16"]) == (0, 0, 1)
            continue
        assert row["energy_at_4"] == pytest.approx((s[:4] ** 2).sum() / (s**2).sum(), rel=1e-5)
        # Values that are rounding alone count in the entropy, if little.
        assert row["effective_rank"] == pytest.approx(effective_rank(s), rel=1e-2)
        if "q_proj" in name:
            assert row["rank_99"] == 2
    assert "12 of 14 matrices differ" in differences.answer(found)


def test_a_model_beside_itself_does_not_differ():
    found = atlas.compare(open_model(BASE), open_model(BASE))
    assert differences.answer(found) == "No matrix differs."
    assert "No matrix differs." in differences.comparison_report(found)


def test_the_command_writes_table_record_and_report(tuned, tmp_path, capsys):
    out = tmp_path / "out"
    assert main(["compare", BASE, tuned, "--out", str(out)]) == 0
    assert "random matrices of these shapes keep" in capsys.readouterr().out
    record = json.loads((out / "comparison.json").read_text())
    rows = list(csv.DictReader((out / "comparison.csv").open()))
    assert [row["matrix"] for row in rows] == [row["matrix"] for row in record["matrices"]]
    for row in record["matrices"]:
        s = np.array(record["singular_values"][row["matrix"]])
        assert np.linalg.norm(s) == pytest.approx(row["norm"])
    report = (out / "report.html").read_text()
    assert "tuned less base-llama" in report
    assert "Spectra of q_proj" in report
    assert main(["compare", BASE, tuned, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["matrices"] == record["matrices"]
    assert main(["compare", BASE, str(oracle.ROOT / "adapters" / "base-gpt2")]) == 1
    assert "of another shape" in capsys.readouterr().err


def test_an_interrupted_comparison_leaves_no_folder(tuned, tmp_path, monkeypatch):
    def stopped(*given):
        raise KeyboardInterrupt

    monkeypatch.setattr(differences, "comparison_report", stopped)
    assert main(["compare", BASE, tuned, "--out", str(tmp_path / "out")]) == 130
    assert {path.name for path in tmp_path.iterdir()} == {"tuned"}
