"""What the LoRA paper reports, to stand beside our redo.

Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models", arXiv 2106.09685v2: GPT-3 175B,
validation accuracy in percent, but for table 18: GPT-2 Medium on E2E, validation loss.
"""

# Table 6: what is adapted -> r -> (WikiSQL, MultiNLI).
TABLE_6 = {
    "q": {1: (68.8, 90.7), 2: (69.6, 90.9), 4: (70.5, 91.1), 8: (70.4, 90.7), 64: (70.0, 90.7)},
    "q, v": {1: (73.4, 91.3), 2: (73.3, 91.4), 4: (73.7, 91.3), 8: (73.8, 91.6), 64: (73.5, 91.4)},
    "q, k, v, o": {
        1: (74.1, 91.2), 2: (73.7, 91.7), 4: (74.0, 91.7), 8: (74.0, 91.5), 64: (73.9, 91.4)
    },
}  # fmt: skip

# Table 5: what is adapted -> (r, WikiSQL, MultiNLI), 18 M parameters each.
TABLE_5 = {
    "q": (8, 70.4, 91.0),
    "k": (8, 70.0, 90.8),
    "v": (8, 73.0, 91.0),
    "o": (8, 73.2, 91.3),
    "q, k": (4, 71.4, 91.3),
    "q, v": (4, 73.7, 91.3),
    "q, k, v, o": (2, 73.7, 91.7),
}

# Table 18: r -> validation loss.
TABLE_18 = {
    1: 1.23, 2: 1.21, 4: 1.18, 8: 1.17, 16: 1.16, 32: 1.16, 64: 1.16, 128: 1.16, 256: 1.16,
    512: 1.16, 1024: 1.17,
}  # fmt: skip

# Table 7, Wq of layer 48: r -> ||U^T W V^T|| in directions of the update, of W, of a random matrix;
# the norm of the update, and the amplification factor. ||W|| is 61.95.
TABLE_7 = {4: (0.32, 21.67, 0.02, 6.91, 21.5), 64: (1.90, 37.71, 0.33, 3.57, 1.9)}
