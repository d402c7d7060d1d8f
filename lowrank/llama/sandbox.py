"""A program of its own that runs one chat template on some conversations: JSON in, JSON out.

Apart from jinja2's sandbox it has limits of memory and time that only a process can have. It is
started by `lowrank.llama.chat`, and imports nothing of this package, so as to start quickly.
"""

import json
import sys
from datetime import datetime
from typing import Any

MOST = 1_000_000  # characters of all it may write
MEMORY = 1_000_000_000  # bytes of address space
SECONDS = 2  # of processor time


class TooLong(Exception):
    """The template writes more than it may."""


def limited() -> None:
    """Take the limits upon this process, where the system has them (not on Windows)."""
    try:
        import resource
    except ImportError:
        return
    for which, most in ((resource.RLIMIT_AS, MEMORY), (resource.RLIMIT_CPU, SECONDS)):
        hard = resource.getrlimit(which)[1]
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(which, (most, most))


def rendered(template: str, group: list[dict[str, Any]]) -> list[str]:
    """What the template writes with each set of names, in transformers' environment for it."""
    from jinja2 import TemplateError, nodes
    from jinja2.ext import Extension
    from jinja2.parser import Parser
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    class Generation(Extension):
        """{% generation %}: around what the model itself says, for those who train on that."""

        tags = {"generation"}  # noqa: RUF012 (as jinja2 declares it)

        def parse(self, parser: Parser) -> nodes.Node:
            line = next(parser.stream).lineno
            body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
            return nodes.Scope(body, lineno=line)

    def refuse(words: object) -> None:
        raise TemplateError(str(words))

    def to_json(value: Any, ensure_ascii: bool = False, **layout: Any) -> str:
        return json.dumps(value, ensure_ascii=ensure_ascii, **layout)

    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, "jinja2.ext.loopcontrols"]
    )
    environment.filters["tojson"] = to_json
    environment.globals["raise_exception"] = refuse
    environment.globals["strftime_now"] = lambda layout: datetime.now().strftime(layout)
    program, found, room = environment.from_string(template), [], MOST
    for names in group:
        found.append(program.render(**names))
        room -= len(found[-1])
        if room < 0:
            raise TooLong
    return found


def main() -> None:
    """Answer one request."""
    request = json.load(sys.stdin)
    limited()
    try:
        answer: dict[str, Any] = {"texts": rendered(request["template"], request["names"])}
    except TooLong:
        answer = {"most": MOST}
    except Exception as error:  # whatever a hostile template may bring about
        answer = {"error": f"{type(error).__name__}: {error}"[:300]}
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
