"""`lowrank truncate MODEL --share 0.8 --out FOLDER`: a smaller model from the command line."""

import argparse
import json
import sys
from pathlib import Path

from lowrank import llama
from lowrank.readers import open_model
from lowrank.readers.checkpoint_writer import check_place
from lowrank.surgery.plans import Rule
from lowrank.surgery.report import Order, Report, losses, made, sizes
from lowrank.surgery.saving import Written
from lowrank.surgery.truncating import store_of, truncate_and_save


def run(arguments: argparse.Namespace) -> None:
    """Truncate a model, with progress and the time left on stderr where somebody watches."""
    from tqdm import tqdm

    rule: Rule = arguments.ranks or ("loss" if arguments.method == "fisher" else "uniform")
    written = Written(arguments.form, arguments.dtype)
    order = Order(arguments.share, arguments.method, rule, written)
    model = open_model(arguments.model)
    check_place(Path(arguments.out).absolute(), model, overwrite=False)  # before minutes of work
    store = store_of(model, llama.load(model))
    with tqdm(disable=None, file=sys.stderr) as bar:
        for record in truncate_and_save(model, store, order, arguments.out):
            if isinstance(record, Report):
                report = record
                continue
            bar.total = record.total
            bar.set_postfix_str(record.words, refresh=False)
            bar.update(record.done - bar.n)
    if arguments.json:
        print(json.dumps(report.as_json()))
        return
    for line in (made(report), losses(report), *sizes(report), arguments.out):
        print(line)
