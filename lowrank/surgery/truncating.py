"""From an open model to a truncated one in a folder, with a report of what it lost."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lowrank.errors import InputError
from lowrank.files import cache_folder
from lowrank.language import gettext as _
from lowrank.llama.model import Params, projections
from lowrank.llama.names import LINEAR
from lowrank.llama.tokenizer import Tokenizer
from lowrank.readers.checkpoint_writer import check_place
from lowrank.readers.identity import identity
from lowrank.readers.interface import Model
from lowrank.surgery import texts
from lowrank.surgery.factor_store import FactorStore, folder_name
from lowrank.surgery.factors import DAMPING, Source
from lowrank.surgery.operation import Measured, operate, reading, sensitivity
from lowrank.surgery.plans import Plan, allocate, chosen
from lowrank.surgery.recorded import FRACTIONS, curves
from lowrank.surgery.report import METHODS, HeldOut, Matrix, Method, Order, Report, beside
from lowrank.surgery.saving import Written, kept, nbytes, save, tables


@dataclass(frozen=True)
class Step:
    """How far the work is: so many steps done, of how many, and what comes next."""

    done: int
    total: int
    words: str


def store_of(model: Model, params: Params) -> FactorStore:
    """The factors of an open model in the cache, with the built-in calibration text.

    Raises InputError for a model that brings no vocabulary.
    """
    words = words_of(model)
    folder = cache_folder() / "surgery" / folder_name(identity(model), texts.calibration())
    longest = params.config.longest
    return FactorStore(folder, params, [words.begin(t)[:longest] for t in texts.calibration()])


def words_of(model: Model) -> Tokenizer:
    """The model's tokenizer. Raises InputError if it brings no vocabulary."""
    if model.vocabulary is None:
        raise InputError(
            "{title} brings no vocabulary, so it can read no text.",
            title=model.title,
        )
    return Tokenizer(model.vocabulary)


def held_out(model: Model, params: Params) -> dict[str, list[int]]:
    """The built-in texts that no calibration sees, as token ids, by name."""
    words, longest = words_of(model), params.config.longest
    return {name: words.begin(texts.text(name))[:longest] for name in texts.TEXTS}


def truncate_and_save(
    model: Model, store: FactorStore, order: Order, folder: str | Path
) -> Iterator[Step | Report]:
    """Truncate every projection of a model and write the result, its report and a README.

    Yields steps, and the report when the folder is there. A caller may stop at any step; what is
    computed of the factors stays in the store, and nothing of the folder is there.

    Raises InputError for a folder that holds anything or a share too small for rank 1, SourceError
    if it cannot be written, FormatError if a number is too large for the order's dtype.
    """
    check_place(Path(folder).absolute(), model, overwrite=False)
    names, way = chosen(store.params, LINEAR), METHODS[order.method]
    more, before = 2 * len(texts.TEXTS) + 1, 0
    for done, before, name in store.prepare(way, names):
        yield Step(done, before + more, name)
    source, points = store.source(way), list[Measured]()
    if order.rule == "sensitivity":  # of calibration text: the held-out texts stay unseen
        more += len(LINEAR) * len(FRACTIONS)
        for point in sensitivity(store.params, store.texts[0], {way: source}, LINEAR, FRACTIONS):
            points.append(point)
            before += 1
            yield Step(before, before + more - len(points), _("measuring sensitivity"))
    plan = allocate(store.params, names, order.share, order.rule, source, curves(points, way))
    for record in save_cut(model, store, plan, order.method, order.rule, order.written, folder):
        if isinstance(record, Step):
            yield Step(before + record.done, before + record.total, record.words)
        else:
            yield record


def save_cut(
    model: Model,
    store: FactorStore,
    plan: Plan,
    method: Method,
    ranks: str,
    written: Written,
    folder: str | Path,
) -> Iterator[Step | Report]:
    """Write a model cut by a plan whose factors are in the store; as `truncate_and_save`.

    `ranks` is how they were found, for the report.
    """
    params, read = store.params, held_out(model, store.params)
    source, done = store.source(METHODS[method]), 0
    cut = operate(params, plan, source)
    after = kept(cut, written)
    rows, total = [], 2 * len(read) + 1
    for name, ids in read.items():
        nll = []
        for each in (params, after):
            yield Step(done, total, _("reading held-out text"))
            nll.append(reading(each, ids).nll)
            done += 1
        rows.append(HeldOut(name, len(ids) - 1, *nll))
    yield Step(done, total, _("writing"))
    held = {name: projections(params)[name].shape for name in chosen(params, LINEAR)}
    sizes = {form: nbytes(table) for form, table in tables(model, cut, written.dtype).items()}
    report = Report(
        model=model.title,
        method=method,
        ranks=ranks,
        written=written,
        stored_as=tuple(sorted({model.tensors[f"{name}.weight"].dtype for name in held})),
        source_bytes=sum(info.nbytes for info in model.tensors.values()),
        dense_bytes=sizes["dense"],
        thin_bytes=sizes["thin"],
        calibration_tokens=sum(map(len, store.texts)),
        damping=DAMPING,
        predicted=predicted(plan, source) if method == "fisher" else None,
        held_out=tuple(rows),
        matrices=tuple(
            Matrix(name, *shape, plan.get(name, min(shape))) for name, shape in held.items()
        ),
    )
    save(model, after, folder, written.dtype, beside(report))
    yield report


def predicted(plan: Plan, source: Source) -> float:
    """The rise of nll by factors weighted from both sides: half of the squares that are dropped."""
    return sum(float((source(name).s[k:] ** 2).sum()) / 2 for name, k in plan.items())
