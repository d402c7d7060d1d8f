"""`lowrank memory MODEL --card 24`: what of a model a card holds and trains."""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict

from lowrank.language import gettext as _
from lowrank.llama.names import LINEAR, PEFT_DEFAULT
from lowrank.memory.accounting import ADAM_8BIT, FLOAT32, active_parameters, parameters
from lowrank.memory.fits import Step, inference_fits, room_of, training_fits
from lowrank.memory.sizes import named

NOT_ASKED = ("model", "run", "json", "lang")


def run(arguments: argparse.Namespace) -> None:
    """Print what fits, as tables or as JSON."""
    title, config = named(arguments.model)
    room = room_of(arguments.card, arguments.reserve)
    step = Step(
        arguments.tokens,
        arguments.batch,
        arguments.rank,
        LINEAR if arguments.all_linear else PEFT_DEFAULT,
        arguments.recompute,
        ADAM_8BIT if arguments.adam == 8 else FLOAT32,
        arguments.paged,
    )
    asked = arguments.context, arguments.batch, arguments.cache_bits, arguments.cards
    inference, training = inference_fits(config, room, *asked), training_fits(config, room, step)
    if arguments.json:
        record = {
            "model": title,
            "parameters": parameters(config),
            "active": active_parameters(config),
            "room": room,
            **{k: v for k, v in vars(arguments).items() if k not in NOT_ASKED},
            "inference": [asdict(each) for each in inference],
            "training": [asdict(each) for each in training],
        }
        print(json.dumps(record, indent=2))
        return
    said = _("{title}: {all:,} parameters, of which a token uses {active:,}.")
    print(said.format(title=title, all=parameters(config), active=active_parameters(config)))
    said = _("Room on a card: {room:.2f} GB of 10⁹ bytes; cards: {cards}.")
    print(said.format(cards=arguments.cards, room=room / 1e9), end="\n\n")
    context = _("longest context, {batch} at once").format(batch=arguments.batch)
    rows = _("most at once, {context:,} tokens").format(context=arguments.context)
    head = [_("weights"), _("GB a card"), context, rows]
    held = [
        (_(f.storage), f"{f.weights / 1e9:,.2f}", f"{f.context:,}", f"{f.batch:,}")
        for f in inference
    ]
    print(aligned([head, *held]), end="\n\n")
    head = [_("one step of training, on one card"), _("GB"), _("longest sequence")]
    trained = [
        (
            _(f.method),
            f"{f.held / 1e9:,.2f}",
            f"{f.tokens:,}",
            f"{f.batch:,}",
            "" if f.r is None else f"{f.r:,}",
        )
        for f in training
    ]
    print(aligned([[*head, _("most at once"), _("highest r")], *trained]))


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Rows as lines of equally wide columns, the first to the left.

    >>> print(aligned([["a", "GB"], ["bcd", "1.5"]]))
    a     GB
    bcd  1.5
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if i else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    )
