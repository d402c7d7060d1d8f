"""Where the gigabytes of a Llama go: parameters and bytes, matrix by matrix, and quantization.

>>> from lowrank.llama import SMOLLM2_135M
>>> parameters(SMOLLM2_135M)
134515008
"""

from lowrank.memory.accounting import (
    Memory,
    Part,
    inference_memory,
    lora_parameters,
    parameters,
    parts,
    training_memory,
)
from lowrank.memory.quantization import Quantized, bfloat16, int8, nf4

__all__ = [
    "Memory",
    "Part",
    "Quantized",
    "bfloat16",
    "inference_memory",
    "int8",
    "lora_parameters",
    "nf4",
    "parameters",
    "parts",
    "training_memory",
]
