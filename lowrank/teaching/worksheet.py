"""A worksheet of problems with its answer key: HTML to print, LaTeX, Markdown or PDF.

>>> sheet = make_worksheet(seed=7, m=3, n=4, rank=2, count=2)
>>> [problem.seed for problem in sheet.problems]
[7000, 7001]
>>> as_markdown(sheet).splitlines()[0]
'# Row reduction and rank'
"""

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from html import escape
from itertools import groupby

from lowrank.errors import InputError
from lowrank.exact.arguments import instance, whole
from lowrank.exact.elimination import Step, leading_columns, steps
from lowrank.exact.matrices import Matrix, Row, RowOp, latex_number, transpose, written
from lowrank.exact.notation import latex_matrix, to_latex, to_markdown
from lowrank.exact.styles import STYLES as STYLES
from lowrank.exact.styles import Style, check_style
from lowrank.exact.subspaces import Dependency, combination, dependencies, listed, null_space
from lowrank.language import gettext as _
from lowrank.language import gettext_noop, joined, ngettext
from lowrank.teaching.formats import of_sheet
from lowrank.teaching.handouts import html_page, html_who, latex_head, who
from lowrank.teaching.problems import Draw, Problem, make_problem, make_varied
from lowrank.teaching.typesetting import compiled, typst_head, typst_text

MOST_PROBLEMS = 100
TALL = 5  # rows from which the key takes several operations together
TITLE = gettext_noop("Row reduction and rank")


@dataclass(frozen=True)
class Worksheet:
    """Problems of one kind, and what is asked about each; made by `make_worksheet`."""

    seed: int
    shape: tuple[int, int]
    rank: int
    count: int
    difficulty: str
    reduced: bool  # ask for the reduced form
    solve: bool  # ask for the solutions of A x = 0
    style: Style  # of the key's steps
    mixed: bool  # ranks from 1 to `rank`
    key: bool  # write the answers too

    def problem(self, k: int) -> Problem:
        """The k-th problem, k from 0."""
        seed = 1000 * self.seed + k
        rank = 1 + Draw(f"rank {seed}").below(self.rank) if self.mixed else self.rank
        return make_varied(seed, *self.shape, rank, self.difficulty)

    @cached_property
    def problems(self) -> tuple[Problem, ...]:
        """All of them, drawn when first asked for."""
        return tuple(map(self.problem, range(self.count)))

    @property
    def command(self) -> str:
        """The command that makes this worksheet again."""
        m, n = self.shape
        options = " --reduced" * self.reduced + " --solve" * self.solve
        options += f" --style {self.style}" * (self.style != "textbook")
        options += " --mixed" * self.mixed + " --no-key" * (not self.key)
        return (
            f"python -m lowrank worksheet --rank {self.rank} --shape {m}x{n} "
            f"--count {self.count} --seed {self.seed} --difficulty {self.difficulty}{options}"
        )

    @property
    def name(self) -> str:
        """A name for its file, without a suffix."""
        m, n = self.shape
        ranks = f"ranks-to-{self.rank}" if self.mixed else f"rank{self.rank}"
        return f"worksheet-{m}x{n}-{ranks}-seed{self.seed}" + "-without-key" * (not self.key)


def make_worksheet(
    seed: int,
    m: int,
    n: int,
    rank: int,
    count: int = 10,
    difficulty: str = "medium",
    reduced: bool = False,
    solve: bool = False,
    style: Style = "textbook",
    mixed: bool = False,
    key: bool = True,
) -> Worksheet:
    """`count` problems; the k-th is `make_varied(1000 seed + k, ...)`, k from 0.

    The key takes the steps of `style`; the problems are the same for all of them. If `mixed`, their
    ranks are from 1 to `rank`. Without a `key` the sheet has no answers.

    Raises:
        InputError: a count outside 1 to 100, an unknown style, or what `make_problem` refuses.
    """
    check_style(style, None, whole(n, "n"))
    if not 1 <= whole(count, "count") <= MOST_PROBLEMS:
        raise InputError(
            "count is {count}; a worksheet has 1 to {most} problems.",
            count=count,
            most=MOST_PROBLEMS,
        )
    make_problem(seed, m, n, rank, difficulty)  # refuses what cannot be, and the seed as given
    return Worksheet(seed, (m, n), rank, count, difficulty, reduced, solve, style, mixed, key)


@dataclass(frozen=True)
class Answer:
    """What the key says about one problem."""

    path: tuple[Step, ...]
    form: Matrix  # the last matrix of the path
    rank: int
    dependent: tuple[Dependency, ...]
    solutions: tuple[Row, ...]  # a basis of the null space


