"""The command line, `lowrank COMMAND` or `python -m lowrank COMMAND`; alone, it lists them."""

import argparse
import importlib.util
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from lowrank.errors import InputError, LowrankError, SourceError
from lowrank.files import write
from lowrank.language import again, gettext_noop, languages, nearest, speaking
from lowrank.language import gettext as _
from lowrank.lora.adapters import command as adapters
from lowrank.readers.default_model import DEFAULT, cached_path, fetch
from lowrank.teaching.counting import KINDS, Counting, formats_of, make_counting
from lowrank.teaching.problems import LEVELS
from lowrank.teaching.typesetting import lacking
from lowrank.teaching.worksheet import FORMATS, STYLES, Worksheet, make_worksheet
from lowrank.ui import serving

# What argparse says, in English as it is here; it makes sentences of these.
OF_ARGPARSE = (
    gettext_noop("unrecognized arguments: {arguments}"),
    gettext_noop("the following arguments are required: {arguments}"),
    gettext_noop("argument {argument}: invalid choice: {value} (choose from {choices})"),
    gettext_noop("argument {argument}: invalid int value: {value}"),
    gettext_noop("argument {argument}: invalid float value: {value}"),
    gettext_noop("argument {argument}: expected one argument"),
    gettext_noop("argument {argument}: not allowed with argument {other}"),
    gettext_noop("one of the arguments {arguments} is required"),
    gettext_noop("positional arguments"),
    gettext_noop("options"),
)


def fetch_command(arguments: argparse.Namespace) -> None:
    """Fetch the default model, with a line of progress where someone is watching."""
    watched = sys.stderr.isatty()

    def progress(done: int, total: int) -> None:
        if watched:
            said = _("{done:6.1f} of {total:.1f} MB").format(done=done / 1e6, total=total / 1e6)
            print(f"\r  {said}", end="", file=sys.stderr)

    if cached_path() is None:
        said = _("Fetching {filename} ({size:.0f} MB), once.")
        print(said.format(filename=DEFAULT.filename, size=DEFAULT.download_size / 1e6))
        fetch(progress=progress)
        print("" if watched else _("Done."))
    print(_("The default model is in {path}").format(path=cached_path()))


def app_file() -> Path:
    """Where the explorer starts: inside an installed package, or at the top of a checkout."""
    packed = Path(__file__).parent / "explorer" / "app.py"
    return packed if packed.exists() else Path(__file__).parents[1] / "app.py"


def app_command(arguments: argparse.Namespace) -> None:
    """Serve the explorer with Streamlit, which reads .streamlit/config.toml beside app.py."""
    _prepared()
    command = _streamlit(arguments.port)
    if os.name == "nt":  # where exec would give the prompt back while the app runs on
        sys.exit(subprocess.call(command))
    sys.stdout.flush()
    os.execv(sys.executable, command)


def class_command(arguments: argparse.Namespace) -> None:
    """Serve the explorer from several processes behind a proxy."""
    serving.proxy_found()
    _prepared()
    serving.serve(
        lambda port: [*_streamlit(port), "--server.address", serving.SERVER],
        arguments.port,
        arguments.workers,
    )


def _prepared() -> None:
    """Look for the libraries, and fetch the model if it can be had."""
    if not importlib.util.find_spec("streamlit"):
        raise SourceError("The app needs its extra: pip install 'lowrank-explorer[app]'.")
    try:
        fetch_command(argparse.Namespace())
    except SourceError as error:
        said = _("{problem} Starting without the model: its pages offer another try.")
        print(said.format(problem=error), file=sys.stderr)
    # Idle OpenBLAS threads should sleep rather than spin: many visitors share few cores.
    os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "4")


def _streamlit(port: int) -> list[str]:
    return [
        *(sys.executable, "-m", "streamlit", "run", str(app_file())),
        *("--server.port", str(port)),
    ]


