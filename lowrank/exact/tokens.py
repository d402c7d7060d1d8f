r"""The tokens of typed mathematics, and the groups its brackets make: one pass, whatever the text.

A number, a name, a sign or the end of a line is one item; what stands between brackets, in a LaTeX
environment or behind a name, as in `array(…)`, is a group of items. What only decorates is gone:
dollars, `\left`, `\quad`, `\boxed`, comments, prompts, zero-width characters.

>>> [item.text or item.kind for item in items_of(r"\left[ {-1} \frac12 \right]")[0].items]
['{', '\\frac', '12']
"""

import re
from html.entities import html5
from typing import NamedTuple

from lowrank.errors import InputError

MAX_TEXT = 100_000
MAX_TOKENS = 28_000  # numbers and signs: 100 x 100 entries, commas between, half of them negative
MAX_DEPTH = 12


def _words(text: str) -> list[str]:
    return text.split()


_SPACES = "\xa0\u1680\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
_LINES = "\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"
_UNSEEN = "\ufeff\u200b\u200c\u200d\u2060\xad\u200e\u200f\u202a\u202b\u202c\u202d\u202e"
_SAME = {  # written otherwise, meant the same
    "-": "−‐‑‒–—―﹣⁃─━",
    "/": "÷⁄∕",
    "*": "×·⋅∙•∗✕",
    "|": "∣｜│┃┌┐└┘",
    "[": "⎡⎢⎣⎛⎜⎝⎧⎨⎩【〔",
    "]": "⎤⎥⎦⎞⎟⎠⎫⎬⎭】〕",
    ",": "、﹐",
    '"': "“”„",
    "'": "‘’",
    ".": "。",
    "ρ": "ϱ",
}
_PLAIN = str.maketrans(
    {chr(c): chr(c - 0xFEE0) for c in range(0xFF01, 0xFF5F)}
    | dict.fromkeys(_SPACES, " ")
    | dict.fromkeys(_LINES, "\n")
    | dict.fromkeys(_UNSEEN)
    | {other: plain for plain, others in _SAME.items() for other in others}
)
_ENTITY = re.compile("&([A-Za-z]{2,8}[0-9]{0,2};)")
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")
_SUBSCRIPTS = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")
GREEK = dict(
    zip(
        _words(
            "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron "
            "pi rho sigmaf sigma tau upsilon phi chi psi omega"
        ),
        "αβγδεζηθικλμνξοπρςστυφχψω",
        strict=True,
    )
) | {"varepsilon": "ε", "varphi": "φ", "varrho": "ρ", "vartheta": "θ"}
GREEK |= {"Gamma": "Γ", "Delta": "Δ", "Lambda": "Λ", "Phi": "Φ", "Psi": "Ψ", "Omega": "Ω"}
# Each alternative begins where the one before ended and takes what it read: nothing is read twice.
_TOKEN = re.compile(
    r"""(?P<space>[ ]+|~|(?<![0-9])%[^\n]*|\#(?=[ #])[^\n]*|\.\.\.[ ]*\n)
    |(?P<line>\n)
    |(?P<tab>\t)
    |(?P<number>(?:[0-9]+(?:\.(?!\.)[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)
    |(?P<vulgar>[¼½¾⅐-⅞])
    |(?P<raised>[⁰¹²³⁴⁵⁶⁷⁸⁹]+)
    |(?P<name>(?:[A-Za-z]+(?:\.[A-Za-z]+)*[0-9]*|[α-ωΑ-Ωϕϵ]|\\(?:GREEK)(?![A-Za-z]))
        (?:[ ]?_[ ]?(?:\{[ ]?[A-Za-z0-9,]{1,8}[ ]?\}|[0-9]+|[A-Za-z]+)|[₀-₉]+)?
        |[^\W\d_]+)
    |(?P<break>\\\\\*?(?:[ ]?\[[ ]?-?[0-9.]{1,8}[ ]?[a-z]{2}[ ]?\])?)
    |(?P<environment>\\(?:begin|end)[ ]*\{[A-Za-z]{1,20}\*?\})
    |(?P<command>\\(?:[A-Za-z]+|.))
    |(?P<empty>""|'')
    |(?P<quoted>"[][(){}|]")
    |(?P<sign><[-=]{0,3}>|<[-=]{1,3}|[-=]{1,3}>|[-:+*/]=|\*\*|//|.)""".replace(
        "GREEK", "|".join(GREEK)
    ),
    re.VERBOSE,
)
_CLOSES = {"[": "]", "(": ")", "{": "}", "<": ">"}
_SPACED = {"quad", "qquad", ",", ";", "!", ":", ">", " ", "\n", "enspace", "thinspace"}
_GONE = set(
    _words(
        "displaystyle textstyle scriptstyle hline hdashline toprule midrule bottomrule rm bf it "
        "centering limits nonumber notag small big Big bigg Bigg ( ) [ ] strut"
    )
)
_ARGUMENT_GONE = {"phantom", "hphantom", "vphantom", "hspace", "vspace", "label", "tag", "cline"}
_ARGUMENT_GONE |= {"color", "textcolor"}
_AROUND = set(
    _words(
        "boxed leading mathbf mathrm mathit mathsf mathtt boldsymbol bm text textbf textrm "
        "textit fbox mbox hbox ensuremath circled framebox underline operatorname xrightarrow "
        "grstep"
    )
)
_SIZES = {"left", "right", "middle"} | {
    size + side for size in ("big", "Big", "bigg", "Bigg") for side in "lrm"
}
_SYMBOLS = {
    "cdot": "*", "times": "*", "ast": "*", "div": "/", "lbrack": "[", "rbrack": "]", "{": "{",
    "}": "}", "lbrace": "{", "rbrace": "}", "vert": "|", "mid": "|", "|": "|", "&": "&", "%": "%",
    "leftrightarrow": "↔", "longleftrightarrow": "↔", "Leftrightarrow": "↔", "iff": "↔",
    "rightleftharpoons": "↔", "leftrightarrows": "↔", "rightleftarrows": "↔", "to": "→",
    "rightarrow": "→", "longrightarrow": "→", "Rightarrow": "→", "mapsto": "→", "implies": "→",
    "leftarrow": "←", "longleftarrow": "←", "gets": "←", "Leftarrow": "←", "coloneqq": "←",
    "sim": "→", "ne": "≠", "sqrt": "√", "_": "_",
}  # fmt: skip