def answer(problem: Problem, reduced: bool = False, style: Style = "textbook") -> Answer:
    """The path of a style and what it shows.

    >>> found = answer(make_problem(7, 3, 4, 2))
    >>> found.rank, len(found.dependent), len(found.solutions)
    (2, 1, 2)
    """
    A = instance(problem, Problem, "problem").matrix
    path = tuple(steps(A, reduced, style))
    form = path[-1].matrix if path else A
    return Answer(path, form, len(leading_columns(form)), dependencies(A), null_space(A))


def questions(sheet: Worksheet) -> list[str]:
    """What is asked about each matrix."""
    asked = [
        _("Reduce A to reduced echelon form. Write each row operation beside its step.")
        if sheet.reduced
        else _("Reduce A to echelon form. Write each row operation beside its step."),
        _("State the rank of A."),
        _("Which rows of A are combinations of the other rows? Write one of them out."),
    ]
    return asked + [_("Solve A x = 0: give all solutions.")] * sheet.solve


ONE_RANK: dict[Style, str] = {
    "textbook": gettext_noop(
        "Every problem here has rank {rank}; numbers stay small on the path shown."
    ),
    "ones": gettext_noop(
        "Every problem here has rank {rank}; the path shown makes each pivot 1 before it clears "
        "with it."
    ),
    "whole": gettext_noop(
        "Every problem here has rank {rank}; the path shown keeps to whole numbers as long as "
        "possible."
    ),
}
RANKS: dict[Style, str] = {
    "textbook": gettext_noop(
        "The ranks are from 1 to {rank}; numbers stay small on the path shown."
    ),
    "ones": gettext_noop(
        "The ranks are from 1 to {rank}; the path shown makes each pivot 1 before it clears with "
        "it."
    ),
    "whole": gettext_noop(
        "The ranks are from 1 to {rank}; the path shown keeps to whole numbers as long as possible."
    ),
}


def as_markdown(sheet: Worksheet) -> str:
    """The worksheet and then its key, with the matrices as mathematics between double dollars."""
    asked = [f"- ({letter}) {text}" for letter, text in zip("abcd", questions(sheet), strict=False)]
    parts = [f"# {_(TITLE)}", who(), _intro(sheet)]
    parts.append("\n".join(asked))
    for k, problem in enumerate(sheet.problems, start=1):
        parts += [f"## {problem_title(k)}", f"$$A = {latex_matrix(problem.matrix)}$$"]
    if not sheet.key:
        return "\n\n".join(parts) + "\n"
    parts += ["---", f"# {key_title()}", _key_note(sheet), f"`{sheet.command}`"]
    for k, problem in enumerate(sheet.problems, start=1):
        found = answer(problem, sheet.reduced, sheet.style)
        said = [f"**{_rank_said(found)}** {listed(found.dependent, _latex_dependency)}"]
        said += [f"A x = 0: ${_latex_solutions(found)}$"] * sheet.solve
        parts += [f"## {answer_title(k)}", *said, to_markdown(problem.matrix, _ops(found))]
    return "\n\n".join(parts) + "\n"


def problem_title(k: int) -> str:
    """The heading of the k-th problem, k from 1."""
    return _("Problem {k}").format(k=k)


def answer_title(k: int) -> str:
    """The heading of the answer to the k-th problem."""
    return _("Problem {k}: answer").format(k=k)


def key_title() -> str:
    """The heading of the answers."""
    return _("Answer key")


def _rank_said(found: Answer) -> str:
    return _("Rank {rank}.").format(rank=found.rank)


def _solutions_said(equation: str, solutions: str) -> str:
    said = _("All solutions of {equation}: {solutions}")
    return said.format(equation=equation, solutions=solutions)


def as_latex(sheet: Worksheet) -> str:
    """A LaTeX document of its own (amsmath and geometry), the key on pages of its own."""
    asked = "\n".join(rf"\item[({a})] {q}" for a, q in zip("abcd", questions(sheet), strict=False))
    parts = [
        latex_head(_(TITLE), _intro(sheet)),
        rf"\begin{{itemize}}{asked} \end{{itemize}}",
    ]
    lines = r" \quad ".join(rf"{line}: \hrulefill" for line in _lines(sheet))
    for k, problem in enumerate(sheet.problems, start=1):
        room = _room(problem) - 30
        title = _("Problem {k}.").format(k=k)
        parts.append(_LATEX_PROBLEM % (title, latex_matrix(problem.matrix), room, lines))
    parts += _latex_key(sheet) if sheet.key else []
    return "\n\n".join([*parts, r"\end{document}"]).replace("×", r"$\times$") + "\n"


