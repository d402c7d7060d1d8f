"""Write the figures of the README and of docs/classroom.md from what the benchmarks keep.

python benchmarks/tables.py      Fills what stands between `<!-- table: NAME -->` and
`<!-- /table -->` from benchmarks/results/NAME.json; a table whose benchmark has kept nothing yet
stays as it is.
"""

import json
import re
import statistics
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from lowrank.lora.lab import verdicts  # noqa: E402
from lowrank.lora.lab.experiments import FULL, by_rank, spread  # noqa: E402

README = ROOT / "README.md"
WRITTEN = README, ROOT / "docs" / "classroom.md"
MARKED = re.compile(r"(<!-- table: (\w+) -->\n)(.*?)(<!-- /table -->)", re.DOTALL)
DATA = ROOT / "lowrank/surgery/data"
KEPT_ELSEWHERE = {
    "sensitivity": DATA / "sensitivity.json",
    "truncation_methods": DATA / "methods.json",
    "experiments": ROOT / "lowrank/lora/lab/data/experiments.json",
}
Figures = dict[str, Any]
SOON = 1.0  # seconds within which 19 of 20 moves are answered in a class that a server holds
NOT_HELD = "`python benchmarks/classroom.py holds` measures how many students your machine holds.\n"


def table(head: Sequence[str], rows: Sequence[Sequence[str]], words: Sequence[int] = (0,)) -> str:
    """A Markdown table; the columns numbered in `words` are words, the others numbers."""
    line = "|".join(":--" if column in words else "--:" for column in range(len(head)))
    body = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    return f"| {' | '.join(head)} |\n|{line}|\n{body}\n"


def measured(kept: Figures, how: str) -> str:
    """With what command, on what and when."""
    machine = kept["machine"]
    return f"(`{kept['command']}`, {machine['cores']} cores, {how}, {kept['measured']})"


def digits(value: float, count: int = 2) -> str:
    """Significant digits without an exponent: 0.10, 3.1, 32."""
    return f"{float(f'{value:.{count}g}'):#.{count}g}".rstrip(".")


def tiny(error: float) -> str:
    """An error to one digit: 4e-4, but 0.04."""
    if error >= 0.01:
        return digits(error, 1)
    mantissa, exponent = f"{error:.0e}".split("e")
    return f"{mantissa}e{int(exponent)}"


def elimination(kept: Figures) -> str:
    small, large = kept["figures"]["12"], kept["figures"]["40"]
    fastest, times = large["fastest"], large["times as long"]
    labels = {
        "listed": "every operation: its rows, factor and pivot",
        "ops": "… each as a `RowOp` with its `Fraction`",
        "matrices": "… and every matrix written out",
        "made": "(of that, making the `Fraction`s and nothing else)",
        "all": "… and every sentence",
        "rref": "reduced form only",
    }
    rows = []
    for name, words in labels.items():
        if name not in small["ms"]:
            continue
        beside = [small["times as long"]["Matrix"]] + [
            large["times as long"][peer]
            for peer in ("Matrix", "QQ", fastest, "FLINT")
            if peer in large["times as long"]
        ]
        first, *others = (f"{peer[name]:.2g}" for peer in beside)
        ms = [f"{digits(size['ms'][name])} ms" for size in (small, large)]
        rows.append([words, ms[0], first, ms[1], *others])
    how = "medians; above 1 is faster than sympy"
    if "FLINT" in times:
        how += ", which has python-flint to compute with here"
    said = f"How many times as long sympy {kept['machine']['sympy']} takes for the reduced form of "
    said += f"the same matrix of random integers in −9…9 {measured(kept, how)}:\n\n"
    matrix = "`Matrix.rref`"
    peers = ["`DomainMatrix.rref` over ℚ", f"its fastest, `{fastest}`"]
    if "FLINT" in times:
        peers.append("FLINT's `rref`, in C")
    head = ["", "12 × 12", matrix, "40 × 40", matrix, *peers]
    return said + table(head, rows) + larger(kept["figures"].get("large", {}))


def larger(found: Figures) -> str:
    """Rank and reduced form of large matrices, in seconds."""
    if not found:
        return ""
    who = [name for name in ("lowrank", "sympy", "FLINT") if name in next(iter(found.values()))]
    rows = [
        [name.replace(" x ", " × "), *(f"{digits(taken[peer])} s" for peer in who)]
        for name, taken in found.items()
    ]
    said = "\nLarge matrices, whose rank and pivots a prime finds and Hadamard's bound proves:\n\n"
    return said + table(["", *who], rows)


