"""A plan carried out: the model with thin pairs in place of matrices, its cost and its loss."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from lowrank.errors import InputError
from lowrank.llama.generate import nll
from lowrank.llama.model import ATTENTION, HEAD, MLP, Params, projections, replaced
from lowrank.llama.projections import Projection, bias_of
from lowrank.surgery.factors import Source
from lowrank.surgery.plans import Plan, by_fraction, chosen
from lowrank.svd import checked_rank


def operate(params: Params, plan: Plan, factors: Source) -> Params:
    """The model with each planned projection replaced by its pair of that rank; all else shared.

    Raises InputError for a name that the model does not have or a rank out of range.
    """
    held = projections(params)
    new: dict[str, Projection] = {}
    for name, k in plan.items():
        if name not in held:
            raise InputError(f"The model has no projection {name!r}; see `projections(params)`.")
        checked_rank(k, min(held[name].shape))
        new[name] = factors(name).pair(k, bias_of(held[name]))
    return replaced(params, new)


@dataclass(frozen=True)
class Cost:
    """What a model holds and does: parameters, bytes at 4 a parameter, operations a new token.

    Operations count a multiplication and an addition for each weight that a token meets; those of
    attention over earlier tokens, which truncation does not change, are left out.
    """

    parameters: int
    nbytes: int
    flops: int


def cost(params: Params) -> Cost:
    """Parameters, bytes and operations a token of a model as it stands; a tied head counts once."""
    held = projections(params)
    weights = sum(p.parameters for p in held.values())
    head = held[HEAD]
    tied = head.parameters == params.embed_tokens.size and params.config.tie_word_embeddings
    norms = params.norm.size * (2 * len(params.layers) + 1)
    parameters = weights + norms + (0 if tied else params.embed_tokens.size)
    return Cost(parameters, 4 * parameters, 2 * weights)


@dataclass(frozen=True)
class Measured:
    """One point of a sensitivity map: mean nll with those projections cut to that fraction."""

    kind: str
    layer: int | None  # None: all layers
    fraction: float
    way: str
    nll: float
    base: float

    @property
    def rise(self) -> float:
        """How much worse than the whole model, in nats a token."""
        return self.nll - self.base


def sensitivity(
    params: Params,
    ids: Sequence[int],
    factors: Mapping[str, Source],
    kinds: Sequence[str] = ATTENTION + MLP,
    fractions: Sequence[float] = (0.75, 0.5, 0.25, 0.125),
    layers: Sequence[int] | None = None,
) -> Iterator[Measured]:
    """Mean nll of a text with one kind of projection cut, for each kind, fraction and way.

    `factors` gives a source for each way, such as {"plain": …, "aware": …}. With `layers` each of
    those layers is cut by itself; without, all are cut together. One point at a time, so that a
    caller can show them and stop.

    Raises InputError as `chosen`, `by_fraction` and `nll` do.
    """
    base = float(nll(params, ids).mean())
    for kind in kinds:
        for layer in [None] if layers is None else layers:
            names = chosen(params, [kind], None if layer is None else [layer])
            for way, source in factors.items():
                kept = {name: source(name) for name in names}
                for fraction in fractions:
                    plan = by_fraction(params, names, fraction)
                    cut = operate(params, plan, kept.__getitem__)
                    loss = float(nll(cut, ids).mean())
                    yield Measured(
                        kind, layer, fraction, "aware" if way == "aware" else "plain", loss, base
                    )
