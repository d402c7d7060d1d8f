"""What one module's update is, and where it lies beside the matrix it changes."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lowrank.errors import InputError
from lowrank.language import gettext as _
from lowrank.lora.adapters.merging import adapted, merged
from lowrank.lora.adapters.peft_files import Adapter, Pair
from lowrank.readers.checkpoint_config import EMBEDDINGS, HEAD, is_tied
from lowrank.readers.interface import Model
from lowrank.spectra.measures import effective_rank, similarity
from lowrank.spectra.svd import SVD, of_product
from lowrank.spectra.svd.notebook import html_table


@dataclass(frozen=True)
class Effect:
    """One module's update scale * B A, (out, in), in numbers.

    `s` are its r singular values. `overlap_in` and `overlap_out` are the similarity (Hu et al.,
    equation 4) of its right and left singular directions with as many top ones of W0; by chance
    they would be `chance_in` and `chance_out`. `relative` is the whole change beside W0,
    ||W - W0||_F / ||W0||_F: of scale B A, and with DoRA of its magnitudes too. The last five are
    None without W0.
    """

    module: str
    r: int
    scale: float
    norm: float
    s: NDArray[np.float64]
    effective_rank: float
    relative: float | None = None
    overlap_in: float | None = None
    overlap_out: float | None = None
    chance_in: float | None = None
    chance_out: float | None = None

    def _repr_html_(self) -> str:
        """The numbers as a notebook shows them."""
        rows = {
            _("rank r"): f"{self.r}",
            _("scale"): f"{self.scale:.3g}",
            "‖s·BA‖": f"{self.norm:.3g}",
            _("effective rank"): f"{self.effective_rank:.1f}",
        }
        if self.relative is not None:
            rows["‖W − W₀‖ / ‖W₀‖"] = f"{self.relative:.2%}"
        if self.overlap_in is not None and self.overlap_out is not None:
            words = _("{overlap:.3f} (chance {chance:.3f})")
            inputs = words.format(overlap=self.overlap_in, chance=self.chance_in)
            outputs = words.format(overlap=self.overlap_out, chance=self.chance_out)
            rows[_("overlap with W₀, inputs")] = inputs
            rows[_("overlap with W₀, outputs")] = outputs
        return html_table(self.module, rows.items())


def effect(pair: Pair, W0: SVD | None = None, transposed: bool = False) -> Effect:
    """The numbers of one pair, beside the decomposition of its W0 (out, in) if that is given.

    Only the directions that the update uses are compared: those with singular values above
    r * eps(float32) of the largest; a zero update uses none, and has no overlap.

    A W0 stored as (in, out), as embeddings are, is turned; `transposed` says so of a square one,
    which does not show it. Raises InputError if W0 has another
    shape, or an entry is not finite.
    """
    out, n = len(pair.B), pair.A.shape[1]
    thin = pair.r <= min(out, n)
    update = of_product(pair.scale * pair.B, pair.A) if thin else None
    s = update.s if update else np.linalg.svd(pair.delta().astype(np.float64), compute_uv=False)
    numbers = (pair.module, pair.r, pair.scale, float(np.linalg.norm(s)), s, effective_rank(s))
    if W0 is None:
        return Effect(*numbers)
    if transposed or W0.shape == (n, out) != (out, n):
        W0 = SVD(W0.Vt.T, W0.s, W0.U.T)
    if W0.shape != (out, n):
        raise InputError(
            "W0 is {shape} and the update of {module} {expected}.",
            shape=W0.shape,
            module=pair.module,
            expected=(out, n),
        )
    moved = float(np.linalg.norm(s))
    if pair.magnitude is not None:
        dense = ((W0.U * W0.s) @ W0.Vt).astype(np.float32)
        moved = float(np.linalg.norm(adapted(dense, pair, transposed=False) - dense))
    relative = moved / float(np.linalg.norm(W0.s) or 1.0)
    used = int((s > pair.r * np.finfo(np.float32).eps * s[0]).sum())
    if update is None or used == 0:
        return Effect(*numbers, relative)
    top, own = W0.top(used), update.top(used)
    return Effect(
        *numbers,
        relative,
        overlap_in=similarity(own.Vt, top.Vt),
        overlap_out=similarity(own.U.T, top.U.T),
        chance_in=used / n,
        chance_out=used / out,
    )


def change(model: Model, adapter: Adapter, found: Effect) -> float:
    """||W - W0||_F / ||W0||_F of one module, W the whole merged matrix; W0 is read, not decomposed.

    Without DoRA's magnitudes that is the update's own norm beside W0's. 0 for a W0 of zeros.
    Raises InputError if the adapter does not fit the model.
    """
    # A bare array, of a file that is no model's, is a module of its own name.
    name = found.module if found.module in model.tensors else f"{found.module}.weight"
    W0 = model.read(EMBEDDINGS if name == HEAD and is_tied(model) else name)
    norm = float(np.linalg.norm(W0))
    moved = found.norm
    if adapter.pairs[found.module].magnitude is not None:
        moved = float(np.linalg.norm(merged(model, adapter, name) - W0))
    return moved / norm if norm else 0.0