def reading(kept: Figures) -> str:
    f = kept["figures"]
    lengths = [name for name in f if name.isdecimal()]
    rows = [
        [name, *(f"{1e3 * f[length]['readers'][name]['s']:.0f} ms" for length in lengths)]
        for name in f["100000"]["readers"]
    ]
    said = f"The longest that one of {f['100000']['texts']:,} hostile texts holds up a reader, in "
    said += f"processor time {measured(kept, 'best of 3')}; 0.2 s was aimed at, and "
    said += f"`ast.literal_eval` takes {1e3 * f['ast.literal_eval s']:.0f} ms for 10⁵ plain "
    return said + "characters:\n\n" + table(["", *(f"{int(x):,}" for x in lengths)], rows)


def readers(kept: Figures) -> str:
    f = kept["figures"]
    memory = "under 1 MB" if f["open MB"] < 1 else f"{f['open MB']:.0f} MB"
    opening = f"Opening a {f['checkpoint bytes'] / 1e9:.2f} GB checkpoint of Llama-2-7B's shape "
    opening += f"takes {1e3 * f['open s']:.0f} ms and adds {memory} of memory; reading one 4096 × "
    opening += f"4096 float16 matrix as float32 takes {f['read over np.fromfile']:.2f} of the time "
    opening += "of `np.fromfile` and `astype`. From a hub, that matrix "
    opening += f"({f['matrix bytes'] / 1e6:.2f} MB) and opening the model cost "
    opening += f"{f['hub bytes'] / 1e6:.2f} MB in all, counted at the server "
    return opening + f"{measured(kept, 'medians')}.\n"


def completion(kept: Figures) -> str:
    rows = [
        [name, tiny(f["error"]), f"{digits(f['seconds'])} s", digits(f["beside als"])]
        for name, f in kept["figures"]["methods"].items()
    ]
    said = "A 200 × 200 matrix of rank 5 from 30 % of its entries "
    how = f"medians of {kept['figures']['seeds']} draws"
    said += f"{measured(kept, how)}:\n\n"
    return said + table(["", "error on hidden entries", "time", "of that of `als`"], rows)


def svd(kept: Figures) -> str:
    found, means = kept["figures"]["top"], kept["figures"]["means"]
    rows = []
    for name, tolerances in found.items():
        cells = [name.removeprefix("model.").replace(".weight", "").replace(", ", " × ")]
        for each in tolerances.values():
            ours, peer = each["runs"]["truncate"], each["runs"][each["fastest"]]
            setting = peer["how"].replace(" iterations of ", " × ").removesuffix(" columns")
            if setting.startswith("0 ×"):  # LOBPCG on less than 5 times as many columns
                setting = "dense"
            cells += [
                f"{digits(ours['s'])} s ({tiny(ours['error'])})",
                f"{each['fastest']} {digits(peer['s'])} s ({setting})",
                f"{each['ratio']:.2f}",
            ]
        rows.append(cells)
    mean = (f"**{each:.2f}**" for each in means.values())
    rows.append(["geometric mean", "", "", next(mean), "", "", next(mean)])
    said = "k = 64, float32, time to a *true* worst relative error of the 64 values. Every peer "
    said += "(scikit-learn's `randomized_svd`, `torch.svd_lowrank`, ARPACK, PROPACK, LOBPCG) is "
    said += (
        "given the smallest number of iterations that reaches it, found by trying, of whichever "
    )
    said += "number of columns is quicker; `truncate` stops by its own estimate, and certifies. "
    said += f"The fastest of them is shown {measured(kept, 'medians of 5 in turns')}:\n\n"
    head = ["", *(word for tol in means for word in (f"to {tiny(float(tol))}", "fastest peer", ""))]
    return said + table(head, rows, words=(0, 2, 5))


