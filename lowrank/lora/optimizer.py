"""AdamW, the learning rate over a run, and gradients kept within bounds: pure functions of arrays.

Each is what torch or transformers does under the same name.
"""

import math
from collections.abc import Mapping
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]
Schedule = Literal["linear", "cosine", "constant"]
SCHEDULES = ("linear", "cosine", "constant")
"""The names of the ways a learning rate falls after its warmup, for `TrainConfig.schedule`."""


def adamw(
    p: Floats,
    g: Floats,
    m: Floats,
    v: Floats,
    step: int,
    rate: float,
    weight_decay: float = 0.0,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
) -> tuple[Floats, Floats, Floats]:
    """One step of Adam with decoupled weight decay: the new p, m and v; `step` counts from 1.

    p (1 - rate decay) - rate m' / (sqrt v' + eps), m' and v' freed of their start at zero.
    Reference: Loshchilov and Hutter, arXiv 1711.05101, algorithm 2, as torch.optim.AdamW has it.

    >>> p, m, v = adamw(np.ones(1), np.array([5.0]), np.zeros(1), np.zeros(1), 1, rate=0.1)
    >>> p.round(6).tolist()
    [0.9]
    """
    beta1, beta2 = betas
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * (g * g)
    size = np.sqrt(v) / math.sqrt(1 - beta2**step) + eps
    return (1 - rate * weight_decay) * p - (rate / (1 - beta1**step)) * (m / size), m, v


def schedule(kind: Schedule, step: int, warmup: int, steps: int) -> float:
    """The factor of the learning rate at a step counted from 0: up over `warmup`, then down.

    Reference: transformers' get_linear_, get_cosine_ and get_constant_schedule_with_warmup.

    >>> [schedule("linear", step, warmup=2, steps=6) for step in range(7)]
    [0.0, 0.5, 1.0, 0.75, 0.5, 0.25, 0.0]
    """
    if step < warmup:
        return step / warmup
    if kind == "constant":
        return 1.0
    done = (step - warmup) / max(1, steps - warmup)
    return max(0.0, 1 - done if kind == "linear" else 0.5 * (1 + math.cos(math.pi * done)))


def global_norm(gradients: Mapping[str, Floats]) -> float:
    """The Euclidean norm of all arrays as one vector."""
    return math.sqrt(sum(float(np.vdot(g, g)) for g in gradients.values()))


def clipped(gradients: Mapping[str, Floats], most: float) -> dict[str, Floats]:
    """The gradients, scaled together so that their norm is at most `most`; 0 leaves them.

    Reference: Pascanu et al., arXiv 1211.5063; torch.nn.utils.clip_grad_norm_, its 1e-6 included.

    >>> clipped({"a": np.array([3.0, 4.0])}, most=1.0)["a"].round(3).tolist()
    [0.6, 0.8]
    """
    factor = most / (global_norm(gradients) + 1e-6)
    if most == 0 or factor >= 1:
        return dict(gradients)
    return {name: factor * g for name, g in gradients.items()}
