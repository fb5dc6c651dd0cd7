"""The first page of the demo town: all that residents expect of it, in twelve statements at most."""

from __future__ import annotations

from dataclasses import replace

from bench.measuring import counting
from demo.seed import TOWN_ID
from models.search import FoundKind
from rules.home import Home, show_home
from rules.residents.identity import identify
from rules.residents.tokens import Owner
from rules.search.finding import SearchWish, search
from rules.work import SYSTEM, VISITOR, ActorKind, Work
from tests.demo.conftest import Demo

STATEMENTS_MAX = 12


def first_page(demo: Demo, resident_id: int) -> tuple[Home, int]:
    """What a resident sees, and how many statements it took, the proof of who asks included."""

    def deed(work: Work) -> Home:
        return show_home(replace(work, actor=identify(work, Owner(ActorKind.RESIDENT, TOWN_ID, resident_id, 1))), "zh")

    demo.transactions.read(TOWN_ID, SYSTEM, deed)  # what a process asks once
    with counting(demo.transactions.engine) as heard:
        page = demo.transactions.read(TOWN_ID, SYSTEM, deed)
    return page, len(heard)


def test_the_first_page_takes_twelve_statements_at_most(demo: Demo) -> None:
    pages = []
    for number in range(1, 30):
        page, statements = first_page(demo, demo.resident_id(number))
        assert statements <= STATEMENTS_MAX
        assert None not in (page.community, page.points, page.unread)
        pages.append(page)
    assert any(page.community.centres for page in pages if page.community)
    assert any(page.points.balance for page in pages if page.points)
    assert any(page.today for page in pages)


def test_a_visitor_of_the_demo_town_finds_what_is_there(demo: Demo) -> None:
    page = demo.transactions.read(TOWN_ID, VISITOR, show_home, "zh")
    counts = {entry.kind: entry.count for entry in page.entries}
    assert counts[FoundKind.COMMUNITY] == 3
    assert counts[FoundKind.ESTATE] == 5
    assert min(counts[FoundKind.ACTIVITY], counts[FoundKind.VENUE]) > 0
    for typed in ("星民", "xmsq", "xingmin"):
        groups = demo.transactions.read(TOWN_ID, VISITOR, search, SearchWish(typed)).groups
        assert "星民社区" in {
            item.title for group in groups for item in group.items if group.kind is FoundKind.COMMUNITY
        }
