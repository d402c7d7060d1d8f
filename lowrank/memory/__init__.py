"""Where the gigabytes of a Llama go: parameters and bytes, matrix by matrix, and quantization.

>>> from lowrank.llama import SMOLLM2_135M
>>> parameters(SMOLLM2_135M)
134515008
>>> llama2, half = PUBLISHED["Llama 2 7B"], Storage(BFLOAT16, BFLOAT16)
>>> inference_memory(llama2, half, context=4096).total // 10**9
15
"""

from lowrank.memory.accounting import (
    BFLOAT16,
    FLOAT16,
    FLOAT32,
    INT8,
    NF4,
    Memory,
    Part,
    Precision,
    Storage,
    active_parameters,
    adapter_parameters,
    cache_bytes,
    inference_memory,
    lora_parameters,
    pair_parameters,
    parameters,
    parts,
    training_memory,
    weight_bytes,
)
from lowrank.memory.fits import Step, inference_fits, room_of, training_fits
from lowrank.memory.published import PUBLISHED
from lowrank.memory.quantization import Quantized, bfloat16, int8, nf4
from lowrank.memory.storages import STORAGES

__all__ = [
    "BFLOAT16",
    "FLOAT16",
    "FLOAT32",
    "INT8",
    "NF4",
    "PUBLISHED",
    "STORAGES",
    "Memory",
    "Part",
    "Precision",
    "Quantized",
    "Step",
    "Storage",
    "active_parameters",
    "adapter_parameters",
    "bfloat16",
    "cache_bytes",
    "inference_fits",
    "inference_memory",
    "int8",
    "lora_parameters",
    "nf4",
    "pair_parameters",
    "parameters",
    "parts",
    "room_of",
    "training_fits",
    "training_memory",
    "weight_bytes",
]
