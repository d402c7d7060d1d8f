"""The gradients of a Llama, written by hand: each beside the forward that it differentiates.

Reverse mode: from the gradient of the loss in an operation's result to those in what went in. An
operation is undone from its inputs, which the forward keeps; cheap results (attention weights,
silu) are computed again instead. Only what was asked for is computed: no gradient of a frozen
weight, nothing below the lowest layer that is trained, logits only where there is a loss.

N is the number of tokens of all sequences of a batch, one after the other: no padding.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lowrank.errors import InputError
from lowrank.llama.config import LlamaConfig
from lowrank.llama.generation import cross_entropy
from lowrank.llama.mlp import logistic, silu
from lowrank.llama.model import (
    Floats,
    Ids,
    Layer,
    Params,
    angles,
    attention,
    by_column,
    by_head,
    causal,
    checked_ids,
    placed,
    projections,
    queries_keys_values,
    rms_norm,
    side_by_side,
    softmax,
)
from lowrank.llama.names import GATE_UP, HEAD, LINEAR, QKV, name_of
from lowrank.llama.rope import rotated
from lowrank.llama.trainable import Gradients, projection_backward

Parts = Mapping[str, Collection[str]]  # what is trained of each projection of a layer


@dataclass(frozen=True, eq=False)
class Batch:
    """Sequences laid end to end: ids (N,), where each lies, and which tokens count in the loss.

    `rows` are the positions whose next token counts, `targets` those next tokens.
    """

    ids: Ids
    spans: tuple[slice, ...]
    rows: Ids
    targets: Ids


def batch(sequences: Sequence[tuple[ArrayLike, ArrayLike]], config: LlamaConfig) -> Batch:
    """Pairs (ids, mask), both (T,): the mask is true where a token is to be learnt.

    A sequence's first token has nothing before it and is never learnt. Raises InputError if there
    is no sequence, if ids or mask are not what they should be, or if nothing is to be learnt.

    >>> from lowrank.llama.model import TINY
    >>> two = batch([([5, 6, 7], [0, 0, 1]), ([8, 9], [0, 1])], TINY)
    >>> two.rows.tolist(), two.targets.tolist()
    ([1, 3], [7, 9])
    """
    ids, spans, rows, start = [], [], [], 0
    for given, mask in sequences:
        checked = checked_ids(given, config)
        learnt = np.asarray(mask, bool)
        if learnt.shape != checked.shape:
            raise InputError(
                "mask has shape {shape}; expected {expected}, as ids.",
                shape=learnt.shape,
                expected=checked.shape,
            )
        ids.append(checked)
        rows.append(start + np.flatnonzero(learnt[1:]))
        spans.append(slice(start, start := start + len(checked)))
    if not ids or not sum(map(len, rows)):
        raise InputError("The examples have no token to learn: the mask is nowhere true.")
    laid, at = np.concatenate(ids), np.concatenate(rows)
    return Batch(laid, tuple(spans), at, laid[at + 1])


def loss(params: Params, batch: Batch) -> NDArray[np.float64]:
    """-ln p of every token that counts, given those before it in its sequence, in nats."""
    x, _ = kept_forward(params, batch, places(params, batch), len(params.layers))
    logits = params.lm_head.apply(rms_norm(x[batch.rows], params.norm, params.config.rms_norm_eps))
    return cross_entropy(logits, batch.targets)


def gradients(
    params: Params, batch: Batch, trained: Collection[str], count: int | None = None
) -> tuple[float, Gradients]:
    """The loss, sum of -ln p over `count`, and its gradient in every array that is trained.

    Names are a projection's Hugging Face name and a part of it: "model.layers.0.self_attn.q_proj"
    with ".lora_A", ".lora_B", ".lora_magnitude_vector" (LoRA, DoRA), ".weight", ".bias" (the matrix
    itself), ".down.weight" and its kin (adapter layers). `count` is how many tokens the mean is
    over, by default those of the batch; more where several batches make one step.

    Raises InputError for a name of no such array.

    >>> from lowrank.llama.model import TINY, random
    >>> params = random(TINY, np.random.default_rng(0))
    >>> one = batch([([1, 2, 3], [0, 1, 1])], TINY)
    >>> found, by_name = gradients(params, one, ["model.layers.1.mlp.up_proj.weight"])
    >>> by_name["model.layers.1.mlp.up_proj.weight"].shape
    (12, 8)
    """
    parts = parts_by_module(params, trained)
    eps, count = params.config.rms_norm_eps, count or len(batch.targets)
    of_layers: list[Parts] = [
        {short: parts[name] for short in LINEAR if (name := name_of(i, short)) in parts}
        for i in range(len(params.layers))
    ]
    lowest = next((i for i, wanted in enumerate(of_layers) if wanted), len(params.layers))

    where = places(params, batch)
    x, kept = kept_forward(params, batch, where, lowest)
    last = x[batch.rows]  # (N, hidden) -> (rows, hidden)
    e = rms_norm(last, params.norm, eps)
    losses, dlogits = cross_entropy_backward(params.lm_head.apply(e), batch.targets)
    dlogits /= count

    below = lowest < len(params.layers)
    de, found = projection_backward(params.lm_head, e, dlogits, parts.get(HEAD, ()), below)
    named = {f"{HEAD}.{part}": gradient for part, gradient in found.items()}
    if de is not None:
        dx = np.zeros_like(x)
        dx[batch.rows] = rms_norm_backward(last, params.norm, eps, de)
        for i in reversed(range(lowest, len(params.layers))):
            layer, wanted = params.layers[i], of_layers[i]
            onward, found = layer_backward(
                layer, kept[i - lowest], dx, wanted, i > lowest, where, params.config
            )
            for short_part, gradient in found.items():
                short, _, part = short_part.partition(".")
                named[f"{name_of(i, short)}.{part}"] = gradient
            if onward is not None:
                dx = onward
    return float(losses.sum() / count), named


def parts_by_module(params: Params, trained: Collection[str]) -> dict[str, tuple[str, ...]]:
    """ "model.layers.0.mlp.up_proj.lora_A" and so on, by the projection that each is a part of."""
    known, found = projections(params), dict[str, tuple[str, ...]]()
    for name in trained:
        cut = name.find("_proj.") + len("_proj") if "_proj." in name else len(HEAD)
        module, part = name[:cut], name[cut + 1 :]
        if module not in known or not part:
            raise InputError(
                "{name!r} is no array of the model that can be trained.",
                name=name[:200],
            )
        found[module] = (*found.get(module, ()), part)
    return found


@dataclass(frozen=True, eq=False)
class Kept:
    """What went into each operation of a layer: all that its derivatives need."""

    x: Floats  # (N, hidden), into the layer
    e: Floats  # normalised, into q, k, v
    q: Floats  # (heads, N, head_dim), placed
    k: Floats  # (kv_heads, N, head_dim), placed
    v: Floats
    unplaced: tuple[Floats, Floats] | None  # q and k before their norms, where they have some
    mixed: Floats  # (N, heads * head_dim), into o
    x_mid: Floats  # (N, hidden), after attention
    e_mid: Floats  # normalised, into gate and up
    gate: Floats  # (N, mid)
    up: Floats
    product: Floats  # silu(gate) * up, into down


@dataclass(frozen=True, eq=False)
class Places:
    """Where every token stands: the spans of the sequences, their masks, and the turns.

    A mask is (T, T) for a sequence of T; a layer with a window has others than one without. cos and
    sin are (N, head_dim/2).
    """

    spans: tuple[slice, ...]
    masks: Mapping[int | None, tuple[Floats, ...]]  # by window
    cos: Floats
    sin: Floats


def places(params: Params, batch: Batch) -> Places:
    """The places of a batch's tokens, in the dtype of the weights."""
    lengths, dtype = [s.stop - s.start for s in batch.spans], params.embed_tokens.dtype
    turns = [angles(params, 0, T) for T in lengths]
    cos, sin = (np.concatenate(parts) for parts in zip(*turns, strict=True))
    windows = {layer.window for layer in params.layers}
    masks = {w: tuple(causal(T, T, dtype, w) for T in lengths) for w in windows}
    return Places(batch.spans, masks, cos, sin)


