"""Questions about LoRA and memory, computed from published sizes or small whole numbers.

A maker takes a `Draw` and gives what is asked, the right answer, and the wrong ones with the
misconception behind each.
"""

from fractions import Fraction

from lowrank.exact.matrices import Matrix, exact, product, written
from lowrank.language import gettext as _
from lowrank.llama.config import LlamaConfig
from lowrank.llama.names import LINEAR
from lowrank.memory.accounting import (
    BFLOAT16,
    FLOAT16,
    FLOAT32,
    NF4,
    Part,
    Precision,
    Storage,
    cache_bytes,
    lora_parameters,
    pair_parameters,
    parameters,
    training_memory,
    weight_bytes,
)
from lowrank.memory.published import PUBLISHED
from lowrank.teaching.choices import Asked
from lowrank.teaching.problems import Draw

MODELS = ("Llama 2 7B", "Llama 2 13B", "Llama 2 70B", "Llama 3 8B", "Llama 3 70B", "Llama 3.2 1B")
GROUPED = ("Llama 2 70B", "Llama 3 8B", "Llama 3 70B", "Llama 3.2 1B")
RANKS = (4, 8, 16, 32, 64)
GB = 10**9


def pick_model(draw: Draw, names: tuple[str, ...] = MODELS) -> tuple[str, LlamaConfig]:
    """A published model: its name and sizes."""
    name = draw.pick(names)
    return name, PUBLISHED[name]


def gigabytes(n: float) -> str:
    """Bytes in units of 10**9, to three digits.

    >>> gigabytes(13_476_839_424)
    '13.5 GB'
    """
    return f"{n / GB:.3g} GB" if n < 1e12 else f"{n / GB:,.0f} GB"


def megabytes(n: float) -> str:
    """Bytes in units of 10**6, to three digits."""
    return f"{n / 10**6:.3g} MB" if n < 999.5e6 else f"{n / 10**6:,.0f} MB"


def adapter_numbers(draw: Draw) -> Asked:
    name, config = pick_model(draw)
    projection, r = draw.pick(("q_proj", "gate_proj", "down_proj")), draw.pick(RANKS)
    m, n = config.projection_shape(projection)
    return Asked(
        _(
            "{projection} of {name} is {m} × {n}. How many numbers does LoRA train "
            "beside it at r = {r}?"
        ).format(projection=projection, name=name, m=m, n=n, r=r),
        (
            f"{pair_parameters((m, n), r):,}",
            _("B is {m} × {r}, A is {r} × {n}: r · (m + n).").format(m=m, r=r, n=n),
        ),
        [
            (f"{r * r:,}", _("Takes the update for r × r; A and B each keep one long side.")),
            (f"{m * n:,}", _("Counts the frozen matrix, which is not trained.")),
            (f"{r * max(m, n):,}", _("Counts one of the two factors.")),
            (f"{r * m * n:,}", _("Multiplies the sides; the two factors are added.")),
        ],
    )


def scale_of(draw: Draw) -> Asked:
    alpha, r = draw.sample((4, 8, 16, 32, 64), 2)
    found = Fraction(alpha, r)
    return Asked(
        _(
            "α = {alpha} and r = {r}. By what is B A x multiplied before it is added to W₀ x?"
        ).format(alpha=alpha, r=r),
        (f"{float(found):g}", _("α/r.")),
        [
            (f"{alpha}", _("Leaves out r: the scale is α/r, not α.")),
            (f"{float(1 / found):g}", _("Turns the fraction around.")),
            ("1", _("Forgets the scale.")),
        ],
    )


def small(draw: Draw, m: int, n: int) -> Matrix:
    """Whole numbers from -2 to 3 without a zero row."""
    return exact([[draw.pick((-2, -1, 1, 2, 3)) for _j in range(n)] for _i in range(m)])


def column(x: Matrix) -> str:
    """A column for a sentence, as a row in parentheses.

    >>> column(exact([[1], [-2]]))
    '(1, −2)'
    """
    return f"({', '.join(written(entry) for (entry,) in x)})"


