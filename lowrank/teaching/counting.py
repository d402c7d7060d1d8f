"""Worksheets of counting by hand: what low rank stores, what LoRA trains, what memory holds.

>>> sheet = make_counting("lora", seed=3, count=2)
>>> sheet.exercises == make_counting("lora", seed=3, count=2).exercises
True
>>> sheet.name
'worksheet-lora-seed3'
"""

from collections.abc import Callable
from dataclasses import dataclass

from lowrank.errors import InputError
from lowrank.exact.arguments import one_of, whole
from lowrank.exact.matrices import product, written
from lowrank.language import gettext as _
from lowrank.language import gettext_noop, joined
from lowrank.llama.names import LINEAR
from lowrank.memory.accounting import (
    BFLOAT16,
    FLOAT32,
    INT8,
    NF4,
    PRECISIONS,
    Part,
    Storage,
    lora_parameters,
    pair_parameters,
    parameters,
    training_memory,
)
from lowrank.spectra.recovery import degrees_of_freedom
from lowrank.spectra.svd import break_even_rank
from lowrank.spectra.svd import parameters as factor_numbers
from lowrank.teaching import handouts, worksheet
from lowrank.teaching.about_models import (
    RANKS,
    by_hand,
    column,
    gigabytes,
    megabytes,
    of_rows,
    pick_model,
    plus,
)
from lowrank.teaching.formats import Format
from lowrank.teaching.problems import Draw
from lowrank.teaching.worksheet import Worksheet

ROOM = 14  # millimetres for each answer


@dataclass(frozen=True)
class Exercise:
    """What is given, what is asked about it, and the answer to each."""

    given: str
    asked: tuple[str, ...]
    answers: tuple[str, ...]


def stored(draw: Draw) -> Exercise:
    """What a matrix of low rank takes to store, and when that saves."""
    name, config = pick_model(draw)
    projection, k = draw.pick(("q_proj", "gate_proj", "down_proj")), draw.pick((16, 32, 64, 128))
    m, n = config.projection_shape(projection)
    kept, least = factor_numbers(m, n, k), degrees_of_freedom(m, n, k)
    return Exercise(
        _("{projection} of {name} is {m} × {n}. It is replaced by C R of rank {k}.").format(
            projection=projection, name=name, m=m, n=n, k=k
        ),
        (
            _("Which shapes have C and R, and how many numbers are they together?"),
            _("What share of the numbers of the matrix is that?"),
            _("Up to about which rank does storing C and R save anything?"),
            _(
                "A matrix of this shape has rank {k} exactly, and entries of it are "
                "lost. At least how many must be known?"
            ).format(k=k),
        ),
        (
            _("C is {m} × {k}, R is {k} × {n}: {k} · ({m} + {n}) = {kept:,}.").format(
                m=m, k=k, n=n, kept=kept
            ),
            f"{kept:,} / {m * n:,} = {kept / (m * n):.2%}.",
            f"{m} · {n} / ({m} + {n}) = {break_even_rank(m, n):,.0f}.",
            f"{k} · ({m} + {n} − {k}) = {least:,}.",
        ),
    )


def adapted(draw: Draw) -> Exercise:
    """What LoRA trains beside one matrix."""
    name, config = pick_model(draw)
    projection, r = draw.pick(("q_proj", "gate_proj", "down_proj")), draw.pick(RANKS)
    alpha = draw.pick((8, 16, 32))
    m, n = config.projection_shape(projection)
    pair = pair_parameters((m, n), r)
    return Exercise(
        _(
            "{projection} of {name} is {m} × {n}. LoRA is put beside it with r = {r} "
            "and α = {alpha}."
        ).format(projection=projection, name=name, m=m, n=n, r=r, alpha=alpha),
        (
            _("How many numbers has the frozen matrix?"),
            _("Which shapes have B and A, and how many numbers are trained? What share is that?"),
            _("By what is B A x multiplied? And at r twice as large, with the same α?"),
            _("At which r would B and A hold as many numbers as the matrix?"),
            _("How many numbers has the matrix after merging?"),
        ),
        (
            f"{m} · {n} = {m * n:,}.",
            _("B is {m} × {r}, A is {r} × {n}: {r} · ({m} + {n}) = {pair:,}, {share:.3%}.").format(
                m=m, r=r, n=n, pair=pair, share=pair / (m * n)
            ),
            f"{alpha}/{r} = {alpha / r:g}; {alpha}/{2 * r} = {alpha / (2 * r):g}.",
            f"{m} · {n} / ({m} + {n}) = {break_even_rank(m, n):,.0f}.",
            _("{count:,}: merging neither adds nor saves.").format(count=m * n),
        ),
    )