def kept_forward(
    params: Params, batch: Batch, where: Places, lowest: int
) -> tuple[Floats, list[Kept]]:
    """`model.hidden` of every sequence, (N, hidden), and what the layers from `lowest` on keep."""
    x, kept = by_column(params.embed_tokens[batch.ids]), []
    for i, layer in enumerate(params.layers):
        x, here = layer_forward(layer, x, where, params.config)
        if i >= lowest:
            kept.append(here)
    return x, kept


def layer_forward(
    layer: Layer, x: Floats, where: Places, config: LlamaConfig
) -> tuple[Floats, Kept]:
    """One layer, as `model.hidden` has it; attention stays within each sequence."""
    e = rms_norm(x, layer.input_layernorm, config.rms_norm_eps)
    given_q, given_k, v = queries_keys_values(layer, e, config.head_dim)
    q, k = placed(layer, given_q, given_k, (where.cos, where.sin), config.rms_norm_eps)
    unplaced = None if layer.q_norm is None else (given_q, given_k)
    each = zip(where.spans, where.masks[layer.window], strict=True)
    mixed = np.concatenate([attention(q[:, s], k[:, s], v[:, s], mask) for s, mask in each])
    x_mid = x + layer.o_proj.apply(mixed)
    e_mid = rms_norm(x_mid, layer.post_attention_layernorm, config.rms_norm_eps)
    gate, up = layer.gate_proj.apply(e_mid), layer.up_proj.apply(e_mid)
    product = silu(gate) * up
    y = x_mid + layer.down_proj.apply(product)
    return y, Kept(x, e, q, k, v, unplaced, mixed, x_mid, e_mid, gate, up, product)


