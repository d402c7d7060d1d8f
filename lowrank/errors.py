"""The errors users see: one hierarchy, each message naming the input and what was expected."""

from typing import Any

from lowrank.language import gettext


class LowrankError(Exception):
    """Base of every error this package raises on purpose. Its text is fit to show to a user.

    The message is a whole sentence with named placeholders for the values; it is raised in the
    language of the moment.

    >>> str(InputError("k = {k} is not among 1 to {most:,}.", k=0, most=1024))
    'k = 0 is not among 1 to 1,024.'
    """

    def __init__(self, message: str = "", /, **values: Any) -> None:
        translated = gettext(message)
        super().__init__(translated.format(**values) if values else translated)


class InputError(LowrankError, ValueError):
    """An argument or typed text is not what was asked for: a ragged matrix, a rank out of range."""


class FormatError(LowrankError, ValueError):
    """A model file is not what its format promises: truncated, inconsistent or hostile."""


class SourceError(LowrankError, OSError):
    """A model cannot be had: no such file, no network, not enough room, a hash that differs."""
