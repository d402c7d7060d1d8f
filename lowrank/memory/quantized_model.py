"""A model whose matrices are kept in few bits and made anew as they are used: QLoRA's base."""

from collections.abc import Callable
from dataclasses import dataclass

from numpy.typing import ArrayLike

from lowrank.llama.linear import Dense, Floats, bias_of
from lowrank.llama.model import Params, projections, replaced
from lowrank.llama.names import HEAD
from lowrank.memory.quantization import DoublyQuantized, Quantized

Code = Quantized | DoublyQuantized
Quantizer = Callable[[ArrayLike], Code]


@dataclass(frozen=True, eq=False)
class QuantizedDense:
    """W x + b with W (out, in) kept as codes; the numbers they stand for live as long as a product.

    Frozen, as QLoRA's base is: a gradient goes through it, and none of it is trained.

    Reference: Dettmers et al., "QLoRA", arXiv 2305.14314, equation 5.

    >>> import numpy as np
    >>> from lowrank.memory.quantization import nf4_double
    >>> W = QuantizedDense(nf4_double(np.eye(64)))
    >>> W.apply(np.ones((1, 64), np.float32)).sum().item(), W.shape, W.nbytes < 64 * 64
    (64.0, (64, 64), True)
    """

    W: Code
    bias: Floats | None = None

    @property
    def shape(self) -> tuple[int, int]:
        return self.W.shape

    @property
    def parameters(self) -> int:
        out, n = self.shape
        return out * n + (0 if self.bias is None else self.bias.size)

    @property
    def nbytes(self) -> int:
        """Bytes of memory: codes, their constants, and the bias."""
        return self.W.nbytes + (0 if self.bias is None else self.bias.nbytes)

    def apply(self, x: Floats) -> Floats:
        return Dense(self.matrix(), self.bias).apply(x)

    def matrix(self) -> Floats:
        return self.W.matrix()


def quantized(params: Params, quantizer: Quantizer) -> Params:
    """The same model with every linear projection kept as codes; head and embeddings as they are.

    Raises InputError if a matrix is not finite.
    """
    return replaced(
        params,
        {
            name: QuantizedDense(quantizer(projection.matrix()), bias_of(projection))
            for name, projection in projections(params).items()
            if name != HEAD
        },
    )
