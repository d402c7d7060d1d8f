"""What may be anything: some of it is taken, the rest is refused, and nothing else happens."""

from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis.strategies import SearchStrategy

from lowrank.errors import LowrankError


def taken_or_refused(
    anything: SearchStrategy,
    take: Callable[[Any], Any],
    check: Callable[[Any, Any], object] = lambda given, found: None,
    *,
    refusal: type[LowrankError],
    examples: int,
) -> None:
    """Both must occur; what is taken is checked beside what came of it."""
    ends = set()

    @settings(max_examples=examples)
    @given(anything)
    def each(example: Any) -> None:
        try:
            found = take(example)
        except refusal:
            ends.add("refused")
            return
        ends.add("taken")
        check(example, found)

    each()
    assert ends == {"taken", "refused"}, ends
