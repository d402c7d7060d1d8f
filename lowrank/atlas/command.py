"""`python -m lowrank atlas MODEL --out FOLDER`: a survey from the command line."""

import argparse
import sys
from pathlib import Path

from lowrank.atlas.journal import Journal
from lowrank.atlas.measuring import Row, matrices
from lowrank.atlas.report import report
from lowrank.atlas.surveying import survey
from lowrank.errors import InputError
from lowrank.files import write
from lowrank.language import gettext as _
from lowrank.readers import open_model
from lowrank.readers.elsewhere import executor
from lowrank.readers.identity import identity


def run(arguments: argparse.Namespace) -> None:
    """Survey, with progress and the time left, and write the report."""
    from tqdm import tqdm

    for name in ("workers", "threads"):
        if getattr(arguments, name) < 1:
            raise InputError(
                "--{name} is {value}; expected at least 1.",
                name=name,
                value=getattr(arguments, name),
            )
    model, folder = open_model(arguments.model), Path(arguments.out)
    names = matrices(model, everything=arguments.all)
    journal = Journal(folder, model.title, names, identity(model))
    if journal.done:
        said = _("Going on: {done} of {all} matrices are done.")
        print(said.format(done=len(journal.done), all=len(names)), flush=True)
    with executor(arguments.workers, arguments.scheduler) as pool:
        bar = tqdm(
            total=len(names),
            initial=len(journal.done),
            unit=_("matrix"),
            disable=None,
            file=sys.stderr,
        )

        def progress(done: int, total: int, row: Row) -> None:
            bar.update(done - bar.n)
            bar.set_postfix_str(row.name)

        with bar:
            found = survey(model, pool, journal, names, arguments.threads, progress)
    path = folder / "report.html"
    write(path, report(found))
    bad = [row for row in found.rows if row.problem]
    said = _("{count} matrices surveyed; {bad} could not be measured. Report: {path}")
    print(said.format(count=len(found.rows), bad=len(bad), path=path))
