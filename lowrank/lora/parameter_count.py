"""How many numbers a method trains, and of how many: what PEFT prints."""

from dataclasses import dataclass

from lowrank.language import gettext as _
from lowrank.llama.config import LlamaConfig
from lowrank.llama.linear import bias_of
from lowrank.llama.model import Params, projections
from lowrank.llama.names import HEAD, LINEAR, name_of
from lowrank.lora.tuning import AdapterLayers, Matrices, Method, biased, modules
from lowrank.memory import accounting
from lowrank.spectra.svd.notebook import html_table


@dataclass(frozen=True)
class Report:
    """How many parameters are trained, and of how many; as text, what PEFT prints."""

    trainable: int
    total: int

    def __str__(self) -> str:
        return (
            f"trainable params: {self.trainable:,d} || all params: {self.total:,d} || "
            f"trainable%: {100 * self.trainable / self.total:.4f}"
        )

    def _repr_html_(self) -> str:
        rows = [(_("trained"), f"{self.trainable:,}"), (_("parameters"), f"{self.total:,}")]
        rows.append(("%", f"{100 * self.trainable / self.total:.4f}"))
        return html_table(_("Numbers trained"), rows)


def report(model: LlamaConfig | Params, method: Method) -> Report:
    """PEFT's print_trainable_parameters, from shapes alone; a Params' biases count, too.

    `total` includes what is added. Raises InputError if the method changes nothing of the model.

    >>> from lowrank import lora, memory
    >>> llama2 = memory.PUBLISHED["Llama 2 7B"]
    >>> print(report(llama2, lora.AdapterConfig(r=8, target_modules=("q_proj", "v_proj"))))
    trainable params: 4,194,304 || all params: 6,742,609,920 || trainable%: 0.0622
    """
    config = model if isinstance(model, LlamaConfig) else model.config
    shapes = {
        name_of(i, short): config.projection_shape(short)
        for i in range(config.num_hidden_layers)
        for short in LINEAR
    } | {HEAD: config.projection_shape(HEAD)}
    chosen = {name: shapes[name] for name in modules(shapes, method)}
    total, trained, added = accounting.parameters(config), 0, 0
    if isinstance(model, Params):
        biases = {n: b.size for n, p in projections(model).items() if (b := bias_of(p)) is not None}
        total += sum(biases.values())
        trained += sum(biases[name] for name in biased(model, method))
    if isinstance(method, Matrices):
        trained += sum(out * n for out, n in chosen.values())
    elif isinstance(method, AdapterLayers):
        added = accounting.adapter_parameters(config, method.bottleneck)
    else:
        for name, shape in chosen.items():
            pair = accounting.pair_parameters(shape, method.rank(name))
            added += pair + (shape[0] if method.use_dora else 0)
    return Report(trained + added, total + added)
