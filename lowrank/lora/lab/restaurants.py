"""A small task of the E2E kind, made here: facts about a restaurant, and a sentence that says them.

The LoRA paper's table 18 uses the E2E challenge (Novikova et al. 2017); this is no part of it, only
of its form. Names, foods and patterns are drawn at random, so no held-out line is a training line.
"""

import numpy as np

from lowrank.lora.training_examples import Example, Words

NAMES = (
    "Blue Heron", "Copper Pot", "Old Ferry", "Lemon Tree", "Quiet Fox", "Red Door", "Salt House",
    "Three Pines", "Tin Kettle", "White Gate", "Amber Room", "Night Owl", "Paper Moon", "Oak Stove",
)  # fmt: skip
FOODS = ("French", "Indian", "Italian", "Chinese", "Mexican", "English", "Japanese", "Greek")
AREAS = {"river": "by the river", "centre": "in the city centre", "harbour": "down at the harbour"}
PRICES = {"low": "cheap", "middle": "moderately priced", "high": "expensive"}
RATINGS = {"1": "guests are not happy with it", "3": "guests find it fair", "5": "guests love it"}


def lines(count: int, seed: int = 0) -> list[tuple[str, str]]:
    """So many different pairs of facts and a sentence; equal seeds give equal ones.

    >>> lines(1)[0][0].split(" | ")[1].startswith("food: ")
    True
    """
    rng, found = np.random.default_rng([seed, 7]), dict[str, str]()
    while len(found) < count:
        facts, sentence = line(rng)
        found.setdefault(facts, sentence)
    return list(found.items())


def line(rng: np.random.Generator) -> tuple[str, str]:
    """One restaurant: its facts in a fixed order, and one of six ways to say them."""
    name, food = str(rng.choice(NAMES)), str(rng.choice(FOODS))
    area, price, rating = (str(rng.choice(list(of))) for of in (AREAS, PRICES, RATINGS))
    where, cost, liked = AREAS[area], PRICES[price], RATINGS[rating]
    facts = f"name: {name} | food: {food} | area: {area} | price: {price} | rating: {rating}"
    ways = (
        f"The {name} is a {cost} {food} restaurant {where}; {liked}.",
        f"If you want {food} food {where}, try the {name}. It is {cost}, and {liked}.",
        f"{where.capitalize()} you find the {name}, which serves {cost} {food} dishes; {liked}.",
        f"The {name} cooks {food} food. It is {cost} and lies {where}; {liked}.",
        f"There is a place for {food} food {where}: the {name}. It is {cost}, and {liked}.",
        f"The {name}, {where}, is {cost}. The kitchen is {food}, and {liked}.",
    )
    return facts, ways[int(rng.integers(len(ways)))]


def examples(tokenizer: Words, pairs: list[tuple[str, str]]) -> list[Example]:
    """Facts, an arrow and the sentence as one text; the sentence is what counts in the loss."""
    found = []
    for facts, sentence in pairs:
        given, wanted = tokenizer.begin(f"{facts} =>"), tokenizer.encode(f" {sentence}")
        mask = (*(False for _ in given), *(True for _ in wanted))
        found.append(Example((*given, *wanted), mask))
    return found