class Item(NamedTuple):
    """A token, or a group with its bracket as kind, the name before it, and its items."""

    kind: str
    text: str
    start: int
    end: int
    gap: bool  # whether white space stands before it
    items: "tuple[Item, ...]" = ()
    columns: str = ""  # of a LaTeX array: l, c, r and |


def readable(text: str, most: int = MAX_TEXT) -> str:
    """The text with every minus, space, bracket and end of line in its plain form.

    Raises:
        InputError: not a string, or too long.
    """
    if not isinstance(text, str):
        raise InputError(
            "text is of type {kind}; expected a string.",
            kind=type(text).__name__,
        )
    if len(text) > most:
        raise InputError(
            "The text has {text:,} characters; at most {most:,} are read.",
            text=len(text),
            most=most,
        )
    if "&" in text:
        text = _ENTITY.sub(lambda found: html5.get(found[1], found[0]), text)
    return text.replace("\r\n", "\n").translate(_PLAIN)


def tokens_of(text: str) -> list[Item]:
    """The tokens of a readable text; each character is part of one at most.

    Raises:
        InputError: over 28,000 of them.
    """
    tokens: list[Item] = []
    gap = True
    for found in _TOKEN.finditer(text):
        kind = found.lastgroup or ""
        if kind == "space":
            gap = True
            continue
        word, (start, end) = found[0], found.span()
        if kind == "name":
            word = _name(word)
        if kind == "raised":
            tokens.append(Item("sign", "^", start, start, gap))
            kind, word, gap = "number", word.translate(_SUPERSCRIPTS), False
        tokens.append(Item(kind, "^" if word == "**" else word, start, end, gap))
        gap = kind in ("line", "tab")
        if len(tokens) > MAX_TOKENS:
            raise InputError(
                "The text has over {most:,} numbers and signs: too many for a matrix.",
                most=MAX_TOKENS,
            )
    return tokens