def _latex_key(sheet: Worksheet) -> list[str]:
    parts = [rf"\newpage \section*{{{key_title()}}} {_key_note(sheet)}"]
    parts.append(rf"\noindent {{\footnotesize\verb|{sheet.command}|}}")
    for k, problem in enumerate(sheet.problems, start=1):
        found = answer(problem, sheet.reduced, sheet.style)
        rows = listed(found.dependent, _latex_dependency)
        said = rf"\subsection*{{{problem_title(k)}}} \textbf{{{_rank_said(found)}}} {rows}"
        if sheet.solve:
            said += " " + _solutions_said("$A x = 0$", rf"\[{_latex_solutions(found)}\]")
        parts += [said, to_latex(problem.matrix, _ops(found))]
    return parts


_LATEX_PROBLEM = r"""\begin{minipage}{\textwidth}
\textbf{%s} \[A = %s\]
\vspace*{%dmm}

%s
\end{minipage}\par\bigskip"""


def as_html(sheet: Worksheet) -> str:
    """One HTML page that needs nothing else, laid out for A4 paper, the key on its own pages."""
    asked = "".join(f"<li>{escape(text)}</li>" for text in questions(sheet))
    lines = _lines(sheet)
    problems = "".join(_html_problem(k, p, lines) for k, p in enumerate(sheet.problems, start=1))
    title = escape(_(TITLE))
    body = (
        f"<main><h1>{title}</h1>{html_who()}"
        f'<p>{escape(_intro(sheet))}</p><ol class="asked">{asked}</ol>{problems}</main>'
    )
    return html_page(f"{title}: {sheet.name}", body + (_html_key(sheet) if sheet.key else ""))


def _html_key(sheet: Worksheet) -> str:
    key = "".join(_html_answer(k, p, sheet) for k, p in enumerate(sheet.problems, start=1))
    return (
        f'<section class="key"><h1>{escape(key_title())}</h1><p>{escape(_key_note(sheet))}</p>'
        f"<p><code>{escape(sheet.command)}</code></p>{key}</section>"
    )


def _html_problem(k: int, problem: Problem, lines: list[str]) -> str:
    return (
        f'<section class="problem" style="min-height: {_room(problem)}mm">'
        f"<h2>{escape(problem_title(k))}</h2>"
        f'<div class="given">A = {_html_matrix(problem.matrix)}</div>'
        f'<p class="lines">{"".join(f"<span>{line}</span>" for line in lines)}</p></section>'
    )


def _html_answer(k: int, problem: Problem, sheet: Worksheet) -> str:
    found = answer(problem, sheet.reduced, sheet.style)
    moves = "".join(
        f'<span class="move"><span class="arrow">{"<br>".join(escape(str(s.op)) for s in group)}'
        f"<i></i></span>{_html_matrix(group[-1].matrix, last=group[-1] is found.path[-1])}</span>"
        for group in _grouped(found.path, problem.shape[0])
    )
    return (
        f'<section class="answer"><h2>{escape(problem_title(k))}</h2>'
        f"<p><strong>{escape(_rank_said(found))}</strong> {escape(listed(found.dependent))}</p>"
        f'<div class="chain">{_html_matrix(problem.matrix, last=not found.path)}{moves}</div>'
        f"{_html_solutions(found) if sheet.solve else ''}</section>"
    )


def _grouped(path: tuple[Step, ...], m: int) -> list[list[Step]]:
    """The steps one by one; in a tall matrix all that clear with one pivot share an arrow."""
    if m < TALL:
        return [[step] for step in path]
    key = enumerate(path)
    runs = groupby(key, lambda item: item[1].pivot if item[1].op.kind == "add" else item[0])
    return [[step for k, step in run] for pivot, run in runs]


def _html_solutions(found: Answer) -> str:
    terms = [
        f"<span>t<sub>{k}</sub></span> {_html_matrix(transpose((x,)))}"
        for k, x in enumerate(found.solutions, start=1)
    ]
    said = _solutions_said("A x = 0", f"x = {' + '.join(terms) or '0'}")
    return f'<div class="sum">{said}</div>'


def _html_matrix(A: Matrix, last: bool = False) -> str:
    """A in brackets; in the last matrix of a path the pivots are bold."""
    places = set(enumerate(leading_columns(A))) if last else set()
    rows = "".join(
        "<tr>"
        + "".join(
            f"<td{' class=pivot' * ((i, j) in places)}>{_html_number(x)}</td>"
            for j, x in enumerate(row)
        )
        + "</tr>"
        for i, row in enumerate(A)
    )
    return f'<span class="m"><table>{rows}</table></span>'


def _html_number(x: Fraction) -> str:
    if x.denominator == 1:
        return written(x)
    return f'{"−" * (x < 0)}<span class="f"><b>{abs(x.numerator)}</b><b>{x.denominator}</b></span>'