def forward(draw: Draw) -> Exercise:
    """LoRA's equation with numbers for paper."""
    W0, A, B, x, alpha, r = by_hand(draw)
    Ax, h = product(A, x), product(W0, x)
    u = product(B, Ax)
    return Exercise(
        _(
            "W₀ = {W0}, A = {A}, B = {B}, α = {alpha}, r = {r}, x = {x}. Rows stand "
            "apart by semicolons; x is a column."
        ).format(W0=of_rows(W0), A=of_rows(A), B=of_rows(B), alpha=alpha, r=r, x=column(x)),
        (
            _("A x, and then B A x."),
            "h = W₀ x + (α/r) B A x.",
            _("The merged matrix W₀ + (α/r) B A. Multiply it by x."),
        ),
        (
            f"A x = {column(Ax)}, B A x = {column(u)}.",
            _("W₀ x = {frozen}, the scale is {scale}: h = {h}.").format(
                frozen=column(h), scale=written(alpha / r), h=column(plus(h, u, alpha / r))
            ),
            _("{merged}; times x the same h.").format(
                merged=of_rows(plus(W0, product(B, A), alpha / r))
            ),
        ),
    )


def held(draw: Draw) -> Exercise:
    """Bytes of a matrix and of a layer in each precision."""
    name, config = pick_model(draw)
    h, k, w = config.hidden_size, *(config.projection_shape(p)[0] for p in ("k_proj", "up_proj"))
    parts = [Part(p, "attention", config.projection_shape(p), 1) for p in LINEAR]
    layer = sum(part.total for part in parts)
    gate = next(part for part in parts if part.name == "gate_proj")
    precisions = (FLOAT32, BFLOAT16, INT8, NF4)
    each = [f"{p.name} {megabytes(p.nbytes(gate))}" for p in precisions]
    in_each = joined(each, _("{first}, {last}"))
    bits = float(PRECISIONS["NF4"].bits_a_number(h))
    return Exercise(
        _(
            "A layer of {name}: q and o are {h} × {h}, k and v {k} × {h}, gate and "
            "up {w} × {h}, down {h} × {w}. The model has {layers} layers."
        ).format(name=name, h=h, k=k, w=w, layers=config.num_hidden_layers),
        (
            _("How many numbers are in gate? And in the seven matrices together?"),
            _(
                "How many MB (10⁶ bytes) does gate take in float32, in bfloat16, in "
                "int8 with a float32 constant for each row, in NF4 with a float32 "
                "constant for each 64 numbers?"
            ),
            _("How many bits a number is NF4, with its constants?"),
            _("How many numbers are in the matrices of all layers?"),
        ),
        (
            _("{w} · {h} = {gate:,}; together {layer:,}.").format(
                w=w, h=h, gate=gate.total, layer=layer
            ),
            f"{in_each}.",
            f"4 + 32/64 = {bits:g}.",
            f"{config.num_hidden_layers} · {layer:,} = {config.num_hidden_layers * layer:,}.",
        ),
    )


