"""A LoraConfig as people paste it: the Python call, or adapter_config.json."""

import ast
import json
from typing import Any

from lowrank.errors import InputError
from lowrank.lora.adapter_config import AdapterConfig

LONGEST_TEXT = 10_000  # characters
EXAMPLE = 'LoraConfig(r=8, lora_alpha=32, target_modules=["q_proj", "v_proj"])'


def parse_config(text: str) -> AdapterConfig:
    """The configuration in a pasted `LoraConfig(…)` call or the text of an adapter_config.json.

    Nothing is run: arguments are read as literals, and an attribute, as in TaskType.CAUSAL_LM, by
    its name. What is given before the call, as in `config = LoraConfig(…)`, is left out.

    Raises InputError for a text that is neither, FormatError naming a field that PEFT would not
    accept, or that is not supported here.

    >>> parse_config('peft_config = LoraConfig(r=8, lora_alpha=32, lora_dropout=0.1)').lora_alpha
    32
    """
    if len(text) > LONGEST_TEXT:
        raise InputError(
            "The LoraConfig has {count:,} characters; at most {most:,}.",
            count=len(text),
            most=LONGEST_TEXT,
        )
    read = _from_json if text.lstrip().startswith("{") else _from_call
    try:
        fields = read(text.strip())
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise InputError(
            "The LoraConfig cannot be read; expected {example} or JSON.",
            example=EXAMPLE,
        ) from error
    return AdapterConfig.from_json(fields)


def _from_json(text: str) -> Any:
    return json.loads(text)


def _from_call(text: str) -> dict[str, Any]:
    """The keyword arguments of the call that ends the text. Raises ValueError for anything else."""
    last = ast.parse(text).body[-1:]
    call = getattr(last[0], "value", None) if last else None
    if not isinstance(call, ast.Call) or not _name(call.func).endswith("LoraConfig"):
        raise ValueError("no call of LoraConfig")
    if call.args or any(keyword.arg is None for keyword in call.keywords):
        raise ValueError("arguments without a name")
    return {str(keyword.arg): _value(keyword.value) for keyword in call.keywords}


def _name(node: ast.expr) -> str:
    """The last part of a dotted name."""
    return getattr(node, "attr", getattr(node, "id", ""))


def _value(node: ast.expr) -> Any:
    if isinstance(node, ast.Attribute):  # TaskType.CAUSAL_LM
        return node.attr
    value = ast.literal_eval(node)
    return sorted(value) if isinstance(value, set) else value
