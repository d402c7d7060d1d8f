"""A LoRA configuration: which modules it changes, at what rank, and by how much.

Field names, defaults and matching rules are those of `peft.LoraConfig` and PEFT's
`check_target_module_exists` and `get_pattern_key` (peft 0.21). Training, the adapters on disk
(adapter_config.json) and the parameter counts all read this one.
"""

import math
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from functools import lru_cache
from typing import Any

from lowrank.errors import FormatError
from lowrank.language import gettext as _
from lowrank.language import gettext_noop
from lowrank.llama.names import PEFT_DEFAULT

FILE = "adapter_config.json"
ALL_LINEAR = "all-linear"
NOT_LINEAR = {"lm_head", "embed_tokens", "score", "classifier"}  # what PEFT's all-linear leaves out
PATIENCE = 0.2  # seconds for the patterns of one field: a hostile one can take for ever
IN_ALL = 5.0  # seconds of processor time for all patterns and all modules of an adapter
LONGEST = 1000  # characters of a pattern
MOST_PATTERNS = 1000  # of a rank or a value of alpha each
MOST_NAMES = 5000  # in a list

# Initialisations that leave W0 as it was, so that W0 + BA is the whole result.
PLAIN_INITS = {"gaussian", "eva", "orthogonal"}
# PEFT's other fields that change the result. All else acts in training only, says where things come
# from, or is of a PEFT newer than 0.21, which ignores what it does not know.
REFUSED = (
    "alora_invocation_tokens",
    "arrow_config",
    "ensure_weight_tying",
    "kasa_config",
    "layer_replication",
    "monteclora_config",
    "target_parameters",
    "trainable_token_indices",
    "use_bdlora",
    "use_qalora",
)

Names = tuple[str, ...] | str


