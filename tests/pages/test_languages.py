"""Every page and view in every language: no sentence in English where another is spoken.

What is said is read off the elements themselves: labels, help, options, prose, HTML, charts.
"""

import json
import re
from collections.abc import Iterator
from html import unescape
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from streamlit.testing.v1 import AppTest

from lowrank.language import SOURCE, languages
from lowrank.surgery.texts import TEXTS, text
from tests.browser.views import VIEWS
from tests.pages.opening import frame, opened

OTHERS = languages()[1:]
SAID = {
    "label",
    "help",
    "body",
    "options",
    "placeholder",
    "caption",
    "alt",
    "title",
    "text",
    "tabs",
}
# In a chart, what is read; elsewhere in it stand names of colours, axes and kinds.
DRAWN = {"text", "title", "name", "hovertemplate", "ticktext", "hovertext", "label"}
NO_PROSE = re.compile(
    r"<style.*?</style>|<script.*?</script>|<!--.*?-->|<[^>]*>|```.*?```|`[^`]*`|\$\$.*?\$\$|\$[^$]*\$"
    r"|\]\([^)]*\)|:material/\w+:|%\{[^}]*\}|https?://\S+|[\w./-]+\.(?:md|json|safetensors|gguf|npy|py|weight|csv)",
    re.DOTALL,
)
ENGLISH = re.compile(r"[A-Za-z][a-z'’]+(?:[ -][A-Za-z][a-z'’]+)+")
# Names; and what is said to the model, or by PEFT, which know no other language.
ALLOWED = re.compile(
    "|".join(
        [
            *(re.escape(line) for name in TEXTS for line in text(name).splitlines() if line),
            "trainable params|all params|The capital of Japan is",
            "Hugging Face|Llama|Mistral|Qwen|Gemma",
            r"SmolLM\w*|Instruct|Frobenius|Eckart|Young|Marchenko|Pastur|Gram|Schmidt|Soft-impute",
            r"Noto Serif|LoRA|Adam\w*|Apache|Moodle|Canvas|Markdown|Row A|Col A|Null A",
        ]
    )
)
NONSENSE = [
    ("rank", {"m": "1 2; 3"}),
    ("rank", {"m": "1 x; y(2)) 3"}),
    ("rank", {"m": "1 2; 3 4", "how": "Type", "typed": "R2 - 3 R9"}),
    ("rank", {"view": "Other fields", "p": "91"}),
    ("rank", {"view": "Parameters", "pm": "k k k"}),
    ("rank", {"view": "What it gives", "gives": "Inverse", "m": "1 2; 2 4"}),
    ("thread", {"A": "1 2; 3"}),
    ("redundancy", {"task": "Features", "words": "one"}),
    ("truncation", {"layer": "77", "k": "99999"}),
    ("truncation", {"model": "nonsense"}),
    ("lora", {"x": "a word", "word": "?" * 300}),
    ("memory", {"config": "paste", "config_json": "{"}),
    ("article", {"said": "much"}),
    ("surgery", {"text": "my own", "own": ""}),
    ("lab", {"set": "my own", "lines": "?!"}),
    ("adapter", {"adapter": "nobody.zip"}),
]


def fields(message: Any) -> Iterator[tuple[str, str]]:
    """Every string of a protocol message by the name of its field."""
    for field, value in message.ListFields():
        each = value if field.is_repeated else [value]
        for one in each:
            if isinstance(one, str):
                yield field.name, one
            elif hasattr(one, "ListFields"):
                yield from fields(one)


def elements(block: Any) -> Iterator[Any]:
    for child in block.children.values():
        if hasattr(child, "children"):
            yield from elements(child)
            yield child
        else:
            yield child


def texts(spec: Any, key: str = "") -> Iterator[str]:
    """What is read in a chart."""
    if isinstance(spec, dict):
        for name, each in spec.items():
            yield from texts(each, name if not (name == "text" and key in DRAWN) else key)
    elif isinstance(spec, list):
        for each in spec:
            yield from texts(each, key)
    elif isinstance(spec, str) and key in DRAWN:
        yield spec


def said(app: AppTest) -> Iterator[str]:
    for area in (app.main, app.sidebar):
        for element in elements(area):
            proto = getattr(element, "proto", None)
            if proto is None:
                continue
            for name, each in fields(proto):
                if name == "spec" and each.startswith("{"):
                    yield from texts(json.loads(each))
                elif name in SAID:
                    yield each
    yield from frame(app)
    for table in (*app.dataframe, *app.table):
        yield from map(str, table.value.columns)


def english(app: AppTest) -> set[str]:
    """Stretches of two English words and more that nobody needs in English."""
    found = set()
    for each in said(app):
        prose = ALLOWED.sub(" · ", unescape(NO_PROSE.sub(" · ", each)))
        found |= set(ENGLISH.findall(prose))
    return found


def address(view: str) -> tuple[str, dict[str, str]]:
    parts = urlsplit(view)
    return parts.path.strip("/") or "start", dict(parse_qsl(parts.query))


@pytest.mark.slow
@pytest.mark.parametrize("language", OTHERS)
@pytest.mark.parametrize("view", sorted({*VIEWS} - {"glossary"}))  # that lists both languages
def test_no_english_sentence_stands_on_a_page_in_another_language(view, language, default_model):
    page, link = address(VIEWS[view])
    assert english(opened(page, lang=language, **link)) == set()


@pytest.mark.slow
@pytest.mark.parametrize("language", OTHERS)
@pytest.mark.parametrize(("page", "link"), NONSENSE)
def test_nor_where_the_input_is_nonsense(page, link, language, default_model):
    app = opened(page, lang=language, **link)
    assert not app.exception
    assert english(app) == set()


def test_the_scan_sees_english():
    """On the English page it finds the title and the labels: it could fail."""
    found = english(opened("rank", lang=SOURCE))
    assert any("How many rows remain" in each for each in found)
    assert "Start over" in found
