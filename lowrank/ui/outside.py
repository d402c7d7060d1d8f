"""Whatever a visitor or a file says is text: the one way by which it reaches Markdown.

Words of a link, names of tensors and files, titles, the text of an error that quotes any of these:
left alone, `![](http://…)` makes every browser fetch an address, and `[here](…)` is a link of ours.
"""

import re
from pathlib import Path

from lowrank.files import cache_folder
from lowrank.language import gettext as _

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


# What a proxy's or a mirror's address may carry between its scheme and its host.
CREDENTIALS = re.compile(r"(?<=://)[^/\s@]+@")


def as_told(problem: object) -> str:
    """An error as a visitor may read it: as text, without this server's folders and passwords.

    >>> as_told("https://me:secret@mirror/x is not there.")
    'https\u2060://mirror/x is not there.'
    """
    said = CREDENTIALS.sub("", str(problem))
    for folder, name in {str(cache_folder()): _("the cache"), str(Path.home()): "~"}.items():
        said = said.replace(folder, name) if len(folder) > 1 else said
    return as_text(said)
