"""Where the gigabytes go: parameters and bytes of a Llama, matrix by matrix.

Counts are exact, from the shapes alone. What a training run keeps for its backward pass depends on
the program; the formulas here count what the equations need and say so.

>>> from lowrank.llama.config import SMOLLM2_135M
>>> parameters(SMOLLM2_135M)
134515008
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from fractions import Fraction
from functools import lru_cache
from math import ceil, prod
from typing import Literal

from lowrank.errors import InputError
from lowrank.language import gettext as _
from lowrank.language import gettext_noop
from lowrank.llama.config import LlamaConfig
from lowrank.llama.names import ATTENTION, GATE_UP, LINEAR, MLP, QKV
from lowrank.memory.architectures import Sizes

Kind = Literal["attention", "mlp", "norm", "embeddings", "head"]
# The names of parts that are words, some beside a projection's name.
EXPERT = gettext_noop("expert {projection}")
SHARED = gettext_noop("shared expert {projection}")
BIAS = gettext_noop("{projection} bias")
AFTER = gettext_noop("norms after")
MIXED = {
    words.format(projection=each): (words, each)
    for words in (EXPERT, SHARED, BIAS)
    for each in LINEAR
}


@dataclass(frozen=True)
class Part:
    """One kind of tensor: its shape (out, in), or (size,), and how often the model has it.

    `used` of the copies take part in a token's pass: not all, where there are experts.
    """

    name: str
    kind: Kind
    shape: tuple[int, ...]
    copies: int
    used: int = -1  # all

    @property
    def title(self) -> str:
        """The name in the language of the moment; a tensor's own name is what it is."""
        words, projection = MIXED.get(self.name, (self.name, ""))
        return _(words).format(projection=projection)

    @property
    def each(self) -> int:
        """Parameters of one copy."""
        return prod(self.shape)

    @property
    def total(self) -> int:
        """Parameters of all copies."""
        return self.each * self.copies

    @property
    def active(self) -> int:
        """Parameters of the copies that a token uses."""
        return self.each * (self.copies if self.used < 0 else self.used)


def parts(config: LlamaConfig) -> tuple[Part, ...]:
    """Every kind of tensor of a Llama, or of a family of `architectures`, in the forward order.

    A tied head is the embeddings used twice, so it is not there a second time; their kind is
    "head" then.
    Reference: transformers.LlamaForCausalLM, whose names these are.

    >>> from lowrank.llama.config import SMOLLM2_135M
    >>> [(p.name, p.shape, p.copies) for p in parts(SMOLLM2_135M)][:3]
    [('embed_tokens', (49152, 576), 1), ('input_layernorm', (576,), 30), ('q_proj', (576, 576), 30)]
    """
    layers, norm = config.num_hidden_layers, (config.hidden_size,)

    def matrices(names: Iterable[str], kind: Kind) -> list[Part]:
        return [Part(name, kind, config.projection_shape(name), layers) for name in names]

    family = config if isinstance(config, Sizes) else Sizes(**vars(config))
    tied, shape = config.tie_word_embeddings, config.projection_shape("embed_tokens")
    found = [
        Part("embed_tokens", "head" if tied else "embeddings", shape, 1),
        Part("input_layernorm", "norm", norm, layers),
        *matrices(ATTENTION, "attention"),
        *([Part("q_norm, k_norm", "norm", (config.head_dim,), 2 * layers)] * family.qk_norms),
        Part("post_attention_layernorm", "norm", norm, layers),
        *([Part(AFTER, "norm", norm, (family.norms - 2) * layers)] * (family.norms > 2)),
        *(p for p in matrices(MLP, "mlp") if family.sparse_layers < layers),
        *_experts(family),
        *(_bias(config, name) for name in family.biased),
        Part("norm", "norm", norm, 1),
    ]
    if family.sparse_layers:
        dense = layers - family.sparse_layers
        found = [replace(p, copies=dense) if p.name in MLP else p for p in found]
    if not tied:
        found.append(Part("lm_head", "head", shape, 1))
    return tuple(found)


