"""Matrix rank, from row reduction by hand to LoRA on a real Llama: small pure functions over numpy.

>>> import lowrank
>>> lowrank.elimination.rank([[1, 2], [2, 4]])
1
"""

from lowrank import completion, elimination, lora, measures, moves, subspaces, svd, systems

__version__ = "0.1.0"
__all__ = [
    "completion",
    "elimination",
    "lora",
    "measures",
    "moves",
    "subspaces",
    "svd",
    "systems",
]
