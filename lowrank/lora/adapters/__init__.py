"""LoRA adapters as PEFT keeps them on disk: load, inspect, merge into a checkpoint, save.

The conventions are those of PEFT 0.21 (`peft.LoraConfig`): whatever changes the result there does
so here, and what is not supported here is refused by name.
"""

from lowrank.lora.adapter_config import AdapterConfig
from lowrank.lora.adapters.checkpoint import export
from lowrank.lora.adapters.comparing import Alike, alike
from lowrank.lora.adapters.conversion import applied, trained
from lowrank.lora.adapters.effects import Effect, change, effect
from lowrank.lora.adapters.extracting import Extracted, ExtractionReport, extract_adapter
from lowrank.lora.adapters.fitting import Fit, check_fit, fit
from lowrank.lora.adapters.merging import merged, merged_names
from lowrank.lora.adapters.opening import load
from lowrank.lora.adapters.peft_files import Adapter, Pair, save, untrained
from lowrank.lora.adapters.resizing import (
    Resized,
    Suggestion,
    ranks_by_kind,
    resized,
    suggestions,
)
from lowrank.lora.adapters.verifying import Verified, verify

__all__ = [
    "Adapter",
    "AdapterConfig",
    "Alike",
    "Effect",
    "Extracted",
    "ExtractionReport",
    "Fit",
    "Pair",
    "Resized",
    "Suggestion",
    "Verified",
    "alike",
    "applied",
    "change",
    "check_fit",
    "effect",
    "export",
    "extract_adapter",
    "fit",
    "load",
    "merged",
    "merged_names",
    "ranks_by_kind",
    "resized",
    "save",
    "suggestions",
    "trained",
    "untrained",
    "verify",
]