def as_typst(sheet: Worksheet) -> str:
    """A document for Typst, the key on pages of its own."""
    parts = [typst_head(typst_text(_(TITLE))), typst_text(_intro(sheet))]
    parts += [
        f"({letter}) {typst_text(text)}\\"
        for letter, text in zip("abcd", questions(sheet), strict=False)
    ]
    lines = " ".join(f"{line} #box(width: 1fr, line(length: 100%, stroke: 0.4pt))"
                     for line in _lines(sheet))  # fmt: skip
    for k, problem in enumerate(sheet.problems, start=1):
        given = f"== {typst_text(problem_title(k))}\n\n$ A = {_typst_matrix(problem.matrix)} $"
        room = f"#v({_room(problem) - 30}mm)"
        parts.append(f"#block(breakable: false)[\n{given}\n{room}\n{lines}\n]")
    parts += _typst_key(sheet) if sheet.key else []
    return "\n\n".join(parts) + "\n"


def _typst_key(sheet: Worksheet) -> list[str]:
    command = f'#text(font: "DejaVu Sans Mono", size: 7.5pt)[{typst_text(sheet.command)}]'
    parts = ["#pagebreak()", f"= {typst_text(key_title())}", typst_text(_key_note(sheet)), command]
    for k, problem in enumerate(sheet.problems, start=1):
        found = answer(problem, sheet.reduced, sheet.style)
        parts.append(f"== {typst_text(problem_title(k))}")
        parts.append(f"*{typst_text(_rank_said(found))}* {typst_text(listed(found.dependent))}")
        steps = [f"#box($ {_typst_matrix(problem.matrix)} $)"]
        for group in _grouped(found.path, problem.shape[0]):
            over = " #linebreak() ".join(typst_text(str(step.op)) for step in group)
            arrow = f"stretch(arrow.r)^#text(size: 12pt)[{over}]"
            steps.append(f"#box($ {arrow} {_typst_matrix(group[-1].matrix)} $)")
        parts.append(" ".join(steps))
        solutions = f"#box($ x = {_typst_solutions(found)} $)"
        parts += [_solutions_said("$A x = 0$", solutions)] * sheet.solve
    return parts


def _typst_matrix(A: Matrix) -> str:
    return f"mat({'; '.join(', '.join(str(x) for x in row) for row in A)})"


def _typst_solutions(found: Answer) -> str:
    columns = (_typst_matrix(transpose((x,))) for x in found.solutions)
    return " + ".join(f"t_{k} {x}" for k, x in enumerate(columns, start=1)) or "0"


def as_pdf(sheet: Worksheet) -> bytes:
    """The worksheet as PDF. Raises SourceError where the package typst is not installed."""
    return compiled(as_typst(sheet))


def _lines(sheet: Worksheet) -> list[str]:
    """What is to be filled in below each problem."""
    return [_("Rank"), _("Rows made of others")] + [_("Solutions x")] * sheet.solve


def _room(problem: Problem) -> int:
    """Millimetres of paper for one problem: more rows, more steps."""
    return 55 + 15 * problem.shape[0]


def _intro(sheet: Worksheet) -> str:
    m, n = sheet.shape
    said = ngettext(
        "Sheet {seed}: one matrix, {m} × {n}. For each matrix A:",
        "Sheet {seed}: {count} matrices, {m} × {n}. For each matrix A:",
        sheet.count,
    )
    return said.format(seed=sheet.seed, count=sheet.count, m=m, n=n)


def _key_note(sheet: Worksheet) -> str:
    ranks = _((RANKS if sheet.mixed else ONE_RANK)[sheet.style]).format(rank=sheet.rank)
    others = (
        _("Other paths are right too; the reduced echelon form is always the same.")
        if sheet.reduced
        else _("Other paths and other echelon forms are right too; the rank is always the same.")
    )
    return joined((ranks, others, _("This sheet again:")), _("{first} {last}"))


def _ops(found: Answer) -> list[RowOp]:
    return [step.op for step in found.path]


def _latex_dependency(d: Dependency) -> str:
    """R3 = 2 R1 − R2 as LaTeX, between dollars."""
    terms = [(c, f"R_{{{row + 1}}}") for c, row in d.terms]
    return f"$R_{{{d.row + 1}}} = {combination(terms, latex_number, '-')}$"


def _latex_solutions(found: Answer) -> str:
    columns = (latex_matrix(transpose((x,))) for x in found.solutions)
    return "x = " + (" + ".join(f"t_{{{k}}} {x}" for k, x in enumerate(columns, start=1)) or "0")


FORMATS = of_sheet(as_html, as_latex, as_markdown, as_pdf)
"""What writes a worksheet, by format, and its file's ending and type."""
