"""What both the recorded bitsandbytes and PEFT runs and the tests are about."""

import numpy as np

SHAPES = {"few": (24, 48), "odd": (50, 70), "many": (160, 192)}  # 18, 55 and 480 blocks of 64
RANK, ITERATIONS = 4, (1, 3)
LAYERS, DIRECTIONS = 2, 3
TEXTS = ("Moon cheese, as on every day, and a comet for dessert.", "What is for dinner?")


def random_matrix(name: str) -> np.ndarray:
    """Normal weights, one row of each ten times as large, one block zero."""
    m, n = SHAPES[name]
    W = np.random.default_rng([7, m]).standard_normal((m, n)).astype(np.float32) / 8
    W[1] *= 10
    W[2:5] = 0
    return W


def token_ids() -> list[list[int]]:
    """The texts as the tiny Llama of the tests reads them, a byte a token, made up."""
    return [[0, *(2 + byte % 200 for byte in text.encode())] for text in TEXTS]
