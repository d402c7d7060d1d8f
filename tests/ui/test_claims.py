"""The numbers in a page's prose and docs/claims.toml say the same, and what can be computed is."""

import ast
import importlib
import re
import tomllib
from inspect import getsource
from pathlib import Path
from types import FunctionType

import numpy as np
import pytest

from lowrank.language import SOURCE
from lowrank.llama.config import SMOLLM2_135M
from lowrank.llama.names import LINEAR
from lowrank.memory.accounting import RESERVE, fitting
from lowrank.memory.published import PUBLISHED
from lowrank.spectra.measures import rank_at_energy
from lowrank.spectra.svd import break_even_rank, singular_values
from lowrank.surgery import recorded
from lowrank.ui.layout import TEXT_FOLDER, sections
from lowrank.ui.surgery.sensitivity import learnt
from tests.pages.opening import ROOT
from tests.test_notation import strings

CLAIMS = tomllib.loads((ROOT / "docs" / "claims.toml").read_text(encoding="utf-8"))
PAGES = sorted(path.stem for path in (TEXT_FOLDER / SOURCE).glob("*.md"))
# Two digits, a share or a number of bits are a claim; a lone digit counts or names something.
NUMBER = re.compile(r"(?<![\w.])\d[\d,]*(?:\.\d+)?(?:\s?%|\sbits)?")
# So is a number in words from five on, a fraction, or a multiple.
COUNT = "five|six|seven|eight|nine|ten|eleven|twelve|twenty"
FEW = f"an?|one|two|three|four|{COUNT}"
PARTS = "thirds?|quarters?|fifths?|sixths?|eighths?|tenths?|sixteenths?|hundredths?|thousandths?"
GREAT = "dozens?|hundreds?|thousands?|millions?|billions?"
WORDS = re.compile(
    rf"(?<!\d )\b(?:(?:(?:one|a) )?half|(?:{FEW}) (?:{PARTS})|twice (?:as|the)|doubles?"
    rf"|(?:two|three|four|{COUNT}) times(?: as)?"
    rf"|(?:(?:an?|one|few) )?(?:{GREAT})(?: (?:{GREAT}))?|{COUNT})\b",
    re.IGNORECASE,
)
ROOMS = ("exact", "figures", "llama", "lora", "memory", "readers", "spectra", "surgery", "ui")
PLACE = re.compile(r"\{\w+(?:![rsa])?(?::[^{}]*)?\}")
CODE = re.compile(r"\{[^}]*\}|`[^`]*`")
COMPUTED = [
    (page, section, said, expression)
    for page, parts in CLAIMS.items()
    for section, claim in parts.items()
    for said, expression in claim.get("computed", {}).items()
]


def stated(prose: str) -> set[str]:
    """The numbers that a section claims."""
    prose = CODE.sub("", prose)
    found = (x.rstrip(",") for x in NUMBER.findall(prose))
    said = (each.group().lower() for each in WORDS.finditer(prose))
    return {x for x in found if re.search(r"\d.*\d|%|bits", x)} | set(said)


def said_by(path: Path) -> str:
    """The sentences in a module's strings: not its docstrings, its styles, or code that it shows.

    A place for a computed value is a gap.
    """
    words = [PLACE.sub("\n", each) for each in strings(path)]
    return "\n".join(w for w in words if " " in w and not re.search(r"[<{;]|import |\\", w))


@pytest.mark.parametrize("page", PAGES)
def test_every_number_in_prose_is_listed_with_its_source_and_every_listed_one_is_there(page):
    prose = {section: stated(body) for section, body in sections(page).items()}
    claims = CLAIMS.get(page, {}).items()
    listed = {section: set(claim["numbers"]) for section, claim in claims if claim["numbers"]}
    assert {section: found for section, found in prose.items() if found} == listed
    assert all(claim["source"] for claim in CLAIMS.get(page, {}).values())


