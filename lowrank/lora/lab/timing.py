"""Times that may be compared."""

import time
from collections.abc import Callable, Mapping


def in_turns(calls: Mapping[str, Callable[[], object]], turns: int) -> dict[str, list[float]]:
    """The seconds that each call takes, once in each of so many turns.

    They take turns, so that whatever else the machine does falls on all of them.

    >>> {name: len(each) for name, each in in_turns({"a": list, "b": dict}, 3).items()}
    {'a': 3, 'b': 3}
    """
    seconds = {name: list[float]() for name in calls}
    for _turn in range(turns):
        for name, call in calls.items():
            began = time.perf_counter()
            call()
            seconds[name].append(time.perf_counter() - began)
    return seconds
