"""Matrix rank, from row reduction by hand to LoRA on a real Llama: small pure functions over numpy.

>>> import lowrank
>>> lowrank.__version__
'0.1.0'
"""

__version__ = "0.1.0"
