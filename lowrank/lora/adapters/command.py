"""`lowrank extract`, `compare`, `resize`, `ranks` and `verify`: adapters on the command line."""

import argparse
import json
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lowrank.errors import FormatError, InputError, LowrankError
from lowrank.files import as_csv, nbytes, whole_folder, write
from lowrank.language import gettext as _
from lowrank.language import joined
from lowrank.lora.adapter_config import FILE
from lowrank.lora.adapters import mlx_files
from lowrank.lora.adapters.comparing import alike
from lowrank.lora.adapters.extracting import Extracted, check_new, extract_adapter
from lowrank.lora.adapters.opening import load
from lowrank.lora.adapters.peft_files import Adapter, save
from lowrank.lora.adapters.resizing import ENOUGH, ranks_by_kind, resized, suggestions
from lowrank.lora.adapters.verifying import said, summary, verify
from lowrank.readers import HUB, HUB_LIKE, open_model

Progress = Callable[[int, int, str], None]


def extract_command(arguments: argparse.Namespace) -> None:
    """Write the adapter that lies between two models."""
    base, tuned = open_model(arguments.base), open_model(arguments.tuned)
    with watched() as progress:
        found = extract_adapter(
            base, tuned, arguments.out, arguments.rank, arguments.energy, progress
        )
    if arguments.json:
        rows = [asdict(row) | {"energy": row.energy} for row in found.rows]
        say({"adapter": arguments.out, "matrices": rows, "left_out": found.left_out})
        return
    moved = [row for row in found.rows if row.r]
    for row in moved:
        print(
            _("{module}: rank {r}, changed by {change:.3%}, {error:.2%} of the change lost").format(
                module=row.module, r=row.r, change=row.change, error=row.error
            )
        )
    print(
        _("{count:,} of {all:,} matrices changed; {numbers:,} numbers, {size:.1f} MB: {path}")
        .format(
            count=len(moved),
            all=len(found.rows),
            numbers=sum(numbers(row) for row in moved),
            size=nbytes(Path(arguments.out)) / 1e6,
            path=arguments.out,
        )
    )  # fmt: skip
    if found.left_out:
        said = _("{count:,} other tensors differ and are not in the adapter: {names}.")
        print(said.format(count=len(found.left_out), names=some(found.left_out)))


def numbers(row: Extracted) -> int:
    """How many numbers a row's pair holds."""
    return row.r * sum(row.shape)


def compare_command(arguments: argparse.Namespace) -> None:
    """Two models by the spectra of their differences, or two adapters by principal angles."""
    if arguments.out:
        check_new(Path(arguments.out))
    of = (arguments.first, arguments.second)
    kinds = [is_adapter(each) for each in of]
    if all(kinds):
        compare_adapters(arguments, load(of[0]), load(of[1]))
        return
    if any(kinds):
        raise InputError(
            "{adapter} is an adapter and {model} is none: compare two adapters or two models.",
            adapter=of[kinds.index(True)],
            model=of[kinds.index(False)],
        )
    from lowrank.atlas import differences  # only here: drawing libraries

    base, tuned = (open_model(each) for each in of)
    with watched() as progress:
        found = differences.compare(base, tuned, progress)
    rows = differences.records(found)
    told = {"first": base.title, "second": tuned.title, "matrices": rows}
    spectra = {name: s.tolist() for name, s in found.survey.spectra.items()}
    lines = [
        _("{matrix}: changed by {change:.3%}, effective rank {rank:.1f} of {most}").format(
            matrix=row.name, change=found.changes[row.name], rank=row.effective_rank, most=row.least
        )
        for row in found.moved
    ]
    result(
        arguments,
        rows,
        told,
        told | {"singular_values": spectra},
        [*lines, differences.answer(found)],
        lambda: differences.comparison_report(found),
    )


