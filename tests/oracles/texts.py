"""The texts that the oracles record, and many strings that are hard on a tokenizer."""

import random

TEXTS = {
    "english": "The rank of a matrix is the number of linearly independent rows. It never exceeds "
    "the smaller of its two sides, and a product has at most the rank of either factor.",
    "french": "Le rang d'une matrice est la dimension de l'espace engendré par ses lignes. Une "
    "matrice de faible rang se résume à quelques directions, et l'on peut en oublier le reste.",
    "german": "Der Rang einer Matrix ist die Anzahl ihrer unabhängigen Zeilen. Wer hätte gedacht, "
    "dass sich große Sprachmodelle mit so wenigen Zahlen umschulen lassen?",
    "spanish": "¿Cuántas filas de esta matriz son independientes? Si el rango es pequeño, bastan "
    "unas pocas combinaciones para reconstruirla entera.",
    "code": "def rank(rows):\n    pivots = 0\n    for column in range(len(rows[0])):\n"
    "        if any(row[column] for row in rows[pivots:]):\n            pivots += 1\n"
    "    return pivots\n",
    "numbers": "3 + 4 = 7, 12 * 12 = 144, 2^10 = 1024, and 1/3 is about 0.333.",
    "chat": "<|im_start|>user\nWhat is the capital of France?<|im_end|>\n<|im_start|>assistant\n",
}

BY_HAND = [
    "",
    " ",
    "  ",
    "   \t  \n\n \r\n",
    "a",
    "Hello, world!",
    " leading and trailing ",
    "don't I'll we've they're it's I'd I'm",
    "DON'T I'LL WE'VE",
    "year 2024 and 1234567890",
    "3.14159, 1e-9, 0x7fff, 10%",
    "x² + y³ = ½, Ⅷ, ٣٤٥, 一二三, ①②",
    "naïve café résumé — “quoted” … ‘single’",
    "cafe\u0301 (combining), caf\u00e9 (composed)",
    "日本語のテキストです。漢字とかな。",
    "中文文本，没有空格。",
    "한국어 문장입니다.",
    "Привет, мир! Как дела?",
    "مرحبا بالعالم",
    "שלום עולם",
    "नमस्ते दुनिया",
    "สวัสดีชาวโลก",
    "😀 😃😄 👩‍👩‍👧‍👦 🇫🇷 👍🏽 ❤️",
    "🤖" * 5,
    "𝕳𝖊𝖑𝖑𝖔 𐍈 \U0001f9ec",
    "def f(x):\n\treturn x ** 2  # comment\n",
    '<div class="a">&nbsp;</div>',
    "SELECT * FROM t WHERE a <> 'b';",
    '{"key": [1, 2, {"n": null}]}',
    "https://example.org/a?b=c&d=%20#e",
    "C:\\Users\\name\\file.txt",
    "\x00\x01\x02\x07\x08\x0b\x0c\x1b\x7f",
    "a\x00b",
    "\u200b\u200d\ufeff\u00a0\u2028\u2029\u3000",
    "tabs\t\tand\ttabs",
    "many      spaces     here",
    "\n\n\n\nnew lines\n \n  \n",
    "ALLCAPS lowercase MixedCase snake_case kebab-case",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "!!!???...,,,;;;:::",
    "(((([[[[{{{{<<<<>>>>}}}}]]]]))))",
    "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n",
    "<|endoftext|>",
    "<|im_start|><|im_end|>",
    " <|im_start|> ",
    "<|im_start",
    "<|IM_START|>",
    "<repo_name>x<file_sep>y<jupyter_code>",
    "<empty_output><issue_start>text<issue_closed>",
    "antidisestablishmentarianism floccinaucinihilipilification",
    "\\frac{1}{2} \\sum_{i=1}^{n} x_i^2",
    "R2 − 3/2 R1 → R2",
]
ALPHABETS = [
    "abcdefghijklmnopqrstuvwxyz     ",
    "ABCxyz0123456789 .,-_/\\",
    "éèêëàâçñüößøåœæ '’",
    "あいうえおカキク漢字日本語 。、",
    "的一是不了人我在有他这为之大来以个中上们",
    "😀😃🤖👍🏽\u200d❤️🇩🇪🇯🇵 ",
    " \t\n\r\u00a0\u3000",
    "\x00\x01\x02\x0e\x1b\x7f\x80\x9f ab",
    "(){}[]<>=+-*/%&|^~!?:;.,\"'`@#$ \n\t",
    "абвгдежзийклмнопрстуфхцчшщъыьэюя .",
    "אבגדהوابتثเปิดกขคनमस्तेहि ",
    "0123456789²³½٣٤一二Ⅷ ",
    "<|im_start|> <|im_end|>\n",
]


def strings() -> list[str]:
    """The hand-written ones, and some three hundred drawn from many alphabets, always the same."""
    rng = random.Random(0)
    drawn = [
        "".join(rng.choices(alphabet, k=rng.randint(1, 40)))
        for alphabet in ALPHABETS
        for _ in range(20)
    ]
    mixed = [
        "".join(rng.choice(rng.choice(ALPHABETS)) for _ in range(rng.randint(1, 60)))
        for _ in range(80)
    ]
    return [*BY_HAND, *TEXTS.values(), *drawn, *mixed]