def layer_backward(
    layer: Layer,
    kept: Kept,
    dy: Floats,
    trained: Parts,
    below: bool,
    where: Places,
    config: LlamaConfig,
) -> tuple[Floats | None, Gradients]:
    """From dy to dx, both (N, hidden); None unless something `below` needs it.

    Gradients are named by projection and part, "q_proj.lora_A". The way back ends at the first
    operation before which nothing is trained.
    """
    found = Gradients()
    attention_in = below or not trained.keys().isdisjoint(QKV)
    attention_out = attention_in or "o_proj" in trained
    mlp_in = attention_out or not trained.keys().isdisjoint(GATE_UP)

    def through(short: str, x: Floats, dy: Floats, need_dx: bool) -> Floats:
        projection, wanted = getattr(layer, short), trained.get(short, ())
        dx, parts = projection_backward(projection, x, dy, wanted, need_dx)
        found.update({f"{short}.{part}": gradient for part, gradient in parts.items()})
        return dx if dx is not None else x[:0]

    # y = x_mid + down(silu(gate e_mid) * up e_mid)
    dproduct = through("down_proj", kept.product, dy, mlp_in)
    if not mlp_in:
        return None, found
    dgate, dup = swiglu_backward(kept.gate, kept.up, dproduct)
    de = through("gate_proj", kept.e_mid, dgate, attention_out)
    de = de + through("up_proj", kept.e_mid, dup, attention_out)
    if not attention_out:
        return None, found
    eps = config.rms_norm_eps
    dx_mid = dy + rms_norm_backward(kept.x_mid, layer.post_attention_layernorm, eps, de)

    # x_mid = x + o(attention(q e, k e, v e))
    dmixed = through("o_proj", kept.mixed, dx_mid, attention_in)
    if not attention_in:
        return None, found
    dq, dk, dv = heads_backward(layer, kept, dmixed, where, config)
    de = through("q_proj", kept.e, dq, below)
    de = de + through("k_proj", kept.e, dk, below)
    de = de + through("v_proj", kept.e, dv, below)
    if not below:
        return None, found
    return dx_mid + rms_norm_backward(kept.x, layer.input_layernorm, eps, de), found


def rms_norm_backward(x: Floats, weight: Floats, eps: float, dy: Floats) -> Floats:
    """y = weight * x / rho, rho = sqrt(mean(x^2) + eps): dx = (g - x mean(g x) / rho^2) / rho.

    g = weight * dy; (..., hidden) all.
    """
    rho2 = np.einsum("...i,...i->...", x, x)[..., None] / x.shape[-1] + eps
    g = weight * dy
    gx = np.einsum("...i,...i->...", g, x)[..., None] / x.shape[-1]
    return (g - x * (gx / rho2)) / np.sqrt(rho2)