def test_every_number_in_a_sentence_of_the_code_is_listed_too():
    """Sentences that the pages put together: the same rule, by module."""
    paths = sorted([*ROOT.glob("pages/*.py"), *ROOT.glob("lowrank/ui/**/*.py")])
    found = {str(path.relative_to(ROOT)): stated(said_by(path)) for path in paths}
    listed = {module: set(claim["numbers"]) for module, claim in CLAIMS["sentences"].items()}
    assert {module: numbers for module, numbers in found.items() if numbers} == listed


@pytest.mark.parametrize(
    ("prose", "found"),
    [
        ("a third to a sixteenth, two thirds, one half", {"a third", "a sixteenth", "two thirds"}),
        ("A quarter of it takes five cards.", {"a quarter", "five"}),
        ("a thousand times smaller", {"a thousand"}),
        ("twice the rank, three times as wide", {"twice the", "three times as"}),
        ("one part in a thousand million", {"a thousand million"}),
        ("The third row of the two is read once more.", set()),
        ("75 to 83 %, in 4 bits", {"75", "83 %", "4 bits"}),
    ],
)
def test_numbers_are_found_in_digits_and_in_words(prose, found):
    assert stated(prose) - {"one half"} == found


@pytest.mark.parametrize(("page", "section", "said", "expression"), COMPUTED)
def test_what_can_be_computed_is_what_is_said(page, section, said, expression):
    names = {"np": np}
    for room in ROOMS:
        names[room] = importlib.import_module(f"lowrank.{room}")
    for module in re.findall(rf"\b(?:{'|'.join(ROOMS)})(?:\.[a-z_]+)*(?=\.)", expression):
        importlib.import_module(f"lowrank.{module}")
    value = eval(expression, names)
    if re.search(r"\d", said):
        assert value == float(re.sub(r"[^\d.]", "", said))
    else:
        assert value == pytest.approx(worth(said), rel=0.01)


def worth(said: str) -> float:
    """The value of a number in words.

    >>> worth("two thirds"), worth("a sixteenth"), worth("eight"), worth("a million")
    (0.6666666666666666, 0.0625, 8.0, 1000000.0)
    """
    ones = ["an", "a", "one", "two", "three", "four", *COUNT.split("|")]
    values = dict(zip(ones, (1, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 20), strict=True))
    parts = {"half": 2, "third": 3, "quarter": 4, "sixteenth": 16, "thousandth": 1000}
    great = {"dozen": 12, "hundred": 100, "thousand": 1000, "million": 10**6}
    found = 1.0
    for word in said.split():
        singular = word.removesuffix("s")
        if singular in parts:
            found /= parts[singular]
        else:
            found *= great.get(singular) or values[word]
    return found


def test_what_others_said_stands_where_the_table_says():
    for page, parts in CLAIMS.items():
        for section, claim in parts.items():
            for statement in claim.get("says", ()):
                assert statement in sections(page)[section], (page, section)
                assert re.search(r"arXiv|tests?/|[A-Z]\w+ .*\d{4}", claim["source"]), statement


def test_the_exceptions_named_are_the_exceptions_of_the_default_model(default_model):
    named = [(0, "q_proj"), (0, "k_proj"), (18, "k_proj"), (23, "k_proj")]
    others = [(14, "q_proj"), (17, "k_proj"), (14, "v_proj"), (14, "up_proj")]
    for layer, kind in (*named, *others):
        part = "self_attn" if kind[0] in "qkv" else "mlp"
        W = default_model.read(f"model.layers.{layer}.{part}.{kind}.weight")
        below = rank_at_energy(singular_values(W).s, 0.99) < break_even_rank(*W.shape)
        assert below == ((layer, kind) in named), (layer, kind)