def svd_more(kept: Figures) -> str:
    f = kept["figures"]
    product, moving, whole, loaded = f["product"], f["moving"], f["whole"], f["loaded"]
    part = product["a quarter of the rows s"] / product["s"]
    ours, sklearn, arpack = (each["times alone"] for each in loaded.values())
    error, theirs = tiny(whole["error"]), tiny(whole["peer error"])
    corner = "" if whole["against all of it"] else "; errors on its first 1024 × 1024"
    rows = [
        [
            "SVD of B A, r = 256, 4096 × 11008, from the factors",
            digits(product["s"]),
            f"scipy's SVD of a quarter of the product's rows: {part:.0f} times as long",
        ],
        ["k moved within 64", tiny(moving["within s"]), ""],
        ["k grown from 64 to 96", digits(moving["grown s"]), f"afresh {moving['afresh s']:.2f}"],
        [
            f"every singular value, 4096 × 4096, smallest {tiny(whole['least'])} of the largest"
            f"{corner}",
            f"{whole['s']:.1f} ({error})",
            f"scipy `svdvals` in float32 {whole['peer s']:.1f} ({theirs}): "
            f"ratio {whole['ratio']:.2f}",
        ],
        [
            "`truncate` beside a second busy process",
            f"{loaded['truncate to 1e-3']['s']:.2f}",
            f"{ours:.1f} times as long as alone; scikit-learn {sklearn:.1f}, ARPACK {arpack:.1f}",
        ],
    ]
    return table(["", "seconds", "beside"], rows, words=(0, 2))


def atlas(kept: Figures) -> str:
    seconds, ratios = kept["figures"]["seconds"], kept["figures"]["ratios"]
    said = f"A survey of the default model's {kept['figures']['matrices']} matrices takes "
    said += f"{seconds['survey, pool']:.1f} s with two processes, a loop of `numpy.linalg.svd` "
    said += f"{seconds['numpy.linalg.svd']:.1f} s: ratio {ratios['survey, pool']:.2f} "
    said += f"{measured(kept, 'medians')}. "
    ours, numpy, scipy = (f"{each:.1f}" for each in kept["figures"]["7B hours"].values())
    said += "One matrix of each shape of a Llama-2-7B layer, times their number: every singular "
    said += f"value of the model in {ours} hours; by `numpy.linalg.svd` {numpy}, by scipy's "
    said += f"`svdvals` in float32, which is WeightWatcher's accurate way, {scipy}. Arithmetic "
    return said + "limits it, more than half of it the eigenvalues of Gram matrices.\n"


def llama(kept: Figures) -> str:
    f, ratios = kept["figures"], kept["figures"]["ratios"]
    ms = {name: f"{1e3 * taken:.1f} ms" for name, taken in f["forward s"].items()}
    speed = f["weight bytes"] * f["tokens per s"]["products"] / 1e9
    rate, over = f["tokens per s"], (f["peak bytes"] - f["weight bytes"]) / 1e6
    rows = [
        [
            f"forward of {f['tokens']} tokens",
            f"{ms['lowrank']}; transformers {ms['transformers']}",
            f"{ratios['forward over transformers']:.2f}",
            "0.75",
        ],
        [
            "… over the bare matrix products of the same shapes",
            ms["products"],
            f"{ratios['forward over products']:.2f}",
            "1.15",
        ],
        [
            "… with all attention projections at a quarter of their rank",
            ms["quarter"],
            f"{ratios['quarter over dense']:.2f} of dense",
            "< 1",
        ],
        [
            "greedy decoding with cache",
            f"{rate['lowrank']:.1f} tokens/s; transformers {rate['transformers']:.1f}",
            f"{ratios['speed over transformers']:.2f}",
            "2",
        ],
        [
            "… of what the bare matrix-vector products of a token allow",
            f"{rate['products']:.1f} tokens/s, {speed:.1f} GB/s",
            f"{ratios['speed over products']:.2f}",
            "0.9",
        ],
        [
            f"peak memory over the weights ({f['weight bytes'] / 1e6:.0f} MB)",
            f"+{over:.0f} MB",
            "",
            "150 MB",
        ],
    ]
    said = f"Speed beside transformers on torch {kept['machine']['torch']} "
    how = "float32, as many threads each, medians, also of each run's own ratios"
    return said + f"{measured(kept, how)}:\n\n" + table(["", "", "ratio", "aim"], rows)


def extraction(kept: Figures) -> str:
    f = kept["figures"]
    least, most = (f"{bound(f['seconds']['ours']):.1f}" for bound in (min, max))
    said = "Extracting rank 16 from four layers of Llama 2 7B's shapes, in bfloat16, takes "
    said += f"{least} to {most} s, {f['ratio']:.2f} times what the truncated SVDs alone take, "
    said += f"where 1.3 was the bound, and at most {f['peak MB']:,.0f} MB of memory, where 1,500 "
    return said + f"was {measured(kept, 'in turns')}.\n"


