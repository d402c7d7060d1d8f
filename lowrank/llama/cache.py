"""The keys and values of the tokens seen so far, so that a next token costs one token."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lowrank.errors import InputError

Floats = NDArray[np.floating]


class Cache:
    """What attention has already computed: for each layer, k and v (kv_heads, length, head_dim).

    Give a new one to `forward` with the first tokens, and the same one with those that follow.
    Memory: 2 * layers * kv_heads * head_dim numbers a token; it grows by doubling.

    A forward that is interrupted leaves `length`, and so all that is ever read, as it was.

    `awaited` is how many tokens are known to come in all: a text that comes in parts is turned as
    one (LongRoPE's speeds depend on its length). What is held stays as it was turned.
    """

    def __init__(self, awaited: int = 0) -> None:
        self.length, self.awaited = 0, awaited
        self._held: dict[int, tuple[Floats, Floats]] = {}  # (kv, room, head_dim) each, by layer

    def extended(self, layer: int, k: Floats, v: Floats) -> tuple[Floats, Floats]:
        """The layer's k and v with those of T new tokens at the end, (kv, length + T, head_dim)."""
        end = self.length + k.shape[1]
        held = self._held.get(layer)
        if held is None or held[0].shape[1] < end:
            held = (self._grown(held and held[0], k, end), self._grown(held and held[1], v, end))
            self._held[layer] = held
        held[0][:, self.length : end] = k
        held[1][:, self.length : end] = v
        return held[0][:, :end], held[1][:, :end]

    def advance(self, T: int) -> None:
        """Count T more tokens as seen, once every layer has been extended by them."""
        self.length += T

    def cut(self, length: int) -> None:
        """Forget all but the first `length` tokens. Raises InputError if there are fewer."""
        if not 0 <= length <= self.length:
            raise InputError(
                "length is {length}; expected 0 to {seen}, the tokens seen.",
                length=length,
                seen=self.length,
            )
        self.length, self.awaited = length, 0

    def copy(self) -> "Cache":
        """A cache that goes on from here without changing this one."""
        new = Cache(self.awaited)
        new.length = self.length
        new._held = {i: (k.copy(), v.copy()) for i, (k, v) in self._held.items()}
        return new

    def _grown(self, old: Any, new: Floats, end: int) -> Floats:
        """Room for `end` tokens at least, with what was held so far at its beginning."""
        heads, _, width = new.shape
        grown = np.empty((heads, max(end, 2 * self.length, 64), width), new.dtype)
        if old is not None:
            grown[:, : self.length] = old[:, : self.length]
        return grown
