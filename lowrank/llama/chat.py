"""Chat templates: how an instruct model wants a conversation written, in the template it brings.

A template is a program from whoever made the file. It runs in jinja2's sandbox, as in transformers,
and within limits: of its length, of what it writes, of its time, and of what single steps can make.
"""

import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from lowrank.errors import FormatError, InputError

LONGEST = 100_000  # characters of a template
MOST = 1_000_000  # characters of what it writes, or of any text it makes on the way
SECONDS = 2.0
# What makes a huge text of a small one in a single step is left out, and what no template needs.
FILTERS = [
    "capitalize",
    "default",
    "d",
    "dictsort",
    "e",
    "escape",
    "first",
    "float",
    "int",
    "items",
    "join",
    "last",
    "length",
    "list",
    "lower",
    "map",
    "reject",
    "rejectattr",
    "reverse",
    "safe",
    "select",
    "selectattr",
    "sort",
    "string",
    "sum",
    "title",
    "trim",
    "unique",
    "upper",
]
METHODS = [
    "capitalize",
    "count",
    "endswith",
    "find",
    "get",
    "index",
    "isalpha",
    "isdigit",
    "items",
    "keys",
    "lower",
    "lstrip",
    "partition",
    "removeprefix",
    "removesuffix",
    "rfind",
    "rpartition",
    "rsplit",
    "rstrip",
    "split",
    "splitlines",
    "startswith",
    "strip",
    "title",
    "upper",
    "values",
]


def render(
    template: str,
    messages: Sequence[Mapping[str, str]],
    add_generation_prompt: bool = True,
    **names: str,
) -> str:
    """The text of a conversation; `names` (bos_token, eos_token) are what the template may use.

    Raises InputError if a message is not a role and a text, FormatError if the template fails,
    refuses the conversation, or goes beyond a limit.

    >>> render("{% for m in messages %}[{{ m.role }}] {{ m.content }}{% endfor %}",
    ...        [{"role": "user", "content": "Hi"}])
    '[user] Hi'
    """
    said = [_message(i, message) for i, message in enumerate(messages)]
    if len(template) > LONGEST:
        raise FormatError(
            f"The model's chat template has {len(template):,} characters; at most {LONGEST:,} are "
            "accepted."
        )
    from jinja2 import TemplateError

    try:
        compiled = _environment().from_string(template)
        pieces, size = [], 0
        for piece in _limited(
            lambda: list(
                compiled.generate(
                    messages=said, add_generation_prompt=add_generation_prompt, **names
                )
            )
        ):
            size += len(piece)
            pieces.append(piece)
            if size > MOST:
                raise FormatError(f"The model's chat template writes over {MOST:,} characters.")
        return "".join(pieces)
    except (TemplateError, ArithmeticError, LookupError, TypeError, ValueError) as error:
        if isinstance(error, FormatError):
            raise
        raise FormatError(f"The model's chat template fails: {str(error)[:200]}") from error
    except (RecursionError, MemoryError, AttributeError, SyntaxError) as error:
        raise FormatError("The model's chat template cannot be run.") from error


def _message(i: int, message: Mapping[str, str]) -> dict[str, str]:
    role, content = message.get("role"), message.get("content")
    if not isinstance(role, str) or not isinstance(content, str):
        raise InputError(
            f"messages[{i}] is {message!r:.100}; expected a role and a content, texts."
        )
    return dict(message)


def _environment() -> Any:
    """jinja2's sandbox as transformers sets it up, with fewer filters, methods and large steps."""
    from jinja2 import TemplateError
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    class Bounded(ImmutableSandboxedEnvironment):
        intercepted_binops = frozenset(["+", "*", "**", "%"])

        def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
            allowed = not isinstance(obj, str | bytes | int | float) or attr in METHODS
            return allowed and super().is_safe_attribute(obj, attr, value)

        def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
            numbers = isinstance(left, int | float) and isinstance(right, int | float)
            sizes = [len(x) if isinstance(x, str | list | tuple) else 0 for x in (left, right)]
            if operator == "**" or (operator == "%" and not numbers):
                raise TemplateError(f"the operator {operator} is not allowed here")
            if operator == "*" and not numbers:
                raise TemplateError("only numbers may be multiplied")
            if sum(sizes) > MOST or (numbers and max(abs(left), abs(right)) > MOST):
                raise TemplateError(f"a value grows beyond {MOST:,}")
            return super().call_binop(context, operator, left, right)

    found = Bounded(
        trim_blocks=True,
        lstrip_blocks=True,
        optimized=False,
        extensions=["jinja2.ext.loopcontrols"],
    )
    found.filters = {name: found.filters[name] for name in FILTERS if name in found.filters}
    found.filters["tojson"] = _tojson
    found.filters["replace"] = _replace
    found.globals = {k: found.globals[k] for k in ("range", "namespace", "dict")}

    def refuse(words: object) -> None:
        raise TemplateError(str(words))

    def now(layout: str) -> str:
        return datetime.now().strftime(str(layout)[:100])

    found.globals |= {"raise_exception": refuse, "strftime_now": now}
    return found


def _tojson(value: Any, indent: int | None = None, **_: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent and min(int(indent), 8))


def _replace(text: Any, old: Any, new: Any) -> str:
    text, old, new = str(text), str(old), str(new)
    if (len(text) + 1) * max(1, len(new)) > 10 * MOST:
        raise ValueError("a replacement would be too long")
    return text.replace(old, new)


def _limited(work: Callable[[], list[str]]) -> list[str]:
    """What `work` gives, stopped when its time is up or it takes much memory.

    A thread cannot be killed from outside, so this looks at the clock at every line of Python.
    """
    until, most = time.monotonic() + SECONDS, _peak() + 256_000_000

    def look(frame: Any, event: str, argument: Any) -> Any:
        if time.monotonic() > until or _peak() > most:
            raise FormatError(
                f"The model's chat template takes over {SECONDS:g} s or too much memory."
            )
        return look

    before = sys.gettrace()
    sys.settrace(look)
    try:
        return work()
    finally:
        sys.settrace(before)


def _peak() -> int:
    """The most memory that this process has ever held, bytes; 0 where that is not told."""
    try:
        import resource
    except ImportError:
        return 0
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024