def surgery(kept: Figures) -> str:
    f, made = kept["figures"], kept["figures"]["made"]
    seconds, ratios = made["seconds"], made["ratios"]
    said = f"The factors of all {made['matrices']} matrices take {seconds['plain']:.0f} s, the "
    said += f"activation-aware ones {seconds['aware']:.0f} s, and scipy's SVDs in float32 "
    said += f"{seconds['scipy.linalg.svd']:.0f} s: ratios {ratios['plain']:.2f} and "
    said += (
        f"{ratios['aware']:.2f}, where 1.2 and 2 were aimed at. While a worker makes them, both "
    )
    said += f"models read a text in {f['beside']['ratio']:.1f} times the time they take alone, "
    said += "where 2 was. Factors at hand, a plan "
    said += f"for all of them is applied in {digits(f['all, plain']['applied ms'])} ms "
    return said + f"{measured(kept, 'medians')}.\n"


def sensitivity(kept: Figures) -> str:
    found = {(kind, part, way): nll for kind, _, part, way, nll in kept["rows"]}
    rows = [
        [kind]
        + [
            f"{found[f'{kind}_proj', part, way]:.2f}"
            for part in (0.5, 0.25, 0.125)
            for way in ("plain", "aware")
        ]
        for kind in ("q", "k", "v", "o", "gate", "up", "down")
    ]
    said = (
        "Mean nll of a text that is not in the calibration text, with all layers of one kind cut "
    )
    said += f"(the whole model: {kept['base']:.3f}; `{kept['command']}`):\n\n"
    heads = [f"{part} plain | aware" for part in ("1/2", "1/4", "1/8")]
    return said + table(" | ".join(["all layers of", *heads]).split(" | "), rows)


def experiments(kept: Figures) -> str:
    """The LoRA paper's experiments: each way to train, and what the numbers say."""
    ranks, matrices = by_rank(kept), spread(kept, "matrices")
    ours = {f"r = {r} on q, v": losses for r, losses in ranks.items()} | matrices
    ours["all of q, v, no LoRA"] = spread(kept, "update")[FULL]
    rows = [
        [way, f"{statistics.mean(of):.3f}", f"{min(of):.3f} to {max(of):.3f}"]
        for way, of in ours.items()
    ]
    settings = kept["settings"]
    said = f"Held-out loss in nats a token after {settings['steps']} steps, "
    said += f"{len(settings['seeds'])} seeds, α = 2r, each row at the learning rate that is best "
    said += f"on validation lines (before: {kept['before']:.2f}; {kept['model']}; "
    said += f"`{kept['command']}`, {kept['date']}). The rows by matrices train equally many "
    said += "numbers.\n\n"
    said += table(["trained", "mean", "seeds"], rows)
    words = (verdicts.of_ranks(ranks), verdicts.of_matrices(matrices), verdicts.of_full(kept))
    return said + "\n" + " ".join(words).replace("\u00a0", " ") + "\n"


def truncation_methods(kept: Figures) -> str:
    """Every way to cut and to share ranks out, at the same sizes; the best of each in bold."""
    ways = {
        "plain": "plain SVD",
        "rows": "rows weighted by gradients (FWSVD)",
        "aware": "activation-aware (SVD-LLM)",
        "fisher": "both sides weighted (GFWSVD)",
    }
    rules = {
        "uniform": "uniform",
        "energy": "by energy",
        "sensitivity": "by measured sensitivity",
        "loss": "by predicted loss",
    }
    found = {(row["way"], row["rule"], row["share"]): row["nll"] for row in kept["rows"]}
    shares = sorted({share for _, _, share in found}, reverse=True)
    best = {share: min(nll for (_, _, at), nll in found.items() if at == share) for share in shares}
    rows = []
    for way, rule in dict.fromkeys((way, rule) for way, rule, _ in found):
        cells = [
            f"**{nll:.2f}**" if (nll := found[way, rule, share]) == best[share] else f"{nll:.2f}"
            for share in shares
        ]
        rows.append([ways[way], rules[rule], *cells])
    gain = found["aware", "uniform", 0.8] - best[0.8]
    said = f"Mean nll of {kept['tokens']:,} tokens of text that is not in the calibration text of "
    said += f"{kept['calibration_tokens']:,}, with all projections of the default model cut to the "
    said += f"same share of their parameters (the whole model: {kept['base']:.2f}; "
    said += f"`{kept['command']}`). At 80 % the best is {gain:.2f} nats a token better than "
    said += "activation-aware with uniform ranks:\n\n"
    said += table(["", "ranks", *(f"{share:.0%}" for share in shares)], rows, (0, 1))
    if "varied" in kept:
        each = [
            f"{one['nll']:.2f} with {one['tokens']:,} tokens and damping {one['damping']:g}"
            for one in kept["varied"]
        ]
        said += f"\nBoth sides weighted, ranks by predicted loss, at 80 %: {'; '.join(each)}. "
        said += "The amount of text matters most, so all that comes with the package is used. The "
        said += "damping matters little beside it and stays what it was before these held-out "
        said += "texts were read: they measure it, and must not choose it.\n"
    return said


