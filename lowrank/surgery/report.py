"""What a truncation was asked, what it kept and what it lost; as JSON, as a page, as a README."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from html import escape
from typing import Any, Literal

from lowrank.errors import InputError
from lowrank.language import SOURCE, again, current, speaking
from lowrank.language import gettext as _
from lowrank.llama.generation import perplexity
from lowrank.llama.names import LABELS, LINEAR, place
from lowrank.readers.labels import LABELS as STORED
from lowrank.surgery.plans import Rule, checked_share, stored
from lowrank.surgery.saving import LOADER, THIN, Written
from lowrank.surgery.texts import TEXTS

Method = Literal["plain", "activation", "fwsvd", "fisher"]
METHODS: Mapping[Method, str] = {  # and what FactorStore calls it
    "plain": "plain",
    "activation": "aware",
    "fwsvd": "rows",
    "fisher": "fisher",
}
RULES: tuple[Rule, ...] = ("uniform", "energy", "sensitivity", "loss")


@dataclass(frozen=True)
class Order:
    """What is to be made: `share` of the projections' parameters, and how.

    `rule` is how ranks are shared out (see `allocate`), "loss" for the method "fisher" alone, whose
    factors predict it.

    Raises InputError for a share that is none, and for a method or rule that is none or does not go
    with the other.
    """

    share: float
    method: Method = "fisher"
    rule: Rule = "loss"
    written: Written = field(default_factory=Written)

    def __post_init__(self) -> None:
        checked_share(self.share)
        if self.method not in METHODS or self.rule not in RULES:
            raise InputError(
                "method is {method!r} and rule {rule!r}; expected one of {methods}, and of "
                "{rules}.",
                method=self.method,
                rule=self.rule,
                methods=", ".join(METHODS),
                rules=", ".join(RULES),
            )
        if self.rule == "loss" and self.method != "fisher":
            raise InputError(
                "Ranks by loss need the method fisher, which predicts it; with {method} they are "
                "uniform, by energy or by measured sensitivity.",
                method=self.method,
            )


@dataclass(frozen=True)
class Matrix:
    """One projection: its shape and the rank it keeps."""

    name: str
    rows: int
    columns: int
    rank: int

    @property
    def share(self) -> float:
        """What it stores of its numbers; 1 for a matrix that stays as it was."""
        return stored((self.rows, self.columns), self.rank) / (self.rows * self.columns)


@dataclass(frozen=True)
class HeldOut:
    """A text that calibration has not seen: mean nll a token, of so many after its first."""

    text: str
    tokens: int
    before: float
    after: float


@dataclass(frozen=True)
class Report:
    """A truncation: how it was made, what was kept, sizes in bytes, and what a text loses.

    `predicted` is the rise of nll by the Fisher information, None for methods that predict none;
    `stored_as` is how the source keeps its projections.
    """

    model: str
    method: Method
    ranks: str
    written: Written
    stored_as: tuple[str, ...]
    source_bytes: int
    dense_bytes: int
    thin_bytes: int
    calibration_tokens: int
    damping: float
    predicted: float | None
    held_out: tuple[HeldOut, ...]
    matrices: tuple[Matrix, ...]

    @property
    def share(self) -> float:
        """What all projections store in thin form, of their numbers."""
        whole = sum(each.rows * each.columns for each in self.matrices)
        return sum(each.share * each.rows * each.columns for each in self.matrices) / whole

    def nll(self) -> tuple[float, float]:
        """Mean nll of all held-out tokens, before and after."""
        count = sum(each.tokens for each in self.held_out)
        before = sum(each.before * each.tokens for each in self.held_out) / count
        return before, sum(each.after * each.tokens for each in self.held_out) / count

    def perplexity(self) -> tuple[float, float]:
        """exp of the mean nll, before and after."""
        before, after = self.nll()
        return perplexity([before]), perplexity([after])

    def as_json(self) -> dict[str, Any]:
        """What report.json holds."""
        words = ("before", "after")
        return asdict(self) | {
            "share": self.share,
            "nll": dict(zip(words, self.nll(), strict=True)),
            "perplexity": dict(zip(words, self.perplexity(), strict=True)),
        }


def beside(report: Report) -> dict[str, str]:
    """The files that stand beside the weights: report.json, report.html, README.md."""
    return {
        "report.json": json.dumps(report.as_json(), indent=1),
        "report.html": page(report),
        "README.md": readme(report),
    }


def sizes(report: Report) -> tuple[str, str]:
    """Two sentences: what the result takes in both forms, and as what its numbers are written."""
    both = _("{dense:,.1f} MB with every matrix multiplied out, {thin:,.1f} MB as thin pairs.")
    source = _("The source took {size:,.1f} MB, its projections as {kinds}; this is {dtype}.")
    return (
        both.format(dense=report.dense_bytes / 1e6, thin=report.thin_bytes / 1e6),
        source.format(
            size=report.source_bytes / 1e6,
            kinds=", ".join(again(each, STORED) for each in report.stored_as),
            dtype=report.written.dtype,
        ),
    )


def losses(report: Report) -> str:
    """A sentence on nll and perplexity of the held-out text, before and after."""
    (before, after), (first, second) = report.nll(), report.perplexity()
    return _(
        "Held-out text, {tokens:,} tokens: nll {before:.3f} before and {after:.3f} after, "
        "perplexity {first:,.4g} and {second:,.4g}."
    ).format(
        tokens=sum(each.tokens for each in report.held_out),
        before=before,
        after=after,
        first=first,
        second=second,
    )


def made(report: Report) -> str:
    """A sentence on how the model was truncated."""
    return _(
        "{title} with {share:.1%} of its projections' parameters: {method}, ranks {ranks}, "
        "calibrated on {tokens:,} tokens with damping {damping:g}."
    ).format(
        title=report.model,
        share=report.share,
        method=report.method,
        ranks=report.ranks,
        tokens=report.calibration_tokens,
        damping=report.damping,
    )


def page(report: Report) -> str:
    """The report as a small HTML page: what was lost, and the rank of every matrix."""
    title = _("{title}, truncated").format(title=report.model)
    said = [made(report), losses(report), *sizes(report)]
    if report.predicted is not None:
        rise = _("The Fisher information of the calibration text predicted a rise of {rise:.3f}.")
        said.append(rise.format(rise=report.predicted))
    read = [[_("held-out text"), _("tokens"), _("nll before"), _("nll after")]]
    for each in report.held_out:
        numbers = [f"{each.tokens:,}", f"{each.before:.3f}", f"{each.after:.3f}"]
        read.append([_(TEXTS[each.text]), *numbers])
    below = _(
        "The rank that each matrix keeps, by layer; darker keeps more of its parameters, and "
        "a dash is a matrix that stays whole."
    )
    return (
        f'<!doctype html><html lang="{current()}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>"
        "body { font: 17px/1.5 system-ui, sans-serif; max-width: 50em; margin: 2em auto; "
        "padding: 0 1em; color: #222; background: #fff } "
        "table { border-collapse: collapse; font-size: 0.85em; display: block; overflow-x: auto } "
        "td, th { padding: 0.2em 0.7em; text-align: right; border-bottom: 1px solid #ddd }"
        f"</style></head><body><h1>{escape(title)}</h1><p>{escape(' '.join(said))}</p>"
        f"{_rows(read)}<p>{escape(below)}</p>{_ranks(report)}</body></html>"
    )


def _rows(cells: list[list[str]]) -> str:
    lines = ("".join(f"<td>{escape(cell)}</td>" for cell in row) for row in cells)
    return f"<table>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"


def _ranks(report: Report) -> str:
    """Layers by projections, each cell a rank on a ground as dark as its share."""
    by_place = {place(f"{each.name}.weight"): each for each in report.matrices}
    head = "".join(f"<th>{LABELS[kind]}</th>" for kind in LINEAR)
    corner = escape(_("layer"))
    lines = [f"<tr><th>{corner}</th>{head}</tr>"]
    for layer in sorted({layer for layer, _kind in by_place if layer is not None}):
        line = f"<tr><th>{layer}</th>"
        for kind in LINEAR:
            each = by_place[layer, kind]
            rank = "–" if each.share == 1 else f"{each.rank}"
            line += f'<td style="background: rgba(0, 158, 115, {0.6 * each.share:.2f})">{rank}</td>'
        lines.append(f"{line}</tr>")
    return f"<table>{''.join(lines)}</table>"


def readme(report: Report) -> str:
    """README.md, in English: what this is, and how it is opened."""
    with speaking(SOURCE):
        said = "\n\n".join([made(report), losses(report), *sizes(report)])
    if report.written.form == "thin":
        use = f"`{THIN}` holds U and S V^T of every truncated projection; in this folder:"
        code = LOADER
    else:
        use = "A checkpoint as any other:"
        code = (
            "from transformers import AutoModelForCausalLM\n\n"
            'model = AutoModelForCausalLM.from_pretrained("path/to/this/folder")\n'
        )
    return (
        f"# {report.model}, truncated\n\n{said}\n\nMade by `lowrank truncate`. The rank of every "
        f"matrix is in report.json.\n\n{use}\n\n```python\n{code}```\n"
    )