@dataclass(frozen=True)
class AdapterConfig:
    """The fields of `peft.LoraConfig` that change the result, with PEFT's defaults.

    `target_modules` is a tuple of names or suffixes, a regular expression for the whole name, or
    "all-linear". Raises FormatError naming the field for values PEFT does not accept together.

    >>> config = AdapterConfig(r=16, lora_alpha=32, rank_pattern={"layers.0.self_attn.q_proj": 4})
    >>> q = "model.layers.{}.self_attn.q_proj"
    >>> config.targets(q.format(3)), config.scale(q.format(3)), config.scale(q.format(0))
    (True, 2.0, 8.0)
    """

    r: int = 8
    lora_alpha: float = 8
    target_modules: Names = PEFT_DEFAULT
    lora_dropout: float = 0.0
    use_rslora: bool = False
    use_dora: bool = False
    rank_pattern: Mapping[str, int] = field(default_factory=dict)
    alpha_pattern: Mapping[str, float] = field(default_factory=dict)
    exclude_modules: Names | None = None
    layers_to_transform: tuple[int, ...] | int | None = None
    layers_pattern: Names | None = None
    fan_in_fan_out: bool = False
    bias: str = "none"
    lora_bias: bool = False
    modules_to_save: tuple[str, ...] | None = None
    init_lora_weights: bool | str = True
    task_type: str | None = None
    base_model_name_or_path: str | None = None

    def __post_init__(self) -> None:
        for each in fields(self):
            accepted, expected = ACCEPTED[each.name]
            if not accepted(getattr(self, each.name)):
                raise unfit(each.name, getattr(self, each.name), expected)
        by_layer = self.layers_to_transform is not None
        if isinstance(self.target_modules, str) and (by_layer or self.layers_pattern is not None):
            raise FormatError(
                "The LoRA configuration names layers (layers_to_transform or layers_pattern) "
                "beside target_modules that are one string; PEFT accepts them only with a list.",
            )
        if self.layers_pattern and not by_layer:
            raise FormatError(
                "The LoRA configuration has layers_pattern without layers_to_transform.",
            )
        if self.lora_bias and self.use_dora:
            raise FormatError(
                "The LoRA configuration sets both lora_bias and use_dora, which PEFT refuses.",
            )

    @classmethod
    def from_json(cls, given: Any) -> "AdapterConfig":
        """The configuration in a parsed adapter_config.json.

        Raises FormatError naming the field: of the wrong kind, or one that would change the result
        and is not supported here.
        """
        if not isinstance(given, dict):
            raise FormatError(
                "{file} is not a JSON object.",
                file=FILE,
            )
        if given.get("peft_type", "LORA") != "LORA":
            raise unfit("peft_type", given["peft_type"], "'LORA'")
        for name in REFUSED:
            if given.get(name):
                raise FormatError(
                    "{file} sets {name} = {given}: that changes the result, and is not supported "
                    "here.",
                    file=FILE,
                    name=name,
                    given=str(given[name])[:80],
                )
        chosen: dict[str, Any] = {
            each.name: tuple(value) if isinstance(value, list) else value
            for each in fields(cls)
            if (value := given.get(each.name)) is not None  # null stands for the default
        }
        config = cls(**chosen)
        config.check_whole()
        return config

    def check_whole(self) -> None:
        """Raises FormatError if W0 + scale B A of the original W0 is not the whole result."""
        init = self.init_lora_weights
        if isinstance(init, str) and init not in PLAIN_INITS:
            raise FormatError(
                "init_lora_weights is {init!r} in {file}: it changed W0 as well, which this "
                "adapter does not hold. Save it from PEFT with "
                "path_initial_model_for_weight_conversion, which makes it a plain adapter.",
                init=init,
                file=FILE,
            )

    def with_ranks(self, ranks: Mapping[str, int]) -> "AdapterConfig":
        """The same with those ranks by module's name, each of scale 1: alpha is r.

        The commonest of them is `r`, the others stand in the two patterns.

        >>> found = AdapterConfig(use_rslora=True).with_ranks({"a.q": 4, "b.q": 4, "c.q": 2})
        >>> found.r, found.rank_pattern, found.scale("c.q")
        (4, {'c.q': 2}, 1.0)
        """
        r = Counter(ranks.values()).most_common(1)[0][0]
        others = {module: each for module, each in ranks.items() if each != r}
        return replace(
            self, r=r, lora_alpha=r, use_rslora=False, rank_pattern=others, alpha_pattern=others
        )

    def to_json(self) -> dict[str, Any]:
        """What PEFT reads back as the same configuration."""
        plain = {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in asdict(self).items()
        }
        return plain | {"peft_type": "LORA", "inference_mode": True}

    def targets(self, module: str) -> bool:
        """Whether the adapter changes a module, named as in the model: "model.layers.0.…"."""
        if self.exclude_modules and self.names(self.exclude_modules, module):
            return False
        if any(whole(rf"(^|.*\.){saved}($|\..*)", module) for saved in self.modules_to_save or ()):
            return False
        wanted = self.target_modules
        if isinstance(wanted, str):
            if wanted.lower() == ALL_LINEAR:
                return module.rpartition(".")[2] not in NOT_LINEAR
            return whole(wanted, module) is not None
        if module in wanted:
            return True  # named in full: PEFT asks for no layer then
        return self.names(wanted, module) and self.in_chosen_layer(module)

    @staticmethod
    def names(wanted: Names, module: str) -> bool:
        """Whether a string matches a module's whole name, or a list holds it or its ending."""
        if isinstance(wanted, str):
            return whole(wanted, module) is not None
        return any(module == name or module.endswith(f".{name}") for name in wanted)

    def in_chosen_layer(self, module: str) -> bool:
        """Whether layers_to_transform has the module's layer: the first number in its name."""
        chosen = self.layers_to_transform
        if chosen is None or chosen == ():
            return True
        patterns = self.layers_pattern or ()
        names = (patterns,) if isinstance(patterns, str) else patterns
        # Without a pattern PEFT asks for a dot before the list's name, with one it does not.
        starts = [rf"(?:^|.*?\.){name}" for name in names] or [r".*?\.[^.]*"]
        for start in starts:
            found = whole(rf"{start}\.(?P<idx>\d+)\..*", module)
            if found:
                layer = int(found["idx"])
                return layer == chosen if isinstance(chosen, int) else layer in chosen
        return False

    def rank(self, module: str) -> int:
        """r of a module: that of the first rank_pattern that its name ends with, else `r`."""
        return first_match(self.rank_pattern, module, self.r)

    def alpha(self, module: str) -> float:
        """alpha of a module: as `rank`, by alpha_pattern and `lora_alpha`."""
        return first_match(self.alpha_pattern, module, self.lora_alpha)

    def scale(self, module: str) -> float:
        """What B A is multiplied by: alpha/r, or alpha/sqrt(r) with use_rslora.

        Reference: Hu et al., arXiv 2106.09685, 4.1; Kalajdzievski, arXiv 2312.03732, for rsLoRA.
        """
        r = self.rank(module)
        return self.alpha(module) / (math.sqrt(r) if self.use_rslora else r)