def _experts(family: Sizes) -> list[Part]:
    """Router, experts and shared expert of the layers that have them."""
    h, count, layers = family.hidden_size, family.experts, family.sparse_layers
    if not layers:
        return []
    found = [Part(gettext_noop("router"), "mlp", (count, h), layers)]
    for words, width, copies, used in (
        (EXPERT, family.expert_width, count, family.used),
        (SHARED, family.shared_width, 1, 1),
    ):
        for each in MLP if width else ():
            shape = (h, width) if each == "down_proj" else (width, h)
            name = words.format(projection=each)
            found.append(Part(name, "mlp", shape, copies * layers, used * layers))
    if family.shared_width:
        found.append(Part(gettext_noop("shared expert gate"), "mlp", (1, h), layers))
    return found


def _bias(config: LlamaConfig, name: str) -> Part:
    shape, layers = config.projection_shape(name)[:1], config.num_hidden_layers
    return Part(BIAS.format(projection=name), "norm", shape, layers)


def parameters(config: LlamaConfig) -> int:
    """All parameters; a tied head counts once, and biases where the family is known to have them.

    Of a `LlamaConfig` alone a Llama's without biases; see `architectures.sizes_of` for others.
    """
    return sum(part.total for part in parts(config))


def active_parameters(config: LlamaConfig) -> int:
    """Parameters that one token uses: of the experts only those that it is sent to."""
    return sum(part.active for part in parts(config))


@dataclass(frozen=True)
class Precision:
    """How a number is stored: its bits, and the bits of constants it shares with its block.

    `block` numbers share one constant of `constant_bits`; block 0 means that a row of the matrix
    shares it. With `second_block`, that many constants are stored in 8 bits and share one float32
    constant themselves (QLoRA's double quantization).
    """

    name: str
    bits: int | Fraction  # a fraction where the layers differ
    block: int | None = None
    constant_bits: int = 0
    second_block: int | None = None

    def bits_a_number(self, row: int) -> Fraction:
        """Bits for each number of a matrix whose rows have `row` numbers, constants included.

        >>> float(NF4.bits_a_number(4096)), float(NF4_DOUBLE.bits_a_number(4096))
        (4.5, 4.126953125)
        """
        if self.block is None:
            return Fraction(self.bits)
        constant = Fraction(self.constant_bits)
        if self.second_block:
            constant += Fraction(32, self.second_block)
        return self.bits + constant / (self.block or row)

    def nbytes(self, part: Part) -> int:
        """Bytes of all copies of a part, rounded up."""
        return ceil(part.total * self.bits_a_number(part.shape[-1]) / 8)


FLOAT32 = Precision("float32", 32)
"""IEEE single precision, 32 bits."""
BFLOAT16 = Precision("bfloat16", 16)
"""The range of float32 in 16 bits, with 8 bits of significand."""
FLOAT16 = Precision("float16", 16)
"""IEEE half precision, 16 bits."""
INT8 = Precision("int8", 8, block=0, constant_bits=32)
"""8 bits and a float32 constant a row, its largest absolute value (LLM.int8)."""
NF4 = Precision("NF4", 4, block=64, constant_bits=32)
"""4 bits, NormalFloat: a float32 constant for each 64 entries (QLoRA)."""
NF4_DOUBLE = Precision(
    gettext_noop("NF4, double quantized"), 4, block=64, constant_bits=8, second_block=256
)
PRECISIONS = {p.name: p for p in (FLOAT32, BFLOAT16, FLOAT16, INT8, NF4, NF4_DOUBLE)}
# Adam's moments of bitsandbytes' 8-bit optimizers (Dettmers et al. 2021, arXiv 2110.02861).
ADAM_8BIT = Precision(gettext_noop("8 bit"), 8, block=256, constant_bits=32)


@dataclass(frozen=True)
class Storage:
    """The precision of each part of a model: its layers' matrices, and what is left.

    Quantizers leave embeddings, head and norms in 16 bits (Dettmers et al. 2022 and 2023), so
    those have a precision of their own.
    """

    linear: Precision = BFLOAT16
    rest: Precision = BFLOAT16

    def of(self, part: Part) -> Precision:
        """The precision in which a part is stored."""
        return self.linear if part.kind in ("attention", "mlp") else self.rest


