"""A class that opens a server just started, all at once."""

import asyncio
from urllib.parse import urlsplit

import pytest

from lowrank.ui.layout import PAGES
from scripts.client import Visitor
from tests.browser.conftest import awaited, served

CLASS = 50


@pytest.mark.slow
def test_fifty_open_all_pages_of_a_server_just_started_and_none_sees_an_error(default_model):
    names = [name for name, _, _ in PAGES]

    async def student(port: int, at: int) -> list[str]:
        async with Visitor(port, patience=600) as visitor:
            page = names[at % len(names)]
            return [f"{page}: {error}" for error in (await visitor.open(page)).errors]

    async def lesson(port: int) -> list[list[str]]:
        return await asyncio.gather(*(student(port, at) for at in range(CLASS)))

    with served() as url:
        met = awaited(lesson(int(urlsplit(url).port or 0)))
    assert [error for errors in met for error in errors] == []
