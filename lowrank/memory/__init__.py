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
from lowrank.memory.quantization import DoublyQuantized, Quantized, bfloat16, int8, nf4, nf4_double
from lowrank.memory.quantized_model import QuantizedDense, quantized
from lowrank.memory.storages import STORAGES

__all__ = [
    "BFLOAT16",
    "FLOAT16",
    "FLOAT32",
    "INT8",
    "NF4",
    "PUBLISHED",
    "STORAGES",
    "DoublyQuantized",
    "Memory",
    "Part",
    "Precision",
    "Quantized",
    "QuantizedDense",
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
    "nf4_double",
    "pair_parameters",
    "parameters",
    "parts",
    "quantized",
    "room_of",
    "training_fits",
    "training_memory",
    "weight_bytes",
]