@lru_cache(256)  # asked for again for every context, batch and rank that is tried
def weight_bytes(config: LlamaConfig, storage: Storage, cards: int = 1) -> int:
    """Bytes of all weights, block constants included, on each of so many cards.

    Tensor parallelism splits every matrix by its rows or columns; norms and biases are on each
    card, and so is a head of keys and values of which there are fewer than cards.

    Raises InputError unless the attention heads can be dealt out evenly.
    Reference: Shoeybi et al., "Megatron-LM" (2019), section 3.

    >>> from lowrank.llama.config import SMOLLM2_135M
    >>> weight_bytes(SMOLLM2_135M, Storage(FLOAT32, FLOAT32)) == 4 * parameters(SMOLLM2_135M)
    True
    """
    shares = (_share(config, part, cards) for part in parts(config))
    held = (storage.of(part).nbytes(part) for part in parts(config))
    return sum(ceil(share * whole) for share, whole in zip(shares, held, strict=True))


def _share(config: LlamaConfig, part: Part, cards: int) -> Fraction:
    """What share of a part lies on one of several cards."""
    if part.kind == "norm":
        return Fraction(1)
    if part.name in ("k_proj", "v_proj"):
        return Fraction(_kv_heads(config, cards), config.num_key_value_heads)
    return Fraction(1, cards)