def _name(word: str) -> str:
    r"""A name with its subscript behind one underscore: a_1 for a_{1}, a₁ and \lambda_1 alike."""
    if word.isascii() and "_" not in word and word[0] != "\\":
        return word
    head = word.rstrip("₀₁₂₃₄₅₆₇₈₉")
    if head != word:
        word = f"{head}_{word[len(head) :].translate(_SUBSCRIPTS)}"
    letters, _, below = word.partition("_")
    letters = letters.rstrip()
    letters = GREEK.get(letters[1:], letters) if letters[:1] == "\\" else letters
    return f"{letters}_{below.strip(' {}').replace(',', '')}" if below else letters


def items_of(text: str) -> tuple[Item, ...]:
    """The items of a readable text, its brackets as groups.

    Raises:
        InputError: brackets that do not close, or nest too deep.
    """
    return _Folder(tokens_of(text)).folded()


class _Folder:
    """Tokens to groups: a stack of open groups, each token looked at once."""

    def __init__(self, tokens: list[Item]) -> None:
        self.tokens, self.at = tokens, 0
        self.stack: list[tuple[Item, str, list[Item]]] = []  # opened, what closes it, the rest
        self.items: list[Item] = []
        solid = [t.text for t in tokens[:12] if t.kind not in ("line", "tab")]
        first = next((k + 1 for k, word in enumerate(solid) if word in ("=", ":=")), 0)
        self.angles = any(word[:1] == "<" for word in (*solid[:1], *solid[first : first + 1]))
        self.latex = any(t.kind in ("command", "break", "environment") for t in tokens)
        self.quote = ""

    def folded(self) -> tuple[Item, ...]:
        kinds = ("quoted", "break", "environment", "command", "sign")
        acts = {kind: getattr(self, f"_{kind}") for kind in kinds}
        while self.at < len(self.tokens):
            token = self.tokens[self.at]
            self.at += 1
            acts.get(token.kind, self.items.append)(token)
        if self.stack:
            raise unclosed()
        return tuple(self.items)

    def _quoted(self, token: Item) -> None:
        """A bracket that is named rather than opened, as in Typst's delim: "["."""

    def _break(self, token: Item) -> None:
        self.items.append(token._replace(kind="sign", text="\\\\"))

    def _environment(self, token: Item) -> None:
        name = token.text.partition("{")[2].rstrip("*}").strip()
        if token.text[1] == "e":
            return self._close(token, name)
        table = name.endswith(("matrix", "array", "tabular"))
        self._open(token._replace(kind="matrix" if table else "{", text=""), name)
        if table and self._next("["):
            while not self._next("]") and self.at < len(self.tokens):
                self.at += 1
        return None

    def _command(self, token: Item) -> None:
        name = token.text[1:]
        if name in _SIZES:
            return self._sized(token, name)
        if name in ("pmatrix", "bmatrix", "matrix", "Bmatrix", "vmatrix", "Vmatrix"):
            if brace := self._next("{"):
                self._open(brace._replace(kind="matrix", text=""), "}")
            return None
        if name in _ARGUMENT_GONE:
            return self._skip_argument()
        if name in _SPACED or name in _GONE or name in _AROUND:
            if self.at < len(self.tokens) and not self.tokens[self.at].gap:
                self.tokens[self.at] = self.tokens[self.at]._replace(gap=token.gap)
            return None
        if name in ("cr", "tabularnewline", "newline"):
            return self._break(token)
        if name in _SYMBOLS:
            return self._sign(token._replace(kind="sign", text=_SYMBOLS[name]))
        self.items.append(token)
        return None

    def _sized(self, token: Item, name: str) -> None:
        r"""`\left[`, `\right)`, `\bigl(`: the delimiter is what counts; `.` and `|` count not."""
        if self.at == len(self.tokens):
            raise unclosed()
        delimiter = self.tokens[self.at]
        self.at += 1
        mark = _SYMBOLS.get(delimiter.text.lstrip("\\"), delimiter.text)
        if name == "left":
            kind = mark if mark in _CLOSES else "("
            self._open(token._replace(kind=kind, text="", end=delimiter.end), "right")
        elif name == "right":
            self._close(delimiter, "right")
        elif name == "middle":
            self._sign(delimiter._replace(kind="sign", text="|"))
        else:
            self._sign(delimiter._replace(kind="sign", text=mark, gap=token.gap))

    def _next(self, sign: str) -> Item | None:
        """The next token if it is this sign, taken."""
        if self.at < len(self.tokens) and self.tokens[self.at].text == sign:
            self.at += 1
            return self.tokens[self.at - 1]
        return None

    def _skip_argument(self) -> None:
        """Leave out the braces that follow."""
        depth = 0
        while self.at < len(self.tokens):
            text = self.tokens[self.at].text
            depth += (text == "{") - (text == "}")
            if depth == 0 and text != "}":
                return
            self.at += 1
            if depth == 0:
                return

    def _sign(self, token: Item) -> None:
        text = token.text
        if self.angles and len(text) > 1 and text[0] in "<>":  # <-1, 2> is no arrow
            self._sign(token._replace(text=text[0], end=token.start + 1))
            return self._sign(token._replace(text=text[1:], start=token.start + 1, gap=False))
        if text in "[({" or (text == "<" and self.angles):
            self._open(token._replace(kind=text, text=""), _CLOSES[text])
        elif text in "])}" or (text == ">" and self.angles):
            self._close(token, text)
        elif text in "'\"" and self._quotes(text, token):
            pass
        elif text not in "$#":
            self.items.append(token)
        return None

    def _quotes(self, text: str, token: Item) -> bool:
        """Whether a quotation mark opens or closes a quotation; else it is an apostrophe."""
        if self.quote == text:
            self.quote = ""
            return True
        before = self.items[-1] if self.items and not token.gap else None
        if self.quote or (before and before.text not in [*",;:=&|\n\t"]):
            return False
        self.quote = text
        return True

    def _open(self, group: Item, closes: str) -> None:
        if len(self.stack) == MAX_DEPTH:
            raise InputError(
                "The brackets nest more than {most} deep.",
                most=MAX_DEPTH,
            )
        if group.kind in "[({" and self.items and not group.gap:
            if self.items[-1].text == "!" and self.items[-1].kind == "sign":  # Rust's vec![…]
                self.items.pop()
            if self.items and self.items[-1].kind == "name" and group.kind != "{":
                name = self.items.pop()
                group = group._replace(text=name.text, start=name.start, gap=name.gap)
        self.stack.append((group, closes, self.items))
        self.items = []

    def _close(self, token: Item, closes: str) -> None:
        if not self.stack or self.stack[-1][1] != closes:
            raise unclosed()
        (group, _, outside), inside = self.stack.pop(), self.items
        self.items = outside
        if group.kind == "matrix" and closes in ("array", "tabular") and inside[:1]:
            spec = inside.pop(0)
            group = group._replace(columns=_columns(spec.items))
        group = group._replace(end=token.end, items=tuple(inside))
        solid = [item for item in inside if item.kind not in ("line", "tab")]
        holds = any(item.kind == "matrix" for item in inside)
        if group.kind == "{" and self.latex and len(solid) == 1 and solid[0].text == ",":
            self.items.append(solid[0])  # 1{,}5
            return
        if holds and not group.text and (group.kind == "{" or len(solid) == 1):
            self.items += inside
        else:
            self.items.append(group)


def _columns(spec: tuple[Item, ...]) -> str:
    """The columns of a LaTeX array: {c|c} and *{20}{c} as l, c, r and bars; no more than 200."""
    columns, times = "", 0
    for item in spec:
        if item.kind == "{" and times:
            columns, times = columns + _columns(item.items) * times, 0
        elif item.kind == "{" and item.items and item.items[0].kind == "number":
            times = int(item.items[0].text[:2].rstrip(".") or 0)
        elif item.kind == "name" or item.text == "|":
            columns += "".join(c for c in item.text if c in "lcr|")
    return columns[:200]


def unclosed() -> InputError:
    """What is said of brackets that do not close."""
    return InputError(
        "The brackets do not close as a matrix's do. Write [[1, 2], [3, 4]] or [1 2; 3 4]."
    )
