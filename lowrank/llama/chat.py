"""Chat templates: how an instruct model wants a conversation written, in the template it brings.

A template is a program from whoever made the file. It runs in jinja2's sandbox, as in transformers,
and in a process of its own, since only a process can be held to a time and an amount of memory.
"""

import json
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from lowrank.errors import FormatError, InputError

LONGEST = 200_000  # characters of a template, and of the messages one process is given
ADDED = 500  # characters that a template may well add to a conversation: counted, too
SECONDS = 20  # by the clock, on a busy machine; its processor time is limited more tightly
PROGRAM = Path(__file__).with_name("sandbox.py")

NOTHING = {"tools": None, "documents": None}  # as in transformers: there by name, and none

Messages = Sequence[Mapping[str, str]]
Conversation = tuple[Messages, bool]
"""Messages, and whether the beginning of the model's answer is to follow them."""


def render(
    template: str, messages: Messages, add_generation_prompt: bool = True, **names: str
) -> str:
    """The text of one conversation: see `render_all`.

    >>> render("{% for m in messages %}[{{ m.role }}] {{ m.content }}{% endfor %}",
    ...        [{"role": "user", "content": "Hi"}])
    '[user] Hi'
    """
    return render_all(template, [(messages, add_generation_prompt)], **names)[0]


def render_all(template: str, conversations: Iterable[Conversation], **names: str) -> list[str]:
    """The text of each conversation; `names` (bos_token, eos_token) are what the template may use.

    As many as have 200,000 characters together share one process.

    Raises InputError if a message is not a role and a content, FormatError if the template fails,
    refuses a conversation, or goes beyond its time, its memory or what it may write.
    """
    groups, room = list[list[dict[str, Any]]](), 0
    for messages, add_generation_prompt in conversations:
        said = [_message(i, message) for i, message in enumerate(messages)]
        size = sum(len(m["content"]) for m in said)
        if max(len(template), size) > LONGEST:
            raise FormatError(
                "The chat template and the messages may have {most:,} characters each at most.",
                most=LONGEST,
            )
        if not groups or size > room:
            groups.append([])
            room = LONGEST
        room -= size + ADDED
        given = {"messages": said, "add_generation_prompt": add_generation_prompt}
        groups[-1].append(NOTHING | given | names)
    return [text for group in groups for text in _answered(template, group)]


def _answered(template: str, group: Sequence[Mapping[str, Any]]) -> list[str]:
    """What the template makes of each set of names, in one process of its own."""
    request = json.dumps({"template": template, "names": group})
    command = [sys.executable, "-P", str(PROGRAM)]  # -P: nothing beside the program is imported
    try:
        done = subprocess.run(
            command, input=request.encode(), capture_output=True, timeout=SECONDS, check=False
        )
        answer = json.loads(done.stdout)
    except subprocess.TimeoutExpired as error:
        raise FormatError(
            "The model's chat template takes more than {seconds} s.",
            seconds=SECONDS,
        ) from error
    except (OSError, ValueError) as error:  # killed by a limit, it answers nothing
        raise FormatError("The model's chat template takes too much time or memory.") from error
    if "most" in answer:
        raise FormatError(
            "The model's chat template fails: TemplateError: it writes over {most:,} characters.",
            most=answer["most"],
        )
    if "error" in answer:
        if "ModuleNotFoundError" in answer["error"]:
            raise FormatError("Chat templates need jinja2: pip install 'jinja2>=3.1,<4'.")
        raise FormatError(
            "The model's chat template fails: {error}.",
            error=answer["error"],
        )
    return [str(text) for text in answer["texts"]]


def _message(i: int, message: Mapping[str, str]) -> dict[str, str]:
    role, content = message.get("role"), message.get("content")
    if not isinstance(role, str) or not isinstance(content, str):
        raise InputError(
            "messages[{i}] is {message!r:.100}; expected a role and a content, texts.",
            i=i,
            message=message,
        )
    return {"role": role, "content": content}
