"""The errors users see: one hierarchy, each message naming the input and what was expected."""

from typing import Any

from lowrank.language import Sentence


class LowrankError(Exception):
    """Base of every error this package raises on purpose. Its text is fit to show to a user.

    The message is a whole sentence with named placeholders for the values; it is raised in the
    language of the moment, and `said` says it in that of another.

    >>> str(InputError("k = {k} is not among 1 to {most:,}.", k=0, most=1024))
    'k = 0 is not among 1 to 1,024.'
    """

    def __init__(self, message: str = "", /, **values: Any) -> None:
        self.said = Sentence(message, **{name: _kept(value) for name, value in values.items()})
        super().__init__(str(self.said))


def _kept(value: Any) -> Any:
    """A value without the work that an error among them holds on to."""
    if isinstance(value, LowrankError):
        return value.said
    return str(value) if isinstance(value, Exception) else value


class InputError(LowrankError, ValueError):
    """An argument or typed text is not what was asked for: a ragged matrix, a rank out of range."""


class FormatError(LowrankError, ValueError):
    """A model file is not what its format promises: truncated, inconsistent or hostile."""


class SourceError(LowrankError, OSError):
    """A model cannot be had: no such file, no network, not enough room, a hash that differs."""
