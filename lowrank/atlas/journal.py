"""A survey on disk that a kill at any moment leaves whole.

A folder holds `survey.json` (what was surveyed), `matrices.csv` (a line a matrix, as they come)
and, while the survey runs, `parts/` with one small file for each finished matrix. A part is written
under another name and renamed, so it is there whole or not at all, and it alone decides what is
done: lines of the CSV are made from it. At the end the parts become one `spectra.npz`.
"""

import csv
import io
import json
import os
import shutil
import sys
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lowrank.atlas.measuring import COLUMNS, MEASURES, Row, Spectrum, from_texts, label, to_texts
from lowrank.errors import FormatError, InputError, SourceError
from lowrank.files import drop_oldest, remove, whole, write
from lowrank.language import gettext as _
from lowrank.spectra.svd.notebook import html_table

ABOUT, TABLE, SPECTRA, PARTS = "survey.json", "matrices.csv", "spectra.npz", "parts"
VERSION = 1
# What reading raises where a byte was changed on the disk.
DAMAGED = (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile, zlib.error)


@dataclass(frozen=True)
class Survey:
    """The rows of a survey in the model's order, and the singular values of each matrix by name."""

    title: str
    rows: tuple[Row, ...]
    spectra: Mapping[str, Spectrum]

    def _repr_html_(self) -> str:
        good = [row for row in self.rows if not row.problem]
        facts = {_("not measurable"): f"{len(self.rows) - len(good):,}"}
        for measure in ("effective_rank", "rank_90", "stable_rank") if good else ():
            share = MEASURES[measure][1]
            found = [getattr(row, measure) / (row.least if share else 1) for row in good]
            facts[label(measure)] = _("{least:.3g} to {most:.3g}").format(
                least=min(found), most=max(found)
            )
        title = _("{title}: {count:,} matrices").format(title=self.title, count=len(self.rows))
        return html_table(title, facts.items())


class Journal:
    """The folder of one survey. Raises InputError if it holds that of another model."""

    def __init__(self, folder: Path, title: str, names: Iterable[str], identity: str) -> None:
        self.folder, self.title, self.names = folder, title, tuple(names)
        self._number = {name: i for i, name in enumerate(self.names)}
        about = {"version": VERSION, "title": title, "identity": identity, "names": self.names}
        try:
            (folder / PARTS).mkdir(parents=True, exist_ok=True)
            if (folder / ABOUT).exists():
                self._same(about)
            else:
                write(folder / ABOUT, json.dumps(about, indent=1).encode())
            drop_oldest(folder / PARTS, sys.maxsize)  # only what a killed process left
            self.done = self._found()
            rows = [row for row, _ in self.done.values()]
            write(folder / TABLE, _csv([COLUMNS, *map(to_texts, rows)]))
        except OSError as error:
            raise SourceError(
                "{path} cannot be written: {problem}.", path=folder, problem=error.strerror or error
            ) from error

    def _same(self, about: dict[str, Any]) -> None:
        kept = _about(self.folder)
        for field in ("identity", "names"):
            if kept[field] != json.loads(json.dumps(about[field])):
                raise InputError(
                    "{folder} holds the survey of {kept}, of other matrices or another file. "
                    "Choose an empty folder for {title}.",
                    folder=self.folder,
                    kept=kept["title"],
                    title=self.title,
                )

    def _found(self) -> dict[str, tuple[Row, Spectrum]]:
        """What is done: the finished survey's, or that of each part."""
        if (self.folder / SPECTRA).exists():
            finished = read_survey(self.folder)
            return {row.name: (row, finished.spectra[row.name]) for row in finished.rows}
        found = {}
        for name in self.names:
            part = self._part(name)
            if part.exists():
                try:
                    found[name] = _read_part(part)
                except DAMAGED:  # it is measured again
                    remove(part)
        return found

    def _part(self, name: str) -> Path:
        return self.folder / PARTS / f"{self._number[name]:06d}.npz"

    def add(self, row: Row, s: Spectrum) -> None:
        """Keep one finished matrix: its part first, then its line."""
        with whole(self._part(row.name)) as part:
            np.savez(part, row=np.array(json.dumps(to_texts(row))), s=s)
        with (self.folder / TABLE).open("ab") as table:
            table.write(_csv([to_texts(row)]))
            table.flush()
            os.fsync(table.fileno())
        self.done[row.name] = (row, s)

    def finish(self) -> Survey:
        """All in the model's order: the CSV sorted, one npz of spectra, no parts left.

        Raises InputError if a matrix is missing.
        """
        missing = [name for name in self.names if name not in self.done]
        if missing:
            raise InputError(
                "{count} matrices are not surveyed yet, {first} first.",
                count=len(missing),
                first=missing[0],
            )
        rows = tuple(self.done[name][0] for name in self.names)
        spectra = {name: self.done[name][1] for name in self.names}
        write(self.folder / TABLE, _csv([COLUMNS, *map(to_texts, rows)]))
        with whole(self.folder / SPECTRA) as out:
            np.savez(out, allow_pickle=False, **{str(i): s for i, s in enumerate(spectra.values())})
        shutil.rmtree(self.folder / PARTS, ignore_errors=True)
        return Survey(self.title, rows, spectra)


def read_survey(folder: str | Path) -> Survey:
    """A finished survey.

    Raises SourceError if there is none in the folder, FormatError if its files disagree.
    """
    folder = Path(folder)
    if not (folder / SPECTRA).exists():
        raise SourceError(
            "{folder} holds no finished survey ({spectra} is not there).",
            folder=folder,
            spectra=SPECTRA,
        )
    about = _about(folder)
    try:
        with (folder / TABLE).open(newline="", encoding="utf-8") as table:
            rows = tuple(from_texts(cells) for cells in csv.DictReader(table))
        with np.load(folder / SPECTRA, allow_pickle=False) as kept:
            spectra = {name: kept[str(i)] for i, name in enumerate(about["names"])}
    except DAMAGED as error:
        raise FormatError(
            "The survey in {folder} is damaged: {error}.",
            folder=folder,
            error=error,
        ) from error
    if [row.name for row in rows] != list(spectra):
        raise FormatError(
            "{table} and {spectra} in {folder} are not of one survey.",
            table=TABLE,
            spectra=SPECTRA,
            folder=folder,
        )
    return Survey(about["title"], rows, spectra)


def _about(folder: Path) -> dict[str, Any]:
    try:
        about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
        version, _others = about["version"], (about["title"], about["identity"], about["names"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FormatError(
            "{folder} is not a survey's description.",
            folder=folder / ABOUT,
        ) from error
    if version != VERSION:
        raise FormatError(
            "{folder} holds a survey of version {version}; expected {expected}.",
            folder=folder,
            version=version,
            expected=VERSION,
        )
    return about


def _read_part(part: Path) -> tuple[Row, Spectrum]:
    with np.load(part, allow_pickle=False) as kept:
        cells = json.loads(str(kept["row"]))
        return from_texts(dict(zip(COLUMNS, cells, strict=True))), kept["s"]


def _csv(lines: Iterable[Iterable[str]]) -> bytes:
    stream = io.StringIO(newline="")
    csv.writer(stream, lineterminator="\n").writerows(lines)
    return stream.getvalue().encode()
