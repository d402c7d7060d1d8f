"""Executors whose workers are processes of their own."""

from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager

import pytest

from lowrank.readers.elsewhere import executor

KINDS = ["processes", pytest.param("dask", marks=pytest.mark.slow)]


@contextmanager
def of_kind(kind: str) -> Iterator[Executor]:
    """Two processes of this machine, or a Dask cluster of two."""
    if kind == "processes":
        with executor(2, None) as pool:
            assert pool is not None
            yield pool
        return
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(2, threads_per_worker=1, dashboard_address=None) as cluster,
        executor(1, cluster.scheduler_address) as pool,
    ):
        assert pool is not None
        yield pool
