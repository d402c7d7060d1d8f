"""Fixtures every test may use."""

import os
import sys
from collections.abc import Iterator

# Before numpy loads: idle OpenBLAS threads should sleep, not spin, on a small shared machine.
os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "4")
# Pages' work in threads, where what a test puts in the place of a function is seen.
os.environ.setdefault("LOWRANK_JOBS", "threads")
import huggingface_hub
import pytest
from huggingface_hub import constants
from hypothesis import HealthCheck, settings

from lowrank.errors import SourceError
from lowrank.readers import Model, open_model
from lowrank.readers.default_model import cached_path
from tests.hub_server import Hub

# How long an example takes says more about the machine than about the code. Where CI is set the
# examples are always the same; elsewhere each run looks at new ones.
settings.register_profile(
    "suite",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=bool(os.environ.get("CI")),
    database=None,
)
settings.load_profile("suite")


@pytest.fixture(scope="session", autouse=True)
def cache_of_this_process(tmp_path_factory) -> Iterator[None]:
    """A cache of this process's own, with the default model in it if it is in the user's.

    What is made of a tiny model is then neither found by another process's test while it is half
    done, nor left among what the user keeps.
    """
    folder, model = tmp_path_factory.mktemp("cache"), cached_path()
    if model:
        (folder / model.name).symlink_to(model)
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("LOWRANK_CACHE", str(folder))
        yield


@pytest.fixture(autouse=True)
def own_main(monkeypatch) -> None:
    """`__main__` is again what it was after each test.

    AppTest leaves the page there, and a process spawned by a later test would run that page.
    """
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])


@pytest.fixture(scope="session")
def default_model() -> Model:
    """The real default model, fetched if need be; where it cannot be had, its tests are skipped."""
    try:
        return open_model("default")
    except SourceError as error:
        if os.environ.get("LOWRANK_REQUIRE_MODEL"):
            raise
        pytest.skip(f"the default model is not here: {error}")


@pytest.fixture
def hub(tmp_path, monkeypatch) -> Iterator[Hub]:
    """An empty hub on this machine; the client is pointed at it, and every cache is new."""
    monkeypatch.setenv("LOWRANK_CACHE", str(tmp_path / "kept"))
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "no-token"))
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hf"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    with Hub() as running:
        monkeypatch.setattr(constants, "ENDPOINT", running.url)
        template = running.url + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        huggingface_hub.close_session()
        yield running
    huggingface_hub.close_session()