def compare_adapters(arguments: argparse.Namespace, first: Adapter, second: Adapter) -> None:
    """Two adapters by the principal angles of their updates."""
    from lowrank.lora.adapters import comparison_report as written  # only here: as above

    found = alike(first, second)
    rows = written.records(found)
    told = {"first": arguments.first, "second": arguments.second, "modules": rows}
    lines = [
        _(
            "{module}: {inputs:.3f} of the inputs in common (by chance {chance_in:.3f}), "
            "{outputs:.3f} of the outputs (by chance {chance_out:.3f}), cosine {cosine:.3f}"
        ).format(
            module=row["module"],
            inputs=row["shared_inputs"],
            chance_in=row["chance_inputs"],
            outputs=row["shared_outputs"],
            chance_out=row["chance_outputs"],
            cosine=row["cosine"],
        )
        for row in rows
        if row["shared_inputs"] is not None
    ]
    names = [Path(each).name for each in (arguments.first, arguments.second)]
    result(
        arguments,
        rows,
        told,
        told | {"angles": written.angles(found)},
        [*lines, written.answer(found)],
        lambda: written.comparison_report(found, *names),
    )


def result(
    arguments: argparse.Namespace,
    rows: Sequence[dict[str, Any]],
    told: dict[str, Any],
    record: dict[str, Any],
    lines: Sequence[str],
    report: Callable[[], str],
) -> None:
    """A comparison on the screen, in words or as JSON, and as three files in a folder."""
    if arguments.out:
        place = Path(arguments.out).absolute()
        with whole_folder(place) as new:
            write(new / "comparison.csv", as_csv(rows))
            write(new / "comparison.json", as_json(record))
            write(new / "report.html", report())
    if arguments.json:
        say(told)
        return
    print("\n".join(lines))
    if arguments.out:
        print(_("Report: {path}").format(path=Path(arguments.out) / "report.html"))


def resize_command(arguments: argparse.Namespace) -> None:
    """Write an adapter at lower ranks."""
    place = Path(arguments.out).absolute()
    check_new(place)
    before = load(arguments.adapter)
    after, rows = resized(before, arguments.rank, arguments.energy, arguments.edge)
    with whole_folder(place) as new:
        save(after, new)
    if arguments.json:
        say({"adapter": arguments.out, "modules": [asdict(row) for row in rows]})
        return
    for row in rows:
        said = _("{module}: rank {r} of {before}, {error:.2%} of the update lost")
        print(said.format(module=row.module, r=row.r, before=row.before, error=row.error))
    said = _("{after:,} numbers of {before:,}, {size:.1f} MB: {path}")
    print(
        said.format(
            after=after.parameters,
            before=before.parameters,
            size=nbytes(place) / 1e6,
            path=arguments.out,
        )
    )


def ranks_command(arguments: argparse.Namespace) -> None:
    """Which ranks an adapter's own spectrum asks for."""
    rows = suggestions(load(arguments.adapter))
    pattern = ranks_by_kind(rows)
    config = {"r": max(pattern.values()), "rank_pattern": pattern}
    if arguments.json:
        say({"energy": ENOUGH, "modules": [asdict(row) for row in rows], "config": config})
        return
    for row in rows:
        print(
            _(
                "{module}: rank {asked} of {r} keeps {share:.0%} of its energy; {edge} values "
                "beyond random factors, effective rank {effective:.1f}"
            ).format(
                module=row.module,
                asked=row.at_energy,
                r=row.r,
                share=ENOUGH,
                edge=row.edge,
                effective=row.effective_rank,
            )
        )
    print(
        _("For LoraConfig, the largest of each kind: r={r}, rank_pattern={pattern}").format(
            r=config["r"], pattern=pattern
        )
    )


def verify_command(arguments: argparse.Namespace) -> None:
    """Whether a merged model is what its base and adapter make. Raises FormatError if it is not."""
    base, adapter, merged = (
        open_model(arguments.base),
        load(arguments.adapter),
        open_model(arguments.merged),
    )
    with watched() as progress:
        rows = verify(base, adapter, merged, progress)
    bad = [row for row in rows if row.verdict != "equal"]
    if arguments.json:
        say({"equal": not bad, "tensors": [asdict(row) for row in rows]})
    else:
        for row in bad:
            print(said(row))
    if bad:
        raise FormatError(
            "{title} is not what base and adapter make: {count:,} of {all:,} tensors differ.",
            title=merged.title,
            count=len(bad),
            all=len(rows),
        )
    if not arguments.json:
        print(summary(rows))