def plus(x: Matrix, y: Matrix, factor: Fraction = Fraction(1)) -> Matrix:
    """x + factor y."""
    pairs = (zip(*rows, strict=True) for rows in zip(x, y, strict=True))
    return tuple(tuple(a + factor * b for a, b in row) for row in pairs)


def of_rows(A: Matrix) -> str:
    """A matrix for a sentence, rows apart by semicolons."""
    return f"[{'; '.join(' '.join(map(written, row)) for row in A)}]"


def by_hand(draw: Draw) -> tuple[Matrix, Matrix, Matrix, Matrix, Fraction, int]:
    """W0 (2, 2), A (r, 2), B (2, r), x (2, 1), alpha and r in numbers for paper."""
    r = draw.pick((1, 1, 2))
    alpha = Fraction(r * draw.pick((2, 3, 4)))
    return small(draw, 2, 2), small(draw, r, 2), small(draw, 2, r), small(draw, 2, 1), alpha, r


def forward_by_hand(draw: Draw) -> Asked:
    W0, A, B, x, alpha, r = by_hand(draw)
    h, u = product(W0, x), product(B, product(A, x))
    return Asked(
        _("W₀ = {W0}, A = {A}, B = {B}, α = {alpha}, r = {r}, x = {x}. What is h?").format(
            W0=of_rows(W0), A=of_rows(A), B=of_rows(B), alpha=alpha, r=r, x=column(x)
        ),
        (
            column(plus(h, u, alpha / r)),
            _("W₀ x = {frozen}, B A x = {update}, and the scale is {scale}.").format(
                frozen=column(h), update=column(u), scale=written(alpha / r)
            ),
        ),
        [
            (column(plus(h, u)), _("Forgets the scale α/r.")),
            (column(plus(h, h, alpha / r - 1)), _("Scales W₀ x, and leaves out the update.")),
            (column(u), _("Forgets W₀ x, to which the update is added.")),
            (column(h), _("Forgets the update.")),
        ],
    )


def at_the_start(draw: Draw) -> Asked:
    W0, A, _B, x, alpha, r = by_hand(draw)
    zeros = exact([[0]] * 2)
    return Asked(
        _(
            "Training begins: B is zero, A = {A}, W₀ = {W0}, α/r = {scale}, x = {x}. What is h?"
        ).format(A=of_rows(A), W0=of_rows(W0), scale=written(alpha / r), x=column(x)),
        (column(product(W0, x)), _("B A = 0, so the model is the pretrained one.")),
        [
            (column(zeros), _("B A x is zero, but W₀ x is still there.")),
            (column(plus(product(W0, x), exact([[1]] * 2), alpha / r)), _("Takes B for ones.")),
            (_("It is random."), _("A is random, but B = 0 lets nothing of it through.")),
        ],
    )


def adapter_of_model(draw: Draw) -> Asked:
    name, config = pick_model(draw, GROUPED)
    r, targets = draw.pick(RANKS), ("q_proj", "v_proj")
    h, layers = config.hidden_size, config.num_hidden_layers
    keys = config.projection_shape("v_proj")[0]
    found = lora_parameters(config, r, targets)
    return Asked(
        _(
            "{name} has {layers} layers; q_proj is {h} × {h} and v_proj {keys} × "
            "{h}. How many numbers does LoRA train at r = {r} on both in every layer?"
        ).format(name=name, layers=layers, h=h, keys=keys, r=r),
        (
            f"{found:,}",
            _("{layers} layers of {r} · ({h} + {h}) + {r} · ({keys} + {h}).").format(
                layers=layers, r=r, h=h, keys=keys
            ),
        ),
        [
            (f"{found // layers:,}", _("Counts one layer.")),
            (
                f"{layers * 2 * pair_parameters((h, h), r):,}",
                _("Takes v_proj for square; heads share keys and values, so it is wide."),
            ),
            (f"{layers * (h * h + keys * h):,}", _("Counts the frozen matrices.")),
        ],
    )


