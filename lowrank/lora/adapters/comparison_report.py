"""Two adapters beside each other as a table, as a sentence, and as one HTML file."""

from html import escape
from statistics import median
from typing import Any

import numpy as np

from lowrank.figures import atlas as figures
from lowrank.figures.adapter import principal_angles
from lowrank.figures.style import Settings
from lowrank.language import gettext as _
from lowrank.lora.adapters.comparing import Alike, phi
from lowrank.lora.adapters.fitting import kind_of, layers_of


def records(rows: tuple[Alike, ...]) -> list[dict[str, Any]]:
    """A line for each module, as a table takes it."""
    return [
        {
            "module": row.module,
            "rank_first": row.ranks[0],
            "rank_second": row.ranks[1],
            "norm_first": row.norms[0],
            "norm_second": row.norms[1],
            "cosine": row.cosine,
            "shared_inputs": row.shared_in,
            "chance_inputs": phi(row.chance_in),
            "shared_outputs": row.shared_out,
            "chance_outputs": phi(row.chance_out),
        }
        for row in rows
    ]


def angles(rows: tuple[Alike, ...]) -> dict[str, dict[str, list[float]]]:
    """The cosines of all principal angles by module, as JSON takes them."""
    sides = ("inputs", "outputs", "chance_in", "chance_out")
    return {row.module: {side: getattr(row, side).tolist() for side in sides} for row in rows}


def answer(rows: tuple[Alike, ...]) -> str:
    """How much the two share, in a sentence."""
    used = [row for row in rows if row.shared_in is not None]
    if not used:
        return _("One of the two updates is zero in every module.")
    return _(
        "{count:,} modules in common. Of the smaller update's input directions the other spans "
        "{inputs:.1%} (by chance {chance_in:.1%}), of its output directions {outputs:.1%} (by "
        "chance {chance_out:.1%}); the cosine between the two updates is {cosine:.3f}: medians."
    ).format(
        count=len(rows),
        inputs=median(row.shared_in or 0.0 for row in used),
        outputs=median(row.shared_out or 0.0 for row in used),
        chance_in=median(phi(row.chance_in) or 0.0 for row in used),
        chance_out=median(phi(row.chance_out) or 0.0 for row in used),
        cosine=median(row.cosine for row in used),
    )


def comparison_report(rows: tuple[Alike, ...], first: str, second: str) -> str:
    """The comparison as one self-contained HTML text."""
    title = _("{first} and {second}").format(first=first, second=second)
    lead = _(
        "{answer} A principal angle is that between a direction of one update and the nearest of "
        "the other, the next one among what is left; its cosine is 1 where both share it. Grey "
        "lines are random subspaces of as many dimensions."
    ).format(answer=answer(rows))
    used = [row for row in rows if row.shared_in is not None]
    sections: list[tuple[str, Settings]] = []
    if used:
        sections.append((_("Input directions in common"), _map(used, "shared_in")))
        sections.append((_("Output directions in common"), _map(used, "shared_out")))
    for kind in figures.kinds([kind_of(row.module) for row in used]):
        there = [row for row in used if kind_of(row.module) == kind]
        names = [row.module for row in there]
        drawn = principal_angles([row.inputs for row in there], names, there[0].chance_in)
        sections.append((_("Inputs of {kind}").format(kind=kind), drawn))
        drawn = principal_angles([row.outputs for row in there], names, there[0].chance_out)
        sections.append((_("Outputs of {kind}").format(kind=kind), drawn))
    return figures.page(title, lead, sections, _table(rows))


def _map(rows: list[Alike], side: str) -> Settings:
    """phi of every module by layer and kind."""
    shares = [getattr(row, side) for row in rows]
    said = _("{module}<br>{share:.1%} in common")
    return figures.layer_map(
        [next(iter(layers_of([row.module])), 0) for row in rows],
        [kind_of(row.module) for row in rows],
        np.array(shares),
        [
            said.format(module=escape(row.module), share=share)
            for row, share in zip(rows, shares, strict=True)
        ],
        _("share in common"),
        (0.0, 1.0),
    )


def _table(rows: tuple[Alike, ...]) -> str:
    head = [
        _("module"),
        _("ranks"),
        _("norms"),
        _("cosine"),
        _("inputs in common"),
        _("by chance"),
        _("outputs in common"),
        _("by chance"),
    ]
    lines = [
        [
            row.module,
            f"{row.ranks[0]}, {row.ranks[1]}",
            f"{row.norms[0]:.4g}, {row.norms[1]:.4g}",
            f"{row.cosine:.3f}",
            *(
                "" if share is None else f"{share:.3f}"
                for share in (
                    *(row.shared_in, phi(row.chance_in)),
                    *(row.shared_out, phi(row.chance_out)),
                )
            ),
        ]
        for row in rows
    ]
    titles = "".join(f"<th>{escape(name)}</th>" for name in head)
    cells = ["".join(f"<td>{escape(cell)}</td>" for cell in each) for each in lines]
    return f"<table><tr>{titles}</tr>{''.join(f'<tr>{each}</tr>' for each in cells)}</table>"