def swiglu_backward(gate: Floats, up: Floats, dy: Floats) -> tuple[Floats, Floats]:
    """y = a * up, a = silu(gate) = gate sigma: dup = a * dy, dgate = (sigma + a (1 - sigma)) up dy.

    All (N, mid). `trainable.silu_backward` with what both gradients share computed once.
    """
    sigma = logistic(gate)
    a = gate * sigma
    dup = a * dy
    a -= a * sigma  # in place: these arrays are wide, and ours
    a += sigma
    a *= up
    a *= dy
    return a, dup


def heads_backward(
    layer: Layer, kept: Kept, dmixed: Floats, where: Places, config: LlamaConfig
) -> tuple[Floats, Floats, Floats]:
    """From attention's result (N, heads * head_dim) to what q, k and v gave, (N, out) each."""
    dout = by_head(dmixed, config.head_dim)
    each = [
        attention_backward(kept.q[:, s], kept.k[:, s], kept.v[:, s], mask, dout[:, s])
        for s, mask in zip(where.spans, where.masks[layer.window], strict=True)
    ]
    dq, dk, dv = (np.concatenate(parts, axis=1) for parts in zip(*each, strict=True))
    dq, dk = placed_backward(layer, kept, dq, dk, where, config.rms_norm_eps)
    return side_by_side(dq), side_by_side(dk), side_by_side(dv)


def placed_backward(
    layer: Layer, kept: Kept, dq: Floats, dk: Floats, where: Places, eps: float
) -> tuple[Floats, Floats]:
    """`model.placed` undone, last things first: the transpose of a turn is the turn back."""
    if layer.turned:
        dq, dk = rotated(dq, where.cos, -where.sin), rotated(dk, where.cos, -where.sin)
    if layer.q_norm is None or layer.k_norm is None or kept.unplaced is None:
        return dq, dk
    q, k = kept.unplaced
    return rms_norm_backward(q, layer.q_norm, eps, dq), rms_norm_backward(k, layer.k_norm, eps, dk)


def attention_backward(
    q: Floats, k: Floats, v: Floats, mask: Floats, dy: Floats
) -> tuple[Floats, Floats, Floats]:
    """y = P v, P = softmax(Z), Z = q k^T / sqrt(head_dim) + mask, for each head.

    dv = P^T dy, dP = dy v^T, dZ = P * (dP - sum(P * dP)), dq = dZ k / sqrt(head_dim), and dk =
    dZ^T q / sqrt(head_dim). q and dy are (heads, T, head_dim), k and v (kv_heads, T, head_dim):
    over the heads that share a key, a group, dk and dv are summed.
    """
    (heads, T, width), kv_heads = q.shape, len(k)
    q, dy = (a.reshape(kv_heads, -1, T, width) for a in (q * width**-0.5, dy))
    k, v = k[:, None], v[:, None]
    P = softmax(q @ k.mT + mask)  # (kv, group, T, S)
    dv = (P.mT @ dy).sum(axis=1)
    dZ = dy @ v.mT
    dZ -= np.einsum("...s,...s->...", P, dZ)[..., None]
    dZ *= P
    dk = (dZ.mT @ q).sum(axis=1)
    dZ *= width**-0.5
    return (dZ @ k).reshape(heads, T, width), dk, dv


def cross_entropy_backward(
    logits: Floats, targets: Ids
) -> tuple[NDArray[np.float64], Floats]:  # (rows, vocab), (rows,) -> (rows,), (rows, vocab)
    """-ln p[target] of each row, and its gradient in the logits, p - onehot(target).

    The losses are those of `cross_entropy`, which keeps no exponentials: with it the largest array
    of a step would be made twice.

    >>> losses, dlogits = cross_entropy_backward(np.zeros((1, 4)), np.array([2]))
    >>> losses.round(4).tolist(), dlogits.tolist()
    ([1.3863], [[0.25, 0.25, -0.75, 0.25]])
    """
    at = np.arange(len(targets)), targets
    p = logits - logits.max(axis=-1, keepdims=True)
    chosen = p[at].astype(np.float64)
    np.exp(p, out=p)  # in place: this is the largest array of the whole step
    total = p.sum(axis=-1, keepdims=True)
    p /= total
    p[at] -= 1
    return np.log(total[:, 0].astype(np.float64)) - chosen, p
