"""What the redone experiments say, in words made from their numbers.

Two ways to train are compared seed by seed: the mean difference with its 95 % interval by Student's
t over the seeds. An interval that holds 0 is "no difference found", and that is a result.
"""

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, TypeVar

import numpy as np
from scipy.special import stdtrit

from lowrank.language import gettext as _
from lowrank.language import joined
from lowrank.lora.lab.experiments import FULL, FULL_UPDATE, by_rank, spread
from lowrank.lora.lab.paper import TABLE_5, TABLE_7

LEVEL = 0.95
SHARED = 0.5  # what the paper says of phi(1, 1), section 7.2
MOSTLY = 0.9  # of the squared norm
Label = TypeVar("Label", bound=Hashable)


@dataclass(frozen=True)
class Paired:
    """How far one way lies above another in held-out loss, nats: `mean` ± `half`, over seeds.

    `half` is half of the interval's width, infinite with one seed; `mean` is infinite where more
    seeds of one diverged than of the other.
    """

    mean: float
    half: float

    @property
    def sign(self) -> int:
        """1 where it is worse, -1 where it is better, 0 where no difference is found."""
        return 0 if abs(self.mean) <= self.half else int(np.sign(self.mean))

    def __str__(self) -> str:
        if math.isinf(self.mean):
            return "+∞" if self.mean > 0 else "−∞"
        if math.isinf(self.half):
            return f"{self.mean:+.3f}"
        return f"{self.mean:+.3f}\u00a0±\u00a0{self.half:.3f}"


def paired(losses: Sequence[float], others: Sequence[float]) -> Paired:
    """losses - others, seed by seed.

    >>> found = paired([1.2, 1.3, 1.4], [1.1, 1.1, 1.2])
    >>> str(found), found.sign
    ('+0.167\\xa0±\\xa00.143', 1)
    """
    count = min(len(losses), len(others))  # the last seed may still be missing of one
    lost = [sum(map(math.isinf, each[:count])) for each in (losses, others)]
    if any(lost):  # no mean can be told: more that diverged is worse
        more = float(np.sign(lost[0] - lost[1]))
        return Paired(more * math.inf, 0.0) if more else Paired(0.0, math.inf)
    differences = np.subtract(losses[:count], others[:count])
    if count < 2:
        return Paired(float(differences.mean()), math.inf)
    width = stdtrit(count - 1, (1 + LEVEL) / 2) / math.sqrt(count)
    return Paired(float(differences.mean()), float(width * differences.std(ddof=1)))


def best(ours: Mapping[Label, Sequence[float]]) -> Label:
    """The label of the least mean."""
    return min(ours, key=lambda label: float(np.mean(ours[label])))


def enough(ours: Mapping[int, Sequence[float]]) -> int:
    """The smallest rank for which no difference from the best one is found.

    >>> enough({1: [2.0, 2.1, 2.0], 2: [1.0, 1.3, 1.2], 4: [1.1, 1.0, 1.1]})
    2
    """
    least = best(ours)
    return min(r for r, losses in ours.items() if paired(losses, ours[least]).sign <= 0)


def of_ranks(ours: Mapping[int, Sequence[float]]) -> str:
    """Which rank is enough, here and in the paper."""
    least, small, smallest = best(ours), enough(ours), min(ours)
    told = _(
        "The least loss is that of r = {best}; the smallest rank for which no difference from it "
        "is found is **r = {enough}** ({count} seeds, 95 % intervals)."
    ).format(best=least, enough=small, count=len(ours[least]))
    if small == smallest:
        last = _("So here, as in the paper's table 6, r = {r} suffices.").format(r=smallest)
    else:
        above = paired(ours[smallest], ours[least])
        last = _(
            "The paper's table 6 finds r = 1 enough for q and v; here r = {r} is {above} nats "
            "above the best."
        ).format(r=smallest, above=above)
    return joined((told, last), _("{first} {last}"))