def trained(draw: Draw) -> Exercise:
    """What training holds, whole and with LoRA."""
    name, config = pick_model(draw)
    n, r = parameters(config), draw.pick(RANKS)
    few = lora_parameters(config, r, LINEAR)
    whole_run = training_memory(config, Storage(FLOAT32, FLOAT32), n, tokens=1, full=True)
    whole_bytes = whole_run.weights + whole_run.gradients + whole_run.moments
    thin = training_memory(config, Storage(), few, tokens=1)
    thin_bytes = thin.added + thin.gradients + thin.moments
    return Exercise(
        _(
            "{name} has {n:,} parameters. LoRA at r = {r} on all seven matrices of "
            "each layer trains {few:,}. Activations are left out."
        ).format(name=name, n=n, r=r, few=few),
        (
            _(
                "Trained whole with Adam in float32: how many bytes a parameter for "
                "weight, gradient and two moments? How many GB (10⁹ bytes) in all?"
            ),
            _("With LoRA: how much do its numbers, their gradients and moments take in float32?"),
            _("How much do the frozen weights take in bfloat16?"),
            _("By which factor is the second with the third smaller than the first?"),
        ),
        (
            f"4 + 4 + 8 = {whole_bytes // n}; {gigabytes(whole_bytes)}.",
            f"16 · {few:,} = {megabytes(thin_bytes)}.",
            f"2 · {n:,} = {gigabytes(thin.weights)}.",
            f"{whole_bytes / (thin_bytes + thin.weights):.1f}.",
        ),
    )


KINDS: dict[str, tuple[str, tuple[Callable[[Draw], Exercise], ...]]] = {
    "low-rank": (gettext_noop("Storing low rank"), (stored,)),
    "lora": (gettext_noop("LoRA by hand"), (adapted, forward)),
    "memory": (gettext_noop("Counting memory"), (held, trained)),
}


@dataclass(frozen=True)
class Counting:
    """Exercises of one kind; made by `make_counting`."""

    kind: str
    seed: int
    count: int
    key: bool  # write the answers too

    @property
    def exercises(self) -> tuple[Exercise, ...]:
        """All of them, the kinds of exercise in turn, in the language of the moment."""
        makers = KINDS[self.kind][1]
        return tuple(
            makers[k % len(makers)](Draw(f"{self.kind} sheet {self.seed} {k}"))
            for k in range(self.count)
        )

    @property
    def command(self) -> str:
        """The command that makes this worksheet again."""
        return (
            f"python -m lowrank worksheet --about {self.kind} --count {self.count} "
            f"--seed {self.seed}" + " --no-key" * (not self.key)
        )

    @property
    def name(self) -> str:
        """A name for its file, without a suffix."""
        return f"worksheet-{self.kind}-seed{self.seed}" + "-without-key" * (not self.key)

    @property
    def paper(self) -> handouts.Paper:
        """The sheet as it is printed, its key on pages of its own."""
        exercises = self.exercises
        parts = [
            handouts.Part(
                worksheet.problem_title(k), (each.given,), each.asked, ROOM * len(each.asked)
            )
            for k, each in enumerate(exercises, start=1)
        ]
        if self.key:
            parts.append(
                handouts.Part(worksheet.key_title(), (f"`{self.command}`",), new_page=True)
            )
            parts += [
                handouts.Part(worksheet.answer_title(k), (each.given,), each.answers)
                for k, each in enumerate(exercises, start=1)
            ]
        return handouts.Paper(_(KINDS[self.kind][0]), self.name, tuple(parts))


def make_counting(kind: str, seed: int, count: int = 4, key: bool = True) -> Counting:
    """A worksheet of counting: "low-rank", "lora" or "memory".

    Raises:
        InputError: an unknown kind, a count outside 1 to 100, a seed that is no whole number.
    """
    if not 1 <= whole(count, "count") <= worksheet.MOST_PROBLEMS:
        raise InputError(
            "count is {count}; a worksheet has 1 to {most} exercises.",
            count=count,
            most=worksheet.MOST_PROBLEMS,
        )
    return Counting(one_of(kind, KINDS, "kind"), whole(seed, "seed"), count, key)


def formats_of(sheet: Worksheet | Counting) -> dict[str, Format]:
    """The formats that write such a sheet: html, latex, markdown and pdf."""
    return FORMATS if isinstance(sheet, Counting) else worksheet.FORMATS


def _of_sheet(form: Format) -> Format:
    """A format of paper for a sheet."""
    return Format(lambda sheet: form.write(sheet.paper), form.suffix, form.mime)


FORMATS = {name: _of_sheet(form) for name, form in handouts.FORMATS.items()}