def merged_numbers(draw: Draw) -> Asked:
    config = pick_model(draw)[1]
    r = draw.pick(RANKS)
    m, n = config.projection_shape("gate_proj")
    pair = pair_parameters((m, n), r)
    return Asked(
        _(
            "An adapter of rank {r} is merged into a matrix of {m} × {n}. How many "
            "numbers has the merged matrix?"
        ).format(r=r, m=m, n=n),
        (f"{m * n:,}", _("W₀ + (α/r) B A has the shape of W₀: merging neither adds nor saves.")),
        [
            (f"{m * n + pair:,}", _("Counts W₀, A and B; after merging there is one matrix.")),
            (f"{pair:,}", _("Takes the update for the whole; W₀ is not of low rank.")),
            (f"{m * n - pair:,}", _("LoRA takes nothing out of W₀.")),
        ],
    )


def rank_of_update(draw: Draw) -> Asked:
    config = pick_model(draw)[1]
    r = draw.pick(RANKS)
    m, n = config.projection_shape("q_proj")
    return Asked(
        _(
            "W₀ is {m} × {n}, r = {r}. At most what rank can the change have that LoRA makes to it?"
        ).format(m=m, n=n, r=r),
        (f"{r}", _("B A is a product through r numbers, whatever is trained.")),
        [
            (f"{2 * r}", _("Adds the ranks of B and A; a product has at most the smaller one.")),
            (f"{min(m, n)}", _("Takes the rank of W₀; the change alone is of low rank.")),
            (f"{r * r}", _("Multiplies the ranks of B and A.")),
        ],
    )


def weights(draw: Draw) -> Asked:
    name, config = pick_model(draw)
    precision = draw.pick((FLOAT32, BFLOAT16, FLOAT16))
    n, width = parameters(config), precision.bits // 8
    found = weight_bytes(config, Storage(precision, precision))
    return Asked(
        _(
            "{name} has {n:,} parameters. How much memory do they take in "
            "{precision}, in GB of 10⁹ bytes?"
        ).format(name=name, n=n, precision=precision.name),
        (gigabytes(found), _("{width} bytes a number.").format(width=width)),
        [
            (gigabytes(found * GB / 2**30), _("Divides by 2³⁰: that is the number of GiB.")),
            (gigabytes(n), _("One byte a number: that would be 8 bits.")),
            (gigabytes(8 * found), _("Counts bits; a byte has 8.")),
        ],
    )


def adam(draw: Draw) -> Asked:
    name, config = pick_model(draw)
    precision = draw.pick((FLOAT32, BFLOAT16))
    n = parameters(config)
    memory = training_memory(config, Storage(precision, precision), n, tokens=1, full=True)
    held = memory.weights, memory.gradients, memory.moments, memory.master
    a_number = sum(held) // n
    return Asked(
        _(
            "{name} is trained whole with Adam, its weights in {precision}. How many "
            "bytes a parameter do weights, gradients and what the optimizer keeps "
            "take?"
        ).format(name=name, precision=precision.name),
        (
            f"{a_number}",
            _("The weight, its gradient, two moments in float32, and a float32 copy of the weight.")
            if memory.master
            else _("The weight, its gradient, two moments in float32."),
        ),
        [
            (
                f"{(memory.weights + memory.gradients) // n}",
                _(
                    "Training seems to double the weights: gradients are counted, "
                    "Adam's two moments are not."
                ),
            ),
            (f"{memory.weights // n}", _("Counts the weights alone.")),
            (f"{a_number - 4}", _("Leaves out one of the numbers that Adam keeps of each weight.")),
        ],
    )


