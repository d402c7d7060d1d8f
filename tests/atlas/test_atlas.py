"""The survey: the same from every executor, kept through kills, honest about what it cannot do."""

import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from lowrank import atlas
from lowrank.__main__ import main
from lowrank.atlas.journal import PARTS, SPECTRA, TABLE
from lowrank.errors import FormatError, InputError, SourceError
from lowrank.llama.names import LINEAR
from lowrank.memory.accounting import parts
from lowrank.memory.published import PUBLISHED
from lowrank.readers import Model, open_model
from lowrank.readers.identity import identity
from lowrank.spectra.measures import effective_rank, random_spectrum

ROOT = Path(__file__).parents[2]
SMALL = ROOT / "tests" / "fixtures" / "adapters" / "base-llama"


@pytest.fixture
def small() -> Model:
    return open_model(SMALL)


def same(first: atlas.Survey, second: atlas.Survey) -> bool:
    """To the last bit."""
    return first.rows == second.rows and all(
        np.array_equal(s, second.spectra[name]) for name, s in first.spectra.items()
    )


def test_every_matrix_of_every_layer_is_measured_as_lapack_does(small):
    found = atlas.survey(small)
    assert [r.name for r in found.rows] == list(atlas.matrices(small))
    for row in found.rows:
        W = small.read(row.name).astype(np.float64)
        s = np.linalg.svd(W, compute_uv=False)
        assert np.abs(found.spectra[row.name] - s).max() <= row.error + 1e-14 * s[0]
        assert (row.rows, row.columns) == W.shape
        assert row.norm == pytest.approx(np.linalg.norm(W), rel=1e-12)
        assert row.stable_rank == pytest.approx((s**2).sum() / s[0] ** 2)
        kept = (s[: row.rank_90] ** 2).sum(), (s[: row.rank_90 - 1] ** 2).sum()
        assert kept[1] < 0.9 * (s**2).sum() <= kept[0] * (1 + 1e-12)


def test_embeddings_come_only_when_asked_for(small):
    names = atlas.matrices(small, everything=True)
    assert set(names) - set(atlas.matrices(small)) == {
        "model.embed_tokens.weight",
        "lm_head.weight",
    } & set(small.tensors)


def test_any_executor_gives_the_serial_survey_to_the_last_bit(small, tmp_path):
    serial = atlas.survey(small)
    with ThreadPoolExecutor(2) as pool:
        assert same(serial, atlas.survey(small, pool))
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        assert same(serial, atlas.survey(small, pool, tmp_path / "kept"))
    assert same(serial, atlas.read_survey(tmp_path / "kept"))


def test_a_survey_stopped_between_any_two_matrices_goes_on_and_does_nothing_twice(small, tmp_path):
    names = atlas.matrices(small)
    done = []
    for round_ in range(len(names) + 1):
        opened = atlas.Journal(tmp_path, small.title, names, identity(small))
        assert set(opened.done) == set(done)
        with (tmp_path / TABLE).open(newline="") as table:
            assert {row["name"] for row in csv.DictReader(table)} == set(done)
        if round_ == len(names):
            break
        todo = [n for n in names if n not in opened.done][:1]
        for row, s in atlas.surveyed(small, todo):
            opened.add(row, s)
            done.append(row.name)
        # What a kill may leave: half a part under its working name, half a line in the table.
        (tmp_path / PARTS / "000000.npz.new").write_bytes(b"half")
        with (tmp_path / TABLE).open("ab") as table:
            table.write(b"model.layers.0.self")
    assert same(opened.finish(), atlas.survey(small))
    assert sorted(p.name for p in tmp_path.iterdir()) == [TABLE, SPECTRA, "survey.json"]
    seen = []
    again = atlas.survey(small, folder=tmp_path, progress=lambda *of: seen.append(of))
    assert same(again, opened.finish())
    assert seen == []