def first_match(patterns: Mapping[str, Any], module: str, default: Any) -> Any:
    """The value of the first pattern that matches the end of a module's name."""
    until = time.monotonic() + PATIENCE
    for pattern, value in patterns.items():
        if whole(rf"(.*\.)?({pattern})", module, until):
            return value
    return default


def whole(pattern: str, name: str, until: float | None = None) -> Any:
    """`re.fullmatch`, of a pattern that may be broken or never end. Raises FormatError then.

    It may take until that moment of the monotonic clock, or as long as one match may.
    """
    import regex  # only here: a list of names, the usual case, needs none

    left = PATIENCE if until is None else max(until - time.monotonic(), 1e-3)
    try:
        return _compiled(pattern).fullmatch(name, timeout=left)
    except TimeoutError:
        raise FormatError(
            "The LoRA configuration has {pattern!r}, which takes too long to match.",
            pattern=pattern[:80],
        ) from None
    except (regex.error, RecursionError, OverflowError) as error:
        reason = _("nested too deep") if isinstance(error, RecursionError) else str(error)[:100]
        raise FormatError(
            "The LoRA configuration has {pattern!r}, no regular expression: {reason}.",
            pattern=pattern[:80],
            reason=reason,
        ) from None


@lru_cache(maxsize=2 * MOST_PATTERNS)  # regex keeps 500, and compiling takes 0.3 ms
def _compiled(pattern: str) -> Any:
    import regex

    return regex.compile(pattern)


def unfit(name: str, value: Any, expected: str) -> FormatError:
    return FormatError(
        "The LoRA configuration has {name} = {value!r}; expected {expected}.",
        name=name,
        value=str(value)[:80],
        expected=_(expected).format(names=MOST_NAMES, patterns=MOST_PATTERNS),
    )


Check = Callable[[Any], bool]


def _flag(value: Any) -> bool:
    return type(value) is bool


def _rank(value: Any) -> bool:
    return type(value) is int and 0 < value < 2**31


def _number(value: Any) -> bool:
    return type(value) in (int, float) and abs(value) < 1e30


def _text(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= LONGEST


def _list(value: Any) -> bool:
    return isinstance(value, tuple) and len(value) <= MOST_NAMES and all(map(_text, value))


def _names(value: Any) -> bool:
    return _text(value) or _list(value)


def _layers(value: Any) -> bool:
    many = value if isinstance(value, tuple) else (value,)
    return all(type(layer) is int and layer >= 0 for layer in many)


def _or_none(check: Check) -> Check:
    return lambda value: value is None or check(value)


def _pattern_of(valid: Check) -> Check:
    return lambda value: (
        isinstance(value, Mapping)
        and len(value) <= MOST_PATTERNS
        and all(_text(key) and valid(each) for key, each in value.items())
    )


ACCEPTED: Mapping[str, tuple[Check, str]] = {
    "r": (_rank, gettext_noop("a whole number of at least 1")),
    "lora_alpha": (_number, gettext_noop("a number")),
    "target_modules": (_names, gettext_noop("a list of up to {names:,} names or one pattern")),
    "lora_dropout": (_number, gettext_noop("a number")),
    "use_rslora": (_flag, gettext_noop("true or false")),
    "use_dora": (_flag, gettext_noop("true or false")),
    "rank_pattern": (
        _pattern_of(_rank),
        gettext_noop("up to {patterns:,} patterns with a rank for each"),
    ),
    "alpha_pattern": (
        _pattern_of(_number),
        gettext_noop("up to {patterns:,} patterns with a number for each"),
    ),
    "exclude_modules": (_or_none(_names), gettext_noop("a list of names or one pattern")),
    "layers_to_transform": (_or_none(_layers), gettext_noop("layer numbers")),
    "layers_pattern": (_or_none(_names), gettext_noop("names of layer lists")),
    "fan_in_fan_out": (_flag, gettext_noop("true or false")),
    "bias": (
        lambda v: v in ("none", "all", "lora_only"),
        gettext_noop("'none', 'all' or 'lora_only'"),
    ),
    "lora_bias": (_flag, gettext_noop("true or false")),
    "modules_to_save": (_or_none(_list), gettext_noop("a list of names")),
    "init_lora_weights": (lambda v: _flag(v) or _text(v), gettext_noop("true, false or a name")),
    "task_type": (_or_none(_text), gettext_noop("a name")),
    "base_model_name_or_path": (_or_none(_text), gettext_noop("a name")),
}