def cache(draw: Draw) -> Asked:
    name, config = pick_model(draw, GROUPED)
    context = draw.pick((2048, 4096, 8192))
    found = cache_bytes(config, context)
    groups = config.num_attention_heads // config.num_key_value_heads
    return Asked(
        _(
            "{name} has {layers} layers, {heads} heads of {size} numbers and "
            "{shared} heads of keys and values. How large is its cache for "
            "{context:,} tokens in 16 bits?"
        ).format(
            name=name,
            layers=config.num_hidden_layers,
            heads=config.num_attention_heads,
            size=config.head_dim,
            shared=config.num_key_value_heads,
            context=context,
        ),
        (megabytes(found), _("2 · layers · key-value heads · head size · tokens · 2 bytes.")),
        [
            (
                megabytes(groups * found),
                _("Counts all heads; groups of them share keys and values."),
            ),
            (megabytes(found / 2), _("Counts the keys and forgets the values.")),
            (megabytes(found / config.num_hidden_layers), _("Counts one layer.")),
        ],
    )


def four_bits(draw: Draw) -> Asked:
    name, config = pick_model(draw)
    projection = draw.pick(("q_proj", "gate_proj"))
    m, n = config.projection_shape(projection)
    stored = _stored((m, n), NF4)
    return Asked(
        _(
            "{projection} of {name} is {m} × {n}. How much does it take in NF4, 4 "
            "bits a number and one float32 constant for each block of 64?"
        ).format(projection=projection, name=name, m=m, n=n),
        (megabytes(stored), _("4 bits and 32/64 bits of a constant: 4.5 bits a number.")),
        [
            (megabytes(m * n / 2), _("Leaves out the constants of the blocks.")),
            (megabytes(m * n), _("Counts a byte a number, twice what NF4 takes.")),
            (megabytes(4 * m * n), _("Takes bits for bytes.")),
        ],
    )


def _stored(shape: tuple[int, int], precision: Precision) -> int:
    """Bytes of one matrix."""
    return precision.nbytes(Part("W", "attention", shape, 1))


def layer(draw: Draw) -> Asked:
    name, config = pick_model(draw)
    shapes = [config.projection_shape(projection) for projection in LINEAR]
    h, k, w = config.hidden_size, *(config.projection_shape(p)[0] for p in ("k_proj", "up_proj"))
    found = sum(m * n for m, n in shapes)
    return Asked(
        _(
            "A layer of {name}: q and o are {h} × {h}, k and v {k} × {h}, gate and "
            "up {w} × {h}, down {h} × {w}. How many numbers are in its seven "
            "matrices?"
        ).format(name=name, h=h, k=k, w=w),
        (f"{found:,}", _("Each is the product of its sides, and the seven are added.")),
        [
            (f"{7 * h * h:,}", _("Takes all seven for square.")),
            (
                f"{4 * h * h + 3 * w * h:,}" if k != h else f"{4 * h * h:,}",
                _("Takes k and v for square.")
                if k != h
                else _("Counts attention and leaves out the MLP."),
            ),
            (
                f"{sum(m + n for m, n in shapes):,}",
                _("Adds the sides in place of multiplying them."),
            ),
        ],
    )


def lora_training(draw: Draw) -> Asked:
    name, config = pick_model(draw)
    r = draw.pick(RANKS)
    trained = lora_parameters(config, r, LINEAR)
    memory = training_memory(config, Storage(), trained, tokens=1)
    held = memory.added + memory.gradients + memory.moments
    return Asked(
        _(
            "LoRA at r = {r} trains {trained:,} numbers beside {name}, frozen in "
            "bfloat16. How much do they take, kept in float32, with gradients and "
            "Adam's moments?"
        ).format(r=r, trained=trained, name=name),
        (
            megabytes(held),
            _("16 bytes for each trained number: itself, its gradient, two moments."),
        ),
        [
            (megabytes(4 * trained), _("Counts the numbers alone.")),
            (megabytes(8 * trained), _("Leaves out Adam's two moments.")),
            (
                gigabytes(16 * parameters(config)),
                _("Counts frozen weights, too: those have no gradient and no moments."),
            ),
        ],
    )


LORA = (adapter_numbers, scale_of, forward_by_hand, at_the_start, adapter_of_model,
        merged_numbers, rank_of_update)  # fmt: skip
MEMORY = (weights, adam, layer, cache, four_bits, lora_training)
