"""A pasted LoraConfig: the same as PEFT's fields, and nothing of it is run."""

import json

import pytest

from lowrank.errors import FormatError, InputError
from lowrank.lora import AdapterConfig
from lowrank.lora.config_text import LONGEST_TEXT, parse_config

FIELDS = {"r": 64, "lora_alpha": 16, "lora_dropout": 0.05, "target_modules": ["q_proj", "v_proj"]}


def test_the_call_and_its_json_are_the_same_configuration():
    call = f"""from peft import LoraConfig, TaskType
config = peft.LoraConfig(  # as a notebook has it
    task_type=TaskType.CAUSAL_LM, bias="none", {", ".join(f"{k}={v!r}" for k, v in FIELDS.items())})
"""
    found = parse_config(call)
    assert found == AdapterConfig(
        64, 16, ("q_proj", "v_proj"), lora_dropout=0.05, task_type="CAUSAL_LM"
    )
    assert found == parse_config(json.dumps(FIELDS | {"task_type": "CAUSAL_LM"}))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "r = 8",
        "LoraConfig(8)",
        "LoraConfig(**fields)",
        "LoraConfig(r=__import__('os').getpid())",
        "LoraConfig(r=r)",
        "print(8)",
        "{'r': 8}",
        "(" * 3000,
        "LoraConfig(r=" + "-" * 5000 + "1)",
        "LoraConfig(target_modules=" + "[" * 400 + "]" * 400 + ")",
        "LoraConfig(r=8\0)",
    ],
)
def test_what_is_no_configuration_is_refused_in_a_sentence(text):
    with pytest.raises((InputError, FormatError), match=r"LoraConfig|target_modules"):
        parse_config(text)


def test_a_field_of_the_wrong_kind_is_named_and_a_long_text_refused_by_its_length():
    with pytest.raises(FormatError, match="r = '0'; expected a whole number"):
        parse_config("LoraConfig(r=0)")
    with pytest.raises(InputError, match="at most 10,000"):
        parse_config("x" * (LONGEST_TEXT + 1))