def test_a_folder_of_another_survey_is_refused(small, tmp_path):
    atlas.survey(small, folder=tmp_path, names=atlas.matrices(small)[:2])
    with pytest.raises(InputError, match="Choose an empty folder"):
        atlas.survey(small, folder=tmp_path)


def test_what_is_no_finished_survey_is_named(small, tmp_path):
    with pytest.raises(SourceError, match="no finished survey"):
        atlas.read_survey(tmp_path)
    atlas.survey(small, folder=tmp_path)
    (tmp_path / SPECTRA).write_bytes(b"not a zip")
    with pytest.raises(FormatError, match="damaged"):
        atlas.read_survey(tmp_path)
    (tmp_path / "survey.json").write_text(json.dumps({"version": 99}))
    with pytest.raises(FormatError, match="description"):
        atlas.read_survey(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(SourceError, match="cannot be written"):
        atlas.survey(small, folder=tmp_path / "file" / "folder")


def test_a_matrix_that_holds_nan_gets_a_row_that_says_so(tmp_path):
    weights = {f"model.layers.{i}.self_attn.q_proj.weight": np.eye(4) for i in range(2)}
    weights["model.layers.1.self_attn.q_proj.weight"][0, 0] = np.nan
    save_file({k: v.astype("f4") for k, v in weights.items()}, tmp_path / "model.safetensors")
    found = atlas.survey(open_model(tmp_path / "model.safetensors"), folder=tmp_path / "out")
    assert found.rows[0].numerical_rank == 4
    assert found.rows[1].problem == "1 entries are NaN or infinite"
    assert found.rows[1].effective_rank is None
    assert same(found, atlas.read_survey(tmp_path / "out"))


def test_names_that_are_no_matrices_are_refused(small):
    with pytest.raises(InputError, match="no matrix named 'nothing'"):
        atlas.survey(small, names=["nothing"])
    with pytest.raises(InputError, match="no matrix named"):
        atlas.survey(small, names=["model.norm.weight"])


def test_the_command_writes_a_report_that_needs_nothing_else(tmp_path, capsys):
    assert main(["atlas", str(SMALL), "--out", str(tmp_path / "out"), "--workers", "1"]) == 0
    assert "0 could not be measured" in capsys.readouterr().out
    text = (tmp_path / "out" / "report.html").read_text()
    assert "Effective rank" in text
    assert "Plotly.newPlot" in text
    assert not re.search(r"<(script|link|img)[^>]*http", text)  # whatever the library's code names
    assert main(["atlas", str(SMALL), "--out", str(tmp_path / "out"), "--workers", "0"]) == 1
    assert "--workers is 0" in capsys.readouterr().err


def started(*arguments: str, **how) -> subprocess.Popen:
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, *arguments], cwd=ROOT, env=environment, start_new_session=True, **how
    )


