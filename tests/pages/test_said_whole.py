"""In a generated language nothing on a page is left in English: every sentence is looked up."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Block

from lowrank.ui import layout
from tests.pages.opening import opened
from tests.test_language import PSEUDO, catalogue, made, untranslated  # noqa: F401

VIEWS = [
    ("lora", {}),
    ("lora", {"model": "synthetic", "x": "Random", "start": "Zero", "r": "64"}),
    ("lab", {}),
    ("lab", {"init_lora_weights": "default", "lr_scheduler_type": "linear", "modules": "all"}),
    ("lab", {"show": "Alternatives"}),
    ("lab", {"show": "The paper's experiments"}),
    ("memory", {}),
    ("memory", {"count": "Inference", "kv": "8 bit"}),
    ("memory", {"count": "Training"}),
    ("memory", {"count": "Quantization"}),
    ("adapter", {}),
    ("adapter", {"adapter": "files of mine"}),
    ("article", {"said": "10 GB", "what": "all layers"}),
]
READ = ("body", "label", "help", "alt", "placeholder", "options", "spec")
SAME = re.compile(  # in every language: scripts, what PEFT prints, commands, a model's name
    r"<script>.*?</script>|(trainable|all) params|python scripts/\w+|Mistral Small", re.DOTALL
)


def read(app: AppTest) -> Iterator[str]:
    """Whatever a visitor can read, or have read aloud."""

    def within(part: Any, name: str = "") -> Iterator[str]:
        if isinstance(part, dict):
            for key, each in part.items():
                yield from within(each, key)
        elif isinstance(part, list):
            for each in part:
                yield from within(each, name)
        elif isinstance(part, str) and name in READ:
            spec = name == "spec"
            yield json.dumps(json.loads(part), ensure_ascii=False) if spec else part

    def below(block: Block) -> Iterator[str]:
        for child in block.children.values():
            if child.proto is not None:
                yield from within(MessageToDict(child.proto))
            if isinstance(child, Block):
                yield from below(child)

    yield from below(app._tree)


@pytest.fixture
def prose(monkeypatch: pytest.MonkeyPatch) -> None:
    """All prose translated, too."""
    source = layout.sections
    monkeypatch.setattr(
        layout,
        "sections",
        lambda name, language="en": {key: f"⟦{body}⟧" for key, body in source(name).items()},
    )


@pytest.mark.parametrize(("page", "link"), VIEWS)
def test_nothing_is_left_in_english(catalogue, prose, page, link):  # noqa: F811
    app = opened(page, lang=PSEUDO, **link)
    assert not app.exception
    said = list(read(app))
    assert sum("⟦" in words for words in said) > 20
    assert not any("link asks for" in words for words in said)
    left = {words[:200]: untranslated(SAME.sub("", words)) for words in said}
    assert {words: english for words, english in left.items() if english} == {}
