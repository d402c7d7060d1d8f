"""The ways in which whole models are stored: one precision for all, or the mixtures of GGUF files.

>>> from lowrank.memory import PUBLISHED, weight_bytes
>>> round(weight_bytes(PUBLISHED["Llama 3.1 8B"], STORAGES["GGUF Q4_K_M"]) / 2**30, 2)
4.58
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from lowrank.memory.accounting import FLOAT16, FLOAT32, PRECISIONS, Part, Precision, Storage

# GGUF's types: blocks of 32 numbers with a float16 scale; K-quants have blocks of 256 in which
# groups have scales of their own (ggml-common.h of llama.cpp: the structures block_q2_K and so on).
Q8_0 = Precision("Q8_0", 8, block=32, constant_bits=16)
Q6_K = Precision("Q6_K", 6, block=256, constant_bits=144)
Q5_K = Precision("Q5_K", 5, block=256, constant_bits=128)
Q4_K = Precision("Q4_K", 4, block=256, constant_bits=128)
Q3_K = Precision("Q3_K", 3, block=256, constant_bits=112)
Q2_K = Precision("Q2_K", 2, block=256, constant_bits=160)

Rule = Callable[[int, int], Precision]  # of layer i of n


@dataclass(frozen=True)
class Gguf(Storage):
    """A mixture of llama.cpp's `llama-quantize`: `linear` for all but norms, the head and `others`.

    Norms stay float32. Of `others` each layer has its own type. Models with 8 experts or of 70B,
    of which llama.cpp keeps some small matrices in more bits, come out up to 0.5 % too small.

    Reference: llama_tensor_get_type in llama.cpp's src/llama-quant.cpp.
    """

    rest: Precision = FLOAT32
    head: Precision = Q6_K
    others: Mapping[str, Rule] = field(default_factory=dict, hash=False)

    def of(self, part: Part) -> Precision:
        """The precision of a part; of one that differs by layer, the mean."""
        if part.kind in ("norm", "head"):
            return self.rest if part.kind == "norm" else self.head
        rule = self.others.get(part.name.split()[-1])
        if rule is None:
            return self.linear
        n, row = part.copies, part.shape[-1]
        layers = Counter(rule(i, n) for i in range(n))
        bits = sum(count * each.bits_a_number(row) for each, count in layers.items())
        return Precision(self.linear.name, Fraction(bits, n))


def more_bits(i: int, n: int) -> bool:
    """Whether a layer is one of the half that gets more bits: the ends, and every third between.

    >>> sum(more_bits(i, 32) for i in range(32))
    16
    """
    return i < n // 8 or i >= 7 * n // 8 or (i - n // 8) % 3 == 2


def _more(usual: Precision) -> Rule:
    return lambda i, n: Q6_K if more_bits(i, n) else usual


def _always(precision: Precision) -> Rule:
    return lambda i, n: precision


def _first_two(i: int, n: int) -> Precision:
    return Q5_K if i < 2 else Q4_K


def _first_sixteenth(i: int, n: int) -> Precision:
    return Q5_K if i < n // 16 else Q4_K


STORAGES: Mapping[str, Storage] = {
    **{p.name: Storage(p, p if p.bits >= 16 else FLOAT16) for p in PRECISIONS.values()},
    "GGUF Q8_0": Gguf(Q8_0, head=Q8_0),
    "GGUF Q6_K": Gguf(Q6_K),
    "GGUF Q5_K_M": Gguf(Q5_K, others={name: _more(Q5_K) for name in ("v_proj", "down_proj")}),
    "GGUF Q4_K_M": Gguf(Q4_K, others={name: _more(Q4_K) for name in ("v_proj", "down_proj")}),
    "GGUF Q3_K_M": Gguf(
        Q3_K,
        others={"v_proj": _first_two, "down_proj": _first_sixteenth, "o_proj": _always(Q4_K)},
    ),
    "GGUF Q2_K": Gguf(
        Q2_K, others={"v_proj": _always(Q4_K), "down_proj": _always(Q3_K), "o_proj": _always(Q3_K)}
    ),
}
"""How a model can be stored, by name: each precision for all of it, and GGUF's mixtures."""
