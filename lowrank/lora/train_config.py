"""What a training run is asked for: method, length, learning rate, batches, optimizer."""

import json
import math
from dataclasses import asdict, dataclass, field
from typing import Any

from lowrank.errors import InputError
from lowrank.language import gettext as _
from lowrank.lora.adapter_config import AdapterConfig
from lowrank.lora.optimizer import SCHEDULES, Schedule
from lowrank.lora.tuning import Method, check_trainable

WHOLE = {  # the least of each
    "steps": 1,
    "batch_size": 1,
    "gradient_accumulation_steps": 1,
    "warmup_steps": 0,
    "seed": 0,
}
POSITIVE = ("learning_rate", "adam_epsilon", "loraplus_lr_ratio")
NOT_NEGATIVE = ("weight_decay", "max_grad_norm")
SHARES = ("adam_beta1", "adam_beta2")


@dataclass(frozen=True)
class TrainConfig:
    """What to train and how; names as in PEFT's LoraConfig and transformers' TrainingArguments.

    A step takes `batch_size * gradient_accumulation_steps` examples, in an order drawn anew each
    time all have been seen (or always the given one, without `shuffle`); its loss is the mean over
    all their tokens that count. The learning rate rises for `warmup_steps` and then follows
    `lr_scheduler_type` to the last step; B's is `loraplus_lr_ratio` times it (Hayou et al.,
    "LoRA+", arXiv 2402.12354). `weight_decay` is AdamW's, for every trained array.
    `max_grad_norm` 0 leaves gradients as they are.

    Raises InputError naming a field that is out of its range, or not supported.
    """

    method: Method = field(default_factory=AdapterConfig)
    steps: int = 100
    learning_rate: float = 1e-3
    batch_size: int = 1
    gradient_accumulation_steps: int = 1
    lr_scheduler_type: Schedule = "linear"
    warmup_steps: int = 0
    weight_decay: float = 0.0
    max_grad_norm: float = 1.0
    adam_beta1: float = 0.9
    adam_beta2: float = 0.999
    adam_epsilon: float = 1e-8
    loraplus_lr_ratio: float = 1.0
    shuffle: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        check_trainable(self.method)
        for name, least in WHOLE.items():
            value = getattr(self, name)
            fits = type(value) is int and value >= least
            self._expect(fits, name, _("a whole number from {least} on").format(least=least))
        for name in POSITIVE:
            self._expect(0 < getattr(self, name) < math.inf, name, _("above 0"))
        for name in NOT_NEGATIVE:
            self._expect(0 <= getattr(self, name) < math.inf, name, _("0 or more"))
        for name in SHARES:
            self._expect(0 <= getattr(self, name) < 1, name, _("0 to below 1"))
        kind = self.lr_scheduler_type
        known = _("one of {names}").format(names=", ".join(SCHEDULES))
        self._expect(kind in SCHEDULES, "lr_scheduler_type", known)

    def _expect(self, fits: bool, name: str, expected: str) -> None:
        if not fits:
            raise InputError(
                "{name} is {value!r}; expected {expected}.",
                name=name,
                value=getattr(self, name),
                expected=expected,
            )

    def to_json(self) -> dict[str, Any]:
        """The fields as JSON has them; two runs with equal ones, data and model are equal."""
        plain = asdict(self)
        plain["method"]["kind"] = type(self.method).__name__
        return json.loads(json.dumps(plain))
