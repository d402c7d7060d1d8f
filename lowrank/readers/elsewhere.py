"""Work on a model on any `concurrent.futures.Executor`: processes of this machine, or a cluster.

What is sent is a model's source; whoever works opens it there, and reads only what it needs.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import lru_cache
from multiprocessing import get_context
from typing import TypeVar

from lowrank.errors import SourceError
from lowrank.readers import Model, open_model
from lowrank.readers.identity import identity

Item = TypeVar("Item")
Found = TypeVar("Found")


@contextmanager
def executor(workers: int, scheduler: str | None) -> Iterator[Executor | None]:
    """A Dask client's executor, a pool of processes, or None for one worker: here.

    Raises SourceError if Dask is not installed or no scheduler answers.
    """
    if scheduler:
        try:
            from distributed import Client
        except ImportError as error:
            raise SourceError("--scheduler needs Dask: pip install 'distributed'.") from error
        try:
            client = Client(scheduler, timeout="10s")
        except (OSError, ValueError) as error:
            raise SourceError(
                "No Dask scheduler answers at {scheduler}.",
                scheduler=scheduler,
            ) from error
        with client, client.get_executor(pure=False) as pool:
            yield pool
    elif workers == 1:
        yield None
    else:
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
            yield pool


def results(
    pool: Executor, work: Callable[[Item], Found], items: Iterable[Item]
) -> Iterator[tuple[Item, Found]]:
    """Each item with what work makes of it, as they come; closing it cancels what has not begun.

    Raises SourceError if a worker process died.

    >>> from concurrent.futures import ThreadPoolExecutor
    >>> with ThreadPoolExecutor() as pool:
    ...     sorted(results(pool, abs, [-2, 3]))
    [(-2, 2), (3, 3)]
    """
    waiting: dict[Future[Found], Item] = {pool.submit(work, item): item for item in items}
    try:
        for done in as_completed(waiting):
            yield waiting[done], done.result()
    except BrokenProcessPool as error:
        raise SourceError(
            "A worker process died, perhaps for want of memory. Run it again, with fewer workers: "
            "what was kept until then is not done twice."
        ) from error
    finally:
        for future in waiting:
            future.cancel()


@lru_cache(maxsize=1)
def opened(source: str, content: str) -> Model:
    """The model of a source, kept open from one piece of work to the next.

    Raises SourceError if its content is not the one of that digest (see `identity`), as where a
    machine holds another file under the same name.
    """
    model = open_model(source)
    if identity(model) != content:
        raise SourceError(
            "{source} is another file to this worker than where the work began.",
            source=source,
        )
    return model