def lora_steps(kept: Figures) -> str:
    f = kept["figures"]["training"]
    seconds, peaks, machine = f["step s"], f["peak bytes"], kept["machine"]
    said = f"Speed beside PEFT {machine['peft']} on torch {machine['torch']} "
    said += f"{measured(kept, 'float32, medians')}: a training step (r = 8 on q and v, 64 tokens, "
    said += f"loss on all) takes {1e3 * seconds['lowrank']:.0f} ms, PEFT "
    low, high = (f"{1e3 * taken:.0f}" for taken in f["turns s"]["PEFT"])
    said += f"{1e3 * seconds['PEFT']:.0f} ms ({low} to {high} from turn to turn): a ratio of "
    said += f"{f['time over PEFT']:.2f}, where 0.75 was "
    said += f"aimed at; its peak memory is {peaks['lowrank'] / 2**20:,.0f} MiB, PEFT's "
    said += f"{peaks['PEFT'] / 2**20:,.0f} MiB: {f['memory over PEFT']:.2f}, where 0.7 was.\n"
    return said


def lora(kept: Figures) -> str:
    rows = []
    for row in kept["figures"]["forward"]:
        ms = [f"{row['ms'][name]:.2f}" for name in ("plain", "LoRA", "merged", "PEFT")]
        pairs = ("LoRA/plain", "merged/plain", "LoRA/PEFT")
        ratios = [f"{row['ratios'][name]:.2f}" for name in pairs]
        rows.append([f"{row['r']}, {row['batch']}", *ms, *ratios])
    head = ["r, batch", "plain", "LoRA", "merged", "PEFT"]
    aims = ["LoRA / plain (≤ 1.1)", "merged / plain (≤ 1.02)", "LoRA / PEFT (≤ 1)"]
    return table([*head, *aims], rows)


def classroom(kept: Figures) -> str:
    f = kept["figures"]
    said = f"What a class costs its server {measured(kept, 'one process')}.\n"
    if "moves" in f:
        rows = []
        for page, found in f["moves"]["pages"].items():
            cells = []
            for each in (found["move"], found["layer"], found["open"]):
                cells += [digits(each["ms"] / found["floor"]["ms"]) if each else "—"]
                cells += [f"{each['bytes'] / 1000:.0f}" if each else "—"]
            rows.append([page.partition("?")[0], *cells])
        said += (
            "\nProcessor time of a move, of another layer in the sidebar and of opening a page, "
        )
        said += "as multiples of what a move on a bare Streamlit page takes, with the kilobytes "
        said += "that are sent. Aims: 1.5 for a move on Rank, 2 elsewhere, 3 to open; 20 KB.\n\n"
        heads = [head for name in ("move", "layer", "open") for head in (name, "KB")]
        said += table(["", *heads], rows) + missed(f["moves"]["pages"])
    lessons = {
        "class": "{students} students",
        "heavy": "{students} beside three who train, cut and survey",
        "killed": "{students} on two processes, one of them killed half-way",
    }
    rows = []
    for part, words in lessons.items():
        if part in f:
            found, seconds = f[part], ("move median s", "move p95 s", "open median s", "open p95 s")
            cells = [f"{found['moves']}", *(f"{digits(found[each])} s" for each in seconds)]
            failed = found["errors"] + (0 if part == "killed" else found["dropped"])
            cells += [f"{failed}", f"{found['MB after']:,.0f} MB"]
            rows.append([words.format(**found), *cells])
    if rows:
        said += (
            "\nEach moves something every five seconds; aims: a move in less than 0.15 s in the "
        )
        said += "median and 1 s at the 95th percentile, 2 s beside heavy work, less than 3,000 MB."
        heads = ["moves", "median", "95 %", "opened in", "95 %", "errors", "memory"]
        said += "\n\n" + table(["", *heads], rows)
    if "back" in f.get("killed", {}):
        found = f["killed"]
        said += f"\nOf the process that was killed, {found['back']} students were connected to the "
        said += f"other again, each within {digits(found['back longest s'])} s; 15 s was the aim.\n"
    if "soak" in f:
        found = f["soak"]
        said += f"\n{found['sessions']} sessions opened and closed: {found['MB before']:,.0f} MB "
        said += f"before, {found['MB after']:,.0f} MB after.\n"
    return said