def merge_command(arguments: argparse.Namespace) -> None:
    """Merge an adapter into a model and write the result."""
    from lowrank.lora.adapters import export, load  # only here: they need the readers' libraries
    from lowrank.readers import open_model

    model, adapter = open_model(arguments.model), load(arguments.adapter)
    folder, dtype, over = arguments.folder, arguments.dtype, arguments.overwrite
    for path in export(model, adapter, folder, dtype, overwrite=over):
        print(f"{path}  {path.stat().st_size / 1e6:,.1f} MB")
    written = open_model(Path(folder)).tensors
    pairs = [
        (model.tensors[n].dtype if n in model.tensors else _("new"), t.dtype)
        for n, t in written.items()
    ]
    for (before, after), count in Counter(pairs).items():
        said = _("{count} tensors in {after}, from {before}.")
        if before == after:
            said = _("{count} tensors in {after}, as stored.")
        print(said.format(count=count, after=after, before=before))
    said = _("{changed} matrices changed, {ignored} entries that PEFT ignores.")
    print(said.format(changed=len(adapter.pairs), ignored=len(adapter.unused)))


def atlas_command(arguments: argparse.Namespace) -> None:
    """Survey every matrix of a model."""
    from lowrank.atlas.command import run  # only here: it needs the drawing libraries

    run(arguments)


def memory_command(arguments: argparse.Namespace) -> None:
    """Say what of a model a card holds."""
    from lowrank.memory.command import run  # only here: it needs the readers' libraries

    run(arguments)


def truncate_command(arguments: argparse.Namespace) -> None:
    """Truncate every projection of a model and write the smaller one."""
    from lowrank.surgery.command import run  # only here: it needs the readers' libraries

    run(arguments)


def worksheet_command(arguments: argparse.Namespace) -> None:
    """Write a worksheet with its key, as one file or one of each format."""
    sheet = _sheet(arguments)
    if arguments.out == "-":
        sys.stdout.buffer.write(formats_of(sheet)[_one_format(arguments)].encoded(sheet))
        return
    for path, content in _files(sheet, arguments):
        write(path, content)
        print(path)


def _sheet(arguments: argparse.Namespace) -> Worksheet | Counting:
    """The worksheet that the options describe."""
    count, seed, key = arguments.count, arguments.seed, not arguments.no_key
    if arguments.about != "rank":
        return make_counting(arguments.about, seed, count, key)
    if arguments.rank is None or arguments.shape is None:
        raise InputError("A worksheet about rank needs --rank and --shape, such as 2 and 3x4.")
    shape = re.fullmatch(r"(\d{1,4}) *[x×,] *(\d{1,4})", arguments.shape.strip().lower())
    if shape is None:
        raise InputError(
            "--shape is {shape!r}; expected rows x columns, such as 3x4.",
            shape=arguments.shape[:40],
        )
    return make_worksheet(
        seed,
        int(shape[1]),
        int(shape[2]),
        arguments.rank,
        count,
        arguments.difficulty,
        arguments.reduced,
        arguments.solve,
        arguments.style,
        arguments.mixed,
        key,
    )


def _one_format(arguments: argparse.Namespace) -> str:
    if arguments.format == "all":
        raise InputError("--format all makes several files; give --out a folder, not -.")
    return arguments.format or "html"


def _files(sheet: Worksheet | Counting, arguments: argparse.Namespace) -> list[tuple[Path, bytes]]:
    """Where each format goes: --out is a file if it has one of our suffixes, else a folder."""
    out, forms = Path(arguments.out), formats_of(sheet)
    named = {form.suffix: name for name, form in forms.items()}
    by_suffix = None if out.is_dir() else named.get(out.suffix)
    wanted = arguments.format or by_suffix or "html"
    every = [name for name in forms if name != "pdf" or not lacking()]
    names = every if wanted == "all" else [wanted]
    if by_suffix and wanted not in ("all", by_suffix):
        raise InputError(
            "--out {out} is a {suffix} file but --format is {wanted}; leave one of them out.",
            out=out,
            suffix=out.suffix,
            wanted=wanted,
        )
    base = out.with_suffix("") if by_suffix else out / sheet.name
    return [
        (base.with_name(base.name + forms[name].suffix), forms[name].encoded(sheet))
        for name in names
    ]


class Help(argparse.HelpFormatter):
    """Help whose own words, too, are in the language of the moment."""

    def add_usage(
        self, usage: str | None, actions: Any, groups: Any, prefix: str | None = None
    ) -> None:
        super().add_usage(usage, actions, groups, _("usage: ") if prefix is None else prefix)

    def start_section(self, heading: str | None) -> None:
        super().start_section(heading and _(heading))