def ended(process: subprocess.Popen) -> None:
    """Kill a process and whatever it started, at once."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(timeout=20)


@pytest.mark.slow
def test_a_killed_survey_of_the_default_model_is_finished_by_the_next(default_model, tmp_path):
    command = ["-m", "lowrank", "atlas", "default", "--out", str(tmp_path), "--workers", "2"]
    first = started(*command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 120
        while len(list(tmp_path.glob(f"{PARTS}/*.npz"))) < 25:
            assert first.poll() is None, "the survey ended before it could be killed"
            assert time.monotonic() < deadline
            time.sleep(0.05)
    finally:
        ended(first)
    kept = {p.name: p.read_bytes() for p in tmp_path.glob(f"{PARTS}/*.npz")}
    assert 25 <= len(kept) < 210

    second = started(*command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        out, _ = second.communicate(timeout=240)
    finally:
        ended(second)
    assert f"Going on: {len(kept)} of 210 matrices are done." in out
    found = atlas.read_survey(tmp_path)
    assert [r.name for r in found.rows] == list(atlas.matrices(default_model))
    saved = {share: [atlas.saving(r, share) for r in found.rows] for share in ("90 %", "99 %")}
    assert [sum(each.ratio < 1 for each in saved[share]) for share in saved] == [209, 4]
    shapes = {(r.rows, r.columns) for r in found.rows}
    peers = {shape: random_spectrum(shape, 1.0, np.random.default_rng(0)) for shape in shapes}
    above = [
        r.projection
        for r in found.rows
        if r.effective_rank >= effective_rank(peers[r.rows, r.columns])
    ]
    assert above == ["v_proj"] * 3  # as the Atlas page says
    some = atlas.matrices(default_model)[::15]
    fresh = atlas.survey(default_model, names=some)
    by_name = {row.name: row for row in found.rows}
    assert fresh.rows == tuple(by_name[name] for name in some)
    assert all(np.array_equal(found.spectra[name], fresh.spectra[name]) for name in some)


@pytest.mark.slow
def test_a_dask_cluster_that_loses_a_worker_gives_the_serial_survey(default_model, tmp_path):
    pytest.importorskip("distributed")
    from distributed import Client

    scheduler_file = tmp_path / "scheduler.json"
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    base = ["--scheduler-file", str(scheduler_file)]
    processes = [
        started(
            *["-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0"],
            *["--no-dashboard", *base],
            **quiet,
        )
    ]
    worker = ["-m", "distributed.cli.dask_worker", "--no-nanny", "--nthreads", "1"]
    worker += ["--host", "127.0.0.1", "--no-dashboard", "--local-directory", str(tmp_path)]
    try:
        processes += [started(*worker, *base, **quiet) for _ in range(2)]
        names = atlas.matrices(default_model)[:70]
        with Client(scheduler_file=str(scheduler_file), timeout="60s") as client:
            client.wait_for_workers(2, timeout=60)

            def kill_one(done: int, total: int, row: atlas.Row) -> None:
                if done == 10:
                    ended(processes[2])

            with client.get_executor(pure=False) as pool:
                found = atlas.survey(
                    default_model, pool, tmp_path / "out", names, progress=kill_one
                )
            assert len(client.scheduler_info()["workers"]) == 1
    finally:
        for process in reversed(processes):
            ended(process)
    assert same(found, atlas.survey(default_model, names=names))
    shutil.rmtree(tmp_path / "out")


def test_a_scheduler_that_is_not_there_is_one_sentence(tmp_path, capsys):
    pytest.importorskip("distributed")
    command = ["atlas", str(SMALL), "--out", str(tmp_path), "--scheduler", "tcp://127.0.0.1:9"]
    assert main(command) == 1
    assert "No Dask scheduler answers at tcp://127.0.0.1:9" in capsys.readouterr().err


def test_the_table_on_paper_follows_from_the_shapes():
    text = (ROOT / "docs" / "atlas-at-scale.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("|")]
    numbers = {row.split("|")[1].strip(): row.split("|")[2:4] for row in rows}
    for column, name in enumerate(("Llama 2 70B", "Llama 3.1 405B")):
        linear = [p for p in parts(PUBLISHED[name]) if p.name in LINEAR]
        gram = sum(p.copies * 2 * max(p.shape) * min(p.shape) ** 2 for p in linear)
        eigen = sum(p.copies * 4 / 3 * min(p.shape) ** 3 for p in linear)
        hours = (gram / 25e9 + eigen / 8e9) / 3600
        powers = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
        expected = {
            "matrices in layers": f"{sum(p.copies for p in linear)}",
            "bytes read, 16 bit": f"{2 * sum(p.total for p in linear) / 1e9:.1f} GB",
            "Gram matrices, operations": f"{gram:.1e}",
            "eigenvalues, operations": f"{eigen:.1e}",
            "hours on one core at 25 GFLOP/s for products, 8 for the rest": f"{hours:.0f}",
            "the same on 64 cores": f"{hours / 64:.1f}",
        }
        for row, value in expected.items():
            digits, _, power = value.partition("e+")
            shown = f"{digits} × 10{power.translate(powers)}" if power else value
            assert numbers[row][column].strip() == shown, row
