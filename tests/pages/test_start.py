"""Start: every page is a chapter, three doors lead in, and it knows where the visitor was."""

from lowrank.ui.layout import PAGES
from lowrank.ui.start import DOORS
from lowrank.ui.visits import known
from tests.pages import opening
from tests.pages.opening import ROOT


def links(app) -> list[str]:
    return [each.proto.label for each in app.get("page_link")]


def test_every_page_is_a_chapter_in_the_order_of_the_navigation():
    app = opening.opened("start")
    assert not app.exception
    titles = [title for file, title, _ in PAGES if file != "start"]
    assert [each for each in links(app) if each.startswith("Open ")] == [
        f"Open {title}" for title in titles
    ]
    numbered = [each.value for each in app.subheader if " · " in each.value]
    assert numbered == [f"{at} · {title}" for at, title in enumerate(titles, start=1)]


def test_each_door_is_a_path_of_links_whose_parameters_their_pages_know():
    app = opening.opened("start")
    said = "\n".join(each.value for each in app.markdown)
    for door, ways in DOORS.items():
        assert f"**{door}**" in said
        assert 3 <= len(ways) <= 5
        for way in ways:
            assert way.words in links(app)
            assert (ROOT / "pages" / f"{way.page}.py").exists()
            assert all(known(way.page, key) for key in way.link)


def test_it_marks_the_pages_that_were_visited_and_the_last_one():
    app = opening.opened("start")
    assert not badges(app)
    for page in ("rank", "article", "memory"):
        app.switch_page(str(ROOT / "pages" / f"{page}.py")).run()
    app.switch_page(str(ROOT / "pages" / "start.py")).run()
    assert badges(app) == ["Visited", "You were here last", "Visited"]


def badges(app) -> list[str]:
    """What the marks say, in the order of the chapters."""
    said = [each.value for each in app.markdown if "-badge[" in each.value]
    return [words for each in said for words in ("Visited", "You were here last") if words in each]
