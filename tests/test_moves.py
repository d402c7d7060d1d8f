"""What a move sends: what the browser has is not sent again, however much of it there is."""

import random
from urllib.parse import urlencode, urlsplit

import pytest

from scripts.client import Visitor
from tests.browser.conftest import awaited, served

MOST = 20_000  # bytes a move
SIDE = 12


@pytest.mark.slow
def test_a_move_of_a_long_derivation_sends_little_and_the_script_and_style_once():
    rng = random.Random(0)
    rows = (" ".join(str(rng.randint(-9, 9)) for _ in range(SIDE)) for _ in range(SIDE))
    address = f"rank?{urlencode({'how': 'Type', 'm': '; '.join(rows)})}"

    async def student(port: int) -> tuple[list[int], int]:
        async with Visitor(port, patience=600) as visitor:
            opened = await visitor.open(address)
            moves = []
            for _ in range(40):
                (step,) = visitor.here("button", "Do this step")
                moves.append(await visitor.press(step))
            (field,) = visitor.here("text_input", "Your next operation")
            moves.append(await visitor.type(field, "R1 <-> R2"))
            assert not any(answer.errors for answer in (opened, *moves))
            return [answer.sent for answer in moves], opened.sent

    with served() as url:
        moves, opened = awaited(student(int(urlsplit(url).port or 0)))
    assert opened > 2 * MOST  # with what is kept from then on
    assert max(moves[:24]) <= MOST, str(moves)
    assert max(moves) <= 1.1 * MOST, str(moves)  # 40 moves, their reasons and address are longer
