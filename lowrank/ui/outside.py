"""Whatever a visitor or a file says is text: the one way by which it reaches Markdown.

Words of a link, names of tensors and files, titles, the text of an error that quotes any of these:
left alone, `![](http://…)` makes every browser fetch an address, and `[here](…)` is a link of ours.
"""

import re

# What begins or ends something in Streamlit's Markdown, wherever it stands; an underscore within a
# word does not.
SPECIAL = re.compile(r"[\\`*\[\]<$~|]|(?<![^\W_])_|_(?![^\W_])")
FIRST = re.compile(r"^(?=\s|#|>|[-+=]|\d{1,9}[.)])")  # what a line may begin with
# Addresses become links, and :names: pictures, after backslashes have been taken away.
ADDRESS = re.compile(r"(https?|ftp|mailto|www|@|:(?=[A-Za-z+-][\w+-]*(?:/\w+)?:))", re.IGNORECASE)
JOINER = "\u2060"  # takes no room


def as_text(words: object) -> str:
    """Words that come from outside, so that Markdown shows them as they stand, on one line.

    >>> as_text("![](http://evil/x.png) q_proj")
    '!\\\\[\\\\](http\\u2060://evil/x.png) q_proj'
    >>> as_text("plain words, 3/2 (a)")
    'plain words, 3/2 (a)'
    """
    line = " ".join(str(words).split("\n"))
    line = ADDRESS.sub(lambda found: found[0] + JOINER, SPECIAL.sub(r"\\\g<0>", line))
    return FIRST.sub(JOINER, line)


def as_cell(value: object) -> object:
    """A cell of a table to take home: a text that a spreadsheet would reckon with stays a text.

    >>> as_cell("=HYPERLINK(1)"), as_cell(-1.5), as_cell("q_proj")
    ("'=HYPERLINK(1)", -1.5, 'q_proj')
    """
    dangerous = isinstance(value, str) and value.lstrip().startswith(("=", "+", "-", "@"))
    return f"'{value}" if dangerous else value