def missed(pages: Figures) -> str:
    """How many of the aims for moves and opened pages are missed, and by what at most."""
    over: dict[str, list[tuple[float, str]]] = {"move": [], "layer": [], "open": []}
    count = 0
    for page, found in pages.items():
        aims = {"move": 1.5 if page.startswith("rank") else 2.0, "layer": 2.0, "open": 3.0}
        for kind, aim in aims.items():
            if each := found[kind]:
                count += 1
                floors = each["ms"] / found["floor"]["ms"]
                over[kind] += [(floors / aim, page.partition("?")[0])] if floors > aim else []
    said = []
    for kind, found in over.items():
        if found:
            most, page = max(found)
            said.append(f"{len(found)} of {kind} (at most by a factor of {most:.1f}, {page})")
    return f"\nMissed of these {count} aims: {', '.join(said) or 'none'}.\n"


def holds(kept: Figures) -> str:
    """How many students each way of serving the app holds, which is what docs/classroom.md says."""
    found = kept["figures"].get("holds")
    if not found:
        return NOT_HELD
    said = "Students who each move something every five seconds, so many that 19 of 20 moves are "
    said += f"answered within a second {measured(kept, 'which also played the students')}:\n\n"
    rows = []
    for words, runs in found.items():
        failed = [run["errors"] + run["dropped"] for run in runs]
        held = [
            r for r, bad in zip(runs, failed, strict=True) if r["move p95 s"] < SOON and not bad
        ]
        best = held[-1] if held else runs[0]
        count = f"{best['students']}" if held else f"fewer than {best['students']}"
        if held == runs:
            count += " or more"
        moves = [f"{digits(best[each])} s" for each in ("move median s", "move p95 s")]
        rows.append([words, count, *moves, f"{best['MB after'] / 1000:.1f} GB"])
    return said + table(["", "students", "a move, median", "95 %", "memory"], rows)


TABLES: dict[str, tuple[str, Callable[[Figures], str]]] = {
    "elimination": ("elimination", elimination),
    "reading": ("reading", reading),
    "readers": ("readers", readers),
    "completion": ("completion", completion),
    "svd": ("svd", svd),
    "svd_more": ("svd", svd_more),
    "atlas": ("atlas", atlas),
    "llama": ("llama", llama),
    "surgery": ("surgery", surgery),
    "extraction": ("extraction", extraction),
    "sensitivity": ("sensitivity", sensitivity),
    "truncation_methods": ("truncation_methods", truncation_methods),
    "classroom": ("classroom", classroom),
    "classroom_holds": ("classroom", holds),
    "lora_steps": ("lora", lora_steps),
    "lora": ("lora", lora),
    "experiments": ("experiments", experiments),
}


def results(name: str) -> Path:
    """Where the figures of a table are kept."""
    return KEPT_ELSEWHERE.get(name, ROOT / "benchmarks" / "results" / f"{name}.json")


def filled(text: str) -> str:
    """A text with every table written anew whose figures are kept."""

    def write(found: re.Match[str]) -> str:
        source, draw = TABLES[found[2]]
        path = results(source)
        if not path.exists():
            return found[0]
        return found[1] + draw(json.loads(path.read_text(encoding="utf-8"))) + found[4]

    return MARKED.sub(write, text)


if __name__ == "__main__":
    for path in WRITTEN:
        path.write_text(filled(path.read_text(encoding="utf-8")), encoding="utf-8")
    missing = sorted({name for name, _ in TABLES.values() if not results(name).exists()})
    if missing:
        print("no results yet, left as they were:", ", ".join(missing))
