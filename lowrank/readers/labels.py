"""How a weight is kept that is no plain numbers, in words.

A model is open to all visitors, so that its labels are in English and looked up where they are
shown: see `TensorInfo.stored_as`.
"""

from lowrank.language import gettext_noop

ONE_SCALE = gettext_noop("{kept}, one scale")
SCALE_A_ROW = gettext_noop("{kept}, one scale a row")
SCALE_A_BLOCK = gettext_noop("{kept}, one scale a block of {high} × {across}")
INT8_ROWS = gettext_noop("int8, one scale a row (bitsandbytes)")
BLOCKS = gettext_noop("{kind}, blocks of {size} (bitsandbytes)")
NESTED = gettext_noop("{kind}, blocks of {size}, nested (bitsandbytes)")
AWQ = gettext_noop("AWQ 4 bit, groups of {size}")
GPTQ = gettext_noop("GPTQ {bits} bit, groups of {size}")
CODES = gettext_noop("{dtype} codes")  # of a layout that is not known
LABELS = (CODES, NESTED, BLOCKS, INT8_ROWS, SCALE_A_BLOCK, SCALE_A_ROW, ONE_SCALE, AWQ, GPTQ)
