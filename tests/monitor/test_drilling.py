"""Drilling down: the amounts of the rows are the number, as of any moment, at any place, page by page."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from models.monitor import Slice
from models.residents import Role
from models.territory import Operator, Scene
from rules.monitor.drilling import FactRow, Part, list_rows
from rules.monitor.reading import MeasureUnknown, SliceUnknown
from rules.operators import add_operator_staff
from rules.paging import Position
from tests.build import Person, add
from tests.monitor.small import FIRST, Past, days


def rows(
    past: Past,
    person: Person,
    as_of: datetime,
    name: str,
    first: int,
    last: int,
    *,
    at: int | None = None,
    limit: int = 2,
    **options: Any,
) -> list[FactRow]:
    """All rows, in pages of some."""
    found: list[FactRow] = []
    after: Position | None = None
    while True:
        asked = (past.reach(person, at), f"tests.{name}", days(first, last), as_of)
        page = past.read(person, list_rows, *asked, after=after, limit=limit, **options)
        assert len(page.items) <= limit
        found += page.items
        if page.next_after is None:
            return found
        assert all(isinstance(part, int) for part in page.next_after)
        after = page.next_after


@pytest.fixture
def late(past: Past) -> datetime:
    """A town with snapshots, to whose days something came later that no snapshot knows; the moment after."""
    past.at(0)
    for day in (0, 1, 1, 2):
        past.plan(day, places=10 + day, at=past.estate_id)
    past.plan(1, places=3, scene=Scene.HEALTH, at=past.town.other_community_id)
    past.at(2, 1)
    past.snapshot()
    past.at(2, 9)
    past.plan(1, places=100)  # late: of a day with a snapshot
    past.plan(2, places=5)
    return past.at(2, 14)


@pytest.mark.parametrize("name", ["sessions", "places", "made", "recent"])
def test_the_amounts_of_the_rows_are_the_number(past: Past, auditor: Person, late: datetime, name: str) -> None:
    past.clock.now = late + timedelta(minutes=1)
    for at in (None, past.town.street_id, past.town.community_id, past.estate_id, past.town.other_community_id):
        for first, last in ((0, 2), (1, 1), (2, 2), (0, 1)):
            listed = rows(past, auditor, late, name, first, last, at=at)
            assert sum(row.amount for row in listed) == past.number(auditor, late, first, last, name, at), (at, first)
            assert len({row.id for row in listed}) == len(listed)
            assert [(row.day, row.id) for row in listed] == sorted(((r.day, r.id) for r in listed), reverse=True)


def test_a_row_says_what_is_counted_where_and_when(past: Past, auditor: Person, late: datetime) -> None:
    [health] = [row for row in rows(past, auditor, late, "places", 0, 2) if row.scene == "health"]
    [planned] = [each for each in past.planned if each.scene is Scene.HEALTH]
    assert health == FactRow(
        planned.id,
        "session",
        FIRST + timedelta(days=1),
        past.town.other_community_id,
        "health",
        past.town.operator_id,
        str(past.town.venue_id),
        3,
    )


def test_what_came_late_is_listed_when_a_snapshot_has_counted_it(past: Past, auditor: Person, late: datetime) -> None:
    assert 100 not in {row.amount for row in rows(past, auditor, late, "places", 0, 2)}
    past.at(3, 1)
    past.snapshot()
    now = past.at(3, 2)
    assert 100 in {row.amount for row in rows(past, auditor, now, "places", 0, 2)}
    assert 100 not in {row.amount for row in rows(past, auditor, late, "places", 0, 2)}


def test_the_rows_of_a_key_and_of_both_sides_of_a_ratio(past: Past, auditor: Person, late: datetime) -> None:
    split = past.values(auditor, late, 0, 2, "places", "sessions", slice=Slice.SCENE)
    for key, values in split.items():
        of_key = {"slice": Slice.SCENE, "key": key}
        above = rows(past, auditor, late, "size", 0, 2, part=Part.ABOVE, **of_key)
        below = rows(past, auditor, late, "size", 0, 2, part=Part.BELOW, **of_key)
        assert sum(row.amount for row in above) == values["tests.places"].value
        assert sum(row.amount for row in below) == values["tests.sessions"].value
    assert set(split) == {"education", "health"}


def test_rows_are_for_those_who_see_the_number(past: Past, auditor: Person, late: datetime) -> None:
    manager = past.town.staff(Role.MANAGER, at=past.town.community_id)
    assert rows(past, auditor, late, "secret", 0, 2)
    with pytest.raises(MeasureUnknown):
        rows(past, manager, late, "secret", 0, 2, at=past.town.community_id)
    with pytest.raises(SliceUnknown):
        rows(past, auditor, late, "recent", 0, 2, slice=Slice.SCENE, key="health")
    inside = rows(past, manager, late, "places", 0, 2, at=past.town.community_id)
    assert {row.territory_id for row in inside} == {past.town.community_id, past.estate_id}


def test_staff_of_an_operator_see_the_rows_of_that_operator_alone(past: Past, auditor: Person, late: datetime) -> None:
    town = past.town
    rival = town.act(None, lambda work: add(work, Operator, name="别的运营"))
    past.activities[town.community_id, Scene.SERVICES] = town.activity(
        community_id=town.community_id, operator_id=rival, scene=Scene.SERVICES
    )
    past.plan(2, places=50, scene=Scene.SERVICES)
    clerk, of_rival = town.staff(Role.OPERATOR), {"slice": Slice.OPERATOR, "key": str(rival)}
    town.act(town.staff(Role.MANAGER), add_operator_staff, town.operator_id, clerk.id)
    assert [row.amount for row in rows(past, auditor, late, "places", 0, 2, **of_rival)] == [50]
    own = rows(past, clerk, late, "places", 0, 2)
    assert {row.operator_id for row in own} == {town.operator_id}
    assert sum(row.amount for row in own) == past.number(clerk, late, 0, 2, "places") > 0
    assert rows(past, clerk, late, "places", 0, 2, **of_rival) == []