class OneSentence(argparse.ArgumentParser):
    """A parser that says what is wrong with a command in one line, without the usage."""

    def __init__(self, add_help: bool = True, **options: Any) -> None:
        super().__init__(add_help=False, formatter_class=Help, **options)
        if add_help:
            said = _("show this help message and exit")
            self.add_argument("-h", "--help", action="help", help=said)

    def error(self, message: str) -> NoReturn:
        said = _("{program}: {problem} (see {program} --help)")
        said = said.format(program=self.prog, problem=again(message, OF_ARGPARSE))
        self.exit(2, said + "\n")


def speaks(parser: argparse.ArgumentParser) -> None:
    """Give a parser the option for the language."""
    said = _("the language; default: that of LC_ALL, LC_MESSAGES or LANG")
    parser.add_argument("--lang", choices=languages(), help=said)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command, in the language of --lang or of the environment.

    Our own errors become one line and exit status 1; Ctrl-C becomes one, too.
    """
    first = OneSentence(prog="lowrank", add_help=False, allow_abbrev=False)
    speaks(first)
    named = (os.environ.get(name) for name in ("LC_ALL", "LC_MESSAGES", "LANG"))
    usual = nearest(next(filter(None, named), ""))
    with speaking(usual):
        chosen, rest = first.parse_known_args(argv)
    with speaking(chosen.lang or usual):
        arguments = parser().parse_args(rest)
        try:
            arguments.run(arguments)
        except LowrankError as error:
            print(error, file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            print(_("Stopped."), file=sys.stderr)
            return 130  # as shells say it of a program that Ctrl-C ended
    return 0


def parser() -> OneSentence:
    """What the command line understands, with its help in the language of the moment."""
    parser = OneSentence(
        prog="lowrank",
        description=_(
            "The command line, `lowrank COMMAND` or `python -m lowrank COMMAND`; alone, it "
            "lists them."
        ),
    )
    speaks(parser)
    parser.set_defaults(run=lambda arguments: parser.print_help())
    commands = parser.add_subparsers(title=_("commands"), metavar="COMMAND")
    serving = commands.add_parser("app", help=_("open the explorer, at the address it prints"))
    serving.add_argument("--port", type=int, default=8501, help=_("default: 8501"))
    serving.set_defaults(run=app_command)
    teaching = commands.add_parser(
        "class", help=_("the explorer for a class, on several processes")
    )
    teaching.add_argument("--port", type=int, default=8501, help=_("default: 8501"))
    teaching.add_argument(
        "--workers", type=int, default=os.cpu_count() or 1, help=_("processes (one a core)")
    )
    teaching.set_defaults(run=class_command)
    fetching = commands.add_parser("fetch", help=_("fetch the default model into the cache"))
    fetching.set_defaults(run=fetch_command)
    merging = commands.add_parser(
        "merge", help=_("merge a PEFT adapter into a model, as safetensors")
    )
    model, adapter = (
        _("default, a file, a folder, or a hub id"),
        _("a folder of PEFT or mlx-lm, a zip, or a hub id"),
    )
    merging.add_argument("model", help=model)
    merging.add_argument("adapter", help=adapter)
    merging.add_argument("folder", help=_("where the merged model goes"))
    kinds = ["stored", "F32", "F16", "BF16"]
    merging.add_argument(
        "--dtype",
        choices=kinds,
        default="stored",
        help=_("default: F32, F16 and BF16 as stored, all else (quantised) as F16"),
    )
    merging.add_argument(
        "--overwrite", action="store_true", help=_("put it in the place of an earlier export")
    )
    merging.set_defaults(run=merge_command)
    adapters.add(commands, adapter=adapter, model=model)
    surveying = commands.add_parser(
        "atlas", help=_("survey every matrix of a model; it can be interrupted")
    )
    surveying.add_argument("model", help=model)
    surveying.add_argument("--out", required=True, help=_("the folder that keeps the survey"))
    surveying.add_argument(
        "--workers", type=int, default=os.cpu_count(), help=_("processes at once (all cores)")
    )
    surveying.add_argument(
        "--threads", type=int, default=1, help=_("BLAS threads of each worker (1)")
    )
    surveying.add_argument("--scheduler", help=_("tcp://host:port of a running Dask scheduler"))
    surveying.add_argument("--all", action="store_true", help=_("embeddings and head too"))
    surveying.set_defaults(run=atlas_command)
    _memory_options(
        commands.add_parser("memory", help=_("what of a model a card holds and trains"))
    )
    _truncate_options(
        commands.add_parser(
            "truncate",
            help=_("cut a model's projections to low rank and save the smaller model"),
        )
    )
    sheets = commands.add_parser("worksheet", help=_("problems for a class, with their answer key"))
    about = ["rank", *KINDS]
    sheets.add_argument("--about", choices=about, default="rank", help=_("default: rank"))
    sheets.add_argument("--rank", type=int, help=_("the rank of every matrix"))
    sheets.add_argument("--mixed", action="store_true", help=_("ranks from 1 to that of --rank"))
    sheets.add_argument("--no-key", action="store_true", help=_("without the answers"))
    sheets.add_argument("--shape", help=_("rows x columns, such as 3x4; up to 8x8"))
    sheets.add_argument("--count", type=int, default=10, help=_("how many problems (10)"))
    sheets.add_argument("--seed", type=int, default=1, help=_("another seed, other problems (1)"))
    sheets.add_argument("--difficulty", choices=list(LEVELS), default="medium")
    sheets.add_argument(
        "--reduced", action="store_true", help=_("ask for the reduced echelon form")
    )
    sheets.add_argument("--solve", action="store_true", help=_("ask for the solutions of A x = 0"))
    sheets.add_argument("--style", choices=STYLES, default="textbook", help=_("of the key's steps"))
    sheets.add_argument("--format", choices=[*FORMATS, "all"], help=_("default: as --out, or html"))
    sheets.add_argument(
        "--out", default=".", help=_("a file, a folder, or - to print (this folder)")
    )
    sheets.set_defaults(run=worksheet_command)
    return parser


def _memory_options(fitting: argparse.ArgumentParser) -> None:
    model = _("a published one (Llama 3.1 8B), a config.json, a file, a folder, or a hub id")
    fitting.add_argument("model", help=model)
    fitting.add_argument("--card", type=float, default=24.0, help=_("its GB of 2³⁰ bytes (24)"))
    reserve = _("GB of 10⁹ bytes for driver and framework (1)")
    fitting.add_argument("--reserve", type=float, default=1.0, help=reserve)
    fitting.add_argument("--cards", type=int, default=1, help=_("cards that share the model (1)"))
    fitting.add_argument("--context", type=int, default=4096, help=_("tokens in the cache (4096)"))
    fitting.add_argument("--batch", type=int, default=1, help=_("sequences at once (1)"))
    fitting.add_argument("--cache-bits", type=int, choices=[16, 8], default=16)
    fitting.add_argument("--tokens", type=int, default=512, help=_("tokens to train on (512)"))
    fitting.add_argument("--rank", type=int, default=8, help=_("LoRA's r (8)"))
    all_linear = _("LoRA on all seven projections; default: q_proj and v_proj")
    fitting.add_argument("--all-linear", action="store_true", help=all_linear)
    fitting.add_argument("--recompute", action="store_true", help=_("activations computed twice"))
    fitting.add_argument("--adam", type=int, choices=[32, 8], default=32, help=_("bits a moment"))
    paged = _("Adam's moments may leave the card")
    fitting.add_argument("--paged", action="store_true", help=paged)
    fitting.add_argument("--json", action="store_true", help=_("for programs"))
    fitting.set_defaults(run=memory_command)


def _truncate_options(cutting: argparse.ArgumentParser) -> None:
    cutting.add_argument("model", help=_("default, a file, a folder, or a hub id"))
    share = _("of the projections' parameters, as 0.8")
    cutting.add_argument("--share", type=float, required=True, help=share)
    cutting.add_argument("--out", required=True, help=_("a folder, new or empty, for the result"))
    methods, best = ["plain", "activation", "fwsvd", "fisher"], _("default: fisher")
    cutting.add_argument("--method", choices=methods, default="fisher", help=best)
    ranks = _("default: loss with fisher, uniform with the others")
    rules = ["uniform", "energy", "sensitivity", "loss"]
    cutting.add_argument("--ranks", choices=rules, help=ranks)
    forms = _("matrices multiplied out, which transformers opens (dense), or thin pairs")
    cutting.add_argument("--form", choices=["dense", "thin"], default="dense", help=forms)
    cutting.add_argument("--dtype", choices=["F16", "F32"], default="F16", help=_("default: F16"))
    cutting.add_argument("--json", action="store_true", help=_("print report.json, nothing else"))
    cutting.set_defaults(run=truncate_command)


def start_explorer() -> int:
    """The app, as a program of the distribution's own name; options as for `lowrank app`."""
    return main(["app", *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
