"""The errors users see: one hierarchy, each message naming the input and what was expected."""


class LowrankError(Exception):
    """Base of every error this package raises on purpose. Its text is fit to show to a user."""


class InputError(LowrankError, ValueError):
    """An argument or typed text is not what was asked for: a ragged matrix, a rank out of range."""


class FormatError(LowrankError, ValueError):
    """A model file is not what its format promises: truncated, inconsistent or hostile."""


class SourceError(LowrankError, OSError):
    """A model cannot be had: no such file, no network, not enough room, a hash that differs."""
