"""A Llama as one pure function, `forward(params, ids)`, over arrays that anyone may replace.

What its relatives add (see `relatives`) is in `placed` and `causal`; each layer says what it has.

Touvron et al., "LLaMA", arXiv 2302.13971; "Llama 2", arXiv 2307.09288 (grouped-query attention).
T is the number of tokens given, S of those seen so far: with a cache, S >= T.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from lowrank.errors import InputError
from lowrank.llama.cache import Cache
from lowrank.llama.config import LlamaConfig
from lowrank.llama.linear import Dense, Observed, Projection
from lowrank.llama.mlp import silu
from lowrank.llama.names import HEAD, LINEAR, name_of
from lowrank.llama.rope import rotated, rotation

Floats = NDArray[np.floating]
Ids = NDArray[np.integer]


@dataclass(frozen=True, eq=False)
class Layer:
    """One decoder layer: two norm weights (hidden,), seven projections, and what relatives add.

    `q_norm` and `k_norm` (head_dim,) normalise each head. `window` is how many tokens it looks back
    over, None for all; `turned` is whether q and k are turned by position.
    """

    input_layernorm: Floats
    q_proj: Projection
    k_proj: Projection
    v_proj: Projection
    o_proj: Projection
    post_attention_layernorm: Floats
    gate_proj: Projection
    up_proj: Projection
    down_proj: Projection
    q_norm: Floats | None = None
    k_norm: Floats | None = None
    window: int | None = None
    turned: bool = True


@dataclass(frozen=True, eq=False)
class Params:
    """Everything `forward` reads. Where the embeddings are tied, `lm_head` holds the same array."""

    config: LlamaConfig
    embed_tokens: Floats  # (vocab, hidden)
    layers: tuple[Layer, ...]
    norm: Floats  # (hidden,)
    lm_head: Projection  # (vocab, hidden)

    def __repr__(self) -> str:
        """The sizes, since the arrays are long."""
        vocabulary, hidden = self.embed_tokens.shape
        return f"Params({len(self.layers)} layers, hidden {hidden}, vocabulary {vocabulary})"


def forward(
    params: Params,
    ids: ArrayLike,
    cache: Cache | None = None,
    positions: ArrayLike | slice | None = None,
) -> Floats:
    """The logits of the token after each position, (T, vocab), in the dtype of the weights.

    With a `cache`, `ids` continue what it has seen, and their keys and values are added to it: the
    one thing that is ever changed. `positions` chooses the rows whose logits are computed, such as
    [-1] for the last alone: the head is the largest matrix of a small model.

    Raises InputError if `ids` is empty, holds no token of this model, or, with what the cache has
    seen, is longer than the model's positions.

    >>> params = random(TINY, np.random.default_rng(0))
    >>> forward(params, [3, 1, 4]).shape, forward(params, [3, 1, 4], positions=[-1]).shape
    ((3, 11), (1, 11))
    """
    x = hidden(params, ids, cache)  # (T,) -> (T, hidden)
    if positions is not None:
        x = x[positions if isinstance(positions, slice) else np.asarray(positions)]
    eps = params.config.rms_norm_eps
    return params.lm_head.apply(rms_norm(x, params.norm, eps))  # (T, hidden) -> (T, vocab)


def hidden(params: Params, ids: ArrayLike, cache: Cache | None = None) -> Floats:
    """What the layers make of the tokens, (T, hidden), before the last norm. See `forward`."""
    config = params.config
    start = cache.length if cache else 0
    ids = checked_ids(ids, config, start)
    T = len(ids)
    x = by_column(params.embed_tokens[ids])  # (T,) -> (T, hidden)
    turn = angles(params, start, T, cache.awaited if cache else 0)
    masks = {w: causal(T, start + T, x.dtype, w) for w in {layer.window for layer in params.layers}}
    for i, layer in enumerate(params.layers):
        e = rms_norm(x, layer.input_layernorm, config.rms_norm_eps)
        q, k, v = queries_keys_values(layer, e, config.head_dim)
        q, k = placed(layer, q, k, turn, config.rms_norm_eps)
        if cache is not None:
            k, v = cache.extended(i, k, v)
        x = x + layer.o_proj.apply(attention(q, k, v, masks[layer.window]))
        e = rms_norm(x, layer.post_attention_layernorm, config.rms_norm_eps)
        x = x + mlp(layer, e)
    if cache is not None:
        cache.advance(T)
    return x


def rms_norm(x: Floats, weight: Floats, eps: float) -> Floats:  # (..., hidden), (hidden,)
    """weight * x / sqrt(mean(x^2) + eps), each vector by itself.

    Reference: Zhang and Sennrich, "Root Mean Square Layer Normalization", arXiv 1910.07467.

    >>> rms_norm(np.array([3.0, 4.0]), np.ones(2), 0.0).round(3).tolist()
    [0.849, 1.131]
    """
    mean_square = np.einsum("...i,...i->...", x, x)[..., None] / x.shape[-1]
    return weight * (x / np.sqrt(mean_square + eps))


def queries_keys_values(
    layer: Layer, e: Floats, head_dim: int
) -> tuple[Floats, Floats, Floats]:  # (T, hidden)
    """q (heads, T, head_dim), and k, v (kv_heads, T, head_dim), as the projections give them."""
    q = by_head(layer.q_proj.apply(e), head_dim)
    k = by_head(layer.k_proj.apply(e), head_dim)
    v = by_head(layer.v_proj.apply(e), head_dim)
    return q, k, v


def placed(
    layer: Layer, q: Floats, k: Floats, turn: tuple[Floats, Floats], eps: float
) -> tuple[Floats, Floats]:
    """q and k normalised, where the layer has norms for them, and turned, where it turns them."""
    if layer.q_norm is not None and layer.k_norm is not None:
        q, k = rms_norm(q, layer.q_norm, eps), rms_norm(k, layer.k_norm, eps)
    return (rotated(q, *turn), rotated(k, *turn)) if layer.turned else (q, k)


def attention(q: Floats, k: Floats, v: Floats, mask: Floats) -> Floats:
    """softmax(q k^T / sqrt(head_dim) + mask) v of every head, side by side: (T, heads * head_dim).

    q is (heads, T, head_dim), k and v are (kv_heads, S, head_dim), the mask is (T, S). Consecutive
    heads, a group, share a key.
    """
    (heads, T, width), kv_heads = q.shape, len(k)
    grouped = (q * width**-0.5).reshape(kv_heads, -1, T, width)  # -> (kv, group, T, hd)
    weights = softmax(grouped @ k[:, None].mT + mask)  # (kv, group, T, S)
    mixed = weights @ v[:, None]  # (kv, group, T, hd)
    return side_by_side(mixed.reshape(heads, T, width))


def mlp(layer: Layer, e: Floats) -> Floats:  # (T, hidden) -> (T, hidden)
    """down(silu(gate e) * up e). Reference: Shazeer, arXiv 2002.05202, SwiGLU."""
    return layer.down_proj.apply(silu(layer.gate_proj.apply(e)) * layer.up_proj.apply(e))


def softmax(z: Floats) -> Floats:
    """exp(z) / sum exp(z) over the last axis; -inf gives 0.

    >>> softmax(np.array([0.0, 0.0, -np.inf])).tolist()
    [0.5, 0.5, 0.0]
    """
    e = z - z.max(axis=-1, keepdims=True)
    np.exp(e, out=e)
    e /= e.sum(axis=-1, keepdims=True)
    return e


def causal(T: int, S: int, dtype: DTypeLike = np.float32, window: int | None = None) -> Floats:
    """(T, S): 0 where a token may look, -inf at those after it. The T tokens are the last of the S.

    With a window, -inf too at those before the last `window` tokens, its own the last of them.
    Reference: Jiang et al., "Mistral 7B", arXiv 2310.06825, section 2.

    >>> causal(2, 3).tolist(), causal(1, 3, window=2).tolist()
    ([[0.0, 0.0, -inf], [0.0, 0.0, 0.0]], [[-inf, 0.0, 0.0]])
    """
    mask = np.triu(np.full((T, S), -np.inf, dtype), k=S - T + 1)
    if window is not None and window < S:
        mask += np.tril(np.full((T, S), -np.inf, dtype), k=S - T - window)
    return mask


def angles(params: Params, start: int, T: int, awaited: int = 0) -> tuple[Floats, Floats]:
    """cos and sin for positions start to start + T - 1, (T, head_dim/2), in the weights' dtype.

    The text has as many tokens as these bring it to, or those awaited, if they are more.
    """
    length = max(start + T, awaited)
    cos, sin = rotation(params.config, np.arange(start, start + T), length)
    dtype = params.embed_tokens.dtype
    return cos.astype(dtype), sin.astype(dtype)


def by_column(x: Floats) -> Floats:
    """The same (T, hidden), laid in memory as `projections.product` lays what it gives.

    The sum of two arrays that lie alike is ten times faster than of two that do not.
    """
    return np.asfortranarray(x)


def by_head(x: Floats, head_dim: int) -> Floats:
    """(T, heads * head_dim) -> (heads, T, head_dim)."""
    return x.reshape(len(x), -1, head_dim).swapaxes(0, 1)


def side_by_side(x: Floats) -> Floats:
    """(heads, T, head_dim) -> (T, heads * head_dim)."""
    return x.swapaxes(0, 1).reshape(x.shape[1], -1)


def checked_ids(ids: ArrayLike, config: LlamaConfig, start: int = 0) -> Ids:
    """Token ids as an array (T,). Raises InputError if they are none of this model's, or too many.

    >>> checked_ids([1, 99], TINY)
    Traceback (most recent call last):
    lowrank.errors.InputError: ids holds 99; expected whole numbers from 0 to 10, the vocabulary.
    """
    found = np.asarray(ids)
    if found.ndim != 1 or found.size == 0 or not np.issubdtype(found.dtype, np.integer):
        raise InputError(
            "ids has shape {shape} and type {dtype}; expected one whole number for each "
            "token, at least one.",
            shape=found.shape,
            dtype=found.dtype,
        )
    strange = found[(found < 0) | (found >= config.vocab_size)]
    if strange.size:
        raise InputError(
            "ids holds {found}; expected whole numbers from 0 to {last:,}, the vocabulary.",
            found=strange[0],
            last=config.vocab_size - 1,
        )
    if start + found.size > config.longest:
        raise InputError(
            "The text has {count:,} tokens; this model was made for at most {most:,}.",
            count=start + found.size,
            most=config.longest,
        )
    return found


def projections(params: Params) -> dict[str, Projection]:
    """Every projection by its Hugging Face name, in the order in which they are applied.

    >>> list(projections(random(TINY, np.random.default_rng(0))))[:2]
    ['model.layers.0.self_attn.q_proj', 'model.layers.0.self_attn.k_proj']
    """
    found = {
        name_of(i, short): getattr(layer, short)
        for i, layer in enumerate(params.layers)
        for short in LINEAR
    }
    return found | {HEAD: params.lm_head}


def check_names(held: Mapping[str, Projection], names: Iterable[str]) -> None:
    """Raise InputError for a name that is none of the `projections` of a model."""
    for name in names:
        if name not in held:
            raise InputError(
                "The model has no projection {name!r}; see `projections(params)`.",
                name=name,
            )


def replaced(params: Params, new: Mapping[str, Projection]) -> Params:
    """The same model with other projections, by Hugging Face name; all else is shared, not copied.

    A name may end in ".weight". Replacing "lm_head" leaves the embeddings as they are, tied or not.

    Raises InputError for a name that the model does not have, or a projection of another shape.

    >>> params = random(TINY, np.random.default_rng(0))
    >>> name = "model.layers.0.mlp.up_proj"
    >>> other = replaced(params, {name: Dense(np.zeros((12, 8), np.float32))})
    >>> other.layers[0].q_proj is params.layers[0].q_proj, projections(other)[name].W.any()
    (True, np.False_)
    """
    held = projections(params)
    new = {name.removesuffix(".weight"): projection for name, projection in new.items()}
    check_names(held, new)
    for name, projection in new.items():
        if projection.shape != held[name].shape:
            raise InputError(
                "The new {name} has shape {shape}; expected {expected}.",
                name=name,
                shape=projection.shape,
                expected=held[name].shape,
            )
    layers = []
    for i, layer in enumerate(params.layers):
        changes: dict[str, Any] = {s: new[name_of(i, s)] for s in LINEAR if name_of(i, s) in new}
        layers.append(replace(layer, **changes) if changes else layer)
    return replace(params, layers=tuple(layers), lm_head=new.get(HEAD, params.lm_head))


def observed(
    params: Params,
    look: Callable[[str, Floats], object],
    names: Sequence[str] | None = None,
    back: Callable[[str, Floats], object] | None = None,
) -> Params:
    """The same model, showing `look(name, x)` what goes into each projection: x is (T, in).

    `back(name, dy)` sees what comes back in `backward.gradients`: dy is (T, out).

    Raises InputError for a name that the model does not have; `names=None` is all of them.

    >>> params, seen = random(TINY, np.random.default_rng(0)), {}
    >>> _ = forward(observed(params, seen.__setitem__), [1, 2])
    >>> seen["model.layers.0.mlp.down_proj"].shape
    (2, 12)
    """
    held = projections(params)
    chosen = list(held) if names is None else [name.removesuffix(".weight") for name in names]
    check_names(held, chosen)

    def watched(name: str) -> Observed:
        returned = None if back is None else lambda dy: back(name, dy)
        return Observed(held[name], lambda x: look(name, x), returned)

    return replaced(params, {name: watched(name) for name in chosen})


TINY = LlamaConfig(
    hidden_size=8,
    intermediate_size=12,
    num_hidden_layers=2,
    num_attention_heads=4,
    num_key_value_heads=2,
    head_dim=2,
    vocab_size=11,
    max_position_embeddings=64,
)
"""A Llama small enough for examples and tests."""


def random(
    config: LlamaConfig,
    rng: np.random.Generator,
    biases: bool = False,
    dtype: DTypeLike = np.float32,
) -> Params:
    """A model of any shape with random weights, of deviation 1/sqrt(in): for tests and examples."""

    def matrix(short: str) -> Dense:
        m, n = config.projection_shape(short)
        W = rng.standard_normal((m, n)) / np.sqrt(n)
        return Dense(W.astype(dtype), rng.standard_normal(m).astype(dtype) if biases else None)

    def norm(size: int = config.hidden_size) -> Floats:
        return (1 + 0.1 * rng.standard_normal(size)).astype(dtype)

    embed_tokens = rng.standard_normal((config.vocab_size, config.hidden_size)).astype(dtype)
    layers = tuple(
        Layer(
            input_layernorm=norm(),
            post_attention_layernorm=norm(),
            **{short: matrix(short) for short in LINEAR},
            q_norm=norm(config.head_dim) if config.qk_norm else None,
            k_norm=norm(config.head_dim) if config.qk_norm else None,
            window=config.window(i),
            turned=config.turned(i),
        )
        for i in range(config.num_hidden_layers)
    )
    tied = config.tie_word_embeddings
    head = Dense(embed_tokens) if tied else Dense(matrix(HEAD).W)
    return Params(config, embed_tokens, layers, norm(), head)