def is_adapter(source: str) -> bool:
    """Whether a folder, zip or hub id is an adapter rather than a model."""
    path = Path(source)
    if path.is_dir():
        return (path / FILE).is_file() or (path / mlx_files.WEIGHTS).is_file()
    if path.exists() or not (source.startswith(HUB) or HUB_LIKE.fullmatch(source)):
        return path.suffix == ".zip"
    try:
        load(source)
    except LowrankError:  # no adapter, or none that can be had: as a model it says why
        return False
    return True


@contextmanager
def watched() -> Iterator[Progress]:
    """A bar with the time left, where someone is watching."""
    from tqdm import tqdm

    with tqdm(unit=_("matrix"), disable=None, file=sys.stderr) as bar:

        def progress(done: int, total: int, name: str) -> None:
            bar.total = total
            bar.set_postfix_str(name, refresh=False)
            bar.update(done - bar.n)

        yield progress


def some(names: Sequence[str]) -> str:
    """The first few of some names."""
    first = joined(names[:3], _("{first}, {last}"))
    return _("{some} and others").format(some=first) if len(names) > 3 else first


def as_json(record: Any) -> str:
    """Strict JSON: what is not finite is null."""
    return json.dumps(_finite(record), indent=1, ensure_ascii=False)


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    return [_finite(each) for each in value] if isinstance(value, list | tuple) else value


def say(record: Any) -> None:
    """Print for machines."""
    print(as_json(record))


def add(commands: Any, *, adapter: str, model: str) -> None:
    """The five verbs, with the options of each, among the command line's others.

    `adapter` and `model` say what may be given as one.
    """
    as_record = _("as JSON, for machines")
    extracting = commands.add_parser("extract", help=_("the LoRA adapter between two models"))
    extracting.add_argument("base", help=model)
    extracting.add_argument("tuned", help=_("a model that was tuned from it"))
    which = extracting.add_mutually_exclusive_group(required=True)
    which.add_argument("--rank", type=int, help=_("the rank of every matrix"))
    share = _("the share of each change's energy to keep, such as 0.95: ranks by matrix")
    which.add_argument("--energy", type=float, help=share)
    extracting.set_defaults(run=extract_command)
    comparing = commands.add_parser("compare", help=_("two models, or two adapters, side by side"))
    comparing.add_argument("first", help=_("a model or an adapter"))
    comparing.add_argument("second", help=_("another of the same shapes"))
    comparing.add_argument("--out", help=_("a new folder for CSV, JSON and a report in HTML"))
    comparing.set_defaults(run=compare_command)
    shrinking = commands.add_parser("resize", help=_("an adapter at lower ranks"))
    shrinking.add_argument("adapter", help=adapter)
    rule = shrinking.add_mutually_exclusive_group(required=True)
    rule.add_argument("--rank", type=int, help=_("the most that any rank may be"))
    rule.add_argument("--energy", type=float, help=share)
    edge = _("what is beyond the singular values of random factors")
    rule.add_argument("--edge", action="store_true", help=edge)
    shrinking.set_defaults(run=resize_command)
    for each in (extracting, shrinking):
        each.add_argument("--out", required=True, help=_("a new folder for the adapter"))
    asking = commands.add_parser("ranks", help=_("the ranks that an adapter's spectrum asks for"))
    asking.add_argument("adapter", help=adapter)
    asking.set_defaults(run=ranks_command)
    verifying = commands.add_parser(
        "verify", help=_("whether a merged model is what base and adapter make")
    )
    verifying.add_argument("base", help=model)
    verifying.add_argument("adapter", help=adapter)
    verifying.add_argument("merged", help=_("the merged model"))
    verifying.set_defaults(run=verify_command)
    for each in (extracting, comparing, shrinking, asking, verifying):
        each.add_argument("--json", action="store_true", help=as_record)