RIGHT = {
    "start": [
        "the largest number of its rows of which none is a combination of the rest",
        "LoRA leaves W₀ as it is and allows only *changes* of low rank; often they suffice.",
        "features that words differ in",
        "A few long measurements are stored, and the pages say which.",
        "Q4_1, 5 bits with the constants",
    ],
    "redundancy": ["allows only *changes* of low rank, which often suffice"],
    "truncation": ["is a hypothesis of the LoRA paper", "This is said of this model only"],
    "lab": [
        "Training changes A by a good part of its size",
        "below 1 nothing is amplified",
        "about ‖ΔW‖√(mn)/(r‖W‖)",
        "as a geometric mean over the tokens",
        "bring no more knowledge than they state",
        "For LoRA on large language models 0.0001 to 0.0005 is usual.",
        "stay on the way of every token",
    ],
    "memory": [
        "Only the inputs of frozen matrices need not be kept",
        "they do not compute in bfloat16",
        "a card sold as 8 GB has 8.59",
        "half more, since its backward pass computes no gradients of frozen weights",
        "gate and up are 11008 × 4096",
        "The learning rate is a single number and needs no memory.",
        "16 bytes a parameter, in float32 as in mixed precision",
        "makes the plain norm of the error only a little smaller",
    ],
    "surgery": ["half the rank is break-even: nothing is saved there", "as a geometric mean"],
    "geometry": ["the parallelepiped with the columns as edges"],
    "rank": ["maps Row A one-to-one onto Col A", "distances below the tolerance count as zero"],
    "adapter": ["a smaller r might have been enough"],
    "atlas": ["how the weights were initialised and, in a quantised file, from rounding"],
    "parameters": ["How does the rank depend on the letters?"],
    "quiz": ["any other step that makes the same progress"],
}
WRONG = """
    is of low rank is the change
    training moves a little
    one half on average
    no new knowledge
    a quarter or an eighth
    helps little
    computed as you look
    would have done
    any that does as much
    taken for zero
    the first below that has one
    directions in which word vectors differ
    must still pass through
    trained weight matrices seldom
""".strip()


@pytest.mark.parametrize("page", RIGHT)
def test_sentences_that_were_wrong_are_right(page):
    prose = "\n".join(sections(page).values())
    assert [said for said in RIGHT[page] if said not in prose] == []


def test_nothing_says_again_what_was_wrong():
    paths = [*ROOT.glob("pages/*.py"), *ROOT.glob("lowrank/ui/**/*.py")]
    said = [said_by(path) for path in paths]
    said += ["\n".join(sections(page).values()) for page in PAGES]
    everything = "\n".join(said).lower()
    assert [each for each in map(str.strip, WRONG.splitlines()) if each in everything] == []


def test_what_the_stored_map_teaches_is_in_its_numbers():
    shapes = {kind: SMOLLM2_135M.projection_shape(kind) for kind in LINEAR}
    assert [k for k, shape in shapes.items() if shape[0] == shape[1]] == ["q_proj", "o_proj"]
    curves = recorded.together().curves("plain")
    assert f"{dict(curves['k_proj'])[0.5]:.2f}" == "0.23"
    for kind, points in curves.items():
        assert f"{dict(points)[0.5]:.2f}" in learnt(), kind


def test_the_functions_that_pages_show_are_short_enough_to_read():
    """On one or two screens each, docstring and all, as the first page says."""
    imported = re.compile(r"lowrank\.(?!ui\b)")
    for path in [*ROOT.glob("pages/*.py"), *ROOT.glob("lowrank/ui/rank/*.py")]:
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ImportFrom) and imported.match(node.module or ""):
                room = importlib.import_module(str(node.module))
                for function in (getattr(room, each.name, None) for each in node.names):
                    if isinstance(function, FunctionType):
                        assert len(getsource(function).splitlines()) <= 70, function


def test_shares_in_words_are_those_of_the_listed_models():
    grouped = [
        c.num_key_value_heads / c.num_attention_heads
        for c in PUBLISHED.values()
        if c.num_key_value_heads < c.num_attention_heads
    ]
    assert (max(grouped), min(grouped)) == (1 / 2, 1 / 16)
    prose = sections("memory")
    assert "a half to a sixteenth of the full length" in prose["inference"]
    assert "five cards of 80 GB" in prose["inference"]
    assert "or three of the largest card listed here" in prose["inference"]
    assert -(-352_494_542_848 // (80 * 2**30 - RESERVE)) == 5
    assert fitting(352_494_542_848) == ("141 GB (H200)", 3)