def of_matrices(ours: Mapping[str, Sequence[float]]) -> str:
    """The order of the paper's table 5 and ours, and what q with v is worth here."""
    here = sorted(ours, key=lambda label: float(np.mean(ours[label])))
    theirs = {label: -TABLE_5[label][1] for label in ours}  # WikiSQL, the higher the better
    pairs = [(a, b) for a, b in combinations(here, 2) if theirs[a] != theirs[b]]
    agree = sum(theirs[a] < theirs[b] for a, b in pairs)
    order = _("{first}; {last}")
    told = _("Here the order is {order}, the least loss first.").format(order=joined(here, order))
    if agree == len(pairs):
        told2 = _("That is the order of the paper's table 5 (WikiSQL).")
    else:
        told2 = _(
            "The order of the paper's table 5 (WikiSQL) is not found here: of its {pairs} pairs of "
            "rows {agree} stand as here."
        ).format(pairs=len(pairs), agree=agree)
    found = joined((told, told2), _("{first} {last}"))
    if "q, v" not in ours:
        return found
    beside = {a: paired(ours[a], ours["q, v"]) for a in ours if a != "q, v"}
    parts = [
        _("{label} ({difference} nats)").format(label=label, difference=difference)
        for label, difference in beside.items()
        if difference.sign < 0
    ]
    last = _("No row is better than the paper's choice, q and v.")
    if parts:
        named = joined(parts, _("{first}, {last}"))
        last = _("Better than the paper's choice, q and v: {rows}.").format(rows=named)
    return joined((found, last), _("{first} {last}"))


def of_full(record: Mapping[str, Any]) -> str:
    """Whether all of q and v, trained, get further than pairs beside them; "" if not measured."""
    full, ours = spread(record, "update").get(FULL), by_rank(record).get(8)
    if not full or not ours:
        return ""
    above = paired(ours, full)
    said = {
        -1: _("LoRA with r = 8 reaches a lower loss than training all of q and v: {above} nats."),
        0: _("No difference is found between LoRA with r = 8 and all of q and v: {above} nats."),
        1: _("Training all of q and v reaches a lower loss: LoRA with r = 8 is at {above} nats."),
    }
    return said[above.sign].format(above=above)


def of_first_direction(phi: float, by_chance: float) -> str:
    """Whether the first direction of r = 8 is that of r = 64, phi(1, 1), as the paper finds."""
    if phi > SHARED:
        return _("As in the paper's figure 3 it is more than 0.5: the first direction is shared.")
    times = phi / by_chance
    return _(
        "The paper's figure 3 finds more than 0.5 for the first direction; that is not found "
        "here, though it is {times:.0f} times what chance gives."
    ).format(times=times)


def of_spectra(spectra: Mapping[str, Sequence[float]]) -> str:
    """Whether full fine-tuning's change is nearer to low rank than W0: the share r = 8 can hold."""
    held = {
        name: float(np.square(s[:8]).sum() / np.square(s).sum()) for name, s in spectra.items() if s
    }
    if FULL_UPDATE not in held:
        return ""
    full, W0 = held[FULL_UPDATE], held["W0"]
    told = _(
        "Of what full fine-tuning changed, the 8 largest directions hold {full:.0%}; of W₀ they "
        "hold {W0:.0%}."
    ).format(full=full, W0=W0)
    if full <= W0:
        last = _("So the change is no nearer to low rank than the matrix.")
    elif full < MOSTLY:
        last = _("So the change is nearer to low rank than the matrix, but is not of low rank.")
    else:
        last = _("So the change is nearly of low rank by itself.")
    return joined((told, last), _("{first} {last}"))


def of_amplification(found: Mapping[str, Mapping[str, float]]) -> str:
    """Whether updates amplify what W0 has in their directions."""
    amplifying = [_(name) for name, of in found.items() if of["factor"] > 1]
    if not amplifying:
        return _(
            "Here nothing is amplified: every factor is below 1. The paper finds {paper:g} at "
            "r = 4."
        ).format(paper=TABLE_7[4][4])
    return _("Amplified, by a factor above 1, is what these find: {names}.").format(
        names=joined(amplifying, _("{first}, {last}"))
    )