def _kv_heads(config: LlamaConfig, cards: int) -> int:
    """Heads of keys and values on one of several cards."""
    _at_least_one(cards=cards)
    heads = config.num_attention_heads
    if heads % cards:
        raise InputError(
            "cards is {cards}; expected a number by which {heads} attention heads can be divided.",
            cards=cards,
            heads=heads,
        )
    return -(-config.num_key_value_heads // cards)


def cache_bytes(
    config: LlamaConfig, context: int, batch: int = 1, bits: int = 16, cards: int = 1
) -> int:
    """Bytes of the key/value cache: 2 kv_heads head_dim numbers a layer, token and sequence.

    A layer with a window keeps no more tokens than that. Of several cards, those of one.

    Raises InputError unless context and batch are at least 1, or as `weight_bytes`.
    Reference: Pope et al., "Efficiently Scaling Transformer Inference" (2022), section 3.3; Jiang
    et al., "Mistral 7B" (2023), section 2, for the window.

    >>> from lowrank.llama.config import SMOLLM2_135M
    >>> cache_bytes(SMOLLM2_135M, context=1024)
    23592960
    """
    _at_least_one(context=context, batch=batch)
    windows = Counter(config.window(i) for i in range(config.num_hidden_layers))
    kept = sum(count * min(context, window or context) for window, count in windows.items())
    return 2 * _kv_heads(config, cards) * config.head_dim * kept * batch * bits // 8


def pair_parameters(shape: Sequence[int], r: int) -> int:
    """Parameters of LoRA's A (r, in) and B (out, r) beside one matrix of shape (out, in).

    >>> pair_parameters((4096, 4096), 8)
    65536
    """
    return r * sum(shape)


def lora_parameters(
    config: LlamaConfig, r: int, targets: Iterable[str], rank_pattern: Mapping[str, int] = {}
) -> int:
    """Parameters that LoRA trains: r (out + in) for every targeted matrix of every layer.

    `targets` are projections ("q_proj", "v_proj"); `rank_pattern` gives some another r. Equal to
    PEFT's print_trainable_parameters for the same LoraConfig without biases.

    Raises InputError if r is not at least 1 or a target is no projection of a layer.

    >>> from lowrank.llama.config import SMOLLM2_135M
    >>> lora_parameters(SMOLLM2_135M, 8, ["q_proj", "v_proj"])
    460800
    """
    found = 0
    for name in dict.fromkeys(targets):
        if name not in LINEAR:
            raise InputError(
                "target is {name!r}; expected some of {linear}.",
                name=name,
                linear=", ".join(LINEAR),
            )
        rank = rank_pattern.get(name, r)
        _at_least_one(r=rank)
        here = [p for p in parts(config) if p.name.split()[-1] == name]
        found += sum(pair_parameters(p.shape, rank) * p.copies for p in here)
    return found


def adapter_parameters(config: LlamaConfig, bottleneck: int) -> int:
    """Parameters of bottleneck adapter layers: two a layer, each down, up and their two biases.

    Raises InputError if the bottleneck is not at least 1.
    Reference: Houlsby et al., "Parameter-Efficient Transfer Learning for NLP" (2019), section 2.1.
    """
    _at_least_one(bottleneck=bottleneck)
    h = config.hidden_size
    return 2 * config.num_hidden_layers * (2 * h * bottleneck + h + bottleneck)


def activation_numbers(
    config: LlamaConfig,
    tokens: int,
    batch: int = 1,
    recompute: bool = False,
    flash: bool = True,
    trained: Collection[str] = LINEAR,
) -> int:
    """Numbers that the forward pass keeps for the backward pass, all layers, without the logits.

    A layer keeps for each token: its input, the normalised input, q, k, v, the attention output,
    the middle of the layer, the normalised middle (6 h-sized in all where heads are not grouped),
    gate, up and their product (3 of the MLP's width); and, unless attention works tile by tile
    (`flash`: Dao et al. 2022), one attention weight for each head and earlier token. With
    `recompute` a layer keeps only its input, and one layer at a time is computed again (Chen et
    al. 2016). Programs differ from this count in what they keep twice.

    A frozen projection's input is needed for no gradient of its own: with `trained` projections
    given, what only frozen ones read is left out (the normalised input and middle, down's input;
    o's input stays, which attention itself needs).

    Raises InputError unless tokens and batch are at least 1.
    Reference: Korthikanti et al., "Reducing Activation Recomputation in Large Transformer Models"
    (2022), section 4, counted here for RMSNorm, grouped-query attention and SwiGLU.

    >>> from lowrank.llama.config import LLAMA2_7B as config
    >>> every, some = (activation_numbers(config, 1, trained=t) for t in (LINEAR, ["q_proj"]))
    >>> f"{1 - some / every:.0%}"
    '23%'
    """
    _at_least_one(tokens=tokens, batch=batch)
    h, layers = config.hidden_size, config.num_hidden_layers
    queries, keys = (config.projection_shape(name)[0] for name in ("q_proj", "k_proj"))
    width = _mlp_width(config)
    a_token = 2 * h + 2 * queries + 2 * keys + 2 * width
    a_token += h * (not set(QKV).isdisjoint(trained))
    a_token += h * (not set(GATE_UP).isdisjoint(trained))
    a_token += width * ("down_proj" in trained)
    if not flash:
        a_token += config.num_attention_heads * tokens
    a_layer = a_token * tokens * batch
    return layers * h * tokens * batch + a_layer if recompute else layers * a_layer


def _mlp_width(config: LlamaConfig) -> int:
    """How wide the MLP of a layer is to one token: experts' widths together, the widest layer's."""
    if not isinstance(config, Sizes) or not config.sparse_layers:
        return config.intermediate_size
    sparse = config.used * config.expert_width + config.shared_width
    every = config.sparse_layers == config.num_hidden_layers
    return sparse if every else max(sparse, config.intermediate_size)


@dataclass(frozen=True)
class Memory:
    """Bytes by what they hold; the rest is what a run needs beside the weights."""

    weights: int
    added: int = 0  # LoRA or adapter weights
    gradients: int = 0
    moments: int = 0  # Adam's two
    master: int = 0  # float32 copies of 16-bit weights that are trained
    activations: int = 0
    logits: int = 0
    cache: int = 0
    paged: int = 0  # Adam's two, where they may leave the card

    @property
    def total(self) -> int:
        """All bytes that must be on the card."""
        return sum(getattr(self, each.name) for each in fields(self)) - self.paged


def inference_memory(
    config: LlamaConfig,
    storage: Storage,
    context: int,
    batch: int = 1,
    cache_bits: int = 16,
    cards: int = 1,
) -> Memory:
    """Weights and key/value cache: what generating needs beside a few vectors, on each card."""
    return Memory(
        weights=weight_bytes(config, storage, cards),
        cache=cache_bytes(config, context, batch, cache_bits, cards),
    )


def training_memory(
    config: LlamaConfig,
    storage: Storage,
    trained: int,
    tokens: int,
    batch: int = 1,
    full: bool = False,
    recompute: bool = False,
    flash: bool = True,
    compute_bits: int = 16,
    targets: Collection[str] = LINEAR,
    adam: Precision = FLOAT32,
    paged: bool = False,
) -> Memory:
    """What one training step holds with Adam: `trained` parameters get gradients and moments.

    With `full` the weights themselves are trained: gradients have the weights' precision, and
    16-bit weights a float32 master copy, as mixed precision has it (Micikevicius et al. 2018).
    Otherwise `trained` numbers are added in float32 beside frozen weights (LoRA, QLoRA,
    adapters), as QLoRA keeps them; `targets` are the projections they are added to, whose inputs
    are kept, as with `full` every projection's are. Adam's two moments are float32, 8 bytes a
    trained parameter, or in `adam`'s precision; `paged` ones wait in the computer's memory while
    the card is full (QLoRA, section 3). Logits count twice in float32: as values and as gradient.

    Raises InputError if sizes are below 1, or quantized weights are to be trained themselves.
    """
    _at_least_one(trained=trained, tokens=tokens, batch=batch)
    precisions = (storage.linear, storage.rest)
    if full and any(p.bits < 16 for p in precisions):
        raise InputError(
            "Weights in {name} cannot be trained themselves: choose 16 or 32 bits.",
            name=_(storage.linear.name),
        )
    beside = LINEAR if full else targets
    kept = activation_numbers(config, tokens, batch, recompute, flash, beside)
    weights = weight_bytes(config, storage)
    moments = ceil(2 * trained * adam.bits_a_number(trained) / 8)
    master = sum(4 * p.total for p in parts(config) if storage.of(p).bits == 16) if full else 0
    return Memory(
        weights=weights,
        added=0 if full else 4 * trained,
        gradients=weights if full else 4 * trained,
        moments=0 if paged else moments,
        paged=moments if paged else 0,
        master=master,
        activations=kept * compute_bits // 8,
        logits=2 * 4 * config.vocab_size * tokens * batch,
    )


def fitting(total: int) -> tuple[str, int]:
    """The smallest of the listed cards that holds so many bytes beside RESERVE, and how many of it.

    >>> fitting(13_480_000_000), fitting(16_500_000_000), fitting(200 * 10**9)
    (('16 GB (RTX 4080)', 1), ('24 GB (RTX 3090, 4090, L4)', 1), ('141 GB (H200)', 2))
    """
    room = {card: size - RESERVE for card, size in CARDS.items()}
    largest = max(room, key=lambda card: room[card])
    card = next((card for card, size in room.items() if total <= size), largest)
    return card, -(-total // room[card])


def _at_least_one(**sizes: int) -> None:
    for name, size in sizes.items():
        if size < 1:
            raise InputError(
                "{name} is {size}; expected a whole number of at least 1.",
                name=name,
                size=size,
            )


# Memory of common accelerators that compute in bfloat16, in bytes: makers' gigabytes are 2**30.
CARDS = {
    "8 GB (RTX 4060)": 8 * 2**30,
    "16 GB (RTX 4080)": 16 * 2**30,
    "24 GB (RTX 3090, 4090, L4)": 24 * 2**30,
    "40 GB (A100)": 40 * 2**30,
    "48 GB (A6000, L40S)": 48 * 2**30,
    "80 GB (A100, H100)": 80 * 2**30,
    "141 GB (H200)": 141 * 2**30,
}

RESERVE = 10**9  # bytes of a card left to driver, framework and fragmentation: an assumption
BLOOM_176B = 176_247_271_424  # parameters; Scao et al. 2022, arXiv 2211.05100, table 3
